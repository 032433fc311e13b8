import FlowModel

/// Steps over `node_labels`, a long list that is the same for all records of a node.
struct HubbleNodeLabels: Sendable {
  private struct Known {
    var nodeName: UInt64 = 0
    var offset = 0
    var count = 0
  }

  private static let slotCount = 256

  private let limit: Int
  private var known = [Known](repeating: Known(), count: HubbleNodeLabels.slotCount)
  private var arena: [UInt8] = []

  /// Makes a memo that keeps at most `limit` bytes.
  init(limit: Int) { self.limit = limit }

  /// Steps over a list; one that was checked before is only compared.
  ///
  /// - Parameter nodeName: The hash of the node's name, 0 when the record did not give it yet.
  @inline(__always)
  mutating func skip(_ bytes: RawSpan, _ start: Int, nodeName: UInt64) -> Int {
    let slot = Int(truncatingIfNeeded: nodeName % UInt64(HubbleNodeLabels.slotCount))
    let count = known[slot].count
    if count > 0, known[slot].nodeName == nodeName,
      // The span of the arena lives for this comparison only.
      unsafe bytes.equals(start, arena.span.bytes, known[slot].offset, count: count)
    {
      return start &+ count
    }
    return skipNew(bytes, start, nodeName: nodeName, slot: slot)
  }

  @inline(never)
  private mutating func skipNew(
    _ bytes: RawSpan,
    _ start: Int,
    nodeName: UInt64,
    slot: Int
  ) -> Int {
    let end = bytes.skipValue(start)
    // Only what has a closing bracket ends where its bytes end.
    guard end > start, bytes.byte(at: start) == UInt8(ascii: "["), end - start <= limit else {
      return end
    }
    if arena.count + end - start > limit {
      arena.removeAll(keepingCapacity: true)
      for index in known.indices { known[index] = Known() }
    }
    known[slot] = Known(nodeName: nodeName, offset: arena.count, count: end - start)
    arena.append(bytes, start, count: end - start)
    return end
  }
}
