import FlowModel
import Rollout
import Testing

struct AuditCalendarTests {
  @Test("Weeks are counted from 1 from the start rounded down to the hour")
  func numbering() throws {
    let calendar = AuditCalendar(auditStart: at("2026-11-09T10:42:00Z"))
    #expect(calendar.start == at("2026-11-09T10:00:00Z"))
    let first = try #require(calendar.week(1))
    #expect(first.window.end == at("2026-11-16T10:00:00Z"))
    #expect(calendar.week(containing: first.window.end - 1)?.number == 1)
    #expect(calendar.week(containing: first.window.end)?.number == 2)
    #expect(calendar.latest(newestFlow: at("2026-12-01T00:00:00Z"))?.number == 4)
    #expect(calendar.week(containing: at("2026-11-09T09:59:59Z")) == nil)
    #expect(calendar.week(0) == nil)
    #expect(calendar.week(Int.max) == nil)
  }

  @Test("Without an audit, weeks begin at midnight of the first day seen")
  func firstSeen() {
    let calendar = AuditCalendar(firstSeen: at("2026-11-09T23:59:59Z"))
    #expect(calendar.start == at("2026-11-09T00:00:00Z"))
  }

  @Test("A proposal for week n rests on weeks 1 to n, with `only` on n alone")
  func evidence() throws {
    let calendar = AuditCalendar(firstSeen: at("2026-11-09"))
    let third = try #require(calendar.week(3))
    let window = calendar.evidenceWindow(for: third)
    #expect(window.start == at("2026-11-09"))
    #expect(window.end == at("2026-11-30"))
    #expect(calendar.evidenceWindow(for: third, only: true).start == at("2026-11-23"))
    #expect(third.isIncomplete(at: at("2026-11-29T23:00:00Z")))
    #expect(!third.isIncomplete(at: at("2026-11-30")))
  }

  @Test("Absurd times do not trap", arguments: [Int64.min, -1, 0, Int64.max])
  func extremes(time: Int64) {
    let calendar = AuditCalendar(auditStart: time)
    _ = calendar.week(containing: Int64.max)
    _ = calendar.week(containing: Int64.min)
    #expect(calendar.week(1) != nil)
  }
}
