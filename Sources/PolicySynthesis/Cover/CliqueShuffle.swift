/// Makes a partition into cliques smaller by one clique at a time: the vertices of one are put where
/// they fit worst the least, then single vertices are moved until every part is a clique again.
///
/// A vertex may not go back to a part it left for some moves (tabu search for graph colouring), so
/// that the search leaves the places where no single move helps.
///
/// - SeeAlso: Hertz and de Werra, "Using tabu search techniques for graph coloring" (1987).
struct CliqueShuffle {
  /// Vertices times cliques up to which the counts are kept.
  private static let tableLimit = 2_000_000

  /// For each vertex those that it is not joined to.
  private let apart: [[Int32]]
  private var sequence = FixedSequence()

  /// Prepares the shuffling of some vertices of a graph, by their position in `vertices`.
  init(_ graph: PairGraph, vertices: [Int], in part: BitSet) {
    var position = [Int32](repeating: 0, count: graph.pairs.count)
    for (index, vertex) in vertices.enumerated() { position[vertex] = Int32(index) }
    apart = vertices.map { vertex in
      var result: [Int32] = []
      part.forEach(notIn: graph.neighbours[vertex]) { result.append(position[$0]) }
      return result
    }
  }

  /// The partition with as few cliques as the meter allows, at least `bound`.
  ///
  /// - Parameter classes: The clique of each vertex, numbered from 0 without gaps.
  mutating func reduced(_ classes: [Int], downTo bound: Int, _ meter: inout StepMeter) -> [Int] {
    var best = classes
    var count = (classes.max() ?? -1) + 1
    while count > max(1, bound), !meter.isExhausted, apart.count * count <= Self.tableLimit {
      guard let fewer = withoutOne(best, count, &meter) else { break }
      best = fewer
      count -= 1
    }
    return best
  }

  /// A partition with one clique less; nil when the meter runs out first.
  private mutating func withoutOne(
    _ classes: [Int],
    _ count: Int,
    _ meter: inout StepMeter
  ) -> [Int]? {
    var sizes = [Int](repeating: 0, count: count)
    for clique in classes { sizes[clique] += 1 }
    let smallest = sizes.indices.min { (sizes[$0], $0) < (sizes[$1], $1) } ?? 0
    let left = count - 1
    // The last number takes the place of the dissolved one.
    var current = classes.map { $0 == smallest ? -1 : $0 == left ? smallest : $0 }
    var clashes = [Int32](repeating: 0, count: apart.count * left)
    for (vertex, clique) in current.enumerated() where clique >= 0 {
      for other in apart[vertex] { clashes[Int(other) * left + clique] += 1 }
    }
    for vertex in current.indices where current[vertex] < 0 {
      let row = clashes[vertex * left..<(vertex + 1) * left]
      let clique =
        row.indices.min { (row[$0], $0) < (row[$1], $1) }.map { $0 - row.startIndex } ?? 0
      current[vertex] = clique
      for other in apart[vertex] { clashes[Int(other) * left + clique] += 1 }
    }
    meter.charge(words: clashes.count + apart.reduce(0) { $0 + $1.count })

    var total = current.indices.reduce(0) { $0 + Int(clashes[$1 * left + current[$1]]) } / 2
    var least = total
    var blockedUntil = [Int32](repeating: 0, count: clashes.count)
    var move: Int32 = 0
    while total > 0 {
      guard !meter.isExhausted, move < .max - 100_000 else { return nil }
      move += 1
      var chosen: (vertex: Int, clique: Int)?
      var lowest = Int32.max
      var ties = 0
      var clashing = 0
      for vertex in current.indices {
        let own = clashes[vertex * left + current[vertex]]
        guard own > 0 else { continue }
        clashing += 1
        for clique in 0..<left where clique != current[vertex] {
          let change = clashes[vertex * left + clique] - own
          guard change <= lowest else { continue }
          if blockedUntil[vertex * left + clique] >= move, total + Int(change) >= least { continue }
          ties = change < lowest ? 1 : ties + 1
          lowest = change
          if ties == 1 || sequence.below(ties) == 0 { chosen = (vertex, clique) }
        }
      }
      meter.charge(words: current.count / 2 + clashing * left / 2)
      guard let chosen else { continue }
      let old = current[chosen.vertex]
      current[chosen.vertex] = chosen.clique
      for other in apart[chosen.vertex] {
        clashes[Int(other) * left + old] -= 1
        clashes[Int(other) * left + chosen.clique] += 1
      }
      meter.charge(words: apart[chosen.vertex].count)
      total += Int(lowest)
      least = min(least, total)
      blockedUntil[chosen.vertex * left + old] =
        move + Int32(sequence.below(10) + min(clashing, 50_000) * 3 / 5)
    }
    return current
  }
}
