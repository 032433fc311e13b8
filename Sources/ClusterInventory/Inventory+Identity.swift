extension Inventory {
  /// Namespaces that every cluster is born with and keeps: their uids are the cluster's identity.
  private static let lasting = ["kube-system", "default", "kube-public", "kube-node-lease"]

  /// An object which shows that a snapshot is of another cluster than what is known, in words; nil when
  /// nothing does.
  ///
  /// Where neither has such a namespace with its uid, nodes tell: none of them is known, but one has the
  /// name of a known one. Nodes of other names may be new.
  package func sign(ofOtherCluster snapshot: InventorySnapshot) -> String? {
    let (known, new) = (Uids(records.lazy.map(\.object)), Uids(snapshot.objects))
    let shared = Inventory.lasting.filter {
      known.namespaces[$0] != nil && new.namespaces[$0] != nil
    }
    if let first = shared.first {
      return shared.contains { known.namespaces.shares($0, with: new.namespaces) }
        ? nil : "namespace \(first)"
    }
    let nodes = new.nodes.keys.filter { known.nodes[$0] != nil }.sorted()
    guard let first = nodes.first,
      !nodes.contains(where: { known.nodes.shares($0, with: new.nodes) })
    else { return nil }
    return "node \(first)"
  }

  /// The uids of namespaces and nodes by name.
  private struct Uids {
    var namespaces: [String: Set<String>] = [:]
    var nodes: [String: Set<String>] = [:]

    init(_ objects: some Sequence<InventoryObject>) {
      for object in objects where !object.metadata.uid.isEmpty {
        let metadata = object.metadata
        switch object {
        case .namespace: namespaces[metadata.name, default: []].insert(metadata.uid)
        case .node: nodes[metadata.name, default: []].insert(metadata.uid)
        case .pod, .service, .endpoints, .controller, .ingress: continue
        }
      }
    }
  }
}

extension [String: Set<String>] {
  /// Whether both have an element in common under a key.
  fileprivate func shares(_ key: String, with other: Self) -> Bool {
    guard let mine = self[key], let theirs = other[key] else { return false }
    return !mine.isDisjoint(with: theirs)
  }
}
