/// A half-open interval of microseconds UTC; `Int64.max` stands for "no end known".
struct TimeSpan: Hashable, Sendable {
  var from: Int64
  var to: Int64

  /// Whether it shares any instant with the closed interval of a record.
  func overlaps(from start: Int64, to end: Int64) -> Bool { from <= end && start < to }

  /// The interval widened on both sides without overflow.
  func widened(by slack: Int64) -> TimeSpan {
    let low = from.subtractingReportingOverflow(slack)
    let high = to.addingReportingOverflow(slack)
    return TimeSpan(
      from: low.overflow ? .min : low.partialValue,
      to: high.overflow ? .max : high.partialValue
    )
  }

  /// Whether it holds a whole record.
  func contains(from start: Int64, to end: Int64) -> Bool { from <= start && end < to }

  /// The smallest interval that holds both.
  func hull(_ other: TimeSpan) -> TimeSpan {
    TimeSpan(from: min(from, other.from), to: max(to, other.to))
  }
}
