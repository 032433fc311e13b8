-- Edges with an end in a namespace, a row for each hour of a window. Parameters: namespace, first hour, hour after the last.
WITH wanted AS (
  SELECT edge_id FROM flow_edge
  WHERE source_id IN (SELECT endpoint_id FROM endpoint WHERE namespace = ?1 AND namespace <> '')
  UNION
  SELECT edge_id FROM flow_edge
  WHERE destination_id IN (SELECT endpoint_id FROM endpoint WHERE namespace = ?1 AND namespace <> '')
)
SELECT e.edge_id, e.source_id, e.destination_id, e.protocol, e.port, e.reply_port, e.side, e.class,
       e.log_kind, (t.hour - (t.hour % 24 + 24) % 24) / 24, 1 << ((t.hour % 24 + 24) % 24), t.records,
       t.bytes, t.first_seen_us, t.last_seen_us
FROM wanted w
CROSS JOIN flow_edge e ON e.edge_id = w.edge_id
CROSS JOIN edge_hour t ON t.edge_id = e.edge_id AND t.hour >= ?2 AND t.hour < ?3;
