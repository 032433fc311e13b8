import FlowAggregation
import FlowModel
import FlowSchema
import FlowStorage
import GRDB

/// Reads the edges of a window: whole days from their sums, the hours at its ends one by one.
struct EdgeReading {
  /// An edge with what was counted of it so far.
  private struct Counted {
    var source: Int64
    var destination: Int64
    var edge: FlowEdge
    var lastDay: Int64
    var days: [Int64]
  }

  private let database: Database
  private let namespace: String?
  private let keepsDays: Bool
  private var edges: [Counted] = []
  private var positions: [Int64: Int] = [:]

  /// Reads edges in the order of ``FlowEdge/precedes(_:_:)``.
  ///
  /// - Parameter keepsDays: Whether the days are listed; they are counted in any case.
  static func edges(_ query: EdgeQuery, keepsDays: Bool, _ database: Database) throws -> [DatedEdge]
  {
    var reading = EdgeReading(
      database: database,
      namespace: query.namespace,
      keepsDays: keepsDays
    )
    let window = WindowParts(query.hours ?? SQLiteStore.allHours)
    // In the order of time, so that days are met in order.
    try reading.read(window.hoursBefore, by: .hours)
    try reading.read(window.days, by: .days)
    try reading.read(window.hoursAfter, by: .hours)
    return try reading.sorted()
  }

  private init(database: Database, namespace: String?, keepsDays: Bool) {
    self.database = database
    self.namespace = namespace
    self.keepsDays = keepsDays
  }

  private enum Unit { case days, hours }

  private mutating func read(_ range: Range<Int64>, by unit: Unit) throws {
    guard !range.isEmpty else { return }
    let sql =
      switch (unit, namespace) {
      case (.days, nil): SQLiteSchema.daysEverywhere
      case (.hours, nil): SQLiteSchema.hoursEverywhere
      case (.days, _): SQLiteSchema.daysInNamespace
      case (.hours, _): SQLiteSchema.hoursInNamespace
      }
    let rows = try RowStatement(sql, database)
    var parameter: CInt = 1
    if let namespace {
      try rows.bind(parameter, namespace)
      parameter += 1
    }
    rows.bind(parameter, range.lowerBound)
    rows.bind(parameter + 1, range.upperBound)
    var current: Int64?
    var position = 0
    while try rows.next() {
      let id = rows.number(at: 0)
      if id != current {
        current = id
        position = positions[id] ?? start(id, rows)
      }
      add(rows, to: position)
    }
  }

  /// Begins an edge from the first of its rows.
  private mutating func start(_ id: Int64, _ row: RowStatement) -> Int {
    let nowhere = Endpoint(kind: .unresolved)
    let edge = FlowEdge(
      source: nowhere,
      destination: nowhere,
      transport: TransportProtocol(number: UInt8(truncatingIfNeeded: row.number(at: 3))),
      port: UInt16(truncatingIfNeeded: row.number(at: 4)),
      replyPort: UInt16(truncatingIfNeeded: row.number(at: 5)),
      side: PolicySide(rawValue: row.text(at: 6)) ?? .both,
      evidence: EvidenceClass(rawValue: row.text(at: 7)) ?? .attempt,
      logKind: LogKind(rawValue: row.text(at: 8)) ?? .hubble,
      tally: EdgeTally(
        records: 0,
        bytes: 0,
        firstMicroseconds: .max,
        lastMicroseconds: .min,
        hours: 0,
        days: 0
      )
    )
    positions[id] = edges.count
    edges.append(
      Counted(
        source: row.number(at: 1),
        destination: row.number(at: 2),
        edge: edge,
        lastDay: .min,
        days: []
      )
    )
    return edges.count - 1
  }

  /// Adds a row's day, or its part of a day, to an edge.
  private mutating func add(_ row: RowStatement, to position: Int) {
    let day = row.number(at: 9)
    var tally = edges[position].edge.tally
    tally.hours += row.number(at: 10).nonzeroBitCount
    tally.records.addSaturated(row.number(at: 11))
    tally.bytes.addSaturated(row.number(at: 12))
    tally.firstMicroseconds = min(tally.firstMicroseconds, row.number(at: 13))
    tally.lastMicroseconds = max(tally.lastMicroseconds, row.number(at: 14))
    if edges[position].lastDay != day {
      edges[position].lastDay = day
      tally.days += 1
      if keepsDays { edges[position].days.append(day) }
    }
    edges[position].edge.tally = tally
  }

  /// The edges with their ends, in order.
  private mutating func sorted() throws -> [DatedEdge] {
    let ends = try Ends(Set(edges.lazy.flatMap { [$0.source, $0.destination] }), database)
    for position in edges.indices {
      edges[position].edge.source = ends[edges[position].source].endpoint
      edges[position].edge.destination = ends[edges[position].destination].endpoint
    }
    // Ranks stand for endpoints, which are long to compare.
    let ranks = edges.map { (ends[$0.source].rank, ends[$0.destination].rank) }
    return edges.indices.sorted { left, right in
      if ranks[left].0 != ranks[right].0 { return ranks[left].0 < ranks[right].0 }
      if ranks[left].1 != ranks[right].1 { return ranks[left].1 < ranks[right].1 }
      return FlowEdge.precedes(edges[left].edge, edges[right].edge)
    }.map { DatedEdge(edge: edges[$0].edge, days: edges[$0].days) }
  }

  /// Endpoints by row number, ranked in their order.
  private struct Ends {
    private var known: [Int64: (endpoint: Endpoint, rank: Int)] = [:]

    init(_ ids: Set<Int64>, _ database: Database) throws {
      let row = try RowStatement(
        "SELECT \(EndpointRow.columns) FROM endpoint WHERE endpoint_id = ?",
        database
      )
      var found: [(id: Int64, endpoint: Endpoint)] = []
      found.reserveCapacity(ids.count)
      for id in ids {
        row.bind(1, id)
        if try row.next() { found.append((id, EndpointRow.endpoint(row))) }
        row.reset()
      }
      found.sort { $0.endpoint < $1.endpoint }
      var rank = 0
      for (index, end) in found.enumerated() {
        if index > 0, found[index - 1].endpoint != end.endpoint { rank = index }
        known[end.id] = (end.endpoint, rank)
      }
    }

    subscript(id: Int64) -> (endpoint: Endpoint, rank: Int) {
      known[id] ?? (Endpoint(kind: .unresolved), .max)
    }
  }
}

/// A window of hours as the whole days in it and the hours before and after them.
struct WindowParts: Hashable {
  /// UTC hours since 1970 before the first whole day.
  let hoursBefore: Range<Int64>
  /// UTC days since 1970.
  let days: Range<Int64>
  /// UTC hours since 1970 after the last whole day.
  let hoursAfter: Range<Int64>

  /// Splits a window of UTC hours since 1970.
  init(_ hours: Range<Int64>) {
    let first = Timestamps.floor(hours.lowerBound + 23, to: 24) / 24
    let end = Timestamps.floor(hours.upperBound, to: 24) / 24
    guard first < end else {
      hoursBefore = hours
      days = first..<first
      hoursAfter = hours.upperBound..<hours.upperBound
      return
    }
    hoursBefore = hours.lowerBound..<first * 24
    days = first..<end
    hoursAfter = end * 24..<hours.upperBound
  }
}
