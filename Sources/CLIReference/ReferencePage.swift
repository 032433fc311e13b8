import JSONText

/// Why a help dump is not understood.
enum ReferenceError: Error, CustomStringConvertible {
  /// A field is missing or of another type.
  case missing(String)

  var description: String {
    switch self {
    case .missing(let field): "field \"\(field)\" is missing"
    }
  }
}

/// The command line reference as Markdown: one section per command, in the order of `--help`.
struct ReferencePage {
  private let commands: [ReferenceCommand]

  /// Reads a help dump (swift-argument-parser's `ToolInfo`, version 0).
  init(_ dump: JSONValue) throws(ReferenceError) {
    guard let root = dump["command"] else { throw .missing("command") }
    commands = try ReferenceCommand(root, path: []).withSubcommands
  }

  /// The page.
  var text: String {
    var lines = [
      "# Command line", "",
      "Written by `make docs` from the help texts of the program; do not edit.", "",
      "Every command knows `--help`. Results go to stdout, everything else to stderr.", "",
      "| exit | meaning |", "| --- | --- |",
      "| 0 | done; nothing to object |",
      "| 1 | done, and the answer is no: denied flows, a difference, a gate that is not met |",
      "| 2 | could not do it: unreadable input, store error, `--strict` violated |",
      "| 64 | wrong usage |", "",
      "| command | what it does |", "| --- | --- |",
    ]
    for command in commands.dropFirst() {
      lines.append(
        "| [`\(command.name)`](#\(command.anchor)) | \(Markdown.cell(command.abstract)) |"
      )
    }
    for command in commands { lines += [""] + command.section }
    return lines.joined(separator: "\n") + "\n"
  }
}
