import Yams

/// Splits a YAML stream into documents, refusing what would cost more than its size says.
///
/// Aliases are values shared in memory here, so a few lines could stand for billions of nodes as
/// soon as something walks or hashes them. A stream with anchors is therefore measured first, with
/// its aliases read as plain text.
struct YAMLDocuments {
  /// The largest stream that is read, in bytes.
  static let maximumBytes = 64 << 20
  /// The largest number of nodes a document with aliases may stand for.
  static let maximumExpandedNodes = 100_000
  /// The greatest depth a document with aliases may reach.
  static let maximumExpandedDepth = 200

  let file: String

  /// The documents in order; empty ones are null scalars.
  func roots(of text: String) throws(ManifestError) -> [Node] {
    guard text.utf8.count <= YAMLDocuments.maximumBytes else {
      throw refused(0, "larger than \(YAMLDocuments.maximumBytes) bytes")
    }
    let bytes = text.utf8
    if bytes.contains(UInt8(ascii: "&")), bytes.contains(UInt8(ascii: "*")) { try measure(text) }
    var result: [Node] = []
    try read(text) { node, _ throws(ManifestError) in result.append(node) }
    return result
  }

  private func measure(_ text: String) throws(ManifestError) {
    // An alias differs from plain text by its star only, and a star has no other meaning.
    let star = UInt8(ascii: "*")
    let plain = String(
      decoding: text.utf8.map { $0 == star ? UInt8(ascii: "x") : $0 },
      as: UTF8.self
    )
    var anchors: [String: Measure] = [:]
    try read(plain) { node, document throws(ManifestError) in
      _ = try measure(node, document, &anchors)
    }
  }

  /// How many nodes a node stands for, and how deep they go.
  private struct Measure {
    var nodes = 1
    var depth = 1

    mutating func add(_ part: Measure) {
      nodes = min(nodes + part.nodes, YAMLDocuments.maximumExpandedNodes + 1)
      depth = max(depth, part.depth + 1)
    }
  }

  private func measure(
    _ node: Node,
    _ document: Int,
    _ anchors: inout [String: Measure]
  ) throws(ManifestError) -> Measure {
    var result = Measure()
    switch node {
    case .scalar(let scalar):
      if scalar.style == .plain, let known = anchors[String(scalar.string.dropFirst())] {
        result = known
      }
    case .sequence(let sequence):
      for part in sequence { result.add(try measure(part, document, &anchors)) }
    case .mapping(let mapping):
      for (key, value) in mapping {
        let keyMeasure = try measure(key, document, &anchors)
        guard key.scalar != nil, keyMeasure.nodes == 1 else {
          throw refused(document, "a mapping key is not a scalar", key.mark?.line)
        }
        result.add(keyMeasure)
        result.add(try measure(value, document, &anchors))
      }
    case .alias: break
    }
    guard result.nodes <= YAMLDocuments.maximumExpandedNodes,
      result.depth <= YAMLDocuments.maximumExpandedDepth
    else {
      throw refused(document, "aliases that stand for too many nodes", node.mark?.line)
    }
    if let anchor = node.anchor { anchors[anchor.rawValue] = result }
    return result
  }

  private func read(
    _ text: String,
    _ body: (Node, Int) throws(ManifestError) -> Void
  ) throws(ManifestError) {
    var document = 0
    do {
      // Tags are resolved by YAMLScalar; the basic resolver spares the regular expressions.
      let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
      while true {
        document += 1
        guard let node = try parser.nextRoot() else { return }
        try body(node, document)
      }
    } catch let error as ManifestError {
      throw error
    } catch let error as YamlError {
      throw refused(document, error.problem, error.line)
    } catch {
      throw refused(document, "unknown error")
    }
  }

  private func refused(_ document: Int, _ problem: String, _ line: Int? = nil) -> ManifestError {
    .malformed(ManifestPlace(file: file, document: document, line: line), problem: problem)
  }
}

extension YamlError {
  /// What is wrong, without the text around it.
  fileprivate var problem: String {
    switch self {
    case .scanner(_, let problem, _, _), .parser(_, let problem, _, _),
      .composer(_, let problem, _, _), .reader(let problem, _, _, _):
      return problem
    case .duplicatedKeysInMapping(let duplicates, _):
      return "duplicate key \(duplicates.map(\.quoted).joined(separator: ", "))"
    default: return "unknown error"
    }
  }

  fileprivate var line: Int? {
    switch self {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
      return mark.line
    case .duplicatedKeysInMapping(_, let context): return context.mark.line
    default: return nil
    }
  }
}
