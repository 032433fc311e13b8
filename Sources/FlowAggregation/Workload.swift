package import FlowModel

/// A workload that policy can tell apart: the pods of one owner, or of equal stable labels.
package struct Workload: Hashable, Sendable {
  /// The cluster's name, empty when unknown.
  package var cluster: String
  /// The namespace.
  package var namespace: String
  /// The owner where known.
  package var owner: WorkloadReference?
  /// The distinct label sets of its pods over the window, volatile keys removed, sorted.
  ///
  /// From an inventory these are complete; a set seen only in a Hubble log may lack labels that the
  /// pods really have.
  package var labelSets: [Labels]
  /// The owner's own `spec.selector.matchLabels` less volatile keys; empty when unknown.
  package var selectorLabels: Labels
  /// Whether its pods use the host's network and so cannot be selected by policy.
  package var isHostNetwork: Bool
  /// Whether a LoadBalancer, NodePort, hostPort or Ingress exposes it.
  package var isExposed: Bool
  /// Named container ports: name, protocol, number; sorted.
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

  /// Makes a workload.
  package init(
    cluster: String = "",
    namespace: String,
    owner: WorkloadReference? = nil,
    labelSets: [Labels],
    selectorLabels: Labels = [:],
    isHostNetwork: Bool = false,
    isExposed: Bool = false,
    namedPorts: [NamedPort] = []
  ) {
    self.cluster = cluster
    self.namespace = namespace
    self.owner = owner
    self.labelSets = labelSets
    self.selectorLabels = selectorLabels
    self.isHostNetwork = isHostNetwork
    self.isExposed = isExposed
    self.namedPorts = namedPorts
  }

  /// Labels that every pod has with one value over the whole window.
  package var commonLabels: Labels {
    guard let first = labelSets.first else { return [:] }
    return labelSets.dropFirst().reduce(first) { $0.intersection($1) }
  }
}
