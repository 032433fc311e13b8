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
    try await outcomes(namespaces).map { try $0.get() }
  }

  /// What comes of each namespace, in the order given: a proposal, or why there is no evidence.
  package func outcomes(
    _ namespaces: [String]
  ) async throws -> [Result<ProposeResult, EvidenceError>] {
    var outcomes = [Result<ProposeResult, EvidenceError>?](repeating: nil, count: namespaces.count)
    var groups: [TimeWindow: [Wanted]] = [:]
    for (position, namespace) in namespaces.enumerated() {
      do {
        let window = try finder.window(of: namespace, options.selection)
        groups[window.window, default: []].append(Wanted(position, namespace, window))
      } catch let error as EvidenceError { outcomes[position] = .failure(error) }
    }
    let ordered = groups.values.sorted { ($0.first?.position ?? 0) < ($1.first?.position ?? 0) }
    let made = try await SideBySide.map(ordered) { try await propose($0) }
    for (group, made) in zip(ordered, made) {
      for (wanted, outcome) in zip(group, made) { outcomes[wanted.position] = outcome }
    }
    return outcomes.compactMap(\.self)
  }

  /// A namespace that is asked for.
  private struct Wanted: Sendable {
    var position: Int
    var namespace: String
    var window: EvidenceWindow

    init(_ position: Int, _ namespace: String, _ window: EvidenceWindow) {
      self.position = position
      self.namespace = namespace
      self.window = window
    }
  }

  /// What comes of namespaces that share a window, in their order.
  private func propose(
    _ wanted: [Wanted]
  ) async throws -> [Result<ProposeResult, EvidenceError>] {
    guard let first = wanted.first else { return [] }
    let evidence = try await reader.evidence(
      first.window,
      namespace: wanted.count == 1 ? first.namespace : nil
    )
    let byNamespace = evidence.connectionsByNamespace
    let drafts = wanted.map { draft($0, byNamespace[$0.namespace] ?? [], evidence) }
    // Namespaces with much to allow are spread over the processors first.
    let positions = drafts.indices.filter { !drafts[$0].observed.isEmpty }
    let shares = SideBySide.shares(weights: positions.map { drafts[$0].accepted.count })
      .map { $0.map { positions[$0] } }
    let made = try await SideBySide.map(shares) { share in
      results(share.map { drafts[$0] }, evidence)
    }
    var outcomes = drafts.map { draft -> Result<ProposeResult, EvidenceError> in
      .failure(.nothingInWindow(namespace: draft.namespace, window: draft.window.window))
    }
    for (share, made) in zip(shares, made) {
      for (position, result) in zip(share, made) { outcomes[position] = .success(result) }
    }
    return outcomes
  }

  /// Proposes for one namespace from evidence read before.
  package func propose(_ namespace: String, _ window: EvidenceWindow, _ evidence: Evidence) throws
    -> ProposeResult
  {
    let observed = evidence.connections(of: namespace)
    guard !observed.isEmpty,
      let result = results([draft(Wanted(0, namespace, window), observed, evidence)], evidence)
        .first
    else { throw EvidenceError.nothingInWindow(namespace: namespace, window: window.window) }
    return result
  }

  private struct Draft: Sendable {
    var namespace: String
    var window: EvidenceWindow
    var observed: [ObservedConnection]
    var accepted: [ObservedConnection]
    var input: SynthesisInput
  }

  /// Synthesis and proof of some drafts, in their order.
  private func results(_ drafts: [Draft], _ evidence: Evidence) -> [ProposeResult] {
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
    _ wanted: Wanted,
    _ observed: [ObservedConnection],
    _ evidence: Evidence
  ) -> Draft {
    let namespace = wanted.namespace
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
      window: wanted.window,
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
