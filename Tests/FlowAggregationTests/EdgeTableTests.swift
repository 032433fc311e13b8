import FlowAggregation
import TestSupport
import Testing

@Suite("Counting edges")
struct EdgeTableTests {
  private struct Count: Equatable {
    var records: Int64 = 0
    var bytes: Int64 = 0
    var first = Int64.max
    var last = Int64.min
    var line = 0
  }

  private func key(_ seed: inout Seed) -> EdgeKey {
    EdgeKey(
      source: UInt32.random(in: 0..<20, using: &seed),
      destination: UInt32.random(in: 0..<20, using: &seed),
      hour: Int32.random(in: -1...3, using: &seed),
      port: UInt16.random(in: 0..<3, using: &seed),
      replyPort: UInt16.random(in: 0..<2, using: &seed),
      transport: [6, 17][Int.random(in: 0..<2, using: &seed)],
      side: UInt8.random(in: 0..<3, using: &seed),
      evidence: UInt8.random(in: 0..<5, using: &seed),
      logKind: 0
    )
  }

  @Test("The table counts as a dictionary does, also when it grows", arguments: Seed.samples(10))
  func model(seed: Seed) {
    var seed = seed
    var table = EdgeTable()
    var model: [EdgeKey: Count] = [:]
    for line in 1...4000 {
      let key = key(&seed)
      let first = Int64.random(in: 0..<1000, using: &seed)
      let last = first + Int64.random(in: 0..<100, using: &seed)
      table.add(key, records: 2, bytes: 3, first: first, last: last, line: line)
      var count = model[key] ?? Count()
      count.records += 2
      count.bytes += 3
      if first < count.first {
        count.first = first
        count.line = line
      }
      count.last = max(count.last, last)
      model[key] = count
      // Some still wait to be counted; nobody may see that.
      if line % 97 == 0 { #expect(table.count == model.count) }
    }
    #expect(table.count == model.count)
    #expect(table.entries.reduce(0) { $0 + $1.records } == 8000)
    table.countWaiting()
    #expect(table.count == model.count)
    #expect(Set(table.entries.map(\.key)).count == table.count)
    for entry in table.entries {
      let counted = Count(
        records: entry.records,
        bytes: entry.bytes,
        first: entry.first,
        last: entry.last,
        line: entry.sampleLine
      )
      #expect(counted == model[entry.key])
    }
  }

  @Test("Sums stop at the largest number")
  func saturation() {
    var table = EdgeTable()
    var seed = Seed(1)
    let key = key(&seed)
    for _ in 0..<3 { table.add(key, records: .max, bytes: .max, first: 0, last: 0, line: 1) }
    #expect(table.entries.map(\.records) == [.max] && table.entries.map(\.bytes) == [.max])
  }
}

@Suite("Counts of an ingest")
struct IngestCountsTests {
  @Test("Merging adds up, moves lines and keeps the first refusals")
  func merging() {
    var one = IngestCounts()
    one.lines = 10
    one.used = 3
    one.discarded = [.reply: 2]
    one.rejectedCount = 15
    one.rejections = (1...15).map { Rejection(line: $0 * 2, problem: "one") }
    one.capture = [5: CaptureHour(records: 4, lost: 1)]
    one.notes = ["a"]
    var two = one
    two.discarded = [.reply: 1, .noPod: 5]
    two.capture = [5: CaptureHour(records: 1), 6: CaptureHour(records: 2)]
    two.notes = ["b"]
    one.merge(two, lineOffset: 10)
    #expect(one.lines == 20 && one.used == 6 && one.rejectedCount == 30)
    #expect(one.discarded == [.reply: 3, .noPod: 5])
    #expect(one.records == 6 + 8 + 30)
    #expect(one.rejections.count == IngestCounts.keptRejections)
    #expect(one.rejections == one.rejections.sorted())
    #expect(one.rejections.first?.line == 2 && one.rejections.last?.line == 26)
    #expect(one.capture == [5: CaptureHour(records: 5, lost: 1), 6: CaptureHour(records: 2)])
    #expect(one.notes == ["a", "b"])
  }

  @Test("Sums of any numbers do not trap")
  func saturation() {
    #expect(Int64.max.addingSaturated(1) == .max && Int64.min.addingSaturated(-1) == .min)
    #expect(Int64(3).addingSaturated(-5) == -2)
    var counts = IngestCounts()
    counts.lostEvents = .max
    counts.capture = [0: CaptureHour(records: .max, lost: .max)]
    counts.merge(counts, lineOffset: 0)
    #expect(counts.lostEvents == .max)
    #expect(counts.capture == [0: CaptureHour(records: .max, lost: .max)])
  }
}
