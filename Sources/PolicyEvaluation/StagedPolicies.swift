import PolicyModel

/// Which of Calico's staged policies take part.
package enum PolicyStage: String, Sendable, CaseIterable {
  /// None: what is enforced now.
  case enforced
  /// All: what would be enforced if every staged policy took effect.
  case pending
}

extension PolicySet {
  /// Whether any policy is staged.
  package var hasStagedPolicies: Bool { policies.contains { $0.kind.isStaged } }

  /// The positions of the policies that hold in a stage, ascending.
  ///
  /// A staged policy stands in for the enforced one of its name. `Delete` takes that one away and adds
  /// nothing; `Learn` and `Ignore` change nothing.
  func positions(in stage: PolicyStage) -> [Int] {
    var replaced: Set<PolicyIdentity> = []
    if stage == .pending {
      for policy in policies where policy.kind.isStaged && policy.takesEffectWhenStaged {
        replaced.insert(PolicyIdentity(policy))
      }
    }
    return policies.indices.filter { index in
      let policy = policies[index]
      if policy.kind.isStaged {
        return stage == .pending && policy.takesEffectWhenStaged && policy.stagedAction != "Delete"
      }
      return !replaced.contains(PolicyIdentity(policy))
    }
  }
}

/// What a staged policy and the enforced one it stands for have in common.
private struct PolicyIdentity: Hashable {
  var kind: PolicyKind
  var namespace: String?
  var tier: String
  var name: String

  init(_ policy: Policy) {
    kind =
      switch policy.kind {
      case .calicoStagedNetworkPolicy: .calicoNetworkPolicy
      case .calicoStagedGlobalNetworkPolicy: .calicoGlobalNetworkPolicy
      case .calicoStagedKubernetesNetworkPolicy: .networkPolicy
      default: policy.kind
      }
    namespace = policy.namespace
    tier = kind == .networkPolicy ? "default" : policy.tier
    name = policy.nameWithoutTier
  }
}

extension Policy {
  /// Whether a staged policy changes what is pending.
  var takesEffectWhenStaged: Bool { stagedAction != "Learn" && stagedAction != "Ignore" }

  /// The name less the tier that storage puts before it.
  var nameWithoutTier: String {
    guard kind.dialect == .calico, kind != .calicoStagedKubernetesNetworkPolicy else { return name }
    let prefix = tier + "."
    return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
  }

  /// Whether it has the shape and the meaning of a Kubernetes NetworkPolicy.
  var isKubernetes: Bool {
    kind == .networkPolicy || kind == .calicoStagedKubernetesNetworkPolicy
  }
}
