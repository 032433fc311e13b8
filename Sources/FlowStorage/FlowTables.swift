import FlowAggregation
import FlowModel

/// Edges by hour, the ledger and the capture of ``InMemoryStore``.
struct FlowTables {
  /// A log and a UTC hour.
  struct CaptureKey: Hashable {
    var logKind: LogKind
    var hour: Int64
  }

  private struct Hour {
    var records: Int64
    var bytes: Int64
    var first: Int64
    var last: Int64
  }

  private struct Key: Hashable {
    var source: Endpoint
    var destination: Endpoint
    var transport: UInt8
    var port: UInt16
    var replyPort: UInt16
    var side: PolicySide
    var evidence: EvidenceClass
    var logKind: LogKind
  }

  /// The ledger, by number.
  private(set) var inputs: [IngestRecord] = []
  private(set) var capture: [CaptureKey: CaptureHour] = [:]
  private var hours: [Key: [Int64: Hour]] = [:]

  // MARK: Adding

  /// Adds a batch.
  ///
  /// - Throws: ``FlowStoreError`` when the ledger is not as expected; some of the batch is added by then.
  mutating func add(_ batch: IngestBatch) throws -> [Int64] {
    for entry in batch.edges {
      let key = Key(
        source: batch.endpoints[Int(entry.key.source)],
        destination: batch.endpoints[Int(entry.key.destination)],
        transport: entry.key.transport,
        port: entry.key.port,
        replyPort: entry.key.replyPort,
        side: PolicySide.allCases[Int(entry.key.side)],
        evidence: EvidenceClass.allCases[Int(entry.key.evidence)],
        logKind: batch.logKind
      )
      add(
        Hour(
          records: entry.records,
          bytes: entry.bytes,
          first: entry.first,
          last: entry.last
        ),
        at: Int64(entry.key.hour),
        to: key
      )
    }
    let note = foldExternals().note
    var ids: [Int64] = []
    for (index, input) in batch.inputs.enumerated() {
      let row = inputs.first { $0.id == input.record.id }
      guard input.expects?.holds(row: row, alike: inputs(matchingHead:)) ?? true else {
        throw FlowStoreError.ledgerChanged
      }
      for (hour, count) in input.record.counts.capture {
        var total = capture[CaptureKey(logKind: batch.logKind, hour: hour)] ?? CaptureHour()
        total.records.addSaturated(count.records)
        total.lost.addSaturated(count.lost)
        capture[CaptureKey(logKind: batch.logKind, hour: hour)] = total
      }
      var record = input.record
      if let note, index == batch.inputs.count - 1 { record.counts.notes.insert(note) }
      record.counts.capture = [:]
      ids.append(enter(record))
    }
    return ids
  }

  private mutating func add(_ hour: Hour, at time: Int64, to key: Key) {
    guard var total = hours[key]?[time] else {
      hours[key, default: [:]][time] = hour
      return
    }
    total.records.addSaturated(hour.records)
    total.bytes.addSaturated(hour.bytes)
    total.first = min(total.first, hour.first)
    total.last = max(total.last, hour.last)
    hours[key]?[time] = total
  }

  private mutating func enter(_ record: IngestRecord) -> Int64 {
    guard record.id != 0, let index = inputs.firstIndex(where: { $0.id == record.id }) else {
      var new = record
      new.id = Int64(inputs.count) + 1
      new.counts.rejections.sort()
      inputs.append(new)
      return new.id
    }
    var grown = inputs[index]
    grown.name = record.name
    grown.identity = record.identity
    grown.marksReplies = grown.marksReplies || record.marksReplies
    let rejections = Set(grown.counts.rejections + record.counts.rejections).sorted()
    grown.counts.merge(record.counts, lineOffset: 0)
    grown.counts.rejections = rejections
    grown.finished = record.finished
    inputs[index] = grown
    return grown.id
  }

  // MARK: Folding

  private struct Group: Hashable {
    var other: Endpoint
    var transport: UInt8
    var port: UInt16
    var isIngress: Bool
  }

