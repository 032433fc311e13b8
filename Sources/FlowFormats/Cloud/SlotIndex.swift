/// Open addressing over 32-bit positions of an array that the owner keeps.
struct SlotIndex: Sendable {
  private var slots: [UInt32]

  /// Makes an index with room for a few hundred positions.
  init() { slots = Array(repeating: 0, count: 512) }

  /// The position whose element matches, nil when there is none.
  @inline(__always)
  func find(_ hash: UInt64, where matches: (Int) -> Bool) -> Int? {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while true {
      let stored = slots[slot]
      if stored == 0 { return nil }
      if matches(Int(stored) - 1) { return Int(stored) - 1 }
      slot = (slot + 1) & mask
    }
  }

  /// Adds a position that is not in the index; `hash` gives the hash of every position up to it.
  @inline(__always)
  mutating func insert(_ position: Int, hash: (Int) -> UInt64) {
    if (position + 1) * 2 > slots.count {
      rebuild(count: position + 1, hash: hash)
    } else {
      place(position, hash: hash(position))
    }
  }

  /// Starts anew with the positions 0..<count.
  mutating func rebuild(count: Int, hash: (Int) -> UInt64) {
    var size = 512
    while size < count * 4 { size *= 2 }
    slots = Array(repeating: 0, count: size)
    for position in 0..<count { place(position, hash: hash(position)) }
  }

  @inline(__always)
  private mutating func place(_ position: Int, hash: UInt64) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = UInt32(truncatingIfNeeded: position + 1)
  }

  /// Mixes two words into a hash that is the same on every machine.
  @inline(__always)
  static func mix(_ one: UInt64, _ two: UInt64) -> UInt64 {
    var hash = one &* 0x9E37_79B9_7F4A_7C15
    hash = (hash ^ (hash >> 32) ^ two) &* 0xD6E8_FEB8_6659_FD93
    return hash ^ (hash >> 29)
  }
}
