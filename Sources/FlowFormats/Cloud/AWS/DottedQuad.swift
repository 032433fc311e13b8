import FlowModel

/// The 7 to 15 bytes of what may be an IPv4 address, the first one lowest, with zeros behind.
struct DottedQuad {
  var low: UInt64 = 0
  var high: UInt64 = 0
  /// All ones for the bytes of `high`.
  var mask: UInt64 = 0
  var count = 0

  /// Makes a quad of no address.
  init() {}

  /// Makes a quad to look for.
  fileprivate init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// Takes the first `count` of 16 bytes, of which `mask` covers those behind the eighth.
  @inline(__always)
  init(first: UInt64, second: UInt64, mask: UInt64, count: Int) {
    low = first & (count == 7 ? ~0 &>> 8 : ~0)
    high = second & mask
    self.mask = mask
    self.count = count
  }

  /// The address, nil when it is none.
  var address: UInt32? {
    var value: UInt32 = 0
    var octet: UInt32 = 0
    var digits = 0
    var octets = 0
    var (low, high) = (low, high)
    while low != 0 {
      let byte = UInt8(truncatingIfNeeded: low)
      low = low &>> 8 | high &<< 56
      high &>>= 8
      if byte == UInt8(ascii: ".") {
        guard digits > 0 else { return nil }
        value = value &<< 8 | octet
        octets += 1
        octet = 0
        digits = 0
        continue
      }
      let digit = UInt32(byte &- 0x30)
      octet = octet &* 10 &+ digit
      digits += 1
      guard digit <= 9, digits <= 3, octet <= 255 else { return nil }
    }
    guard octets == 3, digits > 0, high == 0 else { return nil }
    return value &<< 8 | octet
  }
}

/// Remembers addresses that rules may name by their bytes: most of a log's come again and again.
struct QuadMemo: Sendable {
  private struct Entry: Sendable {
    /// No address has no bytes.
    var low: UInt64 = 0
    var high: UInt64 = 0
    var address: UInt32 = 0

    @inline(__always)
    func holds(_ quad: DottedQuad) -> Bool { low == quad.low && high == quad.high }
  }

  /// The most room, of which half is used; then all are forgotten.
  private static let mostRoom = 32_768

  /// Open addressing, half full at most.
  private var entries = [Entry](repeating: Entry(), count: 1024)
  private var count = 0
  /// 64 less the bits of a place.
  private var shift: UInt64 = 54

  /// The address, nil when it is none or never a peer.
  @inline(__always)
  mutating func peer(_ quad: DottedQuad) -> UInt32? {
    let entry = entries[firstPlace(of: quad)]
    return entry.holds(quad) ? entry.address : find(quad)
  }

  @inline(__always)
  private func firstPlace(of quad: DottedQuad) -> Int {
    let hash = (quad.low ^ quad.high &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    return Int(truncatingIfNeeded: hash &>> shift)
  }

  /// Where an address is, or would be.
  @inline(__always)
  private func place(of quad: DottedQuad) -> Int {
    var place = firstPlace(of: quad)
    while !entries[place].holds(quad), entries[place].low != 0 {
      place = (place &+ 1) & (entries.count &- 1)
    }
    return place
  }

  @inline(never)
  private mutating func find(_ quad: DottedQuad) -> UInt32? {
    let place = place(of: quad)
    if entries[place].low != 0 { return entries[place].address }
    guard let address = quad.address, QuadMemo.isPeer(address) else { return nil }
    if count &* 2 >= entries.count { grow() }
    entries[self.place(of: quad)] = Entry(low: quad.low, high: quad.high, address: address)
    count += 1
    return address
  }

  /// Doubles the room, or forgets all.
  private mutating func grow() {
    guard entries.count < QuadMemo.mostRoom else {
      self = QuadMemo()
      return
    }
    let known = entries
    entries = Array(repeating: Entry(), count: known.count * 2)
    shift -= 1
    for entry in known where entry.low != 0 {
      let quad = DottedQuad(low: entry.low, high: entry.high)
      entries[place(of: quad)] = entry
    }
  }

  /// Whether an address may be a peer of a rule: not link-local, loopback, multicast or unspecified.
  private static func isPeer(_ address: UInt32) -> Bool {
    let first = address >> 24
    return first != 0 && first != 127 && first < 224 && address >> 16 != 0xa9fe
  }
}
