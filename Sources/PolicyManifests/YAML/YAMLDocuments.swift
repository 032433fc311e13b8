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

  /// Reads the documents in order; empty ones are null scalars.
  ///
  /// - Parameter body: Takes a document's root and its number, from 1.
  /// - Returns: The number of documents.
  @discardableResult
  func read(
    _ text: String,
    _ body: (ManifestTree, Int) throws(ManifestError) -> Void
  ) throws(ManifestError) -> Int {
    try checkSize(text)
    if YAMLDocuments.mayHaveAliases(text) { try measure(text) }
    return try parse(text) { node, document throws(ManifestError) in
      try body(ManifestTree(node), document)
    }
  }

  private func checkSize(_ text: String) throws(ManifestError) {
    guard text.utf8.count <= YAMLDocuments.maximumBytes else {
      throw refused(0, "larger than \(YAMLDocuments.maximumBytes) bytes")
    }
  }

  private static func mayHaveAliases(_ text: String) -> Bool {
    let bytes = text.utf8
    return bytes.contains(UInt8(ascii: "&")) && bytes.contains(UInt8(ascii: "*"))
  }

  private func measure(_ text: String) throws(ManifestError) {
    // An alias differs from plain text by its star only, and a star has no other meaning.
    let star = UInt8(ascii: "*")
    let plain = String(
      decoding: text.utf8.map { $0 == star ? UInt8(ascii: "x") : $0 },
      as: UTF8.self
    )
    var anchors: [String: Measure] = [:]
    try parse(plain) { node, document throws(ManifestError) in
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

  @discardableResult
  private func parse(
    _ text: String,
    _ body: (Node, Int) throws(ManifestError) -> Void
  ) throws(ManifestError) -> Int {
    var document = 0
    do {
      // Tags are resolved by YAMLScalar; the basic resolver spares the regular expressions.
      let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
      while true {
        document += 1
        guard let node = try parser.nextRoot() else { return document - 1 }
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

// MARK: - Parts

extension YAMLDocuments {
  /// A run of whole documents of a stream.
  struct Part: Sendable {
    /// The documents.
    var text: String
    /// The lines of the stream before them.
    var line: Int
  }

  /// Cuts a stream between documents, so that its parts can be read side by side.
  ///
  /// Three hyphens at the start of a line are a document's start wherever they stand, as YAML forbids
  /// them inside of one. A stream with directives or aliases, which reach from one document to
  /// another, stays whole.
  ///
  /// - Parameter size: The bytes that a part has at least, but for the last one.
  func parts(of text: String, size: Int) throws(ManifestError) -> [Part] {
    try checkSize(text)
    let whole = [Part(text: text, line: 0)]
    if text.utf8.count <= size || YAMLDocuments.mayHaveAliases(text) { return whole }
    guard let cuts = YAMLDocuments.cuts(Array(text.utf8), size: size) else { return whole }
    var result: [Part] = []
    var start = text.startIndex
    var line = 0
    for cut in cuts {
      let end = text.utf8.index(text.startIndex, offsetBy: cut.offset)
      result.append(Part(text: String(text[start..<end]), line: line))
      start = end
      line = cut.line
    }
    result.append(Part(text: String(text[start...]), line: line))
    return result
  }

  /// Where parts begin, with the lines before; nil for a stream that has to stay whole.
  private static func cuts(_ bytes: [UInt8], size: Int) -> [(offset: Int, line: Int)]? {
    let newline = UInt8(ascii: "\n")
    var result: [(offset: Int, line: Int)] = []
    var line = 0
    var start = 0
    var offset = 0
    while offset < bytes.count {
      if bytes[offset] == UInt8(ascii: "%") { return nil }
      if offset - start >= size, startsDocument(bytes, offset) {
        result.append((offset, line))
        start = offset
      }
      while offset < bytes.count, bytes[offset] != newline { offset += 1 }
      offset += 1
      line += 1
    }
    return result
  }

  private static func startsDocument(_ bytes: [UInt8], _ offset: Int) -> Bool {
    guard offset + 3 <= bytes.count,
      bytes[offset..<offset + 3].allSatisfy({ $0 == UInt8(ascii: "-") })
    else { return false }
    return offset + 3 == bytes.count || " \t\r\n".utf8.contains(bytes[offset + 3])
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
