import FlowGenerator

/// The same aggregation in DuckDB, through Python's package.
enum DuckDB {
  /// A query that is compared with.
  struct Comparison {
    var name: String
    var command: [String]
  }

  /// The commands that read a file, group by ends, protocol, port and hour, and write the groups into a
  /// table; none where python3 or its duckdb module is missing.
  ///
  /// - Parameter inventory: The pods of a log that has addresses only.
  static func comparisons(
    _ format: LogWriter.Format,
    file: String,
    inventory: String?,
    threads: Int
  ) -> [Comparison] {
    guard Child.run(["python3", "-c", "import duckdb"]).status == 0 else { return [] }
    func command(_ query: String) -> [String] {
      let script = """
        import duckdb, os, sys
        path, pods, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
        store = path + '.duckdb'
        if os.path.exists(store): os.remove(store)
        db = duckdb.connect(store)
        db.execute(f'SET threads = {threads}')
        db.execute('SET enable_progress_bar = false')
        db.execute("SET VARIABLE log = '" + path + "'")
        db.execute("SET VARIABLE pods = '" + pods + "'")
        db.execute(\'\'\'CREATE TABLE edges AS \(query)\'\'\')
        print(db.execute('SELECT count(*), sum(records) FROM edges').fetchone())
        db.close()
        os.remove(store)
        """
      return ["python3", "-c", script, file, inventory ?? "", String(threads)]
    }
    var comparisons = [Comparison(name: "DuckDB", command: command(query(format)))]
    if let simpler = simpler(format) {
      comparisons.append(Comparison(name: simpler.name, command: command(simpler.query)))
    }
    return comparisons
  }

  /// A query that is quicker because it does not make the same aggregate.
  private static func simpler(_ format: LogWriter.Format) -> (name: String, query: String)? {
    switch format {
    case .hubble, .vpcDefault, .vpcNodes: nil
    case .calico: ("DuckDB, neither labels nor policies", nameQuery)
    case .vpc: ("DuckDB, neither names nor answers", addressQuery)
    }
  }

  private static func query(_ format: LogWriter.Format) -> String {
    switch format {
    case .hubble:
      """
      SELECT flow.source.namespace, flow.source.labels, flow.destination.namespace AS destination_namespace,
             flow.destination.labels AS destination_labels, flow.l4.TCP.destination_port AS port,
             date_trunc('hour', flow.time::TIMESTAMP) AS hour, count(*) AS records,
             min(flow.time) AS first_seen, max(flow.time) AS last_seen
      FROM read_json(getvariable('log'), format='newline_delimited', columns={flow: 'STRUCT("time" VARCHAR, verdict VARCHAR, is_reply BOOLEAN, trace_observation_point VARCHAR, l4 STRUCT(TCP STRUCT(source_port INTEGER, destination_port INTEGER, flags STRUCT(SYN BOOLEAN, ACK BOOLEAN, RST BOOLEAN))), source STRUCT(namespace VARCHAR, labels VARCHAR[]), destination STRUCT(namespace VARCHAR, labels VARCHAR[]))'})
      WHERE flow.verdict = 'FORWARDED' AND NOT flow.is_reply GROUP BY ALL
      """
    case .calico:
      """
      SELECT source_namespace, source_name_aggr, source_labels.labels AS source_labels, dest_namespace,
             dest_name_aggr, dest_labels.labels AS destination_labels, proto, dest_port, reporter, action,
             policies.pending_policies AS pending, start_time // 3600 AS hour, count(*) AS records,
             sum(bytes_in + bytes_out) AS bytes, min(start_time) AS first_seen, max(end_time) AS last_seen
      FROM read_json(getvariable('log'), format='newline_delimited', columns={start_time: 'BIGINT', end_time: 'BIGINT', source_namespace: 'VARCHAR', source_name_aggr: 'VARCHAR', source_labels: 'STRUCT(labels VARCHAR[])', dest_namespace: 'VARCHAR', dest_name_aggr: 'VARCHAR', dest_labels: 'STRUCT(labels VARCHAR[])', dest_port: 'INTEGER', proto: 'VARCHAR', reporter: 'VARCHAR', action: 'VARCHAR', policies: 'STRUCT(pending_policies VARCHAR[])', bytes_in: 'BIGINT', bytes_out: 'BIGINT'})
      GROUP BY ALL
      """
    case .vpc:
      """
      WITH records AS (
        SELECT "pkt-srcaddr" AS source, "pkt-dstaddr" AS destination, srcport, dstport, protocol,
               "tcp-flags" AS flags, start // 3600 AS hour, bytes, start, "end" AS finish
        FROM read_csv(getvariable('log'), delim=' ', header=true)
        WHERE "log-status" = 'OK' AND action = 'ACCEPT'),
      opened AS (SELECT * FROM records WHERE flags & 18 = 2),
      answered AS (SELECT * FROM records WHERE flags & 18 = 18),
      pods AS (
        SELECT pod.status.podIP AS address, pod.metadata.namespace, pod.metadata.ownerReferences[1].name AS owner
        FROM (SELECT unnest(items) AS pod FROM read_json(getvariable('pods'), columns={items:
          'STRUCT(metadata STRUCT(namespace VARCHAR, ownerReferences STRUCT("name" VARCHAR)[]), status STRUCT(podIP VARCHAR))[]'}))),
      flows AS (
        SELECT source, destination, dstport, protocol, hour, count(*) AS records, sum(bytes) AS bytes,
               min(start) AS first_seen, max(finish) AS last_seen
        FROM opened WHERE EXISTS (
          SELECT 1 FROM answered WHERE answered.source = opened.destination
            AND answered.destination = opened.source AND answered.srcport = opened.dstport
            AND answered.dstport = opened.srcport AND answered.protocol = opened.protocol)
        GROUP BY ALL)
      SELECT client.namespace AS client_namespace, client.owner AS client, server.namespace, server.owner,
             dstport, protocol, hour, sum(records) AS records, sum(bytes) AS bytes,
             min(first_seen) AS first_seen, max(last_seen) AS last_seen
      FROM flows JOIN pods client ON client.address = flows.source
      JOIN pods server ON server.address = flows.destination GROUP BY ALL
      """
    case .vpcDefault, .vpcNodes: portQuery
    }
  }

