import FlowAggregation
import FlowModel
import JSONText

/// Turns Hubble's `source` and `destination` objects into ends (format document, sections 4 and 10).
struct HubbleEndpointReader {
  private var reserved: [String] = []
  private var podLabels: [(String, String)] = []
  /// The stable ones of the pod's labels.
  var labels = Labels()
  /// Whether there are labels of the pod itself, stable or not.
  var hasPodLabels = false
  var namespace = ""
  var cluster = ""
  var podName = ""
  var identity: Int64 = 0
  var workload: WorkloadReference?

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
    reader.podName = value.first("pod_name", "podName")?.string ?? ""
    reader.identity = value["identity"]?.integer ?? 0
    reader.workload = HubbleEndpointReader.workload(value["workloads"])
    reader.hasPodLabels = !reader.podLabels.isEmpty
    reader.labels = VolatileLabels.stable(Labels(reader.podLabels))
    return reader.classify(into: &accumulator)
  }

  /// Tells what an endpoint is from what was read of it; a pod is added to the accumulator.
  func classify(into accumulator: inout EvidenceAccumulator) -> Reading {
    if let kind = reservedKind() { return Reading(end: HubbleEnd(kind: kind, index: 0)) }
    guard !namespace.isEmpty, hasPodLabels || !podName.isEmpty else {
      if let kind = looseKind() { return Reading(end: HubbleEnd(kind: kind, index: 0)) }
      return Reading(end: .unknown)
    }
    var endpoint = Endpoint(
      kind: .pod,
      cluster: cluster,
      namespace: namespace,
      workload: workload,
      labels: labels
    )
    guard !endpoint.labels.isEmpty || endpoint.workload != nil else {
      endpoint.name = podName
      let known = accumulator.resolver?.pod(namespace: namespace, name: podName, at: Int64.max)
      return Reading(
        end: HubbleEnd(kind: .pod, index: accumulator.index(of: known ?? endpoint)),
        dependsOnName: true
      )
    }
    let index = accumulator.index(of: endpoint)
    if !podName.isEmpty {
      // The span lives as long as the name.
      unsafe accumulator.remember(pod: podName.utf8Span.span.bytes, as: index)
    }
    return Reading(end: HubbleEnd(kind: .pod, index: index))
  }

  /// Takes one label.
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
  private func reservedKind() -> HubbleEnd.Kind? {
    if reserved.contains("kube-apiserver") { return .apiServer }
    if reserved.contains("ingress") { return .ingress }
    if reserved.contains("health") { return .health }
    if reserved.contains("host") { return .host }
    if reserved.contains("remote-node") { return .remoteNode }
    if reserved.contains("unmanaged") || reserved.contains("init") { return .unmanaged }
    // A field mask can hide the labels; the reserved identities are the same in every cluster.
    guard reserved.isEmpty, !hasPodLabels else { return nil }
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
  private func looseKind() -> HubbleEnd.Kind? {
    if reserved.contains(where: { $0.hasPrefix("world") }) { return .world }
    let isLocalScope = identity >> 24 == 1
    return identity == 2 || identity == 9 || identity == 10 || isLocalScope ? .world : nil
  }

  private static func workload(_ value: JSONValue?) -> WorkloadReference? {
    guard let first = value?.array?.first, let name = first["name"]?.string, !name.isEmpty
    else { return nil }
    return WorkloadReference(kind: first["kind"]?.string ?? "", name: name)
  }
}
