import ClusterInventory
import FlowAggregation
package import FlowFormats
package import FlowModel
package import FlowStorage
import Foundation
import Synchronization

/// How inputs are to be read.
package struct IngestOptions: Sendable {
  /// The format; nil to look.
  package var format: LogFormat?
  /// What the user says about the log.
  package var decoder = DecoderOptions()
  /// The cluster's name for logs that carry none.
  package var cluster = ""
  /// Threads for a plain file.
  package var threads = 1
  /// Whether a refused record is an error.
  package var isStrict = false

  /// Makes the defaults.
  package init() {}

  /// The format of an input by its first bytes, unless the user said which it is; nil when nobody knows.
  func format(of head: RawSpan) -> LogFormat? {
    format ?? LogFormat.detect(head, fields: decoder.fields)
  }
}

/// What came of one input.
package struct IngestResult: Sendable {
  /// How it was taken.
  package enum Status: Sendable {
    /// For the first time.
    case new
    /// It had been read before and has grown; only what came since was counted.
    case grown
    /// It had been read before, and nothing has come since.
    case unchanged
    /// It holds nothing.
    case empty
  }

  /// How it was taken.
  package var status: Status
  /// The ledger row with the counts of this time.
  package var record: IngestRecord
  /// Edges it added or grew.
  package var edges: Int
  /// Bytes after the last line feed that wait for the rest of their line.
  package var tornBytes: Int
}

