import FlowModel

/// One UTC hour of a log source, whichever namespaces its records speak of.
package struct CapturedHour: Hashable, Sendable {
  /// Hours since 1970.
  package var hour: Int64
  /// Records of that hour.
  package var records: Int64
  /// Events that the source says it lost in that hour.
  package var lost: Int64

  /// Makes an hour.
  package init(hour: Int64, records: Int64, lost: Int64 = 0) {
    self.hour = hour
    self.records = records
    self.lost = lost
  }
}

/// A stretch of time without records in the log source.
package typealias CaptureHole = TimeWindow

/// The hours that a log source covered.
///
/// It is about the source, not about a namespace: a quiet namespace makes no hole.
package struct CaptureLog: Hashable, Sendable {
  /// The hours with records or losses, ascending, each once.
  package let hours: [CapturedHour]

  /// Makes a log of hours in any order; of an hour given twice the numbers are added.
  package init(_ hours: some Sequence<CapturedHour>) {
    var merged: [CapturedHour] = []
    for hour in hours.sorted(by: { $0.hour < $1.hour })
    where abs(hour.hour) < CaptureLog.limit && (hour.records > 0 || hour.lost > 0) {
      if let last = merged.last, last.hour == hour.hour {
        merged[merged.count - 1].records &+= hour.records
        merged[merged.count - 1].lost &+= hour.lost
      } else {
        merged.append(hour)
      }
    }
    self.hours = merged
  }

  /// Hours that no log reaches; beyond them microseconds would not fit.
  private static let limit: Int64 = 1 << 31

  /// The hours with records that overlap a window.
  package func captured(in window: TimeWindow) -> [CapturedHour] {
    hours.filter {
      let start = $0.hour * Timestamps.hour
      return $0.records > 0 && start < window.end && start + Timestamps.hour > window.start
    }
  }

  /// The end of the newest hour with records that began before a time; nil when there is none.
  package func end(before now: Int64) -> Int64? {
    guard let last = hours.last(where: { $0.records > 0 && $0.hour * Timestamps.hour < now }) else {
      return nil
    }
    return min(now, last.hour * Timestamps.hour + Timestamps.hour)
  }

  /// The stretches of a window without records that are longer than a threshold, in order.
  ///
  /// - Parameter threshold: Microseconds.
  package func holes(in window: TimeWindow, longerThan threshold: Int64) -> [CaptureHole] {
    var holes: [CaptureHole] = []
    var covered = window.start
    for hour in captured(in: window) {
      let start = hour.hour * Timestamps.hour
      if start - covered > threshold { holes.append(CaptureHole(start: covered, end: start)) }
      covered = max(covered, start + Timestamps.hour)
    }
    if window.end - covered > threshold {
      holes.append(CaptureHole(start: covered, end: window.end))
    }
    return holes
  }

  /// The longest part of a window that no hole interrupts; the latest of several.
  package func longestStretch(in window: TimeWindow, holesLongerThan threshold: Int64) -> TimeWindow
  {
    var longest = TimeWindow(start: window.start, end: window.start)
    var start = window.start
    func consider(_ stretch: TimeWindow) {
      if stretch.end - stretch.start >= longest.end - longest.start { longest = stretch }
    }
    for hole in holes(in: window, longerThan: threshold) {
      if hole.start > start { consider(TimeWindow(start: start, end: hole.start)) }
      start = hole.end
    }
    if window.end > start { consider(TimeWindow(start: start, end: window.end)) }
    return longest
  }

  /// Lost events as a share of all events of a window; nil when there were none at all.
  package func lostShare(in window: TimeWindow) -> Double? {
    var records = 0.0
    var lost = 0.0
    for hour in hours {
      let start = hour.hour * Timestamps.hour
      guard start < window.end, start + Timestamps.hour > window.start else { continue }
      records += Double(max(0, hour.records))
      lost += Double(max(0, hour.lost))
    }
    return records + lost > 0 ? lost / (records + lost) : nil
  }
}
