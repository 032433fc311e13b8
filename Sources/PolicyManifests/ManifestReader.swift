package import PolicyModel

/// What a manifest file holds.
package struct ManifestContents: Sendable {
  /// The policies and tiers, in the order written; of each name there is one.
  package var policySet: PolicySet
  /// Objects of other kinds that were left out, in the order written.
  package var skipped: [(kind: String, name: String)]
  /// What is valid but hardly meant.
  package var warnings: [ManifestWarning]
  /// Calico's network sets, in the order written.
  package var networkSets: [NetworkSet] = []

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

  /// Calico's network sets that selectors may find, besides those of the text that is read.
  package var networkSets: [NetworkSet] = []

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
    let parts = try parts(of: text, file: file)
    return try ManifestReader.joined(parts.map(knowing(networkSetsOf: parts).read))
  }

  /// The reader that also knows the network sets of some parts, which may be of several files; one of
  /// a name that it knew takes the place of that.
  package func knowing(networkSetsOf parts: [ManifestPart]) -> ManifestReader {
    let mentioning = parts.filter(\.mentionsNetworkSets)
    guard !mentioning.isEmpty else { return self }
    let found = mentioning.flatMap { read($0).objects.compactMap(\.networkSet) }
    var reader = self
    reader.networkSets.removeAll { known in
      found.contains { $0.name == known.name && $0.namespace == known.namespace }
    }
    reader.networkSets += found
    return reader
  }

  /// Cuts a file between its documents into parts that can be read side by side.
  ///
  /// - Parameter size: The bytes that a part has at least, but for the last one.
  /// - Throws: ``ManifestError`` where the file is too large.
  package func parts(
    of text: String,
    file: String,
    size: Int = 128 << 10
  ) throws(ManifestError) -> [ManifestPart] {
    try YAMLDocuments(file: file).parts(of: text, size: size).map {
      ManifestPart(file: file, text: $0.text, line: $0.line)
    }
  }

  /// Reads a part up to its end, or to the first thing that is wrong.
  package func read(_ part: ManifestPart) -> ManifestPartContents {
    var reading = ManifestReading(reader: self, line: part.line)
    do {
      reading.contents.documents = try YAMLDocuments(file: part.file).read(part.text) {
        root,
        document throws(ManifestError) in
        let source = ManifestNode.Source(file: part.file, document: document)
        let node = ManifestNode(root, source)
        if !node.isNull { try reading.read(node, listType: nil) }
      }
    } catch {
      reading.contents.error = error
    }
    reading.contents.warnings = reading.log.warnings
    return reading.contents
  }

  /// What the parts of a file hold together, as if it had been read in one go.
  ///
  /// - Parameter parts: All parts of one file, in order.
  /// - Throws: ``ManifestError`` at the first thing that is wrong.
  package static func joined(
    _ parts: [ManifestPartContents]
  ) throws(ManifestError) -> ManifestContents {
    var whole = ManifestContents()
    var seen: Set<String> = []
    var documents = 0
    for part in parts {
      func placed(_ place: ManifestPlace) -> ManifestPlace {
        place.moved(documents: documents, lines: part.line)
      }
      for object in part.objects {
        guard seen.insert(object.identity).inserted else {
          throw .invalid(
            placed(object.place),
            problem: "an object of this kind and name was there before"
          )
        }
        whole.policySet.policies += object.policies
        if let tier = object.tier { whole.policySet.tiers.append(tier) }
        if let networkSet = object.networkSet { whole.networkSets.append(networkSet) }
      }
      if let error = part.error { throw error.placed(placed) }
      whole.skipped += part.skipped
      whole.warnings += part.warnings.map {
        ManifestWarning(place: placed($0.place), problem: $0.problem)
      }
      documents += part.documents
    }
    return whole
  }
}

