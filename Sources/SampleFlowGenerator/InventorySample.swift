import FlowModel
import JSONText

/// Writes the sample cluster the way `kubectl get ... -A -o json` does.
enum InventorySample {
  private typealias Member = (key: String, value: JSONValue)

  /// A List of namespaces, nodes, pods, workloads and Services, indented.
  static func text() -> String {
    var items: [JSONValue] = []
    for namespace in Set(SampleCluster.pods.map(\.namespace)).union(["default"]).sorted() {
      items.append(
        object(
          "v1",
          "Namespace",
          name: namespace,
          labels: [("kubernetes.io/metadata.name", namespace)]
        )
      )
    }
    for node in SampleCluster.nodes { items.append(self.node(node.name, node.address)) }
    items += SampleCluster.pods.map(pod)
    items += workloads()
    items += services()
    let list = HubbleSample.object([
      ("apiVersion", .string("v1")), ("kind", .string("List")), ("items", .array(items)),
    ])
    return JSONWriter.prettyText(list) + "\n"
  }

  private static func object(
    _ version: String,
    _ kind: String,
    name: String,
    namespace: String? = nil,
    labels: [(String, String)] = [],
    metadata: [Member] = [],
    rest: [Member] = []
  ) -> JSONValue {
    var meta: [Member] = [("name", .string(name))]
    if let namespace { meta.append(("namespace", .string(namespace))) }
    meta.append(("uid", .string(uid("\(kind)/\(namespace ?? "")/\(name)"))))
    meta.append(("creationTimestamp", .string("2026-10-01T08:00:00Z")))
    if !labels.isEmpty { meta.append(("labels", map(labels))) }
    return HubbleSample.object(
      [
        ("apiVersion", .string(version)), ("kind", .string(kind)),
        ("metadata", HubbleSample.object(meta + metadata)),
      ] + rest
    )
  }

  private static func map(_ pairs: [(String, String)]) -> JSONValue {
    HubbleSample.object(pairs.map { ($0.0, .string($0.1)) })
  }

  private static func uid(_ text: String) -> String {
    var state: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(state, radix: 16)
    let padded = String(repeating: "0", count: 16 - digits.count) + digits
    return "\(padded.prefix(8))-\(padded.dropFirst(8).prefix(4))-4000-8000-\(padded.suffix(12))"
  }

  private static func node(_ name: String, _ address: String) -> JSONValue {
    let third = address.split(separator: ".").last.flatMap { Int($0) }.map { $0 - 10 } ?? 0
    return object(
      "v1",
      "Node",
      name: name,
      labels: [("kubernetes.io/hostname", name)],
      rest: [
        ("spec", HubbleSample.object([("podCIDR", .string("10.30.\(third).0/24"))])),
        (
          "status",
          HubbleSample.object([
            (
              "addresses",
              .array([
                map([("type", "InternalIP"), ("address", address)]),
                map([("type", "Hostname"), ("address", name)]),
              ])
            )
          ])
        ),
      ]
    )
  }

  private static func pod(_ pod: SamplePod) -> JSONValue {
    var labels = pod.labels
    var metadata: [Member] = []
    switch pod.ownerKind {
    case "Deployment":
      let hash = SampleCluster.templateHash(pod.namespace, pod.owner)
      labels.append(("pod-template-hash", hash))
      metadata = [owner("ReplicaSet", "\(pod.owner)-\(hash)", pod.namespace)]
    case "StatefulSet":
      labels.append(("statefulset.kubernetes.io/pod-name", pod.name))
      metadata = [owner("StatefulSet", pod.owner, pod.namespace)]
    case "CronJob":
      let job = pod.name.split(separator: "-").dropLast().joined(separator: "-")
      labels.append(("job-name", job))
      metadata = [owner("Job", job, pod.namespace)]
    default: break
    }
    let node = SampleCluster.nodes[pod.node]
    return object(
      "v1",
      "Pod",
      name: pod.name,
      namespace: pod.namespace,
      labels: labels,
      metadata: metadata,
      rest: [
        (
          "spec",
          HubbleSample.object([
            ("nodeName", .string(node.name)),
            (
              "containers",
              .array([
                HubbleSample.object([
                  ("name", .string(pod.owner)), ("ports", .array(pod.ports.map(port))),
                ])
              ])
            ),
          ])
        ),
        (
          "status",
          HubbleSample.object([
            ("phase", .string("Running")), ("podIP", .string(pod.address)),
            ("podIPs", .array([map([("ip", pod.address)])])), ("hostIP", .string(node.address)),
            ("startTime", .string("2026-10-01T08:00:05Z")),
          ])
        ),
      ]
    )
  }

