package import FlowModel
package import PolicyModel

/// A connection between endpoints named by index.
package struct ReplayConnection: Hashable, Sendable {
  /// Index of the side that opens it.
  package var source: Int
  /// Index of the side that accepts it.
  package var destination: Int
  /// The protocol.
  package var transport: TransportProtocol
  /// The destination port; the type for ICMP.
  package var port: UInt16

  /// Makes a connection.
  package init(source: Int, destination: Int, transport: TransportProtocol, port: UInt16) {
    self.source = source
    self.destination = destination
    self.transport = transport
    self.port = port
  }
}

/// Replays accepted connections against policies: what would break, what is admitted beyond them, and
/// which rules they need.
package struct Replay: Sendable {
  /// The policies; staged ones count only in the stage `pending`.
  package var policies: PolicySet
  /// Every workload and external peer known; connections index it.
  package var endpoints: [PolicyEndpoint]
  /// The accepted connections.
  package var connections: [ReplayConnection]
  /// Connections that may be admitted though nobody saw them (DNS over TCP beside UDP).
  package var tolerated: [ReplayConnection]
  /// The namespaces whose pods' sides are judged; nil judges all.
  package var namespaces: Set<String>?
  /// Namespaces judged as if a default deny stood in them.
  package var isolatedNamespaces: Set<String>
  /// The engine; nil takes the one the policies are written for.
  package var engine: EngineSemantics?
  /// Whether staged policies take effect.
  package var stage: PolicyStage
  /// The most unobserved grants listed; all are counted.
  package var grantLimit: Int

  /// Makes a replay.
  package init(
    policies: PolicySet,
    endpoints: [PolicyEndpoint],
    connections: [ReplayConnection],
    tolerated: [ReplayConnection] = [],
    namespaces: Set<String>? = nil,
    isolatedNamespaces: Set<String> = [],
    engine: EngineSemantics? = nil,
    stage: PolicyStage = .enforced,
    grantLimit: Int = 1000
  ) {
    self.policies = policies
    self.endpoints = endpoints
    self.connections = connections
    self.tolerated = tolerated
    self.namespaces = namespaces
    self.isolatedNamespaces = isolatedNamespaces
    self.engine = engine
    self.stage = stage
    self.grantLimit = grantLimit
  }

  /// Runs the replay.
  ///
  /// - Precondition: Connections index `endpoints`.
  /// - Complexity: Connections times the rules of their two ends, plus, for what is admitted beyond
  ///   them, the pairs that some rule covers.
  package func run() -> ReplayResult {
    var replay = ReplayRun(self)
    replay.judgeConnections()
    replay.findUnobserved()
    return replay.result
  }

  /// Decides about the connections only, in their order, and tells which rules none of them needs
  /// or touches; the rules of a stage that does not hold are not among them.
  package func decide() -> (decisions: [Decision], unusedRules: [RuleReference]) {
    var replay = ReplayRun(self)
    let decisions = connections.map { replay.judge($0, provingNeed: false) }
    return (decisions, replay.rules { !$0.used[$1] })
  }

  /// Whether a side is judged.
  func judges(_ endpoint: PolicyEndpoint) -> Bool {
    endpoint.isPod && (namespaces?.contains(endpoint.namespace) ?? true)
  }
}

/// A replay while it runs.
private struct ReplayRun {
  let replay: Replay
  var matrix: PolicyMatrix
  var result = ReplayResult()
  /// Whether a connection touches a rule, and whether one cannot do without it; by index.
  var used: [Bool]
  var essential: [Bool]

  init(_ replay: Replay) {
    self.replay = replay
    matrix = PolicyMatrix(
      policies: replay.policies,
      endpoints: replay.endpoints,
      engine: replay.engine,
      isolatedNamespaces: replay.isolatedNamespaces,
      stage: replay.stage
    )
    used = Array(repeating: false, count: matrix.compiled.rules.count)
    essential = used
  }

  // MARK: Accepted connections

  mutating func judgeConnections() {
    for (index, connection) in replay.connections.enumerated() {
      let decision = judge(connection, provingNeed: true)
      if decision.allowed {
        result.allowedCount += 1
      } else {
        result.denied.append(DeniedConnection(connection: index, decision: decision))
      }
    }
    result.usedRules = rules { $0.used[$1] }
    result.unusedRules = rules { !$0.used[$1] }
    let compiled = matrix.compiled
    result.superfluousRules = rules { run, index in
      let action = compiled.rules[index].action
      return (action == .allow || action == .pass) && !run.essential[index]
    }
  }

