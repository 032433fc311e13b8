import FlowModel
import PolicyModel

/// Reads CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy.
struct CiliumPolicyReader {
  let kind: PolicyKind
  let metadata: Metadata
  var log: WarningList

  private var selectors: CiliumSelectorReader {
    CiliumSelectorReader(defaultNamespaces: kind.isNamespaced ? .own : .all)
  }

  /// The policies of an object: of `spec`, or one for each of `specs`.
  mutating func policies(_ object: ManifestFields) throws(ManifestError) -> [Policy] {
    var nodes: [ManifestNode] = []
    if let spec = object["spec"] { nodes.append(spec) }
    let specs = object["specs"]
    if let specs { nodes += try specs.items() }
    guard !nodes.isEmpty else { throw object.node.invalid("spec is missing") }
    var result: [Policy] = []
    for (index, node) in nodes.enumerated() {
      result.append(try policy(node, section: specs == nil ? nil : index))
    }
    return result
  }

  private mutating func policy(
    _ spec: ManifestNode,
    section: Int?
  ) throws(ManifestError) -> Policy {
    let lists = ["ingress", "ingressDeny", "egress", "egressDeny"]
    // Description, labels and log marks say nothing about what is allowed.
    let fields = try spec.fields(
      lists + ["endpointSelector", "enableDefaultDeny", "description", "labels", "log"],
      unsupported: ["nodeSelector"]
    )
    let subject = try subject(try fields.required("endpointSelector"))
    var rules: [(rule: PolicyRule, node: ManifestNode)] = []
    var isolates: Set<Direction> = []
    for list in lists {
      let direction: Direction = list.hasPrefix("in") ? .ingress : .egress
      let action: RuleAction = list.hasSuffix("Deny") ? .deny : .allow
      for item in try fields.items(list) {
        isolates.insert(direction)
        for rule in try self.rules(item, direction, action) { rules.append((rule, item)) }
      }
    }
    guard !isolates.isEmpty else {
      throw spec.invalid("needs a rule in one of \(lists.joined(separator: ", "))")
    }
    if let deny = fields["enableDefaultDeny"] {
      let parts = try deny.fields(["ingress", "egress"])
      for direction in Direction.allCases {
        guard let isOn = try parts[direction.rawValue]?.boolean() else { continue }
        if isOn { isolates.insert(direction) } else { isolates.remove(direction) }
      }
    }
    return Policy(
      kind: kind,
      name: metadata.name,
      namespace: metadata.namespace,
      labels: metadata.labels,
      annotations: metadata.annotations,
      subject: subject,
      isolates: isolates,
      rules: rules.map(\.rule),
      section: section
    )
  }

  private mutating func subject(_ node: ManifestNode) throws(ManifestError) -> PodMatch {
    var match = try selectors.pods(node)
    log.check(match.pods, at: node)
    guard kind.isNamespaced, match.namespaces != .own else { return match }
    guard match.namespaces == .named([metadata.namespace ?? ""]) else {
      throw node.invalid("a CiliumNetworkPolicy selects endpoints of its own namespace only")
    }
    match.namespaces = .own
    return match
  }

  // MARK: - Rules

