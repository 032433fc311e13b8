import FlowAggregation
import FlowFormats
import FlowStorage
import Foundation
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("Streams")
struct StreamSessionTests {
  private let folder: TemporaryFolder
  private let store = InMemoryStore()

  init() throws { folder = try TemporaryFolder() }

  private func open(_ path: String) async throws -> StreamSession {
    try await StreamSession.open(
      try OpenedInput(path: path),
      store: store,
      resolver: nil,
      options: IngestOptions(),
      now: 1_789_500_000_000_000
    )
  }

  @Test("However a stream comes and is stored, every line counts once", arguments: Seed.samples(15))
  func pieces(seed: Seed) async throws {
    var seed = seed
    let lines = HubbleLines.flows(0..<8) + HubbleLines.mixed(100, &seed)
    let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
    let path = try folder.write(bytes, to: "flows")
    let once = InMemoryStore()
    _ = try await Ingest.file(path, into: once)
    var session = try await open(path)
    while session.consumed < bytes.count {
      var position = Int(session.consumed)
      for _ in 0..<Int.random(in: 1...12, using: &seed) where position < bytes.count {
        let end = min(bytes.count, position + Int.random(in: 1...2000, using: &seed))
        session.feed(bytes[position..<end])
        position = end
        if session.hasUncommitted, Bool.random(using: &seed) {
          try await session.commit(store: store, now: 1_789_500_000_000_000)
        }
      }
      _ = try await session.close(store: store, now: 1_789_500_000_000_000) { _ in }
      // The program ends with an open line and starts anew.
      session = try await open(path)
    }
    #expect(try await StoreContent(store) == StoreContent(once))
    #expect(try await store.inputs().count == 1)
    #expect(try await Ingest.file(path, into: store).status == .unchanged)
  }

  @Test("The lines of a stream are told from its first one")
  func counts() async throws {
    let path = try folder.write(lines: HubbleLines.flows(0..<10) + ["no flow"], to: "flows")
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    var session = try await open(path)
    session.feed(bytes[..<3000])
    try await session.commit(store: store, now: 1)
    session.feed(bytes[3000...])
    let result = try await session.close(store: store, now: 2) { _ in }
    #expect(result.status == .new && result.record.counts.lines == 11)
    #expect(result.record.counts.rejections.map(\.line) == [11])
    #expect(try await store.inputs().first?.counts.rejections.map(\.line) == [11])
  }

  @Test("What another process stored of a stream meanwhile is not stored again")
  func storedMeanwhile() async throws {
    let path = try folder.write(lines: HubbleLines.flows(0..<10), to: "flows")
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    for isCommittedBefore in [false, true] {
      let store = InMemoryStore()
      var session = try await StreamSession.open(
        try OpenedInput(path: path),
        store: store,
        resolver: nil,
        options: IngestOptions(),
        now: 1
      )
      session.feed(bytes[..<3000])
      if isCommittedBefore { try await session.commit(store: store, now: 1) }
      #expect(
        try await Ingest.file(path, into: store).status == (isCommittedBefore ? .grown : .new)
      )
      session.feed(bytes[3000...])
      await #expect(throws: FlowStoreError.ledgerChanged) {
        try await session.commit(store: store, now: 2)
      }
      #expect(try await StoreContent(store).records == 10)
    }
  }

  @Test("A slow stream that turns out to be stored already is refused, not counted twice")
  func slowStream() async throws {
    let lines = HubbleLines.flows(0..<10)
    let path = try folder.write(lines: lines, to: "flows")
    let first = try folder.write(lines: Array(lines[..<1]), to: "first")
    var session = try await open(first)
    _ = try await Ingest.file(path, into: store)
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    let shown = lines[0].utf8.count + 1
    session.feed(bytes[..<shown])
    session.feed(bytes[shown...])
    await #expect(throws: FlowStoreError.ledgerChanged) {
      try await session.commit(store: store, now: 2)
    }
    #expect(try await StoreContent(store).records == 10)
  }

  @Test("A last line without line feed counts at the end of a stream; a cut one is left")
  func lastLine() async throws {
    let line = HubbleLines.flow()
    let path = try folder.write((line + "\n" + line).utf8, to: "flows")
    for isCut in [true, false] {
      var session = try await open(path)
      let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
      session.feed(bytes[Int(session.consumed)..<bytes.count - (isCut ? 5 : 0)])
      session.finishLastLine(ifComplete: true)
      let result = try await session.close(store: store, now: 1) { _ in }
      #expect(result.record.counts.used == 1)
    }
    #expect(try await StoreContent(store).records == 2)
  }

  @Test("A line too long for a stream is refused once, the others are kept")
  func longLine() async throws {
    let long = [UInt8](repeating: 0x61, count: 10 << 20)
    let flow = Array((HubbleLines.flow() + "\n").utf8)
    let path = try folder.write(flow + long + [0x0a] + flow, to: "flows")
    var session = try await open(path)
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    for start in stride(from: 0, to: bytes.count, by: LineReader.blockSize) {
      session.feed(bytes[start..<min(bytes.count, start + LineReader.blockSize)])
    }
    let result = try await session.close(store: store, now: 1) { _ in }
    #expect(result.record.counts.used == 2)
    #expect(result.record.counts.rejections.map(\.line) == [2])
    #expect(result.record.counts.lines == 3)
    #expect(try await Ingest.file(path, into: store).status == .unchanged)
  }

  @Test("A stream of values over many lines is stored at its end")
  func values() async throws {
    let array = "[\n" + HubbleLines.flows(0..<5).joined(separator: ",\n") + "\n]\n"
    let path = try folder.write(array.utf8, to: "flows")
    let stream = StreamIngest(
      store: store,
      resolver: nil,
      options: IngestOptions(),
      clock: { 1_789_500_000_000_000 }
    )
    for follows in [false, true] {
      let result = try await stream.run(path: path, follows: follows) { _ in }
      #expect(result.status == (follows ? .unchanged : .new))
    }
    #expect(try await StoreContent(store).records == 5)
  }

  @Test("A compressed file is read as such, also when it is to be followed")
  func compressed() async throws {
    let bytes = Array(HubbleLines.flows(0..<5).map { $0 + "\n" }.joined().utf8)
    let path = try folder.write(StoredBlocks.gzip(bytes), to: "flows.gz")
    let stream = StreamIngest(
      store: store,
      resolver: nil,
      options: IngestOptions(),
      clock: { 1_789_500_000_000_000 }
    )
    for follows in [true, false] {
      let result = try await stream.run(path: path, follows: follows) { _ in }
      #expect(result.status == (follows ? .new : .unchanged))
    }
    #expect(try await StoreContent(store).records == 5)
  }
}
