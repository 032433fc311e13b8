import ArgumentParser
import AuditPipeline
import FlowAggregation
import FlowModel
import Foundation
import JSONText
import Rollout

struct ReviewCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "review",
    abstract: "Decide about flows that enforcement would break or that should not be learned.",
    discussion: """
      A decision speaks about a workload pair, protocol and port, not about one address, and holds for \
      coming weeks until it is taken back or expires.

      Examples:

        flowlearn review -n app-prod
        flowlearn review accept -n app-prod 1 3 --reason 'nightly report'
        flowlearn review export > decisions.yaml
      """,
    subcommands: [
      ReviewListCommand.self, ReviewAcceptCommand.self, ReviewRejectCommand.self,
      ReviewUndoCommand.self, ReviewExportCommand.self, ReviewImportCommand.self,
    ],
    defaultSubcommand: ReviewListCommand.self
  )
}

/// What the review commands read.
struct ReviewContext {
  let stores: Stores
  /// All rows, decided or not, so that a number stays the same while deciding.
  let rows: [ReviewRow]

  /// Reads what the gates of a namespace ask about, and what was decided.
  init(_ stores: Stores, namespace: String, now: Int64) async throws {
    self.stores = stores
    let context = try await RolloutContext(stores, now: now)
    // Says which namespaces there are when this one is not.
    _ = try context.finder.window(of: namespace, WindowSelection())
    rows = try await context.assessor.assess(namespace, now: now).review
  }

  /// What a row is about, for tables: marks by name, questions and denials in words.
  static func brief(_ row: ReviewRow) -> String {
    var parts = row.marks.map(\.rawValue)
    if row.isOpenDenial { parts.append("denied in the watch") }
    parts += row.questions
    return parts.isEmpty ? "-" : parts.joined(separator: ", ")
  }
}

struct ReviewListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List what is undecided; on a terminal, decide.",
    discussion: """
      A row waits for a decision where DECISION says 'needed'. WHY gives the marks: metadata-service, \
      scan and unresolved keep a connection out of proposals until it is accepted; one-hour, \
      world-to-unexposed and towards-critical only point it out. -o json and --interactive say them in \
      words. On a terminal the list ends with the offer to decide one by one.

      Examples:

        flowlearn review -n app-prod
        flowlearn review -n app-prod --interactive
      """
  )

  @OptionGroup var storeOptions: StoreOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String

  @Flag(name: .shortAndLong, help: "Decide one by one: accept, reject, skip, why, undo, quit.")
  var interactive = false

  @Flag(help: "List decided ones too.")
  var all = false

  @OptionGroup var clock: ClockOptions
  @OptionGroup var noise: NoiseOptions

  @Option(name: .shortAndLong, help: "The output format.")
  var output: ListFormat = .table

  func run() async throws {
    let now = try clock.now()
    try await reporting {
      let context = try await ReviewContext(
        try storeOptions.open(),
        namespace: namespace,
        now: now
      )
      let rows = Array(context.rows.enumerated()).filter {
        all || $0.element.decision == nil || $0.element.needsDecision
      }
      let isTerminal = isatty(STDIN_FILENO) != 0
      if interactive {
        guard isTerminal else {
          throw CommandFailure(
            "--interactive needs a terminal",
            hint: "flowlearn review accept|reject -n \(namespace) ID... decides without one."
          )
        }
        try await InteractiveReview(context.stores, rows: rows.map(\.element), now: now).run()
        return
      }
      print(rows)
      let open = rows.map(\.element).filter(\.needsDecision)
      noise.note("\(open.count) undecided before enforcement, \(rows.count) listed")
      guard isTerminal, isatty(STDOUT_FILENO) != 0, output == .table, !noise.quiet, !open.isEmpty
      else { return }
      Terminal.write("decide the \(open.count) one by one (y/N)? ")
      if readLine()?.first == "y" {
        try await InteractiveReview(context.stores, rows: open, now: now).run()
      }
    }
  }

  private func print(_ rows: [(offset: Int, element: ReviewRow)]) {
    func cells(_ index: Int, _ row: ReviewRow, inTable: Bool) -> [String] {
      [
        String(index + 1), row.source, row.destination,
        "\(row.key.transport)/\(row.key.port)", row.evidence.rawValue,
        inTable ? row.records.grouped : String(row.records),
        inTable
          ? Timestamps.minute(row.lastMicroseconds) : Timestamps.text(row.lastMicroseconds),
        row.needsDecision ? "needed" : row.decision?.verdict.rawValue ?? "-",
        inTable ? ReviewContext.brief(row) : row.why,
      ]
    }
    let headers = [
      "ID", "SOURCE", "DESTINATION", "PORT", "CLASS", "FLOWS", "LAST SEEN", "DECISION", "WHY",
    ]
    switch output {
    case .table:
      var table = Table(
        headers,
        rightAligned: [0, 5],
        dispensable: ["LAST SEEN", "FLOWS", "CLASS"],
        palette: Palette(noise.color)
      )
      for (index, row) in rows { table.add(cells(index, row, inTable: true)) }
      Terminal.write(table)
    case .csv:
      Terminal.print(headers.map { $0.lowercased() }.joined(separator: ","))
      for (index, row) in rows {
        Terminal.print(cells(index, row, inTable: false).map(CSV.field).joined(separator: ","))
      }
    case .json, .ndjson:
      let values = rows.map { index, row -> JSONValue in
        var members: [(key: String, value: JSONValue)] = []
        for (header, cell) in zip(headers, cells(index, row, inTable: false)) {
          let key = header.lowercased().replacing(" ", with: "_")
          let isNumber = header == "ID" || header == "FLOWS"
          members.append((key: key, value: isNumber ? .number(cell) : .string(cell)))
        }
        members.append((key: "decides", value: .string(row.key.description)))
        return .object(JSONObject(members))
      }
      if output == .json {
        Terminal.print(JSONWriter.prettyText(.array(values)))
      } else {
        for value in values { Terminal.print(JSONWriter.text(value)) }
      }
    }
  }
}

