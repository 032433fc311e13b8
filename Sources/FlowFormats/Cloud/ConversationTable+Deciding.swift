import FlowModel

extension ConversationTable {
  /// Whether nothing that comes later can change who opened a conversation and that it worked.
  func isSettled(_ group: ConversationGroup) -> Bool {
    guard let clientIsA = group.clientIsA else { return false }
    return succeeded(group, clientIsA: clientIsA) && !isOneWay(group)
  }

  private func isOneWay(_ group: ConversationGroup) -> Bool {
    !group.serverMarks.contains(.accepted) && !group.marks.contains(.complete)
  }

  /// Learns from a conversation how its ports behave; refused packets teach nothing.
  ///
  /// Where it is sure who opened it, the client's port is left out: it may be used for other servers later.
  ///
  /// - Parameter answered: Takes the ends that answered an opening, to be noted together: to find an end
  ///   waits for memory, and many such waits pass at once.
  @inline(__always)
  mutating func observe(_ group: ConversationGroup, _ answered: inout [UInt64]) {
    guard group.marks.contains(.accepted) else { return }
    let one = conversations[group.head]
    guard let clientIsA = group.clientIsA else {
      meet(one, isA: true)
      meet(one, isA: false)
      return
    }
    if group.serverMarks.isSuperset(of: [.answered, .accepted]) {
      answered.append(key(one, isA: !clientIsA))
    } else {
      meet(one, isA: !clientIsA)
    }
  }

  /// Notes whom one end of a conversation met.
  @inline(__always)
  mutating func meet(_ one: Conversation, isA: Bool) {
    behaviour.meet(
      key(one, isA: isA),
      PortBehaviour.Partner(
        addresses[isA ? one.addressB : one.addressA],
        isA ? one.portB : one.portA,
        key: key(one, isA: !isA)
      )
    )
  }

  /// Learns from a conversation of which it is not sure who opened it, once.
  @inline(__always)
  mutating func learn(_ group: ConversationGroup, _ answered: inout [UInt64]) {
    guard !conversations[group.head].steps.contains(.learnt) else { return }
    conversations[group.head].steps.insert(.learnt)
    observe(group, &answered)
  }

  /// The key of A or B of a conversation as an end that behaves in some way.
  @inline(__always)
  func key(_ one: Conversation, isA: Bool) -> UInt64 {
    isA
      ? PortBehaviour.key(one.addressA, one.portA, one.transport)
      : PortBehaviour.key(one.addressB, one.portB, one.transport)
  }

  /// Who opened a conversation, where that is sure: true for A, false for B.
  ///
  /// In this order: what the log states, the opening flags of either direction, the inventory.
  @inline(__always)
  func sureClient(
    of group: ConversationGroup,
    _ resolver: (any AddressResolving)?,
    _ served: ServedPorts?
  ) -> Bool? {
    let stated = group.marksA.contains(.stated)
    if stated != group.marksB.contains(.stated) { return stated }
    let opened = group.marksA.contains(.opened) || group.marksB.contains(.answered)
    if opened != (group.marksB.contains(.opened) || group.marksA.contains(.answered)) {
      return opened
    }
    let one = conversations[group.head]
    guard let served, served.contains(one.portA) || served.contains(one.portB) else { return nil }
    return resolver.flatMap { servedClient(of: group, $0) }
  }

  private func servedClient(
    of group: ConversationGroup,
    _ resolver: any AddressResolving
  ) -> Bool? {
    let one = conversations[group.head]
    let transport = TransportProtocol(number: one.transport)
    func serves(_ address: UInt32, _ port: UInt16) -> Bool {
      resolver.serves(addresses[address], transport: transport, port: port, at: one.first)
    }
    let servesA = serves(one.addressA, one.portA)
    let servesB = serves(one.addressB, one.portB)
    return servesA == servesB ? nil : servesB
  }

  /// Who opened a conversation, by how its ports behave.
  ///
  /// Ends that answered openings elsewhere, then ends that meet many partners; never port numbers, times or
  /// the order.
  func likelyClient(of group: ConversationGroup) -> Bool? {
    let one = conversations[group.head]
    return behaviour.server(key(one, isA: false), key(one, isA: true))
  }

  /// Who opened a conversation, where the ports prove it already.
  @inline(__always)
  func provenClient(of group: ConversationGroup) -> Bool? {
    let one = conversations[group.head]
    return behaviour.provenServer(key(one, isA: false), key(one, isA: true))
  }

  private func pair(_ one: Conversation, clientIsA: Bool) -> OneWayPair {
    OneWayPair(
      client: clientIsA ? one.addressA : one.addressB,
      server: clientIsA ? one.addressB : one.addressA,
      port: clientIsA ? one.portB : one.portA
    )
  }

  mutating func noteOneWay(_ group: ConversationGroup) {
    let one = conversations[group.head]
    guard let clientIsA = group.clientIsA, one.transport == TransportProtocol.udp.number,
      group.clientMarks.contains(.accepted), !group.serverMarks.contains(.accepted)
    else { return }
    noteOneWay(pair(one, clientIsA: clientIsA), group.hours)
  }

  /// Whether a TCP connection without flags may have been refused: one packet back, where one that works
  /// needs two.
  ///
  /// Two flow logs in one group write every record twice, and a client tries again: so of several records in
  /// a short time each has to hold one packet. A quiet connection has such records for longer.
  private func looksRefused(_ group: ConversationGroup, clientIsA: Bool) -> Bool {
    let packets = clientIsA ? group.packetsB : group.packetsA
    let records = clientIsA ? group.recordsB : group.recordsA
    guard packets > 0, packets <= records else { return false }
    return packets == 1 || group.last - group.first <= 120 * Timestamps.second
  }

  /// Whether both sides were seen to talk, so that the connection worked.
  func succeeded(_ group: ConversationGroup, clientIsA: Bool) -> Bool {
    let client = group.clientMarks
    let server = group.serverMarks
    guard client.union(server).contains(.payload) else { return false }
    if client.contains(.complete) || server.contains(.complete) { return true }
    let one = conversations[group.head]
    if client.contains(.accepted), server.isSuperset(of: [.accepted, .beyondReset]) {
      let isTCP = one.transport == TransportProtocol.tcp.number
      let showsFlags = client.union(server).contains(.showsFlags)
      return !(isTCP && !showsFlags && looksRefused(group, clientIsA: clientIsA))
    }
    guard one.transport == TransportProtocol.udp.number, client.contains(.accepted) else {
      return false
    }
    // Senders such as syslog and statsd never get answers, but come again.
    return oneWayHours[pair(one, clientIsA: clientIsA)].map { $0.lowerBound < $0.upperBound }
      ?? false
  }
}
