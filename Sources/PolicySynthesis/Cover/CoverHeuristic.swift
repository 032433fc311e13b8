/// Finds good covers of some pairs of a relation by maximal bicliques, without proof.
///
/// A biclique is grown from a core that it must hold: of all rows and columns that go with the core
/// the ones that cost the most gaps for the fewest open pairs are peeled off until no gap is left.
/// Where the relation was made of a few large bicliques, each leaves pairs that lie in no other,
/// and from such a pair the peeling finds the biclique back.
struct CoverHeuristic {
  /// Rounds without success after which improving ends: one for each pair, within these limits.
  private static let idleRounds = 40...1_000
  /// The most bicliques that are remembered.
  private static let metLimit = 2_000

  private let core: CoreRelation
  /// The pairs to cover, by row.
  private let target: [BitSet]

  /// Prepares the covering of `target`, which holds pairs of the relation only.
  init(_ core: CoreRelation, target: [BitSet]) {
    self.core = core
    self.target = target
  }

  /// A first cover: from the open pair with the least room, again and again.
  ///
  /// When the meter runs out the rest is covered row by row or column by column, as is shorter.
  func greedy(_ meter: inout StepMeter) -> [CoreBiclique] {
    var open = target
    var result: [CoreBiclique] = []
    while let seed = leastRoom(open) {
      guard !meter.isExhausted else {
        result.append(contentsOf: plain(open))
        break
      }
      let found = grow(
        rows: BitSet(capacity: core.rowCount, members: [seed.row]),
        columns: BitSet(capacity: core.columnCount, members: [seed.column]),
        open: open,
        &meter
      )
      subtract(found, from: &open)
      result.append(found)
    }
    return result
  }

  /// Covers anew from the parts of a known cover, in varied order, keeping what is not worse.
  ///
  /// Each biclique is cut down to the pairs that the ones before it left open and grown again
  /// around them, so the number of bicliques never rises; those left with nothing go away.
  ///
  /// - Returns: The bicliques met on the way, each once, up to a limit; those of `cover` first.
  func improve(
    _ cover: inout [CoreBiclique],
    downTo bound: Int,
    _ meter: inout StepMeter
  ) -> [CoreBiclique] {
    var met = cover
    var known = Set(cover)
    let pairCount = target.reduce(0) { $0 + $1.count }
    let patience = min(max(pairCount, Self.idleRounds.lowerBound), Self.idleRounds.upperBound)
    var sequence = FixedSequence()
    var current = cover
    var round = 0
    var idle = 0
    while cover.count > bound, !meter.isExhausted, idle < patience {
      switch round % 4 {
      case 0: current.reverse()
      case 1: current = sortedByOwnPairs(current)
      default: sequence.shuffle(&current)
      }
      if round % 8 == 7 { current = opened(current, &sequence, &meter) }
      current = regrown(current, &meter)
      for biclique in current where met.count < Self.metLimit {
        if known.insert(biclique).inserted { met.append(biclique) }
      }
      if current.count < cover.count {
        cover = current
        idle = 0
      } else {
        idle += 1
        if current.count > cover.count { current = cover }
      }
      round += 1
    }
    return met
  }

  /// One pass over `cover` in its order; see ``improve(_:downTo:_:)``.
  private func regrown(_ cover: [CoreBiclique], _ meter: inout StepMeter) -> [CoreBiclique] {
    var open = target
    var result: [CoreBiclique] = []
    for biclique in cover {
      var rows = BitSet(capacity: core.rowCount)
      var columns = BitSet(capacity: core.columnCount)
      biclique.rows.forEach { row in
        let own = open[row].intersection(biclique.columns)
        guard !own.isEmpty else { return }
        rows.insert(row)
        columns.formUnion(own)
      }
      guard !rows.isEmpty else { continue }
      let found = grow(rows: rows, columns: columns, open: open, &meter)
      subtract(found, from: &open)
      result.append(found)
    }
    return result
  }

