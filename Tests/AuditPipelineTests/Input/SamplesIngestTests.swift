import FlowAggregation
import FlowFormats
import FlowStorage
import Foundation
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("Published Hubble samples as files")
struct SamplesIngestTests {
  /// What is used, left out and refused of each file.
  private static let expected: [String: [Int]] = [
    "aks-fluentbit-3-flows.jsonl": [1, 2, 0],
    "cilium-1.18-deny-policy-correlated.jsonl": [1, 0, 0],
    "cilium-1.20-audit-first4.jsonl": [4, 0, 0],
    "cilium-1.20-pos-egress-named.jsonl": [4, 0, 0],
    "cilium-1.20-pos-to-world.jsonl": [1, 0, 0],
    "cilium-1.20-stranger-to-shop.export-fieldmask.jsonl": [1, 0, 0],
    "cilium-1.20-stranger-to-shop.loki.jsonl": [1, 0, 0],
    "cilium-docs-exporter-fieldmask.jsonl": [1, 1, 0],
    "eks-1.19-kubelet-probe.jsonl": [1, 0, 0],
    "flat-array-TC_08_egress_toFQDNs_multiPorts.json": [2, 2, 0],
    "flat-array-TC_11_egress_toServices_single_pod.json": [1, 1, 0],
    "flat-array-TC_12_egress_toServices_multiple_pods.json": [2, 1, 0],
    "flat-array-TC_14_egress_selector_aggregation_matchLabels_toFQDNS.json": [2, 2, 0],
    "flat-array-flows-template-verbose.json": [10, 6, 0],
    "hubble-otel-basic-sample-10-flows.jsonl": [5, 5, 0],
    "hubble-otel-basic-sample-330-dns-flows.jsonl": [165, 165, 0],
    "hubble-otel-basic-sample-400-icmpv4-flows.jsonl": [0, 18, 0],
    "hubble-otel-basic-sample-400-tcp-flows.jsonl": [218, 182, 0],
    "hubble-otel-basic-sample-5-dns-flows.jsonl": [3, 2, 0],
    "hubble-otel-basic-sample-5-http-flows.jsonl": [3, 2, 0],
    "synthetic-cpg-empty.jsonl": [0, 0, 0],
    "synthetic-cpg-l7_dns.jsonl": [0, 3, 0],
    "synthetic-cpg-l7_http.jsonl": [0, 4, 0],
    "synthetic-cpg-malformed.jsonl": [0, 2, 1],
    "synthetic-cpg-mixed_tcp_icmp.jsonl": [0, 4, 0],
    "synthetic-cpg-small.jsonl.gz": [0, 3, 0],
    "synthetic-cpg-with_non_dropped.jsonl": [0, 5, 0],
  ]

  @Test(
    "Every file is found to be Hubble's and taken whole; those without times say what they need"
  )
  func files() async throws {
    guard let folder = ProjectFiles.shared("flows/hubble") else { return }
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() {
      let path = folder.appendingPathComponent(name).path
      // One store each: some samples are the first lines of others.
      let store = InMemoryStore()
      guard let expected = Self.expected[name] else {
        try await expectAssumedTime(path, store)
        continue
      }
      let result = try await Ingest.file(path, into: store)
      let counts = result.record.counts
      #expect(
        [counts.used, counts.discarded.values.reduce(0, +), counts.rejectedCount] == expected,
        "\(name)"
      )
      let again = try await Ingest.file(path, into: store)
      #expect(again.status == (counts.records == 0 ? .empty : .unchanged), "\(name)")
    }
  }

  private func expectAssumedTime(_ path: String, _ store: InMemoryStore) async throws {
    do {
      _ = try await Ingest.file(path, into: store)
      Issue.record("\(path) was taken without a time")
    } catch InputError.nothingRecognized(_, _, let problem, let line) {
      #expect(problem.contains("--assume-time") && line > 0)
    }
    var options = IngestOptions()
    options.decoder.assumedTime = 1_614_556_800_000_000
    let result = try await Ingest.file(path, into: store, options: options)
    #expect(result.status == .new && result.record.counts.used > 0)
    #expect(result.record.counts.rejectedCount == 0)
  }
}
