import FlowModel

/// One hour of a conversation in which a pod hides behind the address of its node.
private struct HiddenView {
  /// Where in the table.
  var position: Int
  /// The numbers of the node's address, and of the pod's at the other end.
  var node: UInt32
  var pod: UInt32
  /// The ports of the hidden pod and of the one that is seen.
  var hiddenPort: UInt16
  var seenPort: UInt16
  /// Whether it may be joined with another one now.
  var isQuiet: Bool
  /// The next view of the same ports, its place plus 1; 0 for none.
  var next: UInt32 = 0

  /// Whether another one has the same ports seen from the other node.
  func mirrors(_ other: HiddenView) -> Bool {
    hiddenPort == other.seenPort && seenPort == other.hiddenPort
  }
}

/// The views of the same ports and protocol in one hour, from either node.
private struct ViewGroup {
  /// The lower port, the higher one, protocol (8 bits) and hour (24 bits), from the top.
  var key: UInt64
  /// The places of the first and the last view, and how many there are.
  var first: Int
  var last: Int
  var count = 1

  var hash: UInt64 { ViewGroup.hash(key) }

  static func hash(_ key: UInt64) -> UInt64 { SlotIndex.mix(key, 0) }

  static func key(_ one: Conversation) -> UInt64 {
    let ports = UInt64(min(one.portA, one.portB)) << 16 | UInt64(max(one.portA, one.portB))
    return ports << 32 | one.what & 0xffff_ffff
  }
}

extension ConversationTable {
  /// How many views of the same ports in an hour are compared.
  private static let mostViews = 64

  /// Names the pods of a log without packet addresses, where two interfaces show one connection.
  ///
  /// The interface of one node shows the node and the pod that is far away, that of the other node the other way
  /// round. Two such views are one connection when their ports mirror each other, their times overlap, they
  /// count the same packets and bytes, and the inventory says that each pod ran on the node that the other
  /// view shows; when there are several that fit, none is taken. Pods of a node whose interface has an address
  /// that the inventory does not know stay hidden, as does what had to be decided before the capture ended.
  /// Source: the VPC format document, "Which addresses to use".
  ///
  /// - Parameter cutoff: Views with later records wait, as do those held back; they count among those that fit.
  mutating func nameHiddenPods(quietSince cutoff: Int64, _ resolver: (any AddressResolving)?) {
    guard pairsViews, mayHidePods, let resolver = resolver?.ready else { return }
    let served = resolver.servedPorts
    var views: [HiddenView] = []
    var groups: [ViewGroup] = []
    var index = SlotIndex()
    for position in conversations.indices {
      let one = conversations[position]
      guard one.nodesMayBePods, !one.steps.contains(.unpaired), one.bytes > 0 else { continue }
      let isQuiet = position >= heldBack && one.last <= cutoff
      guard let view = hiddenView(at: position, isQuiet: isQuiet, resolver, served) else {
        if isQuiet { conversations[position].steps.insert(.unpaired) }
        continue
      }
      let key = ViewGroup.key(one)
      if let group = index.find(ViewGroup.hash(key), where: { groups[$0].key == key }) {
        views[groups[group].last].next = UInt32(views.count + 1)
        groups[group].last = views.count
        groups[group].count += 1
      } else {
        groups.append(ViewGroup(key: key, first: views.count, last: views.count))
        index.insert(groups.count - 1) { groups[$0].hash }
      }
      views.append(view)
    }
    var isGone: [Bool] = []
    for group in groups where group.count > 1 {
      join(group, of: views, &isGone, resolver)
    }
    if !isGone.isEmpty { remove(isGone) }
  }

  /// Joins those views of the same ports that are one connection.
  private mutating func join(
    _ group: ViewGroup,
    of views: [HiddenView],
    _ isGone: inout [Bool],
    _ resolver: any AddressResolving
  ) {
    let first = views[group.first]
    if group.count == 2 {
      let second = views[group.last]
      if first.isQuiet, second.isQuiet, first.mirrors(second),
        isOneConnection(first, second, resolver)
      {
        join(first, second, &isGone)
      }
      return
    }
    var (like, mirrored): ([HiddenView], [HiddenView]) = ([], [])
    var next = group.first + 1
    while next != 0 {
      let view = views[next - 1]
      if view.hiddenPort == first.hiddenPort { like.append(view) }
      if view.mirrors(first) { mirrored.append(view) }
      next = Int(view.next)
    }
    func partners(_ view: HiddenView) -> [HiddenView] {
      let all = view.mirrors(first) ? like : mirrored
      // So many connections of like ports tell nothing, and comparing all with all takes too long.
      guard all.count <= ConversationTable.mostViews else { return [] }
      return all.filter {
        // Those that have a partner fit no other: else they would have none.
        $0.position != view.position && conversations[$0.position].nodesMayBePods
          && isOneConnection(view, $0, resolver)
      }
    }
    for view in like where view.isQuiet && conversations[view.position].nodesMayBePods {
      let found = partners(view)
      guard found.count == 1, let partner = found.first, partner.isQuiet,
        partners(partner).count == 1
      else { continue }
      join(view, partner, &isGone)
    }
  }

