/// One thing that a gate asks for.
package struct GateRequirement: Hashable, Sendable {
  /// A short word that stays the same: `seven-days`, `coverage`.
  package var name: String
  /// Whether it is met.
  package var isMet: Bool
  /// What there is and what is missing, with numbers.
  package var message: String

  /// Makes a requirement.
  package init(_ name: String, _ isMet: Bool, _ message: String) {
    self.name = name
    self.isMet = isMet
    self.message = message
  }
}

/// What a gate says.
package struct GateResult: Hashable, Sendable {
  /// The gate, such as `review -> watch`.
  package var gate: String
  /// What it asks for, in a fixed order.
  package var requirements: [GateRequirement]
  /// Remarks that close nothing, sorted.
  package var findings: [String]

  /// Makes a result.
  package init(gate: String, requirements: [GateRequirement], findings: [String] = []) {
    self.gate = gate
    self.requirements = requirements
    self.findings = findings.sorted()
  }

  /// Whether all requirements are met.
  package var isMet: Bool { requirements.allSatisfy(\.isMet) }

  /// The requirements that are not met.
  package var unmet: [GateRequirement] { requirements.filter { !$0.isMet } }

  /// The result as lines of text: the gate, then `ok` or `--` with each requirement, then remarks.
  package var text: String {
    let head = "\(gate): \(isMet ? "met" : "\(unmet.count) of \(requirements.count) not met")\n"
    let lines = requirements.map { "  \($0.isMet ? "ok" : "--") \($0.name): \($0.message)\n" }
    return head + lines.joined() + findings.map { "  note: \($0)\n" }.joined()
  }
}
