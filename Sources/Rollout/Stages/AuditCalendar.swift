import FlowModel

/// A half-open interval of time, microseconds since 1970 UTC.
package struct TimeWindow: Hashable, Sendable {
  /// The first microsecond inside.
  package var start: Int64
  /// The first microsecond after it.
  package var end: Int64

  /// Makes a window; one that would end before it starts is empty.
  package init(start: Int64, end: Int64) {
    self.start = start
    self.end = max(start, end)
  }

  /// Whether a time lies inside.
  package func contains(_ time: Int64) -> Bool { time >= start && time < end }
}

/// Seven times 24 hours of a namespace's audit.
package struct AuditWeek: Hashable, Sendable {
  /// The number, from 1.
  package var number: Int
  /// The week itself.
  package var window: TimeWindow

  /// Makes a week.
  package init(number: Int, window: TimeWindow) {
    self.number = number
    self.window = window
  }

  /// Whether the week is still going on at a time, so that its evidence is not all there yet.
  package func isIncomplete(at now: Int64) -> Bool { now < window.end }
}

/// The numbering of a namespace's audit weeks.
///
/// A rollback does not change it: weeks go on being counted from the first start.
package struct AuditCalendar: Hashable, Sendable {
  /// The start of week 1, a full UTC hour, microseconds since 1970.
  package let start: Int64

  /// Counts from the start of the audit stage, rounded down to the hour.
  package init(auditStart: Int64) {
    start = Timestamps.floor(AuditCalendar.clamped(auditStart), to: Timestamps.hour)
  }

  /// Counts from 00:00 UTC of the first day on which a flow was seen: for namespaces without an audit.
  package init(firstSeen: Int64) {
    start = Timestamps.floor(AuditCalendar.clamped(firstSeen), to: Timestamps.day)
  }

  /// The earliest and latest times calendars work with; far outside what any log holds.
  private static let limit: Int64 = 1 << 60

  private static func clamped(_ time: Int64) -> Int64 { min(max(time, -limit), limit) }

  /// A week by number.
  ///
  /// - Returns: nil for numbers below 1 and for weeks past the end of time.
  package func week(_ number: Int) -> AuditWeek? {
    guard number >= 1, number <= Int(AuditCalendar.limit / Timestamps.week) else { return nil }
    let begin = start + Int64(number - 1) * Timestamps.week
    return AuditWeek(
      number: number,
      window: TimeWindow(start: begin, end: begin + Timestamps.week)
    )
  }

  /// The week that a time lies in; nil before the start.
  package func week(containing time: Int64) -> AuditWeek? {
    let time = AuditCalendar.clamped(time)
    guard time >= start else { return nil }
    return week(Int((time - start) / Timestamps.week) + 1)
  }

  /// The week of the newest flow: what `--week latest` means; nil when no flow is as young as the start.
  package func latest(newestFlow: Int64) -> AuditWeek? { week(containing: newestFlow) }

  /// The evidence that a proposal for a week rests on.
  ///
  /// - Parameter only: Take the week alone instead of weeks 1 to its number.
  package func evidenceWindow(for week: AuditWeek, only: Bool = false) -> TimeWindow {
    only ? week.window : TimeWindow(start: start, end: week.window.end)
  }
}
