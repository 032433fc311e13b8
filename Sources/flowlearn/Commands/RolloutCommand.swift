import FlowStorage
import ArgumentParser
import AuditPipeline
import ClusterInventory
import FlowModel
import JSONText
import PolicyModel
import Rollout

extension RolloutPlugin: ExpressibleByArgument {}
extension Criticality: ExpressibleByArgument {}
extension LogOnlyWay: ExpressibleByArgument {}

struct RolloutCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollout",
    abstract: "Walk namespaces through log only, review, watch and enforcement.",
    discussion: """
      Log only for a week, review, the least critical namespace first with a 48 h watch, then one a day, \
      cluster-wide policies last. Each step is gated by evidence and writes its scripts; flowlearn \
      itself applies nothing to a cluster.

      Examples:

        flowlearn rollout start -n app-prod --cni cilium --at 2026-11-02T00:00:00Z
        flowlearn rollout status
        flowlearn rollout advance -n app-prod --at 2026-11-16T00:00:00Z
      """,
    subcommands: [
      RolloutStatusCommand.self, RolloutPlanCommand.self, RolloutStartCommand.self,
      RolloutWriteCommand.self, RolloutAdvanceCommand.self, RolloutRollbackCommand.self,
      RolloutHoldCommand.self, RolloutResumeCommand.self, RolloutSetCommand.self,
      RolloutSuggestCommand.self, RolloutAcceptPolicyCommand.self, RolloutWithdrawCommand.self,
      RolloutClusterWideCommand.self, RolloutHistoryCommand.self, RolloutShowCommand.self,
    ]
  )
}

/// What the rollout commands read.
struct RolloutContext {
  let stores: Stores
  let reader: EvidenceReader
  let finder: WindowFinder
  let assessor: NamespaceAssessor
  let workflow: RolloutWorkflow
  let gates = RolloutGates()

  /// Reads everything up to a time.
  ///
  /// - Parameter dialect: Of the proposals; nil takes the one that the files were written in.
  init(_ stores: Stores, now: Int64, dialect: PolicyDialect? = nil) async throws {
    self.stores = stores
    reader = try await EvidenceReader(stores, now: now)
    finder = try await WindowFinder(stores, rollout: reader.rollout, now: now)
    assessor = try await NamespaceAssessor(
      stores,
      reader: reader,
      finder: finder,
      settings: GateSettings(),
      dialect: dialect
    )
    workflow = RolloutWorkflow(
      stores,
      reader: reader,
      assessor: assessor,
      gates: gates
    )
  }

  var state: RolloutState { reader.rollout }

  /// Namespaces with flows or with a rollout, sorted.
  var namespaces: [String] {
    Array(Set(finder.namespaces).union(state.namespaces.map(\.namespace))).sorted()
  }

  /// The namespaces above and those that the inventory knows, sorted.
  func known() async throws -> [String] {
    Set(namespaces).union(reader.inventory.namespaces().map(\.name)).sorted()
  }

  /// Stores an event unless it is only tried, and says what changed.
  func commit(_ event: RolloutEvent, dryRun: Bool) async throws {
    try await carryOut(RolloutOutcome(event: event), dryRun: dryRun)
  }

  /// Writes the files of a step and stores its event, unless it is only tried, and says what changed.
  func carryOut(_ outcome: RolloutOutcome, dryRun: Bool) async throws {
    guard let event = outcome.event else { return }
    let files = outcome.files.compactMap { file in
      outcome.folder.map { "\($0.shownPath)/\(file.name)" }
    }
    if dryRun {
      _ = try state.applying(event, expecting: state.version)
      for file in files { Terminal.note("would write \(file)") }
      Terminal.note("would be recorded: \(event.summary)")
      return
    }
    let proposal = try await workflow.carryOut(outcome)
    for file in files { Terminal.note("wrote \(file)") }
    if let proposal { Terminal.note("proposal \(proposal) is kept") }
    Terminal.note("recorded: \(event.summary)")
  }
}

/// Options that every changing rollout command has.
struct RolloutChangeOptions: ParsableArguments {
  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var clock: ClockOptions

  @Flag(help: "Say what would change, change nothing.")
  var dryRun = false
}

struct RolloutStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show the stage of each namespace, and what it still has to show to move on.",
    discussion: """
      Examples:

        flowlearn rollout status
        flowlearn rollout status -n app-prod --at 2026-11-16T00:00:00Z
      """
  )

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case table, json
  }

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var clock: ClockOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("Only this namespace.", valueName: "name"))
  var namespace: String?

  @Option(name: .shortAndLong, help: "The output format.")
  var output: Format = .table

  func run() async throws {
    let now = try clock.now()
    try await reporting {
      let context = try await RolloutContext(try storeOptions.open(), now: now)
      let names = namespace.map { [$0] } ?? context.namespaces
      if let namespace, !context.namespaces.contains(namespace) {
        throw EvidenceError.noFlows(namespace: namespace, known: context.finder.namespaces)
      }
      var rows: [StatusRow] = []
      for name in names {
        let rollout = context.state[name]
        let isStarted = rollout.stage != .assess
        let assessment = isStarted ? try await context.assessor.assess(name, now: now) : nil
        let gate = assessment.flatMap {
          context.gates.next(for: name, evidence: $0.gate, state: context.state, now: now)
        }
        rows.append(
          StatusRow(
            rollout: rollout,
            gate: gate,
            denials: assessment?.gate.decisions.denials ?? [],
            sureness: namespace == nil ? nil : assessment.flatMap(sureness),
            seen: context.finder.span(of: name)?.last
          )
        )
      }
      StatusListing(rows, state: context.state, isDetailed: namespace != nil).print(output)
    }
  }

  private func sureness(_ assessment: NamespaceAssessment) -> SettledText? {
    assessment.gate.coverage.map {
      SettledText(
        $0,
        logOnly: assessment.gate.logOnly,
        lateRules: assessment.gate.proposal?.rulesOfLast48Hours
      )
    }
  }
}

