import ClusterInventory
import FlowModel
import TestSupport
import Testing

/// What the address table promises for a whole time holds for every part of it.
struct SteadyHoldersTests {
  /// Pods that come and go on few addresses, nodes that join, a Service with a node port and an API server.
  private static func table(_ seed: inout Seed) throws -> AddressTable {
    let begin = try at("00:00:00")
    var nodes: [InventoryObject] = []
    for number in 1...3 {
      var node = NodeObject(
        metadata: ObjectMetadata(
          name: "n\(number)",
          uid: "n\(number)",
          created: begin + Int64.random(in: 0...4, using: &seed) * Timestamps.hour
        ),
        addresses: [try address("10.0.1.\(number)")],
        podCIDRs: []
      )
      // Node 3 has an address that a pod may hold too.
      if number == 3 { node.addresses.append(try address("10.0.0.1")) }
      nodes.append(.node(node))
    }
    nodes.append(
      try .service(
        "shop/web",
        "10.0.1.2",
        selector: ["app": "web"],
        ports: [
          ServiceObject.Port(
            name: "",
            transport: .tcp,
            port: 80,
            target: .number(8080),
            nodePort: 30_080
          )
        ]
      )
    )
    var inventory = Inventory(cluster: "test")
    for hour in 1...6 {
      var objects = [try InventoryObject.pod("kube-system/dns-1", "10.0.9.9", start: "00:00:00")]
      for pod in 1...4 where Bool.random(using: &seed) {
        objects.append(
          try .pod(
            "shop/web-\(pod)",
            "10.0.0.\(Int.random(in: 1...3, using: &seed))",
            start: "0\(Int.random(in: 0..<hour, using: &seed)):30:00",
            uid: "\(pod) \(hour / 2)"
          )
        )
      }
      objects += nodes.filter { _ in Int.random(in: 0..<5, using: &seed) > 0 }
      inventory.add(
        InventorySnapshot(time: begin + Int64(hour) * Timestamps.hour, objects: objects)
      )
    }
    return AddressTable(inventory)
  }

  @Test("A steady holder is the holder in every part of the time", arguments: Seed.samples(60))
  func steady(_ sample: Seed) throws {
    var seed = sample
    let table = try Self.table(&seed)
    let begin = try at("00:00:00")
    let addresses = try (1...3).flatMap {
      [try address("10.0.0.\($0)"), try address("10.0.1.\($0)")]
    }
    for hour in 0..<6 {
      let from = begin + Int64(hour) * Timestamps.hour
      let to = from + Timestamps.hour + 20 * 60 * Timestamps.second
      for address in addresses {
        let pod = table.steadyPod(at: address, from: from, to: to)
        let isNode = table.isSteadyNode(at: address, from: from, to: to)
        #expect(pod == nil || !isNode)
        guard pod != nil || isNode else { continue }
        for _ in 0..<20 {
          let start = Int64.random(in: from...to, using: &seed)
          let end = Int64.random(in: start...to, using: &seed)
          let any = UInt16.random(in: 1...UInt16.max, using: &seed)
          let port = [80, 30_080, any].randomElement(using: &seed) ?? any
          if isNode, table.servedPorts.contains(port) { continue }
          let found = table.resolve(address, transport: .tcp, port: port, from: start, to: end)
          if let pod {
            #expect(found == table.steadyPod(numbered: pod).map { .endpoint($0) })
          } else if case .endpoint(let endpoint) = found {
            #expect(endpoint.kind == .node)
          } else {
            Issue.record("\(address) is no node but \(found)")
          }
        }
      }
    }
  }

  @Test("Both kinds of steady holders occur, and times without one")
  func occurs() throws {
    var (pods, nodes, none) = (0, 0, 0)
    for sample in Seed.samples(10) {
      var seed = sample
      let table = try Self.table(&seed)
      let from = try at("02:00:00")
      for text in ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "10.0.1.2", "10.0.1.3"] {
        let holder = try address(text)
        let to = from + Timestamps.hour
        if table.steadyPod(at: holder, from: from, to: to) != nil {
          pods += 1
        } else if table.isSteadyNode(at: holder, from: from, to: to) {
          nodes += 1
        } else {
          none += 1
        }
      }
    }
    #expect(pods > 0 && nodes > 0 && none > 0, "\(pods) \(nodes) \(none)")
  }
}
