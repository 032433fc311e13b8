import ClusterInventory
import FlowAggregation
import FlowFormats
import FlowModel
import FlowStorage

/// Finds stored addresses that the inventory came too late for.
package enum LateInventory {
  /// How many addresses of stored connections have no name there, though the inventory has one for the time
  /// in which they were seen.
  ///
  /// What is stored keeps its bare addresses: edges are sums, and a part of a sum cannot be named later.
  package static func unnamedAddresses(_ stores: Stores) async throws -> Int {
    let kinds = try await stores.flows.inputs().compactMap {
      $0.counts.used > 0 ? LogFormat(rawValue: $0.format)?.logKind : nil
    }
    guard kinds.contains(where: \.holdsAddresses) else { return 0 }
    let table = AddressTable(try await InventoryFiles(store: stores.audit).load())
    var found: Set<IPAddress> = []
    for edge in try await stores.flows.edges(EdgeQuery()) where edge.logKind.holdsAddresses {
      for (end, port) in [(edge.source, 0), (edge.destination, edge.port)] {
        guard end.kind == .unresolved, end.entity != EvidenceAccumulator.nodeOrPodEntity,
          let range = end.address, range == CIDR(single: range.address)
        else { continue }
        let name = table.resolve(
          range.address,
          transport: edge.transport,
          port: port,
          from: edge.tally.firstMicroseconds,
          to: edge.tally.lastMicroseconds
        )
        switch name {
        case .endpoint, .service: found.insert(range.address)
        case .ambiguous, .unknownPod, .internalUnknown, .ignored: continue
        }
      }
    }
    return found.count
  }
}
