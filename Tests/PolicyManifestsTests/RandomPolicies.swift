import FlowModel
import PolicyModel
import TestSupport

/// Random policies that their own dialect can express, hostile names and label values included.
struct RandomPolicies {
  private var seed: Seed

  init(_ seed: Seed) { self.seed = seed }

  /// A few policies of one kind, of distinct names.
  mutating func set(_ kind: PolicyKind) -> PolicySet {
    var set = PolicySet()
    for index in 0..<seed.number(1...4) { set.policies.append(policy(kind, index)) }
    if kind.dialect == .calico, seed.chance(3) {
      set.tiers = [
        PolicyTier(name: "on", order: 1.5, passesByDefault: seed.chance(2)),
        PolicyTier(name: "security", order: seed.chance(2) ? nil : -3),
      ]
    }
    if kind.dialect == .cilium, seed.chance(3) { set.policies += sections(kind) }
    return set
  }

  private mutating func sections(_ kind: PolicyKind) -> [Policy] {
    let first = policy(kind, 99)
    return (0..<seed.number(1...3)).map { section in
      var policy = policy(kind, 99)
      policy.section = section
      policy.name = first.name
      policy.namespace = first.namespace
      policy.labels = first.labels
      policy.annotations = first.annotations
      return policy
    }
  }

  mutating func policy(_ kind: PolicyKind, _ index: Int) -> Policy {
    let dialect = kind.dialect
    var isolates = Set(Direction.allCases.filter { _ in seed.chance(2) })
    if dialect != .cilium, isolates.isEmpty { isolates = [.ingress] }
    var rules: [PolicyRule] = []
    for _ in 0..<seed.number(0...4) {
      var direction = Direction.allCases[seed.number(0...1)]
      if dialect != .cilium, !isolates.contains(direction) {
        direction = direction == .ingress ? .egress : .ingress
      }
      rules.append(rule(kind, direction))
    }
    var policy = Policy(
      kind: kind,
      name: ["n", "0x10", "null", "web.allow", "1e3"][seed.number(0...4)] + "-\(index)",
      namespace: kind.isNamespaced ? ["y", "shop", "0123"][seed.number(0...2)] : nil,
      labels: labels(0...3),
      annotations: seed.chance(3)
        ? ["example.com/note": "a: b # c\n\u{1}\"\\\u{85}é😀", "Upper": "", "n": "- x"] : [:],
      subject: PodMatch(
        namespaces: kind.isNamespaced ? .own : namespaces(kind),
        pods: selector(kind)
      ),
      isolates: isolates,
      rules: rules
    )
    if dialect == .calico, kind != .calicoStagedKubernetesNetworkPolicy {
      if seed.chance(2) { policy.tier = "security" }
      policy.order = [nil, 0, -5, 10.25, 1e300, 0.1][seed.number(0...5)]
    }
    if kind.isStaged {
      policy.stagedAction = [nil, "Set", "Delete", "Learn", "Ignore"][seed.number(0...4)]
    }
    return policy
  }

  // MARK: - Rules

  private mutating func rule(_ kind: PolicyKind, _ direction: Direction) -> PolicyRule {
    let isCalico = kind.dialect == .calico && kind != .calicoStagedKubernetesNetworkPolicy
    var action = RuleAction.allow
    if kind.dialect == .cilium, seed.chance(3) { action = .deny }
    if isCalico { action = [.allow, .deny, .pass, .log][seed.number(0...3)] }
    var rule = PolicyRule(direction: direction, action: action, peers: nil, ports: nil)
    if !seed.chance(4) {
      rule.peers = (0..<seed.number(0...4)).map { _ in peer(kind, direction, action) }
    }
    if !seed.chance(3) { rule.ports = (0..<seed.number(1...5)).map { _ in port(kind) } }
    if kind.dialect == .cilium, direction == .egress, action == .allow, seed.chance(3) {
      rule.ports = [PolicyPort(.udp, 53), PolicyPort(.tcp, 53)]
      if seed.chance(3) {
        rule.ports?.append(.init(transport: .icmp, match: .icmp(type: 3, code: nil)))
      }
      rule.dnsRules = seed.chance(2) ? ["*"] : ["*.example.com", "api.example.com"]
    }
    if isCalico, seed.chance(4) {
      rule.ports = [PolicyPort(transport: .tcp, match: .any)]
      rule.notPorts = [PolicyPort(.tcp, 22), .init(transport: .tcp, match: .range(8000, 8999))]
    }
    if isCalico, seed.chance(4) { rule.subjectMatch = match(kind) }
    return rule
  }

  private mutating func peer(
    _ kind: PolicyKind,
    _ direction: Direction,
    _ action: RuleAction
  ) -> PolicyPeer {
    switch seed.number(0...5) {
    case 0, 1: return .pods(PodMatch(namespaces: namespaces(kind), pods: selector(kind)))
    case 2, 3:
      let prefix = cidr()
      let inner = CIDR(prefix.address, prefixLength: prefix.prefixLength + 2)
      return .cidr(prefix, except: seed.chance(2) ? [] : inner.map { [$0] } ?? [])
    case 4 where kind.dialect == .cilium:
      let all = ReservedEntity.allCases
      return .entity(all[seed.number(0...(all.count - 1))])
    case 5 where kind.dialect == .cilium && direction == .egress && action == .allow:
      return seed.chance(2) ? .dnsName("api.example.com") : .dnsPattern("*.example.com")
    case 4, 5:
      let isCalico = kind.dialect == .calico && kind != .calicoStagedKubernetesNetworkPolicy
      if isCalico { return .match(match(kind)) }
      return .pods(PodMatch(namespaces: namespaces(kind), pods: .everything))
    default: return .pods(PodMatch(namespaces: namespaces(kind), pods: .everything))
    }
  }

