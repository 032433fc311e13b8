import ArgumentParser
import AuditPipeline
import FlowAggregation
import FlowModel
import FlowStorage
import JSONText

struct DatabaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "db",
    abstract: "Look at the store.",
    discussion: """
      Examples:

        flowlearn db info
      """,
    subcommands: [DatabaseInfoCommand.self]
  )
}

struct DatabaseInfoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Show what was ingested, used, discarded by reason and refused.",
    discussion: """
      Also how far back the logs go and how many of the hours they cover. The first 20 refused records \
      of an input are named with their line.

      Examples:

        flowlearn db info
        flowlearn db info -o json
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
      let inputs = try await stores.flows.inputs()
      let capture = try await stores.flows.capture()
      switch output {
      case .table: print(inputs, capture)
      case .json: Terminal.print(JSONWriter.prettyText(json(inputs, capture)))
      }
    }
  }

  private func print(_ inputs: [IngestRecord], _ capture: [StoredCaptureHour]) {
    var table = Table(
      ["INPUT", "FORMAT", "LINES", "USED", "DISCARDED", "REFUSED", "LOST", "INGESTED"],
      rightAligned: [2, 3, 4, 5, 6],
      dispensable: ["INGESTED", "LINES"],
      shrinkable: [0]
    )
    for input in inputs {
      table.add([
        input.name, input.format, input.counts.lines.grouped, input.counts.used.grouped,
        input.counts.discarded.values.reduce(0, +).grouped, input.counts.rejectedCount.grouped,
        input.counts.lostEvents.grouped, Timestamps.text(input.finished),
      ])
    }
    Terminal.write(table)
    var reasons: [DiscardReason: Int] = [:]
    for input in inputs { reasons.merge(input.counts.discarded, uniquingKeysWith: +) }
    if !reasons.isEmpty {
      Terminal.print("")
      var table = Table(
        ["DISCARDED BECAUSE", "RECORDS", "MEANING"],
        rightAligned: [1],
        last: .wrapped
      )
      for (reason, count) in DiscardCounts(reasons).sorted {
        table.add([reason.rawValue, count.grouped, reason.explanation])
      }
      Terminal.write(table)
    }
    printCapture(capture)
    for input in inputs {
      let unnamed = input.counts.rejectedCount - input.counts.rejections.count
      for rejection in input.counts.rejections {
        Terminal.print(
          Terminal.oneLine("refused \(input.name):\(rejection.line): \(rejection.problem)")
        )
      }
      if unnamed > 0 {
        Terminal.print(Terminal.oneLine("refused \(input.name): \(unnamed.grouped) more"))
      }
      for note in input.counts.notes.sorted() {
        Terminal.print(Terminal.oneLine("note \(input.name): \(note)"))
      }
    }
  }

  private func printCapture(_ capture: [StoredCaptureHour]) {
    guard !capture.isEmpty else { return }
    Terminal.print("")
    var table = Table(
      ["LOG", "FROM", "TO", "HOURS SEEN", "LOST EVENTS"],
      rightAligned: [3, 4]
    )
    for kind in Set(capture.map(\.logKind)).sorted() {
      let hours = capture.filter { $0.logKind == kind }
      guard let first = hours.first?.hour, let last = hours.last?.hour else { continue }
      table.add([
        kind.rawValue, Timestamps.text(first * Timestamps.hour),
        Timestamps.text((last + 1) * Timestamps.hour),
        "\(hours.count.grouped) of \((last - first + 1).grouped)",
        hours.map(\.capture.lost).reduce(0, +).grouped,
      ])
    }
    Terminal.write(table)
  }

  private func json(_ inputs: [IngestRecord], _ capture: [StoredCaptureHour]) -> JSONValue {
    func number(_ value: Int64) -> JSONValue { .number(String(value)) }
    func object(_ members: [(key: String, value: JSONValue)]) -> JSONValue {
      .object(JSONObject(members))
    }
    let rows = inputs.map { input in
      object([
        ("input", .string(input.name)), ("format", .string(input.format)),
        ("lines", number(Int64(input.counts.lines))), ("used", number(Int64(input.counts.used))),
        (
          "discarded",
          object(
            input.counts.discarded.sorted { $0.key < $1.key }.map {
              ($0.key.rawValue, number(Int64($0.value)))
            }
          )
        ), ("rejected", number(Int64(input.counts.rejectedCount))),
        (
          "rejections",
          .array(
            input.counts.rejections.map {
              object([("line", number(Int64($0.line))), ("problem", .string($0.problem))])
            }
          )
        ), ("lostEvents", number(input.counts.lostEvents)),
        ("notes", .array(input.counts.notes.sorted().map(JSONValue.string))),
        ("bytes", number(input.identity.consumedBytes)),
        ("ingested", .string(Timestamps.text(input.finished))),
      ])
    }
    let hours = capture.map { hour in
      object([
        ("log", .string(hour.logKind.rawValue)),
        ("hour", .string(Timestamps.text(hour.hour * Timestamps.hour))),
        ("records", number(hour.capture.records)), ("lost", number(hour.capture.lost)),
      ])
    }
    return object([("inputs", .array(rows)), ("capture", .array(hours))])
  }
}
