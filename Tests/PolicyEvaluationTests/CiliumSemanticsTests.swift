import FlowModel
import PolicyEvaluation
import PolicyModel
import Testing

/// The lines of the dialects document on cilium.io/v2, one by one.
@Suite struct CiliumSemanticsTests {
  private let web = PolicyEndpoint.app("shop/web")
  private let cart = PolicyEndpoint.app("shop/cart")
  private let pay = PolicyEndpoint.app("pay/web", namespaceLabels: ["team": "pay"])
  private let dns = PolicyEndpoint.app("kube-system/dns")
  private let world = PolicyEndpoint.node([.world])

  @Test("Own namespace in a namespaced policy, every namespace in a clusterwide one")
  func namespaces() {
    let own = Policy.of(.ciliumNetworkPolicy, app: "cart", [.from([.app("web")])])
    #expect(decide([own], web, cart).allowed && !decide([own], pay, cart).allowed)
    let every = Policy.of(
      .ciliumClusterwideNetworkPolicy,
      app: "cart",
      [.from([.app("web", in: .all)])]
    )
    #expect(decide([every], web, cart).allowed && decide([every], pay, cart).allowed)
    let named = Policy.of(
      .ciliumNetworkPolicy,
      app: "cart",
      [.from([.app("web", in: .named(["pay"]))])]
    )
    #expect(!decide([named], web, cart).allowed && decide([named], pay, cart).allowed)
    let labelled = Policy.of(
      .ciliumNetworkPolicy,
      app: "cart",
      [.from([.app("web", in: .selector(.labels(["team": "pay"])))])]
    )
    #expect(!decide([labelled], web, cart).allowed && decide([labelled], pay, cart).allowed)
  }

  @Test("A rule whose default deny is off still allows and denies, but does not isolate")
  func withoutDefaultDeny() {
    let allow = Policy.of(.ciliumNetworkPolicy, isolates: [], [.from([.app("web")])])
    #expect(decide([allow], pay, cart).allowed)
    let deny = Policy.of(.ciliumNetworkPolicy, isolates: [], [.from([.app("web")], nil, .deny)])
    #expect(!decide([deny], web, cart).allowed)
    #expect(decide([deny], pay, cart).ingress == .notIsolated)
  }

  @Test("A deny section isolates too")
  func denyIsolates() {
    let deny = Policy.of(.ciliumNetworkPolicy, [.from([.app("web")], nil, .deny)])
    guard case .deniedByDefault = decide([deny], pay, cart).ingress else {
      Issue.record("not isolated")
      return
    }
  }

  @Test("An empty ingress rule selects nobody")
  func emptyRule() {
    let policy = Policy.of(.ciliumNetworkPolicy, [.from([])])
    #expect(!decide([policy], web, cart).allowed)
  }

  @Test("Deny beats allow, wherever either stands, NetworkPolicy included")
  func denyWins() {
    let policies = [
      Policy.of(.networkPolicy, "np", [.from(nil)]),
      Policy.of(.ciliumNetworkPolicy, "allow", [.from([.app("web")])]),
      Policy.of(
        .ciliumClusterwideNetworkPolicy,
        "deny",
        [.from([.app("web", in: .all)], [PolicyPort(.tcp, 22)], .deny)]
      ),
    ]
    #expect(decide(policies, web, cart, 22).ingress.rule?.policy.name == "deny")
    #expect(decide(policies, web, cart, 80).allowed)
  }

  @Test("Kubernetes and Cilium policies allow by union")
  func mixedUnion() {
    let policies = [
      Policy.of(.networkPolicy, "np", [.from([.app("web")])]),
      Policy.of(.ciliumNetworkPolicy, "cnp", [.from([.app("other")])]),
    ]
    #expect(decide(policies, web, cart).allowed)
    #expect(decide(policies, .app("shop/other"), cart).allowed)
    #expect(!decide(policies, pay, cart).allowed)
  }

  @Test("The local host reaches its pods unless a deny matches; a pod needs a rule for its host")
  func localHost() {
    let host = PolicyEndpoint.node([.host])
    let isolated = Policy.of(.ciliumNetworkPolicy, isolates: [.ingress, .egress], [])
    #expect(decide([isolated], host, web).ingress == .exempt(.localHost))
    #expect(!decide([isolated], web, host).allowed)
    let deny = Policy.of(
      .ciliumClusterwideNetworkPolicy,
      "deny",
      [.from([.entity(.host)], nil, .deny)]
    )
    #expect(!decide([isolated, deny], host, web).allowed)
    let rule = Policy.of(.ciliumNetworkPolicy, [.to([.entity(.host)])])
    #expect(decide([rule], web, host).allowed)
  }

