import FlowModel
import Foundation
import PolicyModel
import Yams

/// Reads workloads, namespaces and NetworkPolicies from Kubernetes manifests in a folder.
struct ClusterReader {
  /// A workload and the pods of it that differ.
  struct Workload {
    var name: String
    var pods: [PolicyEndpoint]
  }

  private(set) var policies: [Policy] = []
  private(set) var workloads: [Workload] = []
  private var pods: [(name: String, pod: PolicyEndpoint)] = []
  private var namespaces: [String: Labels] = [:]

  init(folder: URL) throws {
    for file in try Self.files(in: folder) {
      for document in try Yams.compose_all(yaml: file.text) { add(document, kind: nil) }
    }
    for (name, pod) in pods {
      var pod = pod
      var labels = namespaces[pod.namespace] ?? [:]
      labels["kubernetes.io/metadata.name"] = pod.namespace
      pod.namespaceLabels = labels
      if let index = workloads.firstIndex(where: { $0.name == name }) {
        if !workloads[index].pods.contains(pod) { workloads[index].pods.append(pod) }
      } else {
        workloads.append(Workload(name: name, pods: [pod]))
      }
    }
  }

  /// The manifests of a folder and its subfolders, by path.
  static func files(in folder: URL) throws -> [(name: String, text: String)] {
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    return try (files?.allObjects as? [URL] ?? []).sorted { $0.path < $1.path }
      .filter { ["yaml", "yml", "json"].contains($0.pathExtension) }
      .map { ($0.lastPathComponent, try String(contentsOf: $0, encoding: .utf8)) }
  }

  private mutating func add(_ node: Node, kind given: String?) {
    let kind = node["kind"]?.string ?? given ?? ""
    let metadata = node["metadata"]
    let namespace = metadata?["namespace"]?.string ?? "default"
    let name = metadata?["name"]?.string ?? ""
    switch kind {
    case "List", "PodList", "NamespaceList", "NetworkPolicyList":
      let itemKind = kind == "List" ? nil : String(kind.dropLast("List".count))
      for item in node["items"]?.array() ?? [] { add(item, kind: itemKind) }
    case "Namespace": namespaces[name] = Self.labels(metadata?["labels"])
    case "NetworkPolicy":
      policies.append(Self.policy(node["spec"], name: name, namespace: namespace))
    case "Pod":
      let owner = metadata?["ownerReferences"]?.array().first
      let ownerKind = owner?["kind"]?.string ?? "Pod"
      let path = owner.map { "\(namespace)/\($0["name"]?.string ?? "")[\(ownerKind)]" }
      addPod(
        path ?? "\(namespace)/\(name)[Pod]",
        namespace,
        metadata?["labels"],
        spec: node["spec"]
      )
    case "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController",
      "CronJob":
      let spec = kind == "CronJob" ? node["spec"]?["jobTemplate"]?["spec"] : node["spec"]
      let template = spec?["template"]
      addPod(
        "\(namespace)/\(name)[\(kind)]",
        namespace,
        template?["metadata"]?["labels"],
        spec: template?["spec"]
      )
    default: break
    }
  }

  private mutating func addPod(_ path: String, _ namespace: String, _ labels: Node?, spec: Node?) {
    var ports: [PolicyEndpoint.NamedPort] = []
    for container in spec?["containers"]?.array() ?? [] {
      for port in container["ports"]?.array() ?? [] {
        guard let name = port["name"]?.string,
          let number = port["containerPort"]?.int.flatMap(UInt16.init(exactly:)),
          let transport = TransportProtocol(port["protocol"]?.string ?? "TCP")
        else { continue }
        ports.append(.init(name: name, transport: transport, port: number))
      }
    }
    pods.append((path, .pod(namespace, Self.labels(labels), namedPorts: ports)))
  }

  private static func labels(_ node: Node?) -> Labels {
    Labels((node?.mapping ?? [:]).map { ($0.key.string ?? "", $0.value.string ?? "") })
  }

  private static func selector(_ node: Node) -> LabelSelector {
    var requirements = labels(node["matchLabels"]).elements.map {
      LabelRequirement.equals($0.key, $0.value)
    }
    for expression in node["matchExpressions"]?.array() ?? [] {
      guard let key = expression["key"]?.string,
        let operation = LabelRequirement.Operation(rawValue: expression["operator"]?.string ?? "")
      else { continue }
      let values = expression["values"]?.array().compactMap(\.string) ?? []
      requirements.append(LabelRequirement(key, operation, values))
    }
    return .requirements(requirements)
  }

  private static func policy(_ spec: Node?, name: String, namespace: String) -> Policy {
    let types = spec?["policyTypes"]?.array().compactMap(\.string)
    var isolates: Set<Direction> = []
    if types?.contains("Ingress") ?? true { isolates.insert(.ingress) }
    if types?.contains("Egress") ?? (spec?["egress"] != nil) { isolates.insert(.egress) }
    var rules: [PolicyRule] = []
    for (key, peerKey, direction) in [
      ("ingress", "from", Direction.ingress), ("egress", "to", .egress),
    ] {
      for rule in spec?[key]?.array() ?? [] {
        let peers = rule[peerKey]?.array() ?? []
        let ports = rule["ports"]?.array() ?? []
        rules.append(
          PolicyRule(
            direction: direction,
            peers: peers.isEmpty ? nil : peers.compactMap(peer),
            ports: ports.isEmpty ? nil : ports.compactMap(port)
          )
        )
      }
    }
    return Policy(
      kind: .networkPolicy,
      name: name,
      namespace: namespace,
      subject: PodMatch(pods: spec?["podSelector"].map(selector) ?? .everything),
      isolates: isolates,
      rules: rules
    )
  }

  private static func peer(_ node: Node) -> PolicyPeer? {
    if let block = node["ipBlock"] {
      guard let prefix = CIDR(block["cidr"]?.string ?? "") else { return nil }
      let exceptions = block["except"]?.array().compactMap { CIDR($0.string ?? "") } ?? []
      return .cidr(prefix, except: exceptions)
    }
    return .pods(
      PodMatch(
        namespaces: node["namespaceSelector"].map { .selector(selector($0)) } ?? .own,
        pods: node["podSelector"].map(selector) ?? .everything
      )
    )
  }

  private static func port(_ node: Node) -> PolicyPort? {
    guard let transport = TransportProtocol(node["protocol"]?.string ?? "TCP") else { return nil }
    guard let port = node["port"] else { return PolicyPort(transport: transport, match: .any) }
    guard let first = port.int.flatMap(UInt16.init(exactly:)) else {
      return PolicyPort(transport: transport, match: .named(port.string ?? ""))
    }
    let last = node["endPort"]?.int.flatMap(UInt16.init(exactly:)) ?? first
    return PolicyPort(transport: transport, match: .range(first, last))
  }
}
