import ArgumentParser

@main
struct FlowlearnCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flowlearn",
    abstract: "Learn least-privilege Kubernetes network policy from flow logs.",
    discussion: """
      Flow logs that the cluster already writes (Hubble, Calico, VPC) are folded into a SQLite store. \
      From a week of them flowlearn proposes the smallest set of allow rules, proves it by replay, and \
      walks each namespace through a staged rollout. It reads files only and never talks to a cluster.

      The store is ./flowlearn.db unless --store or $FLOWLEARN_STORE names another. Results go to stdout, \
      all else to stderr. Exit codes: 0 done, 1 the answer is no, 2 could not do it, 64 wrong usage.

      Examples:

        flowlearn ingest sample-flows/hubble/flows.jsonl
        flowlearn propose --namespace app-prod > app-prod.yaml
        flowlearn rollout status
      """,
    version: "0.1.0",
    subcommands: [
      IngestCommand.self, InventoryCommand.self, FlowsCommand.self, WorkloadsCommand.self,
      ProposeCommand.self, CheckCommand.self, ExplainCommand.self, DiffCommand.self,
      WeeksCommand.self, ReviewCommand.self, RolloutCommand.self, WatchCommand.self,
      AssessCommand.self, ReportCommand.self,
      DatabaseCommand.self,
    ]
  )

  /// Parses the arguments and runs the command they name.
  ///
  /// As the parser's own, but a wrong value that only the running command can judge is shown with the
  /// usage of that command, and a mistyped command with the one that may have been meant.
  static func main() async {
    do {
      let arguments = Array(CommandLine.arguments.dropFirst())
      if let mistake = UnknownCommand.find(in: arguments, of: self) {
        fail(mistake.message, usageOf: mistake.parent)
      }
      var command = try await asyncParseAsRoot(arguments)
      do {
        if var asynchronous = command as? any AsyncParsableCommand {
          try await asynchronous.run()
        } else {
          try command.run()
        }
      } catch let error as ValidationError {
        fail(error.message, usageOf: type(of: command))
      }
    } catch {
      exit(withError: error)
    }
  }

  private static func fail(_ message: String, usageOf command: any ParsableCommand.Type) -> Never {
    let usage = usageString(for: command)
    let name = usage.prefix { !"[<".contains($0) }
    Terminal.note("Error: \(message)")
    Terminal.writeError("Usage: \(usage)\n")
    Terminal.note("  See '\(name)--help' for more information.")
    exit(withError: ExitCode.validationFailure)
  }
}

/// A word in the place of a command that is none.
struct UnknownCommand {
  /// What to tell, with the command that may have been meant.
  let message: String
  /// The command whose subcommands were looked at.
  let parent: any ParsableCommand.Type

  /// Finds the mistake; nil when there is none.
  static func find(
    in arguments: [String],
    of root: any ParsableCommand.Type
  ) -> UnknownCommand? {
    var command = root
    for word in arguments {
      let below = command.configuration.subcommands
      guard !below.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
      if let next = below.first(where: { $0._commandName == word }) {
        command = next
        continue
      }
      if command.configuration.defaultSubcommand != nil { return nil }
      return UnknownCommand(
        message: message(word, names: below.map { $0._commandName }),
        parent: command
      )
    }
    return nil
  }

  private static func message(_ word: String, names: [String]) -> String {
    let near = names.map { (name: $0, distance: distance(word, $0)) }
      .filter { $0.distance <= 2 }.min { $0.distance < $1.distance }
    let advice = near.map { "Did you mean '\($0.name)'?" }
    return "there is no command '\(word)'. "
      + (advice ?? "Commands: \(names.joined(separator: ", ")).")
  }

  /// How many letters have to be put in, taken out or changed.
  static func distance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (index, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in right.indices {
        let cost = letter == right[column] ? diagonal : diagonal + 1
        diagonal = row[column + 1]
        row[column + 1] = min(cost, row[column] + 1, row[column + 1] + 1)
      }
    }
    return row[right.count]
  }
}
