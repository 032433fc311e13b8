import FlowModel

/// The parts of an ``AddressTable`` while it is made.
struct AddressTableMaker {
  typealias PortKey = ServiceDirectory.PortKey

  struct Pod {
    var life: PodLife
    var endpoint: Int32
    var ports: Set<PortKey>
  }

  /// A state of a Service, or of the endpoints behind it.
  struct State<Object> {
    var object: Object
    var span: TimeSpan
  }

  let inventory: Inventory
  let owners: OwnerResolver
  var endpoints: [Endpoint] = []
  var endpointIndex: [Endpoint: Int32] = [:]
  var pods: [Pod] = []
  var podsByNamespace: [String: [Int]] = [:]
  var podsByName: [EndpointsObject.PodName: [Int]] = [:]
  var podsByAddress: [IPAddress: [Int]] = [:]
  var nodes: [IPAddress: TimeSpan] = [:]
  var nodeNames: [IPAddress: Set<String>] = [:]
  var podNetworks: [CIDR] = []
  var apiServers: [IPAddress: Set<UInt16>] = [:]
  var services = ServiceDirectory()
  var slices: [EndpointsObject.PodName: [State<EndpointsObject>]] = [:]
  var names = PodNameIndex()
  var localDNS: Set<IPAddress> = []
  var fixedPorts: Set<ServiceDirectory.Key> = []
  var counts = AddressTable.LifeCounts()

  init(_ inventory: Inventory) {
    self.inventory = inventory
    owners = OwnerResolver(inventory)
  }

  mutating func index(of endpoint: Endpoint) -> Int32 {
    if let index = endpointIndex[endpoint] { return index }
    let index = Int32(endpoints.count)
    endpoints.append(endpoint)
    endpointIndex[endpoint] = index
    return index
  }

  func endpoint(of pod: PodObject) -> Endpoint {
    let metadata = pod.metadata
    if pod.isOnHostNetwork {
      let address = pod.hostAddresses.first ?? pod.addresses.first
      return Endpoint(
        kind: .node,
        cluster: inventory.cluster,
        address: address.map { CIDR(single: $0) },
        name: address == nil ? pod.nodeName : ""
      )
    }
    return Endpoint(
      kind: .pod,
      cluster: inventory.cluster,
      namespace: metadata.namespace,
      workload: owners.owner(of: pod),
      labels: VolatileLabels.stable(metadata.labels)
    )
  }

  // MARK: Pods

  mutating func makePods() {
    let count = inventory.records.count
    endpointIndex.reserveCapacity(count / 2)
    podsByName.reserveCapacity(count)
    podsByAddress.reserveCapacity(count)
    pods.reserveCapacity(count)
    let inventory = inventory
    inventory.forEachObject { identity, states in
      guard identity.kind == "Pod", let last = states.last?.last else { return }
      let absence = inventory.firstAbsence(of: identity, after: last)
      guard let life = PodLife(states, absentFrom: absence) else { return }
      let pod = life.pod
      let endpoint = endpoint(of: pod)
      let index = index(of: endpoint)
      let number = pods.count
      names.add(life, endpoint: endpoint, index: index)
      localDNS.formUnion(pod.localDNSAddresses)
      let name = EndpointsObject.PodName(
        namespace: pod.metadata.namespace,
        name: pod.metadata.name
      )
      podsByName[name, default: []].append(number)
      podsByNamespace[pod.metadata.namespace, default: []].append(number)
      if life.isOpenEnded, !pod.isOnHostNetwork, !life.holdings.isEmpty { counts.openEnded += 1 }
      if life.holdings.isEmpty, !life.everHeld.isEmpty { counts.withoutTime += 1 }
      for address in life.everHeld where !pod.isOnHostNetwork {
        podsByAddress[address, default: []].append(number)
      }
      pods.append(
        Pod(
          life: life,
          endpoint: index,
          ports: Set(pod.ports.map { PortKey($0.transport, $0.port) })
        )
      )
    }
    names.seal()
  }

  // MARK: Nodes

  mutating func makeNodes() {
    var found: [(addresses: [IPAddress], span: TimeSpan)] = []
    var ranges: [CIDR] = []
    inventory.forEachObject { identity, states in
      guard identity.kind == "Node", let first = states.first, let last = states.last else {
        return
      }
      let from = last.object.metadata.created ?? first.first
      let isGone = inventory.firstAbsence(of: identity, after: last.last) != nil
      let span = TimeSpan(from: from, to: isGone ? last.last : .max)
      for state in states {
        guard case .node(let node) = state.object else { continue }
        for address in node.addresses {
          nodeNames[address, default: []].insert(node.metadata.name)
        }
        ranges += node.podCIDRs
        // The bridge has the first address of the range, the overlay's device often the one before.
        let own = node.podCIDRs.flatMap { [$0.address, $0.address.successor] }
        found.append((node.addresses + own, span))
      }
    }
    for (addresses, span) in found {
      for address in addresses { addNode(address, span) }
    }
    podNetworks = ranges
    for pod in pods {
      guard let span = pod.life.activity else { continue }
      for address in pod.life.pod.hostAddresses {
        addNode(address, span)
        nodeNames[address, default: []].insert(pod.life.pod.nodeName)
      }
      guard pod.life.pod.isOnHostNetwork else { continue }
      for address in pod.life.everHeld { addNode(address, span) }
    }
  }

