import FlowModel

/// Services, node ports and host ports: addresses and ports that lead to pods' own ports.
struct ServiceDirectory: Sendable {
  /// An address, protocol and port.
  struct Key: Hashable {
    var address: IPAddress
    var port: PortKey
  }

  /// A protocol and port.
  struct PortKey: Hashable, Comparable {
    var transport: UInt8
    var port: UInt16

    init(_ transport: TransportProtocol, _ port: UInt16) {
      self.transport = transport.number
      self.port = port
    }

    static func < (left: PortKey, right: PortKey) -> Bool {
      left.transport != right.transport
        ? left.transport < right.transport : left.port < right.port
    }
  }

  /// Pods of one endpoint behind an entry, with the time any of them was there.
  struct Backend: Hashable {
    var endpoint: Int32
    var port: UInt16
    var span: TimeSpan
  }

  /// One state of one Service port.
  struct Entry {
    var name: String
    var span: TimeSpan
    var backends: [Backend]
  }

  private var entries: [Key: [Entry]] = [:]
  private var nodePorts: [PortKey: [Entry]] = [:]
  private var clusterAddresses: [IPAddress: [Entry]] = [:]

  mutating func add(_ entry: Entry, at address: IPAddress, _ port: PortKey) {
    entries[Key(address: address, port: port), default: []].append(entry)
  }

  mutating func add(_ entry: Entry, onNodesAt port: PortKey) {
    nodePorts[port, default: []].append(entry)
  }

  mutating func addClusterAddress(_ address: IPAddress, name: String, span: TimeSpan) {
    clusterAddresses[address, default: []].append(Entry(name: name, span: span, backends: []))
  }

  /// Every address that belongs to a Service inside the cluster.
  var clusterAddressList: [IPAddress] { clusterAddresses.keys.sorted() }

  /// Whether the address belongs to a Service, at any time.
  func knows(_ address: IPAddress) -> Bool { clusterAddresses[address] != nil }

  /// What a record to an address and port meets; nil when no Service is there.
  func entries(
    at address: IPAddress,
    _ port: PortKey,
    isNode: Bool,
    from start: Int64,
    to end: Int64
  ) -> [Entry]? {
    let key = Key(address: address, port: port)
    if let found = current(entries[key], from: start, to: end) { return found }
    if isNode, let found = current(nodePorts[port], from: start, to: end) { return found }
    return current(clusterAddresses[address], from: start, to: end)
  }

  /// All ports that lead anywhere.
  var ports: Set<UInt16> {
    Set(entries.keys.map(\.port.port)).union(nodePorts.keys.map(\.port))
  }

  /// Whether the port leads to a Service or host port there.
  func serves(_ address: IPAddress, _ port: PortKey, isNode: Bool, at time: Int64) -> Bool {
    current(entries[Key(address: address, port: port)], from: time, to: time) != nil
      || isNode && current(nodePorts[port], from: time, to: time) != nil
  }

  private func current(_ candidates: [Entry]?, from start: Int64, to end: Int64) -> [Entry]? {
    guard let candidates else { return nil }
    let found = candidates.filter {
      $0.span.widened(by: AddressTimeline.slack).overlaps(from: start, to: end)
    }
    // A Service that changed its ports or selector in between has two states within the slack.
    let strict = found.filter { $0.span.overlaps(from: start, to: end) }
    return found.isEmpty ? nil : strict.isEmpty ? found : strict
  }
}
