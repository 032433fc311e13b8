import ClusterInventory
import FlowAggregation
import FlowModel
import TestSupport
import Testing

struct InventoryWorkloadsTests {
  @Test("Pods of one owner are one workload with all their label sets, stable labels only")
  func grouping() throws {
    let all = try inventory(
      (
        "10:00:00",
        [
          try .pod("shop/web-1", "10.0.0.5", labels: ["app": "web", "track": "a"]),
          try .pod("shop/web-2", "10.0.0.6", labels: ["app": "web", "track": "b"]) {
            $0.ports = [PodObject.Port(name: "http", port: 8080), PodObject.Port(port: 9)]
          },
          try .pod("shop/web-3", nil, labels: ["app": "web", "track": "a"]),
          .controller("Deployment", "shop/web", labels: ["app": "web", "pod-template-hash": "x"]),
        ]
      )
    )
    let workloads = all.workloads()
    #expect(workloads.count == 1)
    let web = try #require(workloads.first)
    #expect(web.owner == WorkloadReference(kind: "Deployment", name: "web"))
    #expect(
      web.labelSets == [["app": "web", "track": "a"], ["app": "web", "track": "b"]] as [Labels]
    )
    #expect(web.selectorLabels == ["app": "web"] as Labels)
    #expect(
      web.namedPorts == [Workload.NamedPort(name: "http", transport: .tcp, port: 8080)]
    )
    #expect(web.cluster == "test" && !web.isHostNetwork && !web.isExposed)
  }

  @Test("Bare pods are grouped by labels; labels that changed while running all count for owners")
  func labels() throws {
    func bare(_ name: String, _ labels: Labels) throws -> InventoryObject {
      try .pod("shop/\(name)", nil) {
        $0.metadata.owner = nil
        $0.metadata.labels = labels
      }
    }
    let first = try InventoryObject.pod("shop/db-1", nil, labels: ["app": "db", "role": "m"])
    let second = try InventoryObject.pod("shop/db-1", nil, labels: ["app": "db", "role": "r"])
    let all = try inventory(
      (
        "10:00:00",
        [
          try bare("a", ["run": "x"]), try bare("b", ["run": "x"]), try bare("c", ["run": "y"]),
          first,
        ]
      ),
      ("11:00:00", [second])
    )
    let workloads = all.workloads()
    #expect(
      workloads.map { $0.owner?.name ?? $0.labelSets.first?.description } == [
        "run=x", "run=y", "db",
      ]
    )
    #expect(workloads.last?.labelSets.count == 2)
  }

  @Test("Controllers without pods are workloads too, what they own in between is not")
  func withoutPods() throws {
    let all = try inventory(
      (
        "10:00:00",
        [
          .controller("CronJob", "shop/nightly", labels: ["app": "nightly"]),
          .controller("Deployment", "shop/idle", labels: ["app": "idle"]),
          .controller(
            "ReplicaSet",
            "shop/idle-abc",
            owner: OwnerReference(kind: "Deployment", name: "idle"),
            labels: ["app": "idle"]
          ),
        ]
      )
    )
    #expect(all.workloads().map(\.owner?.name) == ["idle", "nightly"])
    #expect(all.workloads().first?.labelSets == [["app": "idle"]] as [Labels])
  }

  @Test(
    "What leads in from outside exposes a workload",
    arguments: [
      ("ClusterIP", false), ("NodePort", true), ("LoadBalancer", true), ("external", true),
      ("Ingress", true), ("hostPort", true), ("versioned", true),
    ]
  )
  func exposure(_ way: String, _ expected: Bool) throws {
    let port = ServiceObject.Port(port: 80)
    // Real charts select by labels that change at every release.
    let selector: Labels = way == "versioned" ? ["helm.sh/chart": "w-1"] : ["app": "web"]
    let all = try inventory(
      (
        "10:00:00",
        [
          try .pod("shop/web-1", "10.0.0.5", labels: ["app": "web", "helm.sh/chart": "w-1"]) {
            if way == "hostPort" { $0.ports = [PodObject.Port(port: 80, hostPort: 80)] }
          }, try .pod("shop/other-1", "10.0.0.6"),
          try .service("shop/web", "10.96.0.1", selector: selector, ports: [port]) {
            if way == "NodePort" || way == "versioned" { $0.type = .nodePort }
            if way == "LoadBalancer" { $0.type = .loadBalancer }
            if way == "external" { $0.externalAddresses = [IPAddress(ipv4: 0xcb00_7105)] }
          },
          .ingress(
            IngressObject(
              metadata: ObjectMetadata(namespace: "shop", name: "i"),
              services: way == "Ingress" ? ["web"] : []
            )
          ),
        ]
      )
    )
    let exposed = all.workloads().filter(\.isExposed).map { $0.owner?.name ?? "" }
    #expect(exposed == (expected ? ["web"] : []))
  }

  @Test("A window leaves out pods that were gone before it")
  func window() throws {
    let dns = try AddressTableTests.dns()
    let old = try InventoryObject.pod("shop/old-1", "10.0.0.5")
    let new = try InventoryObject.pod("shop/new-1", "10.0.0.6", start: "10:30:00")
    let all = try inventory(("09:00:00", [dns, old]), ("11:00:00", [dns, new]))
    #expect(all.workloads().count == 3)
    let late = all.workloads(during: try at("12:00:00")...at("13:00:00"))
    #expect(late.map(\.owner?.name) == ["dns", "new"])
  }

  @Test("Namespaces have their newest labels, unlisted ones the one every API server sets")
  func namespaces() throws {
    func namespace(_ labels: Labels) -> InventoryObject {
      .namespace(NamespaceObject(metadata: ObjectMetadata(name: "shop", uid: "s", labels: labels)))
    }
    let all = try inventory(
      ("10:00:00", [namespace(["team": "a"]), try .pod("other/x-1", nil)]),
      ("11:00:00", [namespace(["team": "b"])])
    )
    #expect(all.namespaces().map(\.name) == ["other", "shop"])
    #expect(
      all.namespaces().map(\.labels)
        == [["kubernetes.io/metadata.name": "other"], ["team": "b"]] as [Labels]
    )
  }
}
