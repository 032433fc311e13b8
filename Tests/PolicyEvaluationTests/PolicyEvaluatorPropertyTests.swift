import FlowModel
import PolicyEvaluation
import PolicyModel
import TestSupport
import Testing

@Suite struct PolicyEvaluatorPropertyTests {
  @Test("NetworkPolicy decides as its specification reads", arguments: Seed.samples(200))
  func oracle(_ sample: Seed) {
    var seed = sample
    let oracle = NetworkPolicyOracle(random: &seed)
    let ends = (0..<5).map { _ in NetworkPolicyOracle.end(&seed) }
    let set = PolicySet(policies: oracle.model)
    let evaluator = PolicyEvaluator(policies: set, engine: .reference)
    var matrix = PolicyMatrix(policies: set, endpoints: ends.map(\.model), engine: .reference)
    // Order among Calico policies must not change what NetworkPolicies mean.
    let tiered = PolicyEvaluator(policies: set, engine: .calico)
    for (one, source) in ends.enumerated() {
      for (two, destination) in ends.enumerated() {
        let admitted = matrix.admittedPorts(from: one, to: two)
        let hasBlocks = source.namespace == nil || destination.namespace == nil
        for transport in NetworkPolicyOracle.transports {
          for port in NetworkPolicyOracle.ports {
            let expected = oracle.allows(source, destination, transport, port)
            let connection = PolicyConnection(
              source: source.model,
              destination: destination.model,
              transport: transport,
              port: UInt16(port)
            )
            let decision = evaluator.decide(connection)
            #expect(decision.allowed == expected)
            #expect(
              decision
                == matrix.decide(
                  source: one,
                  destination: two,
                  transport: transport,
                  port: UInt16(port)
                )
            )
            #expect(admitted.contains(transport, UInt16(port)) == expected)
            if hasBlocks { #expect(tiered.decide(connection).allowed == expected) }
          }
        }
      }
    }
  }

  @Test("Random cases allow and deny often enough to mean something")
  func balance() {
    var counts = [false: 0, true: 0]
    for sample in Seed.samples(50) {
      var seed = sample
      let oracle = NetworkPolicyOracle(random: &seed)
      for _ in 0..<50 {
        let source = NetworkPolicyOracle.end(&seed)
        let destination = NetworkPolicyOracle.end(&seed)
        counts[oracle.allows(source, destination, .tcp, 80), default: 0] += 1
      }
    }
    #expect(counts[true, default: 0] > 200 && counts[false, default: 0] > 200)
  }

  @Test("Every way of asking gives one answer, in every dialect", arguments: Seed.samples(60))
  func consistency(_ sample: Seed) {
    var seed = sample
    let set = RandomPolicies.set(&seed)
    let endpoints = RandomPolicies.endpoints
    let evaluator = PolicyEvaluator(policies: set)
    var matrix = PolicyMatrix(policies: set, endpoints: endpoints)
    var shuffled = PolicyMatrix(
      policies: PolicySet(policies: set.policies.shuffled(using: &seed), tiers: set.tiers),
      endpoints: endpoints
    )
    for source in endpoints.indices {
      for destination in endpoints.indices {
        let admitted = matrix.admittedPorts(from: source, to: destination)
        #expect(admitted == shuffled.admittedPorts(from: source, to: destination))
        for port in [UInt16(53), 80, 443] {
          let connection = PolicyConnection(
            source: endpoints[source],
            destination: endpoints[destination],
            transport: .tcp,
            port: port
          )
          let decision = evaluator.decide(connection)
          #expect(
            decision
              == matrix.decide(
                source: source,
                destination: destination,
                transport: .tcp,
                port: port
              )
          )
          #expect(decision.allowed == admitted.contains(.tcp, port))
          let explanation = evaluator.explain(connection)
          #expect(explanation.decision == decision)
          for side in [explanation.egress, explanation.ingress] {
            guard let rule = side.decision.rule else { continue }
            let tried = side.policies.flatMap(\.rules).first { $0.rule == rule }
            #expect(tried?.outcome == .matched)
          }
        }
      }
    }
  }
}

/// Random policies of one dialect, some with NetworkPolicies among them.
enum RandomPolicies {
  static let endpoints: [PolicyEndpoint] = [
    .app("shop/web", addresses: ["10.0.0.1"]), .app("shop/cart", addresses: ["10.0.0.2"]),
    .app("pay/web", addresses: ["10.0.1.1"]), .external("9.9.9.9", names: ["a.example.com"]),
    .external("9.9.0.0/16"), .node([.host], "10.9.0.1"), .node([.remoteNode], "10.9.0.2"),
    .node([.kubeAPIServer, .world], "34.0.0.1"), .node([.world]),
  ]

  static func set(_ seed: inout Seed) -> PolicySet {
    let kinds: [[PolicyKind]] = [
      [.networkPolicy, .ciliumNetworkPolicy, .ciliumClusterwideNetworkPolicy],
      [.networkPolicy, .calicoNetworkPolicy, .calicoGlobalNetworkPolicy],
    ]
    let dialect = kinds.randomElement(using: &seed) ?? []
    var policies: [Policy] = []
    for index in 0..<Int.random(in: 1..<6, using: &seed) {
      let kind = dialect.randomElement(using: &seed) ?? .networkPolicy
      policies.append(
        .of(
          kind,
          "p\(index)",
          app: ["web", "cart", nil].randomElement(using: &seed) ?? nil,
          (0..<Int.random(in: 1..<4, using: &seed)).map { _ in rule(kind.dialect, &seed) },
          tier: kind.dialect == .calico && Bool.random(using: &seed) ? "early" : "default",
          order: [10, 1000, 2000, nil].randomElement(using: &seed) ?? nil
        )
      )
    }
    return PolicySet(policies: policies, tiers: [PolicyTier(name: "early", order: 10)])
  }

  private static func rule(_ dialect: PolicyDialect, _ seed: inout Seed) -> PolicyRule {
    var actions: [RuleAction] = [.allow]
    var peers: [PolicyPeer] = [
      .app("web"), .app("cart", in: .all), .block("9.9.0.0/17"),
      .block("0.0.0.0/0", except: ["9.9.9.0/24"]), .block("10.0.0.0/24"),
    ]
    switch dialect {
    case .kubernetes: break
    case .cilium:
      actions += [.allow, .deny]
      peers += [.entity(.host), .entity(.world), .entity(.cluster), .dnsPattern("*.example.com")]
    case .calico:
      actions += [.allow, .deny, .pass, .log]
      peers.append(.match(EndpointMatch(notNets: [cidr("9.9.9.0/24")])))
    }
    let ports: [[PolicyPort]?] = [
      nil, [PolicyPort(.tcp, 80)], [PolicyPort(transport: .tcp, match: .range(53, 80))],
      [PolicyPort(transport: .tcp, match: .any)],
    ]
    return PolicyRule(
      direction: Bool.random(using: &seed) ? .ingress : .egress,
      action: actions.randomElement(using: &seed) ?? .allow,
      peers: Bool.random(using: &seed) ? Array(peers.shuffled(using: &seed).prefix(2)) : nil,
      ports: ports.randomElement(using: &seed) ?? nil,
      dnsRules: dialect == .cilium && Bool.random(using: &seed) ? ["*"] : []
    )
  }
}
