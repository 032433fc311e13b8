import FlowAggregation
import FlowModel
import JSONText

/// Reads Hubble records from JSON trees: every shape and naming, at the speed of an ordinary decoder.
struct HubbleTree {
  /// DNS names of destinations, each list once.
  var names: NameTable

  private static let lostKeys = ["lost_events", "lostEvents"]
  private static let statusKeys = ["node_status", "nodeStatus"]
  private static let otherKeys = ["agent_event", "agentEvent", "debug_event", "debugEvent"]
  /// Members by which events are known that are no flows.
  static let eventKeys = lostKeys + statusKeys + otherKeys

  /// What one JSON value turned out to be.
  enum Content {
    /// A flow.
    case flow(HubbleRecord)
    /// Events the agent lost, and when.
    case lost(events: Int64, time: Int64?)
    /// Nodes whose flows are missing.
    case nodeTrouble
    /// Another event that is no flow.
    case other
    /// No Hubble record; what is missing.
    case unreadable(String)
  }

  /// Reads one record: wrapped, flat, or in a shipper's envelope.
  mutating func read(_ value: JSONValue, into accumulator: inout EvidenceAccumulator) -> Content {
    guard case .object(let object) = value else { return .unreadable("not a JSON object") }
    if let flow = object["flow"] {
      guard case .object = flow else { return .unreadable("field \"flow\" is not an object") }
      return .flow(record(flow, outer: value, into: &accumulator))
    }
    if let lost = value.first(HubbleTree.lostKeys) {
      let time = (lost["last"] ?? value["time"])?.string.flatMap { Timestamps.parse($0) }
      return .lost(
        events: max(0, lost.first("num_events_lost", "numEventsLost")?.integer ?? 0),
        time: time
      )
    }
    if let status = value.first(HubbleTree.statusKeys) {
      let change = status.first("state_change", "stateChange")?.string ?? ""
      return change == "NODE_CONNECTED" || change == "UNKNOWN_NODE_STATE" ? .other : .nodeTrouble
    }
    if value.first(HubbleTree.otherKeys) != nil {
      return .other
    }
    if object["verdict"] != nil || (object["IP"] != nil && object["l4"] != nil) {
      return .flow(record(value, outer: value, into: &accumulator))
    }
    if let inner = ShipperEnvelope.unwrap(value) { return read(inner, into: &accumulator) }
    return .unreadable("not a Hubble flow: field \"flow\" is missing")
  }

  private mutating func record(
    _ flow: JSONValue,
    outer: JSONValue,
    into accumulator: inout EvidenceAccumulator
  ) -> HubbleRecord {
    var record = HubbleRecord()
    record.verdict = enumeration(
      flow["verdict"],
      HubbleRecord.Verdict.init(word:),
      HubbleRecord.Verdict.init(number:)
    )
    record.type = enumeration(
      flow["Type"],
      HubbleRecord.FlowType.init(word:),
      HubbleRecord.FlowType.init(number:)
    )
    if let event = flow.first("event_type", "eventType") {
      record.eventType = clamped(event["type"]?.integer ?? 0)
      record.eventSubType = clamped(event.first("sub_type", "subType")?.integer ?? 0)
    }
    record.point = enumeration(
      flow.first("trace_observation_point", "traceObservationPoint"),
      HubbleRecord.Point.init(word:),
      HubbleRecord.Point.init(number:)
    )
    record.traceReason = enumeration(
      flow.first("trace_reason", "traceReason"),
      HubbleRecord.TraceReason.init(word:),
      HubbleRecord.TraceReason.init(number:)
    )
    if let isReply = flow.first("is_reply", "isReply")?.bool { record.isReply = isReply ? 1 : 0 }
    record.reply = flow["reply"]?.bool ?? false
    record.direction = enumeration(
      flow.first("traffic_direction", "trafficDirection"),
      HubbleRecord.Traffic.init(word:),
      HubbleRecord.Traffic.init(number:)
    )
    // The name came with Cilium 1.9; before, there was only the number.
    let dropped = flow.first("drop_reason_desc", "dropReasonDesc", "drop_reason", "dropReason")
    record.dropReason = enumeration(
      dropped,
      HubbleRecord.DropReason.init(word:),
      HubbleRecord.DropReason.init(number:)
    )
    record.time = (flow["time"] ?? outer["time"])?.string.flatMap { Timestamps.parse($0) }
    record.sourceAddress = packetSource(flow["IP"])
    record.destinationAddress = flow["IP"]?["destination"]?.string.flatMap { IPAddress($0) }
    readTransport(flow["l4"], into: &record)
    record.l7Type = enumeration(
      flow["l7"]?["type"],
      HubbleRecord.L7Type.init(word:),
      HubbleRecord.L7Type.init(number:)
    )
    record.hasDestinationService =
      flow.first("destination_service", "destinationService")?.object?.members.isEmpty == false
    record.hasAggregate = flow["aggregate"]?.object != nil
    record.source = HubbleEndpointReader.read(flow["source"], into: &accumulator)
    record.destination = HubbleEndpointReader.read(flow["destination"], into: &accumulator)
    let given = flow.first("destination_names", "destinationNames")?.array ?? []
    record.destinationNames = names.index(of: given.compactMap(\.string))
    return record
  }

