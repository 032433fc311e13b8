import FlowModel
import PolicyModel

/// Finds the few endpoints that a rule's peers may cover without testing them all.
struct EndpointFinder: Sendable {
  private struct Label: Hashable {
    var key: String
    var value: String
  }

  private struct Address {
    var value: UInt128
    var endpoint: Int
  }

  private let count: Int
  private var pods: [Int] = []
  private var byNamespace: [String: [Int]] = [:]
  private var byLabel: [Label: [Int]] = [:]
  /// Everything an entity other than `all` and `cluster` can mean.
  private var entityHolders: [Int] = []
  private var ipv4: [Address] = []
  private var ipv6: [Address] = []
  /// Endpoints that a prefix may cover whatever it is: their addresses are many or unknown.
  private var anywhere: [Int] = []
  /// Pods that a prefix may cover where the engine tests pods by address.
  private var withoutAddress: [Int] = []
  private var named: [Int] = []
  private var byName: [String: [Int]] = [:]

  /// Indexes endpoints.
  init(_ endpoints: [PolicyEndpoint]) {
    count = endpoints.count
    for (index, endpoint) in endpoints.enumerated() {
      if endpoint.isPod {
        pods.append(index)
        byNamespace[endpoint.namespace, default: []].append(index)
        for label in endpoint.labels.elements {
          byLabel[Label(key: label.key, value: label.value), default: []].append(index)
        }
      }
      if !endpoint.isPod || !endpoint.entities.isEmpty { entityHolders.append(index) }
      addAddresses(of: endpoint, index)
      guard !endpoint.dnsNames.isEmpty else { continue }
      named.append(index)
      for name in endpoint.dnsNames {
        byName[DNSPattern.normalized(name), default: []].append(index)
      }
    }
    ipv4.sort { $0.value < $1.value }
    ipv6.sort { $0.value < $1.value }
  }

  private mutating func addAddresses(of endpoint: PolicyEndpoint, _ index: Int) {
    if endpoint.addresses.contains(where: { $0.sizeExponent > 0 })
      || endpoint.addresses.isEmpty && !endpoint.isPod
    {
      anywhere.append(index)
      return
    }
    if endpoint.addresses.isEmpty { withoutAddress.append(index) }
    for prefix in endpoint.addresses {
      let address = Address(value: AddressRanges.range(prefix).lowerBound, endpoint: index)
      if prefix.address.isIPv6 { ipv6.append(address) } else { ipv4.append(address) }
    }
  }

  /// Endpoints among which is every one the peers cover, ascending and unique.
  func candidates(for matcher: PeerMatcher) -> [Int] {
    let takesAll =
      matcher.isEveryone || matcher.entities.contains(.all) || matcher.entities.contains(.cluster)
      || matcher.tests.contains { $0.pods == nil }
    if takesAll { return Array(0..<count) }
    var found: [Int] = []
    for match in matcher.pods + matcher.tests.compactMap(\.pods) {
      found += candidates(for: match)
    }
    if !matcher.entities.isEmpty { found += entityHolders }
    if matcher.addresses.coversAny {
      found += anywhere
      if matcher.engine == .calico { found += withoutAddress }
      collect(matcher.addresses.ipv4, from: ipv4, into: &found)
      collect(matcher.addresses.ipv6, from: ipv6, into: &found)
    }
    for name in matcher.names { found += byName[name] ?? [] }
    if matcher.hasPatterns { found += named }
    return found.sortedUnique()
  }

  private func collect(
    _ covered: IntervalSet<UInt128>,
    from addresses: [Address],
    into found: inout [Int]
  ) {
    for range in covered.ranges {
      var low = 0
      var high = addresses.count
      while low < high {
        let middle = (low + high) / 2
        if addresses[middle].value < range.lowerBound { low = middle + 1 } else { high = middle }
      }
      while low < addresses.count, addresses[low].value <= range.upperBound {
        found.append(addresses[low].endpoint)
        low += 1
      }
    }
  }

  private func candidates(for match: PodMatch) -> [Int] {
    var best = pods
    if case .named(let names) = match.namespaces {
      best = names.flatMap { byNamespace[$0] ?? [] }
    }
    for requirement in match.pods.conjunction ?? [] where requirement.operation == .in {
      let holders = requirement.values.flatMap {
        byLabel[Label(key: requirement.key, value: $0)] ?? []
      }
      if holders.count < best.count { best = holders }
    }
    return best
  }
}
