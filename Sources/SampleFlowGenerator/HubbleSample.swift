import FlowModel
import JSONText

/// Writes connections the way Hubble's exporter does.
enum HubbleSample {
  /// One JSON line per event: forward packet, reply, and now and then noise.
  static func lines(_ connections: [SampleConnection]) -> [String] {
    var lines: [String] = []
    for (index, connection) in connections.enumerated() {
      lines.append(flow(connection, isReply: false))
      if connection.outcome != .silent { lines.append(flow(connection, isReply: true)) }
      if index % 40 == 17 { lines += noise(connection, index: index) }
      if index % 300 == 151 { lines.append(lost(connection)) }
    }
    return lines
  }

  private static func flow(_ connection: SampleConnection, isReply: Bool) -> String {
    let time = stamp(connection.time + (isReply ? 900 : 0))
    let ends =
      isReply
      ? (connection.destination, connection.source) : (connection.source, connection.destination)
    let ports =
      isReply
      ? (connection.port, connection.sourcePort) : (connection.sourcePort, connection.port)
    let deliversToPod = if case .pod = ends.1 { true } else { false }
    let node = SampleCluster.nodes[nodeIndex(deliversToPod ? ends.1 : ends.0)].name
    var members: [(key: String, value: JSONValue)] = [
      ("time", .string(time)), ("uuid", .string(uuid(connection, isReply: isReply))),
      ("verdict", .string("FORWARDED")),
      (
        "IP",
        object([
          ("source", .string(address(ends.0))), ("destination", .string(address(ends.1))),
          ("ipVersion", .string("IPv4")),
        ])
      ),
      ("l4", transport(connection, ports: ports, isReply: isReply)),
      ("source", endpoint(ends.0)), ("destination", endpoint(ends.1)),
      ("Type", .string("L3_L4")), ("node_name", .string("demo/\(node)")),
    ]
    if !isReply, case .external(_, let name?) = connection.destination {
      members.append(("destination_names", .array([.string(name)])))
    }
    members.append(
      (
        "event_type",
        object(
          deliversToPod
            ? [("type", .number("4"))] : [("type", .number("4")), ("sub_type", .number("11"))]
        )
      )
    )
    members += [
      ("traffic_direction", .string("EGRESS")),
      ("trace_observation_point", .string(deliversToPod ? "TO_ENDPOINT" : "TO_NETWORK")),
      ("trace_reason", .string(isReply ? "REPLY" : "NEW")),
      ("is_reply", .bool(isReply)),
      ("Summary", .string(summary(connection, isReply: isReply))),
    ]
    return line(object(members), node: node, time: time)
  }

  private static func line(_ flow: JSONValue, node: String, time: String) -> String {
    JSONWriter.text(
      object([
        ("flow", flow), ("node_name", .string("demo/\(node)")), ("time", .string(time)),
      ])
    )
  }

  private static func transport(
    _ connection: SampleConnection,
    ports: (Int, Int),
    isReply: Bool
  ) -> JSONValue {
    var header: [(key: String, value: JSONValue)] = [
      ("source_port", .number(String(ports.0))), ("destination_port", .number(String(ports.1))),
    ]
    if connection.transport == "TCP" {
      let flags: [(key: String, value: JSONValue)] =
        !isReply
        ? [("SYN", .bool(true))]
        : connection.outcome == .refused
          ? [("RST", .bool(true)), ("ACK", .bool(true))]
          : [("SYN", .bool(true)), ("ACK", .bool(true))]
      header.append(("flags", object(flags)))
    }
    return object([(connection.transport, object(header))])
  }

  private static func summary(_ connection: SampleConnection, isReply: Bool) -> String {
    guard connection.transport == "TCP" else { return connection.transport }
    return "TCP Flags: "
      + (!isReply ? "SYN" : connection.outcome == .refused ? "ACK, RST" : "SYN, ACK")
  }

  private static func endpoint(_ end: SampleEnd) -> JSONValue {
    switch end {
    case .pod(let pod):
      let own = pod.labels.map { "k8s:\($0.0)=\($0.1)" }
      let labels =
        own + [
          "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=\(pod.namespace)",
          "k8s:io.cilium.k8s.policy.cluster=\(SampleCluster.name)",
          "k8s:io.cilium.k8s.policy.serviceaccount=default",
          "k8s:io.kubernetes.pod.namespace=\(pod.namespace)",
        ]
      var members: [(key: String, value: JSONValue)] = [
        ("identity", .number(String(identity(pod)))), ("cluster_name", .string(SampleCluster.name)),
        ("namespace", .string(pod.namespace)),
        ("labels", .array(labels.sorted().map(JSONValue.string))),
        ("pod_name", .string(pod.name)),
      ]
      if pod.ownerKind != "Pod" {
        members.append(
          (
            "workloads",
            .array([
              object([("name", .string(pod.owner)), ("kind", .string(pod.ownerKind))])
            ])
          )
        )
      }
      return object(members)
    case .external:
      return object([
        ("identity", .number("2")), ("labels", .array([.string("reserved:world")])),
      ])
    case .host:
      return object([
        ("identity", .number("1")), ("labels", .array([.string("reserved:host")])),
      ])
    }
  }

