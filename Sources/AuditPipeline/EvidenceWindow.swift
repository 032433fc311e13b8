import FlowModel
package import FlowStorage
package import Rollout

/// Which stretch of the logs a command looks at.
package struct WindowSelection: Hashable, Sendable {
  /// By week, or by time.
  package enum Span: Hashable, Sendable {
    /// The week of the namespace's newest flow.
    case latest
    /// An audit week by number.
    case week(Int)
    /// All audit weeks.
    case weeks
    /// Everything stored, older than the audit or not.
    case all
    /// From a time (nil: the beginning) to before another (nil: the end), microseconds UTC.
    case range(since: Int64?, until: Int64?)
  }

  /// The stretch.
  package var span: Span
  /// Week *n* alone instead of weeks 1 to *n*.
  package var isOnly: Bool
  /// The cluster by name; nil where the logs are of one cluster.
  package var cluster: String?

  /// Makes a selection.
  package init(span: Span = .latest, isOnly: Bool = false, cluster: String? = nil) {
    self.span = span
    self.isOnly = isOnly
    self.cluster = cluster
  }
}

/// The stretch a selection stands for in one namespace.
package struct EvidenceWindow: Hashable, Sendable {
  /// The evidence: full hours, microseconds UTC.
  package var window: TimeWindow
  /// The audit week it ends with; nil for other stretches.
  package var week: AuditWeek?
  /// When the namespace was last seen, microseconds UTC.
  package var newestFlow: Int64
  /// The cluster by name; nil where the logs are of one cluster.
  package var cluster: String?

  /// Whether the week was still going on when the namespace was last seen.
  package var isIncomplete: Bool {
    guard let week else { return false }
    // A capture that ran to the last hour of the week is as complete as it gets.
    return newestFlow < week.window.end - Timestamps.hour
  }

  /// UTC hours since 1970.
  package var hours: Range<Int64> {
    let first = window.start / Timestamps.hour
    return first..<max(first, (window.end + Timestamps.hour - 1) / Timestamps.hour)
  }
}

/// Why there is no window.
package enum EvidenceError: Error, Hashable, Sendable {
  /// No flow of the namespace was ever seen; the namespaces that were.
  case noFlows(namespace: String, known: [String])
  /// The week lies before the audit or after the newest flow; the latest one.
  case noSuchWeek(namespace: String, week: Int, latest: Int)
  /// No flow of the namespace in the stretch.
  case nothingInWindow(namespace: String, window: TimeWindow)
  /// Pods of several clusters are in the namespace, and none of these was chosen.
  case severalClusters(namespace: String, clusters: [String])
  /// No pod of that cluster was seen; the clusters that were.
  case noSuchCluster(String, known: [String])
}

/// Finds windows of namespaces.
package struct WindowFinder: Sendable {
  private let spans: [String: NamespaceSpan]
  private let starts: [String: Int64]

  /// Reads what is known of the namespaces.
  ///
  /// - Parameter now: Flows after it do not count, microseconds UTC; nil counts all. Of a namespace
  ///   that has later ones only, all count: a clock that is wrong must not hide it.
  package init(_ stores: Stores, rollout: RolloutState, now: Int64? = nil) async throws {
    var spans: [String: NamespaceSpan] = [:]
    for var span in try await stores.flows.namespaces() {
      if let now, span.first <= now { span.last = min(span.last, now) }
      spans[span.namespace] = span
    }
    self.spans = spans
    var starts: [String: Int64] = [:]
    // The first saved proposal fixes the start where no audit was started.
    for proposal in try await stores.audit.firstProposals() {
      let earlierWeeks = Int64(proposal.week - 1) * Timestamps.week
      // A week taken alone begins where it does; any other rests on the weeks before it, too.
      let isAlone = proposal.until - proposal.since <= earlierWeeks
      starts[proposal.namespace] =
        isAlone ? proposal.since - earlierWeeks : proposal.since
    }
    for namespace in rollout.namespaces {
      if let start = namespace.auditStart { starts[namespace.namespace] = start }
    }
    self.starts = starts
  }

  /// Namespaces with flows, sorted.
  package var namespaces: [String] { spans.keys.sorted() }

  /// When a namespace was first and last seen.
  package func span(of namespace: String) -> NamespaceSpan? { spans[namespace] }

  /// The numbering of a namespace's weeks.
  package func calendar(of namespace: String) throws -> AuditCalendar {
    if let start = starts[namespace] { return AuditCalendar(auditStart: start) }
    return AuditCalendar(firstSeen: try seen(namespace).first)
  }

  private func seen(_ namespace: String) throws -> NamespaceSpan {
    guard let span = spans[namespace] else {
      throw EvidenceError.noFlows(namespace: namespace, known: namespaces)
    }
    return span
  }

  /// The window of a selection.
  ///
  /// - Throws: ``EvidenceError``.
  package func window(of namespace: String, _ selection: WindowSelection) throws -> EvidenceWindow {
    let span = try seen(namespace)
    switch selection.span {
    case .all:
      return EvidenceWindow(
        window: TimeWindow(
          start: Timestamps.floor(span.first, to: Timestamps.hour),
          end: Timestamps.floor(span.last, to: Timestamps.hour) + Timestamps.hour
        ),
        week: nil,
        newestFlow: span.last,
        cluster: selection.cluster
      )
    case .weeks:
      let start = try calendar(of: namespace).start
      guard span.last >= start else {
        throw EvidenceError.nothingInWindow(
          namespace: namespace,
          window: TimeWindow(start: start, end: start)
        )
      }
      return EvidenceWindow(
        window: TimeWindow(
          start: start,
          end: Timestamps.floor(span.last, to: Timestamps.hour) + Timestamps.hour
        ),
        week: nil,
        newestFlow: span.last
      )
    case .range(let since, let until):
      let start = Timestamps.floor(since ?? span.first, to: Timestamps.hour)
      // A start after the newest flow leaves one empty hour, which says where was looked.
      let end =
        until.map { Timestamps.floor($0, to: Timestamps.hour) }
        ?? max(Timestamps.floor(span.last, to: Timestamps.hour), start) + Timestamps.hour
      return EvidenceWindow(
        window: TimeWindow(start: start, end: end),
        week: nil,
        newestFlow: span.last,
        cluster: selection.cluster
      )
    case .latest, .week:
      return try week(of: namespace, span: span, selection)
    }
  }

  private func week(of namespace: String, span: NamespaceSpan, _ selection: WindowSelection) throws
    -> EvidenceWindow
  {
    let calendar = try calendar(of: namespace)
    guard let latest = calendar.latest(newestFlow: span.last) else {
      throw EvidenceError.nothingInWindow(
        namespace: namespace,
        window: TimeWindow(start: calendar.start, end: calendar.start)
      )
    }
    var wanted = latest
    if case .week(let number) = selection.span {
      guard number >= 1, number <= latest.number, let week = calendar.week(number) else {
        throw EvidenceError.noSuchWeek(
          namespace: namespace,
          week: number,
          latest: latest.number
        )
      }
      wanted = week
    }
    return EvidenceWindow(
      window: calendar.evidenceWindow(for: wanted, only: selection.isOnly),
      week: wanted,
      newestFlow: span.last,
      cluster: selection.cluster
    )
  }
}
