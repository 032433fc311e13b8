import FlowModel
import PolicyManifests
import PolicyModel
import TestSupport
import Testing

/// A file read in parts is the file read in one go.
struct ManifestPartsTests {
  private static let reader = ManifestReader()

  private func joined(_ text: String, size: Int) throws -> ManifestContents {
    let parts = try Self.reader.parts(of: text, file: "test.yaml", size: size)
    return try ManifestReader.joined(parts.map(Self.reader.read))
  }

  private func refusal(_ text: String, size: Int) -> String {
    do {
      _ = try joined(text, size: size)
      return "accepted"
    } catch { return "\(error)" }
  }

  @Test("Parts of any size hold what the whole holds", arguments: Seed.samples(60))
  func same(_ sample: Seed) throws {
    var seed = sample
    for kind in [PolicyKind.networkPolicy, .ciliumNetworkPolicy, .calicoNetworkPolicy] {
      var random = RandomPolicies(seed)
      let yaml = try ManifestWriter.yaml(random.set(kind))
      let whole = try joined(yaml, size: .max)
      let size = Int.random(in: 0..<2000, using: &seed)
      let parts = try joined(yaml, size: size)
      #expect(parts.policySet == whole.policySet && parts.warnings == whole.warnings)
    }
  }

  private static func policy(_ name: String, _ spec: String = "podSelector: {}") -> String {
    """
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: \(name)}
    spec: {\(spec)}

    """
  }

  @Test(
    "Errors and warnings name document and line of the file",
    arguments: [
      Self.policy("c", "podSelector: {}, foo: 1"), Self.policy("a"), "kind: [\n", "\tx: y\n",
      "kind: Pod\napiVersion: v1\n",
    ]
  )
  func places(_ last: String) {
    let text =
      "# first\n---\n" + Self.policy("a") + "---\n# nothing\n--- \n" + Self.policy("b")
      + "...\n---\n" + last + "---\n" + Self.policy("d", "bar: 1")
    let whole = refusal(text, size: .max)
    #expect(whole.contains("document 4"), "\(whole)")
    #expect(refusal(text, size: 0) == whole)
  }

  @Test("Warnings of a later part have the line of the file")
  func warnings() throws {
    let odd = Self.policy("b", "podSelector: {}, policyTypes: [Ingress], egress: [{}]")
    let text = Self.policy("a") + "---\n" + odd
    let whole = try joined(text, size: .max)
    let parts = try joined(text, size: 0)
    #expect(whole.warnings.map(\.place.line) == [9] && whole.warnings.map(\.place.document) == [2])
    #expect(parts.warnings == whole.warnings)
  }

  @Test("Hyphens inside of a value part nothing, and carriage returns are no obstacle")
  func markers() throws {
    let note = """
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata:
        name: a
        annotations:
          note: |
            ---
            more
          other: "x ---
            --- y"
      spec: {podSelector: {}}
      ---\r
      """
    let text = note + "\n" + Self.policy("b").replacing("\n", with: "\r\n")
    let parts = try Self.reader.parts(of: text, file: "test.yaml", size: 0)
    #expect(parts.count == 2)
    let policies = try joined(text, size: 0).policySet.policies
    #expect(policies.map(\.name) == ["a", "b"])
    #expect(policies[0].annotations["note"] == "---\nmore\n")
  }

  @Test("Directives and aliases keep a file whole")
  func whole() throws {
    let directive = "%YAML 1.1\n---\n" + Self.policy("a") + "---\n" + Self.policy("b")
    #expect(try Self.reader.parts(of: directive, file: "", size: 0).count == 1)
    #expect(try joined(directive, size: 0).policySet.policies.count == 2)
    let alias = Self.policy("a", "podSelector: &x {}, ingress: [{from: [{podSelector: *x}]}]")
    let text = alias + "---\n" + Self.policy("b")
    #expect(try Self.reader.parts(of: text, file: "", size: 0).count == 1)
    #expect(try joined(text, size: 0).policySet.policies.count == 2)
  }

  @Test("A file past the size limit is refused before it is read")
  func tooLarge() {
    let text = "# " + String(repeating: "x", count: 64 << 20)
    #expect(refusal(text, size: 1).contains("larger than 67108864 bytes"))
  }
}
