import FlowAggregation
import FlowModel
import TestSupport
import Testing

/// Which endpoints are one workload, and which are not.
struct WorkloadClusteringTests {
  private func pod(
    _ namespace: String,
    _ labels: Labels = [:],
    owner: String? = nil,
    kind: String = "Deployment",
    name: String = "",
    cluster: String = ""
  ) -> Endpoint {
    Endpoint(
      kind: .pod,
      cluster: cluster,
      namespace: namespace,
      workload: owner.map { WorkloadReference(kind: kind, name: $0) },
      labels: labels,
      name: name
    )
  }

  private func deployment(_ name: String, _ labelSets: Labels..., in namespace: String = "shop")
    -> Workload
  {
    Workload(
      namespace: namespace,
      owner: WorkloadReference(kind: "Deployment", name: name),
      labelSets: labelSets
    )
  }

  @Test("Pods of one owner with the labels of two releases are one workload with two label sets")
  func twoReleases() {
    let old = pod("shop", ["app": "web", "release": "1"], owner: "web")
    let new = pod("shop", ["app": "web", "release": "2"], owner: "web")
    let clustering = WorkloadClustering(endpoints: [new, old])
    #expect(clustering.workloads.count == 1)
    #expect(clustering.workloads[0].labelSets == [old.labels, new.labels])
    #expect(clustering.workloads[0].commonLabels == ["app": "web"])
    #expect(clustering.workload(of: old) == 0 && clustering.workload(of: new) == 0)
  }

  @Test("Equal labels in different namespaces never join")
  func namespaces() {
    let one = pod("shop", ["app": "web"])
    let two = pod("blog", ["app": "web"])
    let clustering = WorkloadClustering(endpoints: [one, two])
    #expect(clustering.workloads.map(\.namespace) == ["blog", "shop"])
    #expect(clustering.workload(of: one) == 1 && clustering.workload(of: two) == 0)
  }

  @Test("What a log leaves out of the labels makes no variant of the inventory's")
  func subsetOfInventory() {
    let seen = pod("shop", ["app": "web"])
    let owned = pod("shop", ["app": "web"], owner: "web")
    let clustering = WorkloadClustering(
      endpoints: [seen, owned],
      inventory: [deployment("web", ["app": "web", "tier": "front"])]
    )
    #expect(clustering.workloads == [deployment("web", ["app": "web", "tier": "front"])])
    #expect(clustering.workload(of: seen) == 0 && clustering.workload(of: owned) == 0)
  }

  @Test("Labels that are part of those of two workloads of the inventory belong to neither")
  func ambiguous() {
    let seen = pod("shop", ["app": "web"])
    let clustering = WorkloadClustering(
      endpoints: [seen],
      inventory: [
        deployment("a", ["app": "web", "tier": "a"]), deployment("b", ["app": "web", "tier": "b"]),
      ]
    )
    #expect(clustering.workloads.count == 2)
    #expect(clustering.workload(of: seen) == nil)
    #expect(clustering.unattributed.map(\.doubt) == [.ambiguous(2)])
  }

  @Test("Labels equal to one set win over sets that include them")
  func equalBeatsSubset() {
    let seen = pod("shop", ["app": "web"])
    let clustering = WorkloadClustering(
      endpoints: [seen],
      inventory: [
        deployment("canary", ["app": "web", "canary": "true"]), deployment("web", ["app": "web"]),
      ]
    )
    #expect(clustering.workload(of: seen) == 1)
  }

  @Test("An unknown label set is a workload of its own")
  func ownWorkload() {
    let seen = pod("shop", ["app": "batch"])
    let clustering = WorkloadClustering(
      endpoints: [seen],
      inventory: [deployment("web", ["app": "web"])]
    )
    #expect(clustering.workloads.map { $0.owner?.name } == ["web", nil])
    #expect(clustering.workload(of: seen) == 1)
  }

  @Test("Bare pods are grouped by their stable labels")
  func barePods() {
    let one = pod("shop", ["app": "job", "run-id": "7f9c2d1"])
    let two = pod("shop", ["app": "job", "run-id": "8a0b3e2"])
    let clustering = WorkloadClustering(endpoints: [one, two])
    #expect(clustering.workloads.count == 1)
    #expect(clustering.workloads[0].labelSets.count == 2)
    #expect(clustering.workloads[0].commonLabels == ["app": "job"])
  }

