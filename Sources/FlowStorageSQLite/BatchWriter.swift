import FlowAggregation
import FlowModel
import FlowStorage
import GRDB

/// Writes the endpoints and edges of one batch, nearly in the order of their keys so that each B-tree is walked once.
struct BatchWriter {
  /// Row numbers of the batch's endpoints; 0 for those that no edge uses.
  private(set) var endpoints: [Int64]
  /// Whether an endpoint was not stored before: then no edge with it was either.
  private var isNew: [Bool]
  private let batch: IngestBatch
  private let database: Database

  /// Stores the endpoints that the batch's edges use.
  init(_ batch: IngestBatch, _ database: Database) throws {
    self.batch = batch
    self.database = database
    endpoints = [Int64](repeating: 0, count: batch.endpoints.count)
    isNew = [Bool](repeating: false, count: batch.endpoints.count)
    try saveEndpoints()
  }

  private mutating func saveEndpoints() throws {
    let seen = spans()
    let order = neighbours(seen)
    let find = try RowStatement(EndpointRow.find, database)
    let widen = try RowStatement(EndpointRow.widen, database)
    let last = try Int64.fetchOne(database, sql: "SELECT max(endpoint_id) FROM endpoint")
    var next = last ?? 0
    var new: [Int] = []
    // Names that differ in a NUL only are one name in the store.
    var names: [EndpointRow: Int64]? =
      order.allSatisfy { batch.endpoints[$0].isStorable } ? nil : [:]
    for index in order {
      if last != nil {
        try EndpointRow(batch.endpoints[index]).bind(to: find, from: 1)
        if let known = try find.firstNumber() {
          endpoints[index] = known
          widen.bind(1, known)
          widen.bind(2, seen[index].first)
          widen.bind(3, seen[index].last)
          try widen.run()
          continue
        }
      }
      isNew[index] = true
      if let same = names?[EndpointRow(batch.endpoints[index])] {
        endpoints[index] = same
        continue
      }
      next += 1
      endpoints[index] = next
      names?[EndpointRow(batch.endpoints[index])] = next
      new.append(index)
    }
    let insert = BulkInsert(
      target:
        "INSERT INTO endpoint (endpoint_id, first_seen_us, last_seen_us, \(EndpointRow.columns))",
      columns: 12
    )
    try insert.insert(new, database) { index, statement, parameter in
      statement.bind(parameter, endpoints[index])
      statement.bind(parameter + 1, seen[index].first)
      statement.bind(parameter + 2, seen[index].last)
      try EndpointRow(batch.endpoints[index]).bind(to: statement, from: parameter + 3)
    }
  }

  /// The endpoints that an edge uses, those side by side whose rows are neighbours in the index.
  private func neighbours(_ seen: [Span]) -> [Int] {
    struct Place {
      var namespace: String
      var workload: String
      var index: Int
    }
    var places: [Place] = []
    places.reserveCapacity(seen.count)
    for (index, endpoint) in batch.endpoints.enumerated() where seen[index].isSeen {
      places.append(
        Place(
          namespace: endpoint.namespace,
          workload: endpoint.workload?.name ?? "",
          index: index
        )
      )
    }
    places.sort { left, right in
      if left.namespace != right.namespace { return left.namespace < right.namespace }
      if left.workload != right.workload { return left.workload < right.workload }
      return left.index < right.index
    }
    return places.map(\.index)
  }

  /// When an endpoint was seen, if it was.
  private struct Span {
    var first = Int64.max
    var last = Int64.min

    var isSeen: Bool { first <= last }

    mutating func include(_ entry: EdgeTable.Entry) {
      first = min(first, entry.first)
      last = max(last, entry.last, entry.first)
    }
  }

  /// When the batch's endpoints were seen.
  private func spans() -> [Span] {
    var spans = [Span](repeating: Span(), count: batch.endpoints.count)
    for entry in batch.edges {
      spans[Int(entry.key.source)].include(entry)
      spans[Int(entry.key.destination)].include(entry)
    }
    return spans
  }

  /// An edge of the batch by its stored key.
  private struct EdgeRow {
    var source: Int64
    var destination: Int64
    /// Protocol, port, reply port, side and class, from high to low bits.
    var what: UInt64
    var hour: Int32
    var entry: Int32

    init(_ key: EdgeKey, _ entry: Int, source: Int64, destination: Int64) {
      self.source = source
      self.destination = destination
      what =
        UInt64(key.transport) << 48 | UInt64(key.port) << 32 | UInt64(key.replyPort) << 16
        | UInt64(key.side) << 8 | UInt64(key.evidence)
      hour = key.hour
      self.entry = Int32(entry)
    }

    /// UTC days since 1970.
    var day: Int64 { Timestamps.floor(Int64(hour), to: 24) / 24 }
    /// The hour of the day as a bit.
    var hourBit: Int64 { 1 << (Int64(hour) - day * 24) }

    static func precedes(_ left: EdgeRow, _ right: EdgeRow) -> Bool {
      if left.source != right.source { return left.source < right.source }
      if left.destination != right.destination { return left.destination < right.destination }
      if left.what != right.what { return left.what < right.what }
      return left.hour < right.hour
    }

    func isSameEdge(as other: EdgeRow) -> Bool {
      source == other.source && destination == other.destination && what == other.what
    }
  }

  /// Rows of one edge, of one hour or of one day, in the order of rows.
  private struct Run {
    var edge: Int64
    var rows: Range<Int32>
  }

