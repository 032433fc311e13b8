package import FlowAggregation
import FlowModel
package import PolicyModel

/// Finds the smallest stable selector for sets of workloads of one namespace.
///
/// A selector is exact when it matches every label set of the meant workloads and none of any other
/// workload of the namespace. Plain `key=value` requirements come first: over the owners' own selector
/// keys, then the conventional keys too, then all stable labels. Only where these are not enough may a
/// requirement list several values, and only then may it ask for a key's presence or absence.
/// Within the first of these steps that selects exactly, the fewest requirements win; ties go to the
/// better keys (``LabelPreference``).
package struct SelectorSynthesizer: Sendable {
  /// A selector and what it matches.
  package struct Selection: Hashable, Sendable {
    /// The requirements, all of which must hold; never empty.
    package var requirements: [LabelRequirement]
    /// Positions of all workloads of which the selector matches some label set, ascending; exactly the
    /// meant ones when the selector is exact.
    package var matched: [Int]

    /// The selector.
    package var selector: LabelSelector { .requirements(requirements) }
  }

  private let workloads: [Workload]
  /// The labels of each workload that may stand in a selector with their value.
  private let stableLabels: [Labels]
  private let usableKeys: Set<String>
  /// One more than there are label sets.
  ///
  /// The last row stands for a pod without labels: every selector
  /// must keep it out, so that none says merely what its pods lack.
  private let capacity: Int
  private let allRows: BitSet
  private let rowsOf: [BitSet]
  private let workloadOf: [Int]
  private let holders: [Labels.Element: [Int]]
  private let keyHolders: [String: [Int]]

  /// The most keys of a namespace that are tried for absence; past it only keys of workloads that
  /// nothing else tells apart.
  private static let absenceLimit = 512

  /// Indexes the workloads of one namespace.
  ///
  /// - Parameter workloads: All that policy can select there; ones on the host's network, which it
  ///   cannot, should be left out.
  package init(workloads: [Workload]) {
    self.init(workloads: workloads, isUsable: SelectorSynthesizer.isUsable)
  }

  /// Indexes the workloads of one namespace with a given test of keys.
  init(workloads: [Workload], isUsable: (String) -> Bool) {
    self.workloads = workloads
    var workloadOf: [Int] = []
    var ranges: [Range<Int>] = []
    var holders: [Labels.Element: [Int]] = [:]
    var keyHolders: [String: [Int]] = [:]
    for (index, workload) in workloads.enumerated() {
      let start = workloadOf.count
      // A workload without any label set stands for pods of unknown labels: an empty set.
      for labels in workload.labelSets.isEmpty ? [Labels()] : workload.labelSets {
        for element in labels.elements {
          holders[element, default: []].append(workloadOf.count)
          keyHolders[element.key, default: []].append(workloadOf.count)
        }
        workloadOf.append(index)
      }
      ranges.append(start..<workloadOf.count)
    }
    let capacity = workloadOf.count + 1
    self.capacity = capacity
    allRows = BitSet(full: capacity)
    rowsOf = ranges.map { BitSet(capacity: capacity, members: $0) }
    self.workloadOf = workloadOf
    self.holders = holders
    self.keyHolders = keyHolders
    let usableKeys = Set(keyHolders.keys.filter(isUsable))
    self.usableKeys = usableKeys
    stableLabels = workloads.map { workload in
      workload.commonLabels.filter { label in
        // The owner's own selector cannot change, whatever the value looks like.
        usableKeys.contains(label.key) && KubernetesSyntax.isLabelValue(label.value)
          && (workload.selectorLabels[label.key] == label.value
            || SelectorSynthesizer.isStable(label, of: workload))
      }
    }
  }

  /// Whether a label of a workload looks as if it stays; what a controller copies from its template
  /// may say `role: master`, elsewhere an operator may move that label to another pod.
  private static func isStable(_ label: Labels.Element, of workload: Workload) -> Bool {
    switch workload.owner?.kind {
    case "Deployment", "ReplicaSet", "DaemonSet", "Job", "CronJob":
      WorkloadClustering.isStableValue(label.value)
    default: WorkloadClustering.isStable(label)
    }
  }

  /// Whether a key may stand in a selector: valid, and not known to be volatile.
  static func isUsable(_ key: String) -> Bool {
    KubernetesSyntax.isLabelKey(key) && !VolatileLabels.isDenied(key)
  }

  /// Positions of all workloads that no stable labels tell apart from the given ones, these included;
  /// nil when they have no stable label in common to select by.
  package func inseparable(from targets: [Int]) -> [Int]? {
    options(for: targets)?.inseparable
  }

  /// All requirements that the label sets of some workloads pass, and what these match together.
  struct Options {
    /// Positions of all workloads that no stable labels tell apart from the given ones, these included.
    let inseparable: [Int]
    fileprivate let candidates: [Candidate]
    fileprivate let meant: BitSet
  }

  /// What may select some workloads; nil when they have no stable label in common to select by.
  func options(for targets: [Int]) -> Options? {
    let candidates = self.candidates(for: targets)
    guard candidates.contains(where: \.isPositive) else { return nil }
    let meant = rows(of: targets)
    return Options(
      inseparable: matched(by: candidates, targets: meant),
      candidates: candidates,
      meant: meant
    )
  }

  /// The smallest selector for some workloads.
  ///
  /// - Parameter targets: Positions of the meant workloads, not empty.
  /// - Returns: The smallest exact selector; where there is none, the smallest that matches no more
  ///   than it must; nil when the workloads share no stable label to select by.
  package func selection(of targets: [Int]) -> Selection? {
    options(for: targets).flatMap(selection)
  }

  /// The smallest selector by some options.
  func selection(_ options: Options) -> Selection? {
    let all = options.candidates
    let excluded = all.map { allRows.subtracting($0.rows) }
    let universe = excluded.reduce(BitSet(capacity: capacity)) { $0.union($1) }

    for step in Candidate.Step.allCases {
      for tier in 0...2 {
        let positions = all.indices.filter { all[$0].step <= step && all[$0].rank.tier <= tier }
        var search = RequirementSearch(
          candidates: positions.map { excluded[$0] },
          universe: universe
        )
        guard let chosen = search.run() else { continue }
        let found = chosen.map { all[positions[$0]] }
        return Selection(
          requirements: found.map(\.requirement).sorted(),
          matched: matched(by: found, targets: options.meant)
        )
      }
    }
    return nil
  }

  // MARK: - Candidates

  /// A requirement that all label sets of the meant workloads pass.
  fileprivate struct Candidate {
    enum Step: Int, CaseIterable, Comparable {
      case equality, valueSet, presence
      static func < (left: Step, right: Step) -> Bool { left.rawValue < right.rawValue }
    }

    var requirement: LabelRequirement
    var rank: LabelPreference.Rank
    var step: Step
    /// The label sets that pass.
    var rows: BitSet

    /// Whether it asks for a label to be there.
    var isPositive: Bool {
      requirement.operation == .in || requirement.operation == .exists
    }
  }

  private func candidates(for targets: [Int]) -> [Candidate] {
    guard !targets.isEmpty else { return [] }
    let meant = rows(of: targets)
    var found = positiveCandidates(for: targets, meant)
    let tight = found.reduce(allRows) { $0.intersection($1.rows) }
    let left = tight.subtracting(meant)
    if left.isEmpty, found.allSatisfy({ $0.step < .presence }) { return sorted(found) }
    let keys =
      keyHolders.count <= SelectorSynthesizer.absenceLimit
      ? Array(keyHolders.keys) : keysOfRows(left)
    for key in keys where usableKeys.contains(key) {
      let present = BitSet(capacity: capacity, members: keyHolders[key] ?? [])
      guard !present.intersects(meant) else { continue }
      found.append(
        Candidate(
          requirement: LabelRequirement(key, .doesNotExist),
          rank: LabelPreference.rank(of: key, isOwners: false),
          step: .presence,
          rows: allRows.subtracting(present)
        )
      )
    }
    return sorted(found)
  }

  private func sorted(_ candidates: [Candidate]) -> [Candidate] {
    candidates.sorted {
      $0.rank != $1.rank ? $0.rank < $1.rank : $0.requirement < $1.requirement
    }
  }

  private func positiveCandidates(for targets: [Int], _ meant: BitSet) -> [Candidate] {
    var keys: Set<String> = []
    for target in targets {
      for labels in workloads[target].labelSets { keys.formUnion(labels.keys) }
    }
    var found: [Candidate] = []
    for key in keys where usableKeys.contains(key) {
      let values = targets.map { stableLabels[$0][key] }
      let isOwners = targets.allSatisfy { workloads[$0].selectorLabels[key] != nil }
      let rank = LabelPreference.rank(of: key, isOwners: isOwners)
      let present = BitSet(capacity: capacity, members: keyHolders[key] ?? [])
      let known = Set(values.compactMap(\.self))
      var passing = BitSet(capacity: capacity)
      for value in known {
        for row in holders[Labels.Element(key: key, value: value)] ?? [] { passing.insert(row) }
      }
      if !values.contains(nil) {
        found.append(
          Candidate(
            requirement: LabelRequirement(key, .in, Array(known)),
            rank: rank,
            step: known.count == 1 ? .equality : .valueSet,
            rows: passing
          )
        )
      } else if meant.isSubset(of: present), targets.allSatisfy({ looksStable(key, in: $0) }) {
        found.append(
          Candidate(
            requirement: LabelRequirement(key, .exists),
            rank: rank,
            step: .presence,
            rows: present
          )
        )
      } else if let unlike = valuesOfOthers(key, than: known, targets: targets, meant) {
        var rows = allRows
        for value in unlike {
          for row in holders[Labels.Element(key: key, value: value)] ?? [] { rows.remove(row) }
        }
        found.append(
          Candidate(
            requirement: LabelRequirement(key, .notIn, unlike),
            rank: rank,
            step: .presence,
            rows: rows
          )
        )
      }
    }
    return found
  }

  /// The values of a key that only workloads other than the meant ones have, where each of the meant
  /// ones always has one stable value or never has the key; nil when there are none.
  private func valuesOfOthers(
    _ key: String,
    than known: Set<String>,
    targets: [Int],
    _ meant: BitSet
  ) -> [String]? {
    let present = keyHolders[key] ?? []
    for target in targets where stableLabels[target][key] == nil {
      if present.contains(where: { rowsOf[target].contains($0) }) { return nil }
    }
    var others: Set<String> = []
    for other in Set(present.filter { !meant.contains($0) }.map { workloadOf[$0] }) {
      guard let value = stableLabels[other][key], !known.contains(value) else { continue }
      others.insert(value)
    }
    return others.isEmpty ? nil : others.sorted()
  }

  /// Whether all values that a workload's pods have for a key are valid and do not look volatile.
  private func looksStable(_ key: String, in workload: Int) -> Bool {
    workloads[workload].labelSets.allSatisfy { labels in
      guard let value = labels[key] else { return true }
      return KubernetesSyntax.isLabelValue(value)
        && SelectorSynthesizer.isStable(
          Labels.Element(key: key, value: value),
          of: workloads[workload]
        )
    }
  }

  private func keysOfRows(_ rows: BitSet) -> [String] {
    keyHolders.filter { $0.value.contains { rows.contains($0) } }.map(\.key)
  }

  // MARK: - Rows

  private func rows(of targets: [Int]) -> BitSet {
    targets.reduce(into: BitSet(capacity: capacity)) { $0.formUnion(rowsOf[$1]) }
  }

  private func matched(by candidates: [Candidate], targets: BitSet) -> [Int] {
    let rows = candidates.reduce(allRows) { $0.intersection($1.rows) }.union(targets)
    return Set(rows.members.filter(workloadOf.indices.contains).map { workloadOf[$0] }).sorted()
  }
}
