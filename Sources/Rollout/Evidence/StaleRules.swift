import FlowModel

/// When the edges behind a rule were seen.
package struct RuleActivity: Hashable, Sendable {
  /// One edge of a rule.
  package struct Edge: Hashable, Sendable {
    /// The edge in words.
    package var name: String
    /// The UTC days (since 1970) on which it was seen.
    package var days: Set<Int>

    /// Makes an edge.
    package init(name: String, days: some Sequence<Int>) {
      self.name = name
      self.days = Set(days)
    }

    /// The longest time between two days on which it was seen; nil when it was seen on one day only.
    package var periodDays: Int? {
      let sorted = days.sorted()
      return zip(sorted.dropFirst(), sorted).map { $0 - $1 }.max()
    }
  }

  /// The rule in words; unique.
  package var rule: String
  /// The edges it is there for.
  package var edges: [Edge]

  /// Makes an entry.
  package init(rule: String, edges: [Edge]) {
    self.rule = rule
    self.edges = edges
  }
}

/// A rule that could go, or why it must not although it was not used.
package struct StaleRule: Hashable, Sendable {
  /// What is proposed.
  package enum Verdict: String, Sendable {
    /// May be removed when a person agrees.
    case removable
    /// An edge comes back less often than the window is long.
    case longPeriod = "long-period"
    /// An edge was seen on one day only: how often it comes back is not known.
    case unknownPeriod = "unknown-period"
    /// The log covers too little of the time since: not seen is not the same as not there.
    case notCaptured = "not-captured"
  }

  /// The rule.
  package var rule: String
  /// The UTC day (since 1970) on which any of its edges was last seen; nil when never.
  package var lastDay: Int?
  /// The verdict.
  package var verdict: Verdict
  /// The reason, one sentence with numbers.
  package var reason: String
}

/// Finds rules whose edges were not seen for a while (never acted on by itself).
package enum StaleRules {
  /// The rules none of whose edges was seen in the last weeks.
  ///
  /// - Parameters:
  ///   - rules: In any order.
  ///   - captureDays: The UTC days (since 1970) that the log covers.
  ///   - weeks: The length of the window; below 1 counts as 1.
  ///   - now: Microseconds since 1970 UTC.
  /// - Returns: Sorted by rule. Only ``StaleRule/Verdict/removable`` ones are proposed for removal.
  package static func find(
    in rules: [RuleActivity],
    captureDays: Set<Int>,
    weeks: Int,
    now: Int64
  ) -> [StaleRule] {
    let window = min(max(weeks, 1), 5200) * 7
    let today = Int(Timestamps.floor(now, to: Timestamps.day) / Timestamps.day)
    let firstDay = today - window
    let covered = captureDays.count { $0 >= firstDay && $0 < today }
    return rules.sorted { $0.rule < $1.rule }.compactMap { rule in
      let lastDay = rule.edges.compactMap { $0.days.max() }.max()
      guard (lastDay ?? Int.min) < firstDay else { return nil }
      let (verdict, reason) = judge(rule, window: window, covered: covered)
      return StaleRule(rule: rule.rule, lastDay: lastDay, verdict: verdict, reason: reason)
    }
  }

  private static func judge(
    _ rule: RuleActivity,
    window: Int,
    covered: Int
  ) -> (StaleRule.Verdict, String) {
    let edges = rule.edges.sorted { $0.name < $1.name }
    if covered < window {
      return (.notCaptured, "the log covers \(covered) of the last \(window) days")
    }
    if let edge = edges.first(where: { ($0.periodDays ?? 0) > window }) {
      return (
        .longPeriod,
        "\(edge.name) came back after \(edge.periodDays ?? 0) days, the window is \(window)"
      )
    }
    if let edge = edges.first(where: { $0.days.count == 1 }) {
      return (.unknownPeriod, "\(edge.name) was seen on one day only")
    }
    return (.removable, "none of its \(edges.count) edges was seen for \(window) days")
  }
}
