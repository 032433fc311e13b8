import ClusterInventory
import FlowAggregation
import FlowFormats
import FlowModel
import FlowStorage

extension IngestResult {
  /// Whether its pods can be found through the inventory only.
  package var needsInventory: Bool {
    LogFormat(rawValue: record.format)?.logKind.holdsAddresses == true
  }
}

/// What the inventory is to logs of a kind.
extension LogKind {
  /// Whether such logs say which pods talked; GCP's do where the subnet keeps metadata.
  private var namesPods: Bool {
    switch self {
    case .hubble, .calico, .gkePolicy, .gcpVPC: true
    case .calicoPacket, .awsVPC, .awsPolicyAgent, .azure: false
    }
  }

  /// Whether such logs name ends by their addresses, all of them or some.
  var holdsAddresses: Bool {
    switch self {
    case .calicoPacket, .awsVPC, .awsPolicyAgent, .azure, .gcpVPC: true
    case .hubble, .calico, .gkePolicy: false
    }
  }

  /// What to tell the user when the inventory seems to be of another cluster than the log.
  func doubt(_ accumulator: EvidenceAccumulator, _ resolver: (any AddressResolving)?) -> String? {
    guard let table = resolver as? AddressTable else { return nil }
    return table.doubt(
      about: accumulator.endpoints,
      strangers: accumulator.strangers.addresses,
      namesPods: namesPods,
      holdsAddresses: holdsAddresses
    )
  }

  /// Whether nothing of a log could be used because there is no inventory to name its addresses.
  func lacksInventory(_ accumulator: EvidenceAccumulator) -> Bool {
    guard accumulator.resolver == nil, accumulator.counts.used == 0 else { return false }
    let unnamed = accumulator.counts.discarded[.noPod, default: 0]
    let undecided = accumulator.counts.discarded[.undecidedDirection, default: 0]
    return holdsAddresses && unnamed + undecided > 0
  }
}
