import ArgumentParser
import AuditPipeline
import FlowModel
import Foundation
import PolicyModel
import PolicySynthesis

extension PolicyDialect: ExpressibleByArgument {}
extension PolicyLayout: ExpressibleByArgument {}
extension CIDRGrouping: ExpressibleByArgument {}
extension NetworkPlugin: ExpressibleByArgument {}

struct ProposeCommand: AsyncParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case yaml, json
  }

  static let configuration = CommandConfiguration(
    commandName: "propose",
    abstract: "Propose minimal allow rules for a namespace from an audit week.",
    discussion: """
      Every accepted flow stays allowed; nothing that was not observed is. Each proposal is replayed \
      before it is printed; what the replay showed, and what a person still has to decide, is said on \
      stderr. Exit 1 when the proof fails.

      Examples:

        flowlearn propose --namespace app-prod > app-prod.yaml
        flowlearn propose -n app-prod --week 1 --dialect cilium --out-dir policies/
        flowlearn propose -A -o json
      """
  )

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var namespaces: NamespaceOptions
  @OptionGroup var window: WindowOptions
  @OptionGroup var clock: ClockOptions
  @OptionGroup var noise: NoiseOptions

  @Option(help: "The kind of policy objects.")
  var dialect: PolicyDialect = .kubernetes

  @Option(help: "One object per workload, or the fewest objects.")
  var layout: PolicyLayout = .workload

  @Option(help: "How external addresses are widened.")
  var cidr: CIDRGrouping = .grouped

  @Option(help: "The network plugin that will enforce (default: the one of 'rollout start').")
  var cni: NetworkPlugin?

  @Flag(help: "Refuse any grant beyond the evidence: exit 1, nothing on stdout.")
  var strict = false

  @Flag(help: "Write a default-deny object with the rules.")
  var withDefaultDeny = false

  @Flag(help: "Write week, counts and times into annotations.")
  var annotate = false

  @Flag(help: "Keep the proposal in the store.")
  var save = false

  @Option(
    help: ArgumentHelp("Write files into this directory instead of stdout.", valueName: "dir")
  )
  var outDir: String?

  @Option(name: .shortAndLong, help: "The output format.")
  var output: Format = .yaml

  func run() async throws {
    let selection = try window.selection()
    let now = try clock.now()
    try await reporting {
      let stores = try storeOptions.open()
      let reader = try await EvidenceReader(stores, now: now)
      let finder = try await WindowFinder(stores, rollout: reader.rollout)
      var options = ProposeOptions()
      options.selection = selection
      options.dialect = dialect
      options.layout = layout
      options.grouping = cidr
      options.plugin = cni
      options.withDefaultDeny = withDefaultDeny
      let names = try namespaces.names(finder)
      let outcomes = try await Propose(stores, reader: reader, finder: finder, options: options)
        .outcomes(names)
      var results: [ProposeResult] = []
      var isClean = true
      for (name, outcome) in zip(names, outcomes) {
        guard namespaces.allNamespaces else {
          results.append(try outcome.get())
          continue
        }
        // Nobody asked for this one by name: that it has no evidence then is no failure.
        guard let result = try? outcome.get() else {
          noise.note("\(name): no flows in this window; no proposal")
          continue
        }
        results.append(result)
      }
      guard !results.isEmpty else {
        Terminal.report(CommandFailure("no namespace has flows in this window"))
        throw ExitCode(1)
      }
      var isTight = true
      for result in results {
        let report = ProposalReport(result)
        if !noise.quiet { report.print() }
        isClean = isClean && result.proof.holds
        if strict, !result.proposal.excess.isEmpty {
          Terminal.report(
            CommandFailure(
              "\(result.namespace): \(result.proposal.excess.count.counted("grant")) beyond the "
                + "evidence (--strict)",
              hint: "Without --strict they are listed and the proposal is printed."
            )
          )
          isTight = false
        }
        if result.learned.isEmpty {
          Terminal.report(
            CommandFailure(
              "\(result.namespace): nothing may be allowed: none of its "
                + "\(result.observed.count.counted("connection")) is accepted",
              hint: "flowlearn review -n \(result.namespace) lists them for decision."
            )
          )
          isClean = isClean && namespaces.allNamespaces
        }
      }
      guard isTight else { throw ExitCode(1) }
      // Without anything to allow even a default deny would be a proposal to cut the namespace off.
      results.removeAll { $0.learned.isEmpty }
      try await write(results)
      if save {
        let saving = SavedProposals(stores)
        for result in results {
          let id = try await saving.save(result, dialect: dialect, actor: Actor.name, now: now)
          noise.note("\(result.namespace): saved as proposal \(id)")
        }
      }
      if !isClean { throw ExitCode(1) }
    }
  }

  private func write(_ results: [ProposeResult]) async throws {
    if let outDir {
      let outcome = try ProposalFiles.write(results, to: outDir, annotate: annotate)
      for path in outcome.written { noise.note("wrote \(path)") }
      for path in outcome.stale {
        noise.note("left alone \(path): it is of an earlier proposal and not part of this one")
      }
      return
    }
    switch output {
    case .yaml:
      let texts = try await ProposalText.yaml(results, annotate: annotate)
      Terminal.write(texts.filter { !$0.isEmpty }.joined(separator: "---\n"))
    case .json: Terminal.print(ProposalText.json(results))
    }
  }
}
