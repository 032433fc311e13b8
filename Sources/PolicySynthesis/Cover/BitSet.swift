/// A set of small integers below a fixed capacity, 64 to the machine word.
///
/// Two sets are only ever combined when they were made with the same capacity.
struct BitSet: Hashable, Sendable {
  private(set) var words: [UInt64]

  /// Makes an empty set for members below `capacity`.
  init(capacity: Int) {
    words = Array(repeating: 0, count: (capacity + 63) >> 6)
  }

  /// Makes the set of all members below `capacity`.
  init(full capacity: Int) {
    words = Array(repeating: ~0, count: (capacity + 63) >> 6)
    if capacity & 63 != 0 { words[words.count - 1] = (1 << UInt64(capacity & 63)) - 1 }
  }

  /// Makes a set of some members below `capacity`.
  init(capacity: Int, members: some Sequence<Int>) {
    self.init(capacity: capacity)
    for member in members { insert(member) }
  }

  /// Number of machine words; what an operation on the whole set costs.
  var wordCount: Int { words.count }

  /// Whether there is no member.
  var isEmpty: Bool {
    for word in words where word != 0 { return false }
    return true
  }

  /// Number of members.
  var count: Int {
    var total = 0
    for word in words { total &+= word.nonzeroBitCount }
    return total
  }

  /// The smallest member, nil when empty.
  var first: Int? {
    for index in words.indices where words[index] != 0 {
      return index << 6 + words[index].trailingZeroBitCount
    }
    return nil
  }

  /// The members, ascending.
  var members: [Int] {
    var result: [Int] = []
    result.reserveCapacity(count)
    forEach { result.append($0) }
    return result
  }

  /// Whether `member` is in the set.
  func contains(_ member: Int) -> Bool {
    words[member >> 6] & (1 << UInt64(member & 63)) != 0
  }

  /// Adds a member.
  mutating func insert(_ member: Int) {
    words[member >> 6] |= 1 << UInt64(member & 63)
  }

  /// Takes a member out.
  mutating func remove(_ member: Int) {
    words[member >> 6] &= ~(1 << UInt64(member & 63))
  }

  /// Calls `body` with each member, ascending.
  func forEach(_ body: (Int) -> Void) {
    for index in words.indices {
      var word = words[index]
      while word != 0 {
        body(index << 6 + word.trailingZeroBitCount)
        word &= word &- 1
      }
    }
  }

  /// Calls `body` with each member that `other` lacks, ascending.
  func forEach(notIn other: BitSet, _ body: (Int) -> Void) {
    for index in words.indices {
      var word = words[index] & ~other.words[index]
      while word != 0 {
        body(index << 6 + word.trailingZeroBitCount)
        word &= word &- 1
      }
    }
  }

  /// Calls `body` with each member that `other` has too, ascending.
  func forEach(in other: BitSet, _ body: (Int) -> Void) {
    for index in words.indices {
      var word = words[index] & other.words[index]
      while word != 0 {
        body(index << 6 + word.trailingZeroBitCount)
        word &= word &- 1
      }
    }
  }
}

// MARK: - Algebra

extension BitSet {
  /// Keeps the members that `other` has too.
  mutating func formIntersection(_ other: BitSet) {
    for index in words.indices { words[index] &= other.words[index] }
  }

  /// Adds the members of `other`.
  mutating func formUnion(_ other: BitSet) {
    for index in words.indices { words[index] |= other.words[index] }
  }

  /// Adds the members of `other` that `limit` has too.
  mutating func formUnion(_ other: BitSet, in limit: BitSet) {
    for index in words.indices { words[index] |= other.words[index] & limit.words[index] }
  }

  /// Takes out the members of `other`.
  mutating func subtract(_ other: BitSet) {
    for index in words.indices { words[index] &= ~other.words[index] }
  }

  /// The members in either.
  func union(_ other: BitSet) -> BitSet {
    var result = self
    result.formUnion(other)
    return result
  }

  /// The members in both.
  func intersection(_ other: BitSet) -> BitSet {
    var result = self
    result.formIntersection(other)
    return result
  }

  /// The members that `other` lacks.
  func subtracting(_ other: BitSet) -> BitSet {
    var result = self
    result.subtract(other)
    return result
  }

  /// Whether `other` has every member.
  func isSubset(of other: BitSet) -> Bool {
    for index in words.indices where words[index] & ~other.words[index] != 0 { return false }
    return true
  }

  /// Whether the two have a member in common.
  func intersects(_ other: BitSet) -> Bool {
    for index in words.indices where words[index] & other.words[index] != 0 { return true }
    return false
  }

  /// Number of members in both.
  func intersectionCount(_ other: BitSet) -> Int {
    var total = 0
    for index in words.indices {
      total &+= (words[index] & other.words[index]).nonzeroBitCount
    }
    return total
  }

  /// Whether both have the same members below `limit`.
  func agrees(with other: BitSet, below limit: Int) -> Bool {
    let whole = limit >> 6
    for index in 0..<whole where words[index] != other.words[index] { return false }
    guard limit & 63 != 0 else { return true }
    let mask: UInt64 = (1 << UInt64(limit & 63)) - 1
    return (words[whole] ^ other.words[whole]) & mask == 0
  }
}
