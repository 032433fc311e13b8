import ClusterInventory
import FlowModel
import TestSupport
import Testing

/// Traps of addresses and ports that lead elsewhere: Services, node ports, host ports, API server.
struct ServiceResolutionTests {
  static func table(_ objects: [InventoryObject]) throws -> AddressTable {
    AddressTable(try inventory(("10:00:00", objects)))
  }

  static func web(_ path: String = "shop/web-1", _ ip: String = "10.0.0.5", named: UInt16 = 8080)
    throws -> InventoryObject
  {
    try .pod(path, ip) { $0.ports = [PodObject.Port(name: "http", port: named)] }
  }

  @Test("A cluster address and port lead to the pods' own port, by number and by name")
  func targetPorts() throws {
    let table = try ServiceResolutionTests.table([
      try ServiceResolutionTests.web(),
      try .service(
        "shop/web",
        "10.96.0.1",
        selector: ["app": "web"],
        ports: [
          ServiceObject.Port(name: "a", port: 80, target: .number(8080)),
          ServiceObject.Port(name: "b", port: 81, target: .name("http")),
          ServiceObject.Port(name: "c", port: 82),
          ServiceObject.Port(name: "d", port: 83, target: .name("nope")),
        ]
      ),
    ])
    let cases: [(UInt16, TransportProtocol, String)] = [
      (80, .tcp, "shop/web -> web:8080"), (81, .tcp, "shop/web -> web:8080"),
      (82, .tcp, "shop/web -> web:82"), (83, .tcp, "shop/web -> "), (80, .udp, "shop/web -> "),
      (9999, .tcp, "shop/web -> "),
    ]
    for (port, transport, expected) in cases {
      #expect(try table.resolve("10.96.0.1", port, transport, from: "09:00:00").word == expected)
    }
    let inventory = try inventory(("10:00:00", [try ServiceResolutionTests.web()]))
    #expect(inventory.summary(AddressTable(inventory)).unresolvedTargetPorts == 0)
  }

