import ClusterInventory
import FlowAggregation
import FlowModel
package import FlowStorage
package import Rollout

/// Evidence for an auditor, from what is stored: which namespaces are segregated, who approved which
/// rules on which evidence, and every step that was taken.
package struct ComplianceReport: Sendable {
  /// What the evidence says of a control; whether that is enough is the auditor's to say.
  package enum Support: String, Sendable {
    /// It speaks for the control throughout.
    case supported
    /// It does in part.
    case partly
    /// It speaks against it.
    case notSupported = "not-supported"
    /// Nothing is stored that speaks about it.
    case noEvidence = "no-evidence"
  }

  /// One control of a framework.
  package struct Control: Sendable {
    /// The framework, with its edition.
    package var framework: String
    /// The number of the control.
    package var number: String
    /// What it asks, in a few words.
    package var title: String
    /// What the evidence says.
    package var support: Support
    /// The evidence, with numbers.
    package var evidence: String
  }

  /// One namespace.
  package struct Namespace: Sendable {
    /// How far it is.
    package var rollout: NamespaceRollout
    /// Live policies; nil when none were added.
    package var policies: Int?
    /// Whether it is default-denied: live, or by its stage.
    package var isDefaultDenied: Bool
    /// The proposal that was approved when its last watch began.
    package var approval: Approval?
    /// Decisions in force about its connections.
    package var decisions: [ReviewDecision]
  }

  /// Who put which rules into force on which evidence.
  package struct Approval: Sendable {
    /// The step.
    package var event: RolloutEvent
    /// The kept proposal; nil when it is not stored.
    package var proposal: StoredProposal?
  }

  /// When it was made, microseconds UTC.
  package var time: Int64
  /// Sorted by framework and number.
  package var controls: [Control]
  /// Sorted by name.
  package var namespaces: [Namespace]
  /// Every step, oldest first.
  package var history: [RolloutEvent]
  /// The stage of the cluster-wide policies.
  package var clusterWide: ClusterWideStage
}

extension ComplianceReport {
  /// Reads the report as of a time.
  package init(_ stores: Stores, reader: EvidenceReader, finder: WindowFinder, now: Int64)
    async throws
  {
    let state = reader.rollout
    let coverage = PolicyCoverage(try await PolicyFiles.readable(stores).set)
    let proposals = try await stores.audit.proposals(namespace: nil)
    let decisions = reader.decisions.inForce(at: now)
    let names = Set(finder.namespaces).union(state.namespaces.map(\.namespace))
      .union(reader.inventory.namespaces().map(\.name))
    let history = state.history.filter { $0.time <= now }
    namespaces = names.sorted().map { name in
      let approval = history.last {
        $0.namespace == name && $0.action == .advance && $0.to == .watch
      }.map { event in
        Approval(
          event: event,
          proposal: proposals.last {
            $0.namespace == name && $0.yamlHash == event.proposalHash && $0.time <= event.time
          }
        )
      }
      return Namespace(
        rollout: state[name],
        policies: coverage.isKnown ? coverage.policies[name] ?? 0 : nil,
        isDefaultDenied: coverage.defaultDenied.contains(name) || state[name].stage.isEnforcing,
        approval: approval,
        decisions: decisions.filter {
          $0.key.source.namespace == name || $0.key.destination.namespace == name
        }
      )
    }
    time = now
    self.history = history
    clusterWide = state.clusterWide
    let usesDefault =
      finder.span(of: "default") != nil
      || reader.inventory.workloads().contains { $0.namespace == "default" }
    controls =
      ComplianceControls(
        namespaces: namespaces,
        history: history,
        clusterWide: clusterWide,
        usesDefaultNamespace: usesDefault
      ).all
  }
}

extension DecisionEnd {
  /// The namespace of a workload; nil for other ends.
  fileprivate var namespace: String? {
    switch self {
    case .workload(_, let namespace, _), .pods(_, let namespace, _): namespace
    case .external, .prefix, .name, .node, .apiServer, .entity, .unresolved: nil
    }
  }
}

