import FlowModel
import PolicyModel
import PolicySynthesis

/// Proposals as short lines, for tests to compare.
enum ProposalText {
  /// A policy as lines: `name [selector] direction: peers -> ports`.
  static func lines(_ proposal: Proposal) -> [String] {
    proposal.policySet.policies.flatMap { policy -> [String] in
      let head = "\(policy.name) [\(text(policy.subject.pods))]"
      if policy.rules.isEmpty { return ["\(head) nothing"] }
      return policy.rules.map { rule in
        let peers = (rule.peers ?? []).map(text).joined(separator: ", ")
        let ports = (rule.ports ?? []).map(text).joined(separator: ", ")
        let dns = rule.dnsRules.isEmpty ? "" : " dns \(rule.dnsRules.joined(separator: ","))"
        return "\(head) \(rule.direction.rawValue): \(peers) -> \(ports)\(dns)"
      }
    }
  }

  static func text(_ selector: LabelSelector) -> String {
    if case .any(let parts) = selector { return parts.map(text).joined(separator: " || ") }
    return (selector.conjunction ?? []).map { requirement in
      switch requirement.operation {
      case .exists: requirement.key
      case .doesNotExist: "!\(requirement.key)"
      case .notIn: "\(requirement.key)!=\(requirement.values.joined(separator: "|"))"
      default: "\(requirement.key)=\(requirement.values.joined(separator: "|"))"
      }
    }.joined(separator: ",")
  }

  private static func text(_ peer: PolicyPeer) -> String {
    switch peer {
    case .pods(let match):
      if case .named(let names) = match.namespaces {
        "\(names.joined(separator: "|"))/\(text(match.pods))"
      } else {
        text(match.pods)
      }
    case .cidr(let cidr, _): "\(cidr)"
    case .entity(let entity): "@\(entity.rawValue)"
    case .dnsName(let name), .dnsPattern(let name): name
    case .match: "?"
    }
  }

  private static func text(_ port: PolicyPort) -> String {
    let transport = port.transport.map(\.description) ?? "any"
    return switch port.match {
    case .any: transport
    case .range(let low, let high):
      low == high ? "\(transport)/\(low)" : "\(transport)/\(low)-\(high)"
    case .named(let name): "\(transport)/\(name)"
    case .icmp(let type, _): "\(transport) \(type.map(String.init) ?? "any")"
    }
  }
}