  /// The cover less a few bicliques, what they leave open covered from single pairs.
  private func opened(
    _ cover: [CoreBiclique],
    _ sequence: inout FixedSequence,
    _ meter: inout StepMeter
  ) -> [CoreBiclique] {
    let kept = Array(cover.dropLast(min(cover.count, 2 + sequence.below(3))))
    var open = target
    for biclique in kept { subtract(biclique, from: &open) }
    return kept + CoverHeuristic(core, target: open).greedy(&meter)
  }

  /// The cover, those first that hold most pairs of no other biclique.
  private func sortedByOwnPairs(_ cover: [CoreBiclique]) -> [CoreBiclique] {
    var once = Array(repeating: BitSet(capacity: core.columnCount), count: core.rowCount)
    var twice = once
    for biclique in cover {
      biclique.rows.forEach { row in
        twice[row].formUnion(once[row].intersection(biclique.columns))
        once[row].formUnion(biclique.columns)
      }
    }
    let own = cover.map { biclique in
      var total = 0
      biclique.rows.forEach { row in
        var alone = target[row].intersection(biclique.columns)
        alone.subtract(twice[row])
        total += alone.count
      }
      return total
    }
    return cover.indices.sorted { (own[$1], $0) < (own[$0], $1) }.map { cover[$0] }
  }

  private func subtract(_ biclique: CoreBiclique, from open: inout [BitSet]) {
    biclique.rows.forEach { open[$0].subtract(biclique.columns) }
  }

  /// The open pair whose row and column span the least room; nil when none is open.
  private func leastRoom(_ open: [BitSet]) -> (row: Int, column: Int)? {
    var best: (row: Int, column: Int)?
    var least = Int.max
    for row in open.indices {
      // Columns are sorted by size, so the first one is the narrowest.
      guard let column = open[row].first else { continue }
      let room = core.rowDegrees[row] * core.columnDegrees[column]
      if room < least {
        least = room
        best = (row, column)
      }
    }
    return best
  }

  private func plain(_ open: [BitSet]) -> [CoreBiclique] {
    let rows = open.indices.filter { !open[$0].isEmpty }
    var columns = BitSet(capacity: core.columnCount)
    for row in rows { columns.formUnion(open[row]) }
    let columnList = columns.members
    guard columnList.count < rows.count else {
      return rows.map {
        CoreBiclique(rows: core.rows(havingAll: core.rowSets[$0]), columns: core.rowSets[$0])
      }
    }
    return columnList.map { core.maximal(rows: core.columnSets[$0]) }
  }
}

// MARK: - Growing

extension CoverHeuristic {
  /// A maximal biclique that holds the given rows and columns, which must be related to each other.
  private func grow(
    rows coreRows: BitSet,
    columns coreColumns: BitSet,
    open: [BitSet],
    _ meter: inout StepMeter
  ) -> CoreBiclique {
    let roomRows = core.rows(havingAll: coreColumns)
    let roomColumns = core.columns(ofAll: coreRows)
    meter.charge(
      words: (coreColumns.count + coreRows.count + 16)
        * (coreColumns.wordCount + coreRows.wordCount)
    )
    var peeling = Peeling(core, rows: roomRows, columns: roomColumns, open: open)
    let kept = peeling.run(&meter)
    guard !kept.isEmpty else { return core.maximal(rows: coreRows) }
    return core.maximal(rows: kept.union(coreRows))
  }
}

/// Rows and columns with gaps between them, taken off until none is left.
private struct Peeling {
  private let core: CoreRelation
  private let open: [BitSet]
  private var rows: BitSet
  private var columns: BitSet
  private var rowGaps: [Int]
  private var rowGains: [Int]
  private var columnGaps: [Int]
  private var columnGains: [Int]

