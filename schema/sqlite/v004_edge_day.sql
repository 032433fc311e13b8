-- The hours of an edge added up by UTC day: a window is read by days, and by hours only at its ends.
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

-- Counts that a sum of integers cannot hold end the sum, not the migration.
INSERT INTO edge_day
SELECT edge_id, (hour - (hour % 24 + 24) % 24) / 24 AS day, sum(1 << ((hour % 24 + 24) % 24)),
       CAST(min(total(records), 9.2e18) AS INTEGER), CAST(min(total(bytes), 9.2e18) AS INTEGER),
       min(first_seen_us), max(last_seen_us)
FROM edge_hour
GROUP BY edge_id, day;
