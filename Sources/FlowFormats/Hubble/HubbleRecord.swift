import FlowModel

/// What a Hubble record says, reduced to what decides whether it is evidence.
///
/// Filled by the fast scanner and by the tree decoder alike, judged by ``HubbleJudge``.
/// Source: the Hubble format document, sections 3 to 8.
struct HubbleRecord: Hashable {
  /// `verdict`.
  enum Verdict: UInt8 {
    case absent, forwarded, dropped, error, audit, redirected, traced, translated, other
  }

  /// `Type`.
  enum FlowType: UInt8 {
    case absent, l3l4, l7, socket, other
  }

  /// `trace_observation_point`.
  enum Point: UInt8 {
    case absent, toEndpoint, toProxy, toHost, toStack, toNetwork, other
  }

  /// `trace_reason`.
  enum TraceReason: UInt8 {
    case absent, new, established, reply, related, other
  }

  /// `l7.type`.
  enum L7Type: UInt8 {
    case absent, request, response, sample
  }

  /// `traffic_direction`.
  enum Traffic: UInt8 {
    case absent, ingress, egress
  }

  var verdict = Verdict.absent
  var type = FlowType.absent
  /// `event_type.type`; -1 when absent.
  var eventType: Int32 = -1
  var eventSubType: Int32 = 0
  var point = Point.absent
  var traceReason = TraceReason.absent
  /// -1 absent, 0 false, 1 true.
  var isReply: Int8 = -1
  /// The deprecated `reply` mark.
  var reply = false
  var direction = Traffic.absent
  /// Drop reason code; 0 none, 133 POLICY_DENIED, 181 POLICY_DENY, -1 any other.
  var dropReason: Int32 = 0
  /// Microseconds UTC; nil when absent or unreadable.
  var time: Int64?
  var sourceAddress: IPAddress?
  var destinationAddress: IPAddress?
  /// IANA number of the transport header; 0 when there is none.
  var transport: UInt8 = 0
  var sourcePort: UInt16 = 0
  /// Destination port, or ICMP type.
  var destinationPort: UInt16 = 0
  /// Whether TCP flags were given, and three of them.
  var hasFlags = false
  var syn = false
  var ack = false
  var rst = false
  var l7Type = L7Type.absent
  var hasDestinationService = false
  var hasAggregate = false
  var source = HubbleEnd.unknown
  var destination = HubbleEnd.unknown
  /// Index + 1 of the destination's names in the decoder's name table; 0 none.
  var destinationNames: UInt32 = 0
}

/// One end of a Hubble record after its labels were looked at.
struct HubbleEnd: Hashable {
  /// What it is; several reserved labels count as the most specific.
  enum Kind: UInt8 {
    case unknown, pod, host, remoteNode, apiServer, ingress, health, unmanaged, world
  }

  var kind: Kind
  /// For `.pod`: the endpoint's index in the accumulator.
  var index: UInt32

  static let unknown = HubbleEnd(kind: .unknown, index: 0)
}

// MARK: - Words

extension HubbleRecord.Verdict {
  /// Reads the enum's name; a number stands for a value newer than the writer.
  init(word: String) {
    switch word {
    case "FORWARDED": self = .forwarded
    case "DROPPED": self = .dropped
    case "ERROR": self = .error
    case "AUDIT": self = .audit
    case "REDIRECTED": self = .redirected
    case "TRACED": self = .traced
    case "TRANSLATED": self = .translated
    case "", "VERDICT_UNKNOWN": self = .absent
    default: self = .other
    }
  }

  /// Reads the enum's number.
  init(number: Int64) {
    switch number {
    case 0: self = .absent
    case 1: self = .forwarded
    case 2: self = .dropped
    case 3: self = .error
    case 4: self = .audit
    case 5: self = .redirected
    case 6: self = .traced
    case 7: self = .translated
    default: self = .other
    }
  }
}

extension HubbleRecord.FlowType {
  /// Reads the enum's name.
  init(word: String) {
    switch word {
    case "L3_L4": self = .l3l4
    case "L7": self = .l7
    case "SOCK": self = .socket
    case "", "UNKNOWN_TYPE": self = .absent
    default: self = .other
    }
  }
}

extension HubbleRecord.Point {
  /// Reads the enum's name.
  init(word: String) {
    switch word {
    case "TO_ENDPOINT": self = .toEndpoint
    case "TO_PROXY": self = .toProxy
    case "TO_HOST": self = .toHost
    case "TO_STACK": self = .toStack
    case "TO_NETWORK": self = .toNetwork
    case "", "UNKNOWN_POINT": self = .absent
    default: self = .other
    }
  }

  /// Reads `event_type.sub_type` of a trace event.
  init(subType: Int32) {
    switch subType {
    case 0: self = .toEndpoint
    case 1: self = .toProxy
    case 2: self = .toHost
    case 3: self = .toStack
    case 11: self = .toNetwork
    default: self = .other
    }
  }
}

extension HubbleRecord.TraceReason {
  /// Reads the enum's name.
  init(word: String) {
    switch word {
    case "NEW": self = .new
    case "ESTABLISHED": self = .established
    case "REPLY": self = .reply
    case "RELATED": self = .related
    case "", "TRACE_REASON_UNKNOWN": self = .absent
    default: self = .other
    }
  }
}

extension HubbleRecord {
  /// The code kept for a drop reason's name.
  static func dropReason(word: String) -> Int32 {
    switch word {
    case "POLICY_DENIED": 133
    case "POLICY_DENY": 181
    case "", "DROP_REASON_UNKNOWN": 0
    default: -1
    }
  }

  /// The code kept for a drop reason's number.
  static func dropReason(number: Int64) -> Int32 {
    switch number {
    case 0: 0
    case 133: 133
    case 181: 181
    default: -1
    }
  }
}
