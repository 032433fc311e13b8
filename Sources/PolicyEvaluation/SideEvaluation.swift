import FlowModel
import PolicyModel

/// Decides one side of a connection, once it is known which rules' peers match.
struct SideEvaluation {
  /// The policies.
  let compiled: CompiledPolicies
  /// What to evaluate.
  let plan: SubjectPlan
  /// The named ports of the endpoint that serves: the subject for ingress, the peer for egress.
  let portNames: [PolicyEndpoint.NamedPort]
  /// Whether the peer is the local host.
  let peerIsLocalHost: Bool
  /// How much of the peer each rule of the plan covers, in the order of `plan.unionRules`.
  let unionLevels: [MatchLevel]
  /// The same for each tier's rules.
  let tierLevels: [[MatchLevel]]

  /// Makes an evaluation.
  ///
  /// - Parameter level: How much of the peer a rule covers.
  init(
    _ compiled: CompiledPolicies,
    plan: SubjectPlan,
    portNames: [PolicyEndpoint.NamedPort],
    peer: PolicyEndpoint,
    level: (Int) -> MatchLevel
  ) {
    self.compiled = compiled
    self.plan = plan
    self.portNames = portNames
    peerIsLocalHost = peer.entities.contains(.host) && !peer.isPod
    unionLevels = plan.unionRules.map(level)
    tierLevels = plan.tiers.map { $0.rules.map(level) }
  }

  /// Whether no rule covers any of the peer.
  var matchesNothing: Bool {
    unionLevels.allSatisfy { $0 == .none }
      && tierLevels.allSatisfy { $0.allSatisfy { $0 == .none } }
  }

  /// The decision for a port.
  ///
  /// - Parameter excluded: A rule to leave out, by its index.
  func decide(_ key: UInt32, without excluded: Int? = nil) -> SideDecision {
    if peerIsLocalHost, isExemptWithoutRules { return .exempt(.localHost) }
    let union = unionDecision(key, without: excluded)
    if !union.isAllowed { return union }
    var memo: [SideDecision?] = Array(repeating: nil, count: plan.tiers.count)
    let tiered = tierDecision(key, from: 0, passedBy: nil, without: excluded, memo: &memo)
    if !tiered.isAllowed { return tiered }
    if case .notIsolated = union { return tiered }
    return union
  }

  /// Whether the plugin never asks policy about the local host in this direction.
  private var isExemptWithoutRules: Bool {
    switch compiled.engine {
    case .reference: true
    case .calico: plan.direction == .ingress
    case .cilium: false
    }
  }

  private func unionDecision(_ key: UInt32, without excluded: Int?) -> SideDecision {
    var allowing: RuleReference?
    for (index, level) in zip(plan.unionRules, unionLevels)
    where level != .none && index != excluded {
      let rule = compiled.rules[index]
      if rule.action == .allow, allowing != nil || level != .whole { continue }
      guard rule.ports.contains(key, with: portNames) else { continue }
      if rule.action == .deny { return .denied(by: rule.reference) }
      if rule.action == .allow { allowing = rule.reference }
    }
    if let allowing { return .allowed(by: allowing) }
    guard plan.unionIsolates else { return .notIsolated }
    if peerIsLocalHost, compiled.engine == .cilium, plan.direction == .ingress {
      return .exempt(.localHost)
    }
    return .deniedByDefault(isolating: plan.unionIsolating)
  }

  /// Goes through the tiers from one on.
  ///
  /// A Pass that covers only part of the peer splits it: both ways on must allow.
  private func tierDecision(
    _ key: UInt32,
    from tierIndex: Int,
    passedBy: RuleReference?,
    without excluded: Int?,
    memo: inout [SideDecision?]
  ) -> SideDecision {
    guard tierIndex < plan.tiers.count else {
      return plan.tiers.isEmpty ? .notIsolated : .allowedByProfile(passedBy: passedBy)
    }
    if let known = memo[tierIndex] { return known }
    let tier = plan.tiers[tierIndex]
    func next(_ rule: RuleReference?, _ memo: inout [SideDecision?]) -> SideDecision {
      tierDecision(
        key,
        from: tierIndex + 1,
        passedBy: rule,
        without: excluded,
        memo: &memo
      )
    }
    func inTier(_ memo: inout [SideDecision?]) -> SideDecision {
      for (index, level) in zip(tier.rules, tierLevels[tierIndex])
      where level != .none && index != excluded {
        let rule = compiled.rules[index]
        guard rule.action != .log, rule.ports.contains(key, with: portNames) else { continue }
        switch rule.action {
        case .allow: if level == .whole { return .allowed(by: rule.reference) }
        case .deny: return .denied(by: rule.reference)
        case .pass:
          let onward = next(rule.reference, &memo)
          if level == .whole || !onward.isAllowed { return onward }
        case .log: continue
        }
      }
      if tier.passesByDefault { return next(passedBy, &memo) }
      return .deniedByDefault(isolating: tier.isolating)
    }
    let decision = inTier(&memo)
    memo[tierIndex] = decision
    return decision
  }

  /// The rules that take part in deciding a port: those that match until it is decided.
  func rulesMatching(_ key: UInt32) -> [Int] {
    var result: [Int] = []
    for (index, level) in zip(plan.unionRules, unionLevels) where level != .none {
      let rule = compiled.rules[index]
      guard rule.action == .deny || level == .whole else { continue }
      if rule.ports.contains(key, with: portNames) { result.append(index) }
    }
    tiers: for (tier, levels) in zip(plan.tiers, tierLevels) {
      var passesInPart = false
      for (index, level) in zip(tier.rules, levels) where level != .none {
        let rule = compiled.rules[index]
        guard rule.ports.contains(key, with: portNames) else { continue }
        if rule.action == .allow, level != .whole { continue }
        result.append(index)
        if rule.action == .pass, level == .whole { continue tiers }
        if rule.action == .pass { passesInPart = true }
        guard rule.action == .allow || rule.action == .deny else { continue }
        guard passesInPart else { break tiers }
        continue tiers
      }
      guard tier.passesByDefault || passesInPart else { break }
    }
    return result
  }

  // MARK: All ports

  /// Runs of ports that are decided alike, ascending and covering every port of every protocol.
  func decisions() -> [(ports: ClosedRange<UInt32>, decision: SideDecision)] {
    var cuts: [UInt32] = [0]
    func cut(_ index: Int) {
      for range in compiled.rules[index].ports.resolved(with: portNames).ranges {
        cuts.append(range.lowerBound)
        if range.upperBound < PortSet.highestKey { cuts.append(range.upperBound + 1) }
      }
    }
    for (index, level) in zip(plan.unionRules, unionLevels) where level != .none { cut(index) }
    for (tier, levels) in zip(plan.tiers, tierLevels) {
      for (index, level) in zip(tier.rules, levels) where level != .none { cut(index) }
    }
    let starts = cuts.sortedUnique()
    return starts.indices.map { index in
      let end = index + 1 < starts.count ? starts[index + 1] - 1 : PortSet.highestKey
      return (starts[index]...end, decide(starts[index]))
    }
  }

  /// The ports that get through.
  func allowedPorts() -> PortSet {
    PortSet(decisions().filter(\.decision.isAllowed).map(\.ports))
  }
}

extension Array where Element: Comparable {
  /// The elements in order, each once.
  func sortedUnique() -> [Element] {
    var result: [Element] = []
    result.reserveCapacity(count)
    for element in sorted() where result.last != element { result.append(element) }
    return result
  }
}
