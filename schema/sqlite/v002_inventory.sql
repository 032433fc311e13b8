-- What the cluster holds: objects over time, and live policies.

-- A time at which objects were read from the cluster.
CREATE TABLE inventory_snapshot (
  taken_us INTEGER PRIMARY KEY,                           -- microseconds since 1970 UTC
  header   TEXT    NOT NULL                               -- JSON: which kinds and namespaces it covers
) STRICT;

-- One object of the cluster as long as it stays the same.
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

-- A live policy as exported from the cluster, whole.
CREATE TABLE live_policy (
  kind      TEXT    NOT NULL,
  namespace TEXT    NOT NULL,
  name      TEXT    NOT NULL,
  manifest  TEXT    NOT NULL,                             -- YAML of the one object
  seen_us   INTEGER NOT NULL,
  PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
