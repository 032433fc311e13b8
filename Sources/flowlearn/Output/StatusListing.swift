import FlowModel
import JSONText
import Rollout

/// One namespace of the rollout.
struct StatusRow {
  var rollout: NamespaceRollout
  var gate: GateResult?
  var denials: [String]
  /// How sure the audit is; nil where it is not asked for.
  var sureness: SettledText?
  /// When it was last seen in the logs.
  var seen: Int64?
}

/// Where the namespaces stand.
struct StatusListing {
  private let rows: [StatusRow]
  private let state: RolloutState
  private let isDetailed: Bool

  init(_ rows: [StatusRow], state: RolloutState, isDetailed: Bool) {
    self.rows = rows
    self.state = state
    self.isDetailed = isDetailed
  }

  func print(_ format: RolloutStatusCommand.Format) {
    switch format {
    case .table: printTable()
    case .json: Terminal.print(JSONWriter.prettyText(json))
    }
  }

  private func printTable() {
    var table = Table(
      ["NAMESPACE", "STAGE", "SINCE", "CRITICALITY", "NEXT", "MISSING"],
      dispensable: ["CRITICALITY", "SINCE"],
      shrinkable: [0],
      last: .clipped
    )
    for row in rows {
      table.add([
        row.rollout.namespace, stage(row.rollout),
        row.rollout.stageSince.map { Timestamps.text($0) } ?? "-",
        row.rollout.criticality?.rawValue ?? "-", next(row), missing(row),
      ])
    }
    Terminal.write(table)
    Terminal.print("cluster-wide policies: \(state.clusterWide.rawValue)")
    for row in rows where isDetailed {
      if let gate = row.gate { Terminal.write("\n" + Terminal.escaped(gate.text)) }
      if let sureness = row.sureness { Terminal.write("\n" + sureness.table) }
    }
    for row in rows {
      for denial in row.denials {
        Terminal.print(
          Terminal.escaped(
            "DENIED in \(row.rollout.namespace): \(denial)  (flowlearn review -n \(row.rollout.namespace))"
          )
        )
      }
    }
  }

  private func stage(_ rollout: NamespaceRollout) -> String {
    if rollout.isWithdrawn { return "withdrawn" }
    if rollout.vanishedSince != nil { return "\(rollout.stage.rawValue) (gone)" }
    return rollout.hold == nil ? rollout.stage.rawValue : "\(rollout.stage.rawValue) (on hold)"
  }

  private func next(_ row: StatusRow) -> String {
    if row.rollout.stage == .assess { return "rollout start" }
    return row.rollout.stage.next?.rawValue ?? "-"
  }

  private func missing(_ row: StatusRow) -> String {
    if row.rollout.stage == .assess { return "the audit has not been started" }
    guard let gate = row.gate else { return "-" }
    let step = "rollout advance -n \(row.rollout.namespace)"
    if gate.isMet { return "nothing: \(step)" }
    // Writing the scripts is part of the step, where nothing else is missing.
    if gate.unmet.map(\.name) == ["scripts"] {
      return "nothing but the scripts: \(step) writes them"
    }
    // The scripts come last: they are written when the rest is met.
    let unmet = gate.unmet.filter { $0.name != "scripts" }
    let first = unmet.prefix(isDetailed ? 0 : 1).map { "\($0.name): \($0.message)" }
    let more = gate.unmet.count - first.count
    return (first + (more > 0 ? ["\(more)\(first.isEmpty ? "" : " more") not met"] : []))
      .joined(separator: "; ")
  }

  private var json: JSONValue {
    func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
    func time(_ value: Int64?) -> JSONValue { text(value.map { Timestamps.text($0) }) }
    let namespaces = rows.map { row -> JSONValue in
      let requirements = (row.gate?.requirements ?? []).map { requirement -> JSONValue in
        .object(
          JSONObject([
            ("name", .string(requirement.name)), ("met", .bool(requirement.isMet)),
            ("message", .string(requirement.message)),
          ])
        )
      }
      return .object(
        JSONObject([
          ("namespace", .string(row.rollout.namespace)),
          ("stage", .string(row.rollout.stage.rawValue)), ("since", time(row.rollout.stageSince)),
          ("criticality", text(row.rollout.criticality?.rawValue)),
          ("cni", text(row.rollout.plugin?.rawValue)),
          ("auditStart", time(row.rollout.auditStart)),
          ("onHold", .bool(row.rollout.hold != nil)), ("withdrawn", .bool(row.rollout.isWithdrawn)),
          ("next", text(row.rollout.stage.next?.rawValue)),
          ("gateMet", row.gate.map { .bool($0.isMet) } ?? .null),
          ("requirements", .array(requirements)),
          ("denials", .array(row.denials.map(JSONValue.string))), ("lastSeen", time(row.seen)),
        ])
      )
    }
    return .object(
      JSONObject([
        ("namespaces", .array(namespaces)), ("clusterWide", .string(state.clusterWide.rawValue)),
      ])
    )
  }
}

extension SettledText {
  /// The lines in two columns.
  var table: String {
    let width = lines.map(\.name.count).max() ?? 0
    return lines.map { line in
      let padding = String(repeating: " ", count: width - line.name.count)
      return Terminal.escaped("\(line.name)\(padding)  \(line.text)") + "\n"
    }.joined()
  }
}
