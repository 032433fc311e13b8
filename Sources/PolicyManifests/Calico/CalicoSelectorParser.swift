import PolicyModel

/// Why a Calico selector could not be read.
struct CalicoSelectorError: Error, Equatable {
  let problem: String
}

/// A parsed Calico selector, with `all()` and `global()` as they stand alone.
enum CalicoSelector: Equatable {
  /// An expression over labels; `all()` is ``LabelSelector/everything``.
  case labels(LabelSelector)
  /// `global()`: what lies in no namespace.
  case global
}

/// Reads Calico's selector language.
///
/// Grammar: alternatives `||` of conjunctions `&&` of tests, each negated by any number of `!`;
/// tests are `all()`, `global()`, `has(k)`, `k == 'v'`, `k != 'v'`, `k in {'v', ...}`,
/// `k not in {...}`, `k contains 'v'`, `k starts with 'v'`, `k ends with 'v'` and parentheses. Blank
/// characters are space and tab. Strings stand in either sort of quotes and have no escapes.
struct CalicoSelectorParser {
  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  /// The deepest nesting that is read.
  private static let maximumDepth = 100

  private init(_ text: String) { bytes = Array(text.utf8) }

  /// Reads a whole selector; an empty one matches everything.
  static func parse(_ text: String) throws(CalicoSelectorError) -> CalicoSelector {
    var parser = CalicoSelectorParser(text)
    parser.skipBlanks()
    if parser.isAtEnd { return .labels(.everything) }
    if parser.takeCall("global") {
      guard parser.isAtEnd else { throw parser.error("global() can only stand alone") }
      return .global
    }
    let selector = try parser.alternatives()
    guard parser.isAtEnd else { throw parser.error("unexpected text") }
    return .labels(selector)
  }

  // MARK: - Grammar

  private mutating func alternatives() throws(CalicoSelectorError) -> LabelSelector {
    var parts = [try conjunction()]
    while take("||") { parts.append(try conjunction()) }
    return parts.count == 1 ? parts[0] : .any(parts)
  }

  private mutating func conjunction() throws(CalicoSelectorError) -> LabelSelector {
    var parts = [try negation()]
    while take("&&") { parts.append(try negation()) }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  private mutating func negation() throws(CalicoSelectorError) -> LabelSelector {
    var isNegated = false
    while take("!") { isNegated.toggle() }
    let part = try test()
    return isNegated ? .not(part) : part
  }

  private mutating func test() throws(CalicoSelectorError) -> LabelSelector {
    if take("(") {
      depth += 1
      guard depth <= CalicoSelectorParser.maximumDepth else { throw error("nested too deeply") }
      let part = try alternatives()
      guard take(")") else { throw error("expected )") }
      depth -= 1
      return part
    }
    if takeCall("all") { return .everything }
    if takeCall("global") { throw error("global() can only stand alone") }
    if takeOpening("has") {
      let key = try key()
      guard take(")") else { throw error("expected )") }
      return .requirement(LabelRequirement(key, .exists))
    }
    let key = try key()
    if take("==") { return .requirement(.equals(key, try string())) }
    if take("!=") { return .requirement(LabelRequirement(key, .notIn, [try string()])) }
    if takeWord("not") {
      guard takeWord("in") else { throw error("expected in") }
      return .requirement(LabelRequirement(key, .notIn, try set()))
    }
    if takeWord("in") { return .requirement(LabelRequirement(key, .in, try set())) }
    if takeWord("contains") {
      return .requirement(LabelRequirement(key, .contains, [try string()]))
    }
    for (word, operation) in [
      ("starts", LabelRequirement.Operation.startsWith), ("ends", .endsWith),
    ]
    where takeWord(word) {
      guard takeWord("with") else { throw error("expected with") }
      return .requirement(LabelRequirement(key, operation, [try string()]))
    }
    throw error("expected an operator")
  }

  private mutating func set() throws(CalicoSelectorError) -> [String] {
    guard take("{") else { throw error("expected {") }
    var values: [String] = []
    if take("}") { return values }
    repeat { values.append(try string()) } while take(",")
    guard take("}") else { throw error("expected } or ,") }
    return values
  }

  private mutating func string() throws(CalicoSelectorError) -> String {
    guard let quote = current, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""),
      let end = bytes[(position + 1)...].firstIndex(of: quote)
    else { throw error("expected a quoted string") }
    let text = String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
    guard KubernetesSyntax.isLabelValue(text) || text.utf8.allSatisfy(Self.isKeyByte) else {
      throw error("\(text.quoted) can be no part of a label value")
    }
    position = end + 1
    skipBlanks()
    return text
  }

