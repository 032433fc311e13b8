import FlowModel

/// What one UTC hour showed of one conversation: two (address, port) ends and a protocol.
///
/// The ends are called A and B by the numbers of their addresses; who opened is found out later.
/// Millions of these go through a table, so it is kept small.
struct Conversation: Sendable {
  /// The number of A's address in the upper half, of B's in the lower.
  var ends: UInt64
  /// A's port, B's port, protocol (8 bits) and hour since 1970 (24 bits), from the top.
  var what: UInt64
  /// Last time, microseconds.
  var last: Int64
  /// Bytes of the chosen capture.
  var bytes: Int64
  /// First time, microseconds after the start of the hour.
  private var firstInHour: UInt32
  /// Line of the earliest record; the largest number for all lines behind that.
  var line: UInt32
  /// The capture whose records are counted: the lowest, so that the order of input does not matter.
  var capture: UInt32
  /// Position in its table, plus 1, of another hour of the same conversation; 0 for none.
  var next: UInt32
  /// Accepted records of the chosen capture sent by A and by B, and those of other captures.
  var recordsA: UInt32
  var recordsB: UInt32
  var otherViews: UInt32
  /// Refused records sent by A and by B.
  var rejectedA: UInt32
  var rejectedB: UInt32
  /// What the log says of the ends beside their addresses.
  var detailA: UInt16
  var detailB: UInt16
  /// Accepted packets of the chosen capture sent by A and by B, 255 for more; 0 when not counted.
  var packetsA: UInt8
  var packetsB: UInt8
  /// What both directions showed.
  var marksA: ConversationMarks
  var marksB: ConversationMarks
  /// Whether no record had the addresses out of the packets.
  var nodesMayBePods: Bool
  /// Whether its table finds it by its ends; other hours of a conversation hang on to it.
  var isHead: Bool

  /// Ports and protocol, without the hour.
  var ports: UInt64 { what >> 24 }
  /// Hours since 1970.
  var hour: Int32 { Int32(truncatingIfNeeded: what & 0xff_ffff) }
  /// The start of the hour, microseconds.
  var hourStart: Int64 {
    Int64(truncatingIfNeeded: what & 0xff_ffff) &* Conversation.hourLength
  }
  /// First time, microseconds.
  var first: Int64 { hourStart + Int64(firstInHour) }
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

  /// Microseconds of an hour, here where the compiler sees the number.
  private static let hourLength: Int64 = 3_600_000_000

  /// Makes the conversation of one record.
  init(_ record: ConversationRecord, source: UInt32, destination: UInt32, line: Int) {
    self.init(
      source: source,
      destination: destination,
      sourcePort: record.sourcePort,
      destinationPort: record.destinationPort,
      transport: record.transport.number,
      marks: record.marks,
      isRejected: record.isRejected,
      packets: record.packets,
      bytes: record.bytes,
      start: record.start,
      end: record.end,
      capture: record.capture,
      line: line
    )
    nodesMayBePods = record.nodesMayBePods
    let isForward = Conversation.isForward(
      source,
      record.sourcePort,
      destination,
      record.destinationPort
    )
    detailA = isForward ? record.sourceDetail : record.destinationDetail
    detailB = isForward ? record.destinationDetail : record.sourceDetail
  }

  /// Makes the conversation of the values of one record whose addresses are those of the packet.
  @inline(__always)
  init(
    source: UInt32,
    destination: UInt32,
    sourcePort: UInt16,
    destinationPort: UInt16,
    transport: UInt8,
    marks: ConversationMarks,
    isRejected: Bool,
    packets: Int64,
    bytes: Int64,
    start: Int64,
    end: Int64,
    capture: UInt32,
    line: Int
  ) {
    let isForward = Conversation.isForward(source, sourcePort, destination, destinationPort)
    let count: UInt32 = isRejected ? 0 : 1
    let refused: UInt32 = isRejected ? 1 : 0
    let packets = isRejected ? 0 : UInt8(truncatingIfNeeded: min(max(packets, 0), 255))
    let hour = max(start, 0) / Conversation.hourLength & 0xff_ffff
    ends = Conversation.pair(source, destination, isForward)
    what =
      Conversation.ports(sourcePort, destinationPort, isForward)
      | UInt64(transport) << 24 | UInt64(bitPattern: hour)
    firstInHour = UInt32(clamping: start &- hour &* Conversation.hourLength)
    last = end
    self.bytes = isRejected ? 0 : min(max(bytes, 0), 1 << 50)
    self.line = UInt32(clamping: line)
    // A refused record must not decide which capture is counted.
    self.capture = isRejected ? .max : capture
    next = 0
    otherViews = 0
    nodesMayBePods = false
    isHead = true
    recordsA = isForward ? count : 0
    recordsB = isForward ? 0 : count
    rejectedA = isForward ? refused : 0
    rejectedB = isForward ? 0 : refused
    packetsA = isForward ? packets : 0
    packetsB = isForward ? 0 : packets
    detailA = 0
    detailB = 0
    marksA = isForward ? marks : []
    marksB = isForward ? [] : marks
  }

  /// Whether the sender is A.
  @inline(__always)
  private static func isForward(
    _ source: UInt32,
    _ sourcePort: UInt16,
    _ destination: UInt32,
    _ destinationPort: UInt16
  ) -> Bool {
    UInt64(source) << 16 | UInt64(sourcePort) <= UInt64(destination) << 16 | UInt64(destinationPort)
  }

  @inline(__always)
  private static func pair(_ source: UInt32, _ destination: UInt32, _ isForward: Bool) -> UInt64 {
    isForward
      ? UInt64(source) << 32 | UInt64(destination) : UInt64(destination) << 32 | UInt64(source)
  }

  @inline(__always)
  private static func ports(_ source: UInt16, _ destination: UInt16, _ isForward: Bool) -> UInt64 {
    isForward
      ? UInt64(source) << 48 | UInt64(destination) << 32
      : UInt64(destination) << 48 | UInt64(source) << 32
  }

  /// Adds what else is known of the same conversation and hour.
  @inline(__always)
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
      packetsA = UInt8(clamping: UInt16(packetsA) + UInt16(other.packetsA))
      packetsB = UInt8(clamping: UInt16(packetsB) + UInt16(other.packetsB))
      bytes = bytes &+ other.bytes
      otherViews = otherViews.plus(other.otherViews)
    } else {
      otherViews = otherViews.plus(other.recordsA).plus(other.recordsB).plus(other.otherViews)
    }
    rejectedA = rejectedA.plus(other.rejectedA)
    rejectedB = rejectedB.plus(other.rejectedB)
    marksA.formUnion(other.marksA)
    marksB.formUnion(other.marksB)
    if (other.firstInHour, other.line) < (firstInHour, line) {
      firstInHour = other.firstInHour
      line = other.line
    }
    last = max(last, other.last)
    if detailA == 0 { detailA = other.detailA }
    if detailB == 0 { detailB = other.detailB }
    nodesMayBePods = nodesMayBePods && other.nodesMayBePods
  }

  /// Gives the addresses and details new numbers; A and B change places where their order does.
  mutating func renumber(_ address: (UInt32) -> UInt32, detail: (UInt16) -> UInt16) {
    let newA = address(addressA)
    let newB = address(addressB)
    let keepsOrder = Conversation.isForward(newA, portA, newB, portB)
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
