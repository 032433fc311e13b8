/// The temporary object that keeps traffic flowing while a step is applied or taken back.
package enum AllowAll: Hashable, Sendable {
  /// networking.k8s.io/v1: allows are joined, so one that allows everything is enough.
  case kubernetes
  /// cilium.io/v2, from and to every entity.
  case cilium
  /// projectcalico.org/v3 in a tier at an order.
  case calico(tier: String, order: Int)

  /// The lowest order in the first tier of Calico, before anything else decides.
  ///
  /// While the switch lasts it also goes before explicit Denies, so the scripts refuse when there
  /// are any; ``calicoAfterDenies`` is for these clusters.
  package static func calicoFirst(tier: String = "default") -> AllowAll {
    .calico(tier: tier, order: -1_000_000)
  }

  /// The last order of Calico's default tier: existing Denies decide first, as they did before.
  package static let calicoAfterDenies = AllowAll.calico(tier: "default", order: 1_000_000)

  /// The usual one for a plugin.
  package static func standard(for plugin: RolloutPlugin) -> AllowAll {
    switch plugin {
    case .cilium: .cilium
    case .calico: .calicoFirst()
    case .aws, .gke, .other: .kubernetes
    }
  }

  /// The object's name in the default tier.
  static let name = "flowlearn-temporary-allow-all"
  /// The file's name.
  static let file = "temporary-allow-all.yaml"

  /// Whether explicit Denies would be passed over.
  var goesBeforeDenies: Bool {
    if case .calico(_, let order) = self { order < 0 } else { false }
  }

  /// The object's name; outside Calico's default tier it carries the tier.
  private var objectName: String {
    if case .calico(let tier, _) = self, tier != "default" {
      "\(tier).\(AllowAll.name)"
    } else {
      AllowAll.name
    }
  }

  /// The manifest for a namespace whose name was checked.
  func manifest(namespace: String) -> StepManifest {
    let apiVersion: String
    let kind: String
    let spec: String
    switch self {
    case .kubernetes:
      (apiVersion, kind) = ("networking.k8s.io/v1", "NetworkPolicy")
      spec = """
          podSelector: {}
          policyTypes:
          - Ingress
          - Egress
          ingress:
          - {}
          egress:
          - {}

        """
    case .cilium:
      (apiVersion, kind) = ("cilium.io/v2", "CiliumNetworkPolicy")
      spec = """
          endpointSelector: {}
          ingress:
          - fromEntities:
            - all
          egress:
          - toEntities:
            - all

        """
    case .calico(let tier, let order):
      (apiVersion, kind) = ("projectcalico.org/v3", "NetworkPolicy")
      spec = """
          tier: \(YAMLText.quoted(tier))
          order: \(order)
          selector: all()
          types:
          - Ingress
          - Egress
          ingress:
          - action: Allow
          egress:
          - action: Allow

        """
    }
    let name = objectName
    let metadata = Manifests.metadata(name: name, namespace: namespace)
    return StepManifest(
      file: AllowAll.file,
      yaml: "apiVersion: \(apiVersion)\nkind: \(kind)\n\(metadata)spec:\n\(spec)",
      objects: [
        StepObject(
          apiVersion: apiVersion,
          kind: kind,
          namespace: namespace,
          name: name
        )
      ]
    )
  }
}

/// Pieces of manifests that flowlearn writes by itself.
enum Manifests {
  /// The metadata section with our label.
  static func metadata(name: String, namespace: String?) -> String {
    var text = "metadata:\n  name: \(YAMLText.quoted(name))\n"
    if let namespace { text += "  namespace: \(YAMLText.quoted(namespace))\n" }
    return text + "  labels:\n    \(ManagedBy.label): \(ManagedBy.value)\n"
  }
}
