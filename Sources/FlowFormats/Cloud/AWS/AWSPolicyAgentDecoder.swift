package import FlowAggregation
import FlowModel
import JSONText

/// Decodes the decisions of the AWS network policy agent, from its file or from CloudWatch.
///
/// A denied packet may be the reply of a connection whose state was lost, and only the rest of the log tells;
/// so decisions wait for the end, folded by connection and hour. At most 65,536 of them are held: then
/// all are judged with what is known. Source: the VPC format document, section on the agent.
package struct AWSPolicyAgentDecoder: LogDecoder {
  /// How many decisions, served ends and accepted pairs are held unless told otherwise.
  package static let defaultCapacity = 65_536

  private struct Key: Hashable {
    var source: IPAddress
    var destination: IPAddress
    var sourcePort: UInt16
    var destinationPort: UInt16
    var transport: UInt8
    var side: PolicySide
    var hour: Int64
    var isAccept: Bool
  }

  private struct Held {
    var records: Int
    var first: Int64
    var last: Int64
    var line: Int
  }

  /// One end.
  private struct End: Hashable {
    var address: IPAddress
    var port: UInt16
    var transport: UInt8
  }

  /// A client and what it reached.
  private struct Pair: Hashable {
    var client: IPAddress
    var server: End
  }

  private let assumedTime: Int64?
  private let inflate: DecoderOptions.Inflate?
  private let capacity: Int
  private var held: [Key: Held] = [:]
  /// Ends that accepted connections, with up to three of their partners.
  private var partners: [End: Set<End>] = [:]
  private var servers: Set<End> = []
  /// When a pair was accepted last.
  private var lastAccept: [Pair: Int64] = [:]

  /// Makes a decoder for one log.
  package init(options: DecoderOptions) {
    self.init(options: options, capacity: AWSPolicyAgentDecoder.defaultCapacity)
  }

  /// Makes a decoder that holds at most `capacity` decisions.
  package init(options: DecoderOptions, capacity: Int) {
    assumedTime = options.assumedTime
    inflate = options.inflate
    self.capacity = capacity
  }

  /// The events of CloudWatch.
  package static var listPaths: [RecordListPath] { [RecordListPath("events", isFirst: true)] }

  /// Whether the input begins with lines of the agent, in its file's or CloudWatch's form.
  package static func recognizes(_ start: RawSpan) -> Bool {
    let look = LogStart(start)
    let isCloudWatch =
      look.text.contains("PolicyVerdict: ") && look.text.contains("SIP: ")
      && look.text.contains("DPORT: ")
    if isCloudWatch { return true }
    guard look.firstLine.hasPrefix("{"), look.quotes("msg"), look.quotes("level") else {
      return false
    }
    return look.text.contains("\"Flow Info:") || look.quotes("ebpf-client")
  }

  /// A line without a line feed at the end of an input is whole when its verdict or tier is.
  package static func isComplete(lastLine: RawSpan) -> Bool {
    let range = lastLine.trimmedRange()
    guard !range.isEmpty, lastLine.byte(at: range.lowerBound) != UInt8(ascii: "{") else {
      return (try? JSONParser.parse(lastLine)) != nil
    }
    let text = lastLine.text(in: range)
    let ends = ["ACCEPT", "DENY", "DELETED", "ADMIN", "NETWORK_POLICY", "BASELINE", "DEFAULT"]
    return text.contains("PolicyVerdict: ") && ends.contains { text.hasSuffix($0) }
  }

  /// Decodes one record.
  package mutating func decode(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    let range = record.trimmedRange()
    guard !range.isEmpty else { return }
    let first = record.byte(at: range.lowerBound)
    guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
      decode(message: record.text(in: range), time: nil, line: line, into: &accumulator)
      return
    }
    var values: [JSONValue] = []
    do {
      try record.forEachJSONValue { values.append($0) }
    } catch {
      accumulator.reject(line: line, "not JSON: \(error)")
    }
    for value in values { decode(value, line: line, into: &accumulator) }
  }

  private mutating func decode(
    _ value: JSONValue,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    if value["msg"] != nil {
      let time = value.first("ts", "timestamp", "time").flatMap { AWSPolicyAgentDecoder.time($0) }
      take(AWSPolicyAgentLine.read(value), time: time, line: line, into: &accumulator)
      return
    }
    switch CloudEnvelope.open(value, inflate: inflate) {
    case .control: accumulator.discard(.notAFlow)
    case .unreadable(let problem): accumulator.reject(line: line, problem)
    case .messages(let messages):
      for message in messages {
        decode(message: message.text, time: message.time, line: line, into: &accumulator)
      }
    case .objects(let objects):
      for object in objects {
        if object != value, object.object != nil {
          decode(object, line: line, into: &accumulator)
        } else {
          accumulator.discard(.unrelatedLine)
        }
      }
    }
  }

  /// A line of text: a JSON line in an envelope, or CloudWatch's form with or without a time before it.
  private mutating func decode(
    message: String,
    time: Int64?,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    if message.hasPrefix("{"), let inner = try? JSONParser.parse(message), inner["msg"] != nil {
      decode(inner, line: line, into: &accumulator)
      return
    }
    guard message.contains("PolicyVerdict:") else {
      if message.hasPrefix("Flow Info:") {
        take(AWSPolicyAgentLine.read(text: message), time: time, line: line, into: &accumulator)
      } else {
        accumulator.discard(.unrelatedLine)
      }
      return
    }
    let leading = message.split(maxSplits: 1) { $0 == " " || $0 == "\t" }.first
    take(
      AWSPolicyAgentLine.read(cloudWatch: message),
      time: time ?? leading.flatMap { CloudTime.parse(String($0)) },
      line: line,
      into: &accumulator
    )
  }

  /// A time as text, as milliseconds, or as zap's seconds with a fraction.
  private static func time(_ value: JSONValue) -> Int64? {
    switch value {
    case .string(let text): return CloudTime.parse(text)
    case .number(let text):
      guard let number = Double(text), number >= 0 else { return nil }
      let seconds = number > 1e11 ? number / 1000 : number
      guard seconds <= Double(CloudTime.maximumSeconds) else { return nil }
      return Int64(seconds * Double(Timestamps.second))
    default: return nil
    }
  }

  /// Ends the log: judges the denials.
  package mutating func finish(into accumulator: inout EvidenceAccumulator) {
    let sawFlows = !held.isEmpty || !servers.isEmpty
    judgeAll(into: &accumulator)
    if sawFlows, accumulator.resolver == nil {
      accumulator.counts.notes.insert(CloudNotes.needsInventory)
    }
  }
}

