import FlowAggregation
import FlowModel
import FlowStorage
import GRDB

/// Writes the endpoints and edges of one batch, nearly in the order of their keys so that each B-tree is walked once.
struct BatchWriter {
  /// Row numbers of the batch's endpoints; 0 for those that no edge uses.
  private(set) var endpoints: [Int64]
  /// The last row of an endpoint that was stored before: no edge of a later one was.
  private var lastKnown: Int64 = 0
  private let batch: IngestBatch
  private let database: Database
  private let statements: RowStatements

  /// Makes a writer for one transaction.
  init(_ batch: IngestBatch, _ database: Database, _ statements: RowStatements) {
    self.batch = batch
    self.database = database
    self.statements = statements
    endpoints = [Int64](repeating: 0, count: batch.endpoints.count)
  }

  /// Stores the batch's edges, and the endpoints that they use.
  ///
  /// - Parameter ingests: The row numbers of the batch's inputs.
  mutating func save(ingests: [Int64]) throws {
    let seen = spans()
    let new = try numberEndpoints(seen)
    // SQLite has one thread; what can be known without it is put in order on another.
    let plan = Preparation(count: 1) { [batch, endpoints] _ in
      EdgePlan(batch.edges, endpoints: endpoints)
    }
    try insert(endpoints: new, seen)
    if let plan = plan.next() { try insert(plan, ingests: ingests) }
  }
}

// MARK: - Endpoints

extension BatchWriter {
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

  /// Looks up the endpoints that are stored, and gives the others the numbers of their rows.
  ///
  /// - Returns: Those whose rows are to be inserted, in the order of their numbers.
  private mutating func numberEndpoints(_ seen: [Span]) throws -> [Int] {
    let order = neighbours(seen)
    let find = try statements.statement(EndpointRow.find, database)
    var identity = RowValues()
    let widen = try statements.statement(EndpointRow.widen, database)
    lastKnown =
      try statements.statement("SELECT max(endpoint_id) FROM endpoint", database).firstNumber() ?? 0
    var next = lastKnown
    var new: [Int] = []
    // Names that differ in a NUL only are one name in the store.
    var names: [EndpointRow: Int64]? =
      order.allSatisfy { batch.endpoints[$0].isStorable } ? nil : [:]
    for index in order {
      if lastKnown > 0 {
        identity.removeAll()
        EndpointRow.add(batch.endpoints[index], to: &identity)
        if let known = try find.firstNumber(identity) {
          endpoints[index] = known
          widen.bind(1, known)
          widen.bind(2, seen[index].first)
          widen.bind(3, seen[index].last)
          try widen.run()
          continue
        }
      }
      if let same = names?[EndpointRow(batch.endpoints[index])] {
        endpoints[index] = same
        continue
      }
      next += 1
      endpoints[index] = next
      names?[EndpointRow(batch.endpoints[index])] = next
      new.append(index)
    }
    return new
  }

  private func insert(endpoints new: [Int], _ seen: [Span]) throws {
    let insert = BulkInsert(
      target:
        "endpoint (endpoint_id, first_seen_us, last_seen_us, \(EndpointRow.columns))",
      columns: 12,
      statements: statements
    )
    try insert.insert(new, database) { [batch, endpoints] index, values in
      values.add(endpoints[index])
      values.add(seen[index].first)
      values.add(seen[index].last)
      EndpointRow.add(batch.endpoints[index], to: &values)
    }
  }

  /// The endpoints that an edge uses, those side by side whose rows are neighbours in the index.
  private func neighbours(_ seen: [Span]) -> [Int] {
    struct Place {
      var namespace: Int
      var workload: UInt64
      var index: Int
    }
    var namespaces: Set<String> = []
    for (index, endpoint) in batch.endpoints.enumerated() where seen[index].isSeen {
      namespaces.insert(endpoint.namespace)
    }
    let ranks = Dictionary(
      uniqueKeysWithValues: namespaces.sorted().enumerated().map { ($1, $0) }
    )
    var places: [Place] = []
    places.reserveCapacity(seen.count)
    for (index, endpoint) in batch.endpoints.enumerated() where seen[index].isSeen {
      places.append(
        Place(
          namespace: ranks[endpoint.namespace, default: 0],
          workload: BatchWriter.start(of: endpoint.workload?.name ?? ""),
          index: index
        )
      )
    }
    places.sort { left, right in
      (left.namespace, left.workload, left.index) < (right.namespace, right.workload, right.index)
    }
    return places.map(\.index)
  }

