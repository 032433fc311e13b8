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
    var first = 0
    while first < head.byteCount, isSpace(head.byte(at: first)) { first += 1 }
    guard first < head.byteCount else { return .lines }
    let byte = head.byte(at: first)
    if byte == UInt8(ascii: "[") {
      // A bracket also opens dmesg lines; only JSON continues with a value.
      var next = first + 1
      while next < head.byteCount, isSpace(head.byte(at: next)) { next += 1 }
      guard next < head.byteCount else { return .values }
      return [UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "]")].contains(
        head.byte(at: next)) ? .values : .lines
    }
    guard byte == UInt8(ascii: "{") else { return .lines }
    // Pretty-printed values never have a whole object on a line that starts with its brace.
    var start = 0
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

  static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
  }
}

/// Cuts a stream of bytes into JSON values; brackets and commas between values are separators,
/// so an array and a concatenation of its elements are the same.
struct ValueFramer {
  private var pending: [UInt8] = []
  private var depth = 0
  private var inString = false
  private var escaped = false
  private var line = 1
  private var valueLine = 1
  /// Bytes up to the end of the last complete value.
  private(set) var consumed: Int64
  private var position: Int64

  /// Starts at an offset of the input, after `line` - 1 lines.
  init(offset: Int64, line: Int) {
    consumed = offset
    position = offset
    self.line = line
  }

  /// The number of lines begun so far.
  var lines: Int { line }
  /// Whether a value is open.
  var isInsideValue: Bool { !pending.isEmpty }
  /// The line on which the open value starts.
  var openValueLine: Int { valueLine }

  /// Takes more bytes and hands out each complete value with its first line.
  mutating func feed(
    _ bytes: RawSpan, value: (RawSpan, Int) -> Void, garbage: (Int) -> Void
  ) {
    for index in 0..<bytes.byteCount {
      let byte = bytes.byte(at: index)
      position += 1
      if byte == 0x0a { line += 1 }
      if pending.isEmpty {
        start(byte, garbage: garbage)
        continue
      }
      if depth < 0 {
        // Inside text that is no JSON: it ends with its line.
        if byte == 0x0a { reset() }
        continue
      }
      pending.append(byte)
      advance(byte, value: value)
      if pending.count > RecordFraming.longestValue {
        garbage(valueLine)
        reset()
      }
    }
  }

  private mutating func start(_ byte: UInt8, garbage: (Int) -> Void) {
    if RecordFraming.isSpace(byte) { return }
    switch byte {
    case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ","):
      consumed = position
    case UInt8(ascii: "{"):
      pending.append(byte)
      valueLine = line
      depth = 1
    default:
      garbage(line)
      pending.append(byte)
      depth = -1
    }
  }

  private mutating func advance(_ byte: UInt8, value: (RawSpan, Int) -> Void) {
    if inString {
      if escaped {
        escaped = false
      } else if byte == UInt8(ascii: "\\") {
        escaped = true
      } else if byte == UInt8(ascii: "\"") || byte == 0x0a {
        // A raw line feed cannot stand in a JSON string: a damaged value must not eat the rest.
        inString = false
      }
      return
    }
    switch byte {
    case UInt8(ascii: "\""): inString = true
    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      depth -= 1
      if depth == 0 {
        value(pending.span.bytes, valueLine)
        reset()
      }
    default: break
    }
  }

  private mutating func reset() {
    consumed = position
    pending.removeAll(keepingCapacity: true)
    depth = 0
    inString = false
    escaped = false
  }
}
