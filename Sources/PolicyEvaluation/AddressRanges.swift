import FlowModel
import PolicyModel

/// The addresses that prefixes less their exceptions cover, per address family.
struct AddressRanges: Hashable, Sendable {
  /// IPv4 addresses.
  private(set) var ipv4 = IntervalSet<UInt128>()
  /// IPv6 addresses.
  private(set) var ipv6 = IntervalSet<UInt128>()
  /// Whether a prefix is 0.0.0.0/0, whatever its exceptions.
  private(set) var namesWholeIPv4 = false
  /// Whether a prefix is ::/0, whatever its exceptions.
  private(set) var namesWholeIPv6 = false

  /// Covers what the prefix peers of a rule cover together.
  init(_ peers: [PolicyPeer]) {
    for case .cidr(let prefix, let exceptions) in peers {
      let holes = exceptions.filter { $0.address.isIPv6 == prefix.address.isIPv6 }
      let part = IntervalSet(AddressRanges.range(prefix))
        .subtracting(IntervalSet(holes.map(AddressRanges.range)))
      if prefix.address.isIPv6 {
        ipv6 = ipv6.union(part)
        if prefix.prefixLength == 0 { namesWholeIPv6 = true }
      } else {
        ipv4 = ipv4.union(part)
        if prefix.prefixLength == 0 { namesWholeIPv4 = true }
      }
    }
  }

  /// The first and last address of a prefix as numbers.
  static func range(_ prefix: CIDR) -> ClosedRange<UInt128> {
    let first = UInt128(prefix.address.high) << 64 | UInt128(prefix.address.low)
    let size = prefix.sizeExponent
    let mask = size >= 128 ? UInt128.max : (UInt128(1) << UInt128(size)) - 1
    return first...(first | mask)
  }

  /// Whether any endpoint can be covered.
  var coversAny: Bool { !ipv4.isEmpty || !ipv6.isEmpty || namesWholeIPv4 || namesWholeIPv6 }

  /// How much of a prefix is covered.
  func coverage(of prefix: CIDR) -> MatchLevel {
    let range = AddressRanges.range(prefix)
    let covered = prefix.address.isIPv6 ? ipv6 : ipv4
    if covered.contains(range) { return .whole }
    return covered.overlaps(range) ? .part : .none
  }

  /// How much of all the prefixes is covered; none when there are none.
  func coverage(of prefixes: [CIDR]) -> MatchLevel {
    var isAllWhole = !prefixes.isEmpty
    var isAny = false
    for prefix in prefixes {
      let level = coverage(of: prefix)
      if level != .whole { isAllWhole = false }
      if level != .none { isAny = true }
    }
    return isAllWhole ? .whole : isAny ? .part : .none
  }
}

/// How much of an endpoint a peer covers; only endpoints that stand for many addresses know `part`.
enum MatchLevel: UInt8, Hashable, Sendable, Comparable {
  /// Nothing of it.
  case none = 0
  /// Some of it: enough for a deny, not for an allow.
  case part = 1
  /// All of it.
  case whole = 2

  /// By how much.
  static func < (left: MatchLevel, right: MatchLevel) -> Bool { left.rawValue < right.rawValue }
}
