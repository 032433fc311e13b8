import ArgumentParser
import AuditPipeline
import JSONText

struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Print the evidence an auditor asks for, from what is stored.",
    discussion: """
      Per control what the stored evidence says; per namespace default-deny, who approved which rules \
      and on which evidence, decisions in force; and every step that was taken.

      Examples:

        flowlearn report --compliance
        flowlearn report --compliance -o json
      """
  )

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case markdown, json
  }

  @Flag(help: "Evidence per control of CIS, NIST, PCI DSS and ISO.")
  var compliance = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var clock: ClockOptions

  @Option(name: .shortAndLong, help: "The output format.")
  var output: Format = .markdown

  func validate() throws {
    guard compliance else { throw ValidationError("Say which report: --compliance.") }
  }

  func run() async throws {
    let now = try clock.now()
    try await reporting {
      let stores = try storeOptions.open()
      let reader = try await EvidenceReader(stores, now: now)
      let finder = try await WindowFinder(stores, rollout: reader.rollout)
      let report = try await ComplianceReport(stores, reader: reader, finder: finder, now: now)
      switch output {
      case .markdown: Terminal.write(Terminal.escaped(ComplianceText.markdown(report)))
      case .json: Terminal.print(JSONWriter.prettyText(ComplianceText.value(report)))
      }
    }
  }
}
