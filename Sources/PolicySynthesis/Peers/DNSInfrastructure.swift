package import FlowAggregation
package import FlowModel

/// Recognises the cluster's DNS servers, which clients ask over UDP and now and then over TCP.
package enum DNSInfrastructure {
  /// Namespaces that DNS servers of a cluster run in.
  private static let namespaces = ["kube-system", "openshift-dns"]
  private static let names: Set<String> = ["kube-dns", "coredns", "dns-default", "node-local-dns"]
  /// Ports that DNS servers listen on: the standard one, and those of pods without privileges.
  private static let ports: Set<UInt16> = [53, 5353]

  /// Whether a workload is a DNS server by its namespace and its label or name.
  package static func isServer(_ workload: Workload) -> Bool {
    guard namespaces.contains(workload.namespace) else { return false }
    if workload.owner.map({ names.contains($0.name) }) ?? false { return true }
    return workload.labelSets.contains { labels in
      labels["k8s-app"] == "kube-dns" || labels["dns.operator.openshift.io/daemonset-dns"] != nil
    }
  }

  /// The DNS servers among workloads, as indices, with the ports each answers on.
  ///
  /// One in the usual namespaces is also a DNS server when it was seen serving UDP port 53 or 5353.
  package static func servers(
    _ workloads: [Workload],
    connections: [LearnedConnection]
  ) -> [Int: Set<UInt16>] {
    var found: [Int: Set<UInt16>] = [:]
    for (index, workload) in workloads.enumerated() where isServer(workload) { found[index] = [] }
    for connection in connections {
      guard case .workload(let index) = connection.destination, workloads.indices.contains(index),
        connection.transport == .udp || connection.transport == .tcp
      else { continue }
      let isUsual = ports.contains(connection.port)
      if found[index] == nil {
        guard isUsual, connection.transport == .udp,
          namespaces.contains(workloads[index].namespace)
        else { continue }
      }
      // Whatever a DNS server answers over UDP is DNS; over TCP it also serves metrics and health.
      if isUsual || connection.transport == .udp {
        found[index, default: []].insert(connection.port)
      }
    }
    return found
  }

  /// Whether an address and port are NodeLocal DNSCache.
  package static func isNodeLocal(_ address: CIDR?, port: UInt16) -> Bool {
    guard let address else { return false }
    return port == 53 && address.sizeExponent == 0 && address.address.isNodeLocalDNS
  }
}
