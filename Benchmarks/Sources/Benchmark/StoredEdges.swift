import FlowGenerator
import Foundation

/// The pods' connections in a store, as `flowlearn flows` lists them.
struct StoredEdges {
  /// An edge by what the generator knows of it.
  private struct Key: Hashable {
    var source: String
    var destination: String
    var port: Int
    var side: String
  }

  private var records: [Key: Int] = [:]
  private var problem: String?

  /// Reads them.
  init(_ flowlearn: String, store: String) {
    let listed = Child.run([flowlearn, "flows", "-A", "-q", "-o", "ndjson", "--store", store])
    if listed.status != 0 { problem = "flows cannot be listed (\(listed.status))" }
    for line in listed.output.split(separator: "\n") {
      guard
        let edge = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
        let source = StoredEdges.name(edge["source"]),
        let destination = StoredEdges.name(edge["destination"]),
        let port = edge["port"] as? Int, let side = edge["side"] as? String,
        let flows = edge["flows"] as? Int, edge["class"] as? String == "allowed"
      else {
        problem = "an edge that was never generated: \(line.prefix(200))"
        continue
      }
      records[
        Key(source: source, destination: destination, port: port, side: side),
        default: 0
      ] += flows
    }
  }

  private static func name(_ end: Any?) -> String? {
    guard let end = end as? [String: Any], let namespace = end["namespace"] as? String,
      let workload = end["workload"] as? [String: Any], let name = workload["name"] as? String
    else { return nil }
    return "\(namespace)/\(name)"
  }

  /// Says whether the store holds exactly what was written: each edge, and its records.
  func compared(
    with tally: LogWriter.Tally,
    of cluster: GeneratedCluster,
    _ format: LogWriter.Format
  ) -> String {
    if let problem { return "WRONG: \(problem)" }
    // Calico reports a connection at both of its ends; of VPC logs, the record of the reply is no evidence.
    let sides = format == .calico ? ["egress", "ingress"] : ["both"]
    var expected: [Key: Int] = [:]
    for (edge, count) in zip(cluster.edges, tally.connections) where count > 0 {
      for side in sides {
        let key = Key(
          source: "\(cluster.namespace(edge.source))/\(cluster.name(edge.source))",
          destination: "\(cluster.namespace(edge.destination))/\(cluster.name(edge.destination))",
          port: edge.port,
          side: side
        )
        expected[key] = count
      }
    }
    let wrong = expected.count { records[$0.key] != $0.value }
    let extra = records.keys.count { expected[$0] == nil }
    let sum = records.values.reduce(0, +)
    return wrong + extra == 0
      ? "aggregate checked: \(records.count) edges and their \(sum) records are those generated"
      : "WRONG: of \(expected.count) edges \(wrong) are not counted as generated, \(extra) more are stored"
  }
}
