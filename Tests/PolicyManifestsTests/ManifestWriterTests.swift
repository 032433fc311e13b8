import Foundation
import FlowModel
import PolicyModel
import TestSupport
import Testing

@testable import PolicyManifests

struct ManifestWriterTests {
  private static func example(_ kind: PolicyKind) -> Policy {
    let isCalico = kind.dialect == .calico
    let isCilium = kind.dialect == .cilium
    var policy = Policy(
      kind: kind,
      name: "web",
      namespace: kind.isNamespaced ? "shop" : nil,
      labels: ["app.kubernetes.io/managed-by": "flowlearn", "team": "y"],
      subject: PodMatch(namespaces: kind.isNamespaced ? .own : .all, pods: .labels(["app": "web"])),
      isolates: [.ingress, .egress],
      rules: [
        PolicyRule(
          direction: .ingress,
          peers: [
            .pods(PodMatch(namespaces: .named(["infra"]), pods: .labels(["app": "front"]))),
            .pods(PodMatch(namespaces: .named(["a", "b"]), pods: .everything)),
          ],
          ports: [PolicyPort(.tcp, 8080), PolicyPort(transport: .tcp, match: .named("http"))]
        ),
        PolicyRule(
          direction: .egress,
          peers: [.cidr(.worldIPv4, except: [CIDR("10.0.0.0/8") ?? .worldIPv4])],
          ports: [PolicyPort(transport: .udp, match: .range(1000, 2000))]
        ),
      ]
    )
    if isCalico { policy.order = 100 }
    if isCilium {
      policy.rules.append(
        PolicyRule(
          direction: .egress,
          peers: [.dnsName("api.example.com")],
          ports: [PolicyPort(.tcp, 443)]
        )
      )
      policy.rules.append(
        PolicyRule(
          direction: .egress,
          peers: [.pods(PodMatch(namespaces: .named(["kube-system"]), pods: .everything))],
          ports: [PolicyPort(.udp, 53), PolicyPort(.tcp, 53)],
          dnsRules: ["*"]
        )
      )
    }
    return policy
  }

  @Test("Manifests read as people write them")
  func golden() throws {
    let kinds: [PolicyKind] = [
      .networkPolicy, .ciliumNetworkPolicy, .calicoNetworkPolicy, .calicoStagedGlobalNetworkPolicy,
    ]
    let set = PolicySet(
      policies: kinds.map(Self.example),
      tiers: [PolicyTier(name: "security", order: 10)]
    )
    let comments = [["first line", "", "second\nline: \u{85}x"], [], ["third policy"]]
    try expectGolden(try ManifestWriter.yaml(set, comments: comments), "manifests.yaml")
    try expectGolden(try ManifestWriter.json(set), "manifests.json")
  }

  @Test("Comments cannot become content")
  func comments() throws {
    let set = PolicySet(policies: [Self.example(.networkPolicy)])
    let hostile = ["a\nkind: Pod", "b\r\n---\nkind: Pod", "c\u{2028}d\u{85}kind: Pod", "# - x"]
    let yaml = try ManifestWriter.yaml(set, comments: [hostile])
    #expect(try Manifest.read(yaml).policySet.policies == set.policies.map { $0.normalized() })
    #expect(yaml.split(separator: "\n").filter { $0.hasPrefix("#") }.count == hostile.count)
  }

