/// The kind of log a record came from.
package enum LogKind: String, Sendable, CaseIterable, Comparable {
  /// Cilium Hubble flows.
  case hubble
  /// Calico flow logs: Enterprise files, Whisker, Goldmane.
  case calico
  /// Calico packet lines: kernel log and eBPF trace.
  case calicoPacket = "calico-packet"
  /// AWS VPC flow logs.
  case awsVPC = "aws-vpc"
  /// AWS network policy agent.
  case awsPolicyAgent = "aws-npa"
  /// GCP VPC flow logs.
  case gcpVPC = "gcp-vpc"
  /// GKE Dataplane V2 policy-action logs.
  case gkePolicy = "gke-policy"
  /// Azure VNet and NSG flow logs.
  case azure

  /// By raw value.
  package static func < (left: LogKind, right: LogKind) -> Bool { left.rawValue < right.rawValue }

  /// Whether the log shows what policy dropped (needed to watch an enforcement).
  package var showsPolicyDrops: Bool {
    switch self {
    case .hubble, .calico, .awsPolicyAgent, .gkePolicy: true
    case .calicoPacket, .awsVPC, .gcpVPC, .azure: false
    }
  }
}

/// What a record is evidence of.
package enum EvidenceClass: String, Sendable, CaseIterable, Comparable {
  /// Forwarded or accepted, and delivered as the format defines it.
  case allowed
  /// Passed, but would be denied under enforcement.
  case wouldDeny = "would-deny"
  /// Dropped because no rule allowed it (default deny).
  case denied
  /// Dropped by a rule that says deny: an allow would not help.
  case explicitDeny = "explicit-deny"
  /// Tried, without a sign that it worked.
  case attempt

  /// In the order of the cases above.
  package static func < (left: EvidenceClass, right: EvidenceClass) -> Bool {
    left.index < right.index
  }

  /// The position in `allCases`, for compact keys.
  package var index: Int {
    switch self {
    case .allowed: 0
    case .wouldDeny: 1
    case .denied: 2
    case .explicitDeny: 3
    case .attempt: 4
    }
  }
}

/// A direction, seen from the pod whose policy is meant.
package enum Direction: String, Sendable, CaseIterable, Comparable {
  /// Into the pod.
  case ingress
  /// Out of the pod.
  case egress

  /// Ingress before egress.
  package static func < (left: Direction, right: Direction) -> Bool {
    left == .ingress && right == .egress
  }
}

/// Whose policy a record speaks for.
package enum PolicySide: String, Sendable, CaseIterable, Comparable {
  /// The ingress policy of the destination.
  case ingress
  /// The egress policy of the source.
  case egress
  /// Both: the packet was seen to arrive.
  case both

  /// By raw value.
  package static func < (left: PolicySide, right: PolicySide) -> Bool {
    left.rawValue < right.rawValue
  }

  /// The position in `allCases`, for compact keys.
  package var index: Int {
    switch self {
    case .ingress: 0
    case .egress: 1
    case .both: 2
    }
  }
}

/// All records of one connection kind over a time: who talked to whom, how, and what became of it.
package struct FlowEdge: Hashable, Sendable {
  /// The side that opened the connection.
  package var source: Endpoint
  /// The side that accepted it.
  package var destination: Endpoint
  /// The IP protocol.
  package var transport: TransportProtocol
  /// The destination port; the type for ICMP; 0 for protocols without ports.
  package var port: UInt16
  /// Not 0 when the record may be a reply: the source port that would then be the server's.
  ///
  /// Such an edge is evidence only as long as the source is never seen serving that port.
  package var replyPort: UInt16
  /// Whose policy the records speak for.
  package var side: PolicySide
  /// What the records are evidence of.
  package var evidence: EvidenceClass
  /// The log they came from.
  package var logKind: LogKind
  /// How often and when.
  package var tally: EdgeTally

  /// Makes an edge.
  package init(
    source: Endpoint,
    destination: Endpoint,
    transport: TransportProtocol,
    port: UInt16,
    replyPort: UInt16 = 0,
    side: PolicySide,
    evidence: EvidenceClass,
    logKind: LogKind,
    tally: EdgeTally
  ) {
    self.source = source
    self.destination = destination
    self.transport = transport
    self.port = port
    self.replyPort = replyPort
    self.side = side
    self.evidence = evidence
    self.logKind = logKind
    self.tally = tally
  }
}

/// Counts and times of the records folded into an edge.
package struct EdgeTally: Hashable, Sendable {
  /// Log records (not packets or connections).
  package var records: Int64
  /// Bytes where the log has them, else 0.
  package var bytes: Int64
  /// The first time seen, microseconds since 1970 UTC.
  package var firstMicroseconds: Int64
  /// The last time seen, microseconds since 1970 UTC.
  package var lastMicroseconds: Int64
  /// Distinct UTC hours with records; 1 for the tally of a single hour.
  package var hours: Int
  /// Distinct UTC days with records; 1 for the tally of a single hour.
  package var days: Int

  /// Makes a tally; hours and days are those of one stored hour unless given.
  package init(
    records: Int64,
    bytes: Int64,
    firstMicroseconds: Int64,
    lastMicroseconds: Int64,
    hours: Int = 1,
    days: Int = 1
  ) {
    self.records = records
    self.bytes = bytes
    self.firstMicroseconds = firstMicroseconds
    self.lastMicroseconds = lastMicroseconds
    self.hours = hours
    self.days = days
  }
}
