import FlowModel

/// The cluster-wide objects of Calico.
package enum CalicoClusterWide {
  /// The tier of the metadata deny.
  package static let tier = "flowlearn"
  private static let apiVersion = "projectcalico.org/v3"

  /// Denies the metadata services to everyone but the exempt workloads.
  ///
  /// - Parameter untiered: For clusters without tiers: the namespaces it is limited to. A policy in
  ///   the default tier isolates whatever it selects, and a Pass there would skip the rules of the
  ///   namespaces; so it may only select what is default-denied anyway.
  static func denyMetadata(
    _ exemptions: [MetadataExemption],
    untiered: [String]?
  ) -> [StepManifest] {
    let name = "flowlearn-deny-metadata"
    let object = StepObject(
      apiVersion: apiVersion,
      kind: "GlobalNetworkPolicy",
      namespace: nil,
      name: untiered == nil ? "\(tier).\(name)" : name
    )
    var clauses = Set(exemptions).sorted().map { exemption in
      let parts =
        ["projectcalico.org/namespace == '\(exemption.namespace)'"]
        + exemption.labels.elements.map { "\($0.key) == '\($0.value)'" }
      return "!(\(parts.joined(separator: " && ")))"
    }
    clauses.insert("has(projectcalico.org/namespace)", at: 0)
    if let untiered {
      clauses.insert("projectcalico.org/namespace in {\(quotedList(untiered))}", at: 0)
    }
    var yaml = "apiVersion: \(apiVersion)\nkind: GlobalNetworkPolicy\n"
    yaml += Manifests.metadata(name: object.name, namespace: nil) + "spec:\n"
    yaml += "  tier: \(untiered == nil ? tier : "default")\n  order: -1000000\n"
    yaml += "  selector: \(YAMLText.quoted(clauses.joined(separator: " && ")))\n"
    yaml += "  types:\n  - Egress\n  egress:\n"
    for address in ClusterWideStep.metadataServices {
      yaml += "  - action: Deny\n    destination:\n      nets:\n"
      yaml += "      - \(YAMLText.quoted(address))\n"
    }
    guard untiered == nil else {
      return [StepManifest(file: "deny-metadata.yaml", yaml: yaml, objects: [object])]
    }
    // The rest goes on to the next tier; the explicit Pass does not depend on the tier's default.
    yaml += "  - action: Pass\n"
    return [
      tierManifest, StepManifest(file: "deny-metadata.yaml", yaml: yaml, objects: [object]),
    ]
  }

  private static var tierManifest: StepManifest {
    let metadata = Manifests.metadata(name: tier, namespace: nil)
    return StepManifest(
      file: "tier.yaml",
      yaml: """
        apiVersion: \(apiVersion)
        kind: Tier
        \(metadata)spec:
          order: 10
          defaultAction: Pass

        """,
      objects: [StepObject(apiVersion: apiVersion, kind: "Tier", namespace: nil, name: tier)]
    )
  }

  /// Default-denies all pods outside the excluded namespaces, after every other policy.
  static func defaultDeny(excluding namespaces: [String]) -> StepManifest {
    let name = "flowlearn-default-deny"
    let list = quotedList(namespaces)
    let selector =
      "has(projectcalico.org/namespace) && projectcalico.org/namespace not in {\(list)}"
    let yaml = """
      apiVersion: \(apiVersion)
      kind: GlobalNetworkPolicy
      \(Manifests.metadata(name: name, namespace: nil))spec:
        tier: default
        order: 1000000
        selector: \(YAMLText.quoted(selector))
        types:
        - Ingress
        - Egress

      """
    let object = StepObject(
      apiVersion: apiVersion,
      kind: "GlobalNetworkPolicy",
      namespace: nil,
      name: name
    )
    return StepManifest(file: "cluster-default-deny.yaml", yaml: yaml, objects: [object])
  }

  private static func quotedList(_ names: [String]) -> String {
    Set(names).sorted().map { "'\($0)'" }.joined(separator: ", ")
  }
}
