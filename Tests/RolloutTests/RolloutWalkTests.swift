import FlowModel
import Rollout
import Testing
import TestSupport

/// Five namespaces through the whole plan on simulated time.
struct RolloutWalkTests {
  /// The cluster as far as the rollout sees it.
  private struct Simulation {
    let begin = at("2026-11-09T00:00:00Z")
    let gates = RolloutGates()
    var state = RolloutState()
    var denials: [String: [String]] = [:]
    var written: [String: [String]] = [:]
    var log = ""

    func evidence(for namespace: String, now: Int64) -> GateEvidence {
      let log = capture(from: begin, to: now)
      let days = Set(20_766...20_766 + Int((now - begin) / day))
      let coverage = Coverage(
        CoverageInput(
          edges: (0..<20).map { _ in EdgeDays(days: days, firstSeen: begin) },
          capture: log,
          window: TimeWindow(start: begin, end: now)
        ),
        holeThreshold: gates.settings.holeThreshold
      )
      return GateEvidence(
        logOnlyFilesWritten: true,
        capture: log,
        watchCapture: log,
        logOnly: .observe,
        coverage: coverage,
        proposal: ProposalEvidence(week: 1, replayedEdges: 20),
        decisions: DecisionSummary(denials: denials[namespace] ?? []),
        scripts: written[namespace] == nil ? .notWritten : .writtenWithStep
      )
    }

    /// Advances when the gate is met or forced; else notes what is missing.
    @discardableResult
    mutating func advance(_ namespace: String, _ now: Int64, force: String? = nil) throws -> Bool {
      if state[namespace].stage == .review {
        let step = try StepFixture.step(namespace: namespace, plugin: .cilium)
        written[namespace] = try step.files().map(\.name)
      }
      let evidence = evidence(for: namespace, now: now)
      let from = state[namespace].stage
      let result = try #require(
        gates.next(for: namespace, evidence: evidence, state: state, now: now)
      )
      guard result.isMet || force != nil else {
        let unmet = result.unmet.map { "\($0.name): \($0.message)" }.joined(separator: "; ")
        log += "\(Timestamps.text(now)) \(namespace) stays in \(from.rawValue): \(unmet)\n"
        return false
      }
      let event = RolloutEvent(
        time: now,
        who: "ann",
        action: .advance,
        namespace: namespace,
        from: from,
        to: from.next,
        reason: force ?? "",
        passing: result,
        byForce: force != nil
      )
      state = try state.applying(event, expecting: state.version)
      return true
    }

    var status: String {
      state.managed.map { "\($0.namespace)=\($0.stage.rawValue)" }.joined(separator: " ")
    }
  }

  @Test("Five namespaces: a denial, a rollback, a forced gate, the cluster-wide step last")
  func walk() throws {
    var run = Simulation()
    let begin = run.begin
    let levels: [(String, Criticality)] = [
      ("auth", .high), ("batch", .low), ("lab", .low), ("pay", .critical), ("shop", .medium),
    ]
    var script = Script()
    for (name, level) in levels {
      try script.start(name, begin)
      try script.set(name, level, begin)
    }
    run.state = script.state
    let planner = RolloutPlanner()
    var plans = [planner.plan(run.state, now: begin)]

    #expect(try !run.advance("batch", begin + 6 * day))
    let review = begin + 7 * day
    for (name, _) in levels { #expect(try run.advance(name, review)) }
    #expect(run.status == "batch=review lab=review shop=review auth=review pay=review")

    #expect(try !run.advance("lab", review))
    #expect(try run.advance("batch", review))
    #expect(run.written["batch"]?.contains("rollback.sh") == true)
    #expect(try !run.advance("lab", review + 47 * hour))

    // A denial during the watch of the first one: rolled back, everyone else waits for it.
    run.denials["batch"] = ["batch/report -> shop/db TCP/5432"]
    #expect(try !run.advance("batch", review + 48 * hour))
    let back = review + 49 * hour
    run.state = try run.state.applying(
      RolloutEvent(
        time: back,
        who: "bob",
        action: .rollback,
        namespace: "batch",
        from: .watch,
        to: .audit,
        reason: "the monthly report was denied"
      )
    )
    #expect(try !run.advance("lab", back))
    plans.append(planner.plan(run.state, now: back))
    run.denials["batch"] = nil
    #expect(try run.advance("batch", back + hour))
    #expect(try run.advance("batch", back + 2 * hour))
    let second = back + 2 * hour

    // Numbering and evidence were kept, so the audit gate was open at once.
    #expect(run.state["batch"].auditStart == begin)
    #expect(try run.advance("batch", second + 48 * hour))
    #expect(try run.advance("lab", second + 48 * hour))
    #expect(try !run.advance("shop", second + 60 * hour))
    // Somebody cannot wait and says so.
    #expect(try run.advance("shop", second + 60 * hour, force: "audit deadline"))
    #expect(run.state.history.last?.isForced == true)
    #expect(
      run.state.history.last?.unmetGates.map { String($0.prefix(9)) } == ["one-a-day"]
    )
    #expect(!run.gates.clusterWide(state: run.state).isMet)

    for hours in stride(from: Int64(61), to: 240, by: 1) {
      let now = second + hours * hour
      for name in ["lab", "shop", "auth", "pay"] where run.state[name].stage != .enforced {
        let before = run.log
        try run.advance(name, now)
        run.log = before
      }
      let gate = run.gates.clusterWide(state: run.state)
      if gate.isMet, run.state.clusterWide == .pending {
        run.state = try run.state.applying(
          RolloutEvent(
            time: now,
            who: "ann",
            action: .applyClusterWide,
            passing: gate,
            byForce: false
          )
        )
      }
    }
    #expect(run.state.clusterWide == .applied)
    #expect(run.state.managed.allSatisfy { $0.stage == .enforced })
    #expect(run.state.history.last?.action == .applyClusterWide)
    plans.append(planner.plan(run.state, now: second + 240 * hour))
    #expect(plans.last?.isEmpty == true)

    let history = run.state.history.map { $0.summary + "\n" }.joined()
    let calendar = plans.dropLast().map { rows in
      rows.map { $0.columns.joined(separator: " | ") + "\n" }.joined()
    }.joined(separator: "---\n")
    try expectGolden("\(history)---\n\(run.log)---\n\(calendar)", "walk.txt")
    #expect(try RolloutState(replaying: run.state.history) == run.state)
  }
}
