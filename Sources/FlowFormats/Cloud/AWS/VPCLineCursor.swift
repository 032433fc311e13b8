import FlowModel

/// Reads the columns of a line one after the other; nil or false for what is not as expected.
///
/// A column is read together with where it ends, in the same eight or sixteen bytes, so that nothing has to
/// look for separators first. Nothing checks that they lie in the block: whoever begins a line sees to it
/// that as many bytes as ``VPCScanner`` knows the columns to take are there.
@safe
struct VPCLineCursor {
  /// Bytes that are read from the start of the last column on, at most.
  static let reach = 32

  private let bytes: UnsafeRawPointer
  /// The start of the next column.
  var position: Int

  private static let topBits: UInt64 = 0x8080_8080_8080_8080
  fileprivate static let zeros: UInt64 = 0x3030_3030_3030_3030
  private static let upperHalves: UInt64 = 0xf0f0_f0f0_f0f0_f0f0

  @inline(__always)
  init(_ bytes: UnsafeRawPointer, at position: Int) {
    unsafe self.bytes = unsafe bytes
    self.position = position
  }

  /// Eight bytes, the first one lowest.
  @inline(__always)
  private func word(_ offset: Int) -> UInt64 {
    // Any eight bytes are a number.
    UInt64(
      littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: position &+ offset, as: UInt64.self)
    )
  }

  @inline(__always)
  private func byte(_ offset: Int) -> UInt8 {
    unsafe bytes.load(fromByteOffset: position &+ offset, as: UInt8.self)
  }

  /// The top bit of each byte up to 0x20; of those found only the lowest is certain.
  @inline(__always)
  private static func blanks(_ word: UInt64) -> UInt64 {
    (word &- 0x2121_2121_2121_2121) & ~word & topBits
  }

  /// Goes on to the next column if this one has so many bytes.
  @inline(__always)
  private mutating func pass(_ count: Int, _ separator: UInt8) -> Bool {
    let isEnd = byte(count) == separator
    position &+= count &+ 1
    return isEnd
  }

  /// Passes a line feed.
  @inline(__always)
  mutating func passFeed() -> Bool {
    position &+= 1
    return byte(-1) == 0x0a
  }

  /// Passes a column of any value.
  ///
  /// - Parameter limit: The last position from which its bytes are read.
  @inline(__always)
  mutating func skip(_ separator: UInt8, upTo limit: Int) -> Bool {
    var count = 0
    var blanks = VPCLineCursor.blanks(word(0))
    while blanks == 0 {
      count &+= 8
      guard position &+ count <= limit else { return false }
      blanks = VPCLineCursor.blanks(word(count))
    }
    count &+= blanks.trailingZeroBitCount &>> 3
    return count > 0 && pass(count, separator)
  }
}

// MARK: - Numbers

extension VPCLineCursor {
  /// The most bytes of a number, with its separator.
  static let mostNumber = 17
  /// The most bytes of a small number, with its separator.
  static let mostSmall = 4

  /// A number of up to sixteen digits.
  @inline(__always)
  mutating func number(_ separator: UInt8) -> UInt64? {
    let digits = word(0) ^ VPCLineCursor.zeros
    let others = digits & VPCLineCursor.upperHalves
    guard others != 0 else { return longNumber(separator) }
    // Eight for each digit.
    let bits = UInt64(truncatingIfNeeded: others.trailingZeroBitCount) & 0x38
    // Of no digits the separator is left, which is none.
    let value = digits &<< ((0 &- bits) & 63)
    guard pass(Int(truncatingIfNeeded: bits &>> 3), separator), VPCLineCursor.areDigits(value)
    else {
      return nil
    }
    return VPCLineCursor.number(value)
  }

  @inline(never)
  private mutating func longNumber(_ separator: UInt8) -> UInt64? {
    let high = word(0) ^ VPCLineCursor.zeros
    guard VPCLineCursor.areDigits(high) else { return nil }
    var value = VPCLineCursor.number(high)
    var count = 8
    while count < 16, case let digit = byte(count) &- 0x30, digit <= 9 {
      value = value &* 10 &+ UInt64(digit)
      count &+= 1
    }
    return pass(count, separator) ? value : nil
  }

