import FlowModel
import TestSupport
import Testing

@Suite("Labels")
struct LabelsTests {
  @Test("The last value of a key counts, and the order of writing does not")
  func making() {
    let labels = Labels([("b", "2"), ("a", "1"), ("b", "3")])
    #expect(labels.description == "a=1,b=3")
    #expect(labels == ["b": "3", "a": "1"])
    #expect(labels["b"] == "3" && labels["c"] == nil)
  }

  @Test("Labels that are in order already are taken as they are")
  func ascending() {
    let keys = ["app", "app.kubernetes.io/name", "b", "tier"]
    let labels = Labels(ascending: keys.map { Labels.Element(key: $0, value: "\($0)!") })
    #expect(labels == Labels(keys.reversed().map { ($0, "\($0)!") }))
    #expect(Labels(ascending: []).isEmpty)
  }

  @Test("Changing labels is like changing a dictionary", arguments: Seed.samples(50))
  func model(seed: Seed) {
    var seed = seed
    var labels = Labels()
    var model: [String: String] = [:]
    for _ in 0..<60 {
      let key = String(Int.random(in: 0..<12, using: &seed))
      let value = Bool.random(using: &seed) ? String(Int.random(in: 0..<3, using: &seed)) : nil
      labels[key] = value
      model[key] = value
      #expect(labels.keys == model.keys.sorted())
      #expect(labels.elements.allSatisfy { model[$0.key] == $0.value })
      #expect(labels == Labels(model.map { ($0.key, $0.value) }))
    }
    let other = labels.filter { $0.value != "1" }
    #expect(other.isSubset(of: labels) && labels.intersection(other) == other)
    #expect(labels.isSubset(of: other) == (labels == other))
  }

  /// The inventory document's list of keys that never select, and an example for each of its patterns.
  private static let denied = """
    pod-template-hash rollouts-pod-template-hash pod-template-generation controller-revision-hash
    controller-uid batch.kubernetes.io/controller-uid job-name batch.kubernetes.io/job-name
    job-completion-index batch.kubernetes.io/job-completion-index statefulset.kubernetes.io/pod-name
    apps.kubernetes.io/pod-index helm.sh/chart chart heritage app.kubernetes.io/version
    app.kubernetes.io/managed-by app.kubernetes.io/created-by app.kubernetes.io/owner
    app.kubernetes.io/revision version security.istio.io/tlsMode service.istio.io/canonical-revision
    service.istio.io/workload-name istio.io/rev sidecar.istio.io/inject linkerd.io/control-plane-ns
    linkerd.io/proxy-deployment linkerd.io/proxy-job topology.kubernetes.io/region
    topology.kubernetes.io/zone failure-domain.beta.kubernetes.io/region
    failure-domain.beta.kubernetes.io/zone kubernetes.io/hostname node.kubernetes.io/instance-type
    beta.kubernetes.io/arch beta.kubernetes.io/os beta.kubernetes.io/instance-type
    scheduler.alpha.kubernetes.io/node-selector addonmanager.kubernetes.io/mode
    kubernetes.io/cluster-service eks.amazonaws.com/fargate-profile eks.amazonaws.com/component
    azure.workload.identity/use cloud.google.com/gke-nodepool deployment deploymentconfig
    openshift.io/deployer-pod-for.name openshift.io/build.name serving.knative.dev/revision
    serving.knative.dev/revisionUID serving.knative.dev/configurationGeneration
    serving.knative.dev/configurationUID workflows.argoproj.io/workflow
    workflows.argoproj.io/completed tekton.dev/pipelineRun tekton.dev/taskRun spark-app-selector
    spark-exec-id spark-app-id podIP redis-role spilo-role cnpg.io/instanceRole
    io.cilium.k8s.policy.cluster projectcalico.org/namespace projectcalico.org/orchestrator
    projectcalico.org/serviceaccount annotation.example.com/x example.com/config-hash
    example.com/owner-uid example.com/revision-id example.com/generation example.com/timestamp
    example.com/config-checksum example.com/build example.com/commit example.com/git-sha
    storage.k8s.io/x custom.kubernetes.io/x
    """.split { $0 == " " || $0 == "\n" }.map(String.init)

  /// Keys that tell workloads apart, some of them with a part of a denied word in them.
  private static let kept = """
    app app.kubernetes.io/name app.kubernetes.io/component app.kubernetes.io/instance
    app.kubernetes.io/part-of k8s-app name component run service tier role team.example.com/name
    common:x builder shadow committee fluid example.com/share example.com/guide
    """.split { $0 == " " || $0 == "\n" }.map(String.init)

  @Test("Labels that change per pod, revision or release never select", arguments: denied)
  func volatile(key: String) { #expect(VolatileLabels.isDenied(key)) }

  @Test("Labels that stay are kept", arguments: kept)
  func stable(key: String) { #expect(!VolatileLabels.isDenied(key)) }
}

@Suite("Endpoints and protocols")
struct EndpointTests {
  @Test("Protocols are read by name and number")
  func protocols() {
    #expect(TransportProtocol("tcp") == .tcp && TransportProtocol("UDP") == .udp)
    #expect(TransportProtocol("132") == .sctp && TransportProtocol("icmp6") == .icmpv6)
    #expect(TransportProtocol("256") == nil && TransportProtocol("") == nil)
    #expect(TransportProtocol(number: 47).description == "47")
  }

  @Test("The order of endpoints is total", arguments: Seed.samples(50))
  func order(seed: Seed) {
    var seed = seed
    func random() -> Endpoint {
      Endpoint(
        kind: [.pod, .address, .name][Int.random(in: 0..<3, using: &seed)],
        cluster: ["", "a"][Int.random(in: 0..<2, using: &seed)],
        namespace: ["", "n"][Int.random(in: 0..<2, using: &seed)],
        workload: Bool.random(using: &seed) ? WorkloadReference(kind: "Job", name: "j") : nil,
        labels: Bool.random(using: &seed) ? ["a": "b"] : [:],
        address: Bool.random(using: &seed) ? .worldIPv4 : nil,
        name: ["", "x"][Int.random(in: 0..<2, using: &seed)],
        entity: ["", "world"][Int.random(in: 0..<2, using: &seed)]
      )
    }
    let (one, two, three) = (random(), random(), random())
    #expect([one < two, two < one, one == two].count { $0 } == 1)
    if one < two, two < three { #expect(one < three) }
  }

  @Test("Indices of classes and sides are positions in their lists")
  func indices() {
    for (index, value) in EvidenceClass.allCases.enumerated() { #expect(value.index == index) }
    for (index, value) in PolicySide.allCases.enumerated() { #expect(value.index == index) }
    #expect(EvidenceClass.allCases.sorted() == EvidenceClass.allCases)
  }
}
