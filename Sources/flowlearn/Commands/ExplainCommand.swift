import PolicyEvaluation
import PolicyManifests
import ArgumentParser
import AuditPipeline
import FlowModel
import PolicyModel
import PolicySynthesis

struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say what would happen to a connection, and which rule says so.",
    discussion: """
      Ends are workloads as 'flowlearn workloads' names them, or addresses. Without policy files the \
      live policies of the inventory count. Exit 1 when the connection would be denied.

      Examples:

        flowlearn explain --from app-prod/web --to app-prod/api --port 8080 policies/
        flowlearn explain --from app-prod/api --to 192.0.2.10 --port TCP/443 policies/
      """
  )

  @Argument(help: "Policy files, directories, or - for standard input.", completion: .file())
  var policies: [String] = []

  @Option(help: ArgumentHelp("The client.", valueName: "end"))
  var from: String

  @Option(help: ArgumentHelp("The server.", valueName: "end"))
  var to: String

  @Option(help: ArgumentHelp("The server's port: 5432, UDP/53.", valueName: "port"))
  var port: String

  @OptionGroup var storeOptions: StoreOptions

  @Option(help: "The network plugin whose semantics count (default: that of the policies' kind).")
  var cni: NetworkPlugin?

  func run() async throws {
    let (transport, number) = try PortText.parse(port)
    try await reporting {
      let stores = try storeOptions.open()
      let set =
        policies.isEmpty
        ? try await PolicyFiles.live(stores) : try PolicyFiles.read(policies).policySet
      let reader = try await EvidenceReader(stores, now: Clock.now)
      let finder = try await WindowFinder(stores, rollout: reader.rollout)
      let evidence = try await WholeEvidence.read(
        reader,
        finder: finder,
        namespaces: [],
        selection: WindowSelection(span: .all)
      )
      let check = Check(evidence, reader: reader, engine: cni?.engine)
      let universe = check.makeUniverse()
      for end in [from, to] where check.endpoint(end, universe) == nil {
        throw CommandFailure(
          "nothing is called \(Terminal.escaped(end))",
          hint: "flowlearn workloads -A lists the workloads; addresses are written as 192.0.2.1."
        )
      }
      guard
        let explanation = check.explain(
          from: from,
          to: to,
          transport: transport,
          port: number,
          policies: set
        )
      else { return }
      for line in explanation.lines(source: from, destination: to) {
        Terminal.print(Terminal.escaped(line))
      }
      if !explanation.decision.allowed { throw ExitCode(1) }
    }
  }
}

/// Ports as people type them.
enum PortText {
  /// `5432`, `TCP/5432` or `udp/53`.
  static func parse(_ text: String) throws -> (TransportProtocol, UInt16) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let wrong = ValidationError("'\(text)' is no port; write it as 5432 or UDP/53.")
    guard parts.count <= 2, let last = parts.last, let port = UInt16(last) else { throw wrong }
    guard parts.count == 2 else { return (.tcp, port) }
    guard let transport = TransportProtocol(parts[0]) else { throw wrong }
    return (transport, port)
  }
}
