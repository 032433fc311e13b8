import FlowModel
import PolicyModel

/// What is evaluated, and in which order, for one endpoint in one direction.
struct SubjectPlan: Sendable {
  /// A tier with at least one policy that isolates the endpoint.
  struct Tier: Sendable {
    /// The tier's name.
    var name: String
    /// Whether it passes on what its policies leave undecided.
    var passesByDefault: Bool
    /// The policies that isolate the endpoint, in order.
    var isolating: [PolicyReference]
    /// Indices of rules, in order.
    var rules: [Int]
  }

  /// The direction.
  let direction: Direction
  /// Indices of the rules whose union decides: Kubernetes and Cilium.
  private(set) var unionRules: [Int] = []
  /// The policies of the union that isolate the endpoint.
  private(set) var unionIsolating: [PolicyReference] = []
  /// Whether the union denies what it does not allow.
  private(set) var unionIsolates = false
  /// Calico's tiers in order.
  private(set) var tiers: [Tier] = []
  /// Egress: the DNS rules of the endpoint, which DNS name peers rest on.
  private(set) var dnsRules: [Int] = []

  /// Calico: the rules whose test on the subject's own end covers only part of it.
  private(set) var partlyOwn: Set<Int> = []
  /// Whether what a peer may do depends on its own named ports.
  private(set) var asksPeerForPorts = false
  /// Indices of all policies that select the endpoint, in the order they are asked.
  private(set) var policies: [Int] = []

  /// Works out the plan of an endpoint; it is empty for anything that is not a pod.
  init(_ compiled: CompiledPolicies, endpoint: PolicyEndpoint, direction: Direction) {
    self.direction = direction
    guard endpoint.isPod else { return }
    let selecting = compiled.policies(selecting: endpoint)
    var tiered: [Int] = []
    for index in selecting {
      let policy = compiled.policies[index]
      if policy.isTiered {
        if policy.policy.isolates.contains(direction) { tiered.append(index) }
        continue
      }
      let rules = ownRules(compiled, policy, of: endpoint)
      let isolates = policy.policy.isolates.contains(direction)
      guard isolates || !rules.isEmpty else { continue }
      policies.append(index)
      unionRules += rules
      if isolates { unionIsolating.append(policy.reference) }
    }
    unionIsolates = !unionIsolating.isEmpty
    let isAssumed = compiled.isolatedNamespaces.contains(endpoint.namespace)
    if isAssumed, !compiled.putsKubernetesInTiers { unionIsolates = true }
    addTiers(
      compiled,
      endpoint: endpoint,
      tiered: tiered,
      assumesDefaultDeny: isAssumed && compiled.putsKubernetesInTiers
    )
    if direction == .egress {
      asksPeerForPorts = rules.contains { compiled.rules[$0].ports.hasNames }
      dnsRules = rules.filter {
        !compiled.rules[$0].dnsPatterns.isEmpty && compiled.rules[$0].action == .allow
      }
    }
  }

  private mutating func addTiers(
    _ compiled: CompiledPolicies,
    endpoint: PolicyEndpoint,
    tiered: [Int],
    assumesDefaultDeny: Bool
  ) {
    var members: [String: [Int]] = [:]
    for index in tiered { members[compiled.policies[index].tier, default: []].append(index) }
    if assumesDefaultDeny, members["default"] == nil { members["default"] = [] }
    func order(_ name: String) -> Double { CompiledPolicies.order(compiled.tiers[name]?.order) }
    let names = members.keys.sorted { left, right in
      order(left) != order(right) ? order(left) < order(right) : left < right
    }
    for name in names {
      let sorted = (members[name] ?? []).sorted { left, right in
        let one = compiled.policies[left]
        let two = compiled.policies[right]
        if one.order != two.order { return one.order < two.order }
        if one.orderName != two.orderName { return one.orderName < two.orderName }
        return left < right
      }
      policies += sorted
      tiers.append(
        Tier(
          name: name,
          passesByDefault: compiled.tiers[name]?.passesByDefault ?? false,
          isolating: sorted.map { compiled.policies[$0].reference },
          rules: sorted.flatMap { ownRules(compiled, compiled.policies[$0], of: endpoint) }
        )
      )
    }
  }

  /// A policy's rules whose test on the subject's own end it passes.
  private mutating func ownRules(
    _ compiled: CompiledPolicies,
    _ policy: CompiledPolicy,
    of endpoint: PolicyEndpoint
  ) -> [Int] {
    var rules: [Int] = []
    for index in policy.rules[direction] ?? [] {
      let level = compiled.rules[index].subjectTest?.level(of: endpoint) ?? .whole
      if level == .part { partlyOwn.insert(index) }
      if level != .none { rules.append(index) }
    }
    return rules
  }

  /// The plan as it is when one of its DNS rules lets nothing be asked for, and allows nothing.
  func without(dnsRule: Int) -> SubjectPlan {
    var plan = self
    plan.dnsRules.removeAll { $0 == dnsRule }
    plan.unionRules.removeAll { $0 == dnsRule }
    for index in plan.tiers.indices { plan.tiers[index].rules.removeAll { $0 == dnsRule } }
    return plan
  }

  /// Whether anything isolates the endpoint in the direction.
  var isolates: Bool { unionIsolates || !tiers.isEmpty }

  /// All rules in the order they are asked.
  var rules: [Int] { unionRules + tiers.flatMap(\.rules) }
}
