package import FlowAggregation
package import FlowModel
package import PolicyModel

/// Which connections a rule of a proposal is there for.
package struct RuleEvidence: Hashable, Sendable {
  /// Index in the proposal's `policySet.policies`.
  package var policy: Int
  /// Index in that policy's `rules`.
  package var rule: Int
  /// Indices in the input's `connections`, ascending.
  package var connections: [Int]

  /// Makes an entry.
  package init(policy: Int, rule: Int, connections: [Int]) {
    self.policy = policy
    self.rule = rule
    self.connections = connections
  }
}

/// A connection that a proposal admits though it is not in the evidence.
package struct GrantedConnection: Hashable, Sendable {
  /// The client; an endpoint of kind `.address` stands for all addresses of its prefix, one of kind
  /// `.name` without address for every peer of that name, one of kind `.node` or `.entity` without
  /// address for all of that entity.
  package var source: ConnectionEnd
  /// The server, like the client.
  package var destination: ConnectionEnd
  /// The protocol.
  package var transport: TransportProtocol
  /// The server's port (ICMP: type).
  package var port: UInt16

  /// Makes a connection.
  package init(
    source: ConnectionEnd,
    destination: ConnectionEnd,
    transport: TransportProtocol,
    port: UInt16
  ) {
    self.source = source
    self.destination = destination
    self.transport = transport
    self.port = port
  }
}

extension GrantedConnection: Comparable {
  /// By source, destination, protocol and port; workloads by index, before everything else.
  package static func < (left: GrantedConnection, right: GrantedConnection) -> Bool {
    if left.source != right.source { return precedes(left.source, right.source) }
    if left.destination != right.destination {
      return precedes(left.destination, right.destination)
    }
    return (left.transport, left.port) < (right.transport, right.port)
  }

  private static func precedes(_ left: ConnectionEnd, _ right: ConnectionEnd) -> Bool {
    switch (left, right) {
    case (.workload(let one), .workload(let two)): one < two
    case (.other(let one), .other(let two)): one < two
    case (.workload, .other): true
    case (.other, .workload): false
    }
  }
}

/// A grant beyond the evidence that could not be had tighter.
package struct ExcessGrant: Hashable, Sendable {
  /// Why it could not.
  package enum Reason: String, Sendable {
    /// Workloads whose stable labels are the same.
    case indistinguishable
    /// A prefix wider than the addresses seen.
    case widenedPrefix = "widened-prefix"
    /// Ingress from anywhere to an exposed workload.
    case worldIngress = "world-ingress"
    /// A pod known by address or name only.
    case dialect = "dialect-cannot-express"
    /// Host processes of nodes, all or none.
    case nodes
  }

  /// Why.
  package var reason: Reason
  /// What is granted, in words: `app-prod/web may also be reached by shop/cart-canary`.
  package var detail: String
  /// How much: addresses opened as a power of two for prefixes, else admitted pairs.
  package var size: Int
  /// The connections admitted, sorted, for a replay to know them by; see ``GrantedConnection``.
  package var grants: [GrantedConnection]

  /// Makes a grant.
  package init(reason: Reason, detail: String, size: Int, grants: [GrantedConnection] = []) {
    self.reason = reason
    self.detail = detail
    self.size = size
    self.grants = grants
  }
}

/// The size of a proposal, and how sure it is to be the smallest.
package struct ProposalSize: Hashable, Sendable {
  /// Policy objects.
  package var objects: Int
  /// Rules.
  package var rules: Int
  /// Peers over all rules.
  package var peers: Int
  /// Selector requirements over all subjects and peers.
  package var requirements: Int
  /// A lower bound on the rules of any such proposal; equal to `rules` when minimal.
  package var ruleLowerBound: Int

  /// Whether no proposal of this layout has fewer rules.
  package var isMinimal: Bool { ruleLowerBound >= rules }

  /// Makes a size.
  package init(objects: Int, rules: Int, peers: Int, requirements: Int, ruleLowerBound: Int) {
    self.objects = objects
    self.rules = rules
    self.peers = peers
    self.requirements = requirements
    self.ruleLowerBound = ruleLowerBound
  }
}

/// Minimal allow rules for a namespace, with what they rest on.
package struct Proposal: Sendable {
  /// The namespace.
  package var namespace: String
  /// The policies, sorted by name.
  package var policySet: PolicySet
  /// What each rule is there for, in the order of policies and rules; shared infrastructure rules
  /// (DNS) list the connections they serve.
  package var ruleEvidence: [RuleEvidence]
  /// Grants beyond the evidence, largest first.
  package var excess: [ExcessGrant]
  /// Input connections that the dialect on this plugin cannot allow, with the reason; they fail the proof.
  package var unexpressible: [(connection: Int, reason: String)]
  /// Connections that need no rule (host to its own pods), with the reason.
  package var needless: [(connection: Int, reason: String)]
  /// Declared infrastructure beyond the evidence, sorted.
  ///
  /// DNS over TCP beside UDP, and DNS that rules for names need: no excess, and a replay should
  /// tolerate it.
  package var declared: [GrantedConnection]
  /// Peers that a person has to decide about before enforcement (nodes, API server, world).
  package var decisions: [(connection: Int, reason: String)]
  /// The input connections that are allowed by opening their port to the whole world, not each by
  /// itself: one question for a person.
  package var worldConnections: Set<Int>
  /// The size.
  package var size: ProposalSize
  /// Remarks for the reader, sorted.
  package var notes: [String]

  /// Makes a proposal.
  package init(
    namespace: String,
    policySet: PolicySet,
    ruleEvidence: [RuleEvidence],
    excess: [ExcessGrant],
    unexpressible: [(connection: Int, reason: String)],
    needless: [(connection: Int, reason: String)],
    decisions: [(connection: Int, reason: String)],
    declared: [GrantedConnection] = [],
    worldConnections: Set<Int> = [],
    size: ProposalSize,
    notes: [String]
  ) {
    self.namespace = namespace
    self.policySet = policySet
    self.ruleEvidence = ruleEvidence
    self.excess = excess
    self.unexpressible = unexpressible
    self.needless = needless
    self.decisions = decisions
    self.declared = declared
    self.worldConnections = worldConnections
    self.size = size
    self.notes = notes
  }
}
