import PolicyModel

/// A policy and rule being written, to name in refusals.
struct RuleRefusal {
  let policy: String
  var rule: Int?

  func callAsFunction(_ problem: String) -> ManifestError {
    .inexpressible(policy: policy, rule: rule, problem: problem)
  }

  /// The requirements of a selector in a dialect that knows conjunctions only.
  ///
  /// Keys and values are checked: a selector that the API server refuses, or reads differently,
  /// must not leave.
  func conjunction(_ selector: LabelSelector) throws(ManifestError) -> [LabelRequirement] {
    guard let requirements = selector.conjunction else {
      throw self("the selector is no plain conjunction of label tests")
    }
    for requirement in requirements {
      switch requirement.operation {
      case .in, .notIn:
        if requirement.values.isEmpty { throw self("a label test without values") }
      case .exists, .doesNotExist: break
      case .contains, .startsWith, .endsWith:
        throw self("only Calico knows the test \(requirement.operation.rawValue.quoted)")
      }
      try check(requirement)
    }
    return requirements
  }

  /// Checks key and values of a requirement.
  func check(_ requirement: LabelRequirement) throws(ManifestError) {
    guard KubernetesSyntax.isLabelKey(requirement.key) else {
      throw self("\(requirement.key.quoted) is not a label key")
    }
    for value in requirement.values where !KubernetesSyntax.isLabelValue(value) {
      throw self("\(value.quoted) is not a label value")
    }
  }

  /// A Kubernetes `LabelSelector`: `matchLabels` where a key is tested once for one value.
  func tree(_ requirements: [LabelRequirement]) -> YAMLTree {
    var labels: [(String, YAMLTree)] = []
    var expressions: [YAMLTree] = []
    var taken: Set<String> = []
    for requirement in requirements {
      if requirement.operation == .in, requirement.values.count == 1,
        taken.insert(requirement.key).inserted
      {
        labels.append((requirement.key, .string(requirement.values[0])))
        continue
      }
      var fields: [(String, YAMLTree)] = [
        ("key", .string(requirement.key)), ("operator", .string(requirement.operation.rawValue)),
      ]
      if !requirement.values.isEmpty { fields.append(("values", .strings(requirement.values))) }
      expressions.append(.mapping(fields))
    }
    var result: [(String, YAMLTree)] = []
    if !labels.isEmpty { result.append(("matchLabels", .mapping(labels))) }
    if !expressions.isEmpty { result.append(("matchExpressions", .sequence(expressions))) }
    return .mapping(result)
  }

  /// Refuses what only Calico has.
  func checkNoCalicoParts(_ rule: PolicyRule) throws(ManifestError) {
    guard rule.notPorts.isEmpty, rule.subjectMatch == nil else {
      throw self("only Calico knows excluded ports and tests of the subject in a rule")
    }
  }

  /// Refuses ranges that no API server takes.
  func check(_ first: UInt16, _ last: UInt16) throws(ManifestError) {
    guard first > 0, first <= last else { throw self("the port range \(first)-\(last)") }
  }
}
