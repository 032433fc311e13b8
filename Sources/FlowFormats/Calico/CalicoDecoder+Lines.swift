package import FlowAggregation
import FlowModel

extension CalicoDecoder {
  /// Decodes whole lines: in place what ``CalicoScanner`` takes, the rest one by one.
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

  /// Decodes a record that shippers have wrapped or that has white space by ``CalicoScanner``; false when the tree
  /// must read it.
  mutating func decodeInPlace(
    _ record: RawSpan,
    from start: Int,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Bool {
    guard unwrapper.unwrap(record, from: start) != 0 else { return false }
    let room = unwrapper.takeRoom()
    defer { unwrapper.giveBack(room) }
    forgetIndices(unlessKnown: accumulator.endpoints.count)
    var scanned = CalicoScanner.Line()
    let bytes = unsafe room.bytes.span.bytes
    // All of it: behind a line feed in the text another record may stand.
    let end = RecordRoom.margin + room.count
    guard scanner.scan(bytes, RecordRoom.margin, &scanned) == end,
      count(&scanned, bytes, line: line, into: &accumulator)
    else { return false }
    knownEndpoints = accumulator.endpoints.count
    return true
  }

  /// Forgets indices where the accumulator is not the one that they were remembered of.
  ///
  /// - Parameter endpoints: How many endpoints it has.
  private mutating func forgetIndices(unlessKnown endpoints: Int) {
    if endpoints < knownEndpoints { scanner.ends.unsettle() }
  }

  /// Decodes the lines before an offset that is behind a line feed and has room behind it.
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
    var start = 0
    while start < end {
      var scanned = CalicoScanner.Line()
      let feed = scanner.scan(lines, start, &scanned)
      if feed >= 0, count(&scanned, lines, line: line, into: &accumulator) {
        start = feed &+ 1
      } else {
        let feed = LineFeeds.next(in: lines, from: start) ?? end
        decodeLine(lines, start, feed, line: line, into: &accumulator)
        start = feed + 1
      }
      line += 1
    }
  }

