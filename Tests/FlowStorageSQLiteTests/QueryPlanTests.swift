import FlowSchema
import FlowStorage
import GRDB
import StoreContract
import TestSupport
import Testing

@testable import FlowStorageSQLite

@Suite("How queries are carried out")
struct QueryPlanTests {
  private let folder: TemporaryFolder
  private let store: SQLiteStore

  init() throws {
    folder = try TemporaryFolder()
    store = try SQLiteStore(path: folder.path("plan.db"), create: true)
  }

  private func plan(_ sql: String, _ arguments: StatementArguments) async throws -> [String] {
    try await store.database.read { database in
      try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN " + sql, arguments: arguments)
        .map { $0["detail"] }
    }
  }

  @Test("Edges of a namespace are found by index, without a look at any other edge")
  func namespace() async throws {
    for (unit, sql) in [
      ("day", SQLiteSchema.daysInNamespace), ("hour", SQLiteSchema.hoursInNamespace),
    ] {
      let plan = try await plan(sql, ["shop", 0, 1])
      #expect(plan.contains { $0.contains("endpoint_by_namespace") })
      #expect(plan.contains { $0.contains("flow_edge_by_destination") })
      #expect(plan.contains { $0.contains("sqlite_autoindex_flow_edge_1 (source_id=?)") })
      let key = "SEARCH t USING PRIMARY KEY (edge_id=? AND \(unit)>? AND \(unit)<?)"
      #expect(plan.contains { $0.hasPrefix(key) })
      let scans = plan.filter { $0.hasPrefix("SCAN") }
      #expect(scans.allSatisfy { $0 == "SCAN w" }, "\(scans)")
    }
  }

  @Test("All edges are walked once, their days and hours by key")
  func everywhere() async throws {
    for (unit, sql) in [
      ("day", SQLiteSchema.daysEverywhere), ("hour", SQLiteSchema.hoursEverywhere),
    ] {
      let plan = try await plan(sql, [0, 1])
      let key = "SEARCH t USING PRIMARY KEY (edge_id=? AND \(unit)>? AND \(unit)<?)"
      #expect(plan.contains { $0.hasPrefix(key) })
      #expect(!plan.contains { $0.hasPrefix("SCAN t") || $0.contains("TEMP B-TREE") })
    }
  }

  /// Runs everything that a store is asked for, and gives the plan of each statement.
  private func plans() async throws -> [(sql: String, details: [String])] {
    let log = StatementLog()
    try await store.database.writeWithoutTransaction { database in
      database.trace(options: .statement) { event in
        if case .statement(let statement) = event { log.add(statement.sql) }
      }
    }
    var seed = Seed(3)
    for head in 1...2 as ClosedRange<UInt64> {
      var builder = BatchBuilder()
      builder.addRandom(50, &seed)
      for peer in 0..<4097 as Range<UInt32> {
        builder.add(BatchBuilder.pod("web"), BatchBuilder.address(0x0b00_0000 + peer * 256))
      }
      builder.reject(line: 1, "x")
      _ = try await store.add(builder.batch(head: head))
    }
    _ = try await store.edges(EdgeQuery())
    _ = try await store.edges(EdgeQuery(namespace: "shop"))
    _ = try await store.edgeDays(EdgeQuery(namespace: "shop", hours: 0..<9))
    _ = try await store.podEndpoints(before: 5)
    _ = try await store.namespaces()
    _ = try await store.capture()
    _ = try await store.inputs()
    _ = try await store.inputs(matchingHead: { _ in 1 })
    _ = try await store.events()
    _ = try await store.decisions()
    _ = try await store.proposals(namespace: "shop")
    _ = try await store.inventory()
    _ = try await store.livePolicies()
    try await store.database.writeWithoutTransaction { $0.trace() }
    let statements = log.statements.filter { sql in
      ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"].contains { sql.hasPrefix($0) }
    }
    return try await store.database.read { database in
      try statements.sorted().map { sql in
        let statement = try database.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
        statement.setUncheckedArguments(StatementArguments())
        return (sql, try Row.fetchAll(statement).map { $0["detail"] as String })
      }
    }
  }

  @Test("No statement that a store runs walks over all hours or looks edges up without index")
  func recorded() async throws {
    let plans = try await plans()
    #expect(plans.count > 20)
    for (sql, details) in plans {
      for detail in details {
        #expect(detail != "SCAN t" && !detail.contains("SCAN edge_"), "\(sql): \(detail)")
        #expect(!detail.contains("AUTOMATIC"), "\(sql): \(detail)")
      }
    }
  }

  @Test(
    "Every query that reads a table shows an index, but those that must read all of a small one"
  )
  func indexes() async throws {
    // Whole tables in the order of their rows: the edges of all namespaces, the events and decisions
    // that everything follows from, the inventory, and whether there is any endpoint.
    let whole = [
      "SCAN e", "SCAN w", "SCAN endpoint", "SCAN decision", "SCAN ingest",
      "SCAN inventory_snapshot", "SCAN inventory_object", "SCAN capture_hour", "SCAN live_policy",
      // The largest row number.
      "SEARCH endpoint", "SEARCH flow_edge", "SEARCH ingest",
    ]
    for (sql, details) in try await plans() {
      for detail in details where detail.hasPrefix("SCAN") || detail.hasPrefix("SEARCH") {
        let usesIndex =
          detail.contains("INDEX") || detail.contains("PRIMARY KEY")
        #expect(usesIndex || whole.contains(detail), "\(sql): \(detail)")
      }
      if sql.contains("FROM endpoint"), !sql.contains("LIMIT 1") {
        #expect(!details.contains("SCAN endpoint"), "\(sql)")
      }
      if sql.contains("WHERE head_length") || sql.contains("DISTINCT head_length") {
        #expect(details.allSatisfy { $0.contains("ingest_by_head") }, "\(sql): \(details)")
      }
    }
  }

  @Test("A fold looks only at the edges of the pod at hand")
  func fold() async throws {
    let plan = try await plan(
      """
      SELECT e.protocol FROM flow_edge e JOIN endpoint x ON x.endpoint_id = e.destination_id
      WHERE e.source_id = ? AND x.kind IN ('address', 'name')
      """,
      [1]
    )
    #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") }, "\(plan)")
  }
}

/// Statements as they are run.
private final class StatementLog: @unchecked Sendable {
  private(set) var statements: Set<String> = []

  // Called on the database's own queue only, and read when that is done.
  func add(_ sql: String) { statements.insert(sql) }
}