  @Test("A prefix never takes pods, nodes or in-cluster entities")
  func prefixes() {
    let policy = Policy.of(.ciliumNetworkPolicy, app: "web", [.to([.block("0.0.0.0/0")])])
    #expect(!decide([policy], web, .app("shop/cart", addresses: ["10.0.0.7"])).allowed)
    for entity in [ReservedEntity.host, .remoteNode, .health, .ingress, .`init`, .unmanaged] {
      #expect(!decide([policy], web, .node([entity], "10.0.0.7")).allowed)
    }
    #expect(!decide([policy], web, .node([.kubeAPIServer, .remoteNode], "10.0.0.7")).allowed)
    #expect(!decide([policy], web, .node([.kubeAPIServer], "10.0.0.7")).allowed)
    #expect(decide([policy], web, .node([.kubeAPIServer, .world], "34.0.0.7")).allowed)
    #expect(decide([policy], web, .external("9.9.9.9")).allowed)
  }

  @Test("A world peer without address is taken by 0.0.0.0/0 even with exceptions")
  func bareWorld() {
    func allowed(_ peer: PolicyPeer, _ endpoint: PolicyEndpoint) -> Bool {
      decide([.of(.ciliumNetworkPolicy, app: "web", [.to([peer])])], web, endpoint).allowed
    }
    let except = PolicyPeer.block("0.0.0.0/0", except: ["10.0.0.0/8"])
    #expect(allowed(except, world))
    #expect(!allowed(except, .external("10.0.0.1")))
    #expect(!allowed(.block("1.0.0.0/8"), world))
    #expect(!allowed(.block("::/0"), world))
    #expect(allowed(.block("::/0"), .node([.worldIPv6])))
    #expect(!allowed(except, .node([.worldIPv6])))
  }

  @Test(
    "Entities take what they name",
    arguments: [
      (ReservedEntity.host, ["host", "apiOnLocalNode"]),
      (.remoteNode, ["remote", "apiOnNode"]),
      (.kubeAPIServer, ["apiOnNode", "apiOnLocalNode", "apiOutside"]),
      (.world, ["apiOutside", "v4", "v6", "bare"]),
      (.worldIPv4, ["apiOutside", "v4", "bare"]), (.worldIPv6, ["v6", "bare"]),
      (.cluster, ["pod", "host", "remote", "apiOnNode", "apiOnLocalNode", "health", "ingress"]),
      (.health, ["health"]), (.ingress, ["ingress"]), (.none, []),
      (
        .all,
        [
          "pod", "host", "remote", "apiOnNode", "apiOnLocalNode", "apiOutside", "v4", "v6", "bare",
          "health", "ingress",
        ]
      ),
    ]
  )
  func entities(_ entity: ReservedEntity, _ expected: [String]) {
    let peers: [String: PolicyEndpoint] = [
      "pod": cart, "host": .node([.host]), "remote": .node([.remoteNode], "10.0.0.2"),
      "apiOnNode": .node([.kubeAPIServer, .remoteNode], "10.0.0.3"),
      "apiOnLocalNode": .node([.kubeAPIServer, .host], "10.0.0.3"),
      "apiOutside": .node([.kubeAPIServer, .world], "34.1.1.1"),
      "v4": .external("9.9.9.9"), "v6": .external("2001:db8::1"), "bare": world,
      "health": .node([.health]), "ingress": .node([.ingress]),
    ]
    let policy = Policy.of(.ciliumNetworkPolicy, app: "web", [.to([.entity(entity)])])
    let taken = peers.filter { decide([policy], web, $0.value).allowed }
    #expect(taken.keys.sorted() == expected.sorted())
  }

