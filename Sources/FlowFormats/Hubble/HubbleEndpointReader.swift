import FlowAggregation
import FlowModel
import JSONText

/// Turns Hubble's `source` and `destination` objects into ends (format document, sections 4 and 10).
struct HubbleEndpointReader {
  private var reserved: [String] = []
  private var podLabels: [(String, String)] = []
  private var namespace = ""
  private var cluster = ""

  /// What an endpoint object turned out to be.
  struct Reading {
    /// The end.
    var end: HubbleEnd
    /// Whether the end would be another one if the pod had another name.
    var dependsOnName = false
  }

  /// Classifies an endpoint object; pods are added to the accumulator.
  static func read(_ value: JSONValue?, into accumulator: inout EvidenceAccumulator) -> HubbleEnd {
    reading(value, into: &accumulator).end
  }

  /// Classifies an endpoint object and tells whether the pod's name took part.
  static func reading(_ value: JSONValue?, into accumulator: inout EvidenceAccumulator) -> Reading {
    guard case .object? = value, let value else { return Reading(end: .unknown) }
    var reader = HubbleEndpointReader()
    for label in value["labels"]?.array ?? [] {
      if let text = label.string { reader.add(label: text) }
    }
    if let given = value["namespace"]?.string, !given.isEmpty { reader.namespace = given }
    if let given = value.first("cluster_name", "clusterName")?.string, !given.isEmpty {
      reader.cluster = given
    }
    let podName = value.first("pod_name", "podName")?.string ?? ""
    if let kind = reader.reservedKind(identity: value["identity"]?.integer ?? 0) {
      return Reading(end: HubbleEnd(kind: kind, index: 0))
    }
    let hasPodLabels = !reader.podLabels.isEmpty
    guard !reader.namespace.isEmpty, hasPodLabels || !podName.isEmpty else {
      if let kind = reader.looseKind(identity: value["identity"]?.integer ?? 0) {
        return Reading(end: HubbleEnd(kind: kind, index: 0))
      }
      return Reading(end: .unknown)
    }
    var endpoint = Endpoint(
      kind: .pod,
      cluster: reader.cluster,
      namespace: reader.namespace,
      workload: reader.workload(value["workloads"]),
      labels: VolatileLabels.stable(Labels(reader.podLabels))
    )
    guard !endpoint.labels.isEmpty || endpoint.workload != nil else {
      endpoint.name = podName
      let known = accumulator.resolver?.pod(
        namespace: reader.namespace,
        name: podName,
        at: Int64.max
      )
      return Reading(
        end: HubbleEnd(kind: .pod, index: accumulator.index(of: known ?? endpoint)),
        dependsOnName: true
      )
    }
    let index = accumulator.index(of: endpoint)
    if !podName.isEmpty {
      accumulator.remember(pod: podName, in: reader.namespace, as: index)
    }
    return Reading(end: HubbleEnd(kind: .pod, index: index))
  }

  /// Takes one label, in bytes: most of the time of a new endpoint goes into its labels.
  private mutating func add(label text: String) {
    var rest = text.utf8[...]
    if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
      let behind = text.utf8[text.utf8.index(after: colon)...]
      switch String(text[..<colon]) {
      case "reserved":
        reserved.append(String(Substring(behind)))
        return
      case "k8s", "any", "unspec", "container": rest = behind
      case "cidr", "cidrgroup", "fqdn", "node", "cni", "directory", "gen": return
      default: break
      }
    }
    let equals = rest.firstIndex(of: UInt8(ascii: "="))
    let key = String(Substring(equals.map { rest[..<$0] } ?? rest))
    let value = equals.map { String(Substring(rest[rest.index(after: $0)...])) } ?? ""
    switch key {
    case "io.kubernetes.pod.namespace": namespace = value
    case "io.cilium.k8s.policy.cluster": cluster = value
    default:
      guard !key.utf8.starts(with: "io.cilium.".utf8) else { return }
      podLabels.append((key, value))
    }
  }

  /// The reserved kinds that win over pod labels: nodes carry their own `k8s:` labels too.
  private func reservedKind(identity: Int64) -> HubbleEnd.Kind? {
    if reserved.contains("kube-apiserver") { return .apiServer }
    if reserved.contains("ingress") { return .ingress }
    if reserved.contains("health") { return .health }
    if reserved.contains("host") { return .host }
    if reserved.contains("remote-node") { return .remoteNode }
    if reserved.contains("unmanaged") || reserved.contains("init") { return .unmanaged }
    // A field mask can hide the labels; the reserved identities are the same in every cluster.
    guard reserved.isEmpty, podLabels.isEmpty else { return nil }
    switch identity {
    case 1: return .host
    case 3, 5: return .unmanaged
    case 4: return .health
    case 6: return .remoteNode
    case 7: return .apiServer
    case 8: return .ingress
    default: return nil
    }
  }

  /// What is left when it is no pod: the world, or nothing known.
  private func looseKind(identity: Int64) -> HubbleEnd.Kind? {
    if reserved.contains(where: { $0.hasPrefix("world") }) { return .world }
    let isLocalScope = identity >> 24 == 1
    return identity == 2 || identity == 9 || identity == 10 || isLocalScope ? .world : nil
  }

  private func workload(_ value: JSONValue?) -> WorkloadReference? {
    guard let first = value?.array?.first, let name = first["name"]?.string, !name.isEmpty
    else { return nil }
    return WorkloadReference(kind: first["kind"]?.string ?? "", name: name)
  }
}
