package import FlowAggregation
import FlowFormats
package import FlowModel
package import FlowStorage
import Foundation

/// What a commit of a stream has to tell.
package struct StreamCommit: Sendable {
  /// The counts of the input so far.
  package var counts: IngestCounts
  /// Remarks that no earlier commit told, sorted.
  package var notes: [String]
}

/// Reads a stream, or a file as it grows, and commits at intervals until it ends or a signal comes.
package struct StreamIngest: Sendable {
  /// Seconds between commits.
  private static let interval: Int64 = 2 * Timestamps.second
  /// Bytes after which a commit does not wait for the interval.
  private static let mostBytes = 256 << 20
  /// Seconds after which a stream that gives nothing may be committed.
  private static let patience = 0.5
  /// Microseconds between looks at a file that does not grow.
  private static let pause: UInt32 = 200_000

  private let store: any FlowStore
  private let resolver: (any AddressResolving)?
  private let options: IngestOptions
  private let clock: @Sendable () -> Int64

  /// Makes a step; `clock` gives microseconds UTC.
  package init(
    store: any FlowStore,
    resolver: (any AddressResolving)?,
    options: IngestOptions,
    clock: @escaping @Sendable () -> Int64
  ) {
    self.store = store
    self.resolver = resolver
    self.options = options
    self.clock = clock
  }

  /// Reads until the end of the stream, or for a followed file until a signal.
  ///
  /// - Parameters:
  ///   - path: A file, or `-`.
  ///   - follows: Whether to wait for more at the end of the file.
  ///   - committed: Is told after each commit what the ledger now says of the input.
  /// - Returns: The counts of the whole run, without the remarks that commits told.
  package func run(
    path: String,
    follows: Bool,
    committed: @Sendable (StreamCommit) -> Void
  ) async throws -> IngestResult {
    if follows, path != "-" { return try await follow(path, committed: committed) }
    do { return try await readOnce(path, committed: committed) } catch FlowStoreError.ledgerChanged
    {
      throw InputError.storedAlready(file: path == "-" ? "standard input" : path)
    }
  }

  private func readOnce(
    _ path: String,
    committed: @Sendable (StreamCommit) -> Void
  ) async throws -> IngestResult {
    let input = try OpenedInput(path: path, detect: options.format(of:))
    guard RecordFraming.detect(input.head.span.bytes) == .lines, !input.head.isEmpty else {
      // Values over many lines are only complete at the end; nothing can be committed before.
      return try await Ingest(
        store: store,
        resolver: resolver,
        options: options,
        now: clock()
      ).run(opened: input)
    }
    var session = try await StreamSession.open(
      input,
      store: store,
      resolver: resolver,
      options: options,
      now: clock()
    )
    var buffer = [UInt8](repeating: 0, count: LineReader.blockSize)
    var lastCommit = clock()
    let ahead = ReadAheadSource(input.source)
    // A signal ends the source itself: what was read by then is still counted.
    while true {
      let count = try buffer.withUnsafeMutableBytes {
        try ahead.read(into: $0, waitingUntil: Date(timeIntervalSinceNow: StreamIngest.patience))
      }
      if count == 0 { break }
      if let count { session.feed(buffer[..<count]) }
      try await commitIfDue(&session, &lastCommit, committed)
    }
    if !StopSignal.isRaised { session.finishLastLine() }
    return try await session.close(store: store, now: clock(), committed: committed)
  }

  private func commitIfDue(
    _ session: inout StreamSession,
    _ lastCommit: inout Int64,
    _ committed: @Sendable (StreamCommit) -> Void
  ) async throws {
    let now = clock()
    guard
      session.hasUncommitted,
      now - lastCommit >= StreamIngest.interval || session.uncommittedBytes > StreamIngest.mostBytes
    else { return }
    try await session.commit(store: store, now: now)
    lastCommit = now
    committed(session.report())
  }

  // MARK: Following a file

  private func follow(
    _ path: String,
    committed: @Sendable (StreamCommit) -> Void
  ) async throws -> IngestResult {
    var total: IngestResult?
    var told: Set<String> = []
    while !StopSignal.isRaised {
      let file = try FileRange(path: path)
      guard let input = try waitForHead(path) else { break }
      // What was looked at must be what is read on.
      if try file.isReplaced(path: path, position: 0) {
        waitForFile(path)
        continue
      }
      let isGrowing = if case .plain = input.storage { true } else { false }
      guard isGrowing, RecordFraming.detect(input.head.span.bytes) == .lines else {
        // Compressed files do not grow, and values over many lines are whole at the end only.
        return try await Ingest(
          store: store,
          resolver: resolver,
          options: options,
          now: clock()
        ).run(opened: input)
      }
      let result = try await follow(file, input, &told, committed: committed)
      total = total.map { StreamIngest.sum($0, result) } ?? result
      waitForFile(path)
    }
    if let total { return total }
    return try await Ingest(
      store: store,
      resolver: resolver,
      options: options,
      now: clock()
    ).run(path: path)
  }

  /// Reads one file until it is replaced or cut, a signal comes, or another process stores of it.
  private func follow(
    _ file: FileRange,
    _ input: OpenedInput,
    _ told: inout Set<String>,
    committed: @Sendable (StreamCommit) -> Void
  ) async throws -> IngestResult {
    var session = try await StreamSession.open(
      input,
      store: store,
      resolver: resolver,
      options: options,
      now: clock(),
      told: told
    )
    defer { told = session.told }
    var position = session.consumed
    var buffer = [UInt8](repeating: 0, count: LineReader.blockSize)
    var lastCommit = clock()
    var isReplaced = false
    do {
      while !StopSignal.isRaised {
        let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: position) }
        if count > 0 {
          session.feed(buffer[..<count])
          position += Int64(count)
        }
        try await commitIfDue(&session, &lastCommit, committed)
        if count > 0 { continue }
        // The old file is read to its end before the new one under its name is opened.
        if isReplaced { break }
        isReplaced = try file.isReplaced(path: input.name, position: position)
        if !isReplaced { usleep(StreamIngest.pause) }
      }
      if isReplaced { session.finishLastLine(ifComplete: true) }
      return try await session.close(store: store, now: clock(), committed: committed)
    } catch FlowStoreError.ledgerChanged {
      // The ledger says from where to go on.
      return session.summary
    }
  }

  /// Waits until a file has a whole line, and looks at it; nil when a signal came.
  private func waitForHead(_ path: String) throws -> OpenedInput? {
    while !StopSignal.isRaised {
      let input = try OpenedInput(path: path, detect: options.format(of:))
      if input.head.contains(0x0a) || input.head.count == OpenedInput.headSize { return input }
      usleep(StreamIngest.pause)
    }
    return nil
  }

  /// Waits while a log is being rotated and its name is free.
  private func waitForFile(_ path: String) {
    while !StopSignal.isRaised, !FileManager.default.fileExists(atPath: path) {
      usleep(StreamIngest.pause)
    }
  }

  private static func sum(_ left: IngestResult, _ right: IngestResult) -> IngestResult {
    var result = right
    var counts = left.record.counts
    counts.merge(right.record.counts, lineOffset: 0)
    result.record.counts = counts
    result.edges += left.edges
    return result
  }
}
