/// One record as a scanner reads it, on its way into a ``ConversationTable``.
///
/// Its ends are in the table's order already, and it is smaller than a ``Conversation``: every second one
/// only adds to one that is held.
struct ScannedRecord {
  /// The number of A's address in the upper half, of B's in the lower.
  var ends: UInt64 = 0
  /// A's port, B's port, protocol and hour, as in ``Conversation/what``.
  var what: UInt64 = 0
  /// Where the table looks for its conversation.
  var hash: UInt64 = 0
  /// Last time, microseconds.
  var last: Int64 = 0
  /// Bytes; 0 where it was refused.
  var bytes: Int64 = 0
  /// First time, microseconds after the start of the hour.
  var firstInHour: UInt32 = 0
  /// Its line; the largest number for all lines behind that.
  var line: UInt32 = 0
  /// Its interface; the largest number where it was refused, as that must not decide which one is counted.
  var capture: UInt32 = 0
  /// Packets, 255 for more; 0 where it was refused.
  var packets: UInt8 = 0
  /// What it showed of its sender.
  var marks: ConversationMarks = []
  /// Whether A sent it.
  var isFromA = false
  /// Whether it was refused.
  var isRejected = false
  /// Whether its addresses are not those out of the packets.
  var nodesMayBePods = false

  /// Sets ends, ports, protocol and hour.
  @inline(__always)
  mutating func setEnds(
    source: UInt32,
    destination: UInt32,
    sourcePort: UInt32,
    destinationPort: UInt32,
    transport: UInt32,
    hour: UInt64
  ) {
    isFromA =
      UInt64(source) << 16 | UInt64(sourcePort)
      <= UInt64(destination) << 16 | UInt64(destinationPort)
    let sent = UInt64(source) << 32 | UInt64(destination)
    let ports = sourcePort << 16 | destinationPort
    // Which end is A nobody can foresee, so nothing branches: both halves change places or stay.
    let turn: UInt64 = isFromA ? 0 : 32
    ends = sent &<< turn | sent &>> turn
    let half = UInt32(truncatingIfNeeded: turn &>> 1)
    let ordered = UInt64(ports &<< half | ports &>> half)
    what = ordered << 32 | UInt64(transport) << 24 | hour
    hash = SlotIndex.mix(ends, what >> 24)
  }
}

// MARK: - Conversations

extension Conversation {
  /// Makes the conversation of one record.
  @inline(__always)
  init(_ record: ScannedRecord) {
    self.init(ends: record.ends, what: record.what, firstInHour: record.firstInHour)
    let count: UInt32 = record.isRejected ? 0 : 1
    let countA = record.isFromA ? count : 0
    let refusedA: UInt32 = record.isFromA ? 1 &- count : 0
    last = record.last
    bytes = record.bytes
    line = record.line
    capture = record.capture
    nodesMayBePods = record.nodesMayBePods
    recordsA = countA
    recordsB = count &- countA
    rejectedA = refusedA
    rejectedB = 1 &- count &- refusedA
    packetsA = record.isFromA ? record.packets : 0
    packetsB = record.isFromA ? 0 : record.packets
    marksA = record.isFromA ? record.marks : []
    marksB = record.isFromA ? [] : record.marks
  }

  /// Adds a record of the same conversation and hour: as its own conversation would be absorbed.
  @inline(__always)
  mutating func absorb(_ record: ScannedRecord) {
    guard record.capture == capture, !record.isRejected, recordsA | recordsB < 1 << 31 else {
      absorb(Conversation(record))
      return
    }
    let fromA: UInt32 = record.isFromA ? 1 : 0
    recordsA &+= fromA
    recordsB &+= 1 &- fromA
    // All ones for the end that sent it.
    let maskA = 0 &- UInt8(truncatingIfNeeded: fromA)
    packetsA = UInt8(clamping: UInt16(packetsA) &+ UInt16(record.packets & maskA))
    packetsB = UInt8(clamping: UInt16(packetsB) &+ UInt16(record.packets & ~maskA))
    marksA.formUnion(ConversationMarks(rawValue: record.marks.rawValue & maskA))
    marksB.formUnion(ConversationMarks(rawValue: record.marks.rawValue & ~maskA))
    bytes &+= record.bytes
    noteFirst(record.firstInHour, line: record.line)
    last = max(last, record.last)
    nodesMayBePods = nodesMayBePods && record.nodesMayBePods
  }
}
