package import FlowModel

/// A workload that a person accepted as needing the metadata service.
package struct MetadataExemption: Hashable, Sendable, Comparable {
  /// Its namespace.
  package var namespace: String
  /// The labels that select it; empty for the whole namespace.
  package var labels: Labels

  /// Makes an exemption.
  package init(namespace: String, labels: Labels) {
    self.namespace = namespace
    self.labels = labels
  }

  /// By namespace, then labels.
  package static func < (left: MetadataExemption, right: MetadataExemption) -> Bool {
    left.namespace != right.namespace
      ? left.namespace < right.namespace : left.labels < right.labels
  }
}

/// The last step: policies for the whole cluster.
package struct ClusterWideStep: Sendable {
  /// A default-deny for all namespaces but some.
  package struct DefaultDeny: Hashable, Sendable {
    /// Left alone besides the system namespaces: those that are not managed.
    package var excludedNamespaces: [String]

    /// Makes one.
    package init(excludedNamespaces: [String]) {
      self.excludedNamespaces = excludedNamespaces
    }
  }

  /// Cilium or Calico; the others have no such objects.
  package var plugin: RolloutPlugin
  /// The workloads that keep the metadata service.
  ///
  /// A deny wins over any allow, so they are left out of its selector.
  package var exemptions: [MetadataExemption]
  /// The cluster-wide default-deny; nil unless asked for.
  package var defaultDeny: DefaultDeny?
  /// Calico before tiers (open source before 3.30): the namespaces the deny is limited to; else nil.
  package var calicoUntieredNamespaces: [String]?

  /// Makes a step.
  package init(
    plugin: RolloutPlugin,
    exemptions: [MetadataExemption] = [],
    defaultDeny: DefaultDeny? = nil,
    calicoUntieredNamespaces: [String]? = nil
  ) {
    self.plugin = plugin
    self.exemptions = exemptions
    self.defaultDeny = defaultDeny
    self.calicoUntieredNamespaces = calicoUntieredNamespaces
  }

  /// The metadata services of the clouds.
  static let metadataServices = ["169.254.169.254/32", "fd00:ec2::254/128"]

  /// The same as values.
  package static var metadataAddresses: [CIDR] { metadataServices.compactMap { CIDR($0) } }

  /// The files: `deny-metadata.yaml`, `cluster-default-deny.yaml` on request, three scripts, `README.md`.
  ///
  /// - Throws: ``StepFileError``; ``StepFileError/notForPlugin(_:_:)`` where the plugin has no
  ///   cluster-wide objects.
  package func files() throws(StepFileError) -> [StepFile] {
    let excluded = Set(SystemNamespaces.names + (defaultDeny?.excludedNamespaces ?? [])).sorted()
    let names = exemptions.map(\.namespace) + excluded + (calicoUntieredNamespaces ?? [])
    for name in names where !KubernetesName.isLabel(name) { throw .invalidName(name) }
    for label in exemptions.flatMap(\.labels.elements) where !LabelSyntax.isValid(label) {
      throw .invalidName("\(label.key)=\(label.value)")
    }
    var manifests: [StepManifest]
    switch plugin {
    case .cilium:
      manifests = [try CiliumClusterWide.denyMetadata(exemptions)]
      if defaultDeny != nil { manifests.append(CiliumClusterWide.defaultDeny(excluding: excluded)) }
    case .calico:
      manifests = CalicoClusterWide.denyMetadata(exemptions, untiered: calicoUntieredNamespaces)
      if defaultDeny != nil { manifests.append(CalicoClusterWide.defaultDeny(excluding: excluded)) }
    case .aws, .gke, .other: throw .notForPlugin(plugin, "cluster-wide policy")
    }
    let scripts = try StepScripts(
      namespace: nil,
      plugin: plugin,
      manifests: manifests,
      allowAll: nil
    )
    let readme = StepReadme.clusterWide(scripts, remarks: remarks(excluded: excluded))
    return manifests.map { StepFile(name: $0.file, contents: $0.yaml) } + [
      StepFile(name: "apply.sh", contents: scripts.apply, isExecutable: true),
      StepFile(name: "verify.sh", contents: scripts.verify, isExecutable: true),
      StepFile(name: "rollback.sh", contents: scripts.rollback, isExecutable: true),
      StepFile(name: "README.md", contents: readme),
    ]
  }

  private func remarks(excluded: [String]) -> [String] {
    var remarks = ["No pod reaches the metadata service any more, but for those accepted:"]
    remarks += Set(exemptions).sorted().map {
      "kept: `\($0.namespace)`" + ($0.labels.isEmpty ? "" : " `\($0.labels)`")
    }
    remarks.append(
      "A deny wins over every allow: a workload that needs the service later must be accepted and "
        + "these files written again."
    )
    if plugin == .calico {
      remarks.append(
        calicoUntieredNamespaces == nil
          ? "The deny has a tier of its own that passes on everything else (tiers: open source from "
            + "3.30); in the default tier it would isolate every pod it selects."
          : "Without tiers the deny covers only namespaces that are default-denied anyway."
      )
    }
    if defaultDeny != nil {
      remarks.append(
        "The default-deny leaves out: " + excluded.map { "`\($0)`" }.joined(separator: ", ")
          + ". Any other namespace, new ones included, needs rules from its first minute."
      )
    }
    return remarks
  }
}

/// Label syntax of Kubernetes.
enum LabelSyntax {
  /// Whether a label could exist: only then it goes into a selector.
  static func isValid(_ label: Labels.Element) -> Bool {
    let parts = label.key.split(separator: "/", omittingEmptySubsequences: false)
    guard let name = parts.last, parts.count <= 2, isWord(name) else { return false }
    if parts.count == 2, !KubernetesName.isSubdomain(String(parts[0])) { return false }
    return label.value.isEmpty || isWord(label.value[...])
  }

  private static func isWord(_ text: Substring) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, let last = bytes.last, bytes.count <= 63,
      isAlphanumeric(first), isAlphanumeric(last)
    else { return false }
    return bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    0x61...0x7a ~= byte || 0x41...0x5a ~= byte || 0x30...0x39 ~= byte
  }
}
