package import FlowAggregation
import FlowModel

/// Folds the records of both directions and all interfaces into forward edges.
///
/// VPC logs do not say who opened a connection, and show success only by the answer, so records wait here
/// until the capture ends or the table is full. **Bound**: at most `capacity` conversation-hours of about
/// 100 bytes are held; when the table is full, the half that was quiet longest is decided with what is
/// known then and leaves. What stays beyond that is how ports behaved (65,536 ends) and the last hours of
/// one-way UDP pairs (65,536). Without that, the outcome does not depend on the order of the records.
package struct ConversationTable: Sendable {
  /// How many conversation-hours a table holds unless told otherwise: about 30 MB.
  package static let defaultCapacity = 1 << 18

  /// The most ends whose behaviour, and pairs whose hours, are remembered beyond the conversations.
  static let maximumMemory = 65_536
  /// The detail number that stands for an address of a node that may stand for any pod on it.
  static let nodeOrPod: UInt32 = 1

  let capacity: Int
  var addresses = AddressTable()
  var conversations: [Conversation] = []
  var behaviour = PortBehaviour()
  var oneWayHours: [OneWayPair: ClosedRange<Int32>] = [:]
  private(set) var details: [ObservedEnd] = []
  private var detailNumbers: [ObservedEnd: UInt32] = [:]
  private var slots = SlotIndex()

  /// A client and a server's port that exchange datagrams without answers.
  struct OneWayPair: Hashable, Sendable {
    var client: UInt32
    var server: UInt32
    var port: UInt16
  }

  /// Makes an empty table.
  package init(capacity: Int = ConversationTable.defaultCapacity) {
    self.capacity = max(capacity, 2)
  }

  /// The number of conversation-hours held.
  package var count: Int { conversations.count }

  /// The number under which a record may refer to what the log says of an end; 0 when there are too many.
  package mutating func number(of detail: ObservedEnd) -> UInt32 {
    if let known = detailNumbers[detail] { return known }
    guard details.count < ConversationTable.maximumMemory else { return 0 }
    details.append(detail)
    let number = ConversationTable.nodeOrPod + UInt32(details.count)
    detailNumbers[detail] = number
    return number
  }

  /// The end with a number, nil for those without.
  func detail(_ number: UInt32) -> ObservedEnd? {
    let position = Int(number) - Int(ConversationTable.nodeOrPod) - 1
    return details.indices.contains(position) ? details[position] : nil
  }

  /// Adds a record, or counts why it cannot be evidence.
  ///
  /// - Parameter accumulator: Takes what leaves the table when it is full.
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
    insert(
      Conversation(record, source: source, destination: destination, line: line),
      into: &accumulator
    )
  }

  /// Adds what another table holds of a later part of the same log.
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
    for conversation in other.conversations {
      // Numbers are taken per conversation: when this table runs full in between, they change.
      var moved = conversation
      moved.line += lineOffset
      moved.renumber(
        { addresses.number(of: other.addresses[$0]) },
        detail: { other.detail($0).map { number(of: $0) } ?? min($0, ConversationTable.nodeOrPod) }
      )
      insert(moved, into: &accumulator)
    }
  }

  /// Ends the capture: decides everything that is still held.
  package mutating func finish(into accumulator: inout EvidenceAccumulator) {
    settle(quietSince: nil, into: &accumulator)
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

  /// Holds these conversations only.
  mutating func replace(with kept: [Conversation]) {
    conversations = kept
    slots.rebuild(count: kept.count) { ConversationTable.hash(kept[$0]) }
  }

  private mutating func insert(
    _ conversation: Conversation,
    into accumulator: inout EvidenceAccumulator
  ) {
    let hash = ConversationTable.hash(conversation)
    let known = slots.find(hash) {
      conversations[$0].what == conversation.what && conversations[$0].ends == conversation.ends
    }
    if let known {
      conversations[known].absorb(conversation)
      return
    }
    conversations.append(conversation)
    slots.insert(conversations.count - 1) { ConversationTable.hash(conversations[$0]) }
    if conversations.count >= capacity {
      let times = conversations.map(\.last).sorted()
      settle(quietSince: times[times.count / 2], into: &accumulator)
    }
  }

  @inline(__always)
  private static func hash(_ conversation: Conversation) -> UInt64 {
    SlotIndex.mix(conversation.ends, conversation.what)
  }
}

extension IPAddress {
  /// Whether no rule can ever name it: link-local, multicast and the like, less the special services.
  var isNeverPeer: Bool { isLocalOrMulticast && !isMetadataService && !isNodeLocalDNS }
}
