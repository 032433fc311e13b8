/// Counts the work of a search against its budget.
///
/// One step is 1,024 machine words looked at, so that a budget means about the same time whatever
/// the size of the relation.
struct StepMeter: Sendable {
  /// Steps that may be taken.
  let limit: Int
  private var words = 0

  /// Makes a meter that is exhausted after `limit` steps.
  init(limit: Int) {
    self.limit = max(0, limit)
  }

  /// Steps taken, begun ones counted.
  var steps: Int { words >> 10 + (words & 1023 == 0 ? 0 : 1) }

  /// Whether the budget is used up.
  var isExhausted: Bool { words >> 10 >= limit }

  /// Notes that `count` words were looked at.
  mutating func charge(words count: Int) {
    words = words.addingReportingOverflow(count).overflow ? .max : words &+ count
  }

  /// A meter for a part of what is left; hand it back with ``absorb(_:)``.
  func portion(_ numerator: Int, of denominator: Int) -> StepMeter {
    let left = max(0, limit - words >> 10)
    return StepMeter(
      limit: left / denominator * numerator + left % denominator * numerator / denominator
    )
  }

  /// Adds the work counted by a part.
  mutating func absorb(_ part: StepMeter) {
    charge(words: part.words)
  }
}

/// A fixed sequence of well mixed numbers (SplitMix64), to vary the order of heuristic attempts.
///
/// It always starts the same, so results repeat.
struct FixedSequence: RandomNumberGenerator, Sendable {
  private var state: UInt64 = 0x2545_F491_4F6C_DD1D

  /// The next 64 bits.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number below `bound`, which is positive.
  mutating func below(_ bound: Int) -> Int {
    Int(next() >> 33) % bound
  }

  /// Brings `items` into another order.
  mutating func shuffle<Item>(_ items: inout [Item]) {
    guard items.count > 1 else { return }
    for index in stride(from: items.count - 1, to: 0, by: -1) {
      items.swapAt(index, below(index + 1))
    }
  }
}
