import FlowModel
import PolicyModel

/// One object for each class of pods, and shared ones for the DNS of several.
struct WorkloadLayout {
  private var context: LayoutContext

  /// Prepares a layout.
  init(_ context: LayoutContext) { self.context = context }

  /// The objects.
  mutating func plan() -> LayoutPlan {
    var plan = LayoutPlan(objects: [], ruleLowerBound: 0)
    let shared = sharedDNS()
    var covered: [Site: Set<FactCollector.Cell>] = [:]
    for group in shared {
      var cells: [PeerAtom: Set<PortAtom>] = [:]
      for cell in group.cells { cells[cell.peer, default: []].insert(cell.port) }
      let made = context.rules([.egress: cells], for: group.subjects)
      plan.ruleLowerBound += made.lowerBound
      plan.objects.append(
        ObjectPlan(
          name: group.name,
          subjects: group.subjects,
          selector: group.selector,
          rules: made.rules
        )
      )
      for subject in group.subjects {
        covered[Site(subject: subject, direction: .egress), default: []].formUnion(group.cells)
      }
    }
    for subject in context.subjects {
      var cells: [Direction: [PeerAtom: Set<PortAtom>]] = [:]
      for direction in Direction.allCases {
        let site = Site(subject: subject, direction: direction)
        for (peer, ports) in context.sites[site] ?? [:] {
          let left = ports.filter {
            !(covered[site]?.contains(FactCollector.Cell(peer: peer, port: $0)) ?? false)
          }
          if !left.isEmpty { cells[direction, default: [:]][peer] = left }
        }
      }
      guard !cells.isEmpty else { continue }
      let made = context.rules(cells, for: [subject])
      plan.ruleLowerBound += made.lowerBound
      plan.objects.append(
        ObjectPlan(
          name: context.names.names[subject] ?? "pods",
          subjects: [subject],
          selector: context.classes.classes[subject].selection.selector,
          rules: made.rules
        )
      )
    }
    return plan
  }

  private struct SharedDNS {
    var name: String
    var subjects: [Int]
    var selector: LabelSelector
    var cells: Set<FactCollector.Cell>
  }

  /// DNS cells that exactly the same two or more classes need, where one selector can name these.
  private mutating func sharedDNS() -> [SharedDNS] {
    var clients: [FactCollector.Cell: Set<Int>] = [:]
    for (site, cells) in context.dnsCells where site.direction == .egress {
      for cell in cells { clients[cell, default: []].insert(site.subject) }
    }
    var groups: [Set<Int>: Set<FactCollector.Cell>] = [:]
    for (cell, subjects) in clients where subjects.count > 1 {
      groups[subjects, default: []].insert(cell)
    }
    var found: [SharedDNS] = []
    var podGroups = 0
    for (subjects, cells) in groups {
      let ordered = subjects.sorted { context.classes.precedes($0, $1) }
      guard let selector = context.selector(for: ordered) else { continue }
      let hasPods = cells.contains { $0.peer.kind == 0 }
      if hasPods { podGroups += 1 }
      found.append(
        SharedDNS(
          name: hasPods ? "allow-dns" : "allow-dns-node-local",
          subjects: ordered,
          selector: selector,
          cells: cells
        )
      )
    }
    guard podGroups > 1 else { return found }
    // Several groups of clients ask different servers: the servers tell the objects apart.
    for index in found.indices where found[index].name == "allow-dns" {
      let text = found[index].cells.map { cell in
        guard case .pods(let server) = cell.peer else { return cell.port.text }
        return context.classes.classes[server].order.joined(separator: "/") + cell.port.text
      }
      found[index].name = "allow-dns-" + PolicyNames.digest(text.sorted().joined(separator: ","))
    }
    return found
  }
}
