import ArgumentParser
import AuditPipeline
import FlowModel
import FlowStorage
import JSONText
import Rollout

/// Options of the steps that people take for a reason.
struct RolloutReasonOptions: ParsableArguments {
  @OptionGroup var change: RolloutChangeOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String

  @Option(help: ArgumentHelp("Why; stays on record.", valueName: "text"))
  var reason: String

  /// Records the step.
  func record(
    _ action: RolloutAction,
    change event: (inout RolloutEvent) -> Void = { _ in }
  ) async throws {
    let now = try change.clock.now()
    try await reporting {
      let context = try await RolloutContext(try change.storeOptions.open(), now: now)
      var step = RolloutEvent(
        time: now,
        who: Actor.name,
        action: action,
        namespace: namespace,
        reason: reason
      )
      event(&step)
      try await context.commit(step, dryRun: change.dryRun)
    }
  }
}

struct RolloutRollbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Take a namespace back to audit; its rollback.sh takes the policies away.",
    discussion: """
      Weeks keep their numbers and evidence stays. With --cluster-wide the cluster-wide policies go back \
      to pending.

      Examples:

        flowlearn rollout rollback -n app-prod --reason 'checkout lost its cache'
      """
  )

  @OptionGroup var change: RolloutChangeOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String?

  @Flag(help: "The cluster-wide policies instead of a namespace.")
  var clusterWide = false

  @Option(help: ArgumentHelp("Why; stays on record.", valueName: "text"))
  var reason: String

  func validate() throws {
    guard (namespace == nil) == clusterWide else {
      throw ValidationError("Name a namespace with -n, or give --cluster-wide.")
    }
  }

  func run() async throws {
    let now = try change.clock.now()
    try await reporting {
      let context = try await RolloutContext(try change.storeOptions.open(), now: now)
      let rollout = namespace.map { context.state[$0] }
      let event = RolloutEvent(
        time: now,
        who: Actor.name,
        action: clusterWide ? .rollbackClusterWide : .rollback,
        namespace: namespace ?? "",
        from: rollout?.stage,
        to: rollout == nil ? nil : .audit,
        reason: reason
      )
      try await context.commit(event, dryRun: change.dryRun)
      let written = clusterWide ? context.state.clusterWideWritten : rollout?.written
      if let written {
        Terminal.note(
          "now run \(StepFolder(written.folder).shownPath)/rollback.sh --context CONTEXT"
        )
      }
      if !clusterWide, context.state.hasClusterDefaultDeny {
        Terminal.note(
          "the cluster-wide default-deny still covers \(namespace ?? ""): take it back too "
            + "(flowlearn rollout rollback --cluster-wide --reason TEXT)"
        )
      }
    }
  }
}

struct RolloutHoldCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hold",
    abstract: "Keep a namespace where it is.",
    discussion: """
      Examples:

        flowlearn rollout hold -n app-prod --reason 'release freeze'
      """
  )

  @OptionGroup var options: RolloutReasonOptions

  func run() async throws { try await options.record(.hold) }
}

struct RolloutWithdrawCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "withdraw",
    abstract: "Stop managing a namespace.",
    discussion: """
      Examples:

        flowlearn rollout withdraw -n shop-staging --reason 'not worth it'
      """
  )

  @OptionGroup var options: RolloutReasonOptions

  func run() async throws {
    try await options.record(.withdraw)
    Terminal.note("policies that were applied stay; the namespace's rollback.sh takes them away")
  }
}

struct RolloutResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Lift a hold.",
    discussion: """
      Examples:

        flowlearn rollout resume -n app-prod
      """
  )

  @OptionGroup var change: RolloutChangeOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String

  func run() async throws {
    let now = try change.clock.now()
    try await reporting {
      let context = try await RolloutContext(try change.storeOptions.open(), now: now)
      try await context.commit(
        RolloutEvent(time: now, who: Actor.name, action: .resume, namespace: namespace),
        dryRun: change.dryRun
      )
    }
  }
}

struct RolloutSetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set",
    abstract: "Say how critical a namespace is; the least critical goes first.",
    discussion: """
      Examples:

        flowlearn rollout set -n app-prod --criticality critical
      """
  )

  @OptionGroup var change: RolloutChangeOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: [String]

  @Option(help: "How critical it is.")
  var criticality: Criticality

  func run() async throws {
    let now = try change.clock.now()
    try await reporting {
      let stores = try change.storeOptions.open(create: true)
      for name in namespace {
        let context = try await RolloutContext(stores, now: now)
        var event = RolloutEvent(
          time: now,
          who: Actor.name,
          action: .setCriticality,
          namespace: name
        )
        event.criticality = criticality
        try await context.commit(event, dryRun: change.dryRun)
      }
    }
  }
}

