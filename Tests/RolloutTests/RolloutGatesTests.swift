import FlowModel
import Rollout
import Testing
import TestSupport

struct RolloutGatesTests {
  let begin = at("2026-11-09T00:00:00Z")
  let gates = RolloutGates()

  /// Evidence with which every gate is met.
  private func good(from start: Int64, to end: Int64) -> GateEvidence {
    var evidence = GateEvidence(
      logOnlyFilesWritten: true,
      capture: capture(from: start, to: end),
      watchCapture: capture(from: start, to: end),
      logOnly: .observe,
      proposal: ProposalEvidence(week: 1, replayedEdges: 412),
      scripts: .writtenWithStep
    )
    let days = Set(20_766..<20_773)
    evidence.coverage = Coverage(
      CoverageInput(
        edges: (0..<40).map { _ in EdgeDays(days: days, firstSeen: start) },
        capture: evidence.capture,
        window: TimeWindow(start: start, end: end)
      ),
      holeThreshold: 6 * hour
    )
    return evidence
  }

  private func started(_ names: [(String, Criticality?)]) throws -> Script {
    var script = Script()
    for (name, criticality) in names {
      try script.start(name, begin)
      if let criticality { try script.set(name, criticality, begin) }
    }
    return script
  }

  @Test("assess -> audit asks for the plugin and the log-only way")
  func assess() throws {
    var text = gates.assessToAudit("shop", evidence: GateEvidence(), state: RolloutState()).text
    text +=
      gates.assessToAudit(
        "shop",
        plugin: .cilium,
        evidence: GateEvidence(logOnlyFilesWritten: true),
        state: RolloutState()
      ).text
    try expectGolden(text, "gate-assess-audit.txt")
  }

  @Test("audit -> review asks for seven full days without holes or losses, and for the switch")
  func audit() throws {
    let script = try started([("shop", .low)])
    let now = begin + 7 * day
    func text(_ change: (inout GateEvidence) -> Void) -> String {
      var evidence = good(from: begin, to: now)
      change(&evidence)
      return gates.auditToReview("shop", evidence: evidence, state: script.state, now: now).text
    }
    let hole = [begin + 30 * hour..<begin + 40 * hour]
    var all = text { _ in }
    all += text { $0 = GateEvidence() }
    all += text { $0.capture = capture(from: begin, to: now - hour) }
    all += text { $0.capture = capture(from: begin, to: now, without: hole) }
    all += text { $0.capture = capture(from: begin, to: now, lost: 2) }
    all += text { $0.logOnly = .auditSwitch(name: "Cilium policy audit mode", recordsSeen: 0) }
    all += text { $0.logOnly = .auditSwitch(name: "staged default-deny", recordsSeen: 17) }
    try expectGolden(all, "gate-audit-review.txt")
  }

  @Test("A hole closes the gate until seven full days without one have passed")
  func hole() throws {
    let script = try started([("shop", .low)])
    let hole = [begin + day..<begin + day + 10 * hour]
    func isMet(after days: Int64) -> Bool {
      let now = begin + days * day
      var evidence = good(from: begin, to: now)
      evidence.capture = capture(from: begin, to: now, without: hole)
      return gates.auditToReview("shop", evidence: evidence, state: script.state, now: now).isMet
    }
    #expect(!isMet(after: 7))
    #expect(!isMet(after: 8))
    #expect(isMet(after: 9))
  }

  @Test("Flows before the audit start do not count as captured days")
  func before() throws {
    let script = try started([("shop", .low)])
    let now = begin + 3 * day
    let result = gates.auditToReview(
      "shop",
      evidence: good(from: begin - 30 * day, to: now),
      state: script.state,
      now: now
    )
    #expect(result.unmet.map(\.name) == ["seven-days"])
  }

  @Test("review -> watch names everything that is open, and whose turn it is")
  func review() throws {
    var script = try started([("shop", .low), ("batch", .low), ("pay", .critical), ("lab", nil)])
    let now = begin + 8 * day
    func text(_ name: String, _ at: Int64, _ change: (inout GateEvidence) -> Void) -> String {
      var evidence = good(from: begin, to: begin + 7 * day)
      change(&evidence)
      return gates.reviewToWatch(name, evidence: evidence, state: script.state, now: at).text
    }
    try script.advance("batch", begin + 7 * day)
    try script.advance("shop", begin + 7 * day)
    var all = text("batch", now) { _ in }
    all += text("shop", now) { _ in }
    all += text("lab", now) { _ in }
    all += text("batch", now) { $0 = GateEvidence() }
    all += text("batch", now) {
      $0.decisions = DecisionSummary(
        wouldDeny: ["a -> b TCP/80", "a -> c TCP/80", "a -> d TCP/80", "a -> e TCP/80"],
        excluded: ["scanner -> b TCP/22"],
        peers: ["node -> web TCP/8080"],
        livePolicies: ["batch/legacy"]
      )
      $0.proposal = ProposalEvidence(
        week: 2,
        replayedEdges: 412,
        deniedEdges: ["web -> api TCP/8080"],
        unexpressibleEdges: ["web -> node TCP/10250"],
        unexplainedGrants: ["web -> cache TCP/6379"],
        rulesOfLast48Hours: ["web egress to cache TCP/6379"]
      )
      $0.coverage?.estimate = 42.2
      $0.coverage?.singleDayEdges = 3
      $0.scripts = .notWritten
      $0.growingExternalEgress = ["web -> TCP/443 (12 new addresses in 48 h)"]
    }
    for scripts: ScriptEvidence in [
      .impossible("the step has no objects"), .changed(folder: "rollout/batch/watch"),
      .outdated(folder: "rollout/batch/watch"), .current(folder: "rollout/batch/watch"),
    ] {
      all += text("batch", now) { $0.scripts = scripts }
    }
    try script.advance("batch", now)
    all += text("shop", now + 12 * hour) { _ in }
    all += text("shop", now + 47 * hour + hour / 2) { _ in }
    all += text("shop", now + 48 * hour) { _ in }
    try script.act(.hold, "shop", now + day, reason: "release week")
    all += text("shop", now + 48 * hour) { _ in }
    try script.act(.vanish, "shop", now + day)
    all += text("shop", now + 48 * hour) { _ in }
    try expectGolden(all, "gate-review-watch.txt")
  }

