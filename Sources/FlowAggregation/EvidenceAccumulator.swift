package import FlowModel

/// Folds the records of one log into edges, endpoints and counts; one per thread, merged at the end.
package struct EvidenceAccumulator: Sendable {
  /// The log kind of everything added.
  package let logKind: LogKind
  /// The cluster name given by the user for logs that carry none; else empty.
  package let cluster: String
  /// The inventory, when there is one.
  package let resolver: (any AddressResolving)?
  /// What became of the records.
  package var counts = IngestCounts()
  /// Edges counted so far.
  package internal(set) var edges = EdgeTable()
  /// Edges that count only when the log never marks replies (old Hubble dialects).
  package internal(set) var unmarkedEdges = EdgeTable()
  /// Forward edges that had replies; the evidence field is 0 for an answer and 1 for a bare reset.
  var replies = EdgeKeySet()
  /// Set when a record shows that the log marks replies.
  package var marksReplies = false
  /// Set while the log shows a node's address for its pods' packets: such ends are then unresolved.
  package var nodeAddressesAreAmbiguous = false
  /// Private addresses of records that are no evidence.
  package internal(set) var strangers = StrangeAddresses()
  /// The endpoints that keys index.
  package internal(set) var endpoints: [Endpoint] = []
  var endpointIndex = EndpointIndex()
  var externalIndex: [IPAddress: UInt32] = [:]
  var externals = ExternalSlots()
  private var podNames = PodNames()
  private var captureHour = Int64.min
  private var captureRecords: Int64 = 0
  /// The hour of the last time, its first microsecond and that of the next hour.
  private var lastHour: Int64 = 0
  private var lastHourStart: Int64 = 0
  private var lastHourEnd: Int64 = 0
  /// Discards not yet in `counts`: few reasons, so a short list is quicker than a dictionary.
  private var discards: [(reason: DiscardReason, count: Int)] = []

  /// The entity of an unresolved end that is a node's address and may stand for any pod on it.
  package static let nodeOrPodEntity = "node-or-pod"
  /// The entity of one whose address belongs to the cluster's pods, but to none known at that time.
  static let unknownPodEntity = "unknown-pod"

  /// Makes an empty accumulator.
  package init(logKind: LogKind, cluster: String = "", resolver: (any AddressResolving)? = nil) {
    self.logKind = logKind
    self.cluster = cluster
    self.resolver = resolver
  }

  // MARK: Counting

  /// Counts a record that is not evidence; `counts` has it after ``finish(marksRepliesSoFar:)``.
  package mutating func discard(_ reason: DiscardReason, count: Int = 1) {
    for index in discards.indices where discards[index].reason == reason {
      discards[index].count += count
      return
    }
    discards.append((reason: reason, count: count))
  }

  private mutating func flushDiscards() {
    for (reason, count) in discards { counts.discarded[reason, default: 0] += count }
    discards.removeAll(keepingCapacity: true)
  }

  /// The UTC hour of a time; that of one record is nearly always that of the next.
  @inline(__always)
  private mutating func hour(of time: Int64) -> Int64 {
    if time >= lastHourStart, time < lastHourEnd { return lastHour }
    return findHour(of: time)
  }

  private mutating func findHour(of time: Int64) -> Int64 {
    lastHourStart = Timestamps.floor(time, to: Timestamps.hour)
    lastHour = lastHourStart / Timestamps.hour
    lastHourEnd = lastHourStart + Timestamps.hour
    return lastHour
  }

  /// Counts a record that could not be read.
  package mutating func reject(line: Int, _ problem: String) {
    counts.rejectedCount += 1
    counts.keep(Rejection(line: line, problem: problem))
  }

  /// Notes that the log covered a time, whether or not the record at that time is evidence.
  ///
  /// - Parameter count: How many records of that UTC hour are noted at once.
  package mutating func sawRecord(at time: Int64, count: Int64 = 1) {
    let hour = hour(of: time)
    if hour == captureHour {
      captureRecords += count
    } else {
      flushCapture()
      captureHour = hour
      captureRecords = count
    }
  }

  /// Adds events that the log says were lost; `time` nil when it does not say when.
  package mutating func lost(_ events: Int64, at time: Int64?) {
    counts.lostEvents = counts.lostEvents.addingSaturated(events)
    guard let time else { return }
    let hour = Timestamps.floor(time, to: Timestamps.hour) / Timestamps.hour
    counts.capture[hour, default: CaptureHour()].lost.addSaturated(events)
  }

  private mutating func flushCapture() {
    if captureRecords > 0 {
      counts.capture[captureHour, default: CaptureHour()].records += captureRecords
    }
    captureRecords = 0
  }

  // MARK: Endpoints

  /// The index of an endpoint, added when new; the user's cluster name is filled in where the log has none.
  ///
  /// The index of an external endpoint is good for the record at hand only; others stay.
  package mutating func index(of endpoint: Endpoint) -> UInt32 {
    var endpoint = endpoint
    if endpoint.cluster.isEmpty, !endpoint.isExternal { endpoint.cluster = cluster }
    return index(of: endpoint, hash: EndpointIndex.hash(endpoint))
  }

  /// The index of an endpoint that has a cluster's name, or will have none.
  private mutating func index(of endpoint: Endpoint, hash: Int) -> UInt32 {
    if let index = endpointIndex.find(endpoint, hash: hash, in: endpoints) { return index }
    if endpoint.isExternal { return addExternal(endpoint, hash: hash) }
    let index = UInt32(endpoints.count)
    endpoints.append(endpoint)
    endpointIndex.insert(index, hash: hash)
    return index
  }

  /// Remembers a pod's name, given as UTF-8, for records that name a pod without its labels.
  ///
  /// Of the endpoints of one name in a namespace one with an owner counts, then the first by their order, so that
  /// that of the records does not matter.
  ///
  /// - Parameter index: The index of the pod's endpoint.
  @inline(__always)
  package mutating func remember(pod name: RawSpan, as index: UInt32) {
    podNames.note(name, of: index, in: endpoints)
  }

  // MARK: Adding

  /// Counts a record by endpoint indices: the hot path.
  ///
  /// - Parameter unmarked: Whether it counts only in a log that never marks replies.
  package mutating func add(
    source: UInt32,
    destination: UInt32,
    transport: TransportProtocol,
    port: UInt16,
    replyPort: UInt16 = 0,
    side: PolicySide,
    evidence: EvidenceClass,
    records: Int64 = 1,
    bytes: Int64 = 0,
    first: Int64,
    last: Int64,
    line: Int,
    unmarked: Bool = false
  ) {
    let hour = hour(of: first)
    let key = EdgeKey(
      source: source,
      destination: destination,
      hour: Int32(truncatingIfNeeded: hour),
      port: port,
      replyPort: replyPort,
      transport: transport.number,
      side: UInt8(side.index),
      evidence: UInt8(evidence.index),
      logKind: 0
    )
    if unmarked {
      unmarkedEdges.add(
        key,
        records: records,
        bytes: bytes,
        first: first,
        last: last,
        line: line
      )
    } else {
      counts.used += 1
      edges.add(key, records: records, bytes: bytes, first: first, last: last, line: line)
    }
  }

  /// Notes that a TCP connection was answered, or refused with a reset.
  ///
  /// Ends and port are those of the forward direction.
  package mutating func reply(
    source: UInt32,
    destination: UInt32,
    port: UInt16,
    isReset: Bool,
    time: Int64
  ) {
    let hour = hour(of: time)
    let key = EdgeKey(
      source: source,
      destination: destination,
      hour: Int32(truncatingIfNeeded: hour),
      port: port,
      replyPort: 0,
      transport: TransportProtocol.tcp.number,
      side: 0,
      evidence: isReset ? 1 : 0,
      logKind: 0
    )
    replies.insert(key)
  }

  /// Resolves both ends of a record and counts it, or counts why it is not evidence.
  ///
  /// - Parameter lines: How many records of the log `flow` stands for, for the counts.
  package mutating func record(_ flow: ObservedFlow, line: Int, lines: Int = 1) {
    switch resolve(flow.source, flow: flow, port: flow.sourcePort) {
    case .discard(let reason): discard(reason, count: lines)
    case .backends: discard(.reply, count: lines)
    case .one(let source):
      switch resolve(flow.destination, flow: flow, port: flow.port) {
      case .discard(let reason): discard(reason, count: lines)
      case .one(let destination):
        count(flow, from: source, to: destination, port: flow.port, line: line, lines: lines)
      case .backends(let backends):
        let owners = Set(backends.map(\.endpoint))
        guard owners.count == 1, let first = backends.first else {
          discard(backends.isEmpty ? .unknownEndpoint : .ambiguousAddress, count: lines)
          return
        }
        count(
          flow,
          from: source,
          to: first.endpoint,
          port: first.port,
          line: line,
          lines: lines
        )
      }
    }
  }

  private mutating func count(
    _ flow: ObservedFlow,
    from source: Endpoint,
    to destination: Endpoint,
    port: UInt16,
    line: Int,
    lines: Int
  ) {
    if resolver != nil { strangers.look(at: source, destination, lines: lines) }
    guard source.kind == .pod || destination.kind == .pod else {
      discard(.noPod, count: lines)
      return
    }
    counts.used += lines - 1
    add(
      source: index(of: source),
      destination: index(of: destination),
      transport: flow.transport,
      port: port,
      replyPort: flow.replyPort,
      side: flow.side,
      evidence: flow.evidence,
      records: flow.records,
      bytes: flow.bytes,
      first: flow.start,
      // An interval's end lies outside it: one that ends at midnight says nothing of the new day.
      last: max(flow.start, flow.end - 1),
      line: line
    )
  }

  private enum Resolved {
    case one(Endpoint)
    case backends([ServiceBackend])
    case discard(DiscardReason)
  }

  private func resolve(_ end: ObservedEnd, flow: ObservedFlow, port: UInt16) -> Resolved {
    switch end {
    case .endpoint(let endpoint): return .one(endpoint)
    case .pod(let namespace, let name, let hint):
      if let known = resolver?.pod(namespace: namespace, name: name, at: flow.start) {
        return .one(known)
      }
      return .one(hint)
    case .address(let address):
      return resolve(address, flow: flow, port: port)
    }
  }

  private func resolve(_ address: IPAddress, flow: ObservedFlow, port: UInt16) -> Resolved {
    if address.isMetadataService {
      return .one(Endpoint(kind: .address, address: CIDR(single: address)))
    }
    guard let resolver else {
      if address.isLocalOrMulticast, !address.isNodeLocalDNS { return .discard(.localOrMulticast) }
      let kind: Endpoint.Kind =
        address.isPrivate || address.isLocalOrMulticast ? .unresolved : .address
      return .one(Endpoint(kind: kind, address: CIDR(single: address)))
    }
    switch resolver.resolve(
      address,
      transport: flow.transport,
      port: port,
      from: flow.start,
      to: flow.end
    )
    {
    case .endpoint(let endpoint):
      guard endpoint.kind == .node, nodeAddressesAreAmbiguous else { return .one(endpoint) }
      return .one(
        Endpoint(
          kind: .unresolved,
          cluster: endpoint.cluster,
          address: CIDR(single: address),
          entity: EvidenceAccumulator.nodeOrPodEntity
        )
      )
    case .service(_, let backends): return .backends(backends)
    case .ambiguous: return .discard(.ambiguousAddress)
    case .unknownPod:
      return .one(
        Endpoint(
          kind: .unresolved,
          address: CIDR(single: address),
          entity: EvidenceAccumulator.unknownPodEntity
        )
      )
    case .internalUnknown:
      return .one(Endpoint(kind: .unresolved, address: CIDR(single: address)))
    case .ignored: return .discard(.localOrMulticast)
    }
  }
}

