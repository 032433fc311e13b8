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
  /// How long reading took.
  package var duration = Duration.zero
}

/// Reads one input into the store: whole or not at all.
package struct Ingest: Sendable {
  let store: any FlowStore
  let resolver: (any AddressResolving)?
  let options: IngestOptions
  let now: Int64
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

  /// An input that was read and is not stored yet.
  struct ReadInput: Sendable {
    /// What is still to be done.
    enum Outcome: Sendable {
      /// Nothing: it held nothing new.
      case done(IngestResult)
      /// Its evidence is to be stored; `known` is the ledger row that it continues.
      case decoded(InputDecoding.Output, LogFormat, known: IngestRecord?)
    }

    var path: String
    var outcome: Outcome
    /// The bytes by which it is known.
    var head: [UInt8]
    /// The ledger rows of inputs that start alike, when it was read.
    var earlier: [IngestRecord]
    /// The ledger row of an earlier reading that came to nothing, when it was read from its start again.
    var unused: IngestRecord?
    /// How long that took.
    var duration = Duration.zero
  }

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - heads: What the ledger knows; nil to ask it.
  ///   - leastPart: The least bytes that a thread of its own is started for.
  func read(
    path: String,
    heads: KnownHeads? = nil,
    leastPart: Int64 = InputDecoding.leastPart
  ) async throws -> ReadInput {
    let start = ContinuousClock.now
    let opened = try OpenedInput(path: path, detect: options.format(of:))
    var input = try await read(opened, heads: heads, leastPart: leastPart)
    input.duration = start.duration(to: .now)
    return input
  }

  func run(opened: OpenedInput) async throws -> IngestResult {
    try await store(try await read(opened, heads: nil, leastPart: InputDecoding.leastPart))
  }

  private func read(
    _ opened: OpenedInput,
    heads: KnownHeads?,
    leastPart: Int64
  ) async throws -> ReadInput {
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
    // The rest of the start is of no use any more, and many inputs may wait.
    let identity = Array(input.head.prefix(OpenedInput.identityWindow))
    guard let format = options.format(of: input.head.span.bytes) else {
      throw InputError.unknownFormat(file: path)
    }
    let isKnown = heads?.mayKnow(input.headHash) ?? true
    let earlier = isKnown ? try await store.inputs(matchingHead: input.headHash) : []
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
        return ReadInput(path: path, outcome: .done(result), head: identity, earlier: earlier)
      case .different: continue
      }
    }
    if let unused = known, let again = try readAgain(unused, path: path, format: format) {
      return ReadInput(
        path: path,
        outcome: .decoded(again, format, known: nil),
        head: identity,
        earlier: earlier,
        unused: unused
      )
    }
    let reader = InputDecoding(
      input: input,
      format: format,
      options: options,
      resolver: resolver,
      progress: progress,
      leastPart: leastPart
    )
    var decoded = try reader.run(from: start)
    // Here, where nothing else holds on to its tables: they would be copied to be changed.
    decoded.accumulator.finish(marksRepliesSoFar: known?.marksReplies ?? false)
    return ReadInput(
      path: path,
      outcome: .decoded(decoded, format, known: known),
      head: identity,
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
}
