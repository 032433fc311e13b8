import FlowModel

extension ConversationTable {
  /// One hour of a conversation in which a pod hides behind the address of its node.
  private struct HiddenView {
    /// Where in the table.
    var position: Int
    /// The number of the node's address, and of the pod's at the other end.
    var node: UInt32
    var pod: UInt32
  }

  /// How many views of the same ports in an hour are compared.
  private static let mostViews = 64

  /// The ports of a view, the hidden pod's first, with protocol and hour.
  private struct ViewKey: Hashable {
    var hidden: UInt16
    var seen: UInt16
    var transport: UInt8
    var hour: Int32

    /// The same seen from the other node.
    var mirrored: ViewKey {
      ViewKey(hidden: seen, seen: hidden, transport: transport, hour: hour)
    }
  }

  /// Names the pods of a log without packet addresses, where two interfaces show one connection.
  ///
  /// The interface of one node shows the node and the pod that is far away, that of the other node the other way
  /// round. Two such views are one connection when their ports mirror each other, their times overlap, they
  /// count the same packets and bytes, and the inventory says that each pod ran on the node that the other
  /// view shows; when there are several that fit, none is taken. Pods of a node whose interface has an address
  /// that the inventory does not know stay hidden, as does what had to be decided before the capture ended.
  /// Source: the VPC format document, "Which addresses to use".
  mutating func nameHiddenPods(_ resolver: (any AddressResolving)?) {
    guard pairsViews, let resolver = resolver?.ready else { return }
    var views: [ViewKey: [HiddenView]] = [:]
    var order: [(key: ViewKey, view: HiddenView)] = []
    for position in conversations.indices {
      guard let (key, view) = hiddenView(at: position, resolver) else { continue }
      views[key, default: []].append(view)
      order.append((key, view))
    }
    func partners(_ key: ViewKey, _ view: HiddenView) -> [HiddenView] {
      let all = views[key.mirrored, default: []]
      // So many connections of like ports tell nothing, and comparing all with all takes too long.
      guard all.count <= ConversationTable.mostViews else { return [] }
      return all.filter {
        // Those that have a partner fit no other: else they would have none.
        $0.position != view.position && conversations[$0.position].nodesMayBePods
          && isOneConnection(view, $0, resolver)
      }
    }
    var isGone = [Bool](repeating: false, count: conversations.count)
    for (key, view) in order where conversations[view.position].nodesMayBePods {
      let found = partners(key, view)
      guard found.count == 1, let partner = found.first,
        partners(key.mirrored, partner).count == 1
      else { continue }
      show(partner.pod, at: view)
      show(view.pod, at: partner)
      let other = conversations[partner.position]
      conversations[view.position].absorb(other)
      isGone[partner.position] = true
    }
    if isGone.contains(true) { remove(isGone) }
  }

  private mutating func hiddenView(
    at position: Int,
    _ resolver: any AddressResolving
  ) -> (ViewKey, HiddenView)? {
    let one = conversations[position]
    guard one.nodesMayBePods, one.bytes > 0 else { return nil }
    // Of two pods none is a node.
    if one.last <= one.hourStart + PodMemo.end,
      pods.isPod(at: one.addressA, hour: one.hour, addresses: addresses, resolver),
      pods.isPod(at: one.addressB, hour: one.hour, addresses: addresses, resolver)
    {
      return nil
    }
    func kind(_ number: UInt32, _ port: UInt16) -> Endpoint.Kind? {
      let found = resolver.resolve(
        addresses[number],
        transport: TransportProtocol(number: one.transport),
        port: port,
        from: one.first,
        to: one.last
      )
      guard case .endpoint(let endpoint) = found else { return nil }
      return endpoint.kind
    }
    let (kindA, kindB) = (kind(one.addressA, one.portA), kind(one.addressB, one.portB))
    guard kindA == .node && kindB == .pod || kindA == .pod && kindB == .node else { return nil }
    let isAHidden = kindA == .node
    let key = ViewKey(
      hidden: isAHidden ? one.portA : one.portB,
      seen: isAHidden ? one.portB : one.portA,
      transport: one.transport,
      hour: one.hour
    )
    let view = HiddenView(
      position: position,
      node: isAHidden ? one.addressA : one.addressB,
      pod: isAHidden ? one.addressB : one.addressA
    )
    return (key, view)
  }

  private func isOneConnection(
    _ one: HiddenView,
    _ other: HiddenView,
    _ resolver: any AddressResolving
  ) -> Bool {
    let (left, right) = (conversations[one.position], conversations[other.position])
    guard left.first <= right.last, right.first <= left.last, left.bytes == right.bytes,
      packets(from: one.pod, in: left) == packets(notFrom: other.pod, in: right),
      packets(notFrom: one.pod, in: left) == packets(from: other.pod, in: right)
    else { return false }
    return resolver.runs(podAt: addresses[one.pod], onNodeAt: addresses[other.node])
      && resolver.runs(podAt: addresses[other.pod], onNodeAt: addresses[one.node])
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
