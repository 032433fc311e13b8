package import ClusterInventory
import FlowModel
package import PolicyModel

/// What stored flows and inventories cannot tell about some policies.
package enum PolicyCaveats {
  /// One sentence for each test in a selector whose outcome is not known, in the policies' order.
  ///
  /// Labels that change with every pod or release are not stored, so a test of one sees them missing;
  /// labels of namespaces come from an inventory.
  package static func list(_ set: PolicySet, inventory: Inventory) -> [String] {
    let namespaceKeys = Set(inventory.namespaces().flatMap(\.labels.keys))
    var caveats: [String] = []
    for policy in set.policies {
      var pods: Set<String> = []
      var namespaces: Set<String> = []
      for match in matches(of: policy) {
        pods.formUnion(keys(of: match.pods))
        if case .selector(let selector) = match.namespaces {
          namespaces.formUnion(keys(of: selector))
        }
      }
      let path = policy.namespace.map { "\($0)/\(policy.name)" } ?? policy.name
      let name = "\(policy.kind.manifestKind) \(path)"
      for key in pods.sorted() where VolatileLabels.isDenied(key) {
        caveats.append(
          "\(name) tests the label \(key), which changes with pods or releases and is not stored: "
            + "every pod is judged as if it had none"
        )
      }
      for key in namespaces.sorted()
      where key != "kubernetes.io/metadata.name" && !namespaceKeys.contains(key) {
        caveats.append(
          "\(name) tests the namespace label \(key), which no namespace of the inventory has"
        )
      }
    }
    return caveats
  }

  private static func matches(of policy: Policy) -> [PodMatch] {
    var result = [policy.subject]
    for rule in policy.rules {
      for peer in rule.peers ?? [] {
        switch peer {
        case .pods(let match): result.append(match)
        case .match(let match): result += pods(of: match)
        case .cidr, .entity, .dnsName, .dnsPattern: break
        }
      }
      if let own = rule.subjectMatch { result += pods(of: own) }
    }
    return result
  }

  private static func pods(of match: EndpointMatch) -> [PodMatch] {
    let negated = match.notPods.map { PodMatch(pods: $0) }
    return [match.pods, negated].compactMap { $0 }
  }

  private static func keys(of selector: LabelSelector) -> Set<String> {
    switch selector {
    case .requirement(let requirement): [requirement.key]
    case .not(let part): keys(of: part)
    case .all(let parts), .any(let parts): Set(parts.flatMap { keys(of: $0) })
    }
  }
}
