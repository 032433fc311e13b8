import FlowModel

/// Numbers in messages.
enum Words {
  /// `1 edge`, `3 edges`; the plural is made with `s` unless given.
  static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(plural ?? noun + "s")"
  }

  /// A share in percent with one digit, rounded down so that 94.99 % never reads as 95.
  static func percent(_ share: Double) -> String {
    guard share.isFinite else { return "-" }
    let tenths = Int(min(max(share, 0), 1e6) * 1000 + 1e-9)
    return "\(tenths / 10).\(tenths % 10) %"
  }

  /// A number with one digit.
  static func decimal(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "-" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(abs(tenths % 10))"
  }

  /// A length of time in hours, rounded down: `30 h`; minutes below two hours.
  static func hours(_ duration: Int64) -> String {
    if duration < 2 * Timestamps.hour, duration % Timestamps.hour != 0 {
      return "\(max(0, duration) / (60 * Timestamps.second)) min"
    }
    return "\(duration / Timestamps.hour) h"
  }

  /// A length of time that is still to pass, rounded up.
  static func remaining(_ duration: Int64) -> String {
    let minute = 60 * Timestamps.second
    if duration < 2 * Timestamps.hour, duration % Timestamps.hour != 0 {
      return "\(max(0, duration + minute - 1) / minute) min"
    }
    return "\((duration + Timestamps.hour - 1) / Timestamps.hour) h"
  }

  /// `from to end (n h)`.
  static func window(_ window: TimeWindow) -> String {
    "\(Timestamps.text(window.start)) to \(Timestamps.text(window.end))"
      + " (\(hours(window.end - window.start)))"
  }
}

extension [String] {
  /// The first three, and how many more there are.
  var briefly: String {
    let shown = prefix(3).joined(separator: ", ")
    return count > 3 ? shown + " and \(count - 3) more" : shown
  }
}
