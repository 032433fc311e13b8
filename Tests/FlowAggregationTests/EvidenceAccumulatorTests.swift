import FlowModel
import TestSupport
import Testing

@testable import FlowAggregation

/// Edges with their endpoints in the open, for comparing accumulators.
private struct PlainEdge: Hashable {
  var source: Endpoint
  var destination: Endpoint
  var port: UInt16
  var hour: Int32
  var evidence: UInt8
  var records: Int64
  var first: Int64
  var last: Int64
  var line: Int
}

extension EvidenceAccumulator {
  fileprivate var plain: Set<PlainEdge> {
    Set(
      edges.entries.map { entry in
        PlainEdge(
          source: endpoints[Int(entry.key.source)],
          destination: endpoints[Int(entry.key.destination)],
          port: entry.key.port,
          hour: entry.key.hour,
          evidence: entry.key.evidence,
          records: entry.records,
          first: entry.first,
          last: entry.last,
          line: entry.sampleLine
        )
      }
    )
  }
}

@Suite("Folding records into edges")
struct EvidenceAccumulatorTests {
  private static let noon: Int64 = 1_789_473_600_000_000

  private func pod(_ app: String) -> Endpoint {
    Endpoint(kind: .pod, namespace: "shop", labels: ["app": app])
  }

  private func flow(
    _ source: ObservedEnd,
    _ destination: ObservedEnd,
    port: UInt16 = 80,
    at time: Int64 = EvidenceAccumulatorTests.noon
  ) -> ObservedFlow {
    ObservedFlow(
      source: source,
      destination: destination,
      transport: .tcp,
      port: port,
      side: .both,
      evidence: .allowed,
      start: time
    )
  }

  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  @Test("Records of one connection and hour are one edge, the earliest one its sample")
  func counting() {
    var log = EvidenceAccumulator(logKind: .hubble)
    let ends = (ObservedEnd.endpoint(pod("web")), ObservedEnd.endpoint(pod("api")))
    log.record(flow(ends.0, ends.1, at: Self.noon + 5), line: 1)
    log.record(flow(ends.0, ends.1, at: Self.noon), line: 2)
    log.record(flow(ends.0, ends.1, at: Self.noon + Timestamps.hour), line: 3)
    log.finish()
    #expect(log.counts.used == 3)
    #expect(log.edges.count == 2)
    let first = log.edges.entries[0]
    #expect(first.records == 2 && first.sampleLine == 2)
    #expect(first.first == Self.noon && first.last == Self.noon + 5)
  }

  @Test(
    "Without an inventory private addresses are unresolved and the others external",
    arguments: [
      ("203.0.113.1", Endpoint.Kind.address), ("10.1.2.3", .unresolved), ("fd00::1", .unresolved),
      ("169.254.169.254", .address), ("169.254.20.10", .unresolved), ("2001:db8::1", .address),
    ]
  )
  func plainAddresses(text: String, kind: Endpoint.Kind) throws {
    var log = EvidenceAccumulator(logKind: .calico)
    try log.record(flow(.endpoint(pod("web")), .address(address(text))), line: 1)
    log.finish()
    #expect(log.endpoints.map(\.kind) == [.pod, kind])
  }

  @Test("Multicast and link-local ends, and records without a pod, are left out by reason")
  func discards() throws {
    var log = EvidenceAccumulator(logKind: .calico)
    try log.record(flow(.endpoint(pod("web")), .address(address("224.0.0.1"))), line: 1)
    try log.record(flow(.address(address("fe80::1")), .endpoint(pod("web"))), line: 2, lines: 3)
    try log.record(
      flow(.address(address("8.8.8.8")), .address(address("9.9.9.9"))),
      line: 3
    )
    log.finish()
    #expect(log.counts.discarded == [.localOrMulticast: 4, .noPod: 1])
    #expect(log.edges.count == 0)
  }

