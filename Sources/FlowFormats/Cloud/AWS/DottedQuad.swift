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

  private static let count = 8192

  /// Each address stands at its place or at the one beside it.
  private var entries = [Entry](repeating: Entry(), count: count)

  /// The address, nil when it is none or never a peer.
  @inline(__always)
  mutating func peer(_ quad: DottedQuad) -> UInt32? {
    var hash = (quad.low ^ quad.high &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    hash &>>= 64 - 13
    let place = Int(truncatingIfNeeded: hash)
    let entry = entries[place]
    return entry.holds(quad) ? entry.address : find(quad, beside: place)
  }

  /// Sees to it that an address stands at its place; nil when it is none, or never a peer.
  @inline(never)
  private mutating func find(_ quad: DottedQuad, beside place: Int) -> UInt32? {
    if !entries[place ^ 1].holds(quad) {
      guard let address = quad.address, QuadMemo.isPeer(address) else { return nil }
      entries[place ^ 1] = Entry(low: quad.low, high: quad.high, address: address)
    }
    entries.swapAt(place, place ^ 1)
    return entries[place].address
  }

  /// Whether an address may be a peer of a rule: not link-local, loopback, multicast or unspecified.
  private static func isPeer(_ address: UInt32) -> Bool {
    let first = address >> 24
    return first != 0 && first != 127 && first < 224 && address >> 16 != 0xa9fe
  }
}
