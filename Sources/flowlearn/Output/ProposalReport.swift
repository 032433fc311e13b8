import Rollout
import PolicySynthesis
import AuditPipeline
import FlowAggregation
import FlowModel

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
      ? "\(size.rules.grouped) rules (minimal)"
      : "\(size.rules.grouped) rules, lower bound \(size.ruleLowerBound.grouped)"
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
        + "\(proof.unobservedCount.grouped) unobserved admitted, \(rules)")
    for entry in proof.denied {
      Terminal.note("  NOT ALLOWED  \(describe(entry.connection)): \(entry.reason)")
    }
    for pair in proof.unobserved.prefix(10) { Terminal.note("  unobserved   \(pair)") }
    for grant in result.proposal.excess {
      Terminal.note("  excess       \(grant.reason.rawValue): \(grant.detail)")
    }
    for entry in result.proposal.decisions {
      Terminal.note("  decide       \(describe(entry.connection)): \(entry.reason)")
    }
    let needless = Dictionary(grouping: result.proposal.needless, by: \.reason)
    for (reason, entries) in needless.sorted(by: { $0.key < $1.key }) {
      Terminal.note("  no rule      \(entries.count) edges: \(reason)")
    }
    for connection in result.undecided {
      let isOut = connection.marks.contains { $0.excludes }
      let why =
        isOut
        ? connection.marks.filter(\.excludes).map(\.explanation).joined(separator: "; ")
        : "would be denied by the policies of the audit"
      Terminal.note(
        "  \(isOut ? "left out    " : "undecided   ") \(text(connection.key)): \(why)")
    }
    for note in result.proposal.notes { Terminal.note("  note         \(note)") }
  }

  private func describe(_ index: Int) -> String { text(result.keys[index]) }

  private func text(_ key: ConnectionKey) -> String {
    "\(key.source) -> \(key.destination) \(key.transport)/\(key.port)"
  }
}
