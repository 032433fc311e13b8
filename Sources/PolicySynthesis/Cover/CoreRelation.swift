/// A biclique by bits, over the rows and columns of one ``CoreRelation``.
struct CoreBiclique: Hashable, Sendable {
  var rows: BitSet
  var columns: BitSet
}

/// One connected part of a relation, equal rows and equal columns collapsed into one each.
///
/// Rows and columns are sorted by ascending number of pairs, so that the first member of a set of
/// columns is one of those with the fewest rows.
struct CoreRelation: Sendable {
  /// The columns of each row, and the rows of each column.
  let rowSets: [BitSet]
  let columnSets: [BitSet]
  /// Which rows and columns of the whole relation each stands for, ascending.
  let rowMembers: [[Int]]
  let columnMembers: [[Int]]
  /// Pairs in each row and column.
  let rowDegrees: [Int]
  let columnDegrees: [Int]

  var rowCount: Int { rowSets.count }
  var columnCount: Int { columnSets.count }
  var pairCount: Int { rowDegrees.reduce(0, +) }
  /// The least row of the whole relation in this part.
  var firstRow: Int { rowMembers.compactMap(\.first).min() ?? 0 }

  /// Makes a part from its rows, each with its columns, both by numbers of the caller.
  private init(rows: [(members: [Int], columns: BitSet)], columns: [(members: [Int], rows: BitSet)])
  {
    var rowPosition: [Int: Int] = [:]
    var columnPosition: [Int: Int] = [:]
    let sortedRows = rows.sorted {
      ($0.columns.count, $0.members[0]) < ($1.columns.count, $1.members[0])
    }
    let sortedColumns = columns.sorted {
      ($0.rows.count, $0.members[0]) < ($1.rows.count, $1.members[0])
    }
    for (position, row) in sortedRows.enumerated() { rowPosition[row.members[0]] = position }
    for (position, column) in sortedColumns.enumerated() {
      columnPosition[column.members[0]] = position
    }
    rowSets = sortedRows.map { row in
      BitSet(
        capacity: sortedColumns.count,
        members: row.columns.members.compactMap { columnPosition[$0] }
      )
    }
    columnSets = CoreRelation.transposed(rowSets, columns: sortedColumns.count)
    rowMembers = sortedRows.map(\.members)
    columnMembers = sortedColumns.map(\.members)
    rowDegrees = rowSets.map(\.count)
    columnDegrees = columnSets.map(\.count)
  }

  /// The connected parts of a relation, by ascending first row.
  ///
  /// Without `collapsing` equal rows and equal columns stay apart.
  static func components(of relation: BooleanRelation, collapsing: Bool = true) -> [CoreRelation] {
    let group = collapsing ? joined : apart
    let rows = group(relation.rowSets)
    let columns = group(transposed(rows.map(\.set), columns: relation.columnCount))
    // Sides refer to each other by their first member.
    let rowItems = rows.map { (members: $0.members, columns: $0.set) }
    let columnItems = columns.map { group in
      (
        members: group.members,
        rows: BitSet(
          capacity: relation.rowCount,
          members: group.set.members.map { rows[$0].members[0] }
        )
      )
    }
    var rowAt: [Int: Int] = [:]
    for (index, item) in rowItems.enumerated() { rowAt[item.members[0]] = index }
    var columnAt: [Int: Int] = [:]
    for (index, item) in columnItems.enumerated() { columnAt[item.members[0]] = index }

    var seenRows = BitSet(capacity: rowItems.count)
    var seenColumns = BitSet(capacity: columnItems.count)
    var result: [CoreRelation] = []
    for start in rowItems.indices where !seenRows.contains(start) {
      var rowList: [Int] = [start]
      var columnList: [Int] = []
      seenRows.insert(start)
      var next = 0
      while next < rowList.count {
        rowItems[rowList[next]].columns.forEach { member in
          guard let column = columnAt[member], !seenColumns.contains(column) else { return }
          seenColumns.insert(column)
          columnList.append(column)
          columnItems[column].rows.forEach { member in
            guard let row = rowAt[member], !seenRows.contains(row) else { return }
            seenRows.insert(row)
            rowList.append(row)
          }
        }
        next += 1
      }
      result.append(
        CoreRelation(
          rows: rowList.sorted().map { rowItems[$0] },
          columns: columnList.sorted().map { columnItems[$0] }
        )
      )
    }
    return result
  }

  /// The biclique in numbers of the whole relation.
  func expanded(_ biclique: CoreBiclique) -> Biclique {
    Biclique(
      rows: biclique.rows.members.flatMap { rowMembers[$0] }.sorted(),
      columns: biclique.columns.members.flatMap { columnMembers[$0] }.sorted()
    )
  }

  /// Non-empty sets, each by itself.
  private static func apart(_ sets: [BitSet]) -> [(members: [Int], set: BitSet)] {
    sets.enumerated().filter { !$0.element.isEmpty }.map { ([$0.offset], $0.element) }
  }

  /// Equal non-empty sets joined, by ascending first member.
  static func joined(_ sets: [BitSet]) -> [(members: [Int], set: BitSet)] {
    var position: [BitSet: Int] = [:]
    var result: [(members: [Int], set: BitSet)] = []
    for (index, set) in sets.enumerated() where !set.isEmpty {
      if let known = position[set] {
        result[known].members.append(index)
      } else {
        position[set] = result.count
        result.append(([index], set))
      }
    }
    return result
  }

  /// The same pairs, by column.
  static func transposed(_ rowSets: [BitSet], columns: Int) -> [BitSet] {
    var result = Array(repeating: BitSet(capacity: rowSets.count), count: columns)
    for (row, set) in rowSets.enumerated() {
      set.forEach { result[$0].insert(row) }
    }
    return result
  }
}

// MARK: - Closures

extension CoreRelation {
  /// The rows that have all of some columns.
  func rows(havingAll columns: BitSet) -> BitSet {
    var result = BitSet(full: rowCount)
    columns.forEach { result.formIntersection(columnSets[$0]) }
    return result
  }

  /// The columns that all of some rows have.
  func columns(ofAll rows: BitSet) -> BitSet {
    var result = BitSet(full: columnCount)
    rows.forEach { result.formIntersection(rowSets[$0]) }
    return result
  }

  /// The biclique of these rows that cannot be extended: all columns they share, then all rows that have them.
  func maximal(rows: BitSet) -> CoreBiclique {
    let columns = columns(ofAll: rows)
    return CoreBiclique(rows: self.rows(havingAll: columns), columns: columns)
  }

  /// Number of machine words that a closure of the whole relation looks at.
  var closureWords: Int {
    (rowCount * ((columnCount + 63) >> 6) + columnCount * ((rowCount + 63) >> 6)) >> 1
  }
}