  private mutating func match(_ kind: PolicyKind) -> EndpointMatch {
    var match = EndpointMatch()
    if seed.chance(2) {
      match.pods = PodMatch(namespaces: namespaces(kind), pods: selector(kind))
    }
    if seed.chance(3) {
      match.notPods = selector(kind)
      if kind.isNamespaced, match.pods == nil {
        match.pods = PodMatch(namespaces: .own, pods: .everything)
      }
    }
    if seed.chance(2) { match.nets = (0..<seed.number(1...3)).map { _ in cidr() } }
    if seed.chance(3) { match.notNets = [cidr()] }
    return match
  }

  private mutating func cidr() -> CIDR {
    if seed.chance(3) {
      return CIDR(
        IPAddress(ipv6High: 0x2001_0db8 << 32 | UInt64(seed.number(0...9)), low: 0),
        prefixLength: seed.number(32...64)
      ) ?? .worldIPv6
    }
    let bits = UInt32(seed.number(0...255)) << 24 | 0x0a_0203
    return CIDR(IPAddress(ipv4: bits), prefixLength: seed.number(0...30)) ?? .worldIPv4
  }

  private mutating func port(_ kind: PolicyKind) -> PolicyPort {
    let transport: TransportProtocol = [.tcp, .udp, .sctp][seed.number(0...2)]
    let isPlain = kind == .networkPolicy || kind == .calicoStagedKubernetesNetworkPolicy
    switch seed.number(0...9) {
    case 0: return PolicyPort(transport: transport, match: .any)
    case 1: return PolicyPort(transport: transport, match: .named("n"))
    case 2: return PolicyPort(transport: transport, match: .named("http-8080"))
    case 3: return PolicyPort(transport: transport, match: .range(1000, 2000))
    case 4 where !isPlain:
      let isIPv6 = seed.chance(2)
      let code: UInt8? = kind.dialect == .calico && seed.chance(2) ? 7 : nil
      return PolicyPort(
        transport: isIPv6 ? .icmpv6 : .icmp,
        match: .icmp(type: UInt8(seed.number(0...254)), code: code)
      )
    case 5 where kind.dialect == .calico && !isPlain:
      let number = [136, 2, 1, 58, 47][seed.number(0...4)]
      return PolicyPort(transport: TransportProtocol(number: UInt8(number)), match: .any)
    case 5 where kind.dialect == .cilium:
      return PolicyPort(transport: TransportProtocol(number: 112), match: .any)
    case 6 where seed.chance(3): return PolicyPort(transport: nil, match: .any)
    default: return PolicyPort(transport, UInt16(seed.number(1...65535)))
    }
  }

  // MARK: - Selectors

  private mutating func namespaces(_ kind: PolicyKind) -> NamespaceMatch {
    switch seed.number(0...5) {
    case 0 where kind.isNamespaced: return .own
    case 1: return .all
    case 2: return .selector(selector(kind))
    case 3 where kind.dialect == .calico && kind != .calicoStagedKubernetesNetworkPolicy:
      return .named([])
    case 4: return .named(["on", "shop"])
    case 5: return .selector(.labels(["kubernetes.io/metadata.name": "y", "team": "1e3"]))
    default: return .named(["y"])
    }
  }

  /// A selector of the kind's language.
  mutating func selector(_ kind: PolicyKind) -> LabelSelector {
    if kind.dialect == .calico, kind != .calicoStagedKubernetesNetworkPolicy, seed.chance(2) {
      return tree(depth: 3)
    }
    return .requirements((0..<seed.number(0...3)).map { _ in requirement(isCalico: false) })
  }

  /// A selector of Calico's full language.
  mutating func tree(depth: Int) -> LabelSelector {
    guard depth > 0 else { return .requirement(requirement(isCalico: true)) }
    switch seed.number(0...4) {
    case 0: return .all((0..<seed.number(0...3)).map { _ in tree(depth: depth - 1) })
    case 1: return .any((0..<seed.number(0...3)).map { _ in tree(depth: depth - 1) })
    case 2: return .not(tree(depth: depth - 1))
    default: return .requirement(requirement(isCalico: true))
    }
  }

  private mutating func requirement(isCalico: Bool) -> LabelRequirement {
    let operations = LabelRequirement.Operation.allCases
    let operation = operations[seed.number(0...(isCalico ? operations.count - 1 : 3))]
    let key = RandomPolicies.keys[seed.number(0...(RandomPolicies.keys.count - 1))]
    switch operation {
    case .exists, .doesNotExist: return LabelRequirement(key, operation)
    case .in, .notIn:
      return LabelRequirement(key, operation, (0..<seed.number(1...3)).map { _ in value() })
    default: return LabelRequirement(key, operation, [value()])
    }
  }

  mutating func labels(_ count: ClosedRange<Int>) -> Labels {
    Labels(
      (0..<seed.number(count)).map { _ in
        (RandomPolicies.keys[seed.number(0...(RandomPolicies.keys.count - 1))], value())
      }
    )
  }

  private mutating func value() -> String {
    RandomPolicies.values[seed.number(0...(RandomPolicies.values.count - 1))]
  }

  private static let keys = ["app", "y", "n", "123", "example.com/on", "in", "k8s-app", "1e3"]
  private static let values = [
    "y", "n", "yes", "no", "on", "off", "null", "true", "", "1", "0x10", "1e3", "012", "2001-01-01",
    "web", "a.b_c-d", "1_000", "0.5", "NaN", "0b1",
  ]
}

extension Seed {
  /// A number in a range.
  mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
  /// True once in `count` times.
  mutating func chance(_ count: Int) -> Bool { number(1...count) == 1 }
}