struct RolloutSuggestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "suggest",
    abstract: "Suggest how critical namespaces are, with the reasons.",
    discussion: """
      Examples:

        flowlearn rollout suggest
      """
  )

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var clock: ClockOptions

  func run() async throws {
    let now = try clock.now()
    try await reporting {
      let context = try await RolloutContext(try storeOptions.open(), now: now)
      let evidence = try await WholeEvidence.read(
        context.reader,
        finder: context.finder,
        namespaces: [],
        selection: WindowSelection(span: .weeks)
      )
      var table = Table(["NAMESPACE", "SUGGESTED", "SET", "WHY"])
      for name in context.finder.namespaces {
        let suggestion = CriticalitySuggestion(evidence.criticalityFacts(of: name))
        table.add([
          name, suggestion.criticality.rawValue,
          context.state[name].criticality?.rawValue ?? "-",
          suggestion.reasons.joined(separator: "; "),
        ])
      }
      Terminal.write(table)
    }
  }
}

struct RolloutClusterWideCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster-wide",
    abstract: "Write the cluster-wide policies, last of all: the metadata service is denied.",
    discussion: """
      Workloads whose metadata access was accepted in review are left out of the deny (a deny wins over \
      every allow). Exit 1 while a managed namespace is not enforced.

      Examples:

        flowlearn rollout cluster-wide --cni cilium --out-dir rollout
      """
  )

  @OptionGroup var change: RolloutChangeOptions

  @Option(help: "The network plugin: cilium or calico.")
  var cni: RolloutPlugin

  @Flag(help: "Write a default-deny for all managed namespaces, too.")
  var withDefaultDeny = false

  @Flag(help: "Pass the gate though it is not met.")
  var force = false

  @Option(help: ArgumentHelp("Why; needed with --force.", valueName: "text"))
  var reason = ""

  @Flag(help: "Calico without tiers: limit the deny to namespaces that are enforced.")
  var noTiers = false

  @Option(help: ArgumentHelp("Where files are written.", valueName: "dir"))
  var outDir = "rollout"

  func run() async throws {
    let now = try change.clock.now()
    if force, reason.isEmpty { throw ValidationError("--force needs --reason.") }
    try await reporting {
      let context = try await RolloutContext(try change.storeOptions.open(), now: now)
      let managed = Set(context.state.managed.map(\.namespace))
      let outcome = try context.workflow.clusterWide(
        plugin: cni,
        exemptions: try await context.workflow.metadataExemptions(now: now),
        withDefaultDeny: withDefaultDeny,
        unmanaged: try await context.known().filter { !managed.contains($0) },
        isUntiered: noTiers,
        who: Actor.name,
        now: now,
        force: force,
        reason: reason,
        folder: StepFolder(outDir, namespace: "cluster-wide", step: "apply")
      )
      if let gate = outcome.gate { Terminal.write(Terminal.escaped(gate.text)) }
      guard outcome.event != nil else {
        Terminal.note("Error: the gate of the cluster-wide policies is not met.")
        throw ExitCode(1)
      }
      try await context.carryOut(outcome, dryRun: change.dryRun)
    }
  }
}

struct RolloutHistoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Print every step ever taken: who, when, why, forced or not.",
    discussion: """
      Examples:

        flowlearn rollout history
        flowlearn rollout history -n app-prod
      """
  )

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var clock: ClockOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("Only this namespace.", valueName: "name"))
  var namespace: String?

  func run() async throws {
    let until = try clock.at == nil ? nil : clock.now()
    try await reporting {
      let stores = try storeOptions.open()
      let state = try await RolloutLedger(store: stores.audit).state()
      for event in state.history
      where (namespace == nil || event.namespace == namespace) && event.time <= until ?? .max {
        Terminal.print(Terminal.escaped("\(event.number)  \(event.summary)"))
        for gate in event.unmetGates { Terminal.print(Terminal.escaped("     not met: \(gate)")) }
      }
    }
  }
}

struct RolloutShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print a kept proposal as it was approved, or list them.",
    discussion: """
      Examples:

        flowlearn rollout show -n app-prod
        flowlearn rollout show -n app-prod 1
        flowlearn rollout show -n app-prod 1 -o json
      """
  )

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case yaml, json
  }

  @Argument(help: "Number of the proposal; without it they are listed.")
  var number: Int64?

  @Option(
    name: .shortAndLong,
    help: "The YAML as it was approved, or JSON with evidence, proof and who kept it."
  )
  var output: Format = .yaml

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var clock: ClockOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String

  func run() async throws {
    let until = try clock.at == nil ? nil : clock.now()
    try await reporting {
      let saved = try await SavedProposals(try storeOptions.open()).list(namespace: namespace)
        .filter { $0.time <= until ?? .max }
      guard let number else {
        var table = Table(["NUMBER", "WEEK", "UNTIL", "DIALECT", "HASH", "BY", "WHEN"])
        for proposal in saved {
          table.add([
            String(proposal.id), String(proposal.week), Timestamps.text(proposal.until),
            proposal.dialect, String(proposal.yamlHash.prefix(12)), proposal.actor,
            Timestamps.text(proposal.time),
          ])
        }
        Terminal.write(table)
        return
      }
      guard let proposal = saved.first(where: { $0.id == number }) else {
        throw CommandFailure(
          "there is no proposal \(number) of \(namespace)",
          hint: "flowlearn rollout show -n \(namespace) lists them."
        )
      }
      switch output {
      case .yaml: Terminal.write(proposal.yaml)
      case .json: Terminal.print(JSONWriter.prettyText(SavedProposals.value(proposal)))
      }
    }
  }
}