  /// Counts what a well-formed line says; false when an ordinary decoder must read it.
  @inline(__always)
  private mutating func count(
    _ scanned: inout CalicoScanner.Line,
    _ lines: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Bool {
    guard let start = scanned.start else { return false }
    var source = scanned.source.known
    if source < 0 { source = scanner.ends.find(scanned.source, isDestination: false, lines) }
    var destination = scanned.destination.known
    if destination < 0 {
      destination = scanner.ends.find(scanned.destination, isDestination: true, lines)
    }
    guard source >= 0, destination >= 0 else { return false }
    var facts = scanned.facts
    let dialect: CalicoRecord.Dialect
    if scanned.isGoldmane {
      dialect = .goldmane
      // Protobuf leaves zeros out.
      facts.packetsIn = facts.packetsIn ?? 0
      facts.packetsOut = facts.packetsOut ?? 0
    } else if scanner.ends.known[source].hasAggregate
      || scanner.ends.known[destination].hasAggregate
    {
      dialect = .file
    } else {
      guard scanner.ends.known[source].hasName, scanner.ends.known[destination].hasName else {
        return false
      }
      dialect = scanned.isWhisker ? .whisker : .file
    }
    facts.sourceKind = scanner.ends.known[source].kind
    facts.destinationKind = scanner.ends.known[destination].kind
    let pod = scanner.ends.known[source].pod
    facts.isSamePod = pod != 0 && pod == scanner.ends.known[destination].pod
    accumulator.sawRecord(at: start)
    switch CalicoJudge.judge(facts, denyPasses: denyPasses) {
    case .discard(let reason): discard(reason, facts, in: &accumulator)
    case .evidence(let evidence, let side):
      add(
        Scanned(
          source: source,
          destination: destination,
          facts: facts,
          dialect: dialect,
          evidence: evidence,
          side: side,
          cluster: scanned.cluster,
          start: start,
          end: scanned.end,
          bytes: CalicoDecoder.sum(scanned.bytesIn, scanned.bytesOut)
        ),
        line: line,
        into: &accumulator
      )
    }
    return true
  }

  /// A record that is evidence, its ends by number.
  private struct Scanned {
    var source: Int
    var destination: Int
    var facts: CalicoFacts
    var dialect: CalicoRecord.Dialect
    var evidence: EvidenceClass
    var side: PolicySide
    var cluster: UInt32
    var start: Int64
    var end: Int64?
    var bytes: Int64
  }

  @inline(__always)
  private mutating func add(
    _ record: Scanned,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    settle(record.source, record, into: &accumulator)
    guard scanner.ends.known[record.source].form != .nothing else {
      accumulator.discard(.unknownEndpoint)
      return
    }
    settle(record.destination, record, into: &accumulator)
    let source = scanner.ends.known[record.source]
    let destination = scanner.ends.known[record.destination]
    guard source.form == .fixed, destination.form == .fixed else {
      addChanging(record, line: line, into: &accumulator)
      return
    }
    noteEvidence(record.facts, record.dialect, in: &accumulator)
    guard source.isPod || destination.isPod else {
      accumulator.discard(.noPod)
      return
    }
    let last = CalicoDecoder.last(record.end, after: record.start)
    accumulator.add(
      source: source.index,
      destination: destination.index,
      transport: record.facts.transport ?? .tcp,
      port: record.facts.port,
      side: record.side,
      evidence: record.evidence,
      bytes: record.bytes,
      first: record.start,
      // As for any interval, whose end lies outside it.
      last: max(record.start, last - 1),
      line: line
    )
  }

  /// Finds out what an end is in the accumulator, unless that is known.
  @inline(__always)
  private mutating func settle(
    _ number: Int,
    _ record: Scanned,
    into accumulator: inout EvidenceAccumulator
  ) {
    let known = scanner.ends.known[number]
    guard known.form == .unsettled || known.cluster != record.cluster else { return }
    settleAnew(number, record, into: &accumulator)
  }

  @inline(never)
  private mutating func settleAnew(
    _ number: Int,
    _ record: Scanned,
    into accumulator: inout EvidenceAccumulator
  ) {
    let end = scanner.ends.ends[number]
    var known = scanner.ends.known[number]
    known.cluster = record.cluster
    known.form = .changing
    known.isPod = false
    switch observed(end, of: place(of: record), into: &accumulator) {
    case nil: known.form = .nothing
    case .endpoint(let endpoint)? where !endpoint.isExternal:
      known.form = .fixed
      known.isPod = endpoint.kind == .pod
      known.index = accumulator.index(of: endpoint)
    case .pod(let namespace, let name, let hint)?:
      // An aggregated name stands for the same pods at any time.
      guard accumulator.resolver == nil || name.hasSuffix("*") else { break }
      let endpoint =
        accumulator.resolver?.pod(namespace: namespace, name: name, at: record.start) ?? hint
      known.form = .fixed
      known.isPod = endpoint.kind == .pod
      known.index = accumulator.index(of: endpoint)
    case .endpoint?, .address?: break
    }
    scanner.ends.known[number] = known
  }

  /// Counts a record with an end that may be something else at another time.
  @inline(never)
  private mutating func addChanging(
    _ record: Scanned,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    let place = place(of: record)
    let ends = (scanner.ends.ends[record.source], scanner.ends.ends[record.destination])
    guard let source = observed(ends.0, of: place, into: &accumulator),
      let destination = observed(ends.1, of: place, into: &accumulator)
    else {
      accumulator.discard(.unknownEndpoint)
      return
    }
    noteEvidence(record.facts, record.dialect, in: &accumulator)
    accumulator.record(
      ObservedFlow(
        source: source,
        destination: destination,
        transport: record.facts.transport ?? .tcp,
        port: record.facts.port,
        side: record.side,
        evidence: record.evidence,
        start: record.start,
        end: CalicoDecoder.last(record.end, after: record.start),
        bytes: record.bytes
      ),
      line: line
    )
  }

  private func place(of record: Scanned) -> Place {
    Place(
      cluster: scanner.clusters[Int(record.cluster)],
      transport: record.facts.transport ?? .tcp,
      port: record.facts.port,
      start: record.start,
      end: record.end ?? record.start
    )
  }
}
