import FlowModel
import PolicyModel

/// Writes the `spec` of Calico's NetworkPolicy, GlobalNetworkPolicy and their staged forms.
struct CalicoPolicyWriter {
  let policy: Policy
  private var refusal: RuleRefusal

  init(policy: Policy) {
    self.policy = policy
    refusal = RuleRefusal(policy: policy.name)
  }

  /// The `spec` of a normalized policy.
  mutating func spec() throws(ManifestError) -> YAMLTree {
    guard !policy.isolates.isEmpty, policy.section == nil else {
      throw refusal("a Calico policy always applies to some direction and has no sections")
    }
    guard KubernetesSyntax.isDNSSubdomain(policy.tier) else {
      throw refusal("\(policy.tier.quoted) is not a tier's name")
    }
    var fields: [(String, YAMLTree)] = []
    if policy.tier != "default" { fields.append(("tier", .string(policy.tier))) }
    if let order = policy.order {
      guard order.isFinite else { throw refusal("the order is not finite") }
      fields.append(("order", .number(order)))
    }
    if let action = policy.stagedAction {
      guard policy.kind.isStaged else { throw refusal("an enforced policy has no stagedAction") }
      fields.append(("stagedAction", .string(action)))
    }
    if policy.kind.isNamespaced {
      guard policy.subject.namespaces == .own else {
        throw refusal("the subject lies outside the policy's namespace")
      }
      fields.append(("selector", .string(try text(policy.subject.pods))))
    } else {
      fields += try tree(policy.subject)
    }
    let types = policy.isolates.sorted().map { $0 == .ingress ? "Ingress" : "Egress" }
    fields.append(("types", .strings(types)))
    for direction in Direction.allCases {
      var trees: [YAMLTree] = []
      for (index, rule) in policy.rules.enumerated() where rule.direction == direction {
        refusal.rule = index
        guard policy.isolates.contains(direction) else {
          throw refusal("Calico cannot have a rule in a direction the policy does not apply to")
        }
        trees.append(try tree(rule))
      }
      if !trees.isEmpty { fields.append((direction.rawValue, .sequence(trees))) }
    }
    return .mapping(fields)
  }

  /// The `spec` of a tier.
  static func spec(_ tier: PolicyTier) throws(ManifestError) -> YAMLTree {
    var fields: [(String, YAMLTree)] = []
    if let order = tier.order {
      guard order.isFinite else {
        throw .inexpressible(policy: tier.name, rule: nil, problem: "the order is not finite")
      }
      fields.append(("order", .number(order)))
    }
    fields.append(("defaultAction", .string(tier.passesByDefault ? "Pass" : "Deny")))
    return .mapping(fields)
  }

  private func tree(_ rule: PolicyRule) throws(ManifestError) -> YAMLTree {
    guard rule.dnsRules.isEmpty else { throw refusal("Calico has no DNS rules") }
    var fields: [(String, YAMLTree)] = [("action", .string(rule.action.rawValue.capitalizedWord))]
    var destinationPorts: [(String, YAMLTree)] = []
    if let first = rule.ports?.first {
      guard let transport = first.transport else { throw refusal("a port without a protocol") }
      fields.append(("protocol", CalicoPolicyWriter.tree(transport)))
      switch first.match {
      case .any: break
      case .icmp(let type, let code):
        guard transport.isICMP, let type, type < 255 else {
          throw refusal("an ICMP type or code that Calico cannot name")
        }
        var icmp: [(String, YAMLTree)] = [("type", .integer(Int(type)))]
        if let code { icmp.append(("code", .integer(Int(code)))) }
        fields.append(("icmp", .mapping(icmp)))
      case .range, .named: destinationPorts.append(("ports", try tree(rule.ports ?? [])))
      }
    }
    if !rule.notPorts.isEmpty {
      guard rule.ports != nil else { throw refusal("excluded ports need a protocol") }
      destinationPorts.append(("notPorts", try tree(rule.notPorts)))
    }
    let peer = try rule.peers.map { peers throws(ManifestError) in try tree(peers) } ?? []
    let own = try rule.subjectMatch.map { match throws(ManifestError) in try tree(match) } ?? []
    let isIngress = rule.direction == .ingress
    let source = isIngress ? peer : own
    let destination = (isIngress ? own : peer) + destinationPorts
    if !source.isEmpty { fields.append(("source", .mapping(source))) }
    if !destination.isEmpty { fields.append(("destination", .mapping(destination))) }
    return .mapping(fields)
  }

