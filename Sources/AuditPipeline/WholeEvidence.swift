import FlowStorage
import Rollout

/// Evidence over all namespaces at once.
package enum WholeEvidence {
  /// The evidence of a selection; weeks are those of the one namespace named.
  ///
  /// - Throws: ``EvidenceError``.
  package static func read(
    _ reader: EvidenceReader,
    finder: WindowFinder,
    namespaces: [String],
    selection: WindowSelection
  ) async throws -> Evidence {
    let names = namespaces.isEmpty ? finder.namespaces : namespaces
    let windows = try names.map { try finder.window(of: $0, selection) }
    guard var whole = windows.first else {
      throw EvidenceError.noFlows(namespace: "any", known: [])
    }
    for window in windows.dropFirst() {
      whole.window.start = min(whole.window.start, window.window.start)
      whole.window.end = max(whole.window.end, window.window.end)
    }
    return try await reader.evidence(whole, namespace: names.count == 1 ? names.first : nil)
  }

  /// The evidence of all that is stored; only the inventory's workloads where no flow is.
  package static func everything(_ reader: EvidenceReader, _ stores: Stores) async throws
    -> Evidence
  {
    let finder = try await WindowFinder(stores, rollout: reader.rollout)
    guard finder.namespaces.isEmpty else {
      return try await read(
        reader,
        finder: finder,
        namespaces: [],
        selection: WindowSelection(span: .all)
      )
    }
    let pods = try await stores.flows.podEndpoints(before: nil)
    return reader.fold([], pods: pods, until: Int64.max)
  }
}