  private mutating func foldExternals() -> ExternalFolding {
    var peers: [Group: Set<Endpoint>] = [:]
    for key in hours.keys {
      if let (group, peer) = group(key) { peers[group, default: []].insert(peer) }
    }
    let levels = peers.compactMapValues { peers in
      let level = ExternalFolding(holding: peers)
      return level == .addresses ? nil : level
    }
    var widest = ExternalFolding.addresses
    for (key, counted) in hours {
      guard let (group, peer) = group(key), let level = levels[group] else { continue }
      let folded = level.folded(peer)
      guard folded != peer else { continue }
      var target = key
      if group.isIngress { target.source = folded } else { target.destination = folded }
      hours[key] = nil
      for (time, hour) in counted { add(hour, at: time, to: target) }
      widest = max(widest, level)
    }
    return widest
  }

  private func group(_ key: Key) -> (group: Group, peer: Endpoint)? {
    let isIngress = ExternalFolding.isFoldable(key.source)
    guard isIngress != ExternalFolding.isFoldable(key.destination) else { return nil }
    let group = Group(
      other: isIngress ? key.destination : key.source,
      transport: key.transport,
      port: key.port,
      isIngress: isIngress
    )
    return (group, isIngress ? key.source : key.destination)
  }

  // MARK: Reading

  func inputs(matchingHead head: (Int) -> UInt64?) -> [IngestRecord] {
    inputs.filter { head($0.identity.headLength) == $0.identity.headHash }
      .sorted { $0.id > $1.id }
  }

  func edges(_ query: EdgeQuery) -> [DatedEdge] {
    var found: [DatedEdge] = []
    for (key, counted) in hours {
      if let namespace = query.namespace {
        guard !namespace.isEmpty,
          key.source.namespace == namespace || key.destination.namespace == namespace
        else { continue }
      }
      let wanted = counted.filter { query.hours?.contains($0.key) ?? true }
      guard let any = wanted.values.first else { continue }
      var tally = EdgeTally(
        records: 0,
        bytes: 0,
        firstMicroseconds: any.first,
        lastMicroseconds: any.last,
        hours: wanted.count
      )
      for hour in wanted.values {
        tally.records.addSaturated(hour.records)
        tally.bytes.addSaturated(hour.bytes)
        tally.firstMicroseconds = min(tally.firstMicroseconds, hour.first)
        tally.lastMicroseconds = max(tally.lastMicroseconds, hour.last)
      }
      let days = Set(wanted.keys.map { Timestamps.floor($0, to: 24) / 24 }).sorted()
      tally.days = days.count
      let edge = FlowEdge(
        source: key.source,
        destination: key.destination,
        transport: TransportProtocol(number: key.transport),
        port: key.port,
        replyPort: key.replyPort,
        side: key.side,
        evidence: key.evidence,
        logKind: key.logKind,
        tally: tally
      )
      found.append(DatedEdge(edge: edge, days: days))
    }
    return found.sorted { FlowEdge.precedes($0.edge, $1.edge) }
  }

  func podEndpoints(before hour: Int64?) -> [Endpoint] {
    var pods: Set<Endpoint> = []
    for (key, counted) in hours {
      if let hour, !counted.keys.contains(where: { $0 < hour }) { continue }
      for end in [key.source, key.destination] where end.kind == .pod { pods.insert(end) }
    }
    return pods.sorted()
  }

  func namespaces() -> [NamespaceSpan] {
    var spans: [String: NamespaceSpan] = [:]
    for (key, counted) in hours {
      guard let first = counted.min(by: { $0.key < $1.key })?.value.first,
        let last = counted.max(by: { $0.key < $1.key })?.value.last
      else { continue }
      for namespace in [key.source.namespace, key.destination.namespace] where !namespace.isEmpty {
        var span = spans[namespace] ?? NamespaceSpan(namespace: namespace, first: first, last: last)
        span.first = min(span.first, first)
        span.last = max(span.last, last)
        spans[namespace] = span
      }
    }
    return spans.values.sorted { $0.namespace < $1.namespace }
  }
}
