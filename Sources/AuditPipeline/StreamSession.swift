import FlowAggregation
import FlowFormats
import FlowModel
import FlowStorage
import Foundation

/// One input that is stored piece by piece.
struct StreamSession {
  private let name: String
  private let format: LogFormat
  private let started: Int64
  /// The time of the last commit.
  private var finished: Int64
  private var accumulator: EvidenceAccumulator
  private var decoder: any LogDecoder
  private var recordID: Int64
  /// Where the ledger row ends as far as this session knows; nil while there is none.
  private var stored: InputIdentity?
  /// Inputs that start alike, when the session began.
  private let besides: [InputIdentity]
  private var head: [UInt8]
  private var tail: TailWindow
  private var pending: [UInt8] = []
  private var linesBefore: Int
  private var linesCommitted: Int
  private var marksReplies: Bool
  private var isSkippingLine = false
  /// Decompressed bytes up to the last counted line.
  private(set) var consumed: Int64
  private var committed: Int64
  private var edges = 0
  private let isNew: Bool
  /// Remarks that the user was told.
  private(set) var told: Set<String>
  /// Counts of everything committed by this session.
  private(set) var total = IngestCounts()

  /// Whether there is something to store.
  var hasUncommitted: Bool { consumed > committed }
  /// Bytes since the last commit.
  var uncommittedBytes: Int { Int(clamping: consumed - committed) }

  /// Starts where an earlier reading of the same content ended.
  ///
  /// - Parameter told: Remarks that the user was told of what came before.
  static func open(
    _ opened: OpenedInput,
    store: any FlowStore,
    resolver: (any AddressResolving)?,
    options: IngestOptions,
    now: Int64,
    told: Set<String> = []
  ) async throws -> StreamSession {
    var input = opened
    guard let format = options.format(of: input.head.span.bytes) else {
      throw InputError.unknownFormat(file: input.name)
    }
    var known: IngestRecord?
    var start = ReadStart()
    let candidates = try await store.inputs(matchingHead: input.headHash)
    for candidate in Continuation.candidates(candidates, format) {
      if case .same(let after) = try Continuation.check(&input, after: candidate) {
        known = candidate
        start = after
        break
      }
    }
    return StreamSession(
      input: input,
      format: format,
      known: known,
      besides: candidates.map(\.identity),
      start: start,
      resolver: resolver,
      options: options,
      now: now,
      told: told
    )
  }

  private init(
    input: OpenedInput,
    format: LogFormat,
    known: IngestRecord?,
    besides: [InputIdentity],
    start: ReadStart,
    resolver: (any AddressResolving)?,
    options: IngestOptions,
    now: Int64,
    told: Set<String>
  ) {
    name = input.name
    self.told = told
    self.format = format
    started = known?.started ?? now
    finished = now
    accumulator = EvidenceAccumulator(
      logKind: format.logKind,
      cluster: options.cluster,
      resolver: resolver
    )
    decoder = format.decoder.init(options: PackedRecords.options(options.decoder))
    recordID = known?.id ?? 0
    stored = known?.identity
    self.besides = besides
    isNew = known == nil
    head = Array(input.head.prefix(OpenedInput.identityWindow))
    linesBefore = start.wholeLines
    linesCommitted = known?.counts.lines ?? 0
    tail = start.tail
    marksReplies = known?.marksReplies ?? false
    consumed = start.offset
    committed = consumed
    if start.offset > 0 {
      let known = Int(min(start.offset, Int64(input.head.count)))
      decoder.resume(after: input.head.span.bytes.extracting(0..<known))
    }
  }

  /// Takes bytes; whole lines are decoded at once.
  mutating func feed(_ bytes: ArraySlice<UInt8>) {
    if head.count < OpenedInput.identityWindow,
      consumed + Int64(pending.count) == Int64(head.count)
    {
      head.append(contentsOf: bytes.prefix(OpenedInput.identityWindow - head.count))
    }
    let before = pending.count
    pending.append(contentsOf: bytes)
    guard let last = bytes.lastIndex(of: 0x0a).map({ before + $0 - bytes.startIndex }) else {
      if pending.count > RecordFraming.longestLine { skipLongLine() }
      return
    }
    var start = 0
    if isSkippingLine, let feed = pending.firstIndex(of: 0x0a) {
      isSkippingLine = false
      start = feed + 1
      linesBefore += 1
    }
    if start <= last {
      let lines = pending
      linesBefore += decoder.decode(
        lines: lines.span.bytes.extracting(start..<last + 1),
        firstLine: linesBefore + 1,
        into: &accumulator
      )
    }
    advance(last + 1)
  }

