package import FlowAggregation
package import FlowModel

/// How an input is recognised when it is given again: by its content, not by its name.
package struct InputIdentity: Hashable, Sendable {
  /// How many bytes of the content's start ``headHash`` covers.
  package var headLength: Int
  /// Hash of the start of the decompressed content.
  package var headHash: UInt64
  /// Decompressed bytes up to the end of the last counted line.
  package var consumedBytes: Int64
  /// Hash of the last bytes before ``consumedBytes``.
  package var tailHash: UInt64

  /// Makes an identity.
  package init(headLength: Int, headHash: UInt64, consumedBytes: Int64, tailHash: UInt64) {
    self.headLength = headLength
    self.headHash = headHash
    self.consumedBytes = consumedBytes
    self.tailHash = tailHash
  }
}

/// How an input starts.
package struct InputHead: Hashable, Sendable {
  /// How many bytes of the content's start ``hash`` covers.
  package var length: Int
  /// Hash of the start of the decompressed content.
  package var hash: UInt64

  /// Makes a head.
  package init(length: Int, hash: UInt64) {
    self.length = length
    self.hash = hash
  }
}

/// An input that was ingested: one row of the ledger.
package struct IngestRecord: Hashable, Sendable {
  /// The row's number; 0 for an input that is not stored yet.
  package var id: Int64
  /// The path as given; `-` for standard input.
  package var name: String
  /// The format it was read as.
  package var format: String
  /// How to recognise it.
  package var identity: InputIdentity
  /// Whether it marks replies (see ``EvidenceAccumulator/marksReplies``).
  package var marksReplies: Bool
  /// What became of its records.
  package var counts: IngestCounts
  /// When it was first ingested, microseconds UTC.
  package var started: Int64
  /// When it was last ingested, microseconds UTC.
  package var finished: Int64

  /// Makes a row.
  package init(
    id: Int64,
    name: String,
    format: String,
    identity: InputIdentity,
    marksReplies: Bool,
    counts: IngestCounts,
    started: Int64,
    finished: Int64
  ) {
    self.id = id
    self.name = name
    self.format = format
    self.identity = identity
    self.marksReplies = marksReplies
    self.counts = counts
    self.started = started
    self.finished = finished
  }
}

/// What the ledger said when an input was read.
///
/// Another process may have stored the same input since; what it holds must not count twice.
package enum LedgerExpectation: Sendable {
  /// The row that the input grows ends here.
  case grows(InputIdentity)
  /// These are all inputs that start like the new one; `head` is as for
  /// ``FlowStore/inputs(matchingHead:)``.
  case isNew(besides: [InputIdentity], head: @Sendable (Int) -> UInt64?)

  /// Whether the ledger still says so.
  ///
  /// - Parameters:
  ///   - row: The row that the input grows.
  ///   - alike: Rows whose content starts with one of the given heads.
  package func holds(
    row: IngestRecord?,
    alike: ((Int) -> UInt64?) throws -> [IngestRecord]
  ) rethrows -> Bool {
    switch self {
    case .grows(let identity): return row?.identity == identity
    case .isNew(let identities, let head):
      let found = try alike(head).map(\.identity)
      // An input may be there twice: what gave no evidence is read again as a new one.
      return found.count == identities.count && Set(found) == Set(identities)
    }
  }
}

/// Why a store took nothing of a batch.
package enum FlowStoreError: Error, Hashable, Sendable {
  /// The ledger no longer says what the batch expects: the input is to be looked at again.
  case ledgerChanged
}

/// What inputs add to the store, in one transaction.
package struct IngestBatch: Sendable {
  /// One input.
  package struct Input: Sendable {
    /// The ledger row: with `id` 0 a new input, else the one that has grown (its counts are added).
    package var record: IngestRecord
    /// What the ledger must still say when the inputs before it are entered; nil for anything.
    package var expects: LedgerExpectation?

    /// Makes an input.
    package init(record: IngestRecord, expects: LedgerExpectation? = nil) {
      self.record = record
      self.expects = expects
    }
  }

  /// The inputs, one at least, in the order in which the ledger gets them.
  package var inputs: [Input]
  /// The log kind of all edges.
  package var logKind: LogKind
  /// The endpoints that the edges' keys index.
  package var endpoints: [Endpoint]
  /// The edges, in any order; their lines say of which input they are (``SampleLine``).
  package var edges: [EdgeTable.Entry]

  /// Makes the batch of one input.
  package init(
    record: IngestRecord,
    logKind: LogKind,
    endpoints: [Endpoint],
    edges: [EdgeTable.Entry],
    expects: LedgerExpectation? = nil
  ) {
    inputs = [Input(record: record, expects: expects)]
    self.logKind = logKind
    self.endpoints = endpoints
    self.edges = edges
  }

  /// Makes the batch of several inputs.
  package init(_ inputs: [Input], logKind: LogKind, evidence: JoinedEvidence) {
    self.inputs = inputs
    self.logKind = logKind
    endpoints = evidence.endpoints
    edges = evidence.edges
  }
}

