import FlowAggregation
import FlowModel

/// Remembers which pod held an address all through an hour, as the index of its endpoint.
struct PodMemo: Sendable {
  /// How far behind the start of their hour conversations may end: twenty minutes after it.
  static let end: Int64 = (3600 + 1200) * 1_000_000
  /// No pod, or a closer look is needed.
  static let nobody = UInt32.max
  private static let maximumCount = 65_536

  /// Open addressing: what a lookup reads lies together.
  private var entries = [Entry](repeating: Entry(), count: 1024)
  private var count = 0
  /// The indices of endpoints by the numbers that the inventory gives them.
  private var indices: [Int: UInt32] = [:]

  private struct Entry: Sendable {
    /// No hour is as late as this one.
    static let none = UInt64.max

    var key = Entry.none
    var index: UInt32 = 0
  }

  /// The index of the pod's endpoint in `accumulator`, ``nobody`` when a closer look is needed.
  @inline(__always)
  mutating func pod(
    at number: UInt32,
    hour: Int32,
    addresses: AddressNumbers,
    in accumulator: inout EvidenceAccumulator
  ) -> UInt32 {
    let key = UInt64(number) << 32 | UInt64(UInt32(bitPattern: hour))
    let entry = entries[place(of: key)]
    return entry.key == key
      ? entry.index : look(key, addresses[number], hour: hour, in: &accumulator)
  }

  /// Where a key is, or would be.
  @inline(__always)
  private func place(of key: UInt64) -> Int {
    let mask = entries.count &- 1
    var place = Int(truncatingIfNeeded: SlotIndex.mix(key, 0)) & mask
    while entries[place].key != key, entries[place].key != Entry.none {
      place = (place &+ 1) & mask
    }
    return place
  }

  @inline(never)
  private mutating func look(
    _ key: UInt64,
    _ address: IPAddress,
    hour: Int32,
    in accumulator: inout EvidenceAccumulator
  ) -> UInt32 {
    guard let resolver = accumulator.resolver else { return PodMemo.nobody }
    if count >= PodMemo.maximumCount { self = PodMemo() }
    let start = Int64(hour) * Timestamps.hour
    let found = resolver.steadyPod(at: address, from: start, to: start + PodMemo.end)
    let index = found.map { self.index(of: $0, resolver, &accumulator) } ?? PodMemo.nobody
    count += 1
    if count * 2 > entries.count {
      let known = entries
      entries = Array(repeating: Entry(), count: known.count * 2)
      for entry in known where entry.key != Entry.none { entries[place(of: entry.key)] = entry }
    }
    entries[place(of: key)] = Entry(key: key, index: index)
    return index
  }

  /// The index of the endpoint with a number.
  private mutating func index(
    of number: Int,
    _ resolver: any AddressResolving,
    _ accumulator: inout EvidenceAccumulator
  ) -> UInt32 {
    if let known = indices[number] { return known }
    guard let endpoint = resolver.steadyPod(numbered: number) else { return PodMemo.nobody }
    let index = accumulator.index(of: endpoint)
    indices[number] = index
    return index
  }
}
