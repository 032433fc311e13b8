/// A set of unsigned integers kept as sorted, disjoint, non-adjacent closed ranges.
package struct IntervalSet<Bound>: Hashable, Sendable
where Bound: FixedWidthInteger & UnsignedInteger & Sendable {
  /// The ranges, ascending; no two touch.
  package private(set) var ranges: [ClosedRange<Bound>]

  /// Makes the empty set.
  package init() { ranges = [] }

  /// Makes a set of one range.
  package init(_ range: ClosedRange<Bound>) { ranges = [range] }

  /// Makes a set from ranges in any order that may overlap.
  package init(_ parts: [ClosedRange<Bound>]) {
    ranges = []
    for part in parts.sorted(by: { $0.lowerBound < $1.lowerBound }) { append(part) }
  }

  /// Adds a range that starts no earlier than the last one.
  private mutating func append(_ part: ClosedRange<Bound>) {
    guard let last = ranges.last else {
      ranges.append(part)
      return
    }
    if part.lowerBound <= last.upperBound || part.lowerBound - 1 == last.upperBound {
      ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, part.upperBound)
    } else {
      ranges.append(part)
    }
  }

  /// Whether nothing is in the set.
  package var isEmpty: Bool { ranges.isEmpty }

  /// The index of the first range that ends at or after a value.
  private func firstRange(endingAtOrAfter value: Bound) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Whether a value is in the set.
  package func contains(_ value: Bound) -> Bool {
    let index = firstRange(endingAtOrAfter: value)
    return index < ranges.count && ranges[index].lowerBound <= value
  }

  /// Whether a whole range is in the set.
  package func contains(_ range: ClosedRange<Bound>) -> Bool {
    let index = firstRange(endingAtOrAfter: range.lowerBound)
    return index < ranges.count && ranges[index].lowerBound <= range.lowerBound
      && ranges[index].upperBound >= range.upperBound
  }

  /// Whether any value of a range is in the set.
  package func overlaps(_ range: ClosedRange<Bound>) -> Bool {
    let index = firstRange(endingAtOrAfter: range.lowerBound)
    return index < ranges.count && ranges[index].lowerBound <= range.upperBound
  }

  /// The values in either set.
  package func union(_ other: IntervalSet) -> IntervalSet {
    if other.isEmpty { return self }
    if isEmpty { return other }
    return IntervalSet(ranges + other.ranges)
  }

  /// The values in both sets.
  package func intersection(_ other: IntervalSet) -> IntervalSet {
    var result = IntervalSet()
    var left = 0
    var right = 0
    while left < ranges.count, right < other.ranges.count {
      let one = ranges[left]
      let two = other.ranges[right]
      let low = max(one.lowerBound, two.lowerBound)
      let high = min(one.upperBound, two.upperBound)
      if low <= high { result.ranges.append(low...high) }
      if one.upperBound < two.upperBound { left += 1 } else { right += 1 }
    }
    return result
  }

  /// The values of this set that are not in the other.
  package func subtracting(_ other: IntervalSet) -> IntervalSet {
    if other.isEmpty { return self }
    var result = IntervalSet()
    var right = 0
    for range in ranges {
      var start = range.lowerBound
      var isUsedUp = false
      while right < other.ranges.count, other.ranges[right].upperBound < start { right += 1 }
      var hole = right
      while hole < other.ranges.count, other.ranges[hole].lowerBound <= range.upperBound {
        let cut = other.ranges[hole]
        if cut.lowerBound > start { result.ranges.append(start...(cut.lowerBound - 1)) }
        guard cut.upperBound < range.upperBound else {
          isUsedUp = true
          break
        }
        start = cut.upperBound + 1
        hole += 1
      }
      if !isUsedUp { result.ranges.append(start...range.upperBound) }
    }
    return result
  }

  /// Whether every value is also in the other set.
  package func isSubset(of other: IntervalSet) -> Bool { ranges.allSatisfy(other.contains) }
}
