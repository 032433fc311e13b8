extension NamespaceRollout {
  /// Applies an event of this namespace.
  ///
  /// - Throws: ``RolloutError`` when the event does not fit; the state is then of no use.
  mutating func apply(_ event: RolloutEvent) throws(RolloutError) {
    try move(event)
    guard let written = event.written, event.action != .start else { return }
    self.written = written
    writtenSince = event.time
    objectsWritten = Set(objectsWritten).union(written.objects).sorted()
  }

  private mutating func move(_ event: RolloutEvent) throws(RolloutError) {
    switch event.action {
    case .start: try start(event)
    case .advance: try advance(event)
    case .rollback: try rollBack(event)
    case .hold:
      try require(hold == nil, event, "it is on hold already")
      hold = RolloutHold(reason: event.reason, who: event.who, since: event.time)
    case .resume:
      try require(hold != nil, event, "it is not on hold")
      hold = nil
    case .setCriticality: criticality = event.criticality
    case .write:
      try require(stage >= .review, event, "its review has not begun: nothing to write yet")
      try require(event.written != nil, event, "the files are missing")
    case .acceptPolicy:
      try require(event.policy?.isEmpty == false, event, "the policy is missing")
      acceptedPolicies = Set(acceptedPolicies).union(event.policy.map { [$0] } ?? []).sorted()
    case .withdraw:
      try require(isManaged, event, "it is not managed")
      withdrawnReason = event.reason
      enter(.assess, at: event.time)
    case .vanish:
      try require(vanishedSince == nil, event, "it is known to be gone")
      vanishedSince = event.time
    case .comeBack:
      try require(vanishedSince != nil, event, "it was not gone")
      vanishedSince = nil
      // Its policies went with it, so nothing is enforced any more.
      if stage.isEnforcing { enter(.audit, at: event.time) }
    case .applyClusterWide, .rollbackClusterWide:
      throw .wrongScope(event.action, namespace: namespace)
    }
  }

  private mutating func start(_ event: RolloutEvent) throws(RolloutError) {
    try requireMovable(event)
    guard stage == .assess, event.from == .assess, event.to == .audit else {
      throw outOfOrder(event)
    }
    try require(event.plugin != nil, event, "the network plugin is missing")
    plugin = event.plugin
    withdrawnReason = nil
    auditStart = auditStart ?? AuditCalendar(auditStart: event.time).start
    enter(.audit, at: event.time)
  }

  private mutating func advance(_ event: RolloutEvent) throws(RolloutError) {
    try requireMovable(event)
    guard stage != .assess, event.from == stage, let next = stage.next, event.to == next else {
      throw outOfOrder(event)
    }
    enter(next, at: event.time)
  }

  private mutating func rollBack(_ event: RolloutEvent) throws(RolloutError) {
    guard stage.isEnforcing, event.from == stage, event.to == .audit else {
      throw outOfOrder(event)
    }
    rollbacks += 1
    enter(.audit, at: event.time)
  }

  private mutating func enter(_ stage: RolloutStage, at time: Int64) {
    self.stage = stage
    stageSince = time
    if stage == .watch {
      watchStart = time
      lastWatchEntry = time
    } else if !stage.isEnforcing {
      watchStart = nil
    }
  }

  private func requireMovable(_ event: RolloutEvent) throws(RolloutError) {
    if let hold { throw .onHold(namespace: namespace, hold) }
    if let vanishedSince { throw .vanished(namespace: namespace, since: vanishedSince) }
  }

  private func require(
    _ condition: Bool,
    _ event: RolloutEvent,
    _ reason: String
  ) throws(RolloutError) {
    if !condition { throw .notApplicable(event.action, namespace: namespace, because: reason) }
  }

  private func outOfOrder(_ event: RolloutEvent) -> RolloutError {
    .outOfOrder(namespace: namespace, current: stage, from: event.from, to: event.to)
  }
}
