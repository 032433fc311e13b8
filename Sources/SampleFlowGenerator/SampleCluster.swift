import FlowModel

/// A pod of the sample cluster.
struct SamplePod {
  var namespace: String
  var name: String
  var ownerKind: String
  var owner: String
  var labels: [(String, String)]
  var address: String
  var node: Int
  /// Container ports with names; empty for clients.
  var ports: [(name: String, port: Int, transport: String)]
  var isHostNetwork = false
}

/// A small cluster: a three-tier shop in production and staging, an ingress controller, DNS, monitoring.
enum SampleCluster {
  static let name = "demo"
  static let nodes = (1...3).map { (name: "node-\($0)", address: "10.20.0.\(10 + $0)") }
  /// 2026-11-02T00:00:00Z, a Monday.
  static let start: Int64 = 1_793_577_600 * Timestamps.second
  static let days = 14

  static let pods: [SamplePod] =
    deployment(
      "ingress-system",
      "ingress-nginx",
      labels: [
        ("app.kubernetes.io/component", "controller"), ("app.kubernetes.io/name", "ingress-nginx"),
      ],
      replicas: [(1, "10.30.1.10")],
      ports: [("https", 8443, "TCP")]
    )
    + tiers("app-prod", base: 1) + tiers("shop-staging", base: 2)
    + deployment(
      "app-prod",
      "cache",
      labels: [("app", "shop"), ("tier", "cache")],
      replicas: [(2, "10.30.2.60")],
      ports: [("redis", 6379, "TCP")]
    )
    + deployment(
      "kube-system",
      "coredns",
      labels: [("k8s-app", "kube-dns")],
      replicas: [(1, "10.30.1.2"), (2, "10.30.2.2")],
      ports: [("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")]
    )
    + deployment(
      "monitoring",
      "prometheus",
      labels: [("app.kubernetes.io/instance", "main"), ("app.kubernetes.io/name", "prometheus")],
      replicas: [(3, "10.30.3.20")],
      ports: [("web", 9090, "TCP")]
    )
    + [
      SamplePod(
        namespace: "app-prod",
        name: "report-29381520-x7k2p",
        ownerKind: "CronJob",
        owner: "report",
        labels: [("app", "shop"), ("tier", "report")],
        address: "10.30.1.70",
        node: 0,
        ports: []
      ),
      SamplePod(
        namespace: "shop-staging",
        name: "debug-shell",
        ownerKind: "Pod",
        owner: "debug-shell",
        labels: [("run", "debug-shell")],
        address: "10.30.2.99",
        node: 1,
        ports: []
      ),
    ]

  private static func tiers(_ namespace: String, base: Int) -> [SamplePod] {
    let offset = base == 1 ? 20 : 40
    let app = ("app", "shop")
    return deployment(
      namespace,
      "web",
      labels: [app, ("tier", "web")],
      replicas: [(1, "10.30.1.\(offset)"), (2, "10.30.2.\(offset)")],
      ports: [("http", 8080, "TCP"), ("metrics", 9090, "TCP")]
    )
      + deployment(
        namespace,
        "api",
        labels: [app, ("tier", "api")],
        replicas: [(2, "10.30.2.\(offset + 1)"), (3, "10.30.3.\(offset + 1)")],
        ports: [("http", 8080, "TCP"), ("metrics", 9090, "TCP")]
      )
      + [
        SamplePod(
          namespace: namespace,
          name: "db-0",
          ownerKind: "StatefulSet",
          owner: "db",
          labels: [app, ("tier", "db")],
          address: "10.30.\(base == 1 ? 3 : 1).\(offset + 2)",
          node: base == 1 ? 2 : 0,
          ports: [("postgres", 5432, "TCP"), ("metrics", 9187, "TCP")]
        )
      ]
  }

  private static func deployment(
    _ namespace: String,
    _ name: String,
    labels: [(String, String)],
    replicas: [(node: Int, address: String)],
    ports: [(name: String, port: Int, transport: String)]
  ) -> [SamplePod] {
    let hash = templateHash(namespace, name)
    return replicas.enumerated().map { index, replica in
      SamplePod(
        namespace: namespace,
        name: "\(name)-\(hash)-\(suffix(index, name))",
        ownerKind: "Deployment",
        owner: name,
        labels: labels,
        address: replica.address,
        node: replica.node - 1,
        ports: ports
      )
    }
  }

  /// A stand-in for the ReplicaSet hash, the same on every run.
  static func templateHash(_ namespace: String, _ name: String) -> String {
    var state: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in "\(namespace)/\(name)".utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return safe(state, count: 9)
  }

  private static func suffix(_ index: Int, _ name: String) -> String {
    var state = UInt64(index + 7) &* 0x9E37_79B9_7F4A_7C15
    for byte in name.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return safe(state, count: 5)
  }

  /// Kubernetes' alphabet for generated names: no vowels, no look-alikes.
  private static func safe(_ value: UInt64, count: Int) -> String {
    let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")
    var rest = value
    return String(
      (0..<count).map { _ -> Character in
        let character = alphabet[Int(rest % UInt64(alphabet.count))]
        rest /= UInt64(alphabet.count)
        return character
      }
    )
  }

  static func pods(_ namespace: String, _ owner: String) -> [SamplePod] {
    pods.filter { $0.namespace == namespace && $0.owner == owner }
  }
}