  @Test("An unnamed cluster is the only named one, but not one of two")
  func clusters() {
    let named = pod("shop", ["app": "web"], cluster: "east")
    let unnamed = pod("shop", ["app": "web"])
    let other = pod("shop", ["app": "web"], cluster: "west")
    #expect(WorkloadClustering(endpoints: [named, unnamed]).workloads.map(\.cluster) == ["east"])
    #expect(
      WorkloadClustering(endpoints: [named, unnamed, other]).workloads.map(\.cluster)
        == ["", "east", "west"]
    )
  }

  @Test(
    "A pod known by name only belongs to the owner whose kind names pods so",
    arguments: [
      ("web-6d4b75cb6d-x2x9p", "web", "Deployment", true), ("db-0", "db", "StatefulSet", true),
      ("agent-x2x9p", "agent", "DaemonSet", true),
      ("web-api-6d4b75cb6d-x2x9p", "web", "Deployment", false),
      ("web-1", "web", "Deployment", false), ("report-29012345-x2x9p", "report", "CronJob", true),
      ("web", "web", "Pod", true), ("webx", "web", "Pod", false),
    ]
  )
  func podNames(_ name: String, _ owner: String, _ kind: String, _ fits: Bool) {
    let seen = pod("shop", name: name)
    let workload = Workload(
      namespace: "shop",
      owner: WorkloadReference(kind: kind, name: owner),
      labelSets: [["app": owner]]
    )
    let clustering = WorkloadClustering(endpoints: [seen], inventory: [workload])
    #expect(clustering.workload(of: seen) == (fits ? 0 : nil))
    #expect(clustering.workloads == [workload])
  }

  @Test("A log without owner kinds means the only owner of that name")
  func ownerWithoutKind() {
    let seen = pod("shop", ["app": "web"], owner: "web", kind: "")
    let clustering = WorkloadClustering(
      endpoints: [seen],
      inventory: [deployment("web", ["app": "web"])]
    )
    #expect(clustering.workloads.count == 1)
  }

  @Test("What is no pod is left out with the reason")
  func noPod() {
    let node = Endpoint(kind: .node, entity: "host")
    let clustering = WorkloadClustering(endpoints: [node])
    #expect(clustering.workloads.isEmpty)
    #expect(clustering.unattributed.map(\.doubt) == [.notAPod])
  }

  @Test("Any order and repetition gives the same workloads", arguments: Seed.samples(200))
  func orderIndependence(_ seed: Seed) {
    var random = seed
    let names = ["web", "api", "db"]
    func labels() -> Labels {
      var labels: Labels = ["app": names.randomElement(using: &random) ?? ""]
      for key in ["tier", "canary"] where Bool.random(using: &random) {
        labels[key] = ["a", "b"].randomElement(using: &random)
      }
      return labels
    }
    let inventory = (0..<3).map { deployment("w\($0)", labels(), labels()) }
    let endpoints = (0..<12).map { number in
      pod(
        ["shop", "blog"].randomElement(using: &random) ?? "",
        labels(),
        owner: number % 3 == 0 ? "w\(number % 5)" : nil
      )
    }
    let one = WorkloadClustering(endpoints: endpoints, inventory: inventory)
    let two = WorkloadClustering(
      endpoints: (endpoints + endpoints.prefix(4)).shuffled(using: &random),
      inventory: inventory.shuffled(using: &random)
    )
    #expect(one.workloads == two.workloads)
    #expect(one.assignment == two.assignment)
    for endpoint in endpoints {
      guard let index = one.workload(of: endpoint) else { continue }
      #expect(one.workloads[index].namespace == endpoint.namespace)
      #expect(one.workloads[index].labelSets.contains { endpoint.labels.isSubset(of: $0) })
    }
  }

  @Test(
    "Values that change look like it",
    arguments: [
      "10.0.0.7", "ip-10-0-0-7.ec2.internal", "1.19", "v1.2.3", "2.0.0-rc1", "redis-17.3.2",
      "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "6d4b75cb6d", "a1b2c3d", "web-6d4b75cb6d",
      "20260101", "1767225600", "2026-01-01", "d41d8cd98f00b204e9800998ecf8427e", "2001-db8--1-2.3",
    ]
  )
  func unstableValues(_ value: String) { #expect(!WorkloadClustering.isStableValue(value)) }

  @Test(
    "Values that stay look like it",
    arguments: [
      "", "web", "frontend", "postgres-13", "mysql8", "shard-1", "kube-dns", "es-2024", "8080",
      "true", "decade", "a-and-b", "release-a", "team_7", "k8s", "http2",
    ]
  )
  func stableValues(_ value: String) { #expect(WorkloadClustering.isStableValue(value)) }

  @Test("A value that contains the name of its pod or node changes with it")
  func namesInValues() {
    #expect(!WorkloadClustering.isStableValue("log-worker-a", names: ["worker-a"]))
    #expect(WorkloadClustering.isStableValue("log", names: ["", "worker-a"]))
  }
}
