import Rollout
import FlowAggregation
import FlowModel
import JSONText
import PolicyManifests
import PolicyModel
import PolicySynthesis

/// A proposal as text: YAML for clusters, JSON for programs.
package enum ProposalText {
  /// The manifests; nothing in them changes from week to week unless the rules do.
  ///
  /// - Parameter annotate: Adds week, counts and times as annotations.
  package static func yaml(_ result: ProposeResult, annotate: Bool) throws -> String {
    try ManifestWriter.yaml(policies(result, annotate: annotate))
  }

  /// The manifests of several proposals, in their order.
  package static func yaml(_ results: [ProposeResult], annotate: Bool) async throws -> [String] {
    try await SideBySide.map(results) { try yaml($0, annotate: annotate) }
  }

  static func policies(_ result: ProposeResult, annotate: Bool) -> PolicySet {
    var set = result.proposal.policySet
    guard annotate else { return set }
    for index in set.policies.indices {
      let connections = Set(
        result.proposal.ruleEvidence.filter { $0.policy == index }.flatMap(\.connections)
      )
      let evidence = connections.map { result.learned[$0].evidence }
      var annotations: [(String, String)] = [
        ("flowlearn/window", window(result)),
        ("flowlearn/connections", String(evidence.count)),
        ("flowlearn/records", String(evidence.map(\.records).reduce(0, +))),
      ]
      if let first = evidence.map(\.firstMicroseconds).min(),
        let last = evidence.map(\.lastMicroseconds).max()
      {
        annotations.append(("flowlearn/first-seen", Timestamps.text(first)))
        annotations.append(("flowlearn/last-seen", Timestamps.text(last)))
      }
      if let week = result.window.week {
        annotations.append(("flowlearn/week", String(week.number)))
      }
      for (key, value) in annotations { set.policies[index].annotations[key] = value }
    }
    return set
  }

  private static func window(_ result: ProposeResult) -> String {
    let window = result.window.window
    return "\(Timestamps.text(window.start))/\(Timestamps.text(window.end))"
  }

  /// One object per proposal: rules with evidence, excess, bound, counts and proof.
  package static func json(_ results: [ProposeResult]) -> String {
    JSONWriter.prettyText(.array(results.map(value)))
  }

  /// One proposal as a JSON tree, keys in a fixed order.
  static func value(_ result: ProposeResult) -> JSONValue {
    let proposal = result.proposal
    let size = proposal.size
    var members: [(key: String, value: JSONValue)] = [
      ("namespace", .string(result.namespace)),
      ("since", .string(Timestamps.text(result.window.window.start))),
      ("until", .string(Timestamps.text(result.window.window.end))),
    ]
    if let week = result.window.week { members.append(("week", number(week.number))) }
    members += [
      (
        "size",
        object([
          ("objects", number(size.objects)), ("rules", number(size.rules)),
          ("peers", number(size.peers)), ("requirements", number(size.requirements)),
          ("ruleLowerBound", number(size.ruleLowerBound)), ("minimal", .bool(size.isMinimal)),
        ])
      ),
      (
        "proof",
        object([
          ("connections", number(result.proof.total)),
          ("allowed", number(result.proof.total - result.proof.denied.count)),
          (
            "denied",
            .array(
              result.proof.denied.map { entry in
                object([
                  ("connection", connection(result.keys[entry.connection])),
                  ("reason", .string(entry.reason)),
                ])
              }
            )
          ),
          ("unobservedAdmitted", number(result.proof.unobservedCount)),
          ("unobserved", .array(result.proof.unobserved.map(JSONValue.string))),
        ])
      ),
      ("rules", .array(proposal.ruleEvidence.map { rule($0, result) })),
      (
        "excess",
        .array(
          proposal.excess.map { grant in
            object([
              ("reason", .string(grant.reason.rawValue)), ("detail", .string(grant.detail)),
              ("size", number(grant.size)),
            ])
          }
        )
      ),
      ("decisions", .array(proposal.decisions.map { remark($0.connection, $0.reason, result) })),
      ("needless", .array(proposal.needless.map { remark($0.connection, $0.reason, result) })),
      ("undecided", .array(result.undecided.map { observed($0) })),
      ("new", .array(result.new.map(change))),
      ("notSeenAgain", .array(result.notSeenAgain.map(change))),
      ("notes", .array(proposal.notes.map(JSONValue.string))),
    ]
    return object(members)
  }

  private static func rule(_ entry: RuleEvidence, _ result: ProposeResult) -> JSONValue {
    let policy = result.proposal.policySet.policies[entry.policy]
    let evidence = entry.connections.map { result.learned[$0].evidence }
    let rule = policy.rules[entry.rule]
    return object([
      ("policy", .string(policy.name)), ("direction", .string(rule.direction.rawValue)),
      ("rule", number(entry.rule)),
      ("connections", .array(entry.connections.map { connection(result.keys[$0]) })),
      ("edges", number(entry.connections.count)),
      ("records", .number(String(evidence.map(\.records).reduce(0, +)))),
      ("firstSeen", time(evidence.map(\.firstMicroseconds).min())),
      ("lastSeen", time(evidence.map(\.lastMicroseconds).max())),
      (
        "logKinds",
        .array(Set(evidence.flatMap(\.logKinds)).sorted().map { .string($0.rawValue) })
      ),
    ])
  }

  private static func remark(_ index: Int, _ reason: String, _ result: ProposeResult) -> JSONValue {
    object([("connection", connection(result.keys[index])), ("reason", .string(reason))])
  }

  private static func change(_ change: WeekChange) -> JSONValue {
    object(
      members(change.connection, key: change.key)
        + (change.peerCount.map { [("peers", number($0))] } ?? [])
    )
  }

  static func observed(_ value: ObservedConnection) -> JSONValue {
    object(members(value, key: value.key))
  }

  private static func members(
    _ value: ObservedConnection,
    key: ConnectionKey
  ) -> [(key: String, value: JSONValue)] {
    [
      ("connection", connection(key)), ("class", .string(value.evidence.rawValue)),
      ("marks", .array(value.marks.map { .string($0.rawValue) })),
      ("records", .number(String(value.tally.records))),
      ("firstSeen", time(value.tally.firstMicroseconds)),
      ("lastSeen", time(value.tally.lastMicroseconds)),
    ]
  }

  static func connection(_ key: ConnectionKey) -> JSONValue {
    object([
      ("source", .string(key.source)), ("destination", .string(key.destination)),
      ("protocol", .string(key.transport.description)), ("port", number(Int(key.port))),
    ])
  }

  private static func time(_ time: Int64?) -> JSONValue {
    time.map { .string(Timestamps.text($0, fraction: true)) } ?? .null
  }

  static func number(_ value: Int) -> JSONValue { .number(String(value)) }

  static func object(_ members: [(key: String, value: JSONValue)]) -> JSONValue {
    .object(JSONObject(members))
  }
}
