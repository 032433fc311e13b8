package import FlowAggregation
import FlowModel

/// Folds the records of both directions and all interfaces into forward edges.
///
/// VPC logs do not say who opened a connection, and show success only by the answer, so records wait
/// here until the capture ends or there are too many. **Bound**: a table that has grown by a few ten
/// thousand conversation-hours of 80 bytes lets those go that were quiet longest and are settled: who opened
/// them, stated or proven by ports, and that they worked can change no more. What is not settled stays for the
/// whole capture as long as no more than `capacity` are held, and so does what may hide a pod behind its node that
/// another view names (see ``pairsViews``); then the quieter half is decided with what is known. Beyond the
/// conversations it is remembered how ports behaved (65,536 ends), the first and last hours of one-way
/// UDP pairs (65,536) and which connections were let go last (122,880). But for that, and for ports that only a part of the log proves (see
/// ``PortBehaviour/provenServer(_:_:)``), the outcome does not depend on the order of the records, nor on
/// how the log was parted among tables.
package struct ConversationTable: Sendable {
  /// How many conversation-hours a table holds at most unless told otherwise: about 20 MB.
  package static let defaultCapacity = 1 << 18

  /// The most ends whose behaviour, and pairs whose hours, are remembered beyond the conversations.
  static let maximumMemory = 65_536
  /// The detail number that stands for an address of a node that may stand for any pod on it.
  static let nodeOrPod: UInt16 = 1
  /// How many details of ends are told apart.
  private static let maximumDetails = Int(UInt16.max - nodeOrPod)

  let capacity: Int
  /// Whether two views of one connection are looked for where nodes stand for their pods.
  let pairsViews: Bool
  /// When settled conversations are let go next.
  var threshold: Int
  /// So many of the first conversations stay, since the part of the log before may hold more of them.
  var heldBack = 0
  /// From this position on conversations stay, since they may go on.
  var busyFrom = Int.max
  var addresses = AddressNumbers()
  var conversations: [Conversation] = []
  var behaviour = PortBehaviour()
  var oneWayHours: [OneWayPair: ClosedRange<Int32>] = [:]
  /// Which connections were let go last.
  var letGo = LetGoMemo()
  /// Whether there is a conversation of which a node's address may stand for a pod.
  var mayHidePods = false
  var pods = PodMemo()
  /// Whether pods run on nodes, by the numbers of their addresses.
  var hosts: [UInt64: Bool] = [:]
  private(set) var details: [ObservedEnd] = []
  private var detailNumbers: [ObservedEnd: UInt16] = [:]
  private var slots: [UInt32] = []
  /// What was found where they will be looked for; only to have looked.
  private var touched: UInt32 = 0

  /// A client and a server's port that exchange datagrams without answers.
  struct OneWayPair: Hashable, Sendable {
    var client: UInt32
    var server: UInt32
    var port: UInt16
  }

  /// Makes an empty table.
  ///
  /// - Parameter pairsViews: Whether to name pods that hide behind their nodes, where two nodes show them;
  ///   conversations with such ends then wait for their other view.
  package init(capacity: Int = ConversationTable.defaultCapacity, pairsViews: Bool = false) {
    self.pairsViews = pairsViews
    self.capacity = min(max(capacity, 2), Slot.positions)
    threshold = max(self.capacity / 4, 2)
  }

  /// The number of conversation-hours held.
  package var count: Int { conversations.count }

  /// Holds back the first conversations of a later part of a log until it is merged with the part before.
  mutating func holdBackFirst() { heldBack = capacity / 16 }

  /// The number under which a record may refer to what the log says of an end; 0 when there are too many.
  package mutating func number(of detail: ObservedEnd) -> UInt16 {
    if let known = detailNumbers[detail] { return known }
    guard details.count < ConversationTable.maximumDetails else { return 0 }
    details.append(detail)
    let number = ConversationTable.nodeOrPod + UInt16(details.count)
    detailNumbers[detail] = number
    return number
  }

  /// The end with a number, nil for those without.
  func detail(_ number: UInt16) -> ObservedEnd? {
    let position = Int(number) - Int(ConversationTable.nodeOrPod) - 1
    return details.indices.contains(position) ? details[position] : nil
  }

  /// Adds a record, or counts why it cannot be evidence.
  ///
  /// - Parameter accumulator: Takes what leaves the table; always the same one.
  package mutating func add(
    _ record: ConversationRecord,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    guard record.transport.hasPorts else {
      accumulator.discard(.otherProtocol)
      return
    }
    guard record.source != record.destination else {
      accumulator.discard(.selfTraffic)
      return
    }
    guard !record.source.isNeverPeer, !record.destination.isNeverPeer else {
      accumulator.discard(.localOrMulticast)
      return
    }
    let source = addresses.number(of: record.source)
    let destination = addresses.number(of: record.destination)
    if insert(Conversation(record, source: source, destination: destination, line: line)) {
      settle(into: &accumulator)
    }
  }

  /// Adds records whose addresses may be peers.
  ///
  /// To find a conversation waits for memory: those of many records are looked for together.
  mutating func add(_ records: Span<ScannedRecord>, into accumulator: inout EvidenceAccumulator) {
    if (conversations.count + records.count) * 2 >= slots.count { growSlots(for: records.count) }
    let mask = UInt64(slots.count - 1)
    for index in records.indices {
      touched ^= slots[Int(truncatingIfNeeded: records[index].hash & mask)]
    }
    for index in records.indices {
      if insert(records[index]) { settle(into: &accumulator) }
    }
  }

  /// Adds what another table holds of the next part of the same log.
  ///
  /// - Parameter lineOffset: Lines before that part.
  package mutating func merge(
    _ other: ConversationTable,
    lineOffset: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    behaviour.merge(other.behaviour) { addresses.number(of: other.addresses[$0]) }
    for (pair, hours) in other.oneWayHours {
      let moved = OneWayPair(
        client: addresses.number(of: other.addresses[pair.client]),
        server: addresses.number(of: other.addresses[pair.server]),
        port: pair.port
      )
      noteOneWay(moved, hours)
    }
    // IPv4 addresses have the same number everywhere.
    let hasOwnNumbers = !other.addresses.longAddresses.isEmpty || !other.details.isEmpty
    for conversation in other.conversations {
      var moved = conversation
      moved.line = UInt32(clamping: Int(moved.line) + lineOffset)
      moved.next = 0
      moved.isHead = true
      if hasOwnNumbers {
        // Numbers are taken per conversation: when this table runs full in between, they change.
        moved.renumber(
          { addresses.number(of: other.addresses[$0]) },
          detail: {
            other.detail($0).map { number(of: $0) } ?? min($0, ConversationTable.nodeOrPod)
          }
        )
      }
      if insert(moved) { settle(into: &accumulator) }
    }
  }

  /// Forgets all records: they were misread.
  mutating func removeAll() {
    let held = heldBack
    self = ConversationTable(capacity: capacity, pairsViews: pairsViews)
    heldBack = held
  }

  /// Ends the capture: decides everything that is still held.
  package mutating func finish(into accumulator: inout EvidenceAccumulator) {
    heldBack = 0
    nameHiddenPods(quietSince: .max, accumulator.resolver)
    settle(.everything, into: &accumulator)
  }

  /// Remembers the first and last hour of a pair without answers.
  mutating func noteOneWay(_ pair: OneWayPair, _ hours: ClosedRange<Int32>) {
    if let known = oneWayHours[pair] {
      oneWayHours[pair] =
        min(known.lowerBound, hours.lowerBound)...max(known.upperBound, hours.upperBound)
    } else if oneWayHours.count < ConversationTable.maximumMemory {
      oneWayHours[pair] = hours
    }
  }
}

