import FlowAggregation
import FlowModel
import FlowStorage
import GRDB

extension SQLiteStore {
  /// Inserts or grows the ledger row and what belongs to it.
  static func saveLedger(_ record: IngestRecord, logKind: LogKind, _ database: Database) throws
    -> Int64
  {
    var id = record.id
    let identity = record.identity
    let counts = record.counts
    if id == 0 {
      try database.cachedStatement(
        sql: """
          INSERT INTO ingest (name, format, head_length, head_hash, consumed_bytes, tail_hash,
            marks_replies, lines, used, rejected, lost_events, started_us, finished_us)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """
      ).execute(
        arguments: [
          record.name.storable, record.format, identity.headLength,
          Int64(bitPattern: identity.headHash),
          identity.consumedBytes, Int64(bitPattern: identity.tailHash), record.marksReplies,
          counts.lines, counts.used, counts.rejectedCount, counts.lostEvents, record.started,
          record.finished,
        ]
      )
      id = database.lastInsertedRowID
    } else {
      try database.cachedStatement(
        sql: """
          UPDATE ingest SET name = ?, head_length = ?, head_hash = ?, consumed_bytes = ?, tail_hash = ?,
            marks_replies = max(marks_replies, ?), lines = lines + ?, used = used + ?,
            rejected = rejected + ?, lost_events = min(lost_events + ?, 9223372036854775807),
            finished_us = ?
          WHERE ingest_id = ?
          """
      ).execute(
        arguments: [
          record.name.storable, identity.headLength, Int64(bitPattern: identity.headHash),
          identity.consumedBytes, Int64(bitPattern: identity.tailHash), record.marksReplies,
          counts.lines, counts.used, counts.rejectedCount, counts.lostEvents, record.finished, id,
        ]
      )
      guard database.changesCount == 1 else { throw FlowStoreError.ledgerChanged }
    }
    try saveDetails(counts, ingest: id, logKind: logKind, database)
    return id
  }

  private static func saveDetails(
    _ counts: IngestCounts,
    ingest id: Int64,
    logKind: LogKind,
    _ database: Database
  ) throws {
    for (reason, records) in counts.discarded.sorted(by: { $0.key < $1.key }) where records > 0 {
      try database.cachedStatement(
        sql: """
          INSERT INTO ingest_discard VALUES (?, ?, ?)
          ON CONFLICT DO UPDATE SET records = records + excluded.records
          """
      ).execute(
        arguments: [id, reason.rawValue, records]
      )
    }
    for rejection in counts.rejections {
      try database.cachedStatement(
        sql: "INSERT OR IGNORE INTO ingest_rejection VALUES (?, ?, ?)"
      ).execute(
        arguments: [id, rejection.line, rejection.problem.storable]
      )
    }
    for note in counts.notes.sorted() {
      try database.cachedStatement(
        sql: "INSERT OR IGNORE INTO ingest_note VALUES (?, ?)"
      ).execute(
        arguments: [id, note.storable]
      )
    }
    for (hour, capture) in counts.capture.sorted(by: { $0.key < $1.key }) {
      try database.cachedStatement(
        sql: """
          INSERT INTO capture_hour VALUES (?, ?, ?, ?)
          ON CONFLICT DO UPDATE SET
            records = min(records + excluded.records, 9223372036854775807),
            lost = min(lost + excluded.lost, 9223372036854775807)
          """
      ).execute(
        arguments: [logKind.rawValue, hour, capture.records, capture.lost]
      )
    }
  }

  /// The row number of an endpoint that was seen in a time, added when new.
  static func endpointID(
    _ endpoint: Endpoint,
    seen time: ClosedRange<Int64>,
    _ database: Database
  ) throws -> Int64 {
    let arguments = EndpointRow(endpoint).arguments
    let find = try database.cachedStatement(sql: EndpointRow.find)
    let times: StatementArguments = [time.lowerBound, time.upperBound]
    if let known = try Int64.fetchOne(find, arguments: arguments) {
      try database.cachedStatement(sql: EndpointRow.widen).execute(arguments: [known] + times)
      return known
    }
    try database.cachedStatement(sql: EndpointRow.insert).execute(arguments: arguments + times)
    return database.lastInsertedRowID
  }

  /// Adds the counts of an hour to those that are there, keeping the earliest record as sample.
  ///
  /// Sums stop at the largest integer: counts come from logs, and past it SQLite would go on with
  /// fractions.
  static let addHour = """
    ON CONFLICT DO UPDATE SET
      records = min(records + excluded.records, 9223372036854775807),
      bytes = min(bytes + excluded.bytes, 9223372036854775807),
      ingest_id = iif((excluded.first_seen_us, excluded.ingest_id, excluded.sample_line)
        < (first_seen_us, ingest_id, sample_line), excluded.ingest_id, ingest_id),
      sample_line = iif((excluded.first_seen_us, excluded.ingest_id, excluded.sample_line)
        < (first_seen_us, ingest_id, sample_line), excluded.sample_line, sample_line),
      first_seen_us = min(first_seen_us, excluded.first_seen_us),
      last_seen_us = max(last_seen_us, excluded.last_seen_us)
    """

  static let findEdge = """
    SELECT edge_id FROM flow_edge WHERE source_id = ? AND destination_id = ? AND protocol = ?
    AND port = ? AND reply_port = ? AND side = ? AND class = ? AND log_kind = ?
    """

  static let insertEdge = """
    INSERT INTO flow_edge (source_id, destination_id, protocol, port, reply_port, side, class, log_kind)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    """

  /// Adds the counts of a part of a day to those that are there.
  static let addDay = """
    ON CONFLICT DO UPDATE SET
      hours = hours | excluded.hours,
      records = min(records + excluded.records, 9223372036854775807),
      bytes = min(bytes + excluded.bytes, 9223372036854775807),
      first_seen_us = min(first_seen_us, excluded.first_seen_us),
      last_seen_us = max(last_seen_us, excluded.last_seen_us)
    """
}
