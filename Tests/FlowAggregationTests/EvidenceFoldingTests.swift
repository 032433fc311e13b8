import FlowAggregation
import FlowModel
import TestSupport
import Testing

@Suite("What a window's edges mean together")
struct EvidenceFoldingTests {
  private static let noon: Int64 = 1_789_473_600_000_000

  private static func pod(_ app: String, in namespace: String = "shop") -> Endpoint {
    Endpoint(kind: .pod, namespace: namespace, labels: ["app": app])
  }

  private static let web = pod("web")
  private static let api = pod("api")
  private static let outside = Endpoint(
    kind: .address,
    address: CIDR(single: IPAddress(ipv4: 0xcb00_7107))
  )

  private static func edge(
    _ source: Endpoint = web,
    _ destination: Endpoint = api,
    port: UInt16 = 80,
    as evidence: EvidenceClass = .allowed,
    at side: PolicySide = .both,
    replyPort: UInt16 = 0,
    hours: Int = 2,
    days: Int = 1,
    on time: Int64 = noon,
    logKind: LogKind = .hubble
  ) -> FlowEdge {
    FlowEdge(
      source: source,
      destination: destination,
      transport: .tcp,
      port: port,
      replyPort: replyPort,
      side: side,
      evidence: evidence,
      logKind: logKind,
      tally: EdgeTally(
        records: 3,
        bytes: 0,
        firstMicroseconds: time,
        lastMicroseconds: time + 60,
        hours: hours,
        days: days
      )
    )
  }

  private func folding(
    exposed: Bool = false,
    criticality: [String: Int] = [:],
    decide: @escaping EvidenceFolding.Decide = { _, _, _, _ in nil }
  ) -> EvidenceFolding {
    let pods = [Self.web, Self.api, Self.pod("db", in: "data")]
    return EvidenceFolding(
      workloads: pods.map {
        Workload(namespace: $0.namespace, labelSets: [$0.labels], isExposed: exposed)
      },
      workloadOf: Dictionary(uniqueKeysWithValues: pods.enumerated().map { ($1, $0) }),
      criticality: criticality,
      decide: decide
    )
  }

  @Test(
    "The classes of one connection decide together",
    arguments: [
      ([(.allowed, .both)], EvidenceClass.allowed),
      ([(.allowed, .egress), (.allowed, .ingress)], .allowed),
      ([(.allowed, .both), (.wouldDeny, .ingress)], .wouldDeny),
      ([(.denied, .ingress), (.wouldDeny, .ingress)], .wouldDeny),
      ([(.allowed, .egress), (.denied, .ingress)], .denied),
      ([(.allowed, .both), (.denied, .ingress)], .allowed),
      ([(.allowed, .ingress), (.denied, .ingress)], .allowed),
      ([(.denied, .ingress)], .denied), ([(.explicitDeny, .egress)], .explicitDeny),
      ([(.attempt, .both)], .attempt), ([(.attempt, .both), (.allowed, .egress)], .allowed),
      ([(.attempt, .both), (.denied, .ingress)], .denied),
    ] as [([(EvidenceClass, PolicySide)], EvidenceClass)]
  )
  func classes(edges: [(EvidenceClass, PolicySide)], expected: EvidenceClass) throws {
    for order in [edges, edges.reversed()] {
      let result = folding().fold(order.map { Self.edge(as: $0.0, at: $0.1) })
      #expect(result.connections.map(\.evidence) == [expected])
      let connection = try #require(result.connections.first)
      #expect(connection.tally.records == Int64(3 * edges.count))
      #expect(connection.isAccepted == (expected == .allowed || expected == .wouldDeny))
      #expect(connection.needsDecision == (expected == .wouldDeny))
    }
  }

  @Test("A suspected reply counts only as long as its source serves nothing on that port")
  func suspectedReplies() {
    let suspected = Self.edge(Self.api, Self.web, port: 40000, replyPort: 8080)
    #expect(folding().fold([suspected]).connections.count == 1)
    let served = folding().fold([suspected, Self.edge(port: 8080)])
    #expect(served.replies == 1)
    #expect(served.connections.map(\.key.port) == [8080])
    let tried = folding().fold([suspected, Self.edge(port: 8080, as: .attempt)])
    #expect(tried.replies == 0)
  }

  @Test("Pods of no known workload are counted, not guessed")
  func unattributed() {
    let result = folding().fold([Self.edge(Self.pod("stranger"), Self.api)])
    #expect(result.connections.isEmpty && result.unattributed == 1)
  }

  @Test("An explicit deny cannot be accepted, a rejected connection is out, an accepted denial in")
  func decisions() {
    func accepted(_ evidence: EvidenceClass, _ verdict: DecisionVerdict) -> Bool? {
      folding(decide: { _, _, _, _ in verdict }).fold([Self.edge(as: evidence)]).connections.first?
        .isAccepted
    }
    #expect(accepted(.explicitDeny, .accept) == false)
    #expect(accepted(.denied, .accept) == true)
    #expect(accepted(.attempt, .accept) == true)
    #expect(accepted(.allowed, .reject) == false)
    #expect(accepted(.wouldDeny, .reject) == false)
  }