  private mutating func rules(
    _ node: ManifestNode,
    _ direction: Direction,
    _ action: RuleAction
  ) throws(ManifestError) -> [PolicyRule] {
    if node.isNull { return [] }
    let side = direction == .ingress ? "from" : "to"
    let hasNames = direction == .egress && action == .allow
    let peerKeys = ["Endpoints", "Entities", "CIDR", "CIDRSet"].map { side + $0 }
    let fields = try node.fields(
      peerKeys + ["toPorts", "icmps"] + (hasNames ? ["toFQDNs"] : []),
      unsupported: ["Requires", "Nodes", "Groups"].map { side + $0 }
        + (direction == .egress ? ["toServices"] : [])
        + (action == .allow ? ["authentication"] : [])
    )
    let used = (peerKeys + ["toFQDNs"]).filter { fields[$0] != nil }
    guard used.count <= 1 else {
      throw node.invalid("\(used.joined(separator: " and ")) cannot be combined in one rule")
    }
    let peers = try used.first.map { key throws(ManifestError) in
      try self.peers(key, try fields.required(key))
    }
    var portLists = try ports(fields, hasRules: hasNames)
    let icmp = try icmps(fields)
    if !icmp.isEmpty {
      guard portLists.isEmpty else {
        throw node.invalid("icmps and toPorts cannot be combined in one rule")
      }
      portLists = [(icmp, [])]
    }
    if portLists.isEmpty {
      // A rule without anything selects nobody, but still puts its subject under default deny.
      guard let peers else { return [] }
      return [PolicyRule(direction: direction, action: action, peers: peers, ports: nil)]
    }
    return portLists.map { ports, dnsRules in
      PolicyRule(
        direction: direction,
        action: action,
        peers: peers,
        ports: ports,
        dnsRules: dnsRules
      )
    }
  }

  private mutating func peers(
    _ key: String,
    _ node: ManifestNode
  ) throws(ManifestError) -> [PolicyPeer] {
    let items = try node.items()
    // Cilium tells an empty list of endpoints from a missing one: it selects nobody.
    guard !items.isEmpty || key.hasSuffix("Endpoints") else {
      throw node.unsupported("an empty list of peers")
    }
    var result: [PolicyPeer] = []
    for item in items {
      if key.hasSuffix("Endpoints") {
        let peer = try selectors.peer(item)
        if case .pods(let match) = peer {
          log.check(match.pods, at: item)
          if case .selector(let selector) = match.namespaces { log.check(selector, at: item) }
        }
        result.append(peer)
      } else if key.hasSuffix("Entities") {
        let name = try item.string()
        guard let entity = ReservedEntity(rawValue: name) else {
          throw item.invalid("unknown entity \(name.quoted)")
        }
        result.append(.entity(entity))
      } else if key.hasSuffix("CIDR") {
        result.append(.cidr(try item.prefix(allowingAddress: true), except: []))
      } else if key.hasSuffix("CIDRSet") {
        let fields = try item.fields(
          ["cidr", "except"],
          unsupported: ["cidrGroupRef", "cidrGroupSelector"]
        )
        let prefix = try fields.required("cidr").prefix(allowingAddress: false)
        let except = try fields["except"]?.exceptions(of: prefix, strictly: false) ?? []
        result.append(.cidr(prefix, except: except))
      } else {
        let pattern = try dnsPattern(item)
        result.append(pattern.contains("*") ? .dnsPattern(pattern) : .dnsName(pattern))
      }
    }
    return result
  }

  private func dnsPattern(_ node: ManifestNode) throws(ManifestError) -> String {
    let fields = try node.fields(["matchName", "matchPattern"])
    let isPattern = fields["matchPattern"] != nil
    guard isPattern != (fields["matchName"] != nil),
      let value = fields["matchName"] ?? fields["matchPattern"]
    else { throw node.invalid("needs exactly one of matchName, matchPattern") }
    let text = try value.string()
    guard CiliumNames.isDNSName(text, isPattern: isPattern) else {
      throw value.invalid("\(text.quoted) is not a DNS \(isPattern ? "pattern" : "name")")
    }
    let lower = text.lowercased()
    return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
  }

  // MARK: - Ports