// MARK: - Finishing

extension EvidenceAccumulator {
  /// Gives all lines other numbers.
  ///
  /// - Parameter number: The new number of a line; must rise with the old one.
  package mutating func renumberLines(_ number: (Int) -> Int) {
    edges.renumberLines(number)
    unmarkedEdges.renumberLines(number)
    for index in counts.rejections.indices {
      counts.rejections[index].line = number(counts.rejections[index].line)
    }
  }

  /// Adds what another thread counted of another part of the same log.
  ///
  /// - Parameter lineOffset: Lines before that part.
  package mutating func merge(_ other: EvidenceAccumulator, lineOffset: Int) {
    var other = other
    other.edges.countWaiting()
    other.unmarkedEdges.countWaiting()
    other.replies.insertWaiting()
    other.flushCapture()
    other.flushDiscards()
    flushCapture()
    flushDiscards()
    // Until the edges are in, nothing tells which of the endpoints are in use.
    externals.isHeld = true
    defer { externals.isHeld = false }
    counts.merge(other.counts, lineOffset: lineOffset)
    marksReplies = marksReplies || other.marksReplies
    strangers.merge(other.strangers)
    let indices = other.endpoints.indices.map {
      index(of: other.endpoints[$0], hash: other.endpointIndex.hashes[$0])
    }
    podNames.merge(other.podNames, indices: indices, in: endpoints)
    func moved(_ key: EdgeKey) -> EdgeKey {
      var key = key
      key.source = indices[Int(key.source)]
      key.destination = indices[Int(key.destination)]
      return key
    }
    for entry in other.edges.entries {
      edges.add(
        moved(entry.key),
        records: entry.records,
        bytes: entry.bytes,
        first: entry.first,
        last: entry.last,
        line: entry.sampleLine + lineOffset
      )
    }
    for key in other.replies.keys { replies.insert(moved(key)) }
    for entry in other.unmarkedEdges.entries {
      unmarkedEdges.add(
        moved(entry.key),
        records: entry.records,
        bytes: entry.bytes,
        first: entry.first,
        last: entry.last,
        line: entry.sampleLine + lineOffset
      )
    }
  }

