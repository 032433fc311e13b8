import FlowModel
import GRDB
import JSONText

/// An endpoint as a row of the table `endpoint`.
struct EndpointRow: Hashable {
  private let kind: String
  private let endpoint: Endpoint
  private let labels: String
  private let address: String

  /// Makes the texts of the columns.
  init(_ endpoint: Endpoint) {
    self.endpoint = endpoint.isStorable ? endpoint : endpoint.storable
    kind = endpoint.kind.rawValue
    var bytes: [UInt8] = []
    EndpointRow.append(endpoint.labels, to: &bytes)
    labels = String(decoding: bytes, as: UTF8.self)
    address = endpoint.address?.description ?? ""
  }

  private var values: [String] {
    [
      kind, endpoint.cluster, endpoint.namespace, endpoint.workload?.kind ?? "",
      endpoint.workload?.name ?? "", labels, address, endpoint.name, endpoint.entity,
    ]
  }

  /// The identifying columns in the order of ``find`` and ``insert``.
  var arguments: StatementArguments { StatementArguments(values) }

  /// Adds the identifying columns of an endpoint to the parameters of ``find`` or of an insert.
  ///
  /// The same texts as ``arguments``, without making strings of them.
  static func add(_ given: Endpoint, to values: inout RowValues) {
    let endpoint = given.isStorable ? given : given.storable
    values.add(endpoint.kind.rawValue)
    values.add(endpoint.cluster)
    values.add(endpoint.namespace)
    values.add(endpoint.workload?.kind ?? "")
    values.add(endpoint.workload?.name ?? "")
    values.add { EndpointRow.append(endpoint.labels, to: &$0) }
    values.add(endpoint.address?.description ?? "")
    values.add(endpoint.name)
    values.add(endpoint.entity)
  }

  private static func append(_ labels: Labels, to bytes: inout [UInt8]) {
    let elements = labels.elements
    JSONWriter.append(strings: elements.count, to: &bytes) {
      (elements[$0].key, elements[$0].value)
    }
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

  /// Reads the nine columns from an offset.
  static func endpoint(_ row: Row, from offset: Int) -> Endpoint {
    endpoint { row[offset + $0] }
  }

  /// Reads the nine columns of the row at hand.
  static func endpoint(_ row: RowStatement) -> Endpoint { endpoint { row.text(at: CInt($0)) } }

  private static func endpoint(_ column: (Int) -> String) -> Endpoint {
    let workloadName = column(4)
    let labelText = column(5)
    let address = column(6)
    var labels = Labels()
    if labelText != "{}", let object = (try? JSONParser.parse(labelText))?.object {
      labels = Labels(object.members.map { ($0.key, $0.value.string ?? "") })
    }
    return Endpoint(
      kind: Endpoint.Kind(rawValue: column(0)) ?? .unresolved,
      cluster: column(1),
      namespace: column(2),
      workload: workloadName.isEmpty
        ? nil : WorkloadReference(kind: column(3), name: workloadName),
      labels: labels,
      address: address.isEmpty ? nil : CIDR(address),
      name: column(7),
      entity: column(8)
    )
  }
}

extension Endpoint {
  /// Whether all its texts can be stored as they are; labels can, being written as JSON.
  var isStorable: Bool {
    cluster.isStorable && namespace.isStorable && name.isStorable && entity.isStorable
      && workload?.kind.isStorable ?? true && workload?.name.isStorable ?? true
  }

  /// The endpoint with texts that can be stored.
  fileprivate var storable: Endpoint {
    var endpoint = self
    endpoint.cluster = cluster.storable
    endpoint.namespace = namespace.storable
    endpoint.name = name.storable
    endpoint.entity = entity.storable
    if let workload {
      endpoint.workload = WorkloadReference(
        kind: workload.kind.storable,
        name: workload.name.storable
      )
    }
    return endpoint
  }
}

extension String {
  /// The text with U+FFFD for every NUL: SQLite's texts are read up to the first one, and a name cut
  /// short would be another name.
  var storable: String {
    isStorable
      ? self
      : String(String.UnicodeScalarView(unicodeScalars.map { $0.value == 0 ? "\u{fffd}" : $0 }))
  }

  /// Whether it holds no NUL.
  var isStorable: Bool {
    // Asked of every text of every endpoint; the general search takes ten times as long.
    let bytes = utf8.span
    for index in bytes.indices where bytes[index] == 0 { return false }
    return true
  }
}
