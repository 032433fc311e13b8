package import FlowModel
package import PolicyModel

/// Judges many connections over the same endpoints, remembering what selects and matches whom.
///
/// Endpoints are named by index: those given at the start in their order, later ones in the order they
/// were interned. Indices that do not exist are a programmer's mistake.
package struct PolicyMatrix: Sendable {
  let compiled: CompiledPolicies
  /// The endpoints by index.
  package private(set) var endpoints: [PolicyEndpoint]
  /// The endpoints by value; made when first asked for.
  private var indices: [PolicyEndpoint: Int]?
  private var plans: [Direction: [SubjectPlan?]]
  private var matches: [[UInt8]]
  private var finder: EndpointFinder?
  private var matching: [[Int]?]
  private var portMemo: [Direction: [[[MatchLevel]: PortSet]]]

  /// Prepares a set and its endpoints.
  ///
  /// - Parameters:
  ///   - policies: The policies; staged ones count only in the stage `pending`.
  ///   - endpoints: The universe; equal endpoints may stand in it twice.
  ///   - engine: nil takes the engine the policies are written for.
  ///   - isolatedNamespaces: Namespaces judged as if a default deny stood in them.
  ///   - stage: Whether staged policies take effect.
  package init(
    policies: PolicySet,
    endpoints: [PolicyEndpoint],
    engine: EngineSemantics? = nil,
    isolatedNamespaces: Set<String> = [],
    stage: PolicyStage = .enforced
  ) {
    compiled = CompiledPolicies(
      policies,
      engine: engine,
      stage: stage,
      isolatedNamespaces: isolatedNamespaces
    )
    self.endpoints = endpoints
    plans = [
      .ingress: Array(repeating: nil, count: endpoints.count),
      .egress: Array(repeating: nil, count: endpoints.count),
    ]
    portMemo = [
      .ingress: Array(repeating: [:], count: endpoints.count),
      .egress: Array(repeating: [:], count: endpoints.count),
    ]
    matches = Array(repeating: [], count: compiled.matchers.count)
    matching = Array(repeating: nil, count: compiled.matchers.count)
  }

  /// The index of an endpoint, added when new.
  package mutating func intern(_ endpoint: PolicyEndpoint) -> Int {
    var known =
      indices
      ?? Dictionary(
        endpoints.enumerated().map { ($0.element, $0.offset) },
        uniquingKeysWith: { first, _ in first }
      )
    indices = nil
    defer { indices = known }
    if let index = known[endpoint] { return index }
    let index = endpoints.count
    endpoints.append(endpoint)
    known[endpoint] = index
    plans[.ingress]?.append(nil)
    plans[.egress]?.append(nil)
    portMemo[.ingress]?.append([:])
    portMemo[.egress]?.append([:])
    finder = nil
    matching = Array(repeating: nil, count: compiled.matchers.count)
    return index
  }

  /// What the policies do to a connection.
  package mutating func decide(
    source: Int,
    destination: Int,
    transport: TransportProtocol,
    port: UInt16
  ) -> Decision {
    Decision(
      egress: decideSide(
        .egress,
        subject: source,
        peer: destination,
        transport: transport,
        port: port
      ),
      ingress: decideSide(
        .ingress,
        subject: destination,
        peer: source,
        transport: transport,
        port: port
      )
    )
  }

  /// What the policies of one endpoint do to a connection with another.
  package mutating func decideSide(
    _ direction: Direction,
    subject: Int,
    peer: Int,
    transport: TransportProtocol,
    port: UInt16
  ) -> SideDecision {
    side(direction, subject: subject, peer: peer).decide(PortSet.key(transport, port))
  }

  /// The ports that the policies of one endpoint let through in a direction to or from another.
  package mutating func admittedPorts(_ direction: Direction, subject: Int, peer: Int) -> PortSet {
    let plan = plan(direction, of: subject)
    if !plan.isolates && plan.unionRules.isEmpty { return .everyPort }
    if plan.asksPeerForPorts || endpoints[peer].entities.contains(.host) {
      return side(direction, subject: subject, peer: peer).allowedPorts()
    }
    // Peers that the rules cover alike may use the same ports.
    let levels = levels(of: plan, peer: peer)
    if let known = portMemo[direction]?[subject][levels] { return known }
    let ports = side(direction, subject: subject, peer: peer).allowedPorts()
    portMemo[direction]?[subject][levels] = ports
    return ports
  }

  private mutating func levels(of plan: SubjectPlan, peer: Int) -> [MatchLevel] {
    plan.rules.map { rule in
      let match = match(compiled.rules[rule].matcher, peer)
      return compiled.level(of: rule, for: endpoints[peer], match: match, plan: plan)
    }
  }

  /// The ports that get through from one endpoint to another: both sides let them.
  package mutating func admittedPorts(from source: Int, to destination: Int) -> PortSet {
    let egress = admittedPorts(.egress, subject: source, peer: destination)
    if egress.isEmpty { return egress }
    return egress.intersection(admittedPorts(.ingress, subject: destination, peer: source))
  }

  // MARK: Remembering

  mutating func plan(_ direction: Direction, of subject: Int) -> SubjectPlan {
    if let known = plans[direction]?[subject] { return known }
    let plan = SubjectPlan(compiled, endpoint: endpoints[subject], direction: direction)
    plans[direction]?[subject] = plan
    return plan
  }

  mutating func side(_ direction: Direction, subject: Int, peer: Int) -> SideEvaluation {
    let plan = plan(direction, of: subject)
    return SideEvaluation(
      compiled,
      plan: plan,
      portNames: endpoints[direction == .ingress ? subject : peer].namedPorts,
      peer: endpoints[peer]
    ) { rule in
      let match = match(compiled.rules[rule].matcher, peer)
      return compiled.level(of: rule, for: endpoints[peer], match: match, plan: plan)
    }
  }

  /// What a matcher says of an endpoint, asked once.
  private mutating func match(_ matcher: Int, _ peer: Int) -> PeerMatcher.Match {
    let missing = endpoints.count - matches[matcher].count
    if missing > 0 {
      matches[matcher] += repeatElement(PeerMatcher.Match.unknownCode, count: missing)
    }
    let known = matches[matcher][peer]
    guard known == PeerMatcher.Match.unknownCode else { return PeerMatcher.Match(code: known) }
    let match = compiled.matchers[matcher].match(endpoints[peer])
    matches[matcher][peer] = match.code
    return match
  }

  /// The endpoints that a matcher's peers cover at least in part, ascending.
  mutating func endpoints(matching matcher: Int) -> [Int] {
    if let known = matching[matcher] { return known }
    let finder = self.finder ?? EndpointFinder(endpoints)
    self.finder = finder
    var result: [Int] = []
    for peer in finder.candidates(for: compiled.matchers[matcher]) {
      if match(matcher, peer).isAny { result.append(peer) }
    }
    matching[matcher] = result
    return result
  }

  /// The endpoints that some rule of a plan names, ascending; rules for everyone left out.
  mutating func namedPeers(of plan: SubjectPlan) -> [Int] {
    var peers: [Int] = []
    for rule in plan.rules where compiled.rules[rule].action != .log {
      let matcher = compiled.rules[rule].matcher
      if !compiled.matchers[matcher].isEveryone { peers += endpoints(matching: matcher) }
    }
    return peers.sortedUnique()
  }

  /// Whether a plan may let through a peer that none of its rules names.
  func admitsUnnamedPeers(_ plan: SubjectPlan) -> Bool {
    if !plan.unionIsolates, plan.tiers.allSatisfy(\.passesByDefault) { return true }
    return plan.rules.contains { rule in
      let action = compiled.rules[rule].action
      return compiled.matchers[compiled.rules[rule].matcher].isEveryone
        && (action == .allow || action == .pass)
    }
  }

  /// The endpoints that a plan may let through by rule, ascending.
  mutating func peers(of plan: SubjectPlan) -> [Int] {
    admitsUnnamedPeers(plan) ? Array(endpoints.indices) : namedPeers(of: plan)
  }
}

extension PeerMatcher.Match {
  /// The code of a match not yet worked out.
  static var unknownCode: UInt8 { 255 }

  /// The match in a byte.
  var code: UInt8 { level.rawValue | (byName ? 4 : 0) }

  /// Reads ``code``.
  init(code: UInt8) {
    self.init(level: MatchLevel(rawValue: code & 3) ?? .none, byName: code & 4 != 0)
  }
}
