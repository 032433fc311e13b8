import FlowModel

/// What one UTC hour showed of one conversation: two (address, port) ends and a protocol.
///
/// The ends are called A and B by the numbers of their addresses; who opened is found out later.
struct Conversation: Sendable {
  /// The number of A's address in the upper half, of B's in the lower.
  var ends: UInt64
  /// A's port, B's port, protocol (8 bits) and hour since 1970 (24 bits), from the top.
  var what: UInt64
  /// First and last time, microseconds.
  var first: Int64
  var last: Int64
  /// Bytes of the chosen capture.
  var bytes: Int64
  /// Line of the earliest record.
  var line: Int
  /// The capture whose records are counted: the lowest, so that the order of input does not matter.
  var capture: UInt32
  /// Accepted records of the chosen capture sent by A and by B, and those of other captures.
  var recordsA: UInt32
  var recordsB: UInt32
  var otherViews: UInt32
  /// Refused records sent by A and by B.
  var rejectedA: UInt32
  var rejectedB: UInt32
  /// Accepted packets of the chosen capture sent by A and by B; 0 when not counted.
  var packetsA: UInt32
  var packetsB: UInt32
  /// What the log says of the ends beside their addresses.
  var detailA: UInt32
  var detailB: UInt32
  /// What both directions showed.
  var marksA: ConversationMarks
  var marksB: ConversationMarks
  /// Whether no record had the addresses out of the packets.
  var nodesMayBePods: Bool

  /// The conversation without the hour.
  var tuple: (UInt64, UInt64) { (ends, what >> 24) }
  /// Hours since 1970.
  var hour: Int32 { Int32(what & 0xff_ffff) }
  /// The protocol number.
  var transport: UInt8 { UInt8(truncatingIfNeeded: what >> 24) }
  /// A's port.
  var portA: UInt16 { UInt16(truncatingIfNeeded: what >> 48) }
  /// B's port.
  var portB: UInt16 { UInt16(truncatingIfNeeded: what >> 32) }
  /// The number of A's address.
  var addressA: UInt32 { UInt32(truncatingIfNeeded: ends >> 32) }
  /// The number of B's address.
  var addressB: UInt32 { UInt32(truncatingIfNeeded: ends) }

  /// Makes the conversation of one record.
  init(_ record: ConversationRecord, source: UInt32, destination: UInt32, line: Int) {
    let isForward = (source, record.sourcePort) <= (destination, record.destinationPort)
    let count: UInt32 = record.isRejected ? 0 : 1
    let refused: UInt32 = record.isRejected ? 1 : 0
    let packets = record.isRejected ? 0 : UInt32(clamping: record.packets)
    let hour = UInt64(clamping: record.start / Timestamps.hour) & 0xff_ffff
    ends = Conversation.pair(source, destination, isForward)
    what =
      Conversation.ports(record.sourcePort, record.destinationPort, isForward)
      | UInt64(record.transport.number) << 24 | hour
    first = record.start
    last = record.end
    bytes = record.isRejected ? 0 : min(max(record.bytes, 0), 1 << 50)
    self.line = line
    // A refused record must not decide which capture is counted.
    capture = record.isRejected ? .max : record.capture
    otherViews = 0
    nodesMayBePods = record.nodesMayBePods
    recordsA = isForward ? count : 0
    recordsB = isForward ? 0 : count
    rejectedA = isForward ? refused : 0
    rejectedB = isForward ? 0 : refused
    packetsA = isForward ? packets : 0
    packetsB = isForward ? 0 : packets
    detailA = isForward ? record.sourceDetail : record.destinationDetail
    detailB = isForward ? record.destinationDetail : record.sourceDetail
    marksA = isForward ? record.marks : []
    marksB = isForward ? [] : record.marks
  }

  private static func pair(_ source: UInt32, _ destination: UInt32, _ isForward: Bool) -> UInt64 {
    isForward
      ? UInt64(source) << 32 | UInt64(destination) : UInt64(destination) << 32 | UInt64(source)
  }

  private static func ports(_ source: UInt16, _ destination: UInt16, _ isForward: Bool) -> UInt64 {
    isForward
      ? UInt64(source) << 48 | UInt64(destination) << 32
      : UInt64(destination) << 48 | UInt64(source) << 32
  }

  /// Adds what else is known of the same conversation and hour.
  mutating func absorb(_ other: Conversation) {
    if other.capture < capture {
      otherViews = otherViews.plus(recordsA).plus(recordsB).plus(other.otherViews)
      capture = other.capture
      recordsA = other.recordsA
      recordsB = other.recordsB
      packetsA = other.packetsA
      packetsB = other.packetsB
      bytes = other.bytes
    } else if other.capture == capture {
      recordsA = recordsA.plus(other.recordsA)
      recordsB = recordsB.plus(other.recordsB)
      packetsA = packetsA.plus(other.packetsA)
      packetsB = packetsB.plus(other.packetsB)
      bytes = bytes &+ other.bytes
      otherViews = otherViews.plus(other.otherViews)
    } else {
      otherViews = otherViews.plus(other.recordsA).plus(other.recordsB).plus(other.otherViews)
    }
    rejectedA = rejectedA.plus(other.rejectedA)
    rejectedB = rejectedB.plus(other.rejectedB)
    marksA.formUnion(other.marksA)
    marksB.formUnion(other.marksB)
    if (other.first, other.line) < (first, line) {
      first = other.first
      line = other.line
    }
    last = max(last, other.last)
    if detailA == 0 { detailA = other.detailA }
    if detailB == 0 { detailB = other.detailB }
    nodesMayBePods = nodesMayBePods && other.nodesMayBePods
  }

  /// Gives the addresses and details new numbers; A and B change places where their order does.
  mutating func renumber(_ address: (UInt32) -> UInt32, detail: (UInt32) -> UInt32) {
    let newA = address(addressA)
    let newB = address(addressB)
    let keepsOrder = (newA, portA) <= (newB, portB)
    let rest = what & 0xffff_ffff
    what = Conversation.ports(portA, portB, keepsOrder) | rest
    ends = Conversation.pair(newA, newB, keepsOrder)
    detailA = detail(detailA)
    detailB = detail(detailB)
    guard !keepsOrder else { return }
    swap(&recordsA, &recordsB)
    swap(&rejectedA, &rejectedB)
    swap(&packetsA, &packetsB)
    swap(&detailA, &detailB)
    swap(&marksA, &marksB)
  }
}

extension UInt32 {
  /// The sum, or the largest number.
  @inline(__always)
  fileprivate func plus(_ other: UInt32) -> UInt32 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
