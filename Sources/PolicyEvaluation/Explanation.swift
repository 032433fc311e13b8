package import FlowModel
package import PolicyModel

/// How a rule fared when a connection was judged.
package enum RuleOutcome: String, Hashable, Sendable {
  /// Peer and port match, and it settled the matter (Log: it would have been logged).
  case matched
  /// Peer and port match, but another rule had the say.
  case outvoted
  /// Peer and port match, but an earlier rule of the tiers had decided.
  case notReached = "not-reached"
  /// The port matches, the peer does not.
  case otherPeer = "other-peer"
  /// The peer matches, the port does not.
  case otherPort = "other-port"
  /// Neither matches.
  case otherPeerAndPort = "other-peer-and-port"
  /// The port matches, but the rule covers only part of the addresses the peer stands for.
  case partOfPeer = "part-of-peer"
  /// The port and a DNS name match, but no DNS rule of the endpoint lets the name be asked for.
  case nameNotAsked = "name-not-asked"
  /// The rule's test on the subject's own end fails.
  case otherSubject = "other-subject"
}

/// One rule that was tried.
package struct RuleExplanation: Hashable, Sendable {
  /// The rule.
  package var rule: RuleReference
  /// What it does.
  package var action: RuleAction
  /// How it fared.
  package var outcome: RuleOutcome
}

/// One policy that selects the endpoint in the direction.
package struct PolicyExplanation: Hashable, Sendable {
  /// The policy.
  package var policy: PolicyReference
  /// The tier it is evaluated in; nil where policies are a union.
  package var tier: String?
  /// Whether it isolates the endpoint in the direction.
  package var isolates: Bool
  /// Its rules of the direction, in order.
  package var rules: [RuleExplanation]
}

/// What was tried on one side.
package struct SideExplanation: Hashable, Sendable {
  /// The direction.
  package var direction: Direction
  /// The outcome.
  package var decision: SideDecision
  /// The policies that select the endpoint, in the order they are asked.
  package var policies: [PolicyExplanation]
}

/// Why a connection is allowed or denied.
package struct Explanation: Hashable, Sendable {
  /// The connection.
  package var connection: PolicyConnection
  /// The outcome.
  package var decision: Decision
  /// The source's side.
  package var egress: SideExplanation
  /// The destination's side.
  package var ingress: SideExplanation
}

extension PolicyEvaluator {
  /// Tells for a connection which policies and rules were tried and how each fared.
  package func explain(_ connection: PolicyConnection) -> Explanation {
    let egress = explainSide(
      .egress,
      subject: connection.source,
      peer: connection.destination,
      connection
    )
    let ingress = explainSide(
      .ingress,
      subject: connection.destination,
      peer: connection.source,
      connection
    )
    return Explanation(
      connection: connection,
      decision: Decision(egress: egress.decision, ingress: ingress.decision),
      egress: egress,
      ingress: ingress
    )
  }

  private func explainSide(
    _ direction: Direction,
    subject: PolicyEndpoint,
    peer: PolicyEndpoint,
    _ connection: PolicyConnection
  ) -> SideExplanation {
    let plan = SubjectPlan(compiled, endpoint: subject, direction: direction)
    let side = PolicyEvaluator.side(compiled, direction, subject: subject, peer: peer)
    let key = PortSet.key(connection.transport, connection.port)
    let decision = side.decide(key)
    let reached = Set(side.rulesMatching(key))
    let policies = plan.policies.map { index in
      let policy = compiled.policies[index]
      return PolicyExplanation(
        policy: policy.reference,
        tier: policy.isTiered ? policy.tier : nil,
        isolates: policy.policy.isolates.contains(direction),
        rules: (policy.rules[direction] ?? []).map { ruleIndex in
          let rule = compiled.rules[ruleIndex]
          return RuleExplanation(
            rule: rule.reference,
            action: rule.action,
            outcome: outcome(
              of: ruleIndex,
              in: side,
              peer: peer,
              key: key,
              decision: decision,
              isReached: reached.contains(ruleIndex)
            )
          )
        }
      )
    }
    return SideExplanation(direction: direction, decision: decision, policies: policies)
  }

