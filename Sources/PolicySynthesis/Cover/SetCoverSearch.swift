/// Covers elements by as few of the given sets as possible, by branch and bound.
///
/// Every element has to be in some set. Elements that come along with others and sets within others
/// are put aside first; the bound at each node is the larger of a count of elements no two of which
/// share a set, and a fractional packing of elements.
struct SetCoverSearch {
  private let sets: [BitSet]
  private let setsOf: [[Int]]
  /// Elements that share a set with each, itself among them.
  private let together: [BitSet]
  /// Elements that are covered only along with others are left out.
  private var required: BitSet
  /// Required elements by ascending number of elements they share a set with.
  private var order: [Int] = []

  /// The smallest cover known, by whole sets where the search found it.
  private(set) var best: [BitSet]
  /// A lower bound on the number of sets.
  private(set) var lowerBound: Int
  private var chosen: [Int] = []
  private var seen: [BitSet: Int] = [:]

  /// Whether no smaller cover exists.
  var isMinimal: Bool { best.count <= lowerBound }

  /// Prepares a search.
  ///
  /// - Parameters:
  ///   - elementCount: Elements are numbered from 0.
  ///   - candidates: The sets, in any order; equal and included ones are dropped.
  ///   - initial: A known cover, each part of it within some set.
  ///   - lowerBound: A known lower bound.
  init(elementCount: Int, candidates: [BitSet], initial: [BitSet], lowerBound: Int) {
    let sets = Self.largest(candidates, elementCount: elementCount)
    var setsOf = Array(repeating: [Int](), count: elementCount)
    var together = Array(repeating: BitSet(capacity: elementCount), count: elementCount)
    for (index, set) in sets.enumerated() {
      set.forEach {
        setsOf[$0].append(index)
        together[$0].formUnion(set)
      }
    }
    self.sets = sets
    self.setsOf = setsOf
    self.together = together
    required = BitSet(full: elementCount)
    best = initial
    self.lowerBound = lowerBound
  }

  /// Searches until the best cover is known to be smallest, or the meter runs out.
  mutating func run(_ meter: inout StepMeter) {
    require(&meter)
    lowerBound = max(lowerBound, independentBound(required), fractionalBound(required, &meter))
    guard !isMinimal else { return }
    search(required, &meter)
    seen = [:]
    if !meter.isExhausted { lowerBound = best.count }
  }

  /// Leaves out the elements that lie in all sets of another one.
  private mutating func require(_ meter: inout StepMeter) {
    let holders = setsOf.map { BitSet(capacity: sets.count, members: $0) }
    for element in setsOf.indices where required.contains(element) && !meter.isExhausted {
      for other in together[element].intersection(required).members where other != element {
        if holders[element].isSubset(of: holders[other]) { required.remove(other) }
        meter.charge(words: 4)
      }
    }
    let degrees = together.map { $0.intersectionCount(required) }
    order = required.members.sorted { (degrees[$0], $0) < (degrees[$1], $1) }
  }

  private mutating func search(_ left: BitSet, _ meter: inout StepMeter) {
    guard !left.isEmpty else {
      // Only reached with fewer sets than the best cover so far: a longer one is cut off before.
      best = chosen.map { sets[$0] }
      return
    }
    meter.charge(words: 32 + left.wordCount * 4)
    guard !meter.isExhausted else { return }
    guard chosen.count + independentBound(left) < best.count else { return }
    if let depth = seen[left], depth <= chosen.count { return }
    if seen.count < 50_000 { seen[left] = chosen.count }
    guard chosen.count + fractionalBound(left, &meter) < best.count else { return }

    for option in options(left, &meter) {
      chosen.append(option)
      search(left.subtracting(sets[option]), &meter)
      chosen.removeLast()
      if meter.isExhausted || isMinimal { return }
      // The bound that let this node pass may not hold any more.
      if chosen.count + 1 >= best.count { return }
    }
  }

  /// What may cover the element with the fewest choices, largest first; none within another.
  private func options(_ left: BitSet, _ meter: inout StepMeter) -> [Int] {
    var fewest: [Int] = []
    var fewestCount = Int.max
    for element in order where left.contains(element) {
      guard fewestCount > 1 else { break }
      // More choices to begin with seldom end up as fewer.
      guard setsOf[element].count / 4 < fewestCount else { continue }
      var found: [(index: Int, set: BitSet, size: Int)] = []
      for index in setsOf[element] {
        let set = sets[index].intersection(left)
        found.append((index, set, set.count))
      }
      found.sort { ($1.size, $0.index) < ($0.size, $1.index) }
      var kept: [(index: Int, set: BitSet)] = []
      for candidate in found where kept.count < fewestCount {
        if !kept.contains(where: { candidate.set.isSubset(of: $0.set) }) {
          kept.append((candidate.index, candidate.set))
        }
      }
      meter.charge(words: (found.count + kept.count * found.count / 2) * left.wordCount)
      if kept.count < fewestCount {
        fewest = kept.map(\.index)
        fewestCount = kept.count
      }
      if meter.isExhausted { break }
    }
    return fewest
  }
}

// MARK: - Bounds

extension SetCoverSearch {
  /// A number of elements no two of which share a set.
  private func independentBound(_ left: BitSet) -> Int {
    var free = left
    var count = 0
    for element in order where free.contains(element) {
      free.subtract(together[element])
      count += 1
    }
    return count
  }

  /// Weights on elements that add up to at most one in every set; their sum, rounded up.
  private func fractionalBound(_ left: BitSet, _ meter: inout StepMeter) -> Int {
    // Divisible by the sizes of most sets, so that little is lost by whole numbers.
    let unit = 55_440
    var slack = Array(repeating: unit, count: sets.count)
    var weight = Array(repeating: unit, count: setsOf.count)
    var looked = 0
    for (index, set) in sets.enumerated() {
      let size = set.intersectionCount(left)
      guard size > 0 else { continue }
      let share = unit / size
      set.intersection(left).forEach { weight[$0] = min(weight[$0], share) }
      looked += set.wordCount * 2 + size
      slack[index] = unit
    }
    left.forEach { element in
      for index in setsOf[element] { slack[index] -= weight[element] }
      looked += setsOf[element].count
    }
    var total = 0
    for element in order where left.contains(element) {
      var room = unit
      for index in setsOf[element] { room = min(room, slack[index]) }
      if room > 0 {
        for index in setsOf[element] { slack[index] -= room }
        weight[element] += room
      }
      looked += setsOf[element].count * 2
      total += weight[element]
    }
    meter.charge(words: looked)
    return (total + unit - 1) / unit
  }
}

// MARK: - Preparation

extension SetCoverSearch {
  /// The sets that are in no other, largest first, equal ones once.
  private static func largest(_ candidates: [BitSet], elementCount: Int) -> [BitSet] {
    var holders = Array(repeating: [Int](), count: elementCount)
    var kept: [BitSet] = []
    let bySize = candidates.enumerated().map { ($0.offset, $0.element.count) }
      .sorted { ($1.1, $0.0) < ($0.1, $1.0) }
    for (index, size) in bySize where size > 0 {
      let set = candidates[index]
      var rarest: Int?
      set.forEach {
        if holders[$0].count < rarest.map({ holders[$0].count }) ?? .max { rarest = $0 }
      }
      guard let rarest, !holders[rarest].contains(where: { set.isSubset(of: kept[$0]) }) else {
        continue
      }
      set.forEach { holders[$0].append(kept.count) }
      kept.append(set)
    }
    return kept
  }
}
