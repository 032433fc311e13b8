import ClusterInventory
import FlowModel
import JSONText
import TestSupport
import Testing

struct InventoryReaderTests {
  static let pod = """
    "metadata":{"name":"web-1","namespace":"shop","uid":"u1","managedFields":[{"a":1}],\
    "creationTimestamp":"2026-11-09T08:00:00Z","labels":{"app":"web"}},\
    "spec":{"containers":[{"ports":[{"containerPort":8080,"name":"http","hostPort":80}]}],\
    "initContainers":[{"ports":[{"containerPort":1}]},\
    {"restartPolicy":"Always","ports":[{"containerPort":9901,"protocol":"UDP"}]}]},\
    "status":{"phase":"Running","podIP":"10.0.0.5","podIPs":[{"ip":"10.0.0.5"},{"ip":"fd00::5"}],\
    "hostIP":"192.168.0.1","startTime":"2026-11-09T08:00:01Z","containerStatuses":[\
    {"state":{"running":{"startedAt":"2026-11-09T08:00:09Z"}},\
    "lastState":{"terminated":{"startedAt":"2026-11-09T08:00:04Z",\
    "finishedAt":"2026-11-09T08:00:08Z"}}}]}
    """

  static let full = "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\(pod)}"
  static let bare = "{\(pod)}"