  /// Takes those rows and columns of the room that hold an open pair in it.
  init(_ core: CoreRelation, rows room: BitSet, columns roomColumns: BitSet, open: [BitSet]) {
    self.core = core
    self.open = open
    var rows = BitSet(capacity: core.rowCount)
    var columns = BitSet(capacity: core.columnCount)
    room.forEach { row in
      let gain = open[row].intersection(roomColumns)
      guard !gain.isEmpty else { return }
      rows.insert(row)
      columns.formUnion(gain)
    }
    var rowGaps = Array(repeating: 0, count: core.rowCount)
    var rowGains = rowGaps
    var columnGaps = Array(repeating: 0, count: core.columnCount)
    var columnGains = columnGaps
    rows.forEach { row in
      columns.forEach(notIn: core.rowSets[row]) {
        columnGaps[$0] += 1
        rowGaps[row] += 1
      }
      columns.forEach(in: open[row]) {
        columnGains[$0] += 1
        rowGains[row] += 1
      }
    }
    self.rows = rows
    self.columns = columns
    self.rowGaps = rowGaps
    self.rowGains = rowGains
    self.columnGaps = columnGaps
    self.columnGains = columnGains
  }

  /// The rows that are left once no gap is.
  mutating func run(_ meter: inout StepMeter) -> BitSet {
    var rowList = rows.members
    var columnList = columns.members
    meter.charge(
      words: core.rowCount * 8 + rowList.count * (columns.wordCount * 8 + columnList.count * 2)
    )
    while true {
      let row = worst(rowList, gaps: rowGaps, gains: rowGains)
      let column = worst(columnList, gaps: columnGaps, gains: columnGains)
      meter.charge(words: (rowList.count + columnList.count) * 2)
      guard let row, let column else { return rows }
      // Gaps for gain of the one against those of the other.
      if rowGaps[row] * max(1, columnGains[column]) >= columnGaps[column] * max(1, rowGains[row]) {
        for row in poorest(rowList, worst: row, gaps: rowGaps, gains: rowGains) { take(row: row) }
        rowList.removeAll { !rows.contains($0) }
      } else {
        let taken = poorest(columnList, worst: column, gaps: columnGaps, gains: columnGains)
        for column in taken { take(column: column) }
        columnList.removeAll { !columns.contains($0) }
      }
    }
  }

  /// The item with the most gaps for its gain; nil when none has a gap.
  private func worst(_ items: [Int], gaps: [Int], gains: [Int]) -> Int? {
    var result: Int?
    var worstGaps = 0
    var worstGain = 1
    for item in items where gaps[item] > 0 {
      if gaps[item] * worstGain > worstGaps * max(1, gains[item]) {
        result = item
        worstGaps = gaps[item]
        worstGain = max(1, gains[item])
      }
    }
    return result
  }

  /// The worst item and, of a long list, up to a sixteenth that are nearly as bad: with many items
  /// one look at all of them for each taken would cost too much.
  private func poorest(_ items: [Int], worst: Int, gaps: [Int], gains: [Int]) -> [Int] {
    let share = items.count / 16
    guard share > 1 else { return [worst] }
    let worstGain = max(1, gains[worst])
    var near = items.filter {
      gaps[$0] * worstGain * 4 >= gaps[worst] * max(1, gains[$0]) * 3
    }
    guard near.count > share else { return near }
    near.sort {
      let left = gaps[$0] * max(1, gains[$1])
      let right = gaps[$1] * max(1, gains[$0])
      return left == right ? $0 < $1 : left > right
    }
    return Array(near.prefix(share))
  }

  private mutating func take(row: Int) {
    rows.remove(row)
    columns.forEach(notIn: core.rowSets[row]) { columnGaps[$0] -= 1 }
    columns.forEach(in: open[row]) { columnGains[$0] -= 1 }
  }

  private mutating func take(column: Int) {
    columns.remove(column)
    rows.forEach(notIn: core.columnSets[column]) { rowGaps[$0] -= 1 }
    rows.forEach(in: core.columnSets[column]) { row in
      if open[row].contains(column) { rowGains[row] -= 1 }
    }
  }
}
