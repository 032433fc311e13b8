import FlowAggregation
import FlowModel
import PolicyModel

/// Workloads of one namespace that policy selects together: one, or several of the same labels.
struct PodClass {
  /// The namespace.
  var namespace: String
  /// The workloads, as indices in the input, sorted by what they are.
  var members: [Int]
  /// The smallest selector.
  var selection: SelectorSynthesizer.Selection
  /// Every workload that the selector matches, as indices in the input: the members, and ones it
  /// cannot keep out.
  var matched: [Int]
  /// What the class is sorted by; differs between any two classes of other content.
  var order: [String]
}

/// The classes of all namespaces, made as they are asked for.
struct PodClassTable {
  /// Classes by number.
  private(set) var classes: [PodClass] = []
  private let home: String
  private let workloads: [Workload]
  private let byNamespace: [String: [Int]]
  private var classOf: [Int: Int] = [:]
  private var prepared: [String: SelectorSynthesizer] = [:]
  private var positions: [String: [Int]] = [:]
  private var usableKeys: [String: Bool] = [:]

  /// Makes a table over the workloads of one cluster.
  ///
  /// - Parameter home: The cluster; workloads of other ones are no candidates for any class.
  init(workloads: [Workload], home: String) {
    self.workloads = workloads
    self.home = home
    var byNamespace: [String: [Int]] = [:]
    for (index, workload) in workloads.enumerated()
    where !workload.isHostNetwork && HomeCluster.holds(workload.cluster, home: home) {
      byNamespace[workload.namespace, default: []].append(index)
    }
    self.byNamespace = byNamespace
  }

  /// Whether the table holds these workloads as seen from this cluster.
  func isFor(_ workloads: [Workload], home: String) -> Bool {
    home == self.home && workloads == self.workloads
  }

  /// The class of a workload; nil when no stable label selects it.
  mutating func podClass(of workload: Int) -> Int? {
    guard workloads.indices.contains(workload) else { return nil }
    prepare(workloads[workload].namespace)
    return classOf[workload]
  }

  /// The classes of a namespace, in their order.
  mutating func classes(in namespace: String) -> [Int] {
    prepare(namespace)
    let found = (positions[namespace] ?? []).compactMap { classOf[$0] }
    return Set(found).sorted { precedes($0, $1) }
  }

  /// Whether a workload of the namespace, though policy may select it, has no label to select it by.
  mutating func hasUnselectable(in namespace: String) -> Bool {
    prepare(namespace)
    return (positions[namespace] ?? []).contains { classOf[$0] == nil }
  }

  /// The smallest exact selector for some classes of one namespace, nil when there is none.
  mutating func exactSelection(of classes: [Int], in namespace: String) -> LabelSelector? {
    prepare(namespace)
    if classes.count == 1, let only = classes.first { return self.classes[only].selection.selector }
    guard let synthesizer = prepared[namespace], let members = positions[namespace] else {
      return nil
    }
    let meant = Set(classes.flatMap { self.classes[$0].matched })
    let targets = members.indices.filter { meant.contains(members[$0]) }
    guard let selection = synthesizer.selection(of: targets), selection.matched == targets else {
      return nil
    }
    return selection.selector
  }

  /// The order of classes: by namespace, selector and names.
  func precedes(_ left: Int, _ right: Int) -> Bool {
    classes[left].order.lexicographicallyPrecedes(classes[right].order)
  }

  private mutating func prepare(_ namespace: String) {
    guard prepared[namespace] == nil else { return }
    let members = (byNamespace[namespace] ?? []).sorted {
      WorkloadClustering.precedes(workloads[$0], workloads[$1])
    }
    let synthesizer = SelectorSynthesizer(workloads: members.map { workloads[$0] }) { key in
      if let known = usableKeys[key] { return known }
      let isUsable = SelectorSynthesizer.isUsable(key)
      usableKeys[key] = isUsable
      return isUsable
    }
    prepared[namespace] = synthesizer
    positions[namespace] = members
    let options = members.indices.map { synthesizer.options(for: [$0]) }
    for group in groups(synthesizer, options) {
      let joint =
        group.count == 1
        ? options[group[0]].flatMap(synthesizer.selection) : synthesizer.selection(of: group)
      if let joint {
        add(group, joint, of: members, in: namespace)
      } else {
        // Nothing selects them all, though their labels overlap: each gets its own, excess listed.
        for member in group {
          guard let own = options[member].flatMap(synthesizer.selection) else { continue }
          add([member], own, of: members, in: namespace)
        }
      }
    }
  }

