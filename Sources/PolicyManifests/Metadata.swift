import FlowModel
import PolicyModel

/// `metadata` of a policy object: what is kept of it.
struct Metadata {
  var name: String
  var namespace: String?
  var labels: Labels
  var annotations: Labels

  /// What the API server adds; it says nothing about the policy.
  private static let tolerated = [
    "managedFields", "uid", "resourceVersion", "creationTimestamp", "generation", "selfLink",
    "generateName", "ownerReferences", "finalizers", "deletionTimestamp",
    "deletionGracePeriodSeconds", "clusterName",
  ]
  /// kubectl's copy of the whole object.
  private static let lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

  /// Reads the metadata of an object; the caller checks the name.
  init(_ object: ManifestFields, isNamespaced: Bool, default: String) throws(ManifestError) {
    let node = try object.required("metadata")
    let fields = try node.fields(
      ["name", "namespace", "labels", "annotations"] + Metadata.tolerated
    )
    name = try fields.required("name").string()
    namespace = isNamespaced ? `default` : nil
    if let node = fields["namespace"] {
      let text = try node.string()
      guard isNamespaced else { throw node.invalid("the kind has no namespace") }
      guard KubernetesSyntax.isDNSLabel(text) else {
        throw node.invalid("\(text.quoted) is not an RFC 1123 label")
      }
      namespace = text
    }
    labels = try fields["labels"].map(Metadata.labels) ?? [:]
    annotations = [:]
    if let node = fields["annotations"] {
      var pairs: [(String, String)] = []
      for (key, value) in try node.fields().entries where key != Metadata.lastApplied {
        guard KubernetesSyntax.isAnnotationKey(key) else {
          throw node.invalid("\(key.quoted) is not an annotation key")
        }
        pairs.append((key, try value.string()))
      }
      annotations = Labels(pairs)
    }
  }

  /// Reads a map of labels.
  static func labels(_ node: ManifestNode) throws(ManifestError) -> Labels {
    var pairs: [(String, String)] = []
    for (key, child) in try node.fields().entries {
      let value = try child.string()
      guard KubernetesSyntax.isLabelKey(key) else {
        throw node.invalid("\(key.quoted) is not a label key")
      }
      guard KubernetesSyntax.isLabelValue(value) else {
        throw child.invalid("\(value.quoted) is not a label value")
      }
      pairs.append((key, value))
    }
    return Labels(pairs)
  }

  /// The `metadata` of a policy, checked against Kubernetes' syntax.
  static func tree(_ policy: Policy) throws(ManifestError) -> YAMLTree {
    func refused(_ problem: String) -> ManifestError {
      .inexpressible(policy: policy.name, rule: nil, problem: problem)
    }
    guard KubernetesSyntax.isDNSSubdomain(policy.name) else {
      throw refused("the name is not an RFC 1123 subdomain")
    }
    var fields: [(String, YAMLTree)] = [("name", .string(policy.name))]
    if policy.kind.isNamespaced {
      guard let namespace = policy.namespace, KubernetesSyntax.isDNSLabel(namespace) else {
        throw refused("the namespace is missing or not an RFC 1123 label")
      }
      fields.append(("namespace", .string(namespace)))
    } else if policy.namespace != nil {
      throw refused("\(policy.kind.manifestKind) has no namespace")
    }
    for label in policy.labels.elements {
      guard KubernetesSyntax.isLabelKey(label.key), KubernetesSyntax.isLabelValue(label.value)
      else { throw refused("\(label.key.quoted): \(label.value.quoted) is not a label") }
    }
    for key in policy.annotations.keys where !KubernetesSyntax.isAnnotationKey(key) {
      throw refused("\(key.quoted) is not an annotation key")
    }
    if !policy.labels.isEmpty { fields.append(("labels", .strings(policy.labels))) }
    if !policy.annotations.isEmpty {
      fields.append(("annotations", .strings(policy.annotations)))
    }
    return .mapping(fields)
  }
}
