import ClusterInventory
package import FlowAggregation
import FlowModel
import PolicyEvaluation
import PolicyManifests
package import PolicyModel
package import PolicySynthesis
import Rollout

/// What is to be proposed.
package struct ProposeOptions: Sendable {
  /// The stretch of evidence.
  package var selection = WindowSelection()
  /// The dialect.
  package var dialect = PolicyDialect.kubernetes
  /// The layout.
  package var layout = PolicyLayout.workload
  /// The widening of addresses.
  package var grouping = CIDRGrouping.grouped
  /// The plugin; nil takes the one the rollout was started with.
  package var plugin: NetworkPlugin?
  /// Whether a default deny goes with the rules.
  package var withDefaultDeny = false

  /// Makes the defaults.
  package init() {}
}

/// What replaying a proposal showed.
package struct ProposalProof: Sendable {
  /// Accepted connections that a policy decides about.
  package var total: Int
  /// Those the proposal would deny, by index in the proposal's connections, with why.
  package var denied: [(connection: Int, reason: String)]
  /// Pairs admitted that nobody saw, in words.
  package var unobserved: [String]
  /// How many there are in all.
  package var unobservedCount: Int

  /// Whether every accepted connection stays allowed.
  package var holds: Bool { denied.isEmpty }
}

/// A proposal for a namespace with all that goes with it.
package struct ProposeResult: Sendable {
  /// The namespace.
  package var namespace: String
  /// The stretch of evidence.
  package var window: EvidenceWindow
  /// The accepted evidence; the proposal's indices refer to it.
  package var learned: [LearnedConnection]
  /// The same connections in words.
  package var keys: [ConnectionKey]
  /// The rules.
  package var proposal: Proposal
  /// The replay.
  package var proof: ProposalProof
  /// Would-deny and excluded connections nobody decided about.
  package var undecided: [ObservedConnection]
  /// The plugin that was assumed.
  package var plugin: NetworkPlugin?
  /// All connections of the namespace in the window.
  package var observed: [ObservedConnection]
}

/// Proposes policy for namespaces.
package struct Propose: Sendable {
  private let stores: Stores
  private let reader: EvidenceReader
  private let finder: WindowFinder
  private let options: ProposeOptions

  private let addresses: AddressTable

  /// Makes a step; evidence is read once for all namespaces that share a window.
  package init(
    _ stores: Stores, reader: EvidenceReader, finder: WindowFinder, options: ProposeOptions
  ) {
    self.stores = stores
    self.reader = reader
    self.finder = finder
    self.options = options
    addresses = AddressTable(reader.inventory)
  }

  /// Proposes for each namespace, in the order given.
  ///
  /// - Throws: ``EvidenceError`` for a namespace without evidence.
  package func run(_ namespaces: [String]) async throws -> [ProposeResult] {
    let windows = try namespaces.map { try finder.window(of: $0, options.selection) }
    var shared: [EvidenceWindow: Evidence] = [:]
    var results: [ProposeResult] = []
    for (namespace, window) in zip(namespaces, windows) {
      let key = EvidenceWindow(window: window.window, week: nil, newestFlow: 0)
      let evidence: Evidence
      if let known = shared[key] {
        evidence = known
      } else {
        evidence = try await reader.evidence(
          window, namespace: namespaces.count == 1 ? namespace : nil)
        shared[key] = evidence
      }
      results.append(try propose(namespace, window, evidence))
    }
    return results
  }

  /// Proposes from evidence read before.
  package func propose(_ namespace: String, _ window: EvidenceWindow, _ evidence: Evidence) throws
    -> ProposeResult
  {
    let observed = evidence.connections(of: namespace)
    guard !observed.isEmpty else {
      throw EvidenceError.nothingInWindow(namespace: namespace, window: window.window)
    }
    let accepted = observed.filter(\.isAccepted)
    let learned = accepted.map {
      LearnedConnection(
        source: $0.source, destination: $0.destination, transport: $0.key.transport,
        port: $0.key.port, evidence: $0.tally)
    }
    let plugin =
      options.plugin
      ?? reader.rollout[namespace].plugin.flatMap { NetworkPlugin(rawValue: $0.rawValue) }
    let proposal = PolicySynthesizer.propose(
      SynthesisInput(
        namespace: namespace, workloads: evidence.workloads, connections: learned,
        dialect: options.dialect, layout: options.layout, grouping: options.grouping,
        plugin: plugin, withDefaultDeny: options.withDefaultDeny,
        clusterPrefixes: addresses.clusterPrefixes,
        apiServerAddresses: addresses.apiServerAddresses))
    let proof = prove(proposal, learned, evidence: evidence, plugin: plugin)
    return ProposeResult(
      namespace: namespace, window: window, learned: learned, keys: accepted.map(\.key),
      proposal: proposal, proof: proof, undecided: observed.filter(\.needsDecision),
      plugin: plugin, observed: observed)
  }

  /// Replays the accepted connections against the proposal as if the default deny were there.
  private func prove(
    _ proposal: Proposal, _ learned: [LearnedConnection], evidence: Evidence,
    plugin: NetworkPlugin?
  ) -> ProposalProof {
    var universe = PolicyUniverse(
      workloads: evidence.workloads, names: evidence.workloadNames,
      namespaceLabels: PolicyUniverse.namespaceLabels(reader.inventory))
    let needless = Set(proposal.needless.map(\.connection))
    var connections: [ReplayConnection] = []
    var tolerated: [ReplayConnection] = []
    var origin: [Int] = []
    for (index, connection) in learned.enumerated() {
      let made = universe.connections(
        connection.source, connection.destination, connection.transport, connection.port)
      if needless.contains(index) {
        tolerated += made
        continue
      }
      connections += made
      origin += Array(repeating: index, count: made.count)
      guard connection.transport == .udp, connection.port == 53 || connection.port == 5353 else {
        continue
      }
      // DNS over TCP beside UDP is declared infrastructure.
      tolerated += made.map {
        ReplayConnection(
          source: $0.source, destination: $0.destination, transport: .tcp, port: $0.port)
      }
    }
    let result = Replay(
      policies: proposal.policySet, endpoints: universe.endpoints, connections: connections,
      tolerated: tolerated, namespaces: [proposal.namespace],
      isolatedNamespaces: [proposal.namespace], engine: engine(plugin)
    ).run()
    var denied: [Int: String] = [:]
    for entry in proposal.unexpressible { denied[entry.connection] = entry.reason }
    for entry in result.denied where denied[origin[entry.connection]] == nil {
      denied[origin[entry.connection]] = "no rule of the proposal admits it"
    }
    let unobserved = result.unobservedAdmitted.map { grant in
      "\(universe.names[grant.source]) -> \(universe.names[grant.destination]) \(grant.ports)"
    }
    return ProposalProof(
      total: learned.count - needless.count,
      denied: denied.sorted { $0.key < $1.key }.map { (connection: $0.key, reason: $0.value) },
      unobserved: Array(Set(unobserved)).sorted(), unobservedCount: result.unobservedCount)
  }

  private func engine(_ plugin: NetworkPlugin?) -> EngineSemantics? {
    switch plugin {
    case .cilium: .cilium
    case .calico: .calico
    case .aws, .gke, .other, nil: nil
    }
  }
}
