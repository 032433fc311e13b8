import FlowAggregation
import FlowModel

/// All hours of one conversation, with what they show together.
struct ConversationGroup {
  /// The position of the hour that the table finds.
  var head: Int
  /// The first and the last time of all hours.
  var first: Int64
  var last: Int64
  /// The hours it was seen in.
  var hours: ClosedRange<Int32>
  /// The marks of all hours.
  var marksA: ConversationMarks
  var marksB: ConversationMarks
  /// Packets of all hours, 0 when not counted, and the records they stand in.
  var packetsA: Int
  var packetsB: Int
  var recordsA: Int
  var recordsB: Int
  /// Whether records of each end were refused.
  var hasRejectedA: Bool
  var hasRejectedB: Bool
  /// Whether A opened it; nil while that is not known.
  var clientIsA: Bool?

  init(_ one: Conversation, head: Int) {
    self.head = head
    first = one.first
    last = one.last
    hours = one.hour...one.hour
    marksA = one.marksA
    marksB = one.marksB
    packetsA = Int(one.packetsA)
    packetsB = Int(one.packetsB)
    recordsA = Int(one.recordsA)
    recordsB = Int(one.recordsB)
    hasRejectedA = one.rejectedA > 0
    hasRejectedB = one.rejectedB > 0
  }

  mutating func add(_ one: Conversation) {
    first = min(first, one.first)
    last = max(last, one.last)
    hours = min(hours.lowerBound, one.hour)...max(hours.upperBound, one.hour)
    marksA.formUnion(one.marksA)
    marksB.formUnion(one.marksB)
    packetsA += Int(one.packetsA)
    packetsB += Int(one.packetsB)
    recordsA += Int(one.recordsA)
    recordsB += Int(one.recordsB)
    hasRejectedA = hasRejectedA || one.rejectedA > 0
    hasRejectedB = hasRejectedB || one.rejectedB > 0
  }

  /// The marks of both ends.
  var marks: ConversationMarks { marksA.union(marksB) }
  /// The marks of the end that opened it.
  var clientMarks: ConversationMarks { clientIsA == false ? marksB : marksA }
  /// The marks of the other end.
  var serverMarks: ConversationMarks { clientIsA == false ? marksA : marksB }
}

// MARK: - Settling

extension ConversationTable {
  /// What is decided.
  enum Extent {
    /// What was quiet since a time and is settled: nothing that comes later changes it.
    case settled(quietSince: Int64)
    /// What was quiet since a time, with what is known.
    case quiet(since: Int64)
    /// All there is.
    case everything
  }

  /// Makes room: lets settled conversations go, and the quieter half of all when that is not enough.
  mutating func settle(into accumulator: inout EvidenceAccumulator) {
    let limit = capacity / 4 * 3
    settle(.settled(quietSince: quietTime(share: 0.75)), into: &accumulator)
    // Two views become one; what fits by now is hardly fitted by more that comes later.
    if conversations.count > limit { nameHiddenPods(accumulator.resolver) }
    if conversations.count > limit {
      settle(.quiet(since: quietTime(share: 0.5)), into: &accumulator)
      if conversations.count > limit { settle(.everything, into: &accumulator) }
    }
    threshold = min(capacity, max(conversations.count * 2, capacity / 4, 2))
  }

  /// Ends a part of a log: lets those settled conversations go that the next part will hardly go on with.
  ///
  /// As many stay as the next part holds back for this one.
  mutating func endPart(into accumulator: inout EvidenceAccumulator) {
    let kept = capacity / 16
    guard conversations.count > kept else { return }
    let share = 1 - Double(kept) / Double(conversations.count)
    settle(.settled(quietSince: quietTime(share: share)), into: &accumulator)
  }

  /// The time before which about a share of the conversations ended.
  private func quietTime(share: Double) -> Int64 {
    let step = max(1, conversations.count / 1024)
    let times = stride(from: 0, to: conversations.count, by: step).map { conversations[$0].last }
    return times.sorted()[Int(Double(times.count - 1) * share)]
  }

  /// Decides and hands over conversations; what goes on keeps what it has shown so far.
  mutating func settle(_ extent: Extent, into accumulator: inout EvidenceAccumulator) {
    var emissions = Emissions()
    var isGone = [Bool](repeating: false, count: conversations.count)
    switch extent {
    case .settled(let cutoff):
      settleSure(quietSince: cutoff, &isGone, &emissions, into: &accumulator)
    case .quiet(let cutoff):
      settleAll(quietSince: cutoff, &isGone, &emissions, into: &accumulator)
    case .everything:
      heldBack = 0
      // What nothing can change needs no second look.
      settleSure(quietSince: .max, &isGone, &emissions, into: &accumulator)
      settleAll(quietSince: .max, &isGone, &emissions, into: &accumulator)
    }
    countPodPairs(&emissions, into: &accumulator)
    emit(emissions, into: &accumulator)
    remove(isGone)
    forgetTooMany()
  }

