import FlowAggregation
import FlowModel

/// Edges whose ends have to be looked up one by one, with what is counted for them.
struct Emissions {
  /// What one edge will be counted with, keyed closely enough that all its records resolve alike.
  struct Key: Hashable {
    var client: UInt32
    var server: UInt32
    var clientDetail: UInt16
    var serverDetail: UInt16
    var hour: Int32
    /// Five-minute parts of the hour in which it began and ended: addresses change hands.
    var firstPart: UInt16
    var lastPart: UInt16
    var port: UInt16
    var transport: UInt8
    var evidence: EvidenceClass
    var nodesMayBePods: Bool
  }

  /// What is counted.
  struct Count {
    var records: Int
    var bytes: Int64
    var first: Int64
    var last: Int64
    var line: Int
  }

  /// An edge whose ends may be pods all through the hour of its conversation.
  struct PodPair {
    var position: Int
    var clientIsA: Bool
    var evidence: EvidenceClass
    var records: Int
    var bytes: Int64
  }

  /// Edges that wait to be counted: the ends of many are looked up together.
  var podPairs: [PodPair] = []
  /// Records that were answers, and those that other captures had too.
  var replies = 0
  var otherViews = 0

  private(set) var counts: [Key: Count] = [:]

  mutating func add(_ key: Key, _ new: Count) {
    guard var known = counts[key] else {
      counts[key] = new
      return
    }
    known.records += new.records
    known.bytes = known.bytes.addingSaturated(new.bytes)
    if (new.first, new.line) < (known.first, known.line) {
      known.first = new.first
      known.line = new.line
    }
    known.last = max(known.last, new.last)
    counts[key] = known
  }
}

// MARK: - Judging

extension ConversationTable {
  /// Counts one hour of a conversation, or why it is no evidence.
  mutating func judge(
    _ position: Int,
    in group: ConversationGroup,
    hasSucceeded: Bool,
    emissions: inout Emissions,
    into accumulator: inout EvidenceAccumulator
  ) {
    let conversation = conversations[position]
    guard let clientIsA = group.clientIsA else {
      judgeUndecided(
        position,
        in: group,
        isLate: hasSucceeded,
        emissions: &emissions,
        into: &accumulator
      )
      return
    }
    let views = Int(conversation.otherViews)
    let accepted = Int(conversation.recordsA) + Int(conversation.recordsB)
    if accepted + views > 0 {
      let forward = Int(clientIsA ? conversation.recordsA : conversation.recordsB)
      let used = forward > 0 ? forward : max(accepted, 1)
      let pair = Emissions.PodPair(
        position: position,
        clientIsA: clientIsA,
        evidence: hasSucceeded ? .allowed : .attempt,
        records: used,
        bytes: conversation.bytes
      )
      count(pair, &emissions, into: &accumulator)
      if forward > 0, accepted > forward { emissions.replies += accepted - forward }
      let others = accepted > 0 ? views : views - 1
      if others > 0 { emissions.otherViews += others }
    }
    let rejected = Int(conversation.rejectedA) + Int(conversation.rejectedB)
    guard rejected > 0 else { return }
    let stated = group.clientMarks.contains(.stated)
    if hasSucceeded, !stated {
      // Packets that came after the connection was closed.
      accumulator.discard(.midConnection, count: rejected)
      return
    }
    let refused = Int(clientIsA ? conversation.rejectedA : conversation.rejectedB)
    if rejected > refused { accumulator.discard(.reply, count: rejected - refused) }
    guard refused > 0 else { return }
    let isLate =
      conversation.transport == TransportProtocol.tcp.number && !stated
      && group.clientMarks.contains(.showsFlags) && !group.clientMarks.contains(.opened)
    if isLate {
      accumulator.discard(.midConnection, count: refused)
    } else {
      let pair = Emissions.PodPair(
        position: position,
        clientIsA: clientIsA,
        evidence: .denied,
        records: refused,
        bytes: 0
      )
      count(pair, &emissions, into: &accumulator)
    }
  }

