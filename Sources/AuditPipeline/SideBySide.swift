import Foundation

/// Does independent work on all processors and hands the outcomes back in the order of the items.
enum SideBySide {
  /// How much runs at a time.
  static var width: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

  /// The outcome for each item, in order.
  ///
  /// - Throws: What the work on the first failing item threw, whichever failed first in time.
  static func map<Item: Sendable, Outcome: Sendable>(
    _ items: [Item],
    _ work: @escaping @Sendable (Item) async throws -> Outcome
  ) async throws -> [Outcome] {
    guard items.count > 1 else {
      var outcomes: [Outcome] = []
      for item in items { outcomes.append(try await work(item)) }
      return outcomes
    }
    var results = [Result<Outcome, any Error>?](repeating: nil, count: items.count)
    await withTaskGroup(of: (Int, Result<Outcome, any Error>).self) { group in
      var next = 0
      func start() {
        guard next < items.count else { return }
        let (index, item) = (next, items[next])
        next += 1
        group.addTask {
          do { return (index, .success(try await work(item))) } catch {
            return (index, .failure(error))
          }
        }
      }
      for _ in 0..<width { start() }
      while let (index, result) = await group.next() {
        results[index] = result
        start()
      }
    }
    return try results.compactMap { try $0?.get() }
  }

  /// Positions dealt into as many shares as run at a time, so that their weights come out even.
  ///
  /// - Returns: Shares without empty ones, each ascending.
  static func shares(weights: [Int]) -> [[Int]] {
    var shares = [[Int]](repeating: [], count: min(width, weights.count))
    var load = [Int](repeating: 0, count: shares.count)
    for position in weights.indices.sorted(by: { (weights[$1], $0) < (weights[$0], $1) }) {
      guard let lightest = load.indices.min(by: { (load[$0], $0) < (load[$1], $1) }) else { break }
      shares[lightest].append(position)
      load[lightest] += weights[position]
    }
    return shares.filter { !$0.isEmpty }.map { $0.sorted() }
  }
}
