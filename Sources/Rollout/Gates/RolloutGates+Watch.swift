import FlowModel

extension RolloutGates {
  /// review -> watch: nothing undecided, the proposal proven and settled, and the namespace's turn.
  package func reviewToWatch(
    _ namespace: String,
    evidence: GateEvidence,
    state: RolloutState,
    now: Int64
  ) -> GateResult {
    let rollout = state[namespace]
    let open = evidence.decisions
    var requirements = presence(rollout)
    requirements.append(decided("would-deny", open.wouldDeny, "would-deny edge"))
    requirements.append(decided("excluded", open.excluded, "excluded edge"))
    requirements.append(decided("peers", open.peers, "peer"))
    if rollout.plugin == .cilium {
      requirements.append(
        decided("live-policies", open.livePolicies, "live policy", plural: "live policies")
      )
    }
    requirements += proposalRequirements(evidence.proposal)
    requirements.append(coverageRequirement(evidence.coverage))
    requirements.append(scriptRequirement(evidence.scripts, namespace: namespace))
    requirements.append(orderRequirement(rollout, state: state))
    requirements.append(firstWatchRequirement(rollout, state: state, now: now))
    requirements.append(spacingRequirement(rollout, state: state, now: now))
    var findings = evidence.growingExternalEgress.map {
      "external addresses are still growing: \($0)"
    }
    if let coverage = evidence.coverage, coverage.singleDayEdges > 0 {
      findings.append(
        "\(Words.count(coverage.singleDayEdges, "edge")) seen on one day only: "
          + "weekly or monthly jobs?"
      )
    }
    return GateResult(gate: "review -> watch", requirements: requirements, findings: findings)
  }

  /// watch -> enforced: watched long enough by a log that shows denials, and none undecided.
  package func watchToEnforced(
    _ namespace: String,
    evidence: GateEvidence,
    state: RolloutState,
    now: Int64
  ) -> GateResult {
    let rollout = state[namespace]
    let start = rollout.watchStart ?? now
    let watched = max(0, now - start)
    let duration = settings.watchDuration
    let isWatched = watched >= duration
    let requirements = [
      GateRequirement(
        "watched",
        isWatched,
        isWatched
          ? "watched for \(Words.hours(watched))"
          : "watched for \(Words.hours(watched)) of \(Words.hours(duration)), "
            + "until \(Timestamps.text(start + duration))"
      ),
      watchCaptureRequirement(rollout, evidence: evidence, start: start, now: now),
      decided("denials", evidence.decisions.denials, "denial"),
    ]
    return GateResult(
      gate: "watch -> enforced",
      requirements: presence(rollout) + requirements
    )
  }

  /// pending -> applied: every managed namespace is enforced.
  package func clusterWide(state: RolloutState) -> GateResult {
    let managed = state.managed.filter { $0.vanishedSince == nil }
    let open = managed.filter { $0.stage != .enforced }
    let message =
      managed.isEmpty
      ? "no namespace is managed"
      : open.isEmpty
        ? "all \(Words.count(managed.count, "managed namespace")) enforced"
        : "\(open.count) of \(Words.count(managed.count, "managed namespace")) not enforced: "
          + open.map { "\($0.namespace) (\($0.stage.rawValue))" }.briefly
    let gone = state.managed.filter { $0.vanishedSince != nil }
    return GateResult(
      gate: "cluster-wide: pending -> applied",
      requirements: [
        GateRequirement("all-enforced", !managed.isEmpty && open.isEmpty, message)
      ],
      findings: gone.map { "\($0.namespace) is gone from the cluster and does not count" }
    )
  }

  // MARK: Parts

  private func decided(
    _ name: String,
    _ open: [String],
    _ noun: String,
    plural: String? = nil
  ) -> GateRequirement {
    guard !open.isEmpty else { return GateRequirement(name, true, "no undecided \(noun)") }
    let plural = plural ?? noun + "s"
    let counted = Words.count(open.count, "undecided \(noun)", plural: "undecided \(plural)")
    return GateRequirement(name, false, "\(counted): \(open.briefly)")
  }

  private func scriptRequirement(
    _ scripts: ScriptEvidence,
    namespace: String
  ) -> GateRequirement {
    let all = "apply, verify and rollback scripts"
    let again = "flowlearn rollout write -n \(namespace)"
    return switch scripts {
    case .notWritten: GateRequirement("scripts", false, "\(all) are not written yet (\(again))")
    case .impossible(let reason):
      GateRequirement("scripts", false, "\(all) cannot be written: \(reason)")
    case .changed(let folder):
      GateRequirement("scripts", false, "\(folder) does not hold what was written (\(again))")
    case .outdated(let folder):
      GateRequirement(
        "scripts",
        false,
        "the proposal has changed since \(folder) was written (\(again))"
      )
    case .current(let folder):
      GateRequirement("scripts", true, "\(all) for the latest proposal are in \(folder)")
    case .writtenWithStep: GateRequirement("scripts", true, "\(all) are written with the step")
    }
  }

