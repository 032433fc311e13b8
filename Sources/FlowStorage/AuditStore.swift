/// One stored rollout step; `body` is the Rollout target's own JSON.
package struct StoredEvent: Hashable, Sendable {
  /// Number, from 1 without gaps.
  package var id: Int64
  /// Microseconds UTC.
  package var time: Int64
  /// Who.
  package var actor: String
  /// The namespace; empty for the cluster-wide policies.
  package var namespace: String
  /// What happened, as JSON.
  package var body: String

  /// Makes an event.
  package init(id: Int64, time: Int64, actor: String, namespace: String, body: String) {
    self.id = id
    self.time = time
    self.actor = actor
    self.namespace = namespace
    self.body = body
  }
}

/// One stored decision about a connection.
package struct StoredDecision: Hashable, Sendable {
  /// Number, ascending in the order stored; 0 before it is stored.
  package var id: Int64
  /// `namespace/workload`, or an external peer in words.
  package var source: String
  /// Likewise.
  package var destination: String
  /// `TCP`, `UDP`, ...
  package var transport: String
  /// Destination port.
  package var port: UInt16
  /// `accept`, `reject` or `undo` (taken back).
  package var verdict: String
  /// Why.
  package var reason: String
  /// Who.
  package var actor: String
  /// When, microseconds UTC.
  package var time: Int64
  /// When it expires, microseconds UTC; nil: never.
  package var until: Int64?

  /// Makes a decision.
  package init(
    id: Int64 = 0,
    source: String,
    destination: String,
    transport: String,
    port: UInt16,
    verdict: String,
    reason: String,
    actor: String,
    time: Int64,
    until: Int64? = nil
  ) {
    self.id = id
    self.source = source
    self.destination = destination
    self.transport = transport
    self.port = port
    self.verdict = verdict
    self.reason = reason
    self.actor = actor
    self.time = time
    self.until = until
  }
}

/// One kept proposal.
package struct StoredProposal: Hashable, Sendable {
  /// Number, ascending in the order stored; 0 before it is stored.
  package var id: Int64
  /// The namespace.
  package var namespace: String
  /// The audit week; 0 for another window.
  package var week: Int
  /// Window start, microseconds UTC.
  package var since: Int64
  /// Window end, microseconds UTC, not included.
  package var until: Int64
  /// The dialect.
  package var dialect: String
  /// The YAML as printed.
  package var yaml: String
  /// Hash of the YAML, hexadecimal.
  package var yamlHash: String
  /// Rules, evidence, excess and proof as JSON.
  package var evidence: String
  /// Who.
  package var actor: String
  /// When, microseconds UTC.
  package var time: Int64

  /// Makes a proposal.
  package init(
    id: Int64 = 0,
    namespace: String,
    week: Int,
    since: Int64,
    until: Int64,
    dialect: String,
    yaml: String,
    yamlHash: String,
    evidence: String,
    actor: String,
    time: Int64
  ) {
    self.id = id
    self.namespace = namespace
    self.week = week
    self.since = since
    self.until = until
    self.dialect = dialect
    self.yaml = yaml
    self.yamlHash = yamlHash
    self.evidence = evidence
    self.actor = actor
    self.time = time
  }
}

/// The stretch of evidence a kept proposal rests on.
package struct ProposalWindow: Hashable, Sendable {
  /// The namespace.
  package var namespace: String
  /// The audit week, from 1.
  package var week: Int
  /// Window start, microseconds UTC.
  package var since: Int64
  /// Window end, microseconds UTC, not included.
  package var until: Int64

  /// Makes a value.
  package init(namespace: String, week: Int, since: Int64, until: Int64) {
    self.namespace = namespace
    self.week = week
    self.since = since
    self.until = until
  }
}

