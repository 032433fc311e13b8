import FlowAggregation
import FlowModel
package import Rollout

extension Evidence {
  /// What was observed of a namespace, as far as it tells how critical it is.
  package func criticalityFacts(of namespace: String) -> CriticalityFacts {
    var outside: Set<String> = []
    var dependants: Set<String> = []
    var ports: Set<UInt16> = []
    for connection in connections where connection.isAccepted {
      guard case .workload(let server) = connection.destination,
        workloads[server].namespace == namespace
      else { continue }
      ports.insert(connection.key.port)
      switch connection.source {
      case .workload(let client):
        if workloads[client].namespace != namespace {
          dependants.insert(workloads[client].namespace)
        }
      case .other(let endpoint):
        if endpoint.isExternal { outside.insert(workloadNames[server]) }
      }
    }
    return CriticalityFacts(
      namespace: namespace,
      reachedFromOutside: outside.sorted(),
      dependantNamespaces: dependants.sorted(),
      servedPorts: ports.sorted()
    )
  }
}
