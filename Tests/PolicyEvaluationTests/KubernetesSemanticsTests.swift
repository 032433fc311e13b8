import FlowModel
import PolicyEvaluation
import PolicyModel
import Testing

/// The lines of the dialects document on networking.k8s.io/v1, one by one.
@Suite struct KubernetesSemanticsTests {
  private let web = PolicyEndpoint.app("shop/web")
  private let cart = PolicyEndpoint.app("shop/cart")
  private let pay = PolicyEndpoint.app("pay/web", namespaceLabels: ["team": "pay"])

  @Test("A pod no policy selects is not isolated")
  func notIsolated() {
    let decision = decide([.of(.networkPolicy, app: "cart", [.from([])])], pay, web)
    #expect(decision == Decision(egress: .notIsolated, ingress: .notIsolated))
  }

  @Test("Isolation is by direction", arguments: Direction.allCases)
  func isolationByDirection(_ direction: Direction) {
    let policy = Policy.of(.networkPolicy, app: "web", isolates: [direction], [])
    #expect(decide([policy], web, cart).allowed == (direction == .ingress))
    #expect(decide([policy], cart, web).allowed == (direction == .egress))
  }

  @Test("A policy without rules denies by default and says which policies isolate")
  func denyAll() {
    let policies = [
      Policy.of(.networkPolicy, "one", isolates: [.ingress], []),
      Policy.of(.networkPolicy, "two", app: "cart", isolates: [.ingress], []),
    ]
    guard case .deniedByDefault(let isolating) = decide(policies, pay, cart).ingress else {
      Issue.record("not denied by default")
      return
    }
    #expect(isolating.map(\.name) == ["one", "two"])
  }

  @Test("One empty rule allows everyone on every port of every protocol")
  func allowAll() {
    let policy = Policy.of(.networkPolicy, [.from(nil)])
    for transport in [TransportProtocol.tcp, .udp, .sctp, .icmp, TransportProtocol(number: 47)] {
      #expect(decide([policy], .external("9.9.9.9"), web, 8, transport).allowed)
    }
  }

  @Test("Rules of a direction that policyTypes leaves out are not read")
  func rulesOutsideTypes() {
    let policy = Policy.of(
      .networkPolicy,
      app: "web",
      isolates: [.ingress],
      [.from([.app("cart")]), .to([.app("cart")])]
    )
    #expect(decide([policy], web, pay).egress == .notIsolated)
    #expect(!decide([policy], pay, web).allowed)
  }

  @Test("Policies add up: what one allows is allowed")
  func union() {
    let policies = [
      Policy.of(.networkPolicy, "deny", isolates: [.ingress], []),
      Policy.of(.networkPolicy, "a", [.from([.app("cart")], [PolicyPort(.tcp, 80)])]),
      Policy.of(.networkPolicy, "b", app: "web", [.from([.app("cart")], [PolicyPort(.tcp, 81)])]),
    ]
    #expect(decide(policies, cart, web, 80).ingress.rule?.policy.name == "a")
    #expect(decide(policies, cart, web, 81).ingress.rule?.policy.name == "b")
    #expect(!decide(policies, cart, web, 82).allowed)
  }

  @Test("A peer is namespaceSelector and podSelector; the list is or")
  func peers() {
    let both = PolicyPeer.app("web", in: .selector(.labels(["team": "pay"])))
    let policy = Policy.of(.networkPolicy, app: "cart", [.from([both, .app("other")])])
    #expect(decide([policy], pay, cart).allowed)
    #expect(decide([policy], .app("shop/other"), cart).allowed)
    #expect(!decide([policy], .app("shop/web"), cart).allowed)
    #expect(!decide([policy], .app("pay/other", namespaceLabels: ["team": "pay"]), cart).allowed)
  }

  @Test("podSelector alone means the policy's own namespace")
  func ownNamespace() {
    let policy = Policy.of(.networkPolicy, app: "cart", [.from([.app("web")])])
    #expect(decide([policy], web, cart).allowed)
    #expect(!decide([policy], pay, cart).allowed)
  }

  @Test("An empty namespaceSelector takes every namespace, pods only")
  func everyNamespace() {
    let peer = PolicyPeer.pods(
      PodMatch(namespaces: .selector(.everything), pods: .everything)
    )
    let policy = Policy.of(.networkPolicy, app: "cart", [.from([peer])])
    #expect(decide([policy], pay, cart).allowed)
    #expect(!decide([policy], .external("9.9.9.9"), cart).allowed)
    #expect(!decide([policy], .node([.remoteNode], "10.0.0.9"), cart).allowed)
  }