  private func outcome(
    of index: Int,
    in side: SideEvaluation,
    peer: PolicyEndpoint,
    key: UInt32,
    decision: SideDecision,
    isReached: Bool
  ) -> RuleOutcome {
    let rule = compiled.rules[index]
    guard side.plan.rules.contains(index) else { return .otherSubject }
    let match = compiled.matchers[rule.matcher].match(peer)
    let level = compiled.level(of: index, for: peer, match: match, plan: side.plan)
    let hasPort = rule.ports.contains(key, with: side.portNames)
    guard level != .none else {
      if match.byName, hasPort { return .nameNotAsked }
      return hasPort ? .otherPeer : .otherPeerAndPort
    }
    guard hasPort else { return .otherPort }
    if level == .part, rule.action == .allow { return .partOfPeer }
    if isReached {
      let settles = decision.rule == rule.reference || rule.action == .log || rule.action == .pass
      return settles ? .matched : .outvoted
    }
    return .notReached
  }
}

// MARK: - Text

extension Explanation {
  /// The explanation in lines for people; control characters are escaped, nothing is cut.
  package var lines: [String] { lines() }

  /// The explanation in lines, its ends under the names that the reader knows them by.
  ///
  /// - Parameters:
  ///   - source: The client's name; nil for namespace and labels, or address.
  ///   - destination: The server's name, likewise.
  package func lines(source: String? = nil, destination: String? = nil) -> [String] {
    let source = source ?? connection.source.summary
    let destination = destination ?? connection.destination.summary
    let port =
      connection.transport.hasPorts || connection.transport.isICMP
      ? "\(connection.transport)/\(connection.port)" : "\(connection.transport)"
    let verdict = decision.allowed ? "allowed" : "denied"
    var lines = ["\(source) -> \(destination) \(port): \(verdict)"]
    for (side, name) in [(egress, source), (ingress, destination)] {
      lines.append("  \(side.direction.rawValue) of \(name): \(side.decision.summary)")
      for policy in side.policies {
        let tier = policy.tier.map { " in tier \($0)" } ?? ""
        let isolates = policy.isolates ? "" : ", does not isolate"
        lines.append("    \(policy.policy)\(tier)\(isolates)")
        for rule in policy.rules {
          lines.append(
            "      rule \(rule.rule.index) \(rule.action.rawValue): \(rule.outcome.summary)"
          )
        }
      }
    }
    return lines.map(escapingControls)
  }
}

extension SideDecision {
  /// The decision in words.
  package var summary: String {
    switch self {
    case .notJudged: "not judged"
    case .notIsolated: "allowed, no policy isolates it"
    case .allowed(let rule): "allowed by \(rule)"
    case .allowedByProfile(let rule):
      "allowed by the namespace's profile" + (rule.map { ", passed on by \($0)" } ?? "")
    case .exempt: "allowed, traffic with the pod's own node"
    case .denied(let rule): "denied by \(rule)"
    case .deniedByDefault(let policies):
      policies.isEmpty
        ? "denied by the default deny of the namespace"
        : "denied, no rule of \(policies.map(\.description).joined(separator: ", ")) allows it"
    }
  }
}

extension RuleOutcome {
  /// The outcome in words.
  package var summary: String {
    switch self {
    case .matched: "matches"
    case .outvoted: "matches, another rule decides"
    case .notReached: "matches, but is not reached"
    case .otherPeer: "another peer"
    case .otherPort: "another port"
    case .otherPeerAndPort: "another peer and port"
    case .partOfPeer: "covers only part of the peer's addresses"
    case .nameNotAsked: "the DNS name matches, but no DNS rule lets the pod ask for it"
    case .otherSubject: "not for this end"
    }
  }
}

extension PolicyEndpoint {
  /// The endpoint in a word or two: `shop{app=web}`, an address, names or entities.
  package var summary: String {
    if isPod { return labels.isEmpty ? namespace : "\(namespace){\(labels)}" }
    if !dnsNames.isEmpty { return dnsNames.joined(separator: ",") }
    if !addresses.isEmpty { return addresses.map(\.description).joined(separator: ",") }
    return entities.isEmpty ? "unknown" : entities.sorted().map(\.rawValue).joined(separator: ",")
  }
}

/// Text with control and formatting characters written as `\u{..}`.
private func escapingControls(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator:
      result += "\\u{" + String(scalar.value, radix: 16) + "}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
