package import FlowModel

/// How precisely the external peers of one workload, port and direction are kept.
///
/// Up to ``mostAddresses`` distinct ones are kept as they are, past that as prefixes, past that
/// as the world, so that neither a scan nor a busy service lets the store grow without bound. The level
/// follows from the set of peers alone, not from the order in which they came.
package enum ExternalFolding: Int, Sendable, Comparable, CaseIterable {
  /// As the log names them.
  case addresses
  /// The /24 or /48 of each; DNS names are kept.
  case prefixes
  /// All addresses of a family; DNS names are kept.
  case world
  /// All addresses of a family, without names.
  case nameless

  /// The most distinct external peers of a workload, port and direction.
  package static let mostAddresses = 4096

  /// From precise to coarse.
  package static func < (left: ExternalFolding, right: ExternalFolding) -> Bool {
    left.rawValue < right.rawValue
  }

  /// Whether an endpoint is an external peer that may be folded.
  ///
  /// The metadata service and link-local addresses stay apart: reaching them means something else.
  package static func isFoldable(_ endpoint: Endpoint) -> Bool {
    guard endpoint.isExternal else { return false }
    guard let prefix = endpoint.address else { return endpoint.kind == .name }
    guard prefix.prefixLength == prefix.address.bitWidth else { return true }
    return !prefix.address.isMetadataService && !prefix.address.isLocalOrMulticast
  }

  /// How far an endpoint is folded already; a prefix of any other length came from a log.
  package init(of endpoint: Endpoint) {
    guard let prefix = endpoint.address, ExternalFolding.isFoldable(endpoint) else {
      self = .addresses
      return
    }
    switch prefix.prefixLength {
    case 0: self = .world
    case ExternalFolding.length(of: prefix.address): self = .prefixes
    default: self = .addresses
    }
  }

  /// The least level at which the peers are few enough, and none is folded further already.
  ///
  /// - Parameter peers: The foldable peers of one workload, port and direction, in any order.
  package init(holding peers: some Collection<Endpoint>) {
    var level = peers.reduce(ExternalFolding.addresses) { max($0, ExternalFolding(of: $1)) }
    while let next = ExternalFolding(rawValue: level.rawValue + 1) {
      var distinct: Set<Endpoint> = []
      for peer in peers {
        distinct.insert(level.folded(peer))
        if distinct.count > ExternalFolding.mostAddresses { break }
      }
      if distinct.count <= ExternalFolding.mostAddresses { break }
      level = next
    }
    self = level
  }

  /// The endpoint that stands for another at this level; endpoints that are not foldable stay.
  package func folded(_ endpoint: Endpoint) -> Endpoint {
    guard self != .addresses, ExternalFolding.isFoldable(endpoint) else { return endpoint }
    var folded = endpoint
    if self == .nameless {
      folded = Endpoint(kind: .address, address: endpoint.address ?? .worldIPv4)
    }
    guard let prefix = folded.address else { return folded }
    let length = self == .prefixes ? ExternalFolding.length(of: prefix.address) : 0
    if prefix.prefixLength > length {
      folded.address = CIDR(prefix.address, prefixLength: length) ?? prefix
    }
    return folded
  }

  /// What the ledger says of an input that made a fold necessary; nil for no fold.
  package var note: String? {
    let cause =
      "A workload has more than \(ExternalFolding.mostAddresses) external peers on one port"
    switch self {
    case .addresses: return nil
    case .prefixes: return "\(cause): they are kept as /24 and /48 prefixes."
    case .world: return "\(cause), also as prefixes: they are kept as 0.0.0.0/0 and ::/0."
    case .nameless:
      return "\(cause), and as many DNS names: they are kept as 0.0.0.0/0 and ::/0 without names."
    }
  }

  private static func length(of address: IPAddress) -> Int { address.isIPv6 ? 48 : 24 }
}

/// Which entries of an accumulator's endpoint table are external peers, and which are free again.
struct ExternalSlots: Sendable {
  /// Entries in use.
  var count = 0
  /// At how many entries unused ones are looked for.
  var limit = ExternalSlots.firstLimit
  /// Whether indices are being handed out that no edge holds yet.
  var isHeld = false
  /// How often indices were given up.
  var releases = 0
  /// Entries that no edge uses any more.
  var free: [UInt32] = []

  /// Memory for peers that need no folding: some 10 MB.
  static let firstLimit = 65_536
}

extension EvidenceAccumulator {
  /// The index of an external address without names, good for the record at hand only.
  package mutating func index(ofExternal address: IPAddress) -> UInt32 {
    if let index = externalIndex[address] { return index }
    let index = index(of: Endpoint(kind: .address, address: CIDR(single: address)))
    externalIndex[address] = index
    return index
  }

  /// Changes when indices of external endpoints that were handed out before may be used no more.
  package var externalReleases: Int { externals.releases }

