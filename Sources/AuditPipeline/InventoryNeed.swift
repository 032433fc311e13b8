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

  /// What to tell the user of the inventory: that it seems to be of another cluster, or knows too little of the
  /// time of the log.
  func remarks(_ accumulator: EvidenceAccumulator, _ resolver: (any AddressResolving)?) -> [String]
  {
    guard let table = (resolver as? PendingAddressTable)?.table else { return [] }
    let doubt = table.doubt(
      about: accumulator.endpoints,
      strangers: accumulator.strangers.addresses,
      namesPods: namesPods,
      holdsAddresses: holdsAddresses
    )
    return [doubt, LogKind.gap(accumulator)].compactMap(\.self)
  }

  /// The share of records whose pods the inventory does not know at their time, in steps: the ledger keeps each
  /// remark once.
  private static func gap(_ accumulator: EvidenceAccumulator) -> String? {
    let unknown = accumulator.strangers.unknownPodRecords
    let all = accumulator.counts.used + accumulator.counts.discarded[.noPod, default: 0]
    guard let step = [50, 10, 1].first(where: { unknown * 100 >= all * $0 }), unknown > 0 else {
      return nil
    }
    return
      "At least \(step) % of the connections have an end in the pod network that no known pod held then: "
      + "their peers stay unresolved. Add snapshots of the time of the log before it is ingested."
  }

  /// Whether nothing of a log could be used because there is no inventory to name its addresses.
  func lacksInventory(_ accumulator: EvidenceAccumulator) -> Bool {
    guard accumulator.resolver == nil, accumulator.counts.used == 0 else { return false }
    let unnamed = accumulator.counts.discarded[.noPod, default: 0]
    let undecided = accumulator.counts.discarded[.undecidedDirection, default: 0]
    return holdsAddresses && unnamed + undecided > 0
  }
}
