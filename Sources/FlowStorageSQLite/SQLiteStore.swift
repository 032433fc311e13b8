import FlowSchema
import FlowStorage
import Foundation
import GRDB

/// Why a SQLite store cannot be used.
package enum SQLiteStoreError: Error, Hashable, Sendable {
  /// The file is a database of another program, or no database.
  case notOurs(path: String)
  /// A newer flowlearn wrote it.
  case newer(path: String, migration: String)
  /// It cannot be written.
  case readOnly(path: String)
  /// Another process has held it too long.
  case locked(path: String)
  /// No space is left.
  case full(path: String)
  /// It does not exist and was not to be created.
  case missing(path: String)
  /// It is there, or was to be made, but cannot be opened; why.
  case unopenable(path: String, reason: Unopenable)
  /// Any other trouble, in SQLite's words.
  case failed(path: String, message: String)
}

/// Why a file cannot be opened as a store.
package enum Unopenable: Hashable, Sendable {
  /// The path is a directory.
  case isDirectory
  /// The directory it was to be made in is not there.
  case noParent
  /// The user may not read it, or may not make it there.
  case permission
  /// It may be read, but SQLite cannot make the index of its log beside it.
  case readOnlyDirectory
}

/// Both stores in one SQLite file, in WAL mode.
///
/// What is written first by the process that makes the file, often the largest batch of flows there ever is, goes
/// straight into it: through a log every page would be written twice and read once more, which took a tenth of
/// reading a gigabyte of logs.
package final class SQLiteStore: Sendable {
  /// The file.
  package let path: String
  let database: DatabaseQueue
  /// Statements of the connection, for those who have it.
  let statements = RowStatements()

  /// So many new edges, with their endpoints, hours and days, fit into the page cache: 118,000 take 30 MiB.
  private static let mostCachedEdges = 200_000
  /// For so many edges it is quicker to look up what they refer to than to switch that off and on: SQLite prepares all
  /// statements anew then.
  private static let mostCheckedEdges = 500

  /// Opens a store.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - create: Whether a missing file is made; else it is an error.
  ///   - readOnly: Opens without writing; a database that needs a migration is then refused.
  ///   - patience: Seconds to wait for another process that is writing.
  /// - Throws: ``SQLiteStoreError``.
  package init(
    path: String,
    create: Bool,
    readOnly: Bool = false,
    patience: Double = 5
  ) throws {
    self.path = path
    var configuration = Configuration()
    configuration.readonly = readOnly
    configuration.busyMode = .timeout(patience)
    configuration.foreignKeysEnabled = true
    configuration.prepareDatabase { database in
      // For a store that is made now: a large batch is stored a tenth faster than with pages of 4 KiB.
      try database.execute(sql: "PRAGMA page_size = 8192")
      // The most a page cache may take: enough for the upserts of a large file to stay in memory.
      try database.execute(sql: "PRAGMA cache_size = -65536")
      try database.execute(sql: "PRAGMA temp_store = MEMORY")
    }
    if !create, !FileManager.default.fileExists(atPath: path) {
      throw SQLiteStoreError.missing(path: path)
    }
    do {
      database = try DatabaseQueue(path: path, configuration: configuration)
      try SQLiteStore.check(database, path: path)
      if !readOnly {
        let isNew = try database.read { try SQLiteStore.applied($0) }.isEmpty
        try SQLiteStore.migrate(database, path: path)
        if !isNew { try database.writeWithoutTransaction { try SQLiteStore.keepLog($0) } }
      } else {
        try SQLiteStore.requireCurrent(database, path: path)
      }
    } catch let error as DatabaseError {
      // Reading a log needs an index beside it, and that could not be made.
      if readOnly, error.resultCode == .SQLITE_READONLY {
        throw SQLiteStoreError.unopenable(path: path, reason: .readOnlyDirectory)
      }
      throw SQLiteStore.explain(error, path: path)
    }
  }

  deinit {
    // The connection is closed with its last statement.
    statements.removeAll()
  }

  /// Why SQLite could not open a path.
  private static func obstacle(_ path: String) -> Unopenable {
    var isDirectory: ObjCBool = false
    let files = FileManager.default
    if files.fileExists(atPath: path, isDirectory: &isDirectory) {
      if isDirectory.boolValue { return .isDirectory }
      return files.isReadableFile(atPath: path) ? .readOnlyDirectory : .permission
    }
    let parent = (path as NSString).deletingLastPathComponent
    return files.fileExists(atPath: parent.isEmpty ? "." : parent) ? .permission : .noParent
  }

  /// Refuses a database that is not ours or that a newer program wrote.
  private static func check(_ database: DatabaseQueue, path: String) throws {
    try database.read { database in
      let application = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
      let tables =
        try Int.fetchOne(
          database,
          sql: "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        ) ?? 0
      if application == SQLiteSchema.applicationID {
        let known = Set(SQLiteSchema.migrations.map(\.name))
        if let unknown = try applied(database).first(where: { !known.contains($0) }) {
          throw SQLiteStoreError.newer(path: path, migration: unknown)
        }
      } else if application != 0 || tables > 0 {
        throw SQLiteStoreError.notOurs(path: path)
      }
    }
  }

  private static func applied(_ database: Database) throws -> [String] {
    // Asked of the database itself: GRDB remembers that a table was missing, and another process may have
    // made it since.
    let found = try Int.fetchOne(
      database,
      sql: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migration'"
    )
    guard found == 1 else { return [] }
    return try String.fetchAll(database, sql: "SELECT name FROM schema_migration ORDER BY name")
  }

  private static func requireCurrent(_ database: DatabaseQueue, path: String) throws {
    let done = try database.read { try applied($0) }
    if let next = SQLiteSchema.migrations.first(where: { !done.contains($0.name) }) {
      throw SQLiteStoreError.failed(
        path: path,
        message: "migration \(next.name) is missing and the store is read-only"
      )
    }
  }

  /// Applies the missing migrations, all or none.
  private static func migrate(_ database: DatabaseQueue, path: String) throws {
    func missing(_ database: Database) throws -> [SQLiteSchema.Migration] {
      let done = try applied(database)
      return SQLiteSchema.migrations.filter { !done.contains($0.name) }
    }
    guard try !database.read({ try missing($0) }).isEmpty else { return }
    try database.inTransaction(.immediate) { database in
      try database.execute(sql: "PRAGMA application_id = \(SQLiteSchema.applicationID)")
      try database.execute(
        sql: "CREATE TABLE IF NOT EXISTS schema_migration (name TEXT PRIMARY KEY) STRICT"
      )
      // Asked once more: another process may have been faster.
      for migration in try missing(database) {
        try database.execute(sql: migration.sql)
        try database.execute(
          sql: "INSERT INTO schema_migration VALUES (?)",
          arguments: [migration.name]
        )
      }
      return .commit
    }
  }

  /// Sees to it that the store has a log, so that reading it waits for nobody who writes.
  ///
  /// While others are using it without one it stays so; whoever comes next will see to it.
  private static func keepLog(_ database: Database) throws {
    // 1 is NORMAL: set below.
    guard try Int.fetchOne(database, sql: "PRAGMA synchronous") != 1 else { return }
    let patience = try Int.fetchOne(database, sql: "PRAGMA busy_timeout") ?? 0
    try database.execute(sql: "PRAGMA busy_timeout = 0")
    defer { try? database.execute(sql: "PRAGMA busy_timeout = \(patience)") }
    do {
      // Where the file system has no shared memory there is no log either.
      guard try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL") == "wal" else { return }
    } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
      return
    }
    // A power failure may then cost the last batches, but never the store.
    try database.execute(sql: "PRAGMA synchronous = NORMAL")
  }

  /// Names the trouble behind a SQLite error.
  static func explain(_ error: DatabaseError, path: String) -> SQLiteStoreError {
    switch error.resultCode {
    case .SQLITE_NOTADB, .SQLITE_CORRUPT: .notOurs(path: path)
    case .SQLITE_READONLY, .SQLITE_PERM: .readOnly(path: path)
    case .SQLITE_BUSY, .SQLITE_LOCKED: .locked(path: path)
    case .SQLITE_FULL: .full(path: path)
    case .SQLITE_CANTOPEN: .unopenable(path: path, reason: obstacle(path))
    default: .failed(path: path, message: error.message ?? "SQLite error \(error.resultCode)")
    }
  }

  func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
    do {
      return try database.read(body)
    } catch let error as DatabaseError {
      throw SQLiteStore.explain(error, path: path)
    }
  }

  func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
    do {
      return try database.writeWithoutTransaction { try SQLiteStore.commit($0, body) }
    } catch let error as DatabaseError {
      throw SQLiteStore.explain(error, path: path)
    }
  }

  /// Writes rows that refer to rows of the same transaction by numbers just given out or looked up.
  ///
  /// Where they are many SQLite does not look every reference up again, which would take as long as the writing itself.
  /// Where they are more than the page cache holds there must be a log first: without one such a transaction would keep
  /// everybody else from reading before it is over.
  ///
  /// - Parameter edges: The number of edges that are written.
  func load<Value>(edges: Int, _ body: (Database) throws -> Value) throws -> Value {
    do {
      return try database.writeWithoutTransaction { database in
        if edges > SQLiteStore.mostCachedEdges { try SQLiteStore.keepLog(database) }
        guard edges > SQLiteStore.mostCheckedEdges else {
          return try SQLiteStore.commit(database, body)
        }
        try database.execute(sql: "PRAGMA foreign_keys = OFF")
        // It cannot fail outside of a transaction, and the one below is over by then.
        defer { try? database.execute(sql: "PRAGMA foreign_keys = ON") }
        return try SQLiteStore.commit(database, body)
      }
    } catch let error as DatabaseError {
      throw SQLiteStore.explain(error, path: path)
    }
  }

  /// Carries out a transaction; a new store gets its log behind the first.
  private static func commit<Value>(
    _ database: Database,
    _ body: (Database) throws -> Value
  ) throws -> Value {
    var value: Value?
    try database.inTransaction(.immediate) {
      value = try body(database)
      return .commit
    }
    guard let value else { throw DatabaseError(resultCode: .SQLITE_INTERNAL) }
    // What was written stays written if this fails.
    try? keepLog(database)
    return value
  }
}
