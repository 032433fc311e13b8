import FlowModel

/// The bytes of one record, with room before and behind them, to be rewritten and scanned.
///
/// What it takes in becomes compact JSON: scanners read nothing else. Behind it stands a line feed, and
/// ``RawSpan/scanSlack`` bytes can be read behind that, as the loads of ``RawSpan/knownWord(at:)`` demand.
struct RecordRoom: Sendable {
  /// How many bytes before the record a caller may write.
  static let margin = 16
  /// Longer records are not worth it: few have them, and the room is kept.
  static let longest = 1 << 20

  /// All bytes: the margin, the record, a line feed and the slack.
  private(set) var bytes: [UInt8] = []
  /// How many of them are the record's.
  private(set) var count = 0

  /// Makes an empty room.
  init() {}

  /// Puts bytes in as they are; false when there are too many of them.
  mutating func take(_ source: RawSpan) -> Bool {
    guard prepare(source.byteCount) else { return false }
    unsafe bytes.withUnsafeMutableBytes { target in
      unsafe source.withUnsafeBytes { source in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[RecordRoom.margin...])
          .copyMemory(from: source)
      }
    }
    end(at: source.byteCount)
    return true
  }

  /// Keeps only a part of the record.
  ///
  /// - Parameter range: Offsets in ``bytes``.
  mutating func keep(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= RecordRoom.margin && range.upperBound <= RecordRoom.margin + count
    )
    unsafe bytes.withUnsafeMutableBytes { target in
      let part = unsafe UnsafeRawBufferPointer(rebasing: target[range])
      // The two may overlap, which this allows.
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[RecordRoom.margin...])
        .copyMemory(from: part)
    }
    end(at: range.count)
  }

  /// Writes a few bytes right before the record, and as many of a suffix behind it.
  ///
  /// - Returns: The offset of the first one in ``bytes``.
  mutating func wrap(in prefix: StaticString, _ suffix: UInt8) -> Int {
    precondition(prefix.utf8CodeUnitCount <= RecordRoom.margin)
    let start = RecordRoom.margin - prefix.utf8CodeUnitCount
    for index in 0..<prefix.utf8CodeUnitCount {
      // A StaticString's start pointer is valid for utf8CodeUnitCount bytes.
      bytes[start + index] = unsafe prefix.utf8Start[index]
    }
    bytes[RecordRoom.margin + count] = suffix
    end(at: count + 1)
    return start
  }

  /// Takes in the text of a JSON string of another room without escapes, less white space at its end.
  ///
  /// - Parameter range: The string between its quotes, known to be well-formed; offsets in its ``bytes``.
  /// - Returns: False when it holds what is not ASCII.
  mutating func unescape(_ source: borrowing RecordRoom, _ range: Range<Int>) -> Bool {
    precondition(range.upperBound <= RecordRoom.margin + source.count)
    guard prepare(range.count) else { return false }
    let found = unsafe bytes.withUnsafeMutableBytes { target in
      unsafe RecordRoom.unescape(source.bytes.span.bytes, range, into: target)
    }
    guard var found else { return false }
    while found > 0, RawSpan.isBlank(bytes[RecordRoom.margin + found - 1]) { found -= 1 }
    end(at: found)
    return true
  }

  /// Takes in the JSON of another room less the white space between its tokens.
  ///
  /// - Returns: False when white space separates what would be one token without it, and for what is not ASCII.
  mutating func compact(_ source: borrowing RecordRoom) -> Bool {
    guard prepare(source.count) else { return false }
    let range = RecordRoom.margin..<RecordRoom.margin + source.count
    let found = unsafe bytes.withUnsafeMutableBytes { target in
      unsafe RecordRoom.compact(source.bytes.span.bytes, range, into: target)
    }
    guard let found else { return false }
    end(at: found)
    return true
  }

  // MARK: Writing

  private mutating func prepare(_ size: Int) -> Bool {
    guard size <= RecordRoom.longest else { return false }
    // A byte for a suffix; words are written whole.
    let needed = RecordRoom.margin + size + 1 + RawSpan.scanSlack + 8
    if bytes.count < needed { bytes = [UInt8](repeating: 0, count: needed + needed / 2) }
    return true
  }

  private mutating func end(at size: Int) {
    count = size
    bytes[RecordRoom.margin + size] = 0x0a
  }

  /// - Returns: The bytes written behind the margin.
  private static func unescape(
    _ source: RawSpan,
    _ range: Range<Int>,
    into target: UnsafeMutableRawBufferPointer
  ) -> Int? {
    var position = range.lowerBound
    let end = range.upperBound
    var out = margin
    while position < end {
      // At most as many bytes are written as were read, and a word: for that there is room.
      let word = source.knownWord(at: position)
      unsafe target.storeBytes(of: word.littleEndian, toByteOffset: out, as: UInt64.self)
      let stop = RawSpan.stops(in: word)
      guard stop != 0 else {
        position &+= 8
        out &+= 8
        continue
      }
      let plain = stop.trailingZeroBitCount &>> 3
      position &+= plain
      out &+= plain
      guard position < end else { break }
      guard source.knownByte(at: position) == UInt8(ascii: "\\") else { return nil }
      let escape = source.knownByte(at: position &+ 1)
      position &+= 2
      var byte = escape
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): break
      case UInt8(ascii: "n"): byte = 0x0a
      case UInt8(ascii: "r"): byte = 0x0d
      case UInt8(ascii: "t"): byte = 0x09
      case UInt8(ascii: "u"):
        // Go's encoder writes `<`, `>` and `&` so; anything beyond ASCII is left to the tree.
        guard let value = asciiValue(source, position) else { return nil }
        byte = value
        position &+= 4
      default: return nil
      }
      unsafe target[out] = byte
      out &+= 1
    }
    // A stretch without stops may reach beyond the string's end only if there is no quote.
    return position == end ? out - margin : nil
  }

  /// The character of four hexadecimal digits, nil beyond ASCII.
  private static func asciiValue(_ source: RawSpan, _ start: Int) -> UInt8? {
    var value: UInt32 = 0
    for offset in 0..<4 {
      let digit = source.knownByte(at: start + offset)
      switch digit {
      case 0x30...0x39: value = value << 4 | UInt32(digit - 0x30)
      case 0x41...0x46: value = value << 4 | UInt32(digit - 0x37)
      case 0x61...0x66: value = value << 4 | UInt32(digit - 0x57)
      default: return nil
      }
    }
    return value < 0x80 ? UInt8(value) : nil
  }

  /// - Returns: The bytes written behind the margin.
  private static func compact(
    _ source: RawSpan,
    _ range: Range<Int>,
    into target: UnsafeMutableRawBufferPointer
  ) -> Int? {
    var position = range.lowerBound
    let end = range.upperBound
    var out = margin
    while position < end {
      let byte = source.knownByte(at: position)
      if byte == UInt8(ascii: "\"") {
        let close = source.skipString(position &+ 1)
        guard close >= 0, close <= end else { return nil }
        while position < close {
          // The last word may reach beyond the string: what it brings is written over.
          unsafe target.storeBytes(
            of: source.knownWord(at: position).littleEndian,
            toByteOffset: out,
            as: UInt64.self
          )
          let count = min(8, close &- position)
          position &+= count
          out &+= count
        }
        continue
      }
      if RawSpan.isBlank(byte) {
        position &+= 1
        while position < end, RawSpan.isBlank(source.knownByte(at: position)) { position &+= 1 }
        let before = unsafe target[out &- 1]
        guard
          out == margin || position == end || opens(before)
            || closes(source.knownByte(at: position))
        else { return nil }
        continue
      }
      unsafe target[out] = byte
      out &+= 1
      position &+= 1
    }
    return out - margin
  }

  /// Whether a token may stand behind a byte without white space.
  @inline(__always)
  private static func opens(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "{")
      || byte == UInt8(ascii: "[")
  }

  /// Whether a byte may stand behind a token without white space.
  @inline(__always)
  private static func closes(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "}")
      || byte == UInt8(ascii: "]")
  }
}
