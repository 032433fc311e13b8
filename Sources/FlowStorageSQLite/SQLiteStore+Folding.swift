import FlowAggregation
import FlowModel
import FlowStorage
import GRDB

extension SQLiteStore {
  /// A direction in which a pod has external peers.
  private struct Side: Hashable {
    var pod: Int64
    var isIngress: Bool

    /// The columns of the pod and of its peers.
    var columns: (pod: String, peer: String) {
      isIngress ? ("destination_id", "source_id") : ("source_id", "destination_id")
    }
  }

  /// Folds the external peers of the pods in a batch where they have become too many.
  static func foldExternals(
    touchedBy batch: IngestBatch,
    ingest: Int64,
    endpoints ids: [Int64],
    _ database: Database
  ) throws {
    let isFoldable = batch.endpoints.map { ExternalFolding.isFoldable($0) }
    var sides: Set<Side> = []
    for entry in batch.edges {
      let source = Int(entry.key.source)
      let destination = Int(entry.key.destination)
      guard isFoldable[source] != isFoldable[destination] else { continue }
      let isIngress = isFoldable[source]
      sides.insert(Side(pod: ids[isIngress ? destination : source], isIngress: isIngress))
    }
    var widest = ExternalFolding.addresses
    for side in sides.sorted(by: { ($0.pod, $0.isIngress ? 1 : 0) < ($1.pod, $1.isIngress ? 1 : 0) }
    ) {
      for group in try crowdedPorts(side, database) {
        widest = max(widest, try fold(side, transport: group.0, port: group.1, database))
      }
    }
    if let note = widest.note {
      try database.execute(
        sql: "INSERT OR IGNORE INTO ingest_note VALUES (?, ?)",
        arguments: [ingest, note]
      )
    }
  }

  /// Protocols and ports with too many external peers, or with some that are folded already.
  private static func crowdedPorts(_ side: Side, _ database: Database) throws -> [(UInt8, UInt16)] {
    let (pod, peer) = side.columns
    let statement = try database.cachedStatement(
      sql: """
        SELECT e.protocol, e.port FROM flow_edge e
        JOIN endpoint x ON x.endpoint_id = e.\(peer)
        WHERE e.\(pod) = ? AND x.kind IN ('address', 'name')
        GROUP BY e.protocol, e.port
        HAVING count(DISTINCT e.\(peer)) > \(ExternalFolding.mostAddresses)
          OR max(x.address LIKE '%/24' OR x.address LIKE '%/48' OR x.address LIKE '%/0')
        ORDER BY e.protocol, e.port
        """
    )
    return try Row.fetchAll(statement, arguments: [side.pod]).map { ($0[0], $0[1]) }
  }

  /// Folds the external peers of one pod, protocol, port and direction.
  ///
  /// - Returns: The level they are kept at when any was folded just now, else `addresses`.
  private static func fold(
    _ side: Side,
    transport: UInt8,
    port: UInt16,
    _ database: Database
  ) throws -> ExternalFolding {
    let (pod, peer) = side.columns
    let statement = try database.cachedStatement(
      sql: """
        SELECT e.edge_id, e.reply_port, e.side, e.class, e.log_kind, x.endpoint_id,
               x.first_seen_us, x.last_seen_us,
               \(EndpointRow.columns.split(separator: ", ").map { "x.\($0)" }.joined(separator: ", "))
        FROM flow_edge e
        JOIN endpoint x ON x.endpoint_id = e.\(peer)
        WHERE e.\(pod) = ? AND e.protocol = ? AND e.port = ? AND x.kind IN ('address', 'name')
        ORDER BY e.edge_id
        """
    )
    let rows = try Row.fetchAll(statement, arguments: [side.pod, transport, port])
      .map { (row: $0, endpoint: EndpointRow.endpoint($0, from: 8)) }
      .filter { ExternalFolding.isFoldable($0.endpoint) }
    let level = ExternalFolding(holding: Set(rows.map(\.endpoint)))
    var ids: [Endpoint: Int64] = [:]
    var seen: [Endpoint: ClosedRange<Int64>] = [:]
    var left: Set<Int64> = []
    for (row, endpoint) in rows {
      let folded = level.folded(endpoint)
      let (first, last): (Int64, Int64) = (row[6], row[7])
      let known = seen[folded] ?? first...last
      seen[folded] = min(first, known.lowerBound)...max(last, known.upperBound)
    }
    for (row, endpoint) in rows {
      let folded = level.folded(endpoint)
      guard folded != endpoint, let time = seen[folded] else { continue }
      let id = try ids[folded] ?? endpointID(folded, seen: time, database)
      ids[folded] = id
      let ends = side.isIngress ? (id, side.pod) : (side.pod, id)
      try move(
        edge: row[0],
        to: [
          ends.0, ends.1, transport, port, row[1] as Int64, row[2] as String, row[3] as String,
          row[4] as String,
        ],
        database
      )
      left.insert(row[5])
    }
    try removeUnused(left, database)
    return left.isEmpty ? .addresses : level
  }

  /// Adds an edge's hours and days to those of another edge, which is made when it is not there.
  private static func move(
    edge: Int64,
    to target: StatementArguments,
    _ database: Database
  ) throws {
    var id = try Int64.fetchOne(
      try database.cachedStatement(sql: findEdge),
      arguments: target
    )
    if id == nil {
      try database.cachedStatement(sql: insertEdge).execute(arguments: target)
      id = database.lastInsertedRowID
    }
    try database.cachedStatement(
      sql: """
        INSERT INTO edge_hour (edge_id, hour, records, bytes, first_seen_us, last_seen_us, ingest_id, sample_line)
        SELECT ?, hour, records, bytes, first_seen_us, last_seen_us, ingest_id, sample_line
        FROM edge_hour WHERE edge_id = ?
        \(addHour)
        """
    ).execute(arguments: [id, edge])
    try database.cachedStatement(
      sql: """
        INSERT INTO edge_day (edge_id, day, hours, records, bytes, first_seen_us, last_seen_us)
        SELECT ?, day, hours, records, bytes, first_seen_us, last_seen_us
        FROM edge_day WHERE edge_id = ?
        \(addDay)
        """
    ).execute(arguments: [id, edge])
    // References are not looked at while a batch is stored, so nothing goes by itself.
    for table in ["edge_hour", "edge_day", "flow_edge"] {
      try database.cachedStatement(sql: "DELETE FROM \(table) WHERE edge_id = ?")
        .execute(arguments: [edge])
    }
  }

  /// Removes endpoints that no edge names any more.
  private static func removeUnused(_ endpoints: Set<Int64>, _ database: Database) throws {
    let statement = try database.cachedStatement(
      sql: """
        DELETE FROM endpoint WHERE endpoint_id = ?1
        AND NOT EXISTS (SELECT 1 FROM flow_edge WHERE source_id = ?1)
        AND NOT EXISTS (SELECT 1 FROM flow_edge WHERE destination_id = ?1)
        """
    )
    for id in endpoints.sorted() { try statement.execute(arguments: [id]) }
  }
}
