package import PolicyModel

/// Writes policies as manifests.
///
/// The output is that of each policy's normalized form, in the order given; equal sets give equal
/// bytes. ``ManifestReader`` reads it back to the same policies.
package enum ManifestWriter {
  /// YAML: one document per object, separated by `---`; tiers come first.
  ///
  /// - Parameters:
  ///   - set: The policies. Consecutive Cilium policies of one name with sections share an object.
  ///   - comments: Lines to put as comments before the object of each policy, by index in
  ///     `set.policies`; without the `#`.
  /// - Throws: ``ManifestError/inexpressible(policy:rule:problem:)`` for what a policy's dialect
  ///   cannot say, and for names and labels that the API server would refuse.
  package static func yaml(
    _ set: PolicySet,
    comments: [[String]]? = nil
  ) throws(ManifestError) -> String {
    var documents: [String] = []
    for tier in set.tiers { documents.append(try tree(tier).yaml) }
    for indices in objects(set.policies) {
      var text = ""
      for index in indices {
        let lines = comments.flatMap { index < $0.count ? $0[index] : nil } ?? []
        text += lines.map(comment).joined()
      }
      text += try tree(indices.map { set.policies[$0] }).yaml
      documents.append(text)
    }
    return documents.joined(separator: "---\n")
  }

  /// JSON: a `List` of the objects, tiers first.
  ///
  /// - Throws: As ``yaml(_:comments:)``.
  package static func json(_ set: PolicySet) throws(ManifestError) -> String {
    var items: [YAMLTree] = []
    for tier in set.tiers { items.append(try tree(tier)) }
    for indices in objects(set.policies) {
      items.append(try tree(indices.map { set.policies[$0] }))
    }
    let list = YAMLTree.mapping([
      ("apiVersion", .string("v1")), ("kind", .string("List")), ("items", .sequence(items)),
    ])
    return list.json
  }

  /// The policies of each object.
  private static func objects(_ policies: [Policy]) -> [[Int]] {
    var result: [[Int]] = []
    for (index, policy) in policies.enumerated() {
      if policy.section != nil, let last = result.last?.first {
        let first = policies[last]
        if first.section != nil, first.kind == policy.kind, first.name == policy.name,
          first.namespace == policy.namespace
        {
          result[result.count - 1].append(index)
          continue
        }
      }
      result.append([index])
    }
    return result
  }

  private static func tree(_ policies: [Policy]) throws(ManifestError) -> YAMLTree {
    var fields: [(String, YAMLTree)] = []
    var specs: [YAMLTree] = []
    var hasSections = false
    for (index, policy) in policies.enumerated() {
      let normal = policy.normalized()
      if index == 0 {
        fields = [
          ("apiVersion", .string(apiVersion(policy.kind))),
          ("kind", .string(policy.kind.manifestKind)), ("metadata", try Metadata.tree(normal)),
        ]
      }
      if let section = policy.section {
        guard policy.kind.dialect == .cilium, section == index,
          policy.labels == policies[0].labels, policy.annotations == policies[0].annotations
        else {
          throw .inexpressible(
            policy: policy.name,
            rule: nil,
            problem: "the sections of one object must be numbered from 0 and share its metadata"
          )
        }
        hasSections = true
      }
      specs.append(try spec(normal))
    }
    fields.append(hasSections ? ("specs", .sequence(specs)) : ("spec", specs.first ?? .mapping([])))
    return .mapping(fields)
  }

  private static func spec(_ policy: Policy) throws(ManifestError) -> YAMLTree {
    switch policy.kind {
    case .networkPolicy, .calicoStagedKubernetesNetworkPolicy:
      var writer = KubernetesPolicyWriter(policy: policy)
      return try writer.spec()
    case .ciliumNetworkPolicy, .ciliumClusterwideNetworkPolicy:
      var writer = CiliumPolicyWriter(policy: policy)
      return try writer.spec()
    default:
      var writer = CalicoPolicyWriter(policy: policy)
      return try writer.spec()
    }
  }

  private static func apiVersion(_ kind: PolicyKind) -> String { kind.dialect.apiVersion }

  private static func tree(_ tier: PolicyTier) throws(ManifestError) -> YAMLTree {
    guard KubernetesSyntax.isDNSSubdomain(tier.name) else {
      throw .inexpressible(policy: tier.name, rule: nil, problem: "not a tier's name")
    }
    return .mapping([
      ("apiVersion", .string(PolicyDialect.calico.apiVersion)), ("kind", .string("Tier")),
      ("metadata", .mapping([("name", .string(tier.name))])),
      ("spec", try CalicoPolicyWriter.spec(tier)),
    ])
  }

  /// A line as a comment; what could end the comment is written out.
  private static func comment(_ line: String) -> String {
    let text = line.printable
    return text.isEmpty ? "#\n" : "# \(text)\n"
  }
}