  /// A number of up to three digits.
  @inline(__always)
  mutating func smallNumber(_ separator: UInt8) -> UInt32? {
    let digits =
      UInt32(truncatingIfNeeded: word(0)) ^ UInt32(truncatingIfNeeded: VPCLineCursor.zeros)
    let others = digits & UInt32(truncatingIfNeeded: VPCLineCursor.upperHalves)
    guard others != 0 else { return nil }
    let bits = UInt32(truncatingIfNeeded: others.trailingZeroBitCount) & 0x18
    let value = digits &<< ((0 &- bits) & 31)
    guard pass(Int(truncatingIfNeeded: bits &>> 3), separator),
      (value &+ 0x0606_0606) & UInt32(truncatingIfNeeded: VPCLineCursor.upperHalves) == 0
    else { return nil }
    let pairs = (value &* 2561) &>> 8 & 0x00ff_00ff
    return (pairs &* 6_553_601) &>> 16
  }

  /// Passes a number up to 255, most often of one digit.
  @inline(__always)
  mutating func isSmallNumber(_ separator: UInt8) -> Bool {
    if byte(0) &- 0x30 <= 9, byte(1) == separator {
      position &+= 2
      return true
    }
    return smallNumber(separator).map { $0 <= 255 } ?? false
  }

  /// Whether all bytes are values of digits, given that their upper halves are 0 or there is no digit.
  @inline(__always)
  private static func areDigits(_ value: UInt64) -> Bool {
    (value &+ 0x0606_0606_0606_0606) & upperHalves == 0
  }

  /// The number of eight values of digits, the first one lowest.
  @inline(__always)
  private static func number(_ digits: UInt64) -> UInt64 {
    let pairs = (digits &* 2561) &>> 8 & 0x00ff_00ff_00ff_00ff
    let fours = (pairs &* 6_553_601) &>> 16 & 0x0000_ffff_0000_ffff
    return (fours &* 42_949_672_960_001) &>> 32
  }
}

// MARK: - Times

extension VPCLineCursor {
  /// The first eight digits of the times of one column: those of the next line are most often the same.
  struct TimeMemo: Sendable {
    fileprivate var digits = VPCLineCursor.zeros
    fileprivate var seconds: UInt64 = 0
  }

  /// The bytes of a time, with its separator.
  static let timeCount = 11

  /// A time in seconds of ten digits.
  @inline(__always)
  mutating func time(_ memo: inout TimeMemo, _ separator: UInt8) -> UInt64? {
    guard word(0) == memo.digits || learn(&memo) else { return nil }
    let digits = (word(8) ^ VPCLineCursor.zeros) & 0xffff
    guard (digits | (digits &+ 0x0606)) & VPCLineCursor.upperHalves == 0,
      pass(VPCLineCursor.timeCount &- 1, separator)
    else { return nil }
    // Tens and ones.
    return memo.seconds &+ (digits &* 2561) &>> 8 & 0xff
  }

  @inline(never)
  private func learn(_ memo: inout TimeMemo) -> Bool {
    let digits = word(0) ^ VPCLineCursor.zeros
    guard digits & VPCLineCursor.upperHalves == 0, VPCLineCursor.areDigits(digits) else {
      return false
    }
    memo.digits = word(0)
    memo.seconds = VPCLineCursor.number(digits) &* 100
    return true
  }

  /// What may be a time like `2026-01-31T23:59:59.000Z`, its seconds being digits.
  struct LeadingTime {
    /// Its bytes, with the blank behind it.
    static let count = 25

    var start: Int
    /// The first 16 bytes: up to the minute.
    var minute: SIMD2<UInt64>
  }

  /// The time before a record.
  @inline(__always)
  mutating func leadingTime() -> LeadingTime? {
    // `:00.000Z`: what is left are the digits' values.
    let digits = word(16) ^ 0x5a30_3030_2e30_303a
    guard digits & 0xff00_0000_ff00_00ff == 0,
      ((digits &+ 0x7676_7676_7676_7676) | digits) & VPCLineCursor.topBits == 0,
      digits &>> 8 & 0xff <= 5
    else { return nil }
    let time = LeadingTime(start: position, minute: SIMD2(word(0), word(8)))
    return pass(LeadingTime.count &- 1, 0x20) ? time : nil
  }
}

// MARK: - Words

extension VPCLineCursor {
  /// The bytes of an action, with its separator.
  static let actionCount = 7
  /// The most bytes of a status or type, with its separator.
  static let mostWord = 5
  /// The most bytes of the type of an interface, with its separator.
  static let mostInterfaceType = 10

  /// Passes a column that is a word of up to seven bytes, the first one lowest.
  @inline(__always)
  mutating func holds(_ expected: UInt64, count: Int, _ separator: UInt8) -> Bool {
    let above = UInt64(truncatingIfNeeded: 64 &- 8 &* count)
    return word(0) &<< above == expected &<< above && pass(count, separator)
  }

