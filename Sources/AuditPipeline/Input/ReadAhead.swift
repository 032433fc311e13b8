/// Values that several tasks make and one takes in order, not too many ahead of it.
///
/// Whoever makes one asks for its number first (``next()``), and waits there while too much waits to be taken.
actor ReadAhead<Value: Sendable> {
  private let count: Int
  private let mostWeight: Int
  private let mostWaiting: Int
  /// The number of the next value to be made, and of the next to be taken.
  private var nextMade = 0
  private var nextTaken = 0
  private var made: [Int: (value: Value, weight: Int)] = [:]
  private var weight = 0
  private var isClosed = false
  private var makers: [CheckedContinuation<Void, Never>] = []
  private var taker: CheckedContinuation<Void, Never>?

  /// Makes an empty one.
  ///
  /// - Parameters:
  ///   - count: How many values there will be.
  ///   - mostWeight: No value is begun while those that wait weigh so much.
  ///   - mostWaiting: No value is begun while so many wait.
  init(count: Int, mostWeight: Int, mostWaiting: Int) {
    self.count = count
    self.mostWeight = mostWeight
    self.mostWaiting = mostWaiting
  }

  /// The number of a value to be made; nil when there are no more.
  ///
  /// Numbers are given in order, so that what is to be taken next is always being made or made.
  func next() async -> Int? {
    while !isClosed, nextMade < count, weight >= mostWeight || made.count >= mostWaiting {
      await withCheckedContinuation { makers.append($0) }
    }
    guard !isClosed, nextMade < count else { return nil }
    defer { nextMade += 1 }
    return nextMade
  }

  /// Hands over a value.
  ///
  /// - Parameter weight: What it costs to keep it.
  func put(_ value: Value, at index: Int, weight: Int) {
    made[index] = (value, weight)
    self.weight += weight
    if index == nextTaken { wakeTaker() }
  }

  /// The next values in order, as many as are there but one at least; none behind the last.
  func take() async -> [Value] {
    while made[nextTaken] == nil, nextTaken < count, !isClosed {
      await withCheckedContinuation { taker = $0 }
    }
    var values: [Value] = []
    while let next = made.removeValue(forKey: nextTaken) {
      values.append(next.value)
      weight -= next.weight
      nextTaken += 1
    }
    wakeMakers()
    return values
  }

  /// Ends it: no more values are made.
  func close() {
    isClosed = true
    wakeMakers()
    wakeTaker()
  }

  private func wakeMakers() {
    for maker in makers { maker.resume() }
    makers = []
  }

  private func wakeTaker() {
    taker?.resume()
    taker = nil
  }
}