/// Reads one input into the store: whole or not at all.
package struct Ingest: Sendable {
  private let store: any FlowStore
  private let resolver: (any AddressResolving)?
  private let options: IngestOptions
  private let now: Int64
  private let progress: @Sendable (Int64) -> Void

  /// Makes a step.
  ///
  /// - Parameters:
  ///   - store: Takes the edges.
  ///   - resolver: The inventory, when there is one.
  ///   - options: How to read.
  ///   - now: The time for the ledger, microseconds UTC.
  ///   - progress: Is told how many more bytes of the file were read; called on several threads.
  package init(
    store: any FlowStore,
    resolver: (any AddressResolving)?,
    options: IngestOptions,
    now: Int64,
    progress: @escaping @Sendable (Int64) -> Void = { _ in }
  ) {
    self.store = store
    self.resolver = resolver
    self.options = options
    self.now = now
    self.progress = progress
  }

  /// Reads a file, or standard input for `-`, and commits it in one transaction.
  ///
  /// - Throws: ``InputError``, or the store's error; the store is then as it was.
  package func run(path: String) async throws -> IngestResult {
    try await store(try await read(path: path))
  }

  /// Reads files side by side and commits them one after the other, in the order given.
  ///
  /// A file's rows are written while the next ones are read, and compressed files, which have one reader
  /// each, are inflated together. The store is the same as when they are taken one by one.
  ///
  /// - Parameters:
  ///   - paths: The files.
  ///   - most: How many are read or wait to be stored at a time.
  ///   - taken: Is told what came of each file, in order; an error of one is no error of the others.
  /// - Throws: What `taken` throws; files behind are then left out.
  package func run(
    paths: [String],
    sideBySide most: Int,
    taken: (String, Result<IngestResult, any Error>) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: (Int, Result<ReadInput, any Error>).self) { group in
      var next = 0
      var read: [Int: Result<ReadInput, any Error>] = [:]
      func start() {
        guard next < paths.count else { return }
        let (index, path) = (next, paths[next])
        next += 1
        group.addTask {
          do { return (index, .success(try await self.read(path: path))) } catch {
            return (index, .failure(error))
          }
        }
      }
      for _ in 0..<max(1, most) { start() }
      for index in paths.indices {
        while read[index] == nil, let (number, result) = try await group.next() {
          read[number] = result
        }
        guard let input = read.removeValue(forKey: index) else { break }
        // The next file is read while this one is stored.
        start()
        let result: Result<IngestResult, any Error>
        do { result = .success(try await store(try input.get())) } catch {
          result = .failure(error)
        }
        do { try await taken(paths[index], result) } catch {
          group.cancelAll()
          throw error
        }
      }
    }
  }

  /// An input that was read and is not stored yet.
  private struct ReadInput: Sendable {
    /// What is still to be done.
    enum Outcome: Sendable {
      /// Nothing: it held nothing new.
      case done(IngestResult)
      /// Its evidence is to be stored; `known` is the ledger row that it continues.
      case decoded(InputDecoding.Output, LogFormat, known: IngestRecord?)
    }

    var path: String
    var outcome: Outcome
    var head: [UInt8]
    /// The ledger rows of inputs that start alike, when it was read.
    var earlier: [IngestRecord]
    /// The ledger row of an earlier reading that came to nothing, when it was read from its start again.
    var unused: IngestRecord?
  }

  private func read(path: String) async throws -> ReadInput {
    try await read(try OpenedInput(path: path, detect: options.format(of:)))
  }

  func run(opened: OpenedInput) async throws -> IngestResult {
    try await store(try await read(opened))
  }

  private func read(_ opened: OpenedInput) async throws -> ReadInput {
    var input = opened
    let path = input.name
    if input.head.isEmpty {
      let record = IngestRecord(
        id: 0,
        name: path,
        format: "",
        identity: InputIdentity(
          headLength: 0,
          headHash: 0,
          consumedBytes: 0,
          tailHash: 0
        ),
        marksReplies: false,
        counts: IngestCounts(),
        started: now,
        finished: now
      )
      let result = IngestResult(status: .empty, record: record, edges: 0, tornBytes: 0)
      return ReadInput(path: path, outcome: .done(result), head: [], earlier: [])
    }
    guard let format = options.format(of: input.head.span.bytes) else {
      throw InputError.unknownFormat(file: path)
    }
    let earlier = try await store.inputs(matchingHead: input.headHash)
    var known: IngestRecord?
    var start = ReadStart()
    search: for candidate in Continuation.candidates(earlier, format) {
      switch try Continuation.check(&input, after: candidate) {
      case .same(let after):
        known = candidate
        start = after
        break search
      case .shorter:
        let result = IngestResult(status: .unchanged, record: candidate, edges: 0, tornBytes: 0)
        return ReadInput(path: path, outcome: .done(result), head: input.head, earlier: earlier)
      case .different: continue
      }
    }
    if let unused = known, let again = try readAgain(unused, path: path, format: format) {
      return ReadInput(
        path: path,
        outcome: .decoded(again, format, known: nil),
        head: input.head,
        earlier: earlier,
        unused: unused
      )
    }
    let reader = InputDecoding(
      input: input,
      format: format,
      options: options,
      resolver: resolver,
      progress: progress
    )
    var decoded = try reader.run(from: start)
    // Here, where nothing else holds on to its tables: they would be copied to be changed.
    decoded.accumulator.finish(marksRepliesSoFar: known?.marksReplies ?? false)
    return ReadInput(
      path: path,
      outcome: .decoded(decoded, format, known: known),
      head: input.head,
      earlier: earlier
    )
  }

  /// Reads a log of addresses from its start when nothing of it could be used before: the inventory may
  /// know them by now, and what gave no evidence cannot count twice.
  ///
  /// - Returns: nil when it was used before, or cannot be used now either.
  private func readAgain(_ known: IngestRecord, path: String, format: LogFormat) throws
    -> InputDecoding.Output?
  {
    guard known.counts.used == 0, path != "-", resolver != nil, format.logKind.holdsAddresses else {
      return nil
    }
    let reader = InputDecoding(
      input: try OpenedInput(path: path, detect: { _ in format }),
      format: format,
      options: options,
      resolver: resolver,
      progress: progress
    )
    var decoded = try reader.run(from: ReadStart())
    guard decoded.accumulator.counts.used > 0 else { return nil }
    decoded.accumulator.finish()
    return decoded
  }

  private func store(_ input: ReadInput) async throws -> IngestResult {
    switch input.outcome {
    case .done(var result):
      result.record = try await current(result.record, input)
      return result
    case .decoded(let decoded, let format, let known):
      do {
        return try await commit(decoded, format: format, input: input, known: known)
      } catch FlowStoreError.ledgerChanged {
        // What starts alike was stored meanwhile, and may hold the same lines.
        guard input.path != "-" else { throw InputError.storedAlready(file: "standard input") }
        return try await run(path: input.path)
      }
    }
  }

  /// A ledger row as it is now: an input stored since the reading may have grown it.
  private func current(_ record: IngestRecord, _ input: ReadInput) async throws -> IngestRecord {
    guard record.id != 0 else { return record }
    let rows = try await store.inputs { OpenedInput.headHash(input.head, $0) }
    return rows.first { $0.id == record.id } ?? record
  }

  private func commit(
    _ decoded: InputDecoding.Output,
    format: LogFormat,
    input: ReadInput,
    known: IngestRecord?
  ) async throws -> IngestResult {
    var counts = decoded.accumulator.counts
    counts.lines = decoded.lines - (known?.counts.lines ?? 0)
    if decoded.consumed == input.unused?.identity.consumedBytes { counts.capture = [:] }
    counts.notes.formUnion(format.logKind.remarks(decoded.accumulator, resolver))
    if options.isStrict, let first = counts.rejections.first {
      throw InputError.strict(
        file: input.path,
        line: first.line,
        problem: first.problem,
        count: counts.rejectedCount
      )
    }
    if known == nil, counts.used == 0, counts.discarded.isEmpty, counts.lostEvents == 0,
      let first = counts.rejections.first
    {
      throw InputError.nothingRecognized(
        file: input.path,
        format: format.rawValue,
        firstProblem: first.problem,
        line: first.line
      )
    }
    if known == nil, format.logKind.lacksInventory(decoded.accumulator) {
      throw InputError.needsInventory(file: input.path, format: format.rawValue)
    }
    let headLength = min(
      OpenedInput.identityWindow,
      input.head.count,
      Int(clamping: decoded.consumed)
    )
    let record = IngestRecord(
      id: known?.id ?? 0,
      name: input.path,
      format: format.rawValue,
      identity: InputIdentity(
        headLength: headLength,
        headHash: OpenedInput.headHash(input.head, headLength) ?? 0,
        consumedBytes: decoded.consumed,
        tailHash: decoded.tailHash
      ),
      marksReplies: decoded.accumulator.marksReplies,
      counts: counts,
      started: known?.started ?? now,
      finished: now
    )
    let nothingNew = decoded.consumed == known?.identity.consumedBytes
    if decoded.consumed == 0 || nothingNew {
      return IngestResult(
        status: nothingNew ? .unchanged : .empty,
        record: try await current(known ?? record, input),
        edges: 0,
        tornBytes: decoded.tornBytes
      )
    }
    let edges = decoded.accumulator.edges.entries
    let head = input.head
    let expects: LedgerExpectation =
      if let known { .grows(known.identity) } else {
        .isNew(
          besides: input.earlier.map(\.identity),
          head: { OpenedInput.headHash(head, $0) }
        )
      }
    var stored = record
    stored.id = try await store.add(
      IngestBatch(
        record: record,
        logKind: format.logKind,
        endpoints: decoded.accumulator.endpoints,
        edges: edges,
        expects: expects
      )
    )
    return IngestResult(
      status: known == nil ? .new : .grown,
      record: stored,
      edges: edges.count,
      tornBytes: decoded.tornBytes
    )
  }
}
