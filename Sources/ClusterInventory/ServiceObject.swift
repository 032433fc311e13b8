package import FlowModel

/// A Service: the addresses it answers on and the pods behind them.
package struct ServiceObject: Hashable, Sendable {
  /// `spec.type`.
  package enum ServiceType: String, Sendable {
    /// Inside the cluster only.
    case clusterIP = "ClusterIP"
    /// A port of every node.
    case nodePort = "NodePort"
    /// A load balancer, and a node port unless switched off.
    case loadBalancer = "LoadBalancer"
    /// A DNS name for something else; it has no address.
    case externalName = "ExternalName"
  }

  /// The port of the pods behind a Service port.
  package enum TargetPort: Hashable, Sendable {
    /// A number.
    case number(UInt16)
    /// The name of a container port, which may differ in number per pod.
    case name(String)
  }

  /// One port.
  package struct Port: Hashable, Sendable {
    /// The name, empty when it has none.
    package var name: String
    /// The protocol.
    package var transport: TransportProtocol
    /// The Service's own port.
    package var port: UInt16
    /// The pods' port.
    package var target: TargetPort
    /// The port of every node, 0 when there is none.
    package var nodePort: UInt16

    /// Makes a port; the target defaults to the Service's own port.
    package init(
      name: String = "",
      transport: TransportProtocol = .tcp,
      port: UInt16,
      target: TargetPort? = nil,
      nodePort: UInt16 = 0
    ) {
      self.name = name
      self.transport = transport
      self.port = port
      self.target = target ?? .number(port)
      self.nodePort = nodePort
    }
  }

  /// Names and labels.
  package var metadata: ObjectMetadata
  /// `spec.type`, `ClusterIP` when absent.
  package var type = ServiceType.clusterIP
  /// Cluster addresses; empty for headless Services and external names.
  package var clusterAddresses: [IPAddress] = []
  /// `spec.externalIPs`.
  package var externalAddresses: [IPAddress] = []
  /// `spec.loadBalancerIP` and `status.loadBalancer.ingress[].ip`.
  package var loadBalancerAddresses: [IPAddress] = []
  /// `spec.selector`; empty when the endpoints are set by hand.
  package var selector: Labels = [:]
  /// The ports.
  package var ports: [Port] = []
  /// `spec.healthCheckNodePort`, 0 when there is none.
  package var healthCheckNodePort: UInt16 = 0

  /// Makes a Service; the other fields are set afterwards.
  package init(metadata: ObjectMetadata) { self.metadata = metadata }

  /// Whether clients outside the cluster can reach it.
  package var isReachableFromOutside: Bool {
    type == .loadBalancer || type == .nodePort || !externalAddresses.isEmpty
  }

  /// Whether it is `default/kubernetes`, which stands for the API server.
  package var isAPIServer: Bool {
    metadata.namespace == "default" && metadata.name == "kubernetes"
  }

  /// `namespace/name`.
  package var qualifiedName: String { "\(metadata.namespace)/\(metadata.name)" }
}

/// The addresses behind a Service: an EndpointSlice, or the older Endpoints.
package struct EndpointsObject: Hashable, Sendable {
  /// One address or, for dual stack, several of the same pod.
  package struct Member: Hashable, Sendable {
    /// The addresses, ready or not.
    package var addresses: [IPAddress]
    /// The namespace and name of the pod meant, nil when none is named.
    package var pod: PodName?

    /// Makes a member.
    package init(addresses: [IPAddress], pod: PodName? = nil) {
      self.addresses = addresses
      self.pod = pod
    }
  }

  /// The namespace and name of a pod.
  package struct PodName: Hashable, Sendable {
    /// The namespace.
    package var namespace: String
    /// The name.
    package var name: String

    /// Makes a name.
    package init(namespace: String, name: String) {
      self.namespace = namespace
      self.name = name
    }
  }

  /// One port that all members of a subset have.
  package struct Port: Hashable, Sendable {
    /// The name of the Service port it belongs to, empty when it has none.
    package var name: String
    /// The protocol.
    package var transport: TransportProtocol
    /// The number.
    package var port: UInt16

    /// Makes a port.
    package init(name: String = "", transport: TransportProtocol = .tcp, port: UInt16) {
      self.name = name
      self.transport = transport
      self.port = port
    }
  }

  /// Members with the same ports.
  package struct Subset: Hashable, Sendable {
    /// The members.
    package var members: [Member]
    /// The ports.
    package var ports: [Port]

    /// Makes a subset.
    package init(members: [Member], ports: [Port]) {
      self.members = members
      self.ports = ports
    }
  }

  /// Names and labels.
  package var metadata: ObjectMetadata
  /// Whether it is an EndpointSlice, which is preferred to Endpoints.
  package var isSlice: Bool
  /// The name of the Service, in the same namespace; empty when the slice does not say.
  package var service: String
  /// One subset for a slice, any number for Endpoints.
  package var subsets: [Subset]

  /// Makes endpoints.
  package init(metadata: ObjectMetadata, isSlice: Bool, service: String, subsets: [Subset]) {
    self.metadata = metadata
    self.isSlice = isSlice
    self.service = service
    self.subsets = subsets
  }
}
