import FlowModel

/// Numbers addresses, so that tables hold four bytes instead of an address.
struct AddressTable: Sendable {
  /// The addresses by number.
  private(set) var addresses: [IPAddress] = []
  private var slots = SlotIndex()

  /// The number of an address, given on first use.
  @inline(__always)
  mutating func number(of address: IPAddress) -> UInt32 {
    let found = slots.find(AddressTable.hash(address)) { addresses[$0] == address }
    if let found { return UInt32(truncatingIfNeeded: found) }
    addresses.append(address)
    slots.insert(addresses.count - 1) { AddressTable.hash(addresses[$0]) }
    return UInt32(truncatingIfNeeded: addresses.count - 1)
  }

  /// The address with a number.
  subscript(number: UInt32) -> IPAddress { addresses[Int(number)] }

  @inline(__always)
  private static func hash(_ address: IPAddress) -> UInt64 {
    SlotIndex.mix(address.low, address.high)
  }
}