  /// The rules of the judged namespaces, and of none, that pass a test of their index; sorted.
  func rules(where isWanted: (ReplayRun, Int) -> Bool) -> [RuleReference] {
    var found: [RuleReference] = []
    for (index, rule) in matrix.compiled.rules.enumerated() {
      let namespace = rule.reference.policy.namespace
      if let namespace, let judged = replay.namespaces, !judged.contains(namespace) { continue }
      if isWanted(self, index) { found.append(rule.reference) }
    }
    return found.sorted()
  }

  /// Decides about a connection and notes which rules it touches.
  ///
  /// - Parameter provingNeed: Whether to find out, too, which rules it cannot do without.
  mutating func judge(_ connection: ReplayConnection, provingNeed: Bool) -> Decision {
    Decision(
      egress: judge(.egress, connection, provingNeed: provingNeed),
      ingress: judge(.ingress, connection, provingNeed: provingNeed)
    )
  }

  private mutating func judge(
    _ direction: Direction,
    _ connection: ReplayConnection,
    provingNeed: Bool
  ) -> SideDecision {
    let isEgress = direction == .egress
    let subject = isEgress ? connection.source : connection.destination
    let peer = isEgress ? connection.destination : connection.source
    guard replay.judges(matrix.endpoints[subject]) else { return .notJudged }
    let side = matrix.side(direction, subject: subject, peer: peer)
    let key = PortSet.key(connection.transport, connection.port)
    let decision = side.decide(key)
    let matching = side.rulesMatching(key)
    for rule in matching { used[rule] = true }
    guard decision.isAllowed else { return decision }
    if provingNeed {
      for rule in matching where !essential[rule] {
        if !side.decide(key, without: rule).isAllowed { essential[rule] = true }
      }
    }
    needDNSRules(of: side, peer: peer, key: key, provingNeed: provingNeed)
    return decision
  }

  /// Counts the DNS rules that let an external name be learned for a connection.
  private mutating func needDNSRules(
    of side: SideEvaluation,
    peer: Int,
    key: UInt32,
    provingNeed: Bool
  ) {
    let endpoint = matrix.endpoints[peer]
    guard !side.plan.dnsRules.isEmpty, !endpoint.dnsNames.isEmpty else { return }
    let compiled = matrix.compiled
    for dnsRule in side.plan.dnsRules {
      let names = endpoint.dnsNames.map(DNSPattern.normalized)
      let isAsked = compiled.rules[dnsRule].dnsPatterns.contains {
        names.contains(where: $0.matches)
      }
      guard isAsked else { continue }
      used[dnsRule] = true
      guard provingNeed else { continue }
      let others = side.plan.without(dnsRule: dnsRule)
      let alone = SideEvaluation(
        compiled,
        plan: others,
        portNames: side.portNames,
        peer: endpoint
      ) { rule in
        compiled.level(
          of: rule,
          for: endpoint,
          match: compiled.matchers[compiled.rules[rule].matcher].match(endpoint),
          plan: others
        )
      }
      if !alone.decide(key).isAllowed { essential[dnsRule] = true }
    }
  }

  // MARK: Beyond the accepted

  private struct Pair: Hashable, Comparable {
    var source: Int
    var destination: Int

    init(source: Int, destination: Int) {
      self.source = source
      self.destination = destination
    }

    init(_ direction: Direction, subject: Int, peer: Int) {
      source = direction == .egress ? subject : peer
      destination = direction == .egress ? peer : subject
    }

    static func < (left: Pair, right: Pair) -> Bool {
      left.source != right.source
        ? left.source < right.source : left.destination < right.destination
    }
  }

  /// The ports that were seen between two endpoints, sorted by these.
  private struct SeenPorts {
    private var entries: [(pair: Pair, key: UInt32)] = []

    init(_ connections: [[ReplayConnection]]) {
      entries.reserveCapacity(connections.reduce(0) { $0 + $1.count })
      for connection in connections.joined() {
        entries.append(
          (
            Pair(source: connection.source, destination: connection.destination),
            PortSet.key(connection.transport, connection.port)
          )
        )
      }
      entries.sort { $0.pair < $1.pair }
    }

