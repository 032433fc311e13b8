package import FlowModel

/// One side of a connection as the policy engines see it.
package struct PolicyEndpoint: Hashable, Sendable {
  /// A pod's namespace; empty for anything that is not a pod.
  package var namespace: String
  /// Whether it is a pod that policies can select (a host-network pod is not).
  package var isPod: Bool
  /// A pod's labels.
  package var labels: Labels
  /// The labels of its namespace, `kubernetes.io/metadata.name` included.
  package var namespaceLabels: Labels
  /// Known addresses (or prefixes standing for all addresses in them); may be empty.
  package var addresses: [CIDR]
  /// The reserved entities it belongs to; external endpoints hold `.world`.
  package var entities: Set<ReservedEntity>
  /// DNS names under which an external endpoint was asked for.
  package var dnsNames: [String]
  /// A pod's named ports: name to (protocol, number).
  package var namedPorts: [NamedPort]

  /// A named container port.
  package struct NamedPort: Hashable, Sendable {
    /// The name.
    package var name: String
    /// The protocol.
    package var transport: TransportProtocol
    /// The number.
    package var port: UInt16

    /// Makes a named port.
    package init(name: String, transport: TransportProtocol, port: UInt16) {
      self.name = name
      self.transport = transport
      self.port = port
    }
  }

  /// Makes an endpoint.
  package init(
    namespace: String = "",
    isPod: Bool,
    labels: Labels = [:],
    namespaceLabels: Labels = [:],
    addresses: [CIDR] = [],
    entities: Set<ReservedEntity> = [],
    dnsNames: [String] = [],
    namedPorts: [NamedPort] = []
  ) {
    self.namespace = namespace
    self.isPod = isPod
    self.labels = labels
    self.namespaceLabels = namespaceLabels
    self.addresses = addresses
    self.entities = entities
    self.dnsNames = dnsNames
    self.namedPorts = namedPorts
  }

  /// A pod in a namespace that carries only `kubernetes.io/metadata.name`.
  package static func pod(
    _ namespace: String,
    _ labels: Labels,
    addresses: [CIDR] = [],
    namedPorts: [NamedPort] = []
  ) -> PolicyEndpoint {
    PolicyEndpoint(
      namespace: namespace,
      isPod: true,
      labels: labels,
      namespaceLabels: ["kubernetes.io/metadata.name": namespace],
      addresses: addresses,
      namedPorts: namedPorts
    )
  }

  /// An external address or prefix.
  package static func external(_ address: CIDR, dnsNames: [String] = []) -> PolicyEndpoint {
    PolicyEndpoint(
      isPod: false,
      addresses: [address],
      entities: [.world, address.address.isIPv6 ? .worldIPv6 : .worldIPv4],
      dnsNames: dnsNames
    )
  }
}

/// A connection to be judged.
package struct PolicyConnection: Hashable, Sendable {
  /// The side that opens it.
  package var source: PolicyEndpoint
  /// The side that accepts it.
  package var destination: PolicyEndpoint
  /// The protocol.
  package var transport: TransportProtocol
  /// The destination port; the type for ICMP.
  package var port: UInt16

  /// Makes a connection.
  package init(
    source: PolicyEndpoint,
    destination: PolicyEndpoint,
    transport: TransportProtocol,
    port: UInt16
  ) {
    self.source = source
    self.destination = destination
    self.transport = transport
    self.port = port
  }
}