  @Test(
    "Text that could be read as anything but text is quoted",
    arguments: [
      "y", "N", "yes", "No", "on", "OFF", "true", "False", "null", "NULL", "~", "", " a", "a ",
      "a: b",
      "a:", "a #b", "#a", "- a", "-", "?", ": a", "1", "-1", "+1", "1.5", ".5", "1e3", "0x10",
      "0o7",
      "012", "0b1", "1_000", "1:30", "190:20:30", "2001-01-01", "2001-01-01T00:00:00Z", ".inf",
      ".nan",
      "*a", "&a", "!a", "|", ">", "%a", "@a", "`a", "{a", "[a", "]", "}", ",", "'a'", "\"a\"", "=",
      "<<",
      "a\nb", "a\tb", "a\u{0}b", "é", "a\u{85}b", "\u{2028}", "---", "...", "a\\b\"c: d",
      "😀: a", "10.0.0.1", "inf", "NaN",
    ]
  )
  func quoting(text: String) throws {
    let scalar = Self.scalar(text)
    #expect(scalar.hasPrefix("\""), "\(scalar)")
    let tree = YAMLTree.mapping([
      (text, .sequence([.string(text), .mapping([(text, .string(text))])]))
    ])
    var roots: [ManifestTree] = []
    try YAMLDocuments(file: "").read(tree.yaml) { root, _ in roots.append(root) }
    let source = ManifestNode.Source(file: "", document: 1)
    let fields = try ManifestNode(try #require(roots.first), source).fields()
    let items = try fields.required(text).items()
    #expect(try items[0].string() == text)
    #expect(try items[1].fields().required(text).string() == text)
  }

  private static func scalar(_ text: String) -> String {
    var yaml = YAMLText()
    yaml.add(scalar: text)
    return yaml.string
  }

  @Test(
    "Ordinary text stays plain",
    arguments: [
      "web", "app.kubernetes.io/name", "10.0.0.0/8", "k8s:io.kubernetes.pod.namespace",
      "projectcalico.org/v3", "app == 'web' && tier in {'a', 'b'}", "v1.2.3-rc", "true-ish",
    ]
  )
  func plain(text: String) {
    #expect(Self.scalar(text) == text)
  }

  @Test("What a dialect cannot say is refused with policy and rule")
  func inexpressible() throws {
    func refusal(_ kind: PolicyKind, _ change: (inout Policy) -> Void) -> String {
      var policy = Self.example(kind)
      change(&policy)
      do {
        return "accepted: " + (try ManifestWriter.yaml(PolicySet(policies: [policy])))
      } catch { return "\(error)" }
    }
    func rule(_ peer: PolicyPeer?, _ port: PolicyPort? = nil) -> (inout Policy) -> Void {
      { policy in
        policy.rules = [
          PolicyRule(direction: .egress, peers: peer.map { [$0] }, ports: port.map { [$0] })
        ]
      }
    }
    let ping = PolicyPort(transport: .icmp, match: .icmp(type: 8, code: 0))
    let any = LabelSelector.any([.labels(["a": "b"]), .labels(["c": "d"])])
    let refusals = [
      refusal(.networkPolicy, rule(.entity(.host))), refusal(.networkPolicy, rule(.dnsName("a.b"))),
      refusal(.networkPolicy, rule(nil, ping)), refusal(.ciliumNetworkPolicy, rule(nil, ping)),
      refusal(.networkPolicy, rule(.pods(PodMatch(pods: any)))),
      refusal(.ciliumNetworkPolicy, rule(.pods(PodMatch(pods: any)))),
      refusal(.calicoNetworkPolicy, rule(.entity(.world))),
      refusal(.calicoNetworkPolicy, rule(.dnsPattern("*.b"))),
      refusal(.networkPolicy, rule(.match(EndpointMatch(notPods: any)))),
      refusal(.ciliumNetworkPolicy, rule(.match(EndpointMatch(notPods: any)))),
      refusal(.networkPolicy) { $0.rules[0].action = .deny },
      refusal(.ciliumNetworkPolicy) { $0.rules[0].action = .pass },
      refusal(.networkPolicy) { $0.isolates = [.ingress] },
      refusal(.calicoNetworkPolicy) { $0.isolates = [.ingress] },
      refusal(.networkPolicy) { $0.isolates = [] },
      refusal(.networkPolicy) { $0.order = 1 }, refusal(.ciliumNetworkPolicy) { $0.tier = "x" },
      refusal(.calicoNetworkPolicy) { $0.order = .infinity },
      refusal(.networkPolicy) { $0.name = "Web" }, refusal(.networkPolicy) { $0.namespace = nil },
      refusal(.networkPolicy) { $0.labels["a b"] = "c" },
      refusal(.networkPolicy) { $0.subject.pods = .labels(["app": "x\n  evil: true"]) },
      refusal(.calicoNetworkPolicy) {
        $0.subject.pods = .labels(["app": "x' || all() || a == 'b"])
      },
      refusal(.calicoNetworkPolicy) { $0.subject.pods = .labels(["a) || has(b": "c"]) },
      refusal(.ciliumNetworkPolicy, rule(.dnsName("a b"))),
      refusal(.networkPolicy, rule(nil, PolicyPort(.tcp, 0))),
      refusal(.calicoNetworkPolicy, rule(nil, PolicyPort(transport: .tcp, match: .range(9, 8)))),
      refusal(.ciliumNetworkPolicy, rule(nil, PolicyPort(transport: .tcp, match: .named("A b")))),
    ]
    for (index, text) in refusals.enumerated() {
      #expect(text.hasPrefix("policy \""), "\(index): \(text)")
    }
    #expect(refusals[0] == "policy \"web\" rule 1: NetworkPolicy has no entity \"host\"")
  }

  @Test("More ports than a list takes are spread over several")
  func manyPorts() throws {
    var policy = Self.example(.ciliumNetworkPolicy)
    policy.rules = [
      PolicyRule(direction: .ingress, peers: nil, ports: (1...100).map { PolicyPort(.tcp, $0) })
    ]
    let yaml = try ManifestWriter.yaml(PolicySet(policies: [policy]))
    #expect(yaml.components(separatedBy: "- ports:").count == 4)
    #expect(try Manifest.policy(yaml) == policy.normalized())
  }

  @Test("A Cilium policy without rules still isolates, or not, as said")
  func emptyCilium() throws {
    for isolates in [[], [Direction.ingress], [.egress], [.ingress, .egress]] as [Set<Direction>] {
      var policy = Self.example(.ciliumNetworkPolicy)
      policy.rules = []
      policy.isolates = isolates
      let yaml = try ManifestWriter.yaml(PolicySet(policies: [policy]))
      #expect(try Manifest.policy(yaml) == policy.normalized())
    }
  }
}
