/// Whether some rows and some columns can be said in one rule, by their ascending numbers.
package typealias ExpressibleSides = (_ rows: [Int], _ columns: [Int]) -> Bool

extension BicliqueCover {
  /// The smallest cover, as far as the budget finds it, by bicliques that one rule can say.
  ///
  /// Where the smallest free cover can be said it is the answer. Else bicliques that cannot be said
  /// are split, and the largest sayable ones are looked for from the maximal ones downwards; when
  /// they are all known the search over them is exact, else the bound of the free cover stands.
  ///
  /// - Parameters:
  ///   - relation: Up to some 2,000 rows and columns; the exact search takes parts of up to 4,096
  ///     pairs.
  ///   - budget: As in ``minimum(_:budget:)``; a question to `expressible` counts as a step.
  ///   - expressible: Must always answer alike. It is not asked about bicliques of one row, which
  ///     can always be said. It need not hold for parts of what it holds for.
  package static func minimum(
    _ relation: BooleanRelation,
    budget: Int,
    expressible: ExpressibleSides
  ) -> CoverResult {
    withoutActuallyEscaping(expressible) { expressible in
      let parts = CoreRelation.components(of: relation, collapsing: false)
        .sorted { ($0.pairCount, $0.firstRow) < ($1.pairCount, $1.firstRow) }
      var meter = StepMeter(limit: budget)
      var bicliques: [Biclique] = []
      var lowerBound = 0
      for (position, core) in parts.enumerated() {
        var search = ExpressiblePart(
          core: core,
          expressible: expressible,
          meter: meter.portion(1, of: parts.count - position)
        )
        let (cover, bound) = search.solve()
        meter.absorb(search.meter)
        bicliques.append(contentsOf: cover)
        lowerBound += bound
      }
      return CoverResult(
        bicliques: bicliques.sorted(),
        lowerBound: lowerBound,
        steps: meter.steps
      )
    }
  }
}

/// One connected part of a relation, covered by bicliques that one rule can say.
private struct ExpressiblePart {
  private static let pairLimit = 4_096
  private static let candidateLimit = 20_000

  let core: CoreRelation
  let expressible: ExpressibleSides
  var meter: StepMeter

  /// A cover, and a lower bound on any.
  mutating func solve() -> (cover: [Biclique], bound: Int) {
    let free = freeCover()
    var cover: [CoreBiclique] = []
    for biclique in free.bicliques { cover.append(contentsOf: split(biclique)) }
    var bound = free.lowerBound
    if cover.count > bound, core.pairCount <= Self.pairLimit, !meter.isExhausted {
      (cover, bound) = searched(cover, bound)
    }
    let trimming = CoverTrimming(core) { [self] in isExpressible($0) }
    return (trimming.trimmed(cover), bound)
  }

  /// The cover without the constraint, in numbers of this part, with a part of the budget.
  private mutating func freeCover() -> (bicliques: [CoreBiclique], lowerBound: Int) {
    let relation = BooleanRelation(
      rows: core.rowCount,
      columns: core.columnCount,
      pairs: core.rowSets.enumerated().flatMap { row, set in set.members.map { (row, $0) } }
    )
    let share = meter.portion(1, of: 3)
    let result = BicliqueCover.minimum(relation, budget: share.limit)
    meter.charge(words: result.steps << 10)
    let bicliques = result.bicliques.map {
      CoreBiclique(
        rows: BitSet(capacity: core.rowCount, members: $0.rows),
        columns: BitSet(capacity: core.columnCount, members: $0.columns)
      )
    }
    return (bicliques, result.lowerBound)
  }

  private func isExpressible(_ biclique: CoreBiclique) -> Bool {
    if biclique.rows.count == 1 { return true }
    let expanded = core.expanded(biclique)
    return expressible(expanded.rows, expanded.columns)
  }

  private mutating func ask(_ biclique: CoreBiclique) -> Bool {
    meter.charge(words: 1_024)
    return isExpressible(biclique)
  }
}

// MARK: - Splitting

extension ExpressiblePart {
  /// Bicliques that can be said and together hold at least the pairs of one that perhaps cannot.
  private mutating func split(_ biclique: CoreBiclique) -> [CoreBiclique] {
    let rows = core.rows(havingAll: biclique.columns)
    let columns = core.columns(ofAll: biclique.rows)
    let forms = [
      biclique,
      CoreBiclique(rows: rows, columns: core.columns(ofAll: rows)),
      CoreBiclique(rows: core.rows(havingAll: columns), columns: columns),
      CoreBiclique(rows: rows, columns: biclique.columns),
      CoreBiclique(rows: biclique.rows, columns: columns),
    ]
    for form in forms where ask(form) { return [form] }
    var byRows: [CoreBiclique] = []
    var left = biclique.rows
    while !left.isEmpty {
      let group = rowGroup(left, columns: biclique.columns)
      byRows.append(CoreBiclique(rows: group, columns: biclique.columns))
      left.subtract(group)
    }
    return splitByColumns(biclique, fewerThan: byRows.count) ?? byRows
  }

