package import FlowModel

/// The workloads that policy can tell apart, and which of them each observed pod endpoint is.
///
/// The result does not depend on the order of the input, nor on repetitions in it:
/// - pods of one owner in one namespace of one cluster are one workload, however many label sets they
///   were seen with;
/// - an endpoint without an owner joins the one workload of its namespace that has its labels, or
///   whose labels include them (a log may leave labels out); otherwise pods with equal stable labels
///   are a workload of their own;
/// - labels an inventory gives are complete, so that a smaller set seen in a log is no variant of
///   them.
package struct WorkloadClustering: Sendable {
  /// Why an endpoint belongs to no workload.
  package enum Doubt: Hashable, Sendable {
    /// It is no pod.
    case notAPod
    /// Neither labels nor an owner are known, and its name fits no known owner.
    case nameOnly
    /// Its labels are part of those of several workloads of the inventory.
    case ambiguous(Int)
  }

  /// The workloads, sorted by ``WorkloadClustering/precedes(_:_:)``.
  package private(set) var workloads: [Workload]
  /// The workload of each endpoint, as an index in ``workloads``.
  package private(set) var assignment: [Endpoint: Int]
  /// The endpoints that belong to none, sorted, with the reason.
  package private(set) var unattributed: [(endpoint: Endpoint, doubt: Doubt)]

  /// The workload of an endpoint, nil when it cannot be attributed.
  package func workload(of endpoint: Endpoint) -> Int? { assignment[endpoint] }

  /// Clusters endpoints.
  ///
  /// - Parameters:
  ///   - endpoints: Observed endpoints, in any order; those that are no pods are left out.
  ///   - inventory: Workloads with complete label sets, in any order; entries of one owner are joined.
  package init(endpoints: some Sequence<Endpoint>, inventory: [Workload] = []) {
    let pods = Set(endpoints)
    let clusters = Set(
      (pods.lazy.filter { $0.kind == .pod }.map(\.cluster) + inventory.map(\.cluster))
        .filter { !$0.isEmpty }
    )
    let onlyCluster = clusters.count == 1 ? clusters.first : nil
    func place(_ cluster: String, _ namespace: String) -> Place {
      Place(cluster: cluster.isEmpty ? onlyCluster ?? "" : cluster, namespace: namespace)
    }

    var groups: [Place: NamespaceClusters] = [:]
    for workload in inventory.sorted(by: WorkloadClustering.precedes) {
      groups[place(workload.cluster, workload.namespace), default: NamespaceClusters()]
        .add(inventory: workload)
    }
    var refused: [(endpoint: Endpoint, doubt: Doubt)] = []
    var placed: [Place: [Endpoint]] = [:]
    for endpoint in pods {
      if endpoint.kind == .pod {
        placed[place(endpoint.cluster, endpoint.namespace), default: []].append(endpoint)
      } else {
        refused.append((endpoint, .notAPod))
      }
    }

    var found: [(workload: Workload, place: Place, local: Int)] = []
    var local: [(endpoint: Endpoint, place: Place, local: Int)] = []
    for place in Set(groups.keys).union(placed.keys) {
      var group = groups[place] ?? NamespaceClusters()
      for (endpoint, outcome) in group.attribute(placed[place, default: []].sorted()) {
        switch outcome {
        case .success(let index): local.append((endpoint, place, index))
        case .failure(let refusal): refused.append((endpoint, refusal.doubt))
        }
      }
      for (index, entry) in group.entries.enumerated() {
        found.append((entry.workload(in: place), place, index))
      }
    }
    found.sort { WorkloadClustering.precedes($0.workload, $1.workload) }
    var position: [Place: [Int: Int]] = [:]
    for (index, item) in found.enumerated() {
      position[item.place, default: [:]][item.local] = index
    }
    workloads = found.map(\.workload)
    assignment = [:]
    for item in local { assignment[item.endpoint] = position[item.place]?[item.local] }
    unattributed = refused.sorted { $0.endpoint < $1.endpoint }
  }

  /// The order of workloads: cluster, namespace, owner (those without come last), label sets.
  package static func precedes(_ left: Workload, _ right: Workload) -> Bool {
    if left.cluster != right.cluster { return left.cluster < right.cluster }
    if left.namespace != right.namespace { return left.namespace < right.namespace }
    if left.owner != right.owner {
      guard let one = left.owner else { return false }
      guard let two = right.owner else { return true }
      return one < two
    }
    if left.labelSets != right.labelSets {
      return left.labelSets.lexicographicallyPrecedes(right.labelSets)
    }
    if left.selectorLabels != right.selectorLabels {
      return left.selectorLabels < right.selectorLabels
    }
    let flags = (left.isHostNetwork ? 1 : 0, left.isExposed ? 1 : 0)
    return flags < (right.isHostNetwork ? 1 : 0, right.isExposed ? 1 : 0)
  }

  /// A namespace of a cluster.
  struct Place: Hashable {
    var cluster: String
    var namespace: String
  }
}

extension WorkloadClustering.Doubt: CustomStringConvertible {
  /// One clause, for reports.
  package var description: String {
    switch self {
    case .notAPod: "it is no pod"
    case .nameOnly: "only its name is known, and it fits no known owner"
    case .ambiguous(let count): "its labels are part of those of \(count) workloads"
    }
  }
}
