package import FlowModel

/// Private addresses of records that did not become evidence for want of a pod or a direction: a sample that
/// tells whether a log and an inventory are of one cluster.
///
/// However many there are, the lowest ones are kept, so that neither order nor parting of the input matters.
/// Counted are records with an end among the cluster's pods that no known pod held at that time.
package struct StrangeAddresses: Sendable {
  /// How many are kept.
  package static let limit = 128

  /// Records with an end that is a pod of the cluster, but none that is known for that time.
  package private(set) var unknownPodRecords = 0
  private var found: Set<IPAddress> = []

  /// Makes an empty sample.
  package init() {}

  /// The addresses, sorted, at most ``limit``.
  package var addresses: [IPAddress] { Array(found.sorted().prefix(StrangeAddresses.limit)) }

  /// Takes the address of an end; names, prefixes and public addresses are none.
  private mutating func insert(_ endpoint: Endpoint) {
    guard let range = endpoint.address, range == CIDR(single: range.address) else { return }
    insert(range.address)
  }

  /// Looks at the ends of a number of records.
  mutating func look(at source: Endpoint, _ destination: Endpoint, lines: Int) {
    if source.isUnknownPod || destination.isUnknownPod { unknownPodRecords += lines }
    guard source.kind != .pod, destination.kind != .pod else { return }
    insert(source)
    insert(destination)
  }

  /// Counts records anew.
  mutating func startAnew() { unknownPodRecords = 0 }

  /// Takes what another sample holds.
  mutating func merge(_ other: StrangeAddresses) {
    unknownPodRecords += other.unknownPodRecords
    for address in other.found { insert(address) }
  }

  /// Takes an address, unless it is public.
  mutating func insert(_ address: IPAddress) {
    guard address.isPrivate else { return }
    found.insert(address)
    if found.count > 2 * StrangeAddresses.limit { found = Set(addresses) }
  }
}

extension EvidenceAccumulator {
  /// Counts records of two ends of which nobody knows which one opened the connection.
  package mutating func discardUndecided(_ one: IPAddress, _ other: IPAddress, count: Int) {
    strangers.insert(one)
    strangers.insert(other)
    discard(.undecidedDirection, count: count)
  }
}

extension Endpoint {
  /// Whether its address is one of the cluster's pods, and no known one held it then.
  fileprivate var isUnknownPod: Bool {
    kind == .unresolved && entity == EvidenceAccumulator.unknownPodEntity
  }
}