  private mutating func judgeUndecided(
    _ position: Int,
    in group: ConversationGroup,
    isLate: Bool,
    emissions: inout Emissions,
    into accumulator: inout EvidenceAccumulator
  ) {
    let conversation = conversations[position]
    let accepted =
      Int(conversation.recordsA) + Int(conversation.recordsB) + Int(conversation.otherViews)
    let rejected = Int(conversation.rejectedA) + Int(conversation.rejectedB)
    if accepted > 0 {
      accumulator.discardUndecided(
        addresses[conversation.addressA],
        addresses[conversation.addressB],
        count: accepted
      )
    }
    guard rejected > 0 else { return }
    let isTCP = conversation.transport == TransportProtocol.tcp.number
    if isLate || isTCP && group.marks.contains(.showsFlags) {
      accumulator.discard(.midConnection, count: rejected)
    } else if !group.marks.contains(.accepted), group.hasRejectedA != group.hasRejectedB {
      // Nothing of it was ever let through, so what was refused can only have opened it.
      let pair = Emissions.PodPair(
        position: position,
        clientIsA: group.hasRejectedA,
        evidence: .denied,
        records: rejected,
        bytes: 0
      )
      count(pair, &emissions, into: &accumulator)
    } else {
      accumulator.discard(.undecidedDirection, count: rejected)
    }
  }

  /// The edge of a conversation of one hour that was opened, answered and never refused, as most are.
  ///
  /// - Returns: nil for any other; the long way says the same of these.
  @inline(__always)
  func plainPair(
    at position: Int,
    _ answered: inout [UInt64],
    _ emissions: inout Emissions
  ) -> Emissions.PodPair? {
    let one = conversations[position]
    let (marksA, marksB) = (one.marksA, one.marksB)
    let openedByA = marksA.contains(.opened) || marksB.contains(.answered)
    let openedByB = marksB.contains(.opened) || marksA.contains(.answered)
    guard openedByA != openedByB,
      marksA.union(marksB).intersection([.complete, .payload, .stated]) == [.complete, .payload],
      (openedByA ? marksB : marksA).isSuperset(of: [.answered, .accepted]),
      one.rejectedA | one.rejectedB == 0
    else { return nil }
    let forward = Int(openedByA ? one.recordsA : one.recordsB)
    guard forward > 0 else { return nil }
    answered.append(key(one, isA: openedByB))
    emissions.replies += Int(openedByA ? one.recordsB : one.recordsA)
    emissions.otherViews += Int(one.otherViews)
    return Emissions.PodPair(
      position: position,
      clientIsA: openedByA,
      evidence: .allowed,
      records: forward,
      bytes: one.bytes
    )
  }

  /// The edge of a conversation of one hour without flags that surely worked, was never refused, and whose ports
  /// prove who opened it.
  ///
  /// - Returns: nil for any other; the long way says the same of these.
  @inline(__always)
  mutating func provenPair(
    at position: Int,
    _ served: ServedPorts?,
    _ emissions: inout Emissions
  ) -> Emissions.PodPair? {
    let one = conversations[position]
    let worked: ConversationMarks = [.accepted, .beyondReset, .payload]
    guard one.marksA == worked, one.marksB == worked, one.rejectedA | one.rejectedB == 0,
      one.transport == TransportProtocol.tcp.number,
      let isClientA = behaviour.provenServer(key(one, isA: false), key(one, isA: true)),
      // What the inventory says counts more, and of a server it could only say the same.
      served?.contains(isClientA ? one.portA : one.portB) != true
    else { return nil }
    let (forward, replies) =
      isClientA ? (one.recordsA, one.recordsB) : (one.recordsB, one.recordsA)
    // One packet back for each record may be a refusal.
    guard forward > 0, (isClientA ? one.packetsB : one.packetsA) > replies else { return nil }
    meet(one, isA: !isClientA)
    emissions.replies += Int(replies)
    emissions.otherViews += Int(one.otherViews)
    return Emissions.PodPair(
      position: position,
      clientIsA: isClientA,
      evidence: .allowed,
      records: Int(forward),
      bytes: one.bytes
    )
  }

  /// Counts an edge with others of its kind: those of pods all through the hour, or those of the same ends.
  @inline(__always)
  mutating func count(
    _ pair: Emissions.PodPair,
    _ emissions: inout Emissions,
    into accumulator: inout EvidenceAccumulator
  ) {
    let one = conversations[pair.position]
    if one.detailA == 0, one.detailB == 0, one.last <= one.hourStart + PodMemo.end {
      emissions.podPairs.append(pair)
      if emissions.podPairs.count >= 256 { countPodPairs(&emissions, into: &accumulator) }
    } else {
      add(pair, to: &emissions)
    }
  }

