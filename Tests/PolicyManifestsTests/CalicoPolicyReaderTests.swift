import FlowModel
import PolicyManifests
import PolicyModel
import Testing

struct CalicoPolicyReaderTests {
  @Test("Every part of a NetworkPolicy is read")
  func everything() throws {
    let policy = try Manifest.policy(
      Manifest.calico(
        """
          tier: security
          order: 10.5
          selector: app == 'web'
          types: [Ingress, Egress]
          ingress:
          - action: Allow
            protocol: TCP
            source:
              selector: app == 'front'
              namespaceSelector: projectcalico.org/name == 'infra'
            destination: {ports: [80, "1000:2000", http], notPorts: [1500]}
          - action: Log
            source: {nets: [10.0.0.0/8, 11.0.0.0/8]}
          - action: Deny
            source: {nets: [10.0.0.0/8], notNets: [10.1.0.0/16]}
          - action: Pass
            source: {nets: [10.0.0.0/8], selector: "has(a)", notSelector: b == 'c'}
            destination: {selector: role == 'db'}
          egress:
          - {action: Allow, protocol: ICMP, icmp: {type: 8, code: 0}}
          - {action: Allow, protocol: 47}
        """
      )
    )
    #expect(policy.tier == "security" && policy.order == 10.5)
    #expect(policy.subject == PodMatch(pods: .labels(["app": "web"])))
    let rules = policy.rules
    #expect(rules.map(\.action) == [.allow, .log, .deny, .pass, .allow, .allow])
    let front = PodMatch(namespaces: .named(["infra"]), pods: .labels(["app": "front"]))
    #expect(rules[0].peers == [.pods(front)])
    #expect(
      rules[0].ports == [
        PolicyPort(.tcp, 80), PolicyPort(transport: .tcp, match: .range(1000, 2000)),
        PolicyPort(transport: .tcp, match: .named("http")),
      ]
    )
    #expect(rules[0].notPorts == [PolicyPort(.tcp, 1500)])
    let ten = try #require(CIDR("10.0.0.0/8"))
    let eleven = try #require(CIDR("11.0.0.0/8"))
    let inner = try #require(CIDR("10.1.0.0/16"))
    #expect(rules[1].peers == [.cidr(ten, except: []), .cidr(eleven, except: [])])
    #expect(rules[2].peers == [.cidr(ten, except: [inner])])
    #expect(
      rules[3].peers == [
        .match(
          EndpointMatch(
            pods: PodMatch(pods: .requirements([LabelRequirement("a", .exists)])),
            notPods: .labels(["b": "c"]),
            nets: [ten]
          )
        )
      ]
    )
    #expect(
      rules[3].subjectMatch == EndpointMatch(pods: PodMatch(pods: .labels(["role": "db"])))
    )
    #expect(rules[4].ports == [PolicyPort(transport: .icmp, match: .icmp(type: 8, code: 0))])
    let gre = TransportProtocol(number: 47)
    #expect(rules[5].ports == [PolicyPort(transport: gre, match: .any)])
  }

  @Test(
    "Types follow from the rules when absent",
    arguments: [
      ("  selector: all()", [Direction.ingress]),
      ("  ingress: [{action: Deny}]", [.ingress]), ("  egress: [{action: Deny}]", [.egress]),
      ("  ingress: [{action: Deny}]\n  egress: [{action: Deny}]", [.ingress, .egress]),
    ]
  )
  func types(spec: String, directions: [Direction]) throws {
    #expect(try Manifest.policy(Manifest.calico(spec)).isolates == Set(directions))
  }

  @Test(
    "A selector's namespaces depend on the kind and the namespace selector",
    arguments: [
      ("selector: a == 'b'", NamespaceMatch.own, NamespaceMatch.all),
      ("selector: a == 'b', namespaceSelector: all()", .all, .all),
      ("selector: a == 'b', namespaceSelector: global()", .named([]), .named([])),
      (
        "selector: a == 'b', namespaceSelector: team == 'x'", .selector(.labels(["team": "x"])),
        .selector(.labels(["team": "x"]))
      ),
      ("selector: \"a == 'b' && projectcalico.org/namespace == 'shop'\"", .own, .named(["shop"])),
    ]
  )
  func namespaces(source: String, own: NamespaceMatch, global: NamespaceMatch) throws {
    let spec = "  ingress: [{action: Allow, source: {\(source)}}]"
    let pods = LabelSelector.labels(["a": "b"])
    for (kind, expected) in [("NetworkPolicy", own), ("GlobalNetworkPolicy", global)] {
      let policy = try Manifest.policy(Manifest.calico(spec, kind: kind))
      #expect(policy.rules[0].peers == [.pods(PodMatch(namespaces: expected, pods: pods))])
    }
  }

  @Test("A negative selector alone means the own namespace only where there is one")
  func notSelector() throws {
    let spec = "  ingress: [{action: Allow, source: {notSelector: a == 'b'}}]"
    var match = EndpointMatch(notPods: .labels(["a": "b"]))
    let global = try Manifest.policy(Manifest.calico(spec, kind: "GlobalNetworkPolicy"))
    #expect(global.rules[0].peers == [.match(match)])
    match.pods = PodMatch(namespaces: .own, pods: .everything)
    let own = try Manifest.policy(Manifest.calico(spec))
    #expect(own.rules[0].peers == [.match(match)])
  }

  @Test("Staged kinds carry their action, Set when absent")
  func staged() throws {
    let kinds: [(String, PolicyKind)] = [
      ("StagedNetworkPolicy", .calicoStagedNetworkPolicy),
      ("StagedGlobalNetworkPolicy", .calicoStagedGlobalNetworkPolicy),
    ]
    for (name, kind) in kinds {
      let absent = try Manifest.policy(Manifest.calico("  selector: all()", kind: name))
      #expect(absent.kind == kind && absent.stagedAction == "Set")
      let learn = try Manifest.policy(Manifest.calico("  stagedAction: Learn", kind: name))
      #expect(learn.stagedAction == "Learn")
    }
    let plain = try Manifest.policy(
      Manifest.calico(
        "  podSelector: {}\n  stagedAction: Delete",
        kind: "StagedKubernetesNetworkPolicy"
      )
    )
    #expect(plain.stagedAction == "Delete" && plain.subject == PodMatch(pods: .everything))
    #expect(Manifest.refusal(Manifest.calico("  stagedAction: Set")).contains("unknown field"))
  }

  @Test("Tiers and stored objects are read")
  func stored() throws {
    let contents = try Manifest.read(
      """
      apiVersion: projectcalico.org/v3
      kind: Tier
      metadata: {name: security}
      spec: {order: 5, defaultAction: Pass}
      ---
      apiVersion: crd.projectcalico.org/v1
      kind: GlobalNetworkPolicy
      metadata: {name: security.deny}
      spec: {tier: security, selector: all(), types: [Egress]}
      ---
      apiVersion: crd.projectcalico.org/v1
      kind: NetworkPolicy
      metadata: {name: default.web, namespace: shop}
      spec: {tier: default, selector: all()}
      """
    )
    let tier = PolicyTier(name: "security", order: 5, passesByDefault: true)
    #expect(contents.policySet.tiers == [tier])
    #expect(contents.policySet.policies.map(\.name) == ["deny", "web"])
  }

  @Test(
    "What is invalid or cannot be represented is refused, with its place",
    arguments: [
      ("  ingress: [{}]", "action is missing"), ("  ingress: [{action: allow}]", "expected Allow"),
      (
        "  ingress: [{action: Allow, notProtocol: TCP}]", "spec.ingress[0].notProtocol: unsupported"
      ),
      ("  ingress: [{action: Allow, ipVersion: 4}]", "ipVersion: unsupported"),
      ("  ingress: [{action: Allow, http: {methods: [GET]}}]", "http: unsupported"),
      ("  ingress: [{action: Allow, notICMP: {type: 8}}]", "notICMP: unsupported"),
      (
        "  ingress: [{action: Allow, source: {serviceAccounts: {names: [a]}}}]",
        "spec.ingress[0].source.serviceAccounts: unsupported"
      ),
      (
        "  egress: [{action: Allow, destination: {services: {name: a}}}]",
        "destination.services: unsupported"
      ),
      (
        "  ingress: [{action: Allow, protocol: TCP, source: {ports: [80]}}]",
        "source.ports: unsupported"
      ),
      ("  serviceAccountSelector: a == 'b'", "spec.serviceAccountSelector: unsupported"),
      ("  ingress: [{action: Allow, destination: {ports: [80]}}]", "ports need protocol"),
      ("  ingress: [{action: Allow, protocol: TCP, destination: {ports: [0]}}]", "out of range"),
      (
        "  ingress: [{action: Allow, protocol: TCP, destination: {ports: [\"90:80\"]}}]",
        "is not valid"
      ),
      (
        "  ingress: [{action: Allow, protocol: TCP, destination: {ports: [\"90:99999\"]}}]",
        "is not valid"
      ),
      ("  ingress: [{action: Allow, protocol: TCP, icmp: {type: 8}}]", "icmp needs protocol"),
      ("  ingress: [{action: Allow, protocol: ICMP, icmp: {type: 255}}]", "out of range"),
      ("  ingress: [{action: Allow, protocol: ICMP, icmp: {code: 1}}]", "needs a type"),
      ("  ingress: [{action: Allow, protocol: XYZ}]", "unknown protocol"),
      ("  ingress: [{action: Allow, source: {nets: [10.0.0.0/8, 10.0.0.0/8]}}]", "is given twice"),
      ("  ingress: [{action: Allow, source: {nets: [10.0.0.0/40]}}]", "is not a CIDR"),
      ("  selector: a = 'b'", "spec.selector: bad selector"),
      ("  selector: pcns.a == 'b'", "which is no label of a pod"),
      ("  selector: global()", "global() in selector"),
      ("  order: high", "expected a number"), ("  types: [Ingress, Ingress]", "given twice"),
      ("  namespaceSelector: all()", "unknown field"), ("  doNotTrack: true", "unknown field"),
      ("  tier: A", "is not a tier's name"),
    ]
  )
  func refused(spec: String, problem: String) {
    let refusal = Manifest.refusal(Manifest.calico(spec))
    #expect(refusal.contains(problem), "\(refusal)")
  }

  @Test(
    "Global policies cannot be untracked, before DNAT or on forwarded traffic",
    arguments: ["doNotTrack", "preDNAT", "applyOnForward"]
  )
  func global(field: String) {
    let text = Manifest.calico("  \(field): true", kind: "GlobalNetworkPolicy")
    #expect(Manifest.refusal(text).contains("spec.\(field): unsupported"))
  }
}
