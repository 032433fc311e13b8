package import ClusterInventory
import FlowAggregation
package import FlowModel
package import PolicyModel

/// What a person may name as an end of a connection, as the evaluator sees it.
package struct NamedEnd: Sendable {
  /// The name to show.
  package var name: String
  /// The endpoints that it may be; never empty.
  package var endpoints: [PolicyEndpoint]
  /// The port behind a Service's; nil where the port is the one asked for.
  package var port: UInt16?
  /// What it was taken for, where that is not plain; else nil.
  package var note: String?
}

/// Why a name is no end of a connection.
package enum EndLookupError: Error, Hashable, Sendable {
  /// Nothing is called that; names that come near.
  case unknown(name: String, near: [String])
  /// The address lies in the cluster, but no pod, node or Service is known to hold it.
  case unknownHolder(address: String)
  /// Several workloads may hold the address.
  case ambiguous(address: String)
}

/// Finds ends by workload, pod, address, Service address, DNS name or entity.
package struct EndLookup: Sendable {
  private let universe: PolicyUniverse
  private let workloads: [Workload]
  private let workloadNames: [String]
  private let addresses: AddressTable
  private let time: Int64

  /// Makes a lookup over the evidence of a store.
  package init(_ evidence: Evidence, inventory: Inventory, universe: PolicyUniverse) {
    self.universe = universe
    workloads = evidence.workloads
    workloadNames = evidence.workloadNames
    addresses = AddressTable(inventory)
    time = inventory.headers.last?.time ?? 0
  }

  /// Entities that can be named, with what the evaluator takes them for.
  private static let entities: [String: Set<ReservedEntity>] = [
    "world": [.world], "host": [.host], "node": [.remoteNode], "remote-node": [.remoteNode],
    "kube-apiserver": [.kubeAPIServer, .remoteNode], "ingress": [.ingress], "health": [.health],
    "init": [.`init`], "unmanaged": [.unmanaged],
  ]

  /// The end of a name.
  ///
  /// - Parameters:
  ///   - name: `shop/web`, a pod (`shop/web-6d4b75cb6d-x2x`), an address or prefix, a DNS name, or an
  ///     entity (`world`, `node`, `host`, `kube-apiserver`, ...).
  ///   - transport: The protocol, and `port` the port: they tell Services at one address apart.
  /// - Throws: ``EndLookupError``.
  package func end(
    _ name: String,
    transport: TransportProtocol,
    port: UInt16
  ) throws(EndLookupError) -> NamedEnd {
    let known = universe.names.indices.filter { universe.names[$0] == name }
    if !known.isEmpty {
      return NamedEnd(name: name, endpoints: known.map { universe.endpoints[$0] })
    }
    if let prefix = CIDR(name) { return try end(prefix, name, transport, port) }
    if let entities = EndLookup.entities[name] {
      // What stands for all of the world has no address.
      return NamedEnd(name: name, endpoints: [PolicyEndpoint(isPod: false, entities: entities)])
    }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 2,
      let pod = addresses.pod(namespace: parts[0], name: parts[1], at: time),
      let end = end(of: pod, name)
    {
      return end
    }
    if parts.count == 1, EndLookup.isDNSName(name) {
      let lower = name.lowercased()
      let normal = lower.hasSuffix(".") ? String(lower.dropLast()) : lower
      return NamedEnd(
        name: normal,
        endpoints: [PolicyEndpoint(isPod: false, entities: [.world], dnsNames: [normal])],
        note: "a DNS name outside the cluster, address unknown"
      )
    }
    throw .unknown(name: name, near: near(name))
  }

  private func end(
    _ prefix: CIDR,
    _ name: String,
    _ transport: TransportProtocol,
    _ port: UInt16
  ) throws(EndLookupError) -> NamedEnd {
    let external = NamedEnd(name: name, endpoints: [.external(prefix)])
    guard prefix.sizeExponent == 0 else { return external }
    switch addresses.resolve(prefix.address, transport: transport, port: port, from: time, to: time)
    {
    case .endpoint(let endpoint): return end(of: endpoint, name) ?? external
    case .service(let service, let backends):
      var result = NamedEnd(name: name, endpoints: [], note: "Service \(service)")
      for backend in backends {
        guard let end = end(of: backend.endpoint, name) else { continue }
        result.endpoints += end.endpoints
        result.port = backend.port
        result.note = "Service \(service), \(end.note ?? end.name), port \(backend.port)"
      }
      guard !result.endpoints.isEmpty else { throw .unknownHolder(address: name) }
      return result
    case .ambiguous: throw .ambiguous(address: name)
    case .unknownPod: throw .unknownHolder(address: name)
    case .internalUnknown:
      var end = external
      end.note = "a private address that no pod, node or Service is known to hold"
      return end
    case .ignored: return external
    }
  }

  /// The end that an endpoint of the inventory is; nil for a pod of no known workload.
  private func end(of endpoint: Endpoint, _ name: String) -> NamedEnd? {
    guard endpoint.kind == .pod else {
      let kind: String? =
        switch endpoint.kind {
        case .node: "a node"
        case .apiServer: "the API server"
        default: nil
        }
      return NamedEnd(name: name, endpoints: [PolicyUniverse.endpoint(endpoint)], note: kind)
    }
    let index = workloads.indices.first { index in
      let workload = workloads[index]
      guard workload.namespace == endpoint.namespace else { return false }
      if let owner = endpoint.workload { return workload.owner == owner }
      return workload.owner == nil && workload.labelSets.contains(endpoint.labels)
    }
    guard let index else { return nil }
    let all = universe.indices(ofWorkload: index).map { universe.endpoints[$0] }
    let same = all.filter { $0.labels == endpoint.labels }
    return NamedEnd(
      name: name,
      endpoints: same.isEmpty ? all : same,
      note: "a pod of \(workloadNames[index])"
    )
  }

  private static func isDNSName(_ text: String) -> Bool {
    text.contains(".")
      && KubernetesSyntax.isDNSSubdomain(
        (text.hasSuffix(".") ? String(text.dropLast()) : text).lowercased()
      )
  }

  // MARK: - Near names

  /// Up to five names that are like one, best first.
  private func near(_ name: String) -> [String] {
    let wanted = Array(name.utf8.suffix(253))
    let short = wanted.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? wanted
    var rated: [(distance: Int, name: String)] = []
    for known in Set(workloadNames) {
      let bytes = Array(known.utf8)
      let own = bytes.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? bytes
      var distance = min(
        EndLookup.distance(wanted, bytes),
        // The same name in another namespace, or without one.
        EndLookup.distance(short, own) + 1
      )
      if !short.isEmpty, own.starts(with: short) { distance = min(distance, 2) }
      if distance <= max(2, short.count / 3) { rated.append((distance, known)) }
    }
    return rated.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(5).map(\.name)
  }

  /// The least number of bytes to insert, remove or change.
  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (one, byte) in left.enumerated() {
      var diagonal = row[0]
      row[0] = one + 1
      for (two, other) in right.enumerated() {
        let replaced = diagonal + (byte == other ? 0 : 1)
        diagonal = row[two + 1]
        row[two + 1] = min(replaced, row[two] + 1, row[two + 1] + 1)
      }
    }
    return row[right.count]
  }
}
