package import FlowAggregation
import FlowModel
import JSONText

/// Decodes GCP VPC flow logs: Cloud Logging entries as lines, arrays or single objects, and table rows.
///
/// Nothing in them tells who opened a connection, so records wait in a ``ConversationTable``. Source: the
/// VPC format document; Google Cloud, "About VPC Flow Logs records".
package struct GCPVPCDecoder: LogDecoder {
  private var table: ConversationTable
  private var sawTraffic = false

  /// Makes a decoder for one log.
  package init(options: DecoderOptions) {
    self.init(options: options, capacity: ConversationTable.defaultCapacity)
  }

  /// Makes a decoder that holds at most `capacity` conversation-hours.
  package init(options: DecoderOptions, capacity: Int) {
    table = ConversationTable(capacity: capacity)
  }

  /// Whether the input begins with VPC flow entries; firewall and policy logs have other log names.
  package static func recognizes(_ start: RawSpan) -> Bool {
    let look = LogStart(start)
    guard look.text.hasPrefix("{") || look.text.hasPrefix("[") else { return false }
    let inner = CloudEnvelope.pubSubText(in: look.text) ?? look.text
    if inner.contains("%2Fvpc_flows\"") || inner.contains("/vpc_flows\"") { return true }
    return look.quotes("reporter") && look.quotes("connection") && look.quotes("src_ip")
      && look.quotes("dest_ip") && (look.quotes("bytes_sent") || look.quotes("packets_sent"))
  }

  /// Yes: records stand for themselves, and conversations are joined at the end.
  package static func sharing(_ options: DecoderOptions) -> LogSharing { .inOrder }

  /// Holds back what may go on from the part before.
  package mutating func resume(after start: RawSpan) { table.holdBackFirst() }

  /// Lets settled conversations go but for the last, which the next part may go on with.
  package mutating func endPart(into accumulator: inout EvidenceAccumulator) {
    table.endPart(into: &accumulator)
  }

  /// Adds what a decoder of the next part of the same log holds.
  package mutating func merge(
    _ later: any LogDecoder,
    lineOffset: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    guard let later = later as? GCPVPCDecoder else { return }
    sawTraffic = sawTraffic || later.sawTraffic
    table.merge(later.table, lineOffset: lineOffset, into: &accumulator)
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

  /// Ends the log: decides who opened each connection and whether it worked.
  package mutating func finish(into accumulator: inout EvidenceAccumulator) {
    table.finish(into: &accumulator)
    guard sawTraffic else { return }
    accumulator.counts.notes.formUnion([CloudNotes.sameNode, CloudNotes.sampled])
    if accumulator.resolver == nil, table.details.isEmpty {
      accumulator.counts.notes.insert(CloudNotes.needsInventory)
    }
  }

  private mutating func decode(
    _ entry: GCPEntry,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    if let name = entry.logName, !name.hasSuffix("vpc_flows") {
      if name.hasSuffix("policy-action") {
        accumulator.counts.notes.insert("\(CloudNotes.otherLog) --format gke-policy.")
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
    guard let start = entry.time("start_time") ?? entry.time("end_time") else {
      accumulator.reject(line: line, "field \"start_time\" is missing")
      return
    }
    let end = entry.time("end_time") ?? start
    guard end >= start else {
      accumulator.reject(line: line, "it ends before it starts")
      return
    }
    accumulator.sawRecord(at: start)
    guard let number = connection["protocol"]?.integer.flatMap({ UInt8(exactly: $0) }),
      TransportProtocol(number: number).hasPorts
    else {
      accumulator.discard(.otherProtocol)
      return
    }
    guard let sourcePort = GCPEntry.port(connection["src_port"]),
      let destinationPort = GCPEntry.port(connection["dest_port"])
    else {
      accumulator.reject(line: line, "no port in field \"connection\"")
      return
    }
    let isDropped = payload["disposition"]?.string == "DROPPED"
    if isDropped, payload["drop_reason"]?.string != "FIREWALL_DENY" {
      accumulator.discard(.nonPolicyDrop)
      return
    }
    sawTraffic = true
    let bytes = payload["bytes_sent"]?.integer ?? 0
    let showsRoundTrip = payload["rtt_msec"] != nil || payload["round_trip_time"] != nil
    var marks: ConversationMarks = []
    if !isDropped {
      marks.formUnion([.accepted, .beyondReset])
      if bytes > 0 { marks.insert(.payload) }
      // A round trip can only be measured where the other side answered.
      if showsRoundTrip { marks.insert(.complete) }
    }
    table.add(
      ConversationRecord(
        source: source,
        destination: destination,
        sourcePort: sourcePort,
        destinationPort: destinationPort,
        transport: TransportProtocol(number: number),
        marks: marks,
        isRejected: isDropped,
        bytes: bytes,
        start: start,
        end: end,
        capture: NameHash.of(payload["reporter"]?.string ?? ""),
        sourceDetail: detail(payload["src_gke_details"]),
        destinationDetail: detail(payload["dest_gke_details"])
      ),
      line: line,
      into: &accumulator
    )
  }

  /// What the metadata says of an end: a pod, a node that may stand for pods, or nothing.
  private mutating func detail(_ details: JSONValue?) -> UInt16 {
    guard let details, details.object != nil else { return 0 }
    let cluster = details["cluster"]?["cluster_name"]?.string ?? ""
    guard let pod = details["pod"], let name = pod["pod_name"]?.string, !name.isEmpty,
      let namespace = pod["pod_namespace"]?.string, !namespace.isEmpty
    else { return details["cluster"] == nil ? 0 : ConversationTable.nodeOrPod }
    return table.number(
      of: GKEPod.end(
        cluster: cluster,
        namespace: namespace,
        name: name,
        workloadKind: pod["pod_workload"]?["workload_type"]?.string,
        workloadName: pod["pod_workload"]?["workload_name"]?.string
      )
    )
  }
}
