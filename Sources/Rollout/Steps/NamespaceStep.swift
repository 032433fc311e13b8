/// What goes into force in a namespace when its watch begins.
package struct NamespaceStep: Sendable {
  /// The namespace.
  package var namespace: String
  /// The plugin.
  package var plugin: RolloutPlugin
  /// The learned rules; the file's name is set to `rules.yaml`.
  package var rules: StepManifest
  /// The DNS rule where it is an object of its own; the file's name is set to `allow-dns.yaml`.
  package var dns: StepManifest?
  /// The default-deny; the file's name is set to `default-deny.yaml`.
  package var defaultDeny: StepManifest
  /// What keeps traffic flowing meanwhile; nil for the usual one of the plugin.
  package var allowAll: AllowAll?
  /// How the namespace was audited; an object of that way is taken away in the switch.
  package var logOnly: LogOnlyWay
  /// Objects of earlier files, as `resource name`: those that are not written any more are taken away.
  package var replaced: [String]
  /// Whether a system namespace was asked for by name.
  package var isAskedByName: Bool

  /// Makes a step.
  package init(
    namespace: String,
    plugin: RolloutPlugin,
    rules: StepManifest,
    dns: StepManifest?,
    defaultDeny: StepManifest,
    allowAll: AllowAll? = nil,
    logOnly: LogOnlyWay = .observe,
    replaced: [String] = [],
    isAskedByName: Bool = false
  ) {
    self.namespace = namespace
    self.plugin = plugin
    self.rules = rules
    self.dns = dns
    self.defaultDeny = defaultDeny
    self.allowAll = allowAll
    self.logOnly = logOnly
    self.replaced = replaced
    self.isAskedByName = isAskedByName
  }

  /// What is applied, in this order.
  private var manifests: [StepManifest] {
    var manifests: [StepManifest] = []
    for (manifest, file) in [
      (dns, "allow-dns.yaml"), (rules, "rules.yaml"), (defaultDeny, "default-deny.yaml"),
    ] {
      guard var manifest, !manifest.objects.isEmpty else { continue }
      manifest.file = file
      manifests.append(manifest)
    }
    return manifests
  }

  /// The objects of the step as `resource name`, in the order of application.
  package var objects: [String] {
    manifests.flatMap(\.objects).map { "\($0.resource ?? $0.kind) \($0.name)" }
  }

  /// The files of the step.
  ///
  /// - Returns: `allow-dns.yaml` (if any), `rules.yaml`, `default-deny.yaml`,
  ///   `temporary-allow-all.yaml`, `apply.sh`, `verify.sh`, `rollback.sh`, `README.md`.
  /// - Throws: ``StepFileError``.
  package func files() throws(StepFileError) -> [StepFile] {
    guard KubernetesName.isLabel(namespace) else { throw .invalidName(namespace) }
    if SystemNamespaces.contains(namespace), !isAskedByName { throw .systemNamespace(namespace) }
    guard !defaultDeny.objects.isEmpty else { throw .nothingToApply }
    let manifests = manifests
    let allowAll = allowAll ?? .standard(for: plugin)
    let temporary = allowAll.manifest(namespace: namespace)
    let scripts = try StepScripts(
      namespace: namespace,
      plugin: plugin,
      manifests: manifests,
      allowAll: temporary,
      replaced: replaced
        + (LogOnlyStep(namespace: namespace, plugin: plugin, way: logOnly).object.map {
          ["\($0.resource ?? $0.kind) \($0.name)"]
        } ?? []),
      refusesDenies: allowAll.goesBeforeDenies
    )
    let yaml = (manifests + [temporary]).map { StepFile(name: $0.file, contents: $0.yaml) }
    return yaml + [
      StepFile(name: "apply.sh", contents: scripts.apply, isExecutable: true),
      StepFile(name: "verify.sh", contents: scripts.verify, isExecutable: true),
      StepFile(name: "rollback.sh", contents: scripts.rollback, isExecutable: true),
      StepFile(name: "README.md", contents: StepReadme.namespace(self, scripts: scripts)),
    ]
  }

  /// The usual default-deny of a plugin: no pod of the namespace may be reached or reach anything.
  ///
  /// A plain NetworkPolicy on every plugin, so that any tool understands it.
  ///
  /// - Throws: ``StepFileError/invalidName(_:)``.
  package static func standardDefaultDeny(
    namespace: String
  ) throws(StepFileError) -> StepManifest {
    guard KubernetesName.isLabel(namespace) else { throw .invalidName(namespace) }
    let name = "default-deny-all"
    let metadata = Manifests.metadata(name: name, namespace: namespace)
    let yaml = """
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      \(metadata)spec:
        podSelector: {}
        policyTypes:
        - Ingress
        - Egress

      """
    let object = StepObject(
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      namespace: namespace,
      name: name
    )
    return StepManifest(file: "default-deny.yaml", yaml: yaml, objects: [object])
  }
}
