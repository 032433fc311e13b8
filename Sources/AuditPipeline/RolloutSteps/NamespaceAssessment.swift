import PolicySynthesis
package import FlowAggregation
import FlowModel
import FlowStorage
package import PolicyModel
package import Rollout

/// All that the gates, the reports and the review of one namespace look at.
package struct NamespaceAssessment: Sendable {
  /// The namespace.
  package var namespace: String
  /// Evidence for the gates.
  package var gate: GateEvidence
  /// The latest proposal; nil without evidence.
  package var proposal: ProposeResult?
  /// Connections of the namespace nobody decided about, or that were denied since the watch began.
  package var open: [ObservedConnection]
}

/// Assesses namespaces.
package struct NamespaceAssessor: Sendable {
  private let stores: Stores
  private let reader: EvidenceReader
  private let finder: WindowFinder
  private let capture: [StoredCaptureHour]
  private let settings: GateSettings
  private let dialect: PolicyDialect

  /// Makes an assessor that reads everything up to a time.
  package init(
    _ stores: Stores,
    reader: EvidenceReader,
    finder: WindowFinder,
    settings: GateSettings,
    dialect: PolicyDialect = .kubernetes
  ) async throws {
    self.stores = stores
    self.reader = reader
    self.finder = finder
    self.settings = settings
    self.dialect = dialect
    capture = try await stores.flows.capture()
  }

  /// Assesses one namespace at a time; flows after `now` are not looked at.
  package func assess(_ namespace: String, now: Int64) async throws -> NamespaceAssessment {
    let rollout = reader.rollout[namespace]
    var gate = GateEvidence(
      logOnlyFilesWritten: true,
      capture: log { _ in true },
      watchCapture: log { kind in rollout.plugin?.watchLogs.contains(kind) ?? kind.showsPolicyDrops
      },
      scriptsWritten: true
    )
    guard let window = try? window(of: namespace, now: now) else {
      gate.logOnly = mode(namespace, observed: [])
      return NamespaceAssessment(namespace: namespace, gate: gate, proposal: nil, open: [])
    }
    let evidence = try await reader.evidence(window, namespace: namespace)
    let observed = evidence.connections(of: namespace)
    gate.logOnly = mode(namespace, observed: observed)
    gate.coverage = try await coverage(namespace, window, evidence, observed)
    gate.growingExternalEgress = growing(observed, capture: gate.capture, now: now)
    var proposal: ProposeResult?
    if !observed.isEmpty {
      let made = try await propose(namespace, window, evidence)
      proposal = made.result
      gate.proposal = made.evidence
    }
    gate.decisions = decisions(observed, proposal, watchStart: rollout.watchStart)
    gate.decisions.livePolicies = try await foreignPolicies(rollout)
    let open = observed.filter { connection in
      connection.decision == nil && connection.isForReview
    }
    return NamespaceAssessment(
      namespace: namespace,
      gate: gate,
      proposal: proposal,
      open: open
    )
  }

  /// Weeks 1 to the one `now` lies in, or to the newest flow when that is earlier.
  private func window(of namespace: String, now: Int64) throws -> EvidenceWindow {
    let calendar = try finder.calendar(of: namespace)
    guard let span = finder.span(of: namespace) else {
      throw EvidenceError.noFlows(namespace: namespace, known: finder.namespaces)
    }
    let newest = min(span.last, now)
    guard let week = calendar.latest(newestFlow: newest) else {
      throw EvidenceError.nothingInWindow(
        namespace: namespace,
        window: TimeWindow(start: calendar.start, end: calendar.start)
      )
    }
    var window = calendar.evidenceWindow(for: week)
    window.end = min(window.end, Timestamps.floor(now, to: Timestamps.hour) + Timestamps.hour)
    return EvidenceWindow(window: window, week: week, newestFlow: newest)
  }

  private func log(_ isWanted: (LogKind) -> Bool) -> CaptureLog {
    CaptureLog(
      capture.filter { isWanted($0.logKind) }.map {
        CapturedHour(hour: $0.hour, records: $0.capture.records, lost: $0.capture.lost)
      }
    )
  }

  /// How the namespace is audited, as said at the start, and the records that prove it.
  private func mode(_ namespace: String, observed: [ObservedConnection]) -> LogOnlyMode? {
    let start = reader.rollout.history(of: namespace).last { $0.action == .start }
    guard let start else { return nil }
    guard let way = RolloutWorkflow.logOnlyWay(of: start), way != .observe else { return .observe }
    let records = observed.filter { $0.evidence == .wouldDeny }.count
    return .auditSwitch(name: way.rawValue, recordsSeen: records)
  }

  private func coverage(
    _ namespace: String,
    _ window: EvidenceWindow,
    _ evidence: Evidence,
    _ observed: [ObservedConnection]
  ) async throws -> Coverage {
    let days = try await reader.days(of: namespace, window, in: evidence)
    let edges = observed.filter { $0.decision != .reject && $0.isAccepted }.map { connection in
      EdgeDays(
        days: days[connection.key] ?? [],
        firstSeen: connection.tally.firstMicroseconds
      )
    }
    let unresolved = observed.count { connection in
      connection.marks.contains(.unresolved)
    }
    return Coverage(
      CoverageInput(
        edges: edges,
        capture: log { _ in true },
        window: window.window,
        resolvedEndpoints: observed.count - unresolved,
        unresolvedEndpoints: unresolved
      ),
      holeThreshold: settings.holeThreshold
    )
  }

  // MARK: The proposal and what it lacks

  private func propose(_ namespace: String, _ window: EvidenceWindow, _ evidence: Evidence)
    async throws -> (result: ProposeResult, evidence: ProposalEvidence)
  {
    var options = ProposeOptions()
    options.dialect = dialect
    let step = Propose(stores, reader: reader, finder: finder, options: options)
    let result = try step.propose(namespace, window, evidence)
    var summary = ProposalEvidence(
      week: window.week?.number ?? 0,
      replayedEdges: result.proof.total
    )
    let unexpressible = Set(result.proposal.unexpressible.map(\.connection))
    for entry in result.proof.denied {
      let text = "\(ConnectionText.text(result.keys[entry.connection])): \(entry.reason)"
      if unexpressible.contains(entry.connection) {
        summary.unexpressibleEdges.append(text)
      } else {
        summary.deniedEdges.append(text)
      }
    }
    if result.proposal.excess.isEmpty { summary.unexplainedGrants = result.proof.unobserved }
    summary.rulesOfLast48Hours = try await recentRules(result, step, window, namespace)
    return (result, summary)
  }

  /// The rules that a proposal without the last 48 hours of the capture does not have.
  private func recentRules(
    _ result: ProposeResult,
    _ step: Propose,
    _ window: EvidenceWindow,
    _ namespace: String
  ) async throws -> [String] {
    var earlier = window
    let end = log { _ in true }.end(before: window.window.end) ?? window.window.end
    earlier.window.end = Timestamps.floor(end - 2 * Timestamps.day, to: Timestamps.hour)
    guard earlier.window.end > earlier.window.start else { return rules(result) }
    let evidence = try await reader.evidence(earlier, namespace: namespace)
    guard !evidence.connections(of: namespace).isEmpty else { return rules(result) }
    let before = Set(rules(try step.propose(namespace, earlier, evidence)))
    return rules(result).filter { !before.contains($0) }
  }

  /// Each rule by what it allows, in words.
  private func rules(_ result: ProposeResult) -> [String] {
    result.proposal.ruleEvidence.map { entry in
      let policy = result.proposal.policySet.policies[entry.policy]
      let keys = entry.connections.map { ConnectionText.text(result.keys[$0]) }.sorted()
      return "\(policy.name) \(policy.rules[entry.rule].direction.rawValue): "
        + keys.joined(separator: ", ")
    }.sorted()
  }

  // MARK: What is undecided

  private func decisions(
    _ observed: [ObservedConnection],
    _ proposal: ProposeResult?,
    watchStart: Int64?
  ) -> DecisionSummary {
    let undecided = observed.filter(\.needsDecision)
    func words(_ connections: [ObservedConnection]) -> [String] {
      connections.map { ConnectionText.text($0.key) }
    }
    var peers: [String] = []
    if let proposal {
      let decided = Set(observed.filter { $0.decision != nil }.map(\.key))
      peers = proposal.proposal.decisions.compactMap { entry in
        let key = proposal.keys[entry.connection]
        return decided.contains(key) ? nil : "\(ConnectionText.text(key)): \(entry.reason)"
      }
    }
    let denials = observed.filter { connection in
      guard let watchStart, connection.decision == nil else { return false }
      return (connection.evidence == .denied || connection.evidence == .wouldDeny)
        && connection.tally.lastMicroseconds >= watchStart
    }
    return DecisionSummary(
      wouldDeny: words(undecided.filter { $0.evidence == .wouldDeny }),
      excluded: words(undecided.filter { $0.evidence != .wouldDeny }),
      peers: peers,
      denials: words(denials)
    )
  }

  /// Cilium under agent-wide audit: live policies of others that would start to enforce.
  private func foreignPolicies(_ rollout: NamespaceRollout) async throws -> [String] {
    guard rollout.plugin == .cilium, reader.rollout.firstWatched == nil,
      case .auditSwitch? = mode(rollout.namespace, observed: [])
    else { return [] }
    return try await PolicyFiles.live(stores).policies.filter {
      $0.labels[ManagedBy.label] != ManagedBy.value
    }.map { "\($0.kind.manifestKind) \($0.namespace ?? "")/\($0.name)" }.sorted()
  }

  /// Workloads whose external addresses still grew in the last 48 hours.
  private func growing(_ observed: [ObservedConnection], capture: CaptureLog, now: Int64)
    -> [String]
  {
    guard let end = capture.end(before: now) else { return [] }
    let recent = end - 2 * Timestamps.day
    var addresses: [String: (old: Int, new: Int)] = [:]
    for connection in observed where connection.isAccepted {
      guard case .other(let endpoint) = connection.destination, endpoint.kind == .address else {
        continue
      }
      if connection.tally.firstMicroseconds >= recent {
        addresses[connection.key.source, default: (0, 0)].new += 1
      } else {
        addresses[connection.key.source, default: (0, 0)].old += 1
      }
    }
    return addresses.filter { $0.value.new > 0 && $0.value.old > 0 }.map { name, count in
      "\(name): \(count.new) new external addresses beside \(count.old)"
    }.sorted()
  }
}

/// Connections in words.
package enum ConnectionText {
  /// `app-prod/web -> app-prod/api TCP/8080`.
  package static func text(_ key: ConnectionKey) -> String {
    "\(key.source) -> \(key.destination) \(key.transport)/\(key.port)"
  }
}
