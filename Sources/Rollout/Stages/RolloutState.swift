/// Where every namespace and the cluster-wide policies stand, as the events so far left them.
package struct RolloutState: Hashable, Sendable {
  /// Namespaces with events, sorted by name.
  package private(set) var namespaces: [NamespaceRollout] = []
  /// The stage of the cluster-wide policies.
  package private(set) var clusterWide = ClusterWideStage.pending
  /// When that stage was entered; nil while nothing happened.
  package private(set) var clusterWideSince: Int64?
  /// Whether a default-deny for the whole cluster is among the policies applied.
  package private(set) var hasClusterDefaultDeny = false
  /// The files of the cluster-wide policies as they were last written; nil before.
  package private(set) var clusterWideWritten: WrittenStep?
  /// Every event, oldest first; numbers are 1, 2, 3, ...
  package private(set) var history: [RolloutEvent] = []

  /// Makes the state before any event.
  package init() {}

  /// Makes the state that stored events lead to.
  ///
  /// - Parameter events: In the order of their numbers.
  /// - Throws: ``RolloutError`` where they do not follow from one another.
  package init(replaying events: some Sequence<RolloutEvent>) throws(RolloutError) {
    for event in events {
      guard event.number == version + 1 else {
        throw .gapInHistory(expected: version + 1, found: event.number)
      }
      self = try applying(event)
    }
  }

  /// The number of the last event; what a caller that read the state passes as `expecting`.
  package var version: Int { history.last?.number ?? 0 }

  /// The state of a namespace; a fresh one in `assess` where there are no events.
  package subscript(namespace: String) -> NamespaceRollout {
    namespaces.first { $0.namespace == namespace } ?? NamespaceRollout(namespace: namespace)
  }

  /// Started and not withdrawn, least critical first.
  package var managed: [NamespaceRollout] {
    namespaces.filter(\.isManaged).sorted { $0.precedes($1) }
  }

  /// The namespaces that wait for their watch, least critical first.
  package var waiting: [NamespaceRollout] {
    namespaces.filter(\.awaitsWatch).sorted { $0.precedes($1) }
  }

  /// The namespace that opened the enforcement: the earliest watch that was not rolled back.
  package var firstWatched: NamespaceRollout? {
    var first: (start: Int64, namespace: NamespaceRollout)?
    for namespace in namespaces where namespace.isManaged && namespace.vanishedSince == nil {
      guard let start = namespace.watchStart else { continue }
      if let known = first, known.start <= start { continue }
      first = (start, namespace)
    }
    return first?.namespace
  }

  /// Live policies of others that may stay, whichever namespace they were looked at for.
  package var acceptedPolicies: Set<String> { Set(namespaces.flatMap(\.acceptedPolicies)) }

  /// The events of a namespace, oldest first.
  package func history(of namespace: String) -> [RolloutEvent] {
    history.filter { $0.namespace == namespace }
  }

  /// The state after one more event.
  ///
  /// - Parameters:
  ///   - event: Its number is set by this function unless it is a stored one with the next number.
  ///   - expecting: The ``version`` the caller decided on; nil to skip that check.
  /// - Returns: A new state; this one stays as it is, so that a failed store leaves nothing half done.
  /// - Throws: ``RolloutError``; ``RolloutError/changedMeanwhile(expected:others:)`` carries what
  ///   others did since.
  package func applying(
    _ event: RolloutEvent,
    expecting: Int? = nil
  ) throws(RolloutError) -> RolloutState {
    if let expecting, expecting != version {
      throw .changedMeanwhile(
        expected: expecting,
        others: history.filter { $0.number > expecting }
      )
    }
    // Setting a criticality moves nothing, and is often done today for a capture of last month.
    if event.action != .setCriticality,
      let last = history.last(where: { $0.action != .setCriticality }), event.time < last.time
    {
      throw .clockWentBack(last: last.time, given: event.time)
    }
    guard event.action.isClusterWide == event.namespace.isEmpty else {
      throw .wrongScope(event.action, namespace: event.namespace)
    }
    if event.reason.isBlank, event.action.needsReason || event.isForced {
      throw .reasonMissing(event.action)
    }
    if !event.unmetGates.isEmpty, !event.isForced { throw .gateNotMet(event.unmetGates) }
    var result = self
    if event.action.isClusterWide {
      try result.moveClusterWide(event)
    } else {
      var namespace = self[event.namespace]
      try namespace.apply(event)
      result.namespaces.removeAll { $0.namespace == event.namespace }
      let index = result.namespaces.firstIndex { $0.namespace > event.namespace }
      result.namespaces.insert(namespace, at: index ?? result.namespaces.endIndex)
    }
    var numbered = event
    numbered.number = version + 1
    result.history.append(numbered)
    return result
  }

  private mutating func moveClusterWide(_ event: RolloutEvent) throws(RolloutError) {
    let target: ClusterWideStage = event.action == .applyClusterWide ? .applied : .pending
    guard target != clusterWide else {
      throw .notApplicable(
        event.action,
        namespace: "",
        because: "the cluster-wide policies are \(clusterWide.rawValue) already"
      )
    }
    clusterWide = target
    clusterWideSince = event.time
    hasClusterDefaultDeny = target == .applied && event.hasDefaultDeny
    clusterWideWritten = event.written ?? clusterWideWritten
  }
}

extension String {
  /// Whether there is nothing in it but white space.
  fileprivate var isBlank: Bool { allSatisfy(\.isWhitespace) }
}