  /// What external peers are folded by: the other end, protocol, port and direction.
  private struct Group: Hashable {
    var other: UInt32
    var transport: UInt8
    var port: UInt16
    var isIngress: Bool
  }

  /// Adds an external endpoint that is not in the table yet.
  ///
  /// Past a limit, peers that are too many are folded first and their places used again: an index
  /// of an external endpoint is good for one record only.
  mutating func addExternal(_ endpoint: Endpoint, hash: Int) -> UInt32 {
    if externals.count >= externals.limit, !externals.isHeld {
      foldExternals()
      externals.limit = max(ExternalSlots.firstLimit, externals.count * 2)
    }
    externals.count += 1
    if let slot = externals.free.popLast() {
      endpoints[Int(slot)] = endpoint
      endpointIndex.insert(slot, hash: hash)
      return slot
    }
    let index = UInt32(endpoints.count)
    endpoints.append(endpoint)
    endpointIndex.insert(index, hash: hash)
    return index
  }

  /// Folds the external peers of every workload, port and direction that has too many.
  mutating func foldExternals() {
    let wasHeld = externals.isHeld
    externals.isHeld = true
    defer { externals.isHeld = wasHeld }
    let isFoldable = endpoints.map { ExternalFolding.isFoldable($0) }
    let levels = foldLevels(isFoldable)
    if let widest = levels.values.max(), let note = widest.note { counts.notes.insert(note) }
    if !levels.isEmpty {
      edges = folded(edges, levels, isFoldable)
      unmarkedEdges = folded(unmarkedEdges, levels, isFoldable)
      var kept = EdgeKeySet()
      for key in replies.keys { kept.insert(folded(key, levels, isFoldable)) }
      replies = kept
    }
    releaseUnused()
  }

  private func group(_ key: EdgeKey, _ isFoldable: [Bool]) -> (group: Group, peer: UInt32)? {
    let isIngress = isFoldable[Int(key.source)]
    guard isIngress != isFoldable[Int(key.destination)] else { return nil }
    let group = Group(
      other: isIngress ? key.destination : key.source,
      transport: key.transport,
      port: key.port,
      isIngress: isIngress
    )
    return (group, isIngress ? key.source : key.destination)
  }

  /// The groups that cannot be kept as they are.
  private func foldLevels(_ isFoldable: [Bool]) -> [Group: ExternalFolding] {
    var peers: [Group: Set<UInt32>] = [:]
    for entries in [edges.entries, unmarkedEdges.entries] {
      for entry in entries {
        guard let (group, peer) = group(entry.key, isFoldable) else { continue }
        peers[group, default: []].insert(peer)
      }
    }
    return peers.compactMapValues { indices in
      let level = ExternalFolding(holding: indices.map { endpoints[Int($0)] })
      return level == .addresses ? nil : level
    }
  }

  private mutating func folded(
    _ key: EdgeKey,
    _ levels: [Group: ExternalFolding],
    _ isFoldable: [Bool]
  ) -> EdgeKey {
    guard let (group, peer) = group(key, isFoldable), let level = levels[group] else { return key }
    let index = index(of: level.folded(endpoints[Int(peer)]))
    var folded = key
    if group.isIngress { folded.source = index } else { folded.destination = index }
    return folded
  }

  private mutating func folded(
    _ table: EdgeTable,
    _ levels: [Group: ExternalFolding],
    _ isFoldable: [Bool]
  ) -> EdgeTable {
    var folded = EdgeTable()
    for entry in table.entries {
      folded.add(
        self.folded(entry.key, levels, isFoldable),
        records: entry.records,
        bytes: entry.bytes,
        first: entry.first,
        last: entry.last,
        line: entry.sampleLine
      )
    }
    folded.countWaiting()
    return folded
  }

  /// Frees the places of external endpoints that no edge uses.
  private mutating func releaseUnused() {
    var isUsed = [Bool](repeating: false, count: endpoints.count)
    for entries in [edges.entries, unmarkedEdges.entries] {
      for entry in entries {
        isUsed[Int(entry.key.source)] = true
        isUsed[Int(entry.key.destination)] = true
      }
    }
    for key in replies.keys {
      isUsed[Int(key.source)] = true
      isUsed[Int(key.destination)] = true
    }
    for slot in externals.free { isUsed[Int(slot)] = true }
    var isFree = [Bool](repeating: false, count: endpoints.count)
    externals.releases += 1
    for index in endpoints.indices where !isUsed[index] && endpoints[index].isExternal {
      if let address = endpoints[index].address?.address, endpoints[index].kind == .address {
        externalIndex[address] = nil
      }
      externals.free.append(UInt32(index))
      externals.count -= 1
      isFree[index] = true
    }
    endpointIndex.removeAll { isFree[Int($0)] }
  }
}
