import FlowModel
package import FlowStorage
package import JSONText
package import PolicyModel
import Rollout

/// Proposals kept for later.
package struct SavedProposals: Sendable {
  private let stores: Stores

  /// Makes a step.
  package init(_ stores: Stores) { self.stores = stores }

  /// A proposal as it is kept: the YAML, its SHA-256, evidence and proof.
  package static func stored(
    _ result: ProposeResult,
    dialect: PolicyDialect,
    actor: String,
    now: Int64
  ) throws -> StoredProposal {
    let yaml = try ProposalText.yaml(result, annotate: false)
    return StoredProposal(
      namespace: result.namespace,
      week: result.window.week?.number ?? 0,
      since: result.window.window.start,
      until: result.window.window.end,
      dialect: dialect.rawValue,
      yaml: yaml,
      yamlHash: SHA256.hexadecimal(yaml),
      evidence: JSONWriter.text(ProposalText.value(result)),
      actor: actor,
      time: now
    )
  }

  /// Stores a proposal with its evidence and proof.
  ///
  /// - Returns: Its number.
  package func save(
    _ result: ProposeResult,
    dialect: PolicyDialect,
    actor: String,
    now: Int64
  ) async throws -> Int64 {
    try await stores.audit.save(
      SavedProposals.stored(result, dialect: dialect, actor: actor, now: now)
    )
  }

  /// A kept proposal with all that was kept with it, keys in a fixed order.
  package static func value(_ proposal: StoredProposal) -> JSONValue {
    ProposalText.object([
      ("number", .number(String(proposal.id))), ("namespace", .string(proposal.namespace)),
      ("week", .number(String(proposal.week))),
      ("since", .string(Timestamps.text(proposal.since))),
      ("until", .string(Timestamps.text(proposal.until))), ("dialect", .string(proposal.dialect)),
      ("sha256", .string(proposal.yamlHash)), ("by", .string(proposal.actor)),
      ("at", .string(Timestamps.text(proposal.time))), ("yaml", .string(proposal.yaml)),
      ("evidence", (try? JSONParser.parse(proposal.evidence)) ?? .null),
    ])
  }

  /// The proposals of a namespace, oldest first; nil for all.
  package func list(namespace: String?) async throws -> [StoredProposal] {
    try await stores.audit.proposals(namespace: namespace)
  }
}
