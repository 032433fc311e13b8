package import ClusterInventory
import FlowModel
package import Rollout

/// Tells from the inventory which namespaces of the rollout are gone from the cluster or are back.
package enum NamespacePresence {
  /// The events that the newest list of namespaces gives rise to, sorted by namespace.
  ///
  /// Only a list of several namespaces proves that one is gone; pods may be away for a while.
  ///
  /// - Parameter who: Who added the inventory.
  package static func changes(
    _ state: RolloutState,
    _ inventory: Inventory,
    who: String
  ) -> [RolloutEvent] {
    state.namespaces.compactMap { rollout in
      let name = rollout.namespace
      guard rollout.stage != .assess || rollout.vanishedSince != nil else { return nil }
      for header in inventory.headers.reversed() {
        let isThere = header.covered.values.contains { $0.contains(name) }
        let isListed = (header.covered["Namespace"]?.count ?? 0) > 1
        guard isThere || isListed else { continue }
        guard isThere != (rollout.vanishedSince == nil) else { return nil }
        return RolloutEvent(
          // A snapshot may be older than the last step; the finding is not.
          time: max(header.time, state.history.last?.time ?? header.time),
          who: who,
          action: isThere ? .comeBack : .vanish,
          namespace: name,
          reason: "as the inventory of \(Timestamps.text(header.time)) shows"
        )
      }
      return nil
    }
  }

  /// Records what the inventory shows.
  ///
  /// - Returns: What was recorded.
  package static func record(_ stores: Stores, who: String) async throws -> [RolloutEvent] {
    let ledger = RolloutLedger(store: stores.audit)
    var state = try await ledger.state()
    guard !state.namespaces.isEmpty else { return [] }
    let inventory = try await InventoryFiles(store: stores.audit).load()
    let events = changes(state, inventory, who: who)
    for event in events { state = try await ledger.apply(event, to: state).state }
    return events
  }
}
