package import FlowModel

/// What a decision is about: a workload pair, protocol and port, whatever the direction of policy.
package struct DecisionKey: Hashable, Sendable, Comparable {
  /// The client.
  package var source: DecisionEnd
  /// The server.
  package var destination: DecisionEnd
  /// The protocol.
  package var transport: TransportProtocol
  /// The server's port; the type for ICMP.
  package var port: UInt16

  /// Makes a key.
  package init(
    source: DecisionEnd,
    destination: DecisionEnd,
    transport: TransportProtocol,
    port: UInt16
  ) {
    self.source = source
    self.destination = destination
    self.transport = transport
    self.port = port
  }

  /// The key of an edge between two endpoints.
  package init(
    source: Endpoint,
    destination: Endpoint,
    transport: TransportProtocol,
    port: UInt16
  ) {
    self.init(
      source: DecisionEnd(source),
      destination: DecisionEnd(destination),
      transport: transport,
      port: port
    )
  }

  /// By source, destination, protocol, port.
  package static func < (left: DecisionKey, right: DecisionKey) -> Bool {
    if left.source != right.source { return left.source < right.source }
    if left.destination != right.destination { return left.destination < right.destination }
    if left.transport != right.transport { return left.transport < right.transport }
    return left.port < right.port
  }
}

extension DecisionKey: CustomStringConvertible {
  /// `app-prod/Deployment/web -> app-prod/Deployment/api TCP/8080`.
  package var description: String { "\(source) -> \(destination) \(transport)/\(port)" }
}

/// What a person decided about an edge.
package struct ReviewDecision: Hashable, Sendable {
  /// The decision.
  package enum Verdict: String, Sendable, CaseIterable {
    /// The edge is evidence.
    case accept
    /// The edge is no evidence.
    case reject
    /// An earlier decision is taken back: the edge is undecided again.
    case undo
  }

  /// The decision.
  package var verdict: Verdict
  /// What it is about.
  package var key: DecisionKey
  /// Why.
  package var reason: String
  /// Who.
  package var who: String
  /// When, microseconds since 1970 UTC.
  package var time: Int64
  /// The first microsecond at which it no longer holds; nil when it holds for good.
  package var until: Int64?

  /// Makes a decision.
  package init(
    _ verdict: Verdict,
    _ key: DecisionKey,
    reason: String,
    who: String,
    time: Int64,
    until: Int64? = nil
  ) {
    self.verdict = verdict
    self.key = key
    self.reason = reason
    self.who = who
    self.time = time
    self.until = until
  }

  /// Whether it no longer holds.
  package func isExpired(at now: Int64) -> Bool { until.map { $0 <= now } ?? false }
}

/// All decisions, as asked while proposing and at the gates.
package struct DecisionSet: Hashable, Sendable {
  /// The decisions as made, by time; of equal times in the order given.
  package let decisions: [ReviewDecision]
  private let exact: [DecisionKey: [Int]]
  private let wide: [Int]

  /// Makes a set of decisions in any order.
  package init(_ decisions: some Sequence<ReviewDecision>) {
    let sorted = decisions.enumerated().sorted {
      $0.element.time != $1.element.time
        ? $0.element.time < $1.element.time : $0.offset < $1.offset
    }.map(\.element)
    var exact: [DecisionKey: [Int]] = [:]
    var wide: [Int] = []
    for (index, decision) in sorted.enumerated() {
      exact[decision.key, default: []].append(index)
      if decision.key.source.width + decision.key.destination.width > 0 { wide.append(index) }
    }
    self.decisions = sorted
    self.exact = exact
    self.wide = wide
  }

  /// What holds for an edge at a time.
  ///
  /// The narrowest decision that speaks about it counts, and of these the latest. Once that one has
  /// expired or was taken back the edge is undecided: what it replaced does not come back.
  ///
  /// - Returns: The accepting or rejecting decision; nil when the edge is undecided.
  package func decision(for key: DecisionKey, at now: Int64) -> ReviewDecision? {
    let own = exact[key]?.last { decisions[$0].time <= now }
    var best = own.map { decisions[$0] }
    if best == nil {
      for index in wide {
        let candidate = decisions[index]
        guard candidate.time <= now, candidate.key.transport == key.transport,
          candidate.key.port == key.port, candidate.key.source.covers(key.source),
          candidate.key.destination.covers(key.destination)
        else { continue }
        if let known = best, DecisionSet.width(known.key) < DecisionSet.width(candidate.key) {
          continue
        }
        best = candidate
      }
    }
    guard let best, best.verdict != .undo, !best.isExpired(at: now) else { return nil }
    return best
  }

  /// The decisions that hold at a time, one a key, sorted by key.
  package func inForce(at now: Int64) -> [ReviewDecision] {
    exact.keys.sorted().compactMap { decision(for: $0, at: now) }.filter { $0.verdict != .undo }
  }

  private static func width(_ key: DecisionKey) -> Int { key.source.width + key.destination.width }
}
