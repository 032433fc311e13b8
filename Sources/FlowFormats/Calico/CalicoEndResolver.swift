import FlowAggregation
import FlowModel

/// Turns the ends of Calico records into what the accumulator takes (format document, section 7, rule 6).
enum CalicoEndResolver {
  /// The end of a record; nil when nothing usable is known of it.
  ///
  /// Without an address no network becomes one: what `pub`, `pvt` and network sets hold is unknown.
  static func observed(_ end: CalicoEnd, in cluster: String) -> ObservedEnd? {
    switch end.kind {
    case .absent: return nil
    case .workload: return pod(end, in: cluster)
    case .host:
      return .endpoint(
        Endpoint(
          kind: .node,
          cluster: cluster,
          address: end.address.map(CIDR.init(single:)),
          name: end.aggregatedName
        )
      )
    case .networkSet, .network, .hostOrNetworkSet: return network(end, in: cluster)
    }
  }

  /// The endpoint that a pod's record describes by itself, nil for other ends and nameless pods.
  static func podEndpoint(_ end: CalicoEnd, in cluster: String) -> Endpoint? {
    guard end.kind == .workload, !end.namespace.isEmpty else { return nil }
    var endpoint = Endpoint(
      kind: .pod,
      cluster: cluster,
      namespace: end.namespace,
      workload: end.deployment,
      labels: end.labels.stable
    )
    if endpoint.labels.isEmpty, endpoint.workload == nil {
      guard !end.aggregatedName.isEmpty else { return nil }
      endpoint.name = end.aggregatedName
    }
    return endpoint
  }

  private static func pod(_ end: CalicoEnd, in cluster: String) -> ObservedEnd? {
    guard let endpoint = podEndpoint(end, in: cluster) else {
      return end.address.map(ObservedEnd.address)
    }
    let name = end.fullName.isEmpty ? end.aggregatedName : end.fullName
    // Labels are what all pods of the record have in common, so the inventory knows more.
    guard endpoint.workload == nil, !name.isEmpty else { return .endpoint(endpoint) }
    return .pod(namespace: end.namespace, name: name, hint: endpoint)
  }

  private static func network(_ end: CalicoEnd, in cluster: String) -> ObservedEnd? {
    let names = Set(end.domains.compactMap(NameTable.normalized)).sorted()
    if let address = end.address {
      // A private address may be a node or the API server; its DNS name is then not the point.
      guard !names.isEmpty, !address.isPrivate, !address.isLocalOrMulticast else {
        return .address(address)
      }
    }
    if !names.isEmpty {
      return .endpoint(
        Endpoint(
          kind: .name,
          address: end.address.map(CIDR.init(single:)),
          name: names.joined(separator: ",")
        )
      )
    }
    let entity: String
    switch (end.kind, end.aggregatedName) {
    case (.networkSet, _): entity = "network-set"
    case (.hostOrNetworkSet, _): entity = "host-or-network-set"
    case (_, "pub"): entity = "public-network"
    case (_, "pvt"): entity = "private-network"
    default: entity = "network"
    }
    return .endpoint(
      Endpoint(kind: .unresolved, cluster: cluster, name: end.aggregatedName, entity: entity)
    )
  }
}
