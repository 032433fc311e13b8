import FlowModel

/// Finds endpoints in an array of them: open addressing over kept hashes, so that no endpoint is held twice
/// and each is hashed once.
struct EndpointIndex: Sendable {
  /// The hash of each endpoint of the array.
  private var hashes: [Int] = []
  /// Offsets in the array + 1.
  private var slots: [UInt32] = Array(repeating: 0, count: 64)
  private var count = 0

  /// The hash of an endpoint, for the other functions.
  static func hash(_ endpoint: Endpoint) -> Int { endpoint.hashValue }

  /// The offset of an endpoint, nil when it is not there.
  func find(_ endpoint: Endpoint, hash: Int, in endpoints: [Endpoint]) -> UInt32? {
    let mask = slots.count - 1
    var slot = hash & mask
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if hashes[index] == hash, endpoints[index] == endpoint { return UInt32(index) }
      slot = (slot + 1) & mask
    }
    return nil
  }

  /// Adds the offset of an endpoint that is not there yet.
  mutating func insert(_ index: UInt32, hash: Int) {
    if Int(index) < hashes.count { hashes[Int(index)] = hash } else { hashes.append(hash) }
    count += 1
    if count * 2 > slots.count {
      let known = slots.filter { $0 != 0 }
      slots = Array(repeating: 0, count: slots.count * 2)
      for offset in known { place(offset) }
    }
    place(index + 1)
  }

  /// Forgets the offsets at which no endpoint stands any more.
  mutating func removeAll(where isGone: (UInt32) -> Bool) {
    let known = slots.filter { $0 != 0 && !isGone($0 - 1) }
    slots = Array(repeating: 0, count: slots.count)
    count = known.count
    for offset in known { place(offset) }
  }

  private mutating func place(_ offset: UInt32) {
    let mask = slots.count - 1
    var slot = hashes[Int(offset) - 1] & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = offset
  }
}
