import FlowAggregation
import FlowModel
import FlowSchema
import FlowStorage
import Foundation
import GRDB
import StoreContract
import TestSupport
import Testing

@testable import FlowStorageSQLite

@Suite("The store in SQLite")
struct SQLiteStoreTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path("flowlearn.db") }

  init() throws { folder = try TemporaryFolder() }

  private func batch(_ records: Int = 20, seed: UInt64 = 1, head: UInt64 = 1) -> IngestBatch {
    var seed = Seed(seed)
    var builder = BatchBuilder()
    builder.addRandom(records, &seed)
    return builder.batch(head: head)
  }

  @Test("It keeps every promise of a store", arguments: StoreClause.all)
  func contract(clause: StoreClause) async throws {
    try await clause(try SQLiteStore(path: path, create: true))
  }

  /// Days are the sums of their hours, and every reference leads somewhere.
  private func expectConsistent(_ store: SQLiteStore) async throws {
    try await store.database.read { database in
      let sums = """
        SELECT edge_id, CAST(floor(hour / 24.0) AS INTEGER) AS day,
               sum(1 << (hour - CAST(floor(hour / 24.0) AS INTEGER) * 24)), sum(records), sum(bytes),
               min(first_seen_us), max(last_seen_us)
        FROM edge_hour GROUP BY edge_id, day
        """
      let days = """
        SELECT edge_id, day, hours, records, bytes, first_seen_us, last_seen_us FROM edge_day
        """
      for (left, right) in [(sums, days), (days, sums)] {
        let difference = try Row.fetchAll(
          database,
          sql: "SELECT * FROM (\(left)) EXCEPT SELECT * FROM (\(right))"
        )
        #expect(difference.isEmpty)
      }
      let dangling = try Row.fetchAll(database, sql: "PRAGMA foreign_key_check")
      #expect(dangling.isEmpty)
    }
  }

  @Test("Hours before 1970 belong to the day they are in")
  func beforeTheEpoch() async throws {
    let sqlite = try SQLiteStore(path: path, create: true)
    let memory = InMemoryStore()
    let noon = BatchBuilder.noon / Timestamps.hour
    var builder = BatchBuilder()
    for hour in -60...30 as ClosedRange<Int64> where hour % 7 != 0 {
      builder.add(BatchBuilder.pod("web"), BatchBuilder.pod("api"), hours: hour - noon)
    }
    for store in [sqlite, memory] as [any FlowStore] { _ = try await store.add(builder.batch()) }
    for hours in [nil, -48..<24, -30..<5, -25 ..< -23, -24..<0] as [Range<Int64>?] {
      let query = EdgeQuery(hours: hours)
      #expect(try await sqlite.edgeDays(query) == memory.edgeDays(query))
    }
    try await expectConsistent(sqlite)
  }

  @Test("Days are summed up when a store of before is opened")
  func dayMigration() async throws {
    var seed = Seed(7)
    var builder = BatchBuilder()
    builder.addRandom(400, &seed)
    builder.add(BatchBuilder.pod("web"), BatchBuilder.pod("api"), records: .max)
    let old = try SQLiteStore(path: path, create: true)
    _ = try await old.add(builder.batch())
    let expected = try await old.edges(EdgeQuery())
    try await old.database.write { database in
      try database.execute(sql: "DROP TABLE edge_day")
      try database.execute(sql: "DELETE FROM schema_migration WHERE name = 'v004_edge_day'")
    }
    let new = try SQLiteStore(path: path, create: false)
    var found = try await new.edges(EdgeQuery())
    // The one count that a sum cannot hold.
    let largest = found.firstIndex { $0.tally.records > 1 << 60 }
    if let largest { found[largest].tally.records = expected[largest].tally.records }
    #expect(largest != nil && found == expected)
  }

  @Test("Names that differ in a NUL only are one, in whatever order they come")
  func sameNames() async throws {
    for names in [["a\u{0}", "a\u{fffd}"], ["a\u{fffd}", "a\u{0}"], ["a\u{0}", "a\u{0}"]] {
      let store = try SQLiteStore(path: folder.path("\(UUID()).db"), create: true)
      var builder = BatchBuilder()
      for name in names { builder.add(BatchBuilder.pod("web", in: name), BatchBuilder.pod("api")) }
      _ = try await store.add(builder.batch())
      let edges = try await store.edges(EdgeQuery())
      #expect(edges.map(\.source.namespace) == ["a\u{fffd}"])
      #expect(edges.first?.tally.records == 2)
    }
  }

  @Test(
    "Inputs stored together give the rows that they give one by one",
    arguments: Seed.samples(12)
  )
  func together(seed: Seed) async throws {
    var seed = seed
    let builders = (0..<5).map { _ in
      var builder = BatchBuilder()
      builder.addRandom(Int.random(in: 0...150, using: &seed), &seed)
      return builder
    }
    let single = try SQLiteStore(path: folder.path("single.db"), create: true)
    let joined = try SQLiteStore(path: folder.path("joined.db"), create: true)
    for (index, builder) in builders.enumerated() {
      _ = try await single.add(builder.batch(name: "flows.\(index)", head: UInt64(index) + 1))
    }
    let cut = Int.random(in: 1...5, using: &seed)
    for part in [builders[..<cut], builders[cut...]] where !part.isEmpty {
      var batch = BatchBuilder.joined(Array(part))
      for index in batch.inputs.indices {
        batch.inputs[index].record.name = "flows.\(part.startIndex + index)"
        batch.inputs[index].record.identity.headHash = UInt64(part.startIndex + index) + 1
      }
      _ = try await joined.addAll(batch)
    }
    // Each hour with the input and line of its first record; numbers of rows may differ.
    let rows = """
      SELECT s.kind, s.labels, s.address, d.kind, d.labels, d.address, e.protocol, e.port, e.reply_port, e.side,
        e.class, h.hour, h.records, h.bytes, h.first_seen_us, h.last_seen_us, i.name, h.sample_line
      FROM edge_hour h JOIN flow_edge e USING (edge_id) JOIN ingest i USING (ingest_id)
      JOIN endpoint s ON s.endpoint_id = e.source_id JOIN endpoint d ON d.endpoint_id = e.destination_id
      ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18
      """
    func hours(_ store: SQLiteStore) async throws -> [String] {
      try await store.database.read { try Row.fetchAll($0, sql: rows).map(\.description) }
    }
    #expect(try await hours(single) == hours(joined))
    #expect(try await single.inputs() == joined.inputs())
    #expect(try await single.capture() == joined.capture())
    #expect(try await single.namespaces() == joined.namespaces())
    try await expectConsistent(joined)
  }

  @Test("SQL adds up as memory does, in any order of inputs", arguments: Seed.samples(4))
  func aggregation(seed: Seed) async throws {
    var seed = seed
    var batches: [IngestBatch] = []
    for head in 1...5 as ClosedRange<UInt64> {
      var builder = BatchBuilder(head % 2 == 0 ? .calico : .hubble)
      builder.addRandom(120, &seed)
      batches.append(builder.batch(head: head))
    }
    let sqlite = try SQLiteStore(path: path, create: true)
    let memory = InMemoryStore()
    for batch in batches { _ = try await sqlite.add(batch) }
    for batch in batches.shuffled(using: &seed) { _ = try await memory.add(batch) }
    let noon = BatchBuilder.noon / Timestamps.hour
    // Whole days, parts of a day, days with parts on either side, nothing.
    var windows: [Range<Int64>?] = [nil, noon - 5..<noon + 5, noon..<noon + 1, 0..<noon]
    windows += [noon - 12..<noon + 12, noon - 36..<noon + 12, noon - 13..<noon + 37, noon..<noon]
    for _ in 0..<6 {
      let first = Int64.random(in: -40...40, using: &seed)
      windows.append(noon + first..<noon + first + Int64.random(in: 0...60, using: &seed))
    }
    for hours in windows {
      let names = try await memory.namespaces().map(\.namespace) + ["none"]
      for namespace in [nil] + names.map(Optional.some) {
        let query = EdgeQuery(namespace: namespace, hours: hours)
        #expect(try await sqlite.edges(query) == memory.edges(query))
        #expect(try await sqlite.edgeDays(query) == memory.edgeDays(query))
      }
    }
    try await expectConsistent(sqlite)
    for hour in [nil, noon - 20, noon] {
      #expect(
        try await sqlite.podEndpoints(before: hour) == memory.podEndpoints(before: hour)
      )
    }
    #expect(try await sqlite.namespaces() == memory.namespaces())
    #expect(try await sqlite.capture() == memory.capture())
  }

  @Test("The fold is the same in SQL and in memory, in any order")
  func folding() async throws {
    var seed = Seed(1)
    let web = BatchBuilder.pod("web")
    var batches: [IngestBatch] = []
    for head in 1...4 as ClosedRange<UInt64> {
      var builder = BatchBuilder()
      for _ in 0..<1600 {
        let peer = BatchBuilder.address(0x0b00_0000 + UInt32.random(in: 0..<9000, using: &seed))
        let wide = BatchBuilder.address(UInt32.random(in: 0x0b00_0000..<0x1b00_0000, using: &seed))
        builder.add(web, peer, port: 443, hours: Int64.random(in: 0...2, using: &seed))
        builder.add(wide, web, port: 80)
      }
      batches.append(builder.batch(head: head))
    }
    let sqlite = try SQLiteStore(path: path, create: true)
    let memory = InMemoryStore()
    for batch in batches { _ = try await sqlite.add(batch) }
    for batch in batches.reversed() { _ = try await memory.add(batch) }
    let found = try await sqlite.edges(EdgeQuery())
    #expect(found == (try await memory.edges(EdgeQuery())))
    #expect(found.count == 36 + 1)
    try await expectConsistent(sqlite)
    let unused = try await sqlite.database.read { database in
      try Int.fetchOne(
        database,
        sql: """
          SELECT count(*) FROM endpoint WHERE endpoint_id NOT IN
          (SELECT source_id FROM flow_edge UNION SELECT destination_id FROM flow_edge)
          """
      )
    }
    #expect(unused == 0)
  }

  @Test("The sample of an edge is its earliest record, whichever input came first")
  func samples() async throws {
    let store = try SQLiteStore(path: path, create: true)
    for (head, after, line) in [(1, 500, 7), (2, 100, 8), (3, 900, 9)] as [(UInt64, Int64, Int)] {
      var builder = BatchBuilder()
      builder.add(BatchBuilder.pod("web"), BatchBuilder.pod("api"), after: after, line: line)
      _ = try await store.add(builder.batch(head: head))
    }
    let sample = try await store.database.read { database -> [Int] in
      let row = try Row.fetchOne(database, sql: "SELECT ingest_id, sample_line FROM edge_hour")
      return row.map { [$0[0], $0[1]] } ?? []
    }
    #expect(sample == [2, 8])
  }

  @Test("A NUL in a name does not cut it short and make it another's name")
  func nulBytes() async throws {
    let store = try SQLiteStore(path: path, create: true)
    var builder = BatchBuilder()
    var pod = BatchBuilder.pod("web", in: "shop\u{0}evil")
    pod.labels = ["app\u{0}x": "web\u{0}y"]
    builder.add(pod, BatchBuilder.pod("api"))
    builder.reject(line: 1, "a\u{0}b")
    _ = try await store.add(builder.batch(name: "flows\u{0}.jsonl"))
    #expect(try await store.namespaces().map(\.namespace) == ["shop", "shop\u{fffd}evil"])
    let shop = try await store.edges(EdgeQuery(namespace: "shop"))
    #expect(shop.map(\.source.namespace) == ["shop\u{fffd}evil"])
    #expect(shop.first?.source.labels == ["app\u{0}x": "web\u{0}y"])
    let row = try await store.inputs().first
    #expect(row?.name == "flows\u{fffd}.jsonl")
    #expect(row?.counts.rejections.map(\.problem) == ["a\u{fffd}b"])
  }

  @Test("The schema is the one on record")
  func schema() async throws {
    let store = try SQLiteStore(path: path, create: true)
    let dump = try await store.database.read { database in
      try String.fetchAll(
        database,
        sql: """
          SELECT sql || ';' FROM sqlite_master WHERE sql IS NOT NULL
          ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, name
          """
      ).joined(separator: "\n\n")
    }
    try expectGolden(dump + "\n", "schema.sql")
  }

  @Test("Opening again changes nothing, and the data stays")
  func reopening() async throws {
    let first = try SQLiteStore(path: path, create: true)
    _ = try await first.add(batch())
    let edges = try await first.edges(EdgeQuery())
    let again = try SQLiteStore(path: path, create: false)
    #expect(try await again.edges(EdgeQuery()) == edges)
    let settings = try await again.database.read { database in
      try [
        String.fetchOne(database, sql: "PRAGMA journal_mode"),
        String.fetchOne(database, sql: "PRAGMA foreign_keys"),
        String.fetchOne(database, sql: "PRAGMA application_id"),
      ]
    }
    #expect(settings == ["wal", "1", "\(SQLiteSchema.applicationID)"])
  }

  private func journal(_ store: SQLiteStore) throws -> String? {
    try store.database.inDatabase { try String.fetchOne($0, sql: "PRAGMA journal_mode") }
  }

  @Test("What is written first into a new store goes without a log, all else with one")
  func journalModes() async throws {
    let first = try SQLiteStore(path: path, create: true)
    #expect(try journal(first) == "delete")
    _ = try await first.add(batch(head: 1))
    #expect(try journal(first) == "wal")
    let other = try SQLiteStore(path: path, create: false)
    _ = try await other.add(batch(head: 2))
    #expect(try journal(other) == "wal")
    #expect(try await first.inputs().count == 2)
    try await expectConsistent(other)
  }

  @Test("A store that is opened before anything was written has a log for both")
  func openedTwice() async throws {
    let first = try SQLiteStore(path: path, create: true)
    let other = try SQLiteStore(path: path, create: false)
    #expect(try journal(other) == "wal")
    _ = try await first.add(batch(head: 1))
    #expect(try journal(first) == "wal")
    #expect(try await other.inputs().count == 1)
  }

  @Test("Somebody who is reading keeps a store from getting its log, and nobody waits for that")
  func readingWithoutLog() async throws {
    // So patient that a test which waits cannot be mistaken for one on a busy machine.
    let patience = 4000.0
    let store = try SQLiteStore(path: path, create: true, patience: patience)
    let reader = try DatabaseQueue(path: path)
    let clock = ContinuousClock()
    let started = clock.now
    try await reader.read { database in
      #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM ingest") == 0)
      let again = try SQLiteStore(path: path, create: false, patience: patience)
      #expect(try journal(again) == "delete")
      // Others read at the same time.
      #expect(try again.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM ingest") } == 0)
    }
    #expect(clock.now - started < .seconds(patience / 2))
    _ = try await store.add(batch(head: 1))
    let again = try SQLiteStore(path: path, create: false)
    #expect(try journal(again) == "wal")
    _ = try await store.add(batch(head: 2))
    #expect(try await again.inputs().count == 2)
  }

  @Test("Who reads a store that had its log before is waited for by nobody")
  func readingWithLog() async throws {
    // Something that is no flow, as an inventory.
    try SQLiteStore(path: path, create: true).write {
      try $0.execute(sql: "INSERT INTO inventory_snapshot VALUES (1, '{}')")
    }
    let store = try SQLiteStore(path: path, create: false, patience: 0.1)
    let reader = try DatabaseQueue(path: path)
    try await reader.read { database in
      #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM ingest") == 0)
      _ = try store.load(edges: .max) { database in
        try database.execute(sql: "INSERT INTO capture_hour VALUES ('hubble', 1, 1, 0)")
      }
      #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM capture_hour") == 0)
    }
  }
}
