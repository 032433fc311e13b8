package import FlowAggregation
package import FlowModel
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
    let replayed = wanted.map { connection in
      universe.connections(
        connection.source,
        connection.destination,
        connection.key.transport,
        connection.key.port
      )
    }
    var matrix = PolicyMatrix(
      policies: policies,
      endpoints: universe.endpoints,
      engine: engine
    )
    var checked: [CheckedConnection] = []
    var used: Set<RuleReference> = []
    for (connection, variants) in zip(wanted, replayed) {
      var worst: Decision?
      for variant in variants {
        let decision = matrix.decide(
          source: variant.source,
          destination: variant.destination,
          transport: variant.transport,
          port: variant.port
        )
        for rule in [decision.egress.rule, decision.ingress.rule] {
          if let rule { used.insert(rule) }
        }
        if worst == nil || !decision.allowed { worst = decision }
      }
      if let worst { checked.append(CheckedConnection(connection: connection, decision: worst)) }
    }
    let result = Replay(
      policies: policies,
      endpoints: universe.endpoints,
      connections: replayed.flatMap { $0 },
      engine: engine,
      grantLimit: 0
    ).run()
    return CheckResult(connections: checked, unusedRules: result.unusedRules)
  }

  /// The universe of the evidence, external peers included.
  package func makeUniverse() -> PolicyUniverse {
    var universe = PolicyUniverse(
      workloads: evidence.workloads,
      names: evidence.workloadNames,
      namespaceLabels: PolicyUniverse.namespaceLabels(reader.inventory)
    )
    for connection in evidence.connections {
      _ = universe.indices(of: connection.source)
      _ = universe.indices(of: connection.destination)
    }
    return universe
  }

  /// Explains what would happen to a connection between two ends in words.
  ///
  /// - Parameters:
  ///   - source: A workload's name (`shop/web`), an address or a DNS name; `destination` likewise.
  /// - Returns: nil for an end that is no workload, address or name known.
  package func explain(
    from source: String,
    to destination: String,
    transport: TransportProtocol,
    port: UInt16,
    policies: PolicySet
  ) -> Explanation? {
    let universe = makeUniverse()
    guard let from = endpoint(source, universe), let to = endpoint(destination, universe) else {
      return nil
    }
    return PolicyEvaluator(policies: policies, engine: engine).explain(
      PolicyConnection(source: from, destination: to, transport: transport, port: port)
    )
  }

  /// The endpoint of a name, nil when nothing is called that.
  package func endpoint(_ name: String, _ universe: PolicyUniverse) -> PolicyEndpoint? {
    if let index = universe.names.firstIndex(of: name) { return universe.endpoints[index] }
    if let address = CIDR(name) { return .external(address) }
    return nil
  }
}
