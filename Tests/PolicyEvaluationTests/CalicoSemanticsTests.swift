import FlowModel
import PolicyEvaluation
import PolicyModel
import Testing

/// The lines of the dialects document on projectcalico.org/v3, one by one.
@Suite struct CalicoSemanticsTests {
  private let web = PolicyEndpoint.app("shop/web", addresses: ["10.0.0.1"])
  private let cart = PolicyEndpoint.app("shop/cart", addresses: ["10.0.0.2"])
  private let pay = PolicyEndpoint.app("pay/web", addresses: ["10.0.1.1"])
  private let allow = PolicyRule.from(nil)
  private let deny = PolicyRule.from(nil, nil, .deny)
  private let pass = PolicyRule.from(nil, nil, .pass)
  private let log = PolicyRule.from(nil, nil, .log)

  private func verdict(
    _ policies: [Policy],
    tiers: [PolicyTier] = [],
    from source: PolicyEndpoint? = nil
  ) -> SideDecision {
    decide(policies, source ?? web, cart, tiers: tiers).ingress
  }

  @Test("The first rule that decides decides; Log goes on")
  func sequence() {
    #expect(verdict([.of(.calicoNetworkPolicy, [log, allow, deny])]).rule?.index == 1)
    #expect(!verdict([.of(.calicoNetworkPolicy, [log, deny, allow])]).isAllowed)
    guard case .deniedByDefault = verdict([.of(.calicoNetworkPolicy, [log])]) else {
      Issue.record("a Log rule must not decide")
      return
    }
  }

