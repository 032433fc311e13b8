import FlowAggregation
import FlowFormats
import FlowModel
import FlowStorage
import Foundation
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("Every line counts once")
struct IngestTests {
  private let folder: TemporaryFolder
  private let store = InMemoryStore()

  init() throws { folder = try TemporaryFolder() }

  private func ingest(_ path: String, strict: Bool = false) async throws -> IngestResult {
    var options = IngestOptions()
    options.isStrict = strict
    return try await Ingest.file(path, into: store, options: options)
  }

  @Test("The same file twice, copied or renamed, counts once")
  func twice() async throws {
    let path = try folder.write(lines: HubbleLines.flows(0..<50), to: "flows.jsonl")
    #expect(try await ingest(path).status == .new)
    let before = try await StoreContent(store)
    #expect(try await ingest(path).status == .unchanged)
    let copy = folder.path("flows-2026-09-15.jsonl")
    try FileManager.default.moveItem(atPath: path, toPath: copy)
    #expect(try await ingest(copy).status == .unchanged)
    #expect(try await StoreContent(store) == before)
    #expect(before.records == 50)
  }

  @Test(
    "A file that has grown counts its new lines only, however it is kept by then",
    arguments: ["plain", "renamed", "gzip", "zstd", "gzip members"]
  )
  func grown(form: String) async throws {
    let lines = HubbleLines.flows(0..<90)
    let text = lines.map { $0 + "\n" }.joined()
    _ = try await ingest(try folder.write(lines: Array(lines[..<30]), to: "flows.jsonl"))
    let all = Array(text.utf8)
    let cut = all.count / 2
    let path =
      switch form {
      case "gzip": try folder.write(StoredBlocks.gzip(all), to: "flows.jsonl.1.gz")
      case "zstd": try folder.write(StoredBlocks.zstd(all), to: "flows.jsonl.1.zst")
      case "gzip members":
        try folder.write(
          StoredBlocks.gzip(Array(all[..<cut])) + StoredBlocks.gzip(Array(all[cut...])) + [0, 0],
          to: "flows.jsonl.1.gz"
        )
      case "renamed": try folder.write(all, to: "flows.jsonl.1")
      default: try folder.write(all, to: "flows.jsonl")
      }
    let result = try await ingest(path)
    #expect(result.status == .grown && result.record.counts.used == 60)
    #expect(try await ingest(path).status == .unchanged)
    let once = InMemoryStore()
    let whole = try folder.write(all, to: "whole.jsonl")
    _ = try await Ingest.file(whole, into: once)
    #expect(try await StoreContent(store) == StoreContent(once))
    #expect(try await store.inputs().map(\.identity) == once.inputs().map(\.identity))
    #expect(try await ingest(whole).status == .unchanged)
  }

