import Foundation
import FlowModel
import PolicyManifests
import PolicyModel
import TestSupport
import Testing

struct ManifestReaderTests {
  private static let policy = Manifest.network("  podSelector: {}")

  @Test("Several documents, empty ones included, are counted from 1")
  func documents() throws {
    let text = "# nothing\n---\n" + Self.policy + "\n---\n---\nkind: NetworkPolicy\n"
    let refusal = Manifest.refusal(text)
    #expect(refusal.contains("document 3: apiVersion is missing"), "\(refusal)")
    #expect(try Manifest.read("").policySet.policies.isEmpty)
    #expect(try Manifest.read("---\n---\n# end\n").policySet.policies.isEmpty)
  }

  @Test("Lists are unwrapped, with the type from the list where items lack it")
  func lists() throws {
    let list = """
      apiVersion: v1
      kind: List
      metadata: {resourceVersion: ""}
      items:
      - apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: a, namespace: shop}
        spec: {podSelector: {}}
      """
    #expect(try Manifest.policy(list).name == "a")
    let typed = """
      {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "metadata": {},
       "items": [{"metadata": {"name": "a"}, "spec": {"podSelector": {}}},
      \t{"metadata": {"name": "b"}, "spec": {"podSelector": {"foo": 1}}}]}
      """
    #expect(Manifest.refusal(typed).contains("items[1].spec.podSelector.foo: unknown field"))
    let fixed = typed.replacing("\"foo\": 1", with: "")
    #expect(try Manifest.read(fixed).policySet.policies.map(\.namespace) == ["default", "default"])
    #expect(try Manifest.read("{apiVersion: v1, kind: List, items: null}").skipped.isEmpty)
  }

  @Test("Other kinds are refused by name, or skipped when asked")
  func otherKinds() throws {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
    let text = Self.policy + "\n---\n" + pod
    let refusal = Manifest.refusal(text)
    #expect(refusal == "test.yaml:9: document 2: \"v1\" kind \"Pod\" is not a policy")
    let contents = try Manifest.read(text, ignoringOtherKinds: true)
    #expect(contents.policySet.policies.count == 1)
    #expect(contents.skipped.map(\.kind) == ["Pod"] && contents.skipped.map(\.name) == ["web"])
    let list = "{apiVersion: v1, kind: PodList, items: [{metadata: {name: a}}]}"
    #expect(try Manifest.read(list, ignoringOtherKinds: true).skipped.map(\.kind) == ["PodList"])
  }

  @Test("A skipped policy of an unknown kind is warned of; an unknown version is always refused")
  func unknownPolicies() throws {
    let admin = """
      apiVersion: policy.networking.k8s.io/v1alpha1
      kind: AdminNetworkPolicy
      metadata: {name: a}
      """
    #expect(try Manifest.read(admin, ignoringOtherKinds: true).warnings.count == 1)
    let old = Self.policy.replacing("networking.k8s.io/v1", with: "extensions/v1beta1")
    #expect(throws: ManifestError.self) { try Manifest.read(old, ignoringOtherKinds: true) }
    #expect(Manifest.refusal(old).contains("unknown apiVersion \"extensions/v1beta1\""))
  }

  @Test("An object given twice is refused")
  func twice() {
    let text = Self.policy + "\n---\n" + Self.policy
    #expect(Manifest.refusal(text).contains("was there before"))
  }

  @Test("Hostile names cannot steer a terminal through an error")
  func printable() {
    let text = Self.policy.replacing("name: test", with: "name: \"a\\e[31m\\u202e\"")
    let refusal = Manifest.refusal(text)
    #expect(refusal.contains("\\u{1b}[31m\\u{202e}"))
    #expect(refusal.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
  }

  @Test("An invalid name is only pointed out where that was asked for")
  func invalidName() throws {
    let text = Self.policy.replacing("name: test", with: "name: a_b")
    #expect(Manifest.refusal(text).contains("\"a_b\" is not an RFC 1123 subdomain"))
    let contents = try ManifestReader(refusingInvalidNames: false)
      .policies(fromYAML: text, file: "test.yaml")
    #expect(contents.policySet.policies.map(\.name) == ["a_b"])
    #expect(contents.warnings.map(\.place.path) == ["metadata.name"])
  }

  // MARK: - YAML

  @Test(
    "YAML that is broken, ambiguous or dangerous is refused with its line",
    arguments: [
      ("kind: a\nkind: b\n", "duplicate key \"kind\""), ("kind: a\n\tspec: b\n", "test.yaml:2"),
      ("kind: [a\n", "document 1"), ("kind: *x\n", "alias"), ("kind: \"a\u{1}\"\n", "control"),
      ("- a\n", "a list where a mapping belongs"), ("just text\n", "a scalar where a mapping"),
      ("kind: !!binary aGk=\napiVersion: v1\n", "unknown YAML tag"),
      ("kind: !custom a\napiVersion: v1\n", "unknown YAML tag"),
      ("<<: {kind: a}\n", "merge keys"), ("? [a, b]\n: c\n", "a key is not a string"),
      ("1: a\n", "the key \"1\" reads as a number"), ("---\n---\nkind: {\n", "document 2"),
    ]
  )
  func badYAML(text: String, problem: String) {
    let refusal = Manifest.refusal(text)
    #expect(refusal.contains(problem), "\(refusal)")
  }

