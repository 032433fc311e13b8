/// A relation between numbered rows and numbered columns, kept as bits.
package struct BooleanRelation: Hashable, Sendable {
  /// Number of rows; rows without a pair count.
  package let rowCount: Int
  /// Number of columns; columns without a pair count.
  package let columnCount: Int
  private(set) var rowSets: [BitSet]

  /// Makes a relation.
  ///
  /// - Parameters:
  ///   - rows: Number of rows; a negative one counts as none.
  ///   - columns: Number of columns; a negative one counts as none.
  ///   - pairs: (row, column), in any order; repeated ones count once, ones outside are left out.
  package init(rows: Int, columns: Int, pairs: some Sequence<(Int, Int)>) {
    rowCount = max(0, rows)
    columnCount = max(0, columns)
    rowSets = Array(repeating: BitSet(capacity: columnCount), count: rowCount)
    for (row, column) in pairs
    where row >= 0 && row < rowCount && column >= 0 && column < columnCount {
      rowSets[row].insert(column)
    }
  }

  /// The relation without the pairs of all other rows.
  func keeping(rows: [Int]) -> BooleanRelation {
    var result = self
    let none = BitSet(capacity: columnCount)
    result.rowSets = Array(repeating: none, count: rowCount)
    for row in rows { result.rowSets[row] = rowSets[row] }
    return result
  }

  /// Number of pairs.
  package var pairCount: Int { rowSets.reduce(0) { $0 + $1.count } }

  /// Whether the pair is in the relation; pairs outside are not.
  package func contains(row: Int, column: Int) -> Bool {
    guard row >= 0, row < rowCount, column >= 0, column < columnCount else { return false }
    return rowSets[row].contains(column)
  }

  /// The columns of a row, ascending; none for a row outside.
  package func columns(ofRow row: Int) -> [Int] {
    guard row >= 0, row < rowCount else { return [] }
    return rowSets[row].members
  }
}

/// Some rows and some columns that are all related to each other: what one rule can say.
package struct Biclique: Hashable, Sendable {
  /// Row numbers, ascending, not empty.
  package var rows: [Int]
  /// Column numbers, ascending, not empty.
  package var columns: [Int]

  /// Makes a biclique.
  package init(rows: [Int], columns: [Int]) {
    self.rows = rows
    self.columns = columns
  }
}

extension Biclique: Comparable {
  /// Orders by rows, then by columns, both lexicographically.
  package static func < (left: Biclique, right: Biclique) -> Bool {
    if left.rows != right.rows { return left.rows.lexicographicallyPrecedes(right.rows) }
    return left.columns.lexicographicallyPrecedes(right.columns)
  }
}