// MARK: - Holding

extension AWSPolicyAgentDecoder {
  private mutating func take(
    _ found: AWSPolicyAgentLine,
    time: Int64?,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    switch found {
    case .unrelated: accumulator.discard(.unrelatedLine)
    case .bad(let problem): accumulator.reject(line: line, problem)
    case .flow(let record):
      guard let time = time ?? assumedTime else {
        accumulator.reject(line: line, "no time (give it with --assume-time)")
        return
      }
      accumulator.sawRecord(at: time)
      if let reason = AWSPolicyAgentDecoder.unusedReason(record) {
        accumulator.discard(reason)
      } else if let transport = record.transport {
        hold(record, transport, time: time, line: line, into: &accumulator)
      }
    }
  }

  private static func unusedReason(_ record: AWSPolicyAgentRecord) -> DiscardReason? {
    if record.source.isNeverPeer || record.destination.isNeverPeer { return .localOrMulticast }
    if record.verdict == .bookkeeping || record.isError { return .noVerdict }
    if record.transport == nil { return .otherProtocol }
    if record.isFromOwnNode { return .healthCheck }
    return record.source == record.destination ? .selfTraffic : nil
  }

  private mutating func hold(
    _ record: AWSPolicyAgentRecord,
    _ transport: TransportProtocol,
    time: Int64,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    let side: PolicySide =
      switch record.direction {
      case .ingress: .ingress
      case .egress: .egress
      // Which pod's policy decided is not said; the accumulator's other end may not be a pod at all.
      case nil: .both
      }
    let key = Key(
      source: record.source,
      destination: record.destination,
      sourcePort: record.sourcePort,
      destinationPort: record.destinationPort,
      transport: transport.number,
      side: side,
      hour: time / Timestamps.hour,
      isAccept: record.verdict == .accept
    )
    let source = AWSPolicyAgentDecoder.source(key)
    let destination = AWSPolicyAgentDecoder.destination(key)
    note(destination, partner: source)
    note(source, partner: destination)
    if key.isAccept {
      if servers.count < capacity { servers.insert(destination) }
      let pair = Pair(client: record.source, server: destination)
      if lastAccept.count < capacity || lastAccept[pair] != nil {
        lastAccept[pair] = max(lastAccept[pair] ?? time, time)
      }
    }
    if var known = held[key] {
      known.records += 1
      if (time, line) < (known.first, known.line) {
        known.first = time
        known.line = line
      }
      known.last = max(known.last, time)
      held[key] = known
    } else {
      held[key] = Held(records: 1, first: time, last: time, line: line)
      if held.count >= capacity { judgeAll(into: &accumulator) }
    }
  }

