import FlowModel
package import PolicyModel

/// Which namespaces have policy in the cluster, as far as live policies were added.
package struct PolicyCoverage: Sendable {
  /// Policies by namespace; cluster-wide ones are not counted.
  package let policies: [String: Int]
  /// Namespaces of which no pod may be reached or reach anything without a rule.
  package let defaultDenied: Set<String>
  /// Cluster-wide policies.
  package let clusterWide: Int
  /// Whether any policy is known; without one nothing can be said.
  package let isKnown: Bool

  /// Looks at the live policies; staged ones deny nothing.
  package init(_ live: PolicySet) {
    var policies: [String: Set<String>] = [:]
    var isolated: [String: Set<Direction>] = [:]
    var clusterWide: Set<String> = []
    for policy in live.policies where !policy.kind.isStaged {
      guard let namespace = policy.namespace else {
        clusterWide.insert("\(policy.kind.rawValue) \(policy.name)")
        continue
      }
      policies[namespace, default: []].insert("\(policy.kind.rawValue) \(policy.name)")
      guard policy.subject.pods == .everything else { continue }
      for direction in policy.isolates
      where policy.rules.allSatisfy({ $0.direction != direction || $0.admitsNothing }) {
        isolated[namespace, default: []].insert(direction)
      }
    }
    self.policies = policies.mapValues(\.count)
    self.clusterWide = clusterWide.count
    defaultDenied = Set(isolated.filter { $0.value.count == 2 }.keys)
    isKnown = !live.policies.isEmpty
  }
}

extension PolicyRule {
  /// Whether it lets no one through: a deny, or an allow of no peer.
  fileprivate var admitsNothing: Bool { action == .deny || peers?.isEmpty == true }
}