  /// Decides what later records cannot change.
  private mutating func settleSure(
    quietSince cutoff: Int64,
    _ isGone: inout [Bool],
    _ emissions: inout Emissions,
    into accumulator: inout EvidenceAccumulator
  ) {
    let resolver = accumulator.resolver?.ready
    let served = resolver?.servedPorts
    var answered: [UInt64] = []
    for head in conversations.indices where conversations[head].isHead {
      // What may hide a pod behind its node waits for the other node's view.
      if pairsViews, conversations[head].nodesMayBePods { continue }
      // Most have one hour, and that one goes or stays.
      if conversations[head].next == 0 {
        guard head >= heldBack, conversations[head].last <= cutoff else { continue }
        if let pair = plainPair(at: head, &answered, &emissions) {
          isGone[head] = true
          count(pair, &emissions, into: &accumulator)
          continue
        }
      }
      var group = group(at: head)
      guard let clientIsA = sureClient(of: group, resolver, served) else { continue }
      group.clientIsA = clientIsA
      guard isSettled(group) else { continue }
      observe(group, &answered)
      judge(group, quietSince: cutoff, &isGone, &emissions, into: &accumulator)
    }
    behaviour.answered(answered)
  }

  /// Decides with what all conversations together tell, those that are gone left out.
  private mutating func settleAll(
    quietSince cutoff: Int64,
    _ isGone: inout [Bool],
    _ emissions: inout Emissions,
    into accumulator: inout EvidenceAccumulator
  ) {
    let resolver = accumulator.resolver?.ready
    let served = resolver?.servedPorts
    let heads = conversations.indices.filter { conversations[$0].isHead && !isGone[$0] }
    var clients = [Bool?](repeating: nil, count: heads.count)
    // Most have a client's port that no other has.
    behaviour.reserve(heads.count)
    var answered: [UInt64] = []
    for index in heads.indices {
      fetchEnds(ahead: index, heads)
      var group = group(at: heads[index])
      group.clientIsA = sureClient(of: group, resolver, served)
      clients[index] = group.clientIsA
      observe(group, &answered)
    }
    behaviour.answered(answered)
    // Whether a datagram without an answer got somewhere, others of its kind tell: those wait for all of them.
    var datagrams: [(head: Int, clientIsA: Bool?)] = []
    for index in heads.indices {
      fetchEnds(ahead: index, heads)
      var group = group(at: heads[index])
      let goes = goes(group, quietSince: cutoff)
      let isUDP = conversations[group.head].transport == TransportProtocol.udp.number
      // What stays is decided when it goes.
      guard goes || isUDP else { continue }
      group.clientIsA = clients[index] ?? likelyClient(of: group)
      if isUDP {
        noteOneWay(group)
        if goes { datagrams.append((group.head, group.clientIsA)) }
      } else {
        judge(group, quietSince: cutoff, &isGone, &emissions, into: &accumulator)
      }
    }
    for (head, clientIsA) in datagrams {
      var group = group(at: head)
      group.clientIsA = clientIsA
      judge(group, quietSince: cutoff, &isGone, &emissions, into: &accumulator)
    }
  }

  /// Asks for the memory in which the ends of a conversation will be found that comes some places behind one.
  @inline(__always)
  private func fetchEnds(ahead index: Int, _ heads: [Int]) {
    guard index + 16 < heads.count else { return }
    let one = conversations[heads[index + 16]]
    behaviour.fetch(key(one, isA: true))
    behaviour.fetch(key(one, isA: false))
  }

  /// Whether any hour of a conversation is to be judged.
  private func goes(_ group: ConversationGroup, quietSince cutoff: Int64) -> Bool {
    var next = UInt32(truncatingIfNeeded: group.head + 1)
    while next != 0 {
      let position = Int(next) - 1
      if position >= heldBack, conversations[position].last <= cutoff { return true }
      next = conversations[position].next
    }
    return false
  }

  @inline(__always)
  private func group(at head: Int) -> ConversationGroup {
    var group = ConversationGroup(conversations[head], head: head)
    var next = conversations[head].next
    while next != 0 {
      let position = Int(next) - 1
      group.add(conversations[position])
      next = conversations[position].next
    }
    return group
  }

