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
  ///
  /// - Parameter target: The stage it leads to; nil when it moves nothing.
  func record(_ action: RolloutAction, to target: RolloutStage? = nil) async throws {
    let now = try change.clock.now()
    try await reporting {
      let context = try await RolloutContext(try change.storeOptions.open(), now: now)
      let stage = target == nil ? nil : context.state[namespace].stage
      try await context.commit(
        RolloutEvent(
          time: now,
          who: Actor.name,
          action: action,
          namespace: namespace,
          from: stage,
          to: target,
          reason: reason
        ),
        dryRun: change.dryRun
      )
    }
  }
}

struct RolloutRollbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Take a namespace back to audit; its rollback.sh takes the policies away.",
    discussion: """
      Examples:

        flowlearn rollout rollback -n app-prod --reason 'checkout lost its cache'
      """
  )

  @OptionGroup var options: RolloutReasonOptions

  func run() async throws {
    try await options.record(.rollback, to: .audit)
    Terminal.note(
      "now run rollback.sh --context CONTEXT from the files of its watch "
        + "(rollout/\(options.namespace)/watch)"
    )
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

  func run() async throws { try await options.record(.withdraw) }
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
        selection: WindowSelection(span: .all)
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
        exemptions: context.workflow.metadataExemptions(now: now),
        withDefaultDeny: withDefaultDeny,
        unmanaged: context.namespaces.filter { !managed.contains($0) },
        who: Actor.name,
        now: now,
        force: force,
        reason: reason
      )
      if let gate = outcome.gate { Terminal.write(gate.text) }
      guard let event = outcome.event else {
        Terminal.note("Error: the gate of the cluster-wide policies is not met.")
        throw ExitCode(1)
      }
      if !change.dryRun {
        try StepFolder.write(
          outcome.files,
          to: outDir,
          namespace: "cluster-wide",
          step: "apply"
        )
      }
      try await context.commit(event, dryRun: change.dryRun)
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

  @Option(name: .shortAndLong, help: ArgumentHelp("Only this namespace.", valueName: "name"))
  var namespace: String?

  func run() async throws {
    try await reporting {
      let stores = try storeOptions.open()
      let state = try await RolloutLedger(store: stores.audit).state()
      for event in state.history where namespace == nil || event.namespace == namespace {
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
      """
  )

  @Argument(help: "Number of the proposal; without it they are listed.")
  var number: Int64?

  @OptionGroup var storeOptions: StoreOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String

  func run() async throws {
    try await reporting {
      let saved = try await SavedProposals(try storeOptions.open()).list(namespace: namespace)
      guard let number else {
        var table = Table(["NUMBER", "WEEK", "UNTIL", "DIALECT", "HASH", "BY", "WHEN"])
        for proposal in saved {
          table.add([
            String(proposal.id), String(proposal.week), Timestamps.text(proposal.until),
            proposal.dialect, proposal.yamlHash, proposal.actor, Timestamps.text(proposal.time),
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
      Terminal.write(proposal.yaml)
    }
  }
}
