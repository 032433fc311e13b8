import FlowModel

/// One line of the calendar.
package struct PlanRow: Hashable, Sendable {
  /// The earliest time; nil when it depends on a person.
  package var time: Int64?
  /// The namespace; empty for the cluster-wide policies.
  package var namespace: String
  /// The step, such as `review -> watch`.
  package var step: String
  /// Why then, and why in this order.
  package var reason: String

  /// The row as columns: time, namespace, step, reason.
  package var columns: [String] {
    [
      time.map { Timestamps.text($0) } ?? "-", namespace.isEmpty ? "(cluster-wide)" : namespace,
      step, reason,
    ]
  }
}

/// Makes the calendar of what can move when, and why in that order.
///
/// It holds if every gate is met in time; what a gate still misses is the gates' own to say.
package struct RolloutPlanner: Sendable {
  /// The thresholds.
  package var settings: GateSettings

  /// Makes a planner.
  package init(settings: GateSettings = GateSettings()) { self.settings = settings }

  /// The names of the columns of ``PlanRow/columns``.
  package static let header = ["WHEN", "NAMESPACE", "STEP", "WHY"]

  /// The steps that are still to come.
  ///
  /// - Parameters:
  ///   - known: Namespaces seen in the logs, for those that nothing was started for.
  ///   - now: Nothing is planned earlier.
  /// - Returns: By time, then namespace; rows that depend on a person come last.
  package func plan(
    _ state: RolloutState,
    known: [String] = [],
    now: Int64
  ) -> [PlanRow] {
    var draft = Draft(settings: settings, now: now)
    let present = state.managed.filter { $0.vanishedSince == nil }
    for namespace in present where namespace.stage == .watch { draft.finishWatch(namespace) }
    for namespace in state.namespaces {
      draft.lastEntry = latest(draft.lastEntry, namespace)
    }
    if let first = state.firstWatched, let start = first.watchStart {
      draft.first = (first.namespace, start + settings.watchDuration)
    }
    let waiting = state.waiting
    for (index, namespace) in waiting.enumerated() {
      draft.add(namespace, position: index + 1, of: waiting.count)
    }
    let stopped = present.filter { $0.hold != nil && !$0.stage.isEnforcing }
    for namespace in stopped { draft.addHeld(namespace) }
    for namespace in state.managed where namespace.vanishedSince != nil {
      draft.addOpen(namespace.namespace, "-", "gone from the cluster")
    }
    let unstarted = Set(known).subtracting(state.managed.map(\.namespace))
    for name in unstarted.sorted() {
      draft.addOpen(
        name,
        "assess -> audit",
        state[name].withdrawnReason.map { "withdrawn: \($0)" } ?? "not started"
      )
    }
    if state.clusterWide == .pending {
      draft.addClusterWide(
        managed: present.count,
        held: present.filter { $0.hold != nil && $0.stage != .enforced }
      )
    }
    return draft.sorted
  }

  private func latest(
    _ known: (namespace: String, time: Int64)?,
    _ namespace: NamespaceRollout
  ) -> (namespace: String, time: Int64)? {
    guard let entry = namespace.lastWatchEntry else { return known }
    if let known, known.time >= entry { return known }
    return (namespace.namespace, entry)
  }
}

/// The calendar while it is made.
private struct Draft {
  let settings: GateSettings
  let now: Int64
  var rows: [PlanRow] = []
  var first: (namespace: String, passed: Int64)?
  var lastEntry: (namespace: String, time: Int64)?
  var allEnforced: Int64?

  mutating func finishWatch(_ namespace: NamespaceRollout) {
    guard namespace.hold == nil else {
      addHeld(namespace)
      return
    }
    let end = max(now, (namespace.watchStart ?? now) + settings.watchDuration)
    enforce(namespace.namespace, at: end)
  }

  private mutating func enforce(_ namespace: String, at time: Int64) {
    allEnforced = max(allEnforced ?? time, time)
    let hours = Words.hours(settings.watchDuration)
    rows.append(
      PlanRow(
        time: time,
        namespace: namespace,
        step: "watch -> enforced",
        reason: "\(hours) watched without an undecided denial"
      )
    )
  }

  mutating func add(_ namespace: NamespaceRollout, position: Int, of count: Int) {
    var ready = now
    if namespace.stage == .audit {
      let start = namespace.auditStart ?? now
      ready = max(now, start + Int64(settings.auditDays) * Timestamps.day)
      rows.append(
        PlanRow(
          time: ready,
          namespace: namespace.namespace,
          step: "audit -> review",
          reason: "\(settings.auditDays) full days captured since \(Timestamps.text(start))"
        )
      )
    }
    var entry = ready
    var reasons = ["number \(position) of \(count), \(namespace.criticalityText)"]
    if let first, first.namespace != namespace.namespace {
      if first.passed > entry {
        entry = first.passed
        reasons.append("after the \(Words.hours(settings.watchDuration)) of \(first.namespace)")
      }
    } else {
      reasons.append(
        "first of all: watched for \(Words.hours(settings.watchDuration)) before any other"
      )
    }
    if let lastEntry, lastEntry.namespace != namespace.namespace,
      lastEntry.time + settings.watchSpacing > entry
    {
      entry = lastEntry.time + settings.watchSpacing
      reasons.append(
        "\(Words.hours(settings.watchSpacing)) after \(lastEntry.namespace) entered watch"
      )
    }
    if first == nil { first = (namespace.namespace, entry + settings.watchDuration) }
    lastEntry = (namespace.namespace, entry)
    rows.append(
      PlanRow(
        time: entry,
        namespace: namespace.namespace,
        step: "review -> watch",
        reason: reasons.joined(separator: "; ")
      )
    )
    enforce(namespace.namespace, at: entry + settings.watchDuration)
  }

  mutating func addHeld(_ namespace: NamespaceRollout) {
    let reason = namespace.hold.map { "on hold by \($0.who): \($0.reason)" } ?? "on hold"
    let next = namespace.stage.next?.rawValue ?? "-"
    addOpen(namespace.namespace, "\(namespace.stage.rawValue) -> \(next)", reason)
  }

  mutating func addOpen(_ namespace: String, _ step: String, _ reason: String) {
    rows.append(PlanRow(time: nil, namespace: namespace, step: step, reason: reason))
  }

  mutating func addClusterWide(managed: Int, held: [NamespaceRollout]) {
    let step = "pending -> applied"
    if managed == 0 {
      addOpen("", step, "last, no namespace is managed yet")
    } else if !held.isEmpty {
      let names = held.map(\.namespace).sorted().briefly
      rows.append(
        PlanRow(time: nil, namespace: "", step: step, reason: "last, waits for \(names) (on hold)")
      )
    } else {
      rows.append(
        PlanRow(
          time: allEnforced ?? now,
          namespace: "",
          step: step,
          reason: "last, once all managed namespaces are enforced"
        )
      )
    }
  }

  /// By time with open rows last; the cluster-wide step comes after the namespaces of its time.
  var sorted: [PlanRow] {
    rows.sorted { left, right in
      let times = (left.time ?? Int64.max, right.time ?? Int64.max)
      if times.0 != times.1 { return times.0 < times.1 }
      if left.namespace.isEmpty != right.namespace.isEmpty { return right.namespace.isEmpty }
      return left.namespace != right.namespace
        ? left.namespace < right.namespace : left.step < right.step
    }
  }
}
