/// A set of edge keys: open addressing over a flat array, a third of the memory of counted edges.
struct EdgeKeySet: Sendable {
  /// The keys that may wait.
  private static let mostWaiting = 32

  private var known: [EdgeKey] = []
  private var slots: [UInt32] = Array(repeating: 0, count: 64)
  /// Keys that are not in the set yet: to find one waits for memory, and many such waits pass at once.
  private var waiting: [EdgeKey] = []
  /// What was found where they will be looked for; only to have looked.
  private var touched: UInt32 = 0

  /// The keys in the order first seen; quickest after ``insertWaiting()``.
  var keys: [EdgeKey] {
    guard !waiting.isEmpty else { return known }
    var copy = self
    copy.insertWaiting()
    return copy.known
  }

  /// Adds a key unless it is there.
  mutating func insert(_ key: EdgeKey) {
    waiting.append(key)
    if waiting.count >= EdgeKeySet.mostWaiting { insertWaiting() }
  }

  /// Adds the keys that wait for others.
  mutating func insertWaiting() {
    let mask = slots.count &- 1
    for key in waiting {
      let position = Int(slots[Int(truncatingIfNeeded: key.mixed) & mask]) &- 1
      if position >= 0 { touched ^= known[position].source }
    }
    for key in waiting { insertNow(key) }
    waiting.removeAll(keepingCapacity: true)
  }

  private mutating func insertNow(_ key: EdgeKey) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: key.mixed) & mask
    while true {
      let index = slots[slot]
      if index == 0 { break }
      if known[Int(index) - 1] == key { return }
      slot = (slot + 1) & mask
    }
    known.append(key)
    slots[slot] = UInt32(known.count)
    if known.count * 2 > slots.count { grow() }
  }

  private mutating func grow() {
    let mask = slots.count * 2 - 1
    slots = Array(repeating: 0, count: slots.count * 2)
    for (index, key) in known.enumerated() {
      var slot = Int(truncatingIfNeeded: key.mixed) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = UInt32(index + 1)
    }
  }
}