struct RolloutPlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Print the calendar: what can move when, in which order and why.",
    discussion: """
      Examples:

        flowlearn rollout plan --at 2026-11-16T00:00:00Z
      """
  )

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var clock: ClockOptions

  @Option(name: .shortAndLong, help: "The output format.")
  var output: RolloutStatusCommand.Format = .table

  func run() async throws {
    let now = try clock.now()
    try await reporting {
      let context = try await RolloutContext(try storeOptions.open(), now: now)
      let rows = RolloutPlanner().plan(context.state, known: context.finder.namespaces, now: now)
      switch output {
      case .table:
        var table = Table(RolloutPlanner.header)
        for row in rows { table.add(row.columns) }
        Terminal.write(table)
      case .json:
        let names = RolloutPlanner.header.map { $0.lowercased() }
        Terminal.print(
          JSONWriter.prettyText(
            .array(
              rows.map { row in
                .object(
                  JSONObject(
                    zip(names, row.columns).map { (key: $0, value: .string($1)) }
                  )
                )
              }
            )
          )
        )
      }
    }
  }
}

struct RolloutStartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start",
    abstract: "Start the audit of a namespace and write how to log without enforcing.",
    discussion: """
      Examples:

        flowlearn rollout start -n app-prod --cni cilium
        flowlearn rollout start -n app-prod --cni calico --log-only calico-staged
      """
  )

  @OptionGroup var change: RolloutChangeOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: [String]

  @Option(help: "The network plugin of the cluster (default: suggested from the logs).")
  var cni: RolloutPlugin?

  @Option(help: "How to log without enforcing (default: the usual way of the plugin).")
  var logOnly: LogOnlyWay?

  @Option(
    help: ArgumentHelp("Where files are written, one folder per namespace.", valueName: "dir")
  )
  var outDir = "rollout"

  func run() async throws {
    let now = try change.clock.now()
    try await reporting {
      let stores = try change.storeOptions.open(create: true)
      for name in namespace {
        let context = try await RolloutContext(stores, now: now)
        let plugin = if let cni { cni } else { try await suggested(stores) }
        let outcome = try context.workflow.start(
          name,
          plugin: plugin,
          way: logOnly,
          who: Actor.name,
          now: now,
          folder: StepFolder(outDir, namespace: name, step: "log-only")
        )
        try await context.carryOut(outcome, dryRun: change.dryRun)
      }
    }
  }

  /// The plugin that the logs speak for.
  private func suggested(_ stores: Stores) async throws -> RolloutPlugin {
    let kinds = Set(try await stores.flows.capture().map(\.logKind))
    let plugin: RolloutPlugin
    if kinds.contains(.gkePolicy) {
      plugin = .gke
    } else if kinds.contains(.hubble) {
      plugin = .cilium
    } else if kinds.contains(.calico) || kinds.contains(.calicoPacket) {
      plugin = .calico
    } else if kinds.contains(.awsPolicyAgent) || kinds.contains(.awsVPC) {
      plugin = .aws
    } else {
      throw CommandFailure(
        "the network plugin of the cluster is not known",
        hint: "Say it with --cni cilium, calico, aws, gke or other."
      )
    }
    Terminal.note("assuming --cni \(plugin.rawValue), as the logs suggest")
    return plugin
  }
}

struct RolloutAdvanceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "advance",
    abstract:
      "Move a namespace one stage on when its gate is met, and write the files of the step.",
    discussion: """
      Exit 1 when the gate is not met; the message says what is missing. --force passes it all the same \
      and stays on record.

      Examples:

        flowlearn rollout advance -n app-prod
        flowlearn rollout advance -n app-prod --at 2026-11-16T00:00:00Z
      """
  )

  @OptionGroup var change: RolloutChangeOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String

  @Option(
    help: "The kind of policy objects (default: that of the files written before, else kubernetes)."
  )
  var dialect: PolicyDialect?

  @Flag(help: "Pass the gate though it is not met.")
  var force = false

  @Option(help: ArgumentHelp("Why; needed with --force.", valueName: "text"))
  var reason = ""

  @Option(
    help: ArgumentHelp("Where files are written, one folder per namespace.", valueName: "dir")
  )
  var outDir = "rollout"

  func run() async throws {
    let now = try change.clock.now()
    if force, reason.isEmpty { throw ValidationError("--force needs --reason.") }
    try await reporting {
      let context = try await RolloutContext(
        try change.storeOptions.open(),
        now: now,
        dialect: dialect
      )
      let outcome = try await context.workflow.advance(
        namespace,
        who: Actor.name,
        now: now,
        force: force,
        reason: reason,
        folder: StepFolder(outDir, namespace: namespace, step: RolloutStage.watch.rawValue)
      )
      if let gate = outcome.gate { Terminal.write(Terminal.escaped(gate.text)) }
      guard outcome.event != nil else {
        Terminal.report(
          CommandFailure(
            "\(namespace) stays in \(context.state[namespace].stage.rawValue): its gate is not met",
            hint: "--force --reason TEXT passes it and stays on record."
          )
        )
        throw ExitCode(1)
      }
      try await context.carryOut(outcome, dryRun: change.dryRun)
    }
  }
}