  private func proposalRequirements(_ proposal: ProposalEvidence?) -> [GateRequirement] {
    guard let proposal else {
      return [GateRequirement("proposal", false, "there is no proposal yet")]
    }
    var problems: [String] = []
    if !proposal.deniedEdges.isEmpty {
      problems.append(
        "\(Words.count(proposal.deniedEdges.count, "edge")) would be denied: "
          + proposal.deniedEdges.briefly
      )
    }
    if !proposal.unexpressibleEdges.isEmpty {
      let count = Words.count(proposal.unexpressibleEdges.count, "edge")
      problems.append(
        "\(count) cannot be allowed on this plugin: \(proposal.unexpressibleEdges.briefly)"
      )
    }
    if !proposal.unexplainedGrants.isEmpty {
      problems.append(
        "\(Words.count(proposal.unexplainedGrants.count, "grant")) without evidence: "
          + proposal.unexplainedGrants.briefly
      )
    }
    let replayed = Words.count(proposal.replayedEdges, "edge")
    let late = proposal.rulesOfLast48Hours
    return [
      GateRequirement(
        "proposal",
        problems.isEmpty,
        "week \(proposal.week), \(replayed) replayed: "
          + (problems.isEmpty ? "all stay allowed" : problems.joined(separator: "; "))
      ),
      GateRequirement(
        "settled",
        late.isEmpty,
        late.isEmpty
          ? "the last 48 h add no rule"
          : "the last 48 h add \(Words.count(late.count, "rule")): \(late.briefly)"
      ),
    ]
  }

  private func coverageRequirement(_ coverage: Coverage?) -> GateRequirement {
    let limit = Words.percent(settings.minimumCoverage)
    guard let coverage, let share = coverage.share, let estimate = coverage.estimate else {
      return GateRequirement(
        "coverage",
        false,
        "no estimate: \(Words.count(coverage?.observed ?? 0, "edge")) on "
          + "\(Words.count(coverage?.daysCaptured ?? 0, "day")) of capture"
      )
    }
    let isMet = share >= settings.minimumCoverage
    return GateRequirement(
      "coverage",
      isMet,
      "\(coverage.observed) of an estimated \(Words.decimal(estimate)) edges seen, "
        + "\(Words.percent(share))" + (isMet ? "" : " of at least \(limit)")
    )
  }

  private func orderRequirement(
    _ rollout: NamespaceRollout,
    state: RolloutState
  ) -> GateRequirement {
    let before = state.waiting.filter { $0.namespace != rollout.namespace && $0.precedes(rollout) }
    return GateRequirement(
      "least-critical-first",
      before.isEmpty,
      before.isEmpty
        ? "the least critical of those before watch (\(rollout.criticalityText))"
        : "less critical namespaces go first (this one: \(rollout.criticalityText)): "
          + before.map { "\($0.namespace) (\($0.criticalityText))" }.briefly
    )
  }

  private func firstWatchRequirement(
    _ rollout: NamespaceRollout,
    state: RolloutState,
    now: Int64
  ) -> GateRequirement {
    let duration = Words.hours(settings.watchDuration)
    guard let first = state.firstWatched, first.namespace != rollout.namespace,
      let start = first.watchStart
    else {
      return GateRequirement("first-watched", true, "this is the first namespace of all")
    }
    let left = start + settings.watchDuration - now
    return left <= 0
      ? GateRequirement(
        "first-watched",
        true,
        "the first one, \(first.namespace), has passed its \(duration)"
      )
      : GateRequirement(
        "first-watched",
        false,
        "the first one, \(first.namespace), is watched until "
          + "\(Timestamps.text(start + settings.watchDuration)), \(Words.remaining(left)) to go"
      )
  }

  private func spacingRequirement(
    _ rollout: NamespaceRollout,
    state: RolloutState,
    now: Int64
  ) -> GateRequirement {
    let spacing = Words.hours(settings.watchSpacing)
    let recent = state.namespaces.compactMap { other -> (String, Int64)? in
      guard other.namespace != rollout.namespace, let entry = other.lastWatchEntry,
        now - entry < settings.watchSpacing
      else { return nil }
      return (other.namespace, entry)
    }
    guard let latest = recent.max(by: { $0.1 != $1.1 ? $0.1 < $1.1 : $0.0 > $1.0 }) else {
      return GateRequirement(
        "one-a-day",
        true,
        "no other namespace entered watch in the last \(spacing)"
      )
    }
    let next = latest.1 + settings.watchSpacing
    return GateRequirement(
      "one-a-day",
      false,
      "\(latest.0) entered watch at \(Timestamps.text(latest.1)); the next may at "
        + "\(Timestamps.text(next)), \(Words.remaining(next - now)) to go"
    )
  }

  private func watchCaptureRequirement(
    _ rollout: NamespaceRollout,
    evidence: GateEvidence,
    start: Int64,
    now: Int64
  ) -> GateRequirement {
    let kinds = (rollout.plugin ?? .other).watchLogs.map(\.rawValue).joined(separator: " or ")
    let window = TimeWindow(start: start, end: min(now, start + settings.watchDuration))
    let hours = evidence.watchCapture.captured(in: window).count
    guard hours > 0 else {
      return GateRequirement(
        "captured",
        false,
        "no log that shows policy drops (\(kinds)) since \(Timestamps.text(start))"
      )
    }
    let holes = evidence.watchCapture.holes(in: window, longerThan: settings.holeThreshold)
    let counted = Words.count(hours, "hour")
    return holes.isEmpty
      ? GateRequirement("captured", true, "\(counted) captured by \(kinds), without a hole")
      : GateRequirement(
        "captured",
        false,
        "\(counted) captured by \(kinds), not throughout: \(holes.map(Words.window).briefly)"
      )
  }
}