  /// Records that must not become rules: encapsulated duplicates, socket translation, ICMP.
  private static func noise(_ connection: SampleConnection, index: Int) -> [String] {
    guard case .pod(let pod) = connection.source else { return [] }
    let time = stamp(connection.time + 100)
    let node = SampleCluster.nodes[pod.node].name
    let common: [(key: String, value: JSONValue)] = [
      ("time", .string(time)),
      ("verdict", .string(index % 3 == 0 ? "TRANSLATED" : "FORWARDED")),
      (
        "IP",
        object([
          ("source", .string(pod.address)), ("destination", .string("10.96.0.10")),
          ("ipVersion", .string("IPv4")),
        ])
      ),
    ]
    let rest: [(key: String, value: JSONValue)]
    switch index % 3 {
    case 0:
      rest = [
        ("l4", object([("UDP", object([("destination_port", .number("53"))]))])),
        ("source", endpoint(connection.source)), ("destination", object([])),
        ("Type", .string("SOCK")), ("event_type", object([("type", .number("7"))])),
      ]
    case 1:
      rest = [
        (
          "l4",
          transport(connection, ports: (connection.sourcePort, connection.port), isReply: false)
        ),
        ("source", endpoint(.host(node: pod.node))),
        ("destination", endpoint(connection.destination)),
        ("Type", .string("L3_L4")),
        ("event_type", object([("type", .number("4")), ("sub_type", .number("4"))])),
        ("trace_observation_point", .string("TO_OVERLAY")),
      ]
    default:
      rest = [
        ("l4", object([("ICMPv4", object([("type", .number("3"))]))])),
        ("source", endpoint(connection.source)), ("destination", endpoint(connection.destination)),
        ("Type", .string("L3_L4")), ("event_type", object([("type", .number("4"))])),
        ("trace_observation_point", .string("TO_ENDPOINT")), ("is_reply", .bool(false)),
      ]
    }
    return [line(object(common + rest), node: node, time: time)]
  }

  private static func lost(_ connection: SampleConnection) -> String {
    JSONWriter.text(
      object([
        (
          "lost_events",
          object([
            ("source", .string("HUBBLE_RING_BUFFER")), ("num_events_lost", .string("2")),
            ("first", .string(stamp(connection.time))), ("last", .string(stamp(connection.time))),
          ])
        ), ("node_name", .string("demo/node-1")), ("time", .string(stamp(connection.time))),
      ])
    )
  }

  static func nodeIndex(_ end: SampleEnd) -> Int {
    switch end {
    case .pod(let pod): pod.node
    case .host(let node): node
    case .external: 0
    }
  }

  static func address(_ end: SampleEnd) -> String {
    switch end {
    case .pod(let pod): pod.address
    case .host(let node): SampleCluster.nodes[node].address
    case .external(let address, _): address
    }
  }

  private static func identity(_ pod: SamplePod) -> Int {
    let text = "\(pod.namespace)/\(pod.owner)"
    return 1000 + text.utf8.reduce(0) { ($0 * 31 + Int($1)) % 60_000 }
  }

  private static func uuid(_ connection: SampleConnection, isReply: Bool) -> String {
    var state = UInt64(bitPattern: connection.time) &* 0x9E37_79B9_7F4A_7C15
    state ^= UInt64(connection.sourcePort) << 20 | UInt64(isReply ? 1 : 0)
    let digits = String(state, radix: 16)
    let padded = String(repeating: "0", count: 16 - digits.count) + digits
    return "\(padded.prefix(8))-\(padded.dropFirst(8).prefix(4))-4000-8000-\(padded.suffix(12))"
  }

  static func stamp(_ time: Int64) -> String {
    let text = Timestamps.text(time, fraction: true)
    return text.hasSuffix("Z") && text.contains(".") ? text.dropLast() + "000Z" : text
  }

  static func object(_ members: [(key: String, value: JSONValue)]) -> JSONValue {
    .object(JSONObject(members))
  }
}
