import FlowModel

/// Gives lines their time from what they say and what the user says about them.
///
/// Classic syslog has no year: the year given is that of the log's first such line, and the turn of
/// the year is found from months that jump, so lines must be passed in their order.
struct LineClock: Sendable {
  /// Why a line has no time.
  enum Problem: Error, Hashable {
    case noYear, noBootTime, noTime, noSuchDate

    /// A few words for the user, with the option that helps.
    var text: String {
      switch self {
      case .noYear: "no year in the time: give --year"
      case .noBootTime: "only seconds since boot in the time: give --boot-time"
      case .noTime: "no time in the line"
      case .noSuchDate: "no such date in that year"
      }
    }
  }

  private let assumedYear: Int?
  private let offset: Int64
  private let bootTime: Int64?
  private let assumedTime: Int64?
  private var yearsPassed = 0
  private var lastMonth = 0

  /// Makes a clock for one log.
  init(options: DecoderOptions) {
    assumedYear = options.assumedYear
    let minutes = Int64(max(-1440, min(1440, options.assumedOffsetMinutes)))
    offset = minutes * 60 * Timestamps.second
    bootTime = options.bootTime
    assumedTime = options.assumedTime
  }

  /// The time of a line, microseconds UTC.
  ///
  /// - Parameters:
  ///   - time: What the line itself says.
  ///   - outer: The time its envelope gives, which is exact where the line's own lacks zone or year.
  mutating func time(_ time: LogLineHeader.Time, outer: Int64?) throws(Problem) -> Int64 {
    switch time {
    case .absolute(let time): return time
    case .local(let time): return outer ?? time - offset
    case .yearless(let month, let day, let clock):
      if let outer { return outer }
      guard let assumedYear else { throw .noYear }
      let year = assumedYear + yearsPassed(at: month)
      guard 0...9999 ~= year,
        let local = LogLineHeader.date(year: year, month: month, day: day, clock: clock)
      else { throw .noSuchDate }
      return local - offset
    case .uptime(let sinceBoot):
      if let outer { return outer }
      guard let bootTime else {
        guard let assumedTime else { throw .noBootTime }
        return assumedTime
      }
      let (sum, overflows) = bootTime.addingReportingOverflow(sinceBoot)
      guard !overflows else { throw .noSuchDate }
      return sum
    case .none:
      guard let found = outer ?? assumedTime else { throw .noTime }
      return found
    }
  }

  private mutating func yearsPassed(at month: Int) -> Int {
    defer { lastMonth = month }
    guard lastMonth != 0 else { return 0 }
    if lastMonth - month >= 6 {
      yearsPassed += 1
    } else if month - lastMonth >= 6, yearsPassed > 0 {
      // A line that was written late, from before the turn of the year.
      yearsPassed -= 1
    }
    return yearsPassed
  }
}
