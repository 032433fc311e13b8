package import FlowModel

/// Names people read for workloads and peers: `app-prod/web`, `203.0.113.7`, `api.example.com`.
package enum WorkloadNames {
  /// Label keys that name a workload, best first.
  private static let nameKeys = [
    "app.kubernetes.io/name", "app", "k8s-app", "name", "app.kubernetes.io/component",
    "component", "run", "service", "tier", "role", "app.kubernetes.io/instance",
  ]

  /// One name per workload, unique: `namespace/owner`, else by labels; with the cluster in front
  /// where two clusters have the same.
  package static func names(of workloads: [Workload]) -> [String] {
    var names = workloads.map { "\($0.namespace)/\(shortName($0))" }
    refine(&names) { index in
      let workload = workloads[index]
      guard let owner = workload.owner else {
        return "\(workload.namespace)/{\(workload.commonLabels)}"
      }
      return "\(workload.namespace)/\(owner.kind.lowercased()):\(owner.name)"
    }
    let shorter = names
    refine(&names) { index in
      let labels = workloads[index].labelSets.map(\.description).joined(separator: ";")
      return "\(workloads[index].cluster):\(shorter[index])[\(labels)]"
    }
    return names
  }

  private static func refine(_ names: inout [String], with longer: (Int) -> String) {
    var indices: [String: [Int]] = [:]
    for (index, name) in names.enumerated() { indices[name, default: []].append(index) }
    for group in indices.values where group.count > 1 {
      let refined = group.map { longer($0) }
      for (index, name) in zip(group, refined) { names[index] = name }
    }
  }

  /// The owner's name, else the value of the most telling label, else all labels.
  package static func shortName(_ workload: Workload) -> String {
    if let owner = workload.owner { return owner.name }
    let labels = workload.commonLabels
    for key in nameKeys {
      if let value = labels[key], !value.isEmpty { return value }
    }
    return labels.isEmpty ? "unknown" : "{\(labels)}"
  }

  /// The name of anything that is not a workload.
  package static func name(of endpoint: Endpoint) -> String {
    switch endpoint.kind {
    case .pod: "\(endpoint.namespace)/\(endpoint.workload?.name ?? endpoint.name)"
    case .node: "node:\(endpoint.entity.isEmpty ? address(endpoint) : endpoint.entity)"
    case .apiServer: "kube-apiserver"
    case .address: address(endpoint)
    case .name: endpoint.name
    case .entity: "entity:\(endpoint.entity)"
    case .unresolved:
      "unresolved:\(endpoint.address == nil ? endpoint.name : address(endpoint))"
    }
  }

  private static func address(_ endpoint: Endpoint) -> String {
    guard let address = endpoint.address else { return endpoint.name }
    return address.sizeExponent == 0 ? address.address.description : address.description
  }
}
