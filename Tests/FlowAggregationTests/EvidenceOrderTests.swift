import FlowAggregation
import FlowModel
import TestSupport
import Testing

@Suite struct EvidenceOrderTests {
  @Test(
    "One name with many addresses comes in the order of the addresses",
    arguments: Seed.samples(8)
  )
  func orderOfAddresses(seed: Seed) {
    var seed = seed
    let web = Endpoint(kind: .pod, namespace: "shop", labels: ["app": "web"])
    let peers = (0..<40).map { number in
      Endpoint(
        kind: .name,
        address: CIDR(single: IPAddress(ipv4: 0xc000_0200 + UInt32(number))),
        name: "api.example.com"
      )
    }
    let edges = peers.map { peer in
      FlowEdge(
        source: web,
        destination: peer,
        transport: .tcp,
        port: 443,
        side: .egress,
        evidence: .allowed,
        logKind: .hubble,
        tally: EdgeTally(records: 1, bytes: 0, firstMicroseconds: 0, lastMicroseconds: 60, hours: 2)
      )
    }
    let folding = EvidenceFolding(
      workloads: [Workload(namespace: "shop", labelSets: [web.labels])],
      workloadOf: [web: 0]
    )
    let result = folding.fold(edges.shuffled(using: &seed))
    #expect(result.connections.map(\.destination) == peers.map(ConnectionEnd.other))
  }
}
