import FlowModel

/// How sure it is that an audit has seen what there is to see, in a few lines.
package struct SettledText {
  private let coverage: Coverage
  private let logOnly: LogOnlyMode?
  private let lateRules: [String]?
  private let settings: GateSettings

  /// Makes a text.
  ///
  /// - Parameter lateRules: The rules that the last 48 hours add; nil without a proposal.
  package init(
    _ coverage: Coverage,
    logOnly: LogOnlyMode?,
    lateRules: [String]?,
    settings: GateSettings = GateSettings()
  ) {
    self.coverage = coverage
    self.logOnly = logOnly
    self.lateRules = lateRules
    self.settings = settings
  }

  /// What is asked and what the logs say to it; `settled` last.
  package var lines: [(name: String, text: String)] {
    [
      ("captured", captured), ("coverage", seen),
      ("unresolved", "\(coverage.unresolvedShare.map(Words.percent) ?? "-") of the edges"),
      ("auditing", auditing), ("settled", settled),
    ]
  }

  private var captured: String {
    let limit = Words.hours(settings.holeThreshold)
    let holes =
      coverage.holes.isEmpty
      ? "no hole longer than \(limit)"
      : "\(Words.count(coverage.holes.count, "hole")) longer than \(limit): "
        + coverage.holes.map(Words.window).briefly
    return "\(Words.count(coverage.daysCaptured, "day")), "
      + "\(Words.count(coverage.hoursCaptured, "hour")); \(holes); "
      + "\(coverage.lostShare.map(Words.percent) ?? "-") of events lost"
  }

  private var seen: String {
    let estimate =
      coverage.estimate.map {
        "\(coverage.observed) of an estimated \(Words.decimal($0)) edges, "
          + "\(coverage.share.map(Words.percent) ?? "-")"
      } ?? "no estimate from \(Words.count(coverage.observed, "edge"))"
    return "\(estimate); \(coverage.newEdges) new in the last 48 h; "
      + "\(coverage.singleDayEdges) seen on one day only"
  }

  private var auditing: String {
    switch logOnly {
    case .observe: "observe: no log-only switch"
    case .auditSwitch(let name, let records) where records > 0:
      "\(name): \(Words.count(records, "record")) seen"
    case .auditSwitch(let name, _): "\(name): NOT AUDITING, none of its records was seen"
    case nil: "not started"
    }
  }

  private var settled: String {
    guard let lateRules else { return "no: there is no proposal" }
    var open: [String] = []
    if !lateRules.isEmpty {
      open.append("the last 48 h add \(Words.count(lateRules.count, "rule"))")
    }
    if (coverage.share ?? 0) < settings.minimumCoverage {
      open.append("coverage is below \(Words.percent(settings.minimumCoverage))")
    }
    if coverage.daysCaptured < settings.auditDays {
      open.append("\(coverage.daysCaptured) of \(settings.auditDays) days captured")
    }
    if !coverage.holes.isEmpty { open.append("the capture has holes") }
    return open.isEmpty ? "yes: the last 48 h add no rule" : "no: " + open.joined(separator: "; ")
  }
}
