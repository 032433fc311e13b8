import AuditPipeline
import FlowModel
import FlowStorage
import Foundation
import JSONText
import PolicyModel
import Rollout
import TestSupport
import Testing

@Suite("Assessment and compliance")
struct AssessTests {
  private func assess(_ stores: Stores) async throws -> Assessment {
    let reader = try await EvidenceReader(stores, now: 0)
    let finder = try await WindowFinder(stores, rollout: reader.rollout)
    return try await Assess(stores, reader: reader, finder: finder).run()
  }

  private func report(_ test: RolloutCase, at now: String) async throws -> ComplianceReport {
    let time = RolloutCase.time(now)
    let reader = try await EvidenceReader(test.stores, now: time)
    let finder = try await WindowFinder(test.stores, rollout: reader.rollout)
    return try await ComplianceReport(test.stores, reader: reader, finder: finder, now: time)
  }

  private static func policy(_ namespace: String, _ name: String, _ spec: String) -> String {
    #"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"\#(name)","#
      + #""namespace":"\#(namespace)"},"spec":\#(spec)}"#
  }

  private static let denyAll = #"{"podSelector":{},"policyTypes":["Ingress","Egress"]}"#
  private static let denyIngress = #"{"podSelector":{},"policyTypes":["Ingress"]}"#
  private static let allowAll = #"{"podSelector":{},"policyTypes":["Ingress"],"ingress":[{}]}"#

  @Test("The sample says who talks to whom, and which pitfalls it has")
  func sample() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await sample.ingest(SampleStore.sample("hubble/flows.jsonl"))
    let before = try await assess(sample.stores)
    #expect(before.checks.first { $0.name == "host-network" }?.outcome == .unknown)
    #expect(before.namespaces.allSatisfy { $0.policies == nil && $0.isDefaultDenied == nil })
    #expect(before.blindSpots.contains("the log lost 6 events"))

    try await sample.addInventory()
    let after = try await assess(sample.stores)
    #expect(after.talks.contains { $0.source == "ingress-system" && $0.destination == "app-prod" })
    #expect(after.talks.contains { $0.source == "(external)" && $0.connections > 1 })
    // The scan: hardly anything of it was answered.
    let scan = after.talks.first { $0.source == "shop-staging" && $0.destination == "app-prod" }
    #expect((scan?.refused ?? 0) > 20)
    #expect(after.talks.map(\.records) == after.talks.map(\.records).sorted(by: >))
    #expect(
      after.checks.map(\.name) == [
        "namespace-label", "host-network", "node-port", "node-local-dns", "stateful-set",
        "multi-cluster", "external-name",
      ]
    )
    #expect(after.checks.allSatisfy { $0.outcome != .unknown })
    #expect(after.checks.first { $0.name == "stateful-set" }?.text.contains("app-prod/db") == true)
  }

  @Test("A namespace has a default-deny when both directions are shut and nothing opens them")
  func defaultDeny() async throws {
    let test = try RolloutCase()
    defer { test.sample.remove() }
    try await test.ingest(
      RolloutCase.steady([("shop/web", "pay/api", 8080)], from: "2026-11-02T00:00:00Z", days: 1)
    )
    try await test.addObjects([
      AssessTests.policy("shop", "deny", AssessTests.denyAll),
      AssessTests.policy("pay", "deny-in", AssessTests.denyIngress),
      AssessTests.policy("lab", "allow", AssessTests.allowAll),
    ])
    let coverage = PolicyCoverage(try await PolicyFiles.live(test.stores))
    #expect(coverage.defaultDenied == ["shop"])
    #expect(coverage.policies == ["shop": 1, "pay": 1, "lab": 1])
    let namespaces = try await assess(test.stores).namespaces
    #expect(namespaces.map(\.name) == ["pay", "shop"])
    #expect(namespaces.map(\.isDefaultDenied) == [false, true])
  }

  @Test("A report says who approved which rules, and what a forced gate did not meet")
  func compliance() async throws {
    let test = try RolloutCase()
    defer { test.sample.remove() }
    try await test.ingest(
      RolloutCase.steady(
        [("shop/web", "shop/api", 8080), ("lab/web", "lab/api", 8080)],
        from: "2026-11-02T00:00:00Z",
        days: 16
      )
    )
    let empty = try await report(test, at: "2026-11-02T00:00:00Z")
    #expect(empty.controls.first { $0.number == "1.2" }?.support == .noEvidence)
    #expect(empty.controls.first { $0.number == "5.3.2" }?.support == .notSupported)
    for name in ["shop", "lab"] { try await test.start(name, at: "2026-11-02T00:00:00Z") }
    try await test.advance("shop", at: "2026-11-05T00:00:00Z", force: true)
    try await test.advance("shop", at: "2026-11-10T01:00:00Z", force: true)
    let now = "2026-11-10T02:00:00Z"
    let report = try await report(test, at: now)
    let shop = try #require(report.namespaces.first { $0.rollout.namespace == "shop" })
    #expect(shop.isDefaultDenied)
    #expect(shop.approval?.event.who == "ann")
    #expect(shop.approval?.proposal?.yamlHash == shop.approval?.event.proposalHash)
    let support = Dictionary(
      uniqueKeysWithValues: report.controls.map { ($0.number, $0.support) }
    )
    #expect(
      support == [
        "5.3.2": .partly, "5.7.4": .supported, "A.8.22": .partly, "2.1": .partly, "AC-4": .partly,
        "SC-7": .partly, "1.2": .partly, "1.3": .partly,
      ]
    )
    let text = ComplianceText.markdown(report)
    #expect(text.contains("| PCI DSS 4.0 | 1.2 |"))
    #expect(text.contains("not: lab"))
    #expect(text.contains("seven-days: 3 of 7 full days captured"))
    let json = ComplianceText.value(report)
    #expect(json["history"]?.array?.count == 4)
    #expect(json["namespaces"]?.array?.count == 2)
    // As of an earlier time it knows nothing of what came later.
    #expect(try await self.report(test, at: "2026-11-04T00:00:00Z").history.count == 2)
  }

  @Test("Text from people stays in its cell")
  func escaping() async throws {
    let test = try RolloutCase()
    defer { test.sample.remove() }
    try await test.ingest(
      RolloutCase.steady([("shop/web", "shop/api", 8080)], from: "2026-11-02T00:00:00Z", days: 1)
    )
    try await test.start("shop", at: "2026-11-02T00:00:00Z")
    let workflow = try await test.workflow(at: "2026-11-03T00:00:00Z")
    try await workflow.commit(
      RolloutEvent(
        time: RolloutCase.time("2026-11-03T00:00:00Z"),
        who: "a|b",
        action: .hold,
        namespace: "shop",
        reason: "x\n| y | [z](http://z)"
      )
    )
    let text = ComplianceText.markdown(try await report(test, at: "2026-11-03T00:00:00Z"))
    #expect(text.contains(#"a\|b: hold shop (x \| y \| \[z\](http://z))"#))
  }
}
