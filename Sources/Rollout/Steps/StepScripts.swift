/// The three scripts of a step: one switch there, a check, and the way back.
///
/// They are bash, use nothing but kubectl and the usual tools, take `--context` from the person who
/// runs them, stop at the first error and may be run again after it.
struct StepScripts {
  /// The namespace; nil for a step of the cluster.
  let namespace: String?
  /// The plugin.
  let plugin: RolloutPlugin
  /// What is applied, in this order.
  let manifests: [StepManifest]
  /// What keeps traffic flowing meanwhile; nil for steps that isolate nothing.
  let allowAll: StepManifest?
  /// Objects of earlier files and of the log-only way, as `resource name`: taken away in the switch.
  let replaced: [String]
  /// Whether to stop when there are explicit Calico Denies.
  let refusesDenies: Bool
  /// Further checks of `apply.sh`, before anything is changed.
  let precondition: String

  /// Checks every name, so that nothing but names gets into a script.
  init(
    namespace: String?,
    plugin: RolloutPlugin,
    manifests: [StepManifest],
    allowAll: StepManifest?,
    replaced: [String] = [],
    refusesDenies: Bool = false,
    precondition: String = ""
  ) throws(StepFileError) {
    var seen: Set<StepObject> = []
    let all = manifests + (allowAll.map { [$0] } ?? [])
    for object in all.flatMap(\.objects) {
      guard KubernetesName.isSubdomain(object.name) else { throw .invalidName(object.name) }
      guard object.resource != nil else {
        throw .unknownKind(apiVersion: object.apiVersion, kind: object.kind)
      }
      guard object.namespace == namespace else {
        throw .wrongNamespace(object: object.name, namespace: namespace ?? "(none)")
      }
      guard seen.insert(object).inserted else { throw .duplicateObject(object.name) }
    }
    guard !manifests.flatMap(\.objects).isEmpty else { throw .nothingToApply }
    let applied = Set(all.flatMap(\.objects).map(StepScripts.word))
    for word in replaced {
      let parts = word.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, parts.allSatisfy(KubernetesName.isSubdomain) else {
        throw .invalidName(word)
      }
    }
    self.replaced = Set(replaced).subtracting(applied).sorted()
    self.namespace = namespace
    self.plugin = plugin
    self.manifests = manifests
    self.allowAll = allowAll
    self.refusesDenies = refusesDenies
    self.precondition = precondition
  }

  // MARK: Lists

  /// The objects applied, in order, as `resource name`.
  var objects: [String] { manifests.flatMap(\.objects).map(StepScripts.word) }

  private static func word(_ object: StepObject) -> String {
    "\(object.resource ?? "") \(object.name)"
  }

  /// The resources saved before anything is changed.
  private var savedResources: [String] {
    var resources = Set(manifests.flatMap(\.objects).compactMap(\.resource))
    resources.formUnion(replaced.compactMap { $0.split(separator: " ").first.map(String.init) })
    if namespace != nil {
      resources.insert("networkpolicies.networking.k8s.io")
      if plugin == .cilium { resources.insert("ciliumnetworkpolicies.cilium.io") }
      if let resource = allowAll?.objects.first?.resource { resources.insert(resource) }
    }
    return resources.sorted()
  }

  private func array(_ name: String, _ words: [String]) -> String {
    words.isEmpty
      ? "\(name)=()\n"
      : "\(name)=(\n" + words.map { "  \(ShellText.quoted($0))\n" }.joined() + ")\n"
  }

  /// The files that can be tried before anything is there: not those in a tier that is yet to come.
  private var triedFiles: [String] {
    let needsTier = manifests.contains { $0.objects.contains { $0.kind == "Tier" } }
    let files = manifests.filter { manifest in
      !needsTier || !manifest.objects.contains { $0.name.hasPrefix(CalicoClusterWide.tier + ".") }
    }
    return files.map(\.file)
  }

  private var subject: String { namespace.map { "namespace \($0)" } ?? "the whole cluster" }

  private var allowAllWord: String { allowAll?.objects.first.map(StepScripts.word) ?? "" }

  // MARK: Scripts

  /// `apply.sh`.
  var apply: String {
    let order = manifests.map(\.file).joined(separator: ", ")
    let head =
      allowAll == nil
      ? """
      # Puts the policies for \(subject) in place: saves what is live, applies \(order),
      # and verifies. It stops at the first error and may be run again.

      """
      : """
      # Puts the policies of \(subject) into force in one switch: saves what is live, applies a
      # temporary allow-all, then \(order), verifies,
      # and takes the allow-all away last. It stops at the first error and may be run again.

      """
    return "#!/usr/bin/env bash\n" + head + preamble(script: "apply.sh")
      + array("files", manifestFiles)
      + ShellParts.ownership + ShellParts.save(hasAllowAll: allowAll != nil)
      + ShellParts.applyFile
      + (refusesDenies ? ShellParts.denies : "") + ShellParts.checkTarget(namespace)
      + precondition
      + (allowAll == nil
        ? ShellParts.applyPlain
        : ShellParts.applySwitch(refusesDenies: refusesDenies, plugin: plugin))
  }

  private var manifestFiles: [String] { manifests.map(\.file) }

  /// `verify.sh`.
  var verify: String {
    """
    #!/usr/bin/env bash
    # Checks that the policies for \(subject) are in the cluster as they were written. Changes nothing.

    """ + preamble(script: "verify.sh") + array("files", manifestFiles)
      + ShellParts.ownership + ShellParts.verify(hasAllowAll: allowAll != nil, plugin: plugin)
  }

  /// `rollback.sh`.
  var rollback: String {
    let allow =
      allowAll == nil
      ? "" : "# An allow-all keeps traffic flowing meanwhile and is taken away last.\n"
    return """
      #!/usr/bin/env bash
      # Takes the policies for \(subject) away again: restores what apply.sh saved, deletes what it
      # wrote, and touches nothing else. It stops at the first error and may be run again.

      """ + allow + preamble(script: "rollback.sh") + ShellParts.ownership
        + ShellParts.applyFile + ShellParts.restore(hasAllowAll: allowAll != nil)
        + ShellParts.checkTarget(namespace)
        + (allowAll == nil ? ShellParts.rollbackPlain : ShellParts.rollbackSwitch(plugin))
  }

  /// What all three begin with: settings, arguments, and the message at an early end.
  private func preamble(script: String) -> String {
    var text = "set -euo pipefail\n\n"
    if let namespace {
      text += "namespace=\(ShellText.quoted(namespace))\nscope=(-n \"$namespace\")\n"
    } else {
      text += "scope=()\n"
    }
    text +=
      "label=\(ShellText.quoted(ManagedBy.label))\nowner=\(ShellText.quoted(ManagedBy.value))\n"
    if allowAll != nil {
      text += "allow_all=\(ShellText.quoted(allowAllWord))\n"
      if script != "verify.sh" {
        text += "allow_all_file=\(ShellText.quoted(AllowAll.file))\n"
      }
    }
    text += "# In the order in which they are applied.\n" + array("objects", objects)
    if allowAll != nil {
      text += "# Written by flowlearn before, and replaced by these.\n"
      text += array("replaced", replaced)
    }
    if script == "apply.sh" {
      text += array("saved_resources", savedResources)
      if allowAll == nil { text += array("tried", triedFiles) }
    }
    return text + ShellParts.arguments(script: script, hasAllowAll: allowAll != nil)
      + ShellParts.stopped(script: script)
  }
}
