/// How a namespace is put under audit.
package enum LogOnlyWay: String, Sendable, CaseIterable {
  /// Learn from what passes; nothing is switched on.
  case observe
  /// Cilium: the whole agent in policy audit mode, with an audited default-deny in the namespace.
  case ciliumAgentAudit = "cilium-agent-audit"
  /// Calico: a staged default-deny (open source from 3.30).
  case calicoStaged = "calico-staged"
  /// Calico: a last policy that logs and then allows.
  case calicoLog = "calico-log"

  /// The usual way of a plugin.
  package static func standard(for plugin: RolloutPlugin) -> LogOnlyWay {
    plugin == .calico ? .calicoStaged : .observe
  }

  /// The plugin it needs; nil when it works with any.
  package var plugin: RolloutPlugin? {
    switch self {
    case .observe: nil
    case .ciliumAgentAudit: .cilium
    case .calicoStaged, .calicoLog: .calico
    }
  }
}

/// What is written when the audit of a namespace starts.
package struct LogOnlyStep: Sendable {
  /// The namespace.
  package var namespace: String
  /// The plugin.
  package var plugin: RolloutPlugin
  /// The way.
  package var way: LogOnlyWay

  /// Makes a step; without a way, the usual one of the plugin.
  package init(namespace: String, plugin: RolloutPlugin, way: LogOnlyWay? = nil) {
    self.namespace = namespace
    self.plugin = plugin
    self.way = way ?? .standard(for: plugin)
  }

  /// The name of the object.
  static let objectName = "flowlearn-log-only"

  /// The files: `README.md`, and for ways with a switch `log-only.yaml`, `apply.sh`, `verify.sh` and
  /// `rollback.sh`.
  ///
  /// - Throws: ``StepFileError``.
  package func files() throws(StepFileError) -> [StepFile] {
    guard KubernetesName.isLabel(namespace) else { throw .invalidName(namespace) }
    if let needed = way.plugin, needed != plugin { throw .notForPlugin(plugin, way.rawValue) }
    let readme = StepFile(name: "README.md", contents: readme)
    guard let manifest else { return [readme] }
    let scripts = try StepScripts(
      namespace: namespace,
      plugin: plugin,
      manifests: [manifest],
      allowAll: nil,
      precondition: precondition
    )
    return [
      StepFile(name: manifest.file, contents: manifest.yaml),
      StepFile(name: "apply.sh", contents: scripts.apply, isExecutable: true),
      StepFile(name: "verify.sh", contents: scripts.verify, isExecutable: true),
      StepFile(name: "rollback.sh", contents: scripts.rollback, isExecutable: true), readme,
    ]
  }

  private var manifest: StepManifest? {
    let apiVersion: String
    let kind: String
    let spec: String
    switch way {
    case .observe: return nil
    case .ciliumAgentAudit:
      (apiVersion, kind) = ("cilium.io/v2", "CiliumNetworkPolicy")
      // In Cilium an empty rule admits nobody, it only isolates.
      spec = "  endpointSelector: {}\n  ingress:\n  - {}\n  egress:\n  - {}\n"
    case .calicoStaged:
      (apiVersion, kind) = ("projectcalico.org/v3", "StagedNetworkPolicy")
      spec = """
          stagedAction: Set
          tier: default
          selector: all()
          types:
          - Ingress
          - Egress

        """
    case .calicoLog:
      (apiVersion, kind) = ("projectcalico.org/v3", "NetworkPolicy")
      spec = """
          tier: default
          order: 1000000
          selector: all()
          types:
          - Ingress
          - Egress
          ingress:
          - action: Log
          - action: Allow
          egress:
          - action: Log
          - action: Allow

        """
    }
    let metadata = Manifests.metadata(name: LogOnlyStep.objectName, namespace: namespace)
    let object = StepObject(
      apiVersion: apiVersion,
      kind: kind,
      namespace: namespace,
      name: LogOnlyStep.objectName
    )
    return StepManifest(
      file: "log-only.yaml",
      yaml: "apiVersion: \(apiVersion)\nkind: \(kind)\n\(metadata)spec:\n\(spec)",
      objects: [object]
    )
  }

  /// The object of the way; nil where there is none.
  var object: StepObject? { manifest?.objects.first }

  /// What must hold before the object may exist, as a piece of `apply.sh`.
  private var precondition: String {
    switch way {
    case .observe, .calicoStaged: ""
    case .ciliumAgentAudit:
      // Without audit mode in every agent, the default-deny would cut the namespace off.
      #"""
      step='checking that every Cilium agent is in policy audit mode'
      configured=$(k -n kube-system get configmap cilium-config \
        -o 'jsonpath={.data.policy-audit-mode}')
      if [ "$configured" != 'true' ]; then
        echo "policy-audit-mode is not true in ConfigMap kube-system/cilium-config." >&2
        exit 1
      fi
      agents=$(k -n kube-system get pods -l k8s-app=cilium -o name)
      if [ -z "$agents" ]; then
        echo "No Cilium agents were found (label k8s-app=cilium in kube-system)." >&2
        exit 1
      fi
      for agent in $agents; do
        options=$(k -n kube-system exec "$agent" -c cilium-agent -- cilium-dbg config --all)
        if ! grep -Eq 'PolicyAuditMode[[:space:]]*:[[:space:]]*(Enabled|true)' <<<"$options"; then
          echo "$agent is not in policy audit mode: restart the agents and try again." >&2
          exit 1
        fi
      done


      """#
    case .calicoLog:
      #"""
      step='checking that no policy selects the namespace yet'
      existing=$(k get networkpolicies.networking.k8s.io "${scope[@]}" -o name)
      calico=$(k get networkpolicies.projectcalico.org "${scope[@]}" -l "$label!=$owner" -o name)
      if [ -n "$existing$calico" ]; then
        echo "The namespace has policies; a last Allow would open what they deny. Use observe:" >&2
        printf '%s\n%s\n' "$existing" "$calico" >&2
        exit 1
      fi


      """#
    }
  }

  private var readme: String {
    let head = "# Audit of namespace \(namespace)\n\n"
    switch way {
    case .observe: return head + LogOnlyText.observe(plugin)
    case .ciliumAgentAudit: return head + LogOnlyText.ciliumAgentAudit
    case .calicoStaged: return head + LogOnlyText.calicoStaged
    case .calicoLog: return head + LogOnlyText.calicoLog
    }
  }
}
