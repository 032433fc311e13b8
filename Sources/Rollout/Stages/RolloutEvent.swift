/// What was done.
package enum RolloutAction: String, Sendable, CaseIterable {
  /// Audit of a namespace started.
  case start
  /// A namespace moved one stage on.
  case advance
  /// A namespace went back to audit.
  case rollback
  /// A namespace was stopped where it is.
  case hold
  /// A hold was lifted.
  case resume
  /// The criticality of a namespace was set.
  case setCriticality = "set-criticality"
  /// The files of a namespace's policies were written.
  case write
  /// A live policy of somebody else was looked at and may stay.
  case acceptPolicy = "accept-policy"
  /// A namespace is no longer managed.
  case withdraw
  /// A namespace was found to be gone from the cluster.
  case vanish
  /// A namespace that was gone is back.
  case comeBack = "come-back"
  /// The cluster-wide policies were applied.
  case applyClusterWide = "apply-cluster-wide"
  /// The cluster-wide policies were taken away.
  case rollbackClusterWide = "rollback-cluster-wide"

  /// Whether it is about the cluster instead of a namespace.
  package var isClusterWide: Bool { self == .applyClusterWide || self == .rollbackClusterWide }

  /// Whether a person must say why.
  package var needsReason: Bool {
    switch self {
    case .rollback, .hold, .withdraw, .acceptPolicy, .rollbackClusterWide: true
    default: false
    }
  }

  /// Whether it passes a gate.
  package var passesGate: Bool {
    self == .start || self == .advance || self == .applyClusterWide
  }
}

/// One thing that was done, as it stays on record.
package struct RolloutEvent: Hashable, Sendable {
  /// The number of the event, from 1 without gaps; 0 until it was applied.
  package var number = 0
  /// When, microseconds since 1970 UTC.
  package var time: Int64
  /// Who.
  package var who: String
  /// What.
  package var action: RolloutAction
  /// The namespace; empty for the cluster-wide policies.
  package var namespace: String
  /// The stage before; nil where the action moves no namespace.
  package var from: RolloutStage?
  /// The stage after; nil where the action moves no namespace.
  package var to: RolloutStage?
  /// Why; empty where no reason is needed.
  package var reason = ""
  /// Whether a gate that was not met was passed by force.
  package var isForced = false
  /// The requirements that were not met, in words.
  package var unmetGates: [String] = []
  /// `start` only: the network plugin.
  package var plugin: RolloutPlugin?
  /// `set-criticality` only: the new value, nil to take it away.
  package var criticality: Criticality?
  /// The files that were written with it; nil when there were none.
  package var written: WrittenStep?
  /// `accept-policy` only: kind, namespace and name of the policy.
  package var policy: String?
  /// Hash of the proposal that was kept with it; nil when there was none.
  package var proposalHash: String?
  /// `apply-cluster-wide` only: whether a default-deny for the cluster went with it.
  package var hasDefaultDeny = false

  /// Makes an event; the other fields are set as the action needs them.
  package init(
    time: Int64,
    who: String,
    action: RolloutAction,
    namespace: String = "",
    from: RolloutStage? = nil,
    to: RolloutStage? = nil,
    reason: String = ""
  ) {
    self.time = time
    self.who = who
    self.action = action
    self.namespace = namespace
    self.from = from
    self.to = to
    self.reason = reason
  }

  /// The event of a start or advance that a gate was asked about.
  ///
  /// - Parameter result: What the gate said; its unmet requirements go on record.
  package init(
    time: Int64,
    who: String,
    action: RolloutAction,
    namespace: String = "",
    from: RolloutStage? = nil,
    to: RolloutStage? = nil,
    reason: String = "",
    passing result: GateResult,
    byForce: Bool
  ) {
    self.init(
      time: time,
      who: who,
      action: action,
      namespace: namespace,
      from: from,
      to: to,
      reason: reason
    )
    unmetGates = result.unmet.map { "\($0.name): \($0.message)" }
    isForced = byForce && !result.isMet
  }
}
