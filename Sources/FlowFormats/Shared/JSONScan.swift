import FlowModel

/// Steps over JSON bytes in place, eight at a time, for scanners that read compact records.
///
/// Every function takes offsets into one span and gives the offset behind what it read, or -1 when the
/// text is not plainly what it expects: then an ordinary decoder must look at the record. What they
/// accept, ``JSONText/JSONParser`` accepts too; bytes of 0x80 and more, white space between tokens and
/// escapes that could be wrong are never accepted.
///
/// The loads are not checked, which makes a fifth of the speed. They stay inside because the caller sees
/// to it that a line feed follows the record and that ``scanSlack`` bytes can be read behind that line feed:
/// no function steps over a line feed, since it is neither plain text nor any token, and none looks more
/// than ``scanSlack`` bytes beyond an offset up to which it has seen none. Builds for debugging, in which the
/// tests feed every kind of broken line, check each load.
extension RawSpan {
  /// How many bytes must be readable behind the last line feed that a scanner may meet.
  static var scanSlack: Int { 64 }

  /// The byte at an offset that is known to lie inside.
  @inline(__always)
  func knownByte(at offset: Int) -> UInt8 {
    assert(offset >= 0 && offset < byteCount)
    // Any byte is a valid UInt8; for the bounds see above.
    return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }

  /// Eight bytes that are known to lie inside, as a little-endian number.
  @inline(__always)
  func knownWord(at offset: Int) -> UInt64 {
    assert(offset >= 0 && offset + 8 <= byteCount)
    // Any eight bytes are a valid UInt64; for the bounds see above.
    return UInt64(
      littleEndian: unsafe unsafeLoadUnaligned(
        fromUncheckedByteOffset: offset,
        as: UInt64.self
      )
    )
  }

