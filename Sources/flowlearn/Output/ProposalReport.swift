import AuditPipeline
import FlowAggregation
import FlowModel
import PolicySynthesis
import Rollout

/// What people should know of a proposal, on stderr.
struct ProposalReport {
  private let result: ProposeResult

  init(_ result: ProposeResult) { self.result = result }

  /// Prints it.
  func print() {
    let proof = result.proof
    let size = result.proposal.size
    let rules =
      size.isMinimal
      ? "\(size.rules.counted("rule")) (minimal)"
      : "\(size.rules.counted("rule")), lower bound \(size.ruleLowerBound.grouped)"
    var window =
      "\(Timestamps.text(result.window.window.start)) to \(Timestamps.text(result.window.window.end))"
    if let week = result.window.week { window = "week \(week.number), \(window)" }
    Terminal.note("\(result.namespace): \(window)")
    if result.window.isIncomplete {
      Terminal.note(
        "  the week is not complete: its newest flow is of \(Timestamps.text(result.window.newestFlow))"
      )
    }
    Terminal.note(
      "  \((proof.total - proof.denied.count).grouped) of \(proof.total.grouped) edges stay allowed, "
        + "\(proof.unobservedCount.grouped) unobserved admitted, \(rules)"
    )
    for entry in proof.denied {
      Terminal.note("  NOT ALLOWED  \(describe(entry.connection)): \(entry.reason)")
    }
    for pair in proof.unobserved.prefix(10) { Terminal.note("  unobserved   \(pair)") }
    for grant in result.proposal.excess {
      Terminal.note("  excess       \(grant.reason.rawValue): \(grant.detail)")
    }
    for line in questionLines { Terminal.note(line) }
    let needless = Dictionary(grouping: result.proposal.needless, by: \.reason)
    for (reason, entries) in needless.sorted(by: { $0.key < $1.key }) {
      Terminal.note("  no rule      \(entries.count.counted("edge")): \(reason)")
    }
    for line in undecidedLines { Terminal.note(line) }
    for line in changes("new         ", result.new) { Terminal.note(line) }
    for line in changes("not again   ", result.notSeenAgain) { Terminal.note(line) }
    for note in result.proposal.notes { Terminal.note("  note         \(note)") }
  }

  /// What a person has to decide; a port open to the world is one question, whoever was seen there.
  private var questionLines: [String] {
    let world = result.proposal.worldConnections
    var clients: [String: Int] = [:]
    for entry in result.proposal.decisions where world.contains(entry.connection) {
      clients[entry.reason, default: 0] += 1
    }
    var lines: [String] = []
    for entry in result.proposal.decisions {
      guard world.contains(entry.connection) else {
        lines.append("  decide       \(describe(entry.connection)): \(entry.reason)")
        continue
      }
      guard let seen = clients.removeValue(forKey: entry.reason) else { continue }
      lines.append("  decide       \(entry.reason) (\(seen.counted("peer")) seen)")
    }
    return lines
  }

  /// What the week changed, ten lines of it; `-o json` has all.
  private func changes(_ head: String, _ changes: [WeekChange]) -> [String] {
    let most = 10
    let lines = changes.prefix(most).map { change in
      let peers = change.peerCount.map { " (\($0.counted("peer")) seen)" } ?? ""
      return "  \(head) \(text(change.key))\(peers)"
    }
    return changes.count > most ? lines + ["  \(head) and \(changes.count - most) more"] : lines
  }

  /// One line per client, server and reason, with the ports: a scan is one line, not one per port.
  private var undecidedLines: [String] {
    struct Group: Hashable {
      var isOut: Bool
      var ends: String
      var reason: String
    }
    var order: [Group] = []
    var ports: [Group: [String]] = [:]
    for connection in result.undecided {
      let marks = connection.marks.filter(\.excludes)
      let reason =
        marks.isEmpty
        ? "would be denied by the policies of the audit"
        : marks.map(\.explanation).joined(separator: "; ")
      let key = connection.key
      let group = Group(
        isOut: !marks.isEmpty,
        ends: "\(key.source) -> \(key.destination)",
        reason: reason
      )
      if ports[group] == nil { order.append(group) }
      ports[group, default: []].append("\(key.transport)/\(key.port)")
    }
    return order.map { group in
      let all = ports[group] ?? []
      let list =
        all.count > 4
        ? "\(all.count) ports (\(all.prefix(3).joined(separator: ", ")), ...)"
        : all.joined(separator: ", ")
      return
        "  \(group.isOut ? "left out    " : "undecided   ") \(group.ends) \(list): \(group.reason)"
    }
  }

  private func describe(_ index: Int) -> String { text(result.keys[index]) }

  private func text(_ key: ConnectionKey) -> String {
    "\(key.source) -> \(key.destination) \(key.transport)/\(key.port)"
  }
}
