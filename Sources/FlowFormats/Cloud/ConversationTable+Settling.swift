import FlowAggregation
import FlowModel

/// All hours of one conversation, with what they show together.
private struct ConversationGroup {
  /// Positions in the sorted table.
  var range: Range<Int>
  /// The marks of all hours.
  var marksA: ConversationMarks
  var marksB: ConversationMarks
  /// Packets of all hours, 0 when not counted.
  var packetsA: UInt64 = 0
  var packetsB: UInt64 = 0
  /// Whether records of each end were refused.
  var hasRejectedA = false
  var hasRejectedB = false
  /// Whether A opened it; nil while that is not known.
  var clientIsA: Bool?

  var clientMarks: ConversationMarks { clientIsA == false ? marksB : marksA }
  var serverMarks: ConversationMarks { clientIsA == false ? marksA : marksB }
}

/// What one edge will be counted with, keyed closely enough that all its records resolve alike.
private struct EmissionKey: Hashable {
  var client: UInt32
  var server: UInt32
  var clientDetail: UInt32
  var serverDetail: UInt32
  var hour: Int32
  /// Five-minute parts of the hour in which it began and ended: addresses change hands.
  var firstPart: UInt16
  var lastPart: UInt16
  var port: UInt16
  var transport: UInt8
  var evidence: EvidenceClass
  var nodesMayBePods: Bool
}

private struct Emission {
  var records: Int
  var bytes: Int64
  var first: Int64
  var last: Int64
  var line: Int
}

// MARK: - Settling

extension ConversationTable {
  /// Decides and hands over the conversations that were quiet since a time, or all of them.
  mutating func settle(quietSince cutoff: Int64?, into accumulator: inout EvidenceAccumulator) {
    conversations.sort {
      $0.ends != $1.ends ? $0.ends < $1.ends : $0.what < $1.what
    }
    var groups = groupedByTuple()
    for group in groups { observe(group) }
    for index in groups.indices {
      groups[index].clientIsA = decide(groups[index], resolver: accumulator.resolver)
      noteOneWay(groups[index])
    }
    var emissions: [EmissionKey: Emission] = [:]
    var kept: [Conversation] = []
    for group in groups {
      for position in group.range {
        var conversation = conversations[position]
        if let cutoff, conversation.last > cutoff {
          // What earlier hours showed must not be lost with them.
          conversation.marksA = group.marksA
          conversation.marksB = group.marksB
          kept.append(conversation)
        } else {
          judge(conversation, in: group, emissions: &emissions, into: &accumulator)
        }
      }
    }
    emit(emissions, into: &accumulator)
    keep(kept)
  }

  private func groupedByTuple() -> [ConversationGroup] {
    var groups: [ConversationGroup] = []
    var start = 0
    while start < conversations.count {
      let first = conversations[start]
      var group = ConversationGroup(
        range: start..<start + 1,
        marksA: first.marksA,
        marksB: first.marksB
      )
      var end = start
      while end < conversations.count, conversations[end].tuple == first.tuple {
        let conversation = conversations[end]
        group.marksA.formUnion(conversation.marksA)
        group.marksB.formUnion(conversation.marksB)
        group.packetsA += UInt64(conversation.packetsA)
        group.packetsB += UInt64(conversation.packetsB)
        group.hasRejectedA = group.hasRejectedA || conversation.rejectedA > 0
        group.hasRejectedB = group.hasRejectedB || conversation.rejectedB > 0
        end += 1
      }
      group.range = start..<end
      groups.append(group)
      start = end
    }
    return groups
  }

