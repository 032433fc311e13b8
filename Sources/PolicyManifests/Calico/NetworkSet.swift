package import FlowModel
import PolicyModel

/// Calico's NetworkSet or GlobalNetworkSet: addresses that the selectors of rules find by labels.
///
/// Policies name no set; what a rule's selector finds is put into the rule as prefixes while it is read.
package struct NetworkSet: Hashable, Sendable {
  /// The name.
  package var name: String
  /// The namespace; nil for a GlobalNetworkSet.
  package var namespace: String?
  /// The labels.
  package var labels: Labels
  /// The addresses.
  package var nets: [CIDR]

  /// Makes a set.
  package init(name: String, namespace: String?, labels: Labels, nets: [CIDR]) {
    self.name = name
    self.namespace = namespace
    self.labels = labels
    self.nets = nets
  }

  /// Reads a manifest.
  init(
    _ node: ManifestNode,
    isNamespaced: Bool,
    default defaultNamespace: String
  ) throws(ManifestError) {
    let object = try node.fields(["apiVersion", "kind", "metadata", "spec", "status"])
    let metadata = try Metadata(object, isNamespaced: isNamespaced, default: defaultNamespace)
    name = metadata.name
    namespace = metadata.namespace
    labels = metadata.labels
    nets = []
    guard let spec = object["spec"] else { return }
    let fields = try spec.fields(["nets"], unsupported: ["allowedEgressDomains"])
    for item in try fields.items("nets") { nets.append(try item.prefix(allowingAddress: true)) }
  }
}

/// What the selectors of one end of a rule say about network sets.
struct NetworkSetSearch {
  /// The known sets.
  let sets: [NetworkSet]
  /// The namespace of a namespaced policy; nil for a global one.
  let policyNamespace: String?

  /// The label that Calico itself gives to namespaces, with their name.
  static let namespaceNameLabel = "projectcalico.org/name"
  /// The label that Calico itself gives to what lies in a namespace, with its name.
  static let namespaceLabel = "projectcalico.org/namespace"

  /// The sets that `selector` and `namespaceSelector` find together.
  ///
  /// - Throws: ``ManifestError`` where that hangs on labels of a set's namespace.
  func found(by fields: ManifestFields) throws(ManifestError) -> [NetworkSet] {
    let namespaceNode = fields["namespaceSelector"]
    let selector = NetworkSetSearch.parsed(try fields["selector"]?.string())
    let namespaces = NetworkSetSearch.parsed(try namespaceNode?.string())
    // Without any of them the end is anything; in a namespaced policy notSelector is one, too.
    guard selector != nil || namespaces != nil || (policyNamespace != nil && has(fields)) else {
      return []
    }
    var found: [NetworkSet] = []
    for set in sets {
      if case .labels(let labels)? = selector, !labels.matches(set.ownLabels) { continue }
      switch namespaces {
      case nil: if let policyNamespace, set.namespace != policyNamespace { continue }
      case .global?: if set.namespace != nil { continue }
      case .labels(let labels)?:
        guard let isMeant = NetworkSetSearch.isNamespace(of: set, among: labels) else {
          throw (namespaceNode ?? fields.node).unsupported(
            "the network set \(set.path) is meant or not by labels of its namespace, which are not known"
          )
        }
        if !isMeant { continue }
      }
      found.append(set)
    }
    return found
  }

  /// The sets that `notSelector` keeps out, whatever their namespace.
  func excluded(by fields: ManifestFields) throws(ManifestError) -> [NetworkSet] {
    guard case .labels(let labels)? = NetworkSetSearch.parsed(try fields["notSelector"]?.string())
    else { return [] }
    return sets.filter { labels.matches($0.ownLabels) }
  }

  private func has(_ fields: ManifestFields) -> Bool { fields["notSelector"] != nil }

  /// Whether a set's namespace, or having none, passes a selector of namespaces; nil when that is not
  /// known.
  private static func isNamespace(of set: NetworkSet, among labels: LabelSelector) -> Bool? {
    guard let namespace = set.namespace else {
      // `all()` asks for a namespace; any other test sees one without labels.
      return labels.normalized() != .everything && labels.matches([:])
    }
    if labels.normalized() == .everything { return true }
    let names = [namespaceNameLabel, NamespaceMatch.nameLabel]
    guard labels.requirements.allSatisfy({ names.contains($0.key) }) else { return nil }
    return labels.matches(Labels(names.map { ($0, namespace) }))
  }

  /// A selector; nil when it is absent or empty.
  ///
  /// What is wrong with it has been said before.
  private static func parsed(_ text: String?) -> CalicoSelector? {
    guard let text, !text.isEmpty else { return nil }
    return try? CalicoSelectorParser.parse(text)
  }
}

extension NetworkSet {
  /// The labels as a rule's selector sees them.
  fileprivate var ownLabels: Labels {
    var all = labels
    if let namespace { all[NetworkSetSearch.namespaceLabel] = namespace }
    return all
  }

  fileprivate var path: String { namespace.map { "\($0)/\(name)" } ?? name }
}

extension EndpointMatch {
  /// The same end by the addresses of some network sets instead of labels; nil when these have none.
  func within(_ sets: [NetworkSet]) -> EndpointMatch? {
    let own = nets ?? [.worldIPv4, .worldIPv6]
    let common = sets.flatMap(\.nets).flatMap { net in
      own.compactMap { $0.contains(net) ? net : net.contains($0) ? $0 : nil }
    }
    guard !common.isEmpty else { return nil }
    return EndpointMatch(notPods: notPods, nets: common, notNets: notNets)
  }
}
