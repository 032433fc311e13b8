import FlowModel

/// An inventory in which every two addresses of 10.0.0.0/8 are the pods of one workload.
struct PodPairs: AddressResolving {
  func resolve(
    _ address: IPAddress,
    transport: TransportProtocol,
    port: UInt16,
    from start: Int64,
    to end: Int64
  ) -> AddressResolution {
    steadyPod(at: address, from: start, to: end).flatMap { steadyPod(numbered: $0) }
      .map { .endpoint($0) } ?? .internalUnknown
  }

  func pod(namespace: String, name: String, at time: Int64) -> Endpoint? { nil }

  func serves(_ address: IPAddress, transport: TransportProtocol, port: UInt16, at time: Int64)
    -> Bool
  { false }

  func steadyPod(at address: IPAddress, from start: Int64, to end: Int64) -> Int? {
    guard !address.isIPv6, address.low >> 24 == 10 else { return nil }
    return Int(address.low >> 1)
  }

  func steadyPod(numbered number: Int) -> Endpoint? {
    Endpoint(
      kind: .pod,
      namespace: "bench",
      workload: WorkloadReference(kind: "Deployment", name: "w\(number)")
    )
  }
}