  @Test("A compressed file that has grown by little is still known the time after")
  func growingCompressed() async throws {
    let lines = HubbleLines.flows(0..<60)
    for (end, used) in [(50, 50), (51, 1), (52, 1), (60, 8), (60, 0)] {
      let text = lines[..<end].map { $0 + "\n" }.joined()
      let path = try folder.write(StoredBlocks.gzip(Array(text.utf8)), to: "flows.gz")
      let result = try await ingest(path)
      if used > 0 { #expect(result.record.counts.used == used) }
      #expect((result.status == .unchanged) == (used == 0))
    }
    #expect(try await StoreContent(store).records == 60)
  }

  @Test("A shorter copy of a file that was read holds nothing new")
  func shorter() async throws {
    let lines = HubbleLines.flows(0..<60)
    _ = try await ingest(try folder.write(lines: lines, to: "a"))
    for name in ["b", "b.gz"] {
      let text = Array(lines[..<40].map { $0 + "\n" }.joined().utf8)
      let path = try folder.write(name == "b" ? text : StoredBlocks.gzip(text), to: name)
      #expect(try await ingest(path).status == .unchanged)
    }
    #expect(try await StoreContent(store).records == 60)
  }

  @Test("Files that only start alike are two inputs")
  func sameStart() async throws {
    let head = HubbleLines.flows(0..<30)
    let one = try folder.write(lines: head + HubbleLines.flows(30..<50), to: "one")
    let two = try folder.write(lines: head + HubbleLines.flows(60..<90), to: "two")
    let three = Array((head + HubbleLines.flows(90..<130)).map { $0 + "\n" }.joined().utf8)
    #expect(try await ingest(one).status == .new)
    #expect(try await ingest(two).status == .new)
    #expect(try await ingest(folder.write(StoredBlocks.gzip(three), to: "3.gz")).status == .new)
    #expect(try await StoreContent(store).records == 50 + 60 + 70)
  }

  @Test("A torn last line waits for its rest")
  func torn() async throws {
    let line = HubbleLines.flow("late", second: 500)
    let path = try folder.write(lines: HubbleLines.flows(0..<3), to: "flows")
    try folder.append(line.utf8.prefix(100), to: "flows")
    let first = try await ingest(path)
    #expect(first.record.counts.used == 3 && first.tornBytes == 100)
    #expect(first.record.counts.rejectedCount == 0)
    #expect(try await ingest(path).status == .unchanged)
    try folder.append(Array(line.utf8.dropFirst(100)) + [0x0a], to: "flows")
    let second = try await ingest(path)
    #expect(second.record.counts.used == 1 && second.tornBytes == 0)
    #expect(try await store.inputs().first?.counts.lines == 4)
    #expect(try await StoreContent(store).records == 4)
  }

  @Test("A last line without line feed counts when it is whole, and lines keep their numbers")
  func lastLine() async throws {
    let path = try folder.write(HubbleLines.flow().utf8, to: "flows")
    #expect(try await ingest(path).record.counts.used == 1)
    try folder.append("\nno flow\n".utf8, to: "flows")
    try folder.append(HubbleLines.flow(second: 1).utf8, to: "flows")
    let second = try await ingest(path)
    #expect(second.record.counts.used == 1)
    #expect(second.record.counts.rejections.map(\.line) == [2])
    try folder.append("\r\nstill no flow".utf8, to: "flows")
    try folder.append("\n".utf8, to: "flows")
    #expect(try await ingest(path).record.counts.rejections.map(\.line) == [4])
    #expect(try await store.inputs().first?.counts.lines == 4)
  }

  @Test("Nothing but a torn line is no record yet")
  func onlyTorn() async throws {
    let path = try folder.write(HubbleLines.flow().utf8.prefix(200), to: "flows")
    let result = try await ingest(path)
    #expect(result.status == .empty && result.tornBytes == 200)
    #expect(try await store.inputs().isEmpty)
  }

  @Test("Shuffled and doubled lines are the same connections", arguments: Seed.samples(5))
  func shuffled(seed: Seed) async throws {
    var seed = seed
    let lines = HubbleLines.flows(0..<200)
    let other = InMemoryStore()
    _ = try await ingest(try folder.write(lines: lines, to: "a"))
    _ = try await Ingest.file(
      try folder.write(lines: (lines + lines).shuffled(using: &seed), to: "b"),
      into: other
    )
    let one = try await StoreContent(store)
    let two = try await StoreContent(other)
    #expect(one.keys == two.keys && two.records == 2 * one.records)
    #expect(
      zip(one.edges, two.edges).allSatisfy {
        $0.tally.firstMicroseconds == $1.tally.firstMicroseconds
          && $0.tally.lastMicroseconds == $1.tally.lastMicroseconds
      }
    )
  }

  @Test(
    "Whatever pieces a growing file is read in, the store is the same",
    arguments: Seed.samples(12)
  )
  func pieces(seed: Seed) async throws {
    var seed = seed
    let bytes = Array(
      (HubbleLines.flows(0..<5) + HubbleLines.mixed(80, &seed)).map { $0 + "\n" }.joined().utf8
    )
    let once = InMemoryStore()
    _ = try await Ingest.file(try folder.write(bytes, to: "whole"), into: once)
    var end = Int.random(in: 500..<3000, using: &seed)
    while true {
      let known = Array(bytes[..<min(end, bytes.count)])
      let path =
        switch Int.random(in: 0..<2, using: &seed) {
        case 0: try folder.write(known, to: "growing")
        // A compressed copy is made of whole lines: nobody compresses what is being written.
        default:
          try folder.write(
            StoredBlocks.zstd(Array(known[...(known.lastIndex(of: 0x0a) ?? 0)])),
            to: "growing"
          )
        }
      _ = try await ingest(path)
      if end >= bytes.count { break }
      end += Int.random(in: 1..<6000, using: &seed)
    }
    #expect(try await StoreContent(store) == StoreContent(once))
    #expect(try await store.inputs().count == 1)
  }

