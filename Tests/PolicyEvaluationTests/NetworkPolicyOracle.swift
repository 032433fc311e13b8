import FlowModel
import PolicyModel
import TestSupport

/// NetworkPolicy read straight from its specification: text, dictionaries and loops, nothing shared with
/// the evaluator but the connection it is asked about.
struct NetworkPolicyOracle {
  struct Selector {
    var labels: [String: String] = [:]
    var present: [String] = []
    var absent: [String] = []
    var noneOf: [String: [String]] = [:]

    func selects(_ pod: [String: String]) -> Bool {
      for (key, value) in labels where pod[key] != value { return false }
      for key in present where pod[key] == nil { return false }
      for key in absent where pod[key] != nil { return false }
      for (key, values) in noneOf {
        if let value = pod[key], values.contains(value) { return false }
      }
      return true
    }

    var model: LabelSelector {
      .requirements(
        labels.map { .equals($0.key, $0.value) } + present.map { LabelRequirement($0, .exists) }
          + absent.map { LabelRequirement($0, .doesNotExist) }
          + noneOf.map { LabelRequirement($0.key, .notIn, $0.value) }
      )
    }
  }

  enum Peer {
    case pods(namespaces: Selector?, pods: Selector?)
    case block(base: UInt32, bits: Int, holes: [(base: UInt32, bits: Int)])
  }

  struct Port {
    var transport: TransportProtocol
    var number: Int?
    var name: String?
    var end: Int?
  }

  struct Rule {
    var peers: [Peer]
    var ports: [Port]
  }

  struct Policy {
    var namespace: String
    var subject: Selector
    var types: [String]
    var ingress: [Rule]
    var egress: [Rule]
  }

  struct End {
    var namespace: String?
    var namespaceLabels: [String: String] = [:]
    var labels: [String: String] = [:]
    var address: UInt32
    var named: [(name: String, transport: TransportProtocol, number: Int)] = []
  }

  var policies: [Policy]

  func allows(_ source: End, _ destination: End, _ transport: TransportProtocol, _ port: Int)
    -> Bool
  {
    passes("Egress", of: source, other: destination, server: destination, transport, port)
      && passes("Ingress", of: destination, other: source, server: destination, transport, port)
  }

  func passes(
    _ type: String,
    of end: End,
    other: End,
    server: End,
    _ transport: TransportProtocol,
    _ port: Int
  ) -> Bool {
    guard let namespace = end.namespace else { return true }
    var isolated = false
    for policy in policies {
      guard policy.namespace == namespace, policy.subject.selects(end.labels),
        policy.types.contains(type)
      else { continue }
      isolated = true
      for rule in type == "Ingress" ? policy.ingress : policy.egress {
        let peerFits =
          rule.peers.isEmpty || rule.peers.contains { fits($0, other, policy.namespace) }
        let portFits =
          rule.ports.isEmpty || rule.ports.contains { fits($0, server, transport, port) }
        if peerFits && portFits { return true }
      }
    }
    return !isolated
  }

  private func fits(_ peer: Peer, _ end: End, _ own: String) -> Bool {
    switch peer {
    case .pods(let namespaces, let pods):
      guard let namespace = end.namespace else { return false }
      if let namespaces {
        if !namespaces.selects(end.namespaceLabels) { return false }
      } else if namespace != own {
        return false
      }
      return pods?.selects(end.labels) ?? true
    case .block(let base, let bits, let holes):
      guard end.namespace == nil else { return false }
      func inside(_ base: UInt32, _ bits: Int) -> Bool {
        bits == 0 || end.address >> UInt32(32 - bits) == base >> UInt32(32 - bits)
      }
      return inside(base, bits) && !holes.contains { inside($0.base, $0.bits) }
    }
  }

  private func fits(_ entry: Port, _ server: End, _ transport: TransportProtocol, _ port: Int)
    -> Bool
  {
    guard entry.transport == transport else { return false }
    if let name = entry.name {
      return server.named.contains {
        $0.name == name && $0.transport == transport && $0.number == port
      }
    }
    guard let number = entry.number else { return true }
    return port >= number && port <= entry.end ?? number
  }
}

// MARK: - The same in the evaluator's model

extension NetworkPolicyOracle {
  var model: [PolicyModel.Policy] {
    policies.enumerated().map { index, policy in
      PolicyModel.Policy(
        kind: .networkPolicy,
        name: "p\(index)",
        namespace: policy.namespace,
        subject: PodMatch(pods: policy.subject.model),
        isolates: Set(policy.types.map { $0 == "Ingress" ? .ingress : .egress }),
        rules: policy.ingress.map { Self.rule($0, .ingress) }
          + policy.egress.map { Self.rule($0, .egress) }
      )
    }
  }

  private static func rule(_ rule: Rule, _ direction: Direction) -> PolicyRule {
    PolicyRule(
      direction: direction,
      peers: rule.peers.isEmpty ? nil : rule.peers.map(peer),
      ports: rule.ports.isEmpty ? nil : rule.ports.map(port)
    )
  }

