package import FlowAggregation
import FlowModel
import JSONText

/// Decodes Calico flow logs: Enterprise files, Whisker, Goldmane, and Felix' denied-packet lines.
///
/// Source: the Calico format document, sections 1 to 4 and 7.
package struct CalicoDecoder: LogDecoder {
  private let assumedTime: Int64?
  /// Whether denials were let through.
  let denyPasses: Bool
  private var clock: LineClock
  private var notes: UInt8 = 0
  /// The fast path; paired with the one accumulator this decoder is used with.
  var scanner: CalicoScanner
  /// The last lines of a block with room behind them; kept to be used again.
  var lastLines: [UInt8] = []
  /// The endpoints of the accumulator when it was last used.
  var knownEndpoints = 0
  /// Takes away what is around records.
  var unwrapper = RecordUnwrapper(decisive: CalicoTree.recordKeys, others: [])
  /// Whether every record that is given by itself is read as a tree.
  private let readsTrees: Bool

  private enum Note: UInt8 {
    case noPending, noAddress, denyMode, streamError, noPort

    var text: String {
      switch self {
      case .noPending:
        "Some Calico records have no pending policies: what staged policies would deny of them is unknown."
      case .noAddress:
        "Some Calico records name a network without its address (pub, pvt, network sets): no CIDR can be learned from them."
      case .denyMode:
        "Calico denials are taken as blocked; under dropActionOverride Accept or LogAndAccept they passed, which the log does not say: --deny-passes."
      case .streamError: "The Whisker stream reported errors: flows may be missing."
      case .noPort:
        "Some Calico records have no destination port (aggregation level 3): no rule can be learned from them."
      }
    }
  }

  /// How many layers of wrapping are taken away.
  private static let maximumLayers = 12

  /// Makes a decoder for one log.
  package init(options: DecoderOptions) {
    self.init(options: options, readsTrees: false)
  }

  /// Makes a decoder whose memory of what it has seen is bounded otherwise.
  ///
  /// - Parameter readsTrees: Whether records that are given one by one are read as trees, whatever they look like.
  init(
    options: DecoderOptions,
    memoLimit: Int = CalicoScanner.memoLimit,
    readsTrees: Bool = false
  ) {
    self.readsTrees = readsTrees
    scanner = CalicoScanner(memoLimit: memoLimit)
    assumedTime = options.assumedTime
    denyPasses = options.denyPasses
    clock = LineClock(options: options)
  }

  /// The answers of Whisker and Elasticsearch.
  package static var listPaths: [RecordListPath] {
    [RecordListPath("items"), RecordListPath("flows"), RecordListPath("hits", "hits")]
  }

  /// Records stand for themselves, but for Felix' lines whose year is found from their order.
  package static func sharing(_ options: DecoderOptions) -> LogSharing {
    options.assumedYear == nil ? .anywhere : .none
  }

  /// Whether the first records are Calico flows in any of their forms.
  package static func recognizes(_ start: RawSpan) -> Bool {
    CalicoRecognition.matches(start.text(in: 0..<min(start.byteCount, 65_536)))
  }

  /// Decodes one record: a JSON value, or a line.
  package mutating func decode(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    let start = CalicoDecoder.payloadStart(record)
    if !readsTrees, decodeInPlace(record, from: start, line: line, into: &accumulator) { return }
    guard start < record.byteCount else {
      accumulator.discard(.unrelatedLine)
      return
    }
    let payload = record.extracting(start..<record.byteCount)
    let first = payload.byte(at: 0)
    guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
      decode(
        text: payload.text(in: 0..<payload.byteCount),
        line: line,
        into: &accumulator
      )
      return
    }
    do {
      // Arguments of processes may hold secrets and are of no use here.
      let value = try JSONParser.parse(payload, skippingKeys: ["process_args"])
      decode(value, line: line, layers: 0, into: &accumulator)
    } catch {
      let lines = CalicoDecoder.lineBreaks(in: payload, before: error.offset)
      let place = lines == 0 ? "" : ", line \(lines + 1) of the record"
      accumulator.reject(line: line, "not JSON: \(error)\(place)")
    }
  }

  /// Ends the log.
  package mutating func finish(into accumulator: inout EvidenceAccumulator) {}

  /// Where the payload starts behind white space, a CRI prefix and the `data:` of an event stream.
  private static func payloadStart(_ record: RawSpan) -> Int {
    var start = ShipperEnvelope.criPayloadOffset(record) ?? 0
    func skipSpaces() {
      while start < record.byteCount, [0x20, 0x09, 0x0a, 0x0d].contains(record.byte(at: start)) {
        start += 1
      }
    }
    skipSpaces()
    let mark = Array("data:".utf8)
    if start + mark.count <= record.byteCount,
      mark.indices.allSatisfy({ record.byte(at: start + $0) == mark[$0] })
    {
      start += mark.count
      skipSpaces()
    }
    return start
  }

  private static func lineBreaks(in span: RawSpan, before offset: Int) -> Int {
    (0..<max(0, min(offset, span.byteCount))).count { span.byte(at: $0) == 0x0a }
  }

  private mutating func decode(
    _ value: JSONValue,
    line: Int,
    layers: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    guard layers < CalicoDecoder.maximumLayers else {
      accumulator.reject(line: line, "wrapped too deeply")
      return
    }
    switch CalicoTree.read(value) {
    case .flow(let flow): add(flow, line: line, into: &accumulator)
    case .list(let values):
      if values.isEmpty { accumulator.discard(.notAFlow) }
      for value in values { decode(value, line: line, layers: layers + 1, into: &accumulator) }
    case .envelope(let inner):
      decode(inner, line: line, layers: layers + 1, into: &accumulator)
    case .unreadable(let problem):
      if let text = ShipperEnvelope.line(value) {
        decode(text: text, line: line, into: &accumulator)
      } else {
        accumulator.reject(line: line, problem)
      }
    }
  }

  private mutating func decode(
    text: String,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    if FelixDenyLine.matches(text) {
      add(felixLine: text, line: line, into: &accumulator)
    } else if let tree = CalicoText.tree(ofLine: text) {
      decode(tree, line: line, layers: 0, into: &accumulator)
    } else if text.hasPrefix("error:") {
      note(.streamError, in: &accumulator)
      accumulator.discard(.coverageMarker)
    } else if ["event:", "id:", "retry:", ":"].contains(where: text.hasPrefix)
      || text.contains("calico-felix[")
    {
      accumulator.discard(.unrelatedLine)
    } else {
      accumulator.reject(line: line, "not a Calico flow record")
    }
  }

  private mutating func note(_ note: Note, in accumulator: inout EvidenceAccumulator) {
    guard notes & 1 << note.rawValue == 0 else { return }
    notes |= 1 << note.rawValue
    accumulator.counts.notes.insert(note.text)
  }

  // MARK: Adding

  /// Intervals are minutes long; an end further away is damage and would move the log's newest time.
  private static let longestInterval = Timestamps.day

  /// What of a record the meaning of its ends depends on.
  struct Place {
    var cluster: String
    var transport: TransportProtocol
    var port: UInt16
    var start: Int64
    var end: Int64
  }

  private mutating func add(
    _ record: CalicoRecord,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    guard let start = record.start ?? assumedTime else {
      accumulator.reject(line: line, "field \"start_time\" is missing")
      return
    }
    accumulator.sawRecord(at: start)
    let evidence: EvidenceClass
    let side: PolicySide
    switch CalicoJudge.judge(record.facts, denyPasses: denyPasses) {
    case .discard(let reason):
      discard(reason, record.facts, in: &accumulator)
      return
    case .evidence(let found, let whose): (evidence, side) = (found, whose)
    }
    let place = Place(
      cluster: record.cluster,
      transport: record.transport ?? .tcp,
      port: record.port,
      start: start,
      end: record.end ?? start
    )
    guard let source = observed(record.source, of: place, into: &accumulator),
      let destination = observed(record.destination, of: place, into: &accumulator)
    else {
      accumulator.discard(.unknownEndpoint)
      return
    }
    noteEvidence(record.facts, record.dialect, in: &accumulator)
    accumulator.record(
      ObservedFlow(
        source: source,
        destination: destination,
        transport: place.transport,
        port: record.port,
        side: side,
        evidence: evidence,
        start: start,
        end: CalicoDecoder.last(record.end, after: start),
        bytes: CalicoDecoder.sum(record.bytesIn, record.bytesOut)
      ),
      line: line
    )
  }

  /// Counts a record that is no evidence, and says once what the user can do about it.
  @inline(__always)
  mutating func discard(
    _ reason: DiscardReason,
    _ facts: CalicoFacts,
    in accumulator: inout EvidenceAccumulator
  ) {
    if reason == .noPorts, facts.transport?.hasPorts == true { note(.noPort, in: &accumulator) }
    accumulator.discard(reason)
  }

  /// Says once what records of a kind cannot tell.
  @inline(__always)
  mutating func noteEvidence(
    _ facts: CalicoFacts,
    _ dialect: CalicoRecord.Dialect,
    in accumulator: inout EvidenceAccumulator
  ) {
    if facts.action == .allow, !facts.policies.saysPending { note(.noPending, in: &accumulator) }
    if facts.action == .deny, dialect == .file, !denyPasses { note(.denyMode, in: &accumulator) }
  }

  /// The bytes of both directions; 0 when they make no sense.
  static func sum(_ bytesIn: Int64, _ bytesOut: Int64) -> Int64 {
    let (sum, overflows) = max(0, bytesIn).addingReportingOverflow(max(0, bytesOut))
    return overflows ? 0 : sum
  }

  /// The end of an interval; one before its start or too far away counts as its start.
  static func last(_ end: Int64?, after start: Int64) -> Int64 {
    guard let end, end >= start, end - start <= longestInterval else { return start }
    return end
  }

  /// What an end is, nil when nothing usable is known of it.
  mutating func observed(
    _ end: CalicoEnd,
    of place: Place,
    into accumulator: inout EvidenceAccumulator
  ) -> ObservedEnd? {
    let found = CalicoEndResolver.observed(end, in: place.cluster)
    if accumulator.resolver == nil, case .pod(_, _, let hint)? = found, !hint.labels.isEmpty {
      remember(end, as: hint, in: &accumulator)
    }
    guard case .endpoint(let endpoint)? = found else { return found }
    switch endpoint.kind {
    case .pod: remember(end, as: endpoint, in: &accumulator)
    case .unresolved: note(.noAddress, in: &accumulator)
    case .name:
      guard let address = endpoint.address?.address, let resolver = accumulator.resolver else {
        break
      }
      // What the inventory knows to be in the cluster is no external name.
      let known = resolver.resolve(
        address,
        transport: place.transport,
        port: place.port,
        from: place.start,
        to: place.end
      )
      if case .endpoint(let other) = known, other.isExternal { break }
      return .address(address)
    default: break
    }
    return found
  }

  /// Lets records of the same aggregated name without labels find this endpoint.
  private func remember(
    _ end: CalicoEnd,
    as endpoint: Endpoint,
    in accumulator: inout EvidenceAccumulator
  ) {
    // The inventory may know the address as that of a pod elsewhere.
    guard !end.aggregatedName.isEmpty, endpoint.namespace == end.namespace else { return }
    let index = accumulator.index(of: endpoint)
    // The span lives as long as the name.
    unsafe accumulator.remember(pod: end.aggregatedName.utf8Span.span.bytes, as: index)
  }

  private mutating func add(
    felixLine text: String,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    guard let felix = FelixDenyLine(text) else {
      accumulator.reject(line: line, "a Felix packet line with missing or malformed fields")
      return
    }
    let time: Int64
    do {
      time = try clock.time(LogLineHeader(Array(text.utf8)).time, outer: nil)
    } catch {
      accumulator.reject(line: line, error.text)
      return
    }
    accumulator.sawRecord(at: time)
    guard let transport = felix.transport, transport.hasPorts else {
      accumulator.discard(.otherProtocol)
      return
    }
    guard felix.port != 0 else {
      accumulator.discard(.noPorts)
      return
    }
    var evidence = EvidenceClass.allowed
    if felix.isDenied {
      if !denyPasses { note(.denyMode, in: &accumulator) }
      evidence = denyPasses ? .wouldDeny : (felix.ruleIndex ?? -1) >= 0 ? .explicitDeny : .denied
    }
    accumulator.record(
      ObservedFlow(
        source: .address(felix.source),
        destination: .address(felix.destination),
        transport: transport,
        sourcePort: felix.sourcePort,
        port: felix.port,
        side: felix.isEgress ? .egress : .ingress,
        evidence: evidence,
        start: time,
        bytes: felix.bytes
      ),
      line: line
    )
  }
}
