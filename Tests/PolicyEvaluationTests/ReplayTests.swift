import FlowModel
import PolicyEvaluation
import PolicyModel
import TestSupport
import Testing

@Suite struct ReplayTests {
  private let endpoints: [PolicyEndpoint] = [
    .app("shop/web"), .app("shop/cart"), .app("pay/gate"), .external("9.9.9.9"),
    .app("pay/other"),
  ]

  private func seen(_ source: Int, _ destination: Int, _ port: UInt16 = 80) -> ReplayConnection {
    ReplayConnection(source: source, destination: destination, transport: .tcp, port: port)
  }

  private func replay(
    _ policies: [Policy],
    _ connections: [ReplayConnection],
    tolerated: [ReplayConnection] = [],
    isolated: Set<String> = ["shop"]
  ) -> ReplayResult {
    Replay(
      policies: PolicySet(policies: policies),
      endpoints: endpoints,
      connections: connections,
      tolerated: tolerated,
      namespaces: ["shop"],
      isolatedNamespaces: isolated
    ).run()
  }

  private let tcp80 = [PolicyPort(.tcp, 80)]

  @Test("Exact rules deny nothing, admit nothing more, and are all needed")
  func exact() {
    let result = replay(
      [
        .of(.networkPolicy, "web", app: "web", [.to([.app("cart")], tcp80)]),
        .of(.networkPolicy, "cart", app: "cart", [.from([.app("web")], tcp80)]),
      ],
      [seen(0, 1)]
    )
    #expect(result.isClean && result.allowedCount == 1)
    #expect(result.unobservedCount == 0 && result.notIsolated.isEmpty)
    #expect(result.unusedRules.isEmpty && result.superfluousRules.isEmpty)
    #expect(result.usedRules.count == 2)
  }

  @Test("A missing rule shows as a denial of the side that lacks it")
  func denied() {
    let result = replay(
      [.of(.networkPolicy, "web", app: "web", [.to([.app("cart")], tcp80)])],
      [seen(0, 1), seen(2, 4)]
    )
    #expect(result.denied.map(\.connection) == [0])
    #expect(result.denied.first?.decision.ingress == .deniedByDefault(isolating: []))
    #expect(result.denied.first?.decision.egress.isAllowed == true)
    #expect(result.allowedCount == 1)
  }

  @Test("Only the sides of the judged namespaces count")
  func judgedSides() {
    let gate = Policy(
      kind: .networkPolicy,
      name: "gate",
      namespace: "pay",
      subject: PodMatch(pods: .everything),
      isolates: [.ingress],
      rules: []
    )
    let web = Policy.of(
      .networkPolicy,
      "web",
      app: "web",
      [.to([.app("gate", in: .named(["pay"]))], tcp80)]
    )
    let result = replay([gate, web], [seen(0, 2)])
    #expect(result.isClean)
    #expect(result.denied.isEmpty && result.unusedRules.isEmpty)
  }

  @Test("What rules admit beyond the evidence is listed with rule and ports")
  func unobserved() {
    let ports = [PolicyPort(transport: .tcp, match: .range(79, 81))]
    let result = replay(
      [
        .of(
          .networkPolicy,
          "web",
          app: "web",
          [.to([.pods(PodMatch(namespaces: .named(["pay"]), pods: .everything))], ports)]
        )
      ],
      [seen(0, 2)]
    )
    let grants = result.unobservedAdmitted.map { "\($0.source)>\($0.destination) \($0.ports)" }
    #expect(grants == ["0>2 TCP/79", "0>2 TCP/81", "0>4 TCP/79-81"])
    #expect(result.unobservedCount == 3)
    #expect(result.unobservedAdmitted.allSatisfy { $0.rule?.policy.name == "web" })
  }

  @Test("A grant the other end refuses has no effect, and says so")
  func withoutEffect() {
    let result = replay([.of(.networkPolicy, "web", app: "web", [.to([.app("cart")], tcp80)])], [])
    #expect(result.unobservedAdmitted.map(\.isEffective) == [false])
    #expect(result.unobservedCount == 1)
  }

  @Test("Tolerated connections are no excess, and are not judged")
  func tolerated() {
    let web = Policy.of(
      .networkPolicy,
      "web",
      app: "web",
      [.to([.app("gate", in: .named(["pay"]))], [PolicyPort(.udp, 53), PolicyPort(.tcp, 53)])]
    )
    let udp = ReplayConnection(source: 0, destination: 2, transport: .udp, port: 53)
    #expect(replay([web], [udp]).unobservedCount == 1)
    #expect(replay([web], [udp], tolerated: [seen(0, 2, 53)]).unobservedCount == 0)
    #expect(replay([], [], tolerated: [seen(0, 2, 53)]).isClean)
  }

