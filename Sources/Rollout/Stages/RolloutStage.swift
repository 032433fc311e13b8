/// How far a namespace is.
package enum RolloutStage: String, Sendable, CaseIterable, Comparable {
  /// Looked at; nothing was started.
  case assess
  /// Log only: its flows are captured.
  case audit
  /// People decide what the logs leave open.
  case review
  /// Enforced, and watched for denials.
  case watch
  /// Enforced.
  case enforced

  /// The stage that an advance leads to; nil at the end.
  package var next: RolloutStage? {
    switch self {
    case .assess: .audit
    case .audit: .review
    case .review: .watch
    case .watch: .enforced
    case .enforced: nil
    }
  }

  /// Whether policy drops traffic in this stage.
  package var isEnforcing: Bool { self == .watch || self == .enforced }

  /// In the order of the rollout.
  package static func < (left: RolloutStage, right: RolloutStage) -> Bool {
    left.position < right.position
  }

  private var position: Int {
    switch self {
    case .assess: 0
    case .audit: 1
    case .review: 2
    case .watch: 3
    case .enforced: 4
    }
  }
}

/// How far the cluster-wide policies are.
package enum ClusterWideStage: String, Sendable, CaseIterable {
  /// Not applied.
  case pending
  /// Applied.
  case applied
}

/// How much harm an outage of a namespace does, as people judge it.
package enum Criticality: String, Sendable, CaseIterable, Comparable {
  /// Can be away for a day.
  case low
  /// Is missed within hours.
  case medium
  /// Is missed at once.
  case high
  /// Takes others down with it.
  case critical

  /// 0 for the least critical.
  package var rank: Int {
    switch self {
    case .low: 0
    case .medium: 1
    case .high: 2
    case .critical: 3
    }
  }

  /// From low to critical.
  package static func < (left: Criticality, right: Criticality) -> Bool { left.rank < right.rank }
}

/// The network plugin of the cluster; the raw values are those of the command line.
package enum RolloutPlugin: String, Sendable, CaseIterable {
  /// Cilium.
  case cilium
  /// Calico.
  case calico
  /// The AWS VPC CNI with its network policy agent.
  case aws
  /// GKE Dataplane V2.
  case gke
  /// Any other.
  case other
}

/// Namespaces that are never default-denied unless asked by name.
package enum SystemNamespaces {
  /// The names, sorted.
  package static let names = ["kube-node-lease", "kube-public", "kube-system"]

  /// Whether a namespace is one of them.
  package static func contains(_ name: String) -> Bool { names.contains(name) }
}
