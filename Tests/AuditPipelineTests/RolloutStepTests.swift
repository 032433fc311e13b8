import AuditPipeline
import FlowAggregation
import FlowModel
import FlowStorage
import Foundation
import PolicyModel
import Rollout
import TestSupport
import Testing

@Suite("Rollout steps")
struct RolloutStepTests {
  /// shop/web calls shop/api for a fortnight; the namespace is in review.
  private func inReview() async throws -> RolloutCase {
    let test = try RolloutCase()
    try await test.ingest(
      RolloutCase.steady([("shop/web", "shop/api", 8080)], from: "2026-11-02T00:00:00Z", days: 16)
    )
    try await test.start("shop", at: "2026-11-02T00:00:00Z")
    #expect(try await test.advance("shop", at: "2026-11-10T00:00:00Z") == [])
    return test
  }

  private func unmet(_ test: RolloutCase, at now: String) async throws -> [String] {
    let assessment = try await test.assess("shop", at: now)
    let gate = RolloutGates().next(
      for: "shop",
      evidence: assessment.gate,
      state: try await test.state(),
      now: RolloutCase.time(now)
    )
    return gate?.unmet.map(\.name) ?? []
  }

  // MARK: Scripts

  @Test("The scripts must be written, be there, and say what the latest proposal says")
  func scripts() async throws {
    let test = try await inReview()
    defer { test.sample.remove() }
    let now = "2026-11-10T01:00:00Z"
    let folder = test.folder("shop")
    func scripts(_ now: String) async throws -> ScriptEvidence {
      try await test.assess("shop", at: now).gate.scripts
    }
    #expect(try await scripts(now) == .notWritten)
    #expect(try await unmet(test, at: now) == ["scripts"])

    let workflow = try await test.workflow(at: now)
    try await workflow.carryOut(
      workflow.write("shop", folder: folder, who: "ann", now: RolloutCase.time(now))
    )
    #expect(try await scripts(now) == .current(folder: folder.shownPath))
    #expect(try await unmet(test, at: now) == [])
    #expect(try await test.state().history.last?.summary == "\(now) ann: write shop")

    try "exit 0\n".write(toFile: folder.path + "/apply.sh", atomically: true, encoding: .utf8)
    #expect(try await scripts(now) == .changed(folder: folder.shownPath))
    #expect(try await unmet(test, at: now) == ["scripts"])

    // A connection more, and what was written is out of date.
    try await test.ingest(
      RolloutCase.steady([("shop/web", "shop/db", 5432)], from: "2026-11-09T00:00:00Z", days: 1)
    )
    #expect(try await scripts(now) == .outdated(folder: folder.shownPath))
  }

