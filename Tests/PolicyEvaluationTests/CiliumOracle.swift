import FlowModel
import PolicyModel
import TestSupport

/// Cilium's policies read straight from its documentation: dictionaries and loops, and YAML that only
/// the manifest reader turns into the model.
struct CiliumOracle {
  enum Peer {
    /// Labels, and the namespace asked for; `any` asks for every namespace.
    case endpoints(labels: [String: String], namespace: String?)
    case entity(String)
    case block(base: UInt32, bits: Int, holes: [UInt32])
    case name(String)
  }

  struct Port {
    var transport: TransportProtocol?
    var number: Int
    var end: Int?
  }

  /// A rule of one of the four lists; no peers key at all is nil.
  struct Rule {
    var peers: [Peer]?
    var ports: [Port] = []
    /// ICMP type and whether it is ICMPv6.
    var icmp: (type: Int, isIPv6: Bool)?
    var dns: [String] = []
  }

  struct Policy {
    var namespace: String?
    var subject: [String: String]
    var lists: [String: [Rule]]
    var defaultDeny: [String: Bool]
  }

  struct End {
    var namespace: String?
    var labels: [String: String] = [:]
    var entities: Set<String> = []
    var address: UInt32?
    var names: [String] = []

    var isOutside: Bool { namespace == nil && entities.contains("world") }
  }

  var policies: [Policy]

  // MARK: Deciding

  func allows(_ source: End, _ destination: End, _ transport: TransportProtocol, _ port: Int)
    -> Bool
  {
    passes("egress", of: source, other: destination, transport, port)
      && passes("ingress", of: destination, other: source, transport, port)
  }

  private func passes(
    _ direction: String,
    of end: End,
    other: End,
    _ transport: TransportProtocol,
    _ port: Int
  ) -> Bool {
    guard let namespace = end.namespace else { return true }
    let selecting = policies.filter { policy in
      (policy.namespace == nil || policy.namespace == namespace)
        && policy.subject.allSatisfy { end.labels[$0.key] == $0.value }
    }
    func someRule(_ list: String) -> Bool {
      selecting.contains { policy in
        (policy.lists[list] ?? []).contains { rule in
          takes(rule, other, policy.namespace, asking: selecting, isDeny: list.hasSuffix("Deny"))
            && takes(rule, transport, port)
        }
      }
    }
    if someRule(direction + "Deny") { return false }
    if someRule(direction) { return true }
    if direction == "ingress", other.entities.contains("host") { return true }
    return !selecting.contains { policy in
      let has =
        !(policy.lists[direction] ?? []).isEmpty
        || !(policy.lists[direction + "Deny"] ?? []).isEmpty
      return policy.defaultDeny[direction] ?? has
    }
  }

  private func takes(
    _ rule: Rule,
    _ end: End,
    _ own: String?,
    asking: [Policy],
    isDeny: Bool
  ) -> Bool {
    // Without peers and ports it selects nobody.
    guard let peers = rule.peers else { return !rule.ports.isEmpty || rule.icmp != nil }
    return peers.contains { peer in
      switch peer {
      case .endpoints(let labels, let wanted):
        guard let namespace = end.namespace else { return false }
        if wanted != "any", let asked = wanted ?? own, asked != namespace { return false }
        return labels.allSatisfy { end.labels[$0.key] == $0.value }
      case .entity("all"): return true
      case .entity("cluster"): return !end.isOutside
      case .entity(let entity): return end.entities.contains(entity)
      case .block(let base, let bits, let holes):
        guard end.isOutside else { return false }
        // Bare `world` may be any address: enough for a deny.
        guard let address = end.address else { return bits == 0 || isDeny }
        func isInside(_ base: UInt32, _ bits: Int) -> Bool {
          bits == 0 || address >> UInt32(32 - bits) == base >> UInt32(32 - bits)
        }
        return isInside(base, bits) && !holes.contains { isInside($0, 8) }
      case .name(let name):
        guard end.isOutside, end.names.contains(name) else { return false }
        return asking.contains { policy in
          // A rule for nobody lets no question through.
          (policy.lists["egress"] ?? []).contains {
            $0.peers?.isEmpty != true && $0.dns.contains { $0 == "*" || $0 == name }
          }
        }
      }
    }
  }

