import Foundation

/// The commands of the program, as `--experimental-dump-help` lists them.
struct HelpDump: Decodable {
  struct Command: Decodable {
    var commandName: String
    var abstract: String?
    var discussion: String?
    var subcommands: [Command]?
  }

  var command: Command

  /// One command with its full name.
  struct Entry: Sendable, CustomStringConvertible {
    /// The words after `flowlearn`.
    var words: [String]
    var abstract: String
    var discussion: String

    var description: String { (["flowlearn"] + words).joined(separator: " ") }

    /// The lines under `Examples:`.
    var examples: [String] {
      let lines = discussion.split(separator: "\n", omittingEmptySubsequences: false)
      guard let start = lines.firstIndex(of: "Examples:") else { return [] }
      return lines[(start + 1)...].filter { !$0.isEmpty }.map(String.init)
    }
  }

  /// Every command but `help`, depth first.
  static let entries: [Entry] = {
    guard let outcome = try? Program.run(["--experimental-dump-help"]),
      let dump = try? JSONDecoder().decode(HelpDump.self, from: Data(outcome.output.utf8))
    else { return [] }
    func walk(_ command: Command, _ words: [String]) -> [Entry] {
      [
        Entry(
          words: words,
          abstract: command.abstract ?? "",
          discussion: command.discussion ?? ""
        )
      ]
        + (command.subcommands ?? []).filter { $0.commandName != "help" }
        .flatMap { walk($0, words + [$0.commandName]) }
    }
    return walk(dump.command, [])
  }()
}
