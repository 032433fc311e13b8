import CPrefetch
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
    /// 0 for none: no protocol has the number 0.
    var key: UInt64 = 0
    /// One bit for each partner, by its hash.
    var seen: UInt64 = 0
    var partners: (UInt32, UInt32, UInt32) = (0, 0, 0)
    var count: UInt8 = 0
    var answersOpenings = false

    /// How many partners it met: exactly up to three, not many more than 64 ever.
    var met: Int { max(Int(count), seen.nonzeroBitCount) }
  }

  /// Open addressing: what a lookup reads lies together.
  private var ends = [End](repeating: End(), count: 1024)
  /// The number of ends known.
  private(set) var count = 0

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

  /// Asks for the memory in which an end will be looked for.
  @inline(__always)
  func fetch(_ key: UInt64) {
    let place = Int(truncatingIfNeeded: SlotIndex.mix(key, 0)) & (ends.count &- 1)
    // Nothing is read, so any address will do.
    unsafe ends.withUnsafeBufferPointer { ends in
      unsafe flowlearn_prefetch(ends.baseAddress.map { unsafe $0 + place }, MemoryLayout<End>.size)
    }
  }

  /// Makes room for so many more ends at once.
  mutating func reserve(_ more: Int) {
    if (count + more) * 4 > ends.count * 3 { replace(with: known, room: more) }
  }

  /// Notes that an end exchanged packets with a partner.
  mutating func meet(_ key: UInt64, partner: UInt32) {
    let position = position(of: key)
    note(partner, at: position)
  }

  /// Notes that ends answered the opening of a connection.
  mutating func answered(_ keys: [UInt64]) {
    for key in keys {
      let position = position(of: key)
      if !ends[position].answersOpenings { ends[position].answersOpenings = true }
    }
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
  var addressNumbers: [UInt32] { known.map { UInt32(truncatingIfNeeded: $0.key >> 24) } }

  private var known: [End] { ends.filter { $0.key != 0 } }

  /// Forgets ends that tell nothing yet, and everything past `limit`, the least telling first.
  mutating func prune(to limit: Int) {
    var kept: [End] = []
    // Few: most are clients' ports, which met one partner.
    for end in ends where end.key != 0 && (end.answersOpenings || end.count >= 2) {
      kept.append(end)
    }
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
    // As many others will come again: the room for them stays.
    for index in ends.indices { ends[index] = End() }
    count = kept.count
    for end in kept { ends[place(of: end.key)] = end }
  }

  /// Gives the addresses new numbers.
  mutating func renumber(_ number: (UInt32) -> UInt32) {
    replace(with: known.map { PortBehaviour.renumbered($0, number) })
  }

  /// Adds what another capture knows, whose addresses get the numbers that `number` says.
  mutating func merge(_ other: PortBehaviour, _ number: (UInt32) -> UInt32) {
    for end in other.known {
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

  private mutating func replace(with kept: [End], room: Int = 1) {
    var size = 1024
    while size * 3 < (kept.count + room) * 4 { size *= 2 }
    ends = Array(repeating: End(), count: size)
    count = kept.count
    for end in kept { ends[place(of: end.key)] = end }
  }

  /// Where an end is, or would be.
  @inline(__always)
  private func place(of key: UInt64) -> Int {
    let mask = ends.count &- 1
    var place = Int(truncatingIfNeeded: SlotIndex.mix(key, 0)) & mask
    while ends[place].key != key, ends[place].key != 0 { place = (place &+ 1) & mask }
    return place
  }

  private func find(_ key: UInt64) -> End? {
    let end = ends[place(of: key)]
    return end.key == 0 ? nil : end
  }

  @inline(__always)
  private mutating func position(of key: UInt64) -> Int {
    let place = place(of: key)
    return ends[place].key == key ? place : add(key)
  }

  @inline(never)
  private mutating func add(_ key: UInt64) -> Int {
    // Three quarters at most, as an end takes a good part of what memory fetches at once.
    if (count + 1) * 4 > ends.count * 3 { replace(with: known) }
    let place = place(of: key)
    ends[place].key = key
    count += 1
    return place
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