  @Test("Parts of a log counted apart and merged are the log", arguments: Seed.samples(20))
  func merging(seed: Seed) throws {
    var seed = seed
    var records: [(flow: ObservedFlow, refused: Bool)] = []
    for _ in 0..<300 {
      let app = "\(Int.random(in: 0..<5, using: &seed))"
      let outside = IPAddress(ipv4: 0x0808_0800 + UInt32.random(in: 0..<20, using: &seed))
      let ends: [ObservedEnd] = [.endpoint(pod(app)), .address(outside)]
      let turned = Bool.random(using: &seed)
      records.append(
        (
          flow(
            ends[turned ? 1 : 0],
            ends[turned ? 0 : 1],
            port: UInt16.random(in: 80...82, using: &seed),
            at: Self.noon + Int64.random(in: 0...Timestamps.hour * 2, using: &seed)
          ),
          Int.random(in: 0..<50, using: &seed) == 0
        )
      )
    }
    func decode(_ range: Range<Int>) -> EvidenceAccumulator {
      var log = EvidenceAccumulator(logKind: .calico)
      for (index, record) in records[range].enumerated() {
        log.sawRecord(at: record.flow.start)
        if record.refused {
          log.reject(line: index + 1, "bad")
        } else {
          log.record(record.flow, line: index + 1)
        }
      }
      return log
    }
    var whole = decode(0..<300)
    let cut = Int.random(in: 0...300, using: &seed)
    var parts = decode(0..<cut)
    parts.merge(decode(cut..<300), lineOffset: cut)
    whole.finish()
    parts.finish()
    #expect(parts.plain == whole.plain)
    #expect(parts.counts == whole.counts)
  }

  @Test("Unmarked records count only in a log without marks, also over several parts")
  func unmarked() {
    func log(marks: Bool) -> EvidenceAccumulator {
      var log = EvidenceAccumulator(logKind: .hubble)
      log.marksReplies = marks
      log.add(
        source: log.index(of: pod("web")),
        destination: log.index(of: pod("api")),
        transport: .tcp,
        port: 80,
        side: .both,
        evidence: .allowed,
        first: 0,
        last: 0,
        line: 1,
        unmarked: true
      )
      return log
    }
    var old = log(marks: false)
    old.merge(log(marks: false), lineOffset: 1)
    old.finish()
    #expect(old.counts.used == 2 && old.edges.count == 1)
    var mixed = log(marks: false)
    mixed.merge(log(marks: true), lineOffset: 1)
    mixed.finish()
    #expect(mixed.counts.discarded == [.unknownDirection: 2] && mixed.edges.count == 0)
    var later = log(marks: false)
    later.finish(marksRepliesSoFar: true)
    #expect(later.edges.count == 0)
  }

  /// A log with a record of the pod `shop/web-1` that gives its name alone.
  private func logOfBareName() -> EvidenceAccumulator {
    var log = EvidenceAccumulator(logKind: .hubble)
    let bare = Endpoint(kind: .pod, namespace: "shop", name: "web-1")
    log.record(flow(.endpoint(bare), .endpoint(pod("api"))), line: 1)
    return log
  }

  @Test("A pod known by name finds its labels; an owner is worth more than labels")
  func podNames() {
    var log = logOfBareName()
    var owned = pod("web")
    owned.workload = WorkloadReference(kind: "Deployment", name: "web")
    var elsewhere = pod("other")
    elsewhere.namespace = "other"
    for endpoint in [pod("web"), owned, pod("web"), elsewhere] {
      let index = log.index(of: endpoint)
      log.remember(pod: "web-1".utf8Span.span.bytes, as: index)
    }
    log.finish()
    #expect(log.plain.map(\.source) == [owned])
  }

  @Test("Of two owners of a name the same one counts whatever the order, however often it is noted")
  func podNamesInAnyOrder() {
    func sources(_ order: [String], repeated count: Int) -> [Endpoint] {
      var log = logOfBareName()
      let other = log.index(of: pod("api"))
      // Names that come again and again make room for themselves.
      for index in 0..<count {
        let name = Array("pod-\(index % 10)".utf8)
        log.remember(pod: unsafe name.span.bytes, as: other)
      }
      for app in order {
        let index = log.index(of: pod(app))
        log.remember(pod: unsafe "web-1".utf8Span.span.bytes, as: index)
      }
      log.finish()
      return log.plain.map(\.source)
    }
    for (order, count) in [(["a", "b"], 0), (["b", "a"], 0), (["b", "a"], 300_000)] {
      #expect(sources(order, repeated: count) == [pod("a")])
    }
  }

