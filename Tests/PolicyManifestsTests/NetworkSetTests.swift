import FlowModel
import PolicyManifests
import PolicyModel
import Testing

/// Calico's network sets stand for their addresses in every rule whose selectors find them.
struct NetworkSetTests {
  private static let sets = """
    apiVersion: projectcalico.org/v3
    kind: GlobalNetworkSet
    metadata:
      name: blocked
      labels: {role: blocked, side: outside}
    spec:
      nets: [198.51.100.0/24, 203.0.113.7]
    ---
    apiVersion: projectcalico.org/v3
    kind: NetworkSet
    metadata:
      name: partners
      namespace: shop
      labels: {role: partner}
    spec:
      nets:
      - 192.0.2.0/24
    ---

    """

  private func rule(_ source: String, kind: String = "NetworkPolicy") throws -> PolicyRule {
    let spec = "  ingress:\n  - action: Deny\n    source: {\(source)}"
    let policies = try Manifest.read(Self.sets + Manifest.calico(spec, kind: kind)).policySet
      .policies
    try #require(policies.count == 1)
    // Pods and prefixes of one rule are written apart.
    var rule = try #require(policies[0].rules.first)
    rule.peers = policies[0].rules.flatMap { $0.peers ?? [] }
    return rule
  }

  /// The prefixes among the peers of the only rule.
  private func nets(_ source: String, kind: String = "NetworkPolicy") throws -> [String] {
    try (rule(source, kind: kind).peers ?? []).compactMap { peer in
      if case .cidr(let prefix, let except) = peer {
        except.isEmpty ? "\(prefix)" : "\(prefix) less \(except)"
      } else {
        nil
      }
    }
  }

  @Test("A global policy's selector finds every set")
  func global() throws {
    let kind = "GlobalNetworkPolicy"
    let blocked = ["198.51.100.0/24", "203.0.113.7/32"]
    #expect(try nets("selector: role == 'blocked'", kind: kind) == blocked)
    #expect(try nets("selector: has(role)", kind: kind) == blocked + ["192.0.2.0/24"])
    #expect(try nets("selector: role == 'web'", kind: kind) == [])
    #expect(try nets("namespaceSelector: all()", kind: kind) == ["192.0.2.0/24"])
    #expect(try nets("namespaceSelector: global()", kind: kind) == blocked)
    #expect(try nets("nets: [10.0.0.0/8]", kind: kind) == ["10.0.0.0/8"])
    // The pods that the selector finds are still meant.
    let pods = PodMatch(namespaces: .all, pods: .labels(["role": "blocked"]))
    #expect(try rule("selector: role == 'blocked'", kind: kind).peers?.first == .pods(pods))
  }

  @Test("A namespaced policy's selector finds the sets of its namespace unless it says otherwise")
  func namespaced() throws {
    let blocked = ["198.51.100.0/24", "203.0.113.7/32"]
    #expect(try nets("selector: has(role)") == ["192.0.2.0/24"])
    #expect(try nets("selector: role == 'blocked'") == [])
    #expect(
      try nets("selector: role == 'blocked', namespaceSelector: global()") == blocked
    )
    #expect(try nets("selector: has(role), namespaceSelector: projectcalico.org/name == 'x'") == [])
    #expect(
      try nets("selector: has(role), namespaceSelector: projectcalico.org/name == 'shop'")
        == ["192.0.2.0/24"]
    )
    // A negative test of namespaces finds what lies in none.
    #expect(try nets("namespaceSelector: projectcalico.org/name != 'shop'") == blocked)
  }

  @Test("notSelector keeps the addresses of sets out, and nets narrow them")
  func narrowed() throws {
    let kind = "GlobalNetworkPolicy"
    #expect(
      try nets("selector: has(role), notSelector: role == 'blocked'", kind: kind) == []
    )
    let peers = try rule("selector: has(role), notSelector: role == 'blocked'", kind: kind).peers
    let blocked = ["198.51.100.0/24", "203.0.113.7/32"].compactMap { CIDR($0) }
    for peer in peers ?? [] {
      guard case .match(let match) = peer else {
        Issue.record("\(peer)")
        continue
      }
      #expect(match.notNets == blocked)
    }
    #expect(
      peers?.contains {
        if case .match(let match) = $0 {
          match.nets?.map(\.description) == ["192.0.2.0/24"]
        } else {
          false
        }
      } == true
    )
    #expect(
      try nets("selector: role == 'blocked', nets: [198.51.100.64/26, 203.0.0.0/16]", kind: kind)
        == ["198.51.100.64/26", "203.0.113.7/32"]
    )
  }

  @Test("What hangs on labels of a set's namespace, or is said of the policy's own end, is refused")
  func refused() {
    let unknown = Manifest.refusal(
      Self.sets
        + Manifest.calico(
          "  ingress:\n  - action: Deny\n    source: {namespaceSelector: team == 'a'}"
        )
    )
    #expect(unknown.contains("shop/partners") && unknown.contains("document 3"), "\(unknown)")
    let own = Manifest.refusal(
      Self.sets
        + Manifest.calico(
          "  ingress:\n  - action: Deny\n    destination: {selector: role == 'partner'}"
        )
    )
    #expect(own.contains("a network set at the policy's own end"), "\(own)")
    let domains = Manifest.refusal(
      "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: x}\n"
        + "spec: {allowedEgressDomains: [a.example]}\n"
    )
    #expect(domains.contains("allowedEgressDomains"), "\(domains)")
    let version = Manifest.refusal("apiVersion: v9\nkind: NetworkSet\nmetadata: {name: x}\n")
    #expect(version.contains("unknown apiVersion"), "\(version)")
    let twice = Manifest.refusal(Self.sets + Self.sets)
    #expect(twice.contains("was there before"), "\(twice)")
  }

  @Test("A set behind the policy, in a list or as it is stored, is found as well")
  func places() throws {
    let policy = Manifest.calico(
      "  ingress:\n  - action: Deny\n    source: {selector: role == 'late'}",
      kind: "GlobalNetworkPolicy"
    )
    let set = """

      ---
      apiVersion: v1
      kind: List
      items:
      - apiVersion: crd.projectcalico.org/v1
        kind: GlobalNetworkSet
        metadata: {name: late, labels: {role: late}}
        spec: {nets: [192.0.2.1/32]}
      """
    let contents = try Manifest.read(policy + set)
    #expect(contents.networkSets.map(\.name) == ["late"])
    let late = try #require(CIDR("192.0.2.1/32"))
    #expect(contents.policySet.policies[0].rules.last?.peers == [.cidr(late, except: [])])
  }
}
