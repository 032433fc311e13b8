import AuditPipeline
import ClusterInventory
import FlowAggregation
import FlowFormats
import FlowModel
import FlowStorageSQLite
import Foundation
import PolicyEvaluation
import PolicyManifests
import PolicyModel
import PolicySynthesis
import Rollout
import TestSupport
import Testing

/// A store in a folder of its own, with sample logs in it.
struct SampleStore {
  let folder: URL
  let stores: Stores

  /// Makes a store; the folder is removed by ``remove()``.
  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "flowlearn-\(UUID().uuidString)"
    )
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let store = try SQLiteStore(
      path: folder.appendingPathComponent("test.db").path,
      create: true
    )
    stores = Stores(flows: store, audit: store)
  }

  /// Removes the store.
  func remove() { try? FileManager.default.removeItem(at: folder) }

  /// A file of `sample-flows`.
  static func sample(_ path: String) -> String {
    ProjectFiles.root().appendingPathComponent("sample-flows").appendingPathComponent(path).path
  }

  /// Adds the sample inventory as of the end of the capture.
  func addInventory() async throws {
    _ = try await InventoryFiles(store: stores.audit).add(
      [SampleStore.sample("pods.json")],
      time: Timestamps.parse("2026-11-16T00:00:00Z")
    )
  }

  /// Ingests a file, resolved by the inventory where there is one.
  func ingest(_ path: String) async throws {
    let inventory = try await InventoryFiles(store: stores.audit).load()
    let resolver: (any AddressResolving)? =
      inventory.records.isEmpty ? nil : InventoryResolver.table(inventory)
    _ = try await Ingest(
      store: stores.flows,
      resolver: resolver,
      options: IngestOptions(),
      now: 0
    ).run(path: path)
  }

  /// Proposes for a namespace.
  func propose(_ namespace: String = "app-prod", _ options: ProposeOptions = ProposeOptions())
    async throws -> ProposeResult
  {
    let now = try #require(Timestamps.parse("2026-11-16T12:00:00Z"))
    let reader = try await EvidenceReader(stores, now: now)
    let finder = try await WindowFinder(stores, rollout: reader.rollout)
    let results = try await Propose(stores, reader: reader, finder: finder, options: options)
      .run([namespace])
    return try #require(results.first)
  }
}

@Suite("Proposals from the sample logs")
struct ProposeTests {
  @Test("The demo's proposal allows each accepted connection and neither attack")
  func demoByHand() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    let result = try await sample.propose()
    #expect(result.proof.holds)
    #expect(result.proof.unobservedCount == 0)
    #expect(result.proposal.size.isMinimal)

    let evaluator = PolicyEvaluator(
      policies: result.proposal.policySet,
      engine: .reference,
      isolatedNamespaces: ["app-prod"]
    )
    func pod(_ tier: String, _ namespace: String = "app-prod") -> PolicyEndpoint {
      .pod(namespace, ["app": "shop", "tier": tier])
    }
    let prometheus = PolicyEndpoint.pod(
      "monitoring",
      ["app.kubernetes.io/instance": "main", "app.kubernetes.io/name": "prometheus"]
    )
    let ingress = PolicyEndpoint.pod(
      "ingress-system",
      ["app.kubernetes.io/component": "controller", "app.kubernetes.io/name": "ingress-nginx"]
    )
    let dns = PolicyEndpoint.pod("kube-system", ["k8s-app": "kube-dns"])
    let shell = PolicyEndpoint.pod("shop-staging", ["run": "debug-shell"])
    func external(_ address: String) throws -> PolicyEndpoint {
      .external(try #require(CIDR(address)))
    }
    let allowed: [(PolicyEndpoint, PolicyEndpoint, TransportProtocol, UInt16)] = [
      (ingress, pod("web"), .tcp, 8080), (pod("web"), pod("api"), .tcp, 8080),
      (pod("api"), pod("db"), .tcp, 5432), (pod("api"), pod("cache"), .tcp, 6379),
      (pod("report"), pod("db"), .tcp, 5432), (prometheus, pod("web"), .tcp, 9090),
      (prometheus, pod("api"), .tcp, 9090), (prometheus, pod("db"), .tcp, 9187),
      (pod("web"), dns, .udp, 53), (pod("api"), dns, .udp, 53), (pod("api"), dns, .tcp, 53),
      (pod("api"), try external("192.0.2.10"), .tcp, 443),
      (pod("db"), try external("198.51.100.20"), .tcp, 443),
    ]
    for (source, destination, transport, port) in allowed {
      let decision = evaluator.decide(
        PolicyConnection(
          source: source,
          destination: destination,
          transport: transport,
          port: port
        )
      )
      #expect(decision.allowed, "\(source.labels) -> \(destination.labels) \(transport)/\(port)")
    }
    var refused: [(PolicyEndpoint, PolicyEndpoint, TransportProtocol, UInt16)] = [
      (pod("api"), try external("169.254.169.254"), .tcp, 80),
      (pod("web"), pod("db"), .tcp, 5432), (pod("web", "shop-staging"), pod("api"), .tcp, 8080),
      (pod("db"), dns, .udp, 53), (pod("api"), try external("192.0.2.12"), .tcp, 443),
    ]
    for port: UInt16 in [22, 80, 443, 3306, 5432, 6379, 9187] {
      refused.append((shell, pod("db"), .tcp, port))
    }
    for (source, destination, transport, port) in refused {
      let decision = evaluator.decide(
        PolicyConnection(
          source: source,
          destination: destination,
          transport: transport,
          port: port
        )
      )
      #expect(!decision.allowed, "\(source.labels) -> \(destination.labels) \(transport)/\(port)")
    }
  }

