import FlowModel
import PolicyModel

/// A policy object in the making.
struct ObjectPlan {
  /// `metadata.name`.
  var name: String
  /// The classes of pods it selects, in their order.
  var subjects: [Int]
  /// The selector for them.
  var selector: LabelSelector
  /// The rules: ingress first, then egress.
  var rules: [AssembledRule]
}

/// The objects of a layout.
struct LayoutPlan {
  /// The objects, in no particular order.
  var objects: [ObjectPlan]
  /// No proposal of the layout has fewer rules.
  var ruleLowerBound: Int

  /// The number of rules.
  var ruleCount: Int { objects.reduce(0) { $0 + $1.rules.count } }
}

/// What both layouts plan from.
struct LayoutContext {
  let namespace: String
  var classes: PodClassTable
  let names: PolicyNames
  let assembler: RuleAssembler
  /// What each site must be allowed.
  let sites: [Site: [PeerAtom: Set<PortAtom>]]
  /// Cells that are DNS, by site.
  let dnsCells: [Site: Set<FactCollector.Cell>]
  /// Classes whose DNS must be watched for names.
  let namedClients: Set<Int>

  /// The classes with something to allow, in their order.
  var subjects: [Int] {
    Set(sites.keys.map(\.subject)).sorted { classes.precedes($0, $1) }
  }

  /// The selector for exactly some classes, empty when they are all pods of the namespace; nil when
  /// there is none.
  mutating func selector(for subjects: [Int]) -> LabelSelector? {
    if isEveryone(subjects) { return .everything }
    return classes.exactSelection(of: subjects, in: namespace)
  }

  /// Whether some classes are all pods of the namespace; one alone keeps its own selector.
  mutating func isEveryone(_ subjects: [Int]) -> Bool {
    subjects.count > 1 && !classes.hasUnselectable(in: namespace)
      && Set(subjects) == Set(classes.classes(in: namespace))
  }

  /// The rules of an object in both directions and a lower bound for them.
  ///
  /// - Parameter subjects: The classes the object selects; when one of them reaches names, the DNS of
  ///   all is watched.
  func rules(
    _ cells: [Direction: [PeerAtom: Set<PortAtom>]],
    for subjects: [Int]
  ) -> (rules: [AssembledRule], lowerBound: Int) {
    var rules: [AssembledRule] = []
    var bound = 0
    let watches = subjects.contains(where: namedClients.contains)
    for direction in Direction.allCases {
      guard let part = cells[direction], !part.isEmpty else { continue }
      var dns: Set<FactCollector.Cell> = []
      if watches, direction == .egress {
        for subject in subjects {
          dns.formUnion(dnsCells[Site(subject: subject, direction: direction)] ?? [])
        }
      }
      let made = assembler.rules(direction, part, dnsCells: dns)
      rules += made.rules
      bound += made.lowerBound
    }
    return (rules, bound)
  }
}