  @Test("An explicit string tag makes a string of anything")
  func stringTag() throws {
    let text = Self.policy.replacing("name: test", with: "name: !!str 0x10")
    #expect(try Manifest.policy(text).name == "0x10")
  }

  @Test("Aliases work where they are harmless")
  func aliases() throws {
    let text = Manifest.network(
      """
        podSelector: {matchLabels: &labels {app: web}}
        ingress:
        - from: [{podSelector: {matchLabels: *labels}}]
      """
    )
    let own = PodMatch(pods: .labels(["app": "web"]))
    #expect(try Manifest.policy(text).rules[0].peers == [.pods(own)])
  }

  @Test("Alias bombs are refused, also as keys and in depth", arguments: [0, 1, 2])
  func bombs(shape: Int) {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in 1...40 {
      let previous = "*a\(level - 1) "
      let all = Array(repeating: previous, count: 9).joined(separator: ",")
      switch shape {
      case 0: text += "a\(level): &a\(level) [\(all)]\n"
      case 1: text += "a\(level): &a\(level) {? [\(all)] : x}\n"
      default:
        let open = String(repeating: "[", count: 300)
        let close = String(repeating: "]", count: 300)
        text += "a\(level): &a\(level) \(open)\(previous)\(close)\n"
      }
    }
    if shape == 1 { text += "? *a40 \n: x\n" }
    let refusal = Manifest.refusal(text)
    #expect(refusal.contains("aliases that stand for") || refusal.contains("not a scalar"))
  }

  @Test("Deep nesting is refused, not followed")
  func depth() {
    let text = "kind: " + String(repeating: "[", count: 200_000)
    #expect(Manifest.refusal(text).contains("not readable YAML"))
    let nested =
      "kind: a\nx: " + String(repeating: "[", count: 900)
      + String(repeating: "]", count: 900) + "\n"
    #expect(Manifest.refusal(nested).contains("apiVersion is missing"))
  }

  @Test("No bytes make the reader trap", arguments: Seed.samples(150))
  func fuzz(seed: Seed) throws {
    var seed = seed
    var random = RandomPolicies(seed)
    let kind = PolicyKind.allCases[seed.number(0...(PolicyKind.allCases.count - 1))]
    var bytes = Array(try ManifestWriter.yaml(random.set(kind)).utf8)
    let noise = Array("[]{}:-*&!|>'\"%@`#,?\n\t 09azAZ~<\u{0}\u{ff}".utf8)
    for _ in 0..<seed.number(1...20) where !bytes.isEmpty {
      let index = seed.number(0...(bytes.count - 1))
      switch seed.number(0...2) {
      case 0: bytes[index] = noise[seed.number(0...(noise.count - 1))]
      case 1: bytes.remove(at: index)
      default: bytes.insert(noise[seed.number(0...(noise.count - 1))], at: index)
      }
    }
    _ = try? Manifest.read(String(decoding: bytes, as: UTF8.self), ignoringOtherKinds: true)
  }

  // MARK: - Reference files

  @Test("The sock-shop policies are read")
  func sockShop() throws {
    guard let folder = ProjectFiles.shared("flows/inventory/manifests/sock-shop-netpols") else {
      return
    }
    let files = try Self.yamlFiles(folder)
    var count = 0
    for file in files {
      let text = try String(contentsOf: file, encoding: .utf8)
      let contents = try Manifest.read(text, ignoringOtherKinds: true)
      count += contents.policySet.policies.count
      #expect(
        try Manifest.read(ManifestWriter.yaml(contents.policySet)).policySet == contents.policySet
      )
    }
    #expect(count >= 10)
  }

  @Test("The policies of the analyzer's cases are read")
  func analyzerCases() throws {
    guard let folder = ProjectFiles.shared("cases/netpol-analyzer") else { return }
    var count = 0
    for file in try Self.yamlFiles(folder) where file.path.contains("/input/") {
      let text = try String(contentsOf: file, encoding: .utf8)
      let reader = ManifestReader(ignoringOtherKinds: true, refusingInvalidNames: false)
      var set = try reader.policies(fromYAML: text, file: file.path).policySet
      count += set.policies.count
      set.policies.removeAll { !KubernetesSyntax.isDNSSubdomain($0.name) }
      #expect(try Manifest.read(ManifestWriter.yaml(set)).policySet == set)
    }
    #expect(count > 20)
  }

  private static func yamlFiles(_ folder: URL) throws -> [URL] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    return names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") || $0.hasSuffix(".json") }
      .sorted().map { folder.appendingPathComponent($0) }
  }
}
