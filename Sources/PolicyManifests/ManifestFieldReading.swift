import FlowModel
import PolicyModel

/// Readings of field types that several kinds share.
extension ManifestNode {
  /// A Kubernetes `LabelSelector` as requirements; keys are checked by `key`, which may rewrite them.
  func labelRequirements(
    key: (String, ManifestNode) throws(ManifestError) -> String = ManifestNode.labelKey
  ) throws(ManifestError) -> [LabelRequirement] {
    let fields = try fields(["matchLabels", "matchExpressions"])
    var result: [LabelRequirement] = []
    if let labels = fields["matchLabels"] {
      for (name, value) in try labels.fields().entries {
        result.append(.equals(try key(name, labels), try value.labelValue()))
      }
    }
    for item in try fields.items("matchExpressions") {
      let parts = try item.fields(["key", "operator", "values"])
      let keyNode = try parts.required("key")
      let name = try key(try keyNode.string(), keyNode)
      let operatorNode = try parts.required("operator")
      var values: [String] = []
      for value in try parts.items("values") { values.append(try value.labelValue()) }
      let operation: LabelRequirement.Operation
      switch try operatorNode.string() {
      case "In": operation = .in
      case "NotIn": operation = .notIn
      case "Exists": operation = .exists
      case "DoesNotExist": operation = .doesNotExist
      case let other: throw operatorNode.invalid("unknown operator \(other.quoted)")
      }
      let needsValues = operation == .in || operation == .notIn
      guard needsValues != values.isEmpty else {
        let need = needsValues ? "needs values" : "takes no values"
        throw item.invalid("\(operation.rawValue) \(need)")
      }
      result.append(LabelRequirement(name, operation, values))
    }
    return result
  }

  /// A label key as Kubernetes has it.
  static func labelKey(_ text: String, _ node: ManifestNode) throws(ManifestError) -> String {
    guard KubernetesSyntax.isLabelKey(text) else {
      throw node.invalid("\(text.quoted) is not a label key")
    }
    return text
  }

  private func labelValue() throws(ManifestError) -> String {
    let text = try string()
    guard KubernetesSyntax.isLabelValue(text) else {
      throw invalid("\(text.quoted) is not a label value")
    }
    return text
  }

  /// A prefix; a bare address only where allowed.
  func prefix(allowingAddress: Bool) throws(ManifestError) -> CIDR {
    let text = try string()
    guard let prefix = CIDR(text), allowingAddress || text.contains("/"),
      !ManifestNode.hasLeadingZero(text)
    else { throw invalid("\(text.quoted) is not a CIDR") }
    return prefix
  }

  /// Whether a decimal part has a leading zero, which some readers take for octal.
  private static func hasLeadingZero(_ text: String) -> Bool {
    let parts = text.split { "./".contains($0) }
    return parts.contains { part in
      part.count > 1 && part.hasPrefix("0") && part.utf8.allSatisfy { 0x30...0x39 ~= $0 }
    }
  }

  /// Exceptions of a prefix.
  func exceptions(of prefix: CIDR, strictly: Bool) throws(ManifestError) -> [CIDR] {
    var result: [CIDR] = []
    for item in try items() {
      let except = try item.prefix(allowingAddress: false)
      guard prefix.contains(except), !strictly || except != prefix else {
        throw item.invalid("\(except) is not inside \(prefix)")
      }
      result.append(except)
    }
    return result
  }

  /// A port number from 1 to 65535.
  func portNumber() throws(ManifestError) -> UInt16 {
    let value = try integer()
    guard let port = UInt16(exactly: value), port > 0 else {
      throw invalid("port \(value) is out of range")
    }
    return port
  }

  /// `endPort` after a first port.
  func endPort(from first: UInt16) throws(ManifestError) -> UInt16 {
    let last = try portNumber()
    guard last >= first else { throw invalid("endPort \(last) is below port \(first)") }
    return last
  }
}

/// Collects what is odd about a file while it is read.
struct WarningList {
  private(set) var warnings: [ManifestWarning] = []

  mutating func add(_ node: ManifestNode, _ problem: String) {
    warnings.append(ManifestWarning(place: node.place, problem: problem))
  }

  /// Warns of conjunctions in a selector that no label set satisfies.
  mutating func check(_ selector: LabelSelector, at node: ManifestNode) {
    switch selector {
    case .requirement: break
    case .not(let part): check(part, at: node)
    case .any(let parts): for part in parts { check(part, at: node) }
    case .all(let parts):
      for part in parts { check(part, at: node) }
      if WarningList.testEachKeyOnce(parts) { return }
      var byKey: [String: [LabelRequirement]] = [:]
      for case .requirement(let requirement) in parts {
        byKey[requirement.key, default: []].append(requirement)
      }
      for key in byKey.keys.sorted() {
        guard let tests = byKey[key], WarningList.contradict(tests) else { continue }
        add(node, "the tests of \(key.quoted) contradict each other: nothing matches")
      }
    }
  }

  /// Whether plainly no key is tested twice, and no test is one that nothing passes.
  private static func testEachKeyOnce(_ parts: [LabelSelector]) -> Bool {
    var last: String?
    for part in parts {
      guard case .requirement(let test) = part, !(test.operation == .in && test.values.isEmpty),
        last.map({ $0 < test.key }) ?? true
      else { return false }
      last = test.key
    }
    return true
  }

  private static func contradict(_ tests: [LabelRequirement]) -> Bool {
    // Whatever passes has a value of every `In`, or else one that no test mentions, or none.
    let candidates: [String?]
    if let first = tests.first(where: { $0.operation == .in }) {
      candidates = first.values
    } else {
      guard tests.contains(where: { $0.operation == .doesNotExist }) else { return false }
      candidates = [nil]
    }
    return !candidates.contains { value in tests.allSatisfy { $0.matches(value: value) } }
  }

  /// Warns of rules behind one that already lets everything through, or nothing.
  mutating func checkReach(_ rules: [(rule: PolicyRule, node: ManifestNode)]) {
    for direction in Direction.allCases {
      var end: ManifestNode?
      for (rule, node) in rules where rule.direction == direction {
        if let end, !end.isSame(as: node) {
          add(node, "the rule has no effect: \(end.place.path) already matches everything")
        } else if rule.peers == nil, rule.ports == nil, rule.action != .log,
          rule.subjectMatch == nil, rule.notPorts.isEmpty
        {
          end = node
        }
      }
    }
  }
}