  @Test("Policies go by order, none last, then by name")
  func order() {
    func first(_ policies: [Policy]) -> String? { verdict(policies).rule?.policy.name }
    #expect(
      first([
        .of(.calicoNetworkPolicy, "a", [deny]), .of(.calicoNetworkPolicy, "b", [allow], order: 5),
      ]) == "b"
    )
    #expect(
      first([
        .of(.calicoNetworkPolicy, "b", [deny], order: 5),
        .of(.calicoGlobalNetworkPolicy, "a", [allow], order: 5),
      ]) == "a"
    )
    #expect(
      first([
        .of(.calicoNetworkPolicy, "b", [deny]), .of(.calicoNetworkPolicy, "a", [allow]),
      ]) == "a"
    )
    #expect(
      first([
        .of(.calicoNetworkPolicy, "a", [deny], order: .nan),
        .of(.calicoNetworkPolicy, "b", [allow], order: 1e9),
      ]) == "b"
    )
  }

  @Test("Tiers go by order, and a tier that selects ends in deny")
  func tiers() {
    let tiers = [PolicyTier(name: "late", order: 2_000_000), PolicyTier(name: "early", order: 10)]
    let other = PolicyRule.from([.app("other")])
    let policies = [
      Policy.of(.calicoNetworkPolicy, "d", [allow]),
      Policy.of(.calicoNetworkPolicy, "e", [other], tier: "early"),
    ]
    guard case .deniedByDefault(let isolating) = verdict(policies, tiers: tiers) else {
      Issue.record("the early tier must end in deny")
      return
    }
    #expect(isolating.map(\.name) == ["e"])
    let late = Policy.of(.calicoNetworkPolicy, "l", [deny], tier: "late")
    #expect(verdict([policies[0], late], tiers: tiers).isAllowed)
    let elsewhere = Policy.of(.calicoNetworkPolicy, "e", app: "web", [deny], tier: "early")
    #expect(verdict([policies[0], elsewhere], tiers: tiers).isAllowed)
  }

  @Test("Pass leaves the tier, after the last one the profile allows")
  func pass_() {
    let tiers = [PolicyTier(name: "early", order: 10)]
    let early = Policy.of(.calicoNetworkPolicy, "e", [pass, deny], tier: "early")
    guard case .allowedByProfile(let rule) = verdict([early], tiers: tiers) else {
      Issue.record("the profile must allow")
      return
    }
    #expect(rule?.policy.name == "e")
    let policy = Policy.of(.calicoNetworkPolicy, "d", [deny])
    #expect(verdict([early, policy], tiers: tiers).rule?.policy.name == "d")
  }

  @Test("A tier whose default is Pass goes on")
  func defaultPass() {
    let tiers = [PolicyTier(name: "early", order: 10, passesByDefault: true)]
    let early = Policy.of(.calicoNetworkPolicy, "e", [.from([.app("other")])], tier: "early")
    #expect(verdict([early], tiers: tiers) == .allowedByProfile(passedBy: nil))
    let policy = Policy.of(.calicoNetworkPolicy, "d", [deny])
    #expect(!verdict([early, policy], tiers: tiers).isAllowed)
  }

  @Test("NetworkPolicy stands in the default tier at order 1000")
  func kubernetesOrder() {
    let kubernetes = Policy.of(.networkPolicy, "np", [.from([.app("web")])])
    func decider(_ order: Double?) -> String? {
      verdict([kubernetes, .of(.calicoNetworkPolicy, "c", [deny], order: order)]).rule?.policy.name
    }
    #expect(decider(999) == "c")
    #expect(decider(1001) == "np")
    #expect(decider(nil) == "np")
    #expect(decider(1000) == "c")
    let late = Policy.of(.calicoNetworkPolicy, "z", [deny], order: 1000)
    #expect(verdict([kubernetes, late]).rule?.policy.name == "np")
    #expect(
      verdict([kubernetes, .of(.calicoNetworkPolicy, "c", [allow], order: 2000)], from: pay)
        .isAllowed
    )
  }

  @Test("Types decide which rules are read")
  func types() {
    let policy = Policy.of(.calicoNetworkPolicy, isolates: [.egress], [deny, .to(nil)])
    #expect(verdict([policy]) == .notIsolated)
  }

  @Test("Peers without namespaceSelector are of the own namespace, prefixes take pods by address")
  func peers() {
    #expect(verdict([.of(.calicoNetworkPolicy, [.from([.app("web")])])]).isAllowed)
    #expect(!verdict([.of(.calicoNetworkPolicy, [.from([.app("web")])])], from: pay).isAllowed)
    let every = Policy.of(.calicoGlobalNetworkPolicy, [.from([.app("web", in: .all)])])
    #expect(verdict([every], from: pay).isAllowed)
    #expect(!verdict([every], from: .external("9.9.9.9")).isAllowed)
    let nets = Policy.of(.calicoNetworkPolicy, [.from([.block("10.0.1.0/24")])])
    #expect(verdict([nets], from: pay).isAllowed)
    #expect(!verdict([nets]).isAllowed)
    let global = Policy.of(.calicoNetworkPolicy, [.from([.app("web", in: .named([]))])])
    #expect(!verdict([global]).isAllowed)
  }

  @Test("Conjunctions, negations and tests on the own end")
  func matches() {
    func allowed(_ match: EndpointMatch, _ source: PolicyEndpoint) -> Bool {
      verdict([.of(.calicoNetworkPolicy, [.from([.match(match)])])], from: source).isAllowed
    }
    let apps = PodMatch(pods: .labels(["app": "web"]))
    #expect(allowed(EndpointMatch(pods: apps, nets: [cidr("10.0.0.0/24")]), web))
    #expect(!allowed(EndpointMatch(pods: apps, nets: [cidr("10.0.9.0/24")]), web))
    #expect(!allowed(EndpointMatch(pods: apps, nets: [cidr("10.0.0.0/8")]), pay))
    #expect(allowed(EndpointMatch(notNets: [cidr("10.0.9.0/24")]), web))
    #expect(!allowed(EndpointMatch(notNets: [cidr("10.0.0.0/24")]), web))
    #expect(!allowed(EndpointMatch(notPods: .labels(["app": "web"])), web))
    #expect(allowed(EndpointMatch(notPods: .labels(["app": "x"])), web))
    #expect(allowed(EndpointMatch(notPods: .labels(["app": "web"])), .external("9.9.9.9")))
    #expect(
      !allowed(
        EndpointMatch(nets: [cidr("9.0.0.0/8")], notNets: [cidr("9.9.9.0/24")]),
        .external("9.9.0.0/16")
      )
    )
    var rule = PolicyRule.from(nil)
    rule.subjectMatch = EndpointMatch(pods: PodMatch(pods: .labels(["app": "cart"])))
    #expect(verdict([.of(.calicoNetworkPolicy, [rule])]).isAllowed)
    rule.subjectMatch = EndpointMatch(pods: PodMatch(pods: .labels(["app": "x"])))
    #expect(!verdict([.of(.calicoNetworkPolicy, [rule])]).isAllowed)
  }

  @Test(
    "A pod whose address is not known may lie in a private prefix: a deny takes it, no allow does"
  )
  func unknownAddress() {
    let pod = PolicyEndpoint.app("shop/other")
    func ingress(_ nets: String, _ action: RuleAction) -> SideDecision {
      let rule = PolicyRule.from([.block(nets)], nil, action)
      return verdict([.of(.calicoNetworkPolicy, [rule, allow])], from: pod)
    }
    #expect(!ingress("10.0.0.0/8", .deny).isAllowed)
    #expect(!ingress("0.0.0.0/0", .deny).isAllowed)
    #expect(ingress("169.254.169.254/32", .deny).isAllowed)
    #expect(ingress("34.0.0.0/8", .deny).isAllowed)
    let onlyNets = Policy.of(.calicoNetworkPolicy, [.from([.block("10.0.0.0/8")])])
    #expect(!verdict([onlyNets], from: pod).isAllowed)
    let outside = EndpointMatch(notNets: [cidr("10.0.0.0/8")])
    #expect(!verdict([.of(.calicoNetworkPolicy, [.from([.match(outside)])])], from: pod).isAllowed)
    #expect(
      !verdict([.of(.calicoNetworkPolicy, [.from([.match(outside)], nil, .deny)])], from: pod)
        .isAllowed
    )
  }

  @Test("Ports less notPorts, ICMP by type and code")
  func ports() {
    var rule = PolicyRule.from(nil, [PolicyPort(transport: .tcp, match: .any)])
    rule.notPorts = [PolicyPort(.tcp, 22), PolicyPort(transport: .tcp, match: .named("admin"))]
    let cart = PolicyEndpoint.app(
      "shop/cart",
      named: [.init(name: "admin", transport: .tcp, port: 9000)]
    )
    for (port, expected) in [(UInt16(80), true), (22, false), (9000, false)] {
      #expect(decide([.of(.calicoNetworkPolicy, [rule])], web, cart, port).allowed == expected)
    }
    func icmp(_ type: UInt8?, _ code: UInt8?) -> Bool {
      let port = PolicyPort(transport: .icmp, match: .icmp(type: type, code: code))
      return decide([.of(.calicoNetworkPolicy, [.from(nil, [port])])], web, cart, 8, .icmp).allowed
    }
    #expect(icmp(8, nil) && icmp(8, 0) && icmp(nil, nil) && !icmp(8, 3) && !icmp(0, nil))
  }

  @Test("The local host always reaches its pods")
  func localHost() {
    #expect(
      verdict([.of(.calicoNetworkPolicy, [deny])], from: .node([.host])) == .exempt(.localHost)
    )
  }

  @Test("A Pass over part of a prefix lets it through only if both ways do")
  func partialPass() {
    let tiers = [PolicyTier(name: "early", order: 10)]
    let half = PolicyRule.from([.block("9.9.0.0/17")], nil, .pass)
    let wide = PolicyEndpoint.external("9.9.0.0/16")
    let early = Policy.of(.calicoNetworkPolicy, "e", [half, allow], tier: "early")
    #expect(verdict([early], tiers: tiers, from: wide).isAllowed)
    let strict = Policy.of(.calicoNetworkPolicy, "e", [half, deny], tier: "early")
    #expect(!verdict([strict], tiers: tiers, from: wide).isAllowed)
    let later = Policy.of(.calicoNetworkPolicy, "d", [deny])
    #expect(verdict([early, later], tiers: tiers, from: wide).rule?.policy.name == "d")
  }

  @Test(
    "Staged policies decide only what is pending",
    arguments: [
      ("Set", false), ("Learn", true), ("Ignore", true), (nil, false),
    ] as [(String?, Bool)]
  )
  func staged(_ action: String?, _ pendingAllowed: Bool) {
    let policies = PolicySet(policies: [
      .of(.calicoNetworkPolicy, "p", [allow]),
      .of(.calicoStagedNetworkPolicy, "p", [deny], stagedAction: action),
    ])
    let evaluator = PolicyEvaluator(policies: policies)
    let connection = PolicyConnection(source: web, destination: cart, transport: .tcp, port: 80)
    #expect(evaluator.decide(connection).allowed)
    #expect(evaluator.pendingDecision(connection)?.allowed == pendingAllowed)
    #expect(PolicyEvaluator(policies: PolicySet()).pendingDecision(connection) == nil)
  }

  @Test("A staged Delete takes the enforced policy of its kind and name away")
  func stagedDelete() {
    let connection = PolicyConnection(source: web, destination: cart, transport: .tcp, port: 80)
    func pending(_ policies: [Policy]) -> SideDecision? {
      PolicyEvaluator(policies: PolicySet(policies: policies)).pendingDecision(connection)?.ingress
    }
    let delete = Policy.of(.calicoStagedNetworkPolicy, "p", [], stagedAction: "Delete")
    #expect(pending([.of(.calicoNetworkPolicy, "p", [deny]), delete]) == .notIsolated)
    #expect(pending([.of(.calicoNetworkPolicy, "q", [deny]), delete])?.isAllowed == false)
    #expect(pending([.of(.calicoGlobalNetworkPolicy, "p", [deny]), delete])?.isAllowed == false)
    let kubernetes = Policy.of(
      .calicoStagedKubernetesNetworkPolicy,
      "np",
      [],
      stagedAction: "Delete"
    )
    #expect(pending([.of(.networkPolicy, "np", [.from([])]), kubernetes]) == .notIsolated)
  }

  @Test("A staged Kubernetes policy replaces the NetworkPolicy of its name at its place")
  func stagedKubernetes() {
    let connection = PolicyConnection(source: web, destination: cart, transport: .tcp, port: 80)
    let evaluator = PolicyEvaluator(
      policies: PolicySet(policies: [
        .of(.networkPolicy, "np", [.from([])]),
        .of(
          .calicoStagedKubernetesNetworkPolicy,
          "np",
          [.from([.app("web")])],
          stagedAction: "Set"
        ),
      ])
    )
    #expect(!evaluator.decide(connection).allowed)
    let pending = evaluator.pendingDecision(connection)
    #expect(pending?.ingress.rule?.policy.kind == .calicoStagedKubernetesNetworkPolicy)
    #expect(pending?.ingress.rule?.policy.position == 1)
  }

  @Test("A default deny that is only assumed ends the default tier")
  func assumedDefaultDeny() {
    let tiers = [PolicyTier(name: "early", order: 10)]
    let connection = PolicyConnection(source: pay, destination: cart, transport: .tcp, port: 80)
    func decision(_ policies: [Policy]) -> SideDecision {
      PolicyEvaluator(
        policies: PolicySet(policies: policies, tiers: tiers),
        isolatedNamespaces: ["shop"]
      ).decide(connection).ingress
    }
    #expect(
      decision([.of(.calicoNetworkPolicy, "e", [pass], tier: "early")])
        == .deniedByDefault(isolating: [])
    )
    #expect(decision([.of(.calicoNetworkPolicy, "e", [allow], tier: "early")]).isAllowed)
  }

  @Test("Calico and Cilium policies together must both allow")
  func bothEngines() {
    let cilium = Policy.of(.ciliumNetworkPolicy, "c", [.from([.app("web")])])
    let calico = Policy.of(.calicoNetworkPolicy, "k", [.from(nil, [PolicyPort(.tcp, 80)])])
    #expect(decide([cilium, calico], web, cart, 80).allowed)
    #expect(!decide([cilium, calico], web, cart, 81).allowed)
    #expect(!decide([cilium, calico], pay, cart, 80).allowed)
  }
}
