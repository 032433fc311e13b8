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
  static func judge(_ record: CalicoFacts, denyPasses: Bool) -> Outcome {
    let side: PolicySide
    switch record.reporter {
    case .absent: return .discard(.unknownDirection)
    case .forward: return .discard(.duplicateView)
    case .source: side = .egress
    case .destination: side = .ingress
    }
    if record.policies.isTransitOnly { return .discard(.duplicateView) }
    guard record.action == .allow || record.action == .deny else { return .discard(.noVerdict) }
    guard record.hasProtocol else { return .discard(.noPorts) }
    guard let transport = record.transport, transport.hasPorts else {
      return .discard(.otherProtocol)
    }
    guard record.port != 0 else { return .discard(.noPorts) }
    guard record.sourceKind != .absent, record.destinationKind != .absent else {
      return .discard(.unknownEndpoint)
    }
    let reportingKind = record.reporter == .source ? record.sourceKind : record.destinationKind
    guard reportingKind == .workload else { return .discard(.noPod) }
    if record.isSamePod { return .discard(.selfTraffic) }
    return .evidence(evidence(of: record, transport: transport, denyPasses: denyPasses), side)
  }

  private static func evidence(
    of record: CalicoFacts,
    transport: TransportProtocol,
    denyPasses: Bool
  ) -> EvidenceClass {
    if record.action == .deny {
      if denyPasses { return .wouldDeny }
      return record.policies.isDeniedByRule ? .explicitDeny : .denied
    }
    // UDP need not be answered; a TCP or SCTP connection without an answer never came about.
    if transport != .udp, isUnanswered(record) { return .attempt }
    return record.policies.wouldDeny ? .wouldDeny : .allowed
  }

  /// Whether packets went towards the destination and none came back.
  ///
  /// A record without packets either way is a connection that is open from before.
  private static func isUnanswered(_ record: CalicoFacts) -> Bool {
    guard let packetsIn = record.packetsIn, let packetsOut = record.packetsOut else {
      return false
    }
    return record.reporter == .source
      ? packetsOut > 0 && packetsIn == 0 : packetsIn > 0 && packetsOut == 0
  }
}
