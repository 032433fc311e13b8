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
    var first = head.markEnd
    while first < head.byteCount, isSpace(head.byte(at: first)) { first += 1 }
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

  static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
  }
}

/// Cuts a stream of bytes into JSON values; brackets and commas between values are separators,
/// so an array and a concatenation of its elements are the same.
struct ValueFramer {
  private enum State {
    /// Between values.
    case between
    /// Inside a value, at a depth of brackets and braces.
    case value(depth: Int)
    /// Inside text that is no value: it ends with its line or where an object begins.
    case garbage
  }

  private var pending: [UInt8] = []
  private var state = State.between
  private var inString = false
  private var escaped = false
  private var line: Int
  private var valueLine: Int
  private var position: Int64
  /// Bytes up to the end of the last complete value.
  private(set) var consumed: Int64
  /// Lines begun up to there.
  private(set) var lines: Int

  /// Starts at an offset of the input, after `lines` whole lines.
  init(offset: Int64, lines: Int) {
    consumed = offset
    position = offset
    self.lines = lines
    line = lines + 1
    valueLine = line
  }

  /// Whether the end of what was given lies inside a value.
  var isInsideValue: Bool {
    if case .between = state { false } else { true }
  }

  /// Takes more bytes and hands out each complete value with its first line.
  mutating func feed(
    _ bytes: RawSpan,
    value: (RawSpan, Int) -> Void,
    garbage: (Int) -> Void
  ) {
    for index in 0..<bytes.byteCount {
      let byte = bytes.byte(at: index)
      position += 1
      switch state {
      case .between: start(byte)
      case .value(let depth):
        pending.append(byte)
        advance(byte, depth: depth, value: value)
        if pending.count > RecordFraming.longestValue {
          garbage(valueLine)
          end(at: position)
        }
      case .garbage where byte == 0x0a:
        garbage(valueLine)
        end(at: position)
      case .garbage where byte == UInt8(ascii: "{"):
        garbage(valueLine)
        end(at: position - 1)
        start(byte)
      case .garbage: break
      }
      if byte == 0x0a { line += 1 }
    }
  }

  private mutating func start(_ byte: UInt8) {
    if RecordFraming.isSpace(byte) || isInMark(byte) { return }
    switch byte {
    case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ","): return
    case UInt8(ascii: "{"):
      pending.append(byte)
      state = .value(depth: 1)
    default: state = .garbage
    }
    valueLine = line
  }

  /// Whether a byte is one of the byte order mark that a file may start with.
  private func isInMark(_ byte: UInt8) -> Bool {
    switch position {
    case 1: byte == 0xef
    case 2: byte == 0xbb
    case 3: byte == 0xbf
    default: false
    }
  }

  private mutating func advance(_ byte: UInt8, depth: Int, value: (RawSpan, Int) -> Void) {
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
    case UInt8(ascii: "{"), UInt8(ascii: "["): state = .value(depth: depth + 1)
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      if depth > 1 {
        state = .value(depth: depth - 1)
      } else {
        value(pending.span.bytes, valueLine)
        end(at: position)
      }
    default: break
    }
  }

  private mutating func end(at position: Int64) {
    consumed = position
    lines = line
    pending.removeAll(keepingCapacity: true)
    state = .between
    inString = false
    escaped = false
  }
}
