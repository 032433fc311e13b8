import FlowAggregation
package import FlowModel
import Synchronization

/// Both stores in memory: for tests, and the plain statement of what any other store must do.
package final class InMemoryStore: FlowStore, AuditStore {
  private let state = Mutex(State())

  /// Makes an empty store.
  package init() {}

  private struct State {
    var flows = FlowTables()
    var events: [StoredEvent] = []
    var decisions: [StoredDecision] = []
    var proposals: [StoredProposal] = []
    var snapshots: [StoredSnapshot] = []
    var objects: [StoredObject] = []
    var policies: [StoredPolicy] = []
  }

  // MARK: Flows

  package func inputs(matchingHead head: (Int) -> UInt64?) async throws -> [IngestRecord] {
    state.withLock { $0.flows.inputs(matchingHead: head) }
  }

  package func heads() async throws -> [InputHead] {
    state.withLock { state in
      state.flows.inputs.map {
        InputHead(length: $0.identity.headLength, hash: $0.identity.headHash)
      }
    }
  }

  package func addAll(_ batch: IngestBatch) async throws -> [Int64] {
    try state.withLock { state in
      var flows = state.flows
      let ids = try flows.add(batch)
      state.flows = flows
      return ids
    }
  }

  package func edges(_ query: EdgeQuery) async throws -> [FlowEdge] {
    try await edgeDays(query).map(\.edge)
  }

  package func edgeDays(_ query: EdgeQuery) async throws -> [DatedEdge] {
    state.withLock { $0.flows.edges(query) }
  }

  package func podEndpoints(before hour: Int64?) async throws -> [Endpoint] {
    state.withLock { $0.flows.podEndpoints(before: hour) }
  }

  package func inputs() async throws -> [IngestRecord] {
    state.withLock { $0.flows.inputs }
  }

  package func capture() async throws -> [StoredCaptureHour] {
    state.withLock { state in
      state.flows.capture.map { key, capture in
        StoredCaptureHour(logKind: key.logKind, hour: key.hour, capture: capture)
      }.sorted { $0.logKind != $1.logKind ? $0.logKind < $1.logKind : $0.hour < $1.hour }
    }
  }

  package func namespaces() async throws -> [NamespaceSpan] {
    state.withLock { $0.flows.namespaces() }
  }

  // MARK: Audit

  package func events() async throws -> [StoredEvent] { state.withLock { $0.events } }

  package func append(_ events: [StoredEvent], with proposal: StoredProposal?, lastKnown: Int64)
    async throws -> Int64?
  {
    try state.withLock { state in
      let newer = state.events.filter { $0.id > lastKnown }
      guard newer.isEmpty else { throw AuditStoreError.changedMeanwhile(newer) }
      state.events += events
      guard var proposal else { return nil }
      proposal.id = Int64(state.proposals.count) + 1
      state.proposals.append(proposal)
      return proposal.id
    }
  }

  package func firstProposals() async throws -> [ProposalWindow] {
    state.withLock { state in
      var first: [String: ProposalWindow] = [:]
      for proposal in state.proposals where proposal.week > 0 {
        guard first[proposal.namespace] == nil else { continue }
        first[proposal.namespace] = ProposalWindow(
          namespace: proposal.namespace,
          week: proposal.week,
          since: proposal.since,
          until: proposal.until
        )
      }
      return first.values.sorted { $0.namespace < $1.namespace }
    }
  }

  package func decisions() async throws -> [StoredDecision] { state.withLock { $0.decisions } }

  package func append(_ decisions: [StoredDecision]) async throws {
    state.withLock { state in
      for var decision in decisions {
        decision.id = Int64(state.decisions.count) + 1
        state.decisions.append(decision)
      }
    }
  }

  package func proposals(namespace: String?) async throws -> [StoredProposal] {
    state.withLock { state in
      state.proposals.filter { namespace == nil || $0.namespace == namespace }
    }
  }

  package func save(_ proposal: StoredProposal) async throws -> Int64 {
    state.withLock { state in
      var proposal = proposal
      proposal.id = Int64(state.proposals.count) + 1
      state.proposals.append(proposal)
      return proposal.id
    }
  }

  package func inventory() async throws -> (headers: [StoredSnapshot], objects: [StoredObject]) {
    state.withLock { ($0.snapshots, $0.objects) }
  }

  package func replaceInventory(headers: [StoredSnapshot], objects: [StoredObject]) async throws {
    state.withLock { state in
      state.snapshots = headers.sorted { $0.time < $1.time }
      state.objects = objects
    }
  }

  package func livePolicies() async throws -> [StoredPolicy] { state.withLock { $0.policies } }

  package func replaceLivePolicies(_ policies: [StoredPolicy], seen: Int64) async throws {
    state.withLock { state in
      let kinds = Set(policies.map(\.kind))
      state.policies.removeAll { kinds.contains($0.kind) }
      for var policy in policies {
        policy.seen = seen
        state.policies.removeAll {
          $0.kind == policy.kind && $0.namespace == policy.namespace && $0.name == policy.name
        }
        state.policies.append(policy)
      }
      state.policies.sort { left, right in
        if left.kind != right.kind { return left.kind < right.kind }
        return left.namespace != right.namespace
          ? left.namespace < right.namespace : left.name < right.name
      }
    }
  }
}