  @Test(
    "Every shape that kubectl, raw answers and bundles have gives the pod",
    arguments: [
      "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\(full)]}",
      "{\"apiVersion\":\"v1\",\"kind\":\"PodList\",\"items\":[\(bare)]}",
      "{\"apiVersion\":\"v1\",\"kind\":\"PodList\",\"items\":[\(full)]}",
      full,
      "[\(full)]",
      "{\"kind\":\"List\",\"items\":[{\"kind\":\"List\",\"items\":[\(full)]}]}",
    ]
  )
  func shapes(_ text: String) throws {
    var reader = InventoryReader()
    try reader.read(json(text), file: "pods.json")
    guard case .pod(let pod)? = reader.objects.first else {
      Issue.record("no pod")
      return
    }
    #expect(reader.objects.count == 1)
    #expect(pod.metadata.name == "web-1" && pod.metadata.uid == "u1")
    #expect(pod.addresses == [try address("10.0.0.5"), try address("fd00::5")])
    #expect(
      pod.ports.map(\.port) == [8080, 9901],
      "ordinary init containers serve nothing, sidecars do"
    )
    #expect(pod.ports.map(\.transport) == [.tcp, .udp])
    #expect(pod.firstContainerStart == (try at("08:00:04")), "the run before a restart counts")
    #expect(pod.lastContainerEnd == nil, "a restarted pod is not over")
  }

  @Test(
    "Empty lists read as nothing",
    arguments: ["{\"kind\":\"List\",\"items\":null}", "{\"kind\":\"PodList\",\"items\":[]}", "[]"]
  )
  func empty(_ text: String) throws {
    var reader = InventoryReader()
    try reader.read(json(text), file: "x")
    #expect(reader.objects.isEmpty && reader.counts.items == 0)
  }

  @Test("Documents that are no inventory are refused with file, item and path")
  func refusals() throws {
    let cases: [(String, InventoryError)] = [
      ("{\"Items\":[]}", .oldDump(file: "f")),
      ("{\"ListMeta\":{},\"Items\":[{\"Spec\":{}}]}", .oldDump(file: "f")),
      ("[{\"Name\":\"a\",\"Spec\":{},\"Status\":{}}]", .oldDump(file: "f")),
      ("{\"kind\":\"Pod\",\"Name\":\"a\",\"Spec\":{}}", .oldDump(file: "f")),
      ("3", .notAnInventory(file: "f")),
      ("{\"a\":1}", .notAnInventory(file: "f")),
      ("[1]", .notAnInventory(file: "f")),
      (
        "{\"kind\":\"List\",\"items\":[\(InventoryReaderTests.full),{\"metadata\":{}}]}",
        .missing(file: "f", item: 1, path: "kind")
      ),
      ("{\"kind\":\"Pod\"}", .missing(file: "f", item: 0, path: "metadata")),
      ("{\"kind\":\"Pod\",\"metadata\":{}}", .missing(file: "f", item: 0, path: "metadata.name")),
      (
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"},\"status\":{\"podIPs\":[{\"ip\":7}]}}",
        .malformed(file: "f", item: 0, path: "status.podIPs[0].ip")
      ),
      (
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":[]}}}",
        .malformed(file: "f", item: 0, path: "metadata.labels[x]")
      ),
      (
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"},\"status\":{\"startTime\":\"noon\"}}",
        .malformed(file: "f", item: 0, path: "status.startTime")
      ),
      (
        """
        {"kind":"Service","metadata":{"name":"a"},"spec":{"ports":[{"port":70000}]}}
        """, .malformed(file: "f", item: 0, path: "spec.ports[0].port")
      ),
      ("{\"kind\":\"List\",\"items\":{}}", .malformed(file: "f", item: 0, path: "items")),
    ]
    for (text, expected) in cases {
      var reader = InventoryReader()
      #expect(throws: expected, "\(text)") { try reader.read(json(text), file: "f") }
      #expect(reader.objects.isEmpty && reader.counts.items == 0, "all or nothing: \(text)")
    }
  }

  @Test("Secrets are passed over, other kinds counted, policies handed on")
  func otherKinds() throws {
    var reader = InventoryReader()
    try reader.read(
      json(
        """
        {"kind":"List","items":[
        {"kind":"Secret","apiVersion":"v1","metadata":{"name":"s"},"data":{"password":"aHVudGVy"}},
        {"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"}},
        {"kind":"NetworkPolicy","apiVersion":"networking.k8s.io/v1","metadata":{"name":"n"}},
        {"kind":"CiliumNetworkPolicy","apiVersion":"cilium.io/v2","metadata":{"name":"n"}},
        {"kind":"Service","apiVersion":"serving.knative.dev/v1","metadata":{"name":"k"}},
        {"kind":"Ingress","apiVersion":"config.openshift.io/v1","metadata":{"name":"cluster"}},
        {"kind":"Job","apiVersion":"batch.volcano.sh/v1alpha1","metadata":{"name":"v"}}]}
        """
      ),
      file: "x"
    )
    #expect(reader.objects.isEmpty)
    #expect(reader.counts.items == 7 && reader.counts.secrets == 1)
    #expect(reader.counts.otherKinds == ["ConfigMap": 1, "Service": 1, "Ingress": 1, "Job": 1])
    #expect(reader.policies.count == 2)
    #expect(!reader.policies.description.contains("aHVudGVy"))
  }

  @Test("Blanked out addresses are counted and never become addresses")
  func redacted() throws {
    var reader = InventoryReader()
    try reader.read(
      json(
        """
        [{"kind":"Pod","metadata":{"name":"a"},"status":{"podIP":"***HIDDEN***",\
        "podIPs":[{"ip":"***HIDDEN***"}],"hostIP":""}},
        {"kind":"Service","metadata":{"name":"s"},"spec":{"clusterIP":"None"}},
        {"kind":"Node","metadata":{"name":"n"},"spec":{"podCIDR":"x.x.x.x/24"},"status":{"addresses":[\
        {"type":"Hostname","address":"n"},{"type":"InternalIP","address":"<redacted>"}]}}]
        """
      ),
      file: "x"
    )
    #expect(reader.counts.redacted == 4)
    for case .pod(let pod) in reader.objects { #expect(pod.addresses.isEmpty) }
  }

  @Test("Addresses of nodes come from status and from the network plugin's annotations")
  func nodes() throws {
    var reader = InventoryReader()
    try reader.read(
      json(
        """
        {"kind":"Node","metadata":{"name":"n","annotations":{\
        "projectcalico.org/IPv4Address":"10.1.0.4/16","projectcalico.org/IPv4IPIPTunnelAddr":"10.8.1.1",\
        "io.cilium.network.ipv4-cilium-host":"10.8.1.9"}},\
        "spec":{"podCIDR":"10.8.1.0/24","podCIDRs":["10.8.1.0/24","fd00:8::/64"]},\
        "status":{"addresses":[{"type":"InternalIP","address":"10.1.0.4"},\
        {"type":"ExternalIP","address":"34.1.2.3"},{"type":"InternalDNS","address":"n.local"}]}}
        """
      ),
      file: "x"
    )
    guard case .node(let node)? = reader.objects.first else {
      Issue.record("no node")
      return
    }
    #expect(
      node.addresses.map(\.description) == ["10.1.0.4", "34.1.2.3", "10.8.1.1", "10.8.1.9"]
    )
    #expect(node.podCIDRs.map(\.description) == ["10.8.1.0/24", "fd00:8::/64"])
  }

  @Test("Target ports are numbers, names, or the Service's own port")
  func targetPorts() throws {
    var reader = InventoryReader()
    try reader.read(
      json(
        """
        [{"kind":"Service","metadata":{"name":"s"},"spec":{"type":"ExternalName"}},
        {"kind":"Service","metadata":{"name":"s"},"spec":{"selector":null,"ports":[\
        {"port":80,"targetPort":8080},{"port":81,"targetPort":"http"},{"port":82},\
        {"port":83,"targetPort":"8083"}]}}]
        """
      ),
      file: "x"
    )
    guard case .service(let service)? = reader.objects.last else {
      Issue.record("no Service")
      return
    }
    #expect(
      service.ports.map(\.target) == [.number(8080), .name("http"), .number(82), .number(8083)]
    )
  }

  @Test("Owners are the references marked as controller", arguments: [true, false])
  func owners(_ isController: Bool) throws {
    var reader = InventoryReader()
    try reader.read(
      json(
        """
        {"kind":"Pod","metadata":{"name":"a","ownerReferences":[{"kind":"Node","name":"x"},\
        {"kind":"Job","name":"j","uid":"1","controller":\(isController)}]}}
        """
      ),
      file: "x"
    )
    #expect(reader.objects.first?.metadata.owner?.name == (isController ? "j" : nil))
  }

  @Test("Both slice versions, Endpoints and Ingress versions name the same Services")
  func endpointsAndIngress() throws {
    var reader = InventoryReader()
    try reader.read(
      json(
        """
        [{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1beta1","metadata":{"name":"s-1",\
        "namespace":"a","ownerReferences":[{"kind":"Service","name":"s","controller":true}]},\
        "addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":false},\
        "targetRef":{"kind":"Pod","name":"p","namespace":"a"}}],"ports":[{"port":80,"name":"http"}]},
        {"kind":"Endpoints","metadata":{"name":"s","namespace":"a"},"subsets":[{"notReadyAddresses":[\
        {"ip":"10.0.0.1","targetRef":{"kind":"Pod","name":"p"}}],"ports":[{"port":80,"name":"http"}]}]},
        {"kind":"EndpointSlice","metadata":{"name":"f","namespace":"a"},"addressType":"FQDN",\
        "endpoints":[{"addresses":["db.example.com"]}],"ports":null},
        {"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"i","namespace":"a"},\
        "spec":{"defaultBackend":{"service":{"name":"d"}},"rules":[{"host":"x"},\
        {"http":{"paths":[{"backend":{"service":{"name":"s"}}}]}}]}},
        {"kind":"Ingress","apiVersion":"extensions/v1beta1","metadata":{"name":"i","namespace":"a"},\
        "spec":{"backend":{"serviceName":"d"},"rules":[{"http":{"paths":[\
        {"backend":{"serviceName":"s"}}]}}]}}]
        """
      ),
      file: "x"
    )
    #expect(reader.counts.redacted == 0, "names in FQDN slices are not blanked out addresses")
    var subsets: [[EndpointsObject.Subset]] = []
    for object in reader.objects {
      if case .endpoints(let endpoints) = object, !endpoints.service.isEmpty {
        #expect(endpoints.service == "s")
        subsets.append(endpoints.subsets)
      }
      if case .ingress(let ingress) = object { #expect(ingress.services == ["d", "s"]) }
    }
    #expect(subsets.count == 2 && subsets.first == subsets.last)
  }

  @Test("No cut or changed byte traps the reader", arguments: Seed.samples(300))
  func hostileBytes(_ seed: Seed) {
    var seed = seed
    var bytes = Array("{\"kind\":\"List\",\"items\":[\(InventoryReaderTests.full)]}".utf8)
    for _ in 0..<Int.random(in: 1...4, using: &seed) {
      let index = Int.random(in: 0..<bytes.count, using: &seed)
      let pool = Array("0\"{}[]:,nt9-A".utf8)
      bytes[index] = pool[Int.random(in: 0..<pool.count, using: &seed)]
    }
    guard let document = try? JSONParser.parse(bytes.span.bytes) else { return }
    var reader = InventoryReader()
    try? reader.read(document, file: "x")
    for object in reader.objects {
      #expect((try? InventoryObject(decoding: object.encode())) == object)
    }
  }
}
