import AuditPipeline
import FlowModel
import Foundation
import PolicyEvaluation
import PolicyManifests
import PolicyModel
import TestSupport
import Testing

@Suite("What would happen to one connection")
struct ExplainTests {
  private static let policies = """
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: db, namespace: app-prod}
    spec:
      podSelector: {matchLabels: {tier: db}}
      ingress:
      - from: [{podSelector: {matchLabels: {tier: api}}}]
        ports: [{port: postgres}]
    ---
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: out, namespace: app-prod}
    spec:
      podSelector: {matchLabels: {tier: api}}
      policyTypes: [Egress]
      egress:
      - to: [{podSelector: {}}, {ipBlock: {cidr: 192.0.2.0/24}}, {ipBlock: {cidr: 10.20.0.11/32}}]
    """

  private func explain(
    _ from: String,
    _ to: String,
    _ port: UInt16,
    _ transport: TransportProtocol = .tcp
  ) async throws -> ExplainedConnection {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.addInventory()
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    let reader = try await EvidenceReader(sample.stores, now: 0)
    let evidence = try await WholeEvidence.everything(reader, sample.stores)
    return try Explain(evidence, reader: reader, engine: nil).run(
      from: from,
      to: to,
      transport: transport,
      port: port,
      policies: try PolicyFiles.parse(Self.policies, name: "test.yaml")
    )
  }

  @Test(
    "Ends go by workload, pod, pod address, Service address, node, prefix, name and entity",
    arguments: [
      ("app-prod/api", "app-prod/db", 5432, true, nil),
      ("app-prod/web", "app-prod/db", 5432, false, nil),
      ("app-prod/api-v4jw5mr56-hdjrj", "app-prod/db", 5432, true, nil),
      ("app-prod/api", "10.30.3.22", 5432, true, "a pod of app-prod/db"),
      ("app-prod/api", "10.96.1.3", 5432, true, "Service app-prod/db"),
      ("app-prod/web", "10.96.1.3", 5432, false, "Service app-prod/db"),
      ("app-prod/api", "10.20.0.11", 10250, true, "a node"),
      ("app-prod/api", "10.20.0.12", 10250, false, "a node"),
      ("app-prod/api", "192.0.2.0/25", 443, true, nil),
      ("app-prod/api", "192.0.0.0/16", 443, false, nil),
      ("app-prod/api", "203.0.113.250", 443, false, nil),
      ("app-prod/web", "www.example.net", 443, true, "a DNS name outside the cluster"),
      ("app-prod/api", "world", 443, false, nil), ("node", "app-prod/db", 5432, false, nil),
      ("host", "app-prod/db", 5432, true, nil), ("world", "app-prod/web", 8080, true, nil),
      ("app-prod/api", "kube-apiserver", 6443, false, nil),
    ] as [(String, String, UInt16, Bool, String?)]
  )
  func ends(_ from: String, _ to: String, _ port: UInt16, _ isAllowed: Bool, _ note: String?)
    async throws
  {
    let result = try await explain(from, to, port)
    #expect(result.isAllowed == isAllowed)
    if let note { #expect(result.destination.note?.hasPrefix(note) == true) }
    if note == nil { #expect(result.destination.note == nil) }
  }

  @Test("A Service's port is that of its pods")
  func servicePort() async throws {
    let result = try await explain("app-prod/web", "10.96.1.2", 80)
    #expect(result.destination.port == 8080)
    #expect(result.explanations.map(\.connection.port) == [8080])
  }

  @Test(
    "An unknown end is refused with names that are near",
    arguments: [
      ("app-prod/wbe", "app-prod/web"), ("web", "app-prod/web"), ("prod/web", "app-prod/web"),
      ("app-prod/postgres", nil),
    ]
  )
  func unknown(_ name: String, _ near: String?) async throws {
    do {
      _ = try await explain(name, "app-prod/db", 5432)
      Issue.record("\(name) was found")
    } catch EndLookupError.unknown(let missing, let names) {
      #expect(missing == name)
      if let near { #expect(names.contains(near), "\(names)") } else { #expect(names == []) }
    }
  }

  @Test("An address that nobody is known to hold is refused among pods, else pointed out")
  func unknownHolder() async throws {
    await #expect(throws: EndLookupError.unknownHolder(address: "10.30.1.99")) {
      try await explain("app-prod/web", "10.30.1.99", 80)
    }
    let result = try await explain("app-prod/web", "10.99.1.99", 80)
    #expect(result.destination.note?.hasPrefix("a private address") == true)
  }

  @Test("Pods of one workload that are judged differently are told apart, denied ones first")
  func variants() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    let pods = ["blue", "green"].map { version in
      """
      {"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-\(version)","namespace":"shop",\
      "labels":{"app":"web","colour":"\(version)"},"ownerReferences":[{"apiVersion":"apps/v1",\
      "kind":"StatefulSet","name":"web","controller":true}]},"spec":{"containers":[{"name":"c",\
      "ports":[{"name":"http","containerPort":8080}]}]},"status":{"phase":"Running"}}
      """
    }
    let file = sample.folder.appendingPathComponent("pods.json")
    try #"{"apiVersion":"v1","kind":"List","items":[\#(pods.joined(separator: ","))]}"#.write(
      to: file,
      atomically: true,
      encoding: .utf8
    )
    _ = try await InventoryFiles(store: sample.stores.audit).add([file.path], time: 1_000_000)
    let reader = try await EvidenceReader(sample.stores, now: 0)
    let evidence = try await WholeEvidence.everything(reader, sample.stores)
    let explain = Explain(evidence, reader: reader, engine: nil)
    let policy = """
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: blue, namespace: shop}
      spec: {podSelector: {matchLabels: {colour: green}}}
      """
    let result = try explain.run(
      from: "world",
      to: "shop/web",
      transport: .tcp,
      port: 8080,
      policies: try PolicyFiles.parse(policy, name: "test.yaml")
    )
    #expect(result.explanations.map(\.decision.allowed) == [false, true])
    #expect(result.explanations.first?.connection.destination.labels["colour"] == "green")
    let port = try explain.namedPort("http", transport: nil, at: "shop/web")
    #expect(port?.0 == .tcp && port?.1 == 8080)
    #expect(try explain.namedPort("http", transport: .udp, at: "shop/web") == nil)
  }
}
