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
    _ stores: Stores,
    reader: EvidenceReader,
    finder: WindowFinder,
    options: ProposeOptions
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
    var groups: [TimeWindow: [(position: Int, namespace: String, window: EvidenceWindow)]] = [:]
    for (position, namespace) in namespaces.enumerated() {
      let window = try finder.window(of: namespace, options.selection)
      groups[window.window, default: []].append((position, namespace, window))
    }
    var results = [ProposeResult?](repeating: nil, count: namespaces.count)
    for group in groups.values {
      guard let first = group.first else { continue }
      let evidence = try await reader.evidence(
        first.window,
        namespace: group.count == 1 ? first.namespace : nil
      )
      let made = try propose(group.map { ($0.namespace, $0.window) }, evidence)
      for (entry, result) in zip(group, made) { results[entry.position] = result }
    }
    return results.compactMap { $0 }
  }

  /// Proposes for one namespace from evidence read before.
  package func propose(_ namespace: String, _ window: EvidenceWindow, _ evidence: Evidence) throws
    -> ProposeResult
  {
    guard let result = try propose([(namespace, window)], evidence).first else {
      throw EvidenceError.nothingInWindow(namespace: namespace, window: window.window)
    }
    return result
  }

  private struct Draft {
    var namespace: String
    var window: EvidenceWindow
    var observed: [ObservedConnection]
    var accepted: [ObservedConnection]
    var input: SynthesisInput
  }

  private func propose(
    _ wanted: [(namespace: String, window: EvidenceWindow)],
    _ evidence: Evidence
  ) throws -> [ProposeResult] {
    let byNamespace = evidence.connectionsByNamespace
    let drafts = try wanted.map { namespace, window in
      let observed = byNamespace[namespace] ?? []
      guard !observed.isEmpty else {
        throw EvidenceError.nothingInWindow(namespace: namespace, window: window.window)
      }
      return draft(namespace, window, observed, evidence)
    }
    let proposals = PolicySynthesizer.propose(drafts.map(\.input))
    let proofs = ProposalReplay(
      evidence: evidence,
      namespaceLabels: PolicyUniverse.namespaceLabels(reader.inventory)
    ).run(zip(drafts, proposals).map { (input: $0.input, proposal: $1) })
    return zip(drafts, zip(proposals, proofs)).map { draft, made in
      ProposeResult(
        namespace: draft.namespace,
        window: draft.window,
        learned: draft.input.connections,
        keys: draft.accepted.map(\.key),
        proposal: made.0,
        proof: made.1,
        undecided: draft.observed.filter(\.needsDecision),
        plugin: draft.input.plugin,
        observed: draft.observed
      )
    }
  }

  private func draft(
    _ namespace: String,
    _ window: EvidenceWindow,
    _ observed: [ObservedConnection],
    _ evidence: Evidence
  ) -> Draft {
    let accepted = observed.filter(\.isAccepted)
    let learned = accepted.map {
      LearnedConnection(
        source: $0.source,
        destination: $0.destination,
        transport: $0.key.transport,
        port: $0.key.port,
        evidence: $0.tally
      )
    }
    let plugin =
      options.plugin
      ?? reader.rollout[namespace].plugin.flatMap { NetworkPlugin(rawValue: $0.rawValue) }
    return Draft(
      namespace: namespace,
      window: window,
      observed: observed,
      accepted: accepted,
      input: SynthesisInput(
        namespace: namespace,
        workloads: evidence.workloads,
        connections: learned,
        dialect: options.dialect,
        layout: options.layout,
        grouping: options.grouping,
        plugin: plugin,
        withDefaultDeny: options.withDefaultDeny,
        clusterPrefixes: addresses.clusterPrefixes,
        apiServerAddresses: addresses.apiServerAddresses
      )
    )
  }
}
