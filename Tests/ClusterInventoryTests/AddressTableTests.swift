import ClusterInventory
import FlowModel
import TestSupport
import Testing

/// One test per trap of the inventory document's sections 3, 4 and 8 that concerns single addresses.
struct AddressTableTests {
  /// The anchor makes a snapshot count as one of all namespaces.
  static func dns() throws -> InventoryObject {
    try .pod("kube-system/dns-1", "10.0.9.9", app: "dns", labels: ["k8s-app": "kube-dns"])
  }

  static func finished(_ path: String, _ ip: String, from: String, to: String?) throws
    -> InventoryObject
  {
    try .pod(path, ip, start: from) {
      $0.phase = .succeeded
      $0.firstContainerStart = $0.start
      $0.lastContainerEnd = try? to.map { try at($0) }
    }
  }

  @Test(
    "A finished Job pod that still shows its address holds it for its own time only",
    arguments: [
      ("08:10:00", "migrate"), ("08:30:00", "unknown-pod"), ("09:10:00", "web"),
      ("08:59:30", "web"), ("07:00:00", "unknown-pod"),
    ]
  )
  func finishedJob(_ time: String, _ expected: String) throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try AddressTableTests.finished(
              "shop/migrate-1",
              "10.0.0.5",
              from: "08:00:00",
              to: "08:20:00"
            ),
            try .pod("shop/web-1", "10.0.0.5", start: "09:00:00"),
          ]
        )
      )
    )
    #expect(try table.resolve("10.0.0.5", from: time).word == expected)
  }

  @Test("A finished pod without any end counts as over")
  func finishedWithoutEnd() throws {
    let evicted = try AddressTableTests.finished(
      "shop/evicted-1",
      "10.0.0.5",
      from: "08:00:00",
      to: nil
    )
    let table = AddressTable(try inventory(("10:00:00", [evicted])))
    #expect(try table.resolve("10.0.0.5", from: "08:10:00") == .unknownPod)
    let earlier = try InventoryObject.pod("shop/evicted-1", "10.0.0.5", start: "08:00:00")
    let both = AddressTable(try inventory(("09:00:00", [earlier]), ("10:00:00", [evicted])))
    #expect(try both.resolve("10.0.0.5", from: "08:30:00").word == "evicted")
    #expect(try both.resolve("10.0.0.5", from: "09:30:00") == .unknownPod)
  }

  @Test(
    "A pod that started late does not take what the Job before it did, even when accepted at once"
  )
  func acceptedEarlier() throws {
    // Both accepted at 08:00; the Job ran 08:05 to 08:06, the server only came up at 08:10.
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try .pod("shop/job-1", "10.0.0.5") {
              $0.phase = .succeeded
              $0.firstContainerStart = try? at("08:05:00")
              $0.lastContainerEnd = try? at("08:06:00")
            },
            try .pod("shop/web-1", "10.0.0.5") { $0.firstContainerStart = try? at("08:10:00") },
          ]
        )
      )
    )
    #expect(try table.resolve("10.0.0.5", from: "08:05:10", to: "08:05:40").word == "job")
    #expect(try table.resolve("10.0.0.5", from: "08:11:00").word == "web")
    #expect(try table.resolve("10.0.0.5", from: "08:01:00") == .ambiguous)
  }

  @Test(
    "A record older than the start is never the current holder's, but for the slack",
    arguments: [("07:58:59", "unknown-pod"), ("07:59:00", "web"), ("08:00:00", "web")]
  )
  func beforeStart(_ time: String, _ expected: String) throws {
    let table = AddressTable(
      try inventory(("10:00:00", [try .pod("shop/web-1", "10.0.0.5", start: "08:00:00")]))
    )
    #expect(try table.resolve("10.0.0.5", from: time).word == expected)
  }

  @Test(
    "Without a start time the creation time counts, without that the first snapshot",
    arguments: [true, false]
  )
  func missingStart(_ hasCreation: Bool) throws {
    let pod = try InventoryObject.pod("shop/web-1", "10.0.0.5") {
      $0.start = nil
      if !hasCreation { $0.metadata.created = nil }
    }
    let table = AddressTable(try inventory(("10:00:00", [pod])))
    let expected = hasCreation ? "web" : "unknown-pod"
    #expect(try table.resolve("10.0.0.5", from: "09:00:00").word == expected)
    #expect(try table.resolve("10.0.0.5", from: "10:00:01").word == "web")
  }

  @Test(
    "A pod missing from the next snapshot ends where it was last seen",
    arguments: [
      ("09:00:00", "web"), ("09:59:00", "web"), ("10:00:30", "web"), ("10:30:00", "unknown-pod"),
      ("11:30:00", "unknown-pod"),
    ]
  )
  func vanished(_ time: String, _ expected: String) throws {
    let dns = try AddressTableTests.dns()
    let other = try InventoryObject.pod("shop/other-1", "10.0.0.6")
    let web = try InventoryObject.pod("shop/web-1", "10.0.0.5")
    let table = AddressTable(
      try inventory(("10:00:00", [dns, web]), ("11:00:00", [dns, other]))
    )
    #expect(try table.resolve("10.0.0.5", from: time).word == expected)
  }

  @Test("Absence from a snapshot of another namespace or of other kinds proves nothing")
  func partialSnapshots() throws {
    let web = try InventoryObject.pod("shop/web-1", "10.0.0.5")
    let elsewhere = try InventoryObject.pod("billing/pay-1", "10.0.0.6")
    let service = try InventoryObject.service("shop/web", "10.96.0.1", selector: [:], ports: [])
    let table = AddressTable(
      try inventory(("10:00:00", [web]), ("11:00:00", [elsewhere]), ("12:00:00", [service]))
    )
    #expect(try table.resolve("10.0.0.5", from: "12:30:00").word == "web")
  }

  @Test("A namespace that is gone takes its pods with it")
  func deletedNamespace() throws {
    func namespace(_ name: String) -> InventoryObject {
      .namespace(NamespaceObject(metadata: ObjectMetadata(name: name, uid: name)))
    }
    let web = try InventoryObject.pod("shop/web-1", "10.0.0.5")
    let pay = try InventoryObject.pod("billing/pay-1", "10.0.0.6")
    let table = AddressTable(
      try inventory(
        ("10:00:00", [web, pay]),
        ("11:00:00", [pay, namespace("billing"), namespace("default")])
      )
    )
    #expect(try table.resolve("10.0.0.5", from: "11:30:00") == .unknownPod)
  }

  @Test("After the last snapshot a running pod keeps its address until another claims it")
  func openEnd() throws {
    let web = try InventoryObject.pod("shop/web-1", "10.0.0.5")
    let one = try inventory(("10:00:00", [web]))
    let table = AddressTable(one)
    #expect(try table.resolve("10.0.0.5", from: "20:00:00").word == "web")
    #expect(one.summary(table).openEnded == 1)
    let next = try InventoryObject.pod("billing/pay-1", "10.0.0.5", start: "12:00:00")
    let later = AddressTable(try inventory(("10:00:00", [web]), ("13:00:00", [next])))
    #expect(try later.resolve("10.0.0.5", from: "11:00:00").word == "web")
    #expect(try later.resolve("10.0.0.5", from: "12:30:00").word == "pay")
    #expect(try later.resolve("10.0.0.5", from: "20:00:00").word == "pay")
  }

  @Test("A pod being deleted holds its address until the deletion time")
  func deleting() throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [try .pod("shop/web-1", "10.0.0.5") { $0.deletion = try? at("10:00:30") }]
        )
      )
    )
    #expect(try table.resolve("10.0.0.5", from: "10:00:10").word == "web")
    #expect(try table.resolve("10.0.0.5", from: "10:05:00") == .unknownPod)
  }

  @Test("A running pod beats a deleted one on the same address, and two running ones are ambiguous")
  func priorities() throws {
    let deleting = try InventoryObject.pod("shop/old-1", "10.0.0.5") {
      $0.deletion = try? at("12:00:00")
    }
    let web = try InventoryObject.pod("shop/web-1", "10.0.0.5")
    let pay = try InventoryObject.pod("shop/pay-1", "10.0.0.5")
    let one = AddressTable(try inventory(("10:00:00", [deleting, web])))
    #expect(try one.resolve("10.0.0.5", from: "09:00:00").word == "web")
    #expect(one.ambiguousAddresses.isEmpty)
    let two = AddressTable(try inventory(("10:00:00", [web, pay])))
    #expect(try two.resolve("10.0.0.5", from: "09:00:00") == .ambiguous)
    #expect(two.ambiguousAddresses == [try address("10.0.0.5")])
  }

  @Test("Two pods of one workload on one address are no ambiguity")
  func sameWorkload() throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try .pod("shop/web-1", "10.0.0.5"),
            try .pod("shop/web-2", "10.0.0.5") { $0.metadata.labels["pod-template-hash"] = "abc" },
          ]
        )
      )
    )
    #expect(try table.resolve("10.0.0.5", from: "09:00:00").word == "web")
  }

  @Test(
    "A record across two workloads' times is ambiguous, one within the slack of both too",
    arguments: [
      ("08:19:50", "09:00:05", "ambiguous"), ("08:20:20", "08:20:25", "ambiguous"),
      ("08:19:00", "08:20:00", "job"), ("08:21:00", "08:22:00", "web"),
    ]
  )
  func overlaps(_ start: String, _ end: String, _ expected: String) throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try AddressTableTests.finished(
              "shop/job-1",
              "10.0.0.5",
              from: "08:00:00",
              to: "08:20:00"
            ),
            try .pod("shop/web-1", "10.0.0.5", start: "08:20:40"),
          ]
        )
      )
    )
    #expect(try table.resolve("10.0.0.5", from: start, to: end).word == expected)
  }

  @Test("A StatefulSet pod of the same name with a new uid is another pod")
  func newIdentity() throws {
    let dns = try AddressTableTests.dns()
    func db(_ uid: String, _ ip: String, _ start: String) throws -> InventoryObject {
      try .pod("shop/db-0", ip, start: start, uid: uid) {
        $0.metadata.owner = OwnerReference(kind: "StatefulSet", name: "db")
      }
    }
    let table = AddressTable(
      try inventory(
        ("09:00:00", [dns, try db("1", "10.0.0.5", "08:00:00")]),
        ("11:00:00", [dns, try db("2", "10.0.0.6", "10:00:00")])
      )
    )
    #expect(try table.resolve("10.0.0.5", from: "08:30:00").word == "db")
    #expect(try table.resolve("10.0.0.5", from: "10:30:00") == .unknownPod)
    #expect(try table.resolve("10.0.0.6", from: "10:30:00").word == "db")
    #expect(try table.resolve("10.0.0.6", from: "09:30:00") == .unknownPod)
  }

  @Test("A pod that gets another address under the same uid holds each in its own time")
  func changedAddress() throws {
    let table = AddressTable(
      try inventory(
        ("09:00:00", [try .pod("shop/web-1", "10.0.0.5")]),
        ("11:00:00", [try .pod("shop/web-1", "10.0.0.6")])
      )
    )
    #expect(try table.resolve("10.0.0.5", from: "08:30:00").word == "web")
    #expect(try table.resolve("10.0.0.5", from: "10:30:00") == .unknownPod)
    #expect(try table.resolve("10.0.0.6", from: "08:30:00") == .unknownPod)
    #expect(try table.resolve("10.0.0.6", from: "11:30:00").word == "web")
  }

  @Test("Dual stack pods are found by each address, however it is spelled")
  func dualStack() throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try .pod("shop/web-1", "10.0.0.5") {
              if let second = IPAddress("2001:db8:0:0::0001") { $0.addresses.append(second) }
            }
          ]
        )
      )
    )
    for text in ["10.0.0.5", "::ffff:10.0.0.5", "2001:db8::1", "2001:0DB8::0:1"] {
      #expect(try table.resolve(text, from: "09:00:00").word == "web", "\(text)")
    }
  }

  @Test(
    "Nodes are found by every address of theirs",
    arguments: [
      "192.168.0.1", "34.1.2.3", "10.8.1.0", "10.8.1.1", "fd00:8::1", "192.168.0.7",
    ]
  )
  func nodes(_ text: String) throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try .node(
              "n1",
              ["192.168.0.1", "34.1.2.3"],
              ranges: ["10.8.1.0/24", "fd00:8::/64"]
            ),
            try .pod("shop/web-1", "10.8.1.5", node: "192.168.0.7"),
          ]
        )
      )
    )
    #expect(try table.resolve(text, from: "09:00:00").word == "node")
    #expect(try table.resolve("10.8.1.5", from: "09:00:00").word == "web")
    #expect(try table.resolve("10.8.1.77", from: "09:00:00") == .unknownPod)
    #expect(try table.resolve("fd00:8::77", from: "09:00:00") == .unknownPod)
    #expect(try table.resolve("10.8.2.77", from: "09:00:00") == .internalUnknown)
    #expect(
      try table.resolve("192.168.0.1", from: "05:00:00") == .internalUnknown,
      "the node was not there yet"
    )
    #expect(
      try table.resolve("34.1.2.3", from: "05:00:00") == .internalUnknown,
      "a former node's public address is not the world"
    )
  }

  @Test("A host-network pod is its node, also by name, and never a claimant of the address")
  func hostNetwork() throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try .pod("kube-system/proxy-1", "192.168.0.1") {
              $0.usesHostNetwork = true
              $0.ports = [PodObject.Port(port: 10256)]
            },
            // Without the flag, the node's own address still tells.
            try .pod("kube-system/agent-1", "192.168.0.1") {
              $0.ports = [PodObject.Port(port: 9100)]
            },
          ]
        )
      )
    )
    #expect(try table.resolve("192.168.0.1", from: "09:00:00").word == "node")
    let named = table.pod(namespace: "kube-system", name: "proxy-1", at: try at("09:00:00"))
    #expect(named?.kind == .node)
    for (port, expected) in [(10256, true), (9100, true), (10250, true), (22, false)] {
      #expect(
        table.serves(
          try address("192.168.0.1"),
          transport: .tcp,
          port: UInt16(port),
          at: try at("09:00:00")
        ) == expected,
        "\(port)"
      )
    }
  }

  @Test(
    "Special addresses have their own meaning",
    arguments: [
      ("169.254.20.10", "node-local-dns"), ("169.254.169.254", "external"),
      ("fd00:ec2::254", "external"), ("169.254.169.253", "cloud-dns"),
      ("fd00:ec2::253", "cloud-dns"), ("169.254.169.123", "ignored"),
      ("169.254.170.2", "ecs-credentials"), ("169.254.170.23", "eks-pod-identity"),
      ("fd00:ec2::23", "eks-pod-identity"), ("168.63.129.16", "azure-platform"),
      ("127.0.0.1", "ignored"), ("::1", "ignored"), ("0.0.0.0", "ignored"), ("::", "ignored"),
      ("224.0.0.251", "ignored"), ("ff02::fb", "ignored"), ("255.255.255.255", "ignored"),
      ("fe80::1", "ignored"), ("169.254.7.7", "ignored"), ("8.8.8.8", "external"),
      ("2001:4860::8", "external"), ("35.191.3.4", "external"), ("10.7.7.7", "internal"),
      ("100.64.1.1", "internal"), ("172.31.1.1", "internal"), ("fd12::1", "internal"),
    ]
  )
  func specialAddresses(_ text: String, _ expected: String) throws {
    let table = AddressTable(try inventory(("10:00:00", [try .pod("shop/web-1", "10.0.0.5")])))
    #expect(try table.resolve(text, from: "09:00:00").word == expected)
  }

  @Test("An address that was once a pod's is never the outside, however public it looks")
  func publicPodRange() throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try AddressTableTests.finished(
              "shop/job-1",
              "30.0.0.5",
              from: "08:00:00",
              to: "08:01:00"
            ), try .node("n", ["30.1.0.1"], ranges: ["30.0.1.0/24"]),
          ]
        )
      )
    )
    #expect(try table.resolve("30.0.0.5", from: "09:00:00") == .unknownPod)
    #expect(try table.resolve("30.0.1.9", from: "09:00:00") == .unknownPod)
    #expect(try table.resolve("30.0.2.9", from: "09:00:00").word == "external")
  }

  @Test("NodeLocal DNSCache listens where its arguments say, less the Service address")
  func nodeLocalDNS() throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try .service(
              "kube-system/kube-dns",
              "10.96.0.10",
              selector: ["k8s-app": "kube-dns"],
              ports: [ServiceObject.Port(transport: .udp, port: 53, target: .number(5353))]
            ), try AddressTableTests.dns(),
            try .pod("kube-system/node-local-dns-1", "192.168.0.1") {
              $0.usesHostNetwork = true
              $0.localDNSAddresses = ["fd00:10::a", "10.96.0.10"].compactMap { IPAddress($0) }
            },
          ]
        )
      )
    )
    #expect(try table.resolve("fd00:10::a", 53, .udp, from: "09:00:00").word == "node-local-dns")
    #expect(
      try table.resolve("10.96.0.10", 53, .udp, from: "09:00:00").word
        == "kube-system/kube-dns -> dns:5353"
    )
  }

  @Test("Pods are found by name at their time")
  func podNames() throws {
    let dns = try AddressTableTests.dns()
    func db(_ uid: String, _ start: String, _ version: String) throws -> InventoryObject {
      try .pod("shop/db-0", "10.0.0.5", labels: ["app": version], start: start, uid: uid) {
        $0.metadata.owner = OwnerReference(kind: "StatefulSet", name: "db")
        $0.generateName = "db-"
      }
    }
    let table = AddressTable(
      try inventory(
        ("09:00:00", [dns, try db("1", "08:00:00", "old")]),
        ("11:00:00", [dns, try db("2", "10:00:00", "new")])
      )
    )
    func label(_ time: String) throws -> String? {
      table.pod(namespace: "shop", name: "db-0", at: try at(time))?.labels["app"]
    }
    #expect(try label("07:00:00") == nil)
    #expect(try label("08:30:00") == "old")
    #expect(try label("10:30:00") == "new")
    #expect(try label("20:30:00") == "new")
    #expect(table.pod(namespace: "shop", name: "db-1", at: try at("10:30:00")) == nil)
    #expect(table.pod(namespace: "other", name: "db-0", at: try at("10:30:00")) == nil)
    let joined = table.pod(namespace: "shop", name: "db-*", at: try at("10:30:00"))
    #expect(joined?.workload?.name == "db" && joined?.labels.isEmpty == true)
  }

  @Test("Aggregated names resolve when exactly one workload has the prefix")
  func aggregatedNames() throws {
    let pods = [
      try InventoryObject.pod("shop/web-abc-1", "10.0.0.5"),
      try InventoryObject.pod("shop/web-abc-2", "10.0.0.6"),
      try InventoryObject.pod("shop/x-1", "10.0.0.7", app: "x") { $0.generateName = "run-" },
      try InventoryObject.pod("shop/y-1", "10.0.0.8", app: "y") { $0.generateName = "run-" },
    ]
    let table = AddressTable(try inventory(("10:00:00", pods)))
    let time = try at("10:00:00")
    #expect(table.pod(namespace: "shop", name: "web-abc-*", at: time)?.workload?.name == "web")
    #expect(table.pod(namespace: "shop", name: "run-*", at: time) == nil)
    #expect(table.pod(namespace: "shop", name: "web-*", at: time) == nil)
    #expect(table.pod(namespace: "shop", name: "*", at: time) == nil)
  }

  @Test(
    "Endpoints of one workload are equal over pods, and carry the cluster and stable labels only"
  )
  func endpoints() throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [try .pod("shop/web-1", "10.0.0.5"), try .pod("shop/web-2", "10.0.0.6")]
        )
      )
    )
    let expected = Endpoint(
      kind: .pod,
      cluster: "test",
      namespace: "shop",
      workload: WorkloadReference(kind: "Deployment", name: "web"),
      labels: ["app": "web"]
    )
    for text in ["10.0.0.5", "10.0.0.6"] {
      #expect(try table.resolve(text, from: "09:00:00") == .endpoint(expected))
    }
  }

  @Test("The inventory of another cluster is noticed")
  func meeting() throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try .pod("shop/web-1", "10.0.0.5"),
            try .node("n", ["192.168.0.1"], ranges: ["10.8.0.0/24"]),
          ]
        )
      )
    )
    let own = try ["10.0.0.5", "10.8.0.7", "192.168.0.1", "8.8.8.8", "10.77.0.1"]
      .map { try address($0) }
    #expect(table.meeting(own) == AddressMeeting(seen: 4, known: 3))
    #expect(!table.meeting(own).looksForeign)
    let foreign = (1...20).map { IPAddress(ipv4: 0x0a63_0000 + UInt32($0)) }
    #expect(table.meeting(foreign).looksForeign)
    #expect(!table.meeting([]).looksForeign)
  }

  @Test("A log that hardly meets the inventory is doubted, one that does is not")
  func doubt() throws {
    let table = AddressTable(try inventory(("10:00:00", [try .pod("shop/web-1", "10.0.0.5")])))
    let strange = (0..<20).map { IPAddress(ipv4: 0x0a63_0000 + $0) }
    func unresolved(_ count: Int) -> [Endpoint] {
      strange.prefix(count).map { Endpoint(kind: .unresolved, address: CIDR(single: $0)) }
    }
    func pods(_ names: String...) -> [Endpoint] {
      names.map { Endpoint(kind: .pod, namespace: $0, labels: ["app": "x"]) }
    }
    func isDoubted(
      _ endpoints: [Endpoint],
      strangers: [IPAddress] = [],
      names: Bool = false,
      addresses: Bool = true
    ) -> Bool {
      table.doubt(
        about: endpoints,
        strangers: strangers,
        namesPods: names,
        holdsAddresses: addresses
      ) != nil
    }
    #expect(isDoubted(unresolved(20)))
    #expect(!isDoubted(unresolved(4)))
    #expect(!isDoubted(unresolved(20) + pods("shop", "a", "b")))
    // Of a foreign log no end is a pod, and so no endpoint is kept.
    #expect(isDoubted([], strangers: strange))
    #expect(!isDoubted([], strangers: Array(strange.prefix(4))))
    #expect(!isDoubted(pods("shop", "a", "b"), strangers: strange))
    #expect(isDoubted(pods("a", "b", "kube-system"), names: true, addresses: false))
    #expect(!isDoubted(pods("a", "kube-system"), names: true, addresses: false))
    #expect(!isDoubted(pods("a", "b", "shop"), names: true, addresses: false))
    #expect(!isDoubted(pods("shop"), strangers: strange, names: true, addresses: false))
    // A log that names pods where it can, and here cannot.
    #expect(isDoubted([], strangers: strange, names: true))
  }

  @Test("Cluster prefixes hold ranges, nodes, Services and pods outside the ranges, none twice")
  func clusterPrefixes() throws {
    let table = AddressTable(
      try inventory(
        (
          "10:00:00",
          [
            try .pod("shop/web-1", "10.0.0.5"), try .pod("shop/web-2", "10.8.0.9"),
            try .node("n", ["192.168.0.1"], ranges: ["10.8.0.0/24"]),
            try .service("shop/web", "10.96.0.1", selector: ["app": "web"], ports: []),
          ]
        )
      )
    )
    #expect(
      table.clusterPrefixes.map(\.description)
        == ["10.0.0.5/32", "10.8.0.0/24", "10.96.0.1/32", "192.168.0.1/32"]
    )
  }
}