/// What the stored evidence says of each control.
struct ComplianceControls {
  let namespaces: [ComplianceReport.Namespace]
  let history: [RolloutEvent]
  let clusterWide: ClusterWideStage
  let usesDefaultNamespace: Bool

  private typealias Part = (support: ComplianceReport.Support, text: String)

  /// The controls, sorted by framework and number.
  var all: [ComplianceReport.Control] {
    let entries: [(framework: String, number: String, title: String, part: Part)] = [
      ("CIS Kubernetes Benchmark", "5.3.2", "All namespaces have network policies", withPolicy),
      ("CIS Kubernetes Benchmark", "5.7.4", "The default namespace is not used", defaultNamespace),
      ("ISO/IEC 27001:2022", "A.8.22", "Networks are segregated", segregated),
      ("NIST SP 800-207", "2.1", "Access is granted per workload, and least", leastPrivilege),
      ("NIST SP 800-53", "AC-4", "Information flows are enforced", segregated),
      ("NIST SP 800-53", "SC-7", "Boundaries are protected", boundaries),
      ("PCI DSS 4.0", "1.2", "Rulesets are configured, approved and kept", approved),
      ("PCI DSS 4.0", "1.3", "Access is restricted to what is needed", segregated),
    ]
    return entries.map { entry in
      ComplianceReport.Control(
        framework: entry.framework,
        number: entry.number,
        title: entry.title,
        support: entry.part.support,
        evidence: entry.part.text
      )
    }
  }

  /// System namespaces are left alone unless asked for by name, and counted apart.
  private var own: [ComplianceReport.Namespace] {
    namespaces.filter { !SystemNamespaces.contains($0.rollout.namespace) }
  }

  private func share(
    _ isGood: (ComplianceReport.Namespace) -> Bool,
    _ what: String
  ) -> Part {
    let good = own.filter(isGood)
    let missing = own.filter { !isGood($0) }.map(\.rollout.namespace)
    let text =
      "\(good.count) of \(own.count) namespaces \(what)"
      + (missing.isEmpty ? "" : "; not: \(missing.joined(separator: ", "))")
    if own.isEmpty { return (.noEvidence, "no namespace is known") }
    return (missing.isEmpty ? .supported : good.isEmpty ? .notSupported : .partly, text)
  }

  private var withPolicy: Part {
    share({ ($0.policies ?? 0) > 0 || $0.rollout.stage.isEnforcing }, "have network policies")
  }

  private var segregated: Part { share(\.isDefaultDenied, "deny by default") }

  private var boundaries: Part {
    var part = segregated
    part.text += "; cluster-wide policies are \(clusterWide.rawValue)"
    if part.support == .supported, clusterWide != .applied { part.support = .partly }
    return part
  }

  private var defaultNamespace: Part {
    usesDefaultNamespace
      ? (.notSupported, "workloads or flows of the namespace default are known")
      : (.supported, "nothing is known of the namespace default")
  }

  private var leastPrivilege: Part {
    let approvals = own.compactMap(\.approval)
    guard !approvals.isEmpty else { return (.noEvidence, "no rules were put into force yet") }
    let proven = approvals.filter { $0.proposal != nil && !$0.event.isForced }
    let text =
      "\(proven.count) of \(approvals.count) namespaces with rules in force have a kept proposal, "
      + "proven by replay, behind a gate that was met"
    return (proven.count == approvals.count ? .supported : .partly, text)
  }

  private var approved: Part {
    let steps = history.filter { $0.action.passesGate }
    guard !steps.isEmpty else { return (.noEvidence, "no step is on record") }
    let forced = steps.count { $0.isForced }
    let text =
      "\(steps.count) steps are on record with who, when and on which evidence; "
      + "\(forced) passed a gate by force"
    return (forced == 0 ? .supported : .partly, text)
  }
}