  @Test("The metadata service and unresolved ends are left out until a person accepts them")
  func excludingMarks() throws {
    let metadata = Endpoint(
      kind: .address,
      address: CIDR(single: try #require(IPAddress("169.254.169.254")))
    )
    let unresolved = Endpoint(kind: .unresolved, entity: "unknown-pod")
    let result = folding().fold([
      Self.edge(Self.web, metadata), Self.edge(unresolved, Self.api),
      Self.edge(Self.web, Self.outside),
    ])
    let accepted = result.connections.filter(\.isAccepted)
    #expect(accepted.map(\.key.destination) == ["203.0.113.7"])
    #expect(result.connections.flatMap(\.marks).sorted() == [.metadataService, .unresolved])
    #expect(result.connections.count { $0.needsDecision } == 2)
  }

  @Test("Informing marks leave a connection in")
  func informingMarks() {
    let outside = folding().fold([Self.edge(Self.outside, Self.api)]).connections
    #expect(outside.first?.marks == [.worldToUnexposed] && outside.first?.isAccepted == true)
    #expect(
      folding(exposed: true).fold([Self.edge(Self.outside, Self.api)]).connections[0].marks == []
    )
    let once = folding().fold([Self.edge(hours: 1)]).connections
    #expect(once.first?.marks == [.oneHour] && once.first?.isAccepted == true)
    let upward = folding(criticality: ["shop": 0, "data": 3]).fold([
      Self.edge(Self.web, Self.pod("db", in: "data")),
      Self.edge(Self.pod("db", in: "data"), Self.web),
    ])
    #expect(upward.connections.map(\.marks) == [[], [.towardsCritical]])
  }

  @Test("Many ports of one peer in an hour, mostly refused, are a scan; a busy client is none")
  func scans() {
    let scan = (1...12).map { port in
      Self.edge(port: UInt16(port), as: port <= 2 ? .allowed : .denied, at: .ingress, hours: 1)
    }
    let marked = folding().fold(scan).connections
    #expect(marked.count == 12 && marked.allSatisfy { $0.marks.contains(.scan) })
    #expect(!marked.contains { $0.isAccepted })
    let busy = (1...12).map { Self.edge(port: UInt16($0), hours: 1) }
    #expect(!folding().fold(busy).connections.contains { $0.marks.contains(.scan) })
    let few = scan.prefix(9)
    #expect(!folding().fold(Array(few)).connections.contains { $0.marks.contains(.scan) })
  }

  @Test("A scan that comes back every night is one too; a client that keeps trying is none")
  func nightlyScan() {
    let nightly = (1...12).map { port in
      Self.edge(
        port: UInt16(port),
        as: port <= 2 ? .allowed : .attempt,
        at: .ingress,
        hours: 7,
        days: 7
      )
    }
    #expect(folding().fold(nightly).connections.allSatisfy { $0.marks.contains(.scan) })
    let patient = (1...12).map { port in
      Self.edge(
        port: UInt16(port),
        as: port <= 2 ? .allowed : .attempt,
        at: .ingress,
        hours: 150,
        days: 7
      )
    }
    #expect(!folding().fold(patient).connections.contains { $0.marks.contains(.scan) })
  }

  @Test(
    "The metadata service is known by its names too",
    arguments: ["metadata.google.internal", "Metadata.Google.Internal.", "instance-data"]
  )
  func metadataByName(_ name: String) {
    let named = Endpoint(
      kind: .name,
      address: CIDR(single: IPAddress(ipv4: 0xcb00_7107)),
      name: name
    )
    let other = Endpoint(kind: .name, name: "metadata.example.com")
    let result = folding().fold([Self.edge(Self.web, named), Self.edge(Self.web, other)])
    #expect(result.connections.count { $0.marks.contains(.metadataService) } == 1)
    #expect(result.connections.count(where: \.isAccepted) == 1)
  }

  @Test("A scan over many namespaces is one in each of them")
  func scanElsewhere() {
    let all = (1...12).map { number in
      Self.edge(
        Self.web,
        number == 1 ? Self.api : Self.pod("x\(number)", in: "other\(number)"),
        as: number == 1 ? .allowed : .attempt,
        hours: 1
      )
    }
    #expect(EvidenceFolding.needsContext(all[0]))
    #expect(!EvidenceFolding.needsContext(Self.edge(hours: 30)))
    let alone = folding().fold([all[0]]).connections
    #expect(alone.map { $0.marks.contains(.scan) } == [false])
    let seen = folding().fold([all[0]], context: all).connections
    #expect(seen.map { $0.marks.contains(.scan) } == [true])
  }

  @Test("A port that a scan touched stays in when it is used at other times")
  func scannedService() throws {
    var edges = (1...12).map { Self.edge(port: UInt16($0), as: .denied, at: .ingress, hours: 1) }
    edges[0] = Self.edge(port: 1, hours: 1)
    edges.append(
      Self.edge(port: 1, as: .allowed, at: .egress, hours: 30, on: Self.noon - Timestamps.day)
    )
    let connection = try #require(folding().fold(edges).connections.first { $0.key.port == 1 })
    #expect(connection.isAccepted)
  }

  @Test("The order of edges changes nothing", arguments: Seed.samples(20))
  func order(seed: Seed) {
    var seed = seed
    let ends = [Self.web, Self.api, Self.outside, Self.pod("db", in: "data")]
    let edges = (0..<40).map { _ in
      Self.edge(
        ends.randomElement(using: &seed) ?? Self.web,
        ends.randomElement(using: &seed) ?? Self.api,
        port: UInt16.random(in: 1...4, using: &seed),
        as: EvidenceClass.allCases.randomElement(using: &seed) ?? .allowed,
        at: PolicySide.allCases.randomElement(using: &seed) ?? .both,
        hours: Int.random(in: 1...3, using: &seed),
        on: Self.noon + Timestamps.hour * Int64.random(in: 0...3, using: &seed),
        logKind: LogKind.allCases.randomElement(using: &seed) ?? .hubble
      )
    }
    let one = folding().fold(edges)
    let two = folding().fold(edges.shuffled(using: &seed))
    #expect(one.connections == two.connections)
    #expect(one.connections == one.connections.sorted { $0.key < $1.key })
  }
}
