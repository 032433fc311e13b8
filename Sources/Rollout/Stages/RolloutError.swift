import FlowModel

/// Why an event cannot be applied.
package enum RolloutError: Error, Hashable, Sendable {
  /// The stage is not the one the event starts from, or the move is not one that exists.
  case outOfOrder(namespace: String, current: RolloutStage, from: RolloutStage?, to: RolloutStage?)
  /// Someone else did something first; `others` is what, oldest first.
  case changedMeanwhile(expected: Int, others: [RolloutEvent])
  /// The event is earlier than the last one.
  case clockWentBack(last: Int64, given: Int64)
  /// The action needs a reason.
  case reasonMissing(RolloutAction)
  /// The gate is not met and was not forced.
  case gateNotMet([String])
  /// The namespace is held.
  case onHold(namespace: String, RolloutHold)
  /// The namespace is gone from the cluster.
  case vanished(namespace: String, since: Int64)
  /// The action does not fit the state: `rollout resume` without a hold, and the like.
  case notApplicable(RolloutAction, namespace: String, because: String)
  /// A namespace without a name, or a name with a cluster-wide action.
  case wrongScope(RolloutAction, namespace: String)
  /// A stored event has a number out of sequence.
  case gapInHistory(expected: Int, found: Int)
}

extension RolloutError: CustomStringConvertible {
  /// One sentence.
  package var description: String {
    switch self {
    case .outOfOrder(let namespace, let current, let from, let to):
      "\(namespace) is in \(current.rawValue): it cannot go "
        + "from \(from?.rawValue ?? "-") to \(to?.rawValue ?? "-")"
    case .changedMeanwhile(let expected, let others):
      "the rollout changed after event \(expected) was read: "
        + others.map(\.summary).joined(separator: "; ")
    case .clockWentBack(let last, let given):
      "the time \(Timestamps.text(given)) is before the last event at \(Timestamps.text(last)): "
        + "check the clock"
    case .reasonMissing(let action): "\(action.rawValue) needs a reason"
    case .gateNotMet(let unmet): "the gate is not met: " + unmet.joined(separator: "; ")
    case .onHold(let namespace, let hold):
      "\(namespace) was put on hold by \(hold.who) at \(Timestamps.text(hold.since)): \(hold.reason)"
    case .vanished(let namespace, let since):
      "\(namespace) is gone from the cluster since \(Timestamps.text(since))"
    case .notApplicable(let action, let namespace, let reason):
      "\(action.rawValue) \(namespace.isEmpty ? "(cluster-wide)" : namespace): \(reason)"
    case .wrongScope(let action, let namespace):
      namespace.isEmpty
        ? "\(action.rawValue) needs a namespace"
        : "\(action.rawValue) is cluster-wide, not for \(namespace)"
    case .gapInHistory(let expected, let found):
      "the stored history has event \(found) where \(expected) belongs"
    }
  }
}

extension RolloutEvent {
  /// One line: `2026-11-09T00:00:00Z ann: advance shop review -> watch (forced; reason)`.
  package var summary: String {
    var text = "\(Timestamps.text(time)) \(who): \(action.rawValue)"
    if !namespace.isEmpty { text += " \(namespace)" }
    if let from, let to { text += " \(from.rawValue) -> \(to.rawValue)" }
    if action == .setCriticality { text += " \(criticality?.rawValue ?? "not set")" }
    if let policy { text += " \(policy)" }
    let remarks = [isForced ? "forced" : "", reason].filter { !$0.isEmpty }
    if !remarks.isEmpty { text += " (\(remarks.joined(separator: "; ")))" }
    return text
  }
}
