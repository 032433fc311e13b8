import FlowModel
import PolicyModel

/// Reads Cilium endpoint selectors, in which namespaces and reserved identities are labels too.
struct CiliumSelectorReader {
  /// What a selector without a namespace means.
  let defaultNamespaces: NamespaceMatch

  /// Reads a selector as a peer: pods, or a reserved entity.
  func peer(_ node: ManifestNode) throws(ManifestError) -> PolicyPeer {
    let requirements = try node.labelRequirements(key: CiliumSelectorReader.key)
    guard requirements.contains(where: { $0.key.hasPrefix("reserved:") }) else {
      return .pods(try pods(requirements, node))
    }
    guard requirements.count == 1, requirements[0].values.allSatisfy(\.isEmpty),
      requirements[0].operation == .in || requirements[0].operation == .exists,
      let entity = ReservedEntity(rawValue: String(requirements[0].key.dropFirst(9)))
    else { throw node.unsupported("reserved labels other than one entity alone") }
    return .entity(entity)
  }

  /// Reads a selector of pods.
  func pods(_ node: ManifestNode) throws(ManifestError) -> PodMatch {
    let requirements = try node.labelRequirements(key: CiliumSelectorReader.key)
    guard !requirements.contains(where: { $0.key.hasPrefix("reserved:") }) else {
      throw node.unsupported("selecting reserved endpoints")
    }
    return try pods(requirements, node)
  }

  private func pods(
    _ requirements: [LabelRequirement],
    _ node: ManifestNode
  ) throws(ManifestError) -> PodMatch {
    var pods: [LabelRequirement] = []
    var namespaces: [LabelRequirement] = []
    var namesAny = false
    for requirement in requirements {
      if requirement.key == CiliumNames.namespace {
        switch requirement.operation {
        case .in, .notIn:
          let key = NamespaceMatch.nameLabel
          namespaces.append(LabelRequirement(key, requirement.operation, requirement.values))
        case .exists: namesAny = true
        default: throw node.unsupported("endpoints without a namespace")
        }
      } else if requirement.key.hasPrefix(CiliumNames.namespaceLabels) {
        let key = String(requirement.key.dropFirst(CiliumNames.namespaceLabels.count))
        namespaces.append(LabelRequirement(key, requirement.operation, requirement.values))
      } else {
        pods.append(requirement)
      }
    }
    var match = defaultNamespaces
    if !namespaces.isEmpty {
      match = NamespaceMatch.selector(.requirements(namespaces)).normalized()
    } else if namesAny {
      match = .all
    }
    return PodMatch(namespaces: match, pods: .requirements(pods))
  }

  /// Strips the source of a label key; reserved labels keep it.
  private static func key(
    _ text: String,
    _ node: ManifestNode
  ) throws(ManifestError) -> String {
    var key = text
    if let colon = text.firstIndex(of: ":") {
      key = String(text[text.index(after: colon)...])
      switch text[..<colon] {
      case "k8s", "any": break
      case "reserved": return text
      default: throw node.unsupported("the label source of \(text.quoted)")
      }
    }
    _ = try ManifestNode.labelKey(key, node)
    if key.hasPrefix(CiliumNames.namespaceLabels) {
      let label = String(key.dropFirst(CiliumNames.namespaceLabels.count))
      _ = try ManifestNode.labelKey(label, node)
    } else if key.hasPrefix("io.cilium.k8s.") {
      throw node.unsupported("the identity label \(key.quoted)")
    }
    return key
  }
}
