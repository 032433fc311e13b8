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
  /// How many of the 64 bits for partners' ports a server's port sets at least that is beyond doubt.
  ///
  /// Ends of one kind that talk among themselves have the same port, or few.
  private static let provenPorts = 10
  /// How many fewer bits ports may set than partners: of so many different ones as many fall together by chance.
  private static let provenSpread = 5

  /// Whom an end met, as numbers that do not depend on the order of input.
  struct Partner {
    /// The address and port, 20 bits.
    var number: UInt64
    /// One of 64 bits, by the port.
    var portBit: UInt64
    /// Its key.
    var key: UInt64

    @inline(__always)
    init(_ address: IPAddress, _ port: UInt16, key: UInt64) {
      self.key = key
      number = SlotIndex.mix(address.low ^ UInt64(port) << 40, address.high) >> 16 & End.partner
      portBit = 1 << UInt64((UInt32(port) &* 0x9E37_79B1) >> 26)
    }
  }

  /// One end by number of its address; see ``PortBehaviour/key(_:_:_:)``.
  private struct End: Sendable {
    /// The bits of a partner's number.
    static let partner: UInt64 = 0xf_ffff

    /// 0 for none: no protocol has the number 0.
    var key: UInt64 = 0
    /// One bit for each partner, by its hash.
    var seen: UInt64 = 0
    /// One bit for the port of each partner that was not busy, by its hash.
    var ports: UInt64 = 0
    /// From below: three partners of 20 bits, how many these are, whether it answered the opening of a connection, and
    /// whether it was a server's beyond doubt when that was last found out.
    private var rest: UInt64 = 0

    /// How many partners it met, up to three.
    var count: Int { Int(truncatingIfNeeded: rest >> 60 & 3) }
    var answersOpenings: Bool {
      get { rest >> 62 & 1 != 0 }
      set { rest = newValue ? rest | 1 << 62 : rest & ~(1 << 62) }
    }
    var isProven: Bool {
      get { rest >> 63 != 0 }
      set { rest = newValue ? rest | 1 << 63 : rest & ~(1 << 63) }
    }

    /// How many partners it met: exactly up to three, not many more than 64 ever.
    var met: Int { max(count, seen.nonzeroBitCount) }
    /// Whether it may be a server's: a client's port that meets as few partners and answers nobody is none.
    var isBusy: Bool { count >= PortBehaviour.busyPartners || answersOpenings }
    /// Whether its partners' ports are so many, and as many as its partners, that it can only be a server's.
    ///
    /// Clients have ports of their own; who goes through many servers from one port finds few ports again and again.
    var looksProven: Bool {
      ports.nonzeroBitCount
        >= max(PortBehaviour.provenPorts, seen.nonzeroBitCount - PortBehaviour.provenSpread)
    }

    /// The number of one of the first partners.
    @inline(__always)
    func partner(_ index: Int) -> UInt64 { rest >> UInt64(index * 20) & End.partner }

    /// Notes a partner.
    ///
    /// - Returns: Whether it is the one that makes the end busy.
    mutating func note(_ number: UInt64) -> Bool {
      seen |= 1 << (number >> 14)
      let count = count
      guard count < PortBehaviour.busyPartners else { return false }
      for index in 0..<count where partner(index) == number { return false }
      rest = (rest | number << UInt64(count * 20)) + 1 << 60
      return count + 1 == PortBehaviour.busyPartners
    }
  }

  /// Open addressing: what a lookup reads lies together.
  private var ends = [End](repeating: End(), count: 1024)
  /// The number of ends known.
  private(set) var count = 0
  /// How many meetings were noted.
  private var meetings = 0
  /// One bit, by hash, for every end that may be a server's: most are clients' ports, and need no look.
  private var busy = [UInt64](repeating: 0, count: 1024)

  /// The key of an end.
  @inline(__always)
  static func key(_ address: UInt32, _ port: UInt16, _ transport: UInt8) -> UInt64 {
    UInt64(address) << 24 | UInt64(port) << 8 | UInt64(transport)
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

  /// Asks for the memory in which an end will be looked for, if it will be.
  @inline(__always)
  func fetchBusy(_ key: UInt64) {
    if mayBeBusy(key) { fetch(key) }
  }

  /// Makes room for so many more ends at once.
  mutating func reserve(_ more: Int) {
    if (count + more) * 4 > ends.count * 3 { replace(with: known, room: more) }
  }

  /// Notes that an end exchanged packets with a partner.
  mutating func meet(_ key: UInt64, _ partner: Partner) {
    let position = position(of: key)
    meetings += 1
    if ends[position].note(partner.number) { noteBusy(key) }
    // A client's port that is used again and again meets many, but those are servers.
    if !mayBeBusy(partner.key) { ends[position].ports |= partner.portBit }
  }

  /// Notes that ends answered the opening of a connection.
  mutating func answered(_ keys: [UInt64]) {
    for key in keys {
      let position = position(of: key)
      if !ends[position].answersOpenings {
        ends[position].answersOpenings = true
        noteBusy(key)
      }
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

  /// Finds out which ends are servers' beyond doubt by all that was noted so far.
  ///
  /// - Parameter least: Fewer meetings prove nothing: a server that was met by few so far is like a client.
  mutating func prove(least: Int) {
    guard meetings >= least else { return }
    for index in ends.indices {
      let isProven = ends[index].looksProven
      if ends[index].isProven != isProven { ends[index].isProven = isProven }
    }
  }

  /// Which of two ends is a server's beyond doubt, as last found out: true for the first, nil for neither.
  ///
  /// It met many ports of ends that are not busy, as many as ends, and the other one hardly any. Whatever comes later
  /// could only make the other one look like a server too, as a client's port does that is used again and again.
  @inline(__always)
  func provenServer(_ one: UInt64, _ two: UInt64) -> Bool? {
    let (isOneBusy, isTwoBusy) = (mayBeBusy(one), mayBeBusy(two))
    guard isOneBusy || isTwoBusy else { return nil }
    guard isOneBusy && isTwoBusy else {
      return ends[place(of: isOneBusy ? one : two)].isProven ? isOneBusy : nil
    }
    let (oneEnd, twoEnd) = (ends[place(of: one)], ends[place(of: two)])
    guard oneEnd.isProven != twoEnd.isProven else { return nil }
    return (oneEnd.isProven ? twoEnd : oneEnd).isBusy ? nil : oneEnd.isProven
  }

  /// Whether an end may have met many partners or have answered an opening; false is certain.
  @inline(__always)
  private func mayBeBusy(_ key: UInt64) -> Bool {
    let hash = SlotIndex.mix(key, 0) >> 32
    return busy[Int(truncatingIfNeeded: hash >> 6) & (busy.count &- 1)] >> (hash & 63) & 1 != 0
  }

  @inline(__always)
  private mutating func noteBusy(_ key: UInt64) {
    let hash = SlotIndex.mix(key, 0) >> 32
    busy[Int(truncatingIfNeeded: hash >> 6) & (busy.count - 1)] |= 1 << (hash & 63)
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
      kept = kept.filter { $0.isBusy }
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
    put(kept)
  }

  /// Gives the addresses new numbers.
  mutating func renumber(_ number: (UInt32) -> UInt32) {
    replace(with: known.map { PortBehaviour.renumbered($0, number) })
  }

  /// Adds what another capture knows, whose addresses get the numbers that `number` says.
  mutating func merge(_ other: PortBehaviour, _ number: (UInt32) -> UInt32) {
    meetings += other.meetings
    for end in other.known {
      let moved = PortBehaviour.renumbered(end, number)
      let position = position(of: moved.key)
      if moved.answersOpenings {
        ends[position].answersOpenings = true
        noteBusy(moved.key)
      }
      for index in 0..<moved.count {
        if ends[position].note(moved.partner(index)) { noteBusy(moved.key) }
      }
      ends[position].seen |= moved.seen
      ends[position].ports |= moved.ports
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
    put(kept)
  }

  /// Fills what was emptied.
  private mutating func put(_ kept: [End]) {
    for index in busy.indices { busy[index] = 0 }
    count = kept.count
    for end in kept {
      ends[place(of: end.key)] = end
      if end.isBusy { noteBusy(end.key) }
    }
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
}
