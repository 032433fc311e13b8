import Foundation
import TestSupport
import Testing

/// What the commands print on sample-flows, word for word.
@Suite struct CommandOutputTests {
  struct Case: Sendable, CustomStringConvertible {
    var golden: String
    var line: String
    var status: Int32 = 0

    var description: String { line }
  }

  static let cases = [
    Case(golden: "ingest.txt", line: "flowlearn ingest sample-flows/hubble"),
    Case(golden: "flows.txt", line: "flowlearn flows -n app-prod --class allowed"),
    Case(golden: "flows-by-log.txt", line: "flowlearn flows -n app-prod --by log --class allowed"),
    Case(golden: "flows.csv.txt", line: "flowlearn flows -n monitoring -o csv"),
    Case(golden: "workloads.txt", line: "flowlearn workloads -A"),
    Case(golden: "propose.txt", line: "flowlearn propose -n app-prod"),
    Case(golden: "propose-cilium.txt", line: "flowlearn propose -n app-prod --dialect cilium"),
    Case(golden: "propose-calico.txt", line: "flowlearn propose -n app-prod --dialect calico"),
    Case(golden: "propose-compact.txt", line: "flowlearn propose -n app-prod --layout compact"),
    Case(
      golden: "check.txt",
      line: "flowlearn propose -q -n app-prod | flowlearn check -n app-prod -"
    ),
    Case(
      golden: "check-week-1.txt",
      line: "flowlearn propose -q -n app-prod --week 1 | flowlearn check -n app-prod --denied -",
      status: 1
    ),
    Case(
      golden: "check.json.txt",
      line: "flowlearn propose -q -n app-prod"
        + " | flowlearn check -q -n app-prod --week 1 --denied -o json -"
    ),
    Case(golden: "diff.txt", line: "flowlearn diff -n app-prod week:1 week:2", status: 1),
    Case(
      golden: "explain.txt",
      line: "flowlearn propose -q -n app-prod"
        + " | flowlearn explain --from app-prod/web --to app-prod/db --port 5432 -",
      status: 1
    ),
    Case(golden: "weeks.txt", line: "flowlearn weeks -n app-prod"),
    Case(golden: "review.txt", line: "flowlearn review -n app-prod"),
    Case(golden: "suggest.txt", line: "flowlearn rollout suggest"),
    Case(golden: "status.txt", line: "flowlearn rollout status"),
    Case(golden: "unknown-namespace.txt", line: "flowlearn propose -n nowhere", status: 1),
    Case(golden: "missing-file.txt", line: "flowlearn ingest nothing.json", status: 2),
  ]

  @Test("Commands print what they are known to print", arguments: cases)
  func golden(_ entry: Case) throws {
    let scratch = try Scratch.withSamples()
    if !entry.line.contains("flowlearn ingest") {
      let filled = try Program.run(
        ["ingest", "-q", "sample-flows/hubble/flows.jsonl"],
        in: scratch.url
      )
      try #require(filled.status == 0, "\(filled.errors)")
    }
    let outcome = try Program.shell(entry.line, in: scratch.url)
    #expect(outcome.status == entry.status)
    try expectGolden(
      "$ \(entry.line)\n\(outcome.output)--- stderr\n\(outcome.errors)",
      entry.golden
    )
  }

  @Test("A second ingest of the same file changes nothing")
  func twice() throws {
    let scratch = try Scratch.withSamples()
    let file = "sample-flows/hubble/flows.jsonl"
    _ = try Program.run(["ingest", "-q", file], in: scratch.url)
    let first = try Program.run(["flows", "-A", "-o", "ndjson"], in: scratch.url)
    let again = try Program.run(["ingest", file], in: scratch.url)
    let second = try Program.run(["flows", "-A", "-o", "ndjson"], in: scratch.url)
    #expect(again.errors == "\(file): already counted, nothing new\n")
    #expect(!first.output.isEmpty && first.output == second.output)
  }

  @Test("The scan of the sample is one line of the proposal's remarks for each reason")
  func scanIsOneLine() throws {
    let scratch = try Scratch.withSamples()
    _ = try Program.run(["ingest", "-q", "sample-flows/hubble/flows.jsonl"], in: scratch.url)
    let outcome = try Program.run(["propose", "-n", "app-prod"], in: scratch.url)
    let lines = outcome.errors.split(separator: "\n").filter { $0.contains("debug-shell") }
    #expect(lines.count == 1)
  }

  @Test("Where nothing is accepted there is no policy, default deny or not: exit 1 says so")
  func nothingAccepted() throws {
    let scratch = try Scratch()
    let records = (1...12).map { port in
      """
      {"flow":{"time":"2026-11-09T10:00:00Z","verdict":"DROPPED","drop_reason_desc":"POLICY_DENIED",\
      "IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"TCP":{"source_port":40000,\
      "destination_port":\(port),"flags":{"SYN":true}}},"source":{"namespace":"lab",\
      "labels":["k8s:app=a","k8s:io.kubernetes.pod.namespace=lab"],"pod_name":"a-0"},"destination":\
      {"namespace":"lab","labels":["k8s:app=b","k8s:io.kubernetes.pod.namespace=lab"],\
      "pod_name":"b-0"},"Type":"L3_L4","traffic_direction":"EGRESS","is_reply":false}}
      """
    }
    try (records.joined(separator: "\n") + "\n").write(
      to: scratch.url.appendingPathComponent("flows.jsonl"),
      atomically: true,
      encoding: .utf8
    )
    let filled = try Program.run(["ingest", "-q", "flows.jsonl"], in: scratch.url)
    try #require(filled.status == 0, "\(filled.errors)")
    for options in [[], ["--with-default-deny"], ["-o", "json"]] {
      let outcome = try Program.run(["propose", "-n", "lab"] + options, in: scratch.url)
      #expect(outcome.status == 1)
      #expect(outcome.output == (options.first == "-o" ? "[]\n" : ""))
      #expect(outcome.errors.contains("nothing may be allowed"))
    }
  }

  @Test("All namespaces at once are the single proposals one after the other")
  func allNamespaces() throws {
    let scratch = try Scratch.withSamples()
    _ = try Program.run(["ingest", "-q", "sample-flows/hubble/flows.jsonl"], in: scratch.url)
    let listed = try Program.run(["propose", "-A", "-o", "json"], in: scratch.url)
    let pattern = /^    "namespace": "([^"]+)"/.anchorsMatchLineEndings()
    let names = listed.output.matches(of: pattern).map { String($0.1) }
    #expect(names.count > 2 && names == names.sorted())
    let all = try Program.run(["propose", "-A", "-q"], in: scratch.url)
    let single = try names.map {
      try Program.run(["propose", "-q", "-n", $0], in: scratch.url).output
    }
    #expect(all.output == single.filter { !$0.isEmpty }.joined(separator: "---\n"))
  }

  @Test("Colour is asked for, never forced on files")
  func color() throws {
    let scratch = try Scratch.withSamples()
    _ = try Program.run(["ingest", "-q", "sample-flows/hubble/flows.jsonl"], in: scratch.url)
    let plain = try Program.run(["flows", "-n", "app-prod", "-q"], in: scratch.url)
    let painted = try Program.run(
      ["flows", "-n", "app-prod", "-q", "--color", "always"],
      in: scratch.url
    )
    #expect(!plain.output.contains("\u{1b}"))
    #expect(painted.output.contains("\u{1b}[32mallowed\u{1b}[0m"))
    #expect(painted.output.replacing(/\u{1b}\[\d+m/, with: "") == plain.output)
  }
}
