-- All edges, a row for each day of a window. Parameters: first day, day after the last.
SELECT e.edge_id, e.source_id, e.destination_id, e.protocol, e.port, e.reply_port, e.side, e.class,
       e.log_kind, t.day, t.hours, t.records, t.bytes, t.first_seen_us, t.last_seen_us
FROM flow_edge e
CROSS JOIN edge_day t ON t.edge_id = e.edge_id AND t.day >= ?1 AND t.day < ?2;
