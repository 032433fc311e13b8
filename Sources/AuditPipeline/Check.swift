package import FlowAggregation
import FlowModel
package import PolicyEvaluation
package import PolicyModel

/// What policies would do to one stored connection.
package struct CheckedConnection: Sendable {
  /// The connection.
  package var connection: ObservedConnection
  /// The decision; the worst one over the label sets of both ends.
  package var decision: Decision
}

/// What replaying stored connections against policies showed.
package struct CheckResult: Sendable {
  /// Every accepted connection with its decision, sorted by words.
  package var connections: [CheckedConnection]
  /// Rules that no accepted connection needs.
  package var unusedRules: [RuleReference]

  /// Connections that would be denied.
  package var denied: [CheckedConnection] { connections.filter { !$0.decision.allowed } }
}

/// Replays stored connections against policies.
package struct Check: Sendable {
  private let evidence: Evidence
  private let reader: EvidenceReader
  private let engine: EngineSemantics?

  /// Makes a check.
  package init(_ evidence: Evidence, reader: EvidenceReader, engine: EngineSemantics?) {
    self.evidence = evidence
    self.reader = reader
    self.engine = engine
  }

  /// Decides about every accepted connection.
  ///
  /// - Parameter namespaces: Only connections with an end in one of them; nil for all.
  package func run(_ policies: PolicySet, namespaces: [String]?) -> CheckResult {
    var universe = makeUniverse()
    let wanted = evidence.connections.filter { connection in
      connection.isAccepted
        && (namespaces.map { $0.contains { evidence.touches(connection, $0) } } ?? true)
    }
    let variants = wanted.map { connection in
      universe.connections(
        connection.source,
        connection.destination,
        connection.key.transport,
        connection.key.port
      )
    }
    let replayed = Replay(
      policies: policies,
      endpoints: universe.endpoints,
      connections: variants.flatMap { $0 },
      engine: engine
    ).decide()
    var checked: [CheckedConnection] = []
    checked.reserveCapacity(wanted.count)
    var next = 0
    for (connection, variants) in zip(wanted, variants) {
      let decisions = replayed.decisions[next..<next + variants.count]
      next += variants.count
      guard let worst = decisions.first(where: { !$0.allowed }) ?? decisions.last else { continue }
      checked.append(CheckedConnection(connection: connection, decision: worst))
    }
    return CheckResult(connections: checked, unusedRules: replayed.unusedRules)
  }

  /// The universe of the evidence, external peers included.
  package func makeUniverse() -> PolicyUniverse {
    var universe = PolicyUniverse(
      workloads: evidence.workloads,
      names: evidence.workloadNames,
      namespaceLabels: PolicyUniverse.namespaceLabels(reader.inventory),
      addresses: PolicyUniverse.podAddresses(reader.inventory)
    )
    for connection in evidence.connections {
      _ = universe.indices(of: connection.source)
      _ = universe.indices(of: connection.destination)
    }
    return universe
  }
}
