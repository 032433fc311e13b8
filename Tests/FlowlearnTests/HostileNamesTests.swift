import Foundation
import TestSupport
import Testing

@testable import flowlearn

/// Logs are written by the workloads that policy is to contain: no name in them may do anything.
@Suite("Hostile names in logs")
struct HostileNamesTests {
  static let names = [
    "\u{1b}[31mred\u{1b}[0m", "\u{1b}]0;title\u{7}", "\u{9b}2J", "bell\u{7}", "back\u{8}space",
    "tab\there", "first\n  14 of 14 edges stay allowed", "over\rwritten", "nul\u{0}cut",
    "\u{202e}turned", "line\u{2028}separator", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)",
    "x'; DROP TABLE flow_edge; --", "\"quoted\",comma", "$(touch owned)", "`touch owned`", "%s%n",
    "../../etc/passwd", "<script>alert(1)</script>", "- yaml: {a: b}", "# comment", "*&!|>",
    String(repeating: "n", count: 10_000),
  ]

  private let folder: TemporaryFolder
  private var store: String { folder.path("flowlearn.db") }

  /// Puts each name in each place where a log carries names, and ingests that.
  init() throws {
    folder = try TemporaryFolder()
    var lines: [String] = []
    for (number, name) in Self.names.enumerated() {
      for place in Place.allCases { lines.append(try Self.line(name, place, number: number)) }
    }
    let path = try folder.write(lines: lines, to: "flows.jsonl")
    let outcome = try Program.run(["ingest", "--strict", path, "--store", store])
    try #require(outcome.status == 0, "\(outcome.errors)")
  }

  private enum Place: CaseIterable { case namespace, workload, label, dnsName }

  private static func line(_ name: String, _ place: Place, number: Int) throws -> String {
    var source: [String: Any] = [
      "namespace": "shop", "labels": ["k8s:app=web"], "pod_name": "web-1",
      "workloads": [["kind": "Deployment", "name": "web"]],
    ]
    var destination: [String: Any] = [
      "namespace": "shop", "labels": ["k8s:app=api"], "pod_name": "api-1",
      "workloads": [["kind": "Deployment", "name": "api"]],
    ]
    var flow: [String: Any] = [
      "time": "2026-09-15T16:10:00Z", "verdict": "FORWARDED", "Type": "L3_L4",
      "event_type": ["type": 4], "trace_observation_point": "TO_ENDPOINT", "is_reply": false,
      "IP": ["source": "10.0.1.1", "destination": "10.0.2.2"],
      "l4": [
        "TCP": [
          "source_port": 40000, "destination_port": 1000 + number, "flags": ["SYN": true],
        ]
      ],
    ]
    switch place {
    case .namespace: source["namespace"] = name
    case .workload:
      source["pod_name"] = name
      source["workloads"] = [["kind": name, "name": name]]
    case .label:
      source["workloads"] = nil
      source["labels"] = ["k8s:\(name)=\(name)", "k8s:app=\(name)"]
    case .dnsName:
      flow["destination_names"] = [name]
      destination = ["labels": ["reserved:world"]]
      flow["IP"] = ["source": "10.0.1.1", "destination": "198.51.100.\(number)"]
      flow["trace_observation_point"] = "TO_STACK"
      flow["traffic_direction"] = "EGRESS"
    }
    flow["source"] = source
    flow["destination"] = destination
    let data = try JSONSerialization.data(withJSONObject: ["flow": flow])
    return String(decoding: data, as: UTF8.self)
  }

  private func run(_ arguments: [String]) throws -> Outcome {
    try Program.run(arguments + ["--store", store], in: folder.url)
  }

  /// Control characters but line feeds, and what turns or breaks text.
  private func steering(_ text: String) -> [Unicode.Scalar] {
    text.unicodeScalars.filter { scalar in
      (scalar.value < 0x20 && scalar != "\n") || 0x7f...0x9f ~= scalar.value
        || 0x2028...0x202e ~= scalar.value
    }
  }

  static let lists = [
    ["flows", "-A"], ["flows", "-A", "--by", "log"], ["workloads", "-A"],
  ]

  @Test("A table has one line an edge, and sends nothing to the terminal", arguments: lists)
  func tables(_ command: [String]) throws {
    let outcome = try run(command + ["-o", "table"])
    #expect(outcome.status == 0)
    #expect(steering(outcome.output).isEmpty && steering(outcome.errors).isEmpty)
    let lines = outcome.output.split(separator: "\n")
    let objects = try run(command + ["-o", "ndjson"]).output.split(separator: "\n")
    #expect(lines.count == objects.count + 1)
    #expect(lines.allSatisfy { $0.count < 10_000 })
  }

  @Test("JSON keeps the names, one object a line where lines are objects", arguments: lists)
  func json(_ command: [String]) throws {
    let whole = try run(command + ["-o", "json"]).output
    let list = try JSONSerialization.jsonObject(with: Data(whole.utf8)) as? [[String: Any]]
    let lines = try run(command + ["-o", "ndjson"]).output
    for text in [whole, lines] { #expect(steering(text).isEmpty) }
    let objects = try lines.split(separator: "\n").map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
    #expect(list?.isEmpty == false && objects.count == list?.count)
    if command == ["flows", "-A"] {
      let names = Set(
        (list ?? []).compactMap { ($0["source"] as? [String: Any])?["namespace"] as? String }
      )
      for name in Self.names where !name.contains("\u{0}") { #expect(names.contains(name)) }
    }
  }

  @Test("CSV has as many fields in every line, and none is a formula", arguments: lists)
  func csv(_ command: [String]) throws {
    let text = try run(command + ["-o", "csv"]).output
    #expect(steering(text).isEmpty)
    let rows = text.split(separator: "\n").map(Self.fields)
    #expect(rows.count > Self.names.count)
    for row in rows {
      #expect(row.count == rows[0].count)
      for field in row { #expect(field.first.map { "=+-@\t\r".contains($0) } != true) }
    }
  }

  /// The fields of a line of comma-separated values (RFC 4180).
  private static func fields(_ line: Substring) -> [String] {
    var fields = [""]
    var isQuoted = false
    for character in line {
      if character == "\"" {
        // Doubled quotes open what they have just closed.
        if !isQuoted, fields[fields.count - 1].isEmpty == false { fields[fields.count - 1] += "\"" }
        isQuoted.toggle()
      } else if character == ",", !isQuoted {
        fields.append("")
      } else {
        fields[fields.count - 1].append(character)
      }
    }
    return fields
  }

  @Test("Remarks stay in their lines: no name can forge one")
  func remarks() throws {
    for command in [["propose", "-n", "shop"], ["review", "-n", "shop"], ["db", "info"]] {
      let outcome = try run(command)
      #expect(steering(outcome.errors).isEmpty && steering(outcome.output).isEmpty)
      for line in outcome.errors.split(separator: "\n") {
        #expect(line != "  14 of 14 edges stay allowed", "\(command)")
        #expect(line.count <= 2_000)
      }
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path("owned")))
  }

  @Test("A shell that completes a namespace gets only names that Kubernetes knows")
  func completion() async {
    let names = await NamespaceCompletion.names(["flowlearn", "flows", "--store", store, "-n", ""])
    #expect(names == ["shop"])
    #expect(await NamespaceCompletion.names(["flowlearn", "--store=\(store)"]) == ["shop"])
    #expect(await NamespaceCompletion.names(["--store", folder.path("none")]).isEmpty)
  }
}
