import FlowModel

/// What a Hubble record says, reduced to what decides whether it is evidence.
///
/// Filled by the fast scanner and by the tree decoder alike, judged by ``HubbleJudge``.
/// Source: the Hubble format document, sections 3 to 8.
struct HubbleRecord: Hashable {
  // `unknown` is a value newer than this program, `other` one that is known and decides nothing.

  /// `verdict`.
  enum Verdict: UInt8 {
    case absent, forwarded, dropped, error, audit, redirected, traced, translated, unknown
  }

  /// `Type`.
  enum FlowType: UInt8 {
    case absent, l3l4, l7, socket, unknown
  }

  /// `trace_observation_point`.
  enum Point: UInt8 {
    case absent, toEndpoint, toProxy, toHost, toStack, toNetwork, other, unknown
  }

  /// `trace_reason`.
  enum TraceReason: UInt8 {
    case absent, new, established, reply, related, other, unknown
  }

  /// `l7.type`.
  enum L7Type: UInt8 {
    case absent, request, response, sample, unknown
  }

  /// `traffic_direction`.
  enum Traffic: UInt8 {
    case absent, ingress, egress, unknown
  }

  /// `drop_reason_desc`.
  enum DropReason: UInt8 {
    case absent, policyDenied, policyDeny, other, unknown
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
  var dropReason = DropReason.absent
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
