import PolicySynthesis
import FlowAggregation
import FlowModel
import FlowStorage
import PolicyModel
package import Rollout

/// One audit week of a namespace in numbers.
package struct WeekRow: Sendable {
  /// The week.
  package var week: AuditWeek
  /// Whether it was still going on when the namespace was last seen.
  package var isIncomplete: Bool
  /// Accepted connections known by its end.
  package var connections: Int
  /// Connections first seen in it.
  package var added: Int
  /// Connections known before it and not seen in it.
  package var missing: Int
  /// Rules of the proposal for it.
  package var rules: Int
  /// Rules that the week before did not have.
  package var rulesAdded: Int
  /// Rules that the week before had.
  package var rulesGone: Int
  /// How sure it is.
  package var coverage: Coverage
}

/// Tells week by week whether learning has settled.
package struct WeeksReport: Sendable {
  private let stores: Stores
  private let reader: EvidenceReader
  private let finder: WindowFinder
  private let settings: GateSettings

  /// Makes a report.
  package init(
    _ stores: Stores,
    reader: EvidenceReader,
    finder: WindowFinder,
    settings: GateSettings
  ) {
    self.stores = stores
    self.reader = reader
    self.finder = finder
    self.settings = settings
  }

  /// The weeks of a namespace, oldest first.
  package func run(_ namespace: String) async throws -> [WeekRow] {
    let latest = try finder.window(of: namespace, WindowSelection())
    guard let last = latest.week?.number else { return [] }
    let hours = try await stores.flows.capture()
    var rows: [WeekRow] = []
    var before: Set<ConnectionKey> = []
    var rulesBefore: Set<RuleIdentity> = []
    let propose = Propose(stores, reader: reader, finder: finder, options: ProposeOptions())
    for number in 1...last {
      let window = try finder.window(of: namespace, WindowSelection(span: .week(number)))
      let only = try finder.window(
        of: namespace,
        WindowSelection(span: .week(number), isOnly: true)
      )
      let evidence = try await reader.evidence(window, namespace: namespace)
      let observed = evidence.connections(of: namespace)
      let known = Set(observed.filter(\.isAccepted).map(\.key))
      let seen = Set(
        try await reader.evidence(only, namespace: namespace).connections(of: namespace).map(\.key)
      )
      let made = known.isEmpty ? nil : try propose.propose(namespace, window, evidence)
      let rules = Set(made?.rulesInWords.map(\.rule) ?? [])
      let kinds = Set(observed.flatMap(\.tally.logKinds))
      let coverage = Coverage(
        CoverageInput(
          observed,
          world: made?.worldKeys ?? [],
          days: try await reader.days(of: namespace, window, in: evidence),
          capture: CaptureLog(
            hours.filter { kinds.contains($0.logKind) }.map {
              CapturedHour(hour: $0.hour, records: $0.capture.records, lost: $0.capture.lost)
            }
          ),
          window: window.window
        ),
        holeThreshold: settings.holeThreshold
      )
      guard let week = window.week else { continue }
      rows.append(
        WeekRow(
          week: week,
          isIncomplete: window.isIncomplete,
          connections: known.count,
          added: known.subtracting(before).count,
          missing: before.subtracting(seen).count,
          rules: rules.count,
          rulesAdded: rules.subtracting(rulesBefore).count,
          rulesGone: rulesBefore.subtracting(rules).count,
          coverage: coverage
        )
      )
      before = known
      rulesBefore = rules
    }
    return rows
  }

  /// The rules whose edges were not seen for some weeks, with what may be done.
  package func stale(_ namespace: String, weeks: Int, now: Int64) async throws -> [StaleRule] {
    let window = try finder.window(of: namespace, WindowSelection(span: .weeks))
    let evidence = try await reader.evidence(window, namespace: namespace)
    let days = try await reader.days(of: namespace, window, in: evidence)
    let result = try Propose(stores, reader: reader, finder: finder, options: ProposeOptions())
      .propose(namespace, window, evidence)
    let rules = result.proposal.ruleEvidence.map { entry in
      let policy = result.proposal.policySet.policies[entry.policy]
      return RuleActivity(
        rule: "\(policy.name) \(policy.rules[entry.rule].direction.rawValue) \(entry.rule + 1): "
          + ConnectionText.brief(entry.connections.map { result.keys[$0] }),
        edges: entry.connections.map {
          RuleActivity.Edge(
            name: ConnectionText.text(result.keys[$0]),
            days: days[result.keys[$0]] ?? []
          )
        }
      )
    }
    let captured = Set(
      try await stores.flows.capture().map { Int(Timestamps.floor($0.hour, to: 24) / 24) }
    )
    return StaleRules.find(in: rules, captureDays: captured, weeks: weeks, now: now)
  }
}
