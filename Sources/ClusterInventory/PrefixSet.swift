import FlowModel

/// Prefixes with fast lookup of addresses: one hash lookup per distinct length.
struct PrefixSet: Sendable {
  private var prefixes: Set<CIDR> = []
  private var lengths: [Int] = []
  private var lengthsIPv6: [Int] = []

  init(_ prefixes: some Sequence<CIDR>) {
    self.prefixes = Set(prefixes)
    lengths = Set(self.prefixes.filter { !$0.address.isIPv6 }.map(\.prefixLength)).sorted()
    lengthsIPv6 = Set(self.prefixes.filter { $0.address.isIPv6 }.map(\.prefixLength)).sorted()
  }

  /// The prefixes, sorted.
  var all: [CIDR] { prefixes.sorted() }

  func contains(_ address: IPAddress) -> Bool {
    for length in address.isIPv6 ? lengthsIPv6 : lengths {
      if let prefix = CIDR(address, prefixLength: length), prefixes.contains(prefix) { return true }
    }
    return false
  }

  /// The prefixes that lie in no other one, sorted.
  static func outermost(_ prefixes: some Sequence<CIDR>) -> [CIDR] {
    var result: [CIDR] = []
    for prefix in Set(prefixes).sorted() {
      if let last = result.last, last.contains(prefix) { continue }
      result.append(prefix)
    }
    return result
  }
}
