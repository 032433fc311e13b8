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
    _ conversation: Conversation,
    in group: ConversationGroup,
    hasSucceeded: Bool,
    emissions: inout Emissions,
    into accumulator: inout EvidenceAccumulator
  ) {
    guard let clientIsA = group.clientIsA else {
      judgeUndecided(conversation, in: group, emissions: &emissions, into: &accumulator)
      return
    }
    let views = Int(conversation.otherViews)
    let accepted = Int(conversation.recordsA) + Int(conversation.recordsB)
    if accepted + views > 0 {
      let forward = Int(clientIsA ? conversation.recordsA : conversation.recordsB)
      let used = forward > 0 ? forward : max(accepted, 1)
      count(
        conversation,
        clientIsA: clientIsA,
        evidence: hasSucceeded ? .allowed : .attempt,
        records: used,
        bytes: conversation.bytes,
        emissions: &emissions,
        into: &accumulator
      )
      if forward > 0, accepted > forward {
        accumulator.discard(.reply, count: accepted - forward)
      }
      let others = accepted > 0 ? views : views - 1
      if others > 0 { accumulator.discard(.duplicateView, count: others) }
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
      count(
        conversation,
        clientIsA: clientIsA,
        evidence: .denied,
        records: refused,
        bytes: 0,
        emissions: &emissions,
        into: &accumulator
      )
    }
  }

  private mutating func judgeUndecided(
    _ conversation: Conversation,
    in group: ConversationGroup,
    emissions: inout Emissions,
    into accumulator: inout EvidenceAccumulator
  ) {
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
    if isTCP, group.marks.contains(.showsFlags) {
      accumulator.discard(.midConnection, count: rejected)
    } else if !group.marks.contains(.accepted), group.hasRejectedA != group.hasRejectedB {
      // Nothing of it was ever let through, so what was refused can only have opened it.
      count(
        conversation,
        clientIsA: group.hasRejectedA,
        evidence: .denied,
        records: rejected,
        bytes: 0,
        emissions: &emissions,
        into: &accumulator
      )
    } else {
      accumulator.discard(.undecidedDirection, count: rejected)
    }
  }

  /// Counts an edge at once where both ends are pods all through the hour, else with others like it.
  private mutating func count(
    _ conversation: Conversation,
    clientIsA: Bool,
    evidence: EvidenceClass,
    records: Int,
    bytes: Int64,
    emissions: inout Emissions,
    into accumulator: inout EvidenceAccumulator
  ) {
    let client = clientIsA ? conversation.addressA : conversation.addressB
    let server = clientIsA ? conversation.addressB : conversation.addressA
    let hourStart = conversation.hourStart
    if conversation.detailA == 0, conversation.detailB == 0,
      conversation.last <= hourStart + Timestamps.hour + PodMemo.reach
    {
      let hour = conversation.hour
      let source = pods.pod(at: client, hour: hour, addresses: addresses, in: &accumulator)
      if source != PodMemo.nobody {
        let destination = pods.pod(at: server, hour: hour, addresses: addresses, in: &accumulator)
        if destination != PodMemo.nobody {
          accumulator.counts.used += records - 1
          accumulator.add(
            source: source,
            destination: destination,
            transport: TransportProtocol(number: conversation.transport),
            port: clientIsA ? conversation.portB : conversation.portA,
            side: .both,
            evidence: evidence,
            records: Int64(records),
            bytes: bytes,
            first: conversation.first,
            // An interval's end lies outside it.
            last: max(conversation.first, conversation.last - 1),
            line: Int(conversation.line)
          )
          return
        }
      }
    }
    func part(_ time: Int64) -> UInt16 {
      UInt16(clamping: (time - hourStart) / (Timestamps.second * 300))
    }
    emissions.add(
      Emissions.Key(
        client: client,
        server: server,
        clientDetail: clientIsA ? conversation.detailA : conversation.detailB,
        serverDetail: clientIsA ? conversation.detailB : conversation.detailA,
        hour: conversation.hour,
        firstPart: part(conversation.first),
        lastPart: part(conversation.last),
        port: clientIsA ? conversation.portB : conversation.portA,
        transport: conversation.transport,
        evidence: evidence,
        nodesMayBePods: conversation.nodesMayBePods
      ),
      Emissions.Count(
        records: records,
        bytes: bytes,
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