  private func takes(_ rule: Rule, _ transport: TransportProtocol, _ port: Int) -> Bool {
    if let icmp = rule.icmp {
      return transport == (icmp.isIPv6 ? .icmpv6 : .icmp) && port == icmp.type
    }
    if rule.ports.isEmpty { return true }
    return rule.ports.contains { entry in
      if entry.number == 0 { return entry.transport == nil || entry.transport == transport }
      guard transport.hasPorts, entry.transport == nil || entry.transport == transport else {
        return false
      }
      return port >= entry.number && port <= entry.end ?? entry.number
    }
  }
}

// MARK: - YAML

extension CiliumOracle {
  var yaml: String {
    policies.enumerated().map { index, policy in
      var fields = ["endpointSelector: {\(Self.labels(policy.subject, nil))}"]
      for (list, rules) in policy.lists.sorted(by: { $0.key < $1.key }) {
        let isIngress = list.hasPrefix("ingress")
        let texts = rules.map { Self.yaml($0, isIngress ? "from" : "to") }
        fields.append("\(list): [\(texts.joined(separator: ", "))]")
      }
      if !policy.defaultDeny.isEmpty {
        let switches = policy.defaultDeny.sorted { $0.key < $1.key }.map {
          "\($0.key): \($0.value)"
        }
        fields.append("enableDefaultDeny: {\(switches.joined(separator: ", "))}")
      }
      let namespace = policy.namespace.map { ", namespace: \($0)" } ?? ""
      return """
        apiVersion: cilium.io/v2
        kind: \(policy.namespace == nil ? "CiliumClusterwideNetworkPolicy" : "CiliumNetworkPolicy")
        metadata: {name: p\(index)\(namespace)}
        spec: {\(fields.joined(separator: ", "))}

        """
    }.joined(separator: "---\n")
  }

  private static func labels(_ labels: [String: String], _ namespace: String?) -> String {
    var pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key): \"\($0.value)\"" }
    var fields: [String] = []
    if let namespace, namespace != "any" {
      pairs.append("\"k8s:io.kubernetes.pod.namespace\": \(namespace)")
    }
    if !pairs.isEmpty { fields.append("matchLabels: {\(pairs.joined(separator: ", "))}") }
    if namespace == "any" {
      fields.append("matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]")
    }
    return fields.joined(separator: ", ")
  }

  private static func yaml(_ rule: Rule, _ side: String) -> String {
    var fields: [String] = []
    if let peers = rule.peers {
      var key = "Endpoints"
      let texts = peers.map { peer in
        switch peer {
        case .endpoints(let labels, let namespace): return "{\(Self.labels(labels, namespace))}"
        case .entity(let entity):
          key = "Entities"
          return entity
        case .block(let base, let bits, let holes):
          key = "CIDRSet"
          let except = holes.map { "\(IPAddress(ipv4: $0))/8" }.joined(separator: ", ")
          return "{cidr: \(IPAddress(ipv4: base))/\(bits), except: [\(except)]}"
        case .name(let name):
          key = "FQDNs"
          return "{matchName: \(name)}"
        }
      }
      fields.append("\(side)\(key): [\(texts.joined(separator: ", "))]")
    }
    if let icmp = rule.icmp {
      fields.append(
        "icmps: [{fields: [{family: \(icmp.isIPv6 ? "IPv6" : "IPv4"), type: \(icmp.type)}]}]"
      )
    }
    if !rule.ports.isEmpty {
      let ports = rule.ports.map { port in
        let transport = port.transport.map { ", protocol: \($0)" } ?? ""
        return "{port: \"\(port.number)\"\(transport)\(port.end.map { ", endPort: \($0)" } ?? "")}"
      }
      let names = rule.dns.map { $0 == "*" ? "{matchPattern: \"*\"}" : "{matchName: \($0)}" }
      let rules = names.isEmpty ? "" : ", rules: {dns: [\(names.joined(separator: ", "))]}"
      fields.append("toPorts: [{ports: [\(ports.joined(separator: ", "))]\(rules)}]")
    }
    return "{\(fields.joined(separator: ", "))}"
  }
}

// MARK: - Random cases

extension CiliumOracle {
  static let ends: [End] = {
    var ends: [End] = []
    for namespace in ["n0", "n1"] {
      for labels in [["a": "x"], ["a": "y", "b": "x"], [:]] {
        ends.append(End(namespace: namespace, labels: labels, address: 0x0a00_0001))
      }
    }
    ends.append(End(entities: ["host"], address: 0x0a00_0009))
    ends.append(End(entities: ["remote-node"], address: 0x0a00_000a))
    ends.append(End(entities: ["kube-apiserver", "remote-node"], address: 0x0a00_000b))
    ends.append(End(entities: ["kube-apiserver", "world"], address: 0x2200_0001))
    ends.append(End(entities: ["world"]))
    for address in [UInt32(0x0a00_0001), 0x2200_0002, 0x2300_0002] {
      ends.append(End(entities: ["world"], address: address, names: ["a.example"]))
    }
    ends.append(End(entities: ["world"], address: 0x2200_0003, names: ["b.example"]))
    return ends
  }()

