import FlowModel

/// Steps over values of no use that are the same in many records: `node_labels` of a node, `emitter`.
struct HubbleRepeatedValues: Sendable {
  private struct Known {
    var group: UInt64 = 0
    var offset = 0
    var count = 0
  }

  private static let slotCount = 256

  private let limit: Int
  private var known = [Known](repeating: Known(), count: HubbleRepeatedValues.slotCount)
  private var arena: [UInt8] = []

  /// Makes a memo that keeps at most `limit` bytes.
  init(limit: Int) { self.limit = limit }

  /// Steps over a value; one that was checked before is only compared.
  ///
  /// - Parameter group: A number that is the same where the value is likely to be.
  @inline(__always)
  mutating func skip(_ bytes: RawSpan, _ start: Int, group: UInt64) -> Int {
    let slot = Int(truncatingIfNeeded: group % UInt64(HubbleRepeatedValues.slotCount))
    let count = known[slot].count
    if count > 0, known[slot].group == group,
      // The span of the arena lives for this comparison only.
      unsafe bytes.equals(start, arena.span.bytes, known[slot].offset, count: count)
    {
      return start &+ count
    }
    return skipNew(bytes, start, group: group, slot: slot)
  }

  @inline(never)
  private mutating func skipNew(
    _ bytes: RawSpan,
    _ start: Int,
    group: UInt64,
    slot: Int
  ) -> Int {
    let end = bytes.skipValue(start)
    // Only what has a closing bracket or brace ends where its bytes end.
    guard end > start, end - start <= limit,
      bytes.knownByte(at: start) == UInt8(ascii: "[")
        || bytes.knownByte(at: start) == UInt8(ascii: "{")
    else { return end }
    if arena.count + end - start > limit {
      arena.removeAll(keepingCapacity: true)
      for index in known.indices { known[index] = Known() }
    }
    known[slot] = Known(group: group, offset: arena.count, count: end - start)
    arena.append(bytes, start, count: end - start)
    return end
  }
}