  @Test("Refused lines are kept by their number, in whatever order they come")
  func refusedLines() {
    var log = EvidenceAccumulator(logKind: .hubble)
    for line in (1...30).reversed() + Array(31...60) { log.reject(line: line, "not JSON") }
    log.renumberLines { $0 + 100 }
    #expect(log.counts.rejectedCount == 60)
    #expect(log.counts.rejections.map(\.line).sorted() == Array(101...120))
  }

  @Test("Draining keeps what is known and counts anew")
  func draining() {
    var log = EvidenceAccumulator(logKind: .hubble)
    log.record(flow(.endpoint(pod("web")), .endpoint(pod("api"))), line: 1)
    log.finish()
    #expect(log.drain().edges.count == 1)
    log.record(flow(.endpoint(pod("web")), .endpoint(pod("api"))), line: 2)
    log.finish()
    let (edges, counts) = log.drain()
    #expect(edges.map(\.sampleLine) == [2] && counts.used == 1)
    #expect(log.endpoints.count == 2)
  }
}

@Suite("Folding external peers")
struct ExternalFoldingTests {
  private let web = Endpoint(kind: .pod, namespace: "shop", labels: ["app": "web"])

  private func address(_ text: String) -> Endpoint {
    Endpoint(kind: .address, address: CIDR(text))
  }

  private func addresses(_ count: Int, step: UInt32 = 1) -> [Endpoint] {
    (0..<UInt32(count)).map {
      Endpoint(kind: .address, address: CIDR(single: IPAddress(ipv4: 0x0b00_0000 + $0 * step)))
    }
  }

  @Test("The level follows from how many peers there are")
  func levels() throws {
    #expect(ExternalFolding(holding: addresses(4096)) == .addresses)
    #expect(ExternalFolding(holding: addresses(4097)) == .prefixes)
    #expect(ExternalFolding(holding: addresses(4096, step: 256)) == .addresses)
    #expect(ExternalFolding(holding: addresses(4097, step: 256)) == .world)
    let names = (0..<4097).map {
      Endpoint(
        kind: .name,
        address: CIDR(single: IPAddress(ipv4: 0x0b00_0000)),
        name: "h\($0).test"
      )
    }
    #expect(ExternalFolding(holding: names) == .nameless)
    let folded = address("203.0.113.0/24")
    #expect(ExternalFolding(holding: [folded, address("8.8.8.8")]) == .prefixes)
    #expect(ExternalFolding(holding: [address("0.0.0.0/0"), folded]) == .world)
  }

  @Test(
    "Addresses are folded by family, names are kept as long as they are few",
    arguments: [
      ("203.0.113.9", "203.0.113.0/24", "0.0.0.0/0"),
      ("2001:db8:1:2::9", "2001:db8:1::/48", "::/0"),
      ("169.254.169.254", "169.254.169.254/32", "169.254.169.254/32"),
      ("fd00:ec2::254", "fd00:ec2::254/128", "fd00:ec2::254/128"),
      ("198.51.0.0/16", "198.51.0.0/16", "0.0.0.0/0"),
    ]
  )
  func folding(text: String, prefix: String, world: String) throws {
    let endpoint = address(text)
    #expect(ExternalFolding.addresses.folded(endpoint) == endpoint)
    #expect(ExternalFolding.prefixes.folded(endpoint).address?.description == prefix)
    #expect(ExternalFolding.world.folded(endpoint).address?.description == world)
    var named = endpoint
    named.kind = .name
    named.name = "a.test"
    #expect(ExternalFolding.world.folded(named).name == "a.test")
    if ExternalFolding.isFoldable(named) {
      #expect(ExternalFolding.nameless.folded(named) == ExternalFolding.world.folded(endpoint))
    }
  }