/// One inventory object as long as it stays the same.
package struct StoredObject: Hashable, Sendable {
  /// The Kubernetes kind.
  package var kind: String
  /// Empty for cluster-wide kinds.
  package var namespace: String
  /// The name.
  package var name: String
  /// Empty when the file has none.
  package var uid: String
  /// Reduced JSON.
  package var body: String
  /// First and last snapshot that show it so, microseconds UTC.
  package var firstSeen: Int64
  /// See ``firstSeen``.
  package var lastSeen: Int64

  /// Makes an object.
  package init(
    kind: String,
    namespace: String,
    name: String,
    uid: String,
    body: String,
    firstSeen: Int64,
    lastSeen: Int64
  ) {
    self.kind = kind
    self.namespace = namespace
    self.name = name
    self.uid = uid
    self.body = body
    self.firstSeen = firstSeen
    self.lastSeen = lastSeen
  }
}

/// One stored snapshot of the inventory.
package struct StoredSnapshot: Hashable, Sendable {
  /// When it was taken, microseconds UTC.
  package var time: Int64
  /// What it covers, as the inventory's own JSON.
  package var header: String

  /// Makes a snapshot.
  package init(time: Int64, header: String) {
    self.time = time
    self.header = header
  }
}

/// One live policy as exported from the cluster.
package struct StoredPolicy: Hashable, Sendable {
  /// The manifest's kind.
  package var kind: String
  /// Empty for cluster-wide kinds.
  package var namespace: String
  /// The name.
  package var name: String
  /// YAML of the one object.
  package var manifest: String
  /// When it was exported, microseconds UTC.
  package var seen: Int64

  /// Makes a policy.
  package init(kind: String, namespace: String, name: String, manifest: String, seen: Int64) {
    self.kind = kind
    self.namespace = namespace
    self.name = name
    self.manifest = manifest
    self.seen = seen
  }
}

/// The small, lasting things: inventory, decisions, proposals and rollout steps.
///
/// Always in SQLite.
package protocol AuditStore: Sendable {
  /// Rollout steps in the order stored.
  func events() async throws -> [StoredEvent]
  /// Stores steps, and the proposal they rest on, in one transaction.
  ///
  /// - Parameter lastKnown: Number of the last step the caller has seen (0: none).
  /// - Returns: The number of the proposal; nil where there is none.
  /// - Throws: ``AuditStoreError/changedMeanwhile(_:)`` when somebody stored a step after that.
  @discardableResult
  func append(_ events: [StoredEvent], with proposal: StoredProposal?, lastKnown: Int64)
    async throws -> Int64?

  /// Decisions in the order stored; the last one about a connection counts.
  func decisions() async throws -> [StoredDecision]
  /// Stores decisions in one transaction.
  func append(_ decisions: [StoredDecision]) async throws

  /// Proposals of a namespace (nil: all), oldest first.
  func proposals(namespace: String?) async throws -> [StoredProposal]
  /// The first proposal for an audit week of each namespace, without its texts.
  func firstProposals() async throws -> [ProposalWindow]
  /// Stores a proposal and returns its number.
  func save(_ proposal: StoredProposal) async throws -> Int64

  /// The inventory: headers of its snapshots by time (microseconds UTC), and objects in the order in which they were
  /// stored.
  func inventory() async throws -> (headers: [StoredSnapshot], objects: [StoredObject])
  /// Replaces the inventory in one transaction.
  func replaceInventory(headers: [StoredSnapshot], objects: [StoredObject]) async throws

  /// Live policies, sorted.
  func livePolicies() async throws -> [StoredPolicy]
  /// Replaces the live policies of the kinds and namespaces given.
  func replaceLivePolicies(_ policies: [StoredPolicy], seen: Int64) async throws
}

extension AuditStore {
  /// Stores steps in one transaction; see ``append(_:with:lastKnown:)``.
  package func append(_ events: [StoredEvent], lastKnown: Int64) async throws {
    try await append(events, with: nil, lastKnown: lastKnown)
  }
}

/// Why the audit store refused.
package enum AuditStoreError: Error, Hashable, Sendable {
  /// Somebody else stored steps since the caller looked; they are given.
  case changedMeanwhile([StoredEvent])
}
