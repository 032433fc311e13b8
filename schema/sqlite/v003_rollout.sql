-- Where each namespace stands, what people decided, and what was proposed.

-- Every step ever taken; the stages are what these events add up to. Never changed, only added to.
CREATE TABLE rollout_event (
  event_id  INTEGER PRIMARY KEY AUTOINCREMENT,
  time_us   INTEGER NOT NULL,                             -- microseconds since 1970 UTC
  actor     TEXT    NOT NULL,                             -- who
  namespace TEXT    NOT NULL,                             -- '' for the cluster-wide policies
  body      TEXT    NOT NULL                              -- JSON: what, from, to, why, forced
) STRICT;

-- What a person decided about a workload pair, protocol and port.
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

-- Serves: the latest decision about a connection.
CREATE INDEX decision_by_connection ON decision (source, destination, protocol, port, decision_id);

-- Proposals as they were approved.
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

-- Serves: the latest proposal of a namespace.
CREATE INDEX proposal_by_namespace ON proposal (namespace, proposal_id);