  /// Makes two views of one connection one, with both pods.
  private mutating func join(_ one: HiddenView, _ other: HiddenView, _ isGone: inout [Bool]) {
    if isGone.isEmpty { isGone = [Bool](repeating: false, count: conversations.count) }
    let (kept, gone) = one.position < other.position ? (one, other) : (other, one)
    show(gone.pod, at: kept)
    show(kept.pod, at: gone)
    let same = conversations[gone.position]
    conversations[kept.position].absorb(same)
    isGone[gone.position] = true
  }

  /// The view that an hour of a conversation is, nil where no other view can name a pod.
  private mutating func hiddenView(
    at position: Int,
    isQuiet: Bool,
    _ resolver: any AddressResolving,
    _ served: ServedPorts
  ) -> HiddenView? {
    let one = conversations[position]
    let kindA = kind(one, isA: true, resolver, served)
    let kindB = kind(one, isA: false, resolver, served)
    guard kindA == .node && kindB == .pod || kindA == .pod && kindB == .node else { return nil }
    let isAHidden = kindA == .node
    return HiddenView(
      position: position,
      node: isAHidden ? one.addressA : one.addressB,
      pod: isAHidden ? one.addressB : one.addressA,
      hiddenPort: isAHidden ? one.portA : one.portB,
      seenPort: isAHidden ? one.portB : one.portA,
      isQuiet: isQuiet
    )
  }

  /// What an end of an hour of a conversation is, nil when nothing is known of it.
  @inline(__always)
  private mutating func kind(
    _ one: Conversation,
    isA: Bool,
    _ resolver: any AddressResolving,
    _ served: ServedPorts
  ) -> Endpoint.Kind? {
    let address = isA ? one.addressA : one.addressB
    let port = isA ? one.portA : one.portB
    if one.last <= one.hourStart + PodMemo.end {
      switch pods.holder(of: address, hour: one.hour, addresses: addresses, resolver) {
      case .pod: return .pod
      case .node where !served.contains(port): return .node
      case .node, .unknown: break
      }
    }
    let found = resolver.resolve(
      addresses[address],
      transport: TransportProtocol(number: one.transport),
      port: port,
      from: one.first,
      to: one.last
    )
    guard case .endpoint(let endpoint) = found else { return nil }
    return endpoint.kind
  }

  private mutating func isOneConnection(
    _ one: HiddenView,
    _ other: HiddenView,
    _ resolver: any AddressResolving
  ) -> Bool {
    let (left, right) = (conversations[one.position], conversations[other.position])
    guard left.first <= right.last, right.first <= left.last, left.bytes == right.bytes,
      packets(from: one.pod, in: left) == packets(notFrom: other.pod, in: right),
      packets(notFrom: one.pod, in: left) == packets(from: other.pod, in: right)
    else { return false }
    return runs(one.pod, on: other.node, resolver) && runs(other.pod, on: one.node, resolver)
  }

  private mutating func runs(_ pod: UInt32, on node: UInt32, _ resolver: any AddressResolving)
    -> Bool
  {
    let key = UInt64(pod) << 32 | UInt64(node)
    if let known = hosts[key] { return known }
    let runs = resolver.runs(podAt: addresses[pod], onNodeAt: addresses[node])
    if hosts.count >= ConversationTable.maximumMemory { hosts = [:] }
    hosts[key] = runs
    return runs
  }

  private func packets(from address: UInt32, in one: Conversation) -> UInt8 {
    one.addressA == address ? one.packetsA : one.packetsB
  }

  private func packets(notFrom address: UInt32, in one: Conversation) -> UInt8 {
    one.addressA == address ? one.packetsB : one.packetsA
  }

  /// Puts a pod in the place of its node.
  private mutating func show(_ pod: UInt32, at view: HiddenView) {
    conversations[view.position].renumber({ $0 == view.node ? pod : $0 }, detail: { $0 })
    conversations[view.position].nodesMayBePods = false
  }
}
