import FlowModel
import PolicyEvaluation
import PolicyModel

/// A prefix from text; the tests write only valid ones.
func cidr(_ text: String) -> CIDR { CIDR(text) ?? CIDR(single: IPAddress(ipv4: 0)) }

extension PolicyEndpoint {
  /// A pod with the label `app` in a namespace whose labels may be given.
  static func app(
    _ path: String,
    namespaceLabels: Labels = [:],
    addresses: [String] = [],
    named: [NamedPort] = []
  ) -> PolicyEndpoint {
    let parts = path.split(separator: "/").map(String.init)
    var pod = PolicyEndpoint.pod(
      parts[0],
      ["app": parts[1]],
      addresses: addresses.map(cidr),
      namedPorts: named
    )
    for label in namespaceLabels.elements { pod.namespaceLabels[label.key] = label.value }
    return pod
  }

  /// An external address or prefix.
  static func external(_ text: String, names: [String] = []) -> PolicyEndpoint {
    .external(cidr(text), dnsNames: names)
  }

  /// Something of the cluster that is not a pod.
  static func node(_ entities: Set<ReservedEntity>, _ address: String? = nil) -> PolicyEndpoint {
    PolicyEndpoint(isPod: false, addresses: address.map { [cidr($0)] } ?? [], entities: entities)
  }
}

extension PolicyPeer {
  /// Pods with the label `app`.
  static func app(_ name: String, in namespaces: NamespaceMatch = .own) -> PolicyPeer {
    .pods(PodMatch(namespaces: namespaces, pods: .labels(["app": name])))
  }

  /// A prefix.
  static func block(_ text: String, except: [String] = []) -> PolicyPeer {
    .cidr(PolicyEvaluationTests.cidr(text), except: except.map(PolicyEvaluationTests.cidr))
  }
}

extension PolicyRule {
  /// An ingress rule.
  static func from(
    _ peers: [PolicyPeer]?,
    _ ports: [PolicyPort]? = nil,
    _ action: RuleAction = .allow
  ) -> PolicyRule {
    PolicyRule(direction: .ingress, action: action, peers: peers, ports: ports)
  }

  /// An egress rule.
  static func to(
    _ peers: [PolicyPeer]?,
    _ ports: [PolicyPort]? = nil,
    _ action: RuleAction = .allow,
    dns: [String] = []
  ) -> PolicyRule {
    PolicyRule(direction: .egress, action: action, peers: peers, ports: ports, dnsRules: dns)
  }
}

extension Policy {
  /// A policy of any kind for the pods of a namespace (`shop`), isolating the directions of its rules.
  static func of(
    _ kind: PolicyKind,
    _ name: String,
    app: String? = nil,
    isolates: Set<Direction>? = nil,
    _ rules: [PolicyRule],
    tier: String = "default",
    order: Double? = nil,
    stagedAction: String? = nil
  ) -> Policy {
    Policy(
      kind: kind,
      name: name,
      namespace: kind.isNamespaced ? "shop" : nil,
      subject: PodMatch(
        namespaces: kind.isNamespaced ? .own : .all,
        pods: app.map { .labels(["app": $0]) } ?? .everything
      ),
      isolates: isolates ?? Set(rules.map(\.direction)),
      rules: rules,
      tier: tier,
      order: order,
      stagedAction: stagedAction
    )
  }
}

extension Policy {
  /// A policy named `p`.
  static func of(
    _ kind: PolicyKind,
    app: String? = nil,
    isolates: Set<Direction>? = nil,
    _ rules: [PolicyRule],
    tier: String = "default",
    order: Double? = nil,
    stagedAction: String? = nil
  ) -> Policy {
    .of(
      kind,
      "p",
      app: app,
      isolates: isolates,
      rules,
      tier: tier,
      order: order,
      stagedAction: stagedAction
    )
  }
}

/// The decision on a TCP connection (or of another protocol) under some policies.
func decide(
  _ policies: [Policy],
  _ source: PolicyEndpoint,
  _ destination: PolicyEndpoint,
  _ port: UInt16 = 80,
  _ transport: TransportProtocol = .tcp,
  tiers: [PolicyTier] = [],
  engine: EngineSemantics? = nil
) -> Decision {
  PolicyEvaluator(policies: PolicySet(policies: policies, tiers: tiers), engine: engine).decide(
    PolicyConnection(source: source, destination: destination, transport: transport, port: port)
  )
}