  /// Upserts edges, their hours and their days.
  func saveEdges(ingest: Int64) throws {
    let rows = batch.edges.indices.map { index in
      let key = batch.edges[index].key
      return EdgeRow(
        key,
        index,
        source: endpoints[Int(key.source)],
        destination: endpoints[Int(key.destination)]
      )
    }.sorted(by: EdgeRow.precedes)
    let find = try RowStatement(SQLiteStore.findEdge, database)
    let last = try Int64.fetchOne(database, sql: "SELECT max(edge_id) FROM flow_edge")
    var next = last ?? 0
    var new: [Run] = []
    var hours: [Run] = []
    hours.reserveCapacity(rows.count)
    var days: [Run] = []
    var id: Int64 = 0
    for index in rows.indices {
      let row = rows[index]
      let place = Int32(index)..<Int32(index + 1)
      let isSameEdge = index > 0 && rows[index - 1].isSameEdge(as: row)
      if !isSameEdge {
        if let known = try knownEdge(row, find) {
          id = known
        } else {
          next += 1
          id = next
          new.append(Run(edge: id, rows: place))
        }
      }
      hours.append(Run(edge: id, rows: place))
      if isSameEdge, row.day == rows[index - 1].day, let run = days.indices.last {
        days[run].rows = days[run].rows.lowerBound..<place.upperBound
      } else {
        days.append(Run(edge: id, rows: place))
      }
    }
    try insert(new, rows)
    try insert(hours: hours, rows, ingest: ingest)
    try insert(days: days, rows)
  }

  /// The row number of an edge that is stored already.
  private func knownEdge(_ row: EdgeRow, _ find: RowStatement) throws -> Int64? {
    let key = batch.edges[Int(row.entry)].key
    guard !isNew[Int(key.source)], !isNew[Int(key.destination)] else { return nil }
    try bind(row, to: find, from: 1)
    return try find.firstNumber()
  }

  private func bind(_ row: EdgeRow, to statement: RowStatement, from parameter: CInt) throws {
    let key = batch.edges[Int(row.entry)].key
    statement.bind(parameter, row.source)
    statement.bind(parameter + 1, row.destination)
    statement.bind(parameter + 2, Int64(key.transport))
    statement.bind(parameter + 3, Int64(key.port))
    statement.bind(parameter + 4, Int64(key.replyPort))
    try statement.bind(parameter + 5, BatchWriter.sides[Int(key.side)])
    try statement.bind(parameter + 6, BatchWriter.classes[Int(key.evidence)])
    try statement.bind(parameter + 7, batch.logKind.rawValue)
  }

  private static let sides = PolicySide.allCases.map(\.rawValue)
  private static let classes = EvidenceClass.allCases.map(\.rawValue)

  private func insert(_ new: [Run], _ rows: [EdgeRow]) throws {
    let edges = BulkInsert(
      target: """
        INSERT INTO flow_edge (edge_id, source_id, destination_id, protocol, port, reply_port, side, class, log_kind)
        """,
      columns: 9
    )
    try edges.insert(new, database) { run, statement, parameter in
      statement.bind(parameter, run.edge)
      try bind(rows[Int(run.rows.lowerBound)], to: statement, from: parameter + 1)
    }
  }

  private func insert(hours: [Run], _ rows: [EdgeRow], ingest: Int64) throws {
    let inserts = BulkInsert(
      target: """
        INSERT INTO edge_hour (edge_id, hour, records, bytes, first_seen_us, last_seen_us, ingest_id, sample_line)
        """,
      columns: 8,
      conflict: SQLiteStore.addHour
    )
    try inserts.insert(hours, database) { run, statement, parameter in
      let entry = batch.edges[Int(rows[Int(run.rows.lowerBound)].entry)]
      statement.bind(parameter, run.edge)
      statement.bind(parameter + 1, Int64(entry.key.hour))
      statement.bind(parameter + 2, entry.records)
      statement.bind(parameter + 3, entry.bytes)
      statement.bind(parameter + 4, entry.first)
      statement.bind(parameter + 5, entry.last)
      statement.bind(parameter + 6, ingest)
      statement.bind(parameter + 7, Int64(entry.sampleLine))
    }
  }

  private func insert(days: [Run], _ rows: [EdgeRow]) throws {
    let inserts = BulkInsert(
      target: """
        INSERT INTO edge_day (edge_id, day, hours, records, bytes, first_seen_us, last_seen_us)
        """,
      columns: 7,
      conflict: SQLiteStore.addDay
    )
    try inserts.insert(days, database) { run, statement, parameter in
      let row = rows[Int(run.rows.lowerBound)]
      var sum = batch.edges[Int(row.entry)]
      var hours = row.hourBit
      for other in rows[Int(run.rows.lowerBound) + 1..<Int(run.rows.upperBound)] {
        let entry = batch.edges[Int(other.entry)]
        hours |= other.hourBit
        sum.records.addSaturated(entry.records)
        sum.bytes.addSaturated(entry.bytes)
        sum.first = min(sum.first, entry.first)
        sum.last = max(sum.last, entry.last)
      }
      statement.bind(parameter, run.edge)
      statement.bind(parameter + 1, row.day)
      statement.bind(parameter + 2, hours)
      statement.bind(parameter + 3, sum.records)
      statement.bind(parameter + 4, sum.bytes)
      statement.bind(parameter + 5, sum.first)
      statement.bind(parameter + 6, sum.last)
    }
  }
}
