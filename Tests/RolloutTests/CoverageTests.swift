import FlowModel
import Rollout
import Testing
import TestSupport

struct CoverageTests {
  @Test("Chao2 is bias-corrected, with days as samples")
  func chao2() throws {
    // 10 seen, 4 of them once, 1 twice, 5 days: 10 + 4/5 * 4*3 / (2*2) = 12.4
    let estimate = try #require(
      CoverageMath.chao2(observed: 10, once: 4, twice: 1, samples: 5)
    )
    #expect(abs(estimate - 12.4) < 1e-9)
    #expect(CoverageMath.chao2(observed: 10, once: 0, twice: 3, samples: 7) == 10)
  }

  @Test("One day of capture, or no edge, is no estimate instead of full coverage")
  func noEstimate() {
    #expect(CoverageMath.chao2(observed: 10, once: 10, twice: 0, samples: 1) == nil)
    #expect(CoverageMath.chao2(observed: 0, once: 0, twice: 0, samples: 7) == nil)
  }

  @Test("The last 48 hours are those of the capture, not of the clock")
  func recent() {
    let start = at("2026-11-09")
    let edges = [
      EdgeDays(days: [20_766, 20_767], firstSeen: start),
      EdgeDays(days: [20_772], firstSeen: start + 6 * day),
    ]
    let input = CoverageInput(
      edges: edges,
      capture: capture(from: start, to: start + 7 * day, lost: 1),
      window: TimeWindow(start: start, end: start + 60 * day),
      resolvedEndpoints: 95,
      unresolvedEndpoints: 5
    )
    let coverage = Coverage(input, holeThreshold: 6 * hour)
    #expect(coverage.newEdges == 1)
    #expect(coverage.recentStart == start + 5 * day)
    #expect(coverage.singleDayEdges == 1)
    #expect(coverage.daysCaptured == 7)
    #expect(coverage.hoursCaptured == 168)
    #expect(coverage.holes.isEmpty)
    #expect(coverage.unresolvedShare == 0.05)
    #expect(abs((coverage.lostShare ?? 0) - 1.0 / 101) < 1e-9)
  }

  @Test("A stretch without records is a hole only when it is longer than the threshold")
  func holes() {
    let start = at("2026-11-09")
    let window = TimeWindow(start: start, end: start + 2 * day)
    let six = capture(
      from: start,
      to: start + 2 * day,
      without: [start + 3 * hour..<start + 9 * hour]
    )
    #expect(six.holes(in: window, longerThan: 6 * hour).isEmpty)
    let seven = capture(
      from: start,
      to: start + 2 * day,
      without: [start + 3 * hour..<start + 10 * hour]
    )
    #expect(
      seven.holes(in: window, longerThan: 6 * hour)
        == [TimeWindow(start: start + 3 * hour, end: start + 10 * hour)]
    )
    #expect(
      seven.longestStretch(in: window, holesLongerThan: 6 * hour)
        == TimeWindow(start: start + 10 * hour, end: start + 2 * day)
    )
  }

  @Test("An hour with losses only is not captured")
  func lossOnly() {
    let log = CaptureLog([CapturedHour(hour: 10, records: 0, lost: 9)])
    let window = TimeWindow(start: 0, end: day)
    #expect(log.captured(in: window).isEmpty)
    #expect(log.lostShare(in: window) == 1)
    #expect(log.holes(in: window, longerThan: hour).count == 1)
  }

  @Test("Order and repetition of hours do not matter", arguments: Seed.samples(50))
  func order(seed: Seed) {
    var seed = seed
    let hours = (0..<40).map { _ in
      CapturedHour(hour: Int64.random(in: -5...60, using: &seed), records: 3)
    }
    let window = TimeWindow(start: 0, end: 2 * day)
    let log = CaptureLog(hours)
    #expect(log == CaptureLog(hours.shuffled(using: &seed)))
    let holes = log.holes(in: window, longerThan: 2 * hour)
    let missing = holes.reduce(0) { $0 + $1.end - $1.start }
    let captured = Int64(log.captured(in: window).count) * hour
    #expect(missing + captured <= 2 * day)
    for hole in holes { #expect(log.captured(in: hole).isEmpty) }
  }

  @Test("Absurd hours do not trap", arguments: [Int64.min + 1, Int64.max, 1 << 40])
  func extremes(number: Int64) {
    let log = CaptureLog([CapturedHour(hour: number, records: 1)])
    #expect(log.hours.isEmpty)
  }
}

struct StaleRulesTests {
  let now = at("2026-11-23T12:00:00Z")
  let today = 20_780

  private func find(_ days: [Int], weeks: Int = 2, captured: Int = 60) -> StaleRule? {
    StaleRules.find(
      in: [
        RuleActivity(
          rule: "web egress 1",
          edges: [.init(name: "web -> api", days: days.map { today - $0 })]
        )
      ],
      captureDays: Set(today - captured...today),
      weeks: weeks,
      now: now
    ).first
  }

  @Test("A rule not seen for the whole window may go")
  func removable() throws {
    let rule = try #require(find([20, 21, 22, 23]))
    #expect(rule.verdict == .removable)
    #expect(rule.lastDay == today - 20)
    #expect(find([14, 20, 21]) == nil)
    #expect(find([15, 20, 21])?.verdict == .removable)
  }

  @Test("A job with a longer period than the window is never proposed")
  func period() {
    #expect(find([20, 50])?.verdict == .longPeriod)
    #expect(find([20, 50], weeks: 5) == nil)
  }

  @Test("Seen on one day only: the period is not known")
  func once() { #expect(find([20])?.verdict == .unknownPeriod) }

  @Test("What the log did not cover is not unused")
  func uncovered() { #expect(find([20, 21], captured: 10)?.verdict == .notCaptured) }

  @Test("A rule with one live edge stays")
  func mixed() {
    let rules = [
      RuleActivity(
        rule: "r",
        edges: [
          .init(name: "a", days: [today - 30, today - 31]), .init(name: "b", days: [today - 1]),
        ]
      )
    ]
    #expect(
      StaleRules.find(in: rules, captureDays: Set(0...today), weeks: 2, now: now).isEmpty
    )
  }
}

struct CriticalitySuggestionTests {
  @Test("Nothing seen from outside is low, with a reason")
  func low() {
    let suggestion = CriticalitySuggestion(CriticalityFacts(namespace: "batch"))
    #expect(suggestion.criticality == .low)
    #expect(suggestion.reasons == ["nothing outside the namespace was seen to depend on it"])
  }

  @Test("Outside access, dependants, data and system namespaces each count, the weightiest first")
  func reasons() {
    let suggestion = CriticalitySuggestion(
      CriticalityFacts(
        namespace: "shop",
        reachedFromOutside: ["shop/Deployment/web"],
        dependantNamespaces: ["web", "shop"],
        servedPorts: [5432, 8080]
      )
    )
    #expect(suggestion.criticality == .critical)
    #expect(
      suggestion.reasons == [
        "holds data: PostgreSQL (5432)",
        "reached from outside the cluster: shop/Deployment/web",
        "1 namespace depend on it: web",
      ]
    )
    let system = CriticalitySuggestion(CriticalityFacts(namespace: "kube-system"))
    #expect(system.criticality == .critical)
    let queue = CriticalitySuggestion(CriticalityFacts(namespace: "q", servedPorts: [9092]))
    #expect(queue.criticality == .high)
  }
}