  private mutating func key() throws(CalicoSelectorError) -> String {
    let end = bytes[position...].firstIndex { !Self.isKeyByte($0) } ?? bytes.count
    guard end > position else { throw error("expected a label key") }
    let text = String(decoding: bytes[position..<end], as: UTF8.self)
    guard KubernetesSyntax.isLabelKey(text) else {
      throw error("\(text.quoted) is not a label key")
    }
    position = end
    skipBlanks()
    return text
  }

  // MARK: - Tokens

  private var isAtEnd: Bool { position >= bytes.count }
  private var current: UInt8? { isAtEnd ? nil : bytes[position] }

  private static func isKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"): true
    default: false
    }
  }

  private mutating func skipBlanks() {
    while let byte = current, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
      position += 1
    }
  }

  private mutating func take(_ token: String) -> Bool {
    guard bytes[position...].starts(with: token.utf8) else { return false }
    // The ! of != belongs to an operator.
    let next = position + token.utf8.count
    if token == "!", next < bytes.count, bytes[next] == UInt8(ascii: "=") { return false }
    position = next
    skipBlanks()
    return true
  }

  private mutating func takeWord(_ word: String) -> Bool {
    let end = position + word.utf8.count
    guard bytes[position...].starts(with: word.utf8),
      end >= bytes.count || !Self.isKeyByte(bytes[end])
    else { return false }
    return take(word)
  }

  private mutating func takeOpening(_ name: String) -> Bool {
    bytes[position...].starts(with: name.utf8 + [UInt8(ascii: "(")]) && take(name + "(")
  }

  private mutating func takeCall(_ name: String) -> Bool {
    let start = position
    if takeOpening(name), take(")") { return true }
    position = start
    return false
  }

  private func error(_ problem: String) -> CalicoSelectorError {
    CalicoSelectorError(problem: "\(problem) at byte \(position + 1)")
  }
}

// MARK: - Writing

extension LabelSelector {
  /// The selector in Calico's language.
  var calicoText: String { calicoText(isInside: false) }

  private func calicoText(isInside: Bool) -> String {
    switch self {
    case .requirement(let requirement): return requirement.calicoText
    case .not(let part):
      return "!(\(part.calicoText(isInside: false)))"
    case .all(let parts):
      if parts.isEmpty { return "all()" }
      if parts.count == 1 { return parts[0].calicoText(isInside: isInside) }
      let text = parts.map { $0.calicoText(isInside: true) }.joined(separator: " && ")
      return isInside ? "(\(text))" : text
    case .any(let parts):
      if parts.isEmpty { return "!all()" }
      if parts.count == 1 { return parts[0].calicoText(isInside: isInside) }
      let text = parts.map { $0.calicoText(isInside: true) }.joined(separator: " || ")
      return isInside ? "(\(text))" : text
    }
  }

  /// Every requirement in the selector.
  var requirements: [LabelRequirement] {
    switch self {
    case .requirement(let requirement): [requirement]
    case .not(let part): part.requirements
    case .all(let parts), .any(let parts): parts.flatMap(\.requirements)
    }
  }

  /// The selector with every key rewritten.
  func mappingKeys(_ transform: (String) -> String) -> LabelSelector {
    switch self {
    case .requirement(let test):
      .requirement(LabelRequirement(transform(test.key), test.operation, test.values))
    case .not(let part): .not(part.mappingKeys(transform))
    case .all(let parts): .all(parts.map { $0.mappingKeys(transform) })
    case .any(let parts): .any(parts.map { $0.mappingKeys(transform) })
    }
  }
}

extension LabelRequirement {
  fileprivate var calicoText: String {
    let set = "{" + values.map { "'\($0)'" }.joined(separator: ", ") + "}"
    let first = values.first.map { "'\($0)'" } ?? "''"
    switch operation {
    case .in: return values.count == 1 ? "\(key) == \(first)" : "\(key) in \(set)"
    case .notIn: return values.count == 1 ? "\(key) != \(first)" : "\(key) not in \(set)"
    case .exists: return "has(\(key))"
    case .doesNotExist: return "!has(\(key))"
    case .contains, .startsWith, .endsWith: return "\(key) \(operation.rawValue) \(first)"
    }
  }
}
