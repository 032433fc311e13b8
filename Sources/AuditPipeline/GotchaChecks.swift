import ClusterInventory
import FlowAggregation
import FlowModel

/// What is known to go wrong with network policy, checked against a cluster.
struct GotchaChecks {
  let inventory: Inventory
  let evidence: Evidence

  /// One check each, in a fixed order.
  func run() -> [Assessment.Check] {
    [
      namespaceLabel, hostNetwork, nodePorts, nodeLocalDNS, statefulSets, clusters, externalNames,
    ]
  }

  private func check(
    _ name: String,
    _ found: [String],
    needsInventory: Bool,
    _ advice: String,
    clear: String
  ) -> Assessment.Check {
    guard found.isEmpty else {
      let names = Set(found).sorted()
      let more = names.count > 5 ? " and \(names.count - 5) more" : ""
      let shown = names.prefix(5).joined(separator: ", ") + more
      return Assessment.Check(name: name, outcome: .look, text: "\(shown): \(advice)")
    }
    if needsInventory, inventory.records.isEmpty {
      return Assessment.Check(name: name, outcome: .unknown, text: "no inventory was added")
    }
    return Assessment.Check(name: name, outcome: .clear, text: clear)
  }

  private var namespaceLabel: Assessment.Check {
    check(
      "namespace-label",
      inventory.namespaces().filter { $0.labels["kubernetes.io/metadata.name"] != $0.name }
        .map(\.name),
      needsInventory: true,
      "no label kubernetes.io/metadata.name, so no rule can name the namespace by it",
      clear: "every namespace has its label kubernetes.io/metadata.name"
    )
  }

  private var hostNetwork: Assessment.Check {
    check(
      "host-network",
      evidence.workloads.indices.filter { evidence.workloads[$0].isHostNetwork }
        .map { evidence.workloadNames[$0] },
      needsInventory: true,
      "on the host's network, no policy selects them",
      clear: "no workload uses the host's network"
    )
  }

  private var services: [ServiceObject] {
    inventory.records.compactMap { record in
      if case .service(let service) = record.object { service } else { nil }
    }
  }

  private var nodePorts: Assessment.Check {
    check(
      "node-port",
      services.filter(\.isReachableFromOutside).map(\.qualifiedName),
      needsInventory: true,
      "reached through nodes or a load balancer, clients may show with a node's address",
      clear: "no Service is reached from outside"
    )
  }

  private var nodeLocalDNS: Assessment.Check {
    let clients = evidence.connections.filter { connection in
      guard case .other(let endpoint) = connection.destination else { return false }
      return endpoint.address?.address.isNodeLocalDNS == true
    }
    return check(
      "node-local-dns",
      clients.map(\.key.source),
      needsInventory: false,
      "resolve through NodeLocal DNSCache: DNS rules need its address beside the kube-dns pods",
      clear: "NodeLocal DNSCache was not seen"
    )
  }

  private var statefulSets: Assessment.Check {
    check(
      "stateful-set",
      evidence.workloads.indices.filter { evidence.workloads[$0].owner?.kind == "StatefulSet" }
        .map { evidence.workloadNames[$0] },
      needsInventory: false,
      "policy selects all pods of a StatefulSet alike, never one of them",
      clear: "no StatefulSet was seen"
    )
  }

  private var clusters: Assessment.Check {
    let names = Set(evidence.workloads.map(\.cluster)).filter { !$0.isEmpty }
    return check(
      "multi-cluster",
      names.count > 1 ? Array(names) : [],
      needsInventory: false,
      "pods of several clusters were seen, policy of one does not hold in the others",
      clear: "pods of one cluster were seen"
    )
  }

  private var externalNames: Assessment.Check {
    check(
      "external-name",
      services.filter { $0.type == .externalName }.map(\.qualifiedName),
      needsInventory: true,
      "an ExternalName Service has no pods: its clients need a rule for the name or addresses",
      clear: "there is no ExternalName Service"
    )
  }
}
