import CSQLite
import FlowGenerator
import Foundation

extension Benchmark {
  /// Namespaces, workloads, edges and hours of the large store: 50.4 million edge-hours.
  private static let storeCluster = (namespaces: 60, workloads: 6_000, edges: 300_000, hours: 168)

  /// Queries of a store with every edge of a large cluster in every hour of a week.
  func measureStore() throws {
    let size = Benchmark.storeCluster
    let store = "\(folder)/store.db"
    if !keeps || !FileManager.default.fileExists(atPath: store) {
      try buildStore()
    }
    defer { if !keeps { _ = freshStore("store") } }
    print("store  \(size.edges * size.hours) edge-hours, \(size.namespaces) namespaces")
    let queries = [
      ["propose", "-n", "team-7"], ["propose", "-n", "team-7", "--week", "all"],
      ["flows", "-n", "team-7"], ["workloads", "-n", "team-7"], ["weeks", "-n", "team-7"],
    ]
    for query in queries {
      let run = Child.median(runs) { Child.run([flowlearn] + query + ["--store", store]) }
      print(
        "store  \(query.joined(separator: " ")): \(round2(run.wall)) s wall, "
          + "\(round2(run.processor)) s processor, \(run.memory >> 20) MiB peak, exit \(run.status >> 8)"
      )
    }
  }

  /// Ingests one connection of every edge, and repeats their hour through the week in SQL.
  private func buildStore() throws {
    let size = Benchmark.storeCluster
    let cluster = GeneratedCluster(
      namespaces: size.namespaces,
      workloads: size.workloads,
      pods: 1,
      edges: size.edges
    )
    let file = "\(folder)/store.log"
    var writer = LogWriter(.hubble, cluster: cluster)
    _ = try writer.write(to: file, bytes: 0, everyEdge: true)
    defer { try? FileManager.default.removeItem(atPath: file) }
    let store = freshStore("store")
    let ingest = Child.run([flowlearn, "ingest", "-q", "--store", store, file])
    guard ingest.status == 0 else { throw StoreBuildingError(message: "ingest failed") }
    var database: OpaquePointer?
    guard sqlite3_open(store, &database) == SQLITE_OK else {
      throw StoreBuildingError(message: "\(store) cannot be opened")
    }
    defer { sqlite3_close(database) }
    let script = """
      PRAGMA synchronous = OFF;
      PRAGMA cache_size = -65536;
      CREATE TEMP TABLE kept AS SELECT edge_id, min(hour) AS hour, ingest_id, sample_line FROM edge_hour GROUP BY 1;
      DELETE FROM edge_hour;
      WITH RECURSIVE later(hours) AS (SELECT 0 UNION ALL SELECT hours + 1 FROM later WHERE hours < \(size.hours - 1))
      INSERT INTO edge_hour
      SELECT edge_id, hour + hours, 1 + (edge_id * 7 + hours) % 100, 0, (hour + hours) * 3600000000,
             (hour + hours) * 3600000000 + 3599000000, ingest_id, sample_line
      FROM kept CROSS JOIN later;
      DELETE FROM edge_day;
      INSERT INTO edge_day
      SELECT edge_id, hour / 24 AS day, sum(1 << (hour % 24)), sum(records), sum(bytes), min(first_seen_us),
             max(last_seen_us)
      FROM edge_hour GROUP BY edge_id, day;
      UPDATE endpoint SET last_seen_us = (SELECT max(last_seen_us) FROM edge_hour WHERE edge_id = 1);
      PRAGMA wal_checkpoint(TRUNCATE);
      """
    guard sqlite3_exec(database, script, nil, nil, nil) == SQLITE_OK else {
      throw StoreBuildingError(message: String(cString: sqlite3_errmsg(database)))
    }
  }
}

/// The large store could not be made.
private struct StoreBuildingError: Error {
  var message: String
}
