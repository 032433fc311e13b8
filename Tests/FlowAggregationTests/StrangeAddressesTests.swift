import FlowAggregation
import FlowModel
import TestSupport
import Testing

struct StrangeAddressesTests {
  private struct Nobody: AddressResolving {
    func resolve(
      _ address: IPAddress,
      transport: TransportProtocol,
      port: UInt16,
      from start: Int64,
      to end: Int64
    ) -> AddressResolution {
      address.isPrivate
        ? .internalUnknown : .endpoint(Endpoint(kind: .address, address: CIDR(single: address)))
    }

    func pod(namespace: String, name: String, at time: Int64) -> Endpoint? { nil }

    func serves(_ address: IPAddress, transport: TransportProtocol, port: UInt16, at time: Int64)
      -> Bool
    { false }
  }

  private static func accumulator(_ addresses: [IPAddress]) -> EvidenceAccumulator {
    var accumulator = EvidenceAccumulator(logKind: .awsVPC, resolver: Nobody())
    for address in addresses {
      accumulator.record(
        ObservedFlow(
          source: .address(address),
          destination: .address(IPAddress(ipv4: 0x0808_0808)),
          transport: .tcp,
          port: 443,
          side: .both,
          evidence: .allowed,
          start: 1
        ),
        line: 1
      )
    }
    return accumulator
  }

  @Test(
    "The lowest private addresses are kept, whatever the order and the parts of the input",
    arguments: Seed.samples(20)
  )
  func order(_ seed: Seed) {
    var seed = seed
    let count = Int.random(in: 0...600, using: &seed)
    let addresses = (0..<count).map { _ in
      IPAddress(ipv4: 0x0a00_0000 + UInt32.random(in: 0..<2000, using: &seed))
    }
    let lowest = Set(addresses).sorted().prefix(StrangeAddresses.limit)
    var whole = Self.accumulator(addresses.shuffled(using: &seed))
    #expect(whole.strangers.addresses == Array(lowest))
    let cut = Int.random(in: 0...count, using: &seed)
    whole = Self.accumulator(Array(addresses[..<cut]))
    whole.merge(Self.accumulator(Array(addresses[cut...])), lineOffset: 0)
    #expect(whole.strangers.addresses == Array(lowest))
  }

  @Test("Public addresses tell nothing of the cluster")
  func publicAddresses() throws {
    let addresses = try ["1.1.1.1", "10.0.0.1"].map { try #require(IPAddress($0)) }
    #expect(Self.accumulator(addresses).strangers.addresses == [addresses[1]])
  }
}
