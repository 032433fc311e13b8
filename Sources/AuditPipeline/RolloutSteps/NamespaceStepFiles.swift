import FlowModel
import PolicyManifests
import PolicyModel
import PolicySynthesis
import Rollout

/// The files that put a namespace into force, made from a proposal.
struct NamespaceStepFiles {
  /// The files.
  let files: [StepFile]
  /// What they apply, as `resource name`.
  let objects: [String]
  /// See ``StepFolder/hash(_:)``.
  let hash: String

  /// Makes the files.
  ///
  /// - Parameter live: Policies of the cluster: explicit Denies of Calico must stay in force.
  /// - Throws: ``StepFileError``, ``ManifestError``.
  init(_ result: ProposeResult, rollout: RolloutState, live: PolicySet) throws {
    let namespace = result.namespace
    let policies = result.proposal.policySet.policies
    let dns = policies.filter { $0.name.hasPrefix("allow-dns") }
    let rules = policies.filter {
      !$0.name.hasPrefix("allow-dns") && $0.name != PolicySynthesizer.defaultDenyName
    }
    let state = rollout[namespace]
    let plugin = state.plugin ?? .other
    let start = rollout.history(of: namespace).last { $0.action == .start }
    let step = NamespaceStep(
      namespace: namespace,
      plugin: plugin,
      rules: try StepManifest(rules, file: "rules.yaml"),
      dns: dns.isEmpty ? nil : try StepManifest(dns, file: "allow-dns.yaml"),
      defaultDeny: try NamespaceStep.standardDefaultDeny(namespace: namespace),
      allowAll: plugin == .calico ? NamespaceStepFiles.allowAll(namespace, live) : nil,
      logOnly: start.flatMap(RolloutWorkflow.logOnlyWay) ?? .observe,
      replaced: state.objectsWritten,
      // Nobody starts the audit of a namespace without naming it.
      isAskedByName: true
    )
    files = try step.files()
    objects = step.objects
    hash = StepFolder.hash(files)
  }

  /// Calico's allow-all: first of all where nothing denies, else last, so that Denies stay in force.
  private static func allowAll(_ namespace: String, _ live: PolicySet) -> AllowAll {
    let denies = live.policies.contains { policy in
      (policy.kind == .calicoNetworkPolicy && policy.namespace == namespace
        || policy.kind == .calicoGlobalNetworkPolicy)
        && policy.labels[ManagedBy.label] != ManagedBy.value
        && policy.rules.contains { $0.action == .deny }
    }
    if denies { return .calicoAfterDenies }
    // Tiers of the AdminNetworkPolicy API take no other policies; ours is for the metadata deny.
    let usable = live.tiers.filter { tier in
      !tier.name.hasPrefix("kube-") && !tier.name.hasSuffix("adminnetworkpolicy")
        && tier.name != CalicoClusterWide.tier && tier.name != "default"
    }
    // The default tier has the order 1,000,000.
    let first = usable.filter { ($0.order ?? .infinity) < 1_000_000 }.min { left, right in
      let orders = (left.order ?? .infinity, right.order ?? .infinity)
      return orders.0 != orders.1 ? orders.0 < orders.1 : left.name < right.name
    }
    return .calicoFirst(tier: first?.name ?? "default")
  }
}

extension StepManifest {
  /// Policies as one file.
  init(_ policies: [Policy], file: String) throws {
    self.init(
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
