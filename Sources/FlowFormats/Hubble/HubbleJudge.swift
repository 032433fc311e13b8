import FlowAggregation
import FlowModel

/// Decides what a Hubble record is evidence of (format document, section 8, in its order).
enum HubbleJudge {
  /// The outcome for one record.
  enum Outcome: Hashable {
    /// Not evidence.
    case discard(DiscardReason)
    /// Evidence.
    case evidence(Finding)
  }

  /// A record that counts.
  struct Finding: Hashable {
    /// The class.
    var evidence: EvidenceClass
    /// Whose policy it speaks for.
    var side: PolicySide
    /// See ``FlowEdge/replyPort``.
    var replyPort: UInt16
    /// Whether it counts only where the log never marks replies.
    var unmarked: Bool
  }

  /// Judges a record; both ends are already classified.
  static func judge(_ record: HubbleRecord) -> Outcome {
    if let reason = notAPolicyMatter(record) { return .discard(reason) }
    guard let source = record.sourceAddress, let destination = record.destinationAddress,
      record.transport != 0
    else { return .discard(.noPorts) }
    let transport = TransportProtocol(number: record.transport)
    if transport.isICMP {
      let request: UInt16 = transport == .icmp ? 8 : 128
      guard record.destinationPort == request else { return .discard(.otherProtocol) }
    } else {
      guard transport.hasPorts else { return .discard(.otherProtocol) }
    }
    if isLocal(destination) || isLocal(source)
      || (transport == .udp && 67...68 ~= record.destinationPort)
    {
      return .discard(.localOrMulticast)
    }
    if record.isReply == 1 || (record.isReply < 0 && record.reply) { return .discard(.reply) }
    if record.l7Type == .response { return .discard(.reply) }
    // Only the side that accepts answers SYN with both, whatever a lost connection entry says.
    if transport == .tcp, record.syn, record.ack { return .discard(.reply) }
    if record.hasAggregate { return .discard(.aggregated) }
    if record.traceReason == .related { return .discard(.related) }
    if record.traceReason == .reply { return .discard(.reply) }
    if !transport.isICMP, record.destinationPort == 0 { return .discard(.noPorts) }

    let evidence: EvidenceClass
    switch classify(record) {
    case .success(let found): evidence = found
    case .failure(let reason): return .discard(reason.reason)
    }
    var unmarked = false
    if record.isReply < 0 {
      switch withoutReplyMark(record, transport: transport, evidence: evidence) {
      case .success(let waits): unmarked = waits
      case .failure(let reason): return .discard(reason.reason)
      }
    } else if effectivePoint(record) == .other {
      return .discard(.observationPoint)
    }
    var replyPort: UInt16 = 0
    switch replySuspicion(record, transport: transport) {
    case .success(let port): replyPort = port
    case .failure(let reason): return .discard(reason.reason)
    }
    if source == destination { return .discard(.selfTraffic) }
    if let reason = unusableEnds(record) { return .discard(reason) }
    return .evidence(
      Finding(
        evidence: evidence,
        side: side(record),
        replyPort: replyPort,
        unmarked: unmarked
      )
    )
  }

  private struct Discard: Error {
    var reason: DiscardReason
  }

  /// Step 1: events and verdicts that have nothing to do with L3/L4 policy.
  private static func notAPolicyMatter(_ record: HubbleRecord) -> DiscardReason? {
    if record.type == .socket || record.eventType == 7 { return .translation }
    switch record.eventType {
    case 2, 3, 130: return .notAFlow
    default: break
    }
    switch record.verdict {
    case .traced, .translated: return .translation
    case .error, .absent, .unknown: return .noVerdict
    default: return nil
    }
  }

  private static func isLocal(_ address: IPAddress) -> Bool {
    address.isLocalOrMulticast && !address.isMetadataService && !address.isNodeLocalDNS
  }

  private static func classify(_ record: HubbleRecord) -> Result<EvidenceClass, Discard> {
    switch record.verdict {
    case .audit: return .success(.wouldDeny)
    case .dropped:
      // An L7 denial comes after the L3/L4 policy allowed the connection: a port rule cannot help.
      guard record.type != .l7 else { return .failure(Discard(reason: .nonPolicyDrop)) }
      switch record.dropReason {
      case .policyDenied: return .success(.denied)
      case .policyDeny: return .success(.explicitDeny)
      default: return .failure(Discard(reason: .nonPolicyDrop))
      }
    default: return .success(.allowed)
    }
  }

