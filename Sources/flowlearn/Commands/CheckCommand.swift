import PolicyManifests
import ArgumentParser
import AuditPipeline
import FlowAggregation
import FlowModel
import JSONText
import PolicyEvaluation
import PolicyModel
import PolicySynthesis

extension NetworkPlugin {
  /// The semantics its engine has where the specifications leave a choice.
  var engine: EngineSemantics? {
    switch self {
    case .cilium: .cilium
    case .calico: .calico
    case .aws, .gke, .other: .reference
    }
  }
}

struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Replay stored flows against policies: what would be denied, and which rule decides.",
    discussion: """
      Policies may be proposed, hand-written or exported (kubectl get netpol -A -o yaml); files, \
      directories or - for standard input. Exit 1 when an accepted edge would be denied.

      Examples:

        flowlearn propose -n app-prod | flowlearn check -n app-prod -
        flowlearn check policies/
      """
  )

  @Argument(help: "Policy files, directories, or - for standard input.", completion: .file())
  var policies: [String]

  @OptionGroup var storeOptions: StoreOptions

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Only edges of this namespace.", valueName: "name")
  )
  var namespace: [String] = []

  @OptionGroup var window: WindowOptions
  @OptionGroup var clock: ClockOptions
  @OptionGroup var noise: NoiseOptions

  @Option(help: "The network plugin whose semantics count (default: that of the policies' kind).")
  var cni: NetworkPlugin?

  @Flag(help: "List only what would be denied.")
  var denied = false

  @Option(name: .shortAndLong, help: "The output format.")
  var output: ListFormat = .table

  func run() async throws {
    let selection = try window.selection(default: .all)
    let now = try clock.now()
    try await reporting {
      let stores = try storeOptions.open()
      async let reading = PolicyFiles.read(policies, stores)
      let reader = try await EvidenceReader(stores, now: now)
      let finder = try await WindowFinder(stores, rollout: reader.rollout)
      let evidence = try await WholeEvidence.read(
        reader,
        finder: finder,
        namespaces: namespace,
        selection: selection
      )
      let contents = try await reading
      for warning in contents.warnings { noise.note("warning: \(warning)") }
      for caveat in PolicyCaveats.list(contents.policySet, inventory: reader.inventory) {
        noise.note("warning: \(caveat)")
      }
      let result = Check(evidence, reader: reader, engine: cni?.engine).run(
        contents.policySet,
        namespaces: namespace.isEmpty ? nil : namespace
      )
      print(result)
      let records = result.connections.map(\.connection.tally.records).reduce(0, +)
      let lost = result.denied.map(\.connection.tally.records).reduce(0, +)
      noise.note(
        "\(result.connections.count.grouped) edges, \(lost.grouped) of \(records.grouped) flows would be dropped"
      )
      if !result.unusedRules.isEmpty {
        noise.note("\(result.unusedRules.count.grouped) rules are not used by any of these edges:")
        for rule in result.unusedRules.prefix(20) { noise.note("  unused  \(rule)") }
        let more = result.unusedRules.count - 20
        if more > 0 { noise.note("  and \(more.grouped) more") }
      }
      if !result.denied.isEmpty { throw ExitCode(1) }
    }
  }

  private func print(_ result: CheckResult) {
    let rows = denied ? result.denied : result.connections
    switch output {
    case .table:
      var table = Table(
        ["SUBJECT", "PEER", "PORT", "FLOWS", "DECISION", "RULE"],
        rightAligned: [3],
        dispensable: ["FLOWS"],
        palette: Palette(noise.color)
      )
      for row in rows {
        table.add(Array(cells(row).dropLast()) + [DecisionText.short(row.decision)])
      }
      Terminal.write(table)
    case .csv:
      Terminal.print("subject,peer,port,flows,decision,rule")
      for row in rows { Terminal.print(cells(row).map(CSV.field).joined(separator: ",")) }
    case .json:
      Terminal.print(
        JSONWriter.prettyText(
          .object(
            JSONObject([
              ("connections", .array(rows.map(json))),
              ("unusedRules", .array(result.unusedRules.map(json))),
            ])
          )
        )
      )
    case .ndjson: for row in rows { Terminal.print(JSONWriter.text(json(row))) }
    }
  }

  private func cells(_ row: CheckedConnection) -> [String] {
    let key = row.connection.key
    return [
      key.source, key.destination, "\(key.transport)/\(key.port)",
      String(row.connection.tally.records), row.decision.allowed ? "allow" : "deny",
      DecisionText.rule(row.decision),
    ]
  }

  private func json(_ rule: RuleReference) -> JSONValue {
    .object(
      JSONObject([
        ("rule", .string("\(rule)")), ("kind", .string(rule.policy.kind.manifestKind)),
        ("namespace", rule.policy.namespace.map(JSONValue.string) ?? .null),
        ("policy", .string(rule.policy.name)), ("direction", .string(rule.direction.rawValue)),
        ("index", .number(String(rule.index))),
      ])
    )
  }

  private func json(_ row: CheckedConnection) -> JSONValue {
    let cells = cells(row)
    let names = ["subject", "peer", "port", "flows", "decision", "rule"]
    var members: [(key: String, value: JSONValue)] = zip(names, cells).map {
      ($0, $0 == "flows" ? .number($1) : .string($1))
    }
    for direction in Direction.allCases {
      let side = DecisionText.side(row.decision[direction])
      members.append((direction.rawValue, .string(side)))
    }
    return .object(JSONObject(members))
  }
}

