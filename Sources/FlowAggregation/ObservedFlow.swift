package import FlowModel

/// One end of a record as the log names it.
package enum ObservedEnd: Hashable, Sendable {
  /// Fully described by the log.
  case endpoint(Endpoint)
  /// An address only; resolved through the inventory.
  case address(IPAddress)
  /// A pod by name, with what else the log says of it in `hint` (kind `.pod`).
  case pod(namespace: String, name: String, hint: Endpoint)
}

/// One record, in the forward direction (client to server), before its ends are resolved.
package struct ObservedFlow: Hashable, Sendable {
  /// The client.
  package var source: ObservedEnd
  /// The server.
  package var destination: ObservedEnd
  /// The protocol.
  package var transport: TransportProtocol
  /// The client's port; 0 when the log has none.
  package var sourcePort: UInt16
  /// The server's port (type for ICMP).
  package var port: UInt16
  /// See ``FlowEdge/replyPort``.
  package var replyPort: UInt16
  /// Whose policy it speaks for.
  package var side: PolicySide
  /// What it is evidence of.
  package var evidence: EvidenceClass
  /// First time, microseconds UTC.
  package var start: Int64
  /// Last time, microseconds UTC; `start` for instants.
  package var end: Int64
  /// How many records this stands for.
  package var records: Int64
  /// Bytes, 0 when the log has none.
  package var bytes: Int64

  /// Makes a flow.
  package init(
    source: ObservedEnd,
    destination: ObservedEnd,
    transport: TransportProtocol,
    sourcePort: UInt16 = 0,
    port: UInt16,
    replyPort: UInt16 = 0,
    side: PolicySide,
    evidence: EvidenceClass,
    start: Int64,
    end: Int64? = nil,
    records: Int64 = 1,
    bytes: Int64 = 0
  ) {
    self.source = source
    self.destination = destination
    self.transport = transport
    self.sourcePort = sourcePort
    self.port = port
    self.replyPort = replyPort
    self.side = side
    self.evidence = evidence
    self.start = start
    self.end = end ?? start
    self.records = records
    self.bytes = bytes
  }
}
