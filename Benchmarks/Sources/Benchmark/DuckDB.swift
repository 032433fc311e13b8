import FlowGenerator

/// The same aggregation in DuckDB, through Python's package.
enum DuckDB {
  /// The command that reads a file, groups by ends, protocol, port and hour, and writes the groups into a
  /// table; nil where python3 or its duckdb module is missing.
  static func command(_ format: LogWriter.Format, file: String, threads: Int) -> [String]? {
    guard Child.run(["python3", "-c", "import duckdb"]).status == 0 else { return nil }
    let script = """
      import duckdb, os, sys
      path, threads = sys.argv[1], int(sys.argv[2])
      store = path + '.duckdb'
      if os.path.exists(store): os.remove(store)
      db = duckdb.connect(store)
      db.execute(f'SET threads = {threads}')
      db.execute('SET enable_progress_bar = false')
      db.execute('''CREATE TABLE edges AS \(query(format))''', [path])
      print(db.execute('SELECT count(*), sum(records) FROM edges').fetchone())
      db.close()
      os.remove(store)
      """
    return ["python3", "-c", script, file, String(threads)]
  }

  private static func query(_ format: LogWriter.Format) -> String {
    switch format {
    case .hubble:
      """
      SELECT flow.source.namespace, flow.source.labels, flow.destination.namespace AS destination_namespace,
             flow.destination.labels AS destination_labels, flow.l4.TCP.destination_port AS port,
             date_trunc('hour', flow.time::TIMESTAMP) AS hour, count(*) AS records,
             min(flow.time) AS first_seen, max(flow.time) AS last_seen
      FROM read_json(?, format='newline_delimited', columns={flow: 'STRUCT("time" VARCHAR, verdict VARCHAR, is_reply BOOLEAN, trace_observation_point VARCHAR, l4 STRUCT(TCP STRUCT(source_port INTEGER, destination_port INTEGER, flags STRUCT(SYN BOOLEAN, ACK BOOLEAN, RST BOOLEAN))), source STRUCT(namespace VARCHAR, labels VARCHAR[]), destination STRUCT(namespace VARCHAR, labels VARCHAR[]))'})
      WHERE flow.verdict = 'FORWARDED' AND NOT flow.is_reply GROUP BY ALL
      """
    case .calico:
      """
      SELECT source_namespace, source_name_aggr, dest_namespace, dest_name_aggr, proto, dest_port, reporter,
             action, start_time // 3600 AS hour, count(*) AS records, sum(bytes_in + bytes_out) AS bytes,
             min(start_time) AS first_seen, max(end_time) AS last_seen
      FROM read_json(?, format='newline_delimited', columns={start_time: 'BIGINT', end_time: 'BIGINT', source_namespace: 'VARCHAR', source_name_aggr: 'VARCHAR', source_labels: 'STRUCT(labels VARCHAR[])', dest_namespace: 'VARCHAR', dest_name_aggr: 'VARCHAR', dest_labels: 'STRUCT(labels VARCHAR[])', dest_port: 'INTEGER', proto: 'VARCHAR', reporter: 'VARCHAR', action: 'VARCHAR', policies: 'STRUCT(enforced_policies VARCHAR[])', bytes_in: 'BIGINT', bytes_out: 'BIGINT'})
      GROUP BY ALL
      """
    case .vpc:
      """
      SELECT "pkt-srcaddr", "pkt-dstaddr", dstport, protocol, action, start // 3600 AS hour,
             count(*) AS records, sum(bytes) AS bytes, min(start) AS first_seen, max("end") AS last_seen
      FROM read_csv(?, delim=' ', header=true)
      WHERE "log-status" = 'OK' AND ("tcp-flags" & 18) = 2 GROUP BY ALL
      """
    }
  }
}
