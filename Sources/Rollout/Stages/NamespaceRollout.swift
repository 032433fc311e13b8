/// Why a namespace was stopped by a person, who did it and when.
package struct RolloutHold: Hashable, Sendable {
  /// The reason given.
  package var reason: String
  /// Who.
  package var who: String
  /// When, microseconds since 1970 UTC.
  package var since: Int64

  /// Makes a hold.
  package init(reason: String, who: String, since: Int64) {
    self.reason = reason
    self.who = who
    self.since = since
  }
}

/// Where one namespace stands.
package struct NamespaceRollout: Hashable, Sendable {
  /// The namespace.
  package var namespace: String
  /// The stage.
  package var stage = RolloutStage.assess
  /// How critical people say it is; nil until someone does.
  package var criticality: Criticality?
  /// The network plugin given at the start of the audit.
  package var plugin: RolloutPlugin?
  /// The start of week 1 (see ``AuditCalendar``); kept over rollbacks and withdrawals.
  package var auditStart: Int64?
  /// When the stage was entered; nil while nothing happened.
  package var stageSince: Int64?
  /// When the watch began; nil before it and after a rollback.
  package var watchStart: Int64?
  /// The last time a watch began, kept over rollbacks: one namespace a day counts these.
  package var lastWatchEntry: Int64?
  /// Set while a person holds the namespace where it is.
  package var hold: RolloutHold?
  /// Why it is no longer managed; nil while it is.
  package var withdrawnReason: String?
  /// When it was found to be gone from the cluster; nil while it is there.
  package var vanishedSince: Int64?
  /// The files of its policies as they were last written; nil before.
  package var written: WrittenStep?
  /// When that was.
  package var writtenSince: Int64?
  /// Every object that was ever written for it, as `resource name`, sorted.
  package var objectsWritten: [String] = []
  /// Live policies of others that may stay, sorted; see ``RolloutAction/acceptPolicy``.
  package var acceptedPolicies: [String] = []
  /// How often it was rolled back.
  package var rollbacks = 0

  /// Makes the state of a namespace that nothing was done about yet.
  package init(namespace: String) { self.namespace = namespace }

  /// Whether it was withdrawn.
  package var isWithdrawn: Bool { withdrawnReason != nil }

  /// Started and not withdrawn.
  package var isManaged: Bool { stage != .assess && !isWithdrawn }

  /// Managed, in the cluster, not held, and not yet enforced: one of those that wait for their watch.
  package var awaitsWatch: Bool {
    isManaged && vanishedSince == nil && hold == nil && (stage == .audit || stage == .review)
  }

  /// The numbering of its weeks; nil before the audit.
  package var calendar: AuditCalendar? { auditStart.map { AuditCalendar(auditStart: $0) } }

  /// Whether it goes before another: less critical first, unknown criticality last, ties by name.
  package func precedes(_ other: NamespaceRollout) -> Bool {
    let unknown = Criticality.critical.rank + 1
    let mine = criticality?.rank ?? unknown
    let theirs = other.criticality?.rank ?? unknown
    return mine != theirs ? mine < theirs : namespace < other.namespace
  }

  /// The criticality in words, `not set` when nobody set it.
  package var criticalityText: String { criticality?.rawValue ?? "criticality not set" }
}
