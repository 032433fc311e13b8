import Foundation
import TestSupport
import Testing

@Suite struct ExampleTests {
  /// Examples that need what no test has.
  private static let notRun = [
    "hubble observe": "needs a cluster", "kubectl get": "needs a cluster",
    "--fields 'srcaddr": "shortened",
    "--interactive": "needs a terminal", "--for 3600": "watches for an hour",
  ]

  /// Examples whose right answer is no.
  private static let saysNo = [
    "flowlearn diff -n app-prod week:1 week:2", "flowlearn diff -n app-prod live policies/",
    "flowlearn rollout cluster-wide",
  ]

  /// Commands that record something without saying when; the sample is of November 2026.
  private static let takesTime = [
    "flowlearn review accept", "flowlearn review reject", "flowlearn review undo",
    "flowlearn rollout advance", "flowlearn rollout rollback", "flowlearn rollout hold",
    "flowlearn rollout resume", "flowlearn rollout withdraw", "flowlearn rollout cluster-wide",
    "flowlearn rollout write", "flowlearn rollout accept-policy",
  ]

  /// Commands that go before an example to bring about what it is for.
  private static let before: [(prefix: String, commands: [String])] = [
    (
      "flowlearn rollout resume", ["flowlearn rollout hold -n app-prod --reason test"]
    ),
    (
      "flowlearn rollout rollback",
      [
        "flowlearn rollout advance -n app-prod --force --reason test",
        "flowlearn rollout advance -n app-prod --force --reason test",
      ]
    ),
    (
      "flowlearn rollout write", ["flowlearn rollout advance -n app-prod --force --reason test"]
    ),
    (
      "flowlearn rollout show", ["flowlearn propose -n app-prod --save -q"]
    ),
    (
      "flowlearn review undo", ["flowlearn review reject -n app-prod 1 --reason test"]
    ),
    (
      "flowlearn review import",
      [
        "flowlearn review reject -n app-prod 1 --reason test",
        "flowlearn review export > decisions.yaml",
      ]
    ),
  ]

  struct Example: Sendable, CustomStringConvertible {
    var line: String

    var description: String { line }

    /// Whether an audit was started before.
    var followsStart: Bool {
      line.hasPrefix("flowlearn rollout") && !line.hasPrefix("flowlearn rollout start")
        || line.hasPrefix("flowlearn watch")
    }
  }

  static let examples: [Example] = {
    var seen: Set<String> = []
    let lines = HelpDump.entries.flatMap(\.examples).map { String($0.dropFirst(2)) }
    return lines.filter { line in
      seen.insert(line).inserted && !notRun.keys.contains { line.contains($0) }
    }.map(Example.init)
  }()

  @Test("The examples of the help texts run on sample-flows", arguments: examples)
  func runs(_ example: Example) throws {
    let scratch = try Scratch.withSamples()
    try prepare(scratch, example)
    let outcome = try Program.shell(ExampleTests.timed(example.line), in: scratch.url)
    let expected: Int32 =
      ExampleTests.saysNo.contains { example.line.hasPrefix($0) } ? 1 : 0
    #expect(outcome.status == expected, "\(outcome.errors)")
  }

  /// A command at a time after the sample, where it does not say one itself.
  private static func timed(_ line: String) -> String {
    let needsTime = takesTime.contains { line.hasPrefix($0) } && !line.contains(" --at ")
    guard needsTime else { return line }
    let parts = line.split(separator: " > ", maxSplits: 1)
    let redirect = parts.count > 1 ? " > \(parts[1])" : ""
    return "\(parts[0]) --at 2026-11-17T00:00:00Z\(redirect)"
  }

  /// The store, policies, snapshots and decisions that the examples speak of.
  private func prepare(_ scratch: Scratch, _ example: Example) throws {
    var commands = [
      "flowlearn inventory add -q --at 2026-11-09T00:00:00Z sample-flows/pods.json",
      "flowlearn ingest -q sample-flows/hubble/flows.jsonl",
      "flowlearn propose -n app-prod -q --out-dir policies",
      "mkdir -p snapshots && cp sample-flows/pods.json snapshots/",
    ]
    if example.followsStart {
      commands.append(
        "flowlearn rollout start -n app-prod -n shop-staging --cni cilium "
          + "--at 2026-11-02T00:00:00Z"
      )
    }
    commands += ExampleTests.before.filter { example.line.hasPrefix($0.prefix) }
      .flatMap(\.commands)
    for command in commands {
      let outcome = try Program.shell(ExampleTests.timed(command), in: scratch.url)
      try #require(outcome.status == 0, "\(command): \(outcome.errors)")
    }
  }
}
