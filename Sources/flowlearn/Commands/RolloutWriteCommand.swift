import ArgumentParser
import AuditPipeline
import FlowModel
import PolicyModel
import Rollout

struct RolloutWriteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "write",
    abstract: "Write the files that put a namespace into force, without moving it.",
    discussion: """
      In review: to read them before the watch. In the watch: after a denial was accepted, so that \
      apply.sh can be run again with the rule it needs. What an earlier apply.sh saved stays in backup/.

      Examples:

        flowlearn rollout write -n app-prod --out-dir rollout
      """
  )

  @OptionGroup var change: RolloutChangeOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String

  @Option(
    help: "The kind of policy objects (default: that of the files written before, else kubernetes)."
  )
  var dialect: PolicyDialect?

  @Option(
    help: ArgumentHelp(
      "Where files are written, one folder per namespace (default: where they were, else rollout).",
      valueName: "dir"
    )
  )
  var outDir: String?

  func run() async throws {
    let now = try change.clock.now()
    try await reporting {
      let stores = try change.storeOptions.open()
      let context = try await RolloutContext(stores, now: now, dialect: dialect)
      let before = outDir == nil ? context.state[namespace].written : nil
      let folder =
        before.map { StepFolder($0.folder) }
        ?? StepFolder(
          outDir ?? "rollout",
          namespace: namespace,
          step: RolloutStage.watch.rawValue
        )
      let outcome = try await context.workflow.write(
        namespace,
        folder: folder,
        who: Actor.name,
        now: now
      )
      try await context.carryOut(outcome, dryRun: change.dryRun)
    }
  }
}

struct RolloutAcceptPolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept-policy",
    abstract:
      "Accept that a live policy of somebody else enforces once Cilium's audit mode is off.",
    discussion: """
      Audit mode belongs to the whole agent: when it goes off, every stored policy enforces. The gate \
      before the first watch lists those nobody has decided about; others are deleted in the cluster \
      and leave the list with the next 'flowlearn inventory add'.

      Examples:

        flowlearn rollout accept-policy -n app-prod 'NetworkPolicy a/b' --reason seen
      """
  )

  @Argument(help: "The policy as the gate names it: 'KIND NAMESPACE/NAME'.")
  var policy: String

  @OptionGroup var options: RolloutReasonOptions

  func run() async throws {
    let policy = policy
    try await options.record(.acceptPolicy) { $0.policy = policy }
  }
}
