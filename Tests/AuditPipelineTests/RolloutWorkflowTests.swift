import AuditPipeline
import FlowAggregation
import FlowModel
import FlowStorage
import Foundation
import PolicyModel
import Rollout
import TestSupport
import Testing

@Suite("Rollout on the sample logs")
struct RolloutWorkflowTests {
  private func time(_ text: String) throws -> Int64 { try #require(Timestamps.parse(text)) }

  private func workflow(_ sample: SampleStore, now: Int64) async throws -> RolloutWorkflow {
    let reader = try await EvidenceReader(sample.stores, now: now)
    let finder = try await WindowFinder(sample.stores, rollout: reader.rollout)
    let assessor = try await NamespaceAssessor(
      sample.stores,
      reader: reader,
      finder: finder,
      settings: GateSettings()
    )
    return RolloutWorkflow(
      sample.stores,
      reader: reader,
      assessor: assessor,
      gates: RolloutGates()
    )
  }

  private func started() async throws -> SampleStore {
    let sample = try SampleStore()
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    let start = try time("2026-11-02T00:00:00Z")
    let workflow = try await workflow(sample, now: start)
    let outcome = try workflow.start(
      "shop-staging",
      plugin: .cilium,
      way: nil,
      who: "ann",
      now: start
    )
    _ = try await workflow.commit(try #require(outcome.event))
    return sample
  }

  private func advance(_ sample: SampleStore, at text: String) async throws -> RolloutOutcome {
    let now = try time(text)
    let workflow = try await workflow(sample, now: now)
    let outcome = try await workflow.advance(
      "shop-staging",
      who: "ann",
      now: now,
      force: false,
      reason: ""
    )
    if let event = outcome.event { _ = try await workflow.commit(event) }
    return outcome
  }

  @Test("A namespace needs its week, its decisions and its watch")
  func wholeWay() async throws {
    let sample = try await started()
    defer { sample.remove() }
    let early = try await advance(sample, at: "2026-11-05T00:00:00Z")
    #expect(early.event == nil)
    #expect(early.gate?.unmet.map(\.name) == ["seven-days"])
    #expect(try await advance(sample, at: "2026-11-16T00:00:00Z").event?.to == .review)

    // The scan's one open port passes today and would not tomorrow: somebody has to say so.
    let undecided = try await advance(sample, at: "2026-11-16T00:01:00Z")
    #expect(undecided.gate?.unmet.map(\.name) == ["excluded"])
    let now = try time("2026-11-16T00:02:00Z")
    let assessment = try await NamespaceAssessor(
      sample.stores,
      reader: try await EvidenceReader(sample.stores, now: now),
      finder: try await WindowFinder(
        sample.stores,
        rollout: try await RolloutLedger(store: sample.stores.audit).state()
      ),
      settings: GateSettings()
    ).assess("shop-staging", now: now)
    #expect(
      assessment.review.filter(\.needsDecision).map(\.text) == [
        "shop-staging/debug-shell -> app-prod/db TCP/5432"
      ]
    )
    try await DecisionLedger(store: sample.stores.audit).append([
      ReviewDecision(
        .reject,
        DecisionKey(
          source: try #require(DecisionEnd(text: "shop-staging/{run=debug-shell}")),
          destination: try #require(DecisionEnd(text: "app-prod/StatefulSet/db")),
          transport: .tcp,
          port: 5432
        ),
        reason: "scan",
        who: "ann",
        time: now
      )
    ])
    let watch = try await advance(sample, at: "2026-11-16T00:03:00Z")
    #expect(watch.event?.to == .watch)
    #expect(
      Set(watch.files.map(\.name)).isSuperset(of: [
        "apply.sh", "verify.sh", "rollback.sh", "rules.yaml", "default-deny.yaml",
        "allow-dns.yaml", "README.md",
      ])
    )
    let tooEarly = try await advance(sample, at: "2026-11-16T12:00:00Z")
    #expect(tooEarly.event == nil)
    #expect(tooEarly.gate?.unmet.contains { $0.name == "watched" } == true)
  }

  @Test("The second of two people at once is told what the first did")
  func twoAtOnce() async throws {
    let sample = try await started()
    defer { sample.remove() }
    let now = try time("2026-11-16T00:00:00Z")
    let first = try await workflow(sample, now: now)
    let second = try await workflow(sample, now: now)
    let event = RolloutEvent(
      time: now,
      who: "ann",
      action: .hold,
      namespace: "shop-staging",
      reason: "freeze"
    )
    _ = try await first.commit(event)
    var other = event
    other.who = "ben"
    do {
      _ = try await second.commit(other)
      Issue.record("the second hold was stored")
    } catch let error as RolloutError {
      guard case .changedMeanwhile(_, let others) = error else {
        Issue.record("unexpected \(error)")
        return
      }
      #expect(others.map(\.who) == ["ann"])
    }
  }

  @Test("Decisions survive export and import, and unknown workloads are refused with their line")
  func decisionFile() async throws {
    let sample = try await started()
    defer { sample.remove() }
    let now = try time("2026-11-16T00:00:00Z")
    let text = """
      version: 1
      decisions:
      - decision: accept
        source: "app-prod/Deployment/api"
        destination: "169.254.169.254/32"
        protocol: TCP
        port: 80
        reason: "instance role"
        by: "ann"
        at: "2026-11-15T00:00:00Z"
      """
    let importing = DecisionImport(sample.stores)
    #expect(try await importing.run(text, file: "decisions.yaml", now: now).count == 1)
    #expect(try await importing.run(text, file: "decisions.yaml", now: now).isEmpty)
    let result = try await sample.propose()
    #expect(result.keys.contains { $0.destination == "169.254.169.254" })

    let unknown = text.replacingOccurrences(of: "Deployment/api", with: "Deployment/nosuch")
    do {
      _ = try await importing.run(unknown, file: "decisions.yaml", now: now)
      Issue.record("an unknown workload was taken over")
    } catch let error as DecisionFileError {
      #expect(error.problems.first?.line == 3)
    }
  }

  @Test("Weeks show what was learned when")
  func weeks() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    let reader = try await EvidenceReader(sample.stores, now: 0)
    let finder = try await WindowFinder(sample.stores, rollout: reader.rollout)
    let rows = try await WeeksReport(
      sample.stores,
      reader: reader,
      finder: finder,
      settings: GateSettings()
    ).run("app-prod")
    #expect(rows.map(\.week.number) == [1, 2])
    #expect(rows.map(\.added) == [13, 1])
    #expect(rows.map(\.rules) == [12, 14])
    #expect(rows.map(\.rulesGone) == [0, 0])
  }
}
