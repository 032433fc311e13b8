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

  /// What earlier blocks had of the value that is being read.
  private var pending: [UInt8] = []
  /// Where the value that is being read begins in this block.
  private var valueStart = 0
  private var state = State.between
  private var inString = false
  private var escaped = false
  private var line: Int
  private var valueLine: Int
  /// Bytes before this block.
  private var blockStart: Int64
  /// Bytes up to the end of the last complete value.
  private(set) var consumed: Int64
  /// Lines begun up to there.
  private(set) var lines: Int
  private let longestValue: Int

  /// Starts at an offset of the input, after `lines` whole lines.
  init(offset: Int64, lines: Int, longestValue: Int = RecordFraming.longestValue) {
    consumed = offset
    blockStart = offset
    self.lines = lines
    line = lines + 1
    valueLine = line
    self.longestValue = longestValue
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
    var index = 0
    valueStart = 0
    while index < bytes.byteCount {
      switch state {
      case .between:
        start(bytes.byte(at: index), at: index)
        index += 1
      case .value(let depth):
        index = advance(bytes, from: index, depth: depth, value: value, garbage: garbage)
      case .garbage:
        let byte = bytes.byte(at: index)
        // What begins an object is looked at once more.
        if byte != UInt8(ascii: "{") { index += 1 }
        if byte == UInt8(ascii: "{") || byte == 0x0a {
          garbage(valueLine)
          end(behind: index)
        }
        if byte == 0x0a { line += 1 }
      }
    }
    if case .value = state { pending.append(bytes, from: valueStart, to: bytes.byteCount) }
    blockStart += Int64(bytes.byteCount)
  }

  private mutating func start(_ byte: UInt8, at index: Int) {
    if byte == 0x0a { line += 1 }
    if RecordFraming.isSpace(byte) || isInMark(byte, at: index) { return }
    switch byte {
    case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ","): return
    case UInt8(ascii: "{"):
      valueStart = index
      state = .value(depth: 1)
    default: state = .garbage
    }
    valueLine = line
  }

  /// Whether a byte is one of the byte order mark that a file may start with.
  private func isInMark(_ byte: UInt8, at index: Int) -> Bool {
    switch blockStart + Int64(index) {
    case 0: byte == 0xef
    case 1: byte == 0xbb
    case 2: byte == 0xbf
    default: false
    }
  }

  /// Reads on in a value, up to its end or that of the block.
  ///
  /// - Returns: The offset of the first byte that was not read.
  private mutating func advance(
    _ bytes: RawSpan,
    from start: Int,
    depth: Int,
    value: (RawSpan, Int) -> Void,
    garbage: (Int) -> Void
  ) -> Int {
    var depth = depth
    var index = start
    // A byte more than may be: if the value does not end there it is too long.
    let limit = min(bytes.byteCount, valueStart + longestValue + 1 - pending.count)
    while index < limit {
      if inString {
        index = advanceInString(bytes, from: index, before: limit)
        continue
      }
      let byte = bytes.byte(at: index)
      index += 1
      switch byte {
      case UInt8(ascii: "\""): inString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        guard depth == 0 else { continue }
        if pending.isEmpty {
          value(bytes.extracting(valueStart..<index), valueLine)
        } else {
          pending.append(bytes, from: valueStart, to: index)
          value(pending.span.bytes, valueLine)
        }
        end(behind: index)
        return index
      case 0x0a: line += 1
      default: break
      }
    }
    if index - valueStart + pending.count > longestValue {
      garbage(valueLine)
      end(behind: index)
    } else {
      state = .value(depth: depth)
    }
    return index
  }

  /// Reads on in a string, up to its end or an escape, or nearly up to a limit.
  private mutating func advanceInString(_ bytes: RawSpan, from start: Int, before limit: Int) -> Int
  {
    var index = start
    if !escaped { index = bytes.plainTextEnd(from: start, before: limit) }
    guard index < limit else { return index }
    let byte = bytes.byte(at: index)
    if byte == 0x0a { line += 1 }
    if escaped {
      escaped = false
    } else if byte == UInt8(ascii: "\\") {
      escaped = true
    } else if byte == UInt8(ascii: "\"") || byte == 0x0a {
      // A raw line feed cannot stand in a JSON string: a damaged value must not eat the rest.
      inString = false
    }
    return index + 1
  }

  private mutating func end(behind index: Int) {
    consumed = blockStart + Int64(index)
    lines = line
    pending.removeAll(keepingCapacity: true)
    state = .between
    inString = false
    escaped = false
  }
}

extension RawSpan {
  /// The offset of the first quote, backslash or control character from an offset on, or the limit.
  fileprivate func plainTextEnd(from start: Int, before limit: Int) -> Int {
    var index = start
    while index + 8 <= limit {
      // Any eight bytes are a number; the load checks that they lie inside.
      let word = unsafe unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
      let stops = JSONPlainText.stops(in: UInt64(littleEndian: word))
      if stops != 0 { return index + stops.trailingZeroBitCount / 8 }
      index += 8
    }
    return index
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ bytes: RawSpan, from start: Int, to end: Int) {
    unsafe bytes.extracting(start..<end).withUnsafeBytes { append(contentsOf: $0) }
  }
}