  @Test("What is not external is never folded")
  func others() throws {
    let prefix = try #require(CIDR("10.0.0.1"))
    for endpoint in [
      web, Endpoint(kind: .node, address: prefix), Endpoint(kind: .unresolved, address: prefix),
      Endpoint(kind: .apiServer, address: prefix), Endpoint(kind: .entity, entity: "ingress"),
    ] {
      #expect(ExternalFolding.nameless.folded(endpoint) == endpoint)
    }
  }

  private func log(_ peers: some Sequence<UInt32>, limit: Int = ExternalSlots.firstLimit)
    -> EvidenceAccumulator
  {
    var log = EvidenceAccumulator(logKind: .hubble)
    log.externals.limit = limit
    let pod = log.index(of: web)
    for (line, peer) in peers.enumerated() {
      let outside = log.index(ofExternal: IPAddress(ipv4: 0x0b00_0000 &+ peer))
      log.add(
        source: pod,
        destination: outside,
        transport: .tcp,
        port: 443,
        side: .egress,
        evidence: .allowed,
        first: Int64(peer),
        last: Int64(peer),
        line: line + 1
      )
      if line % 10 == 0 {
        log.add(
          source: outside,
          destination: pod,
          transport: .tcp,
          port: 80,
          side: .ingress,
          evidence: .allowed,
          first: 0,
          last: 0,
          line: line + 1
        )
      }
    }
    return log
  }

  @Test("Only the port and direction with too many peers is folded, with a note")
  func oneGroup() {
    var log = log(0..<5000)
    log.finish()
    let folded = log.edges.entries.filter { $0.key.port == 443 }
    #expect(folded.count == 20)
    #expect(folded.map(\.records).reduce(0, +) == 5000)
    #expect(
      folded.allSatisfy { log.endpoints[Int($0.key.destination)].address?.prefixLength == 24 }
    )
    let exact = log.edges.entries.filter { $0.key.port == 80 }
    #expect(exact.count == 500)
    #expect(exact.allSatisfy { log.endpoints[Int($0.key.source)].address?.prefixLength == 32 })
    #expect(log.counts.notes == [ExternalFolding.prefixes.note].compactMap { $0 }.asSet)
    #expect(log.counts.used == 5500)
  }

  @Test("Up to the limit nothing is folded and nothing is noted")
  func notYet() {
    var log = log(0..<4096)
    log.finish()
    #expect(log.edges.entries.count { $0.key.port == 443 } == 4096)
    #expect(log.counts.notes.isEmpty)
  }

  @Test("Order, and folding on the way to save memory, change nothing", arguments: Seed.samples(3))
  func order(seed: Seed) {
    var seed = seed
    let peers = (0..<9000).map { _ in UInt32.random(in: 0..<60_000, using: &seed) }
    var once = log(peers)
    var early = log(peers.shuffled(using: &seed), limit: 500)
    var parts = log(peers[..<4500])
    parts.merge(log(peers[4500...], limit: 1000), lineOffset: 4500)
    for log in [once, early, parts] { #expect(log.counts.used == 9900) }
    once.finish()
    early.finish()
    parts.finish()
    func tally(_ log: EvidenceAccumulator) -> [String] {
      log.edges.entries.filter { $0.key.port == 443 }.map {
        "\(log.endpoints[Int($0.key.destination)].address?.description ?? "") \($0.records) \($0.first)"
      }.sorted()
    }
    #expect(tally(early) == tally(once))
    #expect(tally(parts) == tally(once))
    #expect(once.counts.notes == early.counts.notes)
  }

  @Test("Memory does not grow with the addresses of a log")
  func memory() {
    let log = log(0..<120_000, limit: 8192)
    #expect(log.endpoints.count < 90_000)
    #expect(log.externals.count <= log.endpoints.count)
  }
}

extension Array where Element: Hashable {
  fileprivate var asSet: Set<Element> { Set(self) }
}
