package import FlowAggregation
import FlowModel
import JSONText

/// Decodes Cilium Hubble flows in every JSON shape.
///
/// Source: the Hubble format document; Cilium's `flow.proto`.
package struct HubbleDecoder: LogDecoder {
  private let assumedTime: Int64?
  private var tree = HubbleTree(names: NameTable())

  /// Hubble records stand for themselves.
  package static var decodesParts: Bool { true }

  /// Makes a decoder for one log.
  package init(options: DecoderOptions) { assumedTime = options.assumedTime }

  /// Whether the first record is a Hubble flow, wrapped or flat, or an event of the Hubble API.
  package static func recognizes(_ start: RawSpan) -> Bool {
    let text = String(lossyUTF8: start, limit: 65_536)
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
    _ record: RawSpan, line: Int, into accumulator: inout EvidenceAccumulator
  ) {
    let start = ShipperEnvelope.criPayloadOffset(record) ?? 0
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
        "A node was unavailable during the capture: flows of that node are missing.")
      accumulator.discard(.coverageMarker)
    case .other: accumulator.discard(.notAFlow)
    case .unreadable(let problem): accumulator.reject(line: line, problem)
    }
  }

  /// Ends the log.
  package mutating func finish(into accumulator: inout EvidenceAccumulator) {}

  private mutating func add(
    _ record: HubbleRecord, line: Int, into accumulator: inout EvidenceAccumulator
  ) {
    if record.isReply >= 0 || record.traceReason != .absent { accumulator.marksReplies = true }
    guard let time = record.time ?? assumedTime else {
      accumulator.reject(line: line, "field \"time\" is missing")
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
          of: record.source, address: record.sourceAddress, names: 0, record: record,
          isSource: true, into: &accumulator),
        let destination = index(
          of: record.destination, address: record.destinationAddress,
          names: record.destinationNames, record: record, isSource: false, into: &accumulator)
      else { return }
      accumulator.add(
        source: source, destination: destination,
        transport: TransportProtocol(number: record.transport), port: record.destinationPort,
        replyPort: finding.replyPort, side: finding.side, evidence: finding.evidence,
        first: time, last: time, line: line, unmarked: finding.unmarked)
    }
  }

  /// A reply is no evidence, but a bare reset tells that the connection was refused.
  private mutating func noteAnswer(
    _ record: HubbleRecord, time: Int64, into accumulator: inout EvidenceAccumulator
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
      source: client, destination: server, port: record.sourcePort, isReset: record.rst,
      time: time)
  }

  private func plainIndex(
    _ end: HubbleEnd, _ address: IPAddress?, into accumulator: inout EvidenceAccumulator
  ) -> UInt32? {
    end.kind == .pod ? end.index : address.map { accumulator.index(ofExternal: $0) }
  }

  /// The endpoint index of an end; nil when the record was discarded on its account.
  private func index(
    of end: HubbleEnd, address: IPAddress?, names: UInt32, record: HubbleRecord, isSource: Bool,
    into accumulator: inout EvidenceAccumulator
  ) -> UInt32? {
    switch end.kind {
    case .pod: return end.index
    case .host: return accumulator.index(of: Endpoint(kind: .node, entity: "host"))
    case .ingress: return accumulator.index(of: Endpoint(kind: .entity, entity: "ingress"))
    case .health, .unknown: return nil
    case .unmanaged:
      return accumulator.index(of: Endpoint(kind: .entity, entity: "unmanaged"))
    case .remoteNode:
      return accumulator.index(
        of: Endpoint(kind: .node, address: address.map(CIDR.init(single:)), entity: "remote-node"))
    case .apiServer:
      return accumulator.index(
        of: Endpoint(
          kind: .apiServer, address: address.map(CIDR.init(single:)), entity: "kube-apiserver"))
    case .world:
      guard let address else { return nil }
      return worldIndex(
        address, names: names, record: record, isSource: isSource, into: &accumulator)
    }
  }

  private func worldIndex(
    _ address: IPAddress, names: UInt32, record: HubbleRecord, isSource: Bool,
    into accumulator: inout EvidenceAccumulator
  ) -> UInt32? {
    if let resolver = accumulator.resolver, !address.isMetadataService {
      let time = record.time ?? assumedTime ?? 0
      let port = isSource ? record.sourcePort : record.destinationPort
      switch resolver.resolve(
        address, transport: TransportProtocol(number: record.transport), port: port, from: time,
        to: time)
      {
      case .endpoint(let endpoint) where endpoint.kind == .node || endpoint.kind == .apiServer:
        return accumulator.index(of: endpoint)
      case .endpoint(let endpoint) where endpoint.kind == .pod:
        return accumulator.index(
          of: Endpoint(kind: .unresolved, address: CIDR(single: address), entity: "unknown-pod"))
      case .unknownPod, .ambiguous:
        return accumulator.index(
          of: Endpoint(kind: .unresolved, address: CIDR(single: address), entity: "unknown-pod"))
      case .service:
        accumulator.discard(.preTranslation)
        return nil
      case .ignored, .endpoint, .internalUnknown: break
      }
    }
    guard names != 0 else { return accumulator.index(ofExternal: address) }
    return accumulator.index(
      of: Endpoint(kind: .name, address: CIDR(single: address), name: tree.names[names]))
  }
}

extension String {
  /// The first bytes of a span as text, for looking at formats; invalid UTF-8 is replaced.
  init(lossyUTF8 span: RawSpan, limit: Int) {
    let bytes = (0..<Swift.min(span.byteCount, limit)).map { span.byte(at: $0) }
    self = String(decoding: bytes, as: UTF8.self)
  }
}
