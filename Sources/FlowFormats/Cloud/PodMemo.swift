import FlowAggregation
import FlowModel

/// Remembers which pod held an address all through an hour, as the index of its endpoint, and which were nodes.
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
    /// The numbers where there is no pod: a closer look is needed, or a node holds the address.
    static let noPod: Int32 = -1
    static let node: Int32 = -2
    /// The index while it is not known.
    static let unknown = UInt32.max - 1

    var key = Entry.none
    /// The number that the inventory gives the endpoint.
    var number = Entry.noPod
    /// Its index in the accumulator.
    var index = Entry.unknown
  }

  /// The index of the pod's endpoint in `accumulator`, ``nobody`` when a closer look is needed.
  @inline(__always)
  mutating func pod(
    at address: UInt32,
    hour: Int32,
    addresses: AddressNumbers,
    in accumulator: inout EvidenceAccumulator
  ) -> UInt32 {
    let key = PodMemo.key(address, hour)
    let entry = entries[place(of: key)]
    return entry.key == key && entry.index != Entry.unknown
      ? entry.index : look(key, addresses[address], hour: hour, in: &accumulator)
  }

  /// Who holds an address.
  enum Holder {
    case pod, node
    /// A closer look is needed.
    case unknown
  }

  /// Who held an address all through an hour; a node, but for ports that are served.
  @inline(__always)
  mutating func holder(
    of address: UInt32,
    hour: Int32,
    addresses: AddressNumbers,
    _ resolver: any AddressResolving
  ) -> Holder {
    let key = PodMemo.key(address, hour)
    var place = place(of: key)
    if entries[place].key != key { place = add(key, addresses[address], hour: hour, resolver) }
    let number = entries[place].number
    return number >= 0 ? .pod : number == Entry.node ? .node : .unknown
  }

  @inline(__always)
  private static func key(_ address: UInt32, _ hour: Int32) -> UInt64 {
    UInt64(address) << 32 | UInt64(UInt32(bitPattern: hour))
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
    var place = place(of: key)
    if entries[place].key != key { place = add(key, address, hour: hour, resolver) }
    let number = entries[place].number
    let index = number < 0 ? PodMemo.nobody : index(of: Int(number), resolver, &accumulator)
    entries[place].index = index
    return index
  }

  /// Adds a key.
  ///
  /// - Returns: Its place.
  private mutating func add(
    _ key: UInt64,
    _ address: IPAddress,
    hour: Int32,
    _ resolver: any AddressResolving
  ) -> Int {
    if count >= PodMemo.maximumCount { self = PodMemo() }
    let start = Int64(hour) * Timestamps.hour
    let end = start + PodMemo.end
    let found = resolver.steadyPod(at: address, from: start, to: end)
    let none =
      found == nil && resolver.isSteadyNode(at: address, from: start, to: end)
      ? Entry.node : Entry.noPod
    count += 1
    if count * 2 > entries.count {
      let known = entries
      entries = Array(repeating: Entry(), count: known.count * 2)
      for entry in known where entry.key != Entry.none { entries[place(of: entry.key)] = entry }
    }
    let place = place(of: key)
    entries[place] = Entry(key: key, number: found.flatMap { Int32(exactly: $0) } ?? none)
    return place
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
