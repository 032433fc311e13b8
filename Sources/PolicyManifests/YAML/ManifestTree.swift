import Yams

/// A YAML node less what reading a manifest has no use for, so that it is cheap to pass around.
struct ManifestTree: Sendable {
  /// What the node is.
  enum Content: Sendable {
    /// An unquoted scalar without a tag.
    case plain(String)
    /// A quoted scalar without a tag, or one that is tagged as a string.
    case text(String)
    /// A scalar with a tag of another sort.
    indirect case tagged(String, tag: String)
    /// A list.
    case sequence([ManifestTree])
    /// Fields in the order written, keys unique.
    case mapping([Field])
  }

  /// A field of a mapping.
  struct Field: Sendable {
    /// The key; a scalar unless the manifest is wrong.
    var key: ManifestTree
    /// The value.
    var value: ManifestTree

    /// The key's text; empty where it is no scalar.
    var name: String {
      switch key.content {
      case .plain(let text), .text(let text), .tagged(let text, _): text
      case .sequence, .mapping: ""
      }
    }
  }

  /// What the node is.
  var content: Content
  /// The line it starts on, from 1; 0 where that is not known.
  var line: Int

  /// Takes over a parsed node.
  init(_ node: Node) {
    line = node.mark?.line ?? 0
    switch node {
    case .scalar(let scalar): content = ManifestTree.content(scalar)
    case .sequence(let sequence):
      var items: [ManifestTree] = []
      items.reserveCapacity(sequence.count)
      for index in sequence.indices { items.append(ManifestTree(sequence[index])) }
      content = .sequence(items)
    case .mapping(let mapping):
      var fields: [Field] = []
      fields.reserveCapacity(mapping.count)
      for index in mapping.indices {
        let pair = mapping[index]
        fields.append(Field(key: ManifestTree(key: pair.key), value: ManifestTree(pair.value)))
      }
      content = .mapping(fields)
    case .alias: content = .plain("")
    }
  }

  /// Takes over a key.
  ///
  /// Its tag is of no use: looking for duplicate keys has made it that of a string.
  private init(key node: Node) {
    if case .scalar(let scalar) = node, scalar.style == .plain {
      self.init(.plain(scalar.string), line: scalar.mark?.line ?? 0)
    } else {
      self.init(node)
    }
  }

  private init(_ content: Content, line: Int) {
    self.content = content
    self.line = line
  }

  private static func content(_ scalar: Node.Scalar) -> Content {
    let tag = scalar.tag.rawValue
    if tag.isEmpty { return scalar.style == .plain ? .plain(scalar.string) : .text(scalar.string) }
    if tag == "!" || tag == "tag:yaml.org,2002:str" { return .text(scalar.string) }
    return .tagged(scalar.string, tag: tag)
  }
}
