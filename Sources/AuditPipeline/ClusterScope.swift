package import FlowModel

/// Which of several clusters in one store a command speaks of.
///
/// Two clusters may have a namespace of the same name with other workloads in it; taken together they would
/// give rules that fit neither. Logs without a cluster's name belong to the only cluster that is named;
/// where several are, they belong to none, and reading them with a name helps.
package struct ClusterScope: Sendable {
  private let cluster: String?
  private let namespace: String?

  /// Makes a scope.
  ///
  /// - Parameters:
  ///   - cluster: The cluster by name; nil when none was chosen.
  ///   - namespace: The namespace that is looked at; nil for all.
  ///   - pods: The pods of the store.
  /// - Throws: ``EvidenceError`` when none was chosen and a namespace has pods of several clusters, or
  ///   the one chosen was never seen.
  package init(_ cluster: String?, namespace: String?, pods: some Sequence<Endpoint>)
    throws(EvidenceError)
  {
    var clusters: [String: Set<String>] = [:]
    for pod in pods where pod.kind == .pod && !pod.cluster.isEmpty {
      clusters[pod.namespace, default: []].insert(pod.cluster)
    }
    let all = clusters.values.reduce(into: Set<String>()) { $0.formUnion($1) }
    self.namespace = namespace
    guard let cluster else {
      self.cluster = nil
      for (name, found) in clusters.sorted(by: { $0.key < $1.key })
      where found.count > 1 && (namespace == nil || namespace == name) {
        throw .severalClusters(namespace: name, clusters: found.sorted())
      }
      return
    }
    guard all.contains(cluster) || all.isEmpty else {
      throw .noSuchCluster(cluster, known: all.sorted())
    }
    // Of a single named cluster everything is taken, as without a choice.
    self.cluster = all.count > 1 ? cluster : nil
  }

  /// The edges of the cluster: those whose ends in the namespace are its pods.
  package func edges(_ edges: [FlowEdge]) -> [FlowEdge] {
    guard let cluster else { return edges }
    return edges.filter { edge in
      let pods = [edge.source, edge.destination].filter { end in
        end.kind == .pod && (namespace == nil || end.namespace == namespace)
      }
      // A connection to another cluster of a mesh is that of the end at hand.
      return pods.contains { $0.cluster == cluster }
    }
  }

  /// The pods of the cluster, and those of others that its edges name.
  package func pods(_ pods: [Endpoint], of edges: [FlowEdge]) -> [Endpoint] {
    guard let cluster else { return pods }
    var named: Set<Endpoint> = []
    for edge in edges { named.formUnion([edge.source, edge.destination]) }
    return pods.filter { $0.cluster == cluster || named.contains($0) }
  }
}
