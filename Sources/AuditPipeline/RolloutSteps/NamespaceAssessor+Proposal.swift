import FlowAggregation
import FlowModel
package import PolicyModel
import PolicySynthesis
import Rollout

extension ProposeResult {
  /// The connections that a grant to or from the whole world covers.
  var worldKeys: Set<ConnectionKey> { Set(proposal.worldConnections.map { keys[$0] }) }

  /// What the proposal asks, by connection.
  var questions: [ConnectionKey: [ReviewRows.Question]] {
    var questions: [ConnectionKey: [ReviewRows.Question]] = [:]
    for entry in proposal.decisions {
      questions[keys[entry.connection], default: []].append(
        ReviewRows.Question(
          reason: entry.reason,
          isWorld: proposal.worldConnections.contains(entry.connection)
        )
      )
    }
    return questions
  }
}

extension NamespaceAssessor {
  /// What the replay and the comparison with an earlier proposal showed.
  func propose(
    _ namespace: String,
    _ window: EvidenceWindow,
    _ evidence: Evidence,
    capture: CaptureLog
  ) async throws -> (result: ProposeResult, evidence: ProposalEvidence) {
    let step = proposeStep(namespace, reader)
    let result = try step.propose(namespace, window, evidence)
    var summary = ProposalEvidence(
      week: window.week?.number ?? 0,
      replayedEdges: result.proof.total
    )
    let unexpressible = Set(result.proposal.unexpressible.map(\.connection))
    for entry in result.proof.denied {
      let text = "\(ConnectionText.text(result.keys[entry.connection])): \(entry.reason)"
      if unexpressible.contains(entry.connection) {
        summary.unexpressibleEdges.append(text)
      } else {
        summary.deniedEdges.append(text)
      }
    }
    if result.proposal.excess.isEmpty { summary.unexplainedGrants = result.proof.unobserved }
    summary.rulesOfLast48Hours = try await recentRules(result, step, window, namespace, capture)
    return (result, summary)
  }

  private func proposeStep(_ namespace: String, _ reader: EvidenceReader) -> Propose {
    var options = ProposeOptions()
    options.dialect = dialect(of: namespace)
    return Propose(stores, reader: reader, finder: finder, options: options)
  }

  /// Where the scripts for a proposal stand.
  func scripts(_ namespace: String, _ result: ProposeResult) -> ScriptEvidence {
    let files: NamespaceStepFiles
    do {
      files = try stepFiles(namespace, result)
    } catch {
      return .impossible("\(error)")
    }
    guard let written = reader.rollout[namespace].written else { return .notWritten }
    let folder = StepFolder(written.folder)
    guard written.hash == files.hash else { return .outdated(folder: folder.shownPath) }
    return folder.holds(files.files)
      ? .current(folder: folder.shownPath) : .changed(folder: folder.shownPath)
  }

  /// The rules that a proposal without the last 48 hours of the capture does not have.
  private func recentRules(
    _ result: ProposeResult,
    _ step: Propose,
    _ window: EvidenceWindow,
    _ namespace: String,
    _ capture: CaptureLog
  ) async throws -> [String] {
    var earlier = window
    let end = capture.end(before: window.window.end) ?? window.window.end
    earlier.window.end = Timestamps.floor(end - 2 * Timestamps.day, to: Timestamps.hour)
    guard earlier.window.end > earlier.window.start else { return result.rulesInWords.map(\.text) }
    let evidence = try await reader.evidence(earlier, namespace: namespace)
    guard !evidence.connections(of: namespace).isEmpty else {
      return result.rulesInWords.map(\.text)
    }
    let before = try step.propose(namespace, earlier, evidence)
    let rules = Set(before.rulesInWords.map(\.rule))
    let known = Set(before.keys)
    // A rule that is only cut differently, over the same connections, adds nothing.
    return result.rulesInWords.filter { entry in
      !rules.contains(entry.rule) && !entry.keys.allSatisfy(known.contains)
    }.map(\.text)
  }

  /// The rules that denied connections would need, as policies that hold just these.
  ///
  /// - Returns: Empty when the latest proposal has them already, so that only writing and applying it
  ///   is missing.
  package func rulesNeeded(
    for rows: [ReviewRow],
    in assessment: NamespaceAssessment,
    now: Int64
  ) async throws -> PolicySet {
    guard let window = assessment.window else { return PolicySet() }
    let accepting = reader.accepting(rows.map(\.key), now: now)
    let folded = try await accepting.evidence(window, namespace: assessment.namespace)
    let result = try proposeStep(assessment.namespace, accepting)
      .propose(assessment.namespace, window, folded)
    let known = Set(assessment.proposal?.rulesInWords.map(\.rule) ?? [])
    var policies: [Policy] = []
    for var policy in result.proposal.policySet.policies {
      policy.rules = policy.rules.filter { rule in
        !known.contains(RuleIdentity(subject: policy.subject, rule: rule))
      }
      if !policy.rules.isEmpty { policies.append(policy) }
    }
    return PolicySet(policies: policies)
  }
}

/// What a rule admits, whatever it is called and whichever connections stand behind it.
struct RuleIdentity: Hashable {
  var subject: PodMatch
  var rule: PolicyRule
}

extension ProposeResult {
  /// Each rule with what it is there for, in words.
  var rulesInWords: [(rule: RuleIdentity, keys: [ConnectionKey], text: String)] {
    proposal.ruleEvidence.map { entry in
      let policy = proposal.policySet.policies[entry.policy]
      let rule = policy.rules[entry.rule]
      let keys = entry.connections.map { self.keys[$0] }
      return (
        RuleIdentity(subject: policy.subject, rule: rule), keys,
        "\(policy.name) \(rule.direction.rawValue): \(ConnectionText.brief(keys))"
      )
    }.sorted { $0.2 < $1.2 }
  }
}

extension CoverageInput {
  /// The accepted connections of a namespace; those that a world grant covers count as one.
  init(
    _ observed: [ObservedConnection],
    world: Set<ConnectionKey>,
    days: [ConnectionKey: Set<Int>],
    capture: CaptureLog,
    window: TimeWindow
  ) {
    var edges: [ConnectionKey: EdgeDays] = [:]
    for connection in observed where connection.isAccepted {
      var key = connection.key
      if world.contains(key) {
        if case .other = connection.source { key.source = "world" }
        if case .other = connection.destination { key.destination = "world" }
      }
      var edge = edges[key] ?? EdgeDays(days: [], firstSeen: .max)
      edge.days.formUnion(days[connection.key] ?? [])
      edge.firstSeen = min(edge.firstSeen, connection.tally.firstMicroseconds)
      edges[key] = edge
    }
    let unresolved = observed.count { $0.marks.contains(.unresolved) }
    self.init(
      edges: Array(edges.values),
      capture: capture,
      window: window,
      resolvedEndpoints: observed.count - unresolved,
      unresolvedEndpoints: unresolved
    )
  }
}
