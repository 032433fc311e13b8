import PolicySynthesis

/// The size of a smallest cover, found in another way than the code under test: all bicliques that
/// are allowed by going through every set of rows, then set cover by iterative deepening.
struct CoverOracle {
  private let rows: [UInt32]
  private let columnCount: Int
  private let bicliques: [[UInt32]]
  /// The bicliques with each pair, row after row.
  private let ways: [[Int]]

  /// Takes a relation of at most 16 rows and 32 columns; `allowed` says which bicliques count.
  init(_ relation: BooleanRelation, allowed: (([Int], [Int]) -> Bool)? = nil) {
    let columnCount = relation.columnCount
    let rows = (0..<relation.rowCount).map { row in
      relation.columns(ofRow: row).reduce(UInt32(0)) { $0 | 1 << UInt32($1) }
    }
    var found: Set<[UInt32]> = []
    for mask in 1..<(UInt32(1) << UInt32(rows.count)) {
      let members = rows.indices.filter { mask >> UInt32($0) & 1 == 1 }
      let shared = members.reduce(~UInt32(0)) { $0 & rows[$1] }
      guard shared != 0 else { continue }
      guard let allowed else {
        found.insert(rows.map { $0 & shared == shared ? shared : 0 })
        continue
      }
      // Every set of columns within the shared ones.
      var columns = shared
      while columns != 0 {
        let list = (0..<columnCount).filter { columns >> UInt32($0) & 1 == 1 }
        if members.count == 1 || allowed(members, list) {
          found.insert(rows.indices.map { members.contains($0) ? columns : 0 })
        }
        columns = (columns - 1) & shared
      }
    }
    let bicliques = found.sorted { $0.lexicographicallyPrecedes($1) }
    var ways = Array(repeating: [Int](), count: rows.count * columnCount)
    for (index, biclique) in bicliques.enumerated() {
      for row in rows.indices {
        for column in 0..<columnCount where biclique[row] >> UInt32(column) & 1 == 1 {
          ways[row * columnCount + column].append(index)
        }
      }
    }
    self.rows = rows
    self.columnCount = columnCount
    self.bicliques = bicliques
    self.ways = ways
  }

  /// Number of bicliques of a smallest cover.
  func minimum() -> Int {
    var size = 0
    var failed: [[UInt32]: Int] = [:]
    while !covers(rows, with: size, &failed) { size += 1 }
    return size
  }

  private func covers(_ open: [UInt32], with size: Int, _ failed: inout [[UInt32]: Int]) -> Bool {
    guard let row = open.firstIndex(where: { $0 != 0 }) else { return true }
    guard size > 0, failed[open, default: -1] < size, independent(open) <= size else {
      return false
    }
    // The pair with the fewest ways.
    var best: [Int] = []
    for candidate in row..<open.count {
      for column in 0..<columnCount where open[candidate] >> UInt32(column) & 1 == 1 {
        let ways = ways[candidate * columnCount + column]
        if best.isEmpty || ways.count < best.count { best = ways }
      }
    }
    let left = Set(best.map { way in zip(open, bicliques[way]).map { $0 & ~$1 } })
    let smaller = left.filter { one in
      !left.contains { other in
        other != one && zip(other, one).allSatisfy { $0 & ~$1 == 0 }
      }
    }
    for next in smaller where covers(next, with: size - 1, &failed) { return true }
    failed[open] = size
    return false
  }

  private func independent(_ open: [UInt32]) -> Int {
    var taken: [(row: Int, column: Int)] = []
    for row in open.indices {
      for column in 0..<columnCount where open[row] >> UInt32(column) & 1 == 1 {
        let free = taken.allSatisfy {
          rows[$0.row] >> UInt32(column) & 1 == 0 || rows[row] >> UInt32($0.column) & 1 == 0
        }
        if free { taken.append((row, column)) }
      }
    }
    return taken.count
  }
}
