/// A node of a manifest together with where it is, and typed access that names the place on error.
struct ManifestNode {
  /// The document a node is of.
  struct Source: Sendable {
    /// The file's name.
    var file: String
    /// The document in the text that is read, from 1.
    var document: Int
  }

  /// The way to a node from the document's root; put into words only when something is wrong.
  private final class Way {
    private enum Step {
      case root(Source)
      case field(String)
      case item(Int)
    }

    private let parent: Way?
    private let step: Step

    init(_ source: Source) {
      parent = nil
      step = .root(source)
    }

    init(_ parent: Way, field: String) {
      self.parent = parent
      step = .field(field)
    }

    init(_ parent: Way, item: Int) {
      self.parent = parent
      step = .item(item)
    }

    func place(line: Int) -> ManifestPlace {
      var steps: [Step] = []
      var way: Way? = self
      while let current = way {
        steps.append(current.step)
        way = current.parent
      }
      var place = ManifestPlace(file: "", document: 0, line: line > 0 ? line : nil)
      for step in steps.reversed() {
        switch step {
        case .root(let source):
          place.file = source.file
          place.document = source.document
        case .field(let name): place.path = Way.join(place.path, name)
        case .item(let index): place.path += "[\(index)]"
        }
      }
      return place
    }

    private static func join(_ path: String, _ key: String) -> String {
      let isPlain = key.utf8.allSatisfy {
        0x30...0x39 ~= $0 || 0x41...0x5a ~= $0 || 0x61...0x7a ~= $0
      }
      if !isPlain { return "\(path)[\(key.quoted)]" }
      return path.isEmpty ? key : "\(path).\(key)"
    }
  }

  let tree: ManifestTree
  private let way: Way

  /// The root of a document.
  init(_ tree: ManifestTree, _ source: Source) {
    self.tree = tree
    way = Way(source)
  }

  private init(_ tree: ManifestTree, _ way: Way) {
    self.tree = tree
    self.way = way
  }

  /// Where the node is.
  var place: ManifestPlace { way.place(line: tree.line) }

  func invalid(_ problem: String) -> ManifestError { .invalid(place, problem: problem) }
  func unsupported(_ problem: String) -> ManifestError { .unsupported(place, problem: problem) }

  /// Whether two nodes are one.
  func isSame(as other: ManifestNode) -> Bool { way === other.way }

  /// The value of a field of this node.
  fileprivate func child(_ field: ManifestTree.Field) -> ManifestNode {
    ManifestNode(field.value, Way(way, field: field.name))
  }

  // MARK: - Scalars

  /// The scalar; nil for a mapping or sequence.
  func scalar() throws(ManifestError) -> YAMLScalar? {
    switch tree.content {
    case .plain(let text): return YAMLScalar(plain: text)
    case .text(let text): return .string(text)
    case .tagged(let text, let tag):
      switch tag {
      case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool",
        "tag:yaml.org,2002:null":
        return YAMLScalar(plain: text)
      default: throw invalid("unknown YAML tag \(tag.quoted)")
      }
    case .sequence, .mapping: return nil
    }
  }

  /// Whether the node is null, which the API server takes as absent.
  var isNull: Bool {
    switch tree.content {
    case .plain(let text), .tagged(let text, _): YAMLScalar.isNull(text)
    case .text, .sequence, .mapping: false
    }
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
    guard case .sequence(let trees) = tree.content else {
      throw invalid("\(shape) where a list belongs")
    }
    var result: [ManifestNode] = []
    result.reserveCapacity(trees.count)
    for (index, part) in trees.enumerated() {
      result.append(ManifestNode(part, Way(way, item: index)))
    }
    return result
  }

  /// The fields of a mapping.
  func fields() throws(ManifestError) -> ManifestFields {
    guard case .mapping(let fields) = tree.content else {
      throw invalid("\(shape) where a mapping belongs")
    }
    for field in fields {
      switch field.key.content {
      case .plain(let name):
        if YAMLScalar.isPlainlyText(name) { continue }
        let read = YAMLScalar(plain: name)
        guard case .string = read else {
          throw invalid("the key \(name.quoted) reads as \(read.kindName); quote it")
        }
        if name == "<<" { throw unsupported("YAML merge keys") }
      case .text, .tagged: break
      case .sequence, .mapping: throw invalid("a key is not a string")
      }
    }
    return ManifestFields(node: self, fields: fields)
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
    if fields.fields.allSatisfy({ known.contains($0.name) }) { return fields }
    let unknown = fields.names.filter { !known.contains($0) }.sorted()
    for name in unknown {
      guard let child = fields.value(of: name) else { continue }
      if unsupported.contains(name) {
        if child.isNull { continue }
        throw child.unsupported("this field cannot be represented")
      }
      let similar = known.first { $0.lowercased() == name.lowercased() }
      throw child.invalid("unknown field" + (similar.map { "; did you mean \($0)?" } ?? ""))
    }
    return fields
  }

  private var shape: String {
    switch tree.content {
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .plain, .text, .tagged: "a scalar"
    }
  }
}

/// The fields of a mapping.
struct ManifestFields {
  /// The mapping.
  let node: ManifestNode
  fileprivate let fields: [ManifestTree.Field]

  /// The keys in the order written.
  var names: [String] { fields.map(\.name) }

  /// The keys in the order written with their values, nulls included.
  var entries: [(name: String, value: ManifestNode)] {
    fields.map { ($0.name, node.child($0)) }
  }

  /// The value of a key, null or not.
  func value(of key: String) -> ManifestNode? {
    // Manifests have few keys: looking through them is cheaper than hashing.
    fields.first { $0.name == key }.map(node.child)
  }

  /// The value of a key; nil when absent or null.
  subscript(key: String) -> ManifestNode? {
    guard let value = value(of: key), !value.isNull else { return nil }
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
