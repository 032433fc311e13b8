import ClusterInventory
import FlowModel
import Foundation
import JSONText
import TestSupport
import Testing
import Yams

/// A time of 2026-11-09 by its clock: `at("10:00:00")`.
func at(_ clock: String) throws -> Int64 {
  try #require(Timestamps.parse("2026-11-09T\(clock)Z"))
}

func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

extension InventoryObject {
  /// A running pod `namespace/name` of Deployment `app`; `edit` changes what a test is about.
  static func pod(
    _ path: String,
    _ ip: String?,
    app: String? = nil,
    labels: Labels? = nil,
    start: String = "08:00:00",
    node: String? = "192.168.0.1",
    uid: String? = nil,
    edit: (inout PodObject) -> Void = { _ in }
  ) throws -> InventoryObject {
    let parts = path.split(separator: "/").map(String.init)
    let app = app ?? String(parts[1].prefix { $0 != "-" })
    var metadata = ObjectMetadata(
      namespace: parts[0],
      name: parts[1],
      uid: uid ?? path,
      created: try at(start),
      labels: labels ?? ["app": app, "pod-template-hash": "abc"],
      owner: OwnerReference(kind: "ReplicaSet", name: "\(app)-abc")
    )
    if labels != nil { metadata.labels["pod-template-hash"] = "abc" }
    var pod = PodObject(metadata: metadata)
    pod.generateName = "\(app)-abc-"
    pod.phase = .running
    pod.start = try at(start)
    if let ip { pod.addresses = [try address(ip)] }
    if let node { pod.hostAddresses = [try address(node)] }
    edit(&pod)
    return .pod(pod)
  }

  /// A Service with one port.
  static func service(
    _ path: String,
    _ ip: String?,
    selector: Labels,
    ports: [ServiceObject.Port],
    edit: (inout ServiceObject) -> Void = { _ in }
  ) throws -> InventoryObject {
    let parts = path.split(separator: "/").map(String.init)
    var service = ServiceObject(
      metadata: ObjectMetadata(
        namespace: parts[0],
        name: parts[1],
        uid: path,
        created: try at("07:00:00")
      )
    )
    if let ip { service.clusterAddresses = [try address(ip)] }
    service.selector = selector
    service.ports = ports
    edit(&service)
    return .service(service)
  }

  /// A node with a pod range.
  static func node(_ name: String, _ ips: [String], ranges: [String] = []) throws
    -> InventoryObject
  {
    .node(
      NodeObject(
        metadata: ObjectMetadata(name: name, uid: name, created: try at("06:00:00")),
        addresses: try ips.map { try address($0) },
        podCIDRs: try ranges.map { try #require(CIDR($0)) }
      )
    )
  }

  /// An EndpointSlice of one port.
  static func slice(
    _ path: String,
    service: String,
    _ ips: [String],
    port: EndpointsObject.Port,
    pod: String? = nil
  ) throws -> InventoryObject {
    let parts = path.split(separator: "/").map(String.init)
    let target = pod.map { EndpointsObject.PodName(namespace: parts[0], name: $0) }
    return .endpoints(
      EndpointsObject(
        metadata: ObjectMetadata(
          namespace: parts[0],
          name: parts[1],
          uid: path,
          created: try at("07:00:00"),
          labels: ["kubernetes.io/service-name": service]
        ),
        isSlice: true,
        service: service,
        subsets: [
          EndpointsObject.Subset(
            members: try ips.map {
              EndpointsObject.Member(addresses: [try address($0)], pod: target)
            },
            ports: [port]
          )
        ]
      )
    )
  }

  /// A controller with a selector and template labels.
  static func controller(
    _ kind: String,
    _ path: String,
    owner: OwnerReference? = nil,
    labels: Labels = [:]
  ) -> InventoryObject {
    let parts = path.split(separator: "/").map(String.init)
    return .controller(
      ControllerObject(
        kind: kind,
        metadata: ObjectMetadata(namespace: parts[0], name: parts[1], uid: path, owner: owner),
        selector: labels,
        templateLabels: labels
      )
    )
  }
}

/// An inventory of snapshots by clock time.
func inventory(_ snapshots: (String, [InventoryObject])...) throws -> Inventory {
  var inventory = Inventory(cluster: "test")
  for (time, objects) in snapshots {
    inventory.add(InventorySnapshot(time: try at(time), objects: objects))
  }
  return inventory
}

extension AddressTable {
  /// Resolves an address during a record given by clock times.
  func resolve(
    _ text: String,
    _ port: UInt16 = 40_000,
    _ transport: TransportProtocol = .tcp,
    from start: String,
    to end: String? = nil
  ) throws -> AddressResolution {
    resolve(
      try address(text),
      transport: transport,
      port: port,
      from: try at(start),
      to: try at(end ?? start)
    )
  }
}

extension AddressResolution {
  /// A short word for what was found: the workload's name, or the case.
  var word: String {
    switch self {
    case .endpoint(let endpoint):
      switch endpoint.kind {
      case .pod: endpoint.workload?.name ?? endpoint.labels.description
      case .address: endpoint.entity.isEmpty ? "external" : endpoint.entity
      default: endpoint.kind.rawValue
      }
    case .service(let name, let backends):
      "\(name) -> "
        + backends.map { "\(AddressResolution.endpoint($0.endpoint).word):\($0.port)" }
        .joined(separator: ", ")
    case .ambiguous: "ambiguous"
    case .unknownPod: "unknown-pod"
    case .internalUnknown: "internal"
    case .ignored: "ignored"
    }
  }
}

/// Reads JSON text with the reader's own parser options.
func json(_ text: String) throws -> JSONValue {
  let bytes = Array(text.utf8)
  return try JSONParser.parse(bytes.span.bytes, skippingKeys: ["managedFields"])
}

/// Converts a YAML node as kubectl would have written it in JSON.
func json(_ node: Node) -> JSONValue {
  switch node {
  case .mapping(let mapping):
    return .object(
      JSONObject(mapping.map { (key: $0.key.string ?? "", value: json($0.value)) })
    )
  case .sequence(let sequence): return .array(sequence.map { json($0) })
  case .scalar(let scalar):
    guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
    switch scalar.string {
    case "", "~", "null": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    case let text: return Int64(text) == nil ? .string(text) : .number(text)
    }
  case .alias: return .null
  }
}

/// Reads all JSON and YAML files of a folder of the shared samples, sorted by path.
func readSamples(_ folder: String) throws -> InventoryReader? {
  guard let root = ProjectFiles.shared("flows/inventory/\(folder)") else { return nil }
  var isFolder: ObjCBool = false
  _ = FileManager.default.fileExists(atPath: root.path, isDirectory: &isFolder)
  let paths =
    isFolder.boolValue
    ? try FileManager.default.subpathsOfDirectory(atPath: root.path).sorted()
      .map { root.appendingPathComponent($0) } : [root]
  var reader = InventoryReader()
  for url in paths {
    switch url.pathExtension {
    case "json":
      try reader.read(
        json(String(contentsOf: url, encoding: .utf8)),
        file: url.lastPathComponent
      )
    case "yaml":
      let text = try String(contentsOf: url, encoding: .utf8)
      for node in try Yams.compose_all(yaml: text) {
        try reader.read(json(node), file: url.lastPathComponent)
      }
    default: continue
    }
  }
  return reader
}
