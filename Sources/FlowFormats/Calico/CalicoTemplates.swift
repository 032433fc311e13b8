/// Remembers stretches of records that repeat, each with one number inside that may differ, and what
/// they come to.
///
/// A stretch is found by a hash of the part of it that tells most; then every byte of it is compared, or
/// scanned where the number stands, so its length is known without looking for its end.
struct CalicoTemplates: Sendable {
  /// A stretch that was found.
  struct Match {
    /// What it comes to.
    var value: UInt32 = 0
    /// The offset behind it.
    var end = 0
    /// The number inside, -1 when there is none.
    var number = -1
  }

  private struct Template {
    var hash: UInt64
    var offset: UInt32
    /// Bytes before the number; all bytes where there is none.
    var headCount: UInt32
    /// Bytes behind the number.
    var tailCount: UInt32
    var value: UInt32
    var hasNumber: Bool
  }

  /// The most templates of one hash that are compared.
  private static let mostCandidates = 8
  private static let fewestSlots = 256

  private let limit: Int
  private var arena: [UInt8] = []
  private var templates: [Template] = []
  private var slots = [UInt32](repeating: 0, count: CalicoTemplates.fewestSlots)

  /// Makes a memo that takes at most about `limit` bytes.
  init(limit: Int) { self.limit = min(limit, Int(UInt32.max)) }

  /// Forgets everything.
  mutating func removeAll() {
    arena.removeAll(keepingCapacity: true)
    templates.removeAll(keepingCapacity: true)
    slots = Array(repeating: 0, count: CalicoTemplates.fewestSlots)
  }

  /// Finds the template that fits the bytes from an offset on.
  @inline(__always)
  func find(_ bytes: RawSpan, _ start: Int, hash: UInt64, _ match: inout Match) -> Bool {
    let mask = slots.count &- 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      let index = Int(slots[slot]) &- 1
      if templates[index].hash == hash, fits(index, bytes, start, &match) { return true }
      slot = (slot &+ 1) & mask
    }
    return false
  }

  @inline(__always)
  private func fits(_ index: Int, _ bytes: RawSpan, _ start: Int, _ match: inout Match) -> Bool {
    let offset = Int(templates[index].offset)
    let headCount = Int(templates[index].headCount)
    // The span of the arena lives for this comparison only.
    guard unsafe bytes.equals(start, arena.span.bytes, offset, count: headCount) else {
      return false
    }
    var end = start &+ headCount
    var number = -1
    if templates[index].hasNumber {
      end = bytes.scanNumber(end, &number)
      guard end >= 0 else { return false }
      let tailCount = Int(templates[index].tailCount)
      // As above.
      guard unsafe bytes.equals(end, arena.span.bytes, offset &+ headCount, count: tailCount) else {
        return false
      }
      end = end &+ tailCount
    }
    // A stretch may end in a number: what follows must not belong to it.
    let next = bytes.knownByte(at: end)
    guard next == UInt8(ascii: ",") || next == UInt8(ascii: "}") else { return false }
    match = Match(value: templates[index].value, end: end, number: number)
    return true
  }

  /// Remembers the bytes from `start` to before `end`.
  ///
  /// - Parameter number: Where the number inside stands; empty when there is none.
  @inline(never)
  mutating func insert(
    _ value: UInt32,
    _ bytes: RawSpan,
    _ start: Int,
    end: Int,
    number: Range<Int>,
    hash: UInt64
  ) {
    let count = end - start - number.count
    let cost = count + MemoryLayout<Template>.size
    guard cost <= limit, candidates(of: hash) < CalicoTemplates.mostCandidates else { return }
    if arena.count + templates.count * MemoryLayout<Template>.size + cost > limit { removeAll() }
    let headCount = number.isEmpty ? count : number.lowerBound - start
    templates.append(
      Template(
        hash: hash,
        offset: UInt32(arena.count),
        headCount: UInt32(headCount),
        tailCount: UInt32(count - headCount),
        value: value,
        hasNumber: !number.isEmpty
      )
    )
    arena.append(bytes, start, count: headCount)
    arena.append(bytes, end - (count - headCount), count: count - headCount)
    if templates.count * 2 > slots.count {
      slots = Array(repeating: 0, count: slots.count * 2)
      for index in templates.indices { place(index) }
    } else {
      place(templates.count - 1)
    }
  }

  private func candidates(of hash: UInt64) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    var count = 0
    while slots[slot] != 0 {
      if templates[Int(slots[slot]) - 1].hash == hash { count += 1 }
      slot = (slot + 1) & mask
    }
    return count
  }

  private mutating func place(_ index: Int) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: templates[index].hash) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = UInt32(index + 1)
  }
}
