package import PolicyModel
import Yams

/// What a manifest file holds.
package struct ManifestContents: Sendable {
  /// The policies and tiers, in the order written; of each name there is one.
  package var policySet: PolicySet
  /// Objects of other kinds that were left out, in the order written.
  package var skipped: [(kind: String, name: String)]
  /// What is valid but hardly meant.
  package var warnings: [ManifestWarning]

  /// Makes contents.
  package init(
    policySet: PolicySet = PolicySet(),
    skipped: [(kind: String, name: String)] = [],
    warnings: [ManifestWarning] = []
  ) {
    self.policySet = policySet
    self.skipped = skipped
    self.warnings = warnings
  }
}

/// Reads policies from YAML or JSON as strictly as the API server does.
///
/// Unknown fields, wrong types and invalid values are errors that name the place; so are valid
/// fields that ``Policy`` has no room for. Nothing is dropped in silence.
package struct ManifestReader: Sendable {
  /// Whether objects that are no policies are skipped instead of refused.
  package var ignoresOtherKinds: Bool
  /// The namespace of namespaced objects that name none.
  package var defaultNamespace: String

  /// Whether a name that the API server would refuse is an error instead of a warning.
  package var refusesInvalidNames: Bool

  /// Makes a reader.
  package init(
    ignoringOtherKinds: Bool = false,
    defaultNamespace: String = "default",
    refusingInvalidNames: Bool = true
  ) {
    ignoresOtherKinds = ignoringOtherKinds
    self.defaultNamespace = defaultNamespace
    refusesInvalidNames = refusingInvalidNames
  }

  /// Reads a file of one or more documents.
  ///
  /// - Parameters:
  ///   - text: YAML (JSON is YAML); documents may be policies, tiers, `List`s of them and typed
  ///     lists such as `NetworkPolicyList`.
  ///   - file: The name used in errors.
  /// - Returns: The policies in their normalized form.
  /// - Throws: ``ManifestError`` at the first thing that is wrong.
  package func policies(
    fromYAML text: String,
    file: String
  ) throws(ManifestError) -> ManifestContents {
    let roots = try YAMLDocuments(file: file).roots(of: text)
    var reading = ManifestReading(reader: self)
    for (index, root) in roots.enumerated() {
      let node = ManifestNode(node: root, file: file, document: index + 1, path: "")
      if !node.isNull { try reading.read(node, listType: nil) }
    }
    reading.contents.warnings = reading.log.warnings
    return reading.contents
  }
}

/// The state of reading one file.
private struct ManifestReading {
  let reader: ManifestReader
  var contents = ManifestContents()
  var log = WarningList()
  private var seen: Set<String> = []

  init(reader: ManifestReader) { self.reader = reader }

  /// Reads an object; `listType` is what its list says of items that do not say it themselves.
  mutating func read(
    _ node: ManifestNode,
    listType: (apiVersion: String, kind: String)?
  ) throws(ManifestError) {
    let object = try node.fields()
    let kind = try object["kind"]?.string() ?? listType?.kind
    let version = try object["apiVersion"]?.string() ?? listType?.apiVersion
    guard let kind else { throw node.invalid("kind is missing") }
    guard let version else { throw node.invalid("apiVersion is missing") }
    if kind.hasSuffix("List"), object.values["items"] != nil {
      let itemKind = String(kind.dropLast(4))
      if kind == "List" || ManifestKind.isKnown(itemKind) {
        let type = kind == "List" ? nil : (apiVersion: version, kind: itemKind)
        _ = try node.fields(["apiVersion", "kind", "metadata", "items"])
        for item in try object.items("items") { try read(item, listType: type) }
        return
      }
    }
    guard let found = ManifestKind(apiVersion: version, kind: kind) else {
      if ManifestKind.isKnown(kind) {
        throw (object["apiVersion"] ?? node).invalid("unknown apiVersion \(version.quoted)")
      }
      try skip(node, object, version, kind)
      return
    }
    switch found {
    case .tier: try addTier(node)
    case .policy(let kind, let isStored): try addPolicy(node, kind, isStored: isStored)
    }
  }

