import FlowModel
import PolicyModel

/// Reads Calico's NetworkPolicy, GlobalNetworkPolicy and their staged forms.
struct CalicoPolicyReader {
  let kind: PolicyKind
  let metadata: Metadata
  let networkSets: [NetworkSet]
  var log: WarningList

  /// What Calico puts on endpoints besides the labels of the pod.
  private static let foreignLabelPrefixes = ["pcns.", "pcsa.", "projectcalico.org/"]

  mutating func policy(_ spec: ManifestNode) throws(ManifestError) -> Policy {
    let known = ["tier", "order", "selector", "types", "ingress", "egress", "performanceHints"]
    let fields = try spec.fields(
      known + (kind.isStaged ? ["stagedAction"] : [])
        + (kind.isNamespaced ? [] : ["namespaceSelector"]),
      unsupported: ["serviceAccountSelector"]
        + (kind.isNamespaced ? [] : ["doNotTrack", "preDNAT", "applyOnForward"])
    )
    var tier = "default"
    if let node = fields["tier"] {
      tier = try node.string()
      guard KubernetesSyntax.isDNSSubdomain(tier) else {
        throw node.invalid("\(tier.quoted) is not a tier's name")
      }
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
        log.add(node, "the rules have no effect: types does not name their direction")
      }
    }
    log.checkReach(rules)
    return Policy(
      kind: kind,
      name: metadata.name,
      namespace: metadata.namespace,
      labels: metadata.labels,
      annotations: metadata.annotations,
      subject: try pods(fields) ?? PodMatch(namespaces: base, pods: .everything),
      isolates: isolates,
      rules: rules.map(\.rule),
      tier: tier,
      order: try fields["order"]?.number(),
      stagedAction: kind.isStaged ? try CalicoPolicyReader.stagedAction(fields) : nil
    )
  }

  /// What a selector without a namespace selector is about.
  private var base: NamespaceMatch { kind.isNamespaced ? .own : .all }

  /// `stagedAction`, `Set` when absent.
  static func stagedAction(_ fields: ManifestFields) throws(ManifestError) -> String {
    guard let node = fields["stagedAction"] else { return "Set" }
    let action = try node.string()
    guard ["Set", "Delete", "Learn", "Ignore"].contains(action) else {
      throw node.invalid("unknown stagedAction \(action.quoted)")
    }
    return action
  }

  /// The name of a stored object without the tier that storage puts before it.
  static func name(_ name: String, _ spec: ManifestNode) throws(ManifestError) -> String {
    let tier = try spec.fields()["tier"]?.string() ?? "default"
    return name.hasPrefix(tier + ".") ? String(name.dropFirst(tier.count + 1)) : name
  }

  private func types(_ fields: ManifestFields) throws(ManifestError) -> Set<Direction> {
    var isolates: Set<Direction> = []
    for item in try fields.items("types") {
      let direction: Direction
      switch try item.string() {
      case "Ingress": direction = .ingress
      case "Egress": direction = .egress
      case let other: throw item.invalid("unknown type \(other.quoted)")
      }
      guard isolates.insert(direction).inserted else { throw item.invalid("given twice") }
    }
    if !isolates.isEmpty { return isolates }
    let hasIngress = try !fields.items("ingress").isEmpty
    let hasEgress = try !fields.items("egress").isEmpty
    if hasEgress { isolates.insert(.egress) }
    if hasIngress || !hasEgress { isolates.insert(.ingress) }
    return isolates
  }

  // MARK: - Rules

  private mutating func rule(
    _ node: ManifestNode,
    _ direction: Direction
  ) throws(ManifestError) -> PolicyRule {
    // A rule's annotations say nothing about what it matches.
    let fields = try node.fields(
      ["action", "protocol", "icmp", "source", "destination", "metadata"],
      unsupported: ["notProtocol", "notICMP", "ipVersion", "http"]
    )
    let actionNode = try fields.required("action")
    let actions: [String: RuleAction] = [
      "Allow": .allow, "Deny": .deny, "Pass": .pass, "Log": .log,
    ]
    guard let action = actions[try actionNode.string()] else {
      throw actionNode.invalid("expected Allow, Deny, Pass or Log")
    }
    let transport = try fields["protocol"].map(CalicoPolicyReader.transport)
    var entities: [String: EndpointMatch] = [:]
    var setPeer: EndpointMatch?
    var ports: [PolicyPort]?
    var notPorts: [PolicyPort] = []
    for side in ["source", "destination"] {
      guard let entity = fields[side] else { continue }
      let canHavePorts = side == "destination"
      let portKeys = ["ports", "notPorts"]
      let parts = try entity.fields(
        ["selector", "notSelector", "namespaceSelector", "nets", "notNets"]
          + (canHavePorts ? portKeys : []),
        unsupported: ["serviceAccounts", "services"] + (canHavePorts ? [] : portKeys)
      )
      let end = try match(parts)
      entities[side] = end.labelled
      if (side == "source") == (direction == .ingress) {
        setPeer = end.bySets
      } else if end.bySets != nil {
        throw entity.unsupported("a network set at the policy's own end")
      }
      guard canHavePorts else { continue }
      let included = try self.ports(parts, "ports", transport)
      if !included.isEmpty { ports = included }
      notPorts = try self.ports(parts, "notPorts", transport)
    }
    if let icmp = fields["icmp"] {
      guard let transport, transport.isICMP else {
        throw icmp.invalid("icmp needs protocol ICMP or ICMPv6")
      }
      ports = [PolicyPort(transport: transport, match: try CalicoPolicyReader.icmp(icmp))]
    }
    if ports == nil, let transport {
      ports = [PolicyPort(transport: transport, match: .any)]
    }
    let peer = entities[direction == .ingress ? "source" : "destination"] ?? EndpointMatch()
    let own = entities[direction == .ingress ? "destination" : "source"]
    return PolicyRule(
      direction: direction,
      action: action,
      peers: peer.isEmpty ? nil : ([peer] + (setPeer.map { [$0] } ?? [])).map { .match($0) },
      ports: ports,
      notPorts: notPorts,
      subjectMatch: own
    )
  }

  private static func transport(_ node: ManifestNode) throws(ManifestError) -> TransportProtocol {
    let names: [String: TransportProtocol] = [
      "tcp": .tcp, "udp": .udp, "sctp": .sctp, "icmp": .icmp, "icmpv6": .icmpv6,
      "udplite": TransportProtocol(number: 136),
    ]
    switch try node.scalar() {
    case .integer(let number):
      if let number = UInt8(exactly: number), number > 0 {
        return TransportProtocol(number: number)
      }
    case .string(let text):
      if let known = names[text.lowercased()] { return known }
      if let number = UInt8(text), number > 0 { return TransportProtocol(number: number) }
    default: break
    }
    throw node.invalid("unknown protocol")
  }

  private static func icmp(_ node: ManifestNode) throws(ManifestError) -> PolicyPort.Match {
    let fields = try node.fields(["type", "code"])
    var numbers: [String: UInt8] = [:]
    for key in ["type", "code"] {
      guard let part = fields[key] else { continue }
      let value = try part.integer()
      guard let number = UInt8(exactly: value), number < 255 || key == "code" else {
        throw part.invalid("\(value) is out of range")
      }
      numbers[key] = number
    }
    guard numbers["code"] == nil || numbers["type"] != nil else {
      throw node.invalid("an ICMP code needs a type")
    }
    return .icmp(type: numbers["type"], code: numbers["code"])
  }

  private func ports(
    _ fields: ManifestFields,
    _ key: String,
    _ transport: TransportProtocol?
  ) throws(ManifestError) -> [PolicyPort] {
    var result: [PolicyPort] = []
    for item in try fields.items(key) {
      guard let transport, transport.hasPorts else {
        throw item.invalid("ports need protocol TCP, UDP or SCTP")
      }
      result.append(PolicyPort(transport: transport, match: try CalicoPolicyReader.port(item)))
    }
    return result
  }

  private static func port(_ node: ManifestNode) throws(ManifestError) -> PolicyPort.Match {
    guard case .string(let text)? = try node.scalar() else {
      let number = try node.portNumber()
      return .range(number, number)
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let isNumeric = parts.allSatisfy { part in
      !part.isEmpty && part.utf8.allSatisfy { 0x30...0x39 ~= $0 }
    }
    if isNumeric, parts.count <= 2, let low = parts.first, let high = parts.last {
      guard let first = UInt16(low), let last = UInt16(high), first > 0, first <= last else {
        throw node.invalid("the port range \(text.quoted) is not valid")
      }
      return .range(first, last)
    }
    guard isPortName(text) else {
      throw node.invalid("\(text.quoted) is not a port, range or port name")
    }
    return .named(text)
  }

  /// Whether text is a port name as Calico takes it.
  static func isPortName(_ text: String) -> Bool {
    let isWord = text.utf8.allSatisfy { byte in
      0x30...0x39 ~= byte || 0x41...0x5a ~= byte || 0x61...0x7a ~= byte
        || "_.-".utf8.contains(byte)
    }
    let isNumber = text.utf8.allSatisfy { 0x30...0x39 ~= $0 }
    return (1...128).contains(text.utf8.count) && isWord && !isNumber
  }

  // MARK: - Ends of a rule

  /// What an end must be, and the same for the addresses of network sets that its selectors find.
  private mutating func match(
    _ fields: ManifestFields
  ) throws(ManifestError) -> (labelled: EndpointMatch, bySets: EndpointMatch?) {
    var result = EndpointMatch()
    result.pods = try pods(fields)
    if let node = fields["notSelector"], let negated = try selector(node) {
      guard case .labels(let labels) = negated else {
        throw node.unsupported("global() in notSelector")
      }
      try checkLabels(labels, node)
      result.notPods = labels
      // As Calico has it, a namespaced policy's negative selector is about its own namespace.
      if kind.isNamespaced, result.pods == nil {
        result.pods = PodMatch(namespaces: .own, pods: .everything)
      }
    }
    let nets = try prefixes(fields, "nets")
    if !nets.isEmpty { result.nets = nets }
    result.notNets = try prefixes(fields, "notNets")
    let search = NetworkSetSearch(
      sets: networkSets,
      policyNamespace: kind.isNamespaced ? metadata.namespace : nil
    )
    let excluded = try search.excluded(by: fields)
    result.notNets += excluded.flatMap(\.nets)
    let found = try search.found(by: fields).filter { !excluded.contains($0) }
    return (result, result.within(found))
  }

  private func prefixes(
    _ fields: ManifestFields,
    _ key: String
  ) throws(ManifestError) -> [CIDR] {
    var result: [CIDR] = []
    for item in try fields.items(key) {
      let prefix = try item.prefix(allowingAddress: true)
      guard !result.contains(prefix) else { throw item.invalid("\(prefix) is given twice") }
      result.append(prefix)
    }
    return result
  }

  /// `selector` and `namespaceSelector` together; nil when neither says anything.
  private mutating func pods(_ fields: ManifestFields) throws(ManifestError) -> PodMatch? {
    var namespaces: NamespaceMatch?
    if let node = fields["namespaceSelector"], let parsed = try selector(node) {
      switch parsed {
      case .global:
        namespaces = .named([])
        log.add(node, "global() selects what lies in no namespace; no pod matches")
      case .labels(let labels):
        let named = labels.mappingKeys { key in
          key == NetworkSetSearch.namespaceNameLabel ? NamespaceMatch.nameLabel : key
        }
        namespaces = .selector(named)
      }
    }
    guard let node = fields["selector"], let parsed = try selector(node) else {
      return namespaces.map { PodMatch(namespaces: $0, pods: .everything) }
    }
    guard case .labels(let labels) = parsed else {
      throw node.unsupported("global() in selector")
    }
    var (own, pods) = try splitNamespace(labels, node)
    if let own {
      guard namespaces == nil else {
        throw node.unsupported("a test of the namespace beside namespaceSelector")
      }
      namespaces = own
      // Such a test does not lift the restriction to the policy's own namespace.
      if kind.isNamespaced {
        guard own == .named([metadata.namespace ?? ""]) else {
          throw node.unsupported("a test of another namespace in a namespaced selector")
        }
        namespaces = .own
      }
    }
    pods = pods.normalized()
    return PodMatch(namespaces: namespaces ?? base, pods: pods)
  }

  /// Takes a test of `projectcalico.org/namespace` out of a conjunction.
  private func splitNamespace(
    _ selector: LabelSelector,
    _ node: ManifestNode
  ) throws(ManifestError) -> (NamespaceMatch?, LabelSelector) {
    var parts = [selector.normalized()]
    if case .all(let members) = parts[0] { parts = members }
    var names: [LabelRequirement] = []
    var others: [LabelSelector] = []
    for part in parts {
      if case .requirement(let test) = part, test.key == NetworkSetSearch.namespaceLabel {
        names.append(LabelRequirement(NamespaceMatch.nameLabel, test.operation, test.values))
      } else {
        others.append(part)
      }
    }
    let rest = LabelSelector.all(others)
    try checkLabels(rest, node)
    guard !names.isEmpty else { return (nil, rest) }
    guard names.allSatisfy({ $0.operation != .doesNotExist }) else {
      throw node.unsupported("endpoints without a namespace")
    }
    let tests = names.filter { $0.operation != .exists }
    return (NamespaceMatch.selector(.requirements(tests)).normalized(), rest)
  }

  private func checkLabels(
    _ selector: LabelSelector,
    _ node: ManifestNode
  ) throws(ManifestError) {
    for test in selector.requirements {
      for prefix in CalicoPolicyReader.foreignLabelPrefixes where test.key.hasPrefix(prefix) {
        throw node.unsupported("a test of \(test.key.quoted), which is no label of a pod")
      }
    }
  }

  private mutating func selector(_ node: ManifestNode) throws(ManifestError) -> CalicoSelector? {
    let text = try node.string()
    if text.isEmpty { return nil }
    do {
      let selector = try CalicoSelectorParser.parse(text)
      if case .labels(let labels) = selector {
        let simple = labels.normalized()
        log.check(simple, at: node)
        return .labels(simple)
      }
      return selector
    } catch {
      throw node.invalid("bad selector \(text.quoted): \(error.problem)")
    }
  }
}

/// Reads Calico's Tier.
enum CalicoTierReader {
  static func tier(_ node: ManifestNode) throws(ManifestError) -> PolicyTier {
    let object = try node.fields(["apiVersion", "kind", "metadata", "spec", "status"])
    let metadata = try Metadata(object, isNamespaced: false, default: "")
    var tier = PolicyTier(name: metadata.name, order: nil)
    guard let spec = object["spec"] else { return tier }
    let fields = try spec.fields(["order", "defaultAction"])
    tier.order = try fields["order"]?.number()
    if let action = fields["defaultAction"] {
      switch try action.string() {
      case "Pass": tier.passesByDefault = true
      case "Deny": break
      default: throw action.invalid("expected Pass or Deny")
      }
    }
    return tier
  }
}