  @Test("Shuffled and doubled input gives the same bytes", arguments: Seed.samples(3))
  func orderIndependence(seed: Seed) async throws {
    let path = SampleStore.sample("hubble/flows.jsonl")
    let plain = try SampleStore()
    defer { plain.remove() }
    try await plain.ingest(path)
    let expected = try ProposalText.yaml(try await plain.propose(), annotate: false)

    let mixed = try SampleStore()
    defer { mixed.remove() }
    var seed = seed
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    let shuffled = (lines + lines).shuffled(using: &seed)
    let file = mixed.folder.appendingPathComponent("mixed.jsonl")
    try (shuffled.joined(separator: "\n") + "\n").write(
      to: file,
      atomically: true,
      encoding: .utf8
    )
    try await mixed.ingest(file.path)
    #expect(try ProposalText.yaml(try await mixed.propose(), annotate: false) == expected)
  }

  @Test("Calico's log and Hubble's lead to the same rules")
  func calicoAgrees() async throws {
    let hubble = try SampleStore()
    defer { hubble.remove() }
    try await hubble.ingest(SampleStore.sample("hubble/flows.jsonl"))
    let calico = try SampleStore()
    defer { calico.remove() }
    try await calico.addInventory()
    try await calico.ingest(SampleStore.sample("calico/flows.log"))
    let one = try ProposalText.yaml(try await hubble.propose(), annotate: false)
    let two = try ProposalText.yaml(try await calico.propose(), annotate: false)
    #expect(one == two)
  }

  @Test("The VPC's log leads to the same rules but for what a node keeps to itself")
  func vpcAgrees() async throws {
    let hubble = try SampleStore()
    defer { hubble.remove() }
    try await hubble.ingest(SampleStore.sample("hubble/flows.jsonl"))
    let vpc = try SampleStore()
    defer { vpc.remove() }
    try await vpc.addInventory()
    try await vpc.ingest(SampleStore.sample("vpc/vpc-flow-logs.log"))
    // Prometheus and the database share a node, and traffic within a node never reaches the VPC.
    let withinNode = """
        - from:
          - namespaceSelector:
              matchLabels:
                kubernetes.io/metadata.name: monitoring
            podSelector:
              matchLabels:
                app.kubernetes.io/name: prometheus
          ports:
          - protocol: TCP
            port: 9187

      """
    let all = try ProposalText.yaml(try await hubble.propose(), annotate: false)
    let seen = try ProposalText.yaml(try await vpc.propose(), annotate: false)
    #expect(all.components(separatedBy: withinNode).count == 2)
    #expect(all.replacingOccurrences(of: withinNode, with: "") == seen)
  }

