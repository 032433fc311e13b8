import FlowModel

/// The workloads of one namespace while endpoints are being attributed to them.
struct NamespaceClusters {
  /// A workload in the making.
  struct Entry {
    var owner: WorkloadReference?
    var labelSets: Set<Labels> = []
    var selectorLabels = Labels()
    var isHostNetwork = false
    var isExposed = false
    var namedPorts: Set<Workload.NamedPort> = []
    /// Whether an inventory gave its labels, which are then complete.
    var isFromInventory = false

    /// The finished workload.
    func workload(in place: WorkloadClustering.Place) -> Workload {
      Workload(
        cluster: place.cluster,
        namespace: place.namespace,
        owner: owner,
        labelSets: labelSets.sorted(),
        selectorLabels: selectorLabels,
        isHostNetwork: isHostNetwork,
        isExposed: isExposed,
        namedPorts: namedPorts.sorted {
          ($0.name, $0.transport, $0.port) < ($1.name, $1.transport, $1.port)
        }
      )
    }
  }

  /// Why an endpoint was refused.
  struct Refusal: Error {
    var doubt: WorkloadClustering.Doubt
  }

  private(set) var entries: [Entry] = []
  private var byOwner: [WorkloadReference: Int] = [:]
  private var byStableLabels: [Labels: Int] = [:]
  private var deniedKeys: [String: Bool] = [:]

  /// Adds a workload of the inventory; one of an owner seen before, or without owner and with the
  /// same stable labels, is joined with it.
  mutating func add(inventory workload: Workload) {
    let index: Int
    if let owner = workload.owner {
      index = entry(of: owner)
    } else {
      index = entry(ofStable: stable(workload.commonLabels))
    }
    entries[index].labelSets.formUnion(workload.labelSets)
    entries[index].isHostNetwork = entries[index].isHostNetwork || workload.isHostNetwork
    entries[index].isExposed = entries[index].isExposed || workload.isExposed
    entries[index].namedPorts.formUnion(workload.namedPorts)
    entries[index].isFromInventory = true
    if entries[index].selectorLabels.isEmpty {
      entries[index].selectorLabels = workload.selectorLabels
    }
  }

  /// Attributes sorted endpoints: those with an owner first, so that the others find them.
  mutating func attribute(_ endpoints: [Endpoint]) -> [(Endpoint, Result<Int, Refusal>)] {
    var results: [(Endpoint, Result<Int, Refusal>)] = []
    for endpoint in endpoints {
      guard let owner = endpoint.workload else { continue }
      let index = known(owner) ?? entry(of: owner)
      add(endpoint.labels, to: index)
      results.append((endpoint, .success(index)))
    }
    let owned = LabelFitting(entries)
    var own: [(Endpoint, Labels)] = []
    for endpoint in endpoints where endpoint.workload == nil {
      guard !endpoint.labels.isEmpty else {
        let fitting = entries.indices.filter {
          entries[$0].owner.map { $0.mayOwn(pod: endpoint.name) } ?? false
        }
        results.append(
          (
            endpoint,
            fitting.count == 1 ? .success(fitting[0]) : .failure(Refusal(doubt: .nameOnly))
          )
        )
        continue
      }
      switch owned.fit(endpoint.labels) {
      case .one(let index):
        add(endpoint.labels, to: index)
        results.append((endpoint, .success(index)))
      case .severalOfInventory(let count):
        results.append((endpoint, .failure(Refusal(doubt: .ambiguous(count)))))
      case .none:
        own.append((endpoint, stable(endpoint.labels)))
      }
    }
    // Only now: a workload made from a log's labels must not draw others to it.
    for (endpoint, stable) in own {
      let index = entry(ofStable: stable)
      add(endpoint.labels, to: index)
      results.append((endpoint, .success(index)))
    }
    return results
  }

  /// Adds a seen label set, unless the inventory already has a set that includes it.
  private mutating func add(_ labels: Labels, to index: Int) {
    guard !entries[index].labelSets.contains(labels) else { return }
    if labels.isEmpty, !entries[index].labelSets.isEmpty { return }
    if entries[index].isFromInventory,
      entries[index].labelSets.contains(where: { labels.isSubset(of: $0) })
    {
      return
    }
    entries[index].labelSets.insert(labels)
    // A set that only stood for "seen, labels unknown" says nothing once real labels are there.
    if entries[index].labelSets.count > 1 { entries[index].labelSets.remove([:]) }
  }

