package import FlowModel

/// One side of a learned connection.
package enum ConnectionEnd: Hashable, Sendable {
  /// A workload, by index in the list of workloads that goes with the connections.
  case workload(Int)
  /// Anything that is not a pod: address, name, node, API server, entity.
  case other(Endpoint)
}

/// What the logs say of a connection over a window.
package struct ConnectionEvidence: Hashable, Sendable {
  /// Log records.
  package var records: Int64
  /// First time seen, microseconds UTC.
  package var firstMicroseconds: Int64
  /// Last time seen, microseconds UTC.
  package var lastMicroseconds: Int64
  /// Distinct UTC hours.
  package var hours: Int
  /// Distinct UTC days.
  package var days: Int
  /// The logs that saw it, sorted.
  package var logKinds: [LogKind]

  /// Makes evidence.
  package init(
    records: Int64,
    firstMicroseconds: Int64,
    lastMicroseconds: Int64,
    hours: Int = 1,
    days: Int = 1,
    logKinds: [LogKind]
  ) {
    self.records = records
    self.firstMicroseconds = firstMicroseconds
    self.lastMicroseconds = lastMicroseconds
    self.hours = hours
    self.days = days
    self.logKinds = logKinds
  }
}

/// A connection kind that a proposal must allow: the accepted evidence.
package struct LearnedConnection: Hashable, Sendable {
  /// The client.
  package var source: ConnectionEnd
  /// The server.
  package var destination: ConnectionEnd
  /// The protocol.
  package var transport: TransportProtocol
  /// The server's port (ICMP: type).
  package var port: UInt16
  /// Why it is believed.
  package var evidence: ConnectionEvidence

  /// Makes a connection.
  package init(
    source: ConnectionEnd,
    destination: ConnectionEnd,
    transport: TransportProtocol,
    port: UInt16,
    evidence: ConnectionEvidence
  ) {
    self.source = source
    self.destination = destination
    self.transport = transport
    self.port = port
    self.evidence = evidence
  }
}
