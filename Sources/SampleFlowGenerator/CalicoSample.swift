import FlowModel
import JSONText

/// Writes connections the way Calico's file flow logs do: names aggregated, one record a side and window.
enum CalicoSample {
  private struct Window: Hashable {
    var start: Int64
    var source: String
    var destination: String
    var transport: String
    var port: Int
    var isDestinationSide: Bool
  }

  private struct Counted {
    var connection: SampleConnection
    var flows = 0
    var isAnswered = false
  }

  /// One JSON line per window of five minutes, reporter and pair of workloads.
  static func lines(_ connections: [SampleConnection]) -> [String] {
    var counted: [Window: Counted] = [:]
    for connection in connections {
      let start = Timestamps.floor(connection.time, to: 300 * Timestamps.second)
      for isDestinationSide in [false, true] {
        let reporter = isDestinationSide ? connection.destination : connection.source
        guard case .pod = reporter else { continue }
        let window = Window(
          start: start,
          source: name(connection.source),
          destination: name(connection.destination),
          transport: connection.transport,
          port: connection.port,
          isDestinationSide: isDestinationSide
        )
        counted[window, default: Counted(connection: connection)].flows += 1
        if connection.outcome == .answered { counted[window]?.isAnswered = true }
      }
    }
    return counted.map { window, value in
      (window.start, text(window, value))
    }.sorted { $0 < $1 }.map(\.1)
  }

  private static func text(_ window: Window, _ counted: Counted) -> String {
    let source = side(counted.connection.source)
    let destination = side(counted.connection.destination)
    let start = window.start / Timestamps.second
    let out = counted.flows * 4
    let back = counted.isAnswered ? counted.flows * 4 : 0
    let namespace = window.isDestinationSide ? destination.namespace : source.namespace
    func number(_ value: Int) -> JSONValue { .number(String(value)) }
    let object = HubbleSample.object([
      ("start_time", .number(String(start))), ("end_time", .number(String(start + 300))),
      ("source_ip", .null), ("source_name", .string("-")),
      ("source_name_aggr", .string(source.name)), ("source_namespace", .string(source.namespace)),
      ("source_port", .null), ("source_type", .string(source.type)),
      ("source_labels", source.labels), ("dest_ip", destination.address),
      ("dest_name", .string("-")), ("dest_name_aggr", .string(destination.name)),
      ("dest_namespace", .string(destination.namespace)), ("dest_port", number(window.port)),
      ("dest_type", .string(destination.type)), ("dest_labels", destination.labels),
      ("dest_domains", destination.domains),
      ("proto", .string(window.transport.lowercased())), ("action", .string("allow")),
      ("reporter", .string(window.isDestinationSide ? "dst" : "src")),
      (
        "policies",
        HubbleSample.object([
          (
            "all_policies",
            .array([
              .string("0|__PROFILE__|__PROFILE__.kns.\(namespace)|allow|0")
            ])
          )
        ])
      ),
      ("packets_in", number(window.isDestinationSide ? out : back)),
      ("packets_out", number(window.isDestinationSide ? back : out)),
      ("bytes_in", number((window.isDestinationSide ? out : back) * 120)),
      ("bytes_out", number((window.isDestinationSide ? back : out) * 120)),
      ("num_flows", number(counted.flows)), ("num_flows_started", number(counted.flows)),
      ("num_flows_completed", number(counted.flows)),
      (
        "host",
        .string(SampleCluster.nodes[HubbleSample.nodeIndex(counted.connection.destination)].name)
      ),
    ])
    return JSONWriter.text(object)
  }

  private typealias Side = (
    name: String, namespace: String, type: String, labels: JSONValue, address: JSONValue,
    domains: JSONValue
  )

  private static func side(_ end: SampleEnd) -> Side {
    switch end {
    case .pod(let pod):
      var labels = pod.labels.map { "\($0.0)=\($0.1)" }
      if pod.ownerKind == "Deployment" {
        labels.append("pod-template-hash=\(SampleCluster.templateHash(pod.namespace, pod.owner))")
      }
      return (
        name(end), pod.namespace, "wep",
        HubbleSample.object([("labels", .array(labels.map(JSONValue.string)))]), .null, .null
      )
    case .external(let address, let domain):
      return (
        name(end), "-", "net", .null, .string(address),
        domain.map { .array([.string($0)]) } ?? .null
      )
    case .host: return (name(end), "-", "net", .null, .null, .null)
    }
  }

  private static func name(_ end: SampleEnd) -> String {
    switch end {
    case .pod(let pod):
      switch pod.ownerKind {
      case "Deployment":
        "\(pod.owner)-\(SampleCluster.templateHash(pod.namespace, pod.owner))-*"
      case "CronJob": "\(pod.name.split(separator: "-").dropLast().joined(separator: "-"))-*"
      default: pod.name
      }
    case .external: "pub"
    case .host: "pvt"
    }
  }
}
