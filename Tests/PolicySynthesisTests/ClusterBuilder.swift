import FlowAggregation
import FlowModel
import PolicyModel
import PolicySynthesis
import TestSupport

/// Builds the input of a proposal by names.
struct ClusterBuilder {
  var workloads: [Workload] = []
  var connections: [LearnedConnection] = []
  private var indices: [String: Int] = [:]

  /// Adds a Deployment `namespace/name`; without label sets it is labelled `app: name`.
  mutating func add(
    _ path: String,
    _ labelSets: Labels...,
    owner: WorkloadReference?? = nil,
    selector: Labels = [:],
    isHostNetwork: Bool = false,
    isExposed: Bool = false,
    cluster: String = ""
  ) {
    let parts = path.split(separator: "/").map(String.init)
    indices[path] = workloads.count
    workloads.append(
      Workload(
        cluster: cluster,
        namespace: parts[0],
        owner: owner ?? WorkloadReference(kind: "Deployment", name: parts[1]),
        labelSets: labelSets.isEmpty ? [["app": parts[1]]] : labelSets.sorted(),
        selectorLabels: selector,
        isHostNetwork: isHostNetwork,
        isExposed: isExposed
      )
    )
  }

  /// The index of a workload.
  func index(_ path: String) -> Int { indices[path] ?? -1 }

  /// The end that a workload's path, an address, `name=address`, or `@entity` stands for.
  func end(_ text: String) -> ConnectionEnd {
    if let index = indices[text] { return .workload(index) }
    if text.hasPrefix("@") {
      let entity = String(text.dropFirst())
      return switch entity {
      case "kube-apiserver": .other(Endpoint(kind: .apiServer, entity: entity))
      case "host", "remote-node": .other(Endpoint(kind: .node, entity: entity))
      default: .other(Endpoint(kind: .entity, entity: entity))
      }
    }
    if text.hasPrefix("node:") {
      return .other(Endpoint(kind: .node, address: CIDR(text.dropFirst(5))))
    }
    let parts = text.split(separator: "=")
    if parts.count == 2 {
      return .other(Endpoint(kind: .name, address: CIDR(parts[1]), name: String(parts[0])))
    }
    return .other(Endpoint(kind: .address, address: CIDR(text)))
  }

  /// Adds an accepted connection.
  mutating func connect(
    _ source: String,
    _ destination: String,
    _ port: UInt16,
    _ transport: TransportProtocol = .tcp
  ) {
    connections.append(
      LearnedConnection(
        source: end(source),
        destination: end(destination),
        transport: transport,
        port: port,
        evidence: ClusterBuilder.evidence
      )
    )
  }

  /// The input for a namespace.
  func input(_ namespace: String) -> SynthesisInput {
    SynthesisInput(namespace: namespace, workloads: workloads, connections: connections)
  }

  /// Evidence that does not matter.
  static let evidence = ConnectionEvidence(
    records: 1,
    firstMicroseconds: 0,
    lastMicroseconds: 1,
    logKinds: [.hubble]
  )
}

