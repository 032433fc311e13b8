import AuditPipeline
import ClusterInventory
import FlowAggregation
import FlowModel
import FlowStorage
import Foundation
import PolicyModel
import Rollout
import TestSupport
import Testing

@Suite("Records of the rollout")
struct RolloutRecordTests {
  @Test("A week that was saved alone does not move week 1")
  func weekAlone() async throws {
    let test = try RolloutCase()
    defer { test.sample.remove() }
    try await test.ingest(
      RolloutCase.steady([("shop/web", "shop/api", 8080)], from: "2026-11-02T00:00:00Z", days: 15)
    )
    let reader = try await EvidenceReader(test.stores, now: 0)
    let finder = try await WindowFinder(test.stores, rollout: reader.rollout)
    var options = ProposeOptions()
    options.selection = WindowSelection(span: .week(2), isOnly: true)
    let result = try await Propose(
      test.stores,
      reader: reader,
      finder: finder,
      options: options
    ).run(["shop"])
    _ = try await SavedProposals(test.stores).save(
      try #require(result.first),
      dialect: .kubernetes,
      actor: "ann",
      now: 0
    )
    let later = try await WindowFinder(test.stores, rollout: reader.rollout)
    #expect(try later.calendar(of: "shop").start == RolloutCase.time("2026-11-02T00:00:00Z"))

    // Older logs that come later are reached by time only.
    try await test.ingest(
      RolloutCase.steady([("shop/web", "shop/old", 80)], from: "2026-10-20T00:00:00Z", days: 1)
    )
    let fixed = try await WindowFinder(test.stores, rollout: reader.rollout)
    for span: WindowSelection.Span in [.latest, .weeks] {
      let window = try fixed.window(of: "shop", WindowSelection(span: span)).window
      #expect(window.start == RolloutCase.time("2026-11-02T00:00:00Z"))
    }
    let since = WindowSelection(
      span: .range(since: RolloutCase.time("2026-10-20T00:00:00Z"), until: nil)
    )
    #expect(
      try fixed.window(of: "shop", since).window.start == RolloutCase.time("2026-10-20T00:00:00Z")
    )
  }

  @Test("A namespace that is gone from the cluster, and back, is recorded from the inventory")
  func presence() async throws {
    let test = try RolloutCase()
    defer { test.sample.remove() }
    try await test.ingest(
      RolloutCase.steady([("shop/web", "shop/api", 8080)], from: "2026-11-02T00:00:00Z", days: 9)
    )
    try await test.start("shop", at: "2026-11-02T00:00:00Z")
    func add(_ namespaces: [String], at time: String) async throws -> [String] {
      let items = namespaces.map {
        #"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"\#($0)"}}"#
      }
      let path = test.sample.folder.appendingPathComponent("\(UUID().uuidString).json").path
      try #"{"apiVersion":"v1","kind":"List","items":[\#(items.joined(separator: ","))]}"#
        .write(toFile: path, atomically: true, encoding: .utf8)
      _ = try await InventoryFiles(store: test.stores.audit).add(
        [path],
        time: RolloutCase.time(time)
      )
      return try await NamespacePresence.record(test.stores, who: "ann").map(\.summary)
    }
    #expect(try await add(["default", "shop"], at: "2026-11-03T00:00:00Z") == [])
    // One object alone proves nothing.
    #expect(try await add(["default"], at: "2026-11-04T00:00:00Z") == [])
    #expect(
      try await add(["default", "kube-system"], at: "2026-11-05T00:00:00Z") == [
        "2026-11-05T00:00:00Z ann: vanish shop (as the inventory of 2026-11-05T00:00:00Z shows)"
      ]
    )
    #expect(try await test.advance("shop", at: "2026-11-10T00:00:00Z") == ["present"])
    #expect(try await add(["default", "kube-system"], at: "2026-11-06T00:00:00Z") == [])
    #expect(try await add(["default", "shop"], at: "2026-11-07T00:00:00Z").count == 1)
    #expect(try await test.advance("shop", at: "2026-11-10T00:00:00Z") == [])
  }

  @Test("A file's word is taken again where something else was decided since")
  func importAgain() async throws {
    let test = try RolloutCase()
    defer { test.sample.remove() }
    try await test.ingest(
      RolloutCase.steady([("shop/web", "shop/api", 8080)], from: "2026-11-02T00:00:00Z", days: 1)
    )
    let text = """
      version: 1
      decisions:
      - decision: reject
        source: "shop/Deployment/web"
        destination: "shop/Deployment/api"
        protocol: TCP
        port: 8080
        reason: "no"
        by: "ann"
        at: "2026-11-03T00:00:00Z"
      """
    let importing = DecisionImport(test.stores)
    let ledger = DecisionLedger(store: test.stores.audit)
    func taken(_ text: String, at now: String) async throws -> Int {
      try await importing.run(text, file: "x.yaml", now: RolloutCase.time(now)).count
    }
    #expect(try await taken(text, at: "2026-11-04T00:00:00Z") == 1)
    #expect(try await taken(text, at: "2026-11-04T00:00:00Z") == 0)
    var undo = try #require(try await ledger.all().last)
    undo.verdict = .undo
    undo.time = RolloutCase.time("2026-11-05T00:00:00Z")
    try await ledger.append([undo])
    #expect(try await taken(text, at: "2026-11-06T00:00:00Z") == 1)
    let inForce = DecisionSet(try await ledger.all()).inForce(
      at: RolloutCase.time("2026-11-06T00:00:00Z")
    )
    #expect(inForce.map(\.verdict) == [.reject])
    #expect(try await taken(text, at: "2026-11-07T00:00:00Z") == 0)
    // Export and import are each other's reverse.
    #expect(try await taken(DecisionFile.write(inForce), at: "2026-11-07T00:00:00Z") == 0)
    // An edited reason is a new decision, an expired one is none.
    let edited = text.replacingOccurrences(of: "\"no\"", with: "\"never\"")
    #expect(try await taken(edited, at: "2026-11-07T00:00:00Z") == 1)
    let expired = text + "\n  until: \"2026-11-06T00:00:00Z\"\n"
    #expect(try await taken(expired, at: "2026-11-07T00:00:00Z") == 0)
  }

  @Test("Workloads that keep the metadata service are selected by stable labels")
  func exemptions() async throws {
    let test = try RolloutCase()
    defer { test.sample.remove() }
    var log = RolloutCase.steady(
      [("shop/web", "shop/api", 8080)],
      from: "2026-11-02T00:00:00Z",
      days: 1
    )
    log.add("shop/api", "169.254.169.254", port: 80, at: "2026-11-02T05:00:00Z")
    try await test.ingest(log)
    let now = "2026-11-03T00:00:00Z"
    let assessment = try await test.assess("shop", at: now)
    let row = try #require(assessment.review.first { $0.marks.contains(.metadataService) })
    #expect(try await test.workflow(at: now).metadataExemptions(now: RolloutCase.time(now)) == [])
    try await test.decide(.accept, row, at: now)
    #expect(
      try await test.workflow(at: now).metadataExemptions(now: RolloutCase.time(now)) == [
        MetadataExemption(namespace: "shop", labels: ["app": "api"])
      ]
    )
    // A decision about the world is none about the metadata service.
    try await test.decide(.undo, row, at: "2026-11-03T01:00:00Z")
    var world = row
    world.key.destination = .external
    try await test.decide(.accept, world, at: "2026-11-03T02:00:00Z")
    let later = "2026-11-03T03:00:00Z"
    #expect(
      try await test.workflow(at: later).metadataExemptions(now: RolloutCase.time(later)) == []
    )
    #expect(
      try await test.assess("shop", at: later).review.contains {
        $0.marks.contains(.metadataService) && $0.needsDecision
      }
    )
  }
}
