import FlowAggregation
import FlowModel
import PolicyModel

/// A rule and the cells it is there for.
struct AssembledRule {
  /// The rule.
  var rule: PolicyRule
  /// The cells it allows.
  var cells: [FactCollector.Cell]
}

/// Writes the fewest rules that allow exactly some cells.
///
/// What one rule may hold depends on the dialect: Cilium wants peers of one kind in a rule, ports
/// and ICMP apart, and a DNS rule by itself; Calico one protocol (or ICMP type) and either prefixes
/// of one address family or the pods of one namespace. Each such part is covered by itself.
struct RuleAssembler {
  let dialect: PolicyDialect
  let namespace: String
  let classes: PodClassTable
  let budget: Int

  /// What cells must share to stand in one rule.
  struct Block: Hashable, Comparable {
    var peerKind = 0
    var namespace = ""
    var portKind = 0
    var number = 0

    static func < (left: Block, right: Block) -> Bool {
      (left.peerKind, left.namespace, left.portKind, left.number)
        < (right.peerKind, right.namespace, right.portKind, right.number)
    }
  }

  /// The rules for one direction, and a bound below which no number of rules can do.
  ///
  /// - Parameter dnsCells: Cells that need a DNS rule beside the ports.
  func rules(
    _ direction: Direction,
    _ cells: [PeerAtom: Set<PortAtom>],
    dnsCells: Set<FactCollector.Cell> = []
  ) -> (rules: [AssembledRule], lowerBound: Int) {
    var blocks: [Block: [PeerAtom: Set<PortAtom>]] = [:]
    for (peer, ports) in cells {
      for port in ports {
        let cell = FactCollector.Cell(peer: peer, port: port)
        blocks[block(of: cell, isDNS: dnsCells.contains(cell)), default: [:]][peer, default: []]
          .insert(port)
      }
    }
    var rules: [AssembledRule] = []
    var bound = 0
    for (block, cells) in blocks.sorted(by: { $0.key < $1.key }) {
      let part = cover(cells)
      bound += part.lowerBound
      for (peers, ports) in part.boxes {
        rules.append(
          rule(direction, peers, ports, isDNS: dialect == .cilium && block.portKind == Block.dns)
        )
      }
    }
    return (rules, bound)
  }

  /// The part of the rules that a cell belongs to.
  func block(of cell: FactCollector.Cell, isDNS: Bool) -> Block {
    switch dialect {
    case .kubernetes: return Block()
    case .cilium:
      let isICMP = cell.port.meaning == .icmpType
      return Block(
        peerKind: cell.peer.kind + (cell.peer.isWorldFamily ? 10 : 0),
        portKind: isDNS ? Block.dns : isICMP ? Block.icmp : Block.ports
      )
    case .calico:
      var block = Block(
        peerKind: cell.peer.kind + (cell.peer.isIPv6 ? 10 : 0),
        portKind: Int(cell.port.transport.number),
        number: cell.port.meaning == .icmpType ? Int(cell.port.number) : 0
      )
      if case .pods(let podClass) = cell.peer {
        block.namespace = classes.classes[podClass].namespace
      }
      return block
    }
  }

  // MARK: - Covering

  private func cover(
    _ cells: [PeerAtom: Set<PortAtom>]
  ) -> (boxes: [(peers: [PeerAtom], ports: [PortAtom])], lowerBound: Int) {
    let peers = cells.keys.sorted { precedes($0, $1) }
    let ports = cells.values.reduce(into: Set<PortAtom>()) { $0.formUnion($1) }.sorted()
    if cells.values.allSatisfy({ $0.count == ports.count }) { return ([(peers, ports)], 1) }
    let column = Dictionary(uniqueKeysWithValues: ports.enumerated().map { ($1, $0) })
    var pairs: [(Int, Int)] = []
    for (row, peer) in peers.enumerated() {
      for port in cells[peer] ?? [] { pairs.append((row, column[port] ?? -1)) }
    }
    let result = BicliqueCover.minimum(
      BooleanRelation(rows: peers.count, columns: ports.count, pairs: pairs),
      budget: budget
    )
    let boxes = result.bicliques.map { box in
      (peers: box.rows.map { peers[$0] }, ports: box.columns.map { ports[$0] })
    }
    return (boxes, result.lowerBound)
  }

