package import FlowModel

/// Counts for showing an inventory.
package struct InventorySummary: Hashable, Sendable {
  /// Snapshots.
  package var snapshots = 0
  /// The time of the oldest snapshot, microseconds UTC; nil without any.
  package var firstSnapshot: Int64?
  /// The time of the newest snapshot, microseconds UTC; nil without any.
  package var lastSnapshot: Int64?
  /// Namespaces, listed or seen on pods.
  package var namespaces = 0
  /// Distinct pods over all snapshots.
  package var pods = 0
  /// Of these, running when last seen.
  package var running = 0
  /// Succeeded or failed when last seen.
  package var finished = 0
  /// On their node's network.
  package var hostNetwork = 0
  /// Without any address.
  package var withoutAddress = 0
  /// Taken to run on after the last snapshot that could show them.
  package var openEnded = 0
  /// Workloads.
  package var workloads = 0
  /// Services.
  package var services = 0
  /// Service ports whose named target is on none of their pods.
  package var unresolvedTargetPorts = 0
  /// EndpointSlice and Endpoints members that name a pod which is not in the inventory.
  package var unknownSliceTargets = 0
  /// Nodes.
  package var nodes = 0
  /// Addresses blanked out in the files.
  package var redacted = 0
  /// Addresses that different workloads held one after the other or at once.
  package var reusedAddresses = 0
  /// Of these, claimed by two with equal right for some time.
  package var ambiguousAddresses = 0
}

extension Inventory {
  /// Counts what the inventory holds.
  ///
  /// - Parameter table: The table made from this inventory.
  package func summary(_ table: AddressTable) -> InventorySummary {
    var summary = InventorySummary()
    summary.snapshots = headers.count
    summary.firstSnapshot = headers.first?.time
    summary.lastSnapshot = headers.last?.time
    summary.redacted = headers.reduce(0) { $0 + $1.redacted }
    forEachObject { _, states in
      guard let last = states.last else { return }
      switch last.object {
      case .pod(let pod):
        summary.pods += 1
        if pod.phase == .running { summary.running += 1 }
        if pod.phase.isFinished { summary.finished += 1 }
        if pod.isOnHostNetwork { summary.hostNetwork += 1 }
        if pod.addresses.isEmpty { summary.withoutAddress += 1 }
      case .service: summary.services += 1
      case .node: summary.nodes += 1
      case .endpoints, .namespace, .controller, .ingress: return
      }
    }
    summary.namespaces = namespaces().count
    summary.workloads = workloads().count
    summary.openEnded = table.lives.openEnded
    summary.unresolvedTargetPorts = table.lives.unresolvedTargetPorts
    summary.unknownSliceTargets = table.lives.unknownSliceTargets
    summary.reusedAddresses = table.timeline.reusedAddresses
    summary.ambiguousAddresses = table.ambiguousAddresses.count
    return summary
  }

  /// The namespaces with their newest labels, sorted by name.
  ///
  /// A namespace known from its pods only gets the one label every API server since 1.22 sets,
  /// `kubernetes.io/metadata.name`.
  package func namespaces() -> [(name: String, labels: Labels)] {
    var found: [String: (labels: Labels, time: Int64)] = [:]
    for record in records {
      switch record.object {
      case .namespace(let namespace):
        let name = namespace.metadata.name
        if let known = found[name], known.time > record.last { continue }
        found[name] = (namespace.metadata.labels, record.last)
      case .pod(let pod):
        let name = pod.metadata.namespace
        if found[name] == nil {
          found[name] = (["kubernetes.io/metadata.name": name], .min)
        }
      default: continue
      }
    }
    return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value.labels) }
  }
}

/// How well the addresses of a log and an inventory fit each other.
package struct AddressMeeting: Hashable, Sendable {
  /// Distinct private addresses in the log.
  package var seen: Int
  /// Of these, known to the inventory as pod, pod network, Service or node.
  package var known: Int

  /// Makes counts.
  package init(seen: Int, known: Int) {
    self.seen = seen
    self.known = known
  }

  /// The known share, 1 when nothing was seen.
  package var share: Double { seen == 0 ? 1 : Double(known) / Double(seen) }

  /// Whether log and inventory look like two clusters: five addresses or more and hardly one known.
  package var looksForeign: Bool { seen >= 5 && share < 0.1 }
}

extension AddressTable {
  /// Counts how many of a log's private addresses belong to the inventory's cluster, at any time.
  ///
  /// Public addresses are left out: any cluster talks to them.
  package func meeting(_ addresses: some Sequence<IPAddress>) -> AddressMeeting {
    var meeting = AddressMeeting(seen: 0, known: 0)
    for address in Set(addresses) where !address.isLocalOrMulticast {
      let isKnown =
        timeline.knows(address) || nodes[address] != nil || services.knows(address)
        || podNetworks.contains(address) || apiServers[address] != nil
      guard address.isPrivate || isKnown else { continue }
      meeting.seen += 1
      if isKnown { meeting.known += 1 }
    }
    return meeting
  }

  /// What to tell the user of a log that hardly fits the inventory, nil when it does fit.
  ///
  /// - Parameters:
  ///   - endpoints: What the log's ends came to.
  ///   - strangers: Addresses of records in which neither end was a pod.
  ///   - namesPods: Whether the log names pods itself.
  ///   - holdsAddresses: Whether it names ends by their addresses, so that these must meet.
  package func doubt(
    about endpoints: [Endpoint],
    strangers: [IPAddress] = [],
    namesPods: Bool,
    holdsAddresses: Bool
  ) -> String? {
    let missing: String
    if namesPods, !namespacesMeet(endpoints) {
      missing = "namespace"
    } else if holdsAddresses,
      meeting(endpoints.flatMap(AddressTable.addresses) + strangers, attributed: endpoints)
        .looksForeign
    {
      missing = "private address"
    } else {
      return nil
    }
    return
      "The inventory looks like that of another cluster: hardly any \(missing) of this log is in it."
  }

  private func namespacesMeet(_ endpoints: [Endpoint]) -> Bool {
    // Every cluster has these.
    let usual: Set<String> = ["default", "kube-system", "kube-public", "kube-node-lease"]
    let seen = Set(endpoints.lazy.filter { $0.kind == .pod }.map(\.namespace)).subtracting(usual)
    return seen.count < 2 || !seen.isDisjoint(with: names.namespaces)
  }

  private static func addresses(_ endpoint: Endpoint) -> [IPAddress] {
    guard endpoint.kind == .unresolved, let address = endpoint.address else { return [] }
    return [address.address]
  }

  /// Counts the ends that have a workload or node as well, whose addresses are not kept.
  private func meeting(_ addresses: [IPAddress], attributed endpoints: [Endpoint]) -> AddressMeeting
  {
    var meeting = meeting(addresses)
    let found = endpoints.count { $0.kind == .pod || $0.kind == .node || $0.kind == .apiServer }
    meeting.seen += found
    meeting.known += found
    return meeting
  }

  /// Prefixes that belong to the cluster, sorted, none inside another: pod ranges of nodes, and the
  /// single addresses of nodes, pods outside those ranges, and Services.
  package var clusterPrefixes: [CIDR] {
    let single = Array(nodes.keys) + timeline.addresses + services.clusterAddressList
    return PrefixSet.outermost(podNetworks.all + single.map { CIDR(single: $0) })
  }

  /// The addresses on which the API server answers, sorted.
  package var apiServerAddresses: [CIDR] {
    apiServers.keys.sorted().map { CIDR(single: $0) }
  }
}
