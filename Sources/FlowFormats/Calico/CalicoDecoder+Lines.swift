package import FlowAggregation
import FlowModel
import JSONText

extension CalicoDecoder {
  /// Decodes whole lines; those that are like an earlier one but for their numbers are not parsed.
  package mutating func decode(
    lines: RawSpan,
    firstLine: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Int {
    var line = firstLine
    var start = 0
    while start < lines.byteCount {
      let end = LineFeeds.next(in: lines, from: start) ?? lines.byteCount
      let isScanned =
        end + RawSpan.scanSlack < lines.byteCount && end > start
        && scanLine(lines, start, end, line: line, into: &accumulator)
      if !isScanned { decodeLine(lines, start, end, line: line, into: &accumulator) }
      line += 1
      start = end + 1
    }
    return line - firstLine
  }

  /// Counts a line by what its unchanging bytes came to before, or finds that out.
  ///
  /// - Returns: Whether it was counted.
  private mutating func scanLine(
    _ lines: RawSpan,
    _ start: Int,
    _ end: Int,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Bool {
    guard let numbers = scanner.scan(lines, from: start, to: end) else { return false }
    if let outcome = scanner.known() {
      count(outcome, numbers, line: line, into: &accumulator)
      return true
    }
    guard
      let value = try? JSONParser.parse(
        lines.extracting(start..<end),
        skippingKeys: ["process_args"]
      ),
      case .flow(let record) = CalicoTree.read(value),
      let outcome = outcome(of: record, into: &accumulator)
    else { return false }
    scanner.remember(outcome)
    count(outcome, numbers, line: line, into: &accumulator)
    return true
  }

  /// What a record and all others with the same unchanging bytes come to; nil when that may change.
  private mutating func outcome(
    of record: CalicoRecord,
    into accumulator: inout EvidenceAccumulator
  ) -> CalicoScanner.Outcome? {
    // Whether a name is external depends on what the inventory knows of its address at that time.
    let hasNames = !record.source.domains.isEmpty || !record.destination.domains.isEmpty
    guard record.start != nil, accumulator.resolver == nil || !hasNames else { return nil }
    switch flow(of: record, start: 0, into: &accumulator) {
    case .failure(let discard): return .discard(discard.reason)
    case .success(let flow):
      guard let source = fixed(flow.source, accumulator),
        let destination = fixed(flow.destination, accumulator)
      else { return .flow(flow) }
      guard source.kind == .pod || destination.kind == .pod else { return .discard(.noPod) }
      return .edge(
        CalicoScanner.Edge(
          source: accumulator.index(of: source),
          destination: accumulator.index(of: destination),
          transport: flow.transport,
          port: flow.port,
          side: flow.side,
          evidence: flow.evidence
        )
      )
    }
  }

  /// The endpoint of an end that is the same at any time.
  private func fixed(_ end: ObservedEnd, _ accumulator: EvidenceAccumulator) -> Endpoint? {
    switch end {
    case .endpoint(let endpoint): endpoint
    case .pod(_, _, let hint): accumulator.resolver == nil ? hint : nil
    case .address: nil
    }
  }

  private mutating func count(
    _ outcome: CalicoScanner.Outcome,
    _ numbers: CalicoScanner.Numbers,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    let start = ShipperEnvelope.microseconds(unix: numbers.start) ?? 0
    let end = numbers.end < 0 ? nil : ShipperEnvelope.microseconds(unix: numbers.end)
    let last = CalicoDecoder.last(end, after: start)
    let (sum, overflows) =
      max(0, numbers.bytesIn).addingReportingOverflow(max(0, numbers.bytesOut))
    let bytes = overflows ? 0 : sum
    accumulator.sawRecord(at: start)
    switch outcome {
    case .discard(let reason): accumulator.discard(reason)
    case .edge(let edge):
      accumulator.add(
        source: edge.source,
        destination: edge.destination,
        transport: edge.transport,
        port: edge.port,
        side: edge.side,
        evidence: edge.evidence,
        bytes: bytes,
        first: start,
        // As for any interval, whose end lies outside it.
        last: max(start, last - 1),
        line: line
      )
    case .flow(var flow):
      flow.start = start
      flow.end = last
      flow.bytes = bytes
      accumulator.record(flow, line: line)
    }
  }
}
