import ClusterInventory
import FlowAggregation
import FlowFormats
import FlowModel
import FlowStorage
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import AuditPipeline

/// Logs of addresses and the inventory that names them: missing, of another cluster, or too late.
@Suite("Logs that need an inventory")
struct MissingInventoryTests {
  private let folder: TemporaryFolder
  private let store = InMemoryStore()

  init() throws { folder = try TemporaryFolder() }

  private static let time: Int64 = 1_700_000_000

  /// Pods at addresses of a network, running since before the log.
  ///
  /// - Parameter late: Those that started only after it.
  private static func inventory(
    _ network: String,
    pods: Range<Int> = 1..<10,
    late: Range<Int> = 0..<0
  ) -> PendingAddressTable {
    let objects = pods.map { number -> InventoryObject in
      var pod = PodObject(
        metadata: ObjectMetadata(
          namespace: "shop",
          name: "p\(number)-x",
          uid: "\(number)",
          created: (late.contains(number) ? time + 900 : time - 1000) * Timestamps.second,
          owner: OwnerReference(kind: "StatefulSet", name: "p\(number)")
        )
      )
      pod.phase = .running
      pod.start = pod.metadata.created
      pod.addresses = [IPAddress("\(network).\(number)")].compactMap { $0 }
      return .pod(pod)
    }
    var inventory = Inventory()
    inventory.add(InventorySnapshot(time: (time + 1000) * Timestamps.second, objects: objects))
    return PendingAddressTable(inventory)
  }

  private static let header =
    "srcaddr dstaddr srcport dstport protocol packets bytes start end action tcp-flags log-status\n"

  /// Connections of nine clients with the first pod.
  private static func lines(_ network: String = "10.0.0", hour: Int64 = 0) -> String {
    (2...9).map { client in
      let times = "\(time + hour * 3600) \(time + hour * 3600 + 10) ACCEPT"
      return "\(network).\(client) \(network).1 50000 80 6 9 840 \(times) 2 OK\n"
        + "\(network).1 \(network).\(client) 80 50000 6 9 840 \(times) 18 OK\n"
    }.joined()
  }

  private func ingest(_ path: String, _ resolver: PendingAddressTable?) async throws -> IngestResult
  {
    try await Ingest(store: store, resolver: resolver, options: IngestOptions(), now: 1)
      .run(path: path)
  }

  private static func isDoubt(_ note: String) -> Bool { note.contains("of another cluster") }

