import ArgumentParser

/// When to use colour.
enum ColorMode: String, ExpressibleByArgument, CaseIterable {
  case auto, always, never
}

/// How lists are printed.
enum ListFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json, ndjson, csv
}

/// More remarks on stderr.
struct DetailOptions: ParsableArguments {
  @Flag(name: [.customShort("v"), .long], help: "Say more on stderr.")
  var verbose = false
}

/// Remarks on stderr.
struct NoiseOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Print nothing but results and errors.")
  var quiet = false

  @Option(help: "Use colour.")
  var color: ColorMode = .auto

  /// Prints a remark unless quiet.
  func note(_ line: String) {
    if !quiet { Terminal.note(line) }
  }
}