  /// 32 bytes that are known to lie inside, as they are in memory.
  @inline(__always)
  func knownVector(at offset: Int) -> SIMD4<UInt64> {
    assert(offset >= 0 && offset + 32 <= byteCount)
    // Any bytes are a valid vector of integers.
    return unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: SIMD4<UInt64>.self)
  }

  /// The top bits of the bytes of a word that end plain text: quotes, backslashes, control characters
  /// and everything beyond ASCII.
  ///
  /// The lowest one is exact; above it there may be false ones.
  @inline(__always)
  static func stops(in word: UInt64) -> UInt64 {
    let quotes = (word ^ 0x2222_2222_2222_2222) &- 0x0101_0101_0101_0101
    let backslashes = (word ^ 0x5c5c_5c5c_5c5c_5c5c) &- 0x0101_0101_0101_0101
    let controls = word &- 0x2020_2020_2020_2020
    return (quotes | backslashes | controls | word) & 0x8080_8080_8080_8080
  }

  /// The offset of the quote that ends a string without escapes; `start` is behind the opening one.
  @inline(__always)
  func plainStringEnd(_ start: Int) -> Int {
    var position = start
    while true {
      let stop = RawSpan.stops(in: knownWord(at: position))
      if stop != 0 {
        position &+= stop.trailingZeroBitCount &>> 3
        return knownByte(at: position) == UInt8(ascii: "\"") ? position : -1
      }
      position &+= 8
    }
  }

  /// Steps behind a string with or without escapes; `start` is behind the opening quote.
  @inline(__always)
  func skipString(_ start: Int) -> Int {
    var position = start
    while true {
      let stop = RawSpan.stops(in: knownWord(at: position))
      if stop != 0 {
        position &+= stop.trailingZeroBitCount &>> 3
        return knownByte(at: position) == UInt8(ascii: "\"")
          ? position &+ 1 : skipEscapedString(position)
      }
      position &+= 8
    }
  }

  /// Steps behind the rest of a string; `start` is at a byte that may begin an escape.
  @inline(never)
  private func skipEscapedString(_ start: Int) -> Int {
    var position = start
    while true {
      let stop = RawSpan.stops(in: knownWord(at: position))
      guard stop != 0 else {
        position &+= 8
        continue
      }
      position &+= stop.trailingZeroBitCount &>> 3
      let found = knownByte(at: position)
      if found == UInt8(ascii: "\"") { return position + 1 }
      guard found == UInt8(ascii: "\\") else { return -1 }
      switch knownByte(at: position + 1) {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
        UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
        position += 2
      case UInt8(ascii: "u"):
        // Surrogates must come in pairs; they are rare enough to be left to the decoder.
        guard knownByte(at: position + 2) | 0x20 != UInt8(ascii: "d") else { return -1 }
        for offset in 2..<6 {
          switch knownByte(at: position + offset) {
          case 0x30...0x39, 0x41...0x46, 0x61...0x66: break
          default: return -1
          }
        }
        position += 6
      default: return -1
      }
    }
  }

  /// Steps behind a number.
  @inline(never)
  private func skipNumber(_ start: Int) -> Int {
    var position = start
    if knownByte(at: position) == UInt8(ascii: "-") { position += 1 }
    let first = knownByte(at: position)
    let integer = skipDigits(position)
    guard integer > position, first != 0x30 || integer == position + 1 else { return -1 }
    position = integer
    if knownByte(at: position) == UInt8(ascii: ".") {
      let fraction = skipDigits(position + 1)
      guard fraction > position + 1 else { return -1 }
      position = fraction
    }
    if knownByte(at: position) | 0x20 == UInt8(ascii: "e") {
      position += 1
      if knownByte(at: position) == UInt8(ascii: "+")
        || knownByte(at: position) == UInt8(ascii: "-")
      {
        position += 1
      }
      let exponent = skipDigits(position)
      guard exponent > position else { return -1 }
      position = exponent
    }
    return position
  }

  @inline(__always)
  private func skipDigits(_ start: Int) -> Int {
    var position = start
    while 0x30...0x39 ~= knownByte(at: position) { position &+= 1 }
    return position
  }

  /// Steps behind a value of any kind, checking all of it.
  @inline(__always)
  func skipValue(_ start: Int) -> Int {
    knownByte(at: start) == UInt8(ascii: "\"") ? skipString(start &+ 1) : skipNested(start)
  }

  /// Steps behind a value; the nesting is a stack of bits, 1 for an object, under a bit that marks its end.
  @inline(never)
  private func skipNested(_ start: Int) -> Int {
    var position = start
    var stack: UInt64 = 1
    while true {
      switch knownByte(at: position) {
      case UInt8(ascii: "\""):
        position = skipString(position &+ 1)
        guard position >= 0 else { return -1 }
      case UInt8(ascii: "{"):
        guard knownByte(at: position &+ 1) == UInt8(ascii: "}") else {
          guard stack.leadingZeroBitCount > 1 else { return -1 }
          stack = stack &<< 1 | 1
          position = skipKey(position &+ 1)
          guard position >= 0 else { return -1 }
          continue
        }
        position &+= 2
      case UInt8(ascii: "["):
        guard knownByte(at: position &+ 1) == UInt8(ascii: "]") else {
          guard stack.leadingZeroBitCount > 1 else { return -1 }
          stack = stack &<< 1
          position &+= 1
          continue
        }
        position &+= 2
      case UInt8(ascii: "-"), 0x30...0x39:
        position = skipNumber(position)
        guard position >= 0 else { return -1 }
      default:
        position = skipLiteral(position)
        guard position >= 0 else { return -1 }
      }
      // Behind a value: close what ends here, then go on to the next one.
      closing: while true {
        if stack == 1 { return position }
        switch knownByte(at: position) {
        case UInt8(ascii: ","):
          position &+= 1
          if stack & 1 == 1 {
            position = skipKey(position)
            guard position >= 0 else { return -1 }
          }
          break closing
        case UInt8(ascii: "}"):
          guard stack & 1 == 1 else { return -1 }
        case UInt8(ascii: "]"):
          guard stack & 1 == 0 else { return -1 }
        default: return -1
        }
        stack &>>= 1
        position &+= 1
      }
    }
  }

  /// Steps behind a key without escapes and its colon; `start` is at its quote.
  @inline(__always)
  func plainKeyEnd(_ start: Int) -> Int {
    guard knownByte(at: start) == UInt8(ascii: "\"") else { return -1 }
    let end = plainStringEnd(start &+ 1)
    return end >= 0 && knownByte(at: end &+ 1) == UInt8(ascii: ":") ? end &+ 2 : -1
  }

  /// Steps behind a key and its colon.
  @inline(__always)
  private func skipKey(_ start: Int) -> Int {
    guard knownByte(at: start) == UInt8(ascii: "\"") else { return -1 }
    let end = skipString(start &+ 1)
    guard end >= 0, knownByte(at: end) == UInt8(ascii: ":") else { return -1 }
    return end &+ 1
  }

  private func skipLiteral(_ start: Int) -> Int {
    let text = knownWord(at: start)
    if isTrue(text) || text & 0xffff_ffff == 0x6c6c_756e { return start + 4 }
    return isFalse(text) ? start + 5 : -1
  }

  @inline(__always)
  private func isTrue(_ text: UInt64) -> Bool { text & 0xffff_ffff == 0x6575_7274 }

  @inline(__always)
  private func isFalse(_ text: UInt64) -> Bool { text & 0xff_ffff_ffff == 0x65_736c_6166 }

  /// Reads `true` or `false`.
  @inline(__always)
  func scanBool(_ start: Int, _ value: inout Bool) -> Int {
    let text = knownWord(at: start)
    if isTrue(text) {
      value = true
      return start &+ 4
    }
    value = false
    return isFalse(text) ? start &+ 5 : -1
  }

  /// Reads a whole number of one to seven digits.
  @inline(__always)
  func scanNumber(_ start: Int, _ value: inout Int) -> Int {
    let digits = knownWord(at: start) &- 0x3030_3030_3030_3030
    let others = RawSpan.nonDigits(in: digits)
    let count = others.trailingZeroBitCount &>> 3
    guard others != 0, count > 0, count == 1 || digits & 0xff != 0 else { return -1 }
    value = RawSpan.number(digits &<< UInt64(64 &- count &* 8))
    return start &+ count
  }

  /// The top bits of the bytes that are above 9; the lowest one is exact.
  @inline(__always)
  static func nonDigits(in digits: UInt64) -> UInt64 {
    (digits | (digits &+ 0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080
  }

  /// The number of eight decimal digits, the first one in the lowest byte.
  @inline(__always)
  static func number(_ digits: UInt64) -> Int {
    let pairs = (digits &* 2561) &>> 8 & 0x00ff_00ff_00ff_00ff
    let fours = (pairs &* 6_553_601) &>> 16 & 0x0000_ffff_0000_ffff
    return Int(truncatingIfNeeded: (fours &* 42_949_672_960_001) &>> 32)
  }

  /// Reads a string of at most 24 plain bytes; the length is -1 when it is something else.
  @inline(never)
  func token(_ start: Int) -> JSONToken {
    let first = knownWord(at: start)
    var stop = RawSpan.stops(in: first)
    if stop != 0 { return token(start, stop, 0, JSONToken.head(first, stop), 0, 0) }
    let second = knownWord(at: start &+ 8)
    stop = RawSpan.stops(in: second)
    if stop != 0 { return token(start, stop, 8, first, JSONToken.head(second, stop), 0) }
    let third = knownWord(at: start &+ 16)
    stop = RawSpan.stops(in: third)
    if stop != 0 { return token(start, stop, 16, first, second, JSONToken.head(third, stop)) }
    let isQuote = knownByte(at: start &+ 24) == UInt8(ascii: "\"")
    return JSONToken(length: isQuote ? 24 : -1, first: first, second: second, third: third)
  }

  @inline(__always)
  private func token(
    _ start: Int,
    _ stop: UInt64,
    _ before: Int,
    _ first: UInt64,
    _ second: UInt64,
    _ third: UInt64
  ) -> JSONToken {
    let length = before &+ stop.trailingZeroBitCount &>> 3
    let isQuote = knownByte(at: start &+ length) == UInt8(ascii: "\"")
    return JSONToken(length: isQuote ? length : -1, first: first, second: second, third: third)
  }

  /// Whether a key stands at an offset, with the quote and the colon behind it.
  @inline(__always)
  func isKey(_ start: Int, _ key: JSONWord) -> Bool {
    // The quote and colon behind a short key lie in the same word.
    let end: UInt64 = 0x3a22
    if key.length <= 6 {
      let text = key.first | end &<< UInt64(key.length &* 8)
      return (knownWord(at: start) ^ text) & JSONWord.mask(key.length &+ 2) == 0
    }
    return holds(key, at: start) && knownWord(at: start &+ key.length) & 0xffff == end
  }

  /// Whether the bytes of a word stand at an offset, whatever stands behind them.
  @inline(__always)
  func holds(_ word: JSONWord, at start: Int) -> Bool {
    var difference = (knownWord(at: start) ^ word.first) & JSONWord.mask(word.length)
    if word.length > 8 {
      difference |= (knownWord(at: start &+ 8) ^ word.second) & JSONWord.mask(word.length &- 8)
    }
    if word.length > 16 {
      difference |= (knownWord(at: start &+ 16) ^ word.third) & JSONWord.mask(word.length &- 16)
    }
    return difference == 0
  }

  /// Whether a string of at most six bytes stands at an offset, with its quotes.
  @inline(__always)
  func isString(_ start: Int, _ word: JSONWord) -> Bool {
    let text = 0x22 | word.first &<< 8 | 0x22 &<< UInt64(word.length &* 8 &+ 8)
    return (knownWord(at: start) ^ text) & JSONWord.mask(word.length &+ 2) == 0
  }

  /// The first offset of a byte, or `end` when it is not there; both lie inside.
  func offset(of byte: UInt8, from start: Int, before end: Int) -> Int {
    precondition(start >= 0 && start <= end && end <= byteCount)
    let pattern = RawSpan.repeated(byte)
    var position = start
    while position &+ 8 <= end {
      let hits = RawSpan.zeroBytes(in: knownWord(at: position) ^ pattern)
      if hits != 0 { return position &+ hits.trailingZeroBitCount &>> 3 }
      position &+= 8
    }
    while position < end, knownByte(at: position) != byte { position &+= 1 }
    return position
  }

  /// Whether two stretches of bytes are the same; false where they do not lie inside their spans.
  @inline(__always)
  func equals(_ start: Int, _ other: RawSpan, _ otherStart: Int, count: Int) -> Bool {
    // All loads below lie in these two ranges.
    guard count >= 0, start >= 0, start &+ count <= byteCount, otherStart >= 0,
      otherStart &+ count <= other.byteCount
    else { return false }
    var offset = 0
    guard count >= 64 else {
      while offset &+ 8 <= count {
        if knownWord(at: start &+ offset) != other.knownWord(at: otherStart &+ offset) {
          return false
        }
        offset &+= 8
      }
      while offset < count {
        if knownByte(at: start &+ offset) != other.knownByte(at: otherStart &+ offset) {
          return false
        }
        offset &+= 1
      }
      return true
    }
    while offset &+ 64 <= count {
      if differs(start &+ offset, other, otherStart &+ offset) { return false }
      offset &+= 64
    }
    // The last block overlaps the one before it.
    return !differs(start &+ count &- 64, other, otherStart &+ count &- 64)
  }

  /// Whether two blocks of 64 bytes, which lie inside, differ.
  @inline(__always)
  private func differs(_ start: Int, _ other: RawSpan, _ otherStart: Int) -> Bool {
    // Any bytes are a valid vector of integers; the caller checked the bounds.
    let one = unsafe unsafeLoadUnaligned(
      fromUncheckedByteOffset: start,
      as: SIMD8<UInt64>.self
    )
    let two = unsafe other.unsafeLoadUnaligned(
      fromUncheckedByteOffset: otherStart,
      as: SIMD8<UInt64>.self
    )
    let difference = one ^ two
    let halves = difference.lowHalf | difference.highHalf
    let quarters = halves.lowHalf | halves.highHalf
    return quarters[0] | quarters[1] != 0
  }

  /// A hash of a stretch of bytes, which must lie inside.
  @inline(__always)
  func mixed(_ start: Int, count: Int, seed: UInt64) -> UInt64 {
    precondition(count >= 0 && start >= 0 && start &+ count <= byteCount)
    var hash = seed &+ UInt64(truncatingIfNeeded: count)
    var offset = 0
    while offset &+ 8 <= count {
      hash = RawSpan.mix(hash, knownWord(at: start &+ offset))
      offset &+= 8
    }
    guard offset < count else { return hash }
    guard count < 8 else {
      // The last word overlaps the one before it.
      return RawSpan.mix(hash, knownWord(at: start &+ count &- 8))
    }
    var rest: UInt64 = 0
    while offset < count {
      rest = rest &<< 8 | UInt64(knownByte(at: start &+ offset))
      offset &+= 1
    }
    return RawSpan.mix(hash, rest)
  }

  /// Takes eight more bytes into a hash.
  @inline(__always)
  static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
    let product = (hash ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return product.high ^ product.low ^ word
  }
}

/// A short string of plain ASCII as three little-endian words, zero behind its end.
struct JSONToken {
  /// Its length, -1 when the bytes are not a plain string of at most 24 bytes.
  let length: Int
  /// Bytes 0 to 7.
  let first: UInt64
  /// Bytes 8 to 15.
  let second: UInt64
  /// Bytes 16 to 23.
  let third: UInt64

  /// Whether it is a word.
  @inline(__always)
  func `is`(_ word: JSONWord) -> Bool {
    length == word.length
      && (first ^ word.first) | (second ^ word.second) | (third ^ word.third) == 0
  }

  /// The bytes of a word before the first stop.
  @inline(__always)
  static func head(_ word: UInt64, _ stop: UInt64) -> UInt64 {
    // Everything below the stop's byte: its top bit, moved to its lowest, less one.
    word & (((stop & (0 &- stop)) &>> 7) &- 1)
  }
}

/// A word of at most 24 bytes of ASCII that tokens are compared with.
struct JSONWord: Sendable {
  /// Its length.
  let length: Int
  /// Bytes 0 to 7, the first one lowest.
  let first: UInt64
  /// Bytes 8 to 15.
  let second: UInt64
  /// Bytes 16 to 23.
  let third: UInt64

  /// Makes a word from its length and its bytes; literals make it a constant of the compiler.
  @inline(__always)
  init(_ length: Int, _ first: UInt64, _ second: UInt64 = 0, _ third: UInt64 = 0) {
    self.length = length
    self.first = first
    self.second = second
    self.third = third
  }

  /// The most bytes of a word.
  static let longest = 24

  /// Makes a word of a text.
  init(_ text: String) {
    precondition(text.utf8.count <= JSONWord.longest)
    var words = SIMD4<UInt64>()
    for (index, byte) in text.utf8.enumerated() {
      words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8)
    }
    self.init(text.utf8.count, words[0], words[1], words[2])
  }

  /// The lowest bytes of a word.
  @inline(__always)
  static func mask(_ count: Int) -> UInt64 { count < 8 ? 1 &<< UInt64(count &* 8) &- 1 : ~0 }
}