  @Test("A namespace without flows is an answer, not an empty policy")
  func unknownNamespace() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    await #expect(throws: EvidenceError.self) { try await sample.propose("nosuch") }
  }

  @Test("Each namespace of many gets its proposal or the reason why it has none, in order")
  func outcomes() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    let now = try #require(Timestamps.parse("2026-11-16T12:00:00Z"))
    let reader = try await EvidenceReader(sample.stores, now: now)
    let finder = try await WindowFinder(sample.stores, rollout: reader.rollout)
    let step = Propose(sample.stores, reader: reader, finder: finder, options: ProposeOptions())
    let names = finder.namespaces + ["nosuch"]
    let outcomes = try await step.outcomes(names)
    #expect(outcomes.map { (try? $0.get())?.namespace } == finder.namespaces + [nil])
    for (name, outcome) in zip(names, outcomes) {
      guard let result = try? outcome.get() else { continue }
      let alone = try await sample.propose(name)
      #expect(result.proposal.policySet == alone.proposal.policySet, "\(name)")
      #expect(result.proof.holds == alone.proof.holds, "\(name)")
      #expect(result.proof.unobserved == alone.proof.unobserved, "\(name)")
    }
  }

  @Test("A later week says what it saw first and what it did not see again")
  func changesOfAWeek() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    var options = ProposeOptions()
    options.selection = WindowSelection(span: .week(1))
    let first = try await sample.propose("app-prod", options)
    #expect(first.new.isEmpty && first.notSeenAgain.isEmpty)
    let both = try await sample.propose()
    options.selection = WindowSelection(span: .week(2), isOnly: true)
    let second = try await sample.propose("app-prod", options)
    #expect(second.new.isEmpty && second.notSeenAgain.isEmpty)
    #expect(!both.new.isEmpty)
    #expect(Set(both.new.map(\.key)) == Set(both.keys).subtracting(first.keys))
    #expect(Set(both.notSeenAgain.map(\.key)) == Set(both.keys).subtracting(second.keys))
  }

  /// A client from the internet opens a connection to a pod.
  private static func worldFlow(_ time: String, _ client: String, _ port: Int) -> String {
    """
    {"flow":{"time":"\(time)","verdict":"FORWARDED","IP":{"source":"\(client)",\
    "destination":"10.0.0.2"},"l4":{"TCP":{"source_port":40000,"destination_port":\(port),\
    "flags":{"SYN":true}}},"source":{"labels":["reserved:world"]},"destination":{\
    "namespace":"lab","labels":["k8s:app=b","k8s:io.kubernetes.pod.namespace=lab"],\
    "pod_name":"b-0"},"Type":"L3_L4","event_type":{"type":4},"traffic_direction":"INGRESS",\
    "trace_observation_point":"TO_ENDPOINT","trace_reason":"NEW","is_reply":false}}
    """
  }

  @Test("A port open to the world is one change of a week, not one for each of its clients")
  func changesOfAnOpenPort() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    var lines: [String] = []
    for host in 1...80 {
      // Port 443 has other clients in each week, 80 only in the first, 8443 only in the second.
      lines.append(Self.worldFlow("2026-11-02T10:00:00Z", "203.0.113.\(host)", 443))
      lines.append(Self.worldFlow("2026-11-10T10:00:00Z", "198.51.100.\(host)", 443))
      lines.append(Self.worldFlow("2026-11-02T10:00:00Z", "203.0.113.\(host)", 80))
      lines.append(Self.worldFlow("2026-11-10T10:00:00Z", "203.0.113.\(host)", 8443))
    }
    // A few clients are a list: each of them is a change.
    lines.append(Self.worldFlow("2026-11-10T10:00:00Z", "198.51.100.7", 22))
    let file = sample.folder.appendingPathComponent("world.jsonl")
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
    try await sample.ingest(file.path)
    let result = try await sample.propose("lab")
    #expect(result.proposal.worldConnections.count == 320)
    func text(_ changes: [WeekChange]) -> [String] {
      changes.map { change in
        "\(change.key.source) -> \(change.key.destination) \(change.key.port) "
          + "\(change.peerCount ?? 0) \(change.connection.tally.records)"
      }
    }
    #expect(text(result.new) == ["198.51.100.7 -> lab/b 22 0 1", "world -> lab/b 8443 80 80"])
    #expect(text(result.notSeenAgain) == ["world -> lab/b 80 80 80"])
    let json = ProposalText.json([result])
    #expect(json.contains("\"peers\": 80"))
  }

  @Test("A window after the newest flow is said to be empty, with its times")
  func windowAfterTheEnd() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    var options = ProposeOptions()
    let start = try #require(Timestamps.parse("2030-01-01T00:00:00Z"))
    options.selection = WindowSelection(span: .range(since: start, until: nil))
    await #expect(
      throws: EvidenceError.nothingInWindow(
        namespace: "app-prod",
        window: TimeWindow(start: start, end: start + Timestamps.hour)
      )
    ) { try await sample.propose("app-prod", options) }
  }

  @Test("Files of an earlier proposal are pointed out, other files are not, and none is touched")
  func staleFiles() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    let result = try await sample.propose()
    let folder = sample.folder.appendingPathComponent("out").path
    let first = try ProposalFiles.write([result], to: folder, annotate: false)
    #expect(first.written.count == result.proposal.policySet.policies.count)
    #expect(first.stale.isEmpty)
    let old = "\(folder)/app-prod/gone.yaml"
    try String(contentsOfFile: first.written[0], encoding: .utf8)
      .write(toFile: old, atomically: true, encoding: .utf8)
    try "kind: Service\n".write(
      toFile: "\(folder)/app-prod/own.yaml",
      atomically: true,
      encoding: .utf8
    )
    let second = try ProposalFiles.write([result], to: folder, annotate: false)
    #expect(second.written == first.written)
    #expect(second.stale == [old])
    #expect(FileManager.default.fileExists(atPath: old))
  }

  @Test("A namespace that is no name is written nowhere")
  func hostileFolder() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    var result = try await sample.propose()
    result.namespace = "../outside"
    let folder = sample.folder.appendingPathComponent("out").path
    let outcome = try ProposalFiles.write([result], to: folder, annotate: false)
    #expect(outcome.written.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/../outside"))
  }

  @Test(
    "Every dialect's text reads back to policies that allow the same",
    arguments: PolicyDialect.allCases
  )
  func dialects(dialect: PolicyDialect) async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    var options = ProposeOptions()
    options.dialect = dialect
    let result = try await sample.propose("app-prod", options)
    #expect(result.proof.holds, "\(result.proof.denied)")
    let text = try ProposalText.yaml(result, annotate: false)
    let read = try ManifestReader().policies(fromYAML: text, file: "proposal")
    #expect(try ManifestWriter.yaml(read.policySet) == text)
  }

  @Test("The proposal for the demo is the golden one")
  func golden() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    try expectGolden(
      try ProposalText.yaml(try await sample.propose(), annotate: false),
      "app-prod.yaml"
    )
  }
}
