import FlowModel

/// The gates of the rollout: pure functions that say what is missing.
package struct RolloutGates: Sendable {
  /// The thresholds.
  package var settings: GateSettings

  /// Makes the gates.
  package init(settings: GateSettings = GateSettings()) { self.settings = settings }

  /// The gate of the next step of a namespace.
  ///
  /// - Returns: nil when it is enforced already.
  package func next(
    for namespace: String,
    evidence: GateEvidence,
    state: RolloutState,
    now: Int64
  ) -> GateResult? {
    switch state[namespace].stage {
    case .assess: assessToAudit(namespace, evidence: evidence, state: state)
    case .audit: auditToReview(namespace, evidence: evidence, state: state, now: now)
    case .review: reviewToWatch(namespace, evidence: evidence, state: state, now: now)
    case .watch: watchToEnforced(namespace, evidence: evidence, state: state, now: now)
    case .enforced: nil
    }
  }

  /// assess -> audit: the log-only way for the plugin is written out.
  ///
  /// - Parameter plugin: The plugin that the start names; nil when it names none.
  package func assessToAudit(
    _ namespace: String,
    plugin: RolloutPlugin? = nil,
    evidence: GateEvidence,
    state: RolloutState
  ) -> GateResult {
    let plugin = plugin ?? state[namespace].plugin
    let requirements = [
      GateRequirement(
        "plugin",
        plugin != nil,
        plugin.map { "network plugin \($0.rawValue)" }
          ?? "say which network plugin the cluster has: --cni cilium|calico|aws|gke|other"
      ),
      GateRequirement(
        "log-only",
        evidence.logOnlyFilesWritten,
        evidence.logOnlyFilesWritten
          ? "the log-only way is written out" : "the log-only way is not written out yet"
      ),
    ]
    return GateResult(
      gate: "assess -> audit",
      requirements: presence(state[namespace]) + requirements
    )
  }

  /// audit -> review: seven full days without holes or losses, and the log-only switch at work.
  package func auditToReview(
    _ namespace: String,
    evidence: GateEvidence,
    state: RolloutState,
    now: Int64
  ) -> GateResult {
    let rollout = state[namespace]
    let start = rollout.auditStart ?? now
    let capture = evidence.capture
    let window = TimeWindow(start: start, end: capture.end(before: now) ?? start)
    let stretch = capture.longestStretch(in: window, holesLongerThan: settings.holeThreshold)
    let days = Int((window.end - window.start) / Timestamps.day)
    let cleanDays = Int((stretch.end - stretch.start) / Timestamps.day)
    let holes = capture.holes(in: window, longerThan: settings.holeThreshold)
    var requirements = presence(rollout)
    requirements.append(
      GateRequirement(
        "seven-days",
        days >= settings.auditDays,
        days >= settings.auditDays
          ? "\(days) full days captured since \(Timestamps.text(start))"
          : "\(days) of \(settings.auditDays) full days captured since \(Timestamps.text(start))"
            + (window.end > window.start ? ", up to \(Timestamps.text(window.end))" : "")
      )
    )
    requirements.append(holeRequirement(holes, cleanDays: cleanDays))
    requirements.append(lossRequirement(capture.lostShare(in: window)))
    requirements.append(auditRequirement(evidence.logOnly))
    return GateResult(gate: "audit -> review", requirements: requirements)
  }

  private func holeRequirement(_ holes: [CaptureHole], cleanDays: Int) -> GateRequirement {
    let limit = Words.hours(settings.holeThreshold)
    guard !holes.isEmpty else {
      return GateRequirement("no-holes", true, "no hole in the log longer than \(limit)")
    }
    let listed =
      "\(Words.count(holes.count, "hole")) in the log longer than \(limit): "
      + holes.map(Words.window).briefly
    return cleanDays >= settings.auditDays
      ? GateRequirement("no-holes", true, "\(cleanDays) full days without a hole, beside \(listed)")
      : GateRequirement(
        "no-holes",
        false,
        "\(listed); the longest stretch without one is "
          + "\(cleanDays) of \(settings.auditDays) full days"
      )
  }

  private func lossRequirement(_ share: Double?) -> GateRequirement {
    let limit = Words.percent(settings.maximumLostShare)
    guard let share else {
      return GateRequirement("lost-events", false, "nothing was captured yet")
    }
    return share <= settings.maximumLostShare
      ? GateRequirement("lost-events", true, "\(Words.percent(share)) of events lost (\(limit))")
      : GateRequirement(
        "lost-events",
        false,
        "\(Words.percent(share)) of events lost, at most \(limit) may be"
      )
  }

  private func auditRequirement(_ mode: LogOnlyMode?) -> GateRequirement {
    switch mode {
    case .observe:
      GateRequirement("auditing", true, "observe: learned from what passes, no log-only switch")
    case .auditSwitch(let name, let records) where records > 0:
      GateRequirement("auditing", true, "\(name): \(Words.count(records, "record")) seen")
    case .auditSwitch(let name, _):
      GateRequirement(
        "auditing",
        false,
        "\(name): none of its records was seen, so it is not really on; or state observe"
      )
    case nil:
      GateRequirement("auditing", false, "not stated: a log-only switch, or observe")
    }
  }

  /// What every move of a namespace asks for: that it is there and not held.
  func presence(_ rollout: NamespaceRollout) -> [GateRequirement] {
    var requirements: [GateRequirement] = []
    if let since = rollout.vanishedSince {
      requirements.append(
        GateRequirement(
          "present",
          false,
          "\(rollout.namespace) is gone from the cluster since \(Timestamps.text(since))"
        )
      )
    }
    if let hold = rollout.hold {
      requirements.append(
        GateRequirement(
          "not-on-hold",
          false,
          "on hold by \(hold.who) since \(Timestamps.text(hold.since)): \(hold.reason)"
        )
      )
    }
    return requirements
  }
}
