import FlowAggregation
import FlowStorage
import JSONText
package import Rollout
import Yams

/// Takes over decisions from a file.
package struct DecisionImport: Sendable {
  private let stores: Stores

  /// Makes a step.
  package init(_ stores: Stores) { self.stores = stores }

  /// Stores the decisions of a file that are not in force already.
  ///
  /// - Returns: The decisions added.
  /// - Throws: ``InputError``, ``DecisionFileError`` with every fault; nothing is stored then.
  package func run(_ text: String, file: String, now: Int64) async throws -> [ReviewDecision] {
    let documents: [JSONValue]
    do {
      documents = try YAMLText.documents(text)
    } catch let failure as YAMLText.Failure {
      throw InputError.malformed(file: file, problem: failure.problem)
    }
    guard documents.count == 1, let document = documents.first else {
      throw InputError.malformed(
        file: file,
        problem: "one YAML document is expected, there are \(documents.count)"
      )
    }
    let known = try await knownEnds(now: now)
    let read = try DecisionFile.read(document, lines: entryLines(text)) { known.contains($0) }
    let ledger = DecisionLedger(store: stores.audit)
    let inForce = DecisionSet(try await ledger.all())
    let added = read.compactMap { DecisionImport.taken($0, over: inForce, now: now) }
    try await ledger.append(added)
    return added
  }

  /// A decision of the file as it is stored; nil where it would change nothing.
  ///
  /// The file is what people agreed on: where something else was decided since, it is said again now.
  private static func taken(
    _ decision: ReviewDecision,
    over known: DecisionSet,
    now: Int64
  ) -> ReviewDecision? {
    guard !decision.isExpired(at: now) else { return nil }
    let newest = known.decisions.last { $0.key == decision.key }
    guard newest != decision else { return nil }
    let current = known.decision(for: decision.key, at: now)
    if let current, current.key == decision.key {
      guard
        current.verdict != decision.verdict || current.until != decision.until
          || current.reason != decision.reason
      else { return nil }
    } else if decision.verdict == .undo, current == nil {
      return nil
    }
    var taken = decision
    if let newest, newest.time >= decision.time { taken.time = max(now, newest.time) }
    return taken
  }

  /// The workloads that exist or were seen, as decisions speak of them.
  private func knownEnds(now: Int64) async throws -> Set<DecisionEnd> {
    let reader = try await EvidenceReader(stores, now: now)
    let pods = try await stores.flows.podEndpoints(before: nil)
    let evidence = reader.fold([], pods: pods, until: Int64.max)
    return Set(
      evidence.workloads.indices.map { Evidence.decisionEnd(.workload($0), evidence.workloads) }
    )
  }

  /// The lines on which the entries of `decisions` begin.
  private func entryLines(_ text: String) -> [Int] {
    guard let node = try? Yams.compose(yaml: text), let entries = node["decisions"]?.sequence else {
      return []
    }
    return entries.map { $0.mark?.line ?? 0 }
  }
}
