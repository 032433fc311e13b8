package import FlowAggregation
package import FlowModel
package import Rollout

/// One question of the review, or one answer: all connections that a single decision speaks about.
package struct ReviewRow: Sendable {
  /// What a decision about it speaks of.
  package var key: DecisionKey
  /// The client in words.
  package var source: String
  /// The server in words.
  package var destination: String
  /// The connections, sorted by their words; never empty.
  package var connections: [ObservedConnection]
  /// What the proposal asks about it, sorted: nodes, API server, world.
  package var questions: [String]
  /// Whether it was denied since the watch began and nothing was done about it since.
  package var isOpenDenial: Bool
  /// The decision in force; nil when there is none.
  package var decision: ReviewDecision?

  /// The class that weighs most.
  package var evidence: EvidenceClass {
    let order: [EvidenceClass] = [.wouldDeny, .denied, .explicitDeny, .attempt, .allowed]
    return order.first { kind in connections.contains { $0.evidence == kind } } ?? .allowed
  }

  /// The marks of all connections, sorted.
  package var marks: [EvidenceMark] { Set(connections.flatMap(\.marks)).sorted() }

  /// Log records.
  package var records: Int64 { connections.map(\.tally.records).reduce(0, +) }

  /// First time seen, microseconds UTC.
  package var firstMicroseconds: Int64 { connections.map(\.tally.firstMicroseconds).min() ?? 0 }

  /// Last time seen, microseconds UTC.
  package var lastMicroseconds: Int64 { connections.map(\.tally.lastMicroseconds).max() ?? 0 }

  /// The most UTC hours that one of the connections was seen in.
  package var hours: Int { connections.map(\.tally.hours).max() ?? 0 }

  /// The logs that saw it, sorted.
  package var logKinds: [LogKind] { Set(connections.flatMap(\.tally.logKinds)).sorted() }

  /// Whether a gate waits for a decision about it.
  package var needsDecision: Bool {
    if isOpenDenial { return true }
    return decision == nil && (!questions.isEmpty || connections.contains(where: \.needsDecision))
  }

  /// Whether a decision to accept would be of no use: an explicit rule denies it.
  package var isExplicitDeny: Bool { connections.allSatisfy { $0.evidence == .explicitDeny } }

  /// `app-prod/web -> app-prod/api TCP/8080`.
  package var text: String { "\(source) -> \(destination) \(key.transport)/\(key.port)" }

  /// Why it is listed, in words.
  package var why: String {
    var reasons: [String] = []
    if isOpenDenial {
      reasons.append(
        decision?.verdict == .accept
          ? "was accepted, and is still denied: write and apply the rules again"
          : "was denied since the watch began"
      )
    }
    switch evidence {
    case .wouldDeny: reasons.append("would be denied under enforcement")
    case .denied: reasons.append("was denied: no rule allows it")
    case .explicitDeny: reasons.append("was denied by an explicit rule; an allow would not help")
    case .attempt: reasons.append("was tried without success")
    case .allowed: break
    }
    return (reasons + questions + marks.map(\.explanation)).joined(separator: "; ")
  }
}

/// Groups connections into review rows.
struct ReviewRows {
  let evidence: Evidence
  let decisions: DecisionSet
  let now: Int64

  /// What the proposal asks about a connection.
  struct Question {
    var reason: String
    var isWorld: Bool
  }

  /// The rows, sorted by their words; plain allowed connections that nobody asks about are left out.
  func rows(
    _ observed: [ObservedConnection],
    questions: [ConnectionKey: [Question]],
    denials: [WatchDenial]
  ) -> [ReviewRow] {
    var rows: [DecisionKey: ReviewRow] = [:]
    let denied = Dictionary(grouping: denials) { $0.connection.key }
    let known = Set(observed.map(\.key))
    // A connection that is allowed over the weeks and denied now stands in for itself as it is now.
    let current = observed.map { denied[$0.key]?.first?.connection ?? $0 }
    let added = denials.map(\.connection).filter { !known.contains($0.key) }
    for connection in current + added {
      let asked = questions[connection.key] ?? []
      let own = evidence.decisionKey(connection)
      let decision = decisions.decision(for: own, at: now)
      guard
        decision != nil || connection.isForReview || !asked.isEmpty
          || denied[connection.key] != nil
      else { continue }
      let key = decision?.key ?? (asked.contains(where: \.isWorld) ? ReviewRows.world(own) : own)
      let isGroup = key != own
      let isOpen = denied[connection.key]?.contains(where: \.isOpen) ?? false
      var row =
        rows[key]
        ?? ReviewRow(
          key: key,
          source: isGroup && key.source != own.source
            ? key.source.description : connection.key.source,
          destination: isGroup && key.destination != own.destination
            ? key.destination.description : connection.key.destination,
          connections: [],
          questions: [],
          isOpenDenial: false,
          decision: decision
        )
      row.connections.append(connection)
      row.questions = Set(row.questions).union(asked.map(\.reason)).sorted()
      row.isOpenDenial = row.isOpenDenial || isOpen
      rows[key] = row
    }
    return rows.values.map(ReviewRows.counted).sorted { left, right in
      let one = (left.source, left.destination, left.key.transport, left.key.port)
      let two = (right.source, right.destination, right.key.transport, right.key.port)
      return one != two ? one < two : left.key < right.key
    }
  }

  /// A question about many addresses says how many.
  private static func counted(_ row: ReviewRow) -> ReviewRow {
    var row = row
    row.connections.sort { $0.key < $1.key }
    if row.connections.count > 1 {
      row.questions = row.questions.map { "\($0) (\(row.connections.count) addresses seen)" }
    }
    return row
  }

  /// The key of the question whether the world may: not about one address.
  private static func world(_ key: DecisionKey) -> DecisionKey {
    var key = key
    if isExternal(key.source) { key.source = .external }
    if isExternal(key.destination) { key.destination = .external }
    return key
  }

  private static func isExternal(_ end: DecisionEnd) -> Bool {
    switch end {
    case .external, .prefix, .name: true
    case .workload, .pods, .node, .apiServer, .entity, .unresolved: false
    }
  }
}