  // MARK: - Ends of a rule

  /// The peers of a rule: one, or plain prefixes, after normalization.
  private func tree(_ peers: [PolicyPeer]) throws(ManifestError) -> [(String, YAMLTree)] {
    var nets: [CIDR] = []
    for peer in peers {
      switch peer {
      case .pods(let match): return try tree(match)
      case .match(let match): return try tree(match)
      case .cidr(let prefix, let except):
        nets.append(prefix)
        guard except.isEmpty else {
          return try tree(EndpointMatch(nets: [prefix], notNets: except))
        }
      case .entity(let entity): throw refusal("Calico has no entity \(entity.rawValue.quoted)")
      case .dnsName, .dnsPattern: throw refusal("Calico has no DNS names")
      }
    }
    return try tree(EndpointMatch(nets: nets))
  }

  private func tree(_ match: EndpointMatch) throws(ManifestError) -> [(String, YAMLTree)] {
    var fields: [(String, YAMLTree)] = []
    if let pods = match.pods {
      fields = try tree(pods)
      // A negative selector alone already says that its own namespace is meant.
      if match.notPods != nil, policy.kind.isNamespaced, pods.namespaces == .own,
        pods.pods == .everything
      {
        fields = []
      }
    } else if match.notPods != nil, policy.kind.isNamespaced {
      throw refusal("a negative selector in a namespaced policy is about its own namespace")
    }
    if let notPods = match.notPods { fields.append(("notSelector", .string(try text(notPods)))) }
    if let nets = match.nets {
      guard !nets.isEmpty else { throw refusal("an empty list of prefixes") }
      fields.append(("nets", .strings(nets.map(\.description))))
    }
    if !match.notNets.isEmpty {
      fields.append(("notNets", .strings(match.notNets.map(\.description))))
    }
    return fields
  }

  private func tree(_ match: PodMatch) throws(ManifestError) -> [(String, YAMLTree)] {
    let namespaces: String
    switch match.namespaces {
    case .own:
      guard policy.kind.isNamespaced else { throw refusal("no namespace of its own") }
      return [("selector", .string(try text(match.pods)))]
    // Said in global policies too: without it, hosts and network sets would match as well.
    case .all: namespaces = "all()"
    case .named(let names):
      let requirement = LabelRequirement(NamespaceMatch.nameLabel, .in, names)
      namespaces = names.isEmpty ? "global()" : try text(.requirement(requirement))
    case .selector(let selector): namespaces = try text(selector)
    }
    var fields: [(String, YAMLTree)] = []
    if match.pods != .everything { fields.append(("selector", .string(try text(match.pods)))) }
    fields.append(("namespaceSelector", .string(namespaces)))
    return fields
  }

  private func text(_ selector: LabelSelector) throws(ManifestError) -> String {
    for requirement in selector.requirements {
      switch requirement.operation {
      case .contains, .startsWith, .endsWith:
        // Parts of values need not be values themselves, but can hold nothing else.
        let part = LabelRequirement(requirement.key, .in, requirement.values.map { "a\($0)a" })
        try refusal.check(part)
      default: try refusal.check(requirement)
      }
      guard !requirement.key.hasPrefix("projectcalico.org/") else {
        throw refusal("the label key \(requirement.key.quoted) is reserved")
      }
    }
    return selector.calicoText
  }

  // MARK: - Ports

  private static func tree(_ transport: TransportProtocol) -> YAMLTree {
    let hasName = transport.hasPorts || transport.isICMP
    return hasName ? .string(transport.description) : .integer(Int(transport.number))
  }

  private func tree(_ ports: [PolicyPort]) throws(ManifestError) -> YAMLTree {
    var trees: [YAMLTree] = []
    for port in ports {
      guard port.transport?.hasPorts ?? false else {
        throw refusal("ports need protocol TCP, UDP or SCTP")
      }
      switch port.match {
      case .named(let name):
        guard CalicoPolicyReader.isPortName(name) else {
          throw refusal("\(name.quoted) is not a port name")
        }
        trees.append(.string(name))
      case .range(let first, let last):
        try refusal.check(first, last)
        trees.append(first == last ? .integer(Int(first)) : .string("\(first):\(last)"))
      case .any, .icmp: throw refusal("a port without a number or name")
      }
    }
    return .sequence(trees)
  }
}

extension String {
  /// The text with its first letter in upper case.
  fileprivate var capitalizedWord: String { prefix(1).uppercased() + dropFirst() }
}
