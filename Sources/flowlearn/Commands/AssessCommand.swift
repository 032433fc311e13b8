import ArgumentParser
import AuditPipeline
import FlowModel
import JSONText
import Rollout

struct AssessCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "assess",
    abstract: "Show who talks to whom, who has policy, and what the logs cannot see.",
    discussion: """
      The first look before a rollout: connections between namespaces, namespaces with and without \
      policy (flowlearn inventory add takes live policies), blind spots of the logs, and the things that \
      are known to go wrong with network policy.

      Examples:

        flowlearn assess
        flowlearn assess -o json
      """
  )

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case table, json
  }

  @OptionGroup var storeOptions: StoreOptions

  @Option(name: .shortAndLong, help: "The output format.")
  var output: Format = .table

  func run() async throws {
    try await reporting {
      let stores = try storeOptions.open()
      let reader = try await EvidenceReader(stores, now: Clock.now)
      let finder = try await WindowFinder(stores, rollout: reader.rollout)
      let assessment = try await Assess(stores, reader: reader, finder: finder).run()
      switch output {
      case .table: printTables(assessment)
      case .json: Terminal.print(JSONWriter.prettyText(json(assessment)))
      }
    }
  }

  private func printTables(_ assessment: Assessment) {
    var talks = Table(
      ["FROM", "TO", "CONNECTIONS", "FLOWS", "REFUSED"],
      rightAligned: [2, 3, 4]
    )
    for talk in assessment.talks {
      talks.add([
        talk.source, talk.destination, talk.connections.grouped, talk.records.grouped,
        talk.refused.grouped,
      ])
    }
    Terminal.write(talks)
    Terminal.print("")
    var namespaces = Table(
      ["NAMESPACE", "WORKLOADS", "SEEN", "POLICIES", "DEFAULT-DENY", "STAGE"],
      rightAligned: [1, 3]
    )
    for row in assessment.namespaces {
      namespaces.add([
        row.name, row.workloads.grouped, row.isSeen ? "yes" : "no",
        row.policies?.grouped ?? "unknown",
        row.isDefaultDenied.map { $0 ? "yes" : "no" } ?? "unknown",
        row.stage.rawValue,
      ])
    }
    Terminal.write(namespaces)
    Terminal.print("\nwhat the logs cannot see:")
    for spot in assessment.blindSpots { Terminal.print(Terminal.escaped("  - \(spot)")) }
    if assessment.blindSpots.isEmpty { Terminal.print("  nothing known") }
    Terminal.print("\nknown pitfalls:")
    var checks = Table(["CHECK", "OUTCOME", "WHAT"])
    for check in assessment.checks { checks.add([check.name, check.outcome.rawValue, check.text]) }
    Terminal.write(checks)
  }

  private func json(_ assessment: Assessment) -> JSONValue {
    func number(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }
    let talks = assessment.talks.map { talk -> JSONValue in
      .object(
        JSONObject([
          ("source", .string(talk.source)), ("destination", .string(talk.destination)),
          ("connections", number(talk.connections)), ("flows", number(talk.records)),
          ("refused", number(talk.refused)),
        ])
      )
    }
    let namespaces = assessment.namespaces.map { row -> JSONValue in
      .object(
        JSONObject([
          ("namespace", .string(row.name)), ("workloads", number(row.workloads)),
          ("seen", .bool(row.isSeen)), ("policies", row.policies.map { number($0) } ?? .null),
          ("defaultDeny", row.isDefaultDenied.map { .bool($0) } ?? .null),
          ("stage", .string(row.stage.rawValue)),
        ])
      )
    }
    let checks = assessment.checks.map { check -> JSONValue in
      .object(
        JSONObject([
          ("name", .string(check.name)), ("outcome", .string(check.outcome.rawValue)),
          ("text", .string(check.text)),
        ])
      )
    }
    return .object(
      JSONObject([
        ("talks", .array(talks)), ("namespaces", .array(namespaces)),
        ("blindSpots", .array(assessment.blindSpots.map(JSONValue.string))),
        ("checks", .array(checks)),
      ])
    )
  }
}
