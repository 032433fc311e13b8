import FlowAggregation
import FlowModel
import FlowStorage
import GRDB

/// Writes the endpoints and edges of one batch, in the order of their keys so that each B-tree is walked once.
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
    let order = batch.endpoints.indices.filter { seen[$0].isSeen }.sorted {
      batch.endpoints[$0] < batch.endpoints[$1]
    }
    let find = try RowStatement(EndpointRow.find, database)
    let insert = try RowStatement(EndpointRow.insert, database)
    let widen = try RowStatement(EndpointRow.widen, database)
    let isEmpty = try Int.fetchOne(database, sql: "SELECT 1 FROM endpoint LIMIT 1") == nil
    for index in order {
      let row = EndpointRow(batch.endpoints[index])
      if !isEmpty {
        try row.bind(to: find)
        if let known = try find.number() {
          endpoints[index] = known
          widen.bind(1, known)
          widen.bind(2, seen[index].first)
          widen.bind(3, seen[index].last)
          try widen.run()
          continue
        }
      }
      try row.bind(to: insert)
      insert.bind(10, seen[index].first)
      insert.bind(11, seen[index].last)
      try insert.run()
      endpoints[index] = insert.insertedRow
      isNew[index] = true
    }
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

  /// Upserts edges and their hours.
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
    let insert = try RowStatement(SQLiteStore.insertEdge, database)
    let hours = try RowStatement(SQLiteStore.insertHour, database)
    try find.bind(8, batch.logKind.rawValue)
    try insert.bind(8, batch.logKind.rawValue)
    hours.bind(7, ingest)
    var previous: EdgeRow?
    for row in rows {
      let entry = batch.edges[Int(row.entry)]
      if previous.map({ !$0.isSameEdge(as: row) }) ?? true {
        let id = try edge(row, entry.key, find, insert)
        hours.bind(1, id)
        previous = row
      }
      hours.bind(2, Int64(entry.key.hour))
      hours.bind(3, entry.records)
      hours.bind(4, entry.bytes)
      hours.bind(5, entry.first)
      hours.bind(6, entry.last)
      hours.bind(8, Int64(entry.sampleLine))
      try hours.run()
    }
  }

  /// The row number of an edge, added when new.
  private func edge(
    _ row: EdgeRow,
    _ key: EdgeKey,
    _ find: RowStatement,
    _ insert: RowStatement
  ) throws -> Int64 {
    func bind(_ statement: RowStatement) throws {
      statement.bind(1, row.source)
      statement.bind(2, row.destination)
      statement.bind(3, Int64(key.transport))
      statement.bind(4, Int64(key.port))
      statement.bind(5, Int64(key.replyPort))
      try statement.bind(6, PolicySide.allCases[Int(key.side)].rawValue)
      try statement.bind(7, EvidenceClass.allCases[Int(key.evidence)].rawValue)
    }
    if !isNew[Int(key.source)], !isNew[Int(key.destination)] {
      try bind(find)
      if let known = try find.number() { return known }
    }
    try bind(insert)
    try insert.run()
    return insert.insertedRow
  }
}
