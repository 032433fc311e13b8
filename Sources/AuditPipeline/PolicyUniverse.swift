package import ClusterInventory
package import FlowAggregation
package import FlowModel
package import PolicyEvaluation
package import PolicyModel

/// Pods that policy cannot tell apart.
package struct PodGroup: Hashable, Sendable {
  /// The namespace.
  package var namespace: String
  /// The labels less the volatile ones.
  package var labels: Labels
  /// Whether they are on the host's network.
  package var isHostNetwork: Bool
}

/// Workloads and peers as the evaluator sees them: one endpoint per label set of a workload.
package struct PolicyUniverse: Sendable {
  /// The endpoints.
  package private(set) var endpoints: [PolicyEndpoint] = []
  /// Names of the endpoints, in their order.
  package private(set) var names: [String] = []
  private var ofWorkload: [[Int]]
  private var ofOther: [Endpoint: Int] = [:]

  /// Makes the endpoints of all workloads.
  ///
  /// - Parameters:
  ///   - workloads: With their names, in the same order.
  ///   - namespaceLabels: Labels of namespaces by name; `kubernetes.io/metadata.name` is added.
  ///   - addresses: Addresses of pods, for the policies that match pods by address.
  package init(
    workloads: [Workload],
    names workloadNames: [String],
    namespaceLabels: [String: Labels],
    addresses: [PodGroup: [CIDR]] = [:]
  ) {
    ofWorkload = []
    for (index, workload) in workloads.enumerated() {
      var indices: [Int] = []
      for labels in workload.labelSets.isEmpty ? [Labels()] : workload.labelSets {
        indices.append(endpoints.count)
        var own = namespaceLabels[workload.namespace] ?? Labels()
        own["kubernetes.io/metadata.name"] = workload.namespace
        endpoints.append(
          PolicyEndpoint(
            namespace: workload.isHostNetwork ? "" : workload.namespace,
            isPod: !workload.isHostNetwork,
            labels: labels,
            namespaceLabels: own,
            addresses: addresses[
              PodGroup(
                namespace: workload.namespace,
                labels: labels,
                isHostNetwork: workload.isHostNetwork
              )
            ] ?? [],
            entities: workload.isHostNetwork ? [.remoteNode] : [],
            namedPorts: workload.namedPorts.map {
              PolicyEndpoint.NamedPort(name: $0.name, transport: $0.transport, port: $0.port)
            }
          )
        )
        names.append(workloadNames[index])
      }
      ofWorkload.append(indices)
    }
  }

  /// The endpoints of a workload, by its position.
  package func indices(ofWorkload index: Int) -> [Int] { ofWorkload[index] }

  /// The endpoints of a connection's end; external ones are added when new.
  package mutating func indices(of end: ConnectionEnd) -> [Int] {
    switch end {
    case .workload(let index): return ofWorkload[index]
    case .other(let endpoint):
      if let known = ofOther[endpoint] { return [known] }
      endpoints.append(PolicyUniverse.endpoint(endpoint))
      names.append(WorkloadNames.name(of: endpoint))
      ofOther[endpoint] = endpoints.count - 1
      return [endpoints.count - 1]
    }
  }

  /// Connections between every label set of both ends.
  package mutating func connections(
    _ source: ConnectionEnd,
    _ destination: ConnectionEnd,
    _ transport: TransportProtocol,
    _ port: UInt16
  ) -> [ReplayConnection] {
    let sources = indices(of: source)
    let destinations = indices(of: destination)
    return sources.flatMap { source in
      destinations.map { destination in
        ReplayConnection(
          source: source,
          destination: destination,
          transport: transport,
          port: port
        )
      }
    }
  }

  /// A peer that is no workload, as policy engines see it.
  static func endpoint(_ endpoint: Endpoint) -> PolicyEndpoint {
    let addresses = endpoint.address.map { [$0] } ?? []
    switch endpoint.kind {
    case .address, .name:
      guard let address = endpoint.address else {
        return PolicyEndpoint(isPod: false, entities: [.world], dnsNames: endpoint.dnsNames)
      }
      return .external(address, dnsNames: endpoint.dnsNames)
    case .node:
      let isLocal = endpoint.entity == "host"
      return PolicyEndpoint(
        isPod: false,
        addresses: addresses,
        entities: [isLocal ? .host : .remoteNode]
      )
    case .apiServer:
      return PolicyEndpoint(
        isPod: false,
        addresses: addresses,
        entities: [.kubeAPIServer, .remoteNode]
      )
    case .entity:
      let entity = ReservedEntity(rawValue: endpoint.entity) ?? .unmanaged
      return PolicyEndpoint(isPod: false, addresses: addresses, entities: [entity])
    case .pod, .unresolved:
      return PolicyEndpoint(isPod: false, addresses: addresses)
    }
  }
}

extension PolicyUniverse {
  /// The newest addresses of the inventory's pods, sorted.
  package static func podAddresses(_ inventory: Inventory) -> [PodGroup: [CIDR]] {
    var newest: [ObjectIdentity: InventoryRecord] = [:]
    for record in inventory.records {
      guard case .pod = record.object else { continue }
      let identity = record.object.identity
      if let known = newest[identity], known.last >= record.last { continue }
      newest[identity] = record
    }
    var addresses: [PodGroup: Set<CIDR>] = [:]
    for record in newest.values {
      guard case .pod(let pod) = record.object, !pod.phase.isFinished else { continue }
      let group = PodGroup(
        namespace: pod.metadata.namespace,
        labels: VolatileLabels.stable(pod.metadata.labels),
        isHostNetwork: pod.isOnHostNetwork
      )
      addresses[group, default: []].formUnion(pod.addresses.map { CIDR(single: $0) })
    }
    return addresses.mapValues { $0.sorted() }
  }

  /// The labels of the inventory's namespaces.
  package static func namespaceLabels(_ inventory: Inventory) -> [String: Labels] {
    var labels: [String: Labels] = [:]
    for namespace in inventory.namespaces() { labels[namespace.name] = namespace.labels }
    return labels
  }
}
