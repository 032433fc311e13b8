import FlowGenerator
import Foundation

extension Benchmark {
  /// A way in which shippers, exports and people's own programs leave a log.
  private struct Shape: Sendable {
    var name: String
    var before = ""
    var behind = ""
    var separator = "\n"
    /// What becomes of a line.
    var line: @Sendable (Substring) -> String = { String($0) }
  }

  /// Ingests logs in the shapes in which they come from clusters: each beside the plain one.
  func measureShapes(_ cluster: GeneratedCluster) throws {
    let inventory = try writeInventory(cluster)
    try measureShapes(Self.hubbleShapes, .hubble, cluster, inventory: nil)
    try measureShapes(Self.calicoShapes, .calico, cluster, inventory: nil)
    try measureShapes(Self.vpcShapes, .vpcDefault, cluster, inventory: inventory)
  }

  private func measureShapes(
    _ shapes: [Shape],
    _ format: LogWriter.Format,
    _ cluster: GeneratedCluster,
    inventory: String?
  ) throws {
    let plain = "\(folder)/shapes.log"
    var writer = LogWriter(format, cluster: cluster)
    let tally = try writer.write(to: plain, bytes: Int(size * 2e8))
    let text = try String(contentsOfFile: plain, encoding: .utf8)
    let lines = text.split(separator: "\n")
    for shape in [Shape(name: "plain")] + shapes {
      let file = "\(folder)/shapes-\(shape.name).log"
      let body = lines.map(shape.line).joined(separator: shape.separator)
      let shaped = shape.before + body + shape.behind + "\n"
      try shaped.write(toFile: file, atomically: false, encoding: .utf8)
      measure(
        "\(format.rawValue), \(shape.name)",
        file,
        nil,
        format,
        cluster,
        tally,
        inventory: inventory,
        bytes: shaped.utf8.count
      )
      if !keeps { try? FileManager.default.removeItem(atPath: file) }
    }
    if !keeps { try? FileManager.default.removeItem(atPath: plain) }
  }

  private static let hubbleShapes = [
    Shape(name: "cri") { "2026-11-02T00:00:01.001123456Z stdout F \($0)" },
    Shape(name: "docker") {
      #"{"log":"\#(escaped($0))\n","stream":"stdout","time":"2026-11-02T00:00:01.001Z"}"#
    },
    Shape(name: "fluent-bit") {
      #"{"date":1793577601.5,"kubernetes":{"pod_name":"a"},"log":\#($0)}"#
    },
    Shape(name: "flow-only") { line in
      let end = line.range(of: #"},"node_name":"#, options: .backwards)?.lowerBound
      return String(line[..<(end ?? line.endIndex)].dropFirst(8)) + "}"
    },
    Shape(name: "blanks") { $0.replacingOccurrences(of: "\":", with: "\": ") },
    Shape(name: "array", before: "[", behind: "]", separator: ",\n"),
  ]

  private static let calicoShapes = [
    Shape(name: "elasticsearch") { #"{"_index":"flows","_id":"a","_score":1,"_source":\#($0)}"# },
    Shape(
      name: "hits",
      before: #"{"took":1,"hits":{"total":1,"hits":["#,
      behind: "]}}",
      separator: ","
    ) { #"{"_index":"flows","_source":\#($0)}"# },
    Shape(
      name: "items",
      before: #"{"total":{"totalPages":1},"items":["#,
      behind: "]}",
      separator: ","
    ),
  ]

  private static let vpcShapes = [
    Shape(name: "carriage-returns") { "\($0)\r" },
    Shape(name: "message") { #"{"timestamp":1793577600000,"message":"\#($0)"}"# },
    Shape(name: "events", before: #"{"events":["#, behind: "]}", separator: ",\n") {
      "{\n  \"timestamp\": 1793577600000,\n  \"message\": \"\($0)\"\n}"
    },
  ]

  private static func escaped(_ line: Substring) -> String {
    line.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
  }
}
