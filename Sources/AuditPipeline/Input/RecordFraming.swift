import FlowAggregation
import FlowFormats
import FlowModel
import JSONText

/// How an input is cut into records.
enum RecordFraming {
  /// One record a line.
  case lines
  /// JSON values, in an array or one after another, over any number of lines.
  case values

  /// The longest line that is read, in bytes.
  static let longestLine = 8 << 20
  /// The longest single JSON value that is read, in bytes.
  static let longestValue = 256 << 20

  /// Looks at an input's first bytes.
  static func detect(_ head: RawSpan) -> RecordFraming {
    let first = contentStart(of: head)
    guard first < head.byteCount else { return .lines }
    let byte = head.byte(at: first)
    if byte == UInt8(ascii: "[") {
      // A bracket also opens dmesg lines; only JSON continues with a value.
      var next = first + 1
      while next < head.byteCount, isSpace(head.byte(at: next)) { next += 1 }
      guard next < head.byteCount else { return .values }
      return [UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "]")].contains(
        head.byte(at: next)
      ) ? .values : .lines
    }
    guard byte == UInt8(ascii: "{") else { return .lines }
    if opensOnFirstLine(head) { return .values }
    // Pretty-printed values never have a whole object on a line that starts with its brace.
    var start = head.markEnd
    var tried = 0
    while tried < 20, let end = LineFeeds.next(in: head, from: start) {
      if end > start + 2, head.byte(at: start) == UInt8(ascii: "{"),
        (try? JSONParser.parse(head.extracting(start..<end))) != nil
      {
        return .lines
      }
      start = end + 1
      tried += 1
    }
    return .values
  }

  /// Whether the first line ends where an object or list begins: that is no record, though elements of the list may
  /// stand one on a line.
  private static func opensOnFirstLine(_ head: RawSpan) -> Bool {
    let first = contentStart(of: head)
    guard let feed = LineFeeds.next(in: head, from: first) else { return false }
    var last = feed - 1
    while last > first, isSpace(head.byte(at: last)) { last -= 1 }
    return last >= first
      && (head.byte(at: last) == UInt8(ascii: "{") || head.byte(at: last) == UInt8(ascii: "["))
  }

  /// Whether ``detect(_:)`` will say the same when the input has grown.
  static func isFinal(_ head: RawSpan) -> Bool {
    head.byteCount >= OpenedInput.headSize || opensOnFirstLine(head)
  }

  /// Where an input begins behind a byte order mark and white space.
  static func contentStart(of head: RawSpan) -> Int {
    var start = head.markEnd
    while start < head.byteCount, isSpace(head.byte(at: start)) { start += 1 }
    return start
  }

  static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
  }
}
