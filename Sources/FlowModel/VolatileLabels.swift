/// The labels that change per pod, revision, run or release, and so never identify a workload.
///
/// Source: the deny list of the inventory document (controllers' own labels, chart and version labels,
/// mesh and cloud labels) and its patterns. What changes in one cluster only is found from the data when
/// a proposal is made.
package enum VolatileLabels {
  /// Whether a pod label key is never stored or used in a selector.
  package static func isDenied(_ key: String) -> Bool {
    if deniedKeys.contains(key) { return true }
    if key.hasPrefix("annotation.") || key.hasPrefix("io.cilium.") || key.hasPrefix("gen:")
      || key.hasPrefix("projectcalico.org/") || key.hasPrefix("cni.projectcalico.org/")
      || key.hasPrefix("eks.amazonaws.com/") || key.hasPrefix("cloud.google.com/")
      || key.hasPrefix("linkerd.io/proxy-") || key.hasPrefix("batch.kubernetes.io/")
      || key.hasPrefix("io.kubernetes.")
    {
      return true
    }
    if let slash = key.firstIndex(of: "/") {
      let domain = key[..<slash]
      let owned = domain == "kubernetes.io" || domain.hasSuffix(".kubernetes.io")
      let internalDomain = domain == "k8s.io" || domain.hasSuffix(".k8s.io")
      if (owned && domain != "app.kubernetes.io") || internalDomain { return true }
    }
    let lower = key.lowercased()
    let words = lower.split { !$0.isLetter && !$0.isNumber }
    return words.contains { volatileWords.contains(String($0)) }
      || volatileFragments.contains { lower.contains($0) }
  }

  /// Words that mark a key as volatile when they stand alone between punctuation.
  private static let volatileWords: Set<String> = ["uid", "sha", "build", "commit"]
  /// Fragments that mark a key as volatile wherever they stand.
  private static let volatileFragments = [
    "hash", "revision", "generation", "timestamp", "checksum",
  ]

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
