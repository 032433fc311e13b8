import FlowModel
import JSONText

/// The objects of one cluster at one time.
package struct InventorySnapshot: Sendable {
  /// When and what was looked at.
  package var header: SnapshotHeader
  /// The objects, sorted by identity, each once; of an object given twice the last counts.
  package var objects: [InventoryObject]

  /// Makes a snapshot of what a reader has read.
  ///
  /// - Parameters:
  ///   - time: When it was taken, microseconds UTC.
  ///   - redacted: How many addresses were blanked out in its files.
  package init(time: Int64, objects: [InventoryObject], redacted: Int = 0) {
    var unique: [ObjectIdentity: InventoryObject] = [:]
    for object in objects { unique[object.identity] = object }
    let sorted = unique.sorted { $0.key < $1.key }
    self.objects = sorted.map(\.value)
    var covered: [String: Set<String>] = [:]
    for (identity, _) in sorted {
      let place = identity.kind == "Namespace" ? identity.name : identity.namespace
      covered[identity.kind, default: []].insert(place)
    }
    header = SnapshotHeader(
      time: time,
      covered: covered.mapValues { $0.sorted() },
      redacted: redacted
    )
  }
}

/// When a snapshot was taken and what it looked at; kept with the objects.
package struct SnapshotHeader: Hashable, Sendable {
  /// When it was taken, microseconds UTC.
  package var time: Int64
  /// By kind the namespaces with such objects, sorted; for `Namespace` the names themselves.
  package var covered: [String: [String]]
  /// How many addresses were blanked out in its files.
  package var redacted: Int

  /// Makes a header.
  package init(time: Int64, covered: [String: [String]] = [:], redacted: Int = 0) {
    self.time = time
    self.covered = covered
    self.redacted = redacted
  }

  /// Whether an object of that kind would be in the snapshot if it existed then.
  ///
  /// A file may hold one namespace or one kind only, and absence from it proves nothing. It does
  /// prove something where the snapshot has such objects in that namespace; has them in several
  /// namespaces with `kube-system` among them, as a capture of all namespaces has; or lists the
  /// namespaces without that one.
  package func covers(kind: String, namespace: String) -> Bool {
    guard let places = covered[kind] else { return false }
    if places.contains(namespace) { return true }
    if places.count > 1, places.contains("kube-system") { return true }
    guard let namespaces = covered["Namespace"], namespaces.count > 1 else { return false }
    return !namespaces.contains(namespace)
  }

  /// The header as compact JSON for storage.
  package func encode() -> String {
    let kinds = covered.sorted { $0.key < $1.key }.map { kind, places in
      (key: kind, value: JSONValue.array(places.map { .string($0) }))
    }
    return JSONWriter.text(
      .object(
        JSONObject([
          (key: "time", value: .string(Timestamps.text(time, fraction: true))),
          (key: "redacted", value: .number(String(redacted))),
          (key: "covered", value: .object(JSONObject(kinds))),
        ])
      )
    )
  }

  /// Reads what ``encode()`` wrote.
  package init(decoding text: String) throws(InventoryError) {
    let value: JSONValue
    do { value = try JSONParser.parse(text) } catch { throw .notJSON(error) }
    let field = ObjectField(value: value, path: .object, file: "stored snapshot", item: 0)
    guard let time = try field.time("time") else { throw field.missing("time") }
    self.init(time: time, redacted: Int(value["redacted"]?.integer ?? 0))
    guard let kinds = value["covered"]?.object else { throw field.missing("covered") }
    for (kind, places) in kinds.members {
      covered[kind] = places.array?.compactMap(\.string) ?? []
    }
  }

  /// Adds what another file of the same time looked at.
  mutating func merge(_ other: SnapshotHeader) {
    covered.merge(other.covered) { Set($0).union($1).sorted() }
    redacted = max(redacted, other.redacted)
  }
}
