/// A file that a step of the rollout writes.
package struct StepFile: Hashable, Sendable {
  /// The name, without a folder.
  package var name: String
  /// The contents, UTF-8.
  package var contents: String
  /// Whether it is a script.
  package var isExecutable: Bool

  /// Makes a file.
  package init(name: String, contents: String, isExecutable: Bool = false) {
    self.name = name
    self.contents = contents
    self.isExecutable = isExecutable
  }
}

/// Why the files of a step cannot be made.
package enum StepFileError: Error, Hashable, Sendable {
  /// A name that Kubernetes does not accept, and that therefore goes into no script.
  case invalidName(String)
  /// An object of a kind that flowlearn writes no scripts for.
  case unknownKind(apiVersion: String, kind: String)
  /// An object that does not belong to the namespace of the step.
  case wrongNamespace(object: String, namespace: String)
  /// kube-system and the like, without being asked for by name.
  case systemNamespace(String)
  /// A step without objects.
  case nothingToApply
  /// Two objects of one kind and name.
  case duplicateObject(String)
  /// The plugin has no such objects.
  case notForPlugin(RolloutPlugin, String)
  /// Too many exempt workloads to be left out of a selector.
  case tooManyExemptions(Int)
}

extension StepFileError: CustomStringConvertible {
  /// One sentence.
  package var description: String {
    switch self {
    case .invalidName(let name): "\(YAMLText.quoted(name)) is not a name that Kubernetes accepts"
    case .unknownKind(let apiVersion, let kind):
      "no scripts can be made for \(YAMLText.quoted("\(apiVersion) \(kind)"))"
    case .wrongNamespace(let object, let namespace):
      "\(object) does not belong to namespace \(namespace)"
    case .systemNamespace(let name): "\(name) is default-denied only when asked for by name"
    case .nothingToApply: "the step has no objects"
    case .duplicateObject(let object): "\(object) is there twice"
    case .notForPlugin(let plugin, let what): "there is no \(what) for plugin \(plugin.rawValue)"
    case .tooManyExemptions(let count):
      "\(count) selectors would be needed to leave the exempt workloads out"
    }
  }
}

/// A policy object that a script applies, checks or deletes.
package struct StepObject: Hashable, Sendable {
  /// Such as `networking.k8s.io/v1`.
  package var apiVersion: String
  /// Such as `NetworkPolicy`.
  package var kind: String
  /// The namespace; nil for objects of the cluster.
  package var namespace: String?
  /// The name.
  package var name: String

  /// Makes a reference.
  package init(apiVersion: String, kind: String, namespace: String?, name: String) {
    self.apiVersion = apiVersion
    self.kind = kind
    self.namespace = namespace
    self.name = name
  }

  /// The resource as kubectl takes it without doubt, such as `networkpolicies.projectcalico.org`.
  var resource: String? {
    let group = apiVersion.split(separator: "/", omittingEmptySubsequences: false).first ?? ""
    let plural: String? =
      switch (group, kind) {
      case ("networking.k8s.io", "NetworkPolicy"), ("projectcalico.org", "NetworkPolicy"):
        "networkpolicies"
      case ("cilium.io", "CiliumNetworkPolicy"): "ciliumnetworkpolicies"
      case ("cilium.io", "CiliumClusterwideNetworkPolicy"): "ciliumclusterwidenetworkpolicies"
      case ("projectcalico.org", "GlobalNetworkPolicy"): "globalnetworkpolicies"
      case ("projectcalico.org", "StagedNetworkPolicy"): "stagednetworkpolicies"
      case ("projectcalico.org", "StagedGlobalNetworkPolicy"): "stagedglobalnetworkpolicies"
      case ("projectcalico.org", "StagedKubernetesNetworkPolicy"):
        "stagedkubernetesnetworkpolicies"
      case ("projectcalico.org", "Tier"): "tiers"
      default: nil
      }
    return plural.map { "\($0).\(group)" }
  }
}

/// A file of manifests with the objects in it.
package struct StepManifest: Hashable, Sendable {
  /// The file's name.
  package var file: String
  /// The YAML, with ``ManagedBy/label`` on every object.
  package var yaml: String
  /// The objects in it, in order.
  package var objects: [StepObject]

  /// Makes a manifest.
  package init(file: String, yaml: String, objects: [StepObject]) {
    self.file = file
    self.yaml = yaml
    self.objects = objects
  }
}

/// The label that marks flowlearn's own objects; no others are ever overwritten or deleted.
package enum ManagedBy {
  /// The key.
  package static let label = "app.kubernetes.io/managed-by"
  /// The value.
  package static let value = "flowlearn"
}

/// Names as Kubernetes accepts them.
enum KubernetesName {
  /// Whether a text is a DNS label: letters, digits and `-`, at most 63.
  static func isLabel(_ text: String) -> Bool {
    text.utf8.count <= 63 && isPart(text[...])
  }

  /// Whether a text is a DNS subdomain short enough for a file name beside it.
  static func isSubdomain(_ text: String) -> Bool {
    text.utf8.count <= 240
      && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(isPart)
  }

  private static func isPart(_ text: Substring) -> Bool {
    let bytes = text.utf8
    guard let first = bytes.first, let last = bytes.last, first != 0x2d, last != 0x2d else {
      return false
    }
    return bytes.allSatisfy { 0x61...0x7a ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x2d }
  }
}
