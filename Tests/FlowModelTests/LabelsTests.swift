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

  @Test("Distinct labels make a set in any order; a key given twice makes none")
  func distinct() {
    func elements(_ keys: String...) -> [Labels.Element] {
      keys.map { Labels.Element(key: $0, value: "\($0)!") }
    }
    #expect(Labels(distinct: [])?.isEmpty == true)
    let labels = Labels(distinct: elements("app.kubernetes.io/name", "app", "tier", "b"))
    #expect(labels?.keys == ["app", "app.kubernetes.io/name", "b", "tier"])
    #expect(
      labels?["tier"] == "tier!"
        && labels == labels.map { Labels($0.elements.map { ($0.key, $0.value) }) }
    )
    #expect(Labels(distinct: elements("a", "b", "a")) == nil)
    #expect(Labels(distinct: elements("b", "a", "a")) == nil)
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

  @Test(
    "Labels that change per pod, revision or release are known",
    arguments: [
      ("app", false), ("app.kubernetes.io/name", false), ("app.kubernetes.io/component", false),
      ("tier", false), ("k8s-app", false), ("team.example.com/name", false), ("common:x", false),
      ("pod-template-hash", true), ("controller-revision-hash", true),
      ("statefulset.kubernetes.io/pod-name", true), ("apps.kubernetes.io/pod-index", true),
      ("job-name", true), ("controller-uid", true), ("batch.kubernetes.io/job-name", true),
      ("version", true), ("helm.sh/chart", true), ("io.cilium.k8s.policy.cluster", true),
      ("app.kubernetes.io/version", true), ("example.com/config-checksum", true),
      ("security.istio.io/tlsMode", true), ("topology.kubernetes.io/zone", true),
    ]
  )
  func volatile(key: String, isDenied: Bool) { #expect(VolatileLabels.isDenied(key) == isDenied) }
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