  @Test("A name counts only once a DNS rule of the same pod lets it be asked for")
  func namesNeedDNS() {
    let site = PolicyEndpoint.external("9.9.9.9", names: ["api.example.com"])
    let name = PolicyRule.to([.dnsName("api.example.com")], [PolicyPort(.tcp, 443)])
    func lookup(_ patterns: [String]) -> PolicyRule {
      .to([.app("dns", in: .named(["kube-system"]))], [PolicyPort(.udp, 53)], dns: patterns)
    }
    func allowed(_ policies: [Policy]) -> Bool { decide(policies, web, site, 443).allowed }
    #expect(!allowed([.of(.ciliumNetworkPolicy, [name])]))
    #expect(!allowed([.of(.ciliumNetworkPolicy, [name, lookup([])])]))
    #expect(!allowed([.of(.ciliumNetworkPolicy, [name, lookup(["*.example.org"])])]))
    #expect(allowed([.of(.ciliumNetworkPolicy, [name, lookup(["*.example.com"])])]))
    let shared = Policy.of(.ciliumClusterwideNetworkPolicy, "dns", [lookup(["*"])])
    #expect(allowed([.of(.ciliumNetworkPolicy, [name]), shared]))
    let others = Policy.of(.ciliumNetworkPolicy, "dns", app: "cart", [lookup(["*"])])
    #expect(!allowed([.of(.ciliumNetworkPolicy, [name]), others]))
    let policy = Policy.of(.ciliumNetworkPolicy, [name, lookup(["*"])])
    #expect(decide([policy], web, dns, 53, .udp).allowed)
    #expect(!decide([policy], web, site, 80).allowed)
    let inside = PolicyEndpoint.app("pay/web")
    #expect(!decide([policy], web, inside, 443).allowed)
  }

  @Test(
    "Patterns match by label",
    arguments: [
      ("*.example.com", "a.example.com", true), ("*.example.com", "a.b.example.com", false),
      ("*.example.com", "example.com", false), ("**.example.com", "a.b.example.com", true),
      ("**.example.com", "a.example.com", true), ("**.example.com", "example.com", false),
      ("api*.example.com", "api.example.com", true),
      ("api*.example.com", "api-2.example.com", true),
      ("a*c.example.com", "abbc.example.com", true), ("a*c.example.com", "abbd.example.com", false),
      ("*", "anything.at.all", true), ("EXAMPLE.com.", "example.COM", true),
      ("example.com", "badexample.com", false), ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false),
    ]
  )
  func patterns(_ pattern: String, _ name: String, _ expected: Bool) {
    let policy = Policy.of(
      .ciliumNetworkPolicy,
      [.to([.dnsPattern(pattern)]), .to([.entity(.host)], [PolicyPort(.udp, 53)], dns: ["*"])]
    )
    let decision = decide([policy], web, .external("9.9.9.9", names: [name]))
    #expect(decision.allowed == expected)
  }

  @Test("ICMP goes by type and family")
  func icmp() {
    let echo = [PolicyPort(transport: .icmp, match: .icmp(type: 8, code: nil))]
    let policy = Policy.of(.ciliumNetworkPolicy, app: "web", [.from([.entity(.all)], echo)])
    #expect(decide([policy], cart, web, 8, .icmp).allowed)
    #expect(!decide([policy], cart, web, 0, .icmp).allowed)
    #expect(!decide([policy], cart, web, 8, .icmpv6).allowed)
    #expect(!decide([policy], cart, web, 8, .tcp).allowed)
    let all = [PolicyPort(transport: .icmpv6, match: .icmp(type: nil, code: nil))]
    let every = Policy.of(.ciliumNetworkPolicy, app: "web", [.from([.entity(.all)], all)])
    #expect(decide([every], cart, web, 128, .icmpv6).allowed)
  }

  @Test("A port without protocol is TCP, UDP and SCTP")
  func anyProtocol() {
    let ports = [PolicyPort(transport: nil, match: .range(53, 53))]
    let policy = Policy.of(.ciliumNetworkPolicy, app: "web", [.from([.entity(.all)], ports)])
    for transport in [TransportProtocol.tcp, .udp, .sctp] {
      #expect(decide([policy], cart, web, 53, transport).allowed)
    }
    #expect(!decide([policy], cart, web, 53, .icmp).allowed)
  }

  @Test("A deny takes a prefix of addresses it covers in part, an allow does not")
  func partOfPrefix() {
    let wide = PolicyEndpoint.external("9.9.0.0/16")
    let allow = PolicyRule.to([.entity(.world)])
    let deny = PolicyRule.to([.block("9.9.9.0/24")], nil, .deny)
    #expect(decide([.of(.ciliumNetworkPolicy, [allow])], web, wide).allowed)
    #expect(!decide([.of(.ciliumNetworkPolicy, [allow, deny])], web, wide).allowed)
  }
}
