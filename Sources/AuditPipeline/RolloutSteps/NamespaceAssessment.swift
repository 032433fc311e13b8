package import FlowAggregation
import FlowModel
import FlowStorage
package import PolicyModel
import PolicySynthesis
package import Rollout

/// All that the gates, the reports and the review of one namespace look at.
package struct NamespaceAssessment: Sendable {
  /// The namespace.
  package var namespace: String
  /// Evidence for the gates.
  package var gate: GateEvidence
  /// The latest proposal; nil without evidence.
  package var proposal: ProposeResult?
  /// What the review lists, decided or not, sorted.
  package var review: [ReviewRow] = []
  /// Denials since the watch began, sorted.
  package var denials: [WatchDenial] = []
  /// Its stretch; nil without evidence.
  var window: EvidenceWindow?
}

/// Assesses namespaces.
package struct NamespaceAssessor: Sendable {
  let stores: Stores
  let reader: EvidenceReader
  let finder: WindowFinder
  let capture: [StoredCaptureHour]
  let settings: GateSettings
  private let dialect: PolicyDialect?
  private let livePolicies: PolicySet
  private let unreadablePolicies: [String]

  /// Makes an assessor that reads everything up to a time.
  ///
  /// - Parameter dialect: Of the proposals; nil takes the one the namespace's files were written in.
  package init(
    _ stores: Stores,
    reader: EvidenceReader,
    finder: WindowFinder,
    settings: GateSettings,
    dialect: PolicyDialect? = nil
  ) async throws {
    self.stores = stores
    self.reader = reader
    self.finder = finder
    self.settings = settings
    self.dialect = dialect
    capture = try await stores.flows.capture()
    (livePolicies, unreadablePolicies) = try await PolicyFiles.readable(stores)
  }

  /// The dialect of a namespace's proposals.
  package func dialect(of namespace: String) -> PolicyDialect {
    dialect
      ?? reader.rollout[namespace].written.flatMap { PolicyDialect(rawValue: $0.dialect) }
      ?? .kubernetes
  }

  /// The files that put a namespace into force.
  func stepFiles(_ namespace: String, _ result: ProposeResult) throws -> NamespaceStepFiles {
    try NamespaceStepFiles(result, rollout: reader.rollout, live: livePolicies)
  }

  /// Assesses one namespace at a time; flows after `now` are not looked at.
  package func assess(_ namespace: String, now: Int64) async throws -> NamespaceAssessment {
    let rollout = reader.rollout[namespace]
    var gate = GateEvidence(
      logOnlyFilesWritten: true,
      capture: log { _ in true },
      watchCapture: log { kind in
        rollout.plugin?.watchLogs.contains(kind) ?? kind.showsPolicyDrops
      }
    )
    guard let window = try? window(of: namespace, now: now) else {
      gate.logOnly = mode(namespace, observed: [])
      return NamespaceAssessment(namespace: namespace, gate: gate)
    }
    let evidence = try await reader.evidence(window, namespace: namespace)
    let observed = evidence.connections(of: namespace)
    // Another log does not fill the holes of the one that sees the namespace.
    let kinds = Set(observed.flatMap(\.tally.logKinds))
    if !kinds.isEmpty { gate.capture = log { kinds.contains($0) } }
    gate.logOnly = mode(namespace, observed: observed)
    var result: ProposeResult?
    if !observed.isEmpty {
      let made = try await propose(namespace, window, evidence, capture: gate.capture)
      result = made.result
      gate.proposal = made.evidence
      gate.scripts = scripts(namespace, made.result)
    }
    let world = result?.worldKeys ?? []
    gate.coverage = try await coverage(namespace, window, evidence, observed, world, gate.capture)
    gate.growingExternalEgress = growing(observed, world, capture: gate.capture, now: now)
    let denials: [WatchDenial] =
      if let start = rollout.watchStart {
        try await WatchDenials(stores: stores, decisions: reader.decisions)
          .find(rollout, since: start, now: now, in: evidence)
      } else {
        []
      }
    let review = ReviewRows(evidence: evidence, decisions: reader.decisions, now: now)
      .rows(observed, questions: result?.questions ?? [:], denials: denials)
    gate.decisions = NamespaceAssessor.decisions(review)
    gate.decisions.livePolicies = foreignPolicies(rollout)
    return NamespaceAssessment(
      namespace: namespace,
      gate: gate,
      proposal: result,
      review: review,
      denials: denials,
      window: window
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

  func log(_ isWanted: (LogKind) -> Bool) -> CaptureLog {
    CaptureLog(
      capture.filter { isWanted($0.logKind) }.map {
        CapturedHour(hour: $0.hour, records: $0.capture.records, lost: $0.capture.lost)
      }
    )
  }

  /// How the namespace is audited, as said at the start, and the records since then that prove it.
  private func mode(_ namespace: String, observed: [ObservedConnection]) -> LogOnlyMode? {
    let start = reader.rollout.history(of: namespace).last { $0.action == .start }
    guard let start else { return nil }
    guard let way = RolloutWorkflow.logOnlyWay(of: start), way != .observe else { return .observe }
    let proof = observed.filter { connection in
      guard connection.tally.lastMicroseconds >= start.time else { return false }
      let kinds = connection.tally.logKinds
      return switch way {
      case .observe: false
      case .ciliumAgentAudit: connection.evidence == .wouldDeny && kinds.contains(.hubble)
      case .calicoStaged: connection.evidence == .wouldDeny && kinds.contains(.calico)
      // Log lines carry no verdict, whatever class they were given.
      case .calicoLog: kinds.contains(.calicoPacket)
      }
    }
    let records = proof.map(\.tally.records).reduce(0, +)
    return .auditSwitch(name: way.rawValue, recordsSeen: Int(clamping: records))
  }

  private func coverage(
    _ namespace: String,
    _ window: EvidenceWindow,
    _ evidence: Evidence,
    _ observed: [ObservedConnection],
    _ world: Set<ConnectionKey>,
    _ capture: CaptureLog
  ) async throws -> Coverage {
    Coverage(
      CoverageInput(
        observed,
        world: world,
        days: try await reader.days(of: namespace, window, in: evidence),
        capture: capture,
        window: window.window
      ),
      holeThreshold: settings.holeThreshold
    )
  }

  /// What is open, as the gates name it.
  private static func decisions(_ review: [ReviewRow]) -> DecisionSummary {
    let open = review.filter { $0.decision == nil }
    let edges = open.filter { $0.connections.contains(where: \.needsDecision) }
    return DecisionSummary(
      wouldDeny: edges.filter { $0.evidence == .wouldDeny }.map(\.text),
      excluded: edges.filter { $0.evidence != .wouldDeny }.map(\.text),
      peers: open.filter { !$0.questions.isEmpty }.map {
        "\($0.text): \($0.questions.joined(separator: "; "))"
      },
      denials: review.filter(\.isOpenDenial).map(\.text)
    )
  }

  /// Cilium under agent-wide audit, before the first watch: live policies of others that would start
  /// to enforce and that nobody has accepted.
  private func foreignPolicies(_ rollout: NamespaceRollout) -> [String] {
    guard rollout.plugin == .cilium, reader.rollout.firstWatched == nil,
      case .auditSwitch? = mode(rollout.namespace, observed: [])
    else { return [] }
    let foreign = livePolicies.policies.filter { $0.labels[ManagedBy.label] != ManagedBy.value }
    let names = Set(
      foreign.map { "\($0.kind.manifestKind) \($0.namespace ?? "")/\($0.name)" }
        + unreadablePolicies
    )
    return names.subtracting(reader.rollout.acceptedPolicies).sorted()
  }

  /// Workloads whose external addresses still grew in the last 48 hours.
  private func growing(
    _ observed: [ObservedConnection],
    _ world: Set<ConnectionKey>,
    capture: CaptureLog,
    now: Int64
  ) -> [String] {
    guard let end = capture.end(before: now) else { return [] }
    let recent = end - 2 * Timestamps.day
    var addresses: [String: (old: Int, new: Int)] = [:]
    for connection in observed where connection.isAccepted && !world.contains(connection.key) {
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

  /// The first two, and how many more there are.
  static func brief(_ keys: [ConnectionKey]) -> String {
    let texts = keys.sorted().map { text($0) }
    let shown = texts.prefix(2).joined(separator: ", ")
    return texts.count > 2 ? "\(shown) and \(texts.count - 2) more" : shown
  }
}
