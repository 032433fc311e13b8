import Foundation
import TestSupport
import Testing

/// What a person may hold in hand: exports of Hubble in every shape, packed and given in every way.
@Suite("Hubble exports as people have them")
struct HubbleShapesTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Connections as Hubble's exporter writes them, one value a line.
  private static var records: [[String: Any]] { (0..<12).map(record) }

  private static func record(_ number: Int) -> [String: Any] {
    let time = "2026-09-15T16:\(10 + number):00Z"
    let flow: [String: Any] = [
      "time": time, "verdict": "FORWARDED", "uuid": "u\(number)",
      "IP": ["source": "10.0.1.\(number)", "destination": "10.0.2.2", "ipVersion": "IPv4"],
      "l4": [
        "TCP": [
          "source_port": 40000 + number, "destination_port": 8080 + number % 3,
          "flags": ["SYN": true],
        ]
      ],
      "source": [
        "ID": 7, "identity": 1000, "cluster_name": "demo", "namespace": "shop",
        "labels": ["k8s:app=web", "k8s:io.kubernetes.pod.namespace=shop"],
        "pod_name": "web-\(number)", "workloads": [["name": "web", "kind": "Deployment"]],
      ],
      "destination": [
        "ID": 8, "identity": 1001, "cluster_name": "demo", "namespace": "shop",
        "labels": ["k8s:app=api", "k8s:io.kubernetes.pod.namespace=shop"],
        "pod_name": "api-1", "workloads": [["name": "api", "kind": "Deployment"]],
      ],
      "Type": "L3_L4", "node_name": "n1", "event_type": ["type": 4],
      "traffic_direction": "INGRESS", "trace_observation_point": "TO_ENDPOINT", "is_reply": false,
    ]
    return ["flow": flow, "node_name": "n1", "time": time]
  }

  private static func text(_ value: Any, pretty: Bool = false) throws -> String {
    var options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { options.insert(.prettyPrinted) }
    return String(
      decoding: try JSONSerialization.data(withJSONObject: value, options: options),
      as: UTF8.self
    )
  }

  private static func lines(_ values: [Any]) throws -> String {
    try values.map { try text($0) + "\n" }.joined()
  }

  private static var flat: [Any] { records.compactMap { $0["flow"] } }

  /// The keys as gRPC clients write them.
  private static func camelCase(_ value: Any) -> Any {
    switch value {
    case let object as [String: Any]:
      return Dictionary(
        uniqueKeysWithValues: object.map { key, value in
          let parts = key.split(separator: "_")
          let name = parts[0] + parts.dropFirst().map(\.capitalized).joined()
          return (String(name), camelCase(value))
        }
      )
    case let array as [Any]: return array.map(camelCase)
    default: return value
    }
  }

  /// A shape of section 1 of the format's description.
  enum Shape: String, CaseIterable, Sendable {
    case wrapped, flat, array, prettyArray, arrayOfFlat, camelCase, prettyCamelCase
    case criPrefix, dockerLog, lokiLine, flowOnly
  }

  private static func export(_ shape: Shape) throws -> String {
    let stamp = "2026-09-15T16:20:01.123456789Z"
    switch shape {
    case .wrapped: return try lines(records)
    case .flat: return try lines(flat)
    case .array: return try text(records)
    case .prettyArray: return try text(records, pretty: true)
    case .arrayOfFlat: return try text(flat, pretty: true)
    case .camelCase: return try lines(records.map(camelCase))
    case .prettyCamelCase:
      return try records.map { try text(camelCase($0), pretty: true) + "\n" }.joined()
    case .criPrefix: return try records.map { "\(stamp) stdout F \(try text($0))\n" }.joined()
    case .dockerLog:
      return try lines(
        records.map { ["log": try text($0) + "\n", "stream": "stdout", "time": stamp] }
      )
    case .lokiLine:
      return try lines(records.map { ["line": try text($0), "timestamp": stamp] })
    case .flowOnly: return try lines(flat.map { ["flow": $0] })
    }
  }

  /// The edges of a fresh store after one ingest.
  private func edges(_ arguments: [String], input: String = "", in place: URL? = nil) throws
    -> String
  {
    let store = folder.path("store-\(UUID().uuidString).db")
    let outcome = try Program.run(
      ["ingest", "--store", store] + arguments,
      input: input,
      in: place ?? folder.url
    )
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    return try Program.run(["flows", "-A", "-o", "ndjson", "--store", store]).output
  }

  private func expected() throws -> String {
    let path = try folder.write(Self.export(.wrapped).utf8, to: "expected.jsonl")
    let edges = try edges([path])
    #expect(edges.split(separator: "\n").count == 3)
    return edges
  }

  @Test("Every shape gives the same connections", arguments: Shape.allCases)
  func shapes(_ shape: Shape) throws {
    let text = try Self.export(shape)
    #expect(try edges([folder.write(text.utf8, to: "export")]) == expected())
    #expect(try edges(["-"], input: text) == expected())
  }

  @Test("gzip and zstd are known by content, whatever the name", arguments: ["gzip", "zstd"])
  func compressed(_ tool: String) throws {
    try folder.write(Self.export(.wrapped).utf8, to: "flows.txt")
    let packed = try Program.shell(
      "command -v \(tool) >/dev/null || exit 9; \(tool) -c <flows.txt >packed",
      in: folder.url
    )
    guard packed.status != 9 else {
      print("skipped: \(tool) is not there")
      return
    }
    #expect(try edges(["packed"]) == expected())
    let store = folder.path("piped.db")
    let piped = try Program.shell("flowlearn ingest - --store piped.db <packed", in: folder.url)
    #expect(piped.status == 0, "\(piped.errors)")
    #expect(
      try Program.run(["flows", "-A", "-o", "ndjson", "--store", store]).output == expected()
    )
  }

  @Test("Several files, a directory, a quoted pattern and a file beside standard input")
  func manyFiles() throws {
    let lines = try Self.records.map { try Self.text($0) + "\n" }
    let logs = folder.url.appendingPathComponent("logs/node-2")
    try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
    try folder.write(lines[..<4].joined().utf8, to: "logs/a.jsonl")
    try folder.write(lines[4..<8].joined().utf8, to: "logs/b.jsonl")
    try folder.write(lines[8...].joined().utf8, to: "logs/node-2/c.jsonl")
    let all = try expected()
    #expect(try edges(["logs/node-2/c.jsonl", "logs/a.jsonl", "logs/b.jsonl"]) == all)
    #expect(try edges(["logs"]) == all)
    #expect(try edges(["logs/*.jsonl", "logs/*/*.json?"]) == all)
    #expect(try edges(["logs/a.jsonl", "-", "logs/b.jsonl"], input: lines[8...].joined()) == all)
  }

  @Test(
    "Shuffled and doubled input gives the same bytes in every output",
    arguments: Seed.samples(4)
  )
  func order(_ seed: Seed) throws {
    var seed = seed
    let lines = try Self.records.map { try Self.text($0) + "\n" }
    func outputs(_ text: String, _ name: String) throws -> [String] {
      let path = try folder.write(text.utf8, to: name)
      let store = folder.path("\(name).db")
      #expect(try Program.run(["ingest", "-q", path, "--store", store]).status == 0)
      return try [
        ["propose", "-n", "shop"], ["propose", "-n", "shop", "--dialect", "cilium"],
        ["workloads", "-A", "-o", "json"],
      ].map { try Program.run($0 + ["--store", store]).output }
    }
    let plain = try outputs(lines.joined(), "plain")
    #expect(plain.allSatisfy { !$0.isEmpty })
    let mixed = try outputs((lines + lines).shuffled(using: &seed).joined(), "mixed")
    #expect(mixed == plain)
  }

  @Test("A torn last line is not counted, and is read when the file has grown")
  func torn() throws {
    let lines = try Self.records.map { try Self.text($0) + "\n" }
    let store = folder.path("torn.db")
    let path = try folder.write((lines[..<3].joined() + lines[3].prefix(90)).utf8, to: "flows")
    let first = try Program.run(["ingest", path, "--store", store])
    #expect(first.status == 0)
    #expect(first.errors.contains("3 records: 3 used"))
    #expect(first.errors.contains("the last line is not complete (90 bytes)"))
    try folder.write(lines.joined().utf8, to: "flows")
    let second = try Program.run(["ingest", "--strict", path, "--store", store])
    #expect(second.status == 0)
    #expect(second.errors.contains("9 more records: 9 used"))
    #expect(
      try Program.run(["flows", "-A", "-o", "ndjson", "--store", store]).output == expected()
    )
  }
}
