import FlowModel
import PolicyModel

/// The fewest objects over a namespace: each selects several classes of pods that share what they
/// must be allowed.
struct CompactLayout {
  private var context: LayoutContext
  private let budget: Int

  /// Prepares a layout.
  init(_ context: LayoutContext, budget: Int) {
    self.context = context
    self.budget = budget
  }

  /// Something a class must be allowed.
  private struct Fact: Hashable {
    var direction: Direction
    var cell: FactCollector.Cell
  }

  /// The objects: the best of a cover of classes by facts, trimmed or not, and one object a class.
  mutating func plan() -> LayoutPlan {
    let subjects = context.subjects
    guard !subjects.isEmpty else { return LayoutPlan(objects: [], ruleLowerBound: 0) }
    let facts = orderedFacts()
    let column = Dictionary(uniqueKeysWithValues: facts.enumerated().map { ($1, $0) })
    var held = Array(repeating: Set<Fact>(), count: subjects.count)
    var pairs: [(Int, Int)] = []
    for (row, subject) in subjects.enumerated() {
      for direction in Direction.allCases {
        for (peer, ports) in context.sites[Site(subject: subject, direction: direction)] ?? [:] {
          for port in ports {
            let fact = Fact(
              direction: direction,
              cell: FactCollector.Cell(peer: peer, port: port)
            )
            held[row].insert(fact)
            pairs.append((row, column[fact] ?? -1))
          }
        }
      }
    }
    let relation = BooleanRelation(rows: subjects.count, columns: facts.count, pairs: pairs)
    let cover = BicliqueCover.minimum(relation, budget: budget).bicliques
    var groups: [(subjects: [Int], facts: Set<Fact>)] = []
    for box in cover {
      let boxFacts = Set(box.columns.map { facts[$0] })
      for part in expressible(box.rows.map { subjects[$0] }) { groups.append((part, boxFacts)) }
    }
    let single = subjects.indices.map { (subjects: [subjects[$0]], facts: held[$0]) }
    let widened = groups.map { group in
      let rows = subjects.indices.filter { group.subjects.contains(subjects[$0]) }
      let shared = rows.dropFirst().reduce(rows.first.map { held[$0] } ?? []) {
        $0.intersection(held[$1])
      }
      return (subjects: group.subjects, facts: shared)
    }
    let candidates = [groups, widened, single].map { objects(irredundant(merged($0))) }
    let best = candidates.enumerated().min { left, right in
      (left.element.count, ruleCount(left.element), left.offset)
        < (right.element.count, ruleCount(right.element), right.offset)
    }
    return LayoutPlan(
      objects: best?.element ?? [],
      ruleLowerBound: CompactBound(context, budget: budget).ruleCount()
    )
  }

  private func ruleCount(_ objects: [ObjectPlan]) -> Int {
    objects.reduce(0) { $0 + $1.rules.count }
  }

  private func orderedFacts() -> [Fact] {
    var facts: Set<Fact> = []
    for (site, cells) in context.sites {
      for (peer, ports) in cells {
        for port in ports {
          facts.insert(
            Fact(
              direction: site.direction,
              cell: FactCollector.Cell(peer: peer, port: port)
            )
          )
        }
      }
    }
    return facts.sorted { left, right in
      if left.direction != right.direction { return left.direction < right.direction }
      if left.cell.peer != right.cell.peer {
        return context.assembler.precedes(left.cell.peer, right.cell.peer)
      }
      return left.cell.port < right.cell.port
    }
  }

  /// A set of classes cut into sets that one selector each can name.
  private mutating func expressible(_ subjects: [Int]) -> [[Int]] {
    if context.selector(for: subjects) != nil { return [subjects] }
    var left = subjects
    var parts: [[Int]] = []
    while let first = left.first {
      var part = [first]
      for next in left.dropFirst() where context.selector(for: part + [next]) != nil {
        part.append(next)
      }
      parts.append(part)
      left.removeAll(where: part.contains)
    }
    return parts
  }

  /// Groups with the same classes joined.
  private func merged(
    _ groups: [(subjects: [Int], facts: Set<Fact>)]
  ) -> [(subjects: [Int], facts: Set<Fact>)] {
    var order: [[Int]] = []
    var facts: [[Int]: Set<Fact>] = [:]
    for group in groups {
      if facts[group.subjects] == nil { order.append(group.subjects) }
      facts[group.subjects, default: []].formUnion(group.facts)
    }
    return order.map { ($0, facts[$0] ?? []) }
  }

  /// Groups less those whose every fact stands in others, smaller ones tried first.
  private func irredundant(
    _ groups: [(subjects: [Int], facts: Set<Fact>)]
  ) -> [(subjects: [Int], facts: Set<Fact>)] {
    var count: [Int: [Fact: Int]] = [:]
    for group in groups {
      for subject in group.subjects {
        for fact in group.facts { count[subject, default: [:]][fact, default: 0] += 1 }
      }
    }
    var kept = Set(groups.indices)
    let order = groups.indices.sorted {
      (groups[$0].subjects.count * groups[$0].facts.count, $0)
        < (groups[$1].subjects.count * groups[$1].facts.count, $1)
    }
    for index in order {
      let group = groups[index]
      let isSuperfluous = group.subjects.allSatisfy { subject in
        group.facts.allSatisfy { (count[subject]?[$0] ?? 0) > 1 }
      }
      guard isSuperfluous else { continue }
      kept.remove(index)
      for subject in group.subjects {
        for fact in group.facts { count[subject]?[fact, default: 0] -= 1 }
      }
    }
    return groups.indices.filter(kept.contains).map { groups[$0] }
  }

  /// The objects for groups, without rules whose every fact other rules allow too.
  private mutating func objects(
    _ groups: [(subjects: [Int], facts: Set<Fact>)]
  ) -> [ObjectPlan] {
    var objects: [ObjectPlan] = []
    for group in groups {
      guard let selector = context.selector(for: group.subjects) else { continue }
      var cells: [Direction: [PeerAtom: Set<PortAtom>]] = [:]
      for fact in group.facts {
        cells[fact.direction, default: [:]][fact.cell.peer, default: []].insert(fact.cell.port)
      }
      let isEveryone = context.isEveryone(group.subjects)
      objects.append(
        ObjectPlan(
          name: context.names.joint(group.subjects, isEveryone: isEveryone),
          subjects: group.subjects,
          selector: selector,
          rules: context.rules(cells, for: group.subjects).rules
        )
      )
    }
    var count: [Int: [Fact: Int]] = [:]
    func facts(_ rule: AssembledRule) -> [Fact] {
      rule.cells.map { Fact(direction: rule.rule.direction, cell: $0) }
    }
    for object in objects {
      for subject in object.subjects {
        for fact in object.rules.flatMap(facts) {
          count[subject, default: [:]][fact, default: 0] += 1
        }
      }
    }
    for index in objects.indices {
      let subjects = objects[index].subjects
      objects[index].rules.removeAll { rule in
        let own = facts(rule)
        let isSuperfluous = subjects.allSatisfy { subject in
          own.allSatisfy { (count[subject]?[$0] ?? 0) > 1 }
        }
        guard isSuperfluous else { return false }
        for subject in subjects {
          for fact in own { count[subject]?[fact, default: 0] -= 1 }
        }
        return true
      }
    }
    return objects.filter { !$0.rules.isEmpty }
  }
}
