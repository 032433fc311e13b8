/// The pairs of a relation that decide its cover, and the bicliques that they force.
///
/// Every maximal biclique with a pair (r, c) also holds (r', c') when the columns of r' include
/// those of r, and the rows of c' those of c. So only the least pairs in that order need covering.
/// A pair (r, c) where all rows of c are related to all columns of r lies in one maximal biclique
/// only, which every cover by maximal bicliques then has.
struct EssentialPairs: Sendable {
  /// The pairs still to cover, by row.
  private(set) var open: [BitSet]
  /// The forced bicliques.
  ///
  /// The pairs that forced them exclude one another and everything still open.
  private(set) var forced: [CoreBiclique] = []

  /// Reduces a relation whose equal rows and columns have been collapsed.
  init(_ core: CoreRelation) {
    let above = Self.supersets(of: core.rowSets, sizes: core.rowDegrees)
    let byRow = Self.leastMembers(core.rowSets, above: above)
    let byColumn = Self.leastMembers(
      core.columnSets,
      above: Self.supersets(of: core.columnSets, sizes: core.columnDegrees)
    )
    let leastInColumn = CoreRelation.transposed(byColumn, columns: core.rowCount)
    open = zip(byRow, leastInColumn).map { $0.intersection($1) }
    force(core, above: above)
  }

  /// Number of pairs still to cover.
  var openCount: Int { open.reduce(0) { $0 + $1.count } }

  private mutating func force(_ core: CoreRelation, above: [BitSet]) {
    for row in 0..<core.rowCount {
      let size = above[row].count
      // Rows with all columns of `row` are among the rows of each of its columns.
      guard open[row].members.contains(where: { core.columnDegrees[$0] == size }) else { continue }
      forced.append(CoreBiclique(rows: above[row], columns: core.rowSets[row]))
      above[row].forEach { open[$0].subtract(core.rowSets[row]) }
    }
  }

  /// For each set the sets that include it, itself among them; sets are sorted by ascending size.
  private static func supersets(of sets: [BitSet], sizes: [Int]) -> [BitSet] {
    sets.indices.map { index in
      var result = BitSet(capacity: sets.count)
      result.insert(index)
      for other in (index + 1)..<max(index + 1, sets.count)
      where sizes[other] > sizes[index] && sets[index].isSubset(of: sets[other]) {
        result.insert(other)
      }
      return result
    }
  }

  /// Each set less the members that it shares with a set it includes.
  private static func leastMembers(_ sets: [BitSet], above: [BitSet]) -> [BitSet] {
    var result = sets
    for index in sets.indices {
      above[index].forEach { other in
        if other != index { result[other].subtract(sets[index]) }
      }
    }
    return result
  }
}
