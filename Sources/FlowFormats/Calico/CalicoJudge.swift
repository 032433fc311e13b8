import FlowAggregation
import FlowModel

/// Decides what a Calico record is evidence of (format document, section 7).
enum CalicoJudge {
  /// The outcome for one record.
  enum Outcome: Hashable {
    /// Not evidence.
    case discard(DiscardReason)
    /// Evidence for the policy of one side.
    case evidence(EvidenceClass, PolicySide)
  }

  /// Judges a record.
  ///
  /// - Parameter denyPasses: Whether `deny` records were let through.
  static func judge(_ record: CalicoRecord, denyPasses: Bool) -> Outcome {
    let side: PolicySide
    switch record.reporter {
    case .absent: return .discard(.unknownDirection)
    case .forward: return .discard(.duplicateView)
    case .source: side = .egress
    case .destination: side = .ingress
    }
    if record.isTransitOnly { return .discard(.duplicateView) }
    guard record.action == .allow || record.action == .deny else { return .discard(.noVerdict) }
    guard record.hasProtocol else { return .discard(.noPorts) }
    guard let transport = record.transport, transport.hasPorts else {
      return .discard(.otherProtocol)
    }
    guard record.port != 0 else { return .discard(.noPorts) }
    guard record.source.kind != .absent, record.destination.kind != .absent else {
      return .discard(.unknownEndpoint)
    }
    guard record.reportingEnd.kind == .workload else { return .discard(.noPod) }
    if isSamePod(record) { return .discard(.selfTraffic) }
    return .evidence(evidence(of: record, transport: transport, denyPasses: denyPasses), side)
  }

  private static func isSamePod(_ record: CalicoRecord) -> Bool {
    let (source, destination) = (record.source, record.destination)
    return source.kind == .workload && destination.kind == .workload && !source.fullName.isEmpty
      && source.fullName == destination.fullName && source.namespace == destination.namespace
  }

  private static func evidence(
    of record: CalicoRecord,
    transport: TransportProtocol,
    denyPasses: Bool
  ) -> EvidenceClass {
    if record.action == .deny {
      if denyPasses { return .wouldDeny }
      return denial(record)
    }
    // UDP need not be answered; a TCP or SCTP connection without an answer never came about.
    if transport != .udp, isUnanswered(record) { return .attempt }
    return wouldBeDenied(record) ? .wouldDeny : .allowed
  }

  private static func denial(_ record: CalicoRecord) -> EvidenceClass {
    guard let hit = CalicoPolicyHit.decisive(record.enforced), hit.action == .deny else {
      return .denied
    }
    return hit.isByRule ? .explicitDeny : .denied
  }

  /// Whether staged policies would deny what passed; false also when the log does not say.
  private static func wouldBeDenied(_ record: CalicoRecord) -> Bool {
    if !record.pending.isEmpty {
      return CalicoPolicyHit.decisive(record.pending)?.action == .deny
    }
    return CalicoPolicyHit.pendingAction(ofMixed: record.mixed) == .deny
  }

  /// Whether packets went towards the destination and none came back.
  ///
  /// A record without packets either way is a connection that is open from before.
  private static func isUnanswered(_ record: CalicoRecord) -> Bool {
    guard let packetsIn = record.packetsIn, let packetsOut = record.packetsOut else {
      return false
    }
    return record.reporter == .source
      ? packetsOut > 0 && packetsIn == 0 : packetsIn > 0 && packetsOut == 0
  }
}