// MARK: - Finding conversations

extension ConversationTable {
  /// A slot holds a position plus 1 and a part of the hash, so that most others need not be looked at.
  private enum Slot {
    /// Bits of the position.
    static let shift: UInt32 = 19
    /// The most positions; one less than fits, as 0 is an empty slot.
    static let positions = 1 << 18

    @inline(__always)
    static func make(_ position: Int, _ hash: UInt64) -> UInt32 {
      UInt32(truncatingIfNeeded: hash >> 51) << shift | UInt32(truncatingIfNeeded: position + 1)
    }

    @inline(__always)
    static func position(_ slot: UInt32) -> Int { Int(slot & (1 << shift - 1)) - 1 }
  }

  @inline(__always)
  private static func hash(_ conversation: Conversation) -> UInt64 {
    SlotIndex.mix(conversation.ends, conversation.ports)
  }

  /// Where a conversation of an hour is, or would be.
  private enum Place {
    /// At a position.
    case held(Int)
    /// Nowhere, but other hours of it are at a position.
    case otherHours(Int)
    /// Nowhere, and this slot is free for it.
    case free(slot: Int)
  }

  @inline(__always)
  private func place(ends: UInt64, what: UInt64, hash: UInt64) -> Place {
    let mask = slots.count &- 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    let wanted = Slot.make(0, hash)
    while true {
      let stored = slots[slot]
      if stored == 0 { return .free(slot: slot) }
      if (stored ^ wanted) >> Slot.shift == 0 {
        let position = Slot.position(stored)
        if conversations[position].ends == ends {
          let different = conversations[position].what ^ what
          if different == 0 { return .held(position) }
          // All but the hour.
          if different >> 24 == 0 { return .otherHours(position) }
        }
      }
      slot = (slot &+ 1) & mask
    }
  }

