/// Finds the fewest candidates that together exclude everything that is to be excluded.
///
/// Candidates come best first; among equally small answers the one whose candidates come first wins.
struct RequirementSearch {
  /// The sets to choose from.
  let candidates: [BitSet]
  /// What they must exclude together.
  let universe: BitSet
  /// How many partial choices may be looked at before a good answer has to do.
  private static let budget = 100_000
  private var steps = 0
  private var suffixes: [BitSet] = []

  /// Prepares a search; exclusions outside the universe are ignored.
  init(candidates: [BitSet], universe: BitSet) {
    self.candidates = candidates.map { $0.intersection(universe) }
    self.universe = universe
  }

  /// Positions of the chosen candidates, ascending; nil when all together are not enough.
  mutating func run() -> [Int]? {
    if universe.isEmpty { return [] }
    let useful = undominated()
    suffixes = Array(repeating: BitSet(capacity: universe.wordCount * 64), count: useful.count + 1)
    for position in useful.indices.reversed() {
      suffixes[position] = suffixes[position + 1].union(candidates[useful[position]])
    }
    guard universe.isSubset(of: suffixes[0]) else { return nil }
    for size in 1...max(1, useful.count) {
      if let found = choose(size, of: useful, from: 0, left: universe) { return found }
      if steps > RequirementSearch.budget { break }
    }
    return greedy(useful)
  }

  /// Candidates less those that exclude nothing more than an earlier one.
  private func undominated() -> [Int] {
    var kept: [Int] = []
    for position in candidates.indices where !candidates[position].isEmpty {
      let set = candidates[position]
      if !kept.contains(where: { set.isSubset(of: candidates[$0]) }) { kept.append(position) }
    }
    return kept
  }

  private mutating func choose(
    _ size: Int,
    of useful: [Int],
    from start: Int,
    left: BitSet
  ) -> [Int]? {
    steps += 1
    guard steps <= RequirementSearch.budget else { return nil }
    for position in start..<useful.count {
      guard left.isSubset(of: suffixes[position]) else { return nil }
      let set = candidates[useful[position]]
      if size == 1 {
        if left.isSubset(of: set) { return [useful[position]] }
      } else if set.intersects(left),
        let rest = choose(size - 1, of: useful, from: position + 1, left: left.subtracting(set))
      {
        return [useful[position]] + rest
      }
    }
    return nil
  }

  private func greedy(_ useful: [Int]) -> [Int] {
    var left = universe
    var chosen: [Int] = []
    while !left.isEmpty {
      var best: (position: Int, count: Int)?
      for position in useful {
        let count = candidates[position].intersectionCount(left)
        if count > best?.count ?? 0 { best = (position, count) }
      }
      guard let best else { break }
      chosen.append(best.position)
      left.subtract(candidates[best.position])
    }
    return chosen.sorted()
  }
}
