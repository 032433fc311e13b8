import Foundation
import PolicySynthesis

/// Measures the rule minimiser on relations made of planted rectangles: bicliques found against
/// rectangles planted, the proved lower bound, steps and time.
///
/// Usage: CoverBenchmark [BUDGET] [SEEDS] [SIZE...]
let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let budget = arguments.first ?? 200_000
let seeds = arguments.count > 1 ? arguments[1] : 3
let sizes = arguments.count > 2 ? Array(arguments[2...]) : [100, 500, 2_000]

/// A fixed sequence, so that every run measures the same relations.
struct MixedNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// The union of `count` rectangles that take each row and each column with the share in percent.
func planted(_ size: Int, count: Int, percent: Int, _ sequence: inout MixedNumbers)
  -> BooleanRelation
{
  var pairs: [(Int, Int)] = []
  var seen = [Bool](repeating: false, count: size * size)
  for _ in 0..<count {
    let rows = (0..<size).filter { _ in Int.random(in: 0..<100, using: &sequence) < percent }
    let columns = (0..<size).filter { _ in Int.random(in: 0..<100, using: &sequence) < percent }
    for row in rows {
      for column in columns where !seen[row * size + column] {
        seen[row * size + column] = true
        pairs.append((row, column))
      }
    }
  }
  return BooleanRelation(rows: size, columns: size, pairs: pairs)
}

print("size planted side% density%  found bound worst-excess missed/seeds  seconds steps")
for size in sizes {
  for count in [5, 10, 20, 40, 60] {
    for percent in [2, 5, 10, 20, 30, 50, 70, 90, 98] {
      var missed = 0
      var worst = 0
      var found = 0
      var bound = 0
      var seconds = 0.0
      var steps = 0
      var density = 0.0
      for seed in 1...max(1, seeds) {
        var sequence = MixedNumbers(seed * 1_000_003 + size * 101 + count * 7 + percent)
        let relation = planted(size, count: count, percent: percent, &sequence)
        density += Double(relation.pairCount) / Double(size * size) * 100
        let started = ContinuousClock.now
        let result = BicliqueCover.minimum(relation, budget: budget)
        let time = (ContinuousClock.now - started).components
        seconds = max(seconds, Double(time.seconds) + Double(time.attoseconds) / 1e18)
        steps = max(steps, result.steps)
        found += result.bicliques.count
        bound += result.lowerBound
        missed += result.bicliques.count > count ? 1 : 0
        worst = max(worst, result.bicliques.count - count)
      }
      let mean = { (total: Int) in (Double(total) / Double(max(1, seeds)) * 10).rounded() / 10 }
      print(
        size,
        count,
        percent,
        Int(density / Double(max(1, seeds))),
        " ",
        mean(found),
        mean(bound),
        worst,
        "\(missed)/\(seeds)",
        " ",
        (seconds * 1_000).rounded() / 1_000,
        steps
      )
    }
  }
}
