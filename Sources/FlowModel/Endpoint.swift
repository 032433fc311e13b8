/// The controller that owns a pod.
package struct WorkloadReference: Hashable, Sendable, Comparable {
  /// `Deployment`, `StatefulSet`, `DaemonSet`, `CronJob`, `Job`, `Pod`, or a custom kind.
  package var kind: String
  /// The controller's name.
  package var name: String

  /// Makes a reference.
  package init(kind: String, name: String) {
    self.kind = kind
    self.name = name
  }

  /// By name, then kind.
  package static func < (left: WorkloadReference, right: WorkloadReference) -> Bool {
    left.name != right.name ? left.name < right.name : left.kind < right.kind
  }
}

/// One side of an edge, as precisely as policy can tell it apart.
///
/// Pods of one workload with the same labels are one endpoint: names and addresses of single pods
/// are not kept, so that pod churn does not grow the store.
package struct Endpoint: Hashable, Sendable {
  /// What the endpoint is.
  package enum Kind: String, Sendable, CaseIterable, Comparable {
    /// A pod: `namespace` and `labels` (or `workload`) are set.
    case pod
    /// A cluster node or a host-network process on it.
    case node
    /// The Kubernetes API server.
    case apiServer = "apiserver"
    /// An external address or, once folded, a prefix.
    case address
    /// An external address with DNS names.
    case name
    /// A reserved entity that is none of the above (ingress proxy, health, unmanaged, init).
    case entity
    /// An address or name that belongs to the cluster but to no known pod; never a rule.
    case unresolved

    /// By raw value.
    package static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
  }

  /// What the endpoint is.
  package var kind: Kind
  /// The cluster's name where the log or user gives one, else empty.
  package var cluster: String
  /// The namespace of a pod, else empty.
  package var namespace: String
  /// The owner of a pod where known.
  package var workload: WorkloadReference?
  /// A pod's labels less the volatile ones.
  package var labels: Labels
  /// External, node and unresolved endpoints: the address, a prefix once folded; else nil.
  package var address: CIDR?
  /// The name, by kind; else empty.
  ///
  /// `.name`: DNS names, sorted, comma-separated, no trailing dots. `.pod` whose labels and owner
  /// no record gave: the pod's name. Network sets and hosts known by name only: that name.
  package var name: String
  /// The reserved entity, such as `host`, `remote-node`, `world`, `ingress`; else empty.
  package var entity: String

  /// Makes an endpoint.
  package init(
    kind: Kind,
    cluster: String = "",
    namespace: String = "",
    workload: WorkloadReference? = nil,
    labels: Labels = [:],
    address: CIDR? = nil,
    name: String = "",
    entity: String = ""
  ) {
    self.kind = kind
    self.cluster = cluster
    self.namespace = namespace
    self.workload = workload
    self.labels = labels
    self.address = address
    self.name = name
    self.entity = entity
  }

  /// The DNS names of a `.name` endpoint.
  package var dnsNames: [String] {
    kind == .name ? name.split(separator: ",").map(String.init) : []
  }

  /// Whether it lies outside the cluster.
  package var isExternal: Bool { kind == .address || kind == .name }
}

extension Endpoint: Comparable {
  /// A total order over all fields, so that output never depends on the order of input.
  package static func < (left: Endpoint, right: Endpoint) -> Bool {
    if left.kind != right.kind { return left.kind < right.kind }
    if left.cluster != right.cluster { return left.cluster < right.cluster }
    if left.namespace != right.namespace { return left.namespace < right.namespace }
    if left.workload != right.workload {
      guard let one = left.workload else { return true }
      guard let two = right.workload else { return false }
      return one < two
    }
    if left.name != right.name { return left.name < right.name }
    if left.labels != right.labels { return left.labels < right.labels }
    if left.entity != right.entity { return left.entity < right.entity }
    guard let one = left.address else { return right.address != nil }
    guard let two = right.address else { return false }
    return one < two
  }
}
