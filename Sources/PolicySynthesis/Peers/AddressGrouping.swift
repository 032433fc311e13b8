import FlowModel

/// Joins external addresses into prefixes.
///
/// Addresses that fill a prefix completely are always joined: that opens nothing. When widening, a
/// prefix also stands for the addresses in it when it holds at least four of those seen and these
/// are at least a quarter of all its addresses; an IPv6 /64, in which hosts choose addresses at
/// random, when it holds at least four. No prefix is wider than /16 (IPv6: /48), and none
/// is widened over private, special or cluster addresses.
struct AddressGrouping {
  /// A prefix and how it came about.
  struct Group: Hashable {
    /// The prefix.
    var prefix: CIDR
    /// The number of seen addresses (or seen prefixes) in it.
    var seenCount: Int
    /// Whether it holds addresses that were not seen one by one.
    var isWidened: Bool
  }

  /// What no widened prefix may touch, besides special ranges.
  private let avoided: [CIDR]

  private static let leastSeen = 4
  private static let leastShare = 0.25
  private static let widestIPv4 = 16
  private static let widestIPv6 = 48

  /// Private, link-local, loopback, multicast and other special ranges.
  static let special: [CIDR] = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.168.0.0/16", "224.0.0.0/3", "fc00::/7", "fe80::/10", "ff00::/8", "::/16",
  ].compactMap { CIDR($0) }

  /// Makes a grouping.
  ///
  /// - Parameter avoided: Prefixes and addresses of the cluster.
  init(avoiding avoided: [CIDR]) {
    self.avoided = Array(Set(avoided)).sorted()
  }

  /// The prefixes for some addresses and prefixes, sorted and disjoint.
  func groups(_ seen: [CIDR], widening: Bool) -> [Group] {
    var units: [CIDR] = []
    for unit in Set(seen).sorted() where !(units.last?.contains(unit) ?? false) {
      units.append(unit)
    }
    let split = units.firstIndex { $0.address.isIPv6 } ?? units.count
    return groups(units[..<split], widening) + groups(units[split...], widening)
  }

  private func groups(_ units: ArraySlice<CIDR>, _ widening: Bool) -> [Group] {
    guard let first = units.first, let last = units.last else { return [] }
    guard units.count > 1 else {
      return [Group(prefix: first, seenCount: 1, isWidened: first.sizeExponent > 0)]
    }
    let length = min(
      AddressGrouping.commonBits(first.address, last.address),
      first.prefixLength,
      last.prefixLength
    )
    guard let prefix = CIDR(first.address, prefixLength: length) else { return [] }
    if widening, let wide = widened(prefix, units) {
      return [Group(prefix: wide, seenCount: units.count, isWidened: true)]
    }
    let middle = units.firstIndex { AddressGrouping.bit(length, of: $0.address) } ?? units.endIndex
    let halves = groups(units[..<middle], widening) + groups(units[middle...], widening)
    let widest = prefix.address.isIPv6 ? AddressGrouping.widestIPv6 : AddressGrouping.widestIPv4
    if halves.count == 2, halves.allSatisfy({ $0.prefix.prefixLength == length + 1 }),
      length >= widest
    {
      return [
        Group(
          prefix: prefix,
          seenCount: units.count,
          isWidened: halves.contains(where: \.isWidened)
        )
      ]
    }
    return halves
  }

  /// The prefix to open for some addresses, nil when they are too few of it; never for a prefix
  /// that they fill.
  private func widened(_ prefix: CIDR, _ units: ArraySlice<CIDR>) -> CIDR? {
    guard units.count >= AddressGrouping.leastSeen else { return nil }
    let isIPv6 = prefix.address.isIPv6
    let widest = isIPv6 ? AddressGrouping.widestIPv6 : AddressGrouping.widestIPv4
    guard prefix.prefixLength >= widest else { return nil }
    let share = units.reduce(0.0) {
      $0 + Double(sign: .plus, exponent: prefix.prefixLength - $1.prefixLength, significand: 1)
    }
    var candidate: CIDR?
    if share < 1, share >= AddressGrouping.leastShare {
      candidate = prefix
    } else if isIPv6, share < 1, prefix.prefixLength >= 64 {
      candidate = CIDR(prefix.address, prefixLength: 64)
    }
    guard let candidate, !AddressGrouping.special.contains(where: candidate.overlaps),
      !avoided.contains(where: candidate.overlaps)
    else { return nil }
    return candidate
  }

  private static func commonBits(_ one: IPAddress, _ two: IPAddress) -> Int {
    guard one.isIPv6 else {
      return min(32, max(0, (one.low ^ two.low).leadingZeroBitCount - 32))
    }
    let high = (one.high ^ two.high).leadingZeroBitCount
    return high < 64 ? high : 64 + (one.low ^ two.low).leadingZeroBitCount
  }

  private static func bit(_ position: Int, of address: IPAddress) -> Bool {
    guard address.isIPv6 else {
      return position < 32 && address.low >> UInt64(31 - position) & 1 == 1
    }
    if position < 64 { return address.high >> UInt64(63 - position) & 1 == 1 }
    return position < 128 && address.low >> UInt64(127 - position) & 1 == 1
  }
}