  /// Judges the hours of a conversation that were quiet since a time, and marks them as gone.
  private mutating func judge(
    _ group: ConversationGroup,
    quietSince cutoff: Int64,
    _ isGone: inout [Bool],
    _ emissions: inout Emissions,
    into accumulator: inout EvidenceAccumulator
  ) {
    let hasSucceeded = group.clientIsA.map { succeeded(group, clientIsA: $0) } ?? false
    var next = UInt32(truncatingIfNeeded: group.head + 1)
    while next != 0 {
      let position = Int(next) - 1
      next = conversations[position].next
      if position >= heldBack, conversations[position].last <= cutoff {
        judge(
          position,
          in: group,
          hasSucceeded: hasSucceeded,
          emissions: &emissions,
          into: &accumulator
        )
        isGone[position] = true
      } else {
        // What other hours showed must not be lost with them.
        conversations[position].marksA = group.marksA
        conversations[position].marksB = group.marksB
        if hasSucceeded { conversations[position].marksA.insert(.complete) }
      }
    }
  }
}

// MARK: - Deciding

extension ConversationTable {
  /// Whether nothing that comes later can change who opened a conversation and that it worked.
  private func isSettled(_ group: ConversationGroup) -> Bool {
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
  private mutating func observe(_ group: ConversationGroup, _ answered: inout [UInt64]) {
    guard group.marks.contains(.accepted) else { return }
    let one = conversations[group.head]
    func meet(_ isA: Bool) {
      behaviour.meet(
        key(one, isA: isA),
        partner: PortBehaviour.partner(
          addresses[isA ? one.addressB : one.addressA],
          isA ? one.portB : one.portA
        )
      )
    }
    guard let clientIsA = group.clientIsA else {
      meet(true)
      meet(false)
      return
    }
    if group.serverMarks.isSuperset(of: [.answered, .accepted]) {
      answered.append(key(one, isA: !clientIsA))
    } else {
      meet(!clientIsA)
    }
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
  private func sureClient(
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
  private func likelyClient(of group: ConversationGroup) -> Bool? {
    let one = conversations[group.head]
    return behaviour.server(key(one, isA: false), key(one, isA: true))
  }

  private func pair(_ one: Conversation, clientIsA: Bool) -> OneWayPair {
    OneWayPair(
      client: clientIsA ? one.addressA : one.addressB,
      server: clientIsA ? one.addressB : one.addressA,
      port: clientIsA ? one.portB : one.portA
    )
  }

  private mutating func noteOneWay(_ group: ConversationGroup) {
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
  private func succeeded(_ group: ConversationGroup, clientIsA: Bool) -> Bool {
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

// MARK: - Forgetting

extension ConversationTable {
  /// Keeps what outlives conversations within its bounds.
  private mutating func forgetTooMany() {
    if behaviour.count > 2 * ConversationTable.maximumMemory {
      behaviour.prune(to: ConversationTable.maximumMemory)
    }
    if addresses.longAddresses.count > 2 * ConversationTable.maximumMemory { renumberAddresses() }
  }

  /// Numbers those IPv6 addresses anew that are still in use.
  private mutating func renumberAddresses() {
    let old = addresses
    var used: Set<UInt32> = []
    for conversation in conversations {
      used.insert(conversation.addressA)
      used.insert(conversation.addressB)
    }
    behaviour.prune(to: ConversationTable.maximumMemory)
    used.formUnion(behaviour.addressNumbers)
    for pair in oneWayHours.keys { used.formUnion([pair.client, pair.server]) }
    var renewed = AddressNumbers()
    // In ascending order of the old numbers, so that A stays A.
    var numbers: [UInt32: UInt32] = [:]
    for number in used.sorted() where AddressNumbers.isLong(number) {
      numbers[number] = renewed.number(of: old[number])
    }
    func renewedNumber(_ number: UInt32) -> UInt32 { numbers[number] ?? number }
    addresses = renewed
    pods = PodMemo()
    behaviour.renumber(renewedNumber)
    oneWayHours = Dictionary(
      oneWayHours.map { pair, hours in
        let moved = OneWayPair(
          client: renewedNumber(pair.client),
          server: renewedNumber(pair.server),
          port: pair.port
        )
        return (moved, hours)
      },
      uniquingKeysWith: { first, _ in first }
    )
    for position in conversations.indices {
      conversations[position].renumber(renewedNumber, detail: { $0 })
    }
    findAnew()
  }
}
