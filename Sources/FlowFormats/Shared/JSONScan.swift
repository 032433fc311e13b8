import FlowModel

/// Steps over JSON bytes in place, eight at a time, for scanners that read compact records.
///
/// Every function takes offsets into one span and gives the offset behind what it read, or -1 when the
/// text is not plainly what it expects: then an ordinary decoder must look at the record. What they
/// accept, ``JSONText/JSONParser`` accepts too; bytes of 0x80 and more, white space between tokens and
/// escapes that could be wrong are never accepted.
///
/// The caller sees to it that a line feed follows the record and that ``RawSpan/scanSlack`` bytes can be
/// read behind that line feed. No function steps over a line feed, so loads stay inside; a load that did
/// not would stop the program, not read foreign memory.
extension RawSpan {
  /// How many bytes must be readable behind the last line feed that a scanner may meet.
  static var scanSlack: Int { 64 }

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
      let stop = RawSpan.stops(in: word(at: position))
      if stop != 0 {
        position &+= stop.trailingZeroBitCount &>> 3
        return byte(at: position) == UInt8(ascii: "\"") ? position : -1
      }
      position &+= 8
    }
  }

  /// Steps behind a string with or without escapes; `start` is behind the opening quote.
  @inline(__always)
  func skipString(_ start: Int) -> Int {
    var position = start
    while true {
      let stop = RawSpan.stops(in: word(at: position))
      if stop != 0 {
        position &+= stop.trailingZeroBitCount &>> 3
        return byte(at: position) == UInt8(ascii: "\"")
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
      let found = byte(at: position)
      if found == UInt8(ascii: "\"") { return position + 1 }
      guard found >= 0x20, found < 0x80 else { return -1 }
      guard found == UInt8(ascii: "\\") else {
        position += 1
        continue
      }
      switch byte(at: position + 1) {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
        UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
        position += 2
      case UInt8(ascii: "u"):
        // Surrogates must come in pairs; they are rare enough to be left to the decoder.
        guard byte(at: position + 2) | 0x20 != UInt8(ascii: "d") else { return -1 }
        for offset in 2..<6 {
          switch byte(at: position + offset) {
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
    if byte(at: position) == UInt8(ascii: "-") { position += 1 }
    let first = byte(at: position)
    let integer = skipDigits(position)
    guard integer > position, first != 0x30 || integer == position + 1 else { return -1 }
    position = integer
    if byte(at: position) == UInt8(ascii: ".") {
      let fraction = skipDigits(position + 1)
      guard fraction > position + 1 else { return -1 }
      position = fraction
    }
    if byte(at: position) | 0x20 == UInt8(ascii: "e") {
      position += 1
      if byte(at: position) == UInt8(ascii: "+") || byte(at: position) == UInt8(ascii: "-") {
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
    while 0x30...0x39 ~= byte(at: position) { position &+= 1 }
    return position
  }

  /// Steps behind a value of any kind, checking all of it.
  @inline(__always)
  func skipValue(_ start: Int) -> Int {
    byte(at: start) == UInt8(ascii: "\"") ? skipString(start &+ 1) : skipNested(start)
  }

  /// Steps behind a value; the nesting is a stack of bits, 1 for an object, under a bit that marks its end.
  @inline(never)
  private func skipNested(_ start: Int) -> Int {
    var position = start
    var stack: UInt64 = 1
    while true {
      switch byte(at: position) {
      case UInt8(ascii: "\""):
        position = skipString(position &+ 1)
        guard position >= 0 else { return -1 }
      case UInt8(ascii: "{"):
        guard byte(at: position &+ 1) == UInt8(ascii: "}") else {
          guard stack.leadingZeroBitCount > 1 else { return -1 }
          stack = stack &<< 1 | 1
          position = skipKey(position &+ 1)
          guard position >= 0 else { return -1 }
          continue
        }
        position &+= 2
      case UInt8(ascii: "["):
        guard byte(at: position &+ 1) == UInt8(ascii: "]") else {
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
        switch byte(at: position) {
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

  /// Steps behind a key and its colon.
  @inline(__always)
  private func skipKey(_ start: Int) -> Int {
    guard byte(at: start) == UInt8(ascii: "\"") else { return -1 }
    let end = skipString(start &+ 1)
    guard end >= 0, byte(at: end) == UInt8(ascii: ":") else { return -1 }
    return end &+ 1
  }

  private func skipLiteral(_ start: Int) -> Int {
    let text = word(at: start)
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
    let text = word(at: start)
    if isTrue(text) {
      value = true
      return start &+ 4
    }
    value = false
    return isFalse(text) ? start &+ 5 : -1
  }

  /// Reads a whole number of one to nine digits.
  @inline(__always)
  func scanNumber(_ start: Int, _ value: inout Int) -> Int {
    var position = start
    var number = 0
    while true {
      let digit = byte(at: position) &- 0x30
      guard digit < 10 else { break }
      number = number &* 10 &+ Int(digit)
      position &+= 1
      guard position &- start < 10 else { return -1 }
    }
    guard position > start, position == start &+ 1 || byte(at: start) != 0x30 else { return -1 }
    value = number
    return position
  }

  /// Reads a string of at most 24 plain bytes; the length is -1 when it is something else.
  @inline(__always)
  func token(_ start: Int) -> JSONToken {
    let first = word(at: start)
    var stop = RawSpan.stops(in: first)
    if stop != 0 { return token(start, stop, 0, JSONToken.head(first, stop), 0, 0) }
    let second = word(at: start &+ 8)
    stop = RawSpan.stops(in: second)
    if stop != 0 { return token(start, stop, 8, first, JSONToken.head(second, stop), 0) }
    let third = word(at: start &+ 16)
    stop = RawSpan.stops(in: third)
    if stop != 0 { return token(start, stop, 16, first, second, JSONToken.head(third, stop)) }
    let isQuote = byte(at: start &+ 24) == UInt8(ascii: "\"")
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
    let isQuote = byte(at: start &+ length) == UInt8(ascii: "\"")
    return JSONToken(length: isQuote ? length : -1, first: first, second: second, third: third)
  }

  /// Whether two stretches of bytes are the same; `other` must hold `count` bytes from its offset.
  @inline(__always)
  func equals(_ start: Int, _ other: RawSpan, _ otherStart: Int, count: Int) -> Bool {
    guard count >= 8 else {
      for offset in 0..<count where byte(at: start + offset) != other.byte(at: otherStart + offset)
      {
        return false
      }
      return true
    }
    guard start &+ count <= byteCount else { return false }
    var offset = 0
    while offset &+ 64 <= count {
      // Any bytes are a valid vector of integers; the loads check the bounds.
      let one = unsafe unsafeLoadUnaligned(
        fromByteOffset: start &+ offset,
        as: SIMD8<UInt64>.self
      )
      let two = unsafe other.unsafeLoadUnaligned(
        fromByteOffset: otherStart &+ offset,
        as: SIMD8<UInt64>.self
      )
      let difference = one ^ two
      let halves = difference.lowHalf | difference.highHalf
      let quarters = halves.lowHalf | halves.highHalf
      if quarters[0] | quarters[1] != 0 { return false }
      offset &+= 64
    }
    while offset &+ 8 <= count {
      if word(at: start &+ offset) != other.word(at: otherStart &+ offset) { return false }
      offset &+= 8
    }
    return word(at: start &+ count &- 8) == other.word(at: otherStart &+ count &- 8)
  }

  /// A hash of a stretch of bytes.
  @inline(__always)
  func mixed(_ start: Int, count: Int, seed: UInt64) -> UInt64 {
    var hash = seed &+ UInt64(truncatingIfNeeded: count)
    var offset = 0
    while offset &+ 8 <= count {
      hash = RawSpan.mix(hash, word(at: start &+ offset))
      offset &+= 8
    }
    let rest = count &- offset
    if rest > 0 {
      hash = RawSpan.mix(hash, word(at: start &+ offset) & (1 &<< UInt64(rest &* 8) &- 1))
    }
    return hash
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
struct JSONWord {
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
}
