package import FlowAggregation
package import FlowModel

/// A log format that flowlearn reads.
package enum LogFormat: String, Sendable, CaseIterable {
  /// Cilium Hubble, all JSON shapes.
  case hubble
  /// Calico flow logs as JSON: Enterprise files, Whisker, Goldmane; and Felix' denied-packet syslog.
  case calico
  /// Calico kernel log and eBPF trace lines.
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

  /// The log kind of its edges.
  package var logKind: LogKind {
    switch self {
    case .hubble: .hubble
    case .calico: .calico
    case .calicoPacket: .calicoPacket
    case .awsVPC: .awsVPC
    case .awsPolicyAgent: .awsPolicyAgent
    case .gcpVPC: .gcpVPC
    case .gkePolicy: .gkePolicy
    case .azure: .azure
    }
  }
}

/// What the user says about a log that the log does not say itself.
package struct DecoderOptions: Sendable {
  /// AWS VPC: field names in order, from `--fields`; nil when not given.
  package var fields: [String]?
  /// Packet lines: prefix (without the trailing colon) to class, from `--log-prefix NAME[=class]`.
  package var logPrefixes: [String: EvidenceClass] = [:]
  /// Classic syslog times: the year to assume.
  package var assumedYear: Int?
  /// Classic syslog times: minutes east of UTC.
  package var assumedOffsetMinutes: Int = 0
  /// Lines that carry seconds since boot: the boot time, microseconds UTC.
  package var bootTime: Int64?
  /// Calico: `deny` records were let through (`dropActionOverride` Accept or LogAndAccept).
  package var denyPasses: Bool = false

  /// Makes options that say nothing.
  package init() {}
}

/// Decodes the records of one log, in order.
///
/// A record is the bytes of one line without its line feed, or of one JSON value of an array or of
/// concatenated values. A decoder never traps on any bytes: what it cannot read it counts with
/// ``EvidenceAccumulator/reject(line:_:)``, what is no evidence with ``EvidenceAccumulator/discard(_:count:)``.
/// It calls ``EvidenceAccumulator/sawRecord(at:)`` once for every flow record that has a time.
package protocol LogDecoder: Sendable {
  /// Makes a decoder for one log.
  init(options: DecoderOptions)

  /// Whether the first bytes of an input (up to 64 KiB, decompressed) look like this format.
  static func recognizes(_ start: RawSpan) -> Bool

  /// Decodes one record.
  ///
  /// - Parameters:
  ///   - record: The record's bytes; empty lines are not passed.
  ///   - line: The line of its first byte, from 1.
  ///   - accumulator: Takes the evidence and the counts.
  mutating func decode(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  )

  /// Ends the log: what had to wait for the whole capture (direction of VPC records) is decided.
  mutating func finish(into accumulator: inout EvidenceAccumulator)
}
