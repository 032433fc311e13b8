import PolicySynthesis
import ClusterInventory
import FlowAggregation
import FlowModel
import PolicyManifests
package import PolicyModel
package import Rollout

/// What a rollout step did or would do.
package struct RolloutOutcome: Sendable {
  /// What the gate said; nil for steps without one.
  package var gate: GateResult?
  /// The event; nil when the gate was not met.
  package var event: RolloutEvent?
  /// Files of the step, to be written before the event is stored.
  package var files: [StepFile]
}

/// Moves namespaces through the rollout.
package struct RolloutWorkflow: Sendable {
  private let stores: Stores
  private let reader: EvidenceReader
  private let assessor: NamespaceAssessor
  private let gates: RolloutGates
  private let dialect: PolicyDialect

  /// Makes a workflow on what was read.
  package init(
    _ stores: Stores,
    reader: EvidenceReader,
    assessor: NamespaceAssessor,
    gates: RolloutGates,
    dialect: PolicyDialect
  ) {
    self.stores = stores
    self.reader = reader
    self.assessor = assessor
    self.gates = gates
    self.dialect = dialect
  }

  /// The state the steps are applied to.
  package var state: RolloutState { reader.rollout }

  /// The way of auditing that a start event names.
  package static func logOnlyWay(of event: RolloutEvent) -> LogOnlyWay? {
    guard event.reason.hasPrefix("log-only: ") else { return nil }
    return LogOnlyWay(rawValue: String(event.reason.dropFirst("log-only: ".count)))
  }

  /// Starts the audit of a namespace.
  package func start(
    _ namespace: String,
    plugin: RolloutPlugin,
    way: LogOnlyWay?,
    who: String,
    now: Int64
  ) throws -> RolloutOutcome {
    let step = LogOnlyStep(namespace: namespace, plugin: plugin, way: way)
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
    return RolloutOutcome(gate: gate, event: event, files: try step.files())
  }

  /// Moves a namespace one stage on, when its gate is met or passed by force.
  ///
  /// - Parameter askedByName: Whether a system namespace was named by the user.
  package func advance(
    _ namespace: String,
    who: String,
    now: Int64,
    force: Bool,
    reason: String,
    askedByName: Bool
  ) async throws -> (outcome: RolloutOutcome, assessment: NamespaceAssessment) {
    let assessment = try await assessor.assess(namespace, now: now)
    let rollout = state[namespace]
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
    guard rollout.stage != .assess else {
      throw RolloutError.notApplicable(
        .advance,
        namespace: namespace,
        because: "its audit has not been started (flowlearn rollout start)"
      )
    }
    guard gate.isMet || force else {
      return (RolloutOutcome(gate: gate, event: nil, files: []), assessment)
    }
    let event = RolloutEvent(
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
    // Asked before anything is written: an event that cannot be applied leaves no files behind.
    _ = try state.applying(event, expecting: state.version)
    let files = next == .watch ? try self.files(assessment, askedByName: askedByName) : []
    return (RolloutOutcome(gate: gate, event: event, files: files), assessment)
  }

  /// The files that put a namespace into force.
  private func files(_ assessment: NamespaceAssessment, askedByName: Bool) throws -> [StepFile] {
    guard let result = assessment.proposal else {
      throw EvidenceError.noFlows(namespace: assessment.namespace, known: [])
    }
    let policies = result.proposal.policySet.policies
    let dns = policies.filter { $0.name.hasPrefix("allow-dns") }
    let rules = policies.filter { !$0.name.hasPrefix("allow-dns") && $0.name != "default-deny" }
    let step = NamespaceStep(
      namespace: assessment.namespace,
      plugin: state[assessment.namespace].plugin ?? .other,
      rules: try RolloutWorkflow.manifest(rules, file: "rules.yaml"),
      dns: dns.isEmpty ? nil : try RolloutWorkflow.manifest(dns, file: "allow-dns.yaml"),
      defaultDeny: try NamespaceStep.standardDefaultDeny(namespace: assessment.namespace),
      isAskedByName: askedByName
    )
    return try step.files()
  }

  static func manifest(_ policies: [Policy], file: String) throws -> StepManifest {
    StepManifest(
      file: file,
      yaml: try ManifestWriter.yaml(PolicySet(policies: policies)),
      objects: policies.map { policy in
        StepObject(
          apiVersion: policy.kind.apiVersion,
          kind: policy.kind.manifestKind,
          namespace: policy.namespace,
          name: policy.name
        )
      }
    )
  }

  /// Applies the cluster-wide policies, last of all.
  package func clusterWide(
    plugin: RolloutPlugin,
    exemptions: [MetadataExemption],
    withDefaultDeny: Bool,
    unmanaged: [String],
    who: String,
    now: Int64,
    force: Bool,
    reason: String
  ) throws -> RolloutOutcome {
    let gate = gates.clusterWide(state: state)
    guard gate.isMet || force else { return RolloutOutcome(gate: gate, event: nil, files: []) }
    let event = RolloutEvent(
      time: now,
      who: who,
      action: .applyClusterWide,
      reason: reason,
      passing: gate,
      byForce: force
    )
    _ = try state.applying(event, expecting: state.version)
    let step = ClusterWideStep(
      plugin: plugin,
      exemptions: exemptions,
      defaultDeny: withDefaultDeny ? .init(excludedNamespaces: unmanaged) : nil
    )
    return RolloutOutcome(gate: gate, event: event, files: try step.files())
  }

  /// The workloads people accepted as needing the metadata service.
  package func metadataExemptions(now: Int64) -> [MetadataExemption] {
    reader.decisions.inForce(at: now).compactMap { decision in
      guard decision.verdict == .accept, case .prefix(let prefix) = decision.key.destination,
        prefix.address.isMetadataService
      else { return nil }
      switch decision.key.source {
      case .pods(_, let namespace, let labels):
        return MetadataExemption(namespace: namespace, labels: labels)
      case .workload(_, let namespace, let owner):
        let labels = reader.inventory.workloads().first {
          $0.namespace == namespace && $0.owner == owner
        }?.commonLabels
        return labels.map { MetadataExemption(namespace: namespace, labels: $0) }
      default: return nil
      }
    }
  }

  /// Stores an event.
  package func commit(_ event: RolloutEvent) async throws -> RolloutState {
    try await RolloutLedger(store: stores.audit).apply(event, to: state)
  }
}

extension PolicyKind {
  /// The `apiVersion` of the manifest.
  var apiVersion: String {
    switch self {
    case .networkPolicy: "networking.k8s.io/v1"
    case .ciliumNetworkPolicy, .ciliumClusterwideNetworkPolicy: "cilium.io/v2"
    default: "projectcalico.org/v3"
    }
  }
}
