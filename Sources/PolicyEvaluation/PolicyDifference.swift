import FlowModel
package import PolicyModel

/// A connection kind that one set of policies admits and the other does not.
package struct AdmissionChange: Hashable, Sendable {
  /// Index of the side that opens it.
  package var source: Int
  /// Index of the side that accepts it.
  package var destination: Int
  /// The ports.
  package var ports: PortSpan

  /// Makes a change.
  package init(source: Int, destination: Int, ports: PortSpan) {
    self.source = source
    self.destination = destination
    self.ports = ports
  }
}

extension AdmissionChange: Comparable {
  /// By source, destination and ports.
  package static func < (left: AdmissionChange, right: AdmissionChange) -> Bool {
    if left.source != right.source { return left.source < right.source }
    if left.destination != right.destination { return left.destination < right.destination }
    return left.ports < right.ports
  }
}

/// What changes when one set of policies takes the place of another.
package struct PolicyDifference: Hashable, Sendable {
  /// Rules that differ, those of the old set first where both stand alone; sorted by policy.
  package private(set) var rules: [RuleChange] = []
  /// What only the new set admits, sorted; at most the limit.
  package private(set) var added: [AdmissionChange] = []
  /// What only the old set admits, sorted; at most the limit.
  package private(set) var removed: [AdmissionChange] = []
  /// The number of all entries of `added`.
  package private(set) var addedCount = 0
  /// The number of all entries of `removed`.
  package private(set) var removedCount = 0

  /// Whether nothing differs.
  package var isEmpty: Bool { rules.isEmpty && addedCount == 0 && removedCount == 0 }

  /// Compares two sets over a universe of endpoints.
  ///
  /// Admitted means let through by both ends. Compared are the ports that a rule of either set names
  /// or an observed connection used; a rule without ports makes that all ports.
  ///
  /// - Parameters:
  ///   - old: The set that goes.
  ///   - new: The set that comes.
  ///   - endpoints: Every workload and external peer known.
  ///   - observed: Connections over these endpoints, for their ports.
  ///   - engine: nil takes, for each set, the engine it is written for.
  ///   - isolatedNamespaces: Namespaces judged as if a default deny stood in them.
  ///   - oldIsolatedNamespaces: The same for the old set where it differs; nil where it does not.
  ///   - stage: Whether staged policies take effect.
  ///   - limit: The most changes listed of each kind; all are counted.
  package init(
    from old: PolicySet,
    to new: PolicySet,
    endpoints: [PolicyEndpoint],
    observed: [ReplayConnection] = [],
    engine: EngineSemantics? = nil,
    isolatedNamespaces: Set<String> = [],
    oldIsolatedNamespaces: Set<String>? = nil,
    stage: PolicyStage = .enforced,
    limit: Int = 1000
  ) {
    func matrix(_ set: PolicySet, _ isolated: Set<String>) -> PolicyMatrix {
      PolicyMatrix(
        policies: set,
        endpoints: endpoints,
        engine: engine,
        isolatedNamespaces: isolated,
        stage: stage
      )
    }
    var oldMatrix = matrix(old, oldIsolatedNamespaces ?? isolatedNamespaces)
    var newMatrix = matrix(new, isolatedNamespaces)
    var comparison = RuleComparison(old: oldMatrix, new: newMatrix)
    rules = comparison.changes(from: old, to: new)
    let interest = PolicyDifference.interest(oldMatrix, newMatrix, observed)
    let pairs = PolicyDifference.changedPairs(&oldMatrix, &newMatrix)
    let kept = max(0, limit)
    for pair in pairs {
      let before = oldMatrix.admittedPorts(from: pair.source, to: pair.destination)
      let after = newMatrix.admittedPorts(from: pair.source, to: pair.destination)
      if before == after { continue }
      for span in after.subtracting(before).intersection(interest).spans {
        addedCount += 1
        guard added.count < kept else { continue }
        added.append(
          AdmissionChange(source: pair.source, destination: pair.destination, ports: span)
        )
      }
      for span in before.subtracting(after).intersection(interest).spans {
        removedCount += 1
        guard removed.count < kept else { continue }
        removed.append(
          AdmissionChange(source: pair.source, destination: pair.destination, ports: span)
        )
      }
    }
  }

  private struct Pair: Hashable, Comparable {
    var source: Int
    var destination: Int

    static func < (left: Pair, right: Pair) -> Bool {
      left.source != right.source
        ? left.source < right.source : left.destination < right.destination
    }
  }

  /// The ports that are worth telling of.
  private static func interest(
    _ old: PolicyMatrix,
    _ new: PolicyMatrix,
    _ observed: [ReplayConnection]
  ) -> PortSet {
    var ranges = observed.map { connection in
      let key = PortSet.key(connection.transport, connection.port)
      return key...key
    }
    let namedPorts = Set(old.endpoints.flatMap(\.namedPorts))
    let everyName = namedPorts.sorted {
      ($0.name, $0.transport, $0.port) < ($1.name, $1.transport, $1.port)
    }
    for rule in old.compiled.rules + new.compiled.rules {
      ranges += rule.ports.resolved(with: everyName).ranges
    }
    return ranges.isEmpty ? .everyPort : PortSet(ranges)
  }

  /// The pairs that the sets may judge differently, sorted.
  private static func changedPairs(
    _ old: inout PolicyMatrix,
    _ new: inout PolicyMatrix
  ) -> [Pair] {
    let endpoints = old.endpoints
    let sameEngine = old.compiled.hasSameFrame(as: new.compiled)
    let isolationChanges = old.compiled.isolatedNamespaces.symmetricDifference(
      new.compiled.isolatedNamespaces
    )
    var pairs: Set<Pair> = []
    for direction in [Direction.egress, .ingress] {
      for subject in endpoints.indices where endpoints[subject].isPod {
        let sameFrame =
          sameEngine && !isolationChanges.contains(endpoints[subject].namespace)
        let before = old.plan(direction, of: subject)
        let after = new.plan(direction, of: subject)
        let policiesBefore = before.policies.map { old.compiled.policies[$0].policy }
        let policiesAfter = after.policies.map { new.compiled.policies[$0].policy }
        if sameFrame, policiesBefore == policiesAfter { continue }
        var peers = Array(endpoints.indices)
        if sameFrame, before.isolates, after.isolates {
          // The local host gets through without a rule, and may lose that by a deny.
          peers.removeAll { !endpoints[$0].entities.contains(.host) }
          peers += old.peers(of: before) + new.peers(of: after)
        }
        for peer in peers {
          pairs.insert(
            direction == .egress
              ? Pair(source: subject, destination: peer)
              : Pair(source: peer, destination: subject)
          )
        }
      }
    }
    return pairs.sorted()
  }
}

extension CompiledPolicies {
  /// Whether two sets differ only in their policies and in what they take to be isolated.
  func hasSameFrame(as other: CompiledPolicies) -> Bool {
    engine == other.engine && tiers == other.tiers
      && putsKubernetesInTiers == other.putsKubernetesInTiers
  }
}