  static let connections: [(TransportProtocol, Int)] = [
    (.tcp, 79), (.tcp, 80), (.tcp, 443), (.udp, 53), (.udp, 80), (.sctp, 80), (.icmp, 8),
    (.icmpv6, 8), (.icmp, 0),
  ]

  private static func some<T>(_ values: [T], _ seed: inout Seed) -> T {
    values[Int.random(in: values.indices, using: &seed)]
  }

  private static func labels(_ seed: inout Seed) -> [String: String] {
    some([[:], ["a": "x"], ["a": "y"], ["b": "x"], ["a": "y", "b": "x"]], &seed)
  }

  private static func peers(_ isEgress: Bool, _ isDeny: Bool, _ seed: inout Seed) -> [Peer]? {
    let count = Int.random(in: 1...2, using: &seed)
    switch Int.random(in: 0..<(isEgress && !isDeny ? 8 : 7), using: &seed) {
    case 0: return nil
    case 1: return []
    case 2, 3:
      return (0..<count).map { _ in
        .endpoints(labels: labels(&seed), namespace: some([nil, "n0", "n1", "any"], &seed))
      }
    case 4, 5:
      let all = ["host", "remote-node", "kube-apiserver", "world", "cluster", "all", "health"]
      return (0..<count).map { _ in .entity(some(all, &seed)) }
    case 6:
      return (0..<count).map { _ in
        let bits = some([0, 1, 7, 8], &seed)
        let base: UInt32 = bits == 0 ? 0 : bits == 1 ? 0 : 0x2200_0000
        return .block(
          base: base,
          bits: bits,
          holes: bits < 8 ? some([[], [0x2200_0000]], &seed) : []
        )
      }
    default: return [.name(some(["a.example", "b.example"], &seed))]
    }
  }

  private static func rule(_ list: String, _ seed: inout Seed) -> Rule {
    let isDeny = list.hasSuffix("Deny")
    let isEgress = list.hasPrefix("egress")
    var rule = Rule(peers: peers(isEgress, isDeny, &seed))
    switch Int.random(in: 0..<5, using: &seed) {
    case 0: break
    case 1: rule.icmp = (8, Bool.random(using: &seed))
    default:
      for _ in 0..<Int.random(in: 1...2, using: &seed) {
        var port = Port(
          transport: some([nil, .tcp, .udp, .sctp], &seed),
          number: some([0, 53, 79, 80], &seed)
        )
        if port.number == 79, Bool.random(using: &seed) { port.end = 443 }
        rule.ports.append(port)
      }
      let hasPorts = rule.ports.allSatisfy { $0.number == 53 && $0.transport != .sctp }
      if isEgress, !isDeny, hasPorts { rule.dns = [some(["*", "a.example"], &seed)] }
    }
    return rule
  }

  init(random seed: inout Seed) {
    policies = []
    for _ in 0..<Int.random(in: 1...4, using: &seed) {
      var policy = Policy(
        namespace: Self.some([nil, "n0", "n0", "n1"], &seed),
        subject: Self.labels(&seed),
        lists: [:],
        defaultDeny: [:]
      )
      let lists = ["ingress", "ingress", "egress", "ingressDeny", "egressDeny"]
      for _ in 0..<Int.random(in: 1...3, using: &seed) {
        let list = Self.some(lists, &seed)
        policy.lists[list, default: []].append(Self.rule(list, &seed))
      }
      for direction in ["ingress", "egress"] where Int.random(in: 0..<4, using: &seed) == 0 {
        policy.defaultDeny[direction] = Bool.random(using: &seed)
      }
      policies.append(policy)
    }
  }
}

extension CiliumOracle.End {
  var model: PolicyEndpoint {
    let addresses = address.map { [CIDR(single: IPAddress(ipv4: $0))] } ?? []
    guard let namespace else {
      return PolicyEndpoint(
        isPod: false,
        addresses: addresses,
        entities: Set(entities.compactMap(ReservedEntity.init(rawValue:))),
        dnsNames: names
      )
    }
    return .pod(namespace, Labels(labels.map { ($0.key, $0.value) }), addresses: addresses)
  }
}
