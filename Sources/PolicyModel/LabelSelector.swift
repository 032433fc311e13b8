package import FlowModel

/// One test on labels.
package struct LabelRequirement: Hashable, Sendable {
  /// How the value is tested.
  package enum Operation: String, Sendable, CaseIterable {
    /// The label is there and its value is one of `values`.
    case `in` = "In"
    /// The label is missing, or its value is none of `values`.
    case notIn = "NotIn"
    /// The label is there.
    case exists = "Exists"
    /// The label is missing.
    case doesNotExist = "DoesNotExist"
    /// Calico: the value contains `values[0]`.
    case contains
    /// Calico: the value starts with `values[0]`.
    case startsWith = "starts with"
    /// Calico: the value ends with `values[0]`.
    case endsWith = "ends with"
  }

  /// The label's key.
  package var key: String
  /// The test.
  package var operation: Operation
  /// Values, sorted and unique; empty for the two existence tests.
  package var values: [String]

  /// Makes a requirement; values are sorted and made unique.
  package init(_ key: String, _ operation: Operation, _ values: [String] = []) {
    self.key = key
    self.operation = operation
    self.values = values.count > 1 ? Array(Set(values)).sorted() : values
  }

  /// `key=value`.
  package static func equals(_ key: String, _ value: String) -> LabelRequirement {
    LabelRequirement(key, .in, [value])
  }

  /// Whether labels pass.
  package func matches(_ labels: Labels) -> Bool { matches(value: labels[key]) }

  /// Whether a value (nil: the label is missing) passes.
  package func matches(value: String?) -> Bool {
    switch operation {
    case .in: value.map(values.contains) ?? false
    case .notIn: value.map { !values.contains($0) } ?? true
    case .exists: value != nil
    case .doesNotExist: value == nil
    case .contains: value.map { text in values.allSatisfy { text.contains($0) } } ?? false
    case .startsWith: value.map { text in values.allSatisfy(text.hasPrefix) } ?? false
    case .endsWith: value.map { text in values.allSatisfy(text.hasSuffix) } ?? false
    }
  }
}

extension LabelRequirement: Comparable {
  /// By key, operation, values.
  package static func < (left: LabelRequirement, right: LabelRequirement) -> Bool {
    if left.key != right.key { return left.key < right.key }
    if left.operation != right.operation {
      return left.operation.rawValue < right.operation.rawValue
    }
    return left.values.lexicographicallyPrecedes(right.values)
  }
}

/// A boolean expression over labels: Kubernetes' conjunctions and Calico's full language.
package enum LabelSelector: Hashable, Sendable {
  /// One test.
  case requirement(LabelRequirement)
  /// All must match; empty matches everything.
  case all([LabelSelector])
  /// One must match; empty matches nothing.
  case any([LabelSelector])
  /// Must not match.
  indirect case not(LabelSelector)

  /// Matches everything.
  package static let everything = LabelSelector.all([])

  /// A conjunction, sorted so that equal selectors are equal values.
  package static func requirements(_ requirements: [LabelRequirement]) -> LabelSelector {
    let isSorted = zip(requirements, requirements.dropFirst()).allSatisfy { $0 < $1 }
    let sorted = isSorted ? requirements : Array(Set(requirements)).sorted()
    return .all(sorted.map(LabelSelector.requirement))
  }

  /// `matchLabels`.
  package static func labels(_ labels: Labels) -> LabelSelector {
    requirements(labels.elements.map { .equals($0.key, $0.value) })
  }

  /// Whether labels match.
  package func matches(_ labels: Labels) -> Bool {
    switch self {
    case .requirement(let requirement): requirement.matches(labels)
    case .all(let parts): parts.allSatisfy { $0.matches(labels) }
    case .any(let parts): parts.contains { $0.matches(labels) }
    case .not(let part): !part.matches(labels)
    }
  }

  /// The requirements of a plain conjunction, nil when this is anything else.
  package var conjunction: [LabelRequirement]? {
    switch self {
    case .requirement(let requirement): return [requirement]
    case .all(let parts):
      var requirements: [LabelRequirement] = []
      for part in parts {
        guard let nested = part.conjunction else { return nil }
        requirements += nested
      }
      return requirements
    case .any(let parts): return parts.count == 1 ? parts[0].conjunction : nil
    case .not: return nil
    }
  }
}
