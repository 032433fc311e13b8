import FlowAggregation
import FlowModel
import PolicyModel
import PolicySynthesis
import Testing

/// Proposals for small clusters of known shape.
struct PolicySynthesizerTests {
  private func lines(_ proposal: Proposal) -> [String] { ProposalText.lines(proposal) }

  private func demo() -> ClusterBuilder {
    var cluster = ClusterBuilder()
    for tier in ["web", "api", "db"] { cluster.add("app-prod/\(tier)", ["tier": tier]) }
    cluster.add(
      "ingress-system/ingress-nginx",
      ["app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"]
    )
    cluster.add("kube-system/coredns", ["k8s-app": "kube-dns"])
    cluster.add("monitoring/prometheus", ["app.kubernetes.io/name": "prometheus"])
    cluster.add("app-stage/web", ["tier": "web"])
    cluster.connect("ingress-system/ingress-nginx", "app-prod/web", 8080)
    cluster.connect("app-prod/web", "app-prod/api", 8080)
    cluster.connect("app-prod/api", "app-prod/db", 5432)
    for tier in ["web", "api", "db"] {
      cluster.connect("monitoring/prometheus", "app-prod/\(tier)", 9090)
      cluster.connect("app-prod/\(tier)", "kube-system/coredns", 53, .udp)
    }
    cluster.connect("app-prod/api", "payments.example.com=203.0.113.10", 443)
    cluster.connect("app-prod/api", "198.51.100.7", 443)
    return cluster
  }