  /// Adds a record, or what it says to the conversation that is held of the same ends, ports and hour.
  ///
  /// - Returns: Whether the table should be settled now.
  @inline(__always)
  private mutating func insert(_ record: ScannedRecord) -> Bool {
    switch place(ends: record.ends, what: record.what, hash: record.hash) {
    case .held(let position):
      conversations[position].absorb(record)
      return false
    case .otherHours(let head): return insert(Conversation(record), after: head)
    case .free(let slot): return append(Conversation(record), at: slot, hash: record.hash)
    }
  }

  /// Adds a conversation, or what it says to the one that is held of the same ends, ports and hour.
  ///
  /// - Returns: Whether the table should be settled now.
  private mutating func insert(_ conversation: Conversation) -> Bool {
    if conversations.count * 2 >= slots.count { growSlots(for: 1) }
    let hash = ConversationTable.hash(conversation)
    switch place(ends: conversation.ends, what: conversation.what, hash: hash) {
    case .held(let position):
      conversations[position].absorb(conversation)
      return false
    case .otherHours(let head): return insert(conversation, after: head)
    case .free(let slot): return append(conversation, at: slot, hash: hash)
    }
  }

  @inline(__always)
  private mutating func append(_ conversation: Conversation, at slot: Int, hash: UInt64) -> Bool {
    slots[slot] = Slot.make(conversations.count, hash)
    if conversation.nodesMayBePods { mayHidePods = true }
    conversations.append(conversation)
    return conversations.count >= threshold
  }

  /// Adds an hour of a conversation that is held with other hours.
  private mutating func insert(_ conversation: Conversation, after head: Int) -> Bool {
    if let known = hour(of: conversation, after: head) {
      conversations[known].absorb(conversation)
      return false
    }
    var added = conversation
    if added.nodesMayBePods { mayHidePods = true }
    added.isHead = false
    added.next = conversations[head].next
    conversations.append(added)
    conversations[head].next = UInt32(truncatingIfNeeded: conversations.count)
    return conversations.count >= threshold
  }

  /// Where the hour of a conversation is among those at `head`, nil when it is not.
  private func hour(of conversation: Conversation, after head: Int) -> Int? {
    var position = head
    while conversations[position].what != conversation.what {
      guard conversations[position].next != 0 else { return nil }
      position = Int(conversations[position].next) - 1
    }
    return position
  }

  /// Makes the index large enough for so many more conversations.
  private mutating func growSlots(for more: Int) {
    var size = max(slots.count, 512)
    while size < (conversations.count + more) * 4 { size *= 2 }
    slots = Array(repeating: 0, count: size)
    let mask = size - 1
    for position in conversations.indices where conversations[position].isHead {
      let hash = ConversationTable.hash(conversations[position])
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = Slot.make(position, hash)
    }
  }

  /// Holds those conversations only that are not marked, in the same order.
  mutating func remove(_ isGone: [Bool]) {
    var kept = 0
    for position in conversations.indices where !isGone[position] {
      if kept != position { conversations[kept] = conversations[position] }
      kept += 1
    }
    conversations.removeLast(conversations.count - kept)
    findAnew()
  }

  /// Finds all conversations anew after some have gone or got other numbers; those that are now the same in the
  /// same hour become one.
  mutating func findAnew() {
    for index in slots.indices { slots[index] = 0 }
    let mask = slots.count - 1
    var isSame: [Bool] = []
    for position in conversations.indices {
      conversations[position].next = 0
      conversations[position].isHead = true
      let (ends, ports) = (conversations[position].ends, conversations[position].ports)
      let hash = SlotIndex.mix(ends, ports)
      let new = Slot.make(position, hash)
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] != 0 {
        if slots[slot] >> Slot.shift == new >> Slot.shift {
          let head = Slot.position(slots[slot])
          if conversations[head].ends == ends, conversations[head].ports == ports {
            conversations[position].isHead = false
            if let known = hour(of: conversations[position], after: head) {
              let same = conversations[position]
              conversations[known].absorb(same)
              if isSame.isEmpty { isSame = Array(repeating: false, count: conversations.count) }
              isSame[position] = true
            } else {
              conversations[position].next = conversations[head].next
              conversations[head].next = UInt32(truncatingIfNeeded: position + 1)
            }
            break
          }
        }
        slot = (slot + 1) & mask
      }
      if conversations[position].isHead { slots[slot] = new }
    }
    if !isSame.isEmpty { remove(isSame) }
  }
}

extension IPAddress {
  /// Whether no rule can ever name it: link-local, multicast and the like, less the special services.
  var isNeverPeer: Bool { isLocalOrMulticast && !isMetadataService && !isNodeLocalDNS }
}
