import FlowAggregation
import FlowModel
import JSONText

/// Edges as a list.
struct EdgeListing {
  private let edges: [FlowEdge]

  init(_ edges: [FlowEdge]) { self.edges = edges }

  /// Prints them on stdout.
  func print(as format: ListFormat, palette: Palette) {
    switch format {
    case .table:
      var table = Table(
        [
          "SOURCE", "DESTINATION", "PORT", "CLASS", "SIDE", "LOG", "FLOWS", "FIRST SEEN",
          "LAST SEEN",
        ],
        rightAligned: [6],
        dispensable: ["FIRST SEEN", "SIDE", "LOG", "LAST SEEN"],
        shrinkable: [0, 1],
        palette: palette
      )
      for edge in edges { table.add(cells(edge)) }
      if !edges.isEmpty { Terminal.write(table) }
    case .json: Terminal.print(JSONWriter.prettyText(.array(edges.map(EdgeListing.json))))
    case .ndjson: for edge in edges { Terminal.print(JSONWriter.text(EdgeListing.json(edge))) }
    case .csv:
      Terminal.print(
        "source,destination,protocol,port,class,side,log,flows,bytes,first_seen,last_seen"
      )
      for edge in edges { Terminal.print(csv(edge)) }
    }
  }

  private func cells(_ edge: FlowEdge) -> [String] {
    [
      EdgeListing.nameAndAddress(edge.source), EdgeListing.nameAndAddress(edge.destination),
      "\(edge.transport)/\(edge.port)", edge.evidence.rawValue, edge.side.rawValue,
      edge.logKind.rawValue, edge.tally.records.grouped,
      Timestamps.minute(edge.tally.firstMicroseconds),
      Timestamps.minute(edge.tally.lastMicroseconds),
    ]
  }

  private func csv(_ edge: FlowEdge) -> String {
    [
      EdgeListing.name(edge.source), EdgeListing.name(edge.destination),
      edge.transport.description, String(edge.port), edge.evidence.rawValue, edge.side.rawValue,
      edge.logKind.rawValue, String(edge.tally.records), String(edge.tally.bytes),
      Timestamps.text(edge.tally.firstMicroseconds, fraction: true),
      Timestamps.text(edge.tally.lastMicroseconds, fraction: true),
    ].map(CSV.field).joined(separator: ",")
  }

  /// A short name: owner, telling label, address.
  static func name(_ endpoint: Endpoint) -> String {
    guard endpoint.kind == .pod, endpoint.workload == nil, !endpoint.labels.isEmpty else {
      return WorkloadNames.name(of: endpoint)
    }
    let workload = Workload(namespace: endpoint.namespace, labelSets: [endpoint.labels])
    return "\(endpoint.namespace)/\(WorkloadNames.shortName(workload))"
  }

  /// The short name, with the address behind a DNS name: one name may have many.
  private static func nameAndAddress(_ endpoint: Endpoint) -> String {
    guard endpoint.kind == .name, let address = endpoint.address else { return name(endpoint) }
    let text = address.sizeExponent == 0 ? address.address.description : address.description
    return "\(name(endpoint)) \(text)"
  }

  /// One edge as an object; absent keys are left out.
  static func json(_ edge: FlowEdge) -> JSONValue {
    object([
      ("source", endpoint(edge.source)), ("destination", endpoint(edge.destination)),
      ("protocol", .string(edge.transport.description)), ("port", .number(String(edge.port))),
      ("side", .string(edge.side.rawValue)), ("class", .string(edge.evidence.rawValue)),
      ("logKind", .string(edge.logKind.rawValue)),
      ("flows", .number(String(edge.tally.records))),
      ("bytes", edge.tally.bytes == 0 ? nil : .number(String(edge.tally.bytes))),
      ("firstSeen", .string(Timestamps.text(edge.tally.firstMicroseconds, fraction: true))),
      ("lastSeen", .string(Timestamps.text(edge.tally.lastMicroseconds, fraction: true))),
    ])
  }

  private static func endpoint(_ endpoint: Endpoint) -> JSONValue {
    func text(_ value: String) -> JSONValue? { value.isEmpty ? nil : .string(value) }
    return object([
      ("kind", .string(endpoint.kind.rawValue)), ("cluster", text(endpoint.cluster)),
      ("namespace", text(endpoint.namespace)),
      (
        "workload",
        endpoint.workload.map {
          object([("kind", text($0.kind)), ("name", text($0.name))])
        }
      ),
      (
        "labels",
        endpoint.labels.isEmpty
          ? nil : object(endpoint.labels.elements.map { ($0.key, .string($0.value)) })
      ),
      (
        "address",
        endpoint.address.map {
          .string($0.sizeExponent == 0 ? $0.address.description : $0.description)
        }
      ),
      ("name", text(endpoint.name)), ("entity", text(endpoint.entity)),
    ])
  }

  private static func object(_ members: [(String, JSONValue?)]) -> JSONValue {
    .object(JSONObject(members.compactMap { member in member.1.map { (member.0, $0) } }))
  }
}

/// Fields of comma-separated values (RFC 4180).
enum CSV {
  /// Quotes a field where needed; control characters are made visible, and what a spreadsheet would
  /// take for a formula gets the apostrophe that makes it text.
  static func field(_ text: String) -> String {
    let visible = Terminal.oneLine(text)
    let safe = visible.first.map { "=+-@".contains($0) } == true ? "'" + visible : visible
    guard safe.contains(where: { $0 == "," || $0 == "\"" }) else { return safe }
    return "\""
      + safe.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}
