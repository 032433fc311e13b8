/// Looks for many pairs no two of which fit in one biclique: a lower bound on any cover.
struct IndependentPairs {
  /// How many are found among `open`, taking those with the least room first and then, while the
  /// meter lasts, in varied order.
  static func count(
    _ core: CoreRelation,
    open: [BitSet],
    downTo sufficient: Int,
    _ meter: inout StepMeter
  ) -> Int {
    var sequence = FixedSequence()
    var best = pass(core, open: open, &meter) { row, column in
      core.rowDegrees[row] * core.columnDegrees[column]
    }
    var idle = 0
    while best < sufficient, !meter.isExhausted, idle < 24 {
      let rowNoise = core.rowDegrees.map { $0 * (8 + sequence.below(5)) }
      let found = pass(core, open: open, &meter) { rowNoise[$0] * core.columnDegrees[$1] }
      idle = found > best ? 0 : idle + 1
      best = max(best, found)
    }
    return best
  }

  /// One pass; of each row the narrowest open column is looked at.
  private static func pass(
    _ core: CoreRelation,
    open: [BitSet],
    _ meter: inout StepMeter,
    room: (Int, Int) -> Int
  ) -> Int {
    var left = open
    var rows = left.indices.filter { !left[$0].isEmpty }
    var count = 0
    while !rows.isEmpty {
      var best = (row: 0, column: 0)
      var least = Int.max
      for row in rows {
        guard let column = left[row].first else { continue }
        let size = room(row, column)
        if size < least {
          least = size
          best = (row, column)
        }
      }
      core.columnSets[best.column].forEach { left[$0].subtract(core.rowSets[best.row]) }
      count += 1
      meter.charge(
        words: rows.count * 2 + core.columnDegrees[best.column] * core.rowSets[best.row].wordCount
      )
      rows.removeAll { left[$0].isEmpty }
    }
    return count
  }

  /// How many are found in a part of a graph, starting from the fewest neighbours and then
  /// swapping some in for others while the meter lasts.
  static func count(
    _ graph: PairGraph,
    in part: BitSet,
    downTo sufficient: Int,
    _ meter: inout StepMeter
  ) -> Int {
    var sequence = FixedSequence()
    let vertices = part.members
    let degree = vertices.map { graph.neighbours[$0].intersectionCount(part) }
    var order = vertices.indices.sorted { (degree[$0], $0) < (degree[$1], $1) }
      .map { vertices[$0] }
    meter.charge(words: vertices.count * part.wordCount)
    var current = filled(graph, BitSet(capacity: graph.pairs.count), part, order, &meter)
    var best = current.count
    var idle = 0
    while best < sufficient, !meter.isExhausted, idle < 40 + vertices.count * 2 {
      let entering = vertices[sequence.below(vertices.count)]
      guard !current.contains(entering) else {
        idle += 1
        continue
      }
      var next = current.subtracting(graph.neighbours[entering])
      next.insert(entering)
      sequence.shuffle(&order)
      next = filled(graph, next, part, order, &meter)
      let size = next.count
      idle = size > best ? 0 : idle + 1
      // A step back is taken now and then, or the search stays where it is.
      if size >= current.count || sequence.below(16) == 0 { current = next }
      best = max(best, size)
    }
    return best
  }

  private static func filled(
    _ graph: PairGraph,
    _ start: BitSet,
    _ part: BitSet,
    _ order: [Int],
    _ meter: inout StepMeter
  ) -> BitSet {
    var result = start
    var free = part
    start.forEach { free.subtract(graph.neighbours[$0]) }
    meter.charge(words: order.count / 8 + (start.count + 2) * part.wordCount)
    guard !free.isEmpty else { return result }
    for vertex in order where free.contains(vertex) {
      result.insert(vertex)
      free.subtract(graph.neighbours[vertex])
    }
    return result
  }
}
