/// Makes a cover smaller in rows and columns without losing a pair.
///
/// Maximal bicliques overlap where they need not. A row goes from a biclique when others cover all
/// its pairs there, and a column likewise; which goes first decides what can go next, so a few
/// orders are tried and the smallest outcome kept.
struct CoverTrimming {
  /// Pairs in all bicliques together up to which all orders are tried, else only one.
  private static let thoroughArea = 16_000_000

  private let core: CoreRelation
  private let isAllowed: (CoreBiclique) -> Bool
  /// Rows and columns, those first that stand for most.
  private let rowOrder: [Int]
  private let columnOrder: [Int]

  /// Prepares the trimming of covers of `core`; `isAllowed` is asked about each smaller biclique
  /// before it is taken.
  init(_ core: CoreRelation, isAllowed: @escaping (CoreBiclique) -> Bool = { _ in true }) {
    self.core = core
    self.isAllowed = isAllowed
    rowOrder = (0..<core.rowCount).sorted {
      (core.rowMembers[$1].count, $0) < (core.rowMembers[$0].count, $1)
    }
    columnOrder = (0..<core.columnCount).sorted {
      (core.columnMembers[$1].count, $0) < (core.columnMembers[$0].count, $1)
    }
  }

  /// The cover in numbers of the whole relation, redundant rows and columns taken out.
  func trimmed(_ cover: [CoreBiclique]) -> [Biclique] {
    var counts = Array(repeating: UInt32(0), count: core.rowCount * core.columnCount)
    var area = 0
    for biclique in cover {
      biclique.rows.forEach { row in
        biclique.columns.forEach { counts[row * core.columnCount + $0] += 1 }
      }
      area += biclique.rows.count * biclique.columns.count
    }
    let orders = [(true, true), (true, false), (false, true), (false, false)]
      .prefix(area <= Self.thoroughArea ? 4 : 1)
    var best: (weight: Int, cover: [CoreBiclique])?
    for (rowsFirst, forward) in orders {
      var pass = Pass(trimming: self, cover: cover, counts: counts)
      pass.run(rowsFirst: rowsFirst, forward: forward)
      let weight = pass.cover.reduce(0) { $0 + self.weight(of: $1) }
      if best.map({ weight < $0.weight }) ?? true { best = (weight, pass.cover) }
    }
    return (best?.cover ?? cover).map(core.expanded)
  }

  private func weight(of biclique: CoreBiclique) -> Int {
    biclique.rows.members.reduce(0) { $0 + core.rowMembers[$1].count }
      + biclique.columns.members.reduce(0) { $0 + core.columnMembers[$1].count }
  }

  /// One order of trimming.
  private struct Pass {
    let trimming: CoverTrimming
    var cover: [CoreBiclique]
    /// How many bicliques hold each pair, row after row.
    var counts: [UInt32]

    mutating func run(rowsFirst: Bool, forward: Bool) {
      let order = forward ? Array(cover.indices) : cover.indices.reversed()
      var onRows = rowsFirst
      var idle = 0
      while idle < 2 {
        var changed = false
        for index in order {
          if onRows ? trimRows(index) : trimColumns(index) { changed = true }
        }
        idle = changed ? 0 : idle + 1
        onRows.toggle()
      }
      cover.removeAll { $0.rows.isEmpty || $0.columns.isEmpty }
    }

    private mutating func trimRows(_ index: Int) -> Bool {
      let columns = cover[index].columns.members
      let width = trimming.core.columnCount
      var changed = false
      for row in trimming.rowOrder where cover[index].rows.contains(row) {
        guard columns.allSatisfy({ counts[row * width + $0] > 1 }) else { continue }
        var smaller = cover[index]
        smaller.rows.remove(row)
        guard smaller.rows.isEmpty || trimming.isAllowed(smaller) else { continue }
        cover[index] = smaller
        for column in columns { counts[row * width + column] -= 1 }
        changed = true
      }
      return changed
    }

    private mutating func trimColumns(_ index: Int) -> Bool {
      let rows = cover[index].rows.members
      let width = trimming.core.columnCount
      var changed = false
      for column in trimming.columnOrder where cover[index].columns.contains(column) {
        guard rows.allSatisfy({ counts[$0 * width + column] > 1 }) else { continue }
        var smaller = cover[index]
        smaller.columns.remove(column)
        guard smaller.columns.isEmpty || trimming.isAllowed(smaller) else { continue }
        cover[index] = smaller
        for row in rows { counts[row * width + column] -= 1 }
        changed = true
      }
      return changed
    }
  }
}
