import FlowAggregation
import Foundation
import TestSupport
import Testing

@Suite struct DocumentationTests {
  private static let root = ProjectFiles.root()

  /// The pages of the project, by path from its top folder.
  static let pages: [String] = {
    let fixed = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
    let docs = FileManager.default.enumerator(atPath: root.appendingPathComponent("docs").path)
    let found = (docs?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(".md") }
    return fixed + found.map { "docs/\($0)" }.sorted()
  }()

  private static func text(_ page: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)
  }

  /// The lines of the fenced blocks with a language.
  private static func blocks(_ text: String, language: String) -> [[String]] {
    var blocks: [[String]] = []
    var current: [String]?
    for line in text.components(separatedBy: "\n") {
      if let block = current {
        if line == "```" {
          blocks.append(block)
          current = nil
        } else {
          current?.append(line)
        }
      } else if line == "```\(language)" {
        current = []
      }
    }
    return blocks
  }

  @Test("Links to files of the project lead somewhere", arguments: pages)
  func links(_ page: String) throws {
    let text = try DocumentationTests.text(page)
    let folder = DocumentationTests.root.appendingPathComponent(page).deletingLastPathComponent()
    for match in text.matches(of: /\]\(([^)\s]+)\)/) {
      let target = String(match.output.1)
      if target.contains("://") || target.hasPrefix("#") { continue }
      let path = target.split(separator: "#").first.map(String.init) ?? target
      let file = folder.appendingPathComponent(path)
      #expect(FileManager.default.fileExists(atPath: file.path), "\(page) links to \(target)")
    }
  }

  @Test("The README's commands run in order on sample-flows")
  func readme() throws {
    let scratch = try Scratch.withSamples()
    let lines = DocumentationTests.blocks(
      try DocumentationTests.text("README.md"),
      language: "sh"
    ).flatMap(\.self)
    let commands = lines.filter { $0.hasPrefix("flowlearn ") }.map {
      $0.split(separator: "  #", maxSplits: 1).first.map(String.init) ?? $0
    }
    #expect(commands.count > 5)
    for command in commands {
      let outcome = try Program.shell(command, in: scratch.url)
      // 1 is an answer: a difference, or a gate that is not met.
      #expect(outcome.status == 0 || outcome.status == 1, "\(command): \(outcome.errors)")
    }
  }

  @Test("The README shows what the demo prints")
  func demoOutput() throws {
    let scratch = try Scratch.withSamples()
    var printed = ""
    for arguments in [
      ["ingest", "sample-flows/hubble/flows.jsonl"], ["propose", "--namespace", "app-prod"],
      ["rollout", "status"],
    ] {
      let outcome = try Program.run(arguments, in: scratch.url)
      printed += outcome.errors + outcome.output
    }
    let known = Set(printed.components(separatedBy: "\n"))
    let shown = DocumentationTests.blocks(
      try DocumentationTests.text("README.md"),
      language: "console"
    )
    #expect(!shown.isEmpty)
    for line in shown.flatMap(\.self)
    where !line.hasPrefix("$ ") && line != "..." && !line.isEmpty {
      #expect(known.contains(line), "the demo does not print: \(line)")
    }
  }

  @Test("The README names every command and every target")
  func completeness() throws {
    let text = try DocumentationTests.text("README.md")
    for entry in HelpDump.entries where entry.words.count == 1 {
      #expect(text.contains("`\(entry.words[0])"), "\(entry)")
    }
    let sources = DocumentationTests.root.appendingPathComponent("Sources")
    for target in try FileManager.default.contentsOfDirectory(atPath: sources.path)
    where !target.hasPrefix(".") {
      #expect(text.contains("Sources/\(target)"), "\(target)")
    }
  }

  @Test("The page on logs says what every reason to leave a record out means")
  func reasons() throws {
    let text = try DocumentationTests.text("docs/formats.md")
    for reason in DiscardReason.allCases {
      #expect(text.contains("| `\(reason.rawValue)` | \(reason.explanation) |"), "\(reason)")
    }
  }

  @Test("sample-flows is what its generator writes; `make samples` rewrites it")
  func samples() throws {
    let scratch = try Scratch()
    let outcome = try Program.run(["."], of: "SampleFlowGenerator", in: scratch.url)
    #expect(outcome.status == 0)
    let stored = DocumentationTests.root.appendingPathComponent("sample-flows").path
    let same = try Program.shell("diff -rq . '\(stored)'", in: scratch.url)
    #expect(same.status == 0, "stale: \(same.output)")
  }

  @Test("Decisions are numbered without gaps, and each says what was considered")
  func decisions() throws {
    let folder = DocumentationTests.root.appendingPathComponent("docs/decisions")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".md") }.sorted()
    #expect(!files.isEmpty)
    for (index, file) in files.enumerated() {
      #expect(Int(file.prefix(4)) == index + 1, "\(file)")
      let text = try DocumentationTests.text("docs/decisions/\(file)")
      for heading in ["## Context", "## Decision", "## Consequences", "## Considered"] {
        #expect(text.contains("\n\(heading)"), "\(file): \(heading)")
      }
    }
  }
}
