import FlowModel
import PolicyModel

/// How many rules no compact proposal can do without.
///
/// A rule admits all its peers at all its ports to all classes of its object, each of which must be
/// allowed all of it. So rules never reach from one part to another: neither from one direction or
/// block of the dialect to another, nor between classes that share nothing. In each part three bounds
/// compete: the rules that one class needs by itself, the fewest sets of classes by cells, and cells of
/// classes of which no two fit in one rule.
struct CompactBound {
  private let context: LayoutContext
  private let budget: Int

  /// The most comparisons of two cells in one part.
  private static let comparisonLimit = 1_000_000

  /// Prepares a bound.
  init(_ context: LayoutContext, budget: Int) {
    self.context = context
    self.budget = budget
  }

  private struct Part: Hashable {
    var direction: Direction
    var block: RuleAssembler.Block
  }

  /// A class with the cells of one part.
  private struct Row {
    var subject: Int
    var cells: Set<FactCollector.Cell>
  }

  /// The number of rules.
  func ruleCount() -> Int {
    var parts: [Part: [Int: Set<FactCollector.Cell>]] = [:]
    for (site, cells) in context.sites {
      for (peer, ports) in cells {
        for port in ports {
          let cell = FactCollector.Cell(peer: peer, port: port)
          let part = Part(
            direction: site.direction,
            block: context.assembler.block(of: cell, isDNS: false)
          )
          parts[part, default: [:]][site.subject, default: []].insert(cell)
        }
      }
    }
    var total = 0
    for (part, subjects) in parts {
      let rows = subjects.sorted { context.classes.precedes($0.key, $1.key) }
        .map { Row(subject: $0.key, cells: $0.value) }
      for group in connected(rows) { total += bound(group, part.direction) }
    }
    return total
  }

  /// Rows grouped by cells that they share, directly or over others.
  private func connected(_ rows: [Row]) -> [[Row]] {
    var root = Array(rows.indices)
    func find(_ index: Int) -> Int {
      var index = index
      while root[index] != index { index = root[index] }
      return index
    }
    var holder: [FactCollector.Cell: Int] = [:]
    for (index, row) in rows.enumerated() {
      for cell in row.cells {
        guard let other = holder[cell] else {
          holder[cell] = index
          continue
        }
        let (one, two) = (find(index), find(other))
        root[max(one, two)] = min(one, two)
      }
    }
    return Dictionary(grouping: rows.indices, by: find).values.map { $0.map { rows[$0] } }
  }

  private func bound(_ rows: [Row], _ direction: Direction) -> Int {
    var most = 0
    for row in rows {
      var byPeer: [PeerAtom: Set<PortAtom>] = [:]
      for cell in row.cells { byPeer[cell.peer, default: []].insert(cell.port) }
      most = max(most, context.assembler.rules(direction, byPeer).lowerBound)
    }
    guard rows.count > 1 else { return most }
    let cells = rows.reduce(into: Set<FactCollector.Cell>()) { $0.formUnion($1.cells) }
      .sorted { left, right in
        left.peer != right.peer
          ? context.assembler.precedes(left.peer, right.peer) : left.port < right.port
      }
    let column = Dictionary(uniqueKeysWithValues: cells.enumerated().map { ($1, $0) })
    let relation = BooleanRelation(
      rows: rows.count,
      columns: cells.count,
      pairs: rows.enumerated().flatMap { row, held in
        held.cells.map { (row, column[$0] ?? -1) }
      }
    )
    let together = BicliqueCover.minimum(relation, budget: budget).lowerBound
    return max(most, together, apart(relation, cells))
  }

  /// A number of cells of classes no two of which fit in one rule.
  ///
  /// Two fit when both classes are allowed all four combinations of their peers and ports.
  private func apart(_ relation: BooleanRelation, _ cells: [FactCollector.Cell]) -> Int {
    struct Place {
      var row: Int
      var column: Int
      /// How much a rule around it could hold at most.
      var room: Int
    }
    let columnOf = Dictionary(uniqueKeysWithValues: cells.enumerated().map { ($1, $0) })
    let degrees = CoreRelation.transposed(relation.rowSets, columns: cells.count).map(\.count)
    var places: [Place] = []
    for (row, set) in relation.rowSets.enumerated() {
      let count = set.count
      set.forEach { places.append(Place(row: row, column: $0, room: count * degrees[$0])) }
    }
    places.sort { ($0.room, $0.row, $0.column) < ($1.room, $1.row, $1.column) }
    func fit(_ one: Place, _ two: Place) -> Bool {
      let (first, second) = (relation.rowSets[one.row], relation.rowSets[two.row])
      // Most are told apart by what each class is allowed; only then the crossed cells are looked up.
      guard first.contains(two.column), second.contains(one.column) else { return false }
      let (left, right) = (cells[one.column], cells[two.column])
      if left.peer == right.peer || left.port == right.port { return true }
      return [(left.peer, right.port), (right.peer, left.port)].allSatisfy { peer, port in
        guard let crossed = columnOf[FactCollector.Cell(peer: peer, port: port)] else {
          return false
        }
        return first.contains(crossed) && second.contains(crossed)
      }
    }
    var chosen: [Place] = []
    var comparisons = 0
    for place in places {
      comparisons += chosen.count
      guard comparisons <= CompactBound.comparisonLimit else { break }
      if !chosen.contains(where: { fit($0, place) }) { chosen.append(place) }
    }
    return chosen.count
  }
}
