import FlowModel

/// What stands before the message of a log line: priority, time, host, program, uptime.
///
/// Reads classic and RFC 5424 syslog, ISO 8601 times, `dmesg` with and without `-T`, and journald's text forms.
struct LogLineHeader: Hashable {
  /// The time as far as the line tells it.
  enum Time: Hashable {
    /// None.
    case none
    /// Microseconds UTC.
    case absolute(Int64)
    /// A date and time of day without zone, as microseconds of the same reading in UTC.
    case local(Int64)
    /// A date without year and zone, as classic syslog writes it.
    case yearless(month: Int, day: Int, clock: Int64)
    /// Microseconds since boot.
    case uptime(Int64)
  }

  /// The time.
  var time = Time.none
  /// Where the message starts.
  var messageStart = 0

  /// Reads the front of a line; `messageStart` is 0 when nothing is known to stand before the message.
  init(_ line: [UInt8]) {
    var reader = HeaderReader(line: line)
    reader.skipSpaces()
    reader.skipPriority()
    time = reader.readTime()
    reader.skipTag(hasDate: time != .none)
    messageStart = reader.position
  }
}

/// Reads the parts of a header one after the other.
private struct HeaderReader {
  let line: [UInt8]
  var position = 0

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  private static let weekdays: Set<String> = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

  func byte(_ index: Int) -> UInt8 { index < line.count ? line[index] : 0 }

  mutating func skipSpaces() { while byte(position) == 0x20 { position += 1 } }

  /// The next word without moving.
  func word(from start: Int) -> String {
    var end = start
    while end < line.count, line[end] != 0x20 { end += 1 }
    return start < end ? String(decoding: line[start..<end], as: UTF8.self) : ""
  }

  func skippingWord(from start: Int) -> Int {
    var end = start
    while end < line.count, line[end] != 0x20 { end += 1 }
    while end < line.count, line[end] == 0x20 { end += 1 }
    return end
  }

  /// Skips `<4>`, and the version of RFC 5424 behind it.
  mutating func skipPriority() {
    guard byte(position) == UInt8(ascii: "<") else { return }
    var end = position + 1
    while end < position + 5, 0x30...0x39 ~= byte(end) { end += 1 }
    guard byte(end) == UInt8(ascii: ">"), end > position + 1 else { return }
    position = end + 1
    if 0x31...0x39 ~= byte(position), byte(position + 1) == 0x20 { position += 2 }
    skipSpaces()
  }

  mutating func readTime() -> LogLineHeader.Time {
    if byte(position) == UInt8(ascii: "[") { return bracketedTime() }
    var start = position
    if HeaderReader.weekdays.contains(word(from: start)) { start = skippingWord(from: start) }
    let first = word(from: start)
    if let month = HeaderReader.months.firstIndex(of: first) {
      return classicTime(from: start, month: month + 1)
    }
    if 0x30...0x39 ~= byte(start) { return numericTime(from: start) }
    return .none
  }

  /// `[  123.456]` since boot, or `[Tue Nov 19 12:15:03 2024]`.
  private mutating func bracketedTime() -> LogLineHeader.Time {
    guard let content = bracket() else { return .none }
    let time: LogLineHeader.Time
    let inner = content.text.drop { $0 == " " }
    if let uptime = HeaderReader.seconds(String(inner)) {
      time = .uptime(uptime)
    } else {
      var reader = HeaderReader(line: Array(inner.utf8))
      let found = reader.readTime()
      guard found != .none else { return .none }
      time = found
    }
    position = content.end
    skipSpaces()
    skipCallerID()
    return time
  }

  /// `[ T1234]` or `[ C0]` behind the time.
  private mutating func skipCallerID() {
    guard let content = bracket() else { return }
    let inner = content.text.drop { $0 == " " }
    guard let kind = inner.utf8.first, kind == UInt8(ascii: "T") || kind == UInt8(ascii: "C"),
      inner.utf8.dropFirst().allSatisfy({ 0x30...0x39 ~= $0 })
    else { return }
    position = content.end
    skipSpaces()
  }

  /// The text between `[` at the position and the next `]`, if that is near.
  private func bracket() -> (text: String, end: Int)? {
    guard byte(position) == UInt8(ascii: "[") else { return nil }
    var end = position + 1
    while end < line.count, end < position + 48, line[end] != UInt8(ascii: "]") { end += 1 }
    guard byte(end) == UInt8(ascii: "]") else { return nil }
    return (String(decoding: line[(position + 1)..<end], as: UTF8.self), end + 1)
  }

  /// `Sep  5 14:34:40`, with a year in front of or behind the clock where there is one.
  private mutating func classicTime(from start: Int, month: Int) -> LogLineHeader.Time {
    var next = skippingWord(from: start)
    guard let day = Int(word(from: next)), 1...31 ~= day else { return .none }
    next = skippingWord(from: next)
    var year: Int?
    if let found = Int(word(from: next)), 1970...9999 ~= found {
      year = found
      next = skippingWord(from: next)
    }
    guard let clock = HeaderReader.clock(word(from: next)) else { return .none }
    next = skippingWord(from: next)
    if year == nil, let found = Int(word(from: next)), 1970...9999 ~= found {
      year = found
      next = skippingWord(from: next)
    }
    position = next
    guard let year else { return .yearless(month: month, day: day, clock: clock) }
    guard let time = HeaderReader.date(year: year, month: month, day: day, clock: clock) else {
      return .none
    }
    return .local(time)
  }

