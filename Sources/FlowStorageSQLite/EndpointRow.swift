import FlowModel
import GRDB
import JSONText

/// An endpoint as a row of the table `endpoint`.
struct EndpointRow {
  private let values: [String]

  /// Makes the texts of the columns.
  init(_ endpoint: Endpoint) {
    values = [
      endpoint.kind.rawValue, endpoint.cluster.storable, endpoint.namespace.storable,
      (endpoint.workload?.kind ?? "").storable, (endpoint.workload?.name ?? "").storable,
      EndpointRow.labels(endpoint.labels), endpoint.address?.description ?? "",
      endpoint.name.storable, endpoint.entity.storable,
    ]
  }

  /// The identifying columns in the order of ``find`` and ``insert``.
  var arguments: StatementArguments { StatementArguments(values) }

  /// Binds the identifying columns to the parameters of ``find`` or ``insert``.
  func bind(to statement: RowStatement) throws {
    for (index, value) in values.enumerated() { try statement.bind(CInt(index + 1), value) }
  }

  static let insert = """
    INSERT INTO endpoint (kind, cluster, namespace, workload_kind, workload_name, labels, address, name, entity,
      first_seen_us, last_seen_us)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """
  static let find = """
    SELECT endpoint_id FROM endpoint WHERE kind = ? AND cluster = ? AND namespace = ?
    AND workload_kind = ? AND workload_name = ? AND labels = ? AND address = ? AND name = ? AND entity = ?
    """
  /// Widens the time in which an endpoint was seen: the row's number, first and last time.
  static let widen = """
    UPDATE endpoint SET first_seen_us = min(first_seen_us, ?2), last_seen_us = max(last_seen_us, ?3)
    WHERE endpoint_id = ?1 AND (first_seen_us > ?2 OR last_seen_us < ?3)
    """
  static let columns =
    "kind, cluster, namespace, workload_kind, workload_name, labels, address, name, entity"

  /// Labels as a JSON object with sorted keys.
  private static func labels(_ labels: Labels) -> String {
    JSONWriter.text(
      .object(JSONObject(labels.elements.map { (key: $0.key, value: .string($0.value)) }))
    )
  }

  /// Reads the nine columns from an offset.
  static func endpoint(_ row: Row, from offset: Int) -> Endpoint {
    let workloadName: String = row[offset + 4]
    let labelText: String = row[offset + 5]
    let address: String = row[offset + 6]
    var labels = Labels()
    if labelText != "{}", let object = (try? JSONParser.parse(labelText))?.object {
      labels = Labels(object.members.map { ($0.key, $0.value.string ?? "") })
    }
    return Endpoint(
      kind: Endpoint.Kind(rawValue: row[offset]) ?? .unresolved,
      cluster: row[offset + 1],
      namespace: row[offset + 2],
      workload: workloadName.isEmpty
        ? nil : WorkloadReference(kind: row[offset + 3], name: workloadName),
      labels: labels,
      address: address.isEmpty ? nil : CIDR(address),
      name: row[offset + 7],
      entity: row[offset + 8]
    )
  }
}

extension String {
  /// The text with U+FFFD for every NUL: SQLite's texts are read up to the first one, and a name cut
  /// short would be another name.
  var storable: String {
    utf8.contains(0)
      ? String(String.UnicodeScalarView(unicodeScalars.map { $0.value == 0 ? "\u{fffd}" : $0 }))
      : self
  }
}
