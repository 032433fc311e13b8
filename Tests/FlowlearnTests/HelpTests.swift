import Foundation
import TestSupport
import Testing

@Suite struct HelpTests {
  @Test("The help dump lists the commands")
  func dump() {
    let names = HelpDump.entries.map(\.description)
    for name in ["flowlearn ingest", "flowlearn propose", "flowlearn rollout status"] {
      #expect(names.contains(name))
    }
  }

  @Test(
    "Every help text has an overview and examples that fit the line",
    arguments: HelpDump.entries
  )
  func examples(_ entry: HelpDump.Entry) throws {
    let outcome = try Program.run(entry.words + ["--help"])
    #expect(outcome.status == 0)
    #expect(outcome.output.hasPrefix("OVERVIEW: "))
    #expect(outcome.output.contains("\nExamples:\n"))
    #expect(outcome.output.contains("\nUSAGE: \(entry)"))
    #expect(!entry.abstract.isEmpty && entry.abstract.hasSuffix("."))
    #expect(!entry.examples.isEmpty)
    for example in entry.examples {
      #expect(example.hasPrefix("  ") && example.count <= 80, "\(example)")
      #expect(outcome.output.contains("\n\(example)\n"), "wrapped or lost: \(example)")
    }
  }

  @Test("docs/cli.md is what the help texts say; `make docs` rewrites it")
  func reference() throws {
    let dump = try Program.run(["--experimental-dump-help"])
    let page = try Program.run([], of: "CLIReference", input: dump.output)
    #expect(page.status == 0)
    let file = ProjectFiles.root().appendingPathComponent("docs/cli.md")
    let stored = try String(contentsOf: file, encoding: .utf8)
    #expect(page.output == stored, "docs/cli.md is stale: make docs")
  }

  @Test("A help dump that is none is refused")
  func brokenDump() throws {
    for dump in ["", "{}", "{\"command\":{}}", "[1"] {
      let page = try Program.run([], of: "CLIReference", input: dump)
      #expect(page.status == 2)
      #expect(page.output.isEmpty)
      #expect(page.errors.hasPrefix("Error: "))
    }
  }

  @Test(
    "A mistyped command is answered with the one that may have been meant",
    arguments: [
      (["ingst", "x"], "there is no command 'ingst'. Did you mean 'ingest'?", "flowlearn"),
      (["rollout", "statis"], "there is no command 'statis'. Did you mean 'status'?", "rollout"),
      (["db", "drop"], "there is no command 'drop'. Commands: info.", "flowlearn db"),
      (["nothing"], "there is no command 'nothing'. Commands: ingest, inventory,", "flowlearn"),
    ]
  )
  func mistyped(_ arguments: [String], _ message: String, _ command: String) throws {
    let outcome = try Program.run(arguments)
    #expect(outcome.status == 64)
    #expect(outcome.errors.hasPrefix("Error: \(message)"), "\(outcome.errors)")
    #expect(outcome.errors.contains("Usage: flowlearn"))
    #expect(outcome.errors.contains("\(command) --help' for more information.\n"))
  }

  @Test(
    "A wrong value is shown with the usage of its own command",
    arguments: [
      ["flows"], ["flows", "-A", "-n", "app-prod"], ["flows", "-A", "--class", "good"],
      ["flows", "-A", "--since", "yesterday"], ["propose", "-A", "--week", "0"],
      ["flows", "-A", "--since", "2026-11-09", "--until", "2026-11-09"],
      ["ingest", "x", "--boot-time", "noon"], ["ingest", "--follow", "a", "b"],
      ["explain", "--from", "a/b", "--to", "c/d", "--port", "70000"],
      ["rollout", "advance", "-n", "app-prod", "--force"],
    ]
  )
  func ownUsage(_ arguments: [String]) throws {
    let scratch = try Scratch.withSamples()
    _ = try Program.run(["ingest", "-q", "sample-flows/hubble/flows.jsonl"], in: scratch.url)
    let outcome = try Program.run(arguments, in: scratch.url)
    let command = ([arguments[0]] + arguments.dropFirst().prefix { $0 == "advance" })
      .joined(separator: " ")
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("Usage: flowlearn \(command) "), "\(outcome.errors)")
    #expect(outcome.errors.contains("See 'flowlearn \(command) --help'"))
  }

  @Test(
    "Wrong usage is exit 64, with the usage line",
    arguments: [
      ["propose"], ["propose", "-n", "app-prod", "--week", "0"],
      ["flows", "-A", "--class", "good"],
      ["nothing"], ["ingest"], ["rollout", "advance", "-n", "app-prod", "--force"],
    ]
  )
  func usage(_ arguments: [String]) throws {
    let scratch = try Scratch.withSamples()
    _ = try Program.run(["ingest", "-q", "sample-flows/hubble/flows.jsonl"], in: scratch.url)
    let outcome = try Program.run(arguments, in: scratch.url)
    #expect(outcome.status == 64, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains("Usage: flowlearn"))
  }
}