/// Some of a file's documents, not read yet.
package struct ManifestPart: Sendable {
  /// The file's name.
  fileprivate var file: String
  /// The documents.
  fileprivate var text: String
  /// The lines of the file before them.
  fileprivate var line: Int

  /// Whether there may be a network set in it.
  fileprivate var mentionsNetworkSets: Bool {
    let name = Array("NetworkSet".utf8)
    let bytes = Array(text.utf8)
    var offset = 0
    while let end = bytes[offset...].firstIndex(of: name[0]) {
      if bytes[end...].starts(with: name) { return true }
      offset = end + 1
    }
    return false
  }
}

/// What a part of a file holds; its places count from the part's start.
package struct ManifestPartContents: Sendable {
  /// An object that was read.
  fileprivate struct Object: Sendable {
    /// Kind and name.
    var identity: String
    var place: ManifestPlace
    var policies: [Policy] = []
    var tier: PolicyTier?
    var networkSet: NetworkSet?
  }

  fileprivate var line: Int
  fileprivate var documents = 0
  fileprivate var objects: [Object] = []
  fileprivate var skipped: [(kind: String, name: String)] = []
  fileprivate var warnings: [ManifestWarning] = []
  fileprivate var error: ManifestError?
}

/// The state of reading one part of a file.
private struct ManifestReading {
  let reader: ManifestReader
  var contents: ManifestPartContents
  var log = WarningList()

  init(reader: ManifestReader, line: Int) {
    self.reader = reader
    contents = ManifestPartContents(line: line)
  }

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
    if kind.hasSuffix("List"), object.value(of: "items") != nil {
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
    case .networkSet(let isNamespaced): try addNetworkSet(node, isNamespaced: isNamespaced)
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
    contents.objects.append(
      ManifestPartContents.Object(identity: "Tier/\(tier.name)", place: node.place, tier: tier)
    )
  }

  private mutating func addNetworkSet(
    _ node: ManifestNode,
    isNamespaced: Bool
  ) throws(ManifestError) {
    let set = try NetworkSet(node, isNamespaced: isNamespaced, default: reader.defaultNamespace)
    try checkName(set.name, node)
    contents.objects.append(
      ManifestPartContents.Object(
        identity: "NetworkSet/\(set.namespace ?? "")/\(set.name)",
        place: node.place,
        networkSet: set
      )
    )
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
      var spec = CalicoPolicyReader(
        kind: kind,
        metadata: metadata,
        networkSets: reader.networkSets,
        log: log
      )
      policies = [try spec.policy(specNode)]
      log = spec.log
    }
    // Calico's stored and served forms are one kind of object; a tier has its own names.
    let tier = policies.first?.tier ?? ""
    contents.objects.append(
      ManifestPartContents.Object(
        identity: "\(kind.rawValue)/\(metadata.namespace ?? "")/\(tier)/\(metadata.name)",
        place: node.place,
        policies: policies.map { $0.normalized() }
      )
    )
  }
}

/// The manifest types that are read.
enum ManifestKind {
  /// A policy; `isStored`: as `crd.projectcalico.org/v1` stores it.
  case policy(PolicyKind, isStored: Bool)
  /// A Calico tier.
  case tier
  /// A set of addresses that Calico's selectors find.
  case networkSet(isNamespaced: Bool)

  private static let networkSets = ["NetworkSet", "GlobalNetworkSet"]

  /// Finds the type of an object; nil for other kinds and unknown versions.
  init?(apiVersion: String, kind: String) {
    let isStored = apiVersion == "crd.projectcalico.org/v1"
    if kind == "Tier", isStored || apiVersion == PolicyDialect.calico.apiVersion {
      self = .tier
      return
    }
    if ManifestKind.networkSets.contains(kind),
      isStored || apiVersion == PolicyDialect.calico.apiVersion
    {
      self = .networkSet(isNamespaced: kind == "NetworkSet")
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
    networkSets.contains(kind) || PolicyKind.allCases.contains { $0.manifestKind == kind }
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
