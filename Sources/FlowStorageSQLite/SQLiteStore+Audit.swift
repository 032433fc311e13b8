package import FlowStorage
import GRDB

extension SQLiteStore: AuditStore {
  package func events() async throws -> [StoredEvent] {
    try read { database in try SQLiteStore.events(after: 0, database) }
  }

  package func append(_ events: [StoredEvent], with proposal: StoredProposal?, lastKnown: Int64)
    async throws -> Int64?
  {
    try write { database in
      let newer = try SQLiteStore.events(after: lastKnown, database)
      guard newer.isEmpty else { throw AuditStoreError.changedMeanwhile(newer) }
      for event in events {
        try database.execute(
          sql: """
            INSERT INTO rollout_event (event_id, time_us, actor, namespace, body)
            VALUES (?, ?, ?, ?, ?)
            """,
          arguments: [event.id, event.time, event.actor, event.namespace, event.body]
        )
      }
      return try proposal.map { try SQLiteStore.insert($0, database) }
    }
  }

  private static func events(after id: Int64, _ database: Database) throws -> [StoredEvent] {
    try Row.fetchAll(
      database,
      sql: """
        SELECT event_id, time_us, actor, namespace, body FROM rollout_event
        WHERE event_id > ? ORDER BY event_id
        """,
      arguments: [id]
    ).map {
      StoredEvent(id: $0[0], time: $0[1], actor: $0[2], namespace: $0[3], body: $0[4])
    }
  }

  package func decisions() async throws -> [StoredDecision] {
    try read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT decision_id, source, destination, protocol, port, verdict, reason, actor,
                 decided_us, until_us
          FROM decision ORDER BY decision_id
          """
      ).map {
        StoredDecision(
          id: $0[0],
          source: $0[1],
          destination: $0[2],
          transport: $0[3],
          port: $0[4],
          verdict: $0[5],
          reason: $0[6],
          actor: $0[7],
          time: $0[8],
          until: $0[9]
        )
      }
    }
  }

  package func append(_ decisions: [StoredDecision]) async throws {
    try write { database in
      for decision in decisions {
        try database.execute(
          sql: """
            INSERT INTO decision (source, destination, protocol, port, verdict, reason, actor,
              decided_us, until_us)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
          arguments: [
            decision.source, decision.destination, decision.transport, decision.port,
            decision.verdict, decision.reason, decision.actor, decision.time, decision.until,
          ]
        )
      }
    }
  }

  package func proposals(namespace: String?) async throws -> [StoredProposal] {
    try read { database in
      let columns = """
        SELECT proposal_id, namespace, week, since_us, until_us, dialect, yaml, yaml_hash, evidence,
               actor, saved_us FROM proposal
        """
      let rows =
        if let namespace {
          try Row.fetchAll(
            database,
            sql: "\(columns) WHERE namespace = ? ORDER BY proposal_id",
            arguments: [namespace]
          )
        } else {
          try Row.fetchAll(database, sql: "\(columns) ORDER BY proposal_id")
        }
      return rows.map {
        StoredProposal(
          id: $0[0],
          namespace: $0[1],
          week: $0[2],
          since: $0[3],
          until: $0[4],
          dialect: $0[5],
          yaml: $0[6],
          yamlHash: $0[7],
          evidence: $0[8],
          actor: $0[9],
          time: $0[10]
        )
      }
    }
  }

  package func save(_ proposal: StoredProposal) async throws -> Int64 {
    try write { database in try SQLiteStore.insert(proposal, database) }
  }

  private static func insert(_ proposal: StoredProposal, _ database: Database) throws -> Int64 {
    try database.execute(
      sql: """
        INSERT INTO proposal (namespace, week, since_us, until_us, dialect, yaml, yaml_hash,
          evidence, actor, saved_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        proposal.namespace, proposal.week, proposal.since, proposal.until, proposal.dialect,
        proposal.yaml, proposal.yamlHash, proposal.evidence, proposal.actor, proposal.time,
      ]
    )
    return database.lastInsertedRowID
  }

  package func firstProposals() async throws -> [ProposalWindow] {
    try read { database in
      // With one min() SQLite takes the other columns from the row that has the minimum.
      try Row.fetchAll(
        database,
        sql: """
          SELECT namespace, week, since_us, until_us, min(proposal_id) FROM proposal
          WHERE week > 0 GROUP BY namespace ORDER BY namespace
          """
      ).map { ProposalWindow(namespace: $0[0], week: $0[1], since: $0[2], until: $0[3]) }
    }
  }

  package func inventory() async throws -> (headers: [StoredSnapshot], objects: [StoredObject]) {
    try read { database in
      let headers = try Row.fetchAll(
        database,
        sql: "SELECT taken_us, header FROM inventory_snapshot ORDER BY taken_us"
      ).map { StoredSnapshot(time: $0[0], header: $0[1]) }
      // In the order of rows: any other has SQLite sort them, bodies and all.
      let rows = try RowStatement(
        """
        SELECT kind, namespace, name, uid, body, first_seen_us, last_seen_us
        FROM inventory_object ORDER BY object_id
        """,
        database
      )
      var objects: [StoredObject] = []
      while try rows.next() {
        objects.append(
          StoredObject(
            kind: rows.text(at: 0),
            namespace: rows.text(at: 1),
            name: rows.text(at: 2),
            uid: rows.text(at: 3),
            body: rows.text(at: 4),
            firstSeen: rows.number(at: 5),
            lastSeen: rows.number(at: 6)
          )
        )
      }
      return (headers, objects)
    }
  }

  package func replaceInventory(headers: [StoredSnapshot], objects: [StoredObject]) async throws {
    try write { database in
      try database.execute(sql: "DELETE FROM inventory_snapshot")
      try database.execute(sql: "DELETE FROM inventory_object")
      for header in headers {
        try database.execute(
          sql: "INSERT INTO inventory_snapshot VALUES (?, ?)",
          arguments: [header.time, header.header]
        )
      }
      let insert = try database.cachedStatement(
        sql: """
          INSERT INTO inventory_object (kind, namespace, name, uid, body, first_seen_us, last_seen_us)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          """
      )
      for object in objects {
        try insert.execute(arguments: [
          object.kind, object.namespace, object.name, object.uid, object.body, object.firstSeen,
          object.lastSeen,
        ])
      }
    }
  }

  package func livePolicies() async throws -> [StoredPolicy] {
    try read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT kind, namespace, name, manifest, seen_us FROM live_policy
          ORDER BY kind, namespace, name
          """
      ).map {
        StoredPolicy(kind: $0[0], namespace: $0[1], name: $0[2], manifest: $0[3], seen: $0[4])
      }
    }
  }

  package func replaceLivePolicies(_ policies: [StoredPolicy], seen: Int64) async throws {
    try write { database in
      for kind in Set(policies.map(\.kind)).sorted() {
        try database.execute(sql: "DELETE FROM live_policy WHERE kind = ?", arguments: [kind])
      }
      for policy in policies {
        try database.execute(
          sql: "INSERT OR REPLACE INTO live_policy VALUES (?, ?, ?, ?, ?)",
          arguments: [policy.kind, policy.namespace, policy.name, policy.manifest, seen]
        )
      }
    }
  }
}