  @Test("The demo cluster: one object a tier, one for DNS, and no rule too many")
  func demoCluster() {
    let proposal = PolicySynthesizer.propose(demo().input("app-prod"))
    let scrape = "monitoring/app.kubernetes.io/name=prometheus -> TCP/9090"
    #expect(
      lines(proposal) == [
        "allow-dns [] egress: kube-system/k8s-app=kube-dns -> TCP/53, UDP/53",
        "api [tier=api] ingress: tier=web -> TCP/8080",
        "api [tier=api] ingress: \(scrape)",
        "api [tier=api] egress: tier=db -> TCP/5432",
        "api [tier=api] egress: 198.51.100.7/32, 203.0.113.10/32 -> TCP/443",
        "db [tier=db] ingress: tier=api -> TCP/5432",
        "db [tier=db] ingress: \(scrape)",
        "web [tier=web] ingress: ingress-system/app.kubernetes.io/name=ingress-nginx -> TCP/8080",
        "web [tier=web] ingress: \(scrape)",
        "web [tier=web] egress: tier=api -> TCP/8080",
      ]
    )
    #expect(
      proposal.size
        == ProposalSize(objects: 4, rules: 10, peers: 11, requirements: 12, ruleLowerBound: 10)
    )
    #expect(proposal.excess.isEmpty && proposal.unexpressible.isEmpty)
    #expect(proposal.declared.count == 3 && proposal.declared.allSatisfy { $0.port == 53 })
  }

  @Test("Cilium reaches names by name, with the DNS rule they need")
  func names() {
    var input = demo().input("app-prod")
    input.dialect = .cilium
    let lines = lines(PolicySynthesizer.propose(input))
    #expect(lines.contains("api [tier=api] egress: payments.example.com -> TCP/443"))
    #expect(lines.contains("api [tier=api] egress: 198.51.100.7/32 -> TCP/443"))
    #expect(
      lines.contains("allow-dns [] egress: kube-system/k8s-app=kube-dns -> TCP/53, UDP/53 dns *")
    )
  }

  @Test("A client of names that was not seen asking DNS gets DNS, and it is said")
  func namesWithoutDNS() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    cluster.add("kube-system/coredns", ["k8s-app": "kube-dns"])
    cluster.connect("shop/web", "a.example.com=203.0.113.10", 443)
    var input = cluster.input("shop")
    input.dialect = .cilium
    let proposal = PolicySynthesizer.propose(input)
    #expect(
      lines(proposal) == [
        "web [app=web] egress: kube-system/k8s-app=kube-dns -> TCP/53, UDP/53 dns *",
        "web [app=web] egress: a.example.com -> TCP/443",
      ]
    )
    #expect(proposal.declared.count == 2 && proposal.notes.count == 1)
    input.workloads.removeLast()
    #expect(
      lines(PolicySynthesizer.propose(input)) == [
        "web [app=web] egress: 203.0.113.10/32 -> TCP/443"
      ]
    )
  }

  @Test("Objects for Calico have an order, and one protocol a rule")
  func calico() {
    var input = demo().input("app-prod")
    input.dialect = .calico
    input.withDefaultDeny = true
    let proposal = PolicySynthesizer.propose(input)
    let lines = lines(proposal)
    #expect(lines.contains("allow-dns [] egress: kube-system/k8s-app=kube-dns -> TCP/53"))
    #expect(lines.contains("allow-dns [] egress: kube-system/k8s-app=kube-dns -> UDP/53"))
    #expect(lines.contains("default-deny [] nothing"))
    for policy in proposal.policySet.policies {
      #expect(policy.kind == .calicoNetworkPolicy && policy.tier == "default")
      #expect(policy.order == (policy.name == "default-deny" ? nil : 500))
    }
  }

  @Test("The default deny isolates every pod in both directions")
  func defaultDeny() {
    var input = demo().input("app-prod")
    input.withDefaultDeny = true
    let deny = PolicySynthesizer.propose(input).policySet.policies
      .first { $0.name == PolicySynthesizer.defaultDenyName }
    #expect(deny?.subject.pods == .everything)
    #expect(deny?.isolates == [.ingress, .egress])
    #expect(deny?.rules.isEmpty == true)
  }

  @Test("Without default deny, a direction without rules stays open")
  func directions() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    cluster.add("shop/api")
    cluster.connect("shop/web", "shop/api", 80)
    let policies = PolicySynthesizer.propose(cluster.input("shop")).policySet.policies
    #expect(policies.map(\.isolates) == [[.ingress], [.egress]])
  }

  @Test("DNS at NodeLocal DNSCache and at another port goes with the servers' DNS")
  func nodeLocalDNS() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    cluster.add("shop/api")
    cluster.add("shop/idle")
    cluster.add("openshift-dns/dns-default", ["dns.operator.openshift.io/daemonset-dns": "default"])
    for client in ["shop/web", "shop/api"] {
      cluster.connect(client, "openshift-dns/dns-default", 5353, .udp)
      cluster.connect(client, "169.254.20.10", 53, .udp)
    }
    let server = "openshift-dns/dns.operator.openshift.io/daemonset-dns=default"
    #expect(
      lines(PolicySynthesizer.propose(cluster.input("shop"))) == [
        "allow-dns [app=api|web] egress: \(server) -> TCP/5353, UDP/5353",
        "allow-dns [app=api|web] egress: 169.254.20.10/32 -> TCP/53, UDP/53",
      ]
    )
  }

  @Test("Metrics of a DNS server are no DNS")
  func metricsOfDNS() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    cluster.add("kube-system/coredns", ["k8s-app": "kube-dns"])
    cluster.connect("shop/web", "kube-system/coredns", 9153)
    let proposal = PolicySynthesizer.propose(cluster.input("shop"))
    #expect(lines(proposal) == ["web [app=web] egress: kube-system/k8s-app=kube-dns -> TCP/9153"])
    #expect(proposal.declared.isEmpty)
  }

  @Test("Two owners of the same labels are one object, and each grant beyond is listed")
  func indistinguishable() {
    var cluster = ClusterBuilder()
    cluster.add("shop/cart", ["app": "cart"])
    cluster.add("shop/cart-canary", ["app": "cart"])
    cluster.add("shop/db")
    cluster.connect("shop/cart", "shop/db", 5432)
    let proposal = PolicySynthesizer.propose(cluster.input("shop"))
    #expect(
      lines(proposal) == [
        "cart [app=cart] egress: app=db -> TCP/5432", "db [app=db] ingress: app=cart -> TCP/5432",
      ]
    )
    #expect(
      proposal.excess.map(\.detail) == [
        "shop/cart-canary may also reach shop/db",
        "shop/db may also be reached by shop/cart-canary",
      ]
    )
    #expect(proposal.excess.allSatisfy { $0.reason == .indistinguishable && $0.size == 1 })
    #expect(proposal.notes.contains { $0.contains("shop/cart, shop/cart-canary") })
  }

  @Test("A workload without labels gets no empty selector: it is named")
  func unselectable() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    cluster.add("shop/bare", [:])
    cluster.connect("shop/web", "shop/bare", 80)
    cluster.connect("shop/bare", "shop/web", 80)
    let proposal = PolicySynthesizer.propose(cluster.input("shop"))
    #expect(proposal.policySet.policies.isEmpty)
    #expect(proposal.unexpressible.map(\.connection) == [0, 1])
    #expect(proposal.unexpressible.allSatisfy { $0.reason.contains("no stable label") })
  }

  @Test("An unlabelled pod in the namespace keeps shared DNS from selecting everything")
  func sharedDNSBesideUnlabelled() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    cluster.add("shop/api")
    cluster.add("shop/bare", [:])
    cluster.add("kube-system/coredns", ["k8s-app": "kube-dns"])
    for client in ["shop/web", "shop/api"] {
      cluster.connect(client, "kube-system/coredns", 53, .udp)
    }
    let policies = PolicySynthesizer.propose(cluster.input("shop")).policySet.policies
    #expect(policies.map { ProposalText.text($0.subject.pods) } == ["app=api|web"])
  }

  @Test("Three ports in a row are a range, two are not")
  func ranges() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    for port in [80, 81, 82, 90, 91, 65535] as [UInt16] {
      cluster.connect("198.51.100.7", "shop/web", port)
    }
    #expect(
      lines(PolicySynthesizer.propose(cluster.input("shop"))) == [
        "web [app=web] ingress: 198.51.100.7/32 -> TCP/80-82, TCP/90, TCP/91, TCP/65535"
      ]
    )
  }

  @Test("An exposed workload is open to the world on the port, and a person decides")
  func exposed() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web", isExposed: true)
    cluster.connect("198.51.100.7", "shop/web", 443)
    cluster.connect("10.1.2.3", "shop/web", 443)
    cluster.connect("10.1.2.3", "shop/web", 9000)
    let proposal = PolicySynthesizer.propose(cluster.input("shop"))
    #expect(
      lines(proposal) == [
        "web [app=web] ingress: 0.0.0.0/0, ::/0 -> TCP/443",
        "web [app=web] ingress: 10.1.2.3/32 -> TCP/9000",
      ]
    )
    #expect(proposal.excess.map(\.reason) == [.worldIngress, .worldIngress])
    #expect(proposal.excess.map(\.size) == [128, 32])
    #expect(proposal.decisions.map(\.connection) == [0, 1])
  }

  @Test("More than 64 sources are the world, 64 are a list")
  func manySources() {
    for count in [64, 65] {
      var cluster = ClusterBuilder()
      cluster.add("shop/web")
      for number in 0..<count { cluster.connect("198.51.\(number).7", "shop/web", 443) }
      let proposal = PolicySynthesizer.propose(cluster.input("shop"))
      #expect(proposal.size.peers == (count == 64 ? 64 : 2))
      #expect(proposal.decisions.isEmpty == (count == 64))
    }
  }

  @Test("A widened prefix is listed with the size it opens")
  func widened() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    for last in [1, 5, 9, 14] { cluster.connect("shop/web", "203.0.113.\(last)", 443) }
    var input = cluster.input("shop")
    let proposal = PolicySynthesizer.propose(input)
    #expect(lines(proposal) == ["web [app=web] egress: 203.0.113.0/28 -> TCP/443"])
    #expect(
      proposal.excess.map(\.detail) == ["shop/web may reach 203.0.113.0/28 (4 seen) on TCP/443"]
    )
    #expect(proposal.excess.map(\.size) == [4])
    input.grouping = .exact
    #expect(PolicySynthesizer.propose(input).size.peers == 4)
    input.grouping = .world
    #expect(
      lines(PolicySynthesizer.propose(input)) == ["web [app=web] egress: 0.0.0.0/0 -> TCP/443"]
    )
  }

  private func infrastructure() -> ClusterBuilder {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    cluster.add("kube-system/agent", isHostNetwork: true)
    cluster.connect("@host", "shop/web", 8080)
    cluster.connect("@remote-node", "shop/web", 8080)
    cluster.connect("shop/web", "@kube-apiserver", 6443)
    cluster.connect("@ingress", "shop/web", 8080)
    cluster.connect("shop/web", "kube-system/agent", 9100)
    return cluster
  }

  @Test("Cilium names nodes, API server and entities; a person decides on each")
  func ciliumEntities() {
    var input = infrastructure().input("shop")
    input.dialect = .cilium
    let proposal = PolicySynthesizer.propose(input)
    #expect(
      lines(proposal) == [
        "web [app=web] ingress: @ingress, @remote-node -> TCP/8080",
        "web [app=web] egress: @host, @remote-node -> TCP/9100",
        "web [app=web] egress: @kube-apiserver -> TCP/6443",
      ]
    )
    #expect(proposal.needless.map(\.connection) == [0])
    #expect(proposal.decisions.map(\.connection) == [1, 2, 3, 4])
    #expect(proposal.unexpressible.isEmpty)
    #expect(proposal.excess.map(\.reason) == [.nodes, .nodes])
  }

  @Test("NetworkPolicy reaches the API server by address, but not on Cilium; nodes need one")
  func kubernetesNodes() {
    var input = infrastructure().input("shop")
    input.apiServerAddresses = ["10.0.0.2", "10.0.0.3"].compactMap { CIDR($0) }
    let open = PolicySynthesizer.propose(input)
    #expect(lines(open) == ["web [app=web] egress: 10.0.0.2/32, 10.0.0.3/32 -> TCP/6443"])
    #expect(open.unexpressible.map(\.connection) == [1, 3, 4])
    #expect(open.notes.contains { $0.contains("Cilium") })
    input.plugin = .cilium
    let onCilium = PolicySynthesizer.propose(input)
    #expect(onCilium.policySet.policies.isEmpty)
    #expect(onCilium.unexpressible.map(\.connection) == [1, 2, 3, 4])
    #expect(
      onCilium.unexpressible.contains { $0.reason.contains("ipBlock never matches nodes") }
    )
    input.plugin = .calico
    #expect(!PolicySynthesizer.propose(input).notes.contains { $0.contains("Cilium") })
  }

  @Test("ICMP is a rule where the dialect has it, and no failure where not")
  func icmp() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    cluster.add("shop/api")
    cluster.connect("shop/web", "shop/api", 8, .icmp)
    cluster.connect("shop/web", "shop/api", 80)
    var input = cluster.input("shop")
    #expect(PolicySynthesizer.propose(input).needless.map(\.connection) == [0])
    for dialect in [PolicyDialect.cilium, .calico] {
      input.dialect = dialect
      let lines = lines(PolicySynthesizer.propose(input))
      #expect(lines.contains("web [app=web] egress: app=api -> ICMP 8"))
      #expect(lines.contains("web [app=web] egress: app=api -> TCP/80"))
    }
  }

  @Test("A protocol without ports is for Calico only")
  func portless() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    cluster.connect("shop/web", "198.51.100.7", 0, TransportProtocol(number: 47))
    var input = cluster.input("shop")
    #expect(PolicySynthesizer.propose(input).unexpressible.count == 1)
    input.dialect = .calico
    #expect(
      lines(PolicySynthesizer.propose(input)) == ["web [app=web] egress: 198.51.100.7/32 -> 47"]
    )
  }

  @Test("Another cluster's workloads, unattributed pods and unresolved addresses are named")
  func strangers() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web", cluster: "east")
    cluster.add("far/api", cluster: "west")
    cluster.connect("far/api", "shop/web", 80)
    let input = cluster.input("shop")
    var connections = input.connections
    for endpoint in [
      Endpoint(kind: .pod, namespace: "shop", name: "lost"),
      Endpoint(kind: .unresolved, address: CIDR("10.2.3.4")), Endpoint(kind: .address, name: "pvt"),
    ] {
      var connection = input.connections[0]
      connection.source = .other(endpoint)
      connections.append(connection)
    }
    var all = input
    all.connections = connections
    let proposal = PolicySynthesizer.propose(all)
    #expect(proposal.policySet.policies.isEmpty)
    #expect(proposal.unexpressible.map(\.connection) == [0, 1, 2, 3])
  }

  @Test("Pods on the host's network get no policy, which is no failure")
  func hostNetworkSubject() {
    var cluster = ClusterBuilder()
    cluster.add("shop/agent", isHostNetwork: true)
    cluster.connect("198.51.100.7", "shop/agent", 80)
    let proposal = PolicySynthesizer.propose(cluster.input("shop"))
    #expect(proposal.policySet.policies.isEmpty && proposal.unexpressible.isEmpty)
    #expect(proposal.needless.map(\.connection) == [0])
    #expect(proposal.notes.count == 1)
  }

  @Test("Mesh ports are pointed out")
  func mesh() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    cluster.add("shop/api")
    cluster.connect("shop/web", "shop/api", 15008)
    #expect(
      PolicySynthesizer.propose(cluster.input("shop")).notes.contains { $0.contains("HBONE") }
    )
  }

  @Test("The compact layout joins workloads that are allowed the same")
  func compact() {
    var cluster = ClusterBuilder()
    for name in ["one", "two", "three", "db"] { cluster.add("shop/\(name)") }
    cluster.add("monitoring/prometheus")
    for name in ["one", "two", "three"] {
      cluster.connect("shop/\(name)", "shop/db", 5432)
      cluster.connect("monitoring/prometheus", "shop/\(name)", 9090)
    }
    cluster.connect("monitoring/prometheus", "shop/db", 9090)
    var input = cluster.input("shop")
    input.layout = .compact
    let proposal = PolicySynthesizer.propose(input)
    #expect(
      lines(proposal) == [
        "db [app=db] ingress: app=one, app=three, app=two -> TCP/5432",
        "db [app=db] ingress: monitoring/app=prometheus -> TCP/9090",
        "one-and-three-and-two [app=one|three|two] ingress: monitoring/app=prometheus -> TCP/9090",
        "one-and-three-and-two [app=one|three|two] egress: app=db -> TCP/5432",
      ]
    )
    #expect(proposal.size.ruleLowerBound == 3)
  }

  @Test("The compact bound adds up over workloads that share nothing, and knows crossed peers")
  func compactBound() {
    var apart = ClusterBuilder()
    for pair in ["a", "b", "c"] {
      apart.add("shop/\(pair)-client")
      apart.add("shop/\(pair)-server")
      apart.connect("shop/\(pair)-client", "shop/\(pair)-server", 80)
    }
    var input = apart.input("shop")
    input.layout = .compact
    #expect(PolicySynthesizer.propose(input).size.isMinimal)

    // Neither client alone needs three rules, nor do both by what they share; yet no rule may hold two
    // servers on two ports.
    var crossed = ClusterBuilder()
    for client in ["shop/one", "shop/two"] { crossed.add(client) }
    for (number, port) in ([80, 443, 22] as [UInt16]).enumerated() {
      crossed.add("infra/server\(number)")
      for client in ["shop/one", "shop/two"].enumerated()
      where number - client.offset == 0 || number - client.offset == 1 {
        crossed.connect(client.element, "infra/server\(number)", port)
      }
    }
    var both = crossed.input("shop")
    both.layout = .compact
    let size = PolicySynthesizer.propose(both).size
    #expect(size.ruleLowerBound == 3 && size.rules >= 3)
  }

  @Test("The compact layout never has more objects than there are workloads")
  func compactDemo() {
    var input = demo().input("app-prod")
    input.layout = .compact
    #expect(PolicySynthesizer.propose(input).size.objects == 3)
  }

  @Test("Merged ports and peers are one rule")
  func merged() {
    var cluster = ClusterBuilder()
    for name in ["web", "api", "db", "cache"] { cluster.add("shop/\(name)") }
    for client in ["shop/web", "shop/api"] {
      for port in [80, 443] as [UInt16] { cluster.connect(client, "shop/db", port) }
    }
    cluster.connect("shop/cache", "shop/db", 80)
    let own = lines(PolicySynthesizer.propose(cluster.input("shop"))).filter {
      $0.hasPrefix("db ")
    }
    #expect(own.count == 2)
    #expect(own.contains("db [app=db] ingress: app=api, app=web -> TCP/443, TCP/80") == false)
    #expect(own.contains { $0.hasSuffix("-> TCP/80, TCP/443") || $0.hasSuffix("-> TCP/443") })
  }

  @Test("Names are DNS labels, unique, and say more where they clash")
  func objectNames() {
    var cluster = ClusterBuilder()
    cluster.add("shop/a", ["app": "x"], owner: WorkloadReference(kind: "Deployment", name: "Web_1"))
    cluster.add(
      "shop/b",
      ["app": "y"],
      owner: WorkloadReference(kind: "StatefulSet", name: "web-1")
    )
    cluster.add(
      "shop/c",
      ["app": "z"],
      owner: WorkloadReference(kind: "Deployment", name: "allow-dns")
    )
    cluster.add(
      "shop/d",
      ["app": "v"],
      owner: WorkloadReference(kind: "Deployment", name: String(repeating: "long", count: 40))
    )
    cluster.add("shop/e", ["app": "bare"], owner: .some(nil))
    for name in ["a", "b", "c", "d", "e"] { cluster.connect("198.51.100.7", "shop/\(name)", 80) }
    let names = PolicySynthesizer.propose(cluster.input("shop")).policySet.policies.map(\.name)
    #expect(names.count == 5 && names.allSatisfy(KubernetesSyntax.isDNSLabel))
    #expect(names.contains("web-1-deployment") && names.contains("web-1-statefulset"))
    #expect(names.contains("bare") && !names.contains("allow-dns"))
  }

  @Test("Several namespaces at once give what each gives alone")
  func several() {
    let inputs = ["app-prod", "monitoring", "kube-system", "app-prod"].map { demo().input($0) }
    let together = PolicySynthesizer.propose(inputs)
    for (input, proposal) in zip(inputs, together) {
      let alone = PolicySynthesizer.propose(input)
      #expect(proposal.policySet == alone.policySet)
      #expect(proposal.notes == alone.notes && proposal.size == alone.size)
    }
  }

  @Test("No evidence, no policy")
  func empty() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    let proposal = PolicySynthesizer.propose(cluster.input("shop"))
    #expect(proposal.policySet.policies.isEmpty)
    #expect(proposal.size.isMinimal)
  }

  @Test("Indices that point nowhere do no harm")
  func badIndices() {
    var cluster = ClusterBuilder()
    cluster.add("shop/web")
    cluster.connect("198.51.100.7", "shop/web", 80)
    var input = cluster.input("shop")
    input.connections[0].source = .workload(99)
    #expect(PolicySynthesizer.propose(input).unexpressible.count == 1)
    input.connections[0].destination = .workload(-1)
    #expect(PolicySynthesizer.propose(input).needless.count == 1)
  }
}
