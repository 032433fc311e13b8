import FlowModel
import PolicyModel

/// Reads the `spec` of a NetworkPolicy, and of Calico's StagedKubernetesNetworkPolicy.
struct KubernetesPolicyReader {
  let kind: PolicyKind
  let metadata: Metadata
  var log: WarningList

  mutating func policy(_ spec: ManifestNode) throws(ManifestError) -> Policy {
    let known = ["podSelector", "policyTypes", "ingress", "egress"]
    let fields = try spec.fields(kind.isStaged ? known + ["stagedAction"] : known)
    var stagedAction: String?
    if kind.isStaged { stagedAction = try CalicoPolicyReader.stagedAction(fields) }
    var pods = LabelSelector.everything
    if let node = fields["podSelector"] {
      pods = try selector(node)
    } else if !kind.isStaged {
      throw spec.invalid("podSelector is missing")
    }
    let isolates = try types(fields)
    var rules: [(rule: PolicyRule, node: ManifestNode)] = []
    for direction in Direction.allCases {
      guard let node = fields[direction.rawValue] else { continue }
      for item in try node.items() {
        let rule = try rule(item, direction)
        if isolates.contains(direction) { rules.append((rule, item)) }
      }
      if !isolates.contains(direction) {
        log.add(node, "the rules have no effect: policyTypes does not name their direction")
      }
    }
    log.checkReach(rules)
    return Policy(
      kind: kind,
      name: metadata.name,
      namespace: metadata.namespace,
      labels: metadata.labels,
      annotations: metadata.annotations,
      subject: PodMatch(pods: pods),
      isolates: isolates,
      rules: rules.map(\.rule),
      stagedAction: stagedAction
    )
  }

  private func types(_ fields: ManifestFields) throws(ManifestError) -> Set<Direction> {
    var isolates: Set<Direction> = []
    for item in try fields.items("policyTypes") {
      switch try item.string() {
      case "Ingress": isolates.insert(.ingress)
      case "Egress": isolates.insert(.egress)
      case let other: throw item.invalid("unknown policy type \(other.quoted)")
      }
    }
    if !isolates.isEmpty { return isolates }
    let hasEgress = try !fields.items("egress").isEmpty
    return hasEgress ? [.ingress, .egress] : [.ingress]
  }

  private mutating func selector(_ node: ManifestNode) throws(ManifestError) -> LabelSelector {
    let selector = LabelSelector.requirements(try node.labelRequirements())
    log.check(selector, at: node)
    return selector
  }

  private mutating func rule(
    _ node: ManifestNode,
    _ direction: Direction
  ) throws(ManifestError) -> PolicyRule {
    let peerKey = direction == .ingress ? "from" : "to"
    if node.isNull { return PolicyRule(direction: direction, peers: nil, ports: nil) }
    let fields = try node.fields([peerKey, "ports"])
    var peers: [PolicyPeer] = []
    for item in try fields.items(peerKey) { peers.append(try peer(item)) }
    var ports: [PolicyPort] = []
    for item in try fields.items("ports") { ports.append(try port(item)) }
    return PolicyRule(
      direction: direction,
      peers: peers.isEmpty ? nil : peers,
      ports: ports.isEmpty ? nil : ports
    )
  }

  private mutating func peer(_ node: ManifestNode) throws(ManifestError) -> PolicyPeer {
    let fields = try node.fields(["podSelector", "namespaceSelector", "ipBlock"])
    if let block = fields["ipBlock"] {
      guard fields["podSelector"] == nil, fields["namespaceSelector"] == nil else {
        throw node.invalid("ipBlock cannot be combined with selectors")
      }
      let parts = try block.fields(["cidr", "except"])
      let prefix = try parts.required("cidr").prefix(allowingAddress: false)
      let except = try parts["except"]?.exceptions(of: prefix, strictly: true) ?? []
      return .cidr(prefix, except: except)
    }
    guard fields["podSelector"] != nil || fields["namespaceSelector"] != nil else {
      throw node.invalid("a peer needs podSelector, namespaceSelector or ipBlock")
    }
    var match = PodMatch(pods: .everything)
    if let pods = fields["podSelector"] { match.pods = try selector(pods) }
    if let namespaces = fields["namespaceSelector"] {
      match.namespaces = .selector(try selector(namespaces))
    }
    return .pods(match)
  }

  private func port(_ node: ManifestNode) throws(ManifestError) -> PolicyPort {
    let fields = try node.fields(["protocol", "port", "endPort"])
    var transport = TransportProtocol.tcp
    if let name = fields["protocol"] {
      switch try name.string() {
      case "TCP": transport = .tcp
      case "UDP": transport = .udp
      case "SCTP": transport = .sctp
      case let other: throw name.invalid("unknown protocol \(other.quoted)")
      }
    }
    guard let portNode = fields["port"] else {
      if let end = fields["endPort"] { throw end.invalid("endPort needs a port") }
      return PolicyPort(transport: transport, match: .any)
    }
    if case .string(let name)? = try portNode.scalar() {
      guard KubernetesSyntax.isPortName(name) else {
        throw portNode.invalid("\(name.quoted) is not a port name")
      }
      if let end = fields["endPort"] { throw end.invalid("endPort needs a numeric port") }
      return PolicyPort(transport: transport, match: .named(name))
    }
    let first = try portNode.portNumber()
    let last = try fields["endPort"]?.endPort(from: first) ?? first
    return PolicyPort(transport: transport, match: .range(first, last))
  }
}
