import FlowModel

/// Finds pods by name, and workloads by the aggregated names of Calico flow logs.
struct PodNameIndex: Sendable {
  private struct Name: Hashable {
    var namespace: String
    var name: String
  }
  private struct Entry {
    var existence: TimeSpan
    var endpoint: Int32
  }

  private var pods: [Name: [Entry]] = [:]
  /// By `generateName`, the endpoint all such pods have; nil when they belong to several workloads.
  private var prefixes: [Name: Endpoint?] = [:]

  /// The namespaces of its pods.
  private(set) var namespaces: Set<String> = []

  /// Notes a pod.
  mutating func add(_ life: PodLife, endpoint: Endpoint, index: Int32) {
    let metadata = life.pod.metadata
    namespaces.insert(metadata.namespace)
    pods[Name(namespace: metadata.namespace, name: metadata.name), default: []].append(
      Entry(existence: life.existence, endpoint: index)
    )
    guard let prefix = PodNameIndex.prefix(of: life.pod) else { return }
    let key = Name(namespace: metadata.namespace, name: prefix)
    switch prefixes[key] {
    case nil: prefixes[key] = .some(endpoint)
    case .some(.none): break
    case .some(.some(let known)): prefixes[key] = .some(known.joined(with: endpoint))
    }
  }

  /// Puts entries in order; call once after the last ``add(_:endpoint:index:)``.
  mutating func seal() {
    for (key, entries) in pods where entries.count > 1 {
      pods[key] = entries.sorted {
        $0.existence.from != $1.existence.from
          ? $0.existence.from < $1.existence.from : $0.endpoint < $1.endpoint
      }
    }
  }

  /// What Calico puts before the `*`: the name's generated part cut off.
  private static func prefix(of pod: PodObject) -> String? {
    if !pod.generateName.isEmpty { return pod.generateName }
    guard pod.metadata.owner != nil, !pod.isMirror,
      let dash = pod.metadata.name.lastIndex(of: "-")
    else { return nil }
    return String(pod.metadata.name[...dash])
  }

  /// The pod of that name at a time: the last one created before it and not gone.
  func endpoint(namespace: String, name: String, at time: Int64) -> Int32? {
    guard let entries = pods[Name(namespace: namespace, name: name)] else { return nil }
    let slack = AddressTimeline.slack
    let created = entries.last { $0.existence.from <= time }
    for entry in [created, entries.first] {
      if let entry, entry.existence.widened(by: slack).contains(from: time, to: time) {
        return entry.endpoint
      }
    }
    return nil
  }

  /// The workload of an aggregated name such as `web-6d4b75cb6d-*`; nil unless it is exactly one.
  func aggregated(namespace: String, name: String) -> Endpoint? {
    guard name.hasSuffix("-*") else { return nil }
    return prefixes[Name(namespace: namespace, name: String(name.dropLast()))] ?? nil
  }
}

extension Endpoint {
  /// The endpoint that stands for both: the same workload with the labels they share.
  ///
  /// - Returns: nil when they are pods of different workloads or not pods of a known one.
  func joined(with other: Endpoint) -> Endpoint? {
    if self == other { return self }
    guard kind == .pod, other.kind == .pod, namespace == other.namespace,
      workload == other.workload, workload != nil
    else { return nil }
    var joined = self
    joined.labels = labels.intersection(other.labels)
    return joined
  }
}
