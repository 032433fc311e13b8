import FlowModel

/// What a Calico connection record says, reduced to what decides whether it is evidence.
///
/// Filled from each JSON dialect and from the text form alike, judged by ``CalicoJudge``.
/// Source: the Calico format document, sections 1 to 4.
struct CalicoRecord: Hashable {
  /// Where the record was written, and so whose policies it speaks of.
  enum Reporter: UInt8 {
    /// Missing or unspecified.
    case absent
    /// At the source, by its egress policies.
    case source
    /// At the destination, by its ingress policies.
    case destination
    /// By host endpoint policy on forwarded traffic only.
    case forward
  }

  /// The verdict of the reporting side.
  enum Action: UInt8 {
    case absent, allow, deny, pass
  }

  /// The kinds of files that differ in what they can say.
  enum Dialect: UInt8 {
    /// Enterprise and Cloud `flows.log`.
    case file
    /// Whisker answers and streams.
    case whisker
    /// Goldmane's protobuf as JSON.
    case goldmane
  }

  var dialect = Dialect.file
  var reporter = Reporter.absent
  var action = Action.absent
  /// The protocol; nil when it is missing or has a name that stands for no protocol with ports.
  var transport: TransportProtocol?
  /// Whether a protocol was given at all.
  var hasProtocol = false
  /// The destination port; 0 when there is none.
  var port: UInt16 = 0
  var source = CalicoEnd()
  var destination = CalicoEnd()
  /// What its policy lists come to.
  var policies = CalicoPolicies()
  /// Start of the export interval, microseconds UTC; nil when absent.
  var start: Int64?
  /// End of the export interval, microseconds UTC; nil when absent.
  var end: Int64?
  /// Packets into the reporting endpoint; nil when the log does not count.
  var packetsIn: Int64?
  /// Packets out of the reporting endpoint; nil when the log does not count.
  var packetsOut: Int64?
  /// Bytes into the reporting endpoint.
  var bytesIn: Int64 = 0
  /// Bytes out of the reporting endpoint.
  var bytesOut: Int64 = 0
  /// The cluster's name where central storage added one.
  var cluster = ""

  /// What decides whether it is evidence.
  var facts: CalicoFacts {
    CalicoFacts(
      reporter: reporter,
      action: action,
      hasProtocol: hasProtocol,
      transport: transport,
      port: port,
      sourceKind: source.kind,
      destinationKind: destination.kind,
      isSamePod: source.isPod(destination),
      policies: policies,
      packetsIn: packetsIn,
      packetsOut: packetsOut
    )
  }
}

/// What decides whether a record is evidence, and of what.
struct CalicoFacts {
  var reporter = CalicoRecord.Reporter.absent
  var action = CalicoRecord.Action.absent
  /// Whether a protocol was given at all.
  var hasProtocol = false
  /// See ``CalicoRecord/transport``.
  var transport: TransportProtocol?
  /// The destination port; 0 when there is none.
  var port: UInt16 = 0
  var sourceKind = CalicoEnd.Kind.absent
  var destinationKind = CalicoEnd.Kind.absent
  /// Whether both ends are the same pod.
  var isSamePod = false
  var policies = CalicoPolicies()
  /// Packets into the reporting endpoint; nil when the log does not count.
  var packetsIn: Int64?
  /// Packets out of the reporting endpoint; nil when the log does not count.
  var packetsOut: Int64?
}

/// One end of a Calico record.
struct CalicoEnd: Hashable {
  /// What it is.
  enum Kind: UInt8 {
    /// Nothing usable was said.
    case absent
    /// A pod (`wep`).
    case workload
    /// A host endpoint (`hep`).
    case host
    /// A network set (`ns`, which is not "namespace").
    case networkSet
    /// Any other network (`net`): known as public or private only.
    case network
    /// Whisker has no type: a name without namespace is a host or a network set.
    case hostOrNetworkSet
  }

  var kind = Kind.absent
  var namespace = ""
  /// The pod's own name; empty when aggregated.
  var fullName = ""
  /// The aggregated name, such as `frontend-755cdc7957-*`, `pub` or a host's name.
  var aggregatedName = ""
  var labels = CalicoLabels()
  /// The address; only less aggregated records have one.
  var address: IPAddress?
  /// DNS names of the destination.
  var domains: [String] = []

  /// Whether both are one pod that is known by its own name.
  func isPod(_ other: CalicoEnd) -> Bool {
    kind == .workload && other.kind == .workload && !fullName.isEmpty && fullName == other.fullName
      && namespace == other.namespace
  }

  /// The Deployment whose ReplicaSet's hash stands in the aggregated name.
  ///
  /// Only the pod's own `pod-template-hash` proves that the last part of the name is a hash
  /// (`data-0-*` has none), so nothing is guessed without it.
  var deployment: WorkloadReference? {
    let name = aggregatedName.utf8
    let hash = labels.templateHash.utf8
    // `-HASH-*`
    let count = name.count - hash.count - 3
    guard !hash.isEmpty, count > 0, name.dropFirst(count).first == UInt8(ascii: "-"),
      name.dropFirst(count + 1).starts(with: hash), name.suffix(2).elementsEqual("-*".utf8)
    else { return nil }
    return WorkloadReference(
      kind: "Deployment",
      name: String(decoding: name.prefix(count), as: UTF8.self)
    )
  }
}

/// The labels of an end, as far as they matter.
struct CalicoLabels: Hashable {
  /// The key of the label that holds a ReplicaSet's hash.
  static let templateHashKey = "pod-template-hash"

  /// Those that may identify a workload.
  var stable = Labels()
  /// The hash of the pod's ReplicaSet; empty when there is none.
  var templateHash = ""
}

extension CalicoLabels {
  /// Takes what matters of all labels.
  init(_ labels: Labels) {
    stable = VolatileLabels.stable(labels)
    templateHash = labels[CalicoLabels.templateHashKey] ?? ""
  }
}

// MARK: - Words

extension CalicoRecord.Reporter {
  /// Reads `src`, `dst`, `fwd`, lists of them, Whisker's `Src`, and the old `in` and `out`.
  init(word: String) {
    var sawForward = false
    for part in word.lowercased().split(separator: ",") {
      switch part.filter({ $0 != " " }) {
      case "src", "out":
        self = .source
        return
      case "dst", "in":
        self = .destination
        return
      case "fwd": sawForward = true
      default: continue
      }
    }
    self = sawForward ? .forward : .absent
  }

  /// Reads the protobuf number.
  init(number: Int64) {
    switch number {
    case 1: self = .source
    case 2: self = .destination
    default: self = .absent
    }
  }
}

extension CalicoRecord.Action {
  /// Reads the word in any case.
  init(word: String) {
    switch word.lowercased() {
    case "allow": self = .allow
    case "deny": self = .deny
    case "pass": self = .pass
    default: self = .absent
    }
  }

  /// Reads the protobuf number.
  init(number: Int64) {
    switch number {
    case 1: self = .allow
    case 2: self = .deny
    case 3: self = .pass
    default: self = .absent
    }
  }
}

extension CalicoEnd.Kind {
  /// Reads the short words of files and the protobuf names.
  init(word: String) {
    switch word {
    case "wep", "WorkloadEndpoint": self = .workload
    case "hep", "HostEndpoint": self = .host
    case "ns", "NetworkSet": self = .networkSet
    case "net", "Network": self = .network
    default: self = .absent
    }
  }

  /// Reads the protobuf number.
  init(number: Int64) {
    switch number {
    case 1: self = .workload
    case 2: self = .host
    case 3: self = .networkSet
    case 4: self = .network
    default: self = .absent
    }
  }
}
