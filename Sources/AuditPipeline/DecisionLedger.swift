import FlowModel
package import FlowStorage
package import Rollout

/// Decisions in the store.
package struct DecisionLedger: Sendable {
  private let store: any AuditStore

  /// Makes a ledger on a store.
  package init(store: any AuditStore) { self.store = store }

  /// All decisions in the order made.
  package func all() async throws -> [ReviewDecision] {
    try await store.decisions().compactMap { stored in
      guard let source = DecisionEnd(text: stored.source),
        let destination = DecisionEnd(text: stored.destination),
        let transport = TransportProtocol(stored.transport),
        let verdict = ReviewDecision.Verdict(rawValue: stored.verdict)
      else { return nil }
      return ReviewDecision(
        verdict,
        DecisionKey(
          source: source,
          destination: destination,
          transport: transport,
          port: stored.port
        ),
        reason: stored.reason,
        who: stored.actor,
        time: stored.time,
        until: stored.until
      )
    }
  }

  /// Stores decisions in one transaction.
  package func append(_ decisions: [ReviewDecision]) async throws {
    try await store.append(
      decisions.map { decision in
        StoredDecision(
          source: decision.key.source.description,
          destination: decision.key.destination.description,
          transport: decision.key.transport.description,
          port: decision.key.port,
          verdict: decision.verdict.rawValue,
          reason: decision.reason,
          actor: decision.who,
          time: decision.time,
          until: decision.until
        )
      }
    )
  }
}
