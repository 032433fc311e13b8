package import ClusterInventory
package import FlowAggregation
package import FlowModel
import FlowStorage
package import Rollout

/// What the logs say over a window, folded into connections between workloads.
package struct Evidence: Sendable {
  /// Every workload known, from inventory and logs.
  package var workloads: [Workload]
  /// Names of the workloads, in their order, unique.
  package var workloadNames: [String]
  /// Connections, sorted by their words.
  package var connections: [ObservedConnection]
  /// Edges left out as replies.
  package var replies: Int
  /// Edges with pods of no known workload.
  package var unattributed: Int
  /// How edges become connections.
  package var folding: EvidenceFolding

  /// The connections with an end in a namespace.
  package func connections(of namespace: String) -> [ObservedConnection] {
    connections.filter { touches($0, namespace) }
  }

  /// The connections of every namespace, in order; one between two namespaces stands in both.
  package var connectionsByNamespace: [String: [ObservedConnection]] {
    var numbers: [String: Int] = [:]
    let namespaceOf = workloads.map { workload -> Int in
      if let known = numbers[workload.namespace] { return known }
      numbers[workload.namespace] = numbers.count
      return numbers.count - 1
    }
    func number(_ end: ConnectionEnd) -> Int? {
      if case .workload(let index) = end { namespaceOf[index] } else { nil }
    }
    var parts = [[ObservedConnection]](repeating: [], count: numbers.count)
    for connection in connections {
      let (source, destination) = (number(connection.source), number(connection.destination))
      if let source { parts[source].append(connection) }
      if let destination, destination != source { parts[destination].append(connection) }
    }
    return numbers.mapValues { parts[$0] }
  }

  /// Whether a connection has an end in a namespace.
  package func touches(_ connection: ObservedConnection, _ namespace: String) -> Bool {
    isIn(connection.source, namespace) || isIn(connection.destination, namespace)
  }

  private func isIn(_ end: ConnectionEnd, _ namespace: String) -> Bool {
    guard case .workload(let index) = end else { return false }
    return workloads[index].namespace == namespace
  }

  /// What a decision about a connection speaks of.
  package func decisionKey(_ connection: ObservedConnection) -> DecisionKey {
    DecisionKey(
      source: Evidence.decisionEnd(connection.source, workloads),
      destination: Evidence.decisionEnd(connection.destination, workloads),
      transport: connection.key.transport,
      port: connection.key.port
    )
  }

  static func decisionEnd(_ end: ConnectionEnd, _ workloads: [Workload]) -> DecisionEnd {
    switch end {
    case .other(let endpoint): return DecisionEnd(endpoint)
    case .workload(let index):
      let workload = workloads[index]
      if let owner = workload.owner {
        return .workload(cluster: "", namespace: workload.namespace, owner)
      }
      return .pods(cluster: "", namespace: workload.namespace, workload.commonLabels)
    }
  }
}

/// Reads evidence from the stores.
package struct EvidenceReader: Sendable {
  private let stores: Stores
  /// What the cluster holds.
  package let inventory: Inventory
  /// What people decided.
  package private(set) var decisions: DecisionSet
  /// Where the namespaces stand.
  package let rollout: RolloutState
  private let now: Int64

  /// Reads inventory, decisions and rollout.
  ///
  /// - Parameter now: Decides which decisions have expired, microseconds UTC.
  package init(_ stores: Stores, now: Int64) async throws {
    self.stores = stores
    self.now = now
    inventory = try await InventoryFiles(store: stores.audit).load()
    decisions = DecisionSet(try await DecisionLedger(store: stores.audit).all())
    rollout = try await RolloutLedger(store: stores.audit).state()
  }

  /// The same, as if a person had accepted some connections.
  func accepting(_ keys: [DecisionKey], now: Int64) -> EvidenceReader {
    var copy = self
    let accepted = keys.map { ReviewDecision(.accept, $0, reason: "", who: "", time: now) }
    copy.decisions = DecisionSet(decisions.decisions + accepted)
    return copy
  }

  /// The evidence of a window.
  ///
  /// - Parameters:
  ///   - window: The stretch.
  ///   - namespace: Only edges with an end in it; nil for all.
  /// - Throws: ``EvidenceError`` when the logs are of several clusters and the window names none.
  package func evidence(_ window: EvidenceWindow, namespace: String?) async throws -> Evidence {
    let edges = try await stores.flows.edges(
      EdgeQuery(namespace: namespace, hours: window.hours)
    )
    let pods = try await stores.flows.podEndpoints(before: window.hours.upperBound)
    let scope = try ClusterScope(window.cluster, namespace: namespace, pods: pods)
    let kept = scope.edges(edges)
    var context: [FlowEdge]?
    if namespace != nil, kept.contains(where: EvidenceFolding.needsContext) {
      context = scope.edges(try await stores.flows.edges(EdgeQuery(hours: window.hours)))
    }
    return fold(
      kept,
      context: context,
      pods: scope.pods(pods, of: kept),
      until: window.window.end
    )
  }

  /// Folds edges that were read before; `context` as in ``EvidenceFolding/fold(_:context:)``.
  package func fold(
    _ edges: [FlowEdge],
    context: [FlowEdge]? = nil,
    pods: [Endpoint],
    until end: Int64
  ) -> Evidence {
    let clustering = WorkloadClustering(
      endpoints: pods,
      inventory: inventory.workloads(during: Int64.min...end)
    )
    let workloads = clustering.workloads
    let decisions = decisions
    let now = now
    let ends =
      decisions.decisions.isEmpty
      ? []
      : workloads.indices.map {
        Evidence.decisionEnd(.workload($0), workloads)
      }
    @Sendable func decisionEnd(_ end: ConnectionEnd) -> DecisionEnd {
      if case .workload(let index) = end {
        ends[index]
      } else {
        Evidence.decisionEnd(end, workloads)
      }
    }
    let folding = EvidenceFolding(
      workloads: workloads,
      workloadOf: clustering.assignment,
      criticality: criticality,
      decide: { source, destination, transport, port in
        guard !ends.isEmpty else { return nil }
        let key = DecisionKey(
          source: decisionEnd(source),
          destination: decisionEnd(destination),
          transport: transport,
          port: port
        )
        switch decisions.decision(for: key, at: now)?.verdict {
        case .accept: return .accept
        case .reject: return .reject
        case .undo, nil: return nil
        }
      }
    )
    let result = folding.fold(edges, context: context)
    return Evidence(
      workloads: workloads,
      workloadNames: folding.names,
      connections: result.connections,
      replies: result.replies,
      unattributed: result.unattributed,
      folding: folding
    )
  }

  /// The UTC days (since 1970) on which each connection of a namespace was seen.
  package func days(of namespace: String, _ window: EvidenceWindow, in evidence: Evidence)
    async throws -> [ConnectionKey: Set<Int>]
  {
    var days: [ConnectionKey: Set<Int>] = [:]
    let edges = try await stores.flows.edgeDays(
      EdgeQuery(namespace: namespace, hours: window.hours)
    )
    for dated in edges {
      guard let key = evidence.folding.key(of: dated.edge) else { continue }
      days[key, default: []].formUnion(dated.days.map { Int($0) })
    }
    return days
  }

  private var criticality: [String: Int] {
    var ranks: [String: Int] = [:]
    for namespace in rollout.namespaces {
      if let criticality = namespace.criticality { ranks[namespace.namespace] = criticality.rank }
    }
    return ranks
  }
}
