package import FlowModel

/// One side of a connection as a decision speaks of it: a workload or a kind of peer, not one address.
package enum DecisionEnd: Hashable, Sendable {
  /// The pods of an owner; the cluster's name is empty where there is only one.
  case workload(cluster: String, namespace: String, WorkloadReference)
  /// Pods without a known owner, by their stable labels.
  case pods(cluster: String, namespace: String, Labels)
  /// Any address outside the cluster.
  case external
  /// Addresses of a prefix.
  case prefix(CIDR)
  /// DNS names outside the cluster: as in ``Endpoint/name``, sorted and comma-separated.
  case name(String)
  /// Nodes and host-network processes.
  case node
  /// The Kubernetes API server.
  case apiServer
  /// A reserved entity.
  case entity(String)
  /// Addresses of the cluster that belong to no known pod.
  case unresolved

  /// What a decision about an edge with this end speaks of.
  ///
  /// A pod known by name only has neither owner nor labels: it counts as unresolved.
  package init(_ endpoint: Endpoint) {
    switch endpoint.kind {
    case .pod:
      if let workload = endpoint.workload {
        self = .workload(
          cluster: endpoint.cluster,
          namespace: endpoint.namespace,
          workload
        )
      } else if endpoint.labels.isEmpty {
        self = .unresolved
      } else {
        self = .pods(
          cluster: endpoint.cluster,
          namespace: endpoint.namespace,
          endpoint.labels
        )
      }
    case .node: self = .node
    case .apiServer: self = .apiServer
    case .address: self = endpoint.address.map { .prefix($0) } ?? .external
    case .name: self = endpoint.name.isEmpty ? .external : .name(endpoint.name)
    case .entity: self = endpoint.entity.isEmpty ? .unresolved : .entity(endpoint.entity)
    case .unresolved: self = .unresolved
    }
  }

  /// Whether a decision about this end also speaks about another: the same, a prefix around it, or
  /// any external address.
  ///
  /// The metadata service is nobody's external peer: only a decision that names it speaks about it.
  package func covers(_ other: DecisionEnd) -> Bool {
    switch (self, other) {
    case (.external, .prefix(let prefix)): !prefix.address.isMetadataService
    case (.external, .name): true
    case (.prefix(let mine), .prefix(let theirs)): mine.contains(theirs)
    default: self == other
    }
  }

  /// How much of the world it leaves open: 0 for one thing, more for wider prefixes.
  var width: Int {
    switch self {
    case .external: 1000
    case .prefix(let prefix): prefix.sizeExponent
    default: 0
    }
  }
}

// MARK: - Text

extension DecisionEnd: CustomStringConvertible {
  /// One word that ``init(text:)`` reads back.
  ///
  /// `app-prod/Deployment/web`, `app-prod/{app=web,tier=front}`, `external`, `198.51.100.0/24`,
  /// `name:api.example.com`, `node`, `apiserver`, `entity:ingress`, `unresolved`; in clusters with
  /// names `//east/app-prod/Deployment/web`. Other characters are percent-encoded.
  package var description: String {
    switch self {
    case .workload(let cluster, let namespace, let owner):
      DecisionEnd.scope(cluster, namespace) + PercentCode.encode(owner.kind) + "/"
        + PercentCode.encode(owner.name)
    case .pods(let cluster, let namespace, let labels):
      DecisionEnd.scope(cluster, namespace) + "{"
        + labels.elements.map {
          PercentCode.encode($0.key, keeping: "/") + "=" + PercentCode.encode($0.value)
        }.joined(separator: ",") + "}"
    case .external: "external"
    case .prefix(let prefix): prefix.description
    case .name(let name): "name:" + PercentCode.encode(name, keeping: ",*")
    case .node: "node"
    case .apiServer: "apiserver"
    case .entity(let entity): "entity:" + PercentCode.encode(entity)
    case .unresolved: "unresolved"
    }
  }

  private static func scope(_ cluster: String, _ namespace: String) -> String {
    (cluster.isEmpty ? "" : "//" + PercentCode.encode(cluster) + "/")
      + PercentCode.encode(namespace) + "/"
  }

  /// Reads what ``description`` writes; nil for anything else.
  package init?(text: String) {
    switch text {
    case "external": self = .external
    case "node": self = .node
    case "apiserver": self = .apiServer
    case "unresolved": self = .unresolved
    default:
      if text.hasPrefix("name:"), let name = PercentCode.decode(text.dropFirst(5)), !name.isEmpty {
        self = .name(name)
      } else if text.hasPrefix("entity:"), let entity = PercentCode.decode(text.dropFirst(7)),
        !entity.isEmpty
      {
        self = .entity(entity)
      } else if let prefix = CIDR(text) {
        self = .prefix(prefix)
      } else if let pods = DecisionEnd.readPods(text[...]) {
        self = pods
      } else {
        return nil
      }
    }
  }

  private static func readPods(_ text: Substring) -> DecisionEnd? {
    var rest = text
    var cluster = ""
    if rest.hasPrefix("//") {
      rest = rest.dropFirst(2)
      guard let slash = rest.firstIndex(of: "/"), let name = PercentCode.decode(rest[..<slash]),
        !name.isEmpty
      else { return nil }
      cluster = name
      rest = rest[rest.index(after: slash)...]
    }
    guard let slash = rest.firstIndex(of: "/"), let namespace = PercentCode.decode(rest[..<slash]),
      !namespace.isEmpty
    else { return nil }
    rest = rest[rest.index(after: slash)...]
    if rest.hasPrefix("{"), rest.hasSuffix("}") {
      guard let labels = readLabels(rest.dropFirst().dropLast()) else { return nil }
      return .pods(cluster: cluster, namespace: namespace, labels)
    }
    let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let kind = PercentCode.decode(parts[0]), !kind.isEmpty,
      let name = PercentCode.decode(parts[1]), !name.isEmpty
    else { return nil }
    return .workload(
      cluster: cluster,
      namespace: namespace,
      WorkloadReference(kind: kind, name: name)
    )
  }

  private static func readLabels(_ text: Substring) -> Labels? {
    var pairs: [(String, String)] = []
    for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let equals = pair.firstIndex(of: "="), let key = PercentCode.decode(pair[..<equals]),
        let value = PercentCode.decode(pair[pair.index(after: equals)...]), !key.isEmpty
      else { return nil }
      pairs.append((key, value))
    }
    let labels = Labels(pairs)
    return labels.count == pairs.count ? labels : nil
  }
}

extension DecisionEnd: Comparable {
  /// By text.
  package static func < (left: DecisionEnd, right: DecisionEnd) -> Bool {
    left.description < right.description
  }
}

/// Percent-encoding of names inside ``DecisionEnd`` texts.
enum PercentCode {
  /// Encodes every byte but letters, digits, `. _ - :` and those to keep.
  static func encode(_ text: String, keeping extra: String = "") -> String {
    let kept = Set(extra.utf8)
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x3a, 0x5f:
        result.unicodeScalars.append(Unicode.Scalar(byte))
      case _ where kept.contains(byte): result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += (byte < 16 ? "%0" : "%") + digits
      }
    }
    return result
  }

  /// Decodes; nil for a broken escape or when the bytes are no UTF-8.
  static func decode(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var input = text.utf8.makeIterator()
    while let byte = input.next() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = input.next().flatMap(hexDigit), let low = input.next().flatMap(hexDigit)
      else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}
