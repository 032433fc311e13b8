import FlowModel

/// Why a text is not JSON.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The byte at which reading stopped.
  package var offset: Int
  /// What was wrong there.
  package var problem: Problem

  /// The kinds of trouble.
  package enum Problem: String, Sendable {
    /// The text ended inside a value.
    case unexpectedEnd = "unexpected end"
    /// A byte that cannot stand there.
    case unexpectedByte = "unexpected character"
    /// A bad escape or a control character in a string.
    case badString = "malformed string"
    /// A malformed number.
    case badNumber = "malformed number"
    /// Text that is not UTF-8.
    case invalidUTF8 = "invalid UTF-8"
    /// Nested deeper than ``JSONParser/maximumDepth``.
    case tooDeep = "nested too deeply"
    /// More text after the value.
    case trailingText = "text after the value"
  }

  /// One sentence.
  package var description: String { "\(problem.rawValue) at byte \(offset)" }
}

/// A plain JSON reader (RFC 8259) over bytes: the slow path and the oracle of the fast scanners.
package struct JSONParser {
  /// The deepest nesting that is read.
  package static let maximumDepth = 128

  /// Keys whose values are checked and skipped instead of kept, wherever they stand.
  private let skippedKeys: Set<String>
  private var position = 0

  private init(position: Int, skippedKeys: Set<String>) {
    self.position = position
    self.skippedKeys = skippedKeys
  }

  /// Reads one value that fills the whole span but for white space.
  ///
  /// - Throws: ``JSONError`` with the offset in `span`.
  package static func parse(_ span: RawSpan, skippingKeys: Set<String> = []) throws(JSONError)
    -> JSONValue
  {
    var position = 0
    let value = try parsePrefix(span, from: &position, skippingKeys: skippingKeys)
    while position < span.byteCount, isSpace(span.byte(at: position)) { position += 1 }
    guard position == span.byteCount else {
      throw JSONError(offset: position, problem: .trailingText)
    }
    return value
  }

  /// Reads a value out of a string.
  package static func parse(_ text: String) throws(JSONError) -> JSONValue {
    let bytes = Array(text.utf8)
    return try unsafe parse(bytes.span.bytes)
  }

  /// Reads one value and leaves `position` behind it; leading white space is skipped.
  package static func parsePrefix(
    _ span: RawSpan,
    from position: inout Int,
    skippingKeys: Set<String> = []
  ) throws(JSONError) -> JSONValue {
    var parser = JSONParser(position: position, skippedKeys: skippingKeys)
    let value = try parser.value(span, depth: 0)
    position = parser.position
    return value
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
  }

  private mutating func skipSpace(_ span: RawSpan) {
    while position < span.byteCount, JSONParser.isSpace(span.byte(at: position)) { position += 1 }
  }

  private func peek(_ span: RawSpan) throws(JSONError) -> UInt8 {
    guard position < span.byteCount else {
      throw JSONError(offset: position, problem: .unexpectedEnd)
    }
    return span.byte(at: position)
  }

  private func unexpected() -> JSONError { JSONError(offset: position, problem: .unexpectedByte) }

  private mutating func value(_ span: RawSpan, depth: Int) throws(JSONError) -> JSONValue {
    guard depth < JSONParser.maximumDepth else {
      throw JSONError(offset: position, problem: .tooDeep)
    }
    skipSpace(span)
    switch try peek(span) {
    case UInt8(ascii: "{"): return .object(try object(span, depth: depth))
    case UInt8(ascii: "["): return .array(try array(span, depth: depth))
    case UInt8(ascii: "\""): return .string(try string(span))
    case UInt8(ascii: "t"):
      try literal("true", span)
      return .bool(true)
    case UInt8(ascii: "f"):
      try literal("false", span)
      return .bool(false)
    case UInt8(ascii: "n"):
      try literal("null", span)
      return .null
    case UInt8(ascii: "-"), 0x30...0x39: return .number(try number(span))
    default: throw unexpected()
    }
  }

  private mutating func literal(_ word: StaticString, _ span: RawSpan) throws(JSONError) {
    for index in 0..<word.utf8CodeUnitCount {
      // A StaticString's start pointer is valid for utf8CodeUnitCount bytes.
      let expected = unsafe word.utf8Start[index]
      guard try peek(span) == expected else { throw unexpected() }
      position += 1
    }
  }

  private mutating func object(_ span: RawSpan, depth: Int) throws(JSONError) -> JSONObject {
    var object = JSONObject()
    position += 1
    skipSpace(span)
    if try peek(span) == UInt8(ascii: "}") {
      position += 1
      return object
    }
    // Most have a few: to grow one by one copies them all again and again.
    object.members.reserveCapacity(4)
    while true {
      skipSpace(span)
      guard try peek(span) == UInt8(ascii: "\"") else { throw unexpected() }
      let key = try string(span)
      skipSpace(span)
      guard try peek(span) == UInt8(ascii: ":") else { throw unexpected() }
      position += 1
      let member = try value(span, depth: depth + 1)
      if !skippedKeys.contains(key) { object.members.append((key: key, value: member)) }
      skipSpace(span)
      switch try peek(span) {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "}"):
        position += 1
        return object
      default: throw unexpected()
      }
    }
  }

  private mutating func array(_ span: RawSpan, depth: Int) throws(JSONError) -> [JSONValue] {
    var array: [JSONValue] = []
    position += 1
    skipSpace(span)
    if try peek(span) == UInt8(ascii: "]") {
      position += 1
      return array
    }
    while true {
      array.append(try value(span, depth: depth + 1))
      skipSpace(span)
      switch try peek(span) {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "]"):
        position += 1
        return array
      default: throw unexpected()
      }
    }
  }

  private mutating func number(_ span: RawSpan) throws(JSONError) -> String {
    let start = position
    func digits(_ position: inout Int) -> Int {
      let start = position
      while position < span.byteCount, 0x30...0x39 ~= span.byte(at: position) { position += 1 }
      return position - start
    }
    let bad = JSONError(offset: start, problem: .badNumber)
    if span.byte(at: position) == UInt8(ascii: "-") { position += 1 }
    let first = position
    let integerDigits = digits(&position)
    guard integerDigits > 0, integerDigits == 1 || span.byte(at: first) != 0x30 else { throw bad }
    if position < span.byteCount, span.byte(at: position) == UInt8(ascii: ".") {
      position += 1
      guard digits(&position) > 0 else { throw bad }
    }
    if position < span.byteCount, span.byte(at: position) | 0x20 == UInt8(ascii: "e") {
      position += 1
      if position < span.byteCount,
        span.byte(at: position) == UInt8(ascii: "+") || span.byte(at: position) == UInt8(ascii: "-")
      {
        position += 1
      }
      guard digits(&position) > 0 else { throw bad }
    }
    return try text(span, start, position)
  }

  private func text(_ span: RawSpan, _ start: Int, _ end: Int) throws(JSONError) -> String {
    guard let text = String(utf8: span, from: start, to: end) else {
      throw JSONError(offset: start, problem: .invalidUTF8)
    }
    return text
  }

  private mutating func string(_ span: RawSpan) throws(JSONError) -> String {
    position += 1
    let start = position
    skipPlainText(span)
    while position < span.byteCount {
      let byte = span.byte(at: position)
      if byte == UInt8(ascii: "\"") {
        let result = try text(span, start, position)
        position += 1
        return result
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(span, from: start) }
      guard byte >= 0x20 else { throw JSONError(offset: position, problem: .badString) }
      position += 1
    }
    throw JSONError(offset: position, problem: .unexpectedEnd)
  }

  /// Steps over text up to a quote, a backslash or a control character, eight bytes at a time.
  private mutating func skipPlainText(_ span: RawSpan) {
    while position + 8 <= span.byteCount {
      // Any eight bytes are a number; the load checks that they lie inside.
      let word = UInt64(
        littleEndian: unsafe span.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self)
      )
      // From the first byte that may be one on they are looked at one by one.
      let stops = JSONPlainText.stops(in: word)
      position += stops.trailingZeroBitCount / 8
      if stops != 0 { return }
    }
  }

  private mutating func escapedString(_ span: RawSpan, from start: Int) throws(JSONError) -> String
  {
    var bytes: [UInt8] = []
    for index in start..<position { bytes.append(span.byte(at: index)) }
    while true {
      let byte = try peek(span)
      let escapeStart = position
      position += 1
      if byte == UInt8(ascii: "\"") { break }
      guard byte >= 0x20 else { throw JSONError(offset: escapeStart, problem: .badString) }
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      let escape = try peek(span)
      position += 1
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(escape)
      case UInt8(ascii: "b"): bytes.append(0x08)
      case UInt8(ascii: "f"): bytes.append(0x0c)
      case UInt8(ascii: "n"): bytes.append(0x0a)
      case UInt8(ascii: "r"): bytes.append(0x0d)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "u"):
        var scalar = try hexUnit(span)
        if 0xd800..<0xdc00 ~= scalar, position + 1 < span.byteCount,
          span.byte(at: position) == UInt8(ascii: "\\"),
          span.byte(at: position + 1) == UInt8(ascii: "u")
        {
          position += 2
          let low = try hexUnit(span)
          guard 0xdc00..<0xe000 ~= low else {
            throw JSONError(offset: escapeStart, problem: .badString)
          }
          scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let valid = Unicode.Scalar(scalar) else {
          throw JSONError(offset: escapeStart, problem: .badString)
        }
        bytes.append(contentsOf: Array(String(Character(valid)).utf8))
      default: throw JSONError(offset: escapeStart, problem: .badString)
      }
    }
    guard let result = unsafe String(utf8: bytes.span.bytes, from: 0, to: bytes.count) else {
      throw JSONError(offset: start, problem: .invalidUTF8)
    }
    return result
  }

  private mutating func hexUnit(_ span: RawSpan) throws(JSONError) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      let byte = try peek(span)
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x41...0x46: digit = byte - 0x37
      case 0x61...0x66: digit = byte - 0x57
      default: throw JSONError(offset: position, problem: .badString)
      }
      unit = unit << 4 | UInt32(digit)
      position += 1
    }
    return unit
  }
}

extension String {
  /// Makes a string from UTF-8 bytes of a span, nil when they are not valid UTF-8.
  package init?(utf8 span: RawSpan, from start: Int, to end: Int) {
    let part = span.extracting(start..<end)
    let made: String? = unsafe part.withUnsafeBytes { buffer in
      // The pointer is used inside the closure only; making the string copies the bytes.
      let bytes = unsafe buffer.assumingMemoryBound(to: UInt8.self)
      guard let text = try? unsafe UTF8Span(validating: bytes.span) else { return nil }
      return String(copying: text)
    }
    guard let made else { return nil }
    self = made
  }
}
