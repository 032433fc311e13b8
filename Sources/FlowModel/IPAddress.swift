/// An IPv4 or IPv6 address, compared in binary so that every spelling of one address is equal.
///
/// IPv4-mapped IPv6 addresses (`::ffff:a.b.c.d`) are read as the IPv4 address they stand for.
package struct IPAddress: Hashable, Sendable {
  /// The upper 64 bits; 0 for IPv4.
  package let high: UInt64
  /// The lower 64 bits; an IPv4 address sits in the lowest 32.
  package let low: UInt64
  /// Whether the address is IPv6.
  package let isIPv6: Bool

  /// Makes an IPv4 address from its 32 bits in host order.
  package init(ipv4 bits: UInt32) {
    high = 0
    low = UInt64(bits)
    isIPv6 = false
  }

  /// Makes an IPv6 address from its two halves; an IPv4-mapped one becomes IPv4.
  package init(ipv6High high: UInt64, low: UInt64) {
    let isMapped = high == 0 && low >> 32 == 0xffff
    self.high = high
    self.low = isMapped ? low & 0xffff_ffff : low
    isIPv6 = !isMapped
  }

  /// The number of bits of the address family: 32 or 128.
  package var bitWidth: Int { isIPv6 ? 128 : 32 }

  /// Reads an address in text form; brackets, zones and prefixes are not accepted.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    self.init(bytes: unsafe bytes.span.bytes)
  }

  /// Reads an address from UTF-8 text; the whole span must be the address.
  package init?(bytes span: RawSpan) {
    let count = span.byteCount
    guard count >= 2, count <= 45 else { return nil }
    var hasColon = false
    for index in 0..<min(count, 5) where span.byte(at: index) == UInt8(ascii: ":") {
      hasColon = true
      break
    }
    if hasColon {
      guard let parsed = IPAddress.parseIPv6(span) else { return nil }
      self = parsed
    } else {
      guard let bits = IPAddress.parseIPv4(span, from: 0) else { return nil }
      self.init(ipv4: bits)
    }
  }

  private static func parseIPv4(_ span: RawSpan, from start: Int) -> UInt32? {
    var bits: UInt32 = 0
    var octets = 0
    var value = 0
    var digits = 0
    for index in start..<span.byteCount {
      let byte = span.byte(at: index)
      if byte == UInt8(ascii: ".") {
        guard digits > 0, octets < 3 else { return nil }
        bits = bits << 8 | UInt32(value)
        octets += 1
        value = 0
        digits = 0
      } else {
        let digit = Int(byte) - 0x30
        guard digit >= 0, digit <= 9, digits < 3 else { return nil }
        value = value * 10 + digit
        digits += 1
        guard value <= 255 else { return nil }
      }
    }
    guard octets == 3, digits > 0 else { return nil }
    return bits << 8 | UInt32(value)
  }

  private static func parseIPv6(_ span: RawSpan) -> IPAddress? {
    var high: UInt64 = 0
    var low: UInt64 = 0
    var groups = 0
    var compressedAt = -1
    let count = span.byteCount
    var index = 0

    func store(_ value: UInt64, at group: Int) {
      if group < 4 {
        high |= value << UInt64((3 - group) * 16)
      } else {
        low |= value << UInt64((7 - group) * 16)
      }
    }
    if span.byte(at: 0) == UInt8(ascii: ":") {
      guard span.byte(at: 1) == UInt8(ascii: ":") else { return nil }
      compressedAt = 0
      index = 2
    }
    while index < count {
      guard groups < 8 else { return nil }
      let start = index
      var value: UInt64 = 0
      while index < count, index - start < 4, let digit = hexDigit(span.byte(at: index)) {
        value = value << 4 | UInt64(digit)
        index += 1
      }
      if index < count, span.byte(at: index) == UInt8(ascii: ".") {
        guard groups <= 6, let tail = parseIPv4(span, from: start) else { return nil }
        store(UInt64(tail >> 16), at: groups)
        store(UInt64(tail & 0xffff), at: groups + 1)
        groups += 2
        index = count
        break
      }
      guard index > start else { return nil }
      store(value, at: groups)
      groups += 1
      if index == count { break }
      guard span.byte(at: index) == UInt8(ascii: ":") else { return nil }
      index += 1
      guard index < count else { return nil }
      if span.byte(at: index) == UInt8(ascii: ":") {
        guard compressedAt < 0 else { return nil }
        compressedAt = groups
        index += 1
      }
    }
    if compressedAt < 0 {
      guard groups == 8 else { return nil }
      return IPAddress(ipv6High: high, low: low)
    }
    guard groups < 8 else { return nil }
    // Move the groups that came after "::" to the end.
    let moved = groups - compressedAt
    var words = [UInt64](repeating: 0, count: 8)
    for group in 0..<8 {
      words[group] =
        group < 4
        ? high >> UInt64((3 - group) * 16) & 0xffff : low >> UInt64((7 - group) * 16) & 0xffff
    }
    var placed = [UInt64](repeating: 0, count: 8)
    for group in 0..<compressedAt { placed[group] = words[group] }
    for offset in 0..<moved { placed[8 - moved + offset] = words[compressedAt + offset] }
    high = placed[0] << 48 | placed[1] << 32 | placed[2] << 16 | placed[3]
    low = placed[4] << 48 | placed[5] << 32 | placed[6] << 16 | placed[7]
    return IPAddress(ipv6High: high, low: low)
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}

