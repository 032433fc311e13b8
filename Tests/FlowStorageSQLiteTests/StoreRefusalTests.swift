import FlowAggregation
import FlowModel
import FlowStorage
import Foundation
import GRDB
import StoreContract
import TestSupport
import Testing

@testable import FlowStorageSQLite

@Suite("Stores that cannot be used")
struct StoreRefusalTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path("flowlearn.db") }

  init() throws { folder = try TemporaryFolder() }

  private func batch(records: Int = 20, seed: UInt64 = 1) -> IngestBatch {
    var seed = Seed(seed)
    var builder = BatchBuilder()
    builder.addRandom(records, &seed)
    return builder.batch(head: seed.next())
  }

  private func bytes(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
  }

  @Test("A missing store is made only when asked")
  func missing() throws {
    #expect(throws: SQLiteStoreError.missing(path: path)) {
      try SQLiteStore(path: path, create: false)
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test("A file that is no database is refused and left alone")
  func noDatabase() throws {
    let text = Data(String(repeating: "this is not a database\n", count: 200).utf8)
    try text.write(to: URL(fileURLWithPath: path))
    for readOnly in [false, true] {
      #expect(throws: SQLiteStoreError.notOurs(path: path)) {
        try SQLiteStore(path: path, create: true, readOnly: readOnly)
      }
    }
    #expect(try bytes(path) == text)
  }

  @Test("Another program's database is refused and left alone", arguments: [0, 77])
  func foreign(application: Int) async throws {
    do {
      let other = try DatabaseQueue(path: path)
      try await other.write { database in
        try database.execute(sql: "PRAGMA application_id = \(application)")
        try database.execute(sql: "CREATE TABLE theirs (a)")
      }
      try other.close()
    }
    let before = try bytes(path)
    #expect(throws: SQLiteStoreError.notOurs(path: path)) {
      try SQLiteStore(path: path, create: true)
    }
    #expect(try bytes(path) == before)
  }

  @Test("A store that a newer program wrote is refused")
  func newer() async throws {
    do {
      let store = try SQLiteStore(path: path, create: true)
      _ = try await store.database.write { database in
        try database.execute(sql: "INSERT INTO schema_migration VALUES ('v999_later')")
      }
    }
    #expect(throws: SQLiteStoreError.newer(path: path, migration: "v999_later")) {
      try SQLiteStore(path: path, create: false)
    }
  }

  @Test("A store from before a migration is brought up to date, but not when it is only read")
  func older() async throws {
    do {
      let store = try SQLiteStore(path: path, create: true)
      try await store.database.write { database in
        try database.execute(sql: "DROP TABLE proposal; DROP TABLE decision")
        try database.execute(sql: "DROP TABLE rollout_event")
        try database.execute(sql: "DELETE FROM schema_migration WHERE name = 'v003_rollout'")
      }
    }
    #expect(throws: SQLiteStoreError.self) {
      try SQLiteStore(path: path, create: false, readOnly: true)
    }
    let store = try SQLiteStore(path: path, create: false)
    #expect(try await store.decisions().isEmpty)
  }

  @Test("A store that is only read cannot be written, and says so")
  func readOnly() async throws {
    do { _ = try await SQLiteStore(path: path, create: true).add(batch()) }
    let store = try SQLiteStore(path: path, create: false, readOnly: true)
    let before = try await store.edges(EdgeQuery())
    await #expect(throws: SQLiteStoreError.readOnly(path: path)) { try await store.add(batch()) }
    #expect(try await store.edges(EdgeQuery()) == before)
  }

  @Test("A store that another process writes is waited for, then refused as it was")
  func locked() async throws {
    let store = try SQLiteStore(path: path, create: true, patience: 0.3)
    _ = try await store.add(batch())
    let before = try await store.edges(EdgeQuery())
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let other = try DatabaseQueue(path: path, configuration: configuration)
    try await other.writeWithoutTransaction { database in
      try database.execute(sql: "BEGIN IMMEDIATE; DELETE FROM ingest_note")
    }
    let start = ContinuousClock.now
    await #expect(throws: SQLiteStoreError.locked(path: path)) {
      try await store.add(batch(seed: 2))
    }
    #expect(start.duration(to: .now) > .milliseconds(250))
    #expect(try await store.edges(EdgeQuery()) == before)
    try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
    _ = try await store.add(batch(seed: 2))
    #expect(try await store.inputs().count == 2)
  }

  @Test("A full disk leaves the store as it was")
  func full() async throws {
    let store = try SQLiteStore(path: path, create: true)
    _ = try await store.add(batch())
    let before = (try await store.edges(EdgeQuery()), try await store.inputs())
    try await store.database.writeWithoutTransaction { database in
      let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
      try database.execute(sql: "PRAGMA max_page_count = \(pages + 2)")
    }
    await #expect(throws: SQLiteStoreError.full(path: path)) {
      try await store.add(batch(records: 3000, seed: 2))
    }
    #expect(try await store.edges(EdgeQuery()) == before.0)
    #expect(try await store.inputs() == before.1)
    #expect(try await store.capture().map(\.capture.records).reduce(0, +) == 20)
  }

  @Test("A folder is no store")
  func folderAsStore() {
    #expect(throws: SQLiteStoreError.self) {
      try SQLiteStore(path: folder.url.path, create: true)
    }
  }

  @Test("Errors do not repeat what was stored")
  func errorTexts() async throws {
    let store = try SQLiteStore(path: path, create: true)
    var wrong = batch()
    wrong.inputs[0].record.id = 12345
    do {
      _ = try await store.add(wrong)
      Issue.record("a ledger row that is not there was accepted")
    } catch {
      #expect(!"\(error)".contains("DROP TABLE") && !"\(error)".contains("web"))
    }
    #expect(try await store.edges(EdgeQuery()).isEmpty)
  }
}
