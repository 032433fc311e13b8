import ClusterInventory
import FlowAggregation
import FlowModel
import Testing
import TestSupport

/// The real clusters of the shared samples.
struct InventorySamplesTests {
  static func inventory(_ reader: InventoryReader, _ time: String) throws -> Inventory {
    var inventory = Inventory()
    inventory.add(
      InventorySnapshot(
        time: try #require(Timestamps.parse(time)),
        objects: reader.objects,
        redacted: reader.counts.redacted
      )
    )
    return inventory
  }

  @Test("Every sample object survives storage, and JSON and YAML of one cluster are the same")
  func storage() throws {
    for (folder, derived) in [
      ("gke-cluster", "derived-json/gke-cluster.list.json"),
      ("minikube-list", "derived-json/minikube-list.list.json"),
      ("onlineboutique-live", "derived-json/onlineboutique-live.list.json"),
      ("ocp-ibm-mixed", "derived-json/ocp-ibm-mixed.list.json"), ("kurl-bundle", ""),
      ("aks-cluster-dump", ""),
    ] {
      guard let reader = try readSamples(folder) else { return }
      for object in reader.objects {
        #expect(try InventoryObject(decoding: object.encode()) == object, "\(folder)")
      }
      guard !derived.isEmpty, let other = try readSamples(derived) else { continue }
      #expect(Set(reader.objects) == Set(other.objects), "\(folder)")
    }
  }

  @Test(
    "The samples hold what their notes say",
    arguments: [
      ("gke-cluster", 40, 7, 30, 2, 0, 0), ("minikube-list", 11, 6, 5, 0, 2, 0),
      ("aks-cluster-dump", 10, 1, 5, 0, 0, 0), ("onlineboutique-live", 12, 0, 0, 0, 0, 0),
      ("ocp-ibm-mixed", 19, 6, 13, 1, 0, 0),
    ]
  )
  func counts(
    _ folder: String,
    _ pods: Int,
    _ hostNetwork: Int,
    _ services: Int,
    _ nodes: Int,
    _ finished: Int,
    _ redacted: Int
  ) throws {
    guard let reader = try readSamples(folder) else { return }
    let inventory = try InventorySamplesTests.inventory(reader, "2022-12-01T00:00:00Z")
    let summary = inventory.summary(AddressTable(inventory))
    #expect(summary.pods == pods)
    #expect(summary.hostNetwork == hostNetwork)
    #expect(summary.services == services)
    #expect(summary.nodes == nodes)
    #expect(summary.finished == finished)
    #expect(summary.running == pods - finished)
    #expect(summary.redacted == redacted)
    #expect(summary.ambiguousAddresses == (folder == "minikube-list" ? 1 : 0))
    #expect(inventory.workloads().allSatisfy { $0.labelSets.count == 1 || $0.owner != nil })
  }

