import ClusterInventory
import Dispatch
package import FlowModel
import Foundation
import Synchronization

/// An inventory's table of addresses that is made on a thread of its own while logs are already being read: the
/// first who asks for an address waits for it.
package final class PendingAddressTable: AddressResolving {
  private final class Made: Sendable {
    let table: AddressTable
    init(_ table: AddressTable) { self.table = table }
  }

  private let made = AtomicLazyReference<Made>()
  private let isMade = DispatchSemaphore(value: 0)

  /// Begins to make it.
  init(_ inventory: Inventory) {
    let thread = Thread { [self] in
      _ = made.storeIfNil(Made(AddressTable(inventory)))
      isMade.signal()
    }
    thread.name = "addresses"
    thread.start()
  }

  /// The table, once it is made.
  var table: AddressTable { waited.table }

  private var waited: Made {
    while true {
      if let made = made.load() { return made }
      isMade.wait()
      // For the next one who waits.
      isMade.signal()
    }
  }

  /// Resolves an address; see ``AddressResolving``.
  package func resolve(
    _ address: IPAddress,
    transport: TransportProtocol,
    port: UInt16,
    from start: Int64,
    to end: Int64
  ) -> AddressResolution {
    waited.table.resolve(address, transport: transport, port: port, from: start, to: end)
  }

  /// The workload endpoint of a pod by name; see ``AddressResolving``.
  package func pod(namespace: String, name: String, at time: Int64) -> Endpoint? {
    waited.table.pod(namespace: namespace, name: name, at: time)
  }

  /// Whether a port is known to be served; see ``AddressResolving``.
  package func serves(
    _ address: IPAddress,
    transport: TransportProtocol,
    port: UInt16,
    at time: Int64
  ) -> Bool {
    waited.table.serves(address, transport: transport, port: port, at: time)
  }

  /// The ports that are served anywhere; see ``AddressResolving``.
  package var servedPorts: ServedPorts { waited.table.servedPorts }

  /// The table itself; see ``AddressResolving``.
  package var ready: any AddressResolving { table }

  /// The number of the pod that held an address all through a time; see ``AddressResolving``.
  package func steadyPod(at address: IPAddress, from start: Int64, to end: Int64) -> Int? {
    waited.table.steadyPod(at: address, from: start, to: end)
  }

  /// Whether an address was a node's all through a time; see ``AddressResolving``.
  package func isSteadyNode(at address: IPAddress, from start: Int64, to end: Int64) -> Bool {
    waited.table.isSteadyNode(at: address, from: start, to: end)
  }

  /// The endpoint of a pod by its number; see ``AddressResolving``.
  package func steadyPod(numbered number: Int) -> Endpoint? {
    waited.table.steadyPod(numbered: number)
  }

  /// Whether a pod ran on the node with an address; see ``AddressResolving``.
  package func runs(podAt address: IPAddress, onNodeAt node: IPAddress) -> Bool {
    waited.table.runs(podAt: address, onNodeAt: node)
  }
}

extension InventoryFiles {
  /// What resolves addresses by the stored inventory; nil when nothing was added to it.
  package func resolver(cluster: String = "") async throws -> PendingAddressTable? {
    let inventory = try await load(cluster: cluster)
    return inventory.records.isEmpty ? nil : PendingAddressTable(inventory)
  }
}
