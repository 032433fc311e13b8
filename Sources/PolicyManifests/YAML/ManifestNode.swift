import Yams

/// A node of a manifest together with where it is, and typed access that names the place on error.
struct ManifestNode {
  let node: Node
  let file: String
  let document: Int
  let path: String

  /// Where the node is.
  var place: ManifestPlace {
    ManifestPlace(file: file, document: document, line: node.mark?.line, path: path)
  }

  func invalid(_ problem: String) -> ManifestError { .invalid(place, problem: problem) }
  func unsupported(_ problem: String) -> ManifestError { .unsupported(place, problem: problem) }

  /// The node itself with another path.
  func renamed(_ path: String) -> ManifestNode {
    ManifestNode(node: node, file: file, document: document, path: path)
  }

  // MARK: - Scalars

  /// The scalar; nil for a mapping or sequence.
  func scalar() throws(ManifestError) -> YAMLScalar? {
    guard let scalar = node.scalar else { return nil }
    let isPlain = scalar.style == .plain
    switch scalar.tag.rawValue {
    case "": return isPlain ? YAMLScalar(plain: scalar.string) : .string(scalar.string)
    case "!", "tag:yaml.org,2002:str": return .string(scalar.string)
    case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool",
      "tag:yaml.org,2002:null":
      return YAMLScalar(plain: scalar.string)
    default: throw invalid("unknown YAML tag \(scalar.tag.rawValue.quoted)")
    }
  }

  /// Whether the node is null, which the API server takes as absent.
  var isNull: Bool {
    guard let scalar = node.scalar, scalar.style == .plain else { return false }
    return YAMLScalar(plain: scalar.string) == .null
      && scalar.tag.rawValue != "tag:yaml.org,2002:str"
  }

  func string() throws(ManifestError) -> String {
    switch try scalar() {
    case .string(let text): return text
    case .null: throw invalid("a string is missing")
    case let other?: throw invalid("\(other.kindName) where a string belongs; quote it")
    case nil: throw invalid("\(shape) where a string belongs")
    }
  }

  func boolean() throws(ManifestError) -> Bool {
    guard case .boolean(let value)? = try scalar() else {
      throw invalid("expected true or false")
    }
    return value
  }

  func integer() throws(ManifestError) -> Int {
    switch try scalar() {
    case .integer(let value): return value
    case .number(let value): if let exact = Int(exactly: value) { return exact }
    default: break
    }
    throw invalid("expected a whole number")
  }

  func number() throws(ManifestError) -> Double {
    switch try scalar() {
    case .integer(let value): return Double(value)
    case .number(let value): return value
    default: throw invalid("expected a number")
    }
  }

  // MARK: - Collections

  /// The members of a sequence, nulls included.
  func items() throws(ManifestError) -> [ManifestNode] {
    guard case .sequence(let sequence) = node else {
      throw invalid("\(shape) where a list belongs")
    }
    var result: [ManifestNode] = []
    for (index, part) in sequence.enumerated() {
      let path = "\(path)[\(index)]"
      result.append(ManifestNode(node: part, file: file, document: document, path: path))
    }
    return result
  }

  func strings() throws(ManifestError) -> [String] {
    var result: [String] = []
    for item in try items() { result.append(try item.string()) }
    return result
  }

  /// The fields of a mapping, nulls left out.
  func fields() throws(ManifestError) -> ManifestFields {
    guard case .mapping(let mapping) = node else {
      throw invalid("\(shape) where a mapping belongs")
    }
    var result = ManifestFields(node: self, keys: [], values: [:])
    for (key, value) in mapping {
      guard let name = key.scalar else { throw invalid("a key is not a string") }
      if name.style == .plain {
        let read = YAMLScalar(plain: name.string)
        guard case .string = read else {
          throw invalid("the key \(name.string.quoted) reads as \(read.kindName); quote it")
        }
      }
      if name.string == "<<", name.style == .plain {
        throw unsupported("YAML merge keys")
      }
      let child = ManifestNode(
        node: value,
        file: file,
        document: document,
        path: ManifestNode.join(path, name.string)
      )
      result.keys.append(name.string)
      result.values[name.string] = child
    }
    return result
  }

  /// The fields of a mapping that may hold only known ones.
  ///
  /// - Parameters:
  ///   - known: The names that are read.
  ///   - unsupported: Names that are valid but cannot be represented.
  func fields(
    _ known: [String],
    unsupported: [String] = []
  ) throws(ManifestError) -> ManifestFields {
    let fields = try fields()
    for key in fields.keys.sorted() where !known.contains(key) {
      guard let child = fields.values[key] else { continue }
      if unsupported.contains(key) {
        if child.isNull { continue }
        throw child.unsupported("this field cannot be represented")
      }
      let similar = known.first { $0.lowercased() == key.lowercased() }
      throw child.invalid("unknown field" + (similar.map { "; did you mean \($0)?" } ?? ""))
    }
    return fields
  }

  private var shape: String {
    switch node {
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .scalar, .alias: "a scalar"
    }
  }

  private static func join(_ path: String, _ key: String) -> String {
    let isPlain = key.utf8.allSatisfy {
      0x30...0x39 ~= $0 || 0x41...0x5a ~= $0 || 0x61...0x7a ~= $0
    }
    if !isPlain { return "\(path)[\(key.quoted)]" }
    return path.isEmpty ? key : "\(path).\(key)"
  }
}

/// The fields of a mapping.
struct ManifestFields {
  /// The mapping.
  let node: ManifestNode
  /// The keys in the order written.
  var keys: [String]
  /// The values by key, nulls included.
  var values: [String: ManifestNode]

  /// The value of a key; nil when absent or null.
  subscript(key: String) -> ManifestNode? {
    guard let value = values[key], !value.isNull else { return nil }
    return value
  }

  /// The value of a key that must be there.
  func required(_ key: String) throws(ManifestError) -> ManifestNode {
    guard let value = self[key] else { throw node.invalid("\(key) is missing") }
    return value
  }

  /// The members of a list; empty when absent or null.
  func items(_ key: String) throws(ManifestError) -> [ManifestNode] {
    try self[key]?.items() ?? []
  }
}
