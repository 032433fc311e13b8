import FlowModel

/// Reads the values of the columns of one line in place; nil for what is not as expected.
///
/// Nothing checks that columns lie in the block: they must be those that ``ColumnStarts`` gives, which have
/// at least one byte and leave room behind them. Column -1 is there when the line has one more in front.
@safe
struct VPCFieldReader {
  private let bytes: UnsafeRawPointer
  private let starts: UnsafePointer<UInt32>

  private static let topBits: UInt64 = 0x8080_8080_8080_8080
  private static let zeros: UInt64 = 0x3030_3030_3030_3030

  /// Reads the line whose columns begin at `starts` in a block.
  @inline(__always)
  init(bytes: UnsafeRawPointer, starts: UnsafePointer<UInt32>) {
    unsafe self.bytes = unsafe bytes
    unsafe self.starts = unsafe starts
  }

  @inline(__always)
  private func start(_ column: Int) -> Int { Int(unsafe starts[column]) }

  @inline(__always)
  private func count(_ column: Int) -> Int {
    Int(unsafe starts[column &+ 1]) &- Int(unsafe starts[column]) &- 1
  }

  /// Eight bytes, the first one lowest.
  @inline(__always)
  private func word(at offset: Int) -> UInt64 {
    // Callers stay within the reach behind the start of a column; any eight bytes are a number.
    UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  private func byte(at offset: Int) -> UInt8 {
    unsafe bytes.load(fromByteOffset: offset, as: UInt8.self)
  }

  /// The lowest `count` bytes of a word, 1 to 8 of them.
  @inline(__always)
  private static func lowest(_ count: Int, of word: UInt64) -> UInt64 {
    word & (~0 &>> UInt64(truncatingIfNeeded: 64 &- 8 &* count))
  }

  /// Whether single blanks stand between the columns and a line feed behind the last one.
  @inline(__always)
  func isLine(of columns: Int) -> Bool {
    // No separator is above 0x20, so all are blanks when their sum is as large as it can be.
    var sum = 0
    for column in 1..<columns { sum &+= Int(byte(at: start(column) &- 1)) }
    return sum == (columns &- 1) &* 0x20 && byte(at: start(columns) &- 1) == 0x0a
  }
}

// MARK: - Numbers and words

extension VPCFieldReader {
  /// A number of up to eight digits.
  @inline(__always)
  func number(_ column: Int, upTo most: UInt64) -> UInt64? {
    let count = count(column)
    guard count <= 8, let value = digits(word(at: start(column)), count), value <= most else {
      return nil
    }
    return value
  }

  /// A number up to 255, most often of one digit.
  @inline(__always)
  func smallNumber(_ column: Int) -> UInt64? {
    guard count(column) == 1 else { return number(column, upTo: 255) }
    let digit = byte(at: start(column)) &- 0x30
    return digit <= 9 ? UInt64(digit) : nil
  }

  /// A number of up to 16 digits.
  @inline(__always)
  func longNumber(_ column: Int) -> UInt64? {
    let count = count(column)
    return count <= 8 ? digits(word(at: start(column)), count) : veryLongNumber(column)
  }

  @inline(never)
  private func veryLongNumber(_ column: Int) -> UInt64? {
    let (start, count) = (start(column), count(column))
    guard count <= 16, let high = digits(word(at: start), 8),
      let low = digits(word(at: start &+ 8), count &- 8)
    else { return nil }
    var scale: UInt64 = 1
    for _ in 8..<count { scale &*= 10 }
    return high &* scale &+ low
  }

  /// The number in the first 1 to 8 bytes of a word.
  @inline(__always)
  private func digits(_ word: UInt64, _ count: Int) -> UInt64? {
    // Leading bytes of 0 are leading zeros.
    let value = (word ^ VPCFieldReader.zeros) &<< UInt64(truncatingIfNeeded: 64 &- 8 &* count)
    guard ((value &+ 0x7676_7676_7676_7676) | value) & VPCFieldReader.topBits == 0 else {
      return nil
    }
    let pairs = (value &* 2561) &>> 8 & 0x00ff_00ff_00ff_00ff
    let fours = (pairs &* 6_553_601) &>> 16 & 0x0000_ffff_0000_ffff
    return (fours &* 42_949_672_960_001) &>> 32
  }

  /// The first eight digits of a time.
  struct TimeStart {
    var word: UInt64 = 0
    var seconds: UInt64 = 0
  }

  /// A time in seconds of ten digits, most often within a minute or two of the last one.
  @inline(__always)
  func time(_ column: Int, after last: inout TimeStart) -> UInt64? {
    let start = start(column)
    guard count(column) == 10 else { return nil }
    let word = word(at: start)
    if word != last.word {
      guard let high = digits(word, 8) else { return nil }
      last = TimeStart(word: word, seconds: high &* 100)
    }
    let tens = byte(at: start &+ 8) &- 0x30
    let ones = byte(at: start &+ 9) &- 0x30
    guard tens <= 9, ones <= 9 else { return nil }
    return last.seconds &+ UInt64(tens) &* 10 &+ UInt64(ones)
  }

