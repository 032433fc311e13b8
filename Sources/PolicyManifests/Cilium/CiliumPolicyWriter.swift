import FlowModel
import PolicyModel

/// Writes the `spec` of a CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy.
struct CiliumPolicyWriter {
  let policy: Policy
  private var refusal: RuleRefusal

  /// The longest list of ports the API server takes.
  private static let maximumPorts = 40

  init(policy: Policy) {
    self.policy = policy
    refusal = RuleRefusal(policy: policy.name)
  }

  /// The `spec` of a normalized policy.
  mutating func spec() throws(ManifestError) -> YAMLTree {
    guard policy.tier == "default", policy.order == nil, policy.stagedAction == nil else {
      throw refusal("Cilium has no tiers, order or staged policies")
    }
    if policy.kind.isNamespaced, policy.subject.namespaces != .own {
      throw refusal("a CiliumNetworkPolicy selects endpoints of its own namespace only")
    }
    var fields = [("endpointSelector", try selector(policy.subject))]
    var lists: [(String, YAMLTree)] = []
    var defaultDeny: [(String, YAMLTree)] = []
    for direction in Direction.allCases {
      let own = try rules(direction)
      lists += own
      let isolates = policy.isolates.contains(direction)
      if isolates, own.isEmpty { lists.append((direction.rawValue, .sequence([.mapping([])]))) }
      if !isolates, !own.isEmpty { defaultDeny.append((direction.rawValue, .boolean(false))) }
    }
    if lists.isEmpty {
      // An object needs some rule; this one selects nobody and isolates nobody.
      lists.append((Direction.ingress.rawValue, .sequence([.mapping([])])))
      defaultDeny.append((Direction.ingress.rawValue, .boolean(false)))
    }
    if !defaultDeny.isEmpty { fields.append(("enableDefaultDeny", .mapping(defaultDeny))) }
    return .mapping(fields + lists)
  }

  private mutating func rules(_ direction: Direction) throws(ManifestError) -> [(String, YAMLTree)]
  {
    var allows: [YAMLTree] = []
    var denials: [YAMLTree] = []
    for (index, rule) in policy.rules.enumerated() where rule.direction == direction {
      refusal.rule = index
      switch rule.action {
      case .allow: allows.append(try tree(rule))
      case .deny: denials.append(try tree(rule))
      case .pass, .log: throw refusal("Cilium has no \(rule.action.rawValue) rules")
      }
    }
    refusal.rule = nil
    var result: [(String, YAMLTree)] = []
    if !allows.isEmpty { result.append((direction.rawValue, .sequence(allows))) }
    if !denials.isEmpty { result.append((direction.rawValue + "Deny", .sequence(denials))) }
    return result
  }

  private func tree(_ rule: PolicyRule) throws(ManifestError) -> YAMLTree {
    try refusal.checkNoCalicoParts(rule)
    var fields: [(String, YAMLTree)] = []
    if let peers = rule.peers { fields.append(try tree(peers, rule)) }
    if !rule.dnsRules.isEmpty, rule.direction == .ingress || rule.action == .deny {
      throw refusal("DNS rules are only for egress allow rules")
    }
    guard let ports = rule.ports else {
      guard rule.dnsRules.isEmpty else { throw refusal("DNS rules need ports") }
      return .mapping(fields)
    }
    if ports.contains(where: { $0.transport?.isICMP ?? false }) {
      var types: [YAMLTree] = []
      for port in ports { types.append(try icmp(port)) }
      let groups = CiliumPolicyWriter.chunks(types).map { types in
        YAMLTree.mapping([("fields", .sequence(types))])
      }
      fields.append(("icmps", .sequence(groups)))
      return .mapping(fields)
    }
    var trees: [YAMLTree] = []
    for port in ports { trees.append(try tree(port, isL7: !rule.dnsRules.isEmpty)) }
    var rules: [(String, YAMLTree)] = []
    if !rule.dnsRules.isEmpty {
      var patterns: [YAMLTree] = []
      for pattern in rule.dnsRules { patterns.append(try dns(pattern)) }
      rules = [("rules", .mapping([("dns", .sequence(patterns))]))]
    }
    let groups = CiliumPolicyWriter.chunks(trees).map { ports in
      YAMLTree.mapping([("ports", .sequence(ports))] + rules)
    }
    fields.append(("toPorts", .sequence(groups)))
    return .mapping(fields)
  }

  private static func chunks(_ trees: [YAMLTree]) -> [[YAMLTree]] {
    stride(from: 0, to: trees.count, by: maximumPorts).map { start in
      Array(trees[start..<min(start + maximumPorts, trees.count)])
    }
  }

  // MARK: - Peers