  /// Some of the rows that can be said together with these columns: as many as are quickly found.
  private mutating func rowGroup(_ rows: BitSet, columns: BitSet) -> BitSet {
    if ask(CoreBiclique(rows: rows, columns: columns)) { return rows }
    // Rows that can only be said together do not come up one by one, so that is tried first from
    // above.
    let members = rows.members
    for row in members where members.count > 2 {
      guard !meter.isExhausted else { break }
      var smaller = rows
      smaller.remove(row)
      if ask(CoreBiclique(rows: smaller, columns: columns)) { return smaller }
    }
    var group = BitSet(capacity: core.rowCount)
    for row in members {
      guard !group.isEmpty else {
        group.insert(row)
        continue
      }
      guard !meter.isExhausted else { break }
      var larger = group
      larger.insert(row)
      if ask(CoreBiclique(rows: larger, columns: columns)) { group = larger }
    }
    return group
  }

  private mutating func splitByColumns(
    _ biclique: CoreBiclique,
    fewerThan limit: Int
  ) -> [CoreBiclique]? {
    var result: [CoreBiclique] = []
    var left = biclique.columns
    while let first = left.first {
      var group = CoreBiclique(
        rows: biclique.rows,
        columns: BitSet(capacity: core.columnCount, members: [first])
      )
      guard result.count + 1 < limit, !meter.isExhausted, ask(group) else { return nil }
      for column in left.members.dropFirst() where !meter.isExhausted {
        var larger = group
        larger.columns.insert(column)
        if ask(larger) { group = larger }
      }
      result.append(group)
      left.subtract(group.columns)
    }
    return result
  }
}

// MARK: - Search

extension ExpressiblePart {
  /// The best cover by the largest bicliques that can be said, exact when all of them were found.
  private mutating func searched(
    _ known: [CoreBiclique],
    _ bound: Int
  ) -> (cover: [CoreBiclique], bound: Int) {
    var (candidates, complete) = largestExpressible()
    candidates.append(contentsOf: known)
    for row in 0..<core.rowCount {
      candidates.append(
        CoreBiclique(
          rows: BitSet(capacity: core.rowCount, members: [row]),
          columns: core.rowSets[row]
        )
      )
    }
    var bicliqueOf: [BitSet: CoreBiclique] = [:]
    var sets: [BitSet] = []
    for candidate in candidates {
      let set = pairs(of: candidate)
      if bicliqueOf.updateValue(candidate, forKey: set) == nil { sets.append(set) }
    }
    var search = SetCoverSearch(
      elementCount: core.pairCount,
      candidates: sets,
      initial: known.map { pairs(of: $0) },
      lowerBound: bound
    )
    search.run(&meter)
    let cover = search.best.compactMap { bicliqueOf[$0] }
    return (cover, complete ? search.lowerBound : bound)
  }

  /// The bicliques that can be said and are in no larger such one, and whether these are all.
  ///
  /// Every one of them is in a maximal biclique and is reached from it by taking off rows and
  /// columns; what lies below one that can be said is not looked at.
  private mutating func largestExpressible() -> (found: [CoreBiclique], complete: Bool) {
    let concepts = ConceptEnumeration(rowSets: core.rowSets, columns: core.columnCount)
      .all(limit: Self.candidateLimit, &meter)
    guard let concepts else { return ([], false) }
    var seen = Set(concepts)
    var queue = concepts
    var found: [CoreBiclique] = []
    var next = 0
    while next < queue.count {
      guard !meter.isExhausted, queue.count <= Self.candidateLimit * 4 else {
        return (found, false)
      }
      let biclique = queue[next]
      next += 1
      guard !ask(biclique) else {
        found.append(biclique)
        continue
      }
      var children: [CoreBiclique] = []
      biclique.rows.forEach { row in
        var child = biclique
        child.rows.remove(row)
        children.append(child)
      }
      biclique.columns.forEach { column in
        var child = biclique
        child.columns.remove(column)
        if !child.columns.isEmpty { children.append(child) }
      }
      for child in children where seen.insert(child).inserted { queue.append(child) }
    }
    return (found, true)
  }

  private func pairs(of biclique: CoreBiclique) -> BitSet {
    var result = BitSet(capacity: core.pairCount)
    var start = 0
    for (row, set) in core.rowSets.enumerated() {
      if biclique.rows.contains(row) {
        for (offset, column) in set.members.enumerated()
        where biclique.columns.contains(column) {
          result.insert(start + offset)
        }
      }
      start += core.rowDegrees[row]
    }
    return result
  }
}
