import FlowAggregation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import FlowStorageSQLite

@Suite("Writing many rows")
struct BulkWritingTests {
  @Test("Values come in order, however fast either thread is", arguments: [0, 1, 2, 3, 4, 1_000])
  func preparation(count: Int) {
    let values = Preparation(count: count) { $0 * 3 }
    var taken: [Int] = []
    while let value = values.next() { taken.append(value) }
    #expect(taken == (0..<count).map { $0 * 3 })
    #expect(values.next() == nil)
  }

  @Test("When nobody takes them any more, few values are made ahead")
  func abandoned() {
    let made = Mutex(0)
    do {
      let values = Preparation(count: 1_000_000) { index in made.withLock { $0 += 1 } }
      _ = values.next()
    }
    #expect(made.withLock { $0 } <= 6)
  }

  private func rows(_ count: Int) throws -> (inserted: [Int64], texts: [String]) {
    let database = try DatabaseQueue()
    return try database.write { database in
      try database.execute(
        sql: "CREATE TABLE item (number INTEGER PRIMARY KEY, name TEXT, length INTEGER)"
      )
      let insert = BulkInsert(
        target: "item (number, name, length)",
        columns: 3,
        statements: RowStatements()
      )
      try insert.insert(Array(0..<count), database) { index, values in
        values.add(Int64(index))
        // Empty texts, and texts of several bytes a character.
        values.add(String(repeating: "é", count: index % 7))
        values.add(Int64(index % 7))
      }
      return (
        try Int64.fetchAll(database, sql: "SELECT number FROM item ORDER BY rowid"),
        try String.fetchAll(
          database,
          sql:
            "SELECT name FROM item WHERE typeof(name) = 'text' AND length(name) = length ORDER BY rowid"
        )
      )
    }
  }

  @Test(
    "Every row is inserted, around the edges of statements and blocks",
    arguments: [0, 1, 63, 64, 65, 1_023, 1_024, 1_025, 1_088, 2_500]
  )
  func everyRow(count: Int) throws {
    let found = try rows(count)
    #expect(found.inserted == (0..<count).map(Int64.init))
    #expect(found.texts == (0..<count).map { String(repeating: "é", count: $0 % 7) })
  }

  @Test("A row that does not fit ends it, wherever it is", arguments: [0, 70, 1_030, 2_499])
  func refused(row: Int) throws {
    let database = try DatabaseQueue()
    #expect(throws: DatabaseError.self) {
      try database.write { database in
        try database.execute(sql: "CREATE TABLE item (number INTEGER CHECK (number >= 0))")
        let insert = BulkInsert(target: "item (number)", columns: 1, statements: RowStatements())
        try insert.insert(Array(0..<2_500), database) { index, values in
          values.add(index == row ? -1 : Int64(index))
        }
      }
    }
    #expect(try database.read { try $0.tableExists("item") } == false)
  }

  @Test(
    "Edges are put in the order of their keys, with their hours and days",
    arguments: Seed.samples(40)
  )
  func plan(seed: Seed) {
    var random = seed
    // Row numbers side by side, far apart, and of one endpoint given twice.
    let spread = [1, 7, 1 << 40].randomElement(using: &random) ?? 1
    let endpoints = (0..<12).map { Int64(1 + ($0 * 5) % 11) * Int64(spread) }
    var table = EdgeTable()
    for line in 0..<Int.random(in: 0...400, using: &random) {
      let key = EdgeKey(
        source: UInt32.random(in: 0..<12, using: &random),
        destination: UInt32.random(in: 0..<12, using: &random),
        hour: Int32.random(in: -50...50, using: &random),
        port: UInt16.random(in: 0...2, using: &random),
        replyPort: 0,
        transport: Bool.random(using: &random) ? 6 : 17,
        side: 0,
        evidence: UInt8.random(in: 0...1, using: &random),
        logKind: 0
      )
      table.add(key, records: 1, bytes: 0, first: 0, last: 0, line: line)
    }
    table.countWaiting()
    let entries = table.entries
    let plan = EdgePlan(entries, endpoints: endpoints)
    func words(_ entry: Int32) -> [Int64] {
      let key = entries[Int(entry)].key
      return [
        endpoints[Int(key.source)], endpoints[Int(key.destination)], Int64(key.transport),
        Int64(key.port), Int64(key.evidence), Int64(key.hour),
      ]
    }
    let inOrder = plan.hours.map { words($0.entry) }
    #expect(Set(plan.hours.map(\.entry)).count == entries.count && inOrder.count == entries.count)
    #expect(zip(inOrder, inOrder.dropFirst()).allSatisfy { !$1.lexicographicallyPrecedes($0) })
    #expect(plan.edges.count == Set(inOrder.map { $0.dropLast() }).count)
    for hour in plan.hours {
      #expect(words(plan.edges[Int(hour.edge)].entry).dropLast() == words(hour.entry).dropLast())
    }
    #expect(plan.days.flatMap { Array($0.hours) } == Array(0..<Int32(entries.count)))
    for day in plan.days {
      for hour in plan.hours[Int(day.hours.lowerBound)..<Int(day.hours.upperBound)] {
        #expect(hour.edge == day.edge)
        #expect(Int32((Double(entries[Int(hour.entry)].key.hour) / 24).rounded(.down)) == day.day)
      }
    }
  }
}
