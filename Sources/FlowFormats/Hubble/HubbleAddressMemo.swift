import FlowModel

/// Remembers the endpoint indices of ends that are told apart by their address; the last one of each slot.
struct HubbleAddressMemo: Sendable {
  private struct Entry {
    var address: IPAddress?
    var names: UInt32 = 0
    var index: UInt32 = 0
    /// `.unknown` while the entry is empty.
    var kind = HubbleEnd.Kind.unknown
  }

  private static let slotCount = 4096

  private var entries = [Entry](repeating: Entry(), count: HubbleAddressMemo.slotCount)
  private var releases = 0

  /// The index of an end, nil when it is not remembered.
  @inline(__always)
  func index(_ kind: HubbleEnd.Kind, _ address: IPAddress?, names: UInt32) -> UInt32? {
    let slot = HubbleAddressMemo.slot(kind, address, names)
    guard entries[slot].kind == kind, entries[slot].names == names,
      entries[slot].address == address
    else { return nil }
    return entries[slot].index
  }

  /// Remembers the index of an end.
  mutating func insert(
    _ index: UInt32,
    _ kind: HubbleEnd.Kind,
    _ address: IPAddress?,
    names: UInt32
  ) {
    entries[HubbleAddressMemo.slot(kind, address, names)] = Entry(
      address: address,
      names: names,
      index: index,
      kind: kind
    )
  }

  /// Forgets everything when indices were given up since it was last called.
  @inline(__always)
  mutating func forget(after releases: Int) {
    if releases != self.releases {
      removeAll()
      self.releases = releases
    }
  }

  /// Forgets everything.
  mutating func removeAll() {
    entries = [Entry](repeating: Entry(), count: HubbleAddressMemo.slotCount)
  }

  @inline(__always)
  private static func slot(_ kind: HubbleEnd.Kind, _ address: IPAddress?, _ names: UInt32) -> Int {
    var hash = RawSpan.mix(UInt64(names) << 8 | UInt64(kind.rawValue), address?.low ?? 0)
    hash = RawSpan.mix(hash, address?.high ?? 0)
    return Int(truncatingIfNeeded: hash & UInt64(slotCount - 1))
  }
}