  private static func peer(_ peer: Peer) -> PolicyPeer {
    switch peer {
    case .pods(let namespaces, let pods):
      .pods(
        PodMatch(
          namespaces: namespaces.map { .selector($0.model) } ?? .own,
          pods: pods?.model ?? .everything
        )
      )
    case .block(let base, let bits, let holes):
      .cidr(block(base, bits), except: holes.map { block($0.base, $0.bits) })
    }
  }

  private static func block(_ base: UInt32, _ bits: Int) -> CIDR {
    CIDR(IPAddress(ipv4: base), prefixLength: bits) ?? .worldIPv4
  }

  private static func port(_ port: Port) -> PolicyPort {
    if let name = port.name { return PolicyPort(transport: port.transport, match: .named(name)) }
    guard let number = port.number else {
      return PolicyPort(transport: port.transport, match: .any)
    }
    return PolicyPort(
      transport: port.transport,
      match: .range(UInt16(number), UInt16(port.end ?? number))
    )
  }
}

extension NetworkPolicyOracle.End {
  var model: PolicyEndpoint {
    guard let namespace else { return .external(CIDR(single: IPAddress(ipv4: address))) }
    return PolicyEndpoint(
      namespace: namespace,
      isPod: true,
      labels: Labels(labels.map { ($0.key, $0.value) }),
      namespaceLabels: Labels(namespaceLabels.map { ($0.key, $0.value) }),
      addresses: [CIDR(single: IPAddress(ipv4: address))],
      namedPorts: named.map {
        .init(name: $0.name, transport: $0.transport, port: UInt16($0.number))
      }
    )
  }
}

// MARK: - Random cases

extension NetworkPolicyOracle {
  static let namespaces = ["n0", "n1"]
  static let ports = [1, 79, 80, 443, 444]
  static let transports: [TransportProtocol] = [.tcp, .udp, .sctp]

  static func end(_ seed: inout Seed) -> End {
    let address = UInt32.random(in: 0..<64, using: &seed) << 26 | 5
    guard Int.random(in: 0..<4, using: &seed) > 0 else {
      return End(namespace: nil, address: address)
    }
    let namespace = namespaces.randomElement(using: &seed) ?? "n0"
    var labels: [String: String] = [:]
    for key in ["a", "b"] where Bool.random(using: &seed) {
      labels[key] = ["x", "y"].randomElement(using: &seed)
    }
    var end = End(
      namespace: namespace,
      namespaceLabels: [
        "kubernetes.io/metadata.name": namespace, "a": namespace == "n0" ? "x" : "y",
      ],
      labels: labels,
      address: address
    )
    for name in ["http", "dns"] where Bool.random(using: &seed) {
      end.named.append(
        (
          name, transports.randomElement(using: &seed) ?? .tcp,
          ports.randomElement(using: &seed) ?? 80
        )
      )
    }
    return end
  }

  static func selector(_ seed: inout Seed) -> Selector {
    var selector = Selector()
    for key in ["a", "b"] {
      let value = ["x", "y"].randomElement(using: &seed) ?? "x"
      switch Int.random(in: 0..<8, using: &seed) {
      case 0, 1: selector.labels[key] = value
      case 2: selector.present.append(key)
      case 3: selector.absent.append(key)
      case 4: selector.noneOf[key] = [value]
      default: break
      }
    }
    return selector
  }

  static func rule(_ seed: inout Seed) -> Rule {
    var rule = Rule(peers: [], ports: [])
    for _ in 0..<Int.random(in: 0..<3, using: &seed) {
      if Int.random(in: 0..<3, using: &seed) == 0 {
        let base = UInt32.random(in: 0..<16, using: &seed) << 28
        let bits = Int.random(in: 0...4, using: &seed)
        let hole = UInt32.random(in: 0..<64, using: &seed) << 26
        rule.peers.append(
          .block(base: base, bits: bits, holes: Bool.random(using: &seed) ? [(hole, 6)] : [])
        )
      } else {
        rule.peers.append(
          .pods(
            namespaces: Bool.random(using: &seed) ? selector(&seed) : nil,
            pods: Bool.random(using: &seed) ? selector(&seed) : nil
          )
        )
      }
    }
    for _ in 0..<Int.random(in: 0..<3, using: &seed) {
      var port = Port(transport: transports.randomElement(using: &seed) ?? .tcp)
      switch Int.random(in: 0..<4, using: &seed) {
      case 0: port.name = ["http", "dns"].randomElement(using: &seed)
      case 1: break
      case 2: port.number = ports.randomElement(using: &seed)
      default:
        port.number = 80
        port.end = 443
      }
      rule.ports.append(port)
    }
    return rule
  }

  init(random seed: inout Seed) {
    policies = []
    for _ in 0..<Int.random(in: 0..<5, using: &seed) {
      var policy = Policy(
        namespace: Self.namespaces.randomElement(using: &seed) ?? "n0",
        subject: Self.selector(&seed),
        types: [["Ingress"], ["Egress"], ["Ingress", "Egress"]].randomElement(using: &seed) ?? [],
        ingress: [],
        egress: []
      )
      for _ in 0..<Int.random(in: 0..<3, using: &seed) { policy.ingress.append(Self.rule(&seed)) }
      for _ in 0..<Int.random(in: 0..<3, using: &seed) { policy.egress.append(Self.rule(&seed)) }
      policies.append(policy)
    }
  }
}
