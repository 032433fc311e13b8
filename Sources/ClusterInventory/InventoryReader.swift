package import JSONText

/// What was read besides the objects kept.
package struct InventoryReadCounts: Hashable, Sendable {
  /// Objects looked at, kept or not.
  package var items = 0
  /// Secrets, which are passed over unread.
  package var secrets = 0
  /// Values in address fields that are no addresses, such as `***HIDDEN***`.
  package var redacted = 0
  /// Objects of kinds that say nothing about addresses or workloads, by kind.
  package var otherKinds: [String: Int] = [:]

  /// Makes empty counts.
  package init() {}

  /// Adds the counts of another document.
  package mutating func merge(_ other: InventoryReadCounts) {
    items += other.items
    secrets += other.secrets
    redacted += other.redacted
    otherKinds.merge(other.otherKinds, uniquingKeysWith: +)
  }
}

/// Reads Kubernetes objects as `kubectl get -o json` writes them.
///
/// Accepted are lists of any kind (items may lack `kind` in a typed list such as `PodList`), single
/// objects, and arrays of objects; NDJSON is one call per line. Parse the JSON with
/// `skippingKeys: ["managedFields"]`, which makes up most of its bytes. A document that cannot be
/// read leaves the reader as it was.
package struct InventoryReader: Sendable {
  /// The objects read so far, in order, repetitions included.
  package private(set) var objects: [InventoryObject] = []
  /// Policy objects (network policies of any dialect, tiers, network sets) as they were.
  package private(set) var policies: [JSONValue] = []
  /// What else was seen.
  package private(set) var counts = InventoryReadCounts()

  /// Makes a reader that has read nothing.
  package init() {}

  /// Reads one document.
  ///
  /// - Parameter file: The file's name for error messages.
  package mutating func read(_ document: JSONValue, file: String) throws(InventoryError) {
    var part = DocumentReader(file: file)
    try part.read(document)
    part.counts.redacted = part.parser.redacted
    objects += part.objects
    policies += part.policies
    counts.merge(part.counts)
  }

  /// The newest time in any object, microseconds UTC: a snapshot cannot be older than it.
  package var newestObjectTime: Int64? {
    var newest: Int64?
    for object in objects {
      var times = [object.metadata.created]
      if case .pod(let pod) = object {
        times += [pod.start, pod.firstContainerStart, pod.lastContainerEnd]
      }
      for case .some(let time) in times { newest = max(newest ?? time, time) }
    }
    return newest
  }
}

/// Reads one document; its results count only when all of it could be read.
private struct DocumentReader {
  let file: String
  var parser = ObjectParser()
  var objects: [InventoryObject] = []
  var policies: [JSONValue] = []
  var counts = InventoryReadCounts()

  init(file: String) { self.file = file }

  mutating func read(_ document: JSONValue) throws(InventoryError) {
    switch document {
    case .array(let items): try read(items, kind: nil, version: nil)
    case .object(let object):
      if object["items"] == nil, object["Items"] != nil { throw .oldDump(file: file) }
      let kind = object["kind"]?.string
      if let items = object["items"], kind == nil || kind?.hasSuffix("List") == true {
        guard items != .null else { return }
        guard case .array(let array) = items else {
          throw .malformed(file: file, item: 0, path: "items")
        }
        let itemKind = kind.map { String($0.dropLast("List".count)) } ?? ""
        try read(
          array,
          kind: itemKind.isEmpty ? nil : itemKind,
          version: object["apiVersion"]?.string
        )
        return
      }
      try readItem(document, number: 0, kind: nil, version: nil)
    case .null: return
    case .bool, .number, .string: throw .notAnInventory(file: file)
    }
  }

  private mutating func read(_ items: [JSONValue], kind: String?, version: String?)
    throws(InventoryError)
  {
    for (index, item) in items.enumerated() {
      try readItem(item, number: index, kind: kind, version: version)
    }
  }

  private mutating func readItem(
    _ item: JSONValue,
    number: Int,
    kind listKind: String?,
    version listVersion: String?
  ) throws(InventoryError) {
    guard case .object(let object) = item else { throw .notAnInventory(file: file) }
    guard let kind = object["kind"]?.string ?? listKind else {
      if object["Spec"] != nil || object["ObjectMeta"] != nil { throw .oldDump(file: file) }
      if object["metadata"] == nil { throw .notAnInventory(file: file) }
      throw .missing(file: file, item: number, path: "kind")
    }
    if object["metadata"] == nil, object["Spec"] != nil || object["Status"] != nil {
      throw .oldDump(file: file)
    }
    // A list inside a list is what concatenated answers of kubectl look like.
    if kind == "List", case .array(let inner)? = object["items"] {
      try read(inner, kind: nil, version: nil)
      return
    }
    counts.items += 1
    let version = object["apiVersion"]?.string ?? listVersion
    let field = ObjectField(value: item, path: .object, file: file, item: number)
    if let kept = try parser.object(field, kind: kind, version: version) {
      objects.append(kept)
    } else if kind == "Secret" {
      counts.secrets += 1
    } else if DocumentReader.isPolicy(kind) {
      policies.append(item)
    } else {
      counts.otherKinds[kind, default: 0] += 1
    }
  }

  private static func isPolicy(_ kind: String) -> Bool {
    kind.hasSuffix("NetworkPolicy") || kind == "Tier" || kind == "NetworkSet"
      || kind == "GlobalNetworkSet" || kind == "CiliumCIDRGroup"
  }
}

extension ObjectParser {
  /// Reads an object of a known kind, nil when the kind is not kept.
  ///
  /// The API group matters: Knative has a `Service`, OpenShift's configuration an `Ingress` and
  /// Volcano a `Job` of its own. Where no version is given, the kind is taken for the usual one.
  mutating func object(_ field: ObjectField, kind: String, version: String?)
    throws(InventoryError) -> InventoryObject?
  {
    let group =
      version.map { $0.contains("/") ? String($0.prefix { $0 != "/" }) : "" }
      ?? ObjectParser.usualGroups[kind] ?? ""
    switch (kind, group) {
    case ("Pod", ""): return .pod(try pod(field))
    case ("Node", ""): return .node(try node(field))
    case ("Service", ""): return .service(try service(field))
    case ("Endpoints", ""): return .endpoints(try endpoints(field))
    case ("Namespace", ""): return .namespace(try namespace(field))
    case ("EndpointSlice", "discovery.k8s.io"): return .endpoints(try slice(field))
    case ("Deployment", "apps"), ("Deployment", "extensions"), ("ReplicaSet", "apps"),
      ("ReplicaSet", "extensions"), ("DaemonSet", "apps"), ("DaemonSet", "extensions"),
      ("StatefulSet", "apps"), ("Job", "batch"), ("CronJob", "batch"),
      ("ReplicationController", ""), ("DeploymentConfig", "apps.openshift.io"),
      ("Rollout", "argoproj.io"):
      return .controller(try controller(field, kind: kind))
    case ("Ingress", "networking.k8s.io"), ("Ingress", "extensions"):
      return .ingress(try ingress(field))
    case ("Route", "route.openshift.io"): return .ingress(try route(field))
    default: return nil
    }
  }

  private static let usualGroups = [
    "EndpointSlice": "discovery.k8s.io", "Deployment": "apps", "ReplicaSet": "apps",
    "DaemonSet": "apps", "StatefulSet": "apps", "Job": "batch", "CronJob": "batch",
    "DeploymentConfig": "apps.openshift.io", "Rollout": "argoproj.io",
    "Ingress": "networking.k8s.io", "Route": "route.openshift.io",
  ]
}
