import FlowAggregation
import FlowModel
import PolicyEvaluation
import PolicyModel
import PolicySynthesis

/// Replays accepted connections against proposals as if the default deny were there.
///
/// Proposals that rest on the same evidence are replayed together: each judges its own namespace's
/// sides only, so the result is the same as one by one.
struct ProposalReplay {
  /// A proposal with what it was made from.
  typealias Made = (input: SynthesisInput, proposal: Proposal)

  private let evidence: Evidence
  private let namespaceLabels: [String: Labels]

  init(evidence: Evidence, namespaceLabels: [String: Labels]) {
    self.evidence = evidence
    self.namespaceLabels = namespaceLabels
  }

  /// Where a replayed connection comes from.
  private struct Origin {
    var proposal: Int
    var connection: Int
  }

  /// The proof of each proposal, in order.
  func run(_ made: [Made]) -> [ProposalProof] {
    var proofs = made.map { entry in
      ProposalProof(
        total: entry.input.connections.count - Set(entry.proposal.needless.map(\.connection)).count,
        denied: [],
        unobserved: [],
        unobservedCount: 0
      )
    }
    var denied = made.map { entry in
      var reasons: [Int: String] = [:]
      for item in entry.proposal.unexpressible { reasons[item.connection] = item.reason }
      return reasons
    }
    // Engines differ: proposals for different plugins are judged apart.
    for engine in Set(made.map { ProposalReplay.engine($0.input.plugin) }) {
      let members = made.indices.filter { ProposalReplay.engine(made[$0].input.plugin) == engine }
      replay(members, made, engine: engine, denied: &denied, proofs: &proofs)
    }
    for index in proofs.indices {
      proofs[index].denied = denied[index].sorted { $0.key < $1.key }.map {
        (connection: $0.key, reason: $0.value)
      }
      proofs[index].unobserved = Array(Set(proofs[index].unobserved)).sorted()
    }
    return proofs
  }

  private func replay(
    _ members: [Int],
    _ made: [Made],
    engine: EngineSemantics?,
    denied: inout [[Int: String]],
    proofs: inout [ProposalProof]
  ) {
    var universe = PolicyUniverse(
      workloads: evidence.workloads,
      names: evidence.workloadNames,
      namespaceLabels: namespaceLabels
    )
    var connections: [ReplayConnection] = []
    var tolerated: [ReplayConnection] = []
    var origins: [Origin] = []
    var policies = PolicySet()
    var proposalOf: [String: Int] = [:]
    for index in members {
      let (input, proposal) = made[index]
      policies.policies += proposal.policySet.policies
      proposalOf[proposal.namespace] = index
      let needless = Set(proposal.needless.map(\.connection))
      for (position, connection) in input.connections.enumerated() {
        let variants = universe.connections(
          connection.source,
          connection.destination,
          connection.transport,
          connection.port
        )
        if needless.contains(position) {
          tolerated += variants
        } else {
          connections += variants
          origins += variants.map { _ in Origin(proposal: index, connection: position) }
        }
      }
      for grant in proposal.declared {
        tolerated += universe.connections(
          grant.source,
          grant.destination,
          grant.transport,
          grant.port
        )
      }
    }
    let namespaces = Set(proposalOf.keys)
    let result = Replay(
      policies: policies,
      endpoints: universe.endpoints,
      connections: connections,
      tolerated: tolerated,
      namespaces: namespaces,
      isolatedNamespaces: namespaces,
      engine: engine
    ).run()
    for entry in result.denied {
      let origin = origins[entry.connection]
      let connection = connections[entry.connection]
      // A connection between two namespaces is in both proposals; each answers for its own side.
      let own = made[origin.proposal].proposal.namespace
      let failsHere =
        (!entry.decision.egress.isAllowed && universe.endpoints[connection.source].namespace == own)
        || (!entry.decision.ingress.isAllowed
          && universe.endpoints[connection.destination].namespace == own)
      if failsHere, denied[origin.proposal][origin.connection] == nil {
        denied[origin.proposal][origin.connection] = "no rule of the proposal admits it"
      }
    }
    for grant in result.unobservedAdmitted {
      let subject = grant.direction == .egress ? grant.source : grant.destination
      guard let index = proposalOf[universe.endpoints[subject].namespace] else { continue }
      proofs[index].unobservedCount += 1
      proofs[index].unobserved.append(
        "\(universe.names[grant.source]) -> \(universe.names[grant.destination]) \(grant.ports)"
      )
    }
  }

  private static func engine(_ plugin: NetworkPlugin?) -> EngineSemantics? {
    switch plugin {
    case .cilium: .cilium
    case .calico: .calico
    case .aws, .gke, .other, nil: nil
    }
  }
}
