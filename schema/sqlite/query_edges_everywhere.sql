-- All edges over a window of hours. Parameters: first hour, hour after the last.
SELECT e.edge_id, e.source_id, e.destination_id, e.protocol, e.port, e.reply_port, e.side, e.class,
       e.log_kind, sum(h.records), sum(h.bytes), min(h.first_seen_us), max(h.last_seen_us),
       count(*), count(DISTINCT h.hour / 24)
FROM flow_edge e
CROSS JOIN edge_hour h ON h.edge_id = e.edge_id AND h.hour >= ?1 AND h.hour < ?2
GROUP BY e.edge_id;
