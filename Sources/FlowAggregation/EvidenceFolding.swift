package import FlowModel

/// Something about a connection that a person should know.
package enum EvidenceMark: String, Sendable, CaseIterable, Comparable {
  /// Excluding: to the instance metadata service.
  case metadataService = "metadata-service"
  /// Excluding: from a source that tried many ports or peers in one hour, mostly without answer.
  case scan
  /// Excluding: an end lies in the cluster but belongs to no known pod.
  case unresolved
  /// Informing: seen in one UTC hour only.
  case oneHour = "one-hour"
  /// Informing: from outside to a workload that nothing exposes.
  case worldToUnexposed = "world-to-unexposed"
  /// Informing: from a less to a more critical namespace.
  case towardsCritical = "towards-critical"

  /// By raw value.
  package static func < (left: EvidenceMark, right: EvidenceMark) -> Bool {
    left.rawValue < right.rawValue
  }

  /// Whether the connection stays out of proposals until a person accepts it.
  package var excludes: Bool {
    switch self {
    case .metadataService, .scan, .unresolved: true
    case .oneHour, .worldToUnexposed, .towardsCritical: false
    }
  }

  /// The mark in words.
  package var explanation: String {
    switch self {
    case .metadataService: "goes to the instance metadata service"
    case .scan: "comes from a source that tried many ports or peers within an hour"
    case .unresolved: "has an end inside the cluster that belongs to no known pod"
    case .oneHour: "was seen in a single hour only"
    case .worldToUnexposed: "comes from outside to a workload that nothing exposes"
    case .towardsCritical: "goes from a less to a more critical namespace"
    }
  }
}

/// A person's verdict on a connection.
package enum DecisionVerdict: String, Sendable {
  /// It may be allowed.
  case accept
  /// It must not be.
  case reject
}

/// Which connection a decision is about: ends in words, protocol, port.
package struct ConnectionKey: Hashable, Sendable, Comparable {
  /// The client: `namespace/workload`, an address, a DNS name, or a kind of node.
  package var source: String
  /// The server, likewise.
  package var destination: String
  /// The protocol.
  package var transport: TransportProtocol
  /// The server's port.
  package var port: UInt16

  /// Makes a key.
  package init(source: String, destination: String, transport: TransportProtocol, port: UInt16) {
    self.source = source
    self.destination = destination
    self.transport = transport
    self.port = port
  }

  /// By source, destination, protocol, port.
  package static func < (left: ConnectionKey, right: ConnectionKey) -> Bool {
    if left.source != right.source { return left.source < right.source }
    if left.destination != right.destination { return left.destination < right.destination }
    if left.transport != right.transport { return left.transport < right.transport }
    return left.port < right.port
  }
}

/// A connection kind over a window with all that is known of it.
package struct ObservedConnection: Hashable, Sendable {
  /// The client.
  package var source: ConnectionEnd
  /// The server.
  package var destination: ConnectionEnd
  /// Ends, protocol and port in words.
  package var key: ConnectionKey
  /// The class over all records.
  package var evidence: EvidenceClass
  /// Counts and times.
  package var tally: ConnectionEvidence
  /// Marks, sorted.
  package var marks: [EvidenceMark]
  /// What a person decided, nil when nobody did.
  package var decision: DecisionVerdict?

  /// Whether a proposal must allow it.
  package var isAccepted: Bool {
    if evidence == .explicitDeny || decision == .reject { return false }
    if decision == .accept { return true }
    return (evidence == .allowed || evidence == .wouldDeny) && !marks.contains { $0.excludes }
  }

  /// Whether a person has to decide before enforcement: it passes now, and would not afterwards.
  ///
  /// Attempts and denials are shown, but nothing breaks when they stay out.
  package var needsDecision: Bool {
    guard decision == nil else { return false }
    return evidence == .wouldDeny
      || (evidence == .allowed && marks.contains { $0.excludes })
  }

  /// Whether review lists it while nobody has decided: anything but plain allowed traffic.
  package var isForReview: Bool {
    evidence != .allowed || marks.contains { $0.excludes }
  }
}

