import FlowAggregation
import FlowModel
package import PolicyEvaluation
package import PolicyModel

/// One difference in words.
package struct ComparedLine: Hashable, Sendable {
  /// What happened to it.
  package enum Change: String, Sendable {
    /// New.
    case added
    /// Gone.
    case gone
    /// The rule admits more.
    case widened
    /// The rule admits less.
    case narrowed
    /// Written otherwise, means the same.
    case rewritten
  }

  /// What happened.
  package var change: Change
  /// The rule or connection in words.
  package var text: String
}

/// What differs between two policy sets, by what they admit.
package struct PolicyComparison: Sendable {
  /// Rules.
  package var rules: [ComparedLine]
  /// Connections between known workloads and peers.
  package var connections: [ComparedLine]
  /// Whether anything differs in what is admitted.
  package var isEmpty: Bool

  /// Compares over the workloads and peers of the evidence.
  ///
  /// - Parameter isolated: Namespaces judged as if a default deny stood in them.
  package init(
    from old: PolicySet,
    to new: PolicySet,
    evidence: Evidence,
    reader: EvidenceReader,
    engine: EngineSemantics?,
    isolated: Set<String>
  ) {
    var universe = Check(evidence, reader: reader, engine: engine).makeUniverse()
    let observed = evidence.connections.flatMap { connection in
      universe.connections(
        connection.source,
        connection.destination,
        connection.key.transport,
        connection.key.port
      )
    }
    let difference = PolicyDifference(
      from: old,
      to: new,
      endpoints: universe.endpoints,
      observed: observed,
      engine: engine,
      isolatedNamespaces: isolated
    )
    rules = difference.rules.map { change in
      switch change {
      case .added(let rule): ComparedLine(change: .added, text: rule.description)
      case .gone(let rule): ComparedLine(change: .gone, text: rule.description)
      case .widened(_, let rule): ComparedLine(change: .widened, text: rule.description)
      case .narrowed(_, let rule): ComparedLine(change: .narrowed, text: rule.description)
      case .rewritten(_, let rule): ComparedLine(change: .rewritten, text: rule.description)
      }
    }
    let names = universe.names
    func text(_ change: AdmissionChange) -> String {
      "\(names[change.source]) -> \(names[change.destination]) \(change.ports)"
    }
    var seen: Set<String> = []
    connections =
      difference.added.map(text).filter { seen.insert("+" + $0).inserted }.map {
        ComparedLine(change: .added, text: $0)
      }
      + difference.removed.map(text).filter { seen.insert("-" + $0).inserted }.map {
        ComparedLine(change: .gone, text: $0)
      }
    isEmpty = difference.isEmpty
  }
}
