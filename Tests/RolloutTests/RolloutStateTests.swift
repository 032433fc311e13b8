import FlowModel
import Rollout
import Testing

struct RolloutStateTests {
  let begin = at("2026-11-09T08:30:00Z")

  @Test("A namespace walks from assess to enforced and no further")
  func walk() throws {
    var script = Script()
    try script.start("shop", begin)
    for step in 1...3 { try script.advance("shop", begin + Int64(step) * day) }
    #expect(script.state["shop"].stage == .enforced)
    #expect(script.state["shop"].watchStart == begin + 2 * day)
    #expect(script.state["shop"].auditStart == at("2026-11-09T08:00:00Z"))
    #expect(throws: RolloutError.self) { try script.advance("shop", begin + 5 * day) }
    #expect(script.state.version == 4)
  }

  @Test(
    "No stage can be left out",
    arguments: RolloutStage.allCases,
    RolloutStage.allCases
  )
  func order(from: RolloutStage, to: RolloutStage) throws {
    var script = Script()
    if from != .assess { try script.start("shop", begin) }
    while script.state["shop"].stage != from { try script.advance("shop", begin) }
    let event = RolloutEvent(
      time: begin,
      who: "bob",
      action: .advance,
      namespace: "shop",
      from: from,
      to: to
    )
    let isAllowed = from != .assess && from.next == to
    if isAllowed {
      #expect(try script.state.applying(event)["shop"].stage == to)
    } else {
      #expect(throws: RolloutError.self) { try script.state.applying(event) }
    }
  }

