import FlowModel
import PolicyManifests
import PolicyModel
import Testing

struct KubernetesPolicyReaderTests {
  @Test("Every part of a NetworkPolicy is read")
  func everything() throws {
    let policy = try Manifest.policy(
      """
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata:
        name: web
        namespace: shop
        uid: 1234
        creationTimestamp: null
        generation: 1
        managedFields: [{manager: kubectl}]
        labels: {team: "y"}
        annotations:
          kubectl.kubernetes.io/last-applied-configuration: |
            {"kind":"NetworkPolicy"}
          note: kept
      spec:
        podSelector:
          matchLabels: {app: web}
          matchExpressions:
          - {key: tier, operator: In, values: [b, a]}
          - {key: legacy, operator: DoesNotExist}
        policyTypes: [Ingress, Egress]
        ingress:
        - from:
          - podSelector: {matchLabels: {app: front}}
          - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: infra}}
            podSelector: {}
          - namespaceSelector: {}
          - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}
          ports:
          - port: 80
          - {protocol: UDP, port: 1000, endPort: 2000}
          - {protocol: TCP, port: http}
          - {protocol: SCTP}
        egress: [{}]
      status: {}
      """
    )
    #expect(policy.name == "web" && policy.namespace == "shop")
    #expect(policy.labels == ["team": "y"] && policy.annotations == ["note": "kept"])
    #expect(
      policy.subject.pods
        == .requirements([
          .equals("app", "web"), LabelRequirement("tier", .in, ["a", "b"]),
          LabelRequirement("legacy", .doesNotExist),
        ])
    )
    #expect(policy.isolates == [.ingress, .egress])
    let prefix = try #require(CIDR("10.0.0.0/8"))
    let except = try #require(CIDR("10.1.0.0/16"))
    #expect(
      policy.rules[0].peers == [
        .pods(PodMatch(pods: .labels(["app": "front"]))),
        .pods(PodMatch(namespaces: .named(["infra"]), pods: .everything)),
        .pods(PodMatch(namespaces: .all, pods: .everything)), .cidr(prefix, except: [except]),
      ]
    )
    #expect(
      policy.rules[0].ports == [
        PolicyPort(.tcp, 80), PolicyPort(transport: .udp, match: .range(1000, 2000)),
        PolicyPort(transport: .tcp, match: .named("http")),
        PolicyPort(transport: .sctp, match: .any),
      ]
    )
    #expect(policy.rules[1] == PolicyRule(direction: .egress, peers: nil, ports: nil))
  }

  @Test(
    "Directions come from policyTypes, or from what is present",
    arguments: [
      ("  podSelector: {}", [Direction.ingress], 0),
      ("  podSelector: {}\n  ingress: []", [.ingress], 0),
      ("  podSelector: {}\n  policyTypes: []\n  egress: [{}]", [.ingress, .egress], 1),
      ("  podSelector: {}\n  egress: []", [.ingress], 0),
      ("  podSelector: {}\n  policyTypes: [Egress]", [.egress], 0),
      ("  podSelector: {}\n  ingress: [{from: [], ports: []}]", [.ingress], 1),
    ]
  )
  func directions(spec: String, directions: [Direction], rules: Int) throws {
    let policy = try Manifest.policy(Manifest.network(spec))
    #expect(policy.isolates == Set(directions))
    #expect(policy.rules.count == rules)
    #expect(policy.rules.allSatisfy { $0.peers == nil && $0.ports == nil })
  }

  @Test("Rules in a direction that policyTypes leaves out are dropped with a warning")
  func inertRules() throws {
    let contents = try Manifest.read(
      Manifest.network("  podSelector: {}\n  policyTypes: [Ingress]\n  egress: [{}]")
    )
    #expect(contents.policySet.policies[0].rules.isEmpty)
    #expect(contents.warnings.map(\.place.path) == ["spec.egress"])
  }

  @Test("Selectors that contradict themselves and rules behind a catch-all are pointed out")
  func warnings() throws {
    let contents = try Manifest.read(
      Manifest.network(
        """
          podSelector:
            matchLabels: {a: x}
            matchExpressions: [{key: a, operator: In, values: [v, z]}]
          ingress:
          - {}
          - ports: [{port: 80}]
        """
      )
    )
    #expect(contents.warnings.map(\.place.path) == ["spec.podSelector", "spec.ingress[1]"])
    #expect(contents.warnings[0].description.contains("contradict"))
    let fine = try Manifest.read(
      Manifest.network(
        "  podSelector: {matchLabels: {a: x}, matchExpressions: [{key: a, operator: Exists}]}"
      )
    )
    #expect(fine.warnings.isEmpty)
  }

  @Test(
    "What the API server refuses is refused, with its place",
    arguments: [
      (
        "  podSelector: {}\n  Ingress: []",
        "test.yaml:8: document 1: spec.Ingress: unknown field; did you mean ingress?"
      ),
      ("  podSelector: {}\n  foo: 1", "spec.foo: unknown field"),
      ("  ingress: []", "podSelector is missing"),
      (
        "  podSelector: {matchLabels: {app: 1}}",
        "spec.podSelector.matchLabels.app: a number where a string"
      ),
      (
        "  podSelector: {matchLabels: {app: y}}",
        "spec.podSelector.matchLabels.app: a boolean where a string"
      ),
      ("  podSelector: {matchLabels: {app: null}}", "a string is missing"),
      ("  podSelector: {matchLabels: {y: a}}", "the key \"y\" reads as a boolean; quote it"),
      ("  podSelector: {matchLabels: {\"a b\": c}}", "\"a b\" is not a label key"),
      ("  podSelector: {matchLabels: {a: \"-c\"}}", "\"-c\" is not a label value"),
      (
        "  podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}",
        "spec.podSelector.matchExpressions[0].operator: unknown operator \"in\""
      ),
      ("  podSelector: {matchExpressions: [{key: a, operator: In}]}", "In needs values"),
      (
        "  podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
        "Exists takes no values"
      ),
      ("  podSelector: []", "a list where a mapping belongs"),
      ("  podSelector: {}\n  policyTypes: [ingress]", "spec.policyTypes[0]: unknown policy type"),
      ("  podSelector: {}\n  ingress: {}", "a mapping where a list belongs"),
      ("  podSelector: {}\n  ingress: [{from: [{}]}]", "spec.ingress[0].from[0]: a peer needs"),
      (
        "  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]",
        "cannot be combined"
      ),
      ("  podSelector: {}\n  ingress: [{to: []}]", "spec.ingress[0].to: unknown field"),
      (
        "  podSelector: {}\n  ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/33}}]}]",
        "test.yaml:8: document 1: spec.ingress[0].from[1].ipBlock.cidr: \"10.0.0.0/33\" is not a CIDR"
      ),
      ("  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 10.0.0.1}}]}]", "is not a CIDR"),
      ("  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 010.0.0.0/8}}]}]", "is not a CIDR"),
      ("  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/08}}]}]", "is not a CIDR"),
      (
        "  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]",
        "is not inside"
      ),
      (
        "  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [192.168.0.0/16]}}]}]",
        "is not inside"
      ),
      (
        "  podSelector: {}\n  ingress: [{ports: [{port: 0}]}]",
        "spec.ingress[0].ports[0].port: port 0 is out of range"
      ),
      ("  podSelector: {}\n  ingress: [{ports: [{port: 65536}]}]", "out of range"),
      ("  podSelector: {}\n  ingress: [{ports: [{port: \"80\"}]}]", "is not a port name"),
      ("  podSelector: {}\n  ingress: [{ports: [{port: Http}]}]", "is not a port name"),
      ("  podSelector: {}\n  ingress: [{ports: [{port: abcdefghijklmnop}]}]", "is not a port name"),
      ("  podSelector: {}\n  ingress: [{ports: [{port: 80, endPort: 79}]}]", "endPort 79 is below"),
      (
        "  podSelector: {}\n  ingress: [{ports: [{port: http, endPort: 90}]}]",
        "endPort needs a numeric port"
      ),
      ("  podSelector: {}\n  ingress: [{ports: [{endPort: 90}]}]", "endPort needs a port"),
      (
        "  podSelector: {}\n  ingress: [{ports: [{port: 80, endPort: \"90\"}]}]",
        "expected a whole number"
      ),
      (
        "  podSelector: {}\n  ingress: [{ports: [{port: 80, protocol: tcp}]}]",
        "unknown protocol \"tcp\""
      ),
      ("  podSelector: {}\n  ingress: [{ports: [{port: 80.5}]}]", "expected a whole number"),
    ]
  )
  func refused(spec: String, problem: String) {
    let refusal = Manifest.refusal(Manifest.network(spec))
    #expect(refusal.contains(problem), "\(refusal)")
  }

  @Test(
    "Metadata is checked",
    arguments: [
      ("name: Upper", "\"Upper\" is not an RFC 1123 subdomain"), ("name: a..b", "RFC 1123"),
      ("name: n", "reads as"), ("namespace: shop", "name is missing"),
      ("{name: a, namespace: a.b}", "metadata.namespace"), ("{name: a, foo: b}", "metadata.foo"),
      ("{name: a, labels: {a/b/c: d}}", "is not a label key"),
      ("{name: a, annotations: {b: 1}}", "metadata.annotations.b: a number"),
    ]
  )
  func metadata(metadata: String, problem: String) {
    let text = """
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata:
        \(metadata)
      spec: {podSelector: {}}
      """
    let refusal = Manifest.refusal(text)
    if problem == "reads as" {
      #expect(refusal.contains("a boolean where a string belongs"), "\(refusal)")
    } else {
      #expect(refusal.contains(problem), "\(refusal)")
    }
  }
}