/// Options of a decision.
struct DecisionOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Numbers as 'flowlearn review' lists them.", valueName: "id"))
  var ids: [Int]

  @OptionGroup var storeOptions: StoreOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String

  @Option(help: ArgumentHelp("Why; stays on record.", valueName: "text"))
  var reason: String

  @Option(help: ArgumentHelp("When the decision expires.", valueName: "time"))
  var until: String?

  @OptionGroup var clock: ClockOptions

  /// Records the same verdict about each connection.
  func decide(_ verdict: ReviewDecision.Verdict) async throws {
    let now = try clock.now()
    let expiry = try until.map(TimeText.parse)
    if let expiry, expiry <= now { throw ValidationError("--until is not after now.") }
    guard reason.contains(where: { !$0.isWhitespace }) else {
      throw ValidationError("--reason needs words.")
    }
    try await reporting {
      let context = try await ReviewContext(
        try storeOptions.open(),
        namespace: namespace,
        now: now
      )
      var decisions: [ReviewDecision] = []
      for id in ids {
        guard context.rows.indices.contains(id - 1) else {
          throw CommandFailure(
            "there is no \(id) in the review of \(namespace)",
            hint: "flowlearn review -n \(namespace) --all lists 1 to \(context.rows.count)."
          )
        }
        let row = context.rows[id - 1]
        if verdict == .accept, row.isExplicitDeny {
          throw CommandFailure(
            "\(row.text) was denied by an explicit rule: an allow would not help",
            hint: "Change the rule that denies it."
          )
        }
        decisions.append(
          ReviewDecision(
            verdict,
            row.key,
            reason: reason,
            who: Actor.name,
            time: now,
            until: expiry
          )
        )
      }
      try await DecisionLedger(store: context.stores.audit).append(decisions)
      for decision in decisions { Terminal.note("\(verdict.rawValue) \(decision.key)") }
    }
  }
}

struct ReviewAcceptCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept",
    abstract: "Accept flows: proposals allow them.",
    discussion: """
      Examples:

        flowlearn review accept -n app-prod 1 --reason region --until 2027-01-01
      """
  )

  @OptionGroup var decision: DecisionOptions

  func run() async throws { try await decision.decide(.accept) }
}

struct ReviewRejectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reject",
    abstract: "Reject flows: proposals leave them out.",
    discussion: """
      Examples:

        flowlearn review reject -n app-prod 1 2 --reason 'port scan of 6 November'
      """
  )

  @OptionGroup var decision: DecisionOptions

  func run() async throws { try await decision.decide(.reject) }
}

struct ReviewUndoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "undo",
    abstract: "Take decisions back: the flows are undecided again.",
    discussion: """
      Examples:

        flowlearn review undo -n app-prod 1 --reason 'accepted the wrong one'
      """
  )

  @OptionGroup var decision: DecisionOptions

  func run() async throws { try await decision.decide(.undo) }
}

struct ReviewExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Print the decisions in force as YAML to keep in git.",
    discussion: """
      Examples:

        flowlearn review export > decisions.yaml
      """
  )

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var clock: ClockOptions

  func run() async throws {
    let now = try clock.now()
    try await reporting {
      let stores = try storeOptions.open()
      let decisions = DecisionSet(try await DecisionLedger(store: stores.audit).all())
      Terminal.write(DecisionFile.write(decisions.inForce(at: now)))
    }
  }
}

struct ReviewImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Take over decisions from a YAML file.",
    discussion: """
      Decisions that are in force already are left as they are; where something else was decided since, \
      the file's word is taken now. A file that names a workload nobody knows is refused with the line.

      Examples:

        flowlearn review import decisions.yaml
      """
  )

  @Argument(help: "The file, or - for standard input.")
  var file: String

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var clock: ClockOptions

  func run() async throws {
    let now = try clock.now()
    try await reporting {
      let stores = try storeOptions.open()
      let importing = DecisionImport(stores)
      let added = try await importing.run(try TextFile.read(file), file: file, now: now)
      Terminal.note("\(added.count.counted("decision")) taken over")
    }
  }
}
