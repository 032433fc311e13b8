import JSONText

/// One command of the reference.
struct ReferenceCommand {
  /// The full name, `flowlearn rollout status`.
  let name: String
  /// What it does, one sentence.
  let abstract: String
  private let discussion: String
  private let arguments: [ReferenceArgument]
  private let subcommands: [ReferenceCommand]

  /// Reads a command and those below it.
  ///
  /// - Parameter path: The names of the commands above.
  init(_ value: JSONValue, path: [String]) throws(ReferenceError) {
    guard let word = value["commandName"]?.string else { throw .missing("commandName") }
    let path = path + [word]
    name = path.joined(separator: " ")
    abstract = value["abstract"]?.string ?? ""
    discussion = value["discussion"]?.string ?? ""
    arguments = (value["arguments"]?.array ?? []).compactMap(ReferenceArgument.init)
    var below: [ReferenceCommand] = []
    for child in value["subcommands"]?.array ?? []
    where child["shouldDisplay"]?.bool ?? true && child["commandName"]?.string != "help" {
      below.append(try ReferenceCommand(child, path: path))
    }
    subcommands = below
  }

  /// The command and all below it, depth first.
  var withSubcommands: [ReferenceCommand] { [self] + subcommands.flatMap(\.withSubcommands) }

  /// Its heading as GitHub links to it.
  var anchor: String { name.replacing(" ", with: "-") }

  /// The lines of its section.
  var section: [String] {
    var lines = ["## \(name)", "", abstract]
    let (text, examples) = split
    if !text.isEmpty { lines += [""] + text }
    lines += ["", "```", usage, "```"]
    if !examples.isEmpty { lines += ["", "Examples:", "", "```sh"] + examples + ["```"] }
    if !arguments.isEmpty {
      lines += ["", "| argument | meaning |", "| --- | --- |"]
      for argument in arguments {
        lines.append("| `\(argument.spelling)` | \(Markdown.cell(argument.meaning)) |")
      }
    }
    return lines
  }

  private var usage: String {
    guard subcommands.isEmpty else { return "\(name) <subcommand>" }
    let required = arguments.filter { $0.isRequired || $0.isPositional }.map(\.usage)
    let hasOptions = arguments.contains { !$0.isRequired && !$0.isPositional }
    return ([name] + required + (hasOptions ? ["[options]"] : [])).joined(separator: " ")
  }

  /// The discussion, and the lines of its examples without their indentation.
  private var split: (text: [String], examples: [String]) {
    let lines = discussion.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let start = lines.firstIndex(of: "Examples:") else { return (lines, []) }
    var text = lines[..<start]
    while text.last == "" { text = text.dropLast() }
    let examples = lines[(start + 1)...].filter { !$0.isEmpty }.map {
      $0.hasPrefix("  ") ? String($0.dropFirst(2)) : $0
    }
    return (Array(text), examples)
  }
}

/// One option, flag or positional argument.
struct ReferenceArgument {
  /// As in the table: `-n, --namespace <name>`.
  let spelling: String
  /// As in the usage line: `--namespace <name> ...`.
  let usage: String
  /// What it means, with values and default.
  let meaning: String
  /// Whether it must be given.
  let isRequired: Bool
  /// Whether it stands by its place.
  let isPositional: Bool

  /// Reads an argument; nil for `--help`, `--version` and hidden ones.
  init?(_ value: JSONValue) {
    guard value["shouldDisplay"]?.bool ?? true, let kind = value["kind"]?.string else { return nil }
    let names = (value["names"]?.array ?? []).compactMap { name -> String? in
      guard let word = name["name"]?.string else { return nil }
      return name["kind"]?.string == "short" ? "-\(word)" : "--\(word)"
    }
    guard !names.contains("--help"), !names.contains("--version") else { return nil }
    let label = "<\(value["valueName"]?.string ?? "value")>"
    let repeats = value["isRepeating"]?.bool == true ? " ..." : ""
    isPositional = kind == "positional"
    isRequired = value["isOptional"]?.bool == false
    let sorted = names.sorted { $0.count < $1.count }
    switch kind {
    case "positional":
      spelling = label + repeats
      usage = isRequired ? spelling : "[\(label)\(repeats)]"
    case "flag":
      spelling = sorted.joined(separator: ", ")
      usage = sorted.last ?? ""
    default:
      spelling = "\(sorted.joined(separator: ", ")) \(label)\(repeats)"
      usage = "\(sorted.last ?? "") \(label)\(repeats)"
    }
    var facts: [String] = []
    if kind == "option", let all = value["allValues"]?.array, !all.isEmpty {
      facts.append("values: " + all.compactMap(\.string).joined(separator: ", "))
    }
    if kind != "flag", let standard = value["defaultValue"]?.string, !standard.isEmpty {
      facts.append("default: \(standard)")
    }
    let abstract = value["abstract"]?.string ?? ""
    meaning = facts.isEmpty ? abstract : "\(abstract) (\(facts.joined(separator: "; ")))"
  }
}

/// Text that is safe in Markdown.
enum Markdown {
  /// A table cell: on one line, without a bar or a tag that would end it.
  static func cell(_ text: String) -> String {
    text.replacing("\n", with: " ").replacing("|", with: "\\|").replacing("<", with: "&lt;")
  }
}