  private mutating func skipLongLine() {
    if !isSkippingLine {
      accumulator.reject(
        line: linesBefore + 1,
        "the line is longer than \(RecordFraming.longestLine >> 20) MiB"
      )
    }
    isSkippingLine = true
    advance(pending.count)
  }

  private mutating func advance(_ count: Int) {
    tail.append(pending[..<count])
    consumed += Int64(count)
    pending.removeFirst(count)
  }

  /// At the end of a stream: a last line without line feed counts as one.
  ///
  /// - Parameter ifComplete: Leaves it out when it may be torn.
  mutating func finishLastLine(ifComplete: Bool = false) {
    guard !pending.isEmpty, !isSkippingLine else { return }
    if ifComplete, !format.decoder.isComplete(lastLine: pending.span.bytes) { return }
    let lines = pending
    linesBefore += decoder.decode(
      lines: lines.span.bytes,
      firstLine: linesBefore + 1,
      into: &accumulator
    )
    advance(pending.count)
  }

  /// Stores what came since the last commit, in one transaction.
  ///
  /// - Throws: ``FlowStoreError`` when another process stored of the same input: the session is over then;
  ///   ``InputError/needsInventory(file:format:)`` when nothing of the input can ever be used.
  mutating func commit(store: any FlowStore, now: Int64) async throws {
    decoder.finish(into: &accumulator)
    accumulator.finish(marksRepliesSoFar: marksReplies)
    marksReplies = accumulator.marksReplies
    if recordID == 0, format.logKind.lacksInventory(accumulator) {
      throw InputError.needsInventory(file: name, format: format.rawValue)
    }
    let remarks = format.logKind.remarks(accumulator, accumulator.resolver)
    let (entries, drained) = accumulator.drain()
    var counts = drained
    counts.notes.formUnion(remarks)
    counts.lines = linesBefore - linesCommitted
    linesCommitted = linesBefore
    let headLength = min(head.count, Int(clamping: consumed))
    let record = IngestRecord(
      id: recordID,
      name: name,
      format: format.rawValue,
      identity: InputIdentity(
        headLength: headLength,
        headHash: ContentHash.hash(head[..<headLength]),
        consumedBytes: consumed,
        tailHash: tail.hash
      ),
      marksReplies: marksReplies,
      counts: counts,
      started: started,
      finished: now
    )
    // A slow stream may have shown less of its start when the session began.
    let start = head
    let expects: LedgerExpectation =
      if let stored { .grows(stored) } else {
        .isNew(besides: besides, head: { OpenedInput.headHash(start, $0) })
      }
    recordID = try await store.add(
      IngestBatch(
        record: record,
        logKind: format.logKind,
        endpoints: accumulator.endpoints,
        edges: entries,
        expects: expects
      )
    )
    stored = record.identity
    finished = now
    edges += entries.count
    committed = consumed
    total.merge(counts, lineOffset: 0)
  }

  /// What the last commit has to tell; a remark once.
  mutating func report() -> StreamCommit {
    let news = total.notes.subtracting(told)
    told.formUnion(news)
    return StreamCommit(counts: total, notes: news.sorted())
  }

  /// Stores the rest and sums up.
  mutating func close(
    store: any FlowStore,
    now: Int64,
    committed: @Sendable (StreamCommit) -> Void
  ) async throws -> IngestResult {
    if hasUncommitted {
      try await commit(store: store, now: now)
      committed(report())
    }
    return summary
  }

  /// What came of everything committed, without the remarks that commits told.
  var summary: IngestResult {
    var counts = total
    counts.notes.subtract(told)
    let record = IngestRecord(
      id: recordID,
      name: name,
      format: format.rawValue,
      identity: InputIdentity(
        headLength: 0,
        headHash: 0,
        consumedBytes: consumed,
        tailHash: tail.hash
      ),
      marksReplies: marksReplies,
      counts: counts,
      started: started,
      finished: finished
    )
    return IngestResult(
      status: total.lines == 0 ? .unchanged : isNew ? .new : .grown,
      record: record,
      edges: edges,
      tornBytes: pending.count
    )
  }
}
