import FlowAggregation
package import FlowModel
import FlowSchema
package import FlowStorage
import GRDB

extension SQLiteStore: FlowStore {
  package func inputs(matchingHead head: (Int) -> UInt64?) async throws -> [IngestRecord] {
    try read { try inputs(matchingHead: head, $0) }
  }

  package func heads() async throws -> [InputHead] {
    try read { database in
      try Row.fetchAll(database, sql: "SELECT head_length, head_hash FROM ingest").map {
        InputHead(length: $0[0], hash: UInt64(bitPattern: $0[1] as Int64))
      }
    }
  }

  package func addAll(_ batch: IngestBatch) async throws -> [Int64] {
    try load(edges: batch.edges.count) { database in
      let ids = try batch.inputs.map { input in
        guard try isAsExpected(input, database) else { throw FlowStoreError.ledgerChanged }
        return try SQLiteStore.saveLedger(input.record, logKind: batch.logKind, database)
      }
      var writer = BatchWriter(batch, database, statements)
      try writer.save(ingests: ids)
      try SQLiteStore.foldExternals(
        touchedBy: batch,
        ingest: ids[ids.count - 1],
        endpoints: writer.endpoints,
        database
      )
      return ids
    }
  }

  package func edges(_ query: EdgeQuery) async throws -> [FlowEdge] {
    try read { try EdgeReading.edges(query, keepsDays: false, $0).map(\.edge) }
  }

  package func edgeDays(_ query: EdgeQuery) async throws -> [DatedEdge] {
    try read { try EdgeReading.edges(query, keepsDays: true, $0) }
  }

  package func podEndpoints(before hour: Int64?) async throws -> [Endpoint] {
    try read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT \(EndpointRow.columns) FROM endpoint WHERE kind = 'pod' AND first_seen_us < ?
          """,
        arguments: [(hour ?? SQLiteStore.allHours.upperBound) * Timestamps.hour]
      ).map { EndpointRow.endpoint($0, from: 0) }.sorted()
    }
  }

  package func inputs() async throws -> [IngestRecord] {
    try read { database in
      try Row.fetchAll(database, sql: "\(SQLiteStore.ledger) ORDER BY ingest_id").map { row in
        var record = SQLiteStore.record(row)
        try SQLiteStore.loadDetails(&record, database)
        return record
      }
    }
  }

  package func capture() async throws -> [StoredCaptureHour] {
    try read { database in
      try Row.fetchAll(
        database,
        sql: "SELECT log_kind, hour, records, lost FROM capture_hour ORDER BY 1, 2"
      ).compactMap { row in
        guard let kind = LogKind(rawValue: row[0]) else { return nil }
        return StoredCaptureHour(
          logKind: kind,
          hour: row[1],
          capture: CaptureHour(records: row[2], lost: row[3])
        )
      }
    }
  }

  package func namespaces() async throws -> [NamespaceSpan] {
    try read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT namespace, min(first_seen_us), max(last_seen_us) FROM endpoint
          WHERE namespace <> '' GROUP BY namespace ORDER BY namespace
          """
      ).map { NamespaceSpan(namespace: $0[0], first: $0[1], last: $0[2]) }
    }
  }
}

// MARK: - Reading

extension SQLiteStore {
  /// Every hour that fits an edge's key.
  static let allHours = Int64(Int32.min)..<Int64(Int32.max) + 1

  static let ledger = """
    SELECT ingest_id, name, format, head_length, head_hash, consumed_bytes, tail_hash,
           marks_replies, lines, used, rejected, lost_events, started_us, finished_us
    FROM ingest
    """

  private func inputs(matchingHead head: (Int) -> UInt64?, _ database: Database) throws
    -> [IngestRecord]
  {
    let lengths = try statements.statement("SELECT DISTINCT head_length FROM ingest", database)
    // Thousands of small files have hundreds of lengths, each of which is asked for, and hardly one is found.
    let isThere = try statements.statement(
      "SELECT ingest_id FROM ingest WHERE head_length = ? AND head_hash = ? LIMIT 1",
      database
    )
    var found: [IngestRecord] = []
    defer { lengths.reset() }
    while try lengths.next() {
      let length = Int(lengths.number(at: 0))
      guard let hash = head(length).map({ Int64(bitPattern: $0) }) else { continue }
      isThere.bind(1, Int64(length))
      isThere.bind(2, hash)
      guard try isThere.firstNumber() != nil else { continue }
      found += try Row.fetchAll(
        database,
        sql: "\(SQLiteStore.ledger) WHERE head_length = ? AND head_hash = ?",
        arguments: [length, hash]
      ).map(SQLiteStore.record)
    }
    return found.sorted { $0.id > $1.id }
  }

  /// Whether the ledger says what an input rests on.
  private func isAsExpected(_ input: IngestBatch.Input, _ database: Database) throws -> Bool {
    guard let expects = input.expects else { return true }
    let row = try Row.fetchOne(
      try database.cachedStatement(sql: "\(SQLiteStore.ledger) WHERE ingest_id = ?"),
      arguments: [input.record.id]
    )
    return try expects.holds(
      row: row.map(SQLiteStore.record),
      alike: { try inputs(matchingHead: $0, database) }
    )
  }

  static func record(_ row: Row) -> IngestRecord {
    var counts = IngestCounts()
    counts.lines = row[8]
    counts.used = row[9]
    counts.rejectedCount = row[10]
    counts.lostEvents = row[11]
    return IngestRecord(
      id: row[0],
      name: row[1],
      format: row[2],
      identity: InputIdentity(
        headLength: row[3],
        headHash: UInt64(bitPattern: row[4] as Int64),
        consumedBytes: row[5],
        tailHash: UInt64(bitPattern: row[6] as Int64)
      ),
      marksReplies: row[7],
      counts: counts,
      started: row[12],
      finished: row[13]
    )
  }

  static func loadDetails(_ record: inout IngestRecord, _ database: Database) throws {
    for row in try Row.fetchAll(
      database,
      sql: "SELECT reason, records FROM ingest_discard WHERE ingest_id = ?",
      arguments: [record.id]
    ) {
      if let reason = DiscardReason(rawValue: row[0]) { record.counts.discarded[reason] = row[1] }
    }
    record.counts.rejections = try Row.fetchAll(
      database,
      sql: "SELECT line, problem FROM ingest_rejection WHERE ingest_id = ? ORDER BY line, problem",
      arguments: [record.id]
    ).map { Rejection(line: $0[0], problem: $0[1]) }
    record.counts.notes = Set(
      try String.fetchAll(
        database,
        sql: "SELECT note FROM ingest_note WHERE ingest_id = ?",
        arguments: [record.id]
      )
    )
  }
}