  @Test("An advance writes them itself, and other namespaces' scripts do not count")
  func advanceWrites() async throws {
    let test = try await inReview()
    defer { test.sample.remove() }
    #expect(try await test.advance("shop", at: "2026-11-10T01:00:00Z") == [])
    let state = try await test.state()
    let written = try #require(state["shop"].written)
    #expect(written.folder == test.folder("shop").path)
    #expect(
      written.objects.contains("networkpolicies.networking.k8s.io default-deny-all")
        && written.objects.contains("networkpolicies.networking.k8s.io api")
    )
    let rules = try String(contentsOfFile: written.folder + "/rules.yaml", encoding: .utf8)
    #expect(rules.contains("port: 8080"))
    let saved = try await SavedProposals(test.stores).list(namespace: "shop")
    #expect(saved.last?.yamlHash == state.history.last?.proposalHash)
    #expect(saved.last?.yamlHash == saved.last.map { SHA256.hexadecimal($0.yaml) })
  }

  // MARK: Nothing half done

  @Test("A step that cannot be stored leaves neither files nor a proposal")
  func storeFails() async throws {
    let test = try await inReview()
    defer { test.sample.remove() }
    let now = "2026-11-10T01:00:00Z"
    let proposals = try await SavedProposals(test.stores).list(namespace: nil).count
    let workflow = try await test.workflow(
      at: now,
      audit: FailingAuditStore(store: test.stores.audit)
    )
    let outcome = try await workflow.advance(
      "shop",
      who: "ann",
      now: RolloutCase.time(now),
      force: false,
      reason: "",
      folder: test.folder("shop")
    )
    await #expect(throws: FailingAuditStore.Failure.self) { try await workflow.carryOut(outcome) }
    #expect(!FileManager.default.fileExists(atPath: test.folder("shop").path))
    #expect(try await SavedProposals(test.stores).list(namespace: nil).count == proposals)
    #expect(try await test.state()["shop"].stage == .review)
    #expect(try await test.advance("shop", at: now) == [])
  }

  @Test("Ended between writing the files and storing the step, it was not taken; again takes it")
  func killedBetween() async throws {
    let test = try await inReview()
    defer { test.sample.remove() }
    let now = "2026-11-10T01:00:00Z"
    let workflow = try await test.workflow(at: now)
    let outcome = try await workflow.advance(
      "shop",
      who: "ann",
      now: RolloutCase.time(now),
      force: false,
      reason: "",
      folder: test.folder("shop")
    )
    try test.folder("shop").place(outcome.files)
    #expect(try await test.state()["shop"].stage == .review)
    #expect(try await test.advance("shop", at: now) == [])
    #expect(test.folder("shop").holds(outcome.files))
    #expect(try await test.state()["shop"].stage == .watch)
  }

  @Test("The second of two people leaves no files and no proposal, and is told what the first did")
  func second() async throws {
    let test = try await inReview()
    defer { test.sample.remove() }
    let now = "2026-11-10T01:00:00Z"
    let workflow = try await test.workflow(at: now)
    let outcome = try await workflow.advance(
      "shop",
      who: "ben",
      now: RolloutCase.time(now),
      force: false,
      reason: "",
      folder: test.folder("shop")
    )
    let first = try await test.workflow(at: now)
    try await first.commit(
      RolloutEvent(
        time: RolloutCase.time(now),
        who: "ann",
        action: .hold,
        namespace: "shop",
        reason: "freeze"
      )
    )
    do {
      try await workflow.carryOut(outcome)
      Issue.record("the second step was taken")
    } catch let error as RolloutError {
      #expect(error.description.contains("ann: hold shop (freeze)"))
    }
    #expect(!FileManager.default.fileExists(atPath: test.folder("shop").path))
    #expect(try await SavedProposals(test.stores).list(namespace: "shop").count == 1)
  }

  // MARK: The watch

  private func inWatch() async throws -> RolloutCase {
    let test = try await inReview()
    #expect(try await test.advance("shop", at: "2026-11-10T01:00:00Z") == [])
    return test
  }

  @Test("A denial of what was allowed for weeks is not lost among them")
  func knownEdgeDenied() async throws {
    let test = try await inWatch()
    defer { test.sample.remove() }
    var log = HubbleLog()
    // Before the watch: none of its denials.
    log.add("shop/api", "shop/old", at: "2026-11-10T00:30:00Z", isDenied: true)
    log.add("shop/web", "shop/api", at: "2026-11-10T05:30:00Z", isDenied: true)
    try await test.ingest(log)
    let before = try await test.assess("shop", at: "2026-11-10T05:00:00Z")
    #expect(before.gate.decisions.denials == [])
    let assessment = try await test.assess("shop", at: "2026-11-10T06:00:00Z")
    #expect(assessment.gate.decisions.denials == ["shop/web -> shop/api TCP/8080"])
    #expect(try await unmet(test, at: "2026-11-12T02:00:00Z") == ["denials"])
    // The rule is there already: nothing would have to be added.
    let rows = assessment.review.filter(\.isOpenDenial)
    let needed = try await test.parts(at: "2026-11-10T06:00:00Z").assessor.rulesNeeded(
      for: rows,
      in: assessment,
      now: RolloutCase.time("2026-11-10T06:00:00Z")
    )
    #expect(needed.policies.isEmpty)
  }

  @Test("A denied connection is shown with its rule; accepting it is settled once it is written")
  func newEdgeDenied() async throws {
    let test = try await inWatch()
    defer { test.sample.remove() }
    var log = HubbleLog()
    log.add("shop/web", "shop/db", port: 5432, at: "2026-11-10T05:30:00Z", isDenied: true)
    try await test.ingest(log)
    let (assessor, _) = try await test.parts(at: "2026-11-10T06:00:00Z")
    let now = RolloutCase.time("2026-11-10T06:00:00Z")
    let assessment = try await assessor.assess("shop", now: now)
    let row = try #require(assessment.review.first { $0.isOpenDenial })
    #expect(row.text == "shop/web -> shop/db TCP/5432")
    let needed = try await assessor.rulesNeeded(for: [row], in: assessment, now: now)
    let ports = needed.policies.flatMap(\.rules).map(\.ports)
    #expect(needed.policies.map(\.name) == ["db", "web"])
    #expect(ports.allSatisfy { $0 == [PolicyPort(.tcp, 5432)] })

    try await test.decide(.accept, row, at: "2026-11-10T07:00:00Z")
    #expect(
      try await test.assess("shop", at: "2026-11-10T07:00:00Z").gate.decisions.denials == []
    )
    // Denied again after it was accepted: its rule is not in force.
    var later = HubbleLog()
    later.add("shop/web", "shop/db", port: 5432, at: "2026-11-10T08:30:00Z", isDenied: true)
    try await test.ingest(later)
    let again = try await test.assess("shop", at: "2026-11-10T09:00:00Z")
    #expect(again.gate.decisions.denials == ["shop/web -> shop/db TCP/5432"])
    #expect(again.review.first { $0.isOpenDenial }?.why.contains("still denied") == true)
    let workflow = try await test.workflow(at: "2026-11-10T09:00:00Z")
    try await workflow.carryOut(
      workflow.write(
        "shop",
        folder: test.folder("shop"),
        who: "ann",
        now: RolloutCase.time("2026-11-10T09:00:00Z")
      )
    )
    let rules = try String(
      contentsOfFile: test.folder("shop").path + "/rules.yaml",
      encoding: .utf8
    )
    #expect(rules.contains("port: 5432"))
    #expect(
      try await test.assess("shop", at: "2026-11-10T09:30:00Z").gate.decisions.denials == []
    )
  }

  @Test("A rejected denial does not close the gate")
  func rejectedDenial() async throws {
    let test = try await inWatch()
    defer { test.sample.remove() }
    var log = HubbleLog()
    log.add("lab/scan", "shop/api", port: 22, at: "2026-11-10T05:30:00Z", isDenied: true)
    try await test.ingest(log)
    let assessment = try await test.assess("shop", at: "2026-11-10T06:00:00Z")
    let row = try #require(assessment.review.first { $0.isOpenDenial })
    try await test.decide(.reject, row, at: "2026-11-10T06:00:00Z")
    #expect(try await test.advance("shop", at: "2026-11-12T02:00:00Z") == [])
  }

  // MARK: Peers that need a decision

  @Test("Many clients of a port open to the world are one question, one edge and one rule")
  func world() async throws {
    let test = try RolloutCase()
    defer { test.sample.remove() }
    var log = RolloutCase.steady(
      [("edge/proxy", "edge/api", 8080)],
      from: "2026-11-02T00:00:00Z",
      days: 8
    )
    for client in 0..<100 {
      // Every address comes once; the last ones in the last 48 hours.
      let time =
        RolloutCase.time("2026-11-02T01:00:00Z") + Int64(client) * 95 * 60 * Timestamps.second
      log.add("203.0.113.\(client)", "edge/proxy", port: 443, at: Timestamps.text(time))
    }
    try await test.ingest(log)
    try await test.start("edge", plugin: .other, at: "2026-11-02T00:00:00Z")
    #expect(try await test.advance("edge", at: "2026-11-09T00:00:00Z") == [])
    let now = "2026-11-09T01:00:00Z"
    let assessment = try await test.assess("edge", at: now)
    let asked = assessment.review.filter { !$0.questions.isEmpty }
    #expect(asked.map(\.text) == ["external -> edge/proxy TCP/443"])
    #expect(asked.first?.key.source == .external)
    #expect(asked.first?.needsDecision == true)
    #expect(asked.first?.why.contains("100 addresses seen") == true)
    #expect(assessment.gate.decisions.peers.count == 1)
    #expect(assessment.gate.coverage?.observed == 2)
    #expect(assessment.gate.proposal?.rulesOfLast48Hours == [])
    #expect(try await test.advance("edge", at: now) == ["peers"])

    // Accepted, nobody is asked again; rejected, the grant is gone.
    let row = try #require(asked.first)
    try await test.decide(.accept, row, at: now)
    let accepted = try await test.assess("edge", at: now)
    #expect(accepted.gate.decisions.peers == [])
    #expect(accepted.review.first { $0.key == row.key }?.decision?.verdict == .accept)
    try await test.decide(.reject, row, at: "2026-11-09T01:10:00Z")
    let rejected = try await test.assess("edge", at: "2026-11-09T01:20:00Z")
    #expect(rejected.gate.decisions.peers == [])
    #expect(rejected.proposal?.keys.contains { $0.port == 443 } == false)
    #expect(rejected.review.count { $0.destination == "edge/proxy" } == 1)
    // And the answer can be taken back.
    try await test.decide(.undo, row, at: "2026-11-09T01:30:00Z")
    #expect(
      try await test.assess("edge", at: "2026-11-09T01:40:00Z").gate.decisions.peers.count == 1
    )
  }

  // MARK: Live policies

  private static func object(_ version: String, _ name: String, _ spec: String) -> String {
    #"{"apiVersion":"\#(version)","kind":"NetworkPolicy","metadata":{"name":"\#(name)","#
      + #""namespace":"shop"},"spec":\#(spec)}"#
  }

  @Test("Live policies of others are decided about before Cilium's audit mode goes off")
  func livePolicies() async throws {
    let test = try RolloutCase()
    defer { test.sample.remove() }
    try await test.ingest(
      RolloutCase.steady([("shop/web", "shop/api", 8080)], from: "2026-11-02T00:00:00Z", days: 9)
    )
    try await test.addObjects([
      RolloutStepTests.object("networking.k8s.io/v1", "legacy", #"{"podSelector":{}}"#),
      // Newer than this program: it counts all the same.
      RolloutStepTests.object("networking.k8s.io/v1", "odd", #"{"podSelector":{},"future":1}"#),
    ])
    try await test.start("shop", way: .ciliumAgentAudit, at: "2026-11-02T00:00:00Z")
    let now = "2026-11-10T00:00:00Z"
    // Audit mode is said to be on, and nothing proves it.
    #expect(try await unmet(test, at: now) == ["auditing"])
    #expect(try await test.advance("shop", at: now, force: true) == [])
    func open() async throws -> [String] {
      try await test.assess("shop", at: now).gate.decisions.livePolicies
    }
    #expect(try await open() == ["NetworkPolicy shop/legacy", "NetworkPolicy shop/odd"])
    var event = RolloutEvent(
      time: RolloutCase.time(now),
      who: "ann",
      action: .acceptPolicy,
      namespace: "shop",
      reason: "looked at"
    )
    event.policy = "NetworkPolicy shop/legacy"
    try await test.workflow(at: now).commit(event)
    #expect(try await open() == ["NetworkPolicy shop/odd"])
    #expect(try await unmet(test, at: now).contains("live-policies"))
  }

  @Test("Where Calico policies deny, the temporary allow-all comes after them")
  func calicoDenies() async throws {
    let test = try RolloutCase()
    defer { test.sample.remove() }
    try await test.ingest(
      RolloutCase.steady([("shop/web", "shop/api", 8080)], from: "2026-11-02T00:00:00Z", days: 9)
    )
    try await test.start("shop", plugin: .calico, at: "2026-11-02T00:00:00Z")
    try await test.advance("shop", at: "2026-11-10T00:00:00Z", force: true)
    func allowAll() async throws -> String {
      let now = "2026-11-10T01:00:00Z"
      let outcome = try await test.workflow(at: now).write(
        "shop",
        folder: test.folder("shop"),
        who: "ann",
        now: RolloutCase.time(now)
      )
      return outcome.files.first { $0.name == "temporary-allow-all.yaml" }?.contents ?? ""
    }
    #expect(try await allowAll().contains("order: -1000000"))
    try await test.addObjects([
      RolloutStepTests.object(
        "projectcalico.org/v3",
        "no-metadata",
        #"{"selector":"all()","types":["Egress"],"egress":[{"action":"Deny"}]}"#
      )
    ])
    #expect(try await allowAll().contains("order: 1000000"))
  }
}
