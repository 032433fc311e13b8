import FlowAggregation
import FlowModel
import JSONText

/// A Cloud Logging entry, or its payload alone.
struct GCPEntry {
  /// The log's name with the percent-encoded slash decoded; nil when the payload stands alone.
  let logName: String?
  /// The payload.
  let payload: JSONValue
  private let entry: JSONValue

  init?(_ entry: JSONValue) {
    guard entry.object != nil else { return nil }
    self.entry = entry
    payload = entry.first("jsonPayload", "json_payload") ?? entry
    logName = entry.first("logName", "log_name")?.string.map { name in
      var parts = name[...]
      var decoded = ""
      while let percent = parts.firstIndex(of: "%") {
        decoded += parts[..<percent]
        let code = parts[percent...].prefix(3)
        decoded += code.lowercased() == "%2f" ? "/" : String(code)
        parts = parts[percent...].dropFirst(3)
      }
      return decoded + parts
    }
  }

  /// A time of the payload.
  func time(_ key: String) -> Int64? { payload[key]?.string.flatMap { CloudTime.parse($0) } }

  /// The time of the event: the payload's, else that of the entry.
  var eventTime: Int64? {
    time("timestamp")
      ?? entry.first("timestamp", "receiveTimestamp")?.string.flatMap { CloudTime.parse($0) }
  }

  /// A port, which may be written as a string.
  static func port(_ value: JSONValue?) -> UInt16? {
    value?.integer.flatMap { UInt16(exactly: $0) }
  }

  /// The entries of a record; what is none is counted as rejected.
  static func entries(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> [GCPEntry] {
    guard !record.trimmedRange().isEmpty else { return [] }
    var values: [JSONValue] = []
    var entries: [GCPEntry] = []
    do {
      try record.forEachJSONValue { values.append($0) }
    } catch {
      accumulator.reject(line: line, "not JSON: \(error)")
    }
    for value in values {
      if value["jsonPayload"] == nil, value["connection"] == nil {
        switch CloudEnvelope.open(value) {
        case .unreadable(let problem):
          accumulator.reject(line: line, problem)
          continue
        case .objects(let objects):
          for object in objects {
            guard let entry = GCPEntry(object) else {
              accumulator.reject(line: line, "not a JSON object")
              continue
            }
            entries.append(entry)
          }
          continue
        case .control, .messages: break
        }
      }
      if let entry = GCPEntry(value) { entries.append(entry) }
    }
    return entries
  }
}

/// Pods as GKE metadata names them.
enum GKEPod {
  /// The end for a pod that is named together with its owner.
  ///
  /// A ReplicaSet is left out: its Deployment can be told only from the pod's labels, which the log lacks.
  static func end(
    cluster: String,
    namespace: String,
    name: String,
    workloadKind: String?,
    workloadName: String?
  ) -> ObservedEnd {
    var hint = Endpoint(kind: .pod, cluster: cluster, namespace: namespace)
    if let kind = workloadKind.flatMap({ knownKind($0) }), let owner = workloadName,
      !owner.isEmpty
    {
      hint.workload = WorkloadReference(kind: kind, name: owner)
    } else {
      hint.name = name
    }
    return .pod(namespace: namespace, name: name, hint: hint)
  }

  /// Kubernetes' spelling of a kind that stands for a workload, whatever case and dashes the log uses.
  private static func knownKind(_ kind: String) -> String? {
    let plain = String(kind.lowercased().filter { $0 != "_" && $0 != "-" })
    switch plain {
    case "deployment": return "Deployment"
    case "statefulset": return "StatefulSet"
    case "daemonset": return "DaemonSet"
    case "cronjob": return "CronJob"
    default: return nil
    }
  }
}
