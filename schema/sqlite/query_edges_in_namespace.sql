-- Edges with an end in a namespace over a window of hours. Parameters: namespace, first hour, hour after the last.
WITH wanted AS (
  SELECT edge_id FROM flow_edge
  WHERE source_id IN (SELECT endpoint_id FROM endpoint WHERE namespace = ?1 AND namespace <> '')
  UNION
  SELECT edge_id FROM flow_edge
  WHERE destination_id IN (SELECT endpoint_id FROM endpoint WHERE namespace = ?1 AND namespace <> '')
)
SELECT e.edge_id, e.source_id, e.destination_id, e.protocol, e.port, e.reply_port, e.side, e.class,
       e.log_kind, sum(h.records), sum(h.bytes), min(h.first_seen_us), max(h.last_seen_us),
       count(*), count(DISTINCT h.hour / 24)
FROM wanted w
CROSS JOIN flow_edge e ON e.edge_id = w.edge_id
CROSS JOIN edge_hour h ON h.edge_id = e.edge_id AND h.hour >= ?2 AND h.hour < ?3
GROUP BY e.edge_id;