  @Test("Pods that nothing isolates are named once, not pair by pair")
  func notIsolated() {
    let result = replay([], [seen(0, 1)], isolated: [])
    #expect(result.unobservedCount == 0)
    #expect(
      result.notIsolated == [
        NotIsolatedSide(endpoint: 0, direction: .egress),
        NotIsolatedSide(endpoint: 1, direction: .egress),
        NotIsolatedSide(endpoint: 0, direction: .ingress),
        NotIsolatedSide(endpoint: 1, direction: .ingress),
      ]
    )
  }

  @Test("Unused and superfluous rules are told apart")
  func rules() {
    let result = replay(
      [
        .of(
          .networkPolicy,
          "web",
          app: "web",
          [
            .to([.app("cart")], tcp80), .to([.app("cart"), .app("none")], tcp80),
            .to([.app("none")], tcp80),
          ]
        ),
        .of(.networkPolicy, "cart", app: "cart", [.from([.app("web")])]),
      ],
      [seen(0, 1)]
    )
    #expect(result.unusedRules.map(\.index) == [2])
    #expect(result.superfluousRules.map(\.index) == [0, 1, 2])
    #expect(result.superfluousRules.allSatisfy { $0.policy.name == "web" })
  }

  @Test("A DNS rule that a name rests on is used and needed")
  func dnsRule() {
    let endpoints: [PolicyEndpoint] = [
      .app("shop/web"), .external("9.9.9.9", names: ["a.example.com"]), .app("kube-system/dns"),
    ]
    let policy = Policy.of(
      .ciliumNetworkPolicy,
      [
        .to([.dnsName("a.example.com")], [PolicyPort(.tcp, 443)]),
        .to([.app("dns", in: .named(["kube-system"]))], [PolicyPort(.udp, 53)], dns: ["*"]),
      ]
    )
    let result = Replay(
      policies: PolicySet(policies: [policy]),
      endpoints: endpoints,
      connections: [seen(0, 1, 443)],
      namespaces: ["shop"]
    ).run()
    #expect(result.isClean && result.unusedRules.isEmpty && result.superfluousRules.isEmpty)
    #expect(result.unobservedAdmitted.map(\.ports.description) == ["UDP/53"])
  }

  @Test("A list that is cut keeps the first grants and counts all", arguments: [0, 1, 7, 600])
  func limit(_ limit: Int) {
    let pods = (0..<40).map { PolicyEndpoint.app("shop/a\($0)") }
    var replay = Replay(
      policies: PolicySet(policies: [.of(.networkPolicy, [.to(nil, tcp80), .from(nil, tcp80)])]),
      endpoints: pods,
      connections: []
    )
    let all = replay.run()
    #expect(all.unobservedCount == 3200)
    replay.grantLimit = limit
    let cut = replay.run()
    #expect(cut.unobservedCount == 3200)
    #expect(cut.unobservedAdmitted == Array(all.unobservedAdmitted.prefix(limit)))
  }

  @Test("Replay agrees with single decisions and with all pairs asked", arguments: Seed.samples(60))
  func agrees(_ sample: Seed) {
    var seed = sample
    let set = RandomPolicies.set(&seed)
    let endpoints = RandomPolicies.endpoints
    let connections = (0..<12).map { _ in
      ReplayConnection(
        source: Int.random(in: 0..<endpoints.count, using: &seed),
        destination: Int.random(in: 0..<endpoints.count, using: &seed),
        transport: .tcp,
        port: [53, 80, 443].randomElement(using: &seed) ?? 80
      )
    }
    let result = Replay(
      policies: set,
      endpoints: endpoints,
      connections: connections,
      grantLimit: .max / 4
    ).run()
    var matrix = PolicyMatrix(policies: set, endpoints: endpoints)
    var denied: [Int] = []
    for (index, connection) in connections.enumerated() {
      let decision = matrix.decide(
        source: connection.source,
        destination: connection.destination,
        transport: connection.transport,
        port: connection.port
      )
      if !decision.allowed { denied.append(index) }
    }
    #expect(result.denied.map(\.connection) == denied)
    let decided = Replay(policies: set, endpoints: endpoints, connections: connections).decide()
    #expect(decided.decisions.indices.filter { !decided.decisions[$0].allowed } == denied)
    #expect(decided.unusedRules == result.unusedRules)
    let open = Set(result.notIsolated)
    for subject in endpoints.indices where endpoints[subject].isPod {
      for peer in endpoints.indices {
        for direction in Direction.allCases
        where !open.contains(NotIsolatedSide(endpoint: subject, direction: direction)) {
          let isEgress = direction == .egress
          let source = isEgress ? subject : peer
          let destination = isEgress ? peer : subject
          for port in [UInt16(53), 80, 443, 9999] {
            let decision = matrix.decideSide(
              direction,
              subject: subject,
              peer: peer,
              transport: .tcp,
              port: port
            )
            let isSeen = connections.contains {
              $0.source == source && $0.destination == destination && $0.port == port
            }
            let isListed = result.unobservedAdmitted.contains {
              $0.direction == direction && $0.source == source && $0.destination == destination
                && ($0.ports.transport == nil
                  || $0.ports.transport == .tcp && $0.ports.first <= port && port <= $0.ports.last)
                && ($0.rule == decision.rule)
            }
            if case .exempt = decision { continue }
            // "Every other protocol" may follow spans of TCP, so only the clear cases are asked.
            if decision.isAllowed && !isSeen { #expect(isListed) }
            if !decision.isAllowed { #expect(!isListed || decision.rule == nil) }
          }
        }
      }
    }
    for rule in result.superfluousRules {
      expectRemovable(rule, set, endpoints, connections, denied)
    }
  }

  private func expectRemovable(
    _ rule: RuleReference,
    _ set: PolicySet,
    _ endpoints: [PolicyEndpoint],
    _ connections: [ReplayConnection],
    _ denied: [Int]
  ) {
    var less = set
    less.policies[rule.policy.position].rules.remove(at: rule.position)
    let result = Replay(policies: less, endpoints: endpoints, connections: connections).run()
    #expect(Set(result.denied.map(\.connection)).isSubset(of: denied))
  }
}
