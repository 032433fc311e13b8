import FlowAggregation
import FlowModel
import JSONText

/// Connections with the logs that saw them: what only one log saw is a blind spot of the others.
struct LogListing {
  private struct Row {
    var source: String
    var destination: String
    var transport: TransportProtocol
    var port: UInt16
    var logs: Set<LogKind> = []
    var records: Int64 = 0

    var portText: String { "\(transport)/\(port)" }

    static func < (left: Row, right: Row) -> Bool {
      (left.source, left.destination, left.transport, left.port)
        < (right.source, right.destination, right.transport, right.port)
    }
  }

  private let rows: [Row]
  private let kinds: [LogKind]

  /// Makes a listing.
  ///
  /// - Parameter folding: Knows which workload each log's endpoint stands for, since the logs describe
  ///   one workload by different labels, by its owner, or by an address.
  init(_ edges: [FlowEdge], folding: EvidenceFolding) {
    var rows: [String: Row] = [:]
    for edge in edges {
      let known = folding.key(of: edge)
      let source = known?.source ?? EdgeListing.name(edge.source)
      let destination = known?.destination ?? EdgeListing.name(edge.destination)
      let key = "\(source)\u{0}\(destination)\u{0}\(edge.transport)/\(edge.port)"
      let row = Row(
        source: source,
        destination: destination,
        transport: edge.transport,
        port: edge.port
      )
      rows[key, default: row].logs.insert(edge.logKind)
      rows[key]?.records += edge.tally.records
    }
    self.rows = rows.values.sorted(by: <)
    kinds = Set(edges.map(\.logKind)).sorted()
  }

  /// Prints them on stdout.
  func print(as format: ListFormat) {
    switch format {
    case .table:
      var table = Table(
        ["SOURCE", "DESTINATION", "PORT", "FLOWS"] + kinds.map { $0.rawValue.uppercased() }
          + ["ONLY"],
        rightAligned: [3],
        shrinkable: [0, 1]
      )
      for row in rows {
        table.add(
          [row.source, row.destination, row.portText, row.records.grouped]
            + kinds.map { row.logs.contains($0) ? "yes" : "-" } + [only(row)]
        )
      }
      if !rows.isEmpty { Terminal.write(table) }
    case .csv:
      Terminal.print("source,destination,port,flows,logs,only")
      for row in rows {
        let logs = row.logs.sorted().map(\.rawValue).joined(separator: " ")
        Terminal.print(
          [row.source, row.destination, row.portText, String(row.records), logs, only(row)]
            .map(CSV.field).joined(separator: ",")
        )
      }
    case .json: Terminal.print(JSONWriter.prettyText(.array(rows.map(json))))
    case .ndjson: for row in rows { Terminal.print(JSONWriter.text(json(row))) }
    }
  }

  private func only(_ row: Row) -> String {
    kinds.count > 1 && row.logs.count == 1 ? row.logs.first?.rawValue ?? "" : ""
  }

  private func json(_ row: Row) -> JSONValue {
    .object(
      JSONObject([
        ("source", .string(row.source)), ("destination", .string(row.destination)),
        ("port", .string(row.portText)), ("flows", .number(String(row.records))),
        ("logs", .array(row.logs.sorted().map { .string($0.rawValue) })),
      ])
    )
  }
}