  /// The peers of a rule, all of one group after normalization.
  private func tree(
    _ peers: [PolicyPeer],
    _ rule: PolicyRule
  ) throws(ManifestError) -> (String, YAMLTree) {
    let side = rule.direction == .ingress ? "from" : "to"
    var key = ""
    var trees: [YAMLTree] = []
    let hasExceptions = peers.contains { peer in
      if case .cidr(_, let except) = peer { return !except.isEmpty }
      return false
    }
    for peer in peers {
      switch peer {
      case .pods(let match):
        key = side + "Endpoints"
        trees.append(try selector(match))
      case .entity(let entity) where CiliumNames.labelOnlyEntities.contains(entity):
        key = side + "Endpoints"
        let label = "reserved:" + entity.rawValue
        trees.append(.mapping([("matchLabels", .mapping([(label, .string(""))]))]))
      case .entity(let entity):
        key = side + "Entities"
        trees.append(.string(entity.rawValue))
      case .cidr(let prefix, _) where !hasExceptions:
        key = side + "CIDR"
        trees.append(.string(prefix.description))
      case .cidr(let prefix, let except):
        key = side + "CIDRSet"
        guard except.allSatisfy(prefix.contains) else {
          throw refusal("an exception that is not inside its prefix")
        }
        var fields: [(String, YAMLTree)] = [("cidr", .string(prefix.description))]
        if !except.isEmpty { fields.append(("except", .strings(except.map(\.description)))) }
        trees.append(.mapping(fields))
      case .dnsName(let name), .dnsPattern(let name):
        guard rule.direction == .egress, rule.action == .allow else {
          throw refusal("DNS names are only for egress allow rules")
        }
        key = "toFQDNs"
        trees.append(try dns(name))
      case .match: throw refusal("only Calico knows pods by address and negated peers")
      }
    }
    return (key, .sequence(trees))
  }

  private func selector(_ match: PodMatch) throws(ManifestError) -> YAMLTree {
    let source = CiliumNames.kubernetesSource
    let namespaceKey = source + CiliumNames.namespace
    var requirements = try refusal.conjunction(match.pods)
    for requirement in requirements where requirement.key.hasPrefix("io.cilium.k8s.") {
      throw refusal("the label key \(requirement.key.quoted) is reserved")
    }
    guard !requirements.contains(where: { $0.key == CiliumNames.namespace }) else {
      throw refusal("the label key \(CiliumNames.namespace.quoted) is reserved")
    }
    switch match.namespaces {
    case .own:
      guard policy.kind.isNamespaced else { throw refusal("no namespace of its own") }
    case .all:
      // Without a namespace, everything in a clusterwide policy takes in reserved endpoints too.
      if policy.kind.isNamespaced || requirements.isEmpty {
        requirements.append(LabelRequirement(namespaceKey, .exists))
      }
    case .named(let names):
      guard !names.isEmpty else { throw refusal("a peer without a namespace") }
      for name in names where !KubernetesSyntax.isDNSLabel(name) {
        throw refusal("\(name.quoted) is not a namespace")
      }
      requirements.insert(LabelRequirement(namespaceKey, .in, names), at: 0)
    case .selector(let selector):
      let labels = try refusal.conjunction(selector).map { requirement in
        let key = source + CiliumNames.namespaceLabels + requirement.key
        return LabelRequirement(key, requirement.operation, requirement.values)
      }
      requirements.insert(contentsOf: labels, at: 0)
    }
    return refusal.tree(requirements)
  }

  private func dns(_ pattern: String) throws(ManifestError) -> YAMLTree {
    let isPattern = pattern.contains("*")
    guard CiliumNames.isDNSName(pattern, isPattern: isPattern) else {
      throw refusal("\(pattern.quoted) is not a DNS name or pattern")
    }
    return .mapping([(isPattern ? "matchPattern" : "matchName", .string(pattern))])
  }

  // MARK: - Ports

  private func tree(_ port: PolicyPort, isL7: Bool) throws(ManifestError) -> YAMLTree {
    guard let transport = port.transport else { throw refusal("a port without a protocol") }
    let portless = CiliumNames.portless.first { $0.transport == transport }
    guard transport.hasPorts || portless != nil else {
      throw refusal("Cilium does not know protocol \(transport)")
    }
    if isL7, transport != .tcp, transport != .udp {
      throw refusal("DNS rules are for ports of TCP and UDP only")
    }
    let name: (String, YAMLTree) = ("protocol", .string(portless?.name ?? transport.description))
    switch port.match {
    case .any:
      if portless != nil { return .mapping([name]) }
      if isL7 { throw refusal("DNS rules need a port") }
      return .mapping([("port", .string("0")), name])
    case .icmp: throw refusal("an ICMP type of a protocol that is not ICMP")
    case .named(let text):
      guard KubernetesSyntax.isPortName(text), portless == nil else {
        throw refusal("\(text.quoted) is not a port name")
      }
      return .mapping([("port", .string(text)), name])
    case .range(let first, let last):
      try refusal.check(first, last)
      guard portless == nil else { throw refusal("protocol \(transport) has no ports") }
      var fields: [(String, YAMLTree)] = [("port", .string("\(first)"))]
      if last != first { fields.append(("endPort", .integer(Int(last)))) }
      return .mapping(fields + [name])
    }
  }

  private func icmp(_ port: PolicyPort) throws(ManifestError) -> YAMLTree {
    guard case .icmp(let type?, nil) = port.match else {
      throw refusal("Cilium matches ICMP by type only: not all types, and no codes")
    }
    return .mapping([
      ("family", .string(port.transport == .icmpv6 ? "IPv6" : "IPv4")),
      ("type", .integer(Int(type))),
    ])
  }
}
