import FlowModel
package import PolicyModel

/// Judges single connections by a set of policies.
///
/// Semantics are those of the three published dialects, mixed sets included: Kubernetes and Cilium
/// policies allow by union and a deny wins; Calico's go by tier and order, with NetworkPolicy in the
/// tier `default` at order 1000. Where Calico and Cilium policies stand together, both must allow.
/// For many connections over the same endpoints ``PolicyMatrix`` is faster.
package struct PolicyEvaluator: Sendable {
  let compiled: CompiledPolicies
  private let pendingCompiled: CompiledPolicies?

  /// Prepares a set.
  ///
  /// - Parameters:
  ///   - policies: The policies, in any order; staged ones decide only what is pending.
  ///   - engine: What the plugin does where the specifications are open; nil takes the engine the
  ///     policies are written for.
  ///   - isolatedNamespaces: Namespaces judged as if a default deny stood in them.
  package init(
    policies: PolicySet,
    engine: EngineSemantics? = nil,
    isolatedNamespaces: Set<String> = []
  ) {
    compiled = CompiledPolicies(
      policies,
      engine: engine,
      stage: .enforced,
      isolatedNamespaces: isolatedNamespaces
    )
    pendingCompiled =
      policies.hasStagedPolicies
      ? CompiledPolicies(
        policies,
        engine: engine,
        stage: .pending,
        isolatedNamespaces: isolatedNamespaces
      ) : nil
  }

  /// What the enforced policies do to a connection.
  package func decide(_ connection: PolicyConnection) -> Decision {
    PolicyEvaluator.decide(connection, by: compiled)
  }

  /// What would become of a connection if the staged policies took effect; nil when none is staged.
  package func pendingDecision(_ connection: PolicyConnection) -> Decision? {
    pendingCompiled.map { PolicyEvaluator.decide(connection, by: $0) }
  }

  /// The ports that get through from one endpoint to another.
  package func admittedPorts(
    from source: PolicyEndpoint,
    to destination: PolicyEndpoint
  ) -> PortSet {
    let egress = PolicyEvaluator.side(
      compiled,
      .egress,
      subject: source,
      peer: destination
    ).allowedPorts()
    let ingress = PolicyEvaluator.side(
      compiled,
      .ingress,
      subject: destination,
      peer: source
    ).allowedPorts()
    return egress.intersection(ingress)
  }

  private static func decide(
    _ connection: PolicyConnection,
    by compiled: CompiledPolicies
  ) -> Decision {
    let key = PortSet.key(connection.transport, connection.port)
    let egress = side(
      compiled,
      .egress,
      subject: connection.source,
      peer: connection.destination
    )
    let ingress = side(
      compiled,
      .ingress,
      subject: connection.destination,
      peer: connection.source
    )
    return Decision(egress: egress.decide(key), ingress: ingress.decide(key))
  }

  static func side(
    _ compiled: CompiledPolicies,
    _ direction: Direction,
    subject: PolicyEndpoint,
    peer: PolicyEndpoint
  ) -> SideEvaluation {
    let plan = SubjectPlan(compiled, endpoint: subject, direction: direction)
    return SideEvaluation(
      compiled,
      plan: plan,
      portNames: (direction == .ingress ? subject : peer).namedPorts,
      peer: peer
    ) { index in
      compiled.level(
        of: index,
        for: peer,
        match: compiled.matchers[compiled.rules[index].matcher].match(peer),
        plan: plan
      )
    }
  }
}

extension CompiledPolicies {
  /// How much of a peer a rule covers, DNS names counted.
  ///
  /// - Parameters:
  ///   - match: What the rule's matcher says of the peer.
  ///   - plan: The subject's plan; Cilium knows only the names its DNS rules let it ask for.
  func level(
    of index: Int,
    for peer: PolicyEndpoint,
    match: PeerMatcher.Match,
    plan: SubjectPlan
  ) -> MatchLevel {
    if plan.partlyOwn.contains(index) { return min(match.level, .part) }
    guard match.byName, match.level != .whole else { return match.level }
    let rule = rules[index]
    guard rule.needsDNSRule else { return .whole }
    let isKnown = matchers[rule.matcher].matchesName(of: peer) { name in
      plan.dnsRules.contains { rules[$0].dnsPatterns.contains { $0.matches(name) } }
    }
    return isKnown ? .whole : match.level
  }
}