  /// Ends counting: decides on unmarked records and gives pods known by name only their labels.
  ///
  /// - Parameter marksRepliesSoFar: Whether an earlier part of the same log marked replies.
  package mutating func finish(marksRepliesSoFar: Bool = false) {
    flushCapture()
    marksReplies = marksReplies || marksRepliesSoFar
    let unmarked = unmarkedEdges.entries
    unmarkedEdges = EdgeTable()
    for entry in unmarked {
      guard !marksReplies else {
        discard(.unknownDirection, count: Int(entry.records))
        continue
      }
      counts.used += Int(entry.records)
      edges.add(
        entry.key,
        records: entry.records,
        bytes: entry.bytes,
        first: entry.first,
        last: entry.last,
        line: entry.sampleLine
      )
    }
    flushDiscards()
    edges.countWaiting()
    demoteRefused()
    resolvePodNames()
    if externals.count > ExternalFolding.mostAddresses { foldExternals() }
  }

  /// Hands out what was counted since the last time and starts anew, keeping the endpoints' indices.
  ///
  /// For streams that are stored at intervals; call ``finish(marksRepliesSoFar:)`` before.
  package mutating func drain() -> (edges: [EdgeTable.Entry], counts: IngestCounts) {
    defer {
      edges = EdgeTable()
      counts = IngestCounts()
      strangers.startAnew()
    }
    return (edges.entries, counts)
  }

