package import FlowModel

/// What a pod's addresses, owner and ports depend on.
package struct PodObject: Hashable, Sendable {
  /// `status.phase`.
  package enum Phase: String, Sendable {
    /// Accepted, containers not all started.
    case pending = "Pending"
    /// Bound to a node, at least one container runs.
    case running = "Running"
    /// All containers ended well.
    case succeeded = "Succeeded"
    /// All containers ended, one badly; or evicted.
    case failed = "Failed"
    /// The node does not answer, or no phase was given.
    case unknown = "Unknown"

    /// Whether the pod is over and its address given back.
    package var isFinished: Bool { self == .succeeded || self == .failed }
  }

  /// A declared container port; informational in Kubernetes.
  package struct Port: Hashable, Sendable {
    /// The port's name, empty when it has none.
    package var name: String
    /// The protocol.
    package var transport: TransportProtocol
    /// The pod's own port.
    package var port: UInt16
    /// The port of the node that leads here, 0 when there is none.
    package var hostPort: UInt16

    /// Makes a port.
    package init(
      name: String = "",
      transport: TransportProtocol = .tcp,
      port: UInt16,
      hostPort: UInt16 = 0
    ) {
      self.name = name
      self.transport = transport
      self.port = port
      self.hostPort = hostPort
    }
  }

  /// Names, labels, owner.
  package var metadata: ObjectMetadata
  /// `metadata.generateName`, empty when the pod was named by its creator.
  package var generateName = ""
  /// `metadata.deletionTimestamp`, microseconds UTC; the grace period is in it already.
  package var deletion: Int64?
  /// Whether it mirrors a static pod of the kubelet.
  package var isMirror = false
  /// The node's name, empty while unscheduled.
  package var nodeName = ""
  /// `spec.hostNetwork`: its address is the node's.
  package var usesHostNetwork = false
  /// Declared ports of containers and sidecars, in order.
  package var ports: [Port] = []
  /// `status.podIPs`, the first one first; empty while pending or when redacted.
  package var addresses: [IPAddress] = []
  /// `status.hostIPs`, the first one first.
  package var hostAddresses: [IPAddress] = []
  /// `status.phase`.
  package var phase = Phase.unknown
  /// `status.startTime`, microseconds UTC: the earliest time it can hold its address.
  package var start: Int64?
  /// The earliest known start of any of its containers, microseconds UTC.
  package var firstContainerStart: Int64?
  /// The latest known end of any of its containers, microseconds UTC.
  package var lastContainerEnd: Int64?
  /// The addresses a NodeLocal DNSCache pod listens on (`-localip`).
  package var localDNSAddresses: [IPAddress] = []

  /// Where a kube-apiserver pod of kubeadm answers; nil for other pods.
  package var apiServer: APIServer?

  /// The address and port of an API server, from the annotation kubeadm gives its static pod.
  package struct APIServer: Hashable, Sendable {
    /// The address.
    package var address: IPAddress
    /// The port.
    package var port: UInt16

    /// Makes an address and port.
    package init(address: IPAddress, port: UInt16) {
      self.address = address
      self.port = port
    }
  }

  /// Makes a pod; the other fields are set afterwards.
  package init(metadata: ObjectMetadata) { self.metadata = metadata }

  /// Whether policy cannot select it because its address is its node's.
  package var isOnHostNetwork: Bool {
    usesHostNetwork || addresses.first.map { hostAddresses.contains($0) } == true
  }
}
