import FlowModel
import PolicyModel

/// A rule, made ready.
struct CompiledRule: Sendable {
  /// What decisions name.
  let reference: RuleReference
  /// What it does.
  let action: RuleAction
  /// Index of its peers in ``CompiledPolicies/matchers``.
  let matcher: Int
  /// Its ports.
  let ports: CompiledPorts
  /// Whether DNS names match only where the endpoint's DNS rules let them be asked for.
  let needsDNSRule: Bool
  /// DNS patterns it lets the endpoint ask for.
  let dnsPatterns: [DNSPattern]
  /// Calico: a further test on the subject's own end.
  let subjectTest: EndpointTest?
}

/// A policy, made ready.
struct CompiledPolicy: Sendable {
  /// What decisions name.
  let reference: PolicyReference
  /// The subject, `.own` resolved.
  let subject: PodMatch
  /// The policy itself.
  let policy: Policy
  /// Whether it is evaluated in tiers, not as one of a union.
  let isTiered: Bool
  /// The tier it is evaluated in.
  let tier: String
  /// Where it stands in its tier.
  let order: Double
  /// What decides between equal orders.
  let orderName: String
  /// Indices of its rules in ``CompiledPolicies/rules``, by direction.
  let rules: [Direction: [Int]]
}

/// A policy set, made ready to be asked about many endpoints.
struct CompiledPolicies: Sendable {
  /// Tells how NetworkPolicy orders among Calico policies.
  static let kubernetesOrder = 1000.0
  /// The order of Calico's own `default` tier.
  static let defaultTierOrder = 1_000_000.0

  /// The engine.
  let engine: EngineSemantics
  /// The policies that take part, in the order of the set.
  private(set) var policies: [CompiledPolicy] = []
  /// All their rules.
  private(set) var rules: [CompiledRule] = []
  /// The distinct peers of the rules.
  private(set) var matchers: [PeerMatcher] = []
  /// Tiers by name.
  let tiers: [String: PolicyTier]
  /// Whether NetworkPolicy is evaluated in Calico's tiers.
  let putsKubernetesInTiers: Bool
  /// Namespaces taken to be under a default deny that the set does not hold.
  let isolatedNamespaces: Set<String>
  private var byNamespace: [String: [Int]] = [:]
  private var everywhere: [Int] = []

  /// Prepares a set.
  init(
    _ set: PolicySet,
    engine: EngineSemantics?,
    stage: PolicyStage,
    isolatedNamespaces: Set<String>
  ) {
    self.engine = engine ?? .suggested(for: set)
    self.isolatedNamespaces = isolatedNamespaces
    let positions = set.positions(in: stage)
    let dialects = Set(positions.map { set.policies[$0].kind.dialect })
    putsKubernetesInTiers =
      set.policies.contains { $0.kind.dialect == .calico }
      || self.engine == .calico && !dialects.contains(.cilium)
    var tiers: [String: PolicyTier] = [
      "default": PolicyTier(name: "default", order: CompiledPolicies.defaultTierOrder)
    ]
    for tier in set.tiers { tiers[tier.name] = tier }
    self.tiers = tiers
    var matcherIndex: [PeerMatcher.Key: Int] = [:]
    matcherIndex.reserveCapacity(positions.reduce(0) { $0 + set.policies[$1].rules.count })
    for position in positions {
      add(set.policies[position], at: position, matcherIndex: &matcherIndex)
    }
  }

  private mutating func add(
    _ policy: Policy,
    at position: Int,
    matcherIndex: inout [PeerMatcher.Key: Int]
  ) {
    let reference = PolicyReference(
      position: position,
      kind: policy.kind,
      namespace: policy.namespace,
      name: policy.name
    )
    var rulesByDirection: [Direction: [Int]] = [:]
    var counts: [Direction: Int] = [:]
    for (rulePosition, rule) in policy.rules.enumerated() {
      let index = counts[rule.direction, default: 0]
      counts[rule.direction] = index + 1
      // NetworkPolicy and Calico read only the rules of the directions they list.
      guard policy.kind.dialect == .cilium || policy.isolates.contains(rule.direction) else {
        continue
      }
      let key = PeerMatcher.Key(peers: rule.peers, namespace: policy.namespace)
      let matcher: Int
      if let known = matcherIndex[key] {
        matcher = known
      } else {
        matcher = matchers.count
        matcherIndex[key] = matcher
        matchers.append(PeerMatcher(key, engine: engine))
      }
      rulesByDirection[rule.direction, default: []].append(rules.count)
      rules.append(
        CompiledRule(
          reference: RuleReference(
            policy: reference,
            direction: rule.direction,
            index: index,
            position: rulePosition
          ),
          action: rule.action,
          matcher: matcher,
          ports: CompiledPorts(rule.ports, except: rule.notPorts),
          needsDNSRule: policy.kind.dialect == .cilium,
          dnsPatterns: rule.dnsRules.map { DNSPattern($0) },
          subjectTest: rule.subjectMatch.map { EndpointTest($0, own: policy.namespace) }
        )
      )
    }
    let isKubernetes = policy.isKubernetes
    let compiled = CompiledPolicy(
      reference: reference,
      subject: PeerMatcher.resolved(policy.subject, own: policy.namespace),
      policy: policy,
      isTiered: isKubernetes ? putsKubernetesInTiers : policy.kind.dialect == .calico,
      tier: isKubernetes ? "default" : policy.tier,
      order: isKubernetes ? CompiledPolicies.kubernetesOrder : CompiledPolicies.order(policy.order),
      orderName: isKubernetes ? "knp.default.\(policy.name)" : policy.nameWithoutTier,
      rules: rulesByDirection
    )
    if case .named(let names) = compiled.subject.namespaces {
      for name in Set(names) { byNamespace[name, default: []].append(policies.count) }
    } else {
      everywhere.append(policies.count)
    }
    policies.append(compiled)
  }

  /// An order as it sorts: none, or one that is no number, is last.
  static func order(_ order: Double?) -> Double {
    guard let order, !order.isNaN else { return .infinity }
    return order
  }

  /// The policies that select an endpoint, in the order of the set.
  func policies(selecting endpoint: PolicyEndpoint) -> [Int] {
    guard endpoint.isPod else { return [] }
    let candidates = (byNamespace[endpoint.namespace] ?? []) + everywhere
    return candidates.filter { PeerMatcher.selects(policies[$0].subject, endpoint) }.sorted()
  }
}
