import FlowModel

/// The 7 to 15 bytes of what may be an IPv4 address, the first one lowest, with zeros behind.
struct DottedQuad: Equatable {
  var low: UInt64
  var high: UInt64

  /// Takes the first `count` of 16 bytes.
  @inline(__always)
  init(first: UInt64, second: UInt64, count: Int) {
    low = first & (count == 7 ? ~0 &>> 8 : ~0)
    // Shifting by 64 would shift by nothing.
    let shift = UInt64(truncatingIfNeeded: 64 &- 4 &* count)
    high = second & ((~0 &>> shift) &>> shift)
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

/// Remembers addresses by their bytes: most of a log's come again and again.
struct QuadMemo: Sendable {
  private struct Entry: Sendable {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var address: UInt32 = 0
  }

  private static let count = 8192

  /// Each address stands at its place or at the one beside it.
  private var entries = [Entry](repeating: Entry(), count: count)

  /// The address, nil when it is none.
  @inline(__always)
  mutating func address(_ quad: DottedQuad) -> UInt32? {
    var hash = (quad.low ^ quad.high &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    hash &>>= 64 - 13
    let place = Int(truncatingIfNeeded: hash)
    let entry = entries[place]
    if entry.low == quad.low, entry.high == quad.high { return entry.address }
    return find(quad, beside: place)
  }

  @inline(never)
  private mutating func find(_ quad: DottedQuad, beside place: Int) -> UInt32? {
    let other = entries[place ^ 1]
    if other.low == quad.low, other.high == quad.high { return other.address }
    guard let address = quad.address else { return nil }
    entries[place ^ 1] = entries[place]
    entries[place] = Entry(low: quad.low, high: quad.high, address: address)
    return address
  }
}
