package import FlowModel

/// What the records of one direction of a conversation showed.
package struct ConversationMarks: OptionSet, Hashable, Sendable {
  /// The bits.
  package let rawValue: UInt8

  /// Makes a set from its bits.
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// An opening without its answer (SYN without ACK): the sender is the client.
  package static let opened = ConversationMarks(rawValue: 1)
  /// The answer to an opening (SYN with ACK): the sender is the server.
  package static let answered = ConversationMarks(rawValue: 2)
  /// A record that was let through.
  package static let accepted = ConversationMarks(rawValue: 4)
  /// An accepted record that held more than a reset.
  package static let beyondReset = ConversationMarks(rawValue: 8)
  /// This direction alone proves that the other side answered.
  package static let complete = ConversationMarks(rawValue: 16)
  /// Bytes above the transport header, where the log can tell; else set on every record.
  package static let payload = ConversationMarks(rawValue: 32)
  /// The log shows TCP flags.
  package static let showsFlags = ConversationMarks(rawValue: 64)
  /// The log itself says that the sender opened the connection.
  package static let stated = ConversationMarks(rawValue: 128)
}

/// One record of a log that writes packets per direction and interface, whoever opened the connection.
package struct ConversationRecord: Hashable, Sendable {
  /// The sender of the packets.
  package var source: IPAddress
  /// Their receiver.
  package var destination: IPAddress
  /// The sender's port.
  package var sourcePort: UInt16
  /// The receiver's port.
  package var destinationPort: UInt16
  /// The protocol; one with ports.
  package var transport: TransportProtocol
  /// What it shows.
  package var marks: ConversationMarks
  /// Whether the packets were refused.
  package var isRejected: Bool
  /// Packets where they are counted exactly, else 0.
  package var packets: Int64
  /// Bytes where the log has them, else 0.
  package var bytes: Int64
  /// First time, microseconds UTC, not before 1970.
  package var start: Int64
  /// Last time, microseconds UTC.
  package var end: Int64
  /// A hash of the interface or reporter that wrote it.
  package var capture: UInt32
  /// Whether an address of a node may stand for any pod on it.
  package var nodesMayBePods: Bool
  /// What the log says of the sender beside its address: a number of ``ConversationTable/number(of:)``.
  package var sourceDetail: UInt16
  /// The same of the receiver.
  package var destinationDetail: UInt16

  /// Makes a record.
  package init(
    source: IPAddress,
    destination: IPAddress,
    sourcePort: UInt16,
    destinationPort: UInt16,
    transport: TransportProtocol,
    marks: ConversationMarks,
    isRejected: Bool = false,
    packets: Int64 = 0,
    bytes: Int64 = 0,
    start: Int64,
    end: Int64,
    capture: UInt32 = 0,
    nodesMayBePods: Bool = false,
    sourceDetail: UInt16 = 0,
    destinationDetail: UInt16 = 0
  ) {
    self.source = source
    self.destination = destination
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.transport = transport
    self.marks = marks
    self.isRejected = isRejected
    self.packets = packets
    self.bytes = bytes
    self.start = start
    self.end = end
    self.capture = capture
    self.nodesMayBePods = nodesMayBePods
    self.sourceDetail = sourceDetail
    self.destinationDetail = destinationDetail
  }
}
