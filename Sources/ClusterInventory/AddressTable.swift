package import FlowModel

/// Tells who held an address at a time, and what stands behind Services; made from an inventory.
///
/// The order is that of the inventory document, section 3: pod, Service, node, special addresses, API
/// server, unknown pod, private, external. Two points are decided here. A pod that ran in the last
/// snapshot is taken to hold its address from then on until another claims it, since logs are often
/// taken after the snapshot; such pods are counted. A control-plane node is the API server only on the
/// API server's port: everything else from and to its address is the node.
package final class AddressTable: AddressResolving {
  let cluster: String
  let endpoints: [Endpoint]
  let timeline: AddressTimeline
  let nodes: [IPAddress: TimeSpan]
  /// Names of the nodes that an address belongs to, and of those that the pods at an address ran on.
  let nodeNames: [IPAddress: Set<String>]
  let hostNames: [IPAddress: Set<String>]
  let services: ServiceDirectory
  let apiServers: [IPAddress: Set<UInt16>]
  let podNetworks: PrefixSet
  let names: PodNameIndex
  let localDNS: Set<IPAddress>
  /// Ports served by pods, sorted; indexed by the timeline.
  let portSets: [[ServiceDirectory.PortKey]]
  /// Ports that host-network pods and kubelets serve on nodes, and slices outside of pods.
  let fixedPorts: Set<ServiceDirectory.Key>
  let lives: LifeCounts
  /// The ports that are served at any address and time by any protocol; see ``AddressResolving``.
  package let servedPorts: ServedPorts

  /// Makes the table; costs about one pass over the objects and one over Services times pods of their
  /// namespace.
  package init(_ inventory: Inventory) {
    var maker = AddressTableMaker(inventory)
    maker.makePods()
    maker.makeNodes()
    maker.makeAPIServers()
    maker.makeServices()
    maker.makeHostPorts()
    let holdings = maker.holdings()
    cluster = inventory.cluster
    endpoints = maker.endpoints
    timeline = AddressTimeline(holdings.claims)
    nodes = maker.nodes
    nodeNames = maker.nodeNames
    hostNames = holdings.hostNames
    services = maker.services
    apiServers = maker.apiServers
    podNetworks = PrefixSet(maker.podNetworks)
    names = maker.names
    localDNS = maker.localDNS.subtracting(maker.services.clusterAddressList)
    portSets = holdings.portSets
    fixedPorts = maker.fixedPorts
    lives = maker.counts
    var ports: Set<UInt16> = [AddressTable.dnsPort, AddressTable.kubeletPort]
    for set in holdings.portSets { ports.formUnion(set.map(\.port)) }
    for set in maker.apiServers.values { ports.formUnion(set) }
    ports.formUnion(maker.fixedPorts.map(\.port.port))
    ports.formUnion(maker.services.ports)
    servedPorts = ServedPorts(ports)
  }

  /// How many pods fell into which case while the table was made.
  struct LifeCounts: Hashable, Sendable {
    var openEnded = 0
    var withoutTime = 0
    var unresolvedTargetPorts = 0
    var unknownSliceTargets = 0
  }

  /// Addresses that two different workloads claim with equal right for some time, sorted.
  package var ambiguousAddresses: [IPAddress] { timeline.ambiguousAddresses }

  /// Resolves an address at a time; see ``AddressTable``.
  package func resolve(
    _ address: IPAddress,
    transport: TransportProtocol,
    port: UInt16,
    from start: Int64,
    to end: Int64
  ) -> AddressResolution {
    let end = max(start, end)
    if let special = special(address) { return special }
    switch timeline.holder(of: address, from: start, to: end) {
    case .endpoint(let index): return .endpoint(endpoints[Int(index)])
    case .ambiguous: return .ambiguous
    case .nobody: break
    }
    let isNode = isNode(address, from: start, to: end)
    if let entries = services.entries(
      at: address,
      ServiceDirectory.PortKey(transport, port),
      isNode: isNode,
      from: start,
      to: end
    ) {
      return .service(
        name: (entries.first { !$0.backends.isEmpty } ?? entries.first)?.name ?? "",
        backends: backends(of: entries, from: start, to: end)
      )
    }
    let single = CIDR(single: address)
    if let ports = apiServers[address], !isNode || ports.contains(port) {
      return .endpoint(Endpoint(kind: .apiServer, cluster: cluster, address: single))
    }
    if isNode { return .endpoint(Endpoint(kind: .node, cluster: cluster, address: single)) }
    if timeline.knows(address) || podNetworks.contains(address) { return .unknownPod }
    if address.isPrivate || services.knows(address) || nodes[address] != nil {
      return .internalUnknown
    }
    return .endpoint(Endpoint(kind: .address, address: single))
  }

  /// The number of the pod that held an address all through a time; see ``AddressResolving``.
  package func steadyPod(at address: IPAddress, from start: Int64, to end: Int64) -> Int? {
    // Nobody else may come so near to either end that a record there would be ambiguous.
    let margin = 2 * AddressTimeline.slack
    guard special(address) == nil,
      case .endpoint(let index) = timeline.holder(
        of: address,
        from: start - margin,
        to: end + margin
      ), endpoints[Int(index)].kind == .pod
    else { return nil }
    return Int(index)
  }

  /// The endpoint of a pod by its number; see ``AddressResolving``.
  package func steadyPod(numbered number: Int) -> Endpoint? {
    endpoints.indices.contains(number) ? endpoints[number] : nil
  }

  /// Whether an address was a node's all through a time; see ``AddressResolving``.
  package func isSteadyNode(at address: IPAddress, from start: Int64, to end: Int64) -> Bool {
    special(address) == nil && !timeline.knows(address) && !services.knows(address)
      && isNode(address, from: start, to: max(start, end))
  }

  /// Whether a pod that ever held an address ran on the node with another one; see ``AddressResolving``.
  package func runs(podAt address: IPAddress, onNodeAt node: IPAddress) -> Bool {
    guard let hosts = hostNames[address], let names = nodeNames[node] else { return false }
    return !hosts.isDisjoint(with: names)
  }

  private func isNode(_ address: IPAddress, from start: Int64, to end: Int64) -> Bool {
    nodes[address]?.widened(by: AddressTimeline.slack).contains(from: start, to: end) == true
  }

  private func special(_ address: IPAddress) -> AddressResolution? {
    if address.isNodeLocalDNS || localDNS.contains(address) {
      return .endpoint(
        Endpoint(kind: .address, address: CIDR(single: address), entity: "node-local-dns")
      )
    }
    if address.isMetadataService {
      return .endpoint(Endpoint(kind: .address, address: CIDR(single: address)))
    }
    if let name = AddressTable.specialPeers[address] {
      return .endpoint(Endpoint(kind: .address, address: CIDR(single: address), entity: name))
    }
    return address.isLocalOrMulticast ? .ignored : nil
  }

  /// Services of cloud providers at fixed addresses that stay named peers.
  private static let specialPeers: [IPAddress: String] = {
    let names = [
      "169.254.169.253": "cloud-dns", "fd00:ec2::253": "cloud-dns",
      "169.254.170.2": "ecs-credentials", "169.254.170.23": "eks-pod-identity",
      "fd00:ec2::23": "eks-pod-identity", "168.63.129.16": "azure-platform",
    ]
    var peers: [IPAddress: String] = [:]
    for (text, name) in names {
      if let address = IPAddress(text) { peers[address] = name }
    }
    return peers
  }()

  /// The backends that were there during a record.
  ///
  /// Where any of several nodes or API servers may have answered, one endpoint without address stands
  /// for them; pods of one workload with different labels become one endpoint with the labels shared.
  private func backends(
    of entries: [ServiceDirectory.Entry],
    from start: Int64,
    to end: Int64
  ) -> [ServiceBackend] {
    var result: [ServiceBackend] = []
    for entry in entries {
      for backend in entry.backends
      where backend.span.widened(by: AddressTimeline.slack).overlaps(from: start, to: end) {
        let endpoint = endpoints[Int(backend.endpoint)]
        let made = ServiceBackend(endpoint: endpoint, port: backend.port)
        if result.contains(made) { continue }
        let same = result.firstIndex {
          $0.port == backend.port && $0.endpoint.merged(with: endpoint) != nil
        }
        if let same, let merged = result[same].endpoint.merged(with: endpoint) {
          result[same].endpoint = merged
        } else {
          result.append(made)
        }
      }
    }
    return result.sorted {
      $0.endpoint != $1.endpoint ? $0.endpoint < $1.endpoint : $0.port < $1.port
    }
  }

  /// The endpoint of a pod by name or by Calico's aggregated name (`web-6d4b75cb6d-*`).
  ///
  /// A host-network pod is its node. An aggregated name resolves only when all pods it stands for
  /// belong to one workload, whatever the time.
  package func pod(namespace: String, name: String, at time: Int64) -> Endpoint? {
    if let index = names.endpoint(namespace: namespace, name: name, at: time) {
      return endpoints[Int(index)]
    }
    return names.aggregated(namespace: namespace, name: name)
  }

  /// Whether a port there is known to be served; a hint, since pods need not declare their ports.
  package func serves(
    _ address: IPAddress,
    transport: TransportProtocol,
    port: UInt16,
    at time: Int64
  ) -> Bool {
    // Most ports are clients', and those need no look at the address.
    guard servedPorts.contains(port) else { return false }
    let key = ServiceDirectory.PortKey(transport, port)
    if let index = timeline.ports(of: address, at: time) {
      return portSets[Int(index)].contains(key)
    }
    if transport == .tcp, apiServers[address]?.contains(port) == true { return true }
    if port == AddressTable.dnsPort, address.isNodeLocalDNS || localDNS.contains(address) {
      return true
    }
    let isNode = isNode(address, from: time, to: time)
    if isNode, transport == .tcp, port == AddressTable.kubeletPort { return true }
    return services.serves(address, key, isNode: isNode, at: time)
      || fixedPorts.contains(ServiceDirectory.Key(address: address, port: key))
  }

  /// The port every kubelet serves.
  private static let kubeletPort: UInt16 = 10250
  /// The port of resolvers, those on nodes too.
  private static let dnsPort: UInt16 = 53
}

extension Endpoint {
  /// One endpoint for two backends of a Service that policy need not tell apart, nil if it must.
  fileprivate func merged(with other: Endpoint) -> Endpoint? {
    if kind == other.kind, kind == .node || kind == .apiServer {
      return Endpoint(kind: kind, cluster: cluster)
    }
    return joined(with: other)
  }
}
