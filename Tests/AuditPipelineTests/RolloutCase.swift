import AuditPipeline
import FlowModel
import FlowStorage
import Foundation
import Rollout
import TestSupport
import Testing

/// A store with a log made for the test, and steps on it at any time.
struct RolloutCase {
  let sample: SampleStore
  var stores: Stores { sample.stores }

  init() throws { sample = try SampleStore() }

  static func time(_ text: String) -> Int64 { Timestamps.parse(text) ?? 0 }

  /// Ingests a log.
  func ingest(_ log: HubbleLog) async throws {
    let path = sample.folder.appendingPathComponent("\(UUID().uuidString).jsonl").path
    try log.text.write(toFile: path, atomically: true, encoding: .utf8)
    try await sample.ingest(path)
  }

  /// An hour of every connection, each hour from one time to another.
  static func steady(
    _ connections: [(source: String, destination: String, port: Int)],
    from start: String,
    days: Int
  ) -> HubbleLog {
    var log = HubbleLog()
    for hour in 0..<days * 24 {
      let time = Timestamps.text(RolloutCase.time(start) + Int64(hour) * Timestamps.hour)
      for connection in connections {
        log.add(connection.source, connection.destination, port: connection.port, at: time)
      }
    }
    return log
  }

  func assess(_ namespace: String, at now: String) async throws -> NamespaceAssessment {
    try await parts(at: now).assessor.assess(namespace, now: RolloutCase.time(now))
  }

  func workflow(at now: String, audit: (any AuditStore)? = nil) async throws -> RolloutWorkflow {
    try await parts(at: now, audit: audit).workflow
  }

  func parts(at now: String, audit: (any AuditStore)? = nil) async throws -> (
    assessor: NamespaceAssessor, workflow: RolloutWorkflow
  ) {
    let time = RolloutCase.time(now)
    let stores = Stores(flows: stores.flows, audit: audit ?? stores.audit)
    let reader = try await EvidenceReader(stores, now: time)
    let finder = try await WindowFinder(stores, rollout: reader.rollout, now: time)
    let assessor = try await NamespaceAssessor(
      stores,
      reader: reader,
      finder: finder,
      settings: GateSettings()
    )
    let workflow = RolloutWorkflow(
      stores,
      reader: reader,
      assessor: assessor,
      gates: RolloutGates()
    )
    return (assessor, workflow)
  }

  func state() async throws -> RolloutState {
    try await RolloutLedger(store: stores.audit).state()
  }

  func start(
    _ namespace: String,
    plugin: RolloutPlugin = .cilium,
    way: LogOnlyWay = .observe,
    at now: String
  ) async throws {
    let workflow = try await workflow(at: now)
    try await workflow.carryOut(
      workflow.start(
        namespace,
        plugin: plugin,
        way: way,
        who: "ann",
        now: RolloutCase.time(now)
      )
    )
  }

  /// The folder of a namespace's watch.
  func folder(_ namespace: String) -> StepFolder {
    StepFolder(
      sample.folder.appendingPathComponent("rollout").path,
      namespace: namespace,
      step: "watch"
    )
  }

  /// Moves a namespace on; the requirements that are not met, empty when it moved.
  @discardableResult
  func advance(_ namespace: String, at now: String, force: Bool = false) async throws -> [String] {
    let workflow = try await workflow(at: now)
    let outcome = try await workflow.advance(
      namespace,
      who: "ann",
      now: RolloutCase.time(now),
      force: force,
      reason: force ? "test" : "",
      folder: folder(namespace)
    )
    try await workflow.carryOut(outcome)
    return outcome.event == nil ? outcome.gate?.unmet.map(\.name) ?? [] : []
  }

  /// Adds objects as `kubectl get -o json` lists them.
  func addObjects(_ items: [String], at time: String = "2026-11-03T00:00:00Z") async throws {
    let path = sample.folder.appendingPathComponent("\(UUID().uuidString).json").path
    try #"{"apiVersion":"v1","kind":"List","items":[\#(items.joined(separator: ","))]}"#
      .write(toFile: path, atomically: true, encoding: .utf8)
    _ = try await InventoryFiles(store: stores.audit).add([path], time: RolloutCase.time(time))
  }

  func decide(
    _ verdict: ReviewDecision.Verdict,
    _ row: ReviewRow,
    at now: String
  ) async throws {
    try await DecisionLedger(store: stores.audit).append([
      ReviewDecision(verdict, row.key, reason: "test", who: "ann", time: RolloutCase.time(now))
    ])
  }
}

/// A store that cannot take a rollout step, as when the disk is full at the last moment.
struct FailingAuditStore: AuditStore {
  struct Failure: Error {}

  let store: any AuditStore

  func append(_ events: [StoredEvent], with proposal: StoredProposal?, lastKnown: Int64)
    async throws -> Int64?
  { throw Failure() }

  func events() async throws -> [StoredEvent] { try await store.events() }
  func decisions() async throws -> [StoredDecision] { try await store.decisions() }
  func append(_ decisions: [StoredDecision]) async throws { try await store.append(decisions) }
  func proposals(namespace: String?) async throws -> [StoredProposal] {
    try await store.proposals(namespace: namespace)
  }
  func firstProposals() async throws -> [ProposalWindow] { try await store.firstProposals() }
  func save(_ proposal: StoredProposal) async throws -> Int64 { try await store.save(proposal) }
  func inventory() async throws -> (headers: [StoredSnapshot], objects: [StoredObject]) {
    try await store.inventory()
  }
  func replaceInventory(headers: [StoredSnapshot], objects: [StoredObject]) async throws {
    try await store.replaceInventory(headers: headers, objects: objects)
  }
  func livePolicies() async throws -> [StoredPolicy] { try await store.livePolicies() }
  func replaceLivePolicies(_ policies: [StoredPolicy], seen: Int64) async throws {
    try await store.replaceLivePolicies(policies, seen: seen)
  }
}
