package import FlowModel
package import PolicyModel

/// Names a policy of a set.
package struct PolicyReference: Hashable, Sendable {
  /// Its position in `PolicySet.policies`.
  package var position: Int
  /// The kind.
  package var kind: PolicyKind
  /// The namespace, nil for cluster-wide kinds.
  package var namespace: String?
  /// The name.
  package var name: String

  /// Makes a reference.
  package init(position: Int, kind: PolicyKind, namespace: String?, name: String) {
    self.position = position
    self.kind = kind
    self.namespace = namespace
    self.name = name
  }
}

extension PolicyReference: Comparable {
  /// By position in the set.
  package static func < (left: PolicyReference, right: PolicyReference) -> Bool {
    left.position < right.position
  }
}

extension PolicyReference: CustomStringConvertible {
  /// `NetworkPolicy shop/checkout`.
  package var description: String {
    let path = namespace.map { "\($0)/\(name)" } ?? name
    return "\(kind.manifestKind) \(path)"
  }
}

/// Names a rule of a policy of a set.
package struct RuleReference: Hashable, Sendable {
  /// The policy.
  package var policy: PolicyReference
  /// The direction of the rule.
  package var direction: Direction
  /// The rule's number among the policy's rules of that direction, from 0.
  package var index: Int
  /// The rule's position in `Policy.rules`.
  package var position: Int

  /// Makes a reference.
  package init(policy: PolicyReference, direction: Direction, index: Int, position: Int) {
    self.policy = policy
    self.direction = direction
    self.index = index
    self.position = position
  }
}

extension RuleReference: Comparable {
  /// By position of policy and rule.
  package static func < (left: RuleReference, right: RuleReference) -> Bool {
    left.policy != right.policy ? left.policy < right.policy : left.position < right.position
  }
}

extension RuleReference: CustomStringConvertible {
  /// `NetworkPolicy shop/checkout egress 2`.
  package var description: String { "\(policy) \(direction.rawValue) \(index)" }
}

/// Why policy has no say over a side.
package enum ExemptionReason: String, Hashable, Sendable {
  /// Traffic between a pod and the node it runs on.
  case localHost = "local-host"
}

/// What policy says on one side of a connection.
package enum SideDecision: Hashable, Sendable {
  /// Nobody asked: the side is outside the namespaces under judgement.
  case notJudged
  /// No policy isolates the endpoint in this direction (or it is not a pod).
  case notIsolated
  /// A rule allows it.
  case allowed(by: RuleReference)
  /// Calico: every tier passed it on, and the namespace's profile allows; the last Pass rule if any.
  case allowedByProfile(passedBy: RuleReference?)
  /// Policy is not asked.
  case exempt(ExemptionReason)
  /// A rule denies it.
  case denied(by: RuleReference)
  /// Isolated, and no rule allows it; the policies that isolate the endpoint (Calico: in the tier that
  /// ended), empty where the namespace is only assumed to be under default deny.
  case deniedByDefault(isolating: [PolicyReference])

  /// Whether the side lets the connection through.
  package var isAllowed: Bool {
    switch self {
    case .notJudged, .notIsolated, .allowed, .allowedByProfile, .exempt: true
    case .denied, .deniedByDefault: false
    }
  }

  /// The rule that decided, if one did.
  package var rule: RuleReference? {
    switch self {
    case .allowed(let rule), .denied(let rule): rule
    case .allowedByProfile(let rule): rule
    case .notJudged, .notIsolated, .exempt, .deniedByDefault: nil
    }
  }
}

/// What policies would do to a connection: both sides must let it through.
package struct Decision: Hashable, Sendable {
  /// The egress policy of the source.
  package var egress: SideDecision
  /// The ingress policy of the destination.
  package var ingress: SideDecision

  /// Makes a decision.
  package init(egress: SideDecision, ingress: SideDecision) {
    self.egress = egress
    self.ingress = ingress
  }

  /// Whether the connection is allowed.
  package var allowed: Bool { egress.isAllowed && ingress.isAllowed }

  /// The decision of a side.
  package subscript(direction: Direction) -> SideDecision {
    direction == .egress ? egress : ingress
  }
}
