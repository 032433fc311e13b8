import FlowModel

/// When an edge was seen, at the level at which rules are made: workload pair, protocol and port.
package struct EdgeDays: Hashable, Sendable {
  /// The UTC days (since 1970) on which it was seen.
  package var days: Set<Int>
  /// The first time seen, microseconds since 1970 UTC.
  package var firstSeen: Int64

  /// Makes an entry.
  package init(days: some Sequence<Int>, firstSeen: Int64) {
    self.days = Set(days)
    self.firstSeen = firstSeen
  }
}

/// What coverage is estimated from.
package struct CoverageInput: Hashable, Sendable {
  /// One entry an edge of the namespace, those that a person rejected left out.
  package var edges: [EdgeDays]
  /// The hours of the log source.
  package var capture: CaptureLog
  /// The evidence looked at.
  package var window: TimeWindow
  /// Endpoints that a record named and that could be resolved.
  package var resolvedEndpoints: Int
  /// Endpoints that could not.
  package var unresolvedEndpoints: Int

  /// Makes an input.
  package init(
    edges: [EdgeDays],
    capture: CaptureLog,
    window: TimeWindow,
    resolvedEndpoints: Int = 0,
    unresolvedEndpoints: Int = 0
  ) {
    self.edges = edges
    self.capture = capture
    self.window = window
    self.resolvedEndpoints = resolvedEndpoints
    self.unresolvedEndpoints = unresolvedEndpoints
  }
}

/// How sure it is that the audit has seen what there is to see.
package struct Coverage: Hashable, Sendable {
  /// Distinct edges seen.
  package var observed: Int
  /// How many there are, by Chao2; nil with fewer than two days of capture or without edges.
  package var estimate: Double?
  /// UTC days with records of the log source.
  package var daysCaptured: Int
  /// UTC hours with records of the log source.
  package var hoursCaptured: Int
  /// Stretches without records longer than the threshold.
  package var holes: [CaptureHole]
  /// Edges first seen in the last 48 hours of the capture.
  package var newEdges: Int
  /// Edges seen on one day only: weekly and monthly jobs show here.
  package var singleDayEdges: Int
  /// Lost events as a share of all; nil without records.
  package var lostShare: Double?
  /// Endpoints that could not be resolved as a share of all; nil without endpoints.
  package var unresolvedShare: Double?
  /// The start of the last 48 hours of the capture; nil without records.
  package var recentStart: Int64?

  /// Observed edges as a share of the estimate; nil without one.
  package var share: Double? {
    guard let estimate, estimate > 0 else { return nil }
    return Double(observed) / estimate
  }

  /// Works out the figures.
  ///
  /// The last 48 hours are those of the capture, not of the clock: a log that ended last month would
  /// otherwise never show anything new.
  ///
  /// - Parameter holeThreshold: Microseconds; only longer stretches count as holes.
  package init(_ input: CoverageInput, holeThreshold: Int64) {
    let captured = input.capture.captured(in: input.window)
    let captureDays = Set(captured.map { CoverageMath.day(ofHour: $0.hour) })
    observed = input.edges.count
    daysCaptured = captureDays.count
    hoursCaptured = captured.count
    let end = input.capture.end(before: input.window.end) ?? input.window.start
    holes = input.capture.holes(
      in: TimeWindow(start: input.window.start, end: end),
      longerThan: holeThreshold
    )
    lostShare = input.capture.lostShare(in: input.window)
    let endpoints = Double(input.resolvedEndpoints) + Double(input.unresolvedEndpoints)
    unresolvedShare = endpoints > 0 ? Double(input.unresolvedEndpoints) / endpoints : nil
    let recent = captured.isEmpty ? nil : end - 2 * Timestamps.day
    recentStart = recent
    newEdges = input.edges.count { edge in recent.map { edge.firstSeen >= $0 } ?? false }
    singleDayEdges = input.edges.count { $0.days.count == 1 }
    let samples = captureDays.union(input.edges.flatMap(\.days)).count
    estimate = CoverageMath.chao2(
      observed: observed,
      once: singleDayEdges,
      twice: input.edges.count { $0.days.count == 2 },
      samples: samples
    )
  }
}

/// The arithmetic behind ``Coverage``.
package enum CoverageMath {
  /// The bias-corrected Chao2 estimate of the number of kinds, seen or not.
  ///
  /// Source: A. Chao, incidence-based richness; `S + (m-1)/m * Q1(Q1-1) / (2(Q2+1))`.
  ///
  /// - Parameters:
  ///   - observed: Kinds seen.
  ///   - once: Kinds seen in exactly one sample.
  ///   - twice: Kinds seen in exactly two.
  ///   - samples: Samples taken.
  /// - Returns: nil with fewer than two samples, which say nothing about what comes back, and when
  ///   nothing was seen.
  package static func chao2(observed: Int, once: Int, twice: Int, samples: Int) -> Double? {
    guard samples >= 2, observed > 0 else { return nil }
    let once = Double(once)
    let unseen = once * (once - 1) / (2 * (Double(twice) + 1))
    return Double(observed) + Double(samples - 1) / Double(samples) * unseen
  }

  /// The UTC day (since 1970) of an hour since 1970.
  package static func day(ofHour hour: Int64) -> Int {
    Int(Timestamps.floor(hour, to: 24) / 24)
  }
}
