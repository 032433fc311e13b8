import FlowAggregation
import FlowModel

/// Remembers which pod held an address all through an hour, as the index of its endpoint.
struct PodMemo: Sendable {
  /// How far conversations may reach beyond their hour.
  static let reach: Int64 = 1200 * Timestamps.second
  /// No pod, or a closer look is needed.
  static let nobody = UInt32.max
  private static let maximumCount = 65_536

  private var keys: [UInt64] = []
  private var indices: [UInt32] = []
  private var slots = SlotIndex()

  /// The index of the pod's endpoint in `accumulator`, ``nobody`` when a closer look is needed.
  @inline(__always)
  mutating func pod(
    at number: UInt32,
    hour: Int32,
    addresses: AddressNumbers,
    in accumulator: inout EvidenceAccumulator
  ) -> UInt32 {
    let key = UInt64(number) << 32 | UInt64(UInt32(bitPattern: hour))
    if let known = slots.find(SlotIndex.mix(key, 0), where: { keys[$0] == key }) {
      return indices[known]
    }
    return look(key, addresses[number], hour: hour, in: &accumulator)
  }

  private mutating func look(
    _ key: UInt64,
    _ address: IPAddress,
    hour: Int32,
    in accumulator: inout EvidenceAccumulator
  ) -> UInt32 {
    guard let resolver = accumulator.resolver else { return PodMemo.nobody }
    if keys.count >= PodMemo.maximumCount { self = PodMemo() }
    let start = Int64(hour) * Timestamps.hour
    let found = resolver.steadyPod(
      at: address,
      from: start,
      to: start + Timestamps.hour + PodMemo.reach
    )
    let index = found.map { accumulator.index(of: $0) } ?? PodMemo.nobody
    keys.append(key)
    indices.append(index)
    slots.insert(keys.count - 1) { SlotIndex.mix(keys[$0], 0) }
    return index
  }
}
