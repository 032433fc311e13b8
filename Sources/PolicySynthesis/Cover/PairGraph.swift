/// The pairs still to cover as a graph: two are joined when one biclique can hold both.
///
/// Pairs that are joined two by two fit in one biclique all together, so a cover by bicliques is a
/// partition into cliques, and pairs of which no two are joined need a biclique each.
struct PairGraph: Sendable {
  /// The pairs, by vertex.
  let pairs: [(row: Int, column: Int)]
  /// The vertices joined to each, itself among them.
  let neighbours: [BitSet]
  /// The vertices still to cover.
  private(set) var alive: BitSet
  /// Vertices that every clique around `keeper` can take in, in the order of removal.
  private var implied: [(vertex: Int, keeper: Int)] = []

  /// Makes the graph of some pairs of a relation.
  init(_ core: CoreRelation, open: [BitSet]) {
    var pairs: [(row: Int, column: Int)] = []
    var start: [Int] = []
    for (row, set) in open.enumerated() {
      start.append(pairs.count)
      set.forEach { pairs.append((row, $0)) }
    }
    // The vertices of a row follow one another in the order of columns.
    let count = pairs.count
    self.pairs = pairs
    alive = BitSet(full: count)
    neighbours = pairs.map { pair in
      var joined = BitSet(capacity: count)
      core.columnSets[pair.column].forEach { row in
        var vertex = start[row]
        open[row].forEach { column in
          if core.rowSets[pair.row].contains(column) { joined.insert(vertex) }
          vertex += 1
        }
      }
      return joined
    }
  }

  /// Takes out vertices that are covered whenever another one is, until nothing moves or the
  /// meter runs out.
  mutating func reduce(_ meter: inout StepMeter) {
    var pending = alive
    while let vertex = pending.first, !meter.isExhausted {
      pending.remove(vertex)
      guard alive.contains(vertex) else { continue }
      var around = neighbours[vertex].intersection(alive)
      for other in around.members where other != vertex {
        meter.charge(words: 4)
        guard around.isSubset(of: neighbours[other]) else { continue }
        alive.remove(other)
        around.remove(other)
        implied.append((other, vertex))
        pending.formUnion(neighbours[other].intersection(alive))
      }
      meter.charge(words: around.wordCount)
    }
  }

  /// The connected parts of what is still to cover, by ascending first vertex.
  func components() -> [BitSet] {
    var left = alive
    var result: [BitSet] = []
    while let start = left.first {
      var part = BitSet(capacity: pairs.count)
      var frontier = [start]
      part.insert(start)
      while let vertex = frontier.popLast() {
        let reached = neighbours[vertex].intersection(left).subtracting(part)
        part.formUnion(reached)
        frontier.append(contentsOf: reached.members)
      }
      left.subtract(part)
      result.append(part)
    }
    return result
  }

  /// Bicliques for a partition of the remaining vertices into cliques, the implied pairs put back.
  func bicliques(for cliques: [BitSet], in core: CoreRelation) -> [CoreBiclique] {
    var classOf = Array(repeating: -1, count: pairs.count)
    for (index, clique) in cliques.enumerated() {
      clique.forEach { if classOf[$0] < 0 { classOf[$0] = index } }
    }
    for removal in implied.reversed() { classOf[removal.vertex] = classOf[removal.keeper] }
    var rows = Array(repeating: BitSet(capacity: core.rowCount), count: cliques.count)
    for (vertex, index) in classOf.enumerated() where index >= 0 {
      rows[index].insert(pairs[vertex].row)
    }
    return rows.filter { !$0.isEmpty }.map { core.maximal(rows: $0) }
  }

  /// The remaining vertices of `part` that a biclique holds.
  func vertices(of biclique: CoreBiclique, in part: BitSet) -> BitSet {
    var result = BitSet(capacity: pairs.count)
    part.forEach { vertex in
      if biclique.rows.contains(pairs[vertex].row),
        biclique.columns.contains(pairs[vertex].column)
      {
        result.insert(vertex)
      }
    }
    return result
  }
}
