import AuditPipeline
import FlowAggregation
import FlowModel
import Rollout

/// Asks about one connection after the other on a terminal.
struct InteractiveReview {
  private let context: ReviewContext
  private let rows: [(offset: Int, element: ObservedConnection)]
  private let now: Int64

  init(
    _ context: ReviewContext,
    rows: [(offset: Int, element: ObservedConnection)],
    now: Int64
  ) {
    self.context = context
    self.rows = rows
    self.now = now
  }

  /// Runs until the list or the input ends; every answer is stored at once.
  func run() async throws {
    let ledger = DecisionLedger(store: context.stores.audit)
    var position = 0
    var decided: [(position: Int, decision: ReviewDecision)] = []
    while position < rows.count {
      let row = rows[position].element
      Terminal.print(
        Terminal.escaped(
          "\n[\(position + 1)/\(rows.count)] \(ConnectionText.text(row.key))  \(row.evidence.rawValue), "
            + "\(row.tally.records.grouped) flows"
        )
      )
      Terminal.write("accept, reject, skip, why, undo, quit (a/r/s/w/u/q)? ")
      guard let answer = readLine() else { break }
      switch answer.first {
      case "a", "r":
        guard row.evidence != .explicitDeny || answer.first == "r" else {
          Terminal.print("An explicit rule denies it: an allow would not help.")
          continue
        }
        Terminal.write("reason? ")
        guard let reason = readLine(), reason.contains(where: { !$0.isWhitespace }) else {
          Terminal.print("A decision needs a reason.")
          continue
        }
        let decision = ReviewDecision(
          answer.first == "a" ? .accept : .reject,
          context.evidence.decisionKey(row),
          reason: reason,
          who: Actor.name,
          time: now
        )
        try await ledger.append([decision])
        decided.append((position, decision))
        position += 1
      case "s": position += 1
      case "w": explain(row)
      case "u":
        guard let last = decided.popLast() else {
          Terminal.print("Nothing to undo.")
          continue
        }
        var undo = last.decision
        undo.verdict = .undo
        undo.reason = "undone during review"
        try await ledger.append([undo])
        position = last.position
      case "q": return
      default: Terminal.print("Please answer a, r, s, w, u or q.")
      }
    }
  }

  private func explain(_ row: ObservedConnection) {
    Terminal.print(Terminal.escaped("  \(ReviewContext.why(row))"))
    Terminal.print("  first seen \(Timestamps.text(row.tally.firstMicroseconds))")
    Terminal.print("  last seen  \(Timestamps.text(row.tally.lastMicroseconds))")
    Terminal.print("  hours      \(row.tally.hours)")
    Terminal.print("  logs       \(row.tally.logKinds.map(\.rawValue).joined(separator: ", "))")
  }
}