  private mutating func add(
    _ group: [Int],
    _ selection: SelectorSynthesizer.Selection,
    of members: [Int],
    in namespace: String
  ) {
    for member in group { classOf[members[member]] = classes.count }
    let text = LabelText.text(selection.requirements)
    classes.append(
      PodClass(
        namespace: namespace,
        members: group.map { members[$0] },
        selection: selection,
        matched: selection.matched.map { members[$0] },
        order: [namespace, text] + group.map { WorkloadText.name(workloads[members[$0]]) }
      )
    )
  }

  /// Positions joined with all that no labels tell apart from them, until nothing more is drawn in;
  /// those without any label to select by are left out.
  private func groups(
    _ synthesizer: SelectorSynthesizer,
    _ options: [SelectorSynthesizer.Options?]
  ) -> [[Int]] {
    var root = Array(options.indices)
    func find(_ index: Int) -> Int {
      var index = index
      while root[index] != index { index = root[index] }
      return index
    }
    var open = options.indices.map { [$0] }
    var selectable: Set<Int> = []
    while !open.isEmpty {
      var joined = false
      for group in open {
        guard let first = group.first,
          let inseparable = group.count == 1
            ? options[first]?.inseparable : synthesizer.inseparable(from: group)
        else { continue }
        if group.count == 1 { selectable.insert(first) }
        for other in inseparable where find(other) != find(first) {
          // One that nothing selects is no object of its own, so there is none to share.
          guard options[other] != nil else { continue }
          root[max(find(other), find(first))] = min(find(other), find(first))
          joined = true
        }
      }
      open =
        joined
        ? Dictionary(grouping: selectable) { find($0) }.values.filter { $0.count > 1 }
          .map { $0.sorted() }.sorted { $0[0] < $1[0] } : []
    }
    return Dictionary(grouping: selectable) { find($0) }.values
      .map { $0.sorted() }.sorted { $0[0] < $1[0] }
  }
}

/// The cluster a proposal is for.
enum HomeCluster {
  /// The cluster that most workloads of a namespace lie in, the first by name among equals; empty when
  /// none is named.
  static func of(_ namespace: String, workloads: [Workload]) -> String {
    var counts: [String: Int] = [:]
    for workload in workloads where workload.namespace == namespace && !workload.cluster.isEmpty {
      counts[workload.cluster, default: 0] += 1
    }
    return counts.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key ?? ""
  }

  /// Whether something in a cluster is in the home cluster; what names no cluster is.
  static func holds(_ cluster: String, home: String) -> Bool {
    cluster.isEmpty || home.isEmpty || cluster == home
  }
}

/// Requirements as text.
enum LabelText {
  /// `app=web,!canary,tier in (a,b)`.
  static func text(_ requirements: [LabelRequirement]) -> String {
    requirements.map { requirement in
      switch requirement.operation {
      case .in where requirement.values.count == 1:
        "\(requirement.key)=\(requirement.values[0])"
      case .exists: requirement.key
      case .doesNotExist: "!\(requirement.key)"
      default:
        "\(requirement.key) \(requirement.operation.rawValue) "
          + "(\(requirement.values.joined(separator: ",")))"
      }
    }.joined(separator: ",")
  }
}

/// Workloads as text.
enum WorkloadText {
  /// `shop/cart`.
  static func name(_ workload: Workload) -> String {
    "\(workload.namespace)/\(WorkloadNames.shortName(workload))"
  }
}