  /// Step 6: what a record without `is_reply` may still say.
  ///
  /// - Returns: Whether it counts only in logs that never mark replies.
  private static func withoutReplyMark(
    _ record: HubbleRecord,
    transport: TransportProtocol,
    evidence: EvidenceClass
  ) -> Result<Bool, Discard> {
    let opens = record.syn && !record.ack
    if evidence == .denied || evidence == .explicitDeny {
      return transport != .tcp || opens
        ? .success(false) : .failure(Discard(reason: .midConnection))
    }
    if record.type == .l7 || record.eventType == 129 { return .success(false) }
    if record.eventType == 5 {
      // A policy verdict is issued for the first packet; a mask can hide the mark but not the SYN.
      return transport != .tcp || !record.hasFlags || opens
        ? .success(false) : .failure(Discard(reason: .midConnection))
    }
    guard record.traceReason == .absent else {
      return .failure(Discard(reason: .unknownDirection))
    }
    switch effectivePoint(record) {
    case .other: return .failure(Discard(reason: .observationPoint))
    default: return .success(true)
    }
  }

  private static func effectivePoint(_ record: HubbleRecord) -> HubbleRecord.Point {
    record.point == .absent && record.eventType == 4
      ? HubbleRecord.Point(subType: record.eventSubType) : record.point
  }

  /// Step 7: the source port to check against known servers, 0 when nothing is suspicious.
  private static func replySuspicion(_ record: HubbleRecord, transport: TransportProtocol)
    -> Result<UInt16, Discard>
  {
    guard transport.hasPorts, record.sourcePort != 0 else { return .success(0) }
    let looksReversed = record.destinationPort >= 32_768 && record.sourcePort < 32_768
    if looksReversed, record.sourcePort == 53 { return .failure(Discard(reason: .reply)) }
    if looksReversed { return .success(record.sourcePort) }
    let isFirstPacket =
      record.eventType == 5 || (record.eventType == 4 && record.traceReason == .new)
    if transport == .tcp, isFirstPacket, record.type != .l7, !record.syn,
      record.destinationPort >= 32_768
    {
      // Connection tracking lost the entry and both ports are high: which side serves is unknown.
      return .failure(Discard(reason: .midConnection))
    }
    return .success(0)
  }

  private static func unusableEnds(_ record: HubbleRecord) -> DiscardReason? {
    let source = record.source.kind
    let destination = record.destination.kind
    if source == .health || destination == .health { return .healthCheck }
    if record.hasDestinationService, destination == .world || destination == .unknown {
      return .preTranslation
    }
    if source == .unknown || destination == .unknown { return .unknownEndpoint }
    if source != .pod, destination != .pod { return .noPod }
    return nil
  }

  /// Whose policy the record speaks for; `traffic_direction` is trusted where section 7 says so.
  private static func side(_ record: HubbleRecord) -> PolicySide {
    if trustsDirection(record) {
      switch record.direction {
      case .ingress: return .ingress
      case .egress: return .egress
      case .absent, .unknown: break
      }
    }
    return effectivePoint(record) == .toEndpoint ? .both : .egress
  }

  private static func trustsDirection(_ record: HubbleRecord) -> Bool {
    record.eventType == 5 || record.eventType == 129 || record.type == .l7
      || record.verdict == .dropped
  }

  /// The first field whose value is newer than this program and may decide what the record says.
  static func unknownField(_ record: HubbleRecord) -> String? {
    if record.verdict == .unknown { return "verdict" }
    if record.type == .unknown { return "Type" }
    if record.verdict == .dropped, record.dropReason == .unknown { return "drop_reason_desc" }
    if effectivePoint(record) == .unknown { return "trace_observation_point" }
    // Where the record says itself whether it is a reply, the reason adds nothing.
    if record.traceReason == .unknown, record.isReply < 0 { return "trace_reason" }
    if record.direction == .unknown, trustsDirection(record) { return "traffic_direction" }
    if record.l7Type == .unknown { return "l7.type" }
    return nil
  }
}