  /// Turns allowed TCP edges to which only resets came back in their hour into attempts.
  private mutating func demoteRefused() {
    replies.insertWaiting()
    var refused: Set<EdgeKey> = []
    for reply in replies.keys where reply.evidence != 0 {
      var key = reply
      key.evidence = 0
      refused.insert(key)
    }
    if !refused.isEmpty {
      for reply in replies.keys where reply.evidence == 0 { refused.remove(reply) }
    }
    replies = EdgeKeySet()
    guard !refused.isEmpty else { return }
    let allowed = UInt8(EvidenceClass.allowed.index)
    rebuildEdges { key in
      guard key.evidence == allowed, key.transport == TransportProtocol.tcp.number else { return }
      var plain = key
      plain.replyPort = 0
      plain.side = 0
      plain.evidence = 0
      if refused.contains(plain) { key.evidence = UInt8(EvidenceClass.attempt.index) }
    }
  }

  private mutating func rebuildEdges(_ change: (inout EdgeKey) -> Void) {
    let old = edges.entries
    edges = EdgeTable()
    for entry in old {
      var key = entry.key
      change(&key)
      edges.add(
        key,
        records: entry.records,
        bytes: entry.bytes,
        first: entry.first,
        last: entry.last,
        line: entry.sampleLine
      )
    }
    edges.countWaiting()
  }

  private mutating func resolvePodNames() {
    let moved = podNames.known(endpoints)
    guard !moved.isEmpty else { return }
    rebuildEdges { key in
      key.source = moved[key.source] ?? key.source
      key.destination = moved[key.destination] ?? key.destination
    }
  }
}
