import ClusterInventory
import FlowAggregation
import FlowModel
import FlowStorage
import PolicyModel
package import Rollout

/// What is there before a rollout: who talks to whom, who has policy, what the logs cannot see.
package struct Assessment: Sendable {
  /// One namespace.
  package struct Namespace: Sendable {
    /// The name.
    package var name: String
    /// Workloads known of it.
    package var workloads: Int
    /// Whether any flow of it was seen.
    package var isSeen: Bool
    /// Live policies; nil when no live policies were added at all.
    package var policies: Int?
    /// Whether live policies default-deny it; nil when none were added.
    package var isDefaultDenied: Bool?
    /// How far its rollout is.
    package var stage: RolloutStage
  }

  /// All connections from one namespace, or one kind of peer, to another.
  package struct Talk: Sendable {
    /// The client's namespace; `external`, `nodes`, `kube-apiserver` and the like for others.
    package var source: String
    /// The server's, likewise.
    package var destination: String
    /// Kinds of connections: workload pair, protocol and port.
    package var connections: Int
    /// Log records.
    package var records: Int64
    /// Those that were denied, would be, or had no answer.
    package var refused: Int
  }

  /// One thing that is known to go wrong with policy.
  package struct Check: Sendable {
    /// What there is to say.
    package enum Outcome: String, Sendable {
      /// Not a matter here.
      case clear
      /// Somebody should look at it.
      case look
      /// Cannot be told from what was added.
      case unknown
    }

    /// A short word that stays the same.
    package var name: String
    /// The outcome.
    package var outcome: Outcome
    /// What was found, one sentence.
    package var text: String
  }

  /// Sorted by name.
  package var namespaces: [Namespace]
  /// Most records first.
  package var talks: [Talk]
  /// What the logs cannot see, in sentences; may be empty.
  package var blindSpots: [String]
  /// In a fixed order.
  package var checks: [Check]
}

/// Assesses a cluster from what was ingested and added.
package struct Assess: Sendable {
  private let stores: Stores
  private let reader: EvidenceReader
  private let finder: WindowFinder

  /// Makes a step.
  package init(_ stores: Stores, reader: EvidenceReader, finder: WindowFinder) {
    self.stores = stores
    self.reader = reader
    self.finder = finder
  }

  /// Looks at everything stored.
  ///
  /// - Throws: ``EvidenceError`` when no flow was ever seen.
  package func run() async throws -> Assessment {
    let evidence = try await WholeEvidence.read(
      reader,
      finder: finder,
      namespaces: [],
      selection: WindowSelection(span: .all)
    )
    let live = try await PolicyFiles.readable(stores)
    let coverage = PolicyCoverage(live.set)
    let known = Set(finder.namespaces).union(reader.inventory.namespaces().map(\.name))
    let namespaces = known.sorted().map { name in
      Assessment.Namespace(
        name: name,
        workloads: evidence.workloads.count { $0.namespace == name },
        isSeen: finder.span(of: name) != nil,
        policies: coverage.isKnown ? coverage.policies[name] ?? 0 : nil,
        isDefaultDenied: coverage.isKnown ? coverage.defaultDenied.contains(name) : nil,
        stage: reader.rollout[name].stage
      )
    }
    return Assessment(
      namespaces: namespaces,
      talks: talks(evidence),
      blindSpots: try await blindSpots(evidence, namespaces)
        + live.unreadable.map { "the live policy \($0) cannot be read" },
      checks: GotchaChecks(inventory: reader.inventory, evidence: evidence).run()
    )
  }

  private func talks(_ evidence: Evidence) -> [Assessment.Talk] {
    var talks: [String: Assessment.Talk] = [:]
    for connection in evidence.connections {
      let source = Assess.place(connection.source, evidence)
      let destination = Assess.place(connection.destination, evidence)
      var talk =
        talks["\(source) \(destination)"]
        ?? Assessment.Talk(
          source: source,
          destination: destination,
          connections: 0,
          records: 0,
          refused: 0
        )
      talk.connections += 1
      talk.records += connection.tally.records
      if connection.evidence != .allowed { talk.refused += 1 }
      talks["\(source) \(destination)"] = talk
    }
    return talks.values.sorted { left, right in
      if left.records != right.records { return left.records > right.records }
      return (left.source, left.destination) < (right.source, right.destination)
    }
  }

  private static func place(_ end: ConnectionEnd, _ evidence: Evidence) -> String {
    switch end {
    case .workload(let index): return evidence.workloads[index].namespace
    case .other(let endpoint):
      switch endpoint.kind {
      case .pod: return endpoint.namespace
      case .node: return "(nodes)"
      case .apiServer: return "(kube-apiserver)"
      case .entity: return "(\(endpoint.entity))"
      case .unresolved: return "(unresolved)"
      case .address, .name: return endpoint.isExternal ? "(external)" : "(addresses)"
      }
    }
  }

  private func blindSpots(
    _ evidence: Evidence,
    _ namespaces: [Assessment.Namespace]
  ) async throws -> [String] {
    let hours = try await stores.flows.capture()
    let kinds = Set(hours.map(\.logKind)).sorted()
    var spots: [String] = []
    let names = kinds.map(\.rawValue).joined(separator: ", ")
    if !kinds.contains(where: \.showsPolicyDrops) {
      spots.append("no log (\(names)) shows what policy drops: a watch cannot be passed with it")
    }
    let addressed = kinds.filter { [.awsVPC, .gcpVPC, .azure].contains($0) }
    if !addressed.isEmpty {
      spots.append(
        "\(addressed.map(\.rawValue).joined(separator: ", ")) know addresses only: a pod is named "
          + "as far as the inventory knows when it had the address"
      )
    }
    let capture = CaptureLog(
      hours.map { CapturedHour(hour: $0.hour, records: $0.capture.records, lost: $0.capture.lost) }
    )
    if let first = capture.hours.first, let last = capture.hours.last {
      let window = TimeWindow(
        start: first.hour * Timestamps.hour,
        end: (last.hour + 1) * Timestamps.hour
      )
      let lost = capture.hours.map(\.lost).reduce(0, +)
      if lost > 0 { spots.append("the log lost \(lost) events") }
      let holes = capture.holes(in: window, longerThan: GateSettings().holeThreshold)
      spots += holes.map { hole in
        "no log from \(Timestamps.text(hole.start)) to \(Timestamps.text(hole.end))"
      }
    }
    let unresolved = evidence.connections.count { $0.marks.contains(.unresolved) }
    if unresolved > 0 {
      spots.append("\(unresolved) connections have an end in the cluster that no known pod had")
    }
    if evidence.unattributed > 0 {
      spots.append("\(evidence.unattributed) edges are of pods of no known workload")
    }
    let silent = namespaces.filter { !$0.isSeen && $0.workloads > 0 }.map(\.name)
    if !silent.isEmpty {
      spots.append("no flow was seen of \(silent.joined(separator: ", "))")
    }
    if reader.inventory.records.isEmpty {
      spots.append("no inventory was added: addresses without a name in the log stay unresolved")
    }
    return spots
  }
}