  @Test("Every namespace carries its name as a label, listed or not")
  func namespaceName() {
    var bare = pay
    bare.namespaceLabels = [:]
    let byLabel = PolicyPeer.pods(
      PodMatch(
        namespaces: .selector(.labels(["kubernetes.io/metadata.name": "pay"])),
        pods: .everything
      )
    )
    let policy = Policy.of(.networkPolicy, app: "cart", [.from([byLabel])])
    #expect(decide([policy], bare, cart).allowed)
    #expect(!decide([policy], web, cart).allowed)
  }

  @Test(
    "Selector operators follow the specification",
    arguments: [
      (LabelRequirement("app", .in, ["web", "x"]), true),
      (LabelRequirement("app", .in, ["x"]), false),
      (LabelRequirement("app", .notIn, ["x"]), true),
      (LabelRequirement("none", .notIn, ["x"]), true),
      (LabelRequirement("app", .exists), true), (LabelRequirement("none", .exists), false),
      (LabelRequirement("none", .doesNotExist), true),
      (LabelRequirement("app", .doesNotExist), false),
    ]
  )
  func operators(_ requirement: LabelRequirement, _ expected: Bool) {
    let peer = PolicyPeer.pods(PodMatch(pods: .requirements([requirement])))
    let policy = Policy.of(.networkPolicy, app: "cart", [.from([peer])])
    #expect(decide([policy], web, cart).allowed == expected)
  }

  @Test("An ipBlock takes addresses less the exceptions, in from and in to")
  func ipBlock() {
    let block = PolicyPeer.block("10.0.0.0/8", except: ["10.1.0.0/16"])
    let policy = Policy.of(.networkPolicy, app: "web", [.from([block]), .to([block])])
    for (address, expected) in [
      ("10.0.0.1", true), ("10.1.0.1", false), ("10.2.0.1", true), ("11.0.0.1", false),
      ("2001:db8::1", false),
    ] {
      #expect(decide([policy], .external(address), web).allowed == expected)
      #expect(decide([policy], web, .external(address)).allowed == expected)
    }
  }

  @Test("A prefix that stands for many addresses is allowed only as a whole")
  func wideEndpoint() {
    func allowed(_ peers: [PolicyPeer], _ address: String) -> Bool {
      decide([.of(.networkPolicy, [.to(peers)])], web, .external(address)).allowed
    }
    #expect(allowed([.block("10.0.0.0/8")], "10.3.0.0/16"))
    #expect(!allowed([.block("10.3.0.0/24")], "10.3.0.0/16"))
    #expect(!allowed([.block("10.0.0.0/8", except: ["10.3.4.0/24"])], "10.3.0.0/16"))
    #expect(allowed([.block("10.0.0.0/8", except: ["10.4.0.0/24"])], "10.3.0.0/16"))
    #expect(allowed([.block("10.3.0.0/17"), .block("10.3.128.0/17")], "10.3.0.0/16"))
    #expect(allowed([.block("::/0")], "2001:db8::/48"))
  }

  @Test(
    "Whether an ipBlock takes a pod or a node by address is the engine's",
    arguments: [
      (EngineSemantics.reference, false, true), (.cilium, false, false), (.calico, true, true),
    ]
  )
  func ipBlockInside(_ engine: EngineSemantics, _ pod: Bool, _ node: Bool) {
    let policy = Policy.of(.networkPolicy, app: "web", [.to([.block("10.0.0.0/8")])])
    let peer = PolicyEndpoint.app("shop/cart", addresses: ["10.0.0.7"])
    #expect(decide([policy], web, peer, engine: engine).allowed == pod)
    let remote = PolicyEndpoint.node([.remoteNode], "10.0.0.8")
    #expect(decide([policy], web, remote, engine: engine).allowed == node)
    #expect(decide([policy], web, .external("10.0.0.9"), engine: engine).allowed)
  }

  @Test("Ports: one, a range with endPort, all of a protocol, none of another")
  func ports() {
    let policy = Policy.of(
      .networkPolicy,
      app: "web",
      [
        .from(
          nil,
          [
            PolicyPort(.tcp, 80), PolicyPort(transport: .tcp, match: .range(8000, 8080)),
            PolicyPort(transport: .udp, match: .any),
          ]
        )
      ]
    )
    let table: [(UInt16, TransportProtocol, Bool)] = [
      (80, .tcp, true), (81, .tcp, false), (7999, .tcp, false), (8000, .tcp, true),
      (8080, .tcp, true), (8081, .tcp, false), (1, .udp, true), (65535, .udp, true),
      (80, .sctp, false), (8, .icmp, false),
    ]
    for (port, transport, expected) in table {
      #expect(decide([policy], cart, web, port, transport).allowed == expected)
    }
  }

