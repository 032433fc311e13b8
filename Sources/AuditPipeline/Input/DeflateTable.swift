/// A Huffman code of DEFLATE as tables: one look-up for short codewords, two for long ones.
///
/// Source: RFC 1951, section 3.2.
struct DeflateTable: ~Copyable {
  /// What an entry's symbols mean.
  enum Kind {
    /// Lengths of other codes' codewords: the symbol itself.
    case codeLengths
    /// Literals, the end of a block and match lengths.
    case literals
    /// Match distances.
    case distances
  }

  /// One entry: bits of the codeword, extra bits behind it, a value, and what it is.
  ///
  /// Bits 0 to 3 count the codeword's bits, 4 to 7 the extra ones (or those that index a subtable), 8 to 23
  /// hold the value (or where the subtable begins).
  typealias Entry = UInt32

  /// The value is a literal byte.
  static let literal: Entry = 1 << 31
  /// Neither a literal nor a match: a subtable, the end of a block, or no codeword at all.
  static let exceptional: Entry = 1 << 30
  /// The codeword is longer: look in the subtable.
  static let subtable: Entry = 1 << 29

  private static let longestCodeword = 15

  /// Bits that index the first table.
  let primaryBits: Int
  /// The first table and its subtables.
  let entries: UnsafeMutablePointer<Entry>
  private let kind: Kind
  private let capacity: Int

  /// Makes an empty table for codes of at most so many symbols.
  init(_ kind: Kind, primaryBits: Int, symbols: Int) {
    self.kind = kind
    self.primaryBits = primaryBits
    // Every long codeword may need a subtable of its own.
    capacity = 1 << primaryBits + symbols << max(0, DeflateTable.longestCodeword - primaryBits)
    entries = .allocate(capacity: capacity)
    unsafe entries.initialize(repeating: DeflateTable.exceptional, count: capacity)
  }

  deinit { unsafe entries.deallocate() }

  /// Builds the canonical code of codeword lengths.
  ///
  /// - Returns: Whether the lengths make a code: not more codewords than fit, and not fewer but for
  ///   a single one of one bit, or none.
  func build(_ lengths: ArraySlice<UInt8>) -> Bool {
    var counts = [Int](repeating: 0, count: DeflateTable.longestCodeword + 1)
    for length in lengths { counts[Int(length)] += 1 }
    counts[0] = 0
    let longest = counts.lastIndex { $0 > 0 } ?? 0
    var left = 1
    for length in 1...DeflateTable.longestCodeword {
      left = left << 1 - counts[length]
      if left < 0 { return false }
    }
    if longest > 0, left > 0, kind == .codeLengths || longest > 1 { return false }
    unsafe entries.update(repeating: DeflateTable.exceptional, count: 1 << primaryBits)
    var next = [Int](repeating: 0, count: DeflateTable.longestCodeword + 2)
    for length in 1...DeflateTable.longestCodeword {
      next[length + 1] = (next[length] + counts[length]) << 1
    }
    var end = 1 << primaryBits
    for (symbol, length) in lengths.enumerated() where length > 0 {
      let length = Int(length)
      let codeword = DeflateTable.reversed(next[length], length)
      next[length] += 1
      place(entry(symbol), codeword, length, longest, &end)
    }
    return true
  }

  /// Writes an entry wherever its codeword is looked up.
  private func place(
    _ entry: Entry,
    _ codeword: Int,
    _ length: Int,
    _ longest: Int,
    _ end: inout Int
  ) {
    // All indices are below the capacity: a subtable begins before it for each of the symbols at most.
    guard length > primaryBits else {
      for index in stride(from: codeword, to: 1 << primaryBits, by: 1 << length) {
        unsafe entries[index] = entry | Entry(length)
      }
      return
    }
    let subtableBits = longest - primaryBits
    let prefix = codeword & (1 << primaryBits - 1)
    if unsafe entries[prefix] & DeflateTable.subtable == 0 {
      unsafe entries[prefix] =
        DeflateTable.exceptional | DeflateTable.subtable | Entry(end) << 8
        | Entry(subtableBits) << 4 | Entry(primaryBits)
      unsafe (entries + end).update(repeating: DeflateTable.exceptional, count: 1 << subtableBits)
      end += 1 << subtableBits
    }
    let start = unsafe Int(entries[prefix] >> 8 & 0xffff)
    let rest = codeword >> primaryBits
    for index in stride(from: rest, to: 1 << subtableBits, by: 1 << (length - primaryBits)) {
      unsafe entries[start + index] = entry | Entry(length - primaryBits)
    }
  }

  private static func reversed(_ codeword: Int, _ length: Int) -> Int {
    var result = 0
    for bit in 0..<length { result |= (codeword >> bit & 1) << (length - 1 - bit) }
    return result
  }

  /// The entry of a symbol but for the bits of its codeword.
  private func entry(_ symbol: Int) -> Entry {
    switch kind {
    case .codeLengths: return Entry(symbol) << 8
    case .literals:
      if symbol < 256 { return DeflateTable.literal | Entry(symbol) << 8 }
      // The end of a block; two symbols of the fixed code stand for nothing, and look like no codeword.
      if symbol == 256 { return DeflateTable.exceptional | 1 << 8 }
      guard symbol < 286 else { return DeflateTable.exceptional }
      return DeflateTable.lengths[symbol - 257]
    case .distances:
      guard symbol < 30 else { return DeflateTable.exceptional }
      return DeflateTable.distances[symbol]
    }
  }

  /// Base and extra bits of the symbols from 257 on.
  private static let lengths: [Entry] = {
    var entries: [Entry] = []
    var base = 3
    for symbol in 0..<28 {
      let extra = symbol < 8 ? 0 : symbol / 4 - 1
      entries.append(Entry(base) << 8 | Entry(extra) << 4)
      base += 1 << extra
    }
    return entries + [258 << 8]
  }()

  /// Base and extra bits of distance symbols.
  private static let distances: [Entry] = {
    var entries: [Entry] = []
    var base = 1
    for symbol in 0..<30 {
      let extra = symbol < 4 ? 0 : symbol / 2 - 1
      entries.append(Entry(base) << 8 | Entry(extra) << 4)
      base += 1 << extra
    }
    return entries
  }()
}
