import FlowModel

// MARK: - Services

extension AddressTableMaker {
  mutating func makeServices() {
    var found: [State<ServiceObject>] = []
    inventory.forEachObject { identity, states in
      guard identity.kind == "Service" else { return }
      for (state, span) in spans(of: identity, states) {
        if case .service(let service) = state { found.append(State(object: service, span: span)) }
      }
    }
    for state in found { add(state) }
    noteSlicePorts()
  }

  private mutating func add(_ state: State<ServiceObject>) {
    let service = state.object
    guard service.type != .externalName else { return }
    let matching = selected(by: service)
    for port in service.ports {
      let entry = ServiceDirectory.Entry(
        name: service.qualifiedName,
        span: state.span,
        backends: backends(of: state, port: port, pods: matching)
      )
      let key = PortKey(port.transport, port.port)
      for address in service.clusterAddresses + service.externalAddresses
        + service.loadBalancerAddresses
      {
        services.add(entry, at: address, key)
      }
      if port.nodePort != 0 {
        services.add(entry, onNodesAt: PortKey(port.transport, port.nodePort))
      }
    }
    if service.healthCheckNodePort != 0 {
      let entry = ServiceDirectory.Entry(
        name: service.qualifiedName,
        span: state.span,
        backends: []
      )
      services.add(entry, onNodesAt: PortKey(.tcp, service.healthCheckNodePort))
    }
    for address in service.clusterAddresses {
      services.addClusterAddress(address, name: service.qualifiedName, span: state.span)
    }
  }

  private func selected(by service: ServiceObject) -> [Int] {
    guard !service.selector.isEmpty else { return [] }
    return podsByNamespace[service.metadata.namespace, default: []].filter { index in
      pods[index].life.labelHistory.contains { service.selector.isSubset(of: $0) }
    }
  }

  private mutating func backends(
    of state: State<ServiceObject>,
    port: ServiceObject.Port,
    pods matching: [Int]
  ) -> [ServiceDirectory.Backend] {
    if state.object.isAPIServer { return apiServerBackends(port) }
    var spans: [ServiceDirectory.Backend: TimeSpan] = [:]
    func add(_ endpoint: Int32, _ port: UInt16, _ span: TimeSpan) {
      let key = ServiceDirectory.Backend(
        endpoint: endpoint,
        port: port,
        span: TimeSpan(from: 0, to: 0)
      )
      spans[key] = spans[key]?.hull(span) ?? span
    }
    var hasUnresolvedPort = false
    for index in matching {
      guard let span = pods[index].life.activity else { continue }
      guard let target = targetPort(port, of: state.object, pod: pods[index].life.pod) else {
        hasUnresolvedPort = true
        continue
      }
      pods[index].ports.insert(PortKey(port.transport, target))
      if pods[index].life.pod.isOnHostNetwork { addFixedPort(port.transport, target, pod: index) }
      add(pods[index].endpoint, target, span)
    }
    if hasUnresolvedPort { counts.unresolvedTargetPorts += 1 }
    // Slices may be from another time than the pods: they count only where no pod was found.
    if spans.isEmpty {
      for (endpoint, number, span) in sliceBackends(of: state.object, port: port) {
        add(endpoint, number, span)
      }
    }
    return spans.map { key, span in
      ServiceDirectory.Backend(endpoint: key.endpoint, port: key.port, span: span)
    }
    .sorted { $0.endpoint != $1.endpoint ? $0.endpoint < $1.endpoint : $0.port < $1.port }
  }

