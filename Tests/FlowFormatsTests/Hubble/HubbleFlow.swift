import FlowAggregation
import FlowFormats
import FlowModel

/// A Hubble record as JSON, made of members that tests change one by one.
struct HubbleFlow: Sendable {
  /// Keys and their JSON text.
  private var members: [String: String]

  /// A delivered first packet: shop/web opens a connection to shop/api.
  static let forward = HubbleFlow(members: [
    "time": #""2026-09-15T16:20:01.123456789Z""#,
    "verdict": #""FORWARDED""#,
    "IP": #"{"source":"10.0.1.1","destination":"10.0.2.2","ipVersion":"IPv4"}"#,
    "l4": #"{"TCP":{"source_port":40000,"destination_port":8080,"flags":{"SYN":true}}}"#,
    "source": pod("web"), "destination": pod("api"), "Type": #""L3_L4""#,
    "event_type": #"{"type":4}"#, "trace_observation_point": #""TO_ENDPOINT""#,
    "is_reply": "false", "traffic_direction": #""EGRESS""#,
  ])

  /// A policy verdict on the same packet, at ingress.
  static let policyVerdict = forward.with("event_type", #"{"type":5}"#)
    .with("trace_observation_point", nil).with("traffic_direction", #""INGRESS""#)

  /// The drop of the same packet by a default deny at ingress.
  static let drop = policyVerdict.with("event_type", #"{"type":1,"sub_type":133}"#)
    .with("verdict", #""DROPPED""#).with("is_reply", nil)
    .with("drop_reason_desc", #""POLICY_DENIED""#)

  /// An endpoint object of a pod.
  static func pod(_ app: String, in namespace: String = "shop") -> String {
    #"{"ID":7,"identity":4242,"namespace":"\#(namespace)","labels":["k8s:app=\#(app)","#
      + #""k8s:io.kubernetes.pod.namespace=\#(namespace)"],"pod_name":"\#(app)-5c5-x"}"#
  }

  /// An endpoint object with nothing but reserved labels.
  static func reserved(_ names: String..., identity: Int = 2) -> String {
    let labels = names.map { #""reserved:\#($0)""# }.joined(separator: ",")
    return #"{"identity":\#(identity),"labels":[\#(labels)]}"#
  }

  /// The record with a member set, or left out for nil.
  func with(_ key: String, _ json: String?) -> HubbleFlow {
    var changed = self
    changed.members[key] = json
    return changed
  }

  /// The record with other ports and flags.
  func tcp(_ source: Int, _ destination: Int, _ flags: String...) -> HubbleFlow {
    let flags = flags.map { #""\#($0)":true"# }.joined(separator: ",")
    return with(
      "l4",
      #"{"TCP":{"source_port":\#(source),"destination_port":\#(destination),"flags":{\#(flags)}}}"#
    )
  }

  /// The record as UDP.
  func udp(_ source: Int, _ destination: Int) -> HubbleFlow {
    with("l4", #"{"UDP":{"source_port":\#(source),"destination_port":\#(destination)}}"#)
  }

  /// The record with other addresses.
  func addresses(_ source: String, _ destination: String) -> HubbleFlow {
    with("IP", #"{"source":"\#(source)","destination":"\#(destination)"}"#)
  }

  /// The flow object alone: the oldest shape.
  var flat: String {
    "{"
      + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
      .joined(separator: ",") + "}"
  }

  /// The record as one line of an exporter's file.
  var line: String {
    #"{"flow":\#(flat),"node_name":"kind/worker","time":\#(members["time"] ?? "null")}"#
  }
}

/// Decodes Hubble lines as one log.
func decodeHubble(
  _ lines: [String],
  options: DecoderOptions = DecoderOptions(),
  cluster: String = "",
  resolver: (any AddressResolving)? = nil
) -> EvidenceAccumulator {
  var accumulator = EvidenceAccumulator(
    logKind: .hubble,
    cluster: cluster,
    resolver: resolver
  )
  var decoder = HubbleDecoder(options: options)
  let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
  _ = decoder.decode(lines: bytes.span.bytes, firstLine: 1, into: &accumulator)
  decoder.finish(into: &accumulator)
  accumulator.finish()
  return accumulator
}

extension EvidenceAccumulator {
  /// Every edge as `source > destination TCP/80 side class`, sorted; `~port` where it may be a reply.
  var words: [String] {
    edges.entries.map { entry in
      let key = entry.key
      let ends = [key.source, key.destination].map { endpoints[Int($0)].words }
      let reply = key.replyPort == 0 ? "" : " ~\(key.replyPort)"
      let side = PolicySide.allCases[Int(key.side)].rawValue
      let evidence = EvidenceClass.allCases[Int(key.evidence)].rawValue
      return "\(ends[0]) > \(ends[1]) \(TransportProtocol(number: key.transport))/\(key.port) "
        + "\(side) \(evidence)\(reply)"
    }.sorted()
  }

  /// Discards by reason, as `reason count`, sorted.
  var discards: [String] {
    counts.discarded.map { "\($0.key.rawValue) \($0.value)" }.sorted()
  }
}

extension Endpoint {
  /// The endpoint in a few words.
  var words: String {
    switch kind {
    case .pod:
      let clusterPart = cluster.isEmpty ? "" : "\(cluster):"
      let owner = workload.map { "\($0.kind.lowercased())=\($0.name) " } ?? ""
      return "\(clusterPart)\(namespace)/\(owner)\(labels.isEmpty ? name : labels.description)"
    case .address: return address?.description ?? "?"
    case .name: return "\(name)@\(address?.description ?? "?")"
    case .node, .apiServer, .entity, .unresolved:
      return ([kind.rawValue, entity, address?.description ?? ""].filter { !$0.isEmpty })
        .joined(separator: ":")
    }
  }
}