  /// The port lists of a rule, one for each set of DNS rules.
  private func ports(
    _ fields: ManifestFields,
    hasRules: Bool
  ) throws(ManifestError) -> [(ports: [PolicyPort], dnsRules: [String])] {
    var result: [(ports: [PolicyPort], dnsRules: [String])] = []
    for item in try fields.items("toPorts") {
      let parts = try item.fields(
        ["ports", "rules"],
        unsupported: ["terminatingTLS", "originatingTLS", "serverNames", "listener"]
      )
      var dnsRules: [String] = []
      if let rules = parts["rules"] {
        let known = try rules.fields(["dns"], unsupported: ["http", "kafka", "l7", "l7proto"])
        for rule in try known.items("dns") {
          guard hasRules else { throw rule.invalid("DNS rules are only for egress allow rules") }
          dnsRules.append(try dnsPattern(rule))
        }
      }
      let list = try parts.required("ports")
      var ports: [PolicyPort] = []
      for port in try list.items() { ports += try self.port(port, isL7: !dnsRules.isEmpty) }
      guard !ports.isEmpty else { throw list.invalid("needs a port") }
      guard try list.items().count <= 40 else { throw list.invalid("more than 40 ports") }
      if let index = result.firstIndex(where: { $0.dnsRules == dnsRules }) {
        result[index].ports += ports
      } else {
        result.append((ports, dnsRules))
      }
    }
    return result
  }

  private func port(_ node: ManifestNode, isL7: Bool) throws(ManifestError) -> [PolicyPort] {
    let fields = try node.fields(["port", "endPort", "protocol"])
    var transports: [TransportProtocol] = [.tcp, .udp, .sctp]
    var isAny = true
    if let name = fields["protocol"] {
      let text = try name.string()
      if let portless = CiliumNames.portless.first(where: { $0.name == text }) {
        guard fields["port"] == nil, fields["endPort"] == nil else {
          throw node.invalid("\(text) has no ports")
        }
        return [PolicyPort(transport: portless.transport, match: .any)]
      }
      switch text {
      case "ANY": break
      case "TCP", "UDP", "SCTP":
        isAny = false
        transports = transports.filter { $0.description == text }
      default: throw name.invalid("unknown protocol \(text.quoted)")
      }
    }
    if isL7, transports == [.sctp] { throw node.invalid("DNS rules are for TCP and UDP only") }
    let portNode = try fields.required("port")
    let text = try portNode.string()
    guard !text.isEmpty, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else {
      let name = text.lowercased()
      guard KubernetesSyntax.isPortName(name) else {
        throw portNode.invalid("\(text.quoted) is not a port number or name")
      }
      if let end = fields["endPort"] { throw end.invalid("endPort needs a numeric port") }
      return transports.map { PolicyPort(transport: $0, match: .named(name)) }
    }
    guard let first = UInt16(text) else {
      throw portNode.invalid("port \(text.quoted) is out of range")
    }
    if first == 0 {
      // Port 0 stands for every port.
      if let end = fields["endPort"] { throw end.invalid("endPort needs a port above 0") }
      if isL7 { throw portNode.invalid("DNS rules need a port") }
      if isAny { return [PolicyPort(transport: nil, match: .any)] }
      return transports.map { PolicyPort(transport: $0, match: .any) }
    }
    let last = try fields["endPort"]?.endPort(from: first) ?? first
    return transports.map { PolicyPort(transport: $0, match: .range(first, last)) }
  }

  private func icmps(_ fields: ManifestFields) throws(ManifestError) -> [PolicyPort] {
    var result: [PolicyPort] = []
    for item in try fields.items("icmps") {
      for field in try item.fields(["fields"]).items("fields") {
        let parts = try field.fields(["family", "type"])
        var isIPv6 = false
        if let family = parts["family"] {
          let text = try family.string()
          guard text == "IPv4" || text == "IPv6" else {
            throw family.invalid("unknown family \(text.quoted)")
          }
          isIPv6 = text == "IPv6"
        }
        let typeNode = try parts.required("type")
        let type: UInt8?
        switch try typeNode.scalar() {
        case .integer(let number): type = UInt8(exactly: number)
        case .string(let name):
          type = UInt8(name) ?? CiliumNames.icmpType(name, isIPv6: isIPv6)
        default: type = nil
        }
        guard let type else { throw typeNode.invalid("unknown ICMP type") }
        result.append(
          PolicyPort(
            transport: isIPv6 ? .icmpv6 : .icmp,
            match: .icmp(type: type, code: nil)
          )
        )
      }
    }
    return result
  }
}
