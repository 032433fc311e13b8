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
      inventory), 'saved:N' (a kept proposal), or a file or directory of policies. Policies of other \
      namespaces are left out. Live policies are judged as they stand, all others as if the \
      namespace's default deny stood beside them. Exit 1 when there is a difference.

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
      let before = try await sides.side(old, beside: new)
      let after = try await sides.side(new, beside: old)
      let comparison = PolicyComparison(
        from: before.policies,
        to: after.policies,
        evidence: evidence,
        reader: reader,
        engine: cni?.engine,
        oldIsolated: before.isolated,
        newIsolated: after.isolated
      )
      print(comparison)
      let cut = comparison.connectionCount - comparison.connections.count
      if cut > 0 { noise.note("\(cut.counted("further connection")) not listed") }
      noise.note(
        "\(comparison.rules.count.counted("changed rule")), "
          + "\(comparison.connectionCount.counted("connection")) admitted differently, "
          + "\(comparison.connections.filter(\.isObserved).count.grouped) of them observed"
      )
      if !comparison.isEmpty { throw ExitCode(1) }
    }
  }

  private func print(_ comparison: PolicyComparison) {
    switch output {
    case .table:
      var table = Table(["WHAT", "CHANGE", "SEEN", "WHERE"])
      for line in comparison.rules { table.add(["rule", line.change.rawValue, "-", line.text]) }
      for line in comparison.connections {
        table.add(["connection", line.change.rawValue, line.isObserved ? "yes" : "no", line.text])
      }
      Terminal.write(table)
    case .json:
      func row(_ line: ComparedLine) -> [(key: String, value: JSONValue)] {
        [("change", .string(line.change.rawValue)), ("what", .string(line.text))]
      }
      let rules = comparison.rules.map { JSONValue.object(JSONObject(row($0))) }
      let connections = comparison.connections.map {
        JSONValue.object(JSONObject(row($0) + [("observed", .bool($0.isObserved))]))
      }
      Terminal.print(
        JSONWriter.prettyText(
          .object(
            JSONObject([
              ("rules", .array(rules)), ("connections", .array(connections)),
              ("connectionCount", .number(String(comparison.connectionCount))),
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

  /// A side made ready to be compared.
  typealias Side = (policies: PolicySet, isolated: Set<String>)

  /// The policies of the namespace, and of none, that a name stands for.
  ///
  /// - Parameter other: The other side. Beside live policies a proposal keeps those that are
  ///   cluster-wide, which it would not take away.
  func side(_ name: String, beside other: String) async throws -> Side {
    var set = try await policies(name)
    set.policies.removeAll { $0.namespace != nil && $0.namespace != namespace }
    if name == "live" { return (set, []) }
    let isProposal = name.hasPrefix("week:") || name.hasPrefix("saved:")
    if other == "live", isProposal {
      let live = try await PolicyFiles.live(stores)
      set.policies += live.policies.filter { $0.namespace == nil }
      set.tiers += live.tiers
    }
    return (set, [namespace])
  }

  /// The policies behind `week:N`, `saved:N`, `live` or a path.
  private func policies(_ name: String) async throws -> PolicySet {
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
    return try await PolicyFiles.read([name], stores).policySet
  }
}
