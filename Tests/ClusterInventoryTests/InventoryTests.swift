import ClusterInventory
import FlowModel
import TestSupport
import Testing

struct InventoryTests {
  static func snapshots(_ seed: inout Seed) throws -> [InventorySnapshot] {
    let begin = try at("00:00:00")
    return try (1...6).map { number in
      let time = begin + Int64(number) * Timestamps.hour
      var objects = [try InventoryObject.pod("kube-system/dns-1", "10.0.9.9")]
      for pod in 1...4 where Bool.random(using: &seed) {
        objects.append(
          try .pod("shop/web-\(pod)", "10.0.0.\(Int.random(in: 1...3, using: &seed))") {
            if Bool.random(using: &seed) { $0.phase = .pending }
          }
        )
      }
      return InventorySnapshot(time: time, objects: objects.shuffled(using: &seed))
    }
  }

  @Test("The same snapshot twice changes nothing", arguments: Seed.samples(20))
  func repeated(_ seed: Seed) throws {
    var seed = seed
    var once = Inventory()
    for snapshot in try InventoryTests.snapshots(&seed) { once.add(snapshot) }
    var twice = once
    var again = Seed(seed.value)
    for snapshot in try InventoryTests.snapshots(&again) { twice.add(snapshot) }
    #expect(twice.headers == once.headers && twice.records == once.records)
  }

  @Test("What is stored and read back is the same inventory", arguments: Seed.samples(20))
  func stored(_ seed: Seed) throws {
    var seed = seed
    var inventory = Inventory(cluster: "c")
    for snapshot in try InventoryTests.snapshots(&seed) { inventory.add(snapshot) }
    let records = try inventory.records.map {
      InventoryRecord(
        object: try InventoryObject(decoding: $0.object.encode()),
        first: $0.first,
        last: $0.last
      )
    }
    let headers = try inventory.headers.map { try SnapshotHeader(decoding: $0.encode()) }
    let again = Inventory(
      cluster: "c",
      headers: headers.shuffled(using: &seed),
      records: records.shuffled(using: &seed)
    )
    #expect(again.headers == inventory.headers && again.records == inventory.records)
  }

  @Test(
    "States of one object never overlap, whatever the order of snapshots",
    arguments: Seed.samples(40)
  )
  func disjoint(_ seed: Seed) throws {
    var seed = seed
    let snapshots = try InventoryTests.snapshots(&seed)
    var inventory = Inventory()
    for snapshot in snapshots.shuffled(using: &seed) { inventory.add(snapshot) }
    for snapshot in snapshots {
      for object in snapshot.objects {
        let states = inventory.records.filter {
          $0.object.identity == object.identity && $0.first <= snapshot.header.time
            && snapshot.header.time <= $0.last
        }
        #expect(states.map(\.object) == [object])
      }
    }
  }

  @Test("An unchanged object is one record over its snapshots")
  func unchanged() throws {
    let web = try InventoryObject.pod("shop/web-1", "10.0.0.5")
    let all = try inventory(("09:00:00", [web]), ("11:00:00", [web]), ("10:00:00", [web]))
    #expect(
      all.records
        == [InventoryRecord(object: web, first: try at("09:00:00"), last: try at("11:00:00"))]
    )
  }

  @Test(
    "Text that was not stored here is refused",
    arguments: ["", "3", "{}", "{\"kind\":\"Secret\"}", "{\"kind\":\"Pod\"}", "{\"kind\":\"Pod\""]
  )
  func refused(_ text: String) {
    #expect(throws: InventoryError.self) { try InventoryObject(decoding: text) }
    #expect(throws: InventoryError.self) { try SnapshotHeader(decoding: text) }
  }
}
