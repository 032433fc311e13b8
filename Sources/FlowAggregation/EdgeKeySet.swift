/// A set of edge keys: open addressing over a flat array, a third of the memory of counted edges.
struct EdgeKeySet: Sendable {
  /// The keys in the order first seen.
  private(set) var keys: [EdgeKey] = []
  private var slots: [UInt32] = Array(repeating: 0, count: 64)

  /// Adds a key unless it is there.
  mutating func insert(_ key: EdgeKey) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: key.mixed) & mask
    while true {
      let index = slots[slot]
      if index == 0 { break }
      if keys[Int(index) - 1] == key { return }
      slot = (slot + 1) & mask
    }
    keys.append(key)
    slots[slot] = UInt32(keys.count)
    if keys.count * 2 > slots.count { grow() }
  }

  private mutating func grow() {
    let mask = slots.count * 2 - 1
    slots = Array(repeating: 0, count: slots.count * 2)
    for (index, key) in keys.enumerated() {
      var slot = Int(truncatingIfNeeded: key.mixed) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = UInt32(index + 1)
    }
  }
}
