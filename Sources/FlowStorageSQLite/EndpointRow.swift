import FlowModel
import GRDB
import JSONText

/// Endpoints as rows of the table `endpoint`.
enum EndpointRow {
  static let insert = """
    INSERT INTO endpoint (kind, cluster, namespace, workload_kind, workload_name, labels, address, name, entity)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    """
  static let find = """
    SELECT endpoint_id FROM endpoint WHERE kind = ? AND cluster = ? AND namespace = ?
    AND workload_kind = ? AND workload_name = ? AND labels = ? AND address = ? AND name = ? AND entity = ?
    """
  static let columns =
    "kind, cluster, namespace, workload_kind, workload_name, labels, address, name, entity"

  static func arguments(_ endpoint: Endpoint) -> StatementArguments {
    [
      endpoint.kind.rawValue, endpoint.cluster.storable, endpoint.namespace.storable,
      (endpoint.workload?.kind ?? "").storable, (endpoint.workload?.name ?? "").storable,
      labels(endpoint.labels), endpoint.address?.description ?? "", endpoint.name.storable,
      endpoint.entity.storable,
    ]
  }

  /// Labels as a JSON object with sorted keys.
  static func labels(_ labels: Labels) -> String {
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