  /// The order of peers: pods of the own namespace, other pods, prefixes, entities, names.
  func precedes(_ left: PeerAtom, _ right: PeerAtom) -> Bool {
    switch (left, right) {
    case (.pods(let one), .pods(let two)):
      let isOwn = classes.classes[one].namespace == namespace
      if isOwn != (classes.classes[two].namespace == namespace) { return isOwn }
      return classes.precedes(one, two)
    case (.cidr(let one), .cidr(let two)): return one < two
    case (.entity(let one), .entity(let two)): return one < two
    case (.name(let one), .name(let two)): return one < two
    default: return left.kind < right.kind
    }
  }

  // MARK: - Writing

  private func rule(
    _ direction: Direction,
    _ peers: [PeerAtom],
    _ ports: [PortAtom],
    isDNS: Bool
  ) -> AssembledRule {
    var written = peers.map(peer)
    if dialect == .calico, written.count > 1 {
      // One Calico rule has one selector: alternatives within a namespace are joined by "||".
      let matches = written.compactMap { peer -> PodMatch? in
        if case .pods(let match) = peer { match } else { nil }
      }
      if matches.count == written.count, let first = matches.first {
        let any = PodMatch(namespaces: first.namespaces, pods: .any(matches.map(\.pods)))
        written = [.pods(any)]
      }
    }
    return AssembledRule(
      rule: PolicyRule(
        direction: direction,
        peers: written,
        ports: RuleAssembler.entries(ports),
        dnsRules: isDNS ? ["*"] : []
      ),
      cells: peers.flatMap { peer in
        ports.map { FactCollector.Cell(peer: peer, port: $0) }
      }
    )
  }

  private func peer(_ atom: PeerAtom) -> PolicyPeer {
    switch atom {
    case .pods(let number):
      let podClass = classes.classes[number]
      return .pods(
        PodMatch(
          namespaces: podClass.namespace == namespace ? .own : .named([podClass.namespace]),
          pods: podClass.selection.selector
        )
      )
    case .cidr(let cidr): return .cidr(cidr, except: [])
    case .entity(let entity): return .entity(entity)
    case .name(let name): return .dnsName(name)
    }
  }

  /// Sorted ports as entries; three or more in a row become a range.
  static func entries(_ ports: [PortAtom]) -> [PolicyPort] {
    var entries: [PolicyPort] = []
    var index = 0
    while index < ports.count {
      let first = ports[index]
      var end = index
      while end + 1 < ports.count, ports[end + 1].meaning == .port,
        ports[end + 1].transport == first.transport,
        Int(ports[end + 1].number) == Int(ports[end].number) + 1
      {
        end += 1
      }
      switch first.meaning {
      case .port where end - index >= 2:
        entries.append(
          PolicyPort(transport: first.transport, match: .range(first.number, ports[end].number))
        )
        index = end + 1
        continue
      case .port: entries.append(PolicyPort(first.transport, first.number))
      case .icmpType:
        entries.append(
          PolicyPort(
            transport: first.transport,
            match: .icmp(type: UInt8(truncatingIfNeeded: first.number), code: nil)
          )
        )
      case .none: entries.append(PolicyPort(transport: first.transport, match: .any))
      }
      index += 1
    }
    return entries
  }
}

extension RuleAssembler.Block {
  /// Ports without more.
  static let ports = 0
  /// ICMP types.
  static let icmp = 1
  /// Ports with a DNS rule.
  static let dns = 2
}

extension PeerAtom {
  /// Pods, prefixes, entities and names, in the order peers are written.
  var kind: Int {
    switch self {
    case .pods: 0
    case .cidr: 1
    case .entity: 2
    case .name: 3
    }
  }
}

extension PeerAtom {
  /// Whether it is an IPv6 prefix.
  fileprivate var isIPv6: Bool {
    if case .cidr(let cidr) = self { cidr.address.isIPv6 } else { false }
  }

  /// Whether it is one of the two entities that Cilium writes as prefixes.
  fileprivate var isWorldFamily: Bool {
    self == .entity(.worldIPv4) || self == .entity(.worldIPv6)
  }
}