  @Test("A named port may have another number on each pod")
  func namedPortPerPod() throws {
    let table = try ServiceResolutionTests.table([
      try ServiceResolutionTests.web(),
      try ServiceResolutionTests.web("shop/web-2", "10.0.0.6", named: 9090),
      try .service(
        "shop/web",
        "10.96.0.1",
        selector: ["app": "web"],
        ports: [ServiceObject.Port(port: 80, target: .name("http"))]
      ),
    ])
    #expect(
      try table.resolve("10.96.0.1", 80, from: "09:00:00").word
        == "shop/web -> web:8080, web:9090"
    )
  }

  @Test("A named port that no pod declares is taken from the slice")
  func namedPortFromSlice() throws {
    let table = try ServiceResolutionTests.table([
      try .pod("shop/web-1", "10.0.0.5"),
      try .service(
        "shop/web",
        "10.96.0.1",
        selector: ["app": "web"],
        ports: [ServiceObject.Port(name: "main", port: 80, target: .name("http"))]
      ),
      try .slice(
        "shop/web-x",
        service: "web",
        ["10.0.0.5"],
        port: EndpointsObject.Port(name: "main", port: 8081),
        pod: "web-1"
      ),
    ])
    #expect(
      try table.resolve("10.96.0.1", 80, from: "09:00:00").word == "shop/web -> web:8081"
    )
  }

  @Test("External, load balancer and node addresses lead to the Service on its ports only")
  func outerAddresses() throws {
    let table = try ServiceResolutionTests.table([
      try ServiceResolutionTests.web(), try .node("n", ["192.168.0.1"]),
      try .service(
        "shop/web",
        "10.96.0.1",
        selector: ["app": "web"],
        ports: [ServiceObject.Port(port: 80, target: .number(8080), nodePort: 30080)]
      ) {
        $0.type = .loadBalancer
        $0.healthCheckNodePort = 31000
        $0.externalAddresses = [IPAddress("192.168.0.1"), IPAddress("203.0.113.5")]
          .compactMap { $0 }
        $0.loadBalancerAddresses = [IPAddress("34.67.184.11")].compactMap { $0 }
      },
    ])
    let cases: [(String, UInt16, String)] = [
      ("203.0.113.5", 80, "shop/web -> web:8080"), ("34.67.184.11", 80, "shop/web -> web:8080"),
      ("34.67.184.11", 81, "external"), ("192.168.0.1", 80, "shop/web -> web:8080"),
      ("192.168.0.1", 30080, "shop/web -> web:8080"), ("192.168.0.1", 31000, "shop/web -> "),
      ("192.168.0.1", 30081, "node"), ("192.168.0.2", 30080, "internal"),
    ]
    for (text, port, expected) in cases {
      #expect(try table.resolve(text, port, from: "09:00:00").word == expected, "\(text):\(port)")
    }
    for (text, port) in [
      ("10.0.0.5", 8080), ("10.96.0.1", 80), ("192.168.0.1", 30080), ("34.67.184.11", 80),
    ] as [(String, UInt16)] {
      #expect(
        table.serves(try address(text), transport: .tcp, port: port, at: try at("09:00:00")),
        "\(text):\(port)"
      )
    }
    #expect(
      !table.serves(
        try address("10.0.0.5"),
        transport: .tcp,
        port: 40_000,
        at: try at("09:00:00")
      )
    )
  }

  @Test("A host port leads to the pod's own port while the pod runs; loopback ones do not count")
  func hostPorts() throws {
    let table = try ServiceResolutionTests.table([
      try .pod("shop/edge-1", "10.0.0.5") {
        $0.ports = [PodObject.Port(port: 8080, hostPort: 80)]
      },
      try .pod("shop/job-1", "10.0.0.6") {
        $0.ports = [PodObject.Port(port: 9090, hostPort: 80)]
        $0.phase = .succeeded
        $0.lastContainerEnd = try? at("08:10:00")
      },
    ])
    #expect(
      try table.resolve("192.168.0.1", 80, from: "09:00:00").word == "shop/edge-1 -> edge:8080"
    )
    #expect(try table.resolve("192.168.0.1", 81, from: "09:00:00").word == "node")
  }

  @Test("Finished pods and pods of another time are no backends")
  func backendsInTime() throws {
    let table = try ServiceResolutionTests.table([
      try .pod("shop/old-1", "10.0.0.4", app: "old", labels: ["app": "web"]) {
        $0.phase = .failed
        $0.lastContainerEnd = try? at("08:30:00")
      },
      try .pod("shop/web-1", "10.0.0.5", start: "08:40:00"),
      try .service(
        "shop/web",
        "10.96.0.1",
        selector: ["app": "web"],
        ports: [ServiceObject.Port(port: 80)]
      ),
    ])
    #expect(try table.resolve("10.96.0.1", 80, from: "08:20:00").word == "shop/web -> old:80")
    #expect(try table.resolve("10.96.0.1", 80, from: "09:20:00").word == "shop/web -> web:80")
    #expect(
      try table.resolve("10.96.0.1", 80, from: "06:00:00") == .internalUnknown,
      "the Service was not there yet"
    )
  }

  @Test("Pods are trusted over slices that name other pods, and those are counted")
  func inconsistentSlices() throws {
    let all = try inventory(
      (
        "10:00:00",
        [
          try ServiceResolutionTests.web(),
          try .service(
            "shop/web",
            "10.96.0.1",
            selector: ["app": "web"],
            ports: [ServiceObject.Port(port: 80)]
          ),
          try .slice(
            "shop/web-x",
            service: "web",
            ["10.99.0.1"],
            port: EndpointsObject.Port(port: 80),
            pod: "stranger"
          ),
        ]
      )
    )
    let table = AddressTable(all)
    #expect(try table.resolve("10.96.0.1", 80, from: "09:00:00").word == "shop/web -> web:80")
    #expect(all.summary(table).unknownSliceTargets == 1)
  }

  @Test("A Service without selector leads to what its endpoints say: outside, node, or pod")
  func withoutSelector() throws {
    let port = EndpointsObject.Port(port: 5432)
    func service(_ name: String, _ ip: String) throws -> InventoryObject {
      try .service("shop/\(name)", ip, selector: [:], ports: [ServiceObject.Port(port: 5432)])
    }
    let table = try ServiceResolutionTests.table([
      try ServiceResolutionTests.web(), try service("db", "10.96.0.1"),
      try service("host", "10.96.0.2"), try service("pod", "10.96.0.3"),
      try .slice("shop/db-x", service: "db", ["203.0.113.9"], port: port),
      try .slice("shop/host-x", service: "host", ["192.168.0.1"], port: port),
      try .slice("shop/pod-x", service: "pod", ["10.0.0.5"], port: port),
    ])
    #expect(
      try table.resolve("10.96.0.1", 5432, from: "09:00:00").word == "shop/db -> external:5432"
    )
    #expect(try table.resolve("10.96.0.2", 5432, from: "09:00:00").word == "shop/host -> node:5432")
    #expect(try table.resolve("10.96.0.3", 5432, from: "09:00:00").word == "shop/pod -> web:5432")
    #expect(
      table.serves(
        try address("203.0.113.9"),
        transport: .tcp,
        port: 5432,
        at: try at("09:00:00")
      )
    )
  }

  @Test("Host-network backends on several nodes are one peer: the nodes")
  func nodeBackends() throws {
    func agent(_ name: String, _ ip: String) throws -> InventoryObject {
      try .pod("shop/\(name)", ip, app: "agent", node: ip) { $0.usesHostNetwork = true }
    }
    let table = try ServiceResolutionTests.table([
      try agent("agent-1", "192.168.0.1"), try agent("agent-2", "192.168.0.2"),
      try .service(
        "shop/agent",
        "10.96.0.1",
        selector: ["app": "agent"],
        ports: [ServiceObject.Port(port: 9100)]
      ),
    ])
    guard case .service(_, let backends) = try table.resolve("10.96.0.1", 9100, from: "09:00:00")
    else {
      Issue.record("no Service")
      return
    }
    #expect(
      backends == [ServiceBackend(endpoint: Endpoint(kind: .node, cluster: "test"), port: 9100)]
    )
  }

  static func apiServer(_ ips: [String]) throws -> [InventoryObject] {
    [
      try .service(
        "default/kubernetes",
        "10.96.0.1",
        selector: [:],
        ports: [ServiceObject.Port(name: "https", port: 443, target: .number(6443))]
      ),
      try .slice(
        "default/kubernetes",
        service: "kubernetes",
        ips,
        port: EndpointsObject.Port(name: "https", port: 6443)
      ),
    ]
  }

  @Test("The API server's Service leads to its endpoints with their real port")
  func apiServerService() throws {
    let one = try ServiceResolutionTests.table(try ServiceResolutionTests.apiServer(["10.50.0.2"]))
    #expect(
      try one.resolve("10.96.0.1", 443, from: "09:00:00").word
        == "default/kubernetes -> apiserver:6443"
    )
    #expect(try one.resolve("10.50.0.2", 6443, from: "09:00:00").word == "apiserver")
    #expect(
      try one.resolve("10.50.0.2", 51_000, from: "09:00:00").word == "apiserver",
      "as a client too: webhooks are called from there"
    )
    #expect(one.apiServerAddresses.map(\.description) == ["10.50.0.2/32"])
    let three = try ServiceResolutionTests.table(
      try ServiceResolutionTests.apiServer(["10.50.0.2", "10.50.0.3", "10.50.0.4"])
    )
    guard case .service(_, let backends) = try three.resolve("10.96.0.1", 443, from: "09:00:00")
    else {
      Issue.record("no Service")
      return
    }
    #expect(backends.count == 1 && backends.first?.endpoint.address == nil)
  }

  @Test("A control-plane node is the API server on that port only")
  func controlPlaneNode() throws {
    let table = try ServiceResolutionTests.table(
      try ServiceResolutionTests.apiServer(["192.168.0.1"]) + [try .node("n", ["192.168.0.1"])]
    )
    #expect(try table.resolve("192.168.0.1", 6443, from: "09:00:00").word == "apiserver")
    #expect(try table.resolve("192.168.0.1", 51_000, from: "09:00:00").word == "node")
    #expect(
      table.serves(
        try address("192.168.0.1"),
        transport: .tcp,
        port: 6443,
        at: try at("09:00:00")
      )
    )
  }

  @Test("A Service that changes its target between snapshots has each target in its time")
  func changedService() throws {
    let web = try InventoryObject.pod("shop/web-1", "10.0.0.5")
    func service(_ target: UInt16) throws -> InventoryObject {
      try .service(
        "shop/web",
        "10.96.0.1",
        selector: ["app": "web"],
        ports: [ServiceObject.Port(port: 80, target: .number(target))]
      )
    }
    let table = AddressTable(
      try inventory(("09:00:00", [web, try service(1)]), ("11:00:00", [web, try service(2)]))
    )
    #expect(try table.resolve("10.96.0.1", 80, from: "08:30:00").word == "shop/web -> web:1")
    #expect(try table.resolve("10.96.0.1", 80, from: "12:30:00").word == "shop/web -> web:2")
  }

  @Test("Headless Services and external names have no address")
  func withoutAddress() throws {
    let table = try ServiceResolutionTests.table([
      try ServiceResolutionTests.web(),
      try .service(
        "shop/web",
        nil,
        selector: ["app": "web"],
        ports: [ServiceObject.Port(port: 80, target: .number(7777))]
      ),
      try .service("shop/out", nil, selector: ["app": "web"], ports: [ServiceObject.Port(port: 1)])
      {
        $0.type = .externalName
      },
    ])
    #expect(try table.resolve("10.0.0.5", 80, from: "09:00:00").word == "web")
    let web = try address("10.0.0.5")
    let time = try at("09:00:00")
    #expect(table.serves(web, transport: .tcp, port: 7777, at: time))
    #expect(!table.serves(web, transport: .tcp, port: 1, at: time))
  }
}
