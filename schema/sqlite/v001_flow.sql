-- What was observed: endpoints, edges between them, hourly counts, and what was ingested.
-- Checks of the large tables are chains of OR: for a longer IN list SQLite builds a table at every insert.

-- One side of an edge, as precisely as policy can tell it apart.
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

-- Serves: edges of a namespace (flows, propose, review, gates).
CREATE INDEX endpoint_by_namespace ON endpoint (namespace) WHERE namespace <> '';

-- Who talked to whom, how, and what became of it.
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

-- Serves: edges by destination namespace.
CREATE INDEX flow_edge_by_destination ON flow_edge (destination_id);

-- How often and when an edge was seen: one row per edge and UTC hour.
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

-- The ledger: one row per input, grown when the input has grown.
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

-- Serves: recognising an input by its content.
CREATE INDEX ingest_by_head ON ingest (head_length, head_hash);

-- Records that are not evidence, by reason.
CREATE TABLE ingest_discard (
  ingest_id INTEGER NOT NULL REFERENCES ingest ON DELETE CASCADE,
  reason    TEXT    NOT NULL,
  records   INTEGER NOT NULL CHECK (records > 0),
  PRIMARY KEY (ingest_id, reason)
) STRICT, WITHOUT ROWID;

-- The first records that could not be read.
CREATE TABLE ingest_rejection (
  ingest_id INTEGER NOT NULL REFERENCES ingest ON DELETE CASCADE,
  line      INTEGER NOT NULL,
  problem   TEXT    NOT NULL,
  PRIMARY KEY (ingest_id, line, problem)
) STRICT, WITHOUT ROWID;

-- Remarks about an input.
CREATE TABLE ingest_note (
  ingest_id INTEGER NOT NULL REFERENCES ingest ON DELETE CASCADE,
  note      TEXT    NOT NULL,
  PRIMARY KEY (ingest_id, note)
) STRICT, WITHOUT ROWID;

-- When which log was captured at all, used or not: holes show here.
CREATE TABLE capture_hour (
  log_kind TEXT    NOT NULL,
  hour     INTEGER NOT NULL,                              -- UTC hours since 1970
  records  INTEGER NOT NULL,
  lost     INTEGER NOT NULL,                              -- events the log says were lost
  PRIMARY KEY (log_kind, hour)
) STRICT, WITHOUT ROWID;

-- For people with sqlite3: edges in words.
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
