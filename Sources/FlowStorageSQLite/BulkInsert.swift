import GRDB

/// Inserts many rows with few statements: to start and end one takes longer than a row of it.
struct BulkInsert {
  private static let rowsAtATime = 64

  /// The table and its columns: `table (columns)`.
  let target: String
  /// The number of columns.
  let columns: Int
  /// What comes after the rows, such as what to do on a conflict.
  var conflict = ""

  /// Inserts a row for each item, in order.
  ///
  /// - Parameter add: Adds an item's values in the order of the columns.
  func insert<Item>(
    _ items: [Item],
    _ database: Database,
    add: (Item, inout RowValues) -> Void
  ) throws {
    let atATime = BulkInsert.rowsAtATime
    let whole = items.count / atATime * atATime
    if whole > 0 {
      var many = RowValues(try statement(rows: atATime, database))
      for start in stride(from: 0, to: whole, by: atATime) {
        for row in start..<start + atATime { add(items[row], &many) }
        try many.run()
      }
    }
    if whole < items.count {
      var one = RowValues(try statement(rows: 1, database))
      for item in items[whole...] {
        add(item, &one)
        try one.run()
      }
    }
  }

  private func statement(rows: Int, _ database: Database) throws -> RowStatement {
    let row = "(" + repeatElement("?", count: columns).joined(separator: ", ") + ")"
    let values = repeatElement(row, count: rows).joined(separator: ", ")
    // An error ends the whole transaction, so SQLite need not keep what each page was before the statement.
    return try RowStatement("INSERT OR FAIL INTO \(target) VALUES \(values) \(conflict)", database)
  }
}

/// The values of a statement's parameters, added one after the other.
///
/// Texts are gathered in one buffer that stays where it is while the statement runs; SQLite would make a
/// copy of each.
struct RowValues {
  private let statement: RowStatement
  private var parameter: CInt = 1
  private var buffer: [UInt8] = []
  private var texts: [(parameter: CInt, range: Range<Int>)] = []

  /// Begins with a statement's first parameter.
  init(_ statement: RowStatement) { self.statement = statement }

  /// Adds a number.
  @inline(__always)
  mutating func add(_ value: Int64) {
    statement.bind(parameter, value)
    parameter += 1
  }

  /// Adds a text that outlives the next ``run()``.
  @inline(__always)
  mutating func add(lasting text: UnsafeBufferPointer<CChar>) {
    statement.bind(parameter, lasting: text)
    parameter += 1
  }

  /// Adds a text.
  mutating func add(_ text: String) { add { $0.append(contentsOf: text.utf8) } }

  /// Adds a text by appending its bytes to a buffer.
  @inline(__always)
  mutating func add(_ append: (inout [UInt8]) -> Void) {
    let start = buffer.count
    append(&buffer)
    texts.append((parameter, start..<buffer.count))
    parameter += 1
  }

  /// Runs a statement that gives no rows and begins anew.
  mutating func run() throws { try withTexts { try $0.run() } }

  /// Runs a query for one number and begins anew; nil when there is no row.
  mutating func firstNumber() throws -> Int64? { try withTexts { try $0.firstNumber() } }

  private mutating func withTexts<Value>(_ body: (RowStatement) throws -> Value) throws -> Value {
    defer {
      parameter = 1
      buffer.removeAll(keepingCapacity: true)
      texts.removeAll(keepingCapacity: true)
    }
    // An empty buffer might have no address.
    buffer.append(0)
    return try buffer.withUnsafeBytes { bytes in
      let bytes = bytes.assumingMemoryBound(to: CChar.self)
      for (parameter, range) in texts {
        statement.bind(parameter, lasting: UnsafeBufferPointer(rebasing: bytes[range]))
      }
      return try body(statement)
    }
  }
}
