import AuditPipeline
import FlowModel
import Rollout

/// Asks about one connection after the other on a terminal.
struct InteractiveReview {
  private let stores: Stores
  private let rows: [ReviewRow]
  private let now: Int64

  init(_ stores: Stores, rows: [ReviewRow], now: Int64) {
    self.stores = stores
    self.rows = rows
    self.now = now
  }

  /// Runs until the list or the input ends; every answer is stored at once.
  func run() async throws {
    let ledger = DecisionLedger(store: stores.audit)
    var position = 0
    var decided: [(position: Int, decision: ReviewDecision)] = []
    while position < rows.count {
      let row = rows[position]
      Terminal.print(
        Terminal.escaped(
          "\n[\(position + 1)/\(rows.count)] \(row.text)  \(row.evidence.rawValue), "
            + "\(row.records.grouped) flows\(row.needsDecision ? ", decision needed" : "")"
        )
      )
      Terminal.write("accept, reject, skip, why, undo, quit (a/r/s/w/u/q)? ")
      guard let answer = readLine() else { break }
      switch answer.first {
      case "a", "r":
        guard !row.isExplicitDeny || answer.first == "r" else {
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
          row.key,
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
        Terminal.print(
          Terminal.escaped("Taken back: \(last.decision.verdict.rawValue) \(undo.key)")
        )
        position = last.position
      case "q": return
      default: Terminal.print("Please answer a, r, s, w, u or q.")
      }
    }
  }

  private func explain(_ row: ReviewRow) {
    Terminal.print(Terminal.escaped("  \(row.why)"))
    Terminal.print("  first seen \(Timestamps.text(row.firstMicroseconds))")
    Terminal.print("  last seen  \(Timestamps.text(row.lastMicroseconds))")
    Terminal.print("  hours      \(row.hours)")
    Terminal.print("  logs       \(row.logKinds.map(\.rawValue).joined(separator: ", "))")
    Terminal.print(Terminal.escaped("  decides    \(row.key)"))
  }
}
