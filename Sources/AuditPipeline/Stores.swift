package import FlowStorage

/// The two stores every step works on.
package struct Stores: Sendable {
  /// Flows and edges.
  package var flows: any FlowStore
  /// Inventory, decisions, proposals, rollout.
  package var audit: any AuditStore

  /// Makes a pair.
  package init(flows: any FlowStore, audit: any AuditStore) {
    self.flows = flows
    self.audit = audit
  }
}
