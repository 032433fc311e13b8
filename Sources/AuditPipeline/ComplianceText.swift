import FlowModel
import FlowStorage
package import JSONText
import Rollout

/// A compliance report as Markdown for people and JSON for programs.
package enum ComplianceText {
  /// The report as Markdown.
  package static func markdown(_ report: ComplianceReport) -> String {
    var text = "# Network policy: evidence for controls\n\n"
    text +=
      "As of \(Timestamps.text(report.time)). It says what is stored; whether that is enough is "
    text += "the auditor's to say.\n\n## Controls\n\n"
    text += table(
      ["Framework", "Control", "Asks", "Evidence", "Supports it"],
      report.controls.map {
        [$0.framework, $0.number, $0.title, $0.evidence, $0.support.rawValue]
      }
    )
    text += "\n## Namespaces\n\n"
    text += table(
      [
        "Namespace", "Stage", "Since", "Policies", "Default-deny", "Approved by", "When",
        "Proposal",
      ],
      report.namespaces.map(row)
    )
    for namespace in report.namespaces where !namespace.decisions.isEmpty {
      text += "\n### Decisions about \(cell(namespace.rollout.namespace))\n\n"
      text += table(
        ["Decision", "Connection", "By", "When", "Until", "Why"],
        namespace.decisions.map { decision in
          [
            decision.verdict.rawValue, decision.key.description, decision.who,
            Timestamps.text(decision.time), decision.until.map { Timestamps.text($0) } ?? "-",
            decision.reason,
          ]
        }
      )
    }
    text += "\n## Steps\n\n"
    text += table(
      ["No.", "Step", "Not met when forced"],
      report.history.map {
        [String($0.number), $0.summary, $0.unmetGates.joined(separator: "; ")]
      }
    )
    return text
  }

  private static func row(_ namespace: ComplianceReport.Namespace) -> [String] {
    let rollout = namespace.rollout
    let approval = namespace.approval
    return [
      rollout.namespace, rollout.stage.rawValue,
      rollout.stageSince.map { Timestamps.text($0) } ?? "-",
      namespace.policies.map { String($0) } ?? "unknown", namespace.isDefaultDenied ? "yes" : "no",
      approval.map { $0.event.who + ($0.event.isForced ? " (forced)" : "") } ?? "-",
      approval.map { Timestamps.text($0.event.time) } ?? "-",
      approval?.proposal.map { "no. \($0.id), week \($0.week), sha256 \($0.yamlHash.prefix(12))" }
        ?? "-",
    ]
  }

  private static func table(_ headers: [String], _ rows: [[String]]) -> String {
    guard !rows.isEmpty else { return "none\n" }
    let lines = [headers, headers.map { _ in "---" }] + rows
    return lines.map { "| \($0.map(cell).joined(separator: " | ")) |\n" }.joined()
  }

  /// Text from people and logs, so that it stays in its cell and is no markup.
  private static func cell(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "|", "\\", "`", "*", "_", "[", "]", "<", ">", "#": result += "\\\(scalar)"
      case _ where scalar.value < 0x20 || 0x7f...0x9f ~= scalar.value: result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// The report as a JSON tree, keys in a fixed order.
  package static func value(_ report: ComplianceReport) -> JSONValue {
    ProposalText.object([
      ("at", .string(Timestamps.text(report.time))),
      (
        "controls",
        .array(
          report.controls.map { control in
            ProposalText.object([
              ("framework", .string(control.framework)), ("control", .string(control.number)),
              ("asks", .string(control.title)), ("support", .string(control.support.rawValue)),
              ("evidence", .string(control.evidence)),
            ])
          }
        )
      ),
      ("namespaces", .array(report.namespaces.map(value))),
      ("clusterWide", .string(report.clusterWide.rawValue)),
      ("history", .array(report.history.map(value))),
    ])
  }

  private static func value(_ namespace: ComplianceReport.Namespace) -> JSONValue {
    let rollout = namespace.rollout
    var approval = JSONValue.null
    if let found = namespace.approval {
      approval = ProposalText.object([
        ("by", .string(found.event.who)), ("at", .string(Timestamps.text(found.event.time))),
        ("forced", .bool(found.event.isForced)),
        ("proposal", found.proposal.map { .number(String($0.id)) } ?? .null),
        ("week", found.proposal.map { .number(String($0.week)) } ?? .null),
        ("sha256", found.proposal.map { .string($0.yamlHash) } ?? .null),
      ])
    }
    return ProposalText.object([
      ("namespace", .string(rollout.namespace)), ("stage", .string(rollout.stage.rawValue)),
      ("since", rollout.stageSince.map { .string(Timestamps.text($0)) } ?? .null),
      ("policies", namespace.policies.map { .number(String($0)) } ?? .null),
      ("defaultDeny", .bool(namespace.isDefaultDenied)), ("approval", approval),
      (
        "decisions",
        .array(
          namespace.decisions.map { decision in
            ProposalText.object([
              ("decision", .string(decision.verdict.rawValue)),
              ("connection", .string(decision.key.description)), ("by", .string(decision.who)),
              ("at", .string(Timestamps.text(decision.time))),
              ("until", decision.until.map { .string(Timestamps.text($0)) } ?? .null),
              ("reason", .string(decision.reason)),
            ])
          }
        )
      ),
    ])
  }

  private static func value(_ event: RolloutEvent) -> JSONValue {
    ProposalText.object([
      ("number", .number(String(event.number))), ("at", .string(Timestamps.text(event.time))),
      ("by", .string(event.who)), ("action", .string(event.action.rawValue)),
      ("namespace", .string(event.namespace)),
      ("from", event.from.map { .string($0.rawValue) } ?? .null),
      ("to", event.to.map { .string($0.rawValue) } ?? .null),
      ("reason", .string(event.reason)), ("forced", .bool(event.isForced)),
      ("notMet", .array(event.unmetGates.map(JSONValue.string))),
      ("sha256", event.proposalHash.map(JSONValue.string) ?? .null),
    ])
  }
}
