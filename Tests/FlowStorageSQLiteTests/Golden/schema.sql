CREATE TABLE capture_hour (
  log_kind TEXT    NOT NULL,
  hour     INTEGER NOT NULL,                              -- UTC hours since 1970
  records  INTEGER NOT NULL,
  lost     INTEGER NOT NULL,                              -- events the log says were lost
  PRIMARY KEY (log_kind, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE decision (
  decision_id INTEGER PRIMARY KEY AUTOINCREMENT,
  source      TEXT    NOT NULL,                           -- namespace/workload, or an external peer in words
  destination TEXT    NOT NULL,
  protocol    TEXT    NOT NULL,
  port        INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
  verdict     TEXT    NOT NULL CHECK (verdict IN ('accept', 'reject', 'undo')),
  reason      TEXT    NOT NULL,
  actor       TEXT    NOT NULL,
  decided_us  INTEGER NOT NULL,
  until_us    INTEGER                                     -- NULL: does not expire
) STRICT;

CREATE TABLE edge_day (
  edge_id       INTEGER NOT NULL REFERENCES flow_edge ON DELETE CASCADE,
  day           INTEGER NOT NULL,                         -- UTC days since 1970
  hours         INTEGER NOT NULL CHECK (hours BETWEEN 1 AND 16777215), -- bit n: seen in hour n of the day
  records       INTEGER NOT NULL CHECK (records > 0),
  bytes         INTEGER NOT NULL CHECK (bytes >= 0),
  first_seen_us INTEGER NOT NULL,                         -- microseconds since 1970 UTC
  last_seen_us  INTEGER NOT NULL,
  PRIMARY KEY (edge_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE edge_hour (
  edge_id       INTEGER NOT NULL REFERENCES flow_edge ON DELETE CASCADE,
  hour          INTEGER NOT NULL,                         -- UTC hours since 1970
  records       INTEGER NOT NULL CHECK (records > 0),
  bytes         INTEGER NOT NULL CHECK (bytes >= 0),
  first_seen_us INTEGER NOT NULL,                         -- microseconds since 1970 UTC
  last_seen_us  INTEGER NOT NULL,
  ingest_id     INTEGER NOT NULL REFERENCES ingest,       -- input of the first record
  sample_line   INTEGER NOT NULL,                         -- its line there
  PRIMARY KEY (edge_id, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE endpoint (
  endpoint_id   INTEGER PRIMARY KEY,
  kind          TEXT NOT NULL CHECK (kind = 'pod' OR kind = 'node' OR kind = 'apiserver' OR kind = 'address' OR kind = 'name' OR kind = 'entity' OR kind = 'unresolved'),
  cluster       TEXT NOT NULL,          -- '' when the log names none
  namespace     TEXT NOT NULL,          -- '' for anything but pods
  workload_kind TEXT NOT NULL,          -- '' when the owner is not known
  workload_name TEXT NOT NULL,
  labels        TEXT NOT NULL,          -- JSON object, keys sorted, volatile keys left out
  address       TEXT NOT NULL,          -- address/prefix length, '' for pods
  name          TEXT NOT NULL,          -- DNS names, comma-separated; or the name of a pod or host known by name only
  entity        TEXT NOT NULL,          -- reserved entity, '' for none
  first_seen_us INTEGER NOT NULL,       -- of any of its edges, microseconds since 1970 UTC
  last_seen_us  INTEGER NOT NULL,
  UNIQUE (kind, cluster, namespace, workload_kind, workload_name, labels, address, name, entity)
) STRICT;

CREATE TABLE flow_edge (
  edge_id        INTEGER PRIMARY KEY,
  source_id      INTEGER NOT NULL REFERENCES endpoint ON DELETE RESTRICT,
  destination_id INTEGER NOT NULL REFERENCES endpoint ON DELETE RESTRICT,
  protocol       INTEGER NOT NULL CHECK (protocol BETWEEN 0 AND 255),    -- IANA number
  port           INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),      -- destination port; ICMP type
  reply_port     INTEGER NOT NULL CHECK (reply_port BETWEEN 0 AND 65535), -- not 0: evidence only while the source is never seen serving it
  side           TEXT    NOT NULL CHECK (side = 'both' OR side = 'egress' OR side = 'ingress'), -- whose policy it speaks for
  class          TEXT    NOT NULL CHECK (class = 'allowed' OR class = 'would-deny' OR class = 'denied' OR class = 'explicit-deny' OR class = 'attempt'),
  log_kind       TEXT    NOT NULL,
  UNIQUE (source_id, destination_id, protocol, port, reply_port, side, class, log_kind)
) STRICT;

CREATE TABLE ingest (
  ingest_id      INTEGER PRIMARY KEY,
  name           TEXT    NOT NULL,                        -- path as given, '-' for standard input
  format         TEXT    NOT NULL,
  head_length    INTEGER NOT NULL,                        -- bytes the head hash covers
  head_hash      INTEGER NOT NULL,                        -- identity of the content's start, decompressed
  consumed_bytes INTEGER NOT NULL,                        -- decompressed bytes up to the last counted line
  tail_hash      INTEGER NOT NULL,                        -- of the last bytes before that
  marks_replies  INTEGER NOT NULL CHECK (marks_replies IN (0, 1)),
  lines          INTEGER NOT NULL,
  used           INTEGER NOT NULL,
  rejected       INTEGER NOT NULL,
  lost_events    INTEGER NOT NULL,
  started_us     INTEGER NOT NULL,                        -- when first ingested
  finished_us    INTEGER NOT NULL                         -- when last ingested
) STRICT;

CREATE TABLE ingest_discard (
  ingest_id INTEGER NOT NULL REFERENCES ingest ON DELETE CASCADE,
  reason    TEXT    NOT NULL,
  records   INTEGER NOT NULL CHECK (records > 0),
  PRIMARY KEY (ingest_id, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE ingest_note (
  ingest_id INTEGER NOT NULL REFERENCES ingest ON DELETE CASCADE,
  note      TEXT    NOT NULL,
  PRIMARY KEY (ingest_id, note)
) STRICT, WITHOUT ROWID;

CREATE TABLE ingest_rejection (
  ingest_id INTEGER NOT NULL REFERENCES ingest ON DELETE CASCADE,
  line      INTEGER NOT NULL,
  problem   TEXT    NOT NULL,
  PRIMARY KEY (ingest_id, line, problem)
) STRICT, WITHOUT ROWID;

CREATE TABLE inventory_object (
  object_id     INTEGER PRIMARY KEY,
  kind          TEXT    NOT NULL,
  namespace     TEXT    NOT NULL,                         -- '' for cluster-wide kinds
  name          TEXT    NOT NULL,
  uid           TEXT    NOT NULL,                         -- '' when the file has none
  body          TEXT    NOT NULL,                         -- JSON, reduced to what is used
  first_seen_us INTEGER NOT NULL,                         -- first snapshot that shows it so
  last_seen_us  INTEGER NOT NULL,                         -- last snapshot that shows it so
  UNIQUE (kind, namespace, name, uid, first_seen_us, body)
) STRICT;

CREATE TABLE inventory_snapshot (
  taken_us INTEGER PRIMARY KEY,                           -- microseconds since 1970 UTC
  header   TEXT    NOT NULL                               -- JSON: which kinds and namespaces it covers
) STRICT;

CREATE TABLE live_policy (
  kind      TEXT    NOT NULL,
  namespace TEXT    NOT NULL,
  name      TEXT    NOT NULL,
  manifest  TEXT    NOT NULL,                             -- YAML of the one object
  seen_us   INTEGER NOT NULL,
  PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE proposal (
  proposal_id INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace   TEXT    NOT NULL,
  week        INTEGER NOT NULL,                           -- 0: another window
  since_us    INTEGER NOT NULL,
  until_us    INTEGER NOT NULL,
  dialect     TEXT    NOT NULL,
  yaml        TEXT    NOT NULL,
  yaml_hash   TEXT    NOT NULL,
  evidence    TEXT    NOT NULL,                           -- JSON: rules, evidence, excess, proof
  actor       TEXT    NOT NULL,
  saved_us    INTEGER NOT NULL
) STRICT;

CREATE TABLE rollout_event (
  event_id  INTEGER PRIMARY KEY AUTOINCREMENT,
  time_us   INTEGER NOT NULL,                             -- microseconds since 1970 UTC
  actor     TEXT    NOT NULL,                             -- who
  namespace TEXT    NOT NULL,                             -- '' for the cluster-wide policies
  body      TEXT    NOT NULL                              -- JSON: what, from, to, why, forced
) STRICT;

CREATE TABLE schema_migration (name TEXT PRIMARY KEY) STRICT;

CREATE TABLE sqlite_sequence(name,seq);

CREATE INDEX decision_by_connection ON decision (source, destination, protocol, port, decision_id);

CREATE INDEX endpoint_by_namespace ON endpoint (namespace) WHERE namespace <> '';

CREATE INDEX flow_edge_by_destination ON flow_edge (destination_id);

CREATE INDEX ingest_by_head ON ingest (head_length, head_hash);

CREATE INDEX proposal_by_namespace ON proposal (namespace, proposal_id);

CREATE VIEW edge_in_words AS
SELECT s.kind AS source_kind, s.namespace AS source_namespace,
       coalesce(nullif(s.workload_name, ''), nullif(s.name, ''), nullif(s.address, ''), nullif(s.entity, ''), s.labels) AS source,
       d.kind AS destination_kind, d.namespace AS destination_namespace,
       coalesce(nullif(d.workload_name, ''), nullif(d.name, ''), nullif(d.address, ''), nullif(d.entity, ''), d.labels) AS destination,
       CASE e.protocol WHEN 6 THEN 'TCP' WHEN 17 THEN 'UDP' WHEN 132 THEN 'SCTP' WHEN 1 THEN 'ICMP' WHEN 58 THEN 'ICMPv6' ELSE e.protocol END AS protocol,
       e.port, e.side, e.class, e.log_kind, h.records, h.bytes,
       datetime(h.hour * 3600, 'unixepoch') AS hour_utc
FROM flow_edge e
JOIN endpoint s ON s.endpoint_id = e.source_id
JOIN endpoint d ON d.endpoint_id = e.destination_id
JOIN edge_hour h ON h.edge_id = e.edge_id;
