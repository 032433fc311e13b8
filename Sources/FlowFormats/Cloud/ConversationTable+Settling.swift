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
    if conversations.count > limit { nameHiddenPods(quietSince: .max, accumulator.resolver) }
    if conversations.count > limit {
      settle(.quiet(since: quietTime(share: 0.5)), into: &accumulator)
      if conversations.count > limit { settle(.everything, into: &accumulator) }
    }
    threshold = min(capacity, max(conversations.count + capacity / 4, 2))
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
    if case .settled(let cutoff) = extent {
      nameHiddenPods(quietSince: cutoff, accumulator.resolver)
      // Many records may end at the same time: what came last is not quiet, whatever its time.
      busyFrom = conversations.count - capacity / 16
    }
    defer { busyFrom = .max }
    var emissions = Emissions()
    var isGone = [Bool](repeating: false, count: conversations.count)
    switch extent {
    case .settled(let cutoff):
      settleSure(quietSince: cutoff, learns: true, &isGone, &emissions, into: &accumulator)
    case .quiet(let cutoff):
      settleAll(quietSince: cutoff, &isGone, &emissions, into: &accumulator)
    case .everything:
      heldBack = 0
      // What nothing can change needs no second look.
      settleSure(quietSince: .max, learns: false, &isGone, &emissions, into: &accumulator)
      settleAll(quietSince: .max, &isGone, &emissions, into: &accumulator)
    }
    countPodPairs(&emissions, into: &accumulator)
    emit(emissions, into: &accumulator)
    remove(isGone)
    forgetTooMany()
  }

  /// Decides what later records cannot change.
  ///
  /// - Parameter learns: Whether to learn how ports behave from those that are not sure, and to decide what
  ///   that proves; not at the end, where ``settleAll`` looks at all of them together.
  private mutating func settleSure(
    quietSince cutoff: Int64,
    learns: Bool,
    _ isGone: inout [Bool],
    _ emissions: inout Emissions,
    into accumulator: inout EvidenceAccumulator
  ) {
    let resolver = accumulator.resolver?.ready
    let served = resolver?.servedPorts
    var answered: [UInt64] = []
    var waiting: [Int] = []
    for head in conversations.indices {
      if learns { fetchBusyEnd(ahead: head) }
      guard conversations[head].isHead else { continue }
      // Most have one hour, and that one goes or stays.
      let isAlone = conversations[head].next == 0
      if isAlone, !goes(head, quietSince: cutoff) { continue }
      // What may hide a pod behind its node waits for the other node's view.
      if pairsViews, waitsForView(head) { continue }
      if isAlone {
        var pair = plainPair(at: head, &answered, &emissions)
        if pair == nil, learns { pair = provenPair(at: head, served, &emissions) }
        if let pair {
          isGone[head] = true
          letGo.insert(conversations[head])
          count(pair, &emissions, into: &accumulator)
          continue
        }
      }
      var group = group(at: head)
      group.clientIsA = sureClient(of: group, resolver, served)
      if learns, group.clientIsA == nil {
        // Without an answer it settles at the end only.
        guard group.marksA.intersection(group.marksB).contains(.accepted) else { continue }
        // Datagrams may go to and fro between ends that are alike: those are all learnt from before.
        if conversations[head].transport == TransportProtocol.tcp.number {
          group.clientIsA = provenClient(of: group)
        }
        if group.clientIsA == nil {
          learn(group, &answered)
          waiting.append(head)
        }
      }
      guard isSettled(group) else { continue }
      observe(group, &answered)
      judge(group, quietSince: cutoff, &isGone, &emissions, into: &accumulator)
    }
    behaviour.answered(answered)
    guard learns else { return }
    behaviour.prove(least: capacity / 32)
    for head in waiting {
      var group = group(at: head)
      group.clientIsA = provenClient(of: group)
      guard isSettled(group) else { continue }
      judge(group, quietSince: cutoff, &isGone, &emissions, into: &accumulator)
    }
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

  /// Whether in any hour of a conversation a pod may hide behind its node that another view names.
  @inline(__always)
  private func waitsForView(_ head: Int) -> Bool {
    var next = UInt32(truncatingIfNeeded: head + 1)
    while next != 0 {
      let one = conversations[Int(next) - 1]
      if one.nodesMayBePods, !one.steps.contains(.unpaired) { return true }
      next = one.next
    }
    return false
  }

  /// Asks for the memory in which a busy end of a conversation will be found that comes some places behind one.
  @inline(__always)
  private func fetchBusyEnd(ahead position: Int) {
    guard position + 16 < conversations.count else { return }
    let one = conversations[position + 16]
    // Of most that show flags these tell enough.
    guard !one.marksA.contains(.showsFlags) else { return }
    behaviour.fetchBusy(key(one, isA: true))
    behaviour.fetchBusy(key(one, isA: false))
  }

  /// Asks for the memory in which the ends of a conversation will be found that comes some places behind one.
  @inline(__always)
  private func fetchEnds(ahead index: Int, _ heads: [Int]) {
    guard index + 16 < heads.count else { return }
    let one = conversations[heads[index + 16]]
    behaviour.fetch(key(one, isA: true))
    behaviour.fetch(key(one, isA: false))
  }

  /// Whether one hour of a conversation is to be judged.
  @inline(__always)
  private func goes(_ position: Int, quietSince cutoff: Int64) -> Bool {
    position >= heldBack && position < busyFrom && conversations[position].last <= cutoff
  }

  /// Whether any hour of a conversation is to be judged.
  private func goes(_ group: ConversationGroup, quietSince cutoff: Int64) -> Bool {
    var next = UInt32(truncatingIfNeeded: group.head + 1)
    while next != 0 {
      let position = Int(next) - 1
      if goes(position, quietSince: cutoff) { return true }
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
    var hasSucceeded = group.clientIsA.map { succeeded(group, clientIsA: $0) } ?? false
    if hasSucceeded {
      letGo.insert(conversations[group.head])
    } else {
      // What came late of a connection that worked.
      hasSucceeded = letGo.contains(conversations[group.head])
    }
    var next = UInt32(truncatingIfNeeded: group.head + 1)
    while next != 0 {
      let position = Int(next) - 1
      next = conversations[position].next
      if goes(position, quietSince: cutoff) {
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
    hosts = [:]
    letGo = LetGoMemo()
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
