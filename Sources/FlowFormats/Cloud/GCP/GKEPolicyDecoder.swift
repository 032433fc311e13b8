package import FlowAggregation
import FlowModel
import JSONText

/// Decodes GKE Dataplane V2 `policy-action` logs, from Cloud Logging or from the node.
///
/// Only openings of connections are logged, so the source is always the client. Source: the VPC format
/// document; Google Cloud, "Use network policy logging".
package struct GKEPolicyDecoder: LogDecoder {
  private let assumedTime: Int64?

  /// Makes a decoder for one log.
  package init(options: DecoderOptions) { assumedTime = options.assumedTime }

  /// Nothing is remembered from one record to the next.
  package static func sharing(_ options: DecoderOptions) -> LogSharing { .inOrder }

  /// Whether the input begins with policy decisions; firewall logs have connections and dispositions too.
  package static func recognizes(_ start: RawSpan) -> Bool {
    var look = LogStart(start)
    if let inner = CloudEnvelope.pubSubText(in: look.text) { look = LogStart(text: inner) }
    guard look.text.hasPrefix("{") || look.text.hasPrefix("["), !look.quotes("rule_details") else {
      return false
    }
    guard look.quotes("connection"), look.quotes("disposition"), look.quotes("dest_ip") else {
      return false
    }
    return look.quotes("direction") && (look.quotes("allow") || look.quotes("deny"))
  }

  /// Decodes one record.
  package mutating func decode(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    for entry in GCPEntry.entries(record, line: line, into: &accumulator) {
      decode(entry, line: line, into: &accumulator)
    }
  }

  /// Ends the log.
  package mutating func finish(into accumulator: inout EvidenceAccumulator) {}

  private func decode(
    _ entry: GCPEntry,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    if let name = entry.logName, !name.hasSuffix("policy-action") {
      if name.hasSuffix("vpc_flows") {
        accumulator.counts.notes.insert("\(CloudNotes.otherLog) --format gcp-vpc.")
      }
      accumulator.discard(.unrelatedLine)
      return
    }
    let payload = entry.payload
    guard let connection = payload["connection"] else {
      accumulator.reject(line: line, "field \"connection\" is missing")
      return
    }
    guard let source = connection["src_ip"]?.string.flatMap({ IPAddress($0) }),
      let destination = connection["dest_ip"]?.string.flatMap({ IPAddress($0) })
    else {
      accumulator.reject(line: line, "no address in field \"connection\"")
      return
    }
    guard let time = entry.eventTime ?? assumedTime else {
      accumulator.reject(line: line, "field \"timestamp\" is missing")
      return
    }
    let evidence: EvidenceClass
    switch payload["disposition"]?.string {
    case "allow": evidence = .allowed
    case "deny": evidence = .denied
    default:
      accumulator.reject(line: line, "field \"disposition\" is neither allow nor deny")
      return
    }
    let side: PolicySide
    switch connection["direction"]?.string {
    case "ingress": side = .ingress
    case "egress": side = .egress
    default:
      accumulator.reject(line: line, "field \"direction\" is neither ingress nor egress")
      return
    }
    accumulator.sawRecord(at: time)
    guard
      let name = connection["protocol"]?.string ?? connection["protocol"]?.integer.map(String.init),
      let transport = TransportProtocol(name), transport.hasPorts
    else {
      accumulator.discard(.otherProtocol)
      return
    }
    guard let port = GCPEntry.port(connection["dest_port"]), port > 0 else {
      accumulator.discard(.noPorts)
      return
    }
    guard !source.isNeverPeer, !destination.isNeverPeer else {
      accumulator.discard(.localOrMulticast)
      return
    }
    let count = payload["count"]?.integer ?? 1
    accumulator.record(
      ObservedFlow(
        source: GKEPolicyDecoder.end(payload["src"], source),
        destination: GKEPolicyDecoder.end(payload["dest"], destination),
        transport: transport,
        sourcePort: GCPEntry.port(connection["src_port"]) ?? 0,
        port: port,
        side: side,
        evidence: evidence,
        start: time,
        records: min(max(count, 1), 1_000_000_000)
      ),
      line: line
    )
  }

  private static func end(_ described: JSONValue?, _ address: IPAddress) -> ObservedEnd {
    if let name = described?["pod_name"]?.string, !name.isEmpty,
      let namespace = described?.first("pod_namespace", "namespace")?.string, !namespace.isEmpty
    {
      return GKEPod.end(
        cluster: "",
        namespace: namespace,
        name: name,
        workloadKind: described?["workload_kind"]?.string,
        workloadName: described?["workload_name"]?.string
      )
    }
    if described?["node_name"] != nil || described?["workload_kind"]?.string == "Node" {
      return .endpoint(Endpoint(kind: .node, address: CIDR(single: address)))
    }
    return .address(address)
  }
}