  /// Whether two columns hold the same of at least seven bytes; no means perhaps.
  @inline(__always)
  func isSame(_ one: Int, as other: Int) -> Bool {
    let (count, start, otherStart) = (count(one), start(one), start(other))
    guard count == self.count(other), count >= 7, count <= 16 else { return false }
    guard count >= 8 else {
      return VPCFieldReader.lowest(7, of: word(at: start) ^ word(at: otherStart)) == 0
    }
    // Both words together cover all bytes.
    let end = count &- 8
    return word(at: start) ^ word(at: otherStart)
      | word(at: start &+ end) ^ word(at: otherStart &+ end) == 0
  }

  /// Whether a column is a word of up to eight bytes, the first one lowest.
  @inline(__always)
  func holds(_ expected: UInt64, count: Int, in column: Int) -> Bool {
    self.count(column) == count
      && VPCFieldReader.lowest(count, of: word(at: start(column))) == expected
  }

  /// Whether a column is `-` or `interface`.
  @inline(never)
  func isOwnInterface(_ column: Int) -> Bool {
    holds(UInt64(UInt8(ascii: "-")), count: 1, in: column)
      || count(column) == 9 && word(at: start(column)) == 0x6361_6672_6574_6e69
        && byte(at: start(column) &+ 8) == UInt8(ascii: "e")
  }

  /// Whether a column is ACCEPT, not REJECT.
  @inline(__always)
  func isAccepted(_ column: Int) -> Bool? {
    guard count(column) == 6 else { return nil }
    let word = VPCFieldReader.lowest(6, of: word(at: start(column)))
    if word == 0x5450_4543_4341 { return true }
    return word == 0x5443_454a_4552 ? false : nil
  }

  /// An interface that was read: words that cover it, its length and its hash.
  struct Interface {
    var count = 0
    var words = (UInt64(0), UInt64(0), UInt64(0))
    var hash: UInt32 = 0
  }

  /// The hash of an interface, most often that of the last line.
  @inline(__always)
  func interface(_ column: Int, after last: inout Interface) -> UInt32? {
    let (start, count) = (start(column), count(column))
    guard count >= 16, count <= 24 else { return newInterface(column) }
    let words = (word(at: start), word(at: start &+ 8), word(at: start &+ count &- 8))
    if count != last.count || words != last.words {
      guard let hash = newInterface(column) else { return nil }
      last = Interface(count: count, words: words, hash: hash)
    }
    return last.hash
  }

  @inline(never)
  private func newInterface(_ column: Int) -> UInt32? {
    let (start, count) = (start(column), count(column))
    guard count > 4, VPCFieldReader.lowest(4, of: word(at: start)) == 0x2d69_6e65 else {
      return nil
    }
    var hash = NameHash()
    var position = start
    let end = start &+ count
    while position &+ 8 <= end {
      hash.add(word(at: position))
      position &+= 8
    }
    if position < end {
      hash.add(VPCFieldReader.lowest(end &- position, of: word(at: position)))
    }
    return hash.value
  }
}

// MARK: - Leading times

extension VPCFieldReader {
  /// What may be a time like `2026-01-31T23:59:59.000Z`, its seconds being digits.
  struct LeadingTime {
    static let count = 24

    var start: Int
    /// The first 16 bytes: up to the minute.
    var minute: SIMD2<UInt64>
  }

  /// The time in the column before the first one of the record.
  @inline(__always)
  func leadingTime() -> LeadingTime? {
    let start = start(-1)
    guard count(-1) == LeadingTime.count, byte(at: start &+ LeadingTime.count) == 0x20 else {
      return nil
    }
    // `:00.000Z`: what is left are the digits' values.
    let digits = word(at: start &+ 16) ^ 0x5a30_3030_2e30_303a
    guard digits & 0xff00_0000_ff00_00ff == 0,
      ((digits &+ 0x7676_7676_7676_7676) | digits) & VPCFieldReader.topBits == 0,
      digits &>> 8 & 0xff <= 5
    else { return nil }
    return LeadingTime(start: start, minute: SIMD2(word(at: start), word(at: start &+ 8)))
  }
}

// MARK: - Addresses

extension VPCFieldReader {
  /// A column of the length of a dotted quad.
  @inline(__always)
  func quad(_ column: Int) -> DottedQuad? {
    let (start, count) = (start(column), count(column))
    guard count >= 7, count <= 15 else { return nil }
    return DottedQuad(first: word(at: start), second: word(at: start &+ 8), count: count)
  }
}
