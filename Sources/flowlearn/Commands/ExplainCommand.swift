import ArgumentParser
import AuditPipeline
import FlowModel
import PolicyEvaluation
import PolicyManifests
import PolicyModel
import PolicySynthesis

struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say what would happen to a connection, and which rule says so.",
    discussion: """
      An end is a workload as 'flowlearn workloads' names it, a pod, an address or prefix, a Service \
      address, a DNS name, or an entity: world, node, host, kube-apiserver, ingress, health, init, \
      unmanaged. Without policy files the live policies of the inventory count. Exit 1 when the \
      connection would be denied.

      Examples:

        flowlearn explain --from app-prod/web --to app-prod/api --port 8080 policies/
        flowlearn explain --from app-prod/api --to 192.0.2.10 --port 443 policies/
      """
  )

  @Argument(help: "Policy files, directories, or - for standard input.", completion: .file())
  var policies: [String] = []

  @Option(help: ArgumentHelp("The client.", valueName: "end"))
  var from: String

  @Option(help: ArgumentHelp("The server.", valueName: "end"))
  var to: String

  @Option(
    help: ArgumentHelp(
      "The server's port: 5432, UDP/53, or the name of a container port; the type for ICMP.",
      valueName: "port"
    )
  )
  var port: String

  @Option(
    name: .customLong("protocol"),
    help: ArgumentHelp(
      "TCP, UDP, SCTP, ICMP, ICMPv6 or a number (default: that of --port, else TCP).",
      valueName: "name"
    )
  )
  var transport: String?

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var noise: NoiseOptions

  @Option(help: "The network plugin whose semantics count (default: that of the policies' kind).")
  var cni: NetworkPlugin?

  func run() async throws {
    let wanted = try PortText(port, transport: transport)
    try await reporting {
      let stores = try storeOptions.open()
      let set: PolicySet
      if policies.isEmpty {
        set = try await PolicyFiles.live(stores)
        let count = set.policies.count
        noise.note("judged by \(count.grouped) live \(count == 1 ? "policy" : "policies")")
      } else {
        let contents = try await PolicyFiles.read(policies, stores)
        for warning in contents.warnings { noise.note("warning: \(warning)") }
        set = contents.policySet
      }
      let reader = try await EvidenceReader(stores, now: Clock.now)
      for caveat in PolicyCaveats.list(set, inventory: reader.inventory) {
        noise.note("warning: \(caveat)")
      }
      let evidence = try await WholeEvidence.everything(reader, stores)
      let explain = Explain(evidence, reader: reader, engine: cni?.engine)
      let result: ExplainedConnection
      do {
        let (transport, number) = try number(wanted, explain)
        result = try explain.run(
          from: from,
          to: to,
          transport: transport,
          port: number,
          policies: set
        )
      } catch let error as EndLookupError {
        throw CommandFailure(error)
      }
      print(result)
      if !result.isAllowed { throw ExitCode(1) }
    }
  }

  private func number(_ port: PortText, _ explain: Explain) throws -> (TransportProtocol, UInt16) {
    switch port.port {
    case .number(let number): return (port.transport ?? .tcp, number)
    case .name(let name):
      if let found = try explain.namedPort(name, transport: port.transport, at: to) {
        return found
      }
      throw CommandFailure(
        "\(Terminal.escaped(to)) has no container port called \(name)",
        hint: "Give the port's number; names are known from an inventory only."
      )
    }
  }

  private func print(_ result: ExplainedConnection) {
    for end in [result.source, result.destination] {
      guard let note = end.note else { continue }
      Terminal.print(Terminal.escaped("\(end.name) is \(note)"))
    }
    let many = result.explanations.count > 1
    for explanation in result.explanations {
      // Pods of one workload with other labels may be judged otherwise: their labels tell them apart.
      func name(_ end: NamedEnd, _ endpoint: PolicyEndpoint) -> String {
        many && end.endpoints.count > 1 ? "\(end.name) {\(endpoint.labels)}" : end.name
      }
      let lines = explanation.lines(
        source: name(result.source, explanation.connection.source),
        destination: name(result.destination, explanation.connection.destination)
      )
      for line in lines { Terminal.print(Terminal.escaped(line)) }
    }
  }
}

extension CommandFailure {
  /// The failure behind an end that was not found.
  fileprivate init(_ error: EndLookupError) {
    switch error {
    case .unknown(let name, let near):
      let names = near.isEmpty ? "" : "Did you mean \(near.joined(separator: ", "))? "
      self.init(
        "nothing is called \(Terminal.escaped(name))",
        hint: Terminal.escaped(names)
          + "'flowlearn workloads -A' lists the workloads; addresses, DNS names and entities "
          + "such as world do too."
      )
    case .unknownHolder(let address):
      self.init(
        "\(address) lies in the cluster, but no pod, node or Service is known to hold it",
        hint: "Name the workload, or add a newer inventory (flowlearn inventory add)."
      )
    case .ambiguous(let address):
      self.init(
        "several workloads may hold \(address)",
        hint: "Name the workload that is meant."
      )
    }
  }
}

/// A port as people type it.
struct PortText {
  /// Which port.
  enum Port: Equatable {
    /// By number; the type for ICMP.
    case number(UInt16)
    /// By the name of a container port.
    case name(String)
  }

  /// The protocol; nil when none was given.
  var transport: TransportProtocol?
  /// The port.
  var port: Port

  /// Reads `5432`, `http`, `TCP/5432` or `5432/tcp`, and the protocol given beside it.
  init(_ text: String, transport given: String?) throws {
    let wrong = ValidationError("'\(text)' is no port; write it as 5432, UDP/53 or http.")
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, let first = parts.first, let last = parts.last else { throw wrong }
    var name = last
    if parts.count == 2 {
      if let known = TransportProtocol(first), UInt16(first) == nil {
        transport = known
      } else if let known = TransportProtocol(last) {
        transport = known
        name = first
      } else {
        throw wrong
      }
    }
    if let number = UInt16(name) {
      port = .number(number)
    } else {
      guard KubernetesSyntax.isPortName(name) else { throw wrong }
      port = .name(name)
    }
    guard let given else { return }
    guard let other = TransportProtocol(given) else {
      throw ValidationError("'\(given)' is no protocol; write TCP, UDP, SCTP, ICMP or ICMPv6.")
    }
    guard transport == nil || transport == other else {
      throw ValidationError("--port says \(text), --protocol \(given).")
    }
    transport = other
  }
}
