import FlowAggregation
import FlowModel
import Testing

@testable import FlowFormats

@Suite("The ends of Calico records")
struct CalicoEndsTests {
  /// The destination of a record with these changes.
  private func destination(
    _ changes: [(String, String?)],
    resolver: CalicoHarness.Resolver? = nil
  ) -> Endpoint? {
    let result = CalicoHarness.run(
      CalicoDecoder.self,
      [CalicoFlow.with(changes)],
      resolver: resolver
    )
    return result.edges.entries.first.map { result.endpoints[Int($0.key.destination)] }
  }

  private let network: [(String, String?)] = [
    ("dest_type", #""net""#), ("dest_namespace", #""-""#), ("dest_labels", "null"),
  ]

  // Trap 4.
  @Test(
    "Public and private networks are never a CIDR",
    arguments: [("pub", "public-network"), ("pvt", "private-network")]
  )
  func networks(_ name: String, _ entity: String) {
    let changes = network + [("dest_name_aggr", "\"\(name)\"")]
    #expect(
      destination(changes) == Endpoint(kind: .unresolved, name: name, entity: entity)
    )
    let result = CalicoHarness.run(CalicoDecoder.self, [CalicoFlow.with(changes)])
    #expect(result.counts.notes.contains { $0.contains("no CIDR can be learned") })
  }

