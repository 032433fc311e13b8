/// What an address was at a time, according to an inventory.
package enum AddressResolution: Hashable, Sendable {
  /// One endpoint: a pod (by workload), node, API server or external address.
  case endpoint(Endpoint)
  /// A Service address: the endpoints behind it and the port they listen on.
  ///
  /// Empty when the Service is known but its backends are not.
  case service(name: String, backends: [ServiceBackend])
  /// Two or more different workloads may have held it: use none.
  case ambiguous
  /// Inside the cluster, but no known pod held it then.
  case unknownPod
  /// Private, but neither a pod nor a node is known to hold it.
  case internalUnknown
  /// A link-local, loopback or multicast address that is never a peer.
  case ignored
}

/// Pods behind a Service port.
package struct ServiceBackend: Hashable, Sendable {
  /// The workload's endpoint.
  package var endpoint: Endpoint
  /// The pods' own port after translation.
  package var port: UInt16

  /// Makes a backend.
  package init(endpoint: Endpoint, port: UInt16) {
    self.endpoint = endpoint
    self.port = port
  }
}

/// Tells what addresses and pod names were at a time.
package protocol AddressResolving: Sendable {
  /// Resolves an address.
  ///
  /// - Parameters:
  ///   - address: The address in the log.
  ///   - transport: The protocol, and `port` the port at this end: both decide between Services.
  ///   - start: The first microsecond (UTC) the record covers, and `end` the last.
  func resolve(
    _ address: IPAddress,
    transport: TransportProtocol,
    port: UInt16,
    from start: Int64,
    to end: Int64
  ) -> AddressResolution

  /// The workload endpoint of a pod by name, nil when the inventory does not know it at that time.
  func pod(namespace: String, name: String, at time: Int64) -> Endpoint?

  /// Whether a port of an endpoint is known to be served: container port, Service target port, API server.
  func serves(_ address: IPAddress, transport: TransportProtocol, port: UInt16, at time: Int64)
    -> Bool

  /// The number of the pod that held an address all through a time, nil when there is none or a closer look
  /// is needed.
  ///
  /// Whatever part of that time and whichever port ``resolve(_:transport:port:from:to:)`` is asked for, it
  /// gives the endpoint with this number, see ``steadyPod(numbered:)``. Pods of one endpoint have one number.
  func steadyPod(at address: IPAddress, from start: Int64, to end: Int64) -> Int?

  /// The endpoint with a number that ``steadyPod(at:from:to:)`` gave, nil for any other number.
  func steadyPod(numbered number: Int) -> Endpoint?

  /// Whether an address was a node's all through a time; false when a closer look is needed.
  ///
  /// Whatever part of that time ``resolve(_:transport:port:from:to:)`` is asked for, it gives a node, but for the
  /// ports in ``servedPorts``.
  func isSteadyNode(at address: IPAddress, from start: Int64, to end: Int64) -> Bool

  /// Whether a pod that ever held an address ran on the node with another one.
  func runs(podAt address: IPAddress, onNodeAt node: IPAddress) -> Bool

  /// All ports of which ``serves(_:transport:port:at:)`` is true at any address and time, and perhaps others.
  ///
  /// Most ports are clients' and served by nobody, which is told so without looking for an address.
  var servedPorts: ServedPorts { get }

  /// The same without a wait before each answer, for those who ask for many.
  var ready: any AddressResolving { get }
}

extension AddressResolving {
  /// Nil: every record is looked up by itself.
  package func steadyPod(at address: IPAddress, from start: Int64, to end: Int64) -> Int? { nil }

  /// Nil: no number was ever given.
  package func steadyPod(numbered number: Int) -> Endpoint? { nil }

  /// False: every record is looked up by itself.
  package func isSteadyNode(at address: IPAddress, from start: Int64, to end: Int64) -> Bool {
    false
  }

  /// False: where pods run is not known.
  package func runs(podAt address: IPAddress, onNodeAt node: IPAddress) -> Bool { false }

  /// All: which ports are served is not known beforehand.
  package var servedPorts: ServedPorts { .all }

  /// This one: most never wait.
  package var ready: any AddressResolving { self }
}

/// Ports that may be served.
package struct ServedPorts: Sendable {
  /// Every port.
  package static let all = ServedPorts(bits: [UInt64](repeating: ~0, count: 1024))

  /// One bit for each port.
  private let bits: [UInt64]

  private init(bits: [UInt64]) { self.bits = bits }

  /// Makes a set of these.
  package init(_ ports: some Sequence<UInt16>) {
    var bits = [UInt64](repeating: 0, count: 1024)
    for port in ports { bits[Int(port) / 64] |= 1 << UInt64(port % 64) }
    self.bits = bits
  }

  /// Whether a port is in it.
  package func contains(_ port: UInt16) -> Bool {
    bits[Int(port) / 64] & 1 << UInt64(port % 64) != 0
  }
}
