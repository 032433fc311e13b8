import FlowModel
import PolicyModel

/// How a rule differs between two sets of policies.
package enum RuleChange: Hashable, Sendable {
  /// Only in the new set.
  case added(RuleReference)
  /// Only in the old set.
  case gone(RuleReference)
  /// The new rule covers all that the old one did, and more.
  case widened(from: RuleReference, to: RuleReference)
  /// The new rule covers only some of what the old one did.
  case narrowed(from: RuleReference, to: RuleReference)
  /// Written differently, but it covers the same.
  case rewritten(from: RuleReference, to: RuleReference)

  /// The rule the change is listed under: the new one where there is one.
  package var rule: RuleReference {
    switch self {
    case .added(let rule), .gone(let rule): rule
    case .widened(_, let rule), .narrowed(_, let rule), .rewritten(_, let rule): rule
    }
  }
}

/// Compares the rules of policies of the same name.
struct RuleComparison {
  private var old: PolicyMatrix
  private var new: PolicyMatrix

  /// Compares over the endpoints of two matrices, which must be the same.
  init(old: PolicyMatrix, new: PolicyMatrix) {
    self.old = old
    self.new = new
  }

  private struct Identity: Hashable, Comparable {
    var namespace: String
    var name: String
    var kind: String
    var section: Int

    init(_ policy: Policy) {
      namespace = policy.namespace ?? ""
      name = policy.name
      kind = policy.kind.rawValue
      section = policy.section ?? 0
    }

    static func < (left: Identity, right: Identity) -> Bool {
      if left.namespace != right.namespace { return left.namespace < right.namespace }
      if left.name != right.name { return left.name < right.name }
      return left.kind != right.kind ? left.kind < right.kind : left.section < right.section
    }
  }

  /// The changes, by namespace and name of the policy, ingress before egress, in rule order.
  mutating func changes(from oldSet: PolicySet, to newSet: PolicySet) -> [RuleChange] {
    let before = Self.byIdentity(old)
    let after = Self.byIdentity(new)
    var result: [RuleChange] = []
    for identity in Set(before.keys).union(after.keys).sorted() {
      for direction in [Direction.ingress, .egress] {
        let oldRules = before[identity]?.rules[direction] ?? []
        let newRules = after[identity]?.rules[direction] ?? []
        let sameSubject = before[identity]?.subject == after[identity]?.subject
        result += compare(
          oldRules.map { ($0, rule($0, in: old, oldSet)) },
          newRules.map { ($0, rule($0, in: new, newSet)) },
          sameSubject: sameSubject
        )
      }
    }
    return result
  }

  private static func byIdentity(_ matrix: PolicyMatrix) -> [Identity: CompiledPolicy] {
    Dictionary(
      matrix.compiled.policies.map { (Identity($0.policy), $0) },
      uniquingKeysWith: { first, _ in first }
    )
  }

  private func rule(_ index: Int, in matrix: PolicyMatrix, _ set: PolicySet) -> PolicyRule {
    let reference = matrix.compiled.rules[index].reference
    return set.policies[reference.policy.position].rules[reference.position]
  }

  private mutating func compare(
    _ oldRules: [(index: Int, rule: PolicyRule)],
    _ newRules: [(index: Int, rule: PolicyRule)],
    sameSubject: Bool
  ) -> [RuleChange] {
    var left = oldRules
    var right = newRules
    var result: [RuleChange] = []
    if sameSubject {
      left.removeAll { one in
        guard let twin = right.firstIndex(where: { $0.rule == one.rule }) else { return false }
        right.remove(at: twin)
        return true
      }
    }
    for one in left {
      let from = old.compiled.rules[one.index].reference
      var change: RuleChange?
      for (position, two) in right.enumerated() where sameSubject {
        let to = new.compiled.rules[two.index].reference
        let widens = covers(two, one, coveringIsNew: true)
        let narrows = covers(one, two, coveringIsNew: false)
        if widens || narrows {
          change =
            widens && narrows
            ? .rewritten(from: from, to: to)
            : widens ? .widened(from: from, to: to) : .narrowed(from: from, to: to)
          right.remove(at: position)
          break
        }
      }
      result.append(change ?? .gone(from))
    }
    result += right.map { .added(new.compiled.rules[$0.index].reference) }
    return result
  }

  /// Whether a rule covers all that another covers.
  private mutating func covers(
    _ wide: (index: Int, rule: PolicyRule),
    _ narrow: (index: Int, rule: PolicyRule),
    coveringIsNew: Bool
  ) -> Bool {
    let one = wide.rule
    let two = narrow.rule
    guard one.action == two.action, one.notPorts == two.notPorts,
      one.subjectMatch == two.subjectMatch, Set(two.dnsRules).isSubset(of: one.dnsRules),
      RuleComparison.ports(one, cover: two)
    else { return false }
    guard let widePeers = one.peers else { return true }
    guard let narrowPeers = two.peers else { return widePeers.contains(.entity(.all)) }
    let wideAddresses = AddressRanges(widePeers)
    let narrowAddresses = AddressRanges(narrowPeers)
    guard narrowAddresses.ipv4.isSubset(of: wideAddresses.ipv4),
      narrowAddresses.ipv6.isSubset(of: wideAddresses.ipv6)
    else { return false }
    let rest = narrowPeers.filter { peer in
      if case .cidr = peer { return false }
      return !widePeers.contains(peer)
    }
    guard !rest.isEmpty else { return true }
    // Peers written differently are compared by whom of the known endpoints they cover.
    let engine = old.compiled.engine
    let namespace =
      (coveringIsNew ? new : old).compiled.rules[wide.index].reference.policy.namespace
    let wideMatcher = PeerMatcher(
      PeerMatcher.Key(peers: widePeers, namespace: namespace),
      engine: engine
    )
    return rest.allSatisfy { peer in
      let matcher = PeerMatcher(
        PeerMatcher.Key(peers: [peer], namespace: namespace),
        engine: engine
      )
      let covered = old.endpoints.filter { matcher.match($0).isAny }
      return !covered.isEmpty
        && covered.allSatisfy {
          let match = wideMatcher.match($0)
          return match.level == .whole || match.byName
        }
    }
  }

  private static func ports(_ wide: PolicyRule, cover narrow: PolicyRule) -> Bool {
    guard let widePorts = wide.ports else { return true }
    guard let narrowPorts = narrow.ports else { return false }
    let numbers = CompiledPorts(narrowPorts).resolved(with: [])
    guard numbers.isSubset(of: CompiledPorts(widePorts).resolved(with: [])) else { return false }
    return narrowPorts.allSatisfy { port in
      guard case .named = port.match else { return true }
      return widePorts.contains(port)
        || widePorts.contains(PolicyPort(transport: port.transport, match: .any))
    }
  }
}