/// Decisions in words.
enum DecisionText {
  /// The rule that decided, or why none did.
  static func rule(_ decision: Decision) -> String {
    if !decision.egress.isAllowed { return "egress: \(side(decision.egress))" }
    if !decision.ingress.isAllowed { return "ingress: \(side(decision.ingress))" }
    let parts = [decision.egress, decision.ingress].filter { $0 != .notJudged }.map(side)
    return parts.isEmpty ? "no policy" : parts.joined(separator: "; ")
  }

  /// The same for tables: without the kinds of the policies and the sides that nothing isolates.
  static func short(_ decision: Decision) -> String {
    if !decision.egress.isAllowed { return "egress: \(shortReason(decision.egress))" }
    if !decision.ingress.isAllowed { return "ingress: \(shortReason(decision.ingress))" }
    var parts: [String] = []
    for side in [decision.egress, decision.ingress] {
      if case .allowed(let rule) = side {
        parts.append("\(path(rule.policy)) \(rule.direction.rawValue) \(rule.index)")
      } else if side != .notJudged, side != .notIsolated {
        parts.append(DecisionText.side(side))
      }
    }
    return parts.isEmpty ? "no policy" : parts.joined(separator: "; ")
  }

  /// What one side says.
  static func side(_ decision: SideDecision) -> String {
    switch decision {
    case .notJudged: "-"
    case .notIsolated: "no policy"
    case .allowed(let rule): "\(rule)"
    case .allowedByProfile: "profile"
    case .exempt(let reason): reason.rawValue
    case .denied(let rule): "denied by \(rule)"
    case .deniedByDefault(let policies): "no rule of \(names(policies, \.description))"
    }
  }

  private static func shortReason(_ decision: SideDecision) -> String {
    switch decision {
    case .denied(let rule): "denied by \(path(rule.policy)) \(rule.index)"
    case .deniedByDefault(let policies): "no rule of \(names(policies, path))"
    default: side(decision)
    }
  }

  private static func path(_ policy: PolicyReference) -> String {
    policy.namespace.map { "\($0)/\(policy.name)" } ?? policy.name
  }

  /// The policies that isolate an end; the first ones where there are many.
  private static func names(
    _ policies: [PolicyReference],
    _ name: (PolicyReference) -> String
  ) -> String {
    let shown =
      policies.isEmpty ? "any policy" : policies.prefix(2).map(name).joined(separator: ", ")
    return policies.count > 2 ? "\(shown) and \(policies.count - 2) more" : shown
  }
}
