import FlowModel

/// What was done with a conversation while it waits for more records.
struct WaitingSteps: OptionSet, Sendable {
  let rawValue: UInt8

  /// It was noted how its ends' ports behave, before it was sure who opened it.
  static let learnt = WaitingSteps(rawValue: 1)
  /// It was seen that no other view of it can name a pod.
  static let unpaired = WaitingSteps(rawValue: 2)
}

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
  /// What was done with it while it waits.
  var steps: WaitingSteps
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
  /// More bytes than that are no more to be told apart.
  static let mostBytes: Int64 = 1 << 50

  /// Makes the conversation of one record.
  init(_ record: ConversationRecord, source: UInt32, destination: UInt32, line: Int) {
    let start = max(record.start, 0)
    let hour = start / Conversation.hourLength & 0xff_ffff
    var scanned = ScannedRecord(
      last: record.end,
      // A refused record must not decide which capture is counted.
      bytes: record.isRejected ? 0 : min(max(record.bytes, 0), Conversation.mostBytes),
      firstInHour: UInt32(clamping: record.start &- hour &* Conversation.hourLength),
      line: UInt32(clamping: line),
      capture: record.isRejected ? .max : record.capture,
      packets: record.isRejected ? 0 : UInt8(clamping: record.packets),
      marks: record.marks,
      isRejected: record.isRejected,
      nodesMayBePods: record.nodesMayBePods
    )
    scanned.setEnds(
      source: source,
      destination: destination,
      sourcePort: UInt32(record.sourcePort),
      destinationPort: UInt32(record.destinationPort),
      transport: UInt32(record.transport.number),
      hour: UInt64(bitPattern: hour)
    )
    self.init(scanned)
    detailA = scanned.isFromA ? record.sourceDetail : record.destinationDetail
    detailB = scanned.isFromA ? record.destinationDetail : record.sourceDetail
  }

  /// Makes one without any record.
  @inline(__always)
  init(ends: UInt64, what: UInt64, firstInHour: UInt32) {
    self.ends = ends
    self.what = what
    self.firstInHour = firstInHour
    last = 0
    bytes = 0
    line = 0
    capture = 0
    next = 0
    recordsA = 0
    recordsB = 0
    otherViews = 0
    rejectedA = 0
    rejectedB = 0
    detailA = 0
    detailB = 0
    packetsA = 0
    packetsB = 0
    marksA = []
    marksB = []
    nodesMayBePods = false
    steps = []
    isHead = true
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
    noteFirst(other.firstInHour, line: other.line)
    last = max(last, other.last)
    if detailA == 0 { detailA = other.detailA }
    if detailB == 0 { detailB = other.detailB }
    nodesMayBePods = nodesMayBePods && other.nodesMayBePods
  }

  /// Takes over when and where a record was, if that is before what is known.
  @inline(__always)
  mutating func noteFirst(_ otherInHour: UInt32, line otherLine: UInt32) {
    guard (otherInHour, otherLine) < (firstInHour, line) else { return }
    firstInHour = otherInHour
    line = otherLine
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
