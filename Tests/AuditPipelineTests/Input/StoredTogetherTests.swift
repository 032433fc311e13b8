import FlowAggregation
import FlowModel
import FlowStorage
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("Files that were read meanwhile are stored together")
struct StoredTogetherTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A store that takes its time, so that files wait for it, and may refuse a batch.
  private final class SlowStore: FlowStore {
    struct Full: Error {}

    let inner: InMemoryStore
    /// How many inputs each batch had.
    let sizes = Mutex<[Int]>([])
    /// Is asked before each batch, with the number of the batch.
    let before: @Sendable (Int, IngestBatch) async throws -> Void

    init(
      _ inner: InMemoryStore = InMemoryStore(),
      before: @escaping @Sendable (Int, IngestBatch) async throws -> Void = { _, _ in }
    ) {
      self.inner = inner
      self.before = before
    }

    func addAll(_ batch: IngestBatch) async throws -> [Int64] {
      try await Task.sleep(for: .milliseconds(20))
      let number = sizes.withLock { sizes in
        sizes.append(batch.inputs.count)
        return sizes.count
      }
      try await before(number, batch)
      return try await inner.addAll(batch)
    }

    func heads() async throws -> [InputHead] { try await inner.heads() }
    func inputs(matchingHead head: (Int) -> UInt64?) async throws -> [IngestRecord] {
      try await inner.inputs(matchingHead: head)
    }
    func edges(_ query: EdgeQuery) async throws -> [FlowEdge] { try await inner.edges(query) }
    func edgeDays(_ query: EdgeQuery) async throws -> [DatedEdge] {
      try await inner.edgeDays(query)
    }
    func podEndpoints(before hour: Int64?) async throws -> [Endpoint] {
      try await inner.podEndpoints(before: hour)
    }
    func inputs() async throws -> [IngestRecord] { try await inner.inputs() }
    func capture() async throws -> [StoredCaptureHour] { try await inner.capture() }
    func namespaces() async throws -> [NamespaceSpan] { try await inner.namespaces() }
  }

  private func ingest(into store: any FlowStore) -> Ingest {
    Ingest(
      store: store,
      resolver: nil,
      options: IngestOptions(),
      now: 1_789_500_000_000_000
    )
  }

  /// Thirty files: two are no logs, one is a copy of one before, and one goes on with one before.
  private func paths() throws -> [String] {
    try (0..<30).map { number in
      switch number {
      case 7, 19: return try folder.write(Array("no log\n".utf8), to: "f\(number)")
      case 11: return try folder.write(lines: HubbleLines.flows(60..<75), to: "f11")
      case 23: return try folder.write(lines: HubbleLines.flows(120..<180), to: "f23")
      default:
        let first = number * 20
        return try folder.write(lines: HubbleLines.flows(first..<first + 15), to: "f\(number)")
      }
    }
  }

  private static func describe(_ result: Result<IngestResult, any Error>) -> String {
    switch result {
    case .success(let result): "\(result.status) \(result.record.counts.used) \(result.edges)"
    case .failure(let error): "\(error)"
    }
  }

  private func run(_ paths: [String], into store: any FlowStore) async throws -> [String] {
    var found: [String] = []
    try await ingest(into: store).run(paths: paths, sideBySide: 2) { path, result in
      #expect(path == paths[found.count])
      found.append(Self.describe(result))
    }
    return found
  }

  @Test("Nothing is different but the number of transactions")
  func same() async throws {
    let paths = try paths()
    let single = InMemoryStore()
    var expected: [String] = []
    for path in paths {
      do {
        expected.append(
          Self.describe(.success(try await ingest(into: single).run(path: path)))
        )
      } catch { expected.append(Self.describe(.failure(error))) }
    }
    let store = SlowStore()
    let found = try await run(paths, into: store)
    #expect(found == expected)
    #expect(try await StoreContent(store) == StoreContent(single))
    #expect(try await store.inputs() == single.inputs())
    let sizes = store.sizes.withLock { $0 }
    #expect(sizes.count < 20 && (sizes.max() ?? 0) > 3)
    // All of it again.
    let again = try await run(paths, into: store)
    #expect(again.filter { $0.hasPrefix("unchanged") }.count == 28)
    #expect(try await StoreContent(store) == StoreContent(single))
  }

  @Test("What another process stored meanwhile is found, and the others are stored all the same")
  func meanwhile() async throws {
    let paths = try paths()
    let inner = InMemoryStore()
    let other = ingest(into: inner)
    let store = SlowStore(inner) { number, _ in
      guard number == 1 else { return }
      for number in [15, 27] { _ = try await other.run(path: paths[number]) }
    }
    let found = try await run(paths, into: store)
    #expect(found[15].hasPrefix("unchanged") && found[27].hasPrefix("unchanged"))
    let single = InMemoryStore()
    _ = try await run(paths, into: single)
    #expect(try await StoreContent(inner) == StoreContent(single))
  }

  @Test("A file that the store refuses takes no other with it")
  func failure() async throws {
    let paths = try paths()
    let store = SlowStore { _, batch in
      if batch.inputs.contains(where: { $0.record.name.hasSuffix("f14") }) {
        throw SlowStore.Full()
      }
    }
    let found = try await run(paths, into: store)
    let single = InMemoryStore()
    var others = paths
    others.remove(at: 14)
    var expected = try await run(others, into: single)
    expected.insert("Full()", at: 14)
    #expect(found == expected)
    #expect(try await StoreContent(store) == StoreContent(single))
  }

  @Test("A pipe that goes on with a file before it is read behind it", arguments: [1, 2])
  func pipes(most: Int) async throws {
    let lines = HubbleLines.flows(0..<60)
    let other = HubbleLines.flows(100..<140)
    let pipe = folder.path("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    let text = lines.map { $0 + "\n" }.joined()
    // Opening a pipe waits for the other end.
    Thread.detachNewThread { try? Data(text.utf8).write(to: URL(fileURLWithPath: pipe)) }
    let paths = [
      try folder.write(lines: other, to: "other"),
      try folder.write(lines: Array(lines[..<20]), to: "start"), pipe,
      try folder.write(lines: Array(lines[..<30]), to: "copy"),
    ]
    let store = SlowStore()
    var found: [String] = []
    try await ingest(into: store).run(paths: paths, sideBySide: most) { _, result in
      found.append(Self.describe(result))
    }
    #expect(found.map { $0.prefix(7) } == ["new 40 ", "new 20 ", "grown 4", "unchang"])
    #expect(try await StoreContent(store).records == 100)
  }

  @Test("What goes on with a file of the command is no error for what it holds alone")
  func lateInventory() async throws {
    let header =
      "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
      + "log-status"
    let record = "2 1 eni-1 10.0.0.1 10.0.0.2 40000 80 6 9 840 1700000000 1700000060 ACCEPT OK"
    let paths = [
      try folder.write(lines: [header], to: "a"),
      try folder.write(lines: [header, record, record], to: "b"),
    ]
    let single = InMemoryStore()
    var expected: [String] = []
    for path in paths {
      do {
        expected.append(Self.describe(.success(try await ingest(into: single).run(path: path))))
      } catch { expected.append(Self.describe(.failure(error))) }
    }
    let store = SlowStore()
    #expect(try await run(paths, into: store) == expected)
    #expect(try await store.inputs() == single.inputs())
  }
}
