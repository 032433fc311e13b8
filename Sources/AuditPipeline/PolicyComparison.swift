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
  /// Whether it is a connection that was observed and accepted.
  package var isObserved = false
}

/// What differs between two policy sets, by what they admit.
package struct PolicyComparison: Sendable {
  /// Rules.
  package var rules: [ComparedLine]
  /// Connections between known workloads and peers: new ones first, of each sort those that were
  /// observed first; at most a thousand of each sort.
  package var connections: [ComparedLine]
  /// The number of all connections, listed or not.
  package var connectionCount: Int
  /// Whether anything differs in what is admitted.
  package var isEmpty: Bool

  /// Compares over the workloads and peers of the evidence.
  ///
  /// - Parameters:
  ///   - oldIsolated: Namespaces judged as if a default deny stood in them, for the old set.
  ///   - newIsolated: The same for the new set.
  package init(
    from old: PolicySet,
    to new: PolicySet,
    evidence: Evidence,
    reader: EvidenceReader,
    engine: EngineSemantics?,
    oldIsolated: Set<String>,
    newIsolated: Set<String>
  ) {
    var universe = Check(evidence, reader: reader, engine: engine).makeUniverse()
    let observed = evidence.connections.filter(\.isAccepted).flatMap { connection in
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
      isolatedNamespaces: newIsolated,
      oldIsolatedNamespaces: oldIsolated
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
    var seen: [[Int]: PortSet] = [:]
    for connection in observed {
      let key = PortSet.key(connection.transport, connection.port)
      let pair = [connection.source, connection.destination]
      seen[pair] = (seen[pair] ?? PortSet()).union(PortSet(key...key))
    }
    func lines(_ changes: [AdmissionChange], _ change: ComparedLine.Change) -> [ComparedLine] {
      // Label sets of one workload mostly change alike: such lines become one.
      var observed: [String: Bool] = [:]
      var order: [String] = []
      for entry in changes {
        let text = "\(names[entry.source]) -> \(names[entry.destination]) \(entry.ports)"
        let isSeen = seen[[entry.source, entry.destination]]?.overlaps(entry.ports) ?? false
        if observed[text] == nil { order.append(text) }
        observed[text] = (observed[text] ?? false) || isSeen
      }
      let all = order.map { text in
        ComparedLine(change: change, text: text, isObserved: observed[text] ?? false)
      }
      return all.filter(\.isObserved) + all.filter { !$0.isObserved }
    }
    connections = lines(difference.added, .added) + lines(difference.removed, .gone)
    connectionCount =
      connections.count + difference.addedCount - difference.added.count
      + difference.removedCount - difference.removed.count
    isEmpty = difference.isEmpty
  }
}
