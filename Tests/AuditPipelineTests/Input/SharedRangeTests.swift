import TestSupport
import Testing

@testable import AuditPipeline

@Suite("A file's lines dealt out among threads")
struct SharedRangeTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Lines of odd lengths, some of them long, the last one perhaps without a line feed.
  private static func text(_ seed: inout Seed) -> [UInt8] {
    var text: [UInt8] = []
    for index in 0..<Int.random(in: 1..<200, using: &seed) {
      let length = index % 17 == 0 ? 300 : Int.random(in: 0..<40, using: &seed)
      text += Array(repeating: UInt8(ascii: "a") + UInt8(index % 26), count: length) + [0x0a]
    }
    return Bool.random(using: &seed) ? text + Array("torn".utf8) : text
  }

  /// A thread that reads a stretch in small blocks.
  private struct Reader {
    var stretch: SharedRange.Stretch?
    var position: Int64
  }

  @Test("Whoever is quick, every line is read once", arguments: Seed.samples(60))
  func everyLineOnce(seed: Seed) throws {
    var seed = seed
    let text = SharedRangeTests.text(&seed)
    let file = try FileRange(path: try folder.write(text, to: "log"))
    let size = Int64(text.count)
    let starts = text.indices.filter { $0 == 0 || text[$0 - 1] == 0x0a }.map(Int64.init)
    let cut = starts.randomElement(using: &seed) ?? 0
    var first = [SharedRange.Stretch(start: 0, limit: cut > 0 ? cut : nil)]
    if cut > 0 { first.append(SharedRange.Stretch(start: cut, limit: nil)) }
    let shared = SharedRange(
      first,
      size: size,
      leastStretch: Int64.random(in: 0...60, using: &seed)
    )
    var readers = first.map { Reader(stretch: $0, position: $0.start) }
    var read: [Int64: Int] = [:]
    while let thread = readers.indices.filter({ readers[$0].stretch != nil })
      .randomElement(using: &seed)
    {
      let position = readers[thread].position
      let end = min(position + Int64.random(in: 1...50, using: &seed), size)
      let limit = shared.limit(of: thread, readingTo: end) ?? size
      for start in starts where start >= position && start < min(end, limit) {
        read[start, default: 0] += 1
      }
      readers[thread].position = end
      guard end >= limit else { continue }
      let next = try shared.next(for: thread, in: file)
      if let next {
        #expect(starts.contains(next.start) && next.start < next.limit ?? size)
      }
      readers[thread] = Reader(stretch: next, position: next?.start ?? 0)
    }
    #expect(read == Dictionary(uniqueKeysWithValues: starts.filter { $0 < size }.map { ($0, 1) }))
  }

  @Test("Half of what the slowest has left is taken, but nothing that is being read")
  func halves() throws {
    let text = Array(repeating: Array("123456789\n".utf8), count: 100).flatMap { $0 }
    let file = try FileRange(path: try folder.write(text, to: "log"))
    let shared = SharedRange(
      [
        SharedRange.Stretch(start: 0, limit: 500), SharedRange.Stretch(start: 500, limit: 900),
        SharedRange.Stretch(start: 900, limit: nil),
      ],
      size: 1000,
      leastStretch: 100
    )
    #expect(shared.limit(of: 0, readingTo: 300) == 500)
    #expect(shared.limit(of: 1, readingTo: 600) == 900)
    #expect(shared.limit(of: 2, readingTo: 1000) == nil)
    // The second has most left, 600 to 900.
    #expect(try shared.next(for: 2, in: file) == SharedRange.Stretch(start: 750, limit: 900))
    #expect(shared.limit(of: 1, readingTo: 740) == 750)
    #expect(shared.limit(of: 2, readingTo: 900) == 900)
    // Two hundred bytes are the least that are shared: 300 to 500.
    #expect(try shared.next(for: 2, in: file) == SharedRange.Stretch(start: 400, limit: 500))
    #expect(shared.limit(of: 0, readingTo: 400) == 400)
    #expect(try shared.next(for: 0, in: file) == nil)
  }
}
