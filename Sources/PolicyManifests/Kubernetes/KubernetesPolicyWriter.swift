import FlowModel
import PolicyModel

/// Writes the `spec` of a NetworkPolicy, and of Calico's StagedKubernetesNetworkPolicy.
struct KubernetesPolicyWriter {
  let policy: Policy
  private var refusal: RuleRefusal

  init(policy: Policy) {
    self.policy = policy
    refusal = RuleRefusal(policy: policy.name)
  }

  /// The `spec` of a normalized policy.
  mutating func spec() throws(ManifestError) -> YAMLTree {
    guard policy.subject.namespaces == .own else {
      throw refusal("the subject lies outside the policy's namespace")
    }
    guard policy.tier == "default", policy.order == nil, policy.section == nil else {
      throw refusal("NetworkPolicy has no tier, order or sections")
    }
    guard !policy.isolates.isEmpty else {
      throw refusal("NetworkPolicy always isolates in some direction")
    }
    var fields: [(String, YAMLTree)] = []
    if let action = policy.stagedAction {
      guard policy.kind.isStaged else { throw refusal("NetworkPolicy cannot be staged") }
      fields.append(("stagedAction", .string(action)))
    }
    fields.append(("podSelector", refusal.tree(try refusal.conjunction(policy.subject.pods))))
    let types = policy.isolates.sorted().map { $0 == .ingress ? "Ingress" : "Egress" }
    fields.append(("policyTypes", .strings(types)))
    for direction in Direction.allCases {
      var trees: [YAMLTree] = []
      for (index, rule) in policy.rules.enumerated() where rule.direction == direction {
        refusal.rule = index
        guard policy.isolates.contains(direction) else {
          throw refusal("NetworkPolicy cannot allow in a direction without isolating in it")
        }
        trees.append(try tree(rule))
      }
      if !trees.isEmpty { fields.append((direction.rawValue, .sequence(trees))) }
    }
    return .mapping(fields)
  }

  private func tree(_ rule: PolicyRule) throws(ManifestError) -> YAMLTree {
    guard rule.action == .allow else { throw refusal("NetworkPolicy knows only allow rules") }
    guard rule.dnsRules.isEmpty else { throw refusal("NetworkPolicy has no DNS rules") }
    try refusal.checkNoCalicoParts(rule)
    var fields: [(String, YAMLTree)] = []
    if let peers = rule.peers {
      var trees: [YAMLTree] = []
      for peer in peers { trees.append(try tree(peer)) }
      fields.append((rule.direction == .ingress ? "from" : "to", .sequence(trees)))
    }
    if let ports = rule.ports {
      var trees: [YAMLTree] = []
      for port in ports { trees.append(try tree(port)) }
      fields.append(("ports", .sequence(trees)))
    }
    return .mapping(fields)
  }

  private func tree(_ peer: PolicyPeer) throws(ManifestError) -> YAMLTree {
    switch peer {
    case .cidr(let prefix, let except):
      var block: [(String, YAMLTree)] = [("cidr", .string(prefix.description))]
      guard except.allSatisfy({ prefix.contains($0) && $0 != prefix }) else {
        throw refusal("an exception that is not strictly inside its prefix")
      }
      if !except.isEmpty { block.append(("except", .strings(except.map(\.description)))) }
      return .mapping([("ipBlock", .mapping(block))])
    case .pods(let match):
      let pods = refusal.tree(try refusal.conjunction(match.pods))
      let namespaces: YAMLTree
      switch match.namespaces {
      case .own: return .mapping([("podSelector", pods)])
      case .all: namespaces = .mapping([])
      case .named(let names):
        guard !names.isEmpty else { throw refusal("a peer without a namespace") }
        let requirement = LabelRequirement(NamespaceMatch.nameLabel, .in, names)
        try refusal.check(requirement)
        namespaces = refusal.tree([requirement])
      case .selector(let selector): namespaces = refusal.tree(try refusal.conjunction(selector))
      }
      if pods.isEmptyMapping { return .mapping([("namespaceSelector", namespaces)]) }
      return .mapping([("namespaceSelector", namespaces), ("podSelector", pods)])
    case .entity(let entity):
      throw refusal("NetworkPolicy has no entity \(entity.rawValue.quoted)")
    case .dnsName, .dnsPattern: throw refusal("NetworkPolicy has no DNS names")
    case .match: throw refusal("only Calico knows pods by address and negated peers")
    }
  }

  private func tree(_ port: PolicyPort) throws(ManifestError) -> YAMLTree {
    guard let transport = port.transport, transport.hasPorts else {
      throw refusal("NetworkPolicy knows only TCP, UDP and SCTP")
    }
    var fields: [(String, YAMLTree)] = [("protocol", .string(transport.description))]
    switch port.match {
    case .any: break
    case .icmp: throw refusal("NetworkPolicy has no ICMP")
    case .named(let name):
      guard KubernetesSyntax.isPortName(name) else {
        throw refusal("\(name.quoted) is not a port name")
      }
      fields.append(("port", .string(name)))
    case .range(let first, let last):
      try refusal.check(first, last)
      fields.append(("port", .integer(Int(first))))
      if last != first { fields.append(("endPort", .integer(Int(last)))) }
    }
    return .mapping(fields)
  }
}