    /// The ports between the ends of a pair; nil when nothing was seen.
    subscript(pair: Pair) -> PortSet? {
      var low = 0
      var high = entries.count
      while low < high {
        let middle = (low + high) / 2
        if entries[middle].pair < pair { low = middle + 1 } else { high = middle }
      }
      guard low < entries.count, entries[low].pair == pair else { return nil }
      return PortSet(entries[low...].prefix { $0.pair == pair }.map { $0.key...$0.key })
    }
  }

  mutating func findUnobserved() {
    let observed = SeenPorts([replay.connections, replay.tolerated])
    for direction in [Direction.egress, .ingress] {
      for subject in matrix.endpoints.indices where replay.judges(matrix.endpoints[subject]) {
        let plan = matrix.plan(direction, of: subject)
        guard plan.isolates else {
          result.notIsolated.append(NotIsolatedSide(endpoint: subject, direction: direction))
          continue
        }
        if matrix.admitsUnnamedPeers(plan) {
          reportUnnamed(direction, subject: subject, plan: plan, observed: observed)
        } else {
          for peer in matrix.namedPeers(of: plan) {
            report(direction, subject: subject, peer: peer, observed: observed)
          }
        }
      }
    }
  }

  /// Reports on all peers; those that only rules for everyone cover are worked out once.
  private mutating func reportUnnamed(
    _ direction: Direction,
    subject: Int,
    plan: SubjectPlan,
    observed: SeenPorts
  ) {
    var isSpecial = Array(repeating: plan.asksPeerForPorts, count: matrix.endpoints.count)
    for peer in matrix.namedPeers(of: plan) { isSpecial[peer] = true }
    var common: [(ports: PortSpan, rule: RuleReference?)]?
    for peer in matrix.endpoints.indices {
      let isSeen = observed[Pair(direction, subject: subject, peer: peer)] != nil
      if isSpecial[peer] || isSeen || matrix.endpoints[peer].entities.contains(.host) {
        report(direction, subject: subject, peer: peer, observed: observed)
        continue
      }
      let grants =
        common
        ?? leftovers(
          matrix.side(direction, subject: subject, peer: peer),
          seen: PortSet()
        )
      common = grants
      add(grants, direction, subject: subject, peer: peer)
    }
  }

  private mutating func report(
    _ direction: Direction,
    subject: Int,
    peer: Int,
    observed: SeenPorts
  ) {
    let side = matrix.side(direction, subject: subject, peer: peer)
    let seen = observed[Pair(direction, subject: subject, peer: peer)] ?? PortSet()
    add(leftovers(side, seen: seen), direction, subject: subject, peer: peer)
  }

  /// What a side lets through by rule though nobody saw it.
  private func leftovers(
    _ side: SideEvaluation,
    seen: PortSet
  ) -> [(ports: PortSpan, rule: RuleReference?)] {
    var result: [(ports: PortSpan, rule: RuleReference?)] = []
    for (ports, decision) in side.decisions() where decision.isAllowed {
      if case .exempt = decision { continue }
      let left = PortSet(ports).subtracting(seen)
      result += left.spans.map { ($0, decision.rule) }
    }
    return result.sorted { $0.ports < $1.ports }
  }

  /// Counts grants and lists them as long as there is room.
  private mutating func add(
    _ grants: [(ports: PortSpan, rule: RuleReference?)],
    _ direction: Direction,
    subject: Int,
    peer: Int
  ) {
    result.unobservedCount += grants.count
    let room = replay.grantLimit - result.unobservedAdmitted.count
    guard room > 0, !grants.isEmpty else { return }
    let pair = Pair(direction, subject: subject, peer: peer)
    var through: PortSet?
    if replay.judges(matrix.endpoints[peer]) {
      through = matrix.admittedPorts(
        direction == .egress ? .ingress : .egress,
        subject: peer,
        peer: subject
      )
    }
    for grant in grants.prefix(room) {
      result.unobservedAdmitted.append(
        UnobservedGrant(
          source: pair.source,
          destination: pair.destination,
          ports: grant.ports,
          direction: direction,
          rule: grant.rule,
          isEffective: through?.overlaps(grant.ports) ?? true
        )
      )
    }
  }
}
