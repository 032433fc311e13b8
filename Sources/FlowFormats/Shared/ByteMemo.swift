import FlowModel

/// Remembers a number for each of many byte strings, in a bounded amount of memory.
///
/// When the memory is used up everything is forgotten, so that an endless stream of new strings costs time
/// but never more memory.
struct ByteMemo: Sendable {
  /// Bytes of an entry before its string: hash, value, group and count.
  private static let headCount = 24
  private static let fewestSlots = 64

  private let limit: Int
  /// The entries one after the other, each filled up to a multiple of eight bytes: what a lookup reads
  /// lies together.
  private var arena: [UInt8] = []
  private var entryCount = 0
  /// Offsets of entries in units of eight bytes, + 1.
  private var slots = [UInt32](repeating: 0, count: ByteMemo.fewestSlots)

  /// Whether nothing is remembered.
  var isEmpty: Bool { entryCount == 0 }

  /// Makes an empty memo that keeps at most `limit` bytes.
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
    // The span of the arena lives for this lookup only.
    let known = unsafe arena.span.bytes
    while slots[slot] != 0 {
      let offset = (Int(slots[slot]) &- 1) &* 8
      if known.word(at: offset) == hash,
        known.word(at: offset &+ 16) == ByteMemo.identity(group, count),
        bytes.equals(start, known, offset &+ ByteMemo.headCount, count: count)
      {
        return known.word(at: offset &+ 8)
      }
      slot = (slot &+ 1) & mask
    }
    return nil
  }

  @inline(__always)
  private static func identity(_ group: UInt32, _ count: Int) -> UInt64 {
    UInt64(group) | UInt64(truncatingIfNeeded: count) &<< 32
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
    let size = (ByteMemo.headCount + count + 7) & ~7
    guard size <= limit else { return }
    if arena.count + size > limit { removeAll() }
    let offset = arena.count
    arena.append(word: hash)
    arena.append(word: value)
    arena.append(word: ByteMemo.identity(group, count))
    arena.append(bytes, start, count: count)
    arena.append(contentsOf: repeatElement(0, count: offset + size - arena.count))
    entryCount += 1
    if entryCount * 2 > slots.count { grow() } else { place(hash, offset) }
  }

  private mutating func place(_ hash: UInt64, _ offset: Int) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = UInt32(offset / 8 + 1)
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    var offset = 0
    while offset < arena.count {
      // The spans of the arena live for one load each.
      let hash = unsafe arena.span.bytes.word(at: offset)
      let count = Int(unsafe arena.span.bytes.word(at: offset + 16) >> 32)
      place(hash, offset)
      offset += (ByteMemo.headCount + count + 7) & ~7
    }
  }

  /// Forgets everything.
  mutating func removeAll() {
    arena.removeAll(keepingCapacity: true)
    entryCount = 0
    slots = Array(repeating: 0, count: ByteMemo.fewestSlots)
  }
}

extension Array where Element == UInt8 {
  /// Appends a number, the lowest byte first.
  mutating func append(word: UInt64) {
    // The pointer is used inside the closure only.
    unsafe Swift.withUnsafeBytes(of: word.littleEndian) { unsafe append(contentsOf: $0) }
  }

  /// Appends a stretch of a span.
  mutating func append(_ bytes: RawSpan, _ start: Int, count: Int) {
    let part = bytes.extracting(start..<start + count)
    // The pointer is used inside the closure only.
    unsafe part.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }
}