  private mutating func addNode(_ address: IPAddress, _ span: TimeSpan) {
    guard !address.isLocalOrMulticast else { return }
    nodes[address] = nodes[address]?.hull(span) ?? span
  }

  // MARK: API server

  mutating func makeAPIServers() {
    var slicesOf: [EndpointsObject.PodName: [State<EndpointsObject>]] = [:]
    var olderOf: [EndpointsObject.PodName: [State<EndpointsObject>]] = [:]
    inventory.forEachObject { identity, states in
      guard identity.kind == "EndpointSlice" || identity.kind == "Endpoints" else { return }
      for (state, span) in spans(of: identity, states) {
        guard case .endpoints(let object) = state, !object.service.isEmpty else { continue }
        let service = EndpointsObject.PodName(
          namespace: object.metadata.namespace,
          name: object.service
        )
        let made = State(object: object, span: span)
        if object.isSlice {
          slicesOf[service, default: []].append(made)
        } else {
          olderOf[service, default: []].append(made)
        }
      }
    }
    slices = olderOf.merging(slicesOf) { _, slices in slices }
    let service = EndpointsObject.PodName(namespace: "default", name: "kubernetes")
    for state in slices[service, default: []] {
      for subset in state.object.subsets {
        let ports = Set(subset.ports.filter { $0.transport == .tcp }.map(\.port))
        for address in subset.members.flatMap(\.addresses) {
          apiServers[address, default: []].formUnion(ports)
        }
      }
    }
    guard apiServers.isEmpty else { return }
    for pod in pods where pod.life.pod.metadata.namespace == "kube-system" {
      if let server = pod.life.pod.apiServer {
        apiServers[server.address, default: []].insert(server.port)
      }
    }
  }

  /// The states of an object with their times: the first from creation, each until the next.
  func spans(of identity: ObjectIdentity, _ states: ArraySlice<InventoryRecord>)
    -> [(object: InventoryObject, span: TimeSpan)]
  {
    guard let last = states.last else { return [] }
    let end = inventory.firstAbsence(of: identity, after: last.last) ?? .max
    var result: [(object: InventoryObject, span: TimeSpan)] = []
    for index in states.indices {
      let state = states[index]
      let from =
        index == states.startIndex ? state.object.metadata.created ?? .min : state.first
      let to = index + 1 < states.endIndex ? states[index + 1].first : end
      result.append((state.object, TimeSpan(from: min(from, state.first), to: to)))
    }
    return result
  }

  // MARK: Host ports

  mutating func makeHostPorts() {
    for index in pods.indices {
      let life = pods[index].life
      let pod = life.pod
      guard let span = life.activity else { continue }
      if pod.isOnHostNetwork {
        for port in pod.ports { addFixedPort(port.transport, port.port, pod: index) }
        continue
      }
      for port in pod.ports where port.hostPort != 0 {
        let backend = ServiceDirectory.Backend(
          endpoint: pods[index].endpoint,
          port: port.port,
          span: span
        )
        let entry = ServiceDirectory.Entry(
          name: "\(pod.metadata.namespace)/\(pod.metadata.name)",
          span: span,
          backends: [backend]
        )
        for address in pod.hostAddresses {
          services.add(entry, at: address, PortKey(port.transport, port.hostPort))
        }
      }
    }
  }

  // MARK: Finishing

  /// Which pods claim an address.
  struct Holdings {
    var portSets: [[PortKey]]
    var claims: [IPAddress: [AddressTimeline.Claim]]
    /// The names of the nodes that the pods at an address ran on.
    var hostNames: [IPAddress: Set<String>]
  }

  func holdings() -> Holdings {
    var portSets: [[PortKey]] = []
    var portIndex: [[PortKey]: Int32] = [:]
    var claims: [IPAddress: [AddressTimeline.Claim]] = [:]
    var hostNames: [IPAddress: Set<String>] = [:]
    for pod in pods where !pod.life.pod.isOnHostNetwork {
      for address in pod.life.everHeld where !pod.life.pod.nodeName.isEmpty {
        hostNames[address, default: []].insert(pod.life.pod.nodeName)
      }
      let ports = pod.ports.sorted()
      let index = portIndex[ports] ?? Int32(portSets.count)
      if portIndex[ports] == nil {
        portIndex[ports] = index
        portSets.append(ports)
      }
      for address in pod.life.everHeld where claims[address] == nil { claims[address] = [] }
      for holding in pod.life.holdings {
        claims[holding.address, default: []].append(
          AddressTimeline.Claim(
            holding: holding,
            isLive: pod.life.isLive,
            endpoint: pod.endpoint,
            ports: index
          )
        )
      }
    }
    return Holdings(portSets: portSets, claims: claims, hostNames: hostNames)
  }
}

extension IPAddress {
  /// The next higher address; the highest one of a family is its own successor.
  fileprivate var successor: IPAddress {
    guard isIPv6 else {
      return IPAddress(ipv4: UInt32(truncatingIfNeeded: min(low + 1, 0xffff_ffff)))
    }
    guard low == .max else { return IPAddress(ipv6High: high, low: low + 1) }
    return high == .max ? self : IPAddress(ipv6High: high + 1, low: 0)
  }
}
