import ArgumentParser
import AuditPipeline
import FlowModel
import Rollout

/// Which stretch of the logs a command looks at.
struct WindowOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The audit week: a number, 'latest' (the week of the newest flow) or 'all'.",
      valueName: "week"
    )
  )
  var week: String?

  @Flag(help: "Take the week alone instead of weeks 1 to its number.")
  var only = false

  @Option(
    help: ArgumentHelp(
      "Only flows from this time on, rounded down to the hour: 2026-11-09T00:00:00Z or 2026-11-09.",
      valueName: "time"
    )
  )
  var since: String?

  @Option(help: ArgumentHelp("Only flows before this time, likewise.", valueName: "time"))
  var until: String?

  @Option(
    help: ArgumentHelp(
      "Only pods of this cluster, where the store holds logs of several.",
      valueName: "name"
    )
  )
  var cluster: String?

  func validate() throws { _ = try selection() }

  /// The selection, or a usage error.
  func selection(default span: WindowSelection.Span = .latest) throws -> WindowSelection {
    var selection = try stretch(default: span)
    selection.cluster = cluster
    return selection
  }

  private func stretch(default span: WindowSelection.Span) throws -> WindowSelection {
    if since != nil || until != nil {
      guard week == nil, !only else {
        throw ValidationError("--since and --until do not go with --week and --only.")
      }
      let start = try since.map(TimeText.parse)
      let end = try until.map(TimeText.parse)
      if let start, let end, end <= start {
        throw ValidationError("--until \(until ?? "") is not after --since \(since ?? "").")
      }
      return WindowSelection(span: .range(since: start, until: end))
    }
    switch week {
    case nil: return WindowSelection(span: span, isOnly: only)
    case "latest": return WindowSelection(span: .latest, isOnly: only)
    case "all": return WindowSelection(span: .weeks)
    case let text?:
      guard let number = Int(text), number >= 1 else {
        throw ValidationError("--week takes a number from 1, 'latest' or 'all', not '\(text)'.")
      }
      return WindowSelection(span: .week(number), isOnly: only)
    }
  }
}

/// Times as people type them.
enum TimeText {
  /// Microseconds UTC, or a usage error.
  static func parse(_ text: String) throws -> Int64 {
    guard let time = Timestamps.parse(text) else {
      throw ValidationError(
        "'\(text)' is not a time; write it as 2026-11-09T00:00:00Z or 2026-11-09 (UTC)."
      )
    }
    return time
  }
}

/// The time a command acts at.
struct ClockOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Act as of this time instead of now, for captures of the past: 2026-11-09T00:00:00Z.",
      valueName: "time"
    )
  )
  var at: String?

  func validate() throws { _ = try at.map(TimeText.parse) }

  /// Microseconds UTC.
  func now() throws -> Int64 { try at.map(TimeText.parse) ?? Clock.now }
}
