import ArgumentParser
import AuditPipeline
import FlowModel
import JSONText
import Rollout

struct WeeksCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weeks",
    abstract: "Show week by week whether learning has settled.",
    discussion: """
      For each audit week: connections known (EDGES), new, and not seen again (UNSEEN); rules of its \
      proposal, added and gone; the share of all connections that was probably seen (COVERAGE, Chao2); \
      days captured since the start, holes in the capture, and connections seen on one day only. Below: \
      how sure that is, and whether learning has settled.

      Examples:

        flowlearn weeks -n app-prod
        flowlearn weeks -n app-prod --stale 4
      """
  )

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case table, json
  }

  @OptionGroup var storeOptions: StoreOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String

  @Option(
    help: ArgumentHelp(
      "List instead the rules whose edges were not seen for so many weeks.",
      valueName: "weeks"
    )
  )
  var stale: Int?

  func validate() throws {
    if let stale, stale < 1 { throw ValidationError("--stale takes a number of weeks from 1.") }
  }

  @OptionGroup var clock: ClockOptions

  @Option(name: .shortAndLong, help: "The output format.")
  var output: Format = .table

  func run() async throws {
    let now = try clock.now()
    try await reporting {
      let context = try await RolloutContext(try storeOptions.open(), now: now)
      let report = WeeksReport(
        context.stores,
        reader: context.reader,
        finder: context.finder,
        settings: GateSettings()
      )
      if let stale {
        print(try await report.stale(namespace, weeks: stale, now: now))
        return
      }
      print(try await report.run(namespace))
      guard output == .table else { return }
      let gate = try await context.assessor.assess(namespace, now: now).gate
      guard let coverage = gate.coverage else { return }
      let sureness = SettledText(
        coverage,
        logOnly: gate.logOnly,
        lateRules: gate.proposal?.rulesOfLast48Hours
      )
      Terminal.write("\n" + sureness.table)
    }
  }

  private func print(_ rows: [WeekRow]) {
    switch output {
    case .table:
      var table = Table(
        [
          "WEEK", "FROM", "EDGES", "NEW", "UNSEEN", "RULES", "ADDED", "GONE", "COVERAGE", "DAYS",
          "HOLES", "ONE-DAY",
        ],
        rightAligned: Set(2...11)
      )
      for row in rows {
        table.add([
          "\(row.week.number)\(row.isIncomplete ? " (incomplete)" : "")",
          Timestamps.date(row.week.window.start), row.connections.grouped, row.added.grouped,
          row.missing.grouped, row.rules.grouped, row.rulesAdded.grouped, row.rulesGone.grouped,
          percent(row.coverage.share), row.coverage.daysCaptured.grouped,
          row.coverage.holes.count.grouped, row.coverage.singleDayEdges.grouped,
        ])
      }
      Terminal.write(table)
    case .json:
      func number(_ value: Int) -> JSONValue { .number(String(value)) }
      func share(_ value: Double?) -> JSONValue { value.map { .number(String($0)) } ?? .null }
      Terminal.print(
        JSONWriter.prettyText(
          .array(
            rows.map { row in
              .object(
                JSONObject([
                  ("week", number(row.week.number)),
                  ("from", .string(Timestamps.text(row.week.window.start))),
                  ("until", .string(Timestamps.text(row.week.window.end))),
                  ("incomplete", .bool(row.isIncomplete)), ("edges", number(row.connections)),
                  ("new", number(row.added)), ("notSeenAgain", number(row.missing)),
                  ("rules", number(row.rules)), ("rulesAdded", number(row.rulesAdded)),
                  ("rulesGone", number(row.rulesGone)),
                  ("coverage", share(row.coverage.share)),
                  ("daysCaptured", number(row.coverage.daysCaptured)),
                  ("hoursCaptured", number(row.coverage.hoursCaptured)),
                  ("holes", number(row.coverage.holes.count)),
                  ("newInLast48Hours", number(row.coverage.newEdges)),
                  ("seenOnOneDayOnly", number(row.coverage.singleDayEdges)),
                  ("lostShare", share(row.coverage.lostShare)),
                  ("unresolvedShare", share(row.coverage.unresolvedShare)),
                ])
              )
            }
          )
        )
      )
    }
  }

  private func print(_ rules: [StaleRule]) {
    func day(_ rule: StaleRule) -> String? {
      rule.lastDay.map { String(Timestamps.text(Int64($0) * Timestamps.day).prefix(10)) }
    }
    switch output {
    case .table:
      var table = Table(["RULE", "LAST SEEN", "VERDICT", "WHY"])
      for rule in rules {
        table.add([rule.rule, day(rule) ?? "never", rule.verdict.rawValue, rule.reason])
      }
      Terminal.write(table)
    case .json:
      Terminal.print(
        JSONWriter.prettyText(
          .array(
            rules.map { rule in
              .object(
                JSONObject([
                  ("rule", .string(rule.rule)),
                  ("lastSeen", day(rule).map(JSONValue.string) ?? .null),
                  ("verdict", .string(rule.verdict.rawValue)), ("why", .string(rule.reason)),
                ])
              )
            }
          )
        )
      )
    }
  }

  private func percent(_ share: Double?) -> String {
    guard let share else { return "-" }
    return "\(Int((share * 1000).rounded()) / 10).\(Int((share * 1000).rounded()) % 10) %"
  }
}
