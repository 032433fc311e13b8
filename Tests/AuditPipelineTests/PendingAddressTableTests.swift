import ClusterInventory
import Dispatch
import FlowModel
import FlowStorage
import Synchronization
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("An inventory's table that is made while logs are read")
struct PendingAddressTableTests {
  private static let time: Int64 = 1_762_689_600 * Timestamps.second
  private let hour = Timestamps.hour

  private static func inventory(pods: Int) -> Inventory {
    let objects = (0..<pods).map { number -> InventoryObject in
      var pod = PodObject(
        metadata: ObjectMetadata(
          namespace: "shop",
          name: "p\(number)",
          uid: "\(number)",
          created: time,
          labels: ["app": "a\(number % 7)"]
        )
      )
      pod.phase = .running
      pod.start = time
      pod.nodeName = "n\(number % 3)"
      pod.addresses = [IPAddress(ipv4: 0x0a00_0000 + UInt32(number))]
      pod.hostAddresses = [IPAddress(ipv4: 0xc0a8_0000 + UInt32(number % 3))]
      pod.ports = [PodObject.Port(name: "", transport: .tcp, port: 8080, hostPort: 0)]
      return .pod(pod)
    }
    var inventory = Inventory(cluster: "c")
    inventory.add(InventorySnapshot(time: time + 1_000, objects: objects))
    return inventory
  }

  @Test("All who ask at once wait for it, and get what the table itself says", arguments: [1, 500])
  func answers(pods: Int) {
    let inventory = Self.inventory(pods: pods)
    let table = AddressTable(inventory)
    let pending = PendingAddressTable(inventory)
    let different = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: 16) { thread in
      for number in stride(from: thread, to: 600, by: 16) {
        let address = IPAddress(ipv4: 0x0a00_0000 + UInt32(number))
        let node = IPAddress(ipv4: 0xc0a8_0000 + UInt32(number % 5))
        let (from, to) = (Self.time + hour, Self.time + hour + 1_000)
        let isSame =
          pending.resolve(address, transport: .tcp, port: 8080, from: from, to: to)
          == table.resolve(address, transport: .tcp, port: 8080, from: from, to: to)
          && pending.steadyPod(at: address, from: from, to: to)
            == table.steadyPod(at: address, from: from, to: to)
          && pending.steadyPod(numbered: number) == table.steadyPod(numbered: number)
          && pending.isSteadyNode(at: node, from: from, to: to)
            == table.isSteadyNode(at: node, from: from, to: to)
          && pending.serves(address, transport: .tcp, port: 8080, at: from)
            == table.serves(address, transport: .tcp, port: 8080, at: from)
          && pending.runs(podAt: address, onNodeAt: node)
            == table.runs(podAt: address, onNodeAt: node)
          && pending.pod(namespace: "shop", name: "p\(number)", at: from)
            == table.pod(namespace: "shop", name: "p\(number)", at: from)
        if !isSame { different.withLock { $0 += 1 } }
      }
    }
    #expect(different.withLock { $0 } == 0)
    let last = IPAddress(ipv4: 0x0a00_0000 + UInt32(pods - 1))
    #expect(
      pending.steadyPod(at: last, from: Self.time + hour, to: Self.time + hour + 1_000) != nil
        && pending.serves(last, transport: .tcp, port: 8080, at: Self.time + hour)
    )
  }

  @Test("It is the stored inventory's, and none where nothing was stored")
  func stored() async throws {
    let store = InMemoryStore()
    #expect(try await InventoryFiles(store: store).resolver() == nil)
    let inventory = Self.inventory(pods: 3)
    try await store.replaceInventory(
      headers: inventory.headers.map { StoredSnapshot(time: $0.time, header: $0.encode()) },
      objects: inventory.records.reversed().map { record in
        StoredObject(
          kind: record.object.kind,
          namespace: "shop",
          name: record.object.metadata.name,
          uid: record.object.metadata.uid,
          body: record.object.encode(),
          firstSeen: record.first,
          lastSeen: record.last
        )
      }
    )
    let loaded = try await InventoryFiles(store: store).load(cluster: "c")
    #expect(loaded.records == inventory.records)
    let resolver = try #require(try await InventoryFiles(store: store).resolver(cluster: "c"))
    #expect(
      resolver.pod(namespace: "shop", name: "p1", at: Self.time + hour)
        == AddressTable(inventory).pod(namespace: "shop", name: "p1", at: Self.time + hour)
    )
    #expect(resolver.pod(namespace: "shop", name: "p9", at: Self.time + hour) == nil)
  }
}
