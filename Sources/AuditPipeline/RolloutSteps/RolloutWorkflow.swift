import FlowAggregation
import FlowModel
package import FlowStorage
import PolicyModel
import PolicySynthesis
package import Rollout

/// What a rollout step did or would do.
package struct RolloutOutcome: Sendable {
  /// What the gate said; nil for steps without one.
  package var gate: GateResult?
  /// The event; nil when the gate was not met.
  package var event: RolloutEvent?
  /// Files of the step, to be written before the event is stored.
  package var files: [StepFile]
  /// Where they go; nil where there are none.
  package var folder: StepFolder?
  /// The proposal the step rests on; nil where there is none.
  package var proposal: StoredProposal?

  /// Makes an outcome; without arguments, of a step that does nothing.
  package init(
    gate: GateResult? = nil,
    event: RolloutEvent? = nil,
    files: [StepFile] = [],
    folder: StepFolder? = nil,
    proposal: StoredProposal? = nil
  ) {
    self.gate = gate
    self.event = event
    self.files = files
    self.folder = folder
    self.proposal = proposal
  }
}

/// Moves namespaces through the rollout.
package struct RolloutWorkflow: Sendable {
  let stores: Stores
  let reader: EvidenceReader
  private let assessor: NamespaceAssessor
  private let gates: RolloutGates

  /// Makes a workflow on what was read.
  package init(
    _ stores: Stores,
    reader: EvidenceReader,
    assessor: NamespaceAssessor,
    gates: RolloutGates
  ) {
    self.stores = stores
    self.reader = reader
    self.assessor = assessor
    self.gates = gates
  }

  /// The state the steps are applied to.
  package var state: RolloutState { reader.rollout }

  /// The way of auditing that a start event names.
  package static func logOnlyWay(of event: RolloutEvent) -> LogOnlyWay? {
    guard event.reason.hasPrefix("log-only: ") else { return nil }
    return LogOnlyWay(rawValue: String(event.reason.dropFirst("log-only: ".count)))
  }

  // MARK: Steps

  /// Starts the audit of a namespace.
  ///
  /// - Throws: ``RolloutError`` when it cannot be started, ``StepFileError``.
  package func start(
    _ namespace: String,
    plugin: RolloutPlugin,
    way: LogOnlyWay?,
    who: String,
    now: Int64,
    folder: StepFolder? = nil
  ) throws -> RolloutOutcome {
    let step = LogOnlyStep(namespace: namespace, plugin: plugin, way: way)
    let files = try step.files()
    let gate = gates.assessToAudit(
      namespace,
      plugin: plugin,
      evidence: GateEvidence(logOnlyFilesWritten: true),
      state: state
    )
    var event = RolloutEvent(
      time: now,
      who: who,
      action: .start,
      namespace: namespace,
      from: .assess,
      to: .audit,
      reason: "log-only: \(step.way.rawValue)",
      passing: gate,
      byForce: false
    )
    event.plugin = plugin
    event.written = folder.map { WrittenStep(folder: $0.path, hash: StepFolder.hash(files)) }
    _ = try state.applying(event, expecting: state.version)
    return RolloutOutcome(gate: gate, event: event, files: files, folder: folder)
  }

  /// Writes the files that put a namespace into force, without moving it: before its watch to read
  /// them, in the watch after something was accepted.
  ///
  /// - Throws: ``RolloutError``, ``StepFileError``, ``EvidenceError`` without evidence.
  package func write(_ namespace: String, folder: StepFolder, who: String, now: Int64)
    async throws -> RolloutOutcome
  {
    let assessment = try await assessor.assess(namespace, now: now)
    guard let result = assessment.proposal else {
      throw EvidenceError.noFlows(namespace: namespace, known: [])
    }
    let files = try assessor.stepFiles(namespace, result)
    var event = RolloutEvent(time: now, who: who, action: .write, namespace: namespace)
    let proposal = try stored(result, who: who, now: now)
    event.written = written(files, in: folder, of: namespace)
    event.proposalHash = proposal.yamlHash
    _ = try state.applying(event, expecting: state.version)
    return RolloutOutcome(event: event, files: files.files, folder: folder, proposal: proposal)
  }

  /// Moves a namespace one stage on, when its gate is met or passed by force.
  ///
  /// - Parameter folder: Where the files of a watch go; nil where they are not to be written.
  /// - Throws: ``RolloutError``, ``StepFileError``.
  package func advance(
    _ namespace: String,
    who: String,
    now: Int64,
    force: Bool,
    reason: String,
    folder: StepFolder? = nil
  ) async throws -> RolloutOutcome {
    var assessment = try await assessor.assess(namespace, now: now)
    let rollout = state[namespace]
    guard rollout.stage != .assess else {
      throw RolloutError.notApplicable(
        .advance,
        namespace: namespace,
        because: "its audit has not been started (flowlearn rollout start)"
      )
    }
    let entersWatch = rollout.stage == .review
    var files: NamespaceStepFiles?
    if entersWatch, let result = assessment.proposal {
      files = try? assessor.stepFiles(namespace, result)
      if files != nil { assessment.gate.scripts = .writtenWithStep }
    }
    guard let next = rollout.stage.next,
      let gate = gates.next(for: namespace, evidence: assessment.gate, state: state, now: now)
    else {
      throw RolloutError.outOfOrder(
        namespace: namespace,
        current: rollout.stage,
        from: rollout.stage,
        to: nil
      )
    }
    guard gate.isMet || force else { return RolloutOutcome(gate: gate) }
    var event = RolloutEvent(
      time: now,
      who: who,
      action: .advance,
      namespace: namespace,
      from: rollout.stage,
      to: next,
      reason: reason,
      passing: gate,
      byForce: force
    )
    let proposal = try assessment.proposal.map { try stored($0, who: who, now: now) }
    event.proposalHash = proposal?.yamlHash
    if entersWatch {
      guard let result = assessment.proposal else {
        throw EvidenceError.noFlows(namespace: namespace, known: [])
      }
      let made = try files ?? assessor.stepFiles(namespace, result)
      files = made
      event.written = folder.map { written(made, in: $0, of: namespace) }
    }
    // Asked before anything is written: an event that cannot be applied leaves no files behind.
    _ = try state.applying(event, expecting: state.version)
    return RolloutOutcome(
      gate: gate,
      event: event,
      files: files?.files ?? [],
      folder: files == nil ? nil : folder,
      proposal: proposal
    )
  }

  /// Applies the cluster-wide policies, last of all.
  ///
  /// - Parameters:
  ///   - unmanaged: Namespaces that a default-deny leaves out.
  ///   - isUntiered: Calico without tiers: the deny is limited to namespaces that are enforced.
  package func clusterWide(
    plugin: RolloutPlugin,
    exemptions: [MetadataExemption],
    withDefaultDeny: Bool,
    unmanaged: [String],
    isUntiered: Bool = false,
    who: String,
    now: Int64,
    force: Bool,
    reason: String,
    folder: StepFolder? = nil
  ) throws -> RolloutOutcome {
    let gate = gates.clusterWide(state: state)
    guard gate.isMet || force else { return RolloutOutcome(gate: gate) }
    var event = RolloutEvent(
      time: now,
      who: who,
      action: .applyClusterWide,
      reason: reason,
      passing: gate,
      byForce: force
    )
    let enforced = state.managed.filter { $0.stage.isEnforcing }.map(\.namespace)
    let files = try ClusterWideStep(
      plugin: plugin,
      exemptions: exemptions,
      defaultDeny: withDefaultDeny ? .init(excludedNamespaces: unmanaged) : nil,
      calicoUntieredNamespaces: isUntiered ? enforced : nil
    ).files()
    event.hasDefaultDeny = withDefaultDeny
    event.written = folder.map { WrittenStep(folder: $0.path, hash: StepFolder.hash(files)) }
    _ = try state.applying(event, expecting: state.version)
    return RolloutOutcome(gate: gate, event: event, files: files, folder: folder)
  }

  private func written(
    _ files: NamespaceStepFiles,
    in folder: StepFolder,
    of namespace: String
  ) -> WrittenStep {
    WrittenStep(
      folder: folder.path,
      hash: files.hash,
      dialect: assessor.dialect(of: namespace).rawValue,
      objects: files.objects
    )
  }

  private func stored(_ result: ProposeResult, who: String, now: Int64) throws -> StoredProposal {
    let dialect = assessor.dialect(of: result.namespace)
    return try SavedProposals.stored(result, dialect: dialect, actor: who, now: now)
  }

  // MARK: Carrying out

  /// Writes the files of an outcome and stores its event and proposal: all of it or nothing.
  ///
  /// The files are in place before the event is stored; ended in between, the step was not taken, and
  /// the files are those that taking it again writes.
  ///
  /// - Returns: The number of the proposal that was kept, if any.
  /// - Throws: ``RolloutError/changedMeanwhile(expected:others:)`` when somebody else was faster.
  @discardableResult
  package func carryOut(_ outcome: RolloutOutcome) async throws -> Int64? {
    guard let event = outcome.event else { return nil }
    let ledger = RolloutLedger(store: stores.audit)
    guard let folder = outcome.folder, !outcome.files.isEmpty else {
      return try await ledger.apply(event, with: outcome.proposal, to: state).proposal
    }
    let current = try await ledger.state()
    guard current.version == state.version else {
      throw RolloutError.changedMeanwhile(
        expected: state.version,
        others: current.history.filter { $0.number > state.version }
      )
    }
    try folder.place(outcome.files)
    do {
      let id = try await ledger.apply(event, with: outcome.proposal, to: state).proposal
      folder.keep()
      return id
    } catch {
      folder.undo()
      throw error
    }
  }

  /// Stores an event without files.
  @discardableResult
  package func commit(_ event: RolloutEvent) async throws -> RolloutState {
    try await RolloutLedger(store: stores.audit).apply(event, to: state).state
  }
}
