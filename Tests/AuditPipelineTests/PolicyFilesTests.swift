import AuditPipeline
import ClusterInventory
import FlowModel
import Foundation
import PolicyEvaluation
import PolicyManifests
import PolicyModel
import TestSupport
import Testing

@Suite("Policies from files")
struct PolicyFilesTests {
  private func write(_ files: [String: Data]) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "policies-\(UUID().uuidString)"
    )
    for (name, data) in files {
      let url = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(),
        withIntermediateDirectories: true
      )
      try data.write(to: url)
    }
    return folder
  }

  private func policy(_ name: String, kind: String = "NetworkPolicy") -> Data {
    Data(
      """
      apiVersion: networking.k8s.io/v1
      kind: \(kind)
      metadata: {name: \(name), namespace: shop}
      spec: {podSelector: {}}

      """.utf8
    )
  }

  private func refusal(_ files: [String: Data]) async throws -> String {
    let folder = try write(files)
    defer { try? FileManager.default.removeItem(at: folder) }
    do {
      _ = try await PolicyFiles.read([folder.path])
      return "accepted"
    } catch { return "\(error)" }
  }

  @Test("A directory's policies are read in the order of their paths, other files left alone")
  func directory() async throws {
    let folder = try write([
      "b.yaml": policy("b"), "a/a.yml": policy("a"),
      "c.json": Data(
        #"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"c"},"spec":{"podSelector":{}}}"#
          .utf8
      ), "notes.txt": Data("no policy".utf8), ".hidden.yaml": Data("[".utf8),
    ])
    defer { try? FileManager.default.removeItem(at: folder) }
    let contents = try await PolicyFiles.read([folder.path])
    #expect(contents.policySet.policies.map(\.name) == ["a", "b", "c"])
  }

  @Test("Policies come out of a pipe, as a shell hands them over, and with a byte order mark")
  func pipe() async throws {
    let pipe = Pipe()
    try pipe.fileHandleForWriting.write(contentsOf: Data([0xef, 0xbb, 0xbf]) + policy("web"))
    try pipe.fileHandleForWriting.close()
    let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
    #expect(try await PolicyFiles.read([path]).policySet.policies.map(\.name) == ["web"])
  }

  @Test("Many documents are read side by side and come out in order")
  func order() async throws {
    let documents = (0..<3000).map { index in
      String(decoding: policy("p\(index)"), as: UTF8.self)
    }
    let folder = try write(["all.yaml": Data(documents.joined(separator: "---\n").utf8)])
    defer { try? FileManager.default.removeItem(at: folder) }
    let contents = try await PolicyFiles.read([folder.path])
    #expect(contents.policySet.policies.map(\.name) == (0..<3000).map { "p\($0)" })
  }

  @Test("A network set counts whatever file it is in, and decides about its addresses")
  func networkSets() async throws {
    let policy = """
      apiVersion: projectcalico.org/v3
      kind: GlobalNetworkPolicy
      metadata: {name: p}
      spec:
        ingress:
        - {action: Deny, source: {selector: role == 'blocked'}}
        - {action: Allow}
      """
    let set = """
      apiVersion: projectcalico.org/v3
      kind: GlobalNetworkSet
      metadata: {name: s, labels: {role: blocked}}
      spec: {nets: [198.51.100.0/24]}
      """
    let folder = try write(["a.yaml": Data(policy.utf8), "b.yaml": Data(set.utf8)])
    defer { try? FileManager.default.removeItem(at: folder) }
    let policies = try await PolicyFiles.read([folder.path]).policySet
    let evaluator = PolicyEvaluator(policies: policies)
    for (address, isAllowed) in [("198.51.100.7/32", false), ("192.0.2.1/32", true)] {
      let client = PolicyEndpoint.external(try #require(CIDR(address)))
      let decision = evaluator.decide(
        PolicyConnection(
          source: client,
          destination: .pod("shop", ["app": "web"]),
          transport: .tcp,
          port: 80
        )
      )
      #expect(decision.allowed == isAllowed, "\(address)")
    }
    let twice = try await refusal(["a.yaml": Data(set.utf8), "b.yaml": Data(set.utf8)])
    #expect(twice.contains("NetworkSet s is also in"), "\(twice)")
  }

  @Test("Network sets of the inventory count for live policies, and for policies of files")
  func liveNetworkSets() async throws {
    let test = try RolloutCase()
    defer { test.sample.remove() }
    try await test.addObjects([
      """
      {"apiVersion":"projectcalico.org/v3","kind":"GlobalNetworkSet",\
      "metadata":{"name":"s","labels":{"role":"blocked"}},"spec":{"nets":["198.51.100.0/24"]}}
      """,
      """
      {"apiVersion":"projectcalico.org/v3","kind":"GlobalNetworkPolicy","metadata":{"name":"p"},\
      "spec":{"ingress":[{"action":"Deny","source":{"selector":"role == 'blocked'"}}]}}
      """,
    ])
    let net = PolicyPeer.cidr(try #require(CIDR("198.51.100.0/24")), except: [])
    let live = try await PolicyFiles.live(test.stores)
    #expect(live.policies.flatMap(\.rules).contains { $0.peers == [net] })
    let folder = try write([
      "a.yaml": Data(
        """
        apiVersion: projectcalico.org/v3
        kind: GlobalNetworkPolicy
        metadata: {name: q}
        spec: {ingress: [{action: Deny, source: {selector: has(role)}}]}
        """.utf8
      )
    ])
    defer { try? FileManager.default.removeItem(at: folder) }
    let read = try await PolicyFiles.read([folder.path], test.stores).policySet
    #expect(read.policies.flatMap(\.rules).contains { $0.peers == [net] })
    // A set that the files have too is what they say it is.
    let newer = """
      apiVersion: projectcalico.org/v3
      kind: GlobalNetworkSet
      metadata: {name: s, labels: {role: blocked}}
      spec: {nets: [203.0.113.0/24]}
      """
    try Data(newer.utf8).write(to: folder.appendingPathComponent("b.yaml"))
    let both = try await PolicyFiles.read([folder.path], test.stores).policySet
    let other = PolicyPeer.cidr(try #require(CIDR("203.0.113.0/24")), except: [])
    #expect(both.policies.flatMap(\.rules).compactMap(\.peers).flatMap { $0 }.contains(other))
    #expect(!both.policies.flatMap(\.rules).contains { $0.peers == [net] })
  }

  @Test("One object in two files is an error that names both")
  func twice() async throws {
    let text = try await refusal(["a.yaml": policy("p"), "b.yaml": policy("p")])
    #expect(text.contains("NetworkPolicy shop/p is also in") && text.contains("a.yaml"), "\(text)")
    let tier = Data(
      "apiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {name: t}\nspec: {order: 1}\n".utf8
    )
    let tiers = try await refusal(["a.yaml": tier, "b.yaml": tier])
    #expect(tiers.contains("Tier t is also in"), "\(tiers)")
  }

  @Test("Another kind, text that is not UTF-8 and an empty directory are refused by name")
  func refused() async throws {
    let kind = try await refusal(["a.yaml": policy("p", kind: "Ingress")])
    #expect(kind.contains("kind \"Ingress\" is not a policy"), "\(kind)")
    let bytes = try await refusal(["a.yaml": Data([0x61, 0xff, 0xfe])])
    #expect(bytes.contains("UTF-8"), "\(bytes)")
    let none = try await refusal(["a.txt": policy("p")])
    #expect(none.contains("no .yaml, .yml or .json file"), "\(none)")
    await #expect(throws: InputError.self) { try await PolicyFiles.read(["/nowhere/p.yaml"]) }
  }

  @Test("Selectors that flows cannot judge are named once for each policy and label")
  func caveats() throws {
    let set = try PolicyFiles.parse(
      """
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: p, namespace: shop}
      spec:
        podSelector: {matchLabels: {app: web}}
        ingress:
        - from:
          - podSelector: {matchLabels: {pod-template-hash: abc, app: api}}
          - namespaceSelector: {matchLabels: {team: a, kubernetes.io/metadata.name: x}}
        - from: [{podSelector: {matchLabels: {pod-template-hash: def}}}]
      ---
      apiVersion: projectcalico.org/v3
      kind: GlobalNetworkPolicy
      metadata: {name: g}
      spec: {selector: "!has(pod-template-hash) && app == 'web'"}
      """,
      name: "test.yaml"
    )
    let caveats = PolicyCaveats.list(set, inventory: Inventory())
    #expect(caveats.count == 3)
    #expect(caveats[0].hasPrefix("NetworkPolicy shop/p tests the label pod-template-hash, "))
    #expect(caveats[1].hasPrefix("NetworkPolicy shop/p tests the namespace label team, "))
    #expect(caveats[2].hasPrefix("GlobalNetworkPolicy g tests the label pod-template-hash, "))
  }
}
