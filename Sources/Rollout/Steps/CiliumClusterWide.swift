import FlowModel

/// The cluster-wide objects of Cilium.
enum CiliumClusterWide {
  /// One line of `matchExpressions`.
  struct Requirement: Hashable {
    var key: String
    var isIn: Bool
    var values: [String]

    var yaml: String {
      var text = "      - key: \(YAMLText.quoted(key))\n"
      text += "        operator: \(isIn ? "In" : "NotIn")\n        values:\n"
      return text + values.map { "        - \(YAMLText.quoted($0))\n" }.joined()
    }
  }

  static let namespaceKey = "k8s:io.kubernetes.pod.namespace"
  private static let name = "flowlearn-deny-metadata"

  /// Denies the metadata services to everyone but the exempt workloads.
  ///
  /// A selector cannot say "not both of these labels", so the others are written as several
  /// selectors that together leave exactly the exempt workloads out.
  static func denyMetadata(
    _ exemptions: [MetadataExemption]
  ) throws(StepFileError) -> StepManifest {
    let selectors = try selectors(leavingOut: exemptions)
    let metadata = Manifests.metadata(name: name, namespace: nil)
    var yaml = "apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\n" + metadata
    yaml += "specs:\n"
    for selector in selectors {
      yaml += "- endpointSelector:"
      yaml +=
        selector.isEmpty
        ? " {}\n" : "\n      matchExpressions:\n" + selector.map(\.yaml).joined()
      // Without this, the deny alone would isolate every pod it selects.
      yaml += "  enableDefaultDeny:\n    ingress: false\n    egress: false\n"
      yaml += "  egressDeny:\n  - toCIDR:\n"
      yaml += ClusterWideStep.metadataServices.map { "    - \(YAMLText.quoted($0))\n" }.joined()
    }
    return StepManifest(file: "deny-metadata.yaml", yaml: yaml, objects: [object(name)])
  }

  /// Default-denies all pods outside the excluded namespaces.
  static func defaultDeny(excluding namespaces: [String]) -> StepManifest {
    let name = "flowlearn-default-deny"
    let values = namespaces.map { "      - \(YAMLText.quoted($0))\n" }.joined()
    // Exists keeps out endpoints that are no pods. In Cilium an empty rule only isolates.
    let yaml = """
      apiVersion: cilium.io/v2
      kind: CiliumClusterwideNetworkPolicy
      \(Manifests.metadata(name: name, namespace: nil))spec:
        endpointSelector:
          matchExpressions:
          - key: \(YAMLText.quoted(namespaceKey))
            operator: Exists
          - key: \(YAMLText.quoted(namespaceKey))
            operator: NotIn
            values:
      \(values)  ingress:
        - {}
        egress:
        - {}

      """
    return StepManifest(file: "cluster-default-deny.yaml", yaml: yaml, objects: [object(name)])
  }

  private static func object(_ name: String) -> StepObject {
    StepObject(
      apiVersion: "cilium.io/v2",
      kind: "CiliumClusterwideNetworkPolicy",
      namespace: nil,
      name: name
    )
  }

  /// The most selectors an object may be made of.
  private static let maximumSelectors = 64

  /// Selectors whose union is every endpoint but the exempt ones; sorted and without repetition.
  static func selectors(
    leavingOut exemptions: [MetadataExemption]
  ) throws(StepFileError) -> [[Requirement]] {
    let byNamespace = Dictionary(grouping: exemptions, by: \.namespace)
    let namespaces = byNamespace.keys.sorted()
    guard !namespaces.isEmpty else { return [[]] }
    var result = [[Requirement(key: namespaceKey, isIn: false, values: namespaces)]]
    for namespace in namespaces {
      let labelSets = Set((byNamespace[namespace] ?? []).map(\.labels))
      let inside = Requirement(key: namespaceKey, isIn: true, values: [namespace])
      for selector in try complement(of: labelSets) { result.append([inside] + selector) }
      guard result.count <= maximumSelectors else { throw .tooManyExemptions(result.count) }
    }
    return result
  }

  private static func complement(
    of labelSets: Set<Labels>
  ) throws(StepFileError) -> [[Requirement]] {
    // Exempt by one label each, values of one key: together one NotIn.
    var single: [String: [String]] = [:]
    for labels in labelSets {
      guard !labels.isEmpty else { return [] }
      if labels.count == 1, let label = labels.elements.first {
        single[label.key, default: []].append(label.value)
      }
    }
    var partial = [
      single.sorted { $0.key < $1.key }.map {
        Requirement(key: "k8s:" + $0.key, isIn: false, values: $0.value.sorted())
      }
    ]
    for labels in labelSets.sorted() where labels.count > 1 {
      var next: [[Requirement]] = []
      for selector in partial {
        var matched: [Requirement] = []
        for label in labels.elements {
          let key = "k8s:" + label.key
          let differs = Requirement(key: key, isIn: false, values: [label.value])
          next.append(selector + matched + [differs])
          matched.append(Requirement(key: key, isIn: true, values: [label.value]))
        }
      }
      guard next.count <= maximumSelectors else { throw .tooManyExemptions(next.count) }
      partial = next
    }
    return partial
  }
}
