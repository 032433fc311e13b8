import ClusterInventory
import FlowModel
import Testing

/// Whether two snapshots are of one cluster is told by what a cluster keeps for life.
struct ClusterIdentityTests {
  private static func namespace(_ name: String, _ uid: String) -> InventoryObject {
    .namespace(NamespaceObject(metadata: ObjectMetadata(name: name, uid: uid)))
  }

  private static func node(_ name: String, _ uid: String) -> InventoryObject {
    .node(NodeObject(metadata: ObjectMetadata(name: name, uid: uid)))
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var known: [InventoryObject]
    var new: [InventoryObject]
    var sign: String?
    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "The same namespace",
      known: [namespace("kube-system", "a"), node("n", "1")],
      new: [namespace("kube-system", "a"), node("n", "2")]
    ),
    Case(
      name: "Another one of the same name",
      known: [namespace("kube-system", "a"), node("n", "1")],
      new: [namespace("kube-system", "b"), node("n", "1")],
      sign: "namespace kube-system"
    ),
    Case(
      name: "A namespace that was deleted and made anew",
      known: [namespace("kube-system", "a"), namespace("shop", "s")],
      new: [namespace("kube-system", "a"), namespace("shop", "t")]
    ),
    Case(
      name: "Any namespace that lasts",
      known: [namespace("default", "a")],
      new: [namespace("default", "b"), namespace("kube-system", "c")],
      sign: "namespace default"
    ),
    Case(
      name: "Namespaces without uids say nothing",
      known: [namespace("kube-system", "")],
      new: [namespace("kube-system", "b")]
    ),
    Case(
      name: "Nodes, where there are no namespaces",
      known: [node("worker-1", "1"), node("worker-2", "2")],
      new: [node("worker-1", "8"), node("worker-2", "9")],
      sign: "node worker-1"
    ),
    Case(
      name: "A node that was set up anew among known ones",
      known: [node("worker-1", "1"), node("worker-2", "2")],
      new: [node("worker-1", "8"), node("worker-2", "2")]
    ),
    Case(
      name: "Nodes of other names may be new",
      known: [node("ip-10-0-0-1", "1")],
      new: [node("ip-10-0-9-9", "2")]
    ),
    Case(name: "Nothing known", known: [], new: [namespace("kube-system", "a")]),
    Case(name: "Nothing new", known: [namespace("kube-system", "a")], new: []),
  ]

  @Test("A snapshot of another cluster shows by its uids", arguments: cases)
  func signs(_ sample: Case) throws {
    let inventory = try inventory(("09:00:00", sample.known))
    let snapshot = InventorySnapshot(time: try at("10:00:00"), objects: sample.new)
    #expect(inventory.sign(ofOtherCluster: snapshot) == sample.sign)
  }

  @Test("Of clusters that were added on purpose each is known")
  func severalClusters() throws {
    let all = try inventory(
      ("09:00:00", [Self.namespace("kube-system", "a")]),
      ("10:00:00", [Self.namespace("kube-system", "b")])
    )
    for (uid, sign) in [("a", nil), ("b", nil), ("c", "namespace kube-system")] {
      let snapshot = InventorySnapshot(
        time: try at("11:00:00"),
        objects: [Self.namespace("kube-system", uid)]
      )
      #expect(all.sign(ofOtherCluster: snapshot) == sign)
    }
  }
}
