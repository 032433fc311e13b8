import GRDB

/// Inserts many rows with few statements: to start and end one takes longer than a row of it.
///
/// Rows are put together on another thread, for SQLite has only one.
struct BulkInsert {
  private static let rowsAtATime = 64
  /// Rows that are handed from thread to thread together; waking one takes longer than a row.
  private static let rowsInBlock = rowsAtATime * 16

  /// The table and its columns: `table (columns)`.
  let target: String
  /// The number of columns.
  let columns: Int
  /// What comes after the rows, such as what to do on a conflict.
  var conflict = ""
  /// Where its statements are kept.
  let statements: RowStatements

  /// Inserts a row for each item, in order.
  ///
  /// - Parameter add: Adds an item's values in the order of the columns; called on another thread.
  func insert<Item: Sendable>(
    _ items: [Item],
    _ database: Database,
    add: @escaping @Sendable (Item, inout RowValues) -> Void
  ) throws {
    guard !items.isEmpty else { return }
    let many =
      items.count < BulkInsert.rowsAtATime
      ? nil : try statement(rows: BulkInsert.rowsAtATime, database)
    let one = try statement(rows: 1, database)
    let size = BulkInsert.rowsInBlock
    let blocks = Preparation(count: (items.count + size - 1) / size) { [columns] block in
      let rows = items[block * size..<min((block + 1) * size, items.count)]
      var values = RowValues()
      values.reserve(rows.count * columns)
      for item in rows { add(item, &values) }
      return values
    }
    while let values = blocks.next() {
      let whole =
        values.count / (BulkInsert.rowsAtATime * columns) * BulkInsert.rowsAtATime * columns
      try many?.run(values, 0..<whole, parameters: BulkInsert.rowsAtATime * columns)
      try one.run(values, whole..<values.count, parameters: columns)
    }
  }

  private func statement(rows: Int, _ database: Database) throws -> RowStatement {
    let row = "(" + repeatElement("?", count: columns).joined(separator: ", ") + ")"
    let values = repeatElement(row, count: rows).joined(separator: ", ")
    // An error ends the whole transaction, so SQLite need not keep what each page was before the statement.
    return try statements.statement(
      "INSERT OR FAIL INTO \(target) VALUES \(values) \(conflict)",
      database
    )
  }
}
