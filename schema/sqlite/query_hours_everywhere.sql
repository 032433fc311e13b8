-- All edges, a row for each hour of a window. Parameters: first hour, hour after the last.
SELECT e.edge_id, e.source_id, e.destination_id, e.protocol, e.port, e.reply_port, e.side, e.class,
       e.log_kind, (t.hour - (t.hour % 24 + 24) % 24) / 24, 1 << ((t.hour % 24 + 24) % 24), t.records,
       t.bytes, t.first_seen_us, t.last_seen_us
FROM flow_edge e
CROSS JOIN edge_hour t ON t.edge_id = e.edge_id AND t.hour >= ?1 AND t.hour < ?2;