  /// The first eight bytes of a text as a number that sorts like them: rows need to be in order only nearly.
  private static func start(of text: String) -> UInt64 {
    var start: UInt64 = 0
    var shift: UInt64 = 64
    for byte in text.utf8.prefix(8) {
      shift -= 8
      start |= UInt64(byte) << shift
    }
    return start
  }
}

// MARK: - Edges

extension BatchWriter {
  private static let sides = PolicySide.allCases.map(\.rawValue)
  private static let classes = EvidenceClass.allCases.map(\.rawValue)

  /// Upserts edges, their hours and their days.
  private func insert(_ plan: EdgePlan, ingests: [Int64]) throws {
    let numbers = try number(plan.edges)
    try insert(plan.edges.indices.filter { numbers[$0].isNew }, of: plan.edges, numbers)
    let hours = BulkInsert(
      target: """
        edge_hour (edge_id, hour, records, bytes, first_seen_us, last_seen_us, ingest_id, sample_line)
        """,
      columns: 8,
      conflict: SQLiteStore.addHour,
      statements: statements
    )
    try hours.insert(plan.hours, database) { [batch] hour, values in
      let entry = batch.edges[Int(hour.entry)]
      values.add(numbers[Int(hour.edge)].id)
      values.add(Int64(entry.key.hour))
      values.add(entry.records)
      values.add(entry.bytes)
      values.add(entry.first)
      values.add(entry.last)
      let sample = SampleLine(packed: entry.sampleLine)
      values.add(ingests[sample.input])
      values.add(Int64(sample.line))
    }
    let days = BulkInsert(
      target: """
        edge_day (edge_id, day, hours, records, bytes, first_seen_us, last_seen_us)
        """,
      columns: 7,
      conflict: SQLiteStore.addDay,
      statements: statements
    )
    try days.insert(plan.days, database) { [batch] day, values in
      var sum = DaySum()
      for hour in plan.hours[Int(day.hours.lowerBound)..<Int(day.hours.upperBound)] {
        sum.add(batch.edges[Int(hour.entry)], day: day.day)
      }
      values.add(numbers[Int(day.edge)].id)
      values.add(Int64(day.day))
      values.add(sum.hours)
      values.add(sum.records)
      values.add(sum.bytes)
      values.add(sum.first)
      values.add(sum.last)
    }
  }

  /// What an edge counted in the hours of one UTC day.
  private struct DaySum {
    /// Bit n: seen in hour n of the day.
    var hours: Int64 = 0
    var records: Int64 = 0
    var bytes: Int64 = 0
    var first = Int64.max
    var last = Int64.min

    mutating func add(_ entry: EdgeTable.Entry, day: Int32) {
      hours |= 1 << Int64(entry.key.hour - day * 24)
      records.addSaturated(entry.records)
      bytes.addSaturated(entry.bytes)
      first = min(first, entry.first)
      last = max(last, entry.last)
    }
  }

  /// The number of an edge's row.
  private struct Number {
    var id: Int64
    var isNew: Bool
  }

  /// Looks up the edges that are stored, and gives the others the numbers of their rows.
  private func number(_ edges: [EdgePlan.Row]) throws -> [Number] {
    let find = try statements.statement(SQLiteStore.findEdge, database)
    var identity = RowValues()
    var next =
      try statements.statement("SELECT max(edge_id) FROM flow_edge", database).firstNumber() ?? 0
    return try edges.map { edge in
      if max(edge.source, edge.destination) <= lastKnown {
        identity.removeAll()
        BatchWriter.add(edge, batch.logKind, to: &identity)
        if let known = try find.firstNumber(identity) { return Number(id: known, isNew: false) }
      }
      next += 1
      return Number(id: next, isNew: true)
    }
  }

  private func insert(_ new: [Int], of edges: [EdgePlan.Row], _ numbers: [Number]) throws {
    let insert = BulkInsert(
      target: """
        flow_edge (edge_id, source_id, destination_id, protocol, port, reply_port, side, class, log_kind)
        """,
      columns: 9,
      statements: statements
    )
    try insert.insert(new, database) { [batch] index, values in
      values.add(numbers[index].id)
      BatchWriter.add(edges[index], batch.logKind, to: &values)
    }
  }

  /// Adds the columns that identify an edge.
  private static func add(_ edge: EdgePlan.Row, _ logKind: LogKind, to values: inout RowValues) {
    values.add(edge.source)
    values.add(edge.destination)
    values.add(Int64(edge.transport))
    values.add(Int64(edge.port))
    values.add(Int64(edge.replyPort))
    values.add(sides[Int(edge.side)])
    values.add(classes[Int(edge.evidence)])
    values.add(logKind.rawValue)
  }
}
