import ClusterInventory
import FlowModel
import Testing

/// Which pod ran where: it ties together what two nodes show of a connection.
struct NodePlacementTests {
  @Test("Which pod ran on which node is told by the node's name, or its address on the pod")
  func hosts() throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try .node("n1", ["192.168.0.1", "192.168.7.1"]), try .node("n2", ["192.168.0.2"]),
            try .pod("shop/web-1", "10.0.0.5", node: nil) { $0.nodeName = "n1" },
            try .pod("shop/api-1", "10.0.0.6", node: "192.168.0.3") { $0.nodeName = "n3" },
            try .pod("shop/db-1", "10.0.0.7", node: "192.168.0.2"),
          ]
        )
      )
    )
    let cases = [
      ("10.0.0.5", "192.168.0.1", true), ("10.0.0.5", "192.168.7.1", true),
      ("10.0.0.5", "192.168.0.2", false), ("10.0.0.6", "192.168.0.3", true),
      ("10.0.0.6", "192.168.0.1", false), ("10.0.0.7", "192.168.0.2", false),
      ("10.0.0.9", "192.168.0.1", false), ("192.168.0.1", "192.168.0.1", false),
    ]
    for (pod, node, expected) in cases {
      let runs = table.runs(podAt: try address(pod), onNodeAt: try address(node))
      #expect(runs == expected, "\(pod) on \(node)")
    }
  }
}
