import FlowModel
import TestSupport

/// Random cases, and the same as YAML.
extension CalicoOracle {
  static let ends: [End] = {
    var ends: [End] = []
    for (index, namespace) in ["n0", "n1"].enumerated() {
      for (number, labels) in [["a": "x"], ["a": "y", "b": "x"], [:]].enumerated() {
        let address = UInt32(0x0a00_0000 + index * 0x0100_0000 + number)
        ends.append(End(namespace: namespace, labels: labels, address: address))
      }
    }
    ends.append(End(address: 0x0a00_0063, isHost: true))
    ends.append(End(address: 0x0909_0909))
    ends.append(End(address: 0x2200_0001))
    return ends
  }()

  static let connections: [(TransportProtocol, Int)] = [
    (.tcp, 79), (.tcp, 80), (.tcp, 443), (.udp, 80), (.sctp, 80), (.icmp, 8), (.icmpv6, 8),
  ]

  private static func some<T>(_ values: [T], _ seed: inout Seed) -> T {
    values[Int.random(in: values.indices, using: &seed)]
  }

  private static func test(_ keys: [String], _ seed: inout Seed, depth: Int = 2) -> Test {
    let key = some(keys, &seed)
    let value = some(["x", "y"], &seed)
    switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &seed) {
    case 0: return .all
    case 1, 2: return .equals(key, value)
    case 3: return .differs(key, value)
    case 4: return .has(key)
    case 5: return .both(test(keys, &seed, depth: depth - 1), test(keys, &seed, depth: depth - 1))
    case 6:
      return .either(test(keys, &seed, depth: depth - 1), test(keys, &seed, depth: depth - 1))
    default: return .not(test(keys, &seed, depth: depth - 1))
    }
  }

  private static func side(_ seed: inout Seed) -> Side {
    var side = Side()
    let nets: [(base: UInt32, bits: Int)] = [
      (0x0a00_0000, 8), (0x0800_0000, 6), (0, 0), (0x2200_0001, 32),
    ]
    switch Int.random(in: 0..<8, using: &seed) {
    case 0, 1: side.selector = test(["a", "b"], &seed)
    case 2: side.notSelector = test(["a", "b"], &seed)
    case 3: side.namespaces = test(["team"], &seed)
    case 4:
      side.namespaces = test(["team"], &seed)
      side.selector = test(["a", "b"], &seed)
    case 5: side.nets = [some(nets, &seed)]
    case 6:
      side.nets = Bool.random(using: &seed) ? [(0, 0)] : []
      side.notNets = [some([nets[0], nets[1], nets[3]], &seed)]
    default: break
    }
    return side
  }

  private static func rule(_ type: String, _ seed: inout Seed) -> Rule {
    var rule = Rule(action: some(["Allow", "Allow", "Deny", "Pass", "Log"], &seed))
    if type == "Ingress" || Int.random(in: 0..<4, using: &seed) == 0 { rule.source = side(&seed) }
    if type == "Egress" || Int.random(in: 0..<4, using: &seed) == 0 {
      rule.destination = side(&seed)
    }
    switch Int.random(in: 0..<5, using: &seed) {
    case 0:
      rule.transport = .tcp
      rule.ports = [some([(80, 80), (79, 443), (443, 443)], &seed)]
    case 1:
      rule.transport = some([.tcp, .udp, .sctp], &seed)
      rule.notPorts = [some([79, 80], &seed)]
    case 2: rule.transport = some([.udp, .icmp, .icmpv6, .tcp], &seed)
    case 3:
      rule.transport = some([.icmp, .icmpv6], &seed)
      rule.icmpType = some([8, 0], &seed)
    default: break
    }
    return rule
  }

  init(random seed: inout Seed) {
    tiers = [
      (
        "early", Self.some([10, 500_000], &seed), Bool.random(using: &seed)
      ),
      ("late", Self.some([nil, 2_000_000], &seed), Bool.random(using: &seed)),
    ]
    policies = []
    kubernetes = []
    for index in 0..<Int.random(in: 1...5, using: &seed) {
      var policy = Policy(
        name: "p\(index)",
        namespace: Self.some([nil, "n0", "n1"], &seed),
        tier: Self.some(["default", "default", "early", "late"], &seed),
        order: Self.some([nil, 10, 10, 20, 1000, 2000], &seed),
        subject: Self.test(["a", "b"], &seed),
        types: Self.some([nil, ["Ingress"], ["Egress"], ["Ingress", "Egress"]], &seed),
        ingress: [],
        egress: []
      )
      for _ in 0..<Int.random(in: 0...3, using: &seed) {
        policy.ingress.append(Self.rule("Ingress", &seed))
      }
      for _ in 0..<Int.random(in: 0...2, using: &seed) {
        policy.egress.append(Self.rule("Egress", &seed))
      }
      policies.append(policy)
      guard Int.random(in: 0..<4, using: &seed) == 0 else { continue }
      // A staged policy for the one just made, or for none.
      policy.staged = Self.some(["Set", "Set", "Delete", "Learn", "Ignore"], &seed)
      if Bool.random(using: &seed) { policy.name = "s\(index)" }
      policy.ingress = [Self.rule("Ingress", &seed)]
      policies.append(policy)
    }
    for index in 0..<Int.random(in: 0...2, using: &seed) {
      kubernetes.append(
        (
          "k\(index)", Self.some(["n0", "n1"], &seed), Self.some(["x", "y"], &seed),
          Self.some([79, 80], &seed)
        )
      )
    }
  }

  // MARK: YAML

  var yaml: String {
    var documents = tiers.map { tier in
      let order = tier.order.map { "order: \($0), " } ?? ""
      return """
        apiVersion: projectcalico.org/v3
        kind: Tier
        metadata: {name: \(tier.name)}
        spec: {\(order)defaultAction: \(tier.passes ? "Pass" : "Deny")}
        """
    }
    documents += policies.map(Self.yaml)
    documents += kubernetes.map { policy in
      """
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: \(policy.name), namespace: \(policy.namespace)}
      spec:
        podSelector: {matchLabels: {a: "\(policy.label)"}}
        ingress: [{ports: [{port: \(policy.port)}]}]
      """
    }
    return documents.joined(separator: "\n---\n")
  }

  private static func yaml(_ policy: Policy) -> String {
    var fields = ["selector: \"\(policy.subject.text)\""]
    if policy.tier != "default" { fields.append("tier: \(policy.tier)") }
    if let order = policy.order { fields.append("order: \(order)") }
    if let types = policy.types { fields.append("types: [\(types.joined(separator: ", "))]") }
    if let action = policy.staged { fields.append("stagedAction: \(action)") }
    for (name, rules) in [("ingress", policy.ingress), ("egress", policy.egress)]
    where !rules.isEmpty {
      fields.append("\(name): [\(rules.map(yaml).joined(separator: ", "))]")
    }
    let isStaged = policy.staged != nil
    let isGlobal = policy.namespace == nil
    let namespace = policy.namespace.map { ", namespace: \($0)" } ?? ""
    return """
      apiVersion: projectcalico.org/v3
      kind: \(isStaged ? "Staged" : "")\(isGlobal ? "Global" : "")NetworkPolicy
      metadata: {name: \(policy.name)\(namespace)}
      spec: {\(fields.joined(separator: ", "))}
      """
  }

  private static func yaml(_ rule: Rule) -> String {
    var fields = ["action: \(rule.action)"]
    if let transport = rule.transport { fields.append("protocol: \(transport)") }
    if let type = rule.icmpType { fields.append("icmp: {type: \(type)}") }
    var destination = yaml(rule.destination)
    if !rule.ports.isEmpty {
      let ports = rule.ports.map { $0.0 == $0.1 ? "\($0.0)" : "\"\($0.0):\($0.1)\"" }
      destination.append("ports: [\(ports.joined(separator: ", "))]")
    }
    if !rule.notPorts.isEmpty {
      destination.append("notPorts: [\(rule.notPorts.map(String.init).joined(separator: ", "))]")
    }
    for (name, parts) in [("source", yaml(rule.source)), ("destination", destination)]
    where !parts.isEmpty {
      fields.append("\(name): {\(parts.joined(separator: ", "))}")
    }
    return "{\(fields.joined(separator: ", "))}"
  }

  private static func yaml(_ side: Side) -> [String] {
    func nets(_ nets: [(base: UInt32, bits: Int)]) -> String {
      nets.map { "\(IPAddress(ipv4: $0.base))/\($0.bits)" }.joined(separator: ", ")
    }
    var fields: [String] = []
    if let test = side.selector { fields.append("selector: \"\(test.text)\"") }
    if let test = side.notSelector { fields.append("notSelector: \"\(test.text)\"") }
    if let test = side.namespaces { fields.append("namespaceSelector: \"\(test.text)\"") }
    if !side.nets.isEmpty { fields.append("nets: [\(nets(side.nets))]") }
    if !side.notNets.isEmpty { fields.append("notNets: [\(nets(side.notNets))]") }
    return fields
  }
}