  private static func port(_ port: (name: String, port: Int, transport: String)) -> JSONValue {
    HubbleSample.object([
      ("name", .string(port.name)), ("containerPort", .number(String(port.port))),
      ("protocol", .string(port.transport)),
    ])
  }

  private static func owner(_ kind: String, _ name: String, _ namespace: String) -> Member {
    (
      "ownerReferences",
      .array([
        HubbleSample.object([
          ("apiVersion", .string(kind == "Job" ? "batch/v1" : "apps/v1")), ("kind", .string(kind)),
          ("name", .string(name)), ("uid", .string(uid("\(kind)/\(namespace)/\(name)"))),
          ("controller", .bool(true)),
        ])
      ])
    )
  }

  private static func workloads() -> [JSONValue] {
    var items: [JSONValue] = []
    var seen: Set<String> = []
    for pod in SampleCluster.pods where pod.ownerKind != "Pod" {
      guard seen.insert("\(pod.namespace)/\(pod.owner)").inserted else { continue }
      let selector: Member = (
        "spec",
        HubbleSample.object([("selector", HubbleSample.object([("matchLabels", map(pod.labels))]))])
      )
      let hash = SampleCluster.templateHash(pod.namespace, pod.owner)
      switch pod.ownerKind {
      case "Deployment":
        items.append(
          object(
            "apps/v1",
            "Deployment",
            name: pod.owner,
            namespace: pod.namespace,
            rest: [selector]
          )
        )
        items.append(
          object(
            "apps/v1",
            "ReplicaSet",
            name: "\(pod.owner)-\(hash)",
            namespace: pod.namespace,
            metadata: [owner("Deployment", pod.owner, pod.namespace)]
          )
        )
      case "StatefulSet":
        items.append(
          object(
            "apps/v1",
            "StatefulSet",
            name: pod.owner,
            namespace: pod.namespace,
            rest: [selector]
          )
        )
      default:
        let job = pod.name.split(separator: "-").dropLast().joined(separator: "-")
        items.append(object("batch/v1", "CronJob", name: pod.owner, namespace: pod.namespace))
        items.append(
          object(
            "batch/v1",
            "Job",
            name: job,
            namespace: pod.namespace,
            metadata: [owner("CronJob", pod.owner, pod.namespace)]
          )
        )
      }
    }
    return items
  }

  private static func services() -> [JSONValue] {
    let rows: [(String, String, String, String, [(String, Int, String, String)])] = [
      ("app-prod", "web", "10.96.1.1", "ClusterIP", [("http", 80, "8080", "TCP")]),
      ("app-prod", "api", "10.96.1.2", "ClusterIP", [("http", 80, "8080", "TCP")]),
      ("app-prod", "db", "10.96.1.3", "ClusterIP", [("postgres", 5432, "postgres", "TCP")]),
      ("shop-staging", "web", "10.96.2.1", "ClusterIP", [("http", 80, "8080", "TCP")]),
      ("shop-staging", "api", "10.96.2.2", "ClusterIP", [("http", 80, "8080", "TCP")]),
      ("shop-staging", "db", "10.96.2.3", "ClusterIP", [("postgres", 5432, "postgres", "TCP")]),
      (
        "kube-system", "kube-dns", "10.96.0.10", "ClusterIP",
        [("dns", 53, "53", "UDP"), ("dns-tcp", 53, "53", "TCP")]
      ),
      (
        "ingress-system", "ingress-nginx", "10.96.3.1", "LoadBalancer",
        [("https", 443, "https", "TCP")]
      ),
    ]
    return rows.map { namespace, name, address, type, ports in
      let owner = name == "kube-dns" ? "coredns" : name
      let labels = SampleCluster.pods(namespace, owner).first?.labels ?? []
      return object(
        "v1",
        "Service",
        name: name,
        namespace: namespace,
        rest: [
          (
            "spec",
            HubbleSample.object([
              ("type", .string(type)), ("clusterIP", .string(address)),
              ("clusterIPs", .array([.string(address)])), ("selector", map(labels)),
              (
                "ports",
                .array(
                  ports.map { port in
                    HubbleSample.object([
                      ("name", .string(port.0)), ("port", .number(String(port.1))),
                      ("targetPort", Int(port.2) == nil ? .string(port.2) : .number(port.2)),
                      ("protocol", .string(port.3)),
                    ])
                  }
                )
              ),
            ])
          )
        ]
      )
    }
  }
}
