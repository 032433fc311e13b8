package import FlowModel

/// A node and every address it is known to use.
package struct NodeObject: Hashable, Sendable {
  /// Names and labels.
  package var metadata: ObjectMetadata
  /// Internal, external, tunnel and bridge addresses.
  package var addresses: [IPAddress]
  /// The ranges its pods get addresses from; empty with cloud address management.
  package var podCIDRs: [CIDR]
  /// `spec.providerID`, which holds the cloud's instance id; empty when missing.
  package var providerID: String

  /// Makes a node.
  package init(
    metadata: ObjectMetadata,
    addresses: [IPAddress] = [],
    podCIDRs: [CIDR] = [],
    providerID: String = ""
  ) {
    self.metadata = metadata
    self.addresses = addresses
    self.podCIDRs = podCIDRs
    self.providerID = providerID
  }
}

/// A namespace and its labels.
package struct NamespaceObject: Hashable, Sendable {
  /// Name and labels.
  package var metadata: ObjectMetadata

  /// Makes a namespace.
  package init(metadata: ObjectMetadata) { self.metadata = metadata }
}

/// An object that creates pods: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob and kin.
package struct ControllerObject: Hashable, Sendable {
  /// The kind.
  package var kind: String
  /// Names, labels and the owner (a ReplicaSet's Deployment).
  package var metadata: ObjectMetadata
  /// `spec.selector.matchLabels`; empty when it has none.
  package var selector: Labels
  /// The labels its pods get.
  package var templateLabels: Labels

  /// Makes a controller.
  package init(
    kind: String,
    metadata: ObjectMetadata,
    selector: Labels = [:],
    templateLabels: Labels = [:]
  ) {
    self.kind = kind
    self.metadata = metadata
    self.selector = selector
    self.templateLabels = templateLabels
  }
}

/// An Ingress or OpenShift Route: Services that it opens to the outside.
package struct IngressObject: Hashable, Sendable {
  /// The kind: `Ingress` or `Route`.
  package var kind: String
  /// Names and labels.
  package var metadata: ObjectMetadata
  /// Names of Services in its namespace, sorted, each once.
  package var services: [String]

  /// Makes an Ingress.
  package init(kind: String = "Ingress", metadata: ObjectMetadata, services: [String]) {
    self.kind = kind
    self.metadata = metadata
    self.services = services
  }
}

/// One object of a cluster, cut down to what addresses, workloads and exposure depend on.
package enum InventoryObject: Hashable, Sendable {
  /// A pod.
  case pod(PodObject)
  /// A node.
  case node(NodeObject)
  /// A Service.
  case service(ServiceObject)
  /// An EndpointSlice or Endpoints.
  case endpoints(EndpointsObject)
  /// A namespace.
  case namespace(NamespaceObject)
  /// A creator of pods.
  case controller(ControllerObject)
  /// An Ingress or Route.
  case ingress(IngressObject)

  /// Names, labels, owner.
  package var metadata: ObjectMetadata {
    switch self {
    case .pod(let object): object.metadata
    case .node(let object): object.metadata
    case .service(let object): object.metadata
    case .endpoints(let object): object.metadata
    case .namespace(let object): object.metadata
    case .controller(let object): object.metadata
    case .ingress(let object): object.metadata
    }
  }

  /// The Kubernetes kind.
  package var kind: String {
    switch self {
    case .pod: "Pod"
    case .node: "Node"
    case .service: "Service"
    case .endpoints(let object): object.isSlice ? "EndpointSlice" : "Endpoints"
    case .namespace: "Namespace"
    case .controller(let object): object.kind
    case .ingress(let object): object.kind
    }
  }

  /// What makes it the same object in another snapshot.
  package var identity: ObjectIdentity {
    let metadata = metadata
    return ObjectIdentity(
      kind: kind,
      namespace: metadata.namespace,
      name: metadata.name,
      uid: metadata.uid.isEmpty
        ? metadata.created.map { Timestamps.text($0) } ?? "" : metadata.uid
    )
  }
}