  @Test("A range written backwards holds no port")
  func backwardRange() {
    let ports = [PolicyPort(transport: .tcp, match: .range(90, 80))]
    let policy = Policy.of(.networkPolicy, [.from(nil, ports)])
    #expect(!decide([policy], cart, web, 85).allowed)
  }

  @Test("A named port is looked up at the destination, by name and protocol")
  func namedPorts() {
    let http = [PolicyPort(transport: .tcp, match: .named("http"))]
    let one = PolicyEndpoint.app(
      "shop/cart",
      named: [
        .init(name: "http", transport: .tcp, port: 8080),
        .init(name: "http", transport: .tcp, port: 9090),
        .init(name: "http", transport: .udp, port: 53),
      ]
    )
    let ingress = Policy.of(.networkPolicy, app: "cart", [.from(nil, http)])
    let egress = Policy.of(.networkPolicy, app: "web", [.to(nil, http)])
    for policy in [ingress, egress] {
      #expect(decide([policy], web, one, 8080).allowed)
      #expect(decide([policy], web, one, 9090).allowed)
      #expect(!decide([policy], web, one, 53, .udp).allowed)
      #expect(!decide([policy], web, one, 80).allowed)
      #expect(!decide([policy], web, cart, 8080).allowed)
    }
  }

  @Test("Both sides must allow")
  func bothSides() {
    let policies = [
      Policy.of(.networkPolicy, "out", app: "web", [.to([.app("cart")], [PolicyPort(.tcp, 80)])]),
      Policy.of(.networkPolicy, "in", app: "cart", [.from([.app("web")], [PolicyPort(.tcp, 81)])]),
    ]
    let decision = decide(policies, web, cart, 80)
    #expect(decision.egress.isAllowed && !decision.ingress.isAllowed && !decision.allowed)
  }

  @Test(
    "The pod's own node is exempt as the engine has it",
    arguments: [
      (EngineSemantics.reference, true, true), (.cilium, true, false), (.calico, true, false),
    ]
  )
  func localHost(_ engine: EngineSemantics, _ inward: Bool, _ outward: Bool) {
    let policy = Policy.of(.networkPolicy, isolates: [.ingress, .egress], [])
    let host = PolicyEndpoint.node([.host], "10.0.0.1")
    #expect(decide([policy], host, web, engine: engine).allowed == inward)
    #expect(decide([policy], web, host, engine: engine).allowed == outward)
    let other = PolicyEndpoint.node([.remoteNode], "10.0.0.2")
    #expect(!decide([policy], other, web, engine: engine).allowed)
  }

  @Test("A host-network pod is not selected, neither as subject nor as peer")
  func hostNetwork() {
    var agent = web
    agent.isPod = false
    agent.entities = [.remoteNode]
    let policy = Policy.of(.networkPolicy, [.from([.app("web")])])
    #expect(!decide([policy], agent, cart).allowed)
    #expect(decide([policy], cart, agent).ingress == .notIsolated)
  }

  @Test(
    "A namespace can be judged as if a default deny stood in it",
    arguments: EngineSemantics.allCases
  )
  func assumedDefaultDeny(_ engine: EngineSemantics) {
    let evaluator = PolicyEvaluator(
      policies: PolicySet(policies: [.of(.networkPolicy, app: "web", [.from([.app("cart")])])]),
      engine: engine,
      isolatedNamespaces: ["shop"]
    )
    let into = PolicyConnection(source: cart, destination: web, transport: .tcp, port: 80)
    let decision = evaluator.decide(into)
    #expect(decision.egress == .deniedByDefault(isolating: []))
    #expect(decision.ingress.rule?.index == 0)
    let elsewhere = PolicyConnection(source: pay, destination: pay, transport: .tcp, port: 80)
    #expect(evaluator.decide(elsewhere).allowed)
  }

  @Test("A rule is numbered among those of its direction")
  func ruleNumbers() {
    let policy = Policy.of(
      .networkPolicy,
      [.from([]), .to([]), .from(nil, [PolicyPort(.tcp, 80)]), .to(nil)]
    )
    let decision = decide([policy], web, cart)
    #expect(decision.egress.rule?.index == 1 && decision.egress.rule?.position == 3)
    #expect(decision.ingress.rule?.index == 1 && decision.ingress.rule?.position == 2)
    #expect(decision.ingress.rule?.description == "NetworkPolicy shop/p ingress 1")
  }
}