  private mutating func skip(
    _ node: ManifestNode,
    _ object: ManifestFields,
    _ version: String,
    _ kind: String
  ) throws(ManifestError) {
    guard reader.ignoresOtherKinds else {
      throw .otherKind(node.place, apiVersion: version, kind: kind)
    }
    if kind.hasSuffix("NetworkPolicy") {
      log.add(node, "objects of kind \(kind.quoted) are not taken into account")
    }
    let name = try object["metadata"]?.fields()["name"]?.string()
    contents.skipped.append((kind: kind, name: name ?? ""))
  }

  private mutating func claim(_ node: ManifestNode, _ identity: String) throws(ManifestError) {
    guard seen.insert(identity).inserted else {
      throw node.invalid("an object of this kind and name was there before")
    }
  }

  private mutating func checkName(
    _ name: String,
    _ node: ManifestNode
  ) throws(ManifestError) {
    guard !KubernetesSyntax.isDNSSubdomain(name) else { return }
    let problem = "\(name.quoted) is not an RFC 1123 subdomain"
    if reader.refusesInvalidNames { throw node.invalid(problem) }
    log.add(node, problem)
  }

  private mutating func addTier(_ node: ManifestNode) throws(ManifestError) {
    let tier = try CalicoTierReader.tier(node)
    try checkName(tier.name, node)
    try claim(node, "Tier/\(tier.name)")
    contents.policySet.tiers.append(tier)
  }

  private mutating func addPolicy(
    _ node: ManifestNode,
    _ kind: PolicyKind,
    isStored: Bool
  ) throws(ManifestError) {
    let fields = ["apiVersion", "kind", "metadata", "spec", "status"]
    let object = try node.fields(kind.dialect == .cilium ? fields + ["specs"] : fields)
    var metadata = try Metadata(
      object,
      isNamespaced: kind.isNamespaced,
      default: reader.defaultNamespace
    )
    let nameNode = try object.required("metadata").fields().required("name")
    try checkName(metadata.name, nameNode)
    let policies: [Policy]
    switch kind {
    case .networkPolicy, .calicoStagedKubernetesNetworkPolicy:
      var spec = KubernetesPolicyReader(kind: kind, metadata: metadata, log: log)
      policies = [try spec.policy(try object.required("spec"))]
      log = spec.log
    case .ciliumNetworkPolicy, .ciliumClusterwideNetworkPolicy:
      var spec = CiliumPolicyReader(kind: kind, metadata: metadata, log: log)
      policies = try spec.policies(object)
      log = spec.log
    default:
      let specNode = try object.required("spec")
      if isStored { metadata.name = try CalicoPolicyReader.name(metadata.name, specNode) }
      var spec = CalicoPolicyReader(kind: kind, metadata: metadata, log: log)
      policies = [try spec.policy(specNode)]
      log = spec.log
    }
    // Calico's stored and served forms are one kind of object; a tier has its own names.
    let tier = policies.first?.tier ?? ""
    try claim(node, "\(kind.rawValue)/\(metadata.namespace ?? "")/\(tier)/\(metadata.name)")
    contents.policySet.policies += policies.map { $0.normalized() }
  }
}

/// The manifest types that are read.
enum ManifestKind {
  /// A policy; `isStored`: as `crd.projectcalico.org/v1` stores it.
  case policy(PolicyKind, isStored: Bool)
  /// A Calico tier.
  case tier

  /// Finds the type of an object; nil for other kinds and unknown versions.
  init?(apiVersion: String, kind: String) {
    let isStored = apiVersion == "crd.projectcalico.org/v1"
    if kind == "Tier", isStored || apiVersion == PolicyDialect.calico.apiVersion {
      self = .tier
      return
    }
    let found = PolicyKind.allCases.first { candidate in
      candidate.manifestKind == kind
        && (candidate.dialect.apiVersion == apiVersion
          || (isStored && candidate.dialect == .calico))
    }
    guard let found else { return nil }
    self = .policy(found, isStored: isStored)
  }

  /// Whether some version of a kind of that name is read.
  static func isKnown(_ kind: String) -> Bool {
    PolicyKind.allCases.contains { $0.manifestKind == kind }
  }
}

extension PolicyDialect {
  /// The `apiVersion` of the dialect's objects.
  var apiVersion: String {
    switch self {
    case .kubernetes: "networking.k8s.io/v1"
    case .cilium: "cilium.io/v2"
    case .calico: "projectcalico.org/v3"
    }
  }
}