/// Small clusters in which labels overlap in every way, from a seed.
enum RandomCluster {
  static func input(_ seed: Seed) -> SynthesisInput {
    var random = seed
    var cluster = ClusterBuilder()
    var paths: [String] = []
    for namespace in ["app", "data"] {
      for number in 0..<Int.random(in: 2...7, using: &random) {
        let path = "\(namespace)/w\(number)"
        paths.append(path)
        var labels = randomLabels(&random)
        var sets = [labels]
        if Int.random(in: 0..<4, using: &random) == 0 {
          labels["release"] = ["stable", "next"].randomElement(using: &random)
          sets.append(labels)
        }
        let isBare = Int.random(in: 0..<5, using: &random) == 0
        let app = sets[0]["app"].map { ["app": $0] as Labels } ?? [:]
        cluster.workloads.append(
          Workload(
            namespace: namespace,
            owner: isBare ? nil : WorkloadReference(kind: "Deployment", name: "w\(number)"),
            labelSets: Array(Set(sets)).sorted(),
            selectorLabels: Bool.random(using: &random) ? app : [:],
            isExposed: Int.random(in: 0..<6, using: &random) == 0
          )
        )
      }
    }
    cluster.workloads.append(
      Workload(
        namespace: "kube-system",
        owner: WorkloadReference(kind: "Deployment", name: "coredns"),
        labelSets: [["k8s-app": "kube-dns"]]
      )
    )
    let pods = cluster.workloads.indices.dropLast()
    let externals = [
      "198.51.100.7", "198.51.100.8", "203.0.113.20", "203.0.113.21", "203.0.113.22",
      "203.0.113.23", "203.0.113.30", "2001:db8::5", "10.9.0.4", "api.example.com=192.0.2.44",
      "cdn.example.com,api.example.com=192.0.2.45", "node:172.16.0.9", "@remote-node",
      "@kube-apiserver",
    ]
    let ports: [UInt16] = [80, 81, 82, 443, 5432, 9090]
    var seen: Set<LearnedConnection> = []
    for _ in 0..<Int.random(in: 1...40, using: &random) {
      let one = pods.randomElement(using: &random) ?? 0
      let isInside = Int.random(in: 0..<3, using: &random) > 0
      let two: ConnectionEnd =
        isInside
        ? .workload(pods.randomElement(using: &random) ?? 0)
        : cluster.end(externals.randomElement(using: &random) ?? "198.51.100.7")
      let isOutward = isInside || Bool.random(using: &random)
      seen.insert(
        LearnedConnection(
          source: isOutward ? .workload(one) : two,
          destination: isOutward ? two : .workload(one),
          transport: Int.random(in: 0..<6, using: &random) == 0 ? .udp : .tcp,
          port: ports.randomElement(using: &random) ?? 80,
          evidence: ClusterBuilder.evidence
        )
      )
    }
    for pod in pods where Bool.random(using: &random) {
      seen.insert(
        LearnedConnection(
          source: .workload(pod),
          destination: .workload(cluster.workloads.count - 1),
          transport: .udp,
          port: 53,
          evidence: ClusterBuilder.evidence
        )
      )
    }
    cluster.connections = seen.filter { connection in
      [connection.source, connection.destination].contains { end in
        if case .workload(let index) = end {
          cluster.workloads[index].namespace == "app"
        } else {
          false
        }
      }
    }
    var input = cluster.input("app")
    input.apiServerAddresses = [CIDR("172.16.0.2")].compactMap(\.self)
    return input
  }

  private static func randomLabels(_ random: inout Seed) -> Labels {
    var labels = Labels()
    labels["app"] = ["web", "api", "db"].randomElement(using: &random)
    let keys = ["tier", "app.kubernetes.io/instance", "canary", "team"]
    for key in keys where Int.random(in: 0..<3, using: &random) == 0 {
      labels[key] = ["a", "b"].randomElement(using: &random)
    }
    if Int.random(in: 0..<12, using: &random) == 0 { labels["app"] = nil }
    if Int.random(in: 0..<6, using: &random) == 0 {
      labels["pod-template-hash"] = "6d4b75cb6d"
      labels["image"] = "v1.\(Int.random(in: 0...9, using: &random)).2"
    }
    if Int.random(in: 0..<8, using: &random) == 0 {
      let hostile = [
        "a\"b: {c}\n- d", String(repeating: "x", count: 300), "'; --", "*/ &a !!x", "é",
      ]
      labels["note"] = hostile.randomElement(using: &random)
      labels["bad key\n"] = "a"
    }
    return labels
  }

  /// The same input with workloads and connections in another order.
  static func shuffled(_ input: SynthesisInput, _ seed: Seed) -> SynthesisInput {
    var random = seed
    let order = Array(input.workloads.indices).shuffled(using: &random)
    var position: [Int: Int] = [:]
    for (new, old) in order.enumerated() { position[old] = new }
    func moved(_ end: ConnectionEnd) -> ConnectionEnd {
      if case .workload(let index) = end { .workload(position[index] ?? -1) } else { end }
    }
    var result = input
    result.workloads = order.map { input.workloads[$0] }
    result.connections = (input.connections + input.connections.prefix(3)).map { connection in
      var connection = connection
      connection.source = moved(connection.source)
      connection.destination = moved(connection.destination)
      return connection
    }.shuffled(using: &random)
    return result
  }
}