/// Folds the edges of a window into connections between workloads.
package struct EvidenceFolding: Sendable {
  /// What people decided about client, server, protocol and port; nil when nobody did.
  package typealias Decide =
    @Sendable (ConnectionEnd, ConnectionEnd, TransportProtocol, UInt16) -> DecisionVerdict?

  /// A source that tries so many ports of one peer, or so many peers, in one hour may be scanning.
  package static let scanWidth = 10

  private let workloads: [Workload]
  private let workloadOf: [Endpoint: Int]
  /// Names of the workloads, in their order, unique.
  package let names: [String]
  private let decide: Decide
  private let criticality: [String: Int]

  /// Makes a folding.
  ///
  /// - Parameters:
  ///   - workloads: All known workloads.
  ///   - workloadOf: The workload of each pod endpoint, by index; missing ones cannot be attributed.
  ///   - criticality: Rank of namespaces, higher is more critical; missing ones are not compared.
  ///   - decide: What people decided.
  package init(
    workloads: [Workload],
    workloadOf: [Endpoint: Int],
    criticality: [String: Int] = [:],
    decide: @escaping Decide = { _, _, _, _ in nil }
  ) {
    self.workloads = workloads
    self.workloadOf = workloadOf
    self.criticality = criticality
    self.decide = decide
    names = WorkloadNames.names(of: workloads)
  }

  private struct PairKey: Hashable {
    var source: Int
    var destination: Int
    var transport: TransportProtocol
    var port: UInt16
  }

  private struct Folded {
    var key: PairKey
    var wouldDeny = false
    var explicit = false
    var attempt = false
    var allowed: Set<PolicySide> = []
    var denied: Set<PolicySide> = []
    var evidence: ConnectionEvidence
    /// The hours in which edges began and ended, perhaps repeated.
    var hours: [Int64] = []
    var isScan = true

    init(_ key: PairKey, _ tally: EdgeTally) {
      self.key = key
      evidence = ConnectionEvidence(
        records: 0,
        firstMicroseconds: tally.firstMicroseconds,
        lastMicroseconds: tally.lastMicroseconds,
        hours: 0,
        days: 0,
        logKinds: []
      )
    }
  }

  /// What came of a window's edges.
  package struct Result: Sendable {
    /// Connections, sorted by key.
    package var connections: [ObservedConnection]
    /// Edges left out because they turned out to be replies.
    package var replies: Int
    /// Edges with a pod that could not be attributed to a workload.
    package var unattributed: Int
  }

  /// Folds edges.
  ///
  /// - Parameters:
  ///   - edges: The edges of a window, in any order.
  ///   - context: All edges of the window where `edges` are those of one namespace only: whether a
  ///     source scans, and what an end serves, shows elsewhere too.
  package func fold(_ edges: [FlowEdge], context: [FlowEdge]? = nil) -> Result {
    var ends = EdgeEnds(workloads: workloads.count, workloadOf: workloadOf)
    let edgeEnds = ends.number(edges)
    let contextEnds = context.map { ends.number($0) } ?? edgeEnds
    let served = servedPorts(context ?? edges, contextEnds)
    let scanning = scans(context ?? edges, contextEnds)
    var positions: [PairKey: Int] = [:]
    var folded: [Folded] = []
    var replies = 0
    var unattributed = 0
    for (edge, at) in zip(edges, edgeEnds) {
      guard let source = at.source.end, let destination = at.destination.end else {
        unattributed += 1
        continue
      }
      if edge.replyPort != 0,
        served.contains(
          Served(end: source, transport: edge.transport, port: edge.replyPort)
        )
      {
        replies += 1
        continue
      }
      let key = PairKey(
        source: source,
        destination: destination,
        transport: edge.transport,
        port: edge.port
      )
      let position: Int
      if let known = positions[key] {
        position = known
      } else {
        position = folded.count
        positions[key] = position
        folded.append(Folded(key, edge.tally))
      }
      add(
        edge,
        isScan: EvidenceFolding.isBrief(edge) && scanning.contains(Burst(edge, from: at.source)),
        to: &folded[position]
      )
    }
    let words = ends.all.map(name)
    return Result(
      connections: order(folded.map(\.key), ends.all, words).map { position in
        connection(folded[position], ends.all, words)
      },
      replies: replies,
      unattributed: unattributed
    )
  }

  /// The positions of connections in the order of their words; one DNS name may stand for many
  /// addresses, so where the words are the same their ends decide.
  private func order(_ keys: [PairKey], _ ends: [ConnectionEnd], _ words: [String]) -> [Int] {
    var byWords = [Int](repeating: 0, count: ends.count)
    var byEnds = byWords
    let sorted = ends.indices.sorted { words[$0] < words[$1] }
    for (place, end) in sorted.enumerated() {
      let isNew = place == 0 || words[sorted[place - 1]] != words[end]
      byWords[end] = isNew ? place : byWords[sorted[place - 1]]
    }
    for (place, end) in ends.indices.sorted(by: { precedes(ends[$0], ends[$1]) }).enumerated() {
      byEnds[end] = place
    }
    return keys.indices.sorted { left, right in
      let (one, two) = (keys[left], keys[right])
      if byWords[one.source] != byWords[two.source] {
        return byWords[one.source] < byWords[two.source]
      }
      if byWords[one.destination] != byWords[two.destination] {
        return byWords[one.destination] < byWords[two.destination]
      }
      if one.transport != two.transport { return one.transport < two.transport }
      if one.port != two.port { return one.port < two.port }
      if one.source != two.source { return byEnds[one.source] < byEnds[two.source] }
      return byEnds[one.destination] < byEnds[two.destination]
    }
  }

  /// What connection an edge belongs to, in words; nil when its pods cannot be attributed.
  package func key(of edge: FlowEdge) -> ConnectionKey? {
    guard let source = end(edge.source), let destination = end(edge.destination) else {
      return nil
    }
    return ConnectionKey(
      source: name(source),
      destination: name(destination),
      transport: edge.transport,
      port: edge.port
    )
  }

  private func end(_ endpoint: Endpoint) -> ConnectionEnd? {
    guard endpoint.kind == .pod else { return .other(endpoint) }
    return workloadOf[endpoint].map(ConnectionEnd.workload)
  }

  private func add(_ edge: FlowEdge, isScan: Bool, to folded: inout Folded) {
    let tally = edge.tally
    switch edge.evidence {
    case .allowed: folded.allowed.insert(edge.side)
    case .wouldDeny: folded.wouldDeny = true
    case .denied: folded.denied.insert(edge.side)
    case .explicitDeny: folded.explicit = true
    case .attempt: folded.attempt = true
    }
    folded.evidence.records += tally.records
    folded.evidence.firstMicroseconds = min(
      folded.evidence.firstMicroseconds,
      tally.firstMicroseconds
    )
    folded.evidence.lastMicroseconds = max(
      folded.evidence.lastMicroseconds,
      tally.lastMicroseconds
    )
    // Edges of one connection (two sides, two logs) mostly share their hours: the widest one counts.
    folded.evidence.hours = max(folded.evidence.hours, tally.hours)
    folded.evidence.days = max(folded.evidence.days, tally.days)
    if !folded.evidence.logKinds.contains(edge.logKind) {
      folded.evidence.logKinds = (folded.evidence.logKinds + [edge.logKind]).sorted()
    }
    for time in [tally.firstMicroseconds, tally.lastMicroseconds] {
      let hour = Timestamps.floor(time, to: Timestamps.hour)
      if folded.hours.last != hour { folded.hours.append(hour) }
    }
    folded.isScan = folded.isScan && isScan
  }

  /// Any would-deny makes it would-deny; else a denial at a side where nothing was allowed outweighs
  /// forwarding at the other; else allowed.
  private func evidence(_ folded: Folded) -> EvidenceClass {
    if folded.wouldDeny { return .wouldDeny }
    let allowedSides =
      folded.allowed.contains(.both) ? Set(PolicySide.allCases) : folded.allowed
    if folded.explicit, allowedSides.isEmpty { return .explicitDeny }
    if !folded.denied.subtracting(allowedSides).isEmpty { return .denied }
    if !allowedSides.isEmpty { return .allowed }
    return folded.explicit ? .explicitDeny : folded.denied.isEmpty ? .attempt : .denied
  }

  private func connection(
    _ folded: Folded,
    _ ends: [ConnectionEnd],
    _ words: [String]
  ) -> ObservedConnection {
    let key = folded.key
    let (source, destination) = (ends[key.source], ends[key.destination])
    var tally = folded.evidence
    tally.hours = max(tally.hours, Set(folded.hours).count)
    return ObservedConnection(
      source: source,
      destination: destination,
      key: ConnectionKey(
        source: words[key.source],
        destination: words[key.destination],
        transport: key.transport,
        port: key.port
      ),
      evidence: evidence(folded),
      tally: tally,
      marks: marks(source, destination, isScan: folded.isScan, hours: tally.hours),
      decision: decide(source, destination, key.transport, key.port)
    )
  }

  private func precedes(_ left: ConnectionEnd, _ right: ConnectionEnd) -> Bool {
    switch (left, right) {
    case (.workload(let one), .workload(let two)): one < two
    case (.other(let one), .other(let two)): one < two
    case (.workload, .other): true
    case (.other, .workload): false
    }
  }

  private func name(_ end: ConnectionEnd) -> String {
    switch end {
    case .workload(let index): names[index]
    case .other(let endpoint): WorkloadNames.name(of: endpoint)
    }
  }

  // MARK: Marks

  private func marks(
    _ source: ConnectionEnd,
    _ destination: ConnectionEnd,
    isScan: Bool,
    hours: Int
  ) -> [EvidenceMark] {
    var marks: [EvidenceMark] = []
    if case .other(let endpoint) = destination, EvidenceFolding.isMetadataService(endpoint) {
      marks.append(.metadataService)
    }
    if isScan { marks.append(.scan) }
    for end in [source, destination] {
      if case .other(let endpoint) = end, endpoint.kind == .unresolved { marks.append(.unresolved) }
    }
    if hours == 1 { marks.append(.oneHour) }
    if case .other(let endpoint) = source, endpoint.isExternal,
      case .workload(let index) = destination, !workloads[index].isExposed
    {
      marks.append(.worldToUnexposed)
    }
    if !criticality.isEmpty, case .workload(let source) = source,
      case .workload(let destination) = destination,
      let from = criticality[workloads[source].namespace],
      let to = criticality[workloads[destination].namespace], from < to
    {
      marks.append(.towardsCritical)
    }
    return marks.count > 1 ? Array(Set(marks)).sorted() : marks
  }

  /// Whether a server is the instance metadata service, by address or by the name clouds give it.
  private static func isMetadataService(_ endpoint: Endpoint) -> Bool {
    guard endpoint.isExternal || endpoint.kind == .unresolved else { return false }
    if endpoint.address?.address.isMetadataService == true { return true }
    return endpoint.dnsNames.contains { name in
      metadataNames.contains(name.lowercased().droppingFinalDot)
    }
  }

  private static let metadataNames: Set<String> = [
    "metadata.google.internal", "metadata", "instance-data", "instance-data.ec2.internal",
  ]

  private struct Served: Hashable {
    var end: Int
    var transport: TransportProtocol
    var port: UInt16
  }

  /// Ports at which an end was seen to accept connections beyond doubt.
  private func servedPorts(_ edges: [FlowEdge], _ ends: [EdgeEnds.Pair]) -> Set<Served> {
    // Only edges that may be replies ask.
    guard edges.contains(where: { $0.replyPort != 0 }) else { return [] }
    var served: Set<Served> = []
    for (edge, at) in zip(edges, ends) where edge.replyPort == 0 && edge.evidence != .attempt {
      guard let destination = at.destination.end else { continue }
      served.insert(Served(end: destination, transport: edge.transport, port: edge.port))
    }
    return served
  }

  /// What a source did in the hour in which it began to.
  private struct Burst: Hashable {
    var source: Int
    var hour: Int64

    init(_ edge: FlowEdge, from source: EdgeEnds.Place) {
      self.source = source.endpoint
      hour = Timestamps.floor(edge.tally.firstMicroseconds, to: Timestamps.hour)
    }
  }

  /// Whether an edge was seen in no more than one hour of a day.
  private static func isBrief(_ edge: FlowEdge) -> Bool { edge.tally.hours <= edge.tally.days }

  /// Whether what an edge means may hang on edges of other namespaces.
  package static func needsContext(_ edge: FlowEdge) -> Bool {
    edge.replyPort != 0 || isBrief(edge)
  }

  /// The bursts that are scans: the source began many ports of one peer, or many peers, in one hour,
  /// and most of these had no answer.
  ///
  /// Only edges that were seen in one hour of a day count, so that a scan by night is one as well and
  /// a client that keeps trying what is down is none.
  private func scans(_ edges: [FlowEdge], _ ends: [EdgeEnds.Pair]) -> Set<Burst> {
    var bursts: [Burst: [Int]] = [:]
    for (index, edge) in edges.enumerated() where EvidenceFolding.isBrief(edge) {
      bursts[Burst(edge, from: ends[index].source), default: []].append(index)
    }
    var result: Set<Burst> = []
    for (burst, indices) in bursts where indices.count >= EvidenceFolding.scanWidth {
      var targets: [Int: Set<UInt32>] = [:]
      var unanswered = Set<Int>()
      for index in indices {
        let edge = edges[index]
        targets[ends[index].destination.endpoint, default: []].insert(
          UInt32(edge.transport.number) << 16 | UInt32(edge.port)
        )
        if edge.evidence != .allowed && edge.evidence != .wouldDeny { unanswered.insert(index) }
      }
      let widest = targets.values.map(\.count).max() ?? 0
      let isWide = max(widest, targets.count) >= EvidenceFolding.scanWidth
      guard isWide, unanswered.count * 2 > indices.count else { continue }
      result.insert(burst)
    }
    return result
  }
}

extension String {
  /// A DNS name without the final dot that makes it absolute.
  fileprivate var droppingFinalDot: String { hasSuffix(".") ? String(dropLast()) : self }
}