  @Test(
    "Whisker's names of networks are networks, not names",
    arguments: [
      ("PUBLIC NETWORK", "pub", "public-network"), ("PRIVATE NETWORK", "pvt", "private-network"),
    ]
  )
  func whiskerNetworks(_ name: String, _ short: String, _ entity: String) {
    for namespace in ["-", ""] {
      let record = CalicoFlow.whisker(destination: name, destinationNamespace: namespace)
      let result = CalicoHarness.run(CalicoDecoder.self, [record])
      #expect(
        result.shown == [
          "pod shop Deployment:web {app=web} -> unresolved '\(short)' <\(entity)> "
            + "TCP/5432 egress allowed x1"
        ]
      )
    }
  }

  @Test(
    "A Whisker name without namespace is a host or a network set, and can be told apart by nobody"
  )
  func whiskerHost() {
    let record = CalicoFlow.whisker(destination: "worker-1", destinationNamespace: "-")
    let result = CalicoHarness.run(CalicoDecoder.self, [record])
    #expect(
      result.shown == [
        "pod shop Deployment:web {app=web} -> unresolved 'worker-1' <host-or-network-set> "
          + "TCP/5432 egress allowed x1"
      ]
    )
    let inwards = CalicoFlow.whisker(
      destination: "worker-1",
      destinationNamespace: "-",
      reporter: "Dst"
    )
    #expect(CalicoHarness.run(CalicoDecoder.self, [inwards]).discarded == [.noPod: 1])
  }

  // Trap 5.
  @Test("'ns' is a network set, not a namespace")
  func networkSet() {
    let changes = network + [("dest_type", #""ns""#), ("dest_name_aggr", #""partners""#)]
    #expect(
      destination(changes)
        == Endpoint(kind: .unresolved, name: "partners", entity: "network-set")
    )
    let inNamespace = changes + [("dest_namespace", #""data""#)]
    #expect(destination(inNamespace)?.kind == .unresolved)
    #expect(destination(inNamespace)?.namespace == "")
  }

  @Test("A host endpoint is a node")
  func host() {
    let changes = network + [("dest_type", #""hep""#), ("dest_name_aggr", #""node-7""#)]
    #expect(destination(changes) == Endpoint(kind: .node, name: "node-7"))
  }

  @Test("An address that is given goes through the inventory")
  func address() throws {
    let changes = network + [("dest_name_aggr", #""pub""#), ("dest_ip", #""203.0.113.9""#)]
    let address = try #require(IPAddress("203.0.113.9"))
    #expect(destination(changes) == Endpoint(kind: .address, address: CIDR(single: address)))
    let server = Endpoint(kind: .apiServer, entity: "kube-apiserver")
    let resolver = CalicoHarness.Resolver(known: ["203.0.113.9": .endpoint(server)])
    #expect(destination(changes, resolver: resolver) == server)
    let named = changes + [("dest_domains", #"["api.example.com"]"#)]
    #expect(destination(named, resolver: resolver) == server)
    #expect(destination(named)?.kind == .name)
    #expect(destination(named, resolver: .init())?.kind == .name)
  }

  @Test("Domains make a name, but only those that are DNS names")
  func domains() {
    let changes =
      network + [
        ("dest_name_aggr", #""pub""#),
        ("dest_domains", #"["b.example.com.","A.example.com","not a name","-x.example.com","*"]"#),
      ]
    #expect(destination(changes) == Endpoint(kind: .name, name: "a.example.com,b.example.com"))
    let unusable = network + [("dest_name_aggr", #""pub""#), ("dest_domains", #"["<b>"]"#)]
    #expect(destination(unusable)?.entity == "public-network")
  }

  // Section 7: stripping the hash.
  @Test(
    "The owner is known only where the hash of the name is the pods' own",
    arguments: [
      ("db-5cd68f8d6c-*", #"["app=db","pod-template-hash=5cd68f8d6c"]"#, String?.some("db")),
      ("db-5cd68f8d6c-*", #"["app=db"]"#, nil), ("data-0-*", #"["app=db"]"#, nil),
      ("db-1-*", #"["app=db","pod-template-hash=2"]"#, nil),
      ("-abc-*", #"["pod-template-hash=abc","app=x"]"#, nil),
      ("a-b-c-*", #"["pod-template-hash=c"]"#, .some("a-b")),
    ]
  )
  func owner(_ name: String, _ labels: String, _ owner: String?) {
    let end = destination([
      ("dest_name_aggr", "\"\(name)\""), ("dest_labels", "{\"labels\":\(labels)}"),
    ])
    #expect(end?.workload == owner.map { WorkloadReference(kind: "Deployment", name: $0) })
  }

  // Trap 6 and the choice of labels.
  @Test("Labels that change or are Calico's own are dropped; a value may hold '='")
  func labels() {
    let end = destination([
      (
        "dest_labels",
        #"{"labels":["app=db","pod-template-hash=x","projectcalico.org/namespace=data","controller-revision-hash=y","config=a=b","flag="]}"#
      )
    ])
    #expect(end?.labels == ["app": "db", "config": "a=b", "flag": ""])
  }

  @Test(
    "No labels in any spelling: the name is kept, for the inventory and for records with labels",
    arguments: ["null", #""-""#, #"{"labels":null}"#, #"{"labels":[]}"#, "[]"]
  )
  func noLabels(_ labels: String) {
    let end = destination([("dest_labels", labels)])
    #expect(end == Endpoint(kind: .pod, namespace: "data", name: "db-*"))
    let known = CalicoHarness.pod("data", ["app": "db"], deployment: "db")
    let resolver = CalicoHarness.Resolver(pods: ["data/db-*": known])
    #expect(destination([("dest_labels", labels)], resolver: resolver) == known)
  }

  @Test("A record without labels joins the one of the same aggregated name that has them")
  func joined() {
    let result = CalicoHarness.run(
      CalicoDecoder.self,
      [CalicoFlow.with([("dest_labels", "null")]), CalicoFlow().json]
    )
    #expect(
      result.shown == [
        "pod shop Deployment:web {app=web} -> pod data {app=db} TCP/5432 egress allowed x2"
      ]
    )
  }

  @Test("A full pod name is looked up by itself")
  func fullName() {
    let known = CalicoHarness.pod("data", ["app": "db", "tier": "back"])
    let resolver = CalicoHarness.Resolver(pods: ["data/db-0": known])
    #expect(destination([("dest_name", #""db-0""#)], resolver: resolver) == known)
  }

  @Test("A pod of which all is aggregated away is no endpoint")
  func nothingLeft() {
    let record = CalicoFlow.with([("dest_name_aggr", #""*""#), ("dest_labels", "null")])
    let result = CalicoHarness.run(CalicoDecoder.self, [record])
    #expect(result.discarded == [.unknownEndpoint: 1])
  }

  @Test("The cluster of central storage is kept, its default word is not")
  func cluster() {
    #expect(destination([("cluster", #""east-1""#)])?.cluster == "east-1")
    #expect(destination([("cluster", #""cluster""#)])?.cluster == "")
  }

  @Test("A kubelet's probe stays visible as what it is: an unknown private source")
  func probe() {
    let record = CalicoFlow.with([
      ("reporter", #""dst""#), ("source_type", #""net""#), ("source_name_aggr", #""pvt""#),
      ("source_namespace", #""-""#), ("source_labels", "null"),
    ])
    let result = CalicoHarness.run(CalicoDecoder.self, [record])
    #expect(
      result.shown == [
        "unresolved 'pvt' <private-network> -> pod data {app=db} TCP/5432 ingress allowed x1"
      ]
    )
  }
}