  /// ISO 8601 in one word or two, or Unix seconds with a fraction.
  private mutating func numericTime(from start: Int) -> LogLineHeader.Time {
    let first = word(from: start).map { $0 == "," ? "." : $0 }
    let text = String(first)
    let next = skippingWord(from: start)
    if text.utf8.count > 10, let time = Timestamps.parse(text) {
      position = next
      return .absolute(time)
    }
    if text.utf8.count > 10, let time = Timestamps.parse(text + "Z") {
      position = next
      return .local(time)
    }
    if text.utf8.count == 10, Timestamps.parse(text) != nil {
      let clock = String(word(from: next).map { $0 == "," ? "." : $0 })
      let after = skippingWord(from: next)
      if let time = Timestamps.parse(text + " " + clock) {
        position = after
        return .absolute(time)
      }
      guard let time = Timestamps.parse(text + " " + clock + "Z") else { return .none }
      let zone = word(from: after)
      guard zone == "UTC" || zone == "GMT" || zone == "Z" else {
        position = after
        return .local(time)
      }
      position = skippingWord(from: after)
      return .absolute(time)
    }
    // Unix seconds have ten digits until 2286; shorter numbers are something else.
    if let time = HeaderReader.seconds(text), time >= 1_000_000_000_000_000 {
      position = next
      return .absolute(time)
    }
    return .none
  }

  /// Skips the host, the program's tag (`kernel:`, `name[12]:`), Loki's labels and an uptime.
  mutating func skipTag(hasDate: Bool) {
    skipSpaces()
    if byte(position) == UInt8(ascii: "{"),
      let end = line[position...].firstIndex(of: UInt8(ascii: "}")),
      hasDate
    {
      position = end + 1
      skipSpaces()
      // The line behind the labels has a time of its own; the first one is exact.
      _ = readTime()
      skipSpaces()
    }
    let second = skippingWord(from: position)
    if HeaderReader.isTag(word(from: position)) {
      position = second
    } else if HeaderReader.isTag(word(from: second)) {
      position = skippingWord(from: second)
    } else if hasDate, word(from: second) == "kernel", word(from: skippingWord(from: second)) == "-"
    {
      // RFC 5424: host, program, process, message id, structured data.
      var next = skippingWord(from: second)
      for _ in 0..<3 where word(from: next) == "-" { next = skippingWord(from: next) }
      position = next
    } else {
      return
    }
    if let content = bracket(), HeaderReader.seconds(String(content.text.drop { $0 == " " })) != nil
    {
      position = content.end
      skipSpaces()
      skipCallerID()
    }
  }

  private static func isTag(_ word: String) -> Bool {
    guard word.hasSuffix(":") else { return false }
    let name = word.dropLast()
    if name == "kernel" { return true }
    guard name.hasSuffix("]"), let open = name.firstIndex(of: "["), open > name.startIndex else {
      return false
    }
    let number = name[name.index(after: open)...].dropLast()
    return !number.isEmpty && number.utf8.allSatisfy { 0x30...0x39 ~= $0 }
  }

  /// `14:34:40` with an optional fraction, as microseconds of the day.
  private static func clock(_ text: String) -> Int64? {
    let dotted = String(text.map { $0 == "," ? "." : $0 })
    guard dotted.utf8.count >= 8, let time = Timestamps.parse("1970-01-01T\(dotted)Z"),
      0..<Timestamps.day + Timestamps.second ~= time
    else { return nil }
    return time
  }

  /// The microseconds of a date and clock, nil when there is no such date.
  static func date(year: Int, month: Int, day: Int, clock: Int64) -> Int64? {
    func padded(_ value: Int, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return Timestamps.parse("\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))").map {
      $0 + clock
    }
  }

  /// Decimal seconds as microseconds; nil when it is no such number or longer than any clock runs.
  static func seconds(_ text: String) -> Int64? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, 1...12 ~= parts[0].utf8.count, 1...9 ~= parts[1].utf8.count,
      parts.allSatisfy({ $0.utf8.allSatisfy { 0x30...0x39 ~= $0 } }), let whole = Int64(parts[0])
    else { return nil }
    let digits = parts[1].prefix(6)
    let padded = digits + String(repeating: "0", count: 6 - digits.utf8.count)
    guard whole < 100_000_000_000, let fraction = Int64(padded) else { return nil }
    return whole * Timestamps.second + fraction
  }
}

extension LogLineHeader {
  /// Decimal seconds, as after boot, in microseconds; nil when the text is no such number.
  static func seconds(_ text: String) -> Int64? { HeaderReader.seconds(text) }

  /// The microseconds of a date and time of day, nil when there is no such date.
  static func date(year: Int, month: Int, day: Int, clock: Int64) -> Int64? {
    HeaderReader.date(year: year, month: month, day: day, clock: clock)
  }
}
