/// A cover of a relation by bicliques, with what is known about the smallest one.
package struct CoverResult: Hashable, Sendable {
  /// The bicliques, sorted; together they hold exactly the pairs of the relation.
  package var bicliques: [Biclique]
  /// No cover has fewer bicliques than this.
  package var lowerBound: Int
  /// Search steps taken, at most a little over the budget; a step is 1,024 machine words looked at.
  package var steps: Int

  /// Whether no cover has fewer bicliques.
  package var isMinimal: Bool { lowerBound >= bicliques.count }

  /// Makes a result.
  package init(bicliques: [Biclique], lowerBound: Int, steps: Int) {
    self.bicliques = bicliques
    self.lowerBound = lowerBound
    self.steps = steps
  }
}

/// Covers a relation by the fewest bicliques: the fewest rules that allow exactly what is accepted.
///
/// Equal rows and columns are collapsed, pairs that come along with others are left out, forced
/// bicliques are taken, and each connected remainder is solved by branch and bound within a budget.
/// The lower bound is the size of a set of pairs no two of which fit in one biclique, or what the
/// search has proved beyond it.
///
/// - SeeAlso: Ene et al., "Fast exact and heuristic methods for role minimization problems" (2008);
///   Belohlavek and Trnecka, "From-below approximations in Boolean matrix factorization" (2015).
package enum BicliqueCover {
  /// The most open pairs of one part that are searched exactly.
  private static let exactPairLimit = 4_096
  /// The most maximal bicliques of one part that are searched exactly.
  private static let conceptLimit = 20_000

  /// The smallest cover that the budget finds; among equally many bicliques few rows and columns.
  ///
  /// - Parameters:
  ///   - relation: Up to some 2,000 rows and columns.
  ///   - budget: Search steps over the whole relation, 1,024 machine words each; without any the
  ///     result is still a cover with a valid lower bound.
  /// - Returns: The same for the same pairs, in whatever order they were given.
  package static func minimum(_ relation: BooleanRelation, budget: Int) -> CoverResult {
    var (bicliques, rest) = isolated(relation)
    guard let rest else {
      return CoverResult(bicliques: bicliques.sorted(), lowerBound: bicliques.count, steps: 0)
    }
    let isolatedCount = bicliques.count
    var meter = StepMeter(limit: budget)
    var parts = CoreRelation.components(of: rest).map { OpenPart($0) }
    // The small ones first: what they leave of the budget goes to the others.
    let order = parts.indices.sorted { (parts[$0].openCount, $0) < (parts[$1].openCount, $1) }
    for (position, index) in order.enumerated() {
      var share = meter.portion(1, of: order.count - position)
      parts[index].solve(&share)
      meter.absorb(share)
    }
    for part in parts {
      bicliques.append(contentsOf: CoverTrimming(part.core).trimmed(part.cover))
    }
    return CoverResult(
      bicliques: bicliques.sorted(),
      lowerBound: parts.reduce(isolatedCount) { $0 + $1.lowerBound },
      steps: meter.steps
    )
  }

  /// The bicliques of rows that share columns with none but equal rows, and the other rows; nil when
  /// there are none.
  ///
  /// Most relations of policies are made of nothing else: each server listens on one port.
  private static func isolated(
    _ relation: BooleanRelation
  ) -> (bicliques: [Biclique], rest: BooleanRelation?) {
    let groups = CoreRelation.joined(relation.rowSets)
    var once = BitSet(capacity: relation.columnCount)
    var twice = once
    for group in groups {
      twice.formUnion(once, in: group.set)
      once.formUnion(group.set)
    }
    var bicliques: [Biclique] = []
    var others: [Int] = []
    for group in groups {
      if group.set.intersects(twice) {
        others += group.members
      } else {
        bicliques.append(Biclique(rows: group.members, columns: group.set.members))
      }
    }
    return (bicliques, others.isEmpty ? nil : relation.keeping(rows: others))
  }

  /// One connected part of a relation on its way to a cover.
  private struct OpenPart {
    let core: CoreRelation
    private(set) var cover: [CoreBiclique]
    private(set) var lowerBound: Int
    private var open: [BitSet]
    private(set) var openCount: Int

    init(_ core: CoreRelation) {
      let essential = EssentialPairs(core)
      self.core = core
      open = essential.open
      openCount = essential.openCount
      cover = essential.forced
      lowerBound = essential.forced.count
    }

    mutating func solve(_ meter: inout StepMeter) {
      guard openCount > 0 else { return }
      guard openCount <= BicliqueCover.exactPairLimit else {
        let found = Self.approach(core, open, share: 1, &meter)
        cover.append(contentsOf: found.cover)
        lowerBound += found.bound
        return
      }
      var graph = PairGraph(core, open: open)
      graph.reduce(&meter)
      var target = Array(repeating: BitSet(capacity: core.columnCount), count: core.rowCount)
      graph.alive.forEach { target[graph.pairs[$0].row].insert(graph.pairs[$0].column) }
      let found = Self.approach(core, target, share: 3, &meter)
      var cliques: [BitSet] = []
      let components = graph.components()
      let order = components.indices.sorted {
        (components[$0].count, $0) < (components[$1].count, $1)
      }
      for (position, index) in order.enumerated() {
        var share = meter.portion(1, of: order.count - position)
        let solved = Self.search(core, graph, components[index], found, &share)
        meter.absorb(share)
        cliques.append(contentsOf: solved.cliques)
        lowerBound += solved.bound
      }
      cover.append(contentsOf: graph.bicliques(for: cliques, in: core))
    }

    /// What is known about some pairs before the exact search.
    private struct Approach {
      var cover: [CoreBiclique]
      var bound: Int
      /// The bicliques met on the way, those of the cover among them.
      var met: [CoreBiclique]
    }

    /// A good cover of `open` and a bound on it, with a part of the budget.
    private static func approach(
      _ core: CoreRelation,
      _ open: [BitSet],
      share: Int,
      _ meter: inout StepMeter
    ) -> Approach {
      var part = meter.portion(1, of: share)
      let heuristic = CoverHeuristic(core, target: open)
      var cover = heuristic.greedy(&part)
      var bounding = part.portion(1, of: 4)
      let bound = IndependentPairs.count(
        core,
        open: open,
        downTo: cover.count,
        &bounding
      )
      part.absorb(bounding)
      let met = heuristic.improve(&cover, downTo: bound, &part)
      meter.absorb(part)
      return Approach(cover: cover, bound: bound, met: met)
    }

    /// The smallest partition into cliques of one connected part of a graph.
    private static func search(
      _ core: CoreRelation,
      _ graph: PairGraph,
      _ part: BitSet,
      _ known: Approach,
      _ meter: inout StepMeter
    ) -> (cliques: [BitSet], bound: Int) {
      let initial = known.cover.map { graph.vertices(of: $0, in: part) }.filter { !$0.isEmpty }
      var bounding = meter.portion(1, of: 8)
      let bound = IndependentPairs.count(graph, in: part, downTo: initial.count, &bounding)
      meter.absorb(bounding)
      guard bound < initial.count, !meter.isExhausted else { return (initial, bound) }
      let vertices = part.members
      let narrow = { (set: BitSet) in
        BitSet(
          capacity: vertices.count,
          members: vertices.indices.filter { set.contains(vertices[$0]) }
        )
      }
      var enumerating = meter.portion(1, of: 2)
      let all = cliques(core, graph, part, &enumerating)
      meter.absorb(enumerating)
      // Even among the bicliques met so far there may be a better choice than any round made.
      var search = SetCoverSearch(
        elementCount: vertices.count,
        candidates: all ?? known.met.map { narrow(graph.vertices(of: $0, in: part)) },
        initial: initial.map(narrow),
        lowerBound: bound
      )
      search.run(&meter)
      let widened = search.best.map { set in
        BitSet(capacity: graph.pairs.count, members: set.members.map { vertices[$0] })
      }
      return (widened, all == nil ? bound : search.lowerBound)
    }

    /// The maximal cliques of a part and perhaps more, by position among its vertices.
    private static func cliques(
      _ core: CoreRelation,
      _ graph: PairGraph,
      _ part: BitSet,
      _ meter: inout StepMeter
    ) -> [BitSet]? {
      let vertices = part.members
      let rows = BitSet(capacity: core.rowCount, members: vertices.map { graph.pairs[$0].row })
        .members
      let columns = BitSet(
        capacity: core.columnCount,
        members: vertices.map { graph.pairs[$0].column }
      ).members
      let local = rows.map { row in
        BitSet(
          capacity: columns.count,
          members: columns.indices.filter { core.rowSets[row].contains(columns[$0]) }
        )
      }
      let inRow = rows.map { row in
        BitSet(
          capacity: vertices.count,
          members: vertices.indices.filter { graph.pairs[vertices[$0]].row == row }
        )
      }
      let inColumn = columns.map { column in
        BitSet(
          capacity: vertices.count,
          members: vertices.indices.filter { graph.pairs[vertices[$0]].column == column }
        )
      }
      let concepts = ConceptEnumeration(rowSets: local, columns: columns.count)
        .all(limit: BicliqueCover.conceptLimit, &meter)
      return concepts?.map { concept in
        var byRow = BitSet(capacity: vertices.count)
        concept.rows.forEach { byRow.formUnion(inRow[$0]) }
        var byColumn = BitSet(capacity: vertices.count)
        concept.columns.forEach { byColumn.formUnion(inColumn[$0]) }
        return byRow.intersection(byColumn)
      }
    }
  }
}
