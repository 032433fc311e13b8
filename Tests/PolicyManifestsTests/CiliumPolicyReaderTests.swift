import FlowModel
import PolicyManifests
import PolicyModel
import Testing

struct CiliumPolicyReaderTests {
  @Test("Namespaces in selectors become namespace matches")
  func namespaces() throws {
    let policy = try Manifest.policy(
      Manifest.cilium(
        """
          ingress:
          - fromEndpoints:
            - matchLabels: {app: a}
            - matchLabels: {"k8s:app": a, "k8s:io.kubernetes.pod.namespace": infra}
            - matchExpressions:
              - {key: "k8s:io.kubernetes.pod.namespace", operator: In, values: [x, "y"]}
            - matchExpressions: [{key: "io.kubernetes.pod.namespace", operator: Exists}]
            - matchLabels: {"k8s:io.cilium.k8s.namespace.labels.team": red}
            - matchExpressions:
              - {key: "k8s:io.kubernetes.pod.namespace", operator: NotIn, values: [x]}
            - {}
        """
      )
    )
    let name = "kubernetes.io/metadata.name"
    #expect(
      policy.rules[0].peers == [
        .pods(PodMatch(pods: .labels(["app": "a"]))),
        .pods(PodMatch(namespaces: .named(["infra"]), pods: .labels(["app": "a"]))),
        .pods(PodMatch(namespaces: .named(["x", "y"]), pods: .everything)),
        .pods(PodMatch(namespaces: .all, pods: .everything)),
        .pods(PodMatch(namespaces: .selector(.labels(["team": "red"])), pods: .everything)),
        .pods(
          PodMatch(
            namespaces: .selector(.requirements([LabelRequirement(name, .notIn, ["x"])])),
            pods: .everything
          )
        ), .pods(PodMatch(pods: .everything)),
      ]
    )
  }

  @Test("A clusterwide policy's selectors are about all namespaces")
  func clusterwide() throws {
    let policy = try Manifest.policy(
      """
      apiVersion: cilium.io/v2
      kind: CiliumClusterwideNetworkPolicy
      metadata: {name: test}
      spec:
        endpointSelector: {matchLabels: {app: a}}
        egress: [{toEndpoints: [{matchLabels: {app: b}}]}]
      """
    )
    #expect(policy.namespace == nil && policy.subject.namespaces == .all)
    let peer = PodMatch(namespaces: .all, pods: .labels(["app": "b"]))
    #expect(policy.rules[0].peers == [.pods(peer)])
  }

  @Test(
    "Sections isolate, empty rules select nobody, and default deny can be switched off",
    arguments: [
      ("  ingress: [{}]", [Direction.ingress], 0),
      ("  egressDeny: [{toEntities: [world]}]", [.egress], 1),
      ("  ingress: [{fromEndpoints: []}]", [.ingress], 0),
      ("  ingress: [{fromEntities: [all]}]\n  enableDefaultDeny: {ingress: false}", [], 1),
      (
        "  egress: [{toEntities: [all]}]\n  enableDefaultDeny: {ingress: true}",
        [.ingress, .egress], 1
      ),
      (
        "  egress: [{toPorts: [{ports: [{port: \"53\", protocol: ANY}]}]}]\n  ingress: []",
        [.egress], 1
      ),
    ]
  )
  func isolation(spec: String, directions: [Direction], rules: Int) throws {
    let policy = try Manifest.policy(Manifest.cilium(spec))
    #expect(policy.isolates == Set(directions))
    #expect(policy.rules.count == rules)
  }

  @Test("Ports, ICMP types, names and DNS rules are read")
  func ports() throws {
    let policy = try Manifest.policy(
      Manifest.cilium(
        """
          egress:
          - toFQDNs: [{matchName: API.example.com.}, {matchPattern: "*.example.com"}]
            toPorts: [{ports: [{port: "443", protocol: TCP}]}]
          - toEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": kube-system}}]
            toPorts:
            - ports: [{port: "53", protocol: ANY}]
              rules: {dns: [{matchPattern: "*"}]}
            - ports: [{port: "9153", endPort: 9155, protocol: TCP}, {port: metrics, protocol: TCP}]
          - icmps: [{fields: [{type: 8}, {family: IPv6, type: EchoRequest}]}]
          - toPorts: [{ports: [{port: "0", protocol: TCP}, {protocol: VRRP}]}]
          - toPorts: [{ports: [{port: "0"}]}]
        """
      )
    )
    let rules = policy.rules
    #expect(rules.count == 6)
    #expect(rules[0].peers == [.dnsName("api.example.com"), .dnsPattern("*.example.com")])
    #expect(
      rules[1].ports == [PolicyPort(.tcp, 53), PolicyPort(.udp, 53), PolicyPort(.sctp, 53)]
    )
    #expect(rules[1].dnsRules == ["*"])
    #expect(rules[2].peers == rules[1].peers && rules[2].dnsRules.isEmpty)
    #expect(
      rules[2].ports == [
        PolicyPort(transport: .tcp, match: .range(9153, 9155)),
        PolicyPort(transport: .tcp, match: .named("metrics")),
      ]
    )
    #expect(
      rules[3].ports == [
        PolicyPort(transport: .icmp, match: .icmp(type: 8, code: nil)),
        PolicyPort(transport: .icmpv6, match: .icmp(type: 128, code: nil)),
      ]
    )
    #expect(
      rules[4].ports == [
        PolicyPort(transport: .tcp, match: .any),
        PolicyPort(transport: TransportProtocol(number: 112), match: .any),
      ]
    )
    #expect(rules[5].peers == [.entity(.all)] && rules[5].ports == nil)
  }

  @Test("Prefixes, entities and reserved labels are read")
  func peers() throws {
    let policy = try Manifest.policy(
      Manifest.cilium(
        """
          ingress:
          - fromEntities: [world, kube-apiserver]
          - fromEndpoints: [{matchLabels: {"reserved:world-ipv4": ""}}]
          - fromCIDR: [10.0.0.1, "2001:db8::/32"]
          - fromCIDRSet: [{cidr: 10.0.0.0/8, except: [10.0.0.0/8]}]
          ingressDeny:
          - fromEntities: [host]
        """
      )
    )
    let ten = try #require(CIDR("10.0.0.0/8"))
    #expect(policy.rules[0].peers == [.entity(.world), .entity(.kubeAPIServer)])
    #expect(policy.rules[1].peers == [.entity(.worldIPv4)])
    let addresses = ["10.0.0.1/32", "2001:db8::/32"].compactMap { CIDR($0) }
    #expect(policy.rules[2].peers == addresses.map { .cidr($0, except: []) })
    #expect(policy.rules[3].peers == [.cidr(ten, except: [ten])])
    #expect(policy.rules[4].action == .deny)
  }

  @Test("Each of several specs is a policy of its own")
  func specs() throws {
    let text = """
      apiVersion: cilium.io/v2
      kind: CiliumNetworkPolicy
      metadata: {name: test, namespace: shop}
      specs:
      - endpointSelector: {matchLabels: {app: a}}
        ingress: [{}]
      - endpointSelector: {matchLabels: {app: b}}
        egress: [{}]
      """
    let set = try Manifest.read(text).policySet
    #expect(set.policies.map(\.section) == [0, 1])
    #expect(set.policies.map(\.name) == ["test", "test"])
    #expect(try Manifest.read(ManifestWriter.yaml(set)).policySet == set)
  }

  @Test(
    "What is invalid or cannot be represented is refused, with its place",
    arguments: [
      ("  ingress: []", "needs a rule in one of"),
      ("  nodeSelector: {}\n  ingress: [{}]", "spec.nodeSelector: unsupported"),
      ("  ingress: [{fromRequires: [{}]}]", "spec.ingress[0].fromRequires: unsupported"),
      ("  ingress: [{fromNodes: [{}]}]", "fromNodes: unsupported"),
      ("  egress: [{toServices: [{}]}]", "spec.egress[0].toServices: unsupported"),
      ("  egress: [{toGroups: [{}]}]", "toGroups: unsupported"),
      ("  egress: [{toCIDRSet: [{cidrGroupRef: g}]}]", "cidrGroupRef: unsupported"),
      (
        "  ingress: [{toPorts: [{ports: [{port: \"80\", protocol: TCP}], rules: {http: [{}]}}]}]",
        "spec.ingress[0].toPorts[0].rules.http: unsupported"
      ),
      (
        "  ingress: [{toPorts: [{ports: [{port: 80}]}]}]",
        "spec.ingress[0].toPorts[0].ports[0].port: a number where a string belongs"
      ),
      ("  ingress: [{toPorts: [{ports: [{port: \"65536\"}]}]}]", "out of range"),
      ("  ingress: [{toPorts: [{ports: [{port: \"90\", endPort: 80}]}]}]", "endPort 80 is below"),
      (
        "  ingress: [{toPorts: [{ports: [{port: http, endPort: 80}]}]}]",
        "endPort needs a numeric port"
      ),
      ("  ingress: [{toPorts: [{ports: [{port: \"90\", protocol: tcp}]}]}]", "unknown protocol"),
      (
        "  ingress: [{toPorts: [{ports: [{port: \"90\"}]}], icmps: [{fields: [{type: 8}]}]}]",
        "cannot be combined"
      ),
      ("  ingress: [{icmps: [{fields: [{type: Nonsense}]}]}]", "unknown ICMP type"),
      ("  ingress: [{icmps: [{fields: [{type: 256}]}]}]", "unknown ICMP type"),
      ("  ingress: [{fromEntities: [World]}]", "unknown entity \"World\""),
      ("  ingress: [{fromEntities: [world], fromCIDR: [10.0.0.0/8]}]", "cannot be combined"),
      ("  ingress: [{toFQDNs: [{matchName: a.b}]}]", "spec.ingress[0].toFQDNs: unknown field"),
      ("  egress: [{toFQDNs: [{matchName: \"*.b\"}]}]", "is not a DNS name"),
      ("  egress: [{toFQDNs: [{matchName: a.b, matchPattern: a.b}]}]", "needs exactly one"),
      ("  egress: [{toFQDNs: [{matchPattern: a..b}]}]", "is not a DNS pattern"),
      ("  egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [11.0.0.0/8]}]}]", "is not inside"),
      (
        "  ingress: [{fromEndpoints: [{matchLabels: {\"container:a\": b}}]}]", "the label source of"
      ),
      (
        "  ingress: [{fromEndpoints: [{matchLabels: {\"k8s:io.cilium.k8s.policy.serviceaccount\": b}}]}]",
        "identity label"
      ),
      (
        "  ingress: [{fromEndpoints: [{matchLabels: {\"reserved:host\": \"\", a: b}}]}]",
        "reserved labels"
      ),
      ("  ingress: [{authentication: {mode: required}}]", "authentication: unsupported"),
      ("  enableDefaultDeny: {ingress: \"true\"}\n  ingress: [{}]", "expected true or false"),
      ("  ingress: [{}]\n  foo: {}", "spec.foo: unknown field"),
    ]
  )
  func refused(spec: String, problem: String) {
    let refusal = Manifest.refusal(Manifest.cilium(spec))
    #expect(refusal.contains(problem), "\(refusal)")
  }

  @Test("A namespaced policy cannot select another namespace's endpoints")
  func foreignSubject() {
    let text = Manifest.cilium("  ingress: [{}]").replacing(
      "endpointSelector: {}",
      with: "endpointSelector: {matchLabels: {\"k8s:io.kubernetes.pod.namespace\": other}}"
    )
    #expect(Manifest.refusal(text).contains("its own namespace only"))
    let own = text.replacing("other", with: "shop")
    #expect(throws: Never.self) { try Manifest.policy(own) }
  }
}