  /// An enum by its name or its number; anything else is as if it were not given.
  private func enumeration<Value>(
    _ value: JSONValue?,
    _ word: (String) -> Value,
    _ number: (Int64) -> Value
  ) -> Value {
    switch value {
    case .string(let text)?: word(text)
    // A number that is no whole one is no value of any enum.
    case .number?: number(value?.integer ?? -1)
    default: word("")
    }
  }

  private func clamped(_ value: Int64) -> Int32 { Int32(clamping: value) }

  /// The address the policy saw: `source` is the one before translation.
  private func packetSource(_ value: JSONValue?) -> IPAddress? {
    value?["source"]?.string.flatMap { IPAddress($0) }
  }

  private func readTransport(_ value: JSONValue?, into record: inout HubbleRecord) {
    guard let value else { return }
    let kinds: [(String, TransportProtocol)] = [
      ("TCP", .tcp), ("UDP", .udp), ("SCTP", .sctp), ("ICMPv4", .icmp), ("ICMPv6", .icmpv6),
      ("VRRP", TransportProtocol(number: 112)), ("IGMP", TransportProtocol(number: 2)),
    ]
    for (key, transport) in kinds {
      guard let header = value[key], case .object = header else { continue }
      record.transport = transport.number
      record.sourcePort = port(header.first("source_port", "sourcePort"))
      record.destinationPort =
        transport.isICMP
        ? port(header["type"]) : port(header.first("destination_port", "destinationPort"))
      if let flags = header["flags"], case .object = flags {
        record.hasFlags = true
        record.syn = flags["SYN"]?.bool ?? false
        record.ack = flags["ACK"]?.bool ?? false
        record.rst = flags["RST"]?.bool ?? false
      }
      return
    }
  }

  private func port(_ value: JSONValue?) -> UInt16 {
    UInt16(exactly: value?.integer ?? 0) ?? 0
  }
}

/// Lists of DNS names, each stored once; only names with valid DNS syntax are kept.
struct NameTable {
  private var indices: [String: UInt32] = [:]
  private var lists: [String] = []

  /// The index + 1 of a list, 0 when it holds no usable name.
  mutating func index(of names: [String]) -> UInt32 {
    let usable = Set(names.compactMap(NameTable.normalized)).sorted()
    guard !usable.isEmpty else { return 0 }
    let text = usable.joined(separator: ",")
    if let index = indices[text] { return index }
    lists.append(text)
    let index = UInt32(lists.count)
    indices[text] = index
    return index
  }

  /// The index + 1 of a list given as a JSON array.
  mutating func index(ofJSON bytes: RawSpan) -> UInt32 {
    let array = (try? JSONParser.parse(bytes))?.array ?? []
    return index(of: array.compactMap(\.string))
  }

  /// The names of an index + 1, comma-separated.
  subscript(index: UInt32) -> String { lists[Int(index) - 1] }

  /// Lower case without the trailing dot, nil when it is no DNS name (RFC 1123, underscores allowed).
  static func normalized(_ name: String) -> String? {
    var text = name.lowercased()
    if text.hasSuffix(".") { text.removeLast() }
    guard !text.isEmpty, text.utf8.count <= 253, text.contains(".") else { return nil }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    let valid = labels.allSatisfy { label in
      !label.isEmpty && label.utf8.count <= 63 && label.first != "-" && label.last != "-"
        && label.utf8.allSatisfy {
          0x61...0x7a ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x2d || $0 == 0x5f
        }
    }
    return valid && IPAddress(text) == nil ? text : nil
  }
}