  @Test("With --strict a refused record is an error and nothing is stored")
  func strict() async throws {
    let path = try folder.write(
      lines: [HubbleLines.flow(), "", "no flow", "none either"],
      to: "flows"
    )
    await #expect(
      throws: InputError.strict(
        file: path,
        line: 3,
        problem: "not JSON: unexpected character at byte 1",
        count: 2
      )
    ) { try await ingest(path, strict: true) }
    #expect(try await store.inputs().isEmpty)
    #expect(try await store.edges(EdgeQuery()).isEmpty)
    #expect(try await ingest(path).record.counts.rejectedCount == 2)
  }

  @Test("The columns of a VPC log are known when it has grown")
  func header() async throws {
    let header = "version srcaddr dstaddr srcport dstport protocol start end action log-status"
    func record(_ port: Int) -> String {
      "5 10.0.0.5 203.0.113.9 40000 \(port) 6 1789489200 1789489260 ACCEPT OK"
    }
    let path = try folder.write(lines: [header, record(443)], to: "vpc.log")
    let step = Ingest(
      store: store,
      resolver: DamagedLogsTests.Pods(),
      options: IngestOptions(),
      now: 1
    )
    #expect(try await step.run(path: path).record.counts.rejectedCount == 0)
    try folder.append((record(8443) + "\n").utf8, to: "vpc.log")
    let grown = try await step.run(path: path)
    #expect(grown.status == .grown && grown.record.counts.rejectedCount == 0)
    #expect(grown.record.counts.lines == 1)
  }
}

@Suite("Files side by side")
struct SideBySideTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func ingest(into store: InMemoryStore) -> Ingest {
    Ingest(
      store: store,
      resolver: nil,
      options: IngestOptions(),
      now: 1_789_500_000_000_000
    )
  }

  @Test(
    "Whatever files are read at once, the store is the same as one after the other",
    arguments: Seed.samples(10)
  )
  func same(seed: Seed) async throws {
    var seed = seed
    let lines = HubbleLines.flows(0..<300)
    var paths: [String] = []
    for number in 0..<12 {
      // Copies, continuations and compressed copies of one log, other logs, and files that are no logs.
      let count = Int.random(in: 1...300, using: &seed)
      let text = Array(lines[..<count].map { $0 + "\n" }.joined().utf8)
      switch Int.random(in: 0..<5, using: &seed) {
      case 0: paths.append(try folder.write(StoredBlocks.gzip(text), to: "\(number).gz"))
      case 1: paths.append(try folder.write([0x1f, 0x8b, 8, 0, 1], to: "\(number)"))
      case 2:
        let other = HubbleLines.flows(300 + number * 20..<310 + number * 20)
        paths.append(try folder.write(lines: other, to: "\(number)"))
      default: paths.append(try folder.write(text, to: "\(number)"))
      }
    }
    func describe(_ result: Result<IngestResult, any Error>) -> String {
      switch result {
      case .success(let result): "\(result.status) \(result.record.counts.used)"
      case .failure(let error): "\(error)"
      }
    }
    let single = InMemoryStore()
    var expected: [String] = []
    for path in paths {
      do {
        expected.append(describe(.success(try await ingest(into: single).run(path: path))))
      } catch { expected.append(describe(.failure(error))) }
    }
    for most in [1, 2, 5] {
      let together = InMemoryStore()
      var found: [String] = []
      var order: [String] = []
      try await ingest(into: together).run(paths: paths, sideBySide: most) { path, result in
        order.append(path)
        found.append(describe(result))
      }
      #expect(order == paths)
      #expect(found == expected)
      #expect(try await StoreContent(together) == StoreContent(single))
      #expect(try await together.inputs().map(\.identity) == single.inputs().map(\.identity))
    }
  }

  @Test("An error of the caller ends the work")
  func ended() async throws {
    let paths = try (0..<4).map {
      try folder.write(lines: HubbleLines.flows($0 * 9..<$0 * 9 + 5), to: "\($0)")
    }
    let store = InMemoryStore()
    await #expect(throws: CancellationError.self) {
      try await ingest(into: store).run(paths: paths, sideBySide: 2) { path, _ in
        if path == paths[1] { throw CancellationError() }
      }
    }
    // What was stored together with the second is stored.
    #expect(try await store.inputs().count >= 2)
  }
}