  /// Learns from a conversation how its ports behave; refused packets teach nothing.
  private mutating func observe(_ group: ConversationGroup) {
    let marks = group.marksA.union(group.marksB)
    guard marks.contains(.accepted) else { return }
    let one = conversations[group.range.lowerBound]
    let keyA = PortBehaviour.key(one.addressA, one.portA, one.transport)
    let keyB = PortBehaviour.key(one.addressB, one.portB, one.transport)
    behaviour.meet(keyA, partner: PortBehaviour.partner(addresses[one.addressB], one.portB))
    behaviour.meet(keyB, partner: PortBehaviour.partner(addresses[one.addressA], one.portA))
    if group.marksA.isSuperset(of: [.answered, .accepted]) { behaviour.answered(keyA) }
    if group.marksB.isSuperset(of: [.answered, .accepted]) { behaviour.answered(keyB) }
  }

  /// Who opened a conversation: true for A, false for B, nil when nothing tells.
  ///
  /// In this order: what the log states, the opening flags of either direction, the inventory, ends that
  /// answered openings elsewhere, ends that meet many partners. Never port numbers, times or the order.
  private func decide(_ group: ConversationGroup, resolver: (any AddressResolving)?) -> Bool? {
    let one = conversations[group.range.lowerBound]
    func exactly(_ isA: Bool, _ isB: Bool) -> Bool? { isA == isB ? nil : isA }
    let stated = exactly(group.marksA.contains(.stated), group.marksB.contains(.stated))
    if let stated { return stated }
    let byFlags = exactly(
      group.marksA.contains(.opened) || group.marksB.contains(.answered),
      group.marksB.contains(.opened) || group.marksA.contains(.answered)
    )
    if let byFlags { return byFlags }
    let transport = TransportProtocol(number: one.transport)
    if let resolver {
      let time = one.first
      let byInventory = exactly(
        resolver.serves(
          addresses[one.addressB],
          transport: transport,
          port: one.portB,
          at: time
        ),
        resolver.serves(
          addresses[one.addressA],
          transport: transport,
          port: one.portA,
          at: time
        )
      )
      if let byInventory { return byInventory }
    }
    let keyA = PortBehaviour.key(one.addressA, one.portA, one.transport)
    let keyB = PortBehaviour.key(one.addressB, one.portB, one.transport)
    return exactly(behaviour.answersOpenings(keyB), behaviour.answersOpenings(keyA))
      ?? exactly(behaviour.isBusy(keyB), behaviour.isBusy(keyA))
  }

  private mutating func noteOneWay(_ group: ConversationGroup) {
    let one = conversations[group.range.lowerBound]
    guard let clientIsA = group.clientIsA, one.transport == TransportProtocol.udp.number,
      group.clientMarks.contains(.accepted), !group.serverMarks.contains(.accepted)
    else { return }
    let last = conversations[group.range.upperBound - 1]
    noteOneWay(
      OneWayPair(
        client: clientIsA ? one.addressA : one.addressB,
        server: clientIsA ? one.addressB : one.addressA,
        port: clientIsA ? one.portB : one.portA
      ),
      one.hour...last.hour
    )
  }

  /// Whether both sides were seen to talk, so that the connection worked.
  private func succeeded(_ group: ConversationGroup, _ one: Conversation, _ clientIsA: Bool)
    -> Bool
  {
    let client = group.clientMarks
    let server = group.serverMarks
    guard client.union(server).contains(.payload) else { return false }
    if client.contains(.complete) || server.contains(.complete) { return true }
    if client.contains(.accepted), server.isSuperset(of: [.accepted, .beyondReset]) {
      let isTCP = one.transport == TransportProtocol.tcp.number
      let showsFlags = client.union(server).contains(.showsFlags)
      // Without flags a refusal shows by its size: one packet back, where a connection needs two.
      let answers = clientIsA ? group.packetsB : group.packetsA
      return !(isTCP && !showsFlags && answers == 1)
    }
    guard one.transport == TransportProtocol.udp.number, client.contains(.accepted) else {
      return false
    }
    let pair = OneWayPair(
      client: clientIsA ? one.addressA : one.addressB,
      server: clientIsA ? one.addressB : one.addressA,
      port: clientIsA ? one.portB : one.portA
    )
    // Senders such as syslog and statsd never get answers, but come again.
    return oneWayHours[pair].map { $0.lowerBound < $0.upperBound } ?? false
  }
}

