package import FlowModel

/// An accepted connection that the policies would deny.
package struct DeniedConnection: Hashable, Sendable {
  /// Index in ``Replay/connections``.
  package var connection: Int
  /// Why.
  package var decision: Decision

  /// Makes an entry.
  package init(connection: Int, decision: Decision) {
    self.connection = connection
    self.decision = decision
  }
}

/// Ports that a policy lets through between two endpoints though no accepted connection used them.
package struct UnobservedGrant: Hashable, Sendable {
  /// Index of the side that could open the connection.
  package var source: Int
  /// Index of the side that would accept it.
  package var destination: Int
  /// The ports.
  package var ports: PortSpan
  /// Whose policy grants it: egress of the source or ingress of the destination.
  package var direction: Direction
  /// The rule that grants it; nil where Calico's tiers pass it on by default.
  package var rule: RuleReference?
  /// Whether any of it really gets through: the other end is not judged, or lets some through too.
  package var isEffective: Bool

  /// Makes a grant.
  package init(
    source: Int,
    destination: Int,
    ports: PortSpan,
    direction: Direction,
    rule: RuleReference?,
    isEffective: Bool
  ) {
    self.source = source
    self.destination = destination
    self.ports = ports
    self.direction = direction
    self.rule = rule
    self.isEffective = isEffective
  }
}

/// A judged side that no policy isolates: everything gets through, and nothing of it is listed.
package struct NotIsolatedSide: Hashable, Sendable {
  /// Index of the endpoint.
  package var endpoint: Int
  /// The direction.
  package var direction: Direction

  /// Makes an entry.
  package init(endpoint: Int, direction: Direction) {
    self.endpoint = endpoint
    self.direction = direction
  }
}

/// What a replay found.
package struct ReplayResult: Hashable, Sendable {
  /// The accepted connections that would be denied, by index.
  package var denied: [DeniedConnection] = []
  /// The number of accepted connections that stay allowed.
  package var allowedCount = 0
  /// Grants beyond the accepted connections, at most ``Replay/grantLimit`` of them.
  ///
  /// Egress before ingress, then by the endpoint whose policy grants, its peer, and ports.
  package var unobservedAdmitted: [UnobservedGrant] = []
  /// The number of all such grants.
  package var unobservedCount = 0
  /// Judged sides without isolation: egress first, by endpoint.
  package var notIsolated: [NotIsolatedSide] = []
  /// Rules that match an accepted connection, sorted.
  ///
  /// Only rules of the judged namespaces and of cluster-wide policies stand in these lists, and only
  /// those of directions their policy evaluates.
  package var usedRules: [RuleReference] = []
  /// Rules that match none, sorted.
  package var unusedRules: [RuleReference] = []
  /// Allow and Pass rules each of which could be removed by itself without denying any accepted
  /// connection, sorted.
  package var superfluousRules: [RuleReference] = []

  /// Makes an empty result.
  package init() {}

  /// Whether every accepted connection stays allowed.
  package var isClean: Bool { denied.isEmpty }
}
