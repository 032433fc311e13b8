import FlowModel
import TestSupport

/// The oracle's policies as people may spell them: what has a default is written or left out.
extension NetworkPolicyOracle {
  func yaml(_ seed: inout Seed) -> String {
    policies.enumerated().map { index, policy in
      var fields = ["podSelector: \(Self.yaml(policy.subject, &seed))"]
      let isDefault =
        policy.types == ["Ingress"] && policy.egress.isEmpty
        || policy.types == ["Ingress", "Egress"] && !policy.egress.isEmpty
      if !isDefault || Bool.random(using: &seed) {
        fields.append("policyTypes: [\(policy.types.joined(separator: ", "))]")
      } else if Bool.random(using: &seed) {
        fields.append("policyTypes: []")
      }
      for (name, rules, peers) in [
        ("ingress", policy.ingress, "from"), ("egress", policy.egress, "to"),
      ] {
        if rules.isEmpty, Bool.random(using: &seed) { continue }
        let texts = rules.map { Self.yaml($0, peers, &seed) }
        fields.append("\(name): [\(texts.joined(separator: ", "))]")
      }
      return """
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: p\(index), namespace: \(policy.namespace)}
        spec: {\(fields.joined(separator: ", "))}

        """
    }.joined(separator: "---\n")
  }

  private static func yaml(_ rule: Rule, _ peerKey: String, _ seed: inout Seed) -> String {
    var fields: [String] = []
    for (key, items) in [
      (peerKey, rule.peers.map { yaml($0, &seed) }), ("ports", rule.ports.map { yaml($0, &seed) }),
    ] {
      // An empty list means what an absent one means.
      if !items.isEmpty || Bool.random(using: &seed) {
        fields.append("\(key): [\(items.joined(separator: ", "))]")
      }
    }
    return "{\(fields.joined(separator: ", "))}"
  }

  private static func yaml(_ peer: Peer, _ seed: inout Seed) -> String {
    switch peer {
    case .pods(let namespaces, let pods):
      var fields = namespaces.map { ["namespaceSelector: \(yaml($0, &seed))"] } ?? []
      // A peer needs one of the two; an empty podSelector takes every pod.
      if let pods {
        fields.append("podSelector: \(yaml(pods, &seed))")
      } else if fields.isEmpty {
        fields.append("podSelector: {}")
      }
      return "{\(fields.joined(separator: ", "))}"
    case .block(let base, let bits, let holes):
      let inside = holes.filter {
        $0.bits > bits && (bits == 0 || ($0.base ^ base) >> (32 - bits) == 0)
      }
      let except = inside.map { text($0.base, $0.bits) }.joined(separator: ", ")
      return
        "{ipBlock: {cidr: \(text(base, bits))\(except.isEmpty ? "" : ", except: [\(except)]")}}"
    }
  }

  private static func text(_ base: UInt32, _ bits: Int) -> String {
    "\(IPAddress(ipv4: base))/\(bits)"
  }

  private static func yaml(_ port: Port, _ seed: inout Seed) -> String {
    var fields: [String] = []
    if port.transport != .tcp || Bool.random(using: &seed) {
      fields.append("protocol: \(port.transport)")
    }
    if let name = port.name { fields.append("port: \(name)") }
    if let number = port.number { fields.append("port: \(number)") }
    if let end = port.end { fields.append("endPort: \(end)") }
    return "{\(fields.joined(separator: ", "))}"
  }

  private static func yaml(_ selector: Selector, _ seed: inout Seed) -> String {
    var labels: [String] = []
    var tests: [String] = []
    for (key, value) in selector.labels.sorted(by: { $0.key < $1.key }) {
      if Bool.random(using: &seed) {
        labels.append("\(key): \"\(value)\"")
      } else {
        tests.append("{key: \(key), operator: In, values: [\"\(value)\"]}")
      }
    }
    tests += selector.present.map { "{key: \($0), operator: Exists}" }
    tests += selector.absent.map { "{key: \($0), operator: DoesNotExist}" }
    for (key, values) in selector.noneOf.sorted(by: { $0.key < $1.key }) {
      let list = values.map { "\"\($0)\"" }.joined(separator: ", ")
      tests.append("{key: \(key), operator: NotIn, values: [\(list)]}")
    }
    var fields: [String] = []
    if !labels.isEmpty { fields.append("matchLabels: {\(labels.joined(separator: ", "))}") }
    if !tests.isEmpty { fields.append("matchExpressions: [\(tests.joined(separator: ", "))]") }
    return "{\(fields.joined(separator: ", "))}"
  }
}
