package import FlowAggregation
package import FlowModel
package import PolicyModel

/// The network plugin that will enforce a proposal; what a peer can express depends on it.
package enum NetworkPlugin: String, Sendable, CaseIterable {
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

/// How objects are grouped.
package enum PolicyLayout: String, Sendable, CaseIterable {
  /// One object per workload, plus shared ones such as DNS.
  case workload
  /// The fewest objects over the namespace.
  case compact
}

/// How external addresses are widened.
package enum CIDRGrouping: String, Sendable, CaseIterable {
  /// Only the addresses seen.
  case exact
  /// To prefixes that hold enough of the seen addresses.
  case grouped
  /// To the whole world on the port.
  case world
}

/// What is to be proposed, and from what.
package struct SynthesisInput: Sendable {
  /// The namespace that gets policies.
  package var namespace: String
  /// Every workload known in any namespace; ``ConnectionEnd/workload(_:)`` indexes it.
  package var workloads: [Workload]
  /// The accepted evidence with at least one end in the namespace; each must stay allowed.
  package var connections: [LearnedConnection]
  /// The dialect to write.
  package var dialect: PolicyDialect
  /// The layout.
  package var layout: PolicyLayout
  /// The widening of external addresses.
  package var grouping: CIDRGrouping
  /// The plugin, nil when unknown.
  package var plugin: NetworkPlugin?
  /// Whether a default-deny object goes with the rules.
  package var withDefaultDeny: Bool
  /// Prefixes that belong to the cluster (pods, Services, nodes); never widened over.
  package var clusterPrefixes: [CIDR]
  /// Addresses of the API server's endpoints.
  package var apiServerAddresses: [CIDR]
  /// Search steps the exact minimiser may take per component before it settles for a bound.
  package var searchBudget: Int

  /// Makes an input with the defaults of the command line.
  package init(
    namespace: String,
    workloads: [Workload],
    connections: [LearnedConnection],
    dialect: PolicyDialect = .kubernetes,
    layout: PolicyLayout = .workload,
    grouping: CIDRGrouping = .grouped,
    plugin: NetworkPlugin? = nil,
    withDefaultDeny: Bool = false,
    clusterPrefixes: [CIDR] = [],
    apiServerAddresses: [CIDR] = [],
    searchBudget: Int = 200_000
  ) {
    self.namespace = namespace
    self.workloads = workloads
    self.connections = connections
    self.dialect = dialect
    self.layout = layout
    self.grouping = grouping
    self.plugin = plugin
    self.withDefaultDeny = withDefaultDeny
    self.clusterPrefixes = clusterPrefixes
    self.apiServerAddresses = apiServerAddresses
    self.searchBudget = searchBudget
  }
}