  /// A VPC log of the default format by its addresses, the lower port taken for the server's: to find out who
  /// opened a connection by whom else its ends meet takes minutes in SQL.
  private static let portQuery = """
    SELECT least(srcaddr, dstaddr) AS one, greatest(srcaddr, dstaddr) AS other,
           least(srcport, dstport) AS port, protocol, action, start // 3600 AS hour,
           count(*) AS records, sum(bytes) AS bytes, min(start) AS first_seen, max("end") AS last_seen
    FROM read_csv(getvariable('log'), delim=' ', header=true)
    WHERE "log-status" = 'OK' GROUP BY ALL
    """

  /// A Calico log by names: endpoints are told apart by their labels too, and classes by the policies.
  private static let nameQuery = """
    SELECT source_namespace, source_name_aggr, dest_namespace, dest_name_aggr, proto, dest_port, reporter,
           action, start_time // 3600 AS hour, count(*) AS records, sum(bytes_in + bytes_out) AS bytes,
           min(start_time) AS first_seen, max(end_time) AS last_seen
    FROM read_json(getvariable('log'), format='newline_delimited', columns={start_time: 'BIGINT', end_time: 'BIGINT', source_namespace: 'VARCHAR', source_name_aggr: 'VARCHAR', dest_namespace: 'VARCHAR', dest_name_aggr: 'VARCHAR', dest_port: 'INTEGER', proto: 'VARCHAR', reporter: 'VARCHAR', action: 'VARCHAR', bytes_in: 'BIGINT', bytes_out: 'BIGINT'})
    GROUP BY ALL
    """

  /// A VPC log by its addresses: it names no pods, and takes every opening for a connection that worked.
  private static let addressQuery = """
    SELECT "pkt-srcaddr", "pkt-dstaddr", dstport, protocol, action, start // 3600 AS hour,
           count(*) AS records, sum(bytes) AS bytes, min(start) AS first_seen, max("end") AS last_seen
    FROM read_csv(getvariable('log'), delim=' ', header=true)
    WHERE "log-status" = 'OK' AND ("tcp-flags" & 18) = 2 GROUP BY ALL
    """
}