// MARK: - Judging

extension ConversationTable {
  private func judge(
    _ conversation: Conversation,
    in group: ConversationGroup,
    emissions: inout [EmissionKey: Emission],
    into accumulator: inout EvidenceAccumulator
  ) {
    let isTCP = conversation.transport == TransportProtocol.tcp.number
    let views = Int(conversation.otherViews)
    let accepted = Int(conversation.recordsA) + Int(conversation.recordsB)
    let rejected = Int(conversation.rejectedA) + Int(conversation.rejectedB)
    guard let clientIsA = group.clientIsA else {
      if accepted + views > 0 {
        accumulator.discard(.undecidedDirection, count: accepted + views)
      }
      guard rejected > 0 else { return }
      let wasAccepted = group.marksA.union(group.marksB).contains(.accepted)
      let showsFlags = group.marksA.union(group.marksB).contains(.showsFlags)
      if isTCP, showsFlags {
        accumulator.discard(.midConnection, count: rejected)
      } else if !wasAccepted, group.hasRejectedA != group.hasRejectedB {
        // Nothing of it was ever let through, so what was refused can only have opened it.
        add(
          conversation,
          clientIsA: group.hasRejectedA,
          evidence: .denied,
          records: rejected,
          bytes: 0,
          to: &emissions
        )
      } else {
        accumulator.discard(.undecidedDirection, count: rejected)
      }
      return
    }
    let succeeded = succeeded(group, conversation, clientIsA)
    if accepted + views > 0 {
      let forward = Int(clientIsA ? conversation.recordsA : conversation.recordsB)
      let used = forward > 0 ? forward : max(accepted, 1)
      add(
        conversation,
        clientIsA: clientIsA,
        evidence: succeeded ? .allowed : .attempt,
        records: used,
        bytes: conversation.bytes,
        to: &emissions
      )
      if forward > 0, accepted > forward {
        accumulator.discard(.reply, count: accepted - forward)
      }
      let others = accepted > 0 ? views : views - 1
      if others > 0 { accumulator.discard(.duplicateView, count: others) }
    }
    guard rejected > 0 else { return }
    let stated = group.clientMarks.contains(.stated)
    if succeeded, !stated {
      // Packets that came after the connection was closed.
      accumulator.discard(.midConnection, count: rejected)
      return
    }
    let refused = Int(clientIsA ? conversation.rejectedA : conversation.rejectedB)
    if rejected > refused { accumulator.discard(.reply, count: rejected - refused) }
    guard refused > 0 else { return }
    let isLate =
      isTCP && !stated && group.clientMarks.contains(.showsFlags)
      && !group.clientMarks.contains(.opened)
    if isLate {
      accumulator.discard(.midConnection, count: refused)
    } else {
      add(
        conversation,
        clientIsA: clientIsA,
        evidence: .denied,
        records: refused,
        bytes: 0,
        to: &emissions
      )
    }
  }

  private func add(
    _ conversation: Conversation,
    clientIsA: Bool,
    evidence: EvidenceClass,
    records: Int,
    bytes: Int64,
    to emissions: inout [EmissionKey: Emission]
  ) {
    let hourStart = Int64(conversation.hour) * Timestamps.hour
    func part(_ time: Int64) -> UInt16 {
      UInt16(clamping: (time - hourStart) / (Timestamps.second * 300))
    }
    let key = EmissionKey(
      client: clientIsA ? conversation.addressA : conversation.addressB,
      server: clientIsA ? conversation.addressB : conversation.addressA,
      clientDetail: clientIsA ? conversation.detailA : conversation.detailB,
      serverDetail: clientIsA ? conversation.detailB : conversation.detailA,
      hour: conversation.hour,
      firstPart: part(conversation.first),
      lastPart: part(conversation.last),
      port: clientIsA ? conversation.portB : conversation.portA,
      transport: conversation.transport,
      evidence: evidence,
      nodesMayBePods: conversation.nodesMayBePods
    )
    let new = Emission(
      records: records,
      bytes: bytes,
      first: conversation.first,
      last: conversation.last,
      line: conversation.line
    )
    guard var known = emissions[key] else {
      emissions[key] = new
      return
    }
    known.records += new.records
    known.bytes = known.bytes &+ new.bytes
    if (new.first, new.line) < (known.first, known.line) {
      known.first = new.first
      known.line = new.line
    }
    known.last = max(known.last, new.last)
    emissions[key] = known
  }

