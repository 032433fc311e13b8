import FlowGenerator
import Foundation

extension Benchmark {
  /// Propose and check of a large cluster: 1,500 workloads, 10,000 edges, 60 namespaces.
  func measurePolicy() throws {
    let cluster = GeneratedCluster(namespaces: 60, workloads: 1_500, pods: 1, edges: 10_000)
    let file = "\(folder)/policy.log"
    var writer = LogWriter(.hubble, cluster: cluster)
    _ = try writer.write(to: file, bytes: 400_000_000)
    defer { if !keeps { try? FileManager.default.removeItem(atPath: file) } }
    let store = freshStore("policy")
    _ = Child.run([flowlearn, "ingest", "-q", "--store", store, file])
    let propose = Child.median(runs) {
      Child.run([flowlearn, "propose", "-A", "-q", "--week", "all", "--store", store])
    }
    let policies = "\(folder)/policies.yaml"
    try propose.output.write(toFile: policies, atomically: true, encoding: .utf8)
    let check = Child.median(runs) {
      Child.run([flowlearn, "check", "-q", "--denied", "--store", store, policies])
    }
    print(
      "policy  propose -A: \(round2(propose.wall)) s wall, \(round2(propose.processor)) s processor, "
        + "\(propose.memory >> 20) MiB peak, exit \(propose.status >> 8)"
    )
    print(
      "policy  check: \(round2(check.wall)) s wall, \(round2(check.processor)) s processor, "
        + "\(check.memory >> 20) MiB peak, exit \(check.status >> 8)"
    )
  }
}
