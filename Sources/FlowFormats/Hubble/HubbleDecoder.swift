package import FlowAggregation
import FlowModel
import JSONText

/// Decodes Cilium Hubble flows in every JSON shape.
///
/// A decoder remembers indices of its accumulator, so the two belong together for the whole log.
///
/// Source: the Hubble format document; Cilium's `flow.proto`.
package struct HubbleDecoder: LogDecoder {
  private let assumedTime: Int64?
  private let memoLimit: Int
  private let nearCount: Int
  private var tree = HubbleTree(names: NameTable())
  private var scanner: HubbleScanner
  private var addresses = HubbleAddressMemo()
  /// The last lines of a block with room behind them; kept to be used again.
  private var lastLines: [UInt8] = []
  private var unwrapper = RecordUnwrapper(
    decisive: ["flow"],
    others: HubbleDecoder.flatKeys + HubbleTree.eventKeys
  )
  /// Whether every record is read as a tree.
  private let readsTrees: Bool
  /// The endpoints of the accumulator when it was last used.
  private var knownEndpoints = 0

  /// Hubble records stand for themselves.
  package static func sharing(_ options: DecoderOptions) -> LogSharing { .anywhere }

  /// Makes a decoder for one log.
  package init(options: DecoderOptions) {
    self.init(options: options, readsTrees: false)
  }

  /// Makes a decoder whose memory of endpoints is bounded otherwise; see ``HubbleScanner/init(memoLimit:nearCount:)``.
  ///
  /// - Parameter readsTrees: Whether records that are given one by one are read as trees, whatever they look like.
  init(
    options: DecoderOptions,
    memoLimit: Int = HubbleScanner.memoLimit,
    nearCount: Int = HubbleEndMemo.nearCount,
    readsTrees: Bool
  ) {
    assumedTime = options.assumedTime
    self.readsTrees = readsTrees
    self.memoLimit = memoLimit
    self.nearCount = nearCount
    scanner = HubbleScanner(memoLimit: memoLimit, nearCount: nearCount)
  }

  /// Whether the first record is a Hubble flow, wrapped or flat, or an event of the Hubble API.
  package static func recognizes(_ start: RawSpan) -> Bool {
    let text = start.text(in: 0..<min(start.byteCount, 65_536))
    let wrapped = text.contains("\"flow\"") || text.contains("\\\"flow\\\"")
    let hubbleOnly = ["\"verdict\"", "\"l4\"", "\"event_type\"", "\"eventType\"", "\"Type\""]
    let escapedOnly = ["\\\"verdict\\\"", "\\\"l4\\\""]
    if text.contains("\"IP\"") || text.contains("\\\"IP\\\"") || wrapped {
      if hubbleOnly.contains(where: text.contains) || escapedOnly.contains(where: text.contains) {
        return true
      }
    }
    return ["\"lost_events\"", "\"node_status\"", "\"agent_event\"", "\"debug_event\""]
      .contains(where: text.contains)
  }

  /// Decodes one record.
  package mutating func decode(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    let start = ShipperEnvelope.criPayloadOffset(record) ?? 0
    if !readsTrees, decodeInPlace(record, from: start, line: line, into: &accumulator) { return }
    let bytes = record.extracting(start..<record.byteCount)
    let value: JSONValue
    do {
      value = try JSONParser.parse(bytes)
    } catch {
      accumulator.reject(line: line, "not JSON: \(error)")
      return
    }
    switch tree.read(value, into: &accumulator) {
    case .flow(let flow): add(flow, line: line, into: &accumulator)
    case .lost(let events, let time):
      accumulator.lost(events, at: time)
      accumulator.discard(.coverageMarker)
    case .nodeTrouble:
      accumulator.counts.notes.insert(
        "A node was unavailable during the capture: flows of that node are missing."
      )
      accumulator.discard(.coverageMarker)
    case .other: accumulator.discard(.notAFlow)
    case .unreadable(let problem): accumulator.reject(line: line, problem)
    }
  }

  /// Members by which a flow is known that is no member of another object.
  private static let flatKeys = ["verdict", "IP"]

  /// Decodes a record that shippers have wrapped, that has white space, or that is a flow only, by
  /// ``HubbleScanner``; false when the tree must read it.
  mutating func decodeInPlace(
    _ record: RawSpan,
    from start: Int,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Bool {
    let keys = unwrapper.unwrap(record, from: start)
    guard keys != 0 else { return false }
    let isWrapped = keys & 1 != 0
    // Without a verdict it may be something else, and with keys of other events it is.
    guard isWrapped || keys >> 1 == 1 || keys >> 1 == 3 else { return false }
    var room = unwrapper.takeRoom()
    defer { unwrapper.giveBack(room) }
    let first = isWrapped ? RecordRoom.margin : room.wrap(in: "{\"flow\":", UInt8(ascii: "}"))
    forgetIndices(unlessKnown: accumulator.endpoints.count)
    var scanned = HubbleScanner.Line(mayAssume: false)
    let bytes = unsafe room.bytes.span.bytes
    // All of it: behind a line feed in the text another record may stand.
    guard scanner.scanMembers(bytes, first, &scanned) == RecordRoom.margin + room.count,
      take(&scanned, bytes, line: line, into: &accumulator)
    else { return false }
    knownEndpoints = accumulator.endpoints.count
    return true
  }

  /// Forgets indices where the accumulator is not the one that they were remembered of.
  ///
  /// - Parameter endpoints: How many endpoints it has.
  private mutating func forgetIndices(unlessKnown endpoints: Int) {
    guard endpoints < knownEndpoints else { return }
    scanner.forgetIndices()
    addresses.removeAll()
  }

  /// Decodes whole lines: in place what ``HubbleScanner`` takes, the rest one by one.
  package mutating func decode(
    lines: RawSpan,
    firstLine: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Int {
    forgetIndices(unlessKnown: accumulator.endpoints.count)
    // Lines before this offset have room behind them; the ones after it are copied to have it too.
    let safeEnd =
      LineFeeds.last(in: lines, before: lines.byteCount - RawSpan.scanSlack)
      .map { $0 + 1 } ?? 0
    var line = firstLine
    if safeEnd > 0 { scan(lines, before: safeEnd, line: &line, into: &accumulator) }
    var copy: [UInt8] = []
    swap(&copy, &lastLines)
    copy.removeAll(keepingCapacity: true)
    let rest = lines.byteCount - safeEnd
    if rest > 0 {
      copy.append(lines, safeEnd, count: rest)
      if copy[rest - 1] != 0x0a { copy.append(0x0a) }
      let end = copy.count
      copy.append(contentsOf: repeatElement(0, count: RawSpan.scanSlack))
      // The span lives for this call only, and the array is a local one.
      unsafe scan(copy.span.bytes, before: end, line: &line, into: &accumulator)
    }
    // A giant line's copy is not worth keeping.
    if copy.capacity <= 1 << 20 { swap(&copy, &lastLines) }
    knownEndpoints = accumulator.endpoints.count
    return line - firstLine
  }

  /// Decodes the lines before an offset that is behind a line feed and has room behind it.
  ///
  /// One line is read ahead of the one that is counted: by then the memory has come with which its ends are compared.
  private mutating func scan(
    _ lines: RawSpan,
    before end: Int,
    line: inout Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    // What the scanner's unchecked loads rest on.
    precondition(
      end <= lines.byteCount - RawSpan.scanSlack && (end == 0 || lines.byte(at: end - 1) == 0x0a)
    )
    let lines = lines.extracting(0..<end + RawSpan.scanSlack)
    var start = 0
    var waiting = HubbleScanner.Line(mayAssume: false)
    var waitingStart = -1
    while true {
      var scanned = HubbleScanner.Line(mayAssume: scanner.mayAssume)
      let feed = start < end ? scanner.scan(lines, start, &scanned) : -1
      if waitingStart >= 0 {
        let isConfirmed = take(&waiting, lines, line: line, into: &accumulator)
        if !isConfirmed {
          // What was read behind it did not begin where a line does.
          start = decodeExactly(lines, waitingStart, before: end, line: line, into: &accumulator)
        }
        waitingStart = -1
        line += 1
        if !isConfirmed { continue }
      }
      guard start < end else { return }
      if feed >= 0, scanned.canWait {
        waiting = scanned
        waitingStart = start
        start = feed &+ 1
        continue
      }
      if feed >= 0, take(&scanned, lines, line: line, into: &accumulator) {
        start = feed &+ 1
      } else {
        start = decodeExactly(lines, start, before: end, line: line, into: &accumulator)
      }
      line += 1
    }
  }

  /// Counts what the scanner read of a line; false when it assumed what is not so.
  @inline(__always)
  private mutating func take(
    _ scanned: inout HubbleScanner.Line,
    _ lines: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Bool {
    guard scanner.confirm(lines, &scanned) else { return false }
    scanner.settle(lines, &scanned, names: &tree.names, into: &accumulator)
    add(scanned.record, line: line, into: &accumulator)
    return true
  }

  /// Decodes the line at an offset without assuming anything.
  ///
  /// - Returns: The offset of the next line.
  @inline(never)
  private mutating func decodeExactly(
    _ lines: RawSpan,
    _ start: Int,
    before end: Int,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Int {
    var scanned = HubbleScanner.Line(mayAssume: false)
    let feed = scanner.scan(lines, start, &scanned)
    if feed >= 0, take(&scanned, lines, line: line, into: &accumulator) { return feed + 1 }
    let next = LineFeeds.next(in: lines, from: start) ?? end
    decodeLine(lines, start, next, line: line, into: &accumulator)
    return next + 1
  }

  /// Forgets the endpoints' bytes; they are read anew where they come again.
  package mutating func releaseMemory() {
    scanner = HubbleScanner(memoLimit: memoLimit, nearCount: nearCount)
  }

  /// Ends the log.
  package mutating func finish(into accumulator: inout EvidenceAccumulator) {}

  private mutating func add(
    _ record: HubbleRecord,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    if record.isReply >= 0 || record.traceReason != .absent { accumulator.marksReplies = true }
    guard let time = record.time ?? assumedTime else {
      accumulator.reject(line: line, "field \"time\" is missing: give --assume-time")
      return
    }
    if let field = HubbleJudge.unknownField(record) {
      // A value newer than this program may mean anything: people should know of the line.
      accumulator.reject(line: line, "field \"\(field)\" has a value that is not known")
      return
    }
    accumulator.sawRecord(at: time)
    switch HubbleJudge.judge(record) {
    case .discard(let reason):
      accumulator.discard(reason)
      if reason == .reply { noteAnswer(record, time: time, into: &accumulator) }
    case .evidence(let finding):
      guard
        let source = index(
          of: record.source,
          address: record.sourceAddress,
          names: 0,
          record: record,
          isSource: true,
          into: &accumulator
        ),
        let destination = index(
          of: record.destination,
          address: record.destinationAddress,
          names: record.destinationNames,
          record: record,
          isSource: false,
          into: &accumulator
        )
      else { return }
      accumulator.add(
        source: source,
        destination: destination,
        transport: TransportProtocol(number: record.transport),
        port: record.destinationPort,
        replyPort: finding.replyPort,
        side: finding.side,
        evidence: finding.evidence,
        first: time,
        last: time,
        line: line,
        unmarked: finding.unmarked
      )
    }
  }

  /// A reply is no evidence, but a bare reset tells that the connection was refused.
  private mutating func noteAnswer(
    _ record: HubbleRecord,
    time: Int64,
    into accumulator: inout EvidenceAccumulator
  ) {
    guard record.transport == TransportProtocol.tcp.number, record.hasFlags,
      record.isReply == 1 || record.reply, record.sourcePort != 0,
      record.source.kind == .pod || record.source.kind == .world,
      record.destination.kind == .pod || record.destination.kind == .world,
      record.source.kind == .pod || record.destination.kind == .pod,
      let server = plainIndex(record.source, record.sourceAddress, into: &accumulator),
      let client = plainIndex(record.destination, record.destinationAddress, into: &accumulator)
    else { return }
    accumulator.reply(
      source: client,
      destination: server,
      port: record.sourcePort,
      isReset: record.rst,
      time: time
    )
  }

  @inline(__always)
  private mutating func plainIndex(
    _ end: HubbleEnd,
    _ address: IPAddress?,
    into accumulator: inout EvidenceAccumulator
  ) -> UInt32? {
    if end.kind == .pod { return end.index }
    return address.map { externalIndex($0, names: 0, into: &accumulator) }
  }

  /// The endpoint index of an end; nil when the record was discarded on its account.
  @inline(__always)
  private mutating func index(
    of end: HubbleEnd,
    address: IPAddress?,
    names: UInt32,
    record: borrowing HubbleRecord,
    isSource: Bool,
    into accumulator: inout EvidenceAccumulator
  ) -> UInt32? {
    switch end.kind {
    case .pod: return end.index
    case .health, .unknown: return nil
    case .world:
      guard let address else { return nil }
      if accumulator.resolver == nil {
        return externalIndex(address, names: names, into: &accumulator)
      }
      return worldIndex(
        address,
        names: names,
        record: record,
        isSource: isSource,
        into: &accumulator
      )
    case .host, .ingress, .unmanaged: return reservedIndex(end.kind, nil, into: &accumulator)
    case .remoteNode, .apiServer: return reservedIndex(end.kind, address, into: &accumulator)
    }
  }

  /// The index of an end that is neither a pod nor outside the cluster.
  @inline(__always)
  private mutating func reservedIndex(
    _ kind: HubbleEnd.Kind,
    _ address: IPAddress?,
    into accumulator: inout EvidenceAccumulator
  ) -> UInt32 {
    if let known = addresses.index(kind, address, names: 0) { return known }
    let index = accumulator.index(of: HubbleDecoder.endpoint(kind, address))
    addresses.insert(index, kind, address, names: 0)
    return index
  }

  /// The index of an address outside the cluster.
  @inline(__always)
  private mutating func externalIndex(
    _ address: IPAddress,
    names: UInt32,
    into accumulator: inout EvidenceAccumulator
  ) -> UInt32 {
    addresses.forget(after: accumulator.externalReleases)
    if let known = addresses.index(.world, address, names: names) { return known }
    let index =
      names == 0
      ? accumulator.index(ofExternal: address)
      : accumulator.index(
        of: Endpoint(kind: .name, address: CIDR(single: address), name: tree.names[names])
      )
    addresses.forget(after: accumulator.externalReleases)
    addresses.insert(index, .world, address, names: names)
    return index
  }

  /// The endpoint of an end that is neither a pod nor outside the cluster.
  private static func endpoint(_ kind: HubbleEnd.Kind, _ address: IPAddress?) -> Endpoint {
    let prefix = address.map(CIDR.init(single:))
    return switch kind {
    case .host: Endpoint(kind: .node, entity: "host")
    case .ingress: Endpoint(kind: .entity, entity: "ingress")
    case .remoteNode: Endpoint(kind: .node, address: prefix, entity: "remote-node")
    case .apiServer: Endpoint(kind: .apiServer, address: prefix, entity: "kube-apiserver")
    default: Endpoint(kind: .entity, entity: "unmanaged")
    }
  }

  private mutating func worldIndex(
    _ address: IPAddress,
    names: UInt32,
    record: HubbleRecord,
    isSource: Bool,
    into accumulator: inout EvidenceAccumulator
  ) -> UInt32? {
    if let resolver = accumulator.resolver, !address.isMetadataService {
      let time = record.time ?? assumedTime ?? 0
      let port = isSource ? record.sourcePort : record.destinationPort
      switch resolver.resolve(
        address,
        transport: TransportProtocol(number: record.transport),
        port: port,
        from: time,
        to: time
      )
      {
      case .endpoint(let endpoint) where endpoint.kind == .node || endpoint.kind == .apiServer:
        return accumulator.index(of: endpoint)
      case .endpoint(let endpoint) where endpoint.kind == .pod:
        return accumulator.index(
          of: Endpoint(kind: .unresolved, address: CIDR(single: address), entity: "unknown-pod")
        )
      case .unknownPod, .ambiguous:
        return accumulator.index(
          of: Endpoint(kind: .unresolved, address: CIDR(single: address), entity: "unknown-pod")
        )
      case .service:
        accumulator.discard(.preTranslation)
        return nil
      case .ignored, .endpoint, .internalUnknown: break
      }
    }
    return externalIndex(address, names: names, into: &accumulator)
  }
}
