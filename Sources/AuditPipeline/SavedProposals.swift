import Rollout
package import FlowStorage
import JSONText
package import PolicyModel

/// Proposals kept for later.
package struct SavedProposals: Sendable {
  private let stores: Stores

  /// Makes a step.
  package init(_ stores: Stores) { self.stores = stores }

  /// Stores a proposal with its evidence and proof.
  ///
  /// - Returns: Its number.
  package func save(
    _ result: ProposeResult,
    dialect: PolicyDialect,
    actor: String,
    now: Int64
  ) async throws -> Int64 {
    let yaml = try ProposalText.yaml(result, annotate: false)
    return try await stores.audit.save(
      StoredProposal(
        namespace: result.namespace,
        week: result.window.week?.number ?? 0,
        since: result.window.window.start,
        until: result.window.window.end,
        dialect: dialect.rawValue,
        yaml: yaml,
        yamlHash: String(ContentHash.hash(yaml.utf8), radix: 16),
        evidence: JSONWriter.text(ProposalText.value(result)),
        actor: actor,
        time: now
      )
    )
  }

  /// The proposals of a namespace, oldest first; nil for all.
  package func list(namespace: String?) async throws -> [StoredProposal] {
    try await stores.audit.proposals(namespace: namespace)
  }
}