  @Test("Coverage just below 95 % is not rounded up")
  func rounding() throws {
    let script = try started([("shop", .low)])
    var evidence = good(from: begin, to: begin + 7 * day)
    evidence.coverage?.estimate = 40 / 0.9499
    let result = gates.reviewToWatch(
      "shop",
      evidence: evidence,
      state: script.state,
      now: begin + 8 * day
    )
    #expect(result.unmet.map(\.name) == ["coverage"])
    #expect(result.unmet.first?.message.contains("94.9 %") == true)
  }

  @Test("watch -> enforced asks for 48 hours captured by a log that shows drops, and no denial")
  func watch() throws {
    var script = try started([("shop", .low)])
    try script.advance("shop", begin + 7 * day)
    let start = begin + 8 * day + hour / 2
    try script.advance("shop", start)
    func text(_ now: Int64, _ change: (inout GateEvidence) -> Void = { _ in }) -> String {
      var evidence = good(from: begin, to: now)
      change(&evidence)
      return gates.watchToEnforced("shop", evidence: evidence, state: script.state, now: now).text
    }
    var all = text(start + 48 * hour)
    all += text(start + 30 * hour)
    all += text(start + 49 * hour) { $0.watchCapture = CaptureLog([]) }
    all += text(start + 49 * hour) {
      $0.watchCapture = capture(from: begin, to: start + 40 * hour)
    }
    all += text(start + 49 * hour) {
      $0.decisions.denials = ["shop/cart -> shop/db TCP/5432"]
    }
    try expectGolden(all, "gate-watch-enforced.txt")
  }

  @Test("Cluster-wide policies wait for every managed namespace")
  func clusterWide() throws {
    var all = gates.clusterWide(state: RolloutState()).text
    var script = try started([("shop", .low), ("pay", .high), ("old", nil)])
    for _ in 1...3 { try script.advance("shop", begin) }
    all += gates.clusterWide(state: script.state).text
    for _ in 1...3 { try script.advance("pay", begin) }
    try script.act(.vanish, "old", begin)
    let result = gates.clusterWide(state: script.state)
    #expect(result.isMet)
    try expectGolden(all + result.text, "gate-cluster-wide.txt")
  }

  @Test(
    "A log that cannot show drops does not count for the watch",
    arguments: RolloutPlugin.allCases
  )
  func watchLogs(plugin: RolloutPlugin) {
    #expect(!plugin.watchLogs.isEmpty)
    #expect(plugin.watchLogs.allSatisfy { $0.showsPolicyDrops })
  }
}

struct RolloutPlannerTests {
  private func text(_ rows: [PlanRow]) -> String {
    rows.map { $0.columns.joined(separator: " | ") + "\n" }.joined()
  }

  @Test("The plan goes from least to most critical, 48 h after the first, one a day, cluster last")
  func plan() throws {
    let begin = at("2026-11-09T00:00:00Z")
    var script = Script()
    let names: [(String, Criticality)] = [
      ("pay", .critical), ("shop", .medium), ("batch", .low), ("auth", .medium), ("lab", .low),
    ]
    for (name, criticality) in names {
      try script.start(name, begin)
      try script.set(name, criticality, begin)
    }
    let planner = RolloutPlanner()
    var all = text(planner.plan(script.state, known: ["dev", "lab"], now: begin + day))
    for name in ["batch", "lab"] { try script.advance(name, begin + 7 * day) }
    try script.advance("batch", begin + 7 * day + hour)
    try script.act(.hold, "shop", begin + 8 * day, reason: "release week")
    all += "---\n" + text(planner.plan(script.state, known: [], now: begin + 8 * day))
    try script.act(.resume, "shop", begin + 8 * day)
    try script.act(.rollback, "batch", begin + 8 * day, reason: "jobs failed")
    try script.act(.vanish, "auth", begin + 8 * day)
    all += "---\n" + text(planner.plan(script.state, known: [], now: begin + 8 * day))
    try expectGolden(all, "plan.txt")
    #expect(
      text(planner.plan(RolloutState(), now: begin))
        == "- | (cluster-wide) | pending -> applied | last, no namespace is managed yet\n"
    )
  }
}
