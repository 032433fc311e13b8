import ArgumentParser
import AuditPipeline
import FlowAggregation
import FlowModel
import FlowStorage
import JSONText

struct FlowsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flows",
    abstract: "Show who talked to whom.",
    discussion: """
      One row per edge: client, server, port, class (allowed, would-deny, denied, explicit-deny, \
      attempt), the log that saw it, and when.

      Examples:

        flowlearn flows -n app-prod
        flowlearn flows -A --class denied,attempt -o json
        flowlearn flows -n app-prod --by log
      """
  )

  enum Grouping: String, ExpressibleByArgument, CaseIterable {
    case edge, log
  }

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var namespaces: NamespaceOptions
  @OptionGroup var window: WindowOptions
  @OptionGroup var noise: NoiseOptions

  @Option(
    name: [.customLong("class"), .customLong("verdict")],
    help: ArgumentHelp(
      "Only these classes, comma-separated; 'denied' includes explicit-deny.",
      valueName: "class"
    )
  )
  var classes: [String] = []

  @Option(help: "Rows per edge, or which logs saw each connection.")
  var by: Grouping = .edge

  @Option(name: .shortAndLong, help: "The output format.")
  var output: ListFormat = .table

  func run() async throws {
    let wanted = try evidenceClasses()
    let selection = try window.selection(default: .all)
    try await reporting {
      let stores = try storeOptions.open()
      let rollout = try await RolloutLedger(store: stores.audit).state()
      let finder = try await WindowFinder(stores, rollout: rollout)
      var edges: [FlowEdge] = []
      for name in try namespaces.names(finder) {
        let found = try finder.window(of: name, selection)
        edges += try await stores.flows.edges(EdgeQuery(namespace: name, hours: found.hours))
      }
      var seen: Set<FlowEdge> = []
      let rows = edges.filter { wanted.contains($0.evidence) && seen.insert($0).inserted }
      switch by {
      case .edge: EdgeListing(rows).print(as: output, palette: Palette(noise.color))
      case .log: LogListing(rows).print(as: output)
      }
      noise.note(rows.count.counted("edge"))
    }
  }

  private func evidenceClasses() throws -> Set<EvidenceClass> {
    let words = classes.flatMap { $0.split(separator: ",").map { $0.lowercased() } }
    guard !words.isEmpty else { return Set(EvidenceClass.allCases) }
    var result: Set<EvidenceClass> = []
    for word in words {
      switch word {
      case "denied", "dropped": result.formUnion([.denied, .explicitDeny])
      case "forwarded": result.insert(.allowed)
      case "audit": result.insert(.wouldDeny)
      default:
        guard let known = EvidenceClass(rawValue: word) else {
          throw ValidationError(
            "'\(word)' is no class; classes are "
              + EvidenceClass.allCases.map(\.rawValue).joined(separator: ", ") + "."
          )
        }
        result.insert(known)
      }
    }
    return result
  }
}