  @Test("A rollback goes back to audit, keeps the numbering, and needs a reason")
  func rollback() throws {
    var script = Script()
    try script.start("shop", begin)
    try script.advance("shop", begin + 7 * day)
    #expect(throws: RolloutError.self) {
      try script.act(.rollback, "shop", begin + 7 * day, reason: "not in watch yet")
    }
    try script.advance("shop", begin + 8 * day)
    #expect(throws: RolloutError.reasonMissing(.rollback)) {
      try script.act(.rollback, "shop", begin + 8 * day + hour, reason: "  ")
    }
    try script.act(.rollback, "shop", begin + 8 * day + hour, reason: "payments failed")
    let shop = script.state["shop"]
    #expect(shop.stage == .audit)
    #expect(shop.auditStart == at("2026-11-09T08:00:00Z"))
    #expect(shop.watchStart == nil)
    #expect(shop.lastWatchEntry == begin + 8 * day)
    #expect(shop.rollbacks == 1)
    #expect(script.state.history.last?.reason == "payments failed")
  }

  @Test("The second of two people is told what the first did")
  func concurrency() throws {
    var script = Script()
    try script.start("shop", begin)
    let version = script.state.version
    let event = RolloutEvent(
      time: begin + 8 * day,
      who: "bob",
      action: .advance,
      namespace: "shop",
      from: .audit,
      to: .review
    )
    #expect(try script.state.applying(event, expecting: version).version == 2)
    try script.advance("shop", begin + 7 * day)
    do {
      _ = try script.state.applying(event, expecting: version)
      Issue.record("applied although the state had changed")
    } catch {
      guard case .changedMeanwhile(1, let others) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(others.map(\.who) == ["ann"])
      #expect("\(error)".contains("2026-11-16T08:30:00Z ann: advance shop audit -> review"))
    }
  }

  @Test("An event before the last one is refused, but a criticality may be set at any time")
  func clock() throws {
    var script = Script()
    try script.set("shop", .low, begin + 30 * day)
    try script.start("shop", begin)
    try script.set("web", .high, begin - day)
    #expect(throws: RolloutError.clockWentBack(last: begin, given: begin - 1)) {
      try script.advance("shop", begin - 1)
    }
    try script.advance("shop", begin)
  }

  @Test("A gate that is not met is passed by force only, with a reason, and stays on record")
  func force() throws {
    var script = Script()
    try script.start("shop", begin)
    let result = GateResult(
      gate: "audit -> review",
      requirements: [GateRequirement("seven-days", false, "1 of 7 full days captured")]
    )
    func event(force: Bool, reason: String) -> RolloutEvent {
      RolloutEvent(
        time: begin + day,
        who: "ann",
        action: .advance,
        namespace: "shop",
        from: .audit,
        to: .review,
        reason: reason,
        passing: result,
        byForce: force
      )
    }
    let unmet = "seven-days: 1 of 7 full days captured"
    #expect(throws: RolloutError.gateNotMet([unmet])) {
      try script.state.applying(event(force: false, reason: "why not"))
    }
    #expect(throws: RolloutError.reasonMissing(.advance)) {
      try script.state.applying(event(force: true, reason: ""))
    }
    let state = try script.state.applying(event(force: true, reason: "test cluster"))
    #expect(state.history.last?.isForced == true)
    #expect(state.history.last?.unmetGates == [unmet])
  }

  @Test("A namespace that vanished cannot move; when it comes back its enforcement is gone")
  func vanished() throws {
    var script = Script()
    try script.start("shop", begin)
    try script.advance("shop", begin)
    try script.advance("shop", begin)
    try script.act(.vanish, "shop", begin + day)
    #expect(throws: RolloutError.vanished(namespace: "shop", since: begin + day)) {
      try script.advance("shop", begin + 2 * day)
    }
    try script.act(.comeBack, "shop", begin + 3 * day)
    #expect(script.state["shop"].stage == .audit)
    #expect(script.state["shop"].auditStart != nil)
    #expect(throws: RolloutError.self) { try script.act(.comeBack, "shop", begin + 3 * day) }
  }

  @Test("A held namespace does not move until it is resumed, but can be rolled back")
  func hold() throws {
    var script = Script()
    try script.start("shop", begin)
    try script.advance("shop", begin)
    try script.advance("shop", begin)
    try script.act(.hold, "shop", begin, reason: "release week")
    #expect(throws: RolloutError.self) { try script.advance("shop", begin) }
    try script.act(.rollback, "shop", begin, reason: "outage")
    try script.act(.resume, "shop", begin)
    try script.advance("shop", begin)
    #expect(script.state["shop"].stage == .review)
  }

  @Test("A withdrawn namespace is not managed, and starts again with its old numbering")
  func withdraw() throws {
    var script = Script()
    try script.start("shop", begin)
    try script.act(.withdraw, "shop", begin + day, reason: "moves away")
    #expect(script.state.managed.isEmpty)
    try script.start("shop", begin + 9 * day)
    #expect(script.state["shop"].isManaged)
    #expect(script.state["shop"].auditStart == at("2026-11-09T08:00:00Z"))
  }

  @Test("The stored events lead to the same state, and a gap among them is an error")
  func replay() throws {
    var script = Script()
    try script.start("shop", begin)
    try script.set("shop", .high, begin)
    try script.advance("shop", begin + day)
    #expect(try RolloutState(replaying: script.state.history) == script.state)
    var events = script.state.history
    events.remove(at: 1)
    #expect(throws: RolloutError.gapInHistory(expected: 2, found: 3)) {
      try RolloutState(replaying: events)
    }
  }

  @Test("Cluster-wide policies are applied once and can be taken back with a reason")
  func clusterWide() throws {
    var script = Script()
    try script.act(.applyClusterWide, "", begin)
    #expect(script.state.clusterWide == .applied)
    #expect(throws: RolloutError.self) { try script.act(.applyClusterWide, "", begin) }
    try script.act(.rollbackClusterWide, "", begin, reason: "metadata needed")
    #expect(script.state.clusterWide == .pending)
    #expect(throws: RolloutError.self) { try script.act(.applyClusterWide, "shop", begin) }
    #expect(throws: RolloutError.self) { try script.act(.hold, "", begin, reason: "x") }
  }
}