  @Test("Reused addresses of finished Jobs go to the running pods once these run")
  func minikube() throws {
    guard let reader = try readSamples("minikube-list") else { return }
    let inventory = try InventorySamplesTests.inventory(reader, "2022-01-27T19:00:00Z")
    let table = AddressTable(inventory)
    func word(_ ip: String, _ time: String, _ port: UInt16 = 50_000) throws -> String {
      let instant = try #require(Timestamps.parse("2022-01-27T\(time)Z"))
      return table.resolve(
        try address(ip),
        transport: .tcp,
        port: port,
        from: instant,
        to: instant
      ).word
    }
    #expect(try word("172.17.0.3", "18:30:00") == "ingress-nginx-controller")
    #expect(try word("172.17.0.4", "18:30:00") == "demo")
    #expect(try word("172.17.0.3", "18:07:10") == "ingress-nginx-admission-create")
    #expect(try word("172.17.0.4", "18:07:11") == "ingress-nginx-admission-patch")
    #expect(
      try word("172.17.0.4", "18:12:00") == "unknown-pod",
      "between the Job's end and the demo's start"
    )
    #expect(try word("172.17.0.3", "18:00:00") == "unknown-pod", "older than any holder")
    #expect(
      try word("192.168.49.2", "18:30:00", 80)
        == "ingress-nginx/ingress-nginx-controller-6d5f55986b-5twct -> ingress-nginx-controller:80"
    )
    #expect(
      try word("192.168.49.2", "18:30:00", 30308)
        == "ingress-nginx/ingress-nginx-controller -> ingress-nginx-controller:80"
    )
    #expect(try word("192.168.49.2", "18:30:00", 8443) == "apiserver")
    #expect(try word("192.168.49.2", "18:30:00") == "node")
    #expect(try word("10.111.43.154", "18:30:00", 80) == "default/demo -> demo:80")
    #expect(inventory.summary(table).reusedAddresses == 2)
    let exposed = inventory.workloads().filter(\.isExposed).compactMap(\.owner?.name)
    #expect(exposed.contains("ingress-nginx-controller"))
    #expect(!exposed.contains("demo"))
  }

  @Test("The GKE cluster resolves pods, Services, nodes and the API server")
  func gke() throws {
    guard let reader = try readSamples("gke-cluster") else { return }
    let inventory = try InventorySamplesTests.inventory(reader, "2021-08-02T00:00:00Z")
    let table = AddressTable(inventory)
    let time = try #require(Timestamps.parse("2021-08-01T20:00:00Z"))
    func word(_ ip: String, _ port: UInt16, _ transport: TransportProtocol = .tcp) throws -> String
    {
      table.resolve(try address(ip), transport: transport, port: port, from: time, to: time).word
    }
    #expect(try word("10.8.0.20", 8080) == "frontend")
    #expect(try word("10.75.12.165", 80) == "hipster/frontend -> frontend:8080")
    #expect(try word("34.67.184.11", 80) == "hipster/frontend-external -> frontend:8080")
    #expect(
      try word("10.128.15.198", 30001) == "sock-shop/front-end -> front-end:8079"
    )
    #expect(try word("10.75.0.10", 53, .udp) == "kube-system/kube-dns -> kube-dns:53")
    #expect(try word("10.75.11.117", 443).hasPrefix("kube-system/metrics-server -> metrics-server"))
    #expect(try word("10.75.14.181", 5473) == "kube-system/calico-typha -> node:5473")
    #expect(try word("10.75.0.1", 443) == "default/kubernetes -> apiserver:443")
    #expect(try word("104.154.22.158", 443) == "apiserver")
    #expect(try word("10.128.15.198", 10250) == "node")
    #expect(try word("10.8.1.1", 50_000) == "node", "the tunnel address")
    #expect(try word("10.8.1.200", 50_000) == "unknown-pod")
    #expect(try word("34.123.61.66", 22) == "node")
    #expect(table.apiServerAddresses.map(\.description) == ["104.154.22.158/32"])
    #expect(table.clusterPrefixes.contains { $0.description == "10.8.1.0/24" })
    let exposed = inventory.workloads().filter(\.isExposed).compactMap(\.owner?.name)
    #expect(exposed.contains("frontend") && exposed.contains("front-end"))
    let aggregated = table.pod(
      namespace: "hipster",
      name: "frontend-7dbdf6c769-*",
      at: time
    )
    #expect(aggregated?.workload == WorkloadReference(kind: "Deployment", name: "frontend"))
  }

  @Test("A bundle with every address blanked out gives workloads but resolves nothing")
  func kurl() throws {
    guard let reader = try readSamples("kurl-bundle") else { return }
    #expect(reader.counts.redacted > 200)
    let inventory = try InventorySamplesTests.inventory(reader, "2022-04-12T12:00:00Z")
    let table = AddressTable(inventory)
    let summary = inventory.summary(table)
    #expect(summary.pods == 58 && summary.withoutAddress == 58 && summary.nodes == 3)
    #expect(summary.finished == 1 && summary.redacted == reader.counts.redacted)
    #expect(table.clusterPrefixes.isEmpty)
    let names = inventory.workloads().compactMap { $0.owner.map { "\($0.kind)/\($0.name)" } }
    #expect(names.contains("InstanceManager/instance-manager"))
    #expect(names.contains("StaticPod/etcd"))
    #expect(names.contains("Job/contour-certgen-v1.20.1"))
    #expect(!names.contains { $0.hasPrefix("ReplicaSet/") })
  }

  @Test("The mixed OpenShift snapshot is noticed: slices name pods that are not in it")
  func mixed() throws {
    guard let reader = try readSamples("ocp-ibm-mixed") else { return }
    let inventory = try InventorySamplesTests.inventory(reader, "2022-10-04T00:00:00Z")
    let table = AddressTable(inventory)
    #expect(inventory.summary(table).unknownSliceTargets > 0)
    let time = try #require(Timestamps.parse("2022-10-03T23:00:00Z"))
    func word(_ ip: String, _ port: UInt16) throws -> String {
      table.resolve(try address(ip), transport: .tcp, port: port, from: time, to: time).word
    }
    #expect(
      try word("172.21.134.202", 3306) == "kubevious/kubevious-mysql -> kubevious-mysql:3306"
    )
    #expect(try word("172.21.0.1", 443) == "default/kubernetes -> apiserver:2040")
    #expect(try word("172.30.253.99", 4000) == "kubevious-backend")
    let mysql = inventory.workloads().first { $0.owner?.name == "kubevious-mysql" }
    #expect(mysql?.owner?.kind == "StatefulSet")
  }

  @Test("The aggregated and managed objects of an AKS dump need no kind in the items")
  func aks() throws {
    guard let reader = try readSamples("aks-cluster-dump") else { return }
    let inventory = try InventorySamplesTests.inventory(reader, "2020-06-04T12:00:00Z")
    let table = AddressTable(inventory)
    let time = try #require(Timestamps.parse("2020-06-04T00:00:00Z"))
    let dns = table.resolve(
      try address("10.0.0.10"),
      transport: .udp,
      port: 53,
      from: time,
      to: time
    )
    #expect(dns.word == "kube-system/kube-dns -> coredns:53")
  }
}
