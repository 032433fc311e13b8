import FlowModel

/// Reading of blank-separated text in place, without allocation.
extension RawSpan {
  /// The part without a byte order mark, and without blanks and line ends at both ends.
  func trimmedRange() -> Range<Int> {
    var start = markEnd
    var end = byteCount
    while start < end, RawSpan.isBlank(byte(at: start)) { start += 1 }
    while end > start, RawSpan.isBlank(byte(at: end - 1)) { end -= 1 }
    return start..<end
  }

  /// Space, tab, line feed or carriage return.
  @inline(__always)
  static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a
  }

  /// The next token at or after `position`, which then stands behind it.
  @inline(__always)
  func nextToken(_ position: inout Int, before end: Int) -> Range<Int>? {
    while position < end, byte(at: position) <= 0x20 { position += 1 }
    guard position < end else { return nil }
    let start = position
    while position + 8 <= end {
      // The top bit of each byte below 0x21; of those found only the lowest is certain, and used.
      let word = word(at: position)
      let blanks = (word &- 0x2121_2121_2121_2121) & ~word & 0x8080_8080_8080_8080
      if blanks != 0 {
        position += blanks.trailingZeroBitCount / 8
        return start..<position
      }
      position += 8
    }
    while position < end, byte(at: position) > 0x20 { position += 1 }
    return start..<position
  }

  /// Whether a part is exactly this word.
  func holds(_ word: StaticString, in range: Range<Int>) -> Bool {
    guard range.count == word.utf8CodeUnitCount else { return false }
    return begins(with: word, in: range)
  }

  /// Whether a part begins with this word.
  func begins(with word: StaticString, in range: Range<Int>) -> Bool {
    let count = word.utf8CodeUnitCount
    guard range.count >= count, range.upperBound <= byteCount else { return false }
    for index in 0..<count {
      // A StaticString's start pointer is valid for utf8CodeUnitCount bytes.
      let expected = unsafe word.utf8Start[index]
      guard byte(at: range.lowerBound + index) == expected else { return false }
    }
    return true
  }

  /// A decimal number of at most 18 digits, nil for anything else.
  @inline(__always)
  func decimal(in range: Range<Int>) -> Int64? {
    guard !range.isEmpty, range.count <= 18 else { return nil }
    var value: Int64 = 0
    for index in range {
      let digit = byte(at: index) &- 0x30
      guard digit <= 9 else { return nil }
      value = value &* 10 &+ Int64(digit)
    }
    return value
  }

  /// An address in text form; dotted quads, the usual case, are read on the spot.
  @inline(__always)
  func address(in range: Range<Int>) -> IPAddress? {
    var bits: UInt32 = 0
    var value: UInt32 = 0
    var digits = 0
    var octets = 0
    for index in range {
      let byte = byte(at: index)
      if byte == UInt8(ascii: ".") {
        guard digits > 0, octets < 3 else { return nil }
        bits = bits << 8 | value
        octets += 1
        value = 0
        digits = 0
        continue
      }
      let digit = byte &- 0x30
      // Not a dotted quad: IPv6 or no address at all.
      guard digit <= 9 else { return IPAddress(bytes: extracting(range)) }
      value = value &* 10 &+ UInt32(digit)
      digits += 1
      // Up to four digits may still be the first group of an IPv6 address.
      if digits > 3 || value > 255 { return IPAddress(bytes: extracting(range)) }
    }
    guard octets == 3, digits > 0 else { return nil }
    return IPAddress(ipv4: bits << 8 | value)
  }
}

/// A short hash of a name that only has to tell a few names apart: of its words of eight bytes.
struct NameHash {
  private var mixed: UInt64 = 0

  /// Adds the next eight bytes, the last of them filled up with zeros.
  @inline(__always)
  mutating func add(_ word: UInt64) {
    mixed = (mixed ^ word) &* 0x9E37_79B9_7F4A_7C15
    mixed ^= mixed >> 29
  }

  /// The hash of what was added.
  var value: UInt32 { UInt32(truncatingIfNeeded: mixed >> 32) }

  /// The hash of a part.
  static func of(_ bytes: RawSpan, in range: Range<Int>) -> UInt32 {
    var hash = NameHash()
    var word: UInt64 = 0
    var shift: UInt64 = 0
    for index in range {
      word |= UInt64(bytes.byte(at: index)) << shift
      shift += 8
      if shift == 64 || index == range.upperBound - 1 {
        hash.add(word)
        word = 0
        shift = 0
      }
    }
    return hash.value
  }

  /// The hash of a text.
  static func of(_ text: String) -> UInt32 {
    let bytes = Array(text.utf8)
    return unsafe of(bytes.span.bytes, in: 0..<bytes.count)
  }
}

/// The first bytes of an input as text, for telling formats apart.
struct LogStart {
  /// At most 64 KiB.
  let text: String
  /// Its first line that is not blank.
  let firstLine: Substring

  /// Reads the start of an input.
  init(_ span: RawSpan) {
    let range = span.trimmedRange()
    let end = Swift.min(range.upperBound, range.lowerBound + 65_536)
    self.init(text: span.text(in: range.lowerBound..<end))
  }

  /// Looks at a text.
  init(text: String) {
    self.text = text
    firstLine =
      text.utf8.split(separator: 0x0a, maxSplits: 1).first.map { Substring($0) } ?? ""
  }

  /// Whether a quoted key or value stands in it, escaped or not.
  func quotes(_ word: String) -> Bool {
    // Most words are not there at all.
    text.contains(word)
      && (text.contains("\"\(word)\"") || text.contains("\\\"\(word)\\\""))
  }
}