  /// Counts the edges that wait for it: at once where both ends are pods, else with others like them.
  mutating func countPodPairs(
    _ emissions: inout Emissions,
    into accumulator: inout EvidenceAccumulator
  ) {
    // To find a pod or an edge waits for memory: step by step, many such waits pass at once.
    let ends = emissions.podPairs.map { pair in
      let one = conversations[pair.position]
      let hour = one.hour
      let podA = pods.pod(at: one.addressA, hour: hour, addresses: addresses, in: &accumulator)
      let podB = pods.pod(at: one.addressB, hour: hour, addresses: addresses, in: &accumulator)
      return pair.clientIsA ? (client: podA, server: podB) : (client: podB, server: podA)
    }
    for (pair, ends) in zip(emissions.podPairs, ends) {
      guard ends.client != PodMemo.nobody, ends.server != PodMemo.nobody else {
        add(pair, to: &emissions)
        continue
      }
      let one = conversations[pair.position]
      accumulator.counts.used += pair.records - 1
      accumulator.add(
        source: ends.client,
        destination: ends.server,
        transport: TransportProtocol(number: one.transport),
        port: pair.clientIsA ? one.portB : one.portA,
        side: .both,
        evidence: pair.evidence,
        records: Int64(pair.records),
        bytes: pair.bytes,
        first: one.first,
        // An interval's end lies outside it.
        last: max(one.first, one.last - 1),
        line: Int(one.line)
      )
    }
    emissions.podPairs.removeAll(keepingCapacity: true)
    if emissions.replies > 0 { accumulator.discard(.reply, count: emissions.replies) }
    if emissions.otherViews > 0 {
      accumulator.discard(.duplicateView, count: emissions.otherViews)
    }
    emissions.replies = 0
    emissions.otherViews = 0
  }

  /// Adds an edge whose ends are looked up with what is known of it alone.
  private func add(_ pair: Emissions.PodPair, to emissions: inout Emissions) {
    let conversation = conversations[pair.position]
    let clientIsA = pair.clientIsA
    let hourStart = conversation.hourStart
    func part(_ time: Int64) -> UInt16 {
      UInt16(clamping: (time - hourStart) / (Timestamps.second * 300))
    }
    emissions.add(
      Emissions.Key(
        client: clientIsA ? conversation.addressA : conversation.addressB,
        server: clientIsA ? conversation.addressB : conversation.addressA,
        clientDetail: clientIsA ? conversation.detailA : conversation.detailB,
        serverDetail: clientIsA ? conversation.detailB : conversation.detailA,
        hour: conversation.hour,
        firstPart: part(conversation.first),
        lastPart: part(conversation.last),
        port: clientIsA ? conversation.portB : conversation.portA,
        transport: conversation.transport,
        evidence: pair.evidence,
        nodesMayBePods: conversation.nodesMayBePods
      ),
      Emissions.Count(
        records: pair.records,
        bytes: pair.bytes,
        first: conversation.first,
        last: conversation.last,
        line: Int(conversation.line)
      )
    )
  }

  /// Hands edges over in an order that depends on their content only.
  func emit(_ emissions: Emissions, into accumulator: inout EvidenceAccumulator) {
    let sorted = emissions.counts.sorted { left, right in
      if left.value.first != right.value.first { return left.value.first < right.value.first }
      if left.value.line != right.value.line { return left.value.line < right.value.line }
      let ends = (addresses[left.key.client], addresses[left.key.server])
      let otherEnds = (addresses[right.key.client], addresses[right.key.server])
      if ends != otherEnds { return ends < otherEnds }
      if left.key.port != right.key.port { return left.key.port < right.key.port }
      return left.key.evidence < right.key.evidence
    }
    let wasAmbiguous = accumulator.nodeAddressesAreAmbiguous
    for (key, count) in sorted {
      accumulator.nodeAddressesAreAmbiguous = key.nodesMayBePods
      accumulator.record(
        ObservedFlow(
          source: end(key.client, detail: key.clientDetail, isClient: true),
          destination: end(key.server, detail: key.serverDetail, isClient: false),
          transport: TransportProtocol(number: key.transport),
          port: key.port,
          side: .both,
          evidence: key.evidence,
          start: count.first,
          end: count.last,
          records: Int64(count.records),
          bytes: count.bytes
        ),
        line: count.line,
        lines: count.records
      )
    }
    accumulator.nodeAddressesAreAmbiguous = wasAmbiguous
  }

  private func end(_ address: UInt32, detail number: UInt16, isClient: Bool) -> ObservedEnd {
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
}
