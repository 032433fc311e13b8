extension LabelSelector {
  /// The one form that all spellings of the selector share.
  ///
  /// Nested conjunctions and alternatives are flattened, sorted and freed of repetitions, double
  /// negations vanish, and a single test becomes a conjunction of one. What matches everything is
  /// ``everything``; what visibly matches nothing is `.any([])`. The meaning does not change.
  package func normalized() -> LabelSelector {
    if isPlain { return self }
    let simple = simplified()
    if case .requirement = simple { return .all([simple]) }
    return simple
  }

  /// Whether it is a sorted conjunction of tests without any spelling to choose, as most are.
  private var isPlain: Bool {
    guard case .all(let parts) = self else { return false }
    var last: LabelRequirement?
    for part in parts {
      guard case .requirement(let requirement) = part, requirement.isPlain else { return false }
      if let last, last >= requirement { return false }
      last = requirement
    }
    return true
  }

  private func simplified() -> LabelSelector {
    switch self {
    case .requirement(let requirement): requirement.simplified()
    case .not(let part): part.simplified().negated()
    case .all(let parts): LabelSelector.joined(parts, isConjunction: true)
    case .any(let parts): LabelSelector.joined(parts, isConjunction: false)
    }
  }

  /// The negation of a simplified selector.
  private func negated() -> LabelSelector {
    switch self {
    case .not(let part): return part
    case .all(let parts) where parts.isEmpty: return .any([])
    case .any(let parts) where parts.isEmpty: return .all([])
    case .requirement(let requirement):
      guard let opposite = requirement.operation.opposite else { return .not(self) }
      return .requirement(LabelRequirement(requirement.key, opposite, requirement.values))
    default: return .not(self)
    }
  }

  private static func joined(_ parts: [LabelSelector], isConjunction: Bool) -> LabelSelector {
    var members: Set<LabelSelector> = []
    for part in parts {
      let simple = part.simplified()
      switch (simple, isConjunction) {
      case (.all(let nested), true), (.any(let nested), false):
        // The empty list of the own sort adds nothing.
        members.formUnion(nested)
        if !nested.isEmpty { continue }
      case (.all(let nested), false) where nested.isEmpty: return simple
      case (.any(let nested), true) where nested.isEmpty: return simple
      default: members.insert(simple)
      }
    }
    let sorted = members.sorted()
    if sorted.count == 1 { return sorted[0] }
    return isConjunction ? .all(sorted) : .any(sorted)
  }
}

extension LabelSelector: Comparable {
  /// Single tests first, then negations, conjunctions and alternatives.
  package static func < (left: LabelSelector, right: LabelSelector) -> Bool {
    switch (left, right) {
    case (.requirement(let first), .requirement(let second)): first < second
    case (.not(let first), .not(let second)): first < second
    case (.all(let first), .all(let second)), (.any(let first), .any(let second)):
      first.lexicographicallyPrecedes(second)
    default: left.rank < right.rank
    }
  }

  private var rank: Int {
    switch self {
    case .requirement: 0
    case .not: 1
    case .all: 2
    case .any: 3
    }
  }
}

extension LabelRequirement {
  fileprivate var isPlain: Bool {
    switch operation {
    case .in, .notIn: values.count == 1
    case .exists, .doesNotExist: values.isEmpty
    case .contains, .startsWith, .endsWith: false
    }
  }

  fileprivate func simplified() -> LabelSelector {
    switch operation {
    case .in where values.isEmpty: return .any([])
    case .notIn where values.isEmpty: return .all([])
    case .exists, .doesNotExist: return .requirement(LabelRequirement(key, operation))
    case .contains, .startsWith, .endsWith:
      if values.isEmpty { return .requirement(LabelRequirement(key, .exists)) }
      if values.count == 1 { return .requirement(self) }
      return .all(values.map { .requirement(LabelRequirement(key, operation, [$0])) })
    default: return .requirement(LabelRequirement(key, operation, values))
    }
  }
}

extension LabelRequirement.Operation {
  /// The operation that is true exactly when this one is false; nil where there is none.
  fileprivate var opposite: LabelRequirement.Operation? {
    switch self {
    case .in: .notIn
    case .notIn: .in
    case .exists: .doesNotExist
    case .doesNotExist: .exists
    case .contains, .startsWith, .endsWith: nil
    }
  }
}
