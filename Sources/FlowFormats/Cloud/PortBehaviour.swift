import FlowModel

/// How the (address, port) pairs of a capture behave: whom they meet and whether they answer openings.
///
/// A server's port meets many partners; a client's port meets one, or in a long capture a few as it is
/// used again. Partners are not kept but counted: up to three exactly, more of them roughly, so that
/// an end costs the same however busy it is.
struct PortBehaviour: Sendable {
  /// An end that meets this many different (address, port) partners is busy.
  static let busyPartners = 3
  /// How many times as many partners as a client's port a server's port meets at least.
  private static let factor = 4

  /// One end by number of its address; see ``PortBehaviour/key(_:_:_:)``.
  private struct End: Sendable {
    var key: UInt64
    /// One bit for each partner, by its hash.
    var seen: UInt64 = 0
    var partners: (UInt32, UInt32, UInt32) = (0, 0, 0)
    var count: UInt8 = 0
    var answersOpenings = false

    /// How many partners it met: exactly up to three, not many more than 64 ever.
    var met: Int { max(Int(count), seen.nonzeroBitCount) }
  }

  private var ends: [End] = []
  private var slots = SlotIndex()

  /// The number of ends known.
  var count: Int { ends.count }

  /// The key of an end.
  @inline(__always)
  static func key(_ address: UInt32, _ port: UInt16, _ transport: UInt8) -> UInt64 {
    UInt64(address) << 24 | UInt64(port) << 8 | UInt64(transport)
  }

  /// A partner as a number that is not 0 and does not depend on the order of input.
  static func partner(_ address: IPAddress, _ port: UInt16) -> UInt32 {
    let mixed = SlotIndex.mix(address.low ^ UInt64(port) << 40, address.high)
    return UInt32(truncatingIfNeeded: mixed >> 16) | 1
  }

  /// Notes that an end exchanged packets with a partner.
  mutating func meet(_ key: UInt64, partner: UInt32) {
    let position = position(of: key)
    note(partner, at: position)
  }

  /// Notes that an end answered the opening of a connection.
  @inline(__always)
  mutating func answered(_ key: UInt64) {
    let position = position(of: key)
    if !ends[position].answersOpenings { ends[position].answersOpenings = true }
  }

  /// Which of two ends behaves like a server and the other does not: true for the first, nil for neither.
  func server(_ one: UInt64, _ two: UInt64) -> Bool? {
    let (one, two) = (find(one), find(two))
    let (oneAnswers, twoAnswers) = (one?.answersOpenings ?? false, two?.answersOpenings ?? false)
    if oneAnswers != twoAnswers { return oneAnswers }
    let (oneMet, twoMet) = (one?.met ?? 0, two?.met ?? 0)
    if PortBehaviour.isBusier(oneMet, than: twoMet) { return true }
    return PortBehaviour.isBusier(twoMet, than: oneMet) ? false : nil
  }

  private static func isBusier(_ one: Int, than two: Int) -> Bool {
    one >= busyPartners && (two < busyPartners || one >= factor * two)
  }

  /// The numbers of the addresses whose ends are known.
  var addressNumbers: [UInt32] { ends.map { UInt32(truncatingIfNeeded: $0.key >> 24) } }

  /// Forgets ends that tell nothing yet, and everything past `limit`, the least telling first.
  mutating func prune(to limit: Int) {
    var kept = ends.filter { $0.answersOpenings || $0.count >= 2 }
    if kept.count > limit {
      kept = kept.filter { $0.answersOpenings || Int($0.count) >= PortBehaviour.busyPartners }
    }
    if kept.count > limit {
      kept.sort {
        $0.answersOpenings != $1.answersOpenings
          ? $0.answersOpenings : $0.met != $1.met ? $0.met > $1.met : $0.key < $1.key
      }
      kept.removeLast(kept.count - limit)
    }
    replace(with: kept)
  }

  /// Gives the addresses new numbers.
  mutating func renumber(_ number: (UInt32) -> UInt32) {
    replace(with: ends.map { PortBehaviour.renumbered($0, number) })
  }

  /// Adds what another capture knows, whose addresses get the numbers that `number` says.
  mutating func merge(_ other: PortBehaviour, _ number: (UInt32) -> UInt32) {
    for end in other.ends {
      let moved = PortBehaviour.renumbered(end, number)
      let position = position(of: moved.key)
      if moved.answersOpenings { ends[position].answersOpenings = true }
      for partner in [moved.partners.0, moved.partners.1, moved.partners.2] where partner != 0 {
        note(partner, at: position)
      }
      ends[position].seen |= moved.seen
    }
  }

  private static func renumbered(_ end: End, _ number: (UInt32) -> UInt32) -> End {
    var moved = end
    let address = number(UInt32(truncatingIfNeeded: end.key >> 24))
    moved.key = UInt64(address) << 24 | end.key & 0xff_ffff
    return moved
  }

  private mutating func replace(with kept: [End]) {
    ends = kept
    slots.rebuild(count: ends.count) { PortBehaviour.hash(ends[$0].key) }
  }

  @inline(__always)
  private static func hash(_ key: UInt64) -> UInt64 { SlotIndex.mix(key, 0) }

  private func find(_ key: UInt64) -> End? {
    slots.find(PortBehaviour.hash(key)) { ends[$0].key == key }.map { ends[$0] }
  }

  @inline(__always)
  private mutating func position(of key: UInt64) -> Int {
    if let found = slots.find(PortBehaviour.hash(key), where: { ends[$0].key == key }) {
      return found
    }
    ends.append(End(key: key))
    slots.insert(ends.count - 1) { PortBehaviour.hash(ends[$0].key) }
    return ends.count - 1
  }

  private mutating func note(_ partner: UInt32, at position: Int) {
    ends[position].seen |= 1 << (partner >> 26)
    let known = ends[position].partners
    guard known.0 != partner, known.1 != partner, known.2 != partner else { return }
    switch ends[position].count {
    case 0: ends[position].partners.0 = partner
    case 1: ends[position].partners.1 = partner
    case 2: ends[position].partners.2 = partner
    default: return
    }
    ends[position].count += 1
  }
}