  private mutating func note(_ end: End, partner: End) {
    guard let known = partners[end] else {
      if partners.count < capacity * 2 { partners[end] = [partner] }
      return
    }
    if known.count < PortBehaviour.busyPartners { partners[end]?.insert(partner) }
  }

  private static func source(_ key: Key) -> End {
    End(address: key.source, port: key.sourcePort, transport: key.transport)
  }

  private static func destination(_ key: Key) -> End {
    End(address: key.destination, port: key.destinationPort, transport: key.transport)
  }
}

// MARK: - Judging

extension AWSPolicyAgentDecoder {
  private mutating func judgeAll(into accumulator: inout EvidenceAccumulator) {
    let sorted = held.sorted { left, right in
      let (one, two) = (left.value, right.value)
      if one.first != two.first { return one.first < two.first }
      if one.line != two.line { return one.line < two.line }
      return (left.key.source, left.key.destination) < (right.key.source, right.key.destination)
    }
    for (key, entry) in sorted {
      if let reason = reason(against: key, entry, resolver: accumulator.resolver) {
        accumulator.discard(reason, count: entry.records)
        continue
      }
      accumulator.record(
        ObservedFlow(
          source: .address(key.source),
          destination: .address(key.destination),
          transport: TransportProtocol(number: key.transport),
          sourcePort: key.sourcePort,
          port: key.destinationPort,
          side: key.side,
          evidence: key.isAccept ? .allowed : .denied,
          start: entry.first,
          end: entry.last,
          records: Int64(entry.records)
        ),
        line: entry.line,
        lines: entry.records
      )
    }
    held = [:]
    partners = partners.filter { $0.value.count >= 2 }
  }

  /// Why a decision is no evidence, nil when it is.
  private func reason(
    against key: Key,
    _ entry: Held,
    resolver: (any AddressResolving)?
  ) -> DiscardReason? {
    let source = AWSPolicyAgentDecoder.source(key)
    let destination = AWSPolicyAgentDecoder.destination(key)
    let transport = TransportProtocol(number: key.transport)
    func isServed(_ end: End) -> Bool {
      resolver?.serves(end.address, transport: transport, port: end.port, at: entry.first) ?? false
    }
    let sourceIsServed = isServed(source)
    let destinationIsServed = isServed(destination)
    if key.isAccept {
      if sourceIsServed, !destinationIsServed { return .reply }
      // Both ways accepted: one of them is a reply, and only the inventory or partners tell which.
      guard servers.contains(source), !destinationIsServed else { return nil }
      guard lastAccept[Pair(client: key.destination, server: source)] != nil else { return nil }
      if isBusy(destination), !isBusy(source) { return nil }
      return isBusy(source) && !isBusy(destination) ? .reply : .undecidedDirection
    }
    if sourceIsServed || servers.contains(source) { return .replyDenied }
    if destinationIsServed { return superseded(key, destination, entry) }
    if isBusy(source), !isBusy(destination) { return .replyDenied }
    return superseded(key, destination, entry)
  }

  private func superseded(_ key: Key, _ destination: End, _ entry: Held) -> DiscardReason? {
    guard let accepted = lastAccept[Pair(client: key.source, server: destination)] else {
      return nil
    }
    return accepted >= entry.last ? .supersededDenial : nil
  }

  private func isBusy(_ end: End) -> Bool {
    (partners[end]?.count ?? 0) >= PortBehaviour.busyPartners
  }
}