/// Which edges are wanted.
package struct EdgeQuery: Hashable, Sendable {
  /// Only edges with an end in this namespace; nil for all.
  package var namespace: String?
  /// The first hour (UTC hours since 1970) and the hour after the last; nil for no limit.
  package var hours: Range<Int64>?

  /// Makes a query.
  package init(namespace: String? = nil, hours: Range<Int64>? = nil) {
    self.namespace = namespace
    self.hours = hours
  }
}

/// The days on which an edge was seen.
package struct DatedEdge: Hashable, Sendable {
  /// The edge, its tally counting the whole window.
  package var edge: FlowEdge
  /// UTC days since 1970, ascending.
  package var days: [Int64]

  /// Makes a value.
  package init(edge: FlowEdge, days: [Int64]) {
    self.edge = edge
    self.days = days
  }
}

/// Stored capture of one log in one hour.
package struct StoredCaptureHour: Hashable, Sendable {
  /// The log.
  package var logKind: LogKind
  /// UTC hours since 1970.
  package var hour: Int64
  /// What was seen and lost.
  package var capture: CaptureHour

  /// Makes a value.
  package init(logKind: LogKind, hour: Int64, capture: CaptureHour) {
    self.logKind = logKind
    self.hour = hour
    self.capture = capture
  }
}

/// The store of flows: edges by hour and the ledger of inputs.
///
/// May live in another database one day.
package protocol FlowStore: Sendable {
  /// Ledger rows whose content starts with one of the given heads.
  ///
  /// - Parameter head: Tells the hash of the input's first bytes for a length, nil when it is shorter.
  /// - Returns: The candidates, newest first; the caller compares tails.
  func inputs(matchingHead head: (Int) -> UInt64?) async throws -> [IngestRecord]

  /// How the inputs of the ledger start, in any order.
  func heads() async throws -> [InputHead]

  /// Adds the edges, counts and ledger rows of inputs in one transaction.
  ///
  /// External peers that have become too many are folded (see ``ExternalFolding``), with a note in
  /// the last input's ledger row.
  ///
  /// - Returns: The ledger rows' numbers, in the order of the inputs.
  /// - Throws: ``FlowStoreError`` when another process stored one of the inputs meanwhile.
  func addAll(_ batch: IngestBatch) async throws -> [Int64]

  /// Edges over a window, one per key with its hours added up, in the order of ``FlowEdge/precedes(_:_:)``.
  func edges(_ query: EdgeQuery) async throws -> [FlowEdge]

  /// Edges over a window with the days they were seen on, in the order of ``edges(_:)``.
  func edgeDays(_ query: EdgeQuery) async throws -> [DatedEdge]

  /// Every pod endpoint of an edge that was first seen before an hour (nil: ever), sorted.
  func podEndpoints(before hour: Int64?) async throws -> [Endpoint]

  /// The ledger, oldest first.
  func inputs() async throws -> [IngestRecord]

  /// Capture by log and hour, sorted.
  func capture() async throws -> [StoredCaptureHour]

  /// Every namespace with the first and last time a flow of it was seen (microseconds), sorted.
  func namespaces() async throws -> [NamespaceSpan]
}

extension FlowStore {
  /// Adds a batch; see ``addAll(_:)``.
  ///
  /// - Returns: The number of the first input's ledger row.
  package func add(_ batch: IngestBatch) async throws -> Int64 { try await addAll(batch)[0] }
}

/// When a namespace was first and last seen in the logs.
package struct NamespaceSpan: Hashable, Sendable {
  /// The namespace.
  package var namespace: String
  /// First time, microseconds UTC.
  package var first: Int64
  /// Last time, microseconds UTC.
  package var last: Int64

  /// Makes a span.
  package init(namespace: String, first: Int64, last: Int64) {
    self.namespace = namespace
    self.first = first
    self.last = last
  }
}

extension FlowEdge {
  /// The order of edges: by source, destination, protocol, port, class, side, log and reply port.
  package static func precedes(_ left: FlowEdge, _ right: FlowEdge) -> Bool {
    if left.source != right.source { return left.source < right.source }
    if left.destination != right.destination { return left.destination < right.destination }
    if left.transport != right.transport { return left.transport < right.transport }
    if left.port != right.port { return left.port < right.port }
    if left.evidence != right.evidence { return left.evidence < right.evidence }
    if left.side != right.side { return left.side < right.side }
    if left.logKind != right.logKind { return left.logKind < right.logKind }
    return left.replyPort < right.replyPort
  }
}