  private mutating func apiServerBackends(_ port: ServiceObject.Port)
    -> [ServiceDirectory.Backend]
  {
    guard port.transport == .tcp else { return [] }
    let always = TimeSpan(from: .min, to: .max)
    var result: [ServiceDirectory.Backend] = []
    for (address, ports) in apiServers.sorted(by: { $0.key < $1.key }) {
      let endpoint = Endpoint(
        kind: .apiServer,
        cluster: inventory.cluster,
        address: CIDR(single: address)
      )
      let index = index(of: endpoint)
      result += ports.sorted().map {
        ServiceDirectory.Backend(endpoint: index, port: $0, span: always)
      }
    }
    if result.isEmpty, case .number(let target) = port.target {
      let index = index(of: Endpoint(kind: .apiServer, cluster: inventory.cluster))
      result = [ServiceDirectory.Backend(endpoint: index, port: target, span: always)]
    }
    return result
  }

  /// The pod's own port behind a Service port: by number, by name on the pod, by the slice's port.
  private func targetPort(
    _ port: ServiceObject.Port,
    of service: ServiceObject,
    pod: PodObject
  ) -> UInt16? {
    switch port.target {
    case .number(let number): return number
    case .name(let name):
      if let named = pod.ports.first(where: {
        $0.name == name && $0.transport == port.transport
      }) {
        return named.port
      }
      let key = EndpointsObject.PodName(
        namespace: service.metadata.namespace,
        name: service.metadata.name
      )
      for state in slices[key, default: []] {
        for subset in state.object.subsets
        where subset.members.contains(where: {
          $0.pod?.name == pod.metadata.name && $0.pod?.namespace == pod.metadata.namespace
        }) {
          if let found = subset.ports.first(where: {
            $0.name == port.name && $0.transport == port.transport
          }) {
            return found.port
          }
        }
      }
      return nil
    }
  }

  private mutating func sliceBackends(of service: ServiceObject, port: ServiceObject.Port)
    -> [(endpoint: Int32, port: UInt16, span: TimeSpan)]
  {
    let key = EndpointsObject.PodName(
      namespace: service.metadata.namespace,
      name: service.metadata.name
    )
    var result: [(endpoint: Int32, port: UInt16, span: TimeSpan)] = []
    for state in slices[key, default: []] {
      for subset in state.object.subsets {
        for target in subset.ports
        where target.name == port.name && target.transport == port.transport {
          for member in subset.members {
            result += resolved(member).map { ($0, target.port, state.span) }
          }
        }
      }
    }
    return result
  }

  /// The endpoints of a slice's member: its pod, or by address a pod, node or something outside.
  private mutating func resolved(_ member: EndpointsObject.Member) -> [Int32] {
    if let name = member.pod {
      // A pod that is not in the inventory is no address to fall back on.
      return Set(podsByName[name, default: []].map { pods[$0].endpoint }).sorted()
    }
    var result: Set<Int32> = []
    for address in member.addresses {
      let single = CIDR(single: address)
      if let holders = podsByAddress[address] {
        result.formUnion(holders.map { pods[$0].endpoint })
      } else if nodes[address] != nil {
        result.insert(
          index(of: Endpoint(kind: .node, cluster: inventory.cluster, address: single))
        )
      } else {
        result.insert(index(of: Endpoint(kind: .address, address: single)))
      }
    }
    return result.sorted()
  }

  /// Ports that slices name: on pods found by name, else at the address itself.
  private mutating func noteSlicePorts() {
    for states in slices.values {
      for state in states {
        for subset in state.object.subsets {
          let ports = subset.ports.map { PortKey($0.transport, $0.port) }
          for member in subset.members {
            guard let name = member.pod else {
              for address in member.addresses {
                for port in ports {
                  fixedPorts.insert(ServiceDirectory.Key(address: address, port: port))
                }
              }
              continue
            }
            guard let numbers = podsByName[name] else {
              counts.unknownSliceTargets += 1
              continue
            }
            for number in numbers { pods[number].ports.formUnion(ports) }
          }
        }
      }
    }
  }

  mutating func addFixedPort(
    _ transport: TransportProtocol,
    _ port: UInt16,
    pod index: Int
  ) {
    let life = pods[index].life
    for address in life.pod.hostAddresses + life.everHeld {
      fixedPorts.insert(ServiceDirectory.Key(address: address, port: PortKey(transport, port)))
    }
  }
}
