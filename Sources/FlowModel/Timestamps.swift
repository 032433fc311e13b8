/// UTC times as microseconds since 1970, and their text.
package enum Timestamps {
  /// Microseconds in a second.
  package static let second: Int64 = 1_000_000
  /// Microseconds in an hour.
  package static let hour: Int64 = 3_600_000_000
  /// Microseconds in a day.
  package static let day: Int64 = 86_400_000_000
  /// Microseconds in seven days.
  package static let week: Int64 = 604_800_000_000

  /// Rounds down to a multiple of `unit`, also before 1970.
  package static func floor(_ time: Int64, to unit: Int64) -> Int64 {
    let remainder = time % unit
    return remainder < 0 ? time - remainder - unit : time - remainder
  }

  /// Days since 1970-01-01 of a proleptic Gregorian date; the month may be 1...12.
  package static func days(year: Int, month: Int, day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// Reads RFC 3339: `2026-11-09T00:00:00Z`, any number of fraction digits, `Z` or an offset.
  ///
  /// A blank may stand for the `T`, and a date alone means its midnight UTC.
  package static func parse(_ text: some StringProtocol) -> Int64? {
    let bytes = Array(text.utf8)
    return parse(bytes: unsafe bytes.span.bytes)
  }

  /// Reads RFC 3339 from UTF-8 text; see ``parse(_:)``.
  package static func parse(bytes span: RawSpan) -> Int64? {
    let count = span.byteCount
    func number(_ start: Int, _ length: Int) -> Int? {
      guard start + length <= count else { return nil }
      var value = 0
      for index in start..<start + length {
        let digit = Int(span.byte(at: index)) - 0x30
        guard digit >= 0, digit <= 9 else { return nil }
        value = value * 10 + digit
      }
      return value
    }
    func has(_ byte: UInt8, at index: Int) -> Bool {
      index < count && span.byte(at: index) == byte
    }
    guard count >= 10, has(UInt8(ascii: "-"), at: 4), has(UInt8(ascii: "-"), at: 7),
      let year = number(0, 4), let month = number(5, 2), let day = number(8, 2),
      1...12 ~= month, day >= 1, day <= daysInMonth(month, of: year)
    else { return nil }
    let midnight = Int64(days(year: year, month: month, day: day)) * Timestamps.day
    if count == 10 { return midnight }
    guard has(UInt8(ascii: "T"), at: 10) || has(UInt8(ascii: "t"), at: 10) || has(0x20, at: 10),
      has(UInt8(ascii: ":"), at: 13), let hour = number(11, 2), let minute = number(14, 2),
      hour <= 23, minute <= 59
    else { return nil }
    var seconds = 0
    var index = 16
    if has(UInt8(ascii: ":"), at: 16) {
      guard let value = number(17, 2), value <= 60 else { return nil }
      seconds = value
      index = 19
    }
    var fraction: Int64 = 0
    if has(UInt8(ascii: "."), at: index) {
      index += 1
      var scale: Int64 = 100_000
      let start = index
      while index < count, 0x30...0x39 ~= span.byte(at: index) {
        fraction += Int64(span.byte(at: index) - 0x30) * scale
        scale /= 10
        index += 1
      }
      guard index > start else { return nil }
    }
    var offset = 0
    if has(UInt8(ascii: "Z"), at: index) || has(UInt8(ascii: "z"), at: index) {
      index += 1
    } else if has(UInt8(ascii: "+"), at: index) || has(UInt8(ascii: "-"), at: index) {
      let sign = has(UInt8(ascii: "-"), at: index) ? -1 : 1
      guard let hours = number(index + 1, 2) else { return nil }
      let minuteStart = has(UInt8(ascii: ":"), at: index + 3) ? index + 4 : index + 3
      guard let minutes = number(minuteStart, 2), hours <= 23, minutes <= 59 else { return nil }
      offset = sign * (hours * 60 + minutes)
      index = minuteStart + 2
    } else {
      return nil
    }
    guard index == count else { return nil }
    let clock = Int64(hour * 3600 + (minute - offset) * 60 + seconds)
    return midnight + clock * second + fraction
  }

  private static func daysInMonth(_ month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// The year, month and day of a time.
  package static func civil(_ time: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = Int(floor(time, to: day) / day) + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month,
      dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    )
  }

  /// `2026-11-09T00:00:00Z`; with `fraction`, six digits of it when it is not zero.
  package static func text(_ time: Int64, fraction: Bool = false) -> String {
    let date = civil(time)
    let inDay = time - floor(time, to: day)
    let seconds = inDay / second
    let rest = inDay % second
    let day = [padded(date.year, 4), padded(date.month, 2), padded(date.day, 2)]
    let clock = [Int(seconds / 3600), Int(seconds / 60 % 60), Int(seconds % 60)]
    var text = day.joined(separator: "-") + "T"
    text += clock.map { padded($0, 2) }.joined(separator: ":")
    if fraction, rest != 0 { text += "." + padded(Int(rest), 6) }
    return text + "Z"
  }

  private static func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
