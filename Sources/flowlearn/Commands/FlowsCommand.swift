import ArgumentParser
import AuditPipeline
import FlowAggregation
import FlowModel
import FlowStorage
import JSONText
import Rollout

struct FlowsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flows",
    abstract: "Show who talked to whom.",
    discussion: """
      One row per edge: client, server, port, class (allowed, would-deny, denied, explicit-deny, \
      attempt), the log that saw it, and when. All that is stored is shown unless --week, --since or \
      --until says otherwise. A terminal that is too narrow loses columns; files and pipes never do.

      Examples:

        flowlearn flows -n app-prod
        flowlearn flows -A --verdict denied,attempt -o json
        flowlearn flows -n app-prod --since 2026-11-09 -o csv > flows.csv
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
  @OptionGroup var detail: DetailOptions

  @Option(
    name: [.customLong("class"), .customLong("verdict")],
    help: ArgumentHelp(
      "Only these classes, comma-separated; 'denied' includes explicit-deny.",
      valueName: "class"
    ),
    completion: .list(EvidenceClass.allCases.map(\.rawValue))
  )
  var classes: [String] = []

  @Option(help: "Rows per edge, or which logs saw each connection.")
  var by: Grouping = .edge

  @Option(name: .shortAndLong, help: "The output format.")
  var output: ListFormat = .table

  func validate() throws { _ = try evidenceClasses() }

  func run() async throws {
    let wanted = try evidenceClasses()
    let selection = try window.selection(default: .all)
    try await reporting {
      let stores = try storeOptions.open()
      let rollout = try await RolloutLedger(store: stores.audit).state()
      let finder = try await WindowFinder(stores, rollout: rollout)
      let names = try namespaces.names(finder)
      var edges: [FlowEdge] = []
      for name in names {
        let found = try finder.window(of: name, selection)
        if detail.verbose { noteWindow(found, of: name) }
        let query = EdgeQuery(namespace: name, hours: found.hours)
        let pods = selection.cluster == nil ? [] : try await stores.flows.podEndpoints(before: nil)
        let scope = try ClusterScope(selection.cluster, namespace: name, pods: pods)
        edges += scope.edges(try await stores.flows.edges(query))
      }
      var seen: Set<FlowEdge> = []
      let rows = edges.filter { wanted.contains($0.evidence) && seen.insert($0).inserted }
      switch by {
      case .edge: EdgeListing(rows).print(as: output, palette: Palette(noise.color))
      case .log:
        let reader = try await EvidenceReader(stores, now: Clock.now)
        let pods = try await stores.flows.podEndpoints(before: nil)
        let folding = reader.fold([], pods: pods, until: Int64.max).folding
        LogListing(rows, folding: folding).print(as: output)
      }
      noise.note(rows.isEmpty ? whyNone(edges, finder, names) : rows.count.counted("edge"))
    }
  }

  private func whyNone(_ edges: [FlowEdge], _ finder: WindowFinder, _ names: [String]) -> String {
    if !edges.isEmpty {
      return "no edges of that class; \(edges.count.counted("edge")) of other classes"
    }
    let spans = names.compactMap(finder.span)
    guard let first = spans.map(\.first).min(), let last = spans.map(\.last).max() else {
      return "no edges"
    }
    return "no edges in that time; flows were seen from \(Timestamps.minute(first)) to "
      + Timestamps.minute(last)
  }

  private func noteWindow(_ window: EvidenceWindow, of namespace: String) {
    noise.note(
      "\(namespace): \(Timestamps.text(window.window.start)) to \(Timestamps.text(window.window.end)), "
        + "last seen \(Timestamps.text(window.newestFlow))"
    )
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
