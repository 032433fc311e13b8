import GRDB

/// Inserts many rows with few statements: to start and end one takes longer than a row of it.
struct BulkInsert {
  private static let rowsAtATime = 64

  /// What comes before the rows: `INSERT INTO table (columns)`.
  let target: String
  /// The number of columns.
  let columns: Int
  /// What comes after the rows, such as what to do on a conflict.
  var conflict = ""

  /// Inserts a row for each item, in order.
  ///
  /// - Parameter bind: Binds an item's columns, the first of them to the parameter given.
  func insert<Item>(
    _ items: [Item],
    _ database: Database,
    bind: (Item, RowStatement, CInt) throws -> Void
  ) throws {
    let atATime = BulkInsert.rowsAtATime
    let whole = items.count / atATime * atATime
    if whole > 0 {
      let many = try statement(rows: atATime, database)
      for start in stride(from: 0, to: whole, by: atATime) {
        for row in 0..<atATime {
          try bind(items[start + row], many, CInt(row * columns + 1))
        }
        try many.run()
      }
    }
    if whole < items.count {
      let one = try statement(rows: 1, database)
      for item in items[whole...] {
        try bind(item, one, 1)
        try one.run()
      }
    }
  }

  private func statement(rows: Int, _ database: Database) throws -> RowStatement {
    let row = "(" + repeatElement("?", count: columns).joined(separator: ", ") + ")"
    let values = repeatElement(row, count: rows).joined(separator: ", ")
    return try RowStatement("\(target) VALUES \(values) \(conflict)", database)
  }
}
