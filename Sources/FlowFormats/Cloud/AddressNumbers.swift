import FlowModel

/// Numbers addresses in 32 bits: an IPv4 address is its own number.
///
/// IPv6 addresses get the numbers of 240.0.0.0/4, which no peer ever has, in the order first seen.
struct AddressNumbers: Sendable {
  /// The number of the first IPv6 address.
  private static let firstIPv6: UInt32 = 0xf000_0000

  /// The IPv6 addresses by number.
  private(set) var longAddresses: [IPAddress] = []
  private var slots = SlotIndex()

  /// The number of an address, given on first use; IPv4 addresses of 240.0.0.0/4 must not be asked for.
  @inline(__always)
  mutating func number(of address: IPAddress) -> UInt32 {
    address.isIPv6 ? number(ofLong: address) : UInt32(truncatingIfNeeded: address.low)
  }

  private mutating func number(ofLong address: IPAddress) -> UInt32 {
    let found = slots.find(AddressNumbers.hash(address)) { longAddresses[$0] == address }
    let position: Int
    if let found {
      position = found
    } else {
      position = longAddresses.count
      longAddresses.append(address)
      slots.insert(position) { AddressNumbers.hash(longAddresses[$0]) }
    }
    return AddressNumbers.firstIPv6 + UInt32(truncatingIfNeeded: position)
  }

  /// Whether a number is that of an IPv6 address.
  static func isLong(_ number: UInt32) -> Bool { number >= firstIPv6 }

  /// The address with a number.
  subscript(number: UInt32) -> IPAddress {
    AddressNumbers.isLong(number)
      ? longAddresses[Int(number - AddressNumbers.firstIPv6)] : IPAddress(ipv4: number)
  }

  private static func hash(_ address: IPAddress) -> UInt64 {
    SlotIndex.mix(address.low, address.high)
  }
}
