import ClusterInventory
import FlowModel
import TestSupport
import Testing

struct OwnerResolverTests {
  static func pod(
    _ name: String,
    _ owner: (kind: String, name: String)?,
    labels: Labels = ["app": "a"],
    edit: (inout PodObject) -> Void = { _ in }
  ) -> PodObject {
    var pod = PodObject(
      metadata: ObjectMetadata(
        namespace: "shop",
        name: name,
        uid: name,
        labels: labels,
        owner: owner.map { OwnerReference(kind: $0.kind, name: $0.name) }
      )
    )
    edit(&pod)
    return pod
  }

  /// The owner of the first pod, all pods and other objects being in the inventory.
  static func owner(_ pods: [PodObject], _ others: [InventoryObject] = []) throws -> String {
    let all = try inventory(("10:00:00", pods.map { .pod($0) } + others))
    let first = try #require(pods.first)
    return OwnerResolver(all).owner(of: first).map { "\($0.kind)/\($0.name)" } ?? "none"
  }

  @Test("A ReplicaSet's Deployment is its owner, or its name less exactly the pod's hash")
  func replicaSets() throws {
    let pod = OwnerResolverTests.pod
    let plain = pod("a", ("ReplicaSet", "web-6d4b75"), ["pod-template-hash": "6d4b75"]) { _ in }
    let rollout = pod("a", ("ReplicaSet", "web-9f"), ["rollouts-pod-template-hash": "9f"]) { _ in }
    let other = pod("a", ("ReplicaSet", "web-v2"), ["pod-template-hash": "6d4b75"]) { _ in }
    let unlabelled = pod("a", ("ReplicaSet", "web-6d4b75"), ["app": "web"]) { _ in }
    #expect(try OwnerResolverTests.owner([plain]) == "Deployment/web")
    #expect(try OwnerResolverTests.owner([rollout]) == "Rollout/web")
    #expect(try OwnerResolverTests.owner([other]) == "ReplicaSet/web-v2")
    #expect(try OwnerResolverTests.owner([unlabelled]) == "ReplicaSet/web-6d4b75")
    let owned = InventoryObject.controller(
      "ReplicaSet",
      "shop/web-6d4b75",
      owner: OwnerReference(kind: "Deployment", name: "front")
    )
    #expect(try OwnerResolverTests.owner([unlabelled], [owned]) == "Deployment/front")
    let alone = InventoryObject.controller("ReplicaSet", "shop/web-6d4b75")
    #expect(
      try OwnerResolverTests.owner([plain], [alone]) == "ReplicaSet/web-6d4b75",
      "the object is there and has no owner"
    )
  }

  @Test("A Job belongs to a CronJob only when something says so")
  func jobs() throws {
    let pod = OwnerResolverTests.pod
    let first = pod("a-x", ("Job", "backup-28123456"), ["app": "a"]) { _ in }
    let second = pod("b-x", ("Job", "backup-28123457"), ["app": "a"]) { _ in }
    let seconds = pod("c-x", ("Job", "backup-1700000000"), ["app": "a"]) { _ in }
    let short = pod("d-x", ("Job", "backup-2024"), ["app": "a"]) { _ in }
    #expect(try OwnerResolverTests.owner([first]) == "Job/backup-28123456")
    #expect(try OwnerResolverTests.owner([first, second]) == "CronJob/backup")
    #expect(try OwnerResolverTests.owner([seconds, first]) == "CronJob/backup")
    #expect(try OwnerResolverTests.owner([short, first, second]) == "Job/backup-2024")
    let cron = InventoryObject.controller("CronJob", "shop/backup")
    #expect(try OwnerResolverTests.owner([first], [cron]) == "CronJob/backup")
    let job = InventoryObject.controller(
      "Job",
      "shop/backup-28123456",
      owner: OwnerReference(kind: "CronJob", name: "nightly")
    )
    #expect(try OwnerResolverTests.owner([first], [job]) == "CronJob/nightly")
  }

  @Test("Static pods are named without their node, bare pods by labels or, without any, themselves")
  func staticAndBarePods() throws {
    let pod = OwnerResolverTests.pod
    #expect(
      try OwnerResolverTests.owner([
        pod("etcd-node-1", ("Node", "node-1"), ["component": "etcd"]) { _ in }
      ]) == "StaticPod/etcd"
    )
    let mirror = pod("proxy-10.161.112.141", nil, ["app": "p"]) {
      $0.isMirror = true
      $0.nodeName = "10.161.112.141"
    }
    #expect(try OwnerResolverTests.owner([mirror]) == "StaticPod/proxy")
    #expect(try OwnerResolverTests.owner([pod("debug", nil, ["run": "debug"]) { _ in }]) == "none")
    #expect(
      try OwnerResolverTests.owner([pod("debug", nil, ["pod-template-hash": "1"]) { _ in }])
        == "Pod/debug"
    )
  }

  @Test("Custom owners stay, unless each pod has its own and all share a label")
  func customOwners() throws {
    let pod = OwnerResolverTests.pod
    let one = pod("db-1", ("Cluster", "db"), ["app": "db"]) { _ in }
    let two = pod("db-2", ("Cluster", "db"), ["app": "db"]) { _ in }
    #expect(try OwnerResolverTests.owner([one, two]) == "Cluster/db")
    let first = pod("im-e-1", ("InstanceManager", "im-e-1"), ["c": "im", "t": "e"]) { _ in }
    let second = pod("im-r-2", ("InstanceManager", "im-r-2"), ["c": "im", "t": "r"]) { _ in }
    #expect(try OwnerResolverTests.owner([first, second]) == "InstanceManager/im")
    #expect(try OwnerResolverTests.owner([first]) == "InstanceManager/im-e-1")
    let foreign = pod("x", ("InstanceManager", "x"), ["other": "y"]) { _ in }
    #expect(try OwnerResolverTests.owner([first, foreign]) == "InstanceManager/im-e-1")
    let config = pod("fe-3-x", ("ReplicationController", "fe-3"), ["deploymentconfig": "fe"]) { _ in
    }
    #expect(try OwnerResolverTests.owner([config]) == "DeploymentConfig/fe")
  }
}
