/// The labels that change per pod, revision, run or release, and so never identify a workload.
///
/// Source: the deny list of the inventory document (controllers' own labels, chart and version labels,
/// mesh and cloud labels) and its patterns. What changes in one cluster only is found from the data when
/// a proposal is made.
package enum VolatileLabels {
  /// Whether a pod label key is never stored or used in a selector.
  ///
  /// Works on bytes: it is asked about every label of every endpoint that a log shows for the first time.
  package static func isDenied(_ key: String) -> Bool {
    if deniedKeys.contains(key) { return true }
    let bytes = Array(key.utf8)
    if deniedPrefixes.contains(where: { bytes.starts(with: $0) }) { return true }
    if let slash = bytes.firstIndex(of: UInt8(ascii: "/")), isClusterDomain(bytes[..<slash]) {
      return true
    }
    return hasVolatileName(bytes.map { 0x41...0x5a ~= $0 ? $0 | 0x20 : $0 })
  }

  /// `kubernetes.io`, `k8s.io` and what lies below them, but for the recommended application labels.
  private static func isClusterDomain(_ domain: ArraySlice<UInt8>) -> Bool {
    for name in clusterDomains where domain.count >= name.count {
      guard domain.suffix(name.count).elementsEqual(name) else { continue }
      let isWhole = domain.count == name.count
      let isBelow =
        !isWhole && domain[domain.endIndex - name.count - 1] == UInt8(ascii: ".")
      if isWhole || isBelow { return !domain.elementsEqual(applicationDomain) }
    }
    return false
  }

  /// Whether a lower-case key has a volatile word between punctuation, or a volatile fragment anywhere.
  private static func hasVolatileName(_ key: [UInt8]) -> Bool {
    var wordStart = 0
    for index in 0...key.count {
      let byte = index < key.count ? key[index] : 0
      if 0x61...0x7a ~= byte || 0x30...0x39 ~= byte || byte >= 0x80 {
        if volatileInitials[Int(byte)],
          volatileFragments.contains(where: { stands($0, in: key, at: index) })
        {
          return true
        }
      } else {
        let count = index - wordStart
        if volatileWords.contains(where: { $0.count == count && stands($0, in: key, at: wordStart) }
        ) {
          return true
        }
        wordStart = index + 1
      }
    }
    return false
  }

  private static func stands(_ text: [UInt8], in key: [UInt8], at start: Int) -> Bool {
    guard start + text.count <= key.count else { return false }
    for index in 0..<text.count where key[start + index] != text[index] { return false }
    return true
  }

  private static let deniedPrefixes: [[UInt8]] = [
    "annotation.", "io.cilium.", "gen:", "projectcalico.org/", "cni.projectcalico.org/",
    "eks.amazonaws.com/", "cloud.google.com/", "linkerd.io/proxy-", "batch.kubernetes.io/",
    "io.kubernetes.",
  ].map { Array($0.utf8) }
  private static let clusterDomains: [[UInt8]] = ["kubernetes.io", "k8s.io"].map { Array($0.utf8) }
  private static let applicationDomain = Array("app.kubernetes.io".utf8)
  /// Words that mark a key as volatile when they stand alone between punctuation.
  private static let volatileWords: [[UInt8]] = ["uid", "sha", "build", "commit"].map {
    Array($0.utf8)
  }
  /// Fragments that mark a key as volatile wherever they stand.
  private static let volatileFragments: [[UInt8]] = [
    "hash", "revision", "generation", "timestamp", "checksum",
  ].map { Array($0.utf8) }

  /// The bytes that a fragment begins with.
  private static let volatileInitials: [Bool] = {
    var initials = [Bool](repeating: false, count: 256)
    for fragment in volatileFragments { initials[Int(fragment[0])] = true }
    return initials
  }()

  private static let deniedKeys: Set<String> = [
    "addonmanager.kubernetes.io/mode", "app.kubernetes.io/created-by",
    "app.kubernetes.io/managed-by", "app.kubernetes.io/owner", "app.kubernetes.io/revision",
    "app.kubernetes.io/version", "apps.kubernetes.io/pod-index",
    "azure.workload.identity/use", "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index", "batch.kubernetes.io/job-name", "chart",
    "cnpg.io/instanceRole", "controller-revision-hash", "controller-uid", "deployment",
    "deploymentconfig", "etcd_node", "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone", "helm.sh/chart", "heritage", "istio.io/rev",
    "job-completion-index", "job-name", "kubernetes.io/hostname",
    "linkerd.io/control-plane-ns", "openshift.io/build.name",
    "openshift.io/deployer-pod-for.name", "pod-template-generation", "pod-template-hash",
    "podIP", "redis-role", "rollouts-pod-template-hash",
    "scheduler.alpha.kubernetes.io/node-selector",
    "security.istio.io/tlsMode", "service.istio.io/canonical-revision",
    "service.istio.io/workload-name", "serving.knative.dev/configurationGeneration",
    "serving.knative.dev/configurationUID", "serving.knative.dev/revision",
    "serving.knative.dev/revisionUID", "sidecar.istio.io/inject", "spark-app-id",
    "spark-app-selector", "spark-exec-id", "spilo-role", "statefulset.kubernetes.io/pod-name",
    "tekton.dev/pipelineRun", "tekton.dev/taskRun", "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone", "version", "workflows.argoproj.io/completed",
    "workflows.argoproj.io/workflow",
  ]

  /// The labels less the denied ones.
  package static func stable(_ labels: Labels) -> Labels { labels.filter { !isDenied($0.key) } }
}
