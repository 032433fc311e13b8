import PolicyManifests
import FlowStorage
import ArgumentParser
import AuditPipeline
import FlowModel
import JSONText
import PolicyModel
import PolicySynthesis

struct DiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare what two sets of policies admit, not how they are written.",
    discussion: """
      Each side is 'week:N' (the proposal for that audit week), 'live' (the live policies of the \
      inventory), 'saved:N' (a kept proposal), or a file or directory of policies. Exit 1 when there \
      is a difference.

      Examples:

        flowlearn diff -n app-prod week:1 week:2
        flowlearn diff -n app-prod live policies/
      """
  )

  @Argument(help: ArgumentHelp("The old side.", valueName: "old"), completion: .file())
  var old: String

  @Argument(help: ArgumentHelp("The new side.", valueName: "new"), completion: .file())
  var new: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var clock: ClockOptions
  @OptionGroup var noise: NoiseOptions

  @Option(help: "The kind of policy objects of proposals.")
  var dialect: PolicyDialect = .kubernetes

  @Option(help: "The network plugin whose semantics count (default: that of the policies' kind).")
  var cni: NetworkPlugin?

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case table, json
  }

  @Option(name: .shortAndLong, help: "The output format.")
  var output: Format = .table

  func run() async throws {
    let now = try clock.now()
    try await reporting {
      let stores = try storeOptions.open()
      let reader = try await EvidenceReader(stores, now: now)
      let finder = try await WindowFinder(stores, rollout: reader.rollout)
      let evidence = try await WholeEvidence.read(
        reader,
        finder: finder,
        namespaces: [namespace],
        selection: WindowSelection(span: .all)
      )
      let sides = PolicySides(
        stores: stores,
        reader: reader,
        finder: finder,
        namespace: namespace,
        dialect: dialect
      )
      let comparison = PolicyComparison(
        from: try await sides.policies(old),
        to: try await sides.policies(new),
        evidence: evidence,
        reader: reader,
        engine: cni?.engine,
        isolated: [namespace]
      )
      print(comparison)
      noise.note(
        "\(comparison.rules.count.counted("changed rule")), "
          + comparison.connections.count.counted("connection") + " admitted differently"
      )
      if !comparison.isEmpty { throw ExitCode(1) }
    }
  }

  private func print(_ comparison: PolicyComparison) {
    switch output {
    case .table:
      var table = Table(["WHAT", "CHANGE", "WHERE"])
      for line in comparison.rules { table.add(["rule", line.change.rawValue, line.text]) }
      for line in comparison.connections {
        table.add(["connection", line.change.rawValue, line.text])
      }
      Terminal.write(table)
    case .json:
      func rows(_ lines: [ComparedLine]) -> JSONValue {
        .array(
          lines.map {
            .object(
              JSONObject([("change", .string($0.change.rawValue)), ("what", .string($0.text))])
            )
          }
        )
      }
      Terminal.print(
        JSONWriter.prettyText(
          .object(
            JSONObject([
              ("rules", rows(comparison.rules)), ("connections", rows(comparison.connections)),
            ])
          )
        )
      )
    }
  }
}

/// The sides of a comparison, by name.
struct PolicySides {
  let stores: Stores
  let reader: EvidenceReader
  let finder: WindowFinder
  let namespace: String
  let dialect: PolicyDialect

  /// The policies behind `week:N`, `saved:N`, `live` or a path.
  func policies(_ name: String) async throws -> PolicySet {
    if name == "live" { return try await PolicyFiles.live(stores) }
    if name.hasPrefix("week:"), let week = Int(name.dropFirst(5)) {
      var options = ProposeOptions()
      options.dialect = dialect
      options.selection = WindowSelection(span: .week(week))
      let results = try await Propose(stores, reader: reader, finder: finder, options: options)
        .run([namespace])
      return results.first?.proposal.policySet ?? PolicySet()
    }
    if name.hasPrefix("saved:"), let number = Int64(name.dropFirst(6)) {
      let saved = try await SavedProposals(stores).list(namespace: namespace)
      guard let proposal = saved.first(where: { $0.id == number }) else {
        throw CommandFailure(
          "there is no proposal \(number) of \(namespace)",
          hint: "Kept are: \(saved.map { String($0.id) }.joined(separator: ", "))."
        )
      }
      return try PolicyFiles.parse(proposal.yaml, name: name)
    }
    return try PolicyFiles.read([name]).policySet
  }
}
