package import FlowAggregation
import FlowModel
import FlowStorage
package import Rollout

/// A connection that was denied, or would have been, since a watch began.
package struct WatchDenial: Sendable {
  /// The connection as it was since then; its class says denied or would-deny.
  package var connection: ObservedConnection
  /// What a person decided about it; nil when nobody did.
  package var decision: ReviewDecision?
  /// Whether it still waits for somebody: undecided, or accepted and denied after that.
  package var isOpen: Bool
}

/// Finds denials since a watch began.
///
/// They are looked for by themselves: over the weeks a connection that was allowed for long counts as
/// allowed, and just these must not be missed when enforcement breaks them.
struct WatchDenials {
  let stores: Stores
  let decisions: DecisionSet

  /// The denials of a namespace, sorted by their words.
  func find(
    _ rollout: NamespaceRollout,
    since start: Int64,
    now: Int64,
    in evidence: Evidence
  ) async throws -> [WatchDenial] {
    guard start <= now else { return [] }
    let first = Timestamps.floor(start, to: Timestamps.hour) / Timestamps.hour
    let last = Timestamps.floor(now, to: Timestamps.hour) / Timestamps.hour
    let edges = try await stores.flows.edges(
      EdgeQuery(namespace: rollout.namespace, hours: first..<last + 1)
    ).filter { edge in
      (edge.evidence == .denied || edge.evidence == .wouldDeny)
        && edge.tally.lastMicroseconds >= start && edge.tally.firstMicroseconds <= now
    }
    return evidence.folding.fold(edges).connections.map { connection in
      let decision = decisions.decision(for: evidence.decisionKey(connection), at: now)
      return WatchDenial(
        connection: connection,
        decision: decision,
        isOpen: isOpen(connection, decision, rollout)
      )
    }
  }

  private func isOpen(
    _ connection: ObservedConnection,
    _ decision: ReviewDecision?,
    _ rollout: NamespaceRollout
  ) -> Bool {
    switch decision?.verdict {
    case nil, .undo: return true
    case .reject: return false
    case .accept:
      // Accepting does not allow it: rules must be written and applied. What came before is settled.
      let settled = max(decision?.time ?? .min, rollout.writtenSince ?? .min)
      return connection.tally.lastMicroseconds >= settled
    }
  }
}
