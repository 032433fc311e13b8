import GRDB
import GRDBSQLite

/// A prepared statement whose parameters are bound one by one.
///
/// GRDB's arguments are an array of boxed values and a copy of each text for every row: with them two
/// thirds of the time of storing 6,000 edges went into binding.
final class RowStatement {
  private let connection: SQLiteConnection
  private let statement: OpaquePointer
  /// SQLite copies a text while it is bound.
  private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  /// Prepares one statement.
  init(_ sql: String, _ database: Database) throws {
    guard let connection = database.sqliteConnection else {
      throw DatabaseError(resultCode: .SQLITE_MISUSE)
    }
    self.connection = connection
    var prepared: OpaquePointer?
    let code = unsafe sqlite3_prepare_v3(connection, sql, -1, 0, &prepared, nil)
    guard code == SQLITE_OK, let prepared else {
      throw RowStatement.error(code, connection)
    }
    statement = prepared
  }

  deinit { sqlite3_finalize(statement) }

  private static func error(_ code: CInt, _ connection: SQLiteConnection) -> DatabaseError {
    // The message belongs to the connection until its next call; it is copied here.
    DatabaseError(
      resultCode: ResultCode(rawValue: code),
      message: unsafe String(cString: sqlite3_errmsg(connection))
    )
  }

  /// Binds a number to a parameter, counted from 1; it stays bound until it is bound anew.
  func bind(_ index: CInt, _ value: Int64) {
    let code = sqlite3_bind_int64(statement, index, value)
    assert(code == SQLITE_OK)
  }

  /// Binds a text to a parameter, counted from 1; it stays bound until it is bound anew.
  func bind(_ index: CInt, _ text: String) throws {
    var text = text
    let code = text.withUTF8 { bytes in
      // SQLite reads the bytes during this call only; an empty text may have no address, and NULL is no text.
      guard let start = bytes.baseAddress, bytes.count > 0 else {
        return unsafe sqlite3_bind_text(statement, index, "", 0, RowStatement.transient)
      }
      return unsafe sqlite3_bind_text64(
        statement,
        index,
        UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self),
        UInt64(bytes.count),
        RowStatement.transient,
        UInt8(SQLITE_UTF8)
      )
    }
    guard code == SQLITE_OK else { throw RowStatement.error(code, connection) }
  }

  /// Binds a text that stays where it is until the statement has run; even an empty one has an address.
  @inline(__always)
  func bind(_ index: CInt, lasting text: UnsafeBufferPointer<CChar>) {
    let code = sqlite3_bind_text64(
      statement,
      index,
      text.baseAddress,
      UInt64(text.count),
      nil,
      UInt8(SQLITE_UTF8)
    )
    // NULL is no text.
    assert(code == SQLITE_OK && text.baseAddress != nil)
  }

  /// Runs a statement that gives no rows.
  func run() throws {
    let code = sqlite3_step(statement)
    let reset = sqlite3_reset(statement)
    guard code == SQLITE_DONE, reset == SQLITE_OK else {
      throw RowStatement.error(code == SQLITE_DONE ? reset : code, connection)
    }
  }

  /// Steps to the next row of a query; false behind the last one.
  func next() throws -> Bool {
    let code = sqlite3_step(statement)
    guard code == SQLITE_ROW || code == SQLITE_DONE else {
      throw RowStatement.error(code, connection)
    }
    return code == SQLITE_ROW
  }

  /// Forgets what was bound: texts may lie in memory that is going to be used otherwise.
  func clear() { sqlite3_clear_bindings(statement) }

  /// Ends a query, so that it can be bound and run anew.
  func reset() { sqlite3_reset(statement) }

  /// A number of the row at hand, by its column from 0.
  func number(at column: CInt) -> Int64 { sqlite3_column_int64(statement, column) }

  /// A text of the row at hand, by its column from 0; empty for NULL.
  func text(at column: CInt) -> String {
    // The bytes are SQLite's until the next call on the statement; they are copied here.
    guard let start = unsafe sqlite3_column_text(statement, column) else { return "" }
    let count = Int(sqlite3_column_bytes(statement, column))
    return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  /// Runs a query for one number; nil when there is no row.
  func firstNumber() throws -> Int64? {
    let code = sqlite3_step(statement)
    let value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : nil
    let reset = sqlite3_reset(statement)
    guard code == SQLITE_ROW || code == SQLITE_DONE else {
      throw RowStatement.error(code, connection)
    }
    guard reset == SQLITE_OK else { throw RowStatement.error(reset, connection) }
    return value
  }
}

/// The statements of one connection that are used in transaction after transaction: to prepare them takes longer than
/// to store the edges of a small file.
///
/// It must be used by whoever has the connection, and by nobody else; so it is never used by two threads at a time.
final class RowStatements: @unchecked Sendable {
  private var statements: [String: RowStatement] = [:]

  /// The statement of a text, prepared unless it was before.
  ///
  /// What it has bound is that of its last use. SQLite prepares it anew where the schema has changed.
  func statement(_ sql: String, _ database: Database) throws -> RowStatement {
    if let known = statements[sql] { return known }
    let new = try RowStatement(sql, database)
    statements[sql] = new
    return new
  }

  /// Ends all statements.
  func removeAll() { statements.removeAll() }
}