  /// Passes a column that is `-` or `interface`.
  @inline(never)
  mutating func isOwnInterface(_ separator: UInt8) -> Bool {
    if byte(0) == UInt8(ascii: "-") { return pass(1, separator) }
    return word(0) == 0x6361_6672_6574_6e69 && byte(8) == UInt8(ascii: "e")
      && pass(9, separator)
  }

  /// Whether a column is ACCEPT, not REJECT.
  @inline(__always)
  mutating func isAccepted(_ separator: UInt8) -> Bool? {
    let word = word(0) &<< 16
    guard pass(VPCLineCursor.actionCount &- 1, separator) else { return nil }
    if word == 0x5450_4543_4341_0000 { return true }
    return word == 0x5443_454a_4552_0000 ? false : nil
  }

  /// The hashes of interfaces by their bytes: a log has those of a few dozen interfaces in turns.
  struct InterfaceMemo: Sendable {
    fileprivate struct Entry: Sendable {
      /// The first bytes up to the eighth, from there to the sixteenth, and the last eight.
      var words = (UInt64(0), UInt64(0), UInt64(0))
      /// Its bytes, 16 to 24; 0 for none.
      var count: UInt32 = 0
      var hash: UInt32 = 0
    }

    /// Each at its place or nowhere.
    fileprivate var entries = [Entry](repeating: Entry(), count: 256)
    /// The bytes of the last one: most have as many.
    fileprivate var count = 21

    /// The place of an interface with these last eight bytes.
    @inline(__always)
    fileprivate static func place(_ last: UInt64) -> Int {
      Int(truncatingIfNeeded: (last &* 0x9E37_79B9_7F4A_7C15) &>> 56)
    }
  }

  /// The hash of an interface.
  ///
  /// - Parameter limit: The last position from which its bytes are read.
  @inline(__always)
  mutating func interface(
    _ memo: inout InterfaceMemo,
    _ separator: UInt8,
    upTo limit: Int
  ) -> UInt32? {
    let count = memo.count
    guard position &+ count < limit &+ 8 else {
      return otherInterface(&memo, separator, upTo: limit)
    }
    let last = word(count &- 8)
    let entry = memo.entries[InterfaceMemo.place(last)]
    guard entry.words.0 == word(0), entry.words.1 == word(8), entry.words.2 == last,
      Int(entry.count) == count, byte(count) == separator
    else { return otherInterface(&memo, separator, upTo: limit) }
    position &+= count &+ 1
    return entry.hash
  }

  @inline(never)
  private mutating func otherInterface(
    _ memo: inout InterfaceMemo,
    _ separator: UInt8,
    upTo limit: Int
  ) -> UInt32? {
    var start = self
    guard word(0) &<< 32 == 0x2d69_6e65_0000_0000, skip(separator, upTo: limit) else { return nil }
    let count = position &- start.position &- 1
    var hash = NameHash()
    for _ in 0..<count / 8 {
      hash.add(start.word(0))
      start.position &+= 8
    }
    let rest = UInt64(truncatingIfNeeded: count) & 7
    if rest > 0 { hash.add(start.word(0) & ((1 &<< (8 &* rest)) &- 1)) }
    if count >= 16, count <= 24 {
      start.position = position &- count &- 1
      let last = start.word(count &- 8)
      memo.count = count
      memo.entries[InterfaceMemo.place(last)] = InterfaceMemo.Entry(
        words: (start.word(0), start.word(8), last),
        count: UInt32(count),
        hash: hash.value
      )
    }
    return hash.value
  }
}

// MARK: - Addresses

extension VPCLineCursor {
  /// The most bytes of an address, with its separator.
  static let mostQuad = 16

  /// A column of 7 to 15 bytes.
  @inline(__always)
  mutating func quad(_ separator: UInt8) -> DottedQuad? {
    let (first, second) = (word(0), word(8))
    if first &>> 56 <= 0x20 {
      return pass(7, separator) ? DottedQuad(first: first, second: 0, mask: 0, count: 7) : nil
    }
    let blanks = VPCLineCursor.blanks(second)
    guard blanks != 0 else { return nil }
    let mask = ((blanks & (0 &- blanks)) &>> 7) &- 1
    let count = 8 &+ blanks.trailingZeroBitCount &>> 3
    guard pass(count, separator) else { return nil }
    return DottedQuad(first: first, second: second, mask: mask, count: count)
  }

  /// Passes a column that is this quad.
  @inline(__always)
  mutating func repeats(_ quad: DottedQuad, _ separator: UInt8) -> Bool {
    guard word(0) == quad.low, (word(8) ^ quad.high) & quad.mask == 0,
      byte(quad.count) == separator
    else { return false }
    position &+= quad.count &+ 1
    return true
  }
}
