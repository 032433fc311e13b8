/// Grows a biclique by taking in lines (rows, or columns) one at a time: always the one whose overlap
/// with what the lines so far have in common is the furthest beyond chance.
///
/// A sparse line that shares much says more than a dense one, which shares much with everything. In
/// relations where planted rectangles overlap nearly everywhere, the sparse lines of one of them
/// narrow the common part down to its other side within a few steps.
struct Gathering {
  /// Steps without a better biclique after which gathering ends.
  private static let patience = 12

  /// What each line is related to.
  let sets: [BitSet]
  /// The size of each set.
  let degrees: [Int]
  /// The size of the other side.
  let crossCount: Int

  /// The best biclique on the way, as lines and what all of these have in common.
  ///
  /// - Parameters:
  ///   - start: Lines to begin with, not empty.
  ///   - candidates: Lines that may be taken in, those of `start` among them.
  ///   - gain: How much a biclique is worth.
  func run(
    from start: BitSet,
    among candidates: BitSet,
    _ meter: inout StepMeter,
    gain: (_ lines: BitSet, _ common: BitSet) -> Int
  ) -> (lines: BitSet, common: BitSet, gain: Int) {
    var lines = start
    var common = BitSet(full: crossCount)
    start.forEach { common.formIntersection(sets[$0]) }
    var left = candidates.subtracting(start).members
    var best = (lines: lines, common: common, gain: -1)
    var idle = 0
    while true {
      let size = common.count
      var next: Int?
      var highest = -Double.infinity
      var kept: [Int] = []
      for line in left {
        let overlap = common.intersectionCount(sets[line])
        if overlap == size {
          lines.insert(line)
          continue
        }
        let share = Double(degrees[line]) / Double(crossCount)
        let expected = Double(size) * share
        let surplus = (Double(overlap) - expected) / (expected * (1 - share)).squareRoot()
        kept.append(line)
        if surplus > highest {
          highest = surplus
          next = line
        }
      }
      left = kept
      meter.charge(words: left.count * (common.wordCount + 2) + lines.count * common.wordCount)
      let found = gain(lines, common)
      if found > best.gain {
        best = (lines, common, found)
        idle = 0
      } else {
        idle += 1
      }
      guard let next, idle < Self.patience, !meter.isExhausted else { return best }
      lines.insert(next)
      left.removeAll { $0 == next }
      common.formIntersection(sets[next])
    }
  }
}
