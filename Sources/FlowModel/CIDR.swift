/// An address prefix such as `10.0.0.0/8`, with the host bits cleared.
package struct CIDR: Hashable, Sendable {
  /// The first address of the prefix.
  package let address: IPAddress
  /// The number of leading bits that count: 0 to 32, or 0 to 128 for IPv6.
  package let prefixLength: Int

  /// Makes a prefix; bits of `address` past `prefixLength` are cleared.
  ///
  /// - Returns: nil when the length does not fit the address family.
  package init?(_ address: IPAddress, prefixLength: Int) {
    guard prefixLength >= 0, prefixLength <= address.bitWidth else { return nil }
    self.prefixLength = prefixLength
    if address.isIPv6 {
      let high = prefixLength >= 64 ? address.high : CIDR.keep(address.high, prefixLength)
      let low = prefixLength <= 64 ? 0 : CIDR.keep(address.low, prefixLength - 64)
      self.address = IPAddress(ipv6High: high, low: low)
    } else {
      self.address = IPAddress(ipv4: UInt32(CIDR.keep(address.low << 32, prefixLength) >> 32))
    }
  }

  /// The prefix that holds only one address: /32 or /128.
  package init(single address: IPAddress) {
    self.address = address
    prefixLength = address.bitWidth
  }

  /// Reads `address/length`; a bare address is its /32 or /128.
  package init?(_ text: some StringProtocol) {
    guard let slash = text.firstIndex(of: "/") else {
      guard let address = IPAddress(text) else { return nil }
      self.init(single: address)
      return
    }
    let digits = text[text.index(after: slash)...]
    guard let address = IPAddress(text[..<slash]), digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
      digits.utf8.count <= 3, let length = Int(digits)
    else { return nil }
    self.init(address, prefixLength: length)
  }

  private static func keep(_ bits: UInt64, _ count: Int) -> UInt64 {
    count <= 0 ? 0 : count >= 64 ? bits : bits & ~(UInt64.max >> UInt64(count))
  }

  /// Whether an address lies inside.
  package func contains(_ other: IPAddress) -> Bool {
    other.isIPv6 == address.isIPv6
      && CIDR(other, prefixLength: prefixLength)?.address == address
  }

  /// Whether another prefix lies wholly inside.
  package func contains(_ other: CIDR) -> Bool {
    other.prefixLength >= prefixLength && contains(other.address)
  }

  /// Whether the two share any address.
  package func overlaps(_ other: CIDR) -> Bool { contains(other) || other.contains(self) }

  /// The number of addresses as a power of two.
  package var sizeExponent: Int { address.bitWidth - prefixLength }

  /// Every IPv4 address.
  package static let worldIPv4 =
    CIDR(IPAddress(ipv4: 0), prefixLength: 0) ?? CIDR(single: .init(ipv4: 0))
  /// Every IPv6 address.
  package static let worldIPv6 =
    CIDR(IPAddress(ipv6High: 0, low: 0), prefixLength: 0) ?? CIDR(single: .init(ipv4: 0))
}

extension CIDR: Comparable {
  /// By address, the wider prefix first.
  package static func < (left: CIDR, right: CIDR) -> Bool {
    left.address != right.address
      ? left.address < right.address : left.prefixLength < right.prefixLength
  }
}

extension CIDR: CustomStringConvertible {
  /// `address/length`.
  package var description: String { "\(address)/\(prefixLength)" }
}
