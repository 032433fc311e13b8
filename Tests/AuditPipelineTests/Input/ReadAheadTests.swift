import Synchronization
import Testing

@testable import AuditPipeline

@Suite("Values that are made ahead")
struct ReadAheadTests {
  private final class Counter: Sendable {
    let count = Mutex(0)
  }

  @Test("They are taken in order, whoever makes them", arguments: [1, 2, 7])
  func order(makers: Int) async {
    let ahead = ReadAhead<Int>(count: 500, mostWeight: 40, mostWaiting: 9)
    let taken = await withTaskGroup(of: [Int].self) { group in
      for _ in 0..<makers {
        group.addTask {
          while let index = await ahead.next() {
            if index % 3 == 0 { await Task.yield() }
            await ahead.put(index * 10, at: index, weight: index % 30)
          }
          return []
        }
      }
      group.addTask {
        var all: [Int] = []
        while case let values = await ahead.take(), !values.isEmpty { all += values }
        return all
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
    #expect(taken == (0..<500).map { $0 * 10 })
  }

  @Test("No more are begun while many or heavy ones wait", arguments: [(3, 1), (100, 20)])
  func limits(most: Int, weight: Int) async {
    let ahead = ReadAhead<Int>(count: 50, mostWeight: 60, mostWaiting: most)
    let begun = Counter()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        while let index = await ahead.next() {
          begun.count.withLock { $0 += 1 }
          await ahead.put(index, at: index, weight: weight)
        }
      }
      group.addTask {
        var count = 0
        while case let values = await ahead.take(), !values.isEmpty {
          #expect(values.count <= 3)
          count += values.count
          // One may be begun, and so many wait.
          #expect(begun.count.withLock { $0 } <= count + 4)
        }
        #expect(count == 50)
      }
    }
  }

  @Test("Closing it ends whoever waits")
  func closing() async {
    let ahead = ReadAhead<Int>(count: 10, mostWeight: 1, mostWaiting: 1)
    #expect(await ahead.next() == 0)
    await ahead.put(0, at: 0, weight: 1)
    async let waiting = ahead.next()
    await Task.yield()
    await ahead.close()
    #expect(await waiting == nil)
    #expect(await ahead.take() == [0])
    #expect(await ahead.take().isEmpty)
  }
}