// MARK: - Order and text

extension IPAddress: Comparable {
  /// IPv4 before IPv6, then by value.
  package static func < (left: IPAddress, right: IPAddress) -> Bool {
    if left.isIPv6 != right.isIPv6 { return !left.isIPv6 }
    return left.high != right.high ? left.high < right.high : left.low < right.low
  }
}

extension IPAddress: CustomStringConvertible {
  /// The canonical text: dotted quad, or RFC 5952 for IPv6.
  package var description: String {
    guard isIPv6 else {
      let shifts: [UInt64] = [24, 16, 8, 0]
      return shifts.map { shift in String((low >> shift) & 255) }.joined(separator: ".")
    }
    let words = (0..<8).map { word($0) }
    var bestStart = -1
    var bestLength = 1
    var index = 0
    while index < 8 {
      guard words[index] == 0 else {
        index += 1
        continue
      }
      var end = index
      while end < 8, words[end] == 0 { end += 1 }
      if end - index > bestLength {
        bestStart = index
        bestLength = end - index
      }
      index = end
    }
    guard bestStart >= 0 else {
      return words.map { String($0, radix: 16) }.joined(separator: ":")
    }
    let head = words[..<bestStart].map { String($0, radix: 16) }.joined(separator: ":")
    let tail = words[(bestStart + bestLength)...].map { String($0, radix: 16) }
    return head + "::" + tail.joined(separator: ":")
  }
}

extension IPAddress {
  /// One of the eight 16-bit groups of an IPv6 address, the first being 0.
  private func word(_ group: Int) -> UInt64 {
    let half = group < 4 ? high : low
    return (half >> UInt64((3 - group % 4) * 16)) & 0xffff
  }
}

// MARK: - Special ranges

extension IPAddress {
  /// Multicast, broadcast, link-local, loopback or unspecified: never a peer of a rule.
  ///
  /// The metadata and NodeLocal DNS addresses inside 169.254/16 count as link-local here; callers
  /// that care about them ask ``isMetadataService`` and ``isNodeLocalDNS`` first.
  package var isLocalOrMulticast: Bool {
    if isIPv6 {
      return high >> 56 == 0xff || high >> 54 == 0xfe80 >> 6 || (high == 0 && low <= 1)
    }
    let first = low >> 24
    return first == 0 || first == 127 || first >= 224 || low >> 16 == 0xa9fe
  }

  /// The instance metadata service: 169.254.169.254 or fd00:ec2::254.
  package var isMetadataService: Bool {
    isIPv6 ? high == 0xfd00_0ec2_0000_0000 && low == 0x254 : low == 0xa9fe_a9fe
  }

  /// The usual NodeLocal DNSCache address, 169.254.20.10.
  package var isNodeLocalDNS: Bool { !isIPv6 && low == 0xa9fe_140a }

  /// RFC 1918, RFC 6598 (100.64/10) and unique local IPv6 addresses.
  package var isPrivate: Bool {
    if isIPv6 { return high >> 57 == 0xfc >> 1 }
    return low >> 24 == 10 || low >> 20 == 0xac1 || low >> 16 == 0xc0a8 || low >> 22 == 0x191
  }
}

extension RawSpan {
  /// The byte at an offset; traps when it lies outside.
  @inlinable
  package func byte(at offset: Int) -> UInt8 {
    // A UInt8 has no alignment or invalid bit pattern, so any byte inside the span is a valid one.
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}