  @Test("Without an inventory nothing of a log of addresses is stored, and it can be read later")
  func missing() async throws {
    let path = try folder.write((Self.header + Self.lines()).utf8, to: "vpc.log")
    await #expect(throws: InputError.needsInventory(file: path, format: "aws-vpc")) {
      try await ingest(path, nil)
    }
    #expect(try await store.inputs().isEmpty)
    #expect(try await store.capture().isEmpty)
    #expect(try await ingest(path, Self.inventory("10.0.0")).record.counts.used == 8)
  }

  @Test("What says nothing of connections needs no inventory")
  func noConnections() async throws {
    let path = try folder.write(
      (Self.header + "- - - - - - - \(Self.time) \(Self.time + 60) - - NODATA\n").utf8,
      to: "vpc.log"
    )
    #expect(try await ingest(path, nil).status == .new)
  }

  @Test("An inventory of another cluster is noticed, though no end was found in it")
  func foreign() async throws {
    let path = try folder.write((Self.header + Self.lines()).utf8, to: "vpc.log")
    let result = try await ingest(path, Self.inventory("10.77.0"))
    #expect(result.record.counts.used == 0)
    #expect(result.record.counts.notes.contains(where: Self.isDoubt))
    let own = MissingInventoryTests(folder: folder)
    let fitting = try await own.ingest(path, Self.inventory("10.0.0"))
    #expect(!fitting.record.counts.notes.contains(where: Self.isDoubt))
  }

  @Test("Where nobody can tell who opened the connections, the addresses tell all the same")
  func foreignUndecided() async throws {
    let text = (Self.header + Self.lines()).replacing(" 2 OK", with: " 0 OK")
      .replacing(" 18 OK", with: " 0 OK").replacing(" 80 ", with: " 51000 ")
    // Two connections for each pair of ports are too few to see how the ports behave.
    let path = try folder.write(text.utf8, to: "vpc.log")
    let one = text.split(separator: "\n").prefix(5).joined(separator: "\n") + "\n"
    let few = try folder.write(one.utf8, to: "few.log")
    for (path, isDoubted) in [(path, true), (few, false)] {
      let counts = try await MissingInventoryTests(folder: folder)
        .ingest(path, Self.inventory("10.77.0")).record.counts
      #expect(counts.notes.contains(where: Self.isDoubt) == isDoubted)
    }
  }

  private init(folder: TemporaryFolder) { self.folder = folder }

  @Test("What nothing could be made of is read again from its start when the inventory knows more")
  func tooLate() async throws {
    let path = try folder.write((Self.header + Self.lines()).utf8, to: "vpc.log")
    let foreign = Self.inventory("10.77.0")
    #expect(try await ingest(path, foreign).status == .new)
    #expect(try await ingest(path, foreign).status == .unchanged)
    let capture = try await store.capture()
    let again = try await ingest(path, Self.inventory("10.0.0"))
    #expect(again.status == .new && again.record.counts.used == 8)
    #expect(try await store.capture() == capture, "an hour is not captured twice")
    #expect(try await ingest(path, Self.inventory("10.0.0")).status == .unchanged)
    #expect(try await ingest(path, foreign).status == .unchanged)
    try folder.append(Self.lines(hour: 1).utf8, to: "vpc.log")
    let grown = try await ingest(path, Self.inventory("10.0.0"))
    #expect(grown.status == .grown && grown.record.counts.used == 8)
    #expect(try await StoreContent(store).records == 16)
  }

  @Test("Given twice at once, it is read again once")
  func twiceAtOnce() async throws {
    let path = try folder.write((Self.header + Self.lines()).utf8, to: "vpc.log")
    _ = try await ingest(path, Self.inventory("10.77.0"))
    let step = Ingest(
      store: store,
      resolver: Self.inventory("10.0.0"),
      options: IngestOptions(),
      now: 1
    )
    try await step.run(paths: [path, path], sideBySide: 2) { _, result in _ = try result.get() }
    #expect(try await StoreContent(store).records == 8)
  }

  @Test("A log of which something was used is not read again, whatever the inventory knows by now")
  func partlyUsed() async throws {
    let path = try folder.write((Self.header + Self.lines()).utf8, to: "vpc.log")
    #expect(try await ingest(path, Self.inventory("10.0.0", pods: 1..<2)).record.counts.used == 8)
    #expect(try await ingest(path, Self.inventory("10.0.0")).status == .unchanged)
    #expect(try await StoreContent(store).records == 8)
  }

  @Test(
    "The share of connections with pods that were not known yet is told, in a file and in a stream",
    arguments: [
      (0..<0, nil), (2..<3, "At least 10 %"), (2..<6, "At least 50 %"), (1..<10, "At least 50 %"),
    ]
  )
  func gap(_ late: Range<Int>, _ share: String?) async throws {
    let text = Self.header + Self.lines()
    let path = try folder.write(text.utf8, to: "vpc.log")
    let inventory = Self.inventory("10.0.0", late: late)
    let notes = try await ingest(path, inventory).record.counts.notes
    let told = try await MissingInventoryTests(folder: folder).follow(text, inventory).told
    for notes in [Array(notes), told] {
      let found = notes.filter { $0.contains("no known pod held then") }
      #expect(found.count == (share == nil ? 0 : 1))
      #expect(share.map { found.first?.hasPrefix($0) == true } ?? true)
    }
  }

  // MARK: Streams

  private func follow(_ text: String, _ resolver: PendingAddressTable?) async throws
    -> (result: IngestResult, told: [String])
  {
    let path = try folder.write(text.utf8, to: "stream.log")
    let bytes = Array(text.utf8)
    var session = try await StreamSession.open(
      try OpenedInput(path: path),
      store: store,
      resolver: resolver,
      options: IngestOptions(),
      now: 1
    )
    var told: [String] = []
    for start in stride(from: 0, to: bytes.count, by: 1200) {
      session.feed(bytes[start..<min(bytes.count, start + 1200)])
      guard session.hasUncommitted else { continue }
      try await session.commit(store: store, now: 1)
      told += session.report().notes
    }
    let last = Mutex<[String]>([])
    let result = try await session.close(store: store, now: 1) { commit in
      last.withLock { $0 += commit.notes }
    }
    return (result, told + last.withLock { $0 })
  }

  @Test("A stream tells once that the inventory is of another cluster")
  func foreignStream() async throws {
    let text = Self.header + (0..<4).map { Self.lines(hour: $0) }.joined()
    let (result, told) = try await follow(text, Self.inventory("10.77.0"))
    #expect(told.count(where: Self.isDoubt) == 1)
    #expect(Set(told).count == told.count)
    #expect(result.record.counts.notes.isEmpty, "all was told before")
    #expect(try await store.inputs().first?.counts.notes.contains(where: Self.isDoubt) == true)
    let own = try await MissingInventoryTests(folder: folder).follow(text, Self.inventory("10.0.0"))
    #expect(!own.told.contains(where: Self.isDoubt))
  }

  @Test("A stream of addresses without an inventory ends at its first commit, with nothing stored")
  func missingStream() async throws {
    await #expect(throws: InputError.self) { try await follow(Self.header + Self.lines(), nil) }
    #expect(try await store.inputs().isEmpty)
  }

  @Test("A file that is followed tells a remark once, though it is rotated")
  func rotated() async throws {
    let path = try folder.write((Self.header + Self.lines()).utf8, to: "stream.log")
    var told: Set<String> = []
    var notes: [String] = []
    for hour in 0..<2 {
      var session = try await StreamSession.open(
        try OpenedInput(path: path),
        store: store,
        resolver: Self.inventory("10.77.0"),
        options: IngestOptions(),
        now: 1,
        told: told
      )
      session.feed(Array((Self.header + Self.lines(hour: Int64(hour))).utf8)[...])
      try await session.commit(store: store, now: 1)
      notes += session.report().notes
      told = session.told
    }
    #expect(notes.count(where: Self.isDoubt) == 1)
  }

  // MARK: Names that come too late

  @Test("Stored addresses that the inventory knows by now are counted, for they stay as they are")
  func unnamed() async throws {
    let path = try folder.write((Self.header + Self.lines()).utf8, to: "vpc.log")
    let stores = Stores(flows: store, audit: store)
    #expect(try await ingest(path, Self.inventory("10.0.0", pods: 1..<2)).record.counts.used == 8)
    #expect(try await LateInventory.unnamedAddresses(stores) == 0)
    for (file, pods, expected) in [("one", 2..<4, 2), ("all", 2..<10, 8)] {
      let items = pods.map { number in
        #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p\#(number)","namespace":"shop"},"#
          + #""status":{"phase":"Running","podIP":"10.0.0.\#(number)","#
          + #""startTime":"2023-11-14T00:00:00Z"}}"#
      }
      let text = #"{"apiVersion":"v1","kind":"List","items":[\#(items.joined(separator: ","))]}"#
      let objects = try folder.write(text.utf8, to: "\(file).json")
      _ = try await InventoryFiles(store: store).add([objects], time: nil)
      #expect(try await LateInventory.unnamedAddresses(stores) == expected)
    }
  }
}
