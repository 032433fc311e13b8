package import FlowAggregation
package import FlowModel
package import FlowStorage
package import TestSupport

/// Makes what an ingest hands to a store, record by record.
package struct BatchBuilder {
  /// 2026-09-15T12:00:00Z, microseconds UTC.
  package static let noon: Int64 = 1_789_473_600_000_000

  private var log: EvidenceAccumulator

  /// Starts a batch of a log kind.
  package init(_ logKind: LogKind = .hubble) { log = EvidenceAccumulator(logKind: logKind) }

  /// A pod endpoint.
  package static func pod(_ app: String, in namespace: String = "shop", cluster: String = "")
    -> Endpoint
  {
    Endpoint(kind: .pod, cluster: cluster, namespace: namespace, labels: ["app": app])
  }

  /// An external IPv4 address.
  package static func address(_ bits: UInt32) -> Endpoint {
    Endpoint(kind: .address, address: CIDR(single: IPAddress(ipv4: bits)))
  }

  /// Adds records of one connection, `hours` after noon.
  package mutating func add(
    _ source: Endpoint,
    _ destination: Endpoint,
    transport: TransportProtocol = .tcp,
    port: UInt16 = 80,
    replyPort: UInt16 = 0,
    _ evidence: EvidenceClass = .allowed,
    side: PolicySide = .both,
    hours: Int64 = 0,
    after: Int64 = 0,
    records: Int64 = 1,
    bytes: Int64 = 0,
    line: Int = 1
  ) {
    let time = BatchBuilder.noon + hours * Timestamps.hour + after
    log.sawRecord(at: time)
    log.add(
      source: log.index(of: source),
      destination: log.index(of: destination),
      transport: transport,
      port: port,
      replyPort: replyPort,
      side: side,
      evidence: evidence,
      records: records,
      bytes: bytes,
      first: time,
      last: time + 1000,
      line: line
    )
  }

  /// Adds random records of a small cluster and its neighbours.
  package mutating func addRandom(_ count: Int, _ seed: inout Seed) {
    let namespaces = ["shop", "data", "it's; DROP TABLE endpoint --", "ns\u{1}x\"\u{1b}"]
    func end(_ seed: inout Seed) -> Endpoint {
      switch Int.random(in: 0..<8, using: &seed) {
      case 0: return BatchBuilder.address(0xcb00_7100 + UInt32.random(in: 0..<9, using: &seed))
      case 1:
        return Endpoint(
          kind: .name,
          address: CIDR(single: IPAddress(ipv6High: 1 << 61, low: 7)),
          name: "a.test,b.test"
        )
      case 2: return Endpoint(kind: .node, entity: "host")
      default:
        var pod = BatchBuilder.pod(
          "\(Int.random(in: 0..<4, using: &seed))",
          in: namespaces.randomElement(using: &seed) ?? "shop",
          cluster: ["", "west"].randomElement(using: &seed) ?? ""
        )
        if Bool.random(using: &seed) {
          pod.workload = WorkloadReference(kind: "Deployment", name: "w")
        }
        if Int.random(in: 0..<5, using: &seed) == 0 {
          pod.labels = ["a": "\"}',\\", "b": "", "c": "\u{7}é😀"]
        }
        return pod
      }
    }
    for line in 1...max(1, count) {
      add(
        end(&seed),
        end(&seed),
        transport: [.tcp, .udp, .sctp].randomElement(using: &seed) ?? .tcp,
        port: UInt16.random(in: 80...82, using: &seed),
        replyPort: [0, 0, 0, 53].randomElement(using: &seed) ?? 0,
        EvidenceClass.allCases.randomElement(using: &seed) ?? .allowed,
        side: PolicySide.allCases.randomElement(using: &seed) ?? .both,
        hours: Int64.random(in: -30...30, using: &seed),
        after: Int64.random(in: 0..<3_000_000_000, using: &seed),
        records: Int64.random(in: 1...5, using: &seed),
        bytes: Int64.random(in: 0...1_000_000, using: &seed),
        line: line
      )
    }
  }

  /// Refuses a record.
  package mutating func reject(line: Int, _ problem: String) { log.reject(line: line, problem) }

  /// Counts a record that is no evidence.
  package mutating func discard(_ reason: DiscardReason, count: Int = 1) {
    log.discard(reason, count: count)
  }

  /// Adds a remark.
  package mutating func note(_ text: String) { log.counts.notes.insert(text) }

  /// Adds lost events, at noon.
  package mutating func lost(_ events: Int64) { log.lost(events, at: BatchBuilder.noon) }

  /// The batch of a new input, or of one that has grown when `id` is not 0.
  package func batch(
    id: Int64 = 0,
    name: String = "flows.jsonl",
    head: UInt64 = 1,
    headLength: Int = 4096,
    consumed: Int64 = 10_000,
    tail: UInt64 = 2,
    lines: Int = 10,
    marksReplies: Bool = false,
    finished: Int64 = BatchBuilder.noon
  ) -> IngestBatch {
    var log = log
    log.finish()
    var counts = log.counts
    counts.lines = lines
    return IngestBatch(
      record: IngestRecord(
        id: id,
        name: name,
        format: "hubble",
        identity: InputIdentity(
          headLength: headLength,
          headHash: head,
          consumedBytes: consumed,
          tailHash: tail
        ),
        marksReplies: marksReplies,
        counts: counts,
        started: BatchBuilder.noon,
        finished: finished
      ),
      logKind: log.logKind,
      endpoints: log.endpoints,
      edges: log.edges.entries
    )
  }

  /// The batch of several new inputs of one log kind, the first of which has the head 1, the next one 2.
  package static func joined(_ builders: [BatchBuilder]) -> IngestBatch {
    var evidence = JoinedEvidence()
    var inputs: [IngestBatch.Input] = []
    for (index, builder) in builders.enumerated() {
      var log = builder.log
      log.finish()
      evidence.add(log, input: index)
      inputs += builder.batch(name: "flows.\(index)", head: UInt64(index) + 1).inputs
    }
    return IngestBatch(inputs, logKind: builders.first?.log.logKind ?? .hubble, evidence: evidence)
  }
}
