import FlowAggregation
import FlowFormats
import FlowModel
import FlowStorage

extension Ingest {
  /// What the store has to do for an input that was read.
  enum Prepared: Sendable {
    /// Nothing; its ledger row may have grown since.
    case done(IngestResult)
    /// To take its evidence.
    case evidence(NewEvidence)
  }

  /// The evidence of an input, ready for the store.
  struct NewEvidence: Sendable {
    var input: IngestBatch.Input
    var logKind: LogKind
    var evidence: EvidenceAccumulator
    var result: IngestResult
    /// The hash of its first bytes for a length, nil when it is shorter.
    var head: @Sendable (Int) -> UInt64?

    /// Whether it continues an input that is stored.
    var isGrown: Bool { result.status == .grown }

    /// What the store gets when it is stored alone.
    var batch: IngestBatch {
      IngestBatch(
        record: input.record,
        logKind: logKind,
        endpoints: evidence.endpoints,
        edges: evidence.edges.entries,
        expects: input.expects
      )
    }
  }

  /// Stores an input that was read.
  func store(_ input: ReadInput) async throws -> IngestResult {
    switch try prepare(input) {
    case .done(let result): return try await current(result, input)
    case .evidence(let new):
      do { return new.result.stored(as: try await store.add(new.batch)) } catch FlowStoreError
        .ledgerChanged
      {
        return try await readAnew(input.path)
      }
    }
  }

  /// Reads an input once more: what starts alike was stored meanwhile, and may hold the same lines.
  ///
  /// - Throws: ``InputError/storedAlready(file:)`` where it has gone by.
  func readAnew(_ path: String) async throws -> IngestResult {
    guard InputFiles.canBeReadAgain(path) else {
      throw InputError.storedAlready(file: path == "-" ? "standard input" : path)
    }
    return try await run(path: path)
  }

  /// A result with its ledger row as it is now: an input stored since the reading may have grown it.
  func current(_ result: IngestResult, _ input: ReadInput) async throws -> IngestResult {
    guard result.record.id != 0 else { return result }
    let rows = try await store.inputs { OpenedInput.headHash(input.head, $0) }
    var result = result
    result.record = rows.first { $0.id == result.record.id } ?? result.record
    return result
  }

  /// Makes of what was read what the store takes.
  ///
  /// - Throws: ``InputError`` where it is not to be stored.
  func prepare(_ input: ReadInput) throws -> Prepared {
    switch input.outcome {
    case .done(let result): return .done(result)
    case .decoded(let decoded, let format, let known):
      return try prepare(decoded, format: format, input: input, known: known)
    }
  }

  private func prepare(
    _ decoded: InputDecoding.Output,
    format: LogFormat,
    input: ReadInput,
    known: IngestRecord?
  ) throws -> Prepared {
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
    var result = IngestResult(
      status: known == nil ? .new : .grown,
      record: record,
      edges: decoded.accumulator.edges.entries.count,
      tornBytes: decoded.tornBytes,
      duration: input.duration
    )
    let nothingNew = decoded.consumed == known?.identity.consumedBytes
    if decoded.consumed == 0 || nothingNew {
      result.status = nothingNew ? .unchanged : .empty
      result.record = known ?? record
      result.edges = 0
      return .done(result)
    }
    let start = input.head
    let head: @Sendable (Int) -> UInt64? = { OpenedInput.headHash(start, $0) }
    let expects: LedgerExpectation =
      if let known { .grows(known.identity) } else {
        .isNew(besides: input.earlier.map(\.identity), head: head)
      }
    return .evidence(
      NewEvidence(
        input: IngestBatch.Input(record: record, expects: expects),
        logKind: format.logKind,
        evidence: decoded.accumulator,
        result: result,
        head: head
      )
    )
  }
}

extension IngestResult {
  /// The result with the number of the ledger row that it got.
  func stored(as id: Int64) -> IngestResult {
    var result = self
    result.record.id = id
    return result
  }
}
