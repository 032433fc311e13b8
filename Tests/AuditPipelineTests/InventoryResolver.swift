import ClusterInventory
import FlowModel

/// The address table of an inventory.
enum InventoryResolver {
  static func table(_ inventory: Inventory) -> AddressTable { AddressTable(inventory) }
}