  /// Hands the edges over in an order that depends on their content only.
  private func emit(
    _ emissions: [EmissionKey: Emission],
    into accumulator: inout EvidenceAccumulator
  ) {
    let sorted = emissions.sorted { left, right in
      if left.value.first != right.value.first { return left.value.first < right.value.first }
      if left.value.line != right.value.line { return left.value.line < right.value.line }
      let ends = (addresses[left.key.client], addresses[left.key.server])
      let otherEnds = (addresses[right.key.client], addresses[right.key.server])
      if ends != otherEnds { return ends < otherEnds }
      if left.key.port != right.key.port { return left.key.port < right.key.port }
      return left.key.evidence < right.key.evidence
    }
    let wasAmbiguous = accumulator.nodeAddressesAreAmbiguous
    for (key, emission) in sorted {
      accumulator.nodeAddressesAreAmbiguous = key.nodesMayBePods
      accumulator.record(
        ObservedFlow(
          source: end(key.client, detail: key.clientDetail, isClient: true),
          destination: end(key.server, detail: key.serverDetail, isClient: false),
          transport: TransportProtocol(number: key.transport),
          port: key.port,
          side: .both,
          evidence: key.evidence,
          start: emission.first,
          end: emission.last,
          records: Int64(emission.records),
          bytes: emission.bytes
        ),
        line: emission.line,
        lines: emission.records
      )
    }
    accumulator.nodeAddressesAreAmbiguous = wasAmbiguous
  }

  private func end(_ address: UInt32, detail number: UInt32, isClient: Bool) -> ObservedEnd {
    // A node serves on its own address; what comes from there may be a pod behind it.
    if number == ConversationTable.nodeOrPod, isClient {
      return .endpoint(
        Endpoint(
          kind: .unresolved,
          address: CIDR(single: addresses[address]),
          entity: EvidenceAccumulator.nodeOrPodEntity
        )
      )
    }
    return detail(number) ?? .address(addresses[address])
  }

  /// Keeps these conversations and what else must outlive the others, with addresses numbered anew.
  private mutating func keep(_ kept: [Conversation]) {
    behaviour.prune(to: ConversationTable.maximumMemory)
    let old = addresses
    var renewed = AddressTable()
    // In ascending order of the old numbers, so that A stays A.
    var isUsed = [Bool](repeating: false, count: old.addresses.count)
    for conversation in kept {
      isUsed[Int(conversation.addressA)] = true
      isUsed[Int(conversation.addressB)] = true
    }
    for number in behaviour.addressNumbers { isUsed[Int(number)] = true }
    for pair in oneWayHours.keys {
      isUsed[Int(pair.client)] = true
      isUsed[Int(pair.server)] = true
    }
    var numbers = [UInt32](repeating: 0, count: isUsed.count)
    for index in isUsed.indices where isUsed[index] {
      numbers[index] = renewed.number(of: old.addresses[index])
    }
    addresses = renewed
    behaviour.renumber { numbers[Int($0)] }
    oneWayHours = Dictionary(
      oneWayHours.map { pair, hours in
        let moved = OneWayPair(
          client: numbers[Int(pair.client)],
          server: numbers[Int(pair.server)],
          port: pair.port
        )
        return (moved, hours)
      },
      uniquingKeysWith: { first, _ in first }
    )
    replace(
      with: kept.map { conversation in
        var moved = conversation
        moved.renumber({ numbers[Int($0)] }, detail: { $0 })
        return moved
      }
    )
  }
}