  /// The labels whose keys and values both look stable.
  private mutating func stable(_ labels: Labels) -> Labels {
    labels.filter { label in
      let isDenied = deniedKeys[label.key] ?? VolatileLabels.isDenied(label.key)
      deniedKeys[label.key] = isDenied
      return !isDenied && WorkloadClustering.isStable(label)
    }
  }

  /// A workload by owner; a log that does not know the kind means the only one of that name.
  private func known(_ owner: WorkloadReference) -> Int? {
    if let index = byOwner[owner] { return index }
    guard owner.kind.isEmpty else { return nil }
    let named = byOwner.filter { $0.key.name == owner.name }
    return named.count == 1 ? named.first?.value : nil
  }

  private mutating func entry(of owner: WorkloadReference) -> Int {
    if let index = byOwner[owner] { return index }
    entries.append(Entry(owner: owner))
    byOwner[owner] = entries.count - 1
    return entries.count - 1
  }

  private mutating func entry(ofStable labels: Labels) -> Int {
    if let index = byStableLabels[labels] { return index }
    entries.append(Entry())
    byStableLabels[labels] = entries.count - 1
    return entries.count - 1
  }
}

/// Finds the workloads whose label sets equal or include a set.
private struct LabelFitting {
  enum Fit {
    case one(Int)
    case severalOfInventory(Int)
    case none
  }

  private var sets: [(labels: Labels, entry: Int)] = []
  private var holders: [Labels.Element: [Int]] = [:]
  private var equal: [Labels: Set<Int>] = [:]
  private var inventory: Set<Int> = []

  init(_ entries: [NamespaceClusters.Entry]) {
    for (index, entry) in entries.enumerated() {
      if entry.isFromInventory { inventory.insert(index) }
      for labels in entry.labelSets.sorted() {
        for element in labels.elements { holders[element, default: []].append(sets.count) }
        equal[labels, default: []].insert(index)
        sets.append((labels, index))
      }
    }
  }

  func fit(_ labels: Labels) -> Fit {
    if let owners = equal[labels] {
      if owners.count == 1, let only = owners.first { return .one(only) }
      // Equal labels are equal to policy: any of them would do, but none is known to be right.
      return .none
    }
    var rarest: [Int]?
    for element in labels.elements {
      let found = holders[element] ?? []
      if rarest.map({ found.count < $0.count }) ?? true { rarest = found }
    }
    var including: Set<Int> = []
    for set in rarest ?? [] where labels.isSubset(of: sets[set].labels) {
      including.insert(sets[set].entry)
    }
    if including.count == 1, let only = including.first { return .one(only) }
    let ofInventory = including.intersection(inventory).count
    return ofInventory > 1 ? .severalOfInventory(ofInventory) : .none
  }
}

extension WorkloadReference {
  /// Whether a pod of this name can be this owner's, by the way its kind names pods.
  func mayOwn(pod name: String) -> Bool {
    if kind == "Pod" { return name == self.name }
    guard name.hasPrefix(self.name + "-") else { return false }
    let rest = name.dropFirst(self.name.count + 1).split(
      separator: "-",
      omittingEmptySubsequences: false
    )
    func isRandom(_ part: Substring, _ lengths: ClosedRange<Int>) -> Bool {
      lengths.contains(part.utf8.count) && part.utf8.allSatisfy(WorkloadClustering.isSafeLetter)
    }
    func isNumber(_ part: Substring) -> Bool {
      !part.isEmpty && part.utf8.allSatisfy { 0x30...0x39 ~= $0 }
    }
    switch kind {
    case "StatefulSet": return rest.count == 1 && isNumber(rest[0])
    case "DaemonSet", "ReplicaSet", "ReplicationController":
      return rest.count == 1 && isRandom(rest[0], 5...5)
    case "Job":
      return rest.count == 1 && isRandom(rest[0], 5...5)
        || rest.count == 2 && isNumber(rest[0]) && isRandom(rest[1], 5...5)
    case "CronJob":
      return rest.count == 2 && isNumber(rest[0]) && rest[0].utf8.count >= 8
        && isRandom(rest[1], 5...5)
    case "Deployment", "Rollout":
      return rest.count == 2 && isRandom(rest[0], 6...10) && isRandom(rest[1], 5...5)
    default: return false
    }
  }
}
