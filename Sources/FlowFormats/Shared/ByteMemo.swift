import FlowModel

/// Remembers a number for each of many byte strings, in a bounded amount of memory.
///
/// When the memory is used up everything is forgotten, so that an endless stream of new strings costs time
/// but never more memory.
struct ByteMemo: Sendable {
  private struct Entry {
    var hash: UInt64
    var value: UInt64
    var group: UInt32
    var offset: UInt32
    var count: UInt32
  }

  private static let fewestSlots = 64

  private let limit: Int
  private var arena: [UInt8] = []
  private var entries: [Entry] = []
  private var slots = [UInt32](repeating: 0, count: ByteMemo.fewestSlots)

  /// Makes an empty memo that keeps at most `limit` bytes and entries in proportion to them.
  init(limit: Int) { self.limit = min(limit, Int(UInt32.max)) }

  /// The hash of a stretch of bytes in a group.
  @inline(__always)
  static func hash(_ bytes: RawSpan, _ start: Int, count: Int, group: UInt32) -> UInt64 {
    bytes.mixed(start, count: count, seed: UInt64(group))
  }

  /// The number remembered for bytes of a span in a group; nil when they are not known.
  @inline(__always)
  func value(_ bytes: RawSpan, _ start: Int, count: Int, group: UInt32, hash: UInt64) -> UInt64? {
    let mask = slots.count &- 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      let index = Int(slots[slot]) &- 1
      if entries[index].hash == hash, entries[index].group == group,
        Int(entries[index].count) == count,
        // The span of the arena lives for this comparison only.
        unsafe bytes.equals(start, arena.span.bytes, Int(entries[index].offset), count: count)
      {
        return entries[index].value
      }
      slot = (slot &+ 1) & mask
    }
    return nil
  }

  /// Remembers a number for bytes that are not known yet.
  @inline(never)
  mutating func insert(
    _ value: UInt64,
    _ bytes: RawSpan,
    _ start: Int,
    count: Int,
    group: UInt32,
    hash: UInt64
  ) {
    // An entry costs about as much as 48 bytes.
    guard count + 48 <= limit else { return }
    if arena.count + entries.count * 48 + count + 48 > limit { removeAll() }
    entries.append(
      Entry(
        hash: hash,
        value: value,
        group: group,
        offset: UInt32(arena.count),
        count: UInt32(count)
      )
    )
    arena.append(bytes, start, count: count)
    if entries.count * 2 > slots.count {
      slots = Array(repeating: 0, count: slots.count * 2)
      for index in entries.indices { place(index) }
    } else {
      place(entries.count - 1)
    }
  }

  private mutating func place(_ index: Int) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: entries[index].hash) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = UInt32(index + 1)
  }

  /// Forgets everything.
  mutating func removeAll() {
    arena.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    slots = Array(repeating: 0, count: ByteMemo.fewestSlots)
  }
}

extension Array where Element == UInt8 {
  /// Appends a stretch of a span.
  mutating func append(_ bytes: RawSpan, _ start: Int, count: Int) {
    let part = bytes.extracting(start..<start + count)
    // The pointer is used inside the closure only.
    unsafe part.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }
}
