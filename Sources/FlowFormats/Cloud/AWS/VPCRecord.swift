package import FlowModel

/// One AWS VPC flow log record that holds a verdict on packets with ports.
package struct VPCRecord: Hashable, Sendable {
  /// The sender: the address in the packet where the log has it.
  package var source: IPAddress
  /// The receiver, likewise.
  package var destination: IPAddress
  /// The sender's port.
  package var sourcePort: UInt16
  /// The receiver's port.
  package var destinationPort: UInt16
  /// The IANA protocol number.
  package var transport: UInt8
  /// TCP flags of this direction, nil when the log has none for it.
  package var flags: UInt8?
  /// Packets, 0 when the log does not say.
  package var packets: Int64
  /// Bytes, 0 when the log does not say.
  package var bytes: Int64
  /// First time, microseconds UTC.
  package var start: Int64
  /// Last time, microseconds UTC.
  package var end: Int64
  /// Whether security groups and network lists let it through.
  package var isAccepted: Bool
  /// A hash of the interface.
  package var interface: UInt32
  /// Whether both addresses are those in the packet.
  package var hasPacketAddresses: Bool
  /// Whether an address in the packet is also that of the interface's record, at the same end.
  package var agreesWithPacket = false
  /// Whether an address in the packet is that of the interface's record at the other end.
  package var crossesPacket = false

  /// The record for the conversation table.
  package var conversationRecord: ConversationRecord {
    ConversationRecord(
      source: source,
      destination: destination,
      sourcePort: sourcePort,
      destinationPort: destinationPort,
      transport: TransportProtocol(number: transport),
      marks: VPCRecord.marks(
        transport: transport,
        flags: flags,
        packets: packets,
        isAccepted: isAccepted
      ),
      isRejected: !isAccepted,
      packets: packets,
      bytes: bytes,
      start: start,
      end: end,
      capture: interface,
      nodesMayBePods: !hasPacketAddresses
    )
  }

  /// What a record shows of its direction.
  @inline(__always)
  static func marks(
    transport: UInt8,
    flags: UInt8?,
    packets: Int64,
    isAccepted: Bool
  ) -> ConversationMarks {
    var marks: ConversationMarks = isAccepted ? [.accepted, .payload, .beyondReset] : []
    guard let flags else { return marks }
    if transport == 6 {
      marks.insert(.showsFlags)
      if flags & 18 == 2 { marks.insert(.opened) }
      if flags & 18 == 18 { marks.insert(.answered) }
    }
    guard isAccepted else { return marks }
    if flags & ~16 == 4 { marks.remove(.beyondReset) }
    // A client says goodbye (FIN) only on a connection that it got.
    let isClosed = flags & 19 == 3 && packets >= 3 && marks.contains(.opened)
    if marks.contains(.answered) || isClosed { marks.insert(.complete) }
    return marks
  }
}

/// What a line of an AWS VPC flow log says.
package enum VPCLine: Hashable, Sendable {
  /// A record.
  case record(VPCRecord)
  /// No traffic from this time on.
  case noData(Int64?)
  /// Records were lost.
  case lost(Int64?)
  /// A record that is not evidence.
  case unused(Unused, Int64)
  /// A line that cannot be read.
  case bad(Problem)

  /// Why a good record is not evidence.
  package enum Unused: Sendable {
    /// No accept or reject.
    case noVerdict
    /// A protocol without ports.
    case otherProtocol
    /// An interface between others, whose traffic the ends' interfaces show too.
    case middleInterface
  }

  /// Why a line cannot be read.
  package enum Problem: Hashable, Sendable {
    /// So many columns where the layout has so many.
    case columnCount(found: Int, expected: Int)
    /// The column does not hold such a value.
    case malformed(AWSVPCField)
    /// The field has no value.
    case missing(AWSVPCField)
    /// It ended before it started.
    case endsBeforeStart
  }
}
