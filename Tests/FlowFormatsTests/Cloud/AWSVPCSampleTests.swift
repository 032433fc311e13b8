import FlowAggregation
import FlowFormats
import FlowModel
import Foundation
import TestSupport
import Testing

/// What every reference file of AWS VPC flow logs must give.
struct AWSVPCSampleTests {
  struct Sample: Sendable, CustomTestStringConvertible {
    var file: String
    var inventory = CloudInventory()
    var edges: [String] = []
    var discards: [String] = []
    var rejected = 0
    var testDescription: String { file }
  }

  static let samples = [
    Sample(
      file: "awsdocs-v2-default-examples.log",
      inventory: CloudInventory(
        pods: ["172.31.16.21": "a", "172.31.9.12": "b"],
        served: ["172.31.16.21:22"]
      ),
      // No reply in the log: an attempt. The IPv6 pair has neither a pod nor a known server.
      edges: [
        "? -> shop/a TCP/22 both attempt x1", "? -> shop/b TCP/3389 both denied x1",
      ],
      discards: ["coverage-marker: 2", "other-protocol: 2", "undecided-direction: 1"]
    ),
    Sample(
      file: "awsdocs-v3-tcp-flag-sequence.log",
      inventory: CloudInventory(pods: ["10.0.0.62": "server"]),
      edges: [
        "52.213.180.42/32 -> shop/server TCP/5001 both allowed x1",
        "52.213.180.42/32 -> shop/server TCP/5001 both allowed x3",
      ],
      discards: ["reply: 4", "unrelated-line: 1"]
    ),
    Sample(file: "awsdocs-v3-nat-gateway.log", discards: ["unrelated-line: 1"], rejected: 6),
    Sample(
      file: "awsdocs-v5-service-path-direction.log",
      inventory: CloudInventory(pods: ["10.0.0.71": "client"]),
      edges: ["shop/client -> 52.95.128.179/32 TCP/80 both allowed x1"],
      discards: ["reply: 1", "unrelated-line: 1"]
    ),
    Sample(
      file: "elastic-integrations-test-extra-samples.log",
      inventory: CloudInventory(pods: ["158.109.0.1": "a"], served: ["158.109.0.1:22"]),
      edges: [
        "78.24.182.42/32 -> shop/a TCP/22 both attempt x1",
        "78.24.182.42/32 -> shop/a TCP/3389 both denied x1",
      ],
      discards: ["coverage-marker: 2", "other-protocol: 2", "undecided-direction: 1"]
    ),
    Sample(
      file: "elastic-integrations-test-tcp-flag-sequence.log",
      inventory: CloudInventory(pods: ["10.0.0.62": "server"]),
      edges: ["52.213.180.42/32 -> shop/server TCP/5001 both attempt x1"],
      discards: ["coverage-marker: 2", "unrelated-line: 3"]
    ),
    Sample(
      file: "elastic-integrations-test-with-message-field.ndjson",
      discards: ["coverage-marker: 1"]
    ),
    Sample(
      file: "otel-cloudwatch-subscription-envelope.json",
      inventory: CloudInventory(
        pods: ["172.31.16.21": "a", "172.31.9.12": "b"],
        served: ["172.31.16.21:22"]
      ),
      edges: [
        "? -> shop/a TCP/22 both attempt x1", "? -> shop/b TCP/3389 both denied x1",
      ]
    ),
    Sample(
      file: "otel-s3-text-with-header.log",
      inventory: CloudInventory(
        pods: ["172.31.16.21": "a", "172.31.9.12": "b"],
        served: ["172.31.16.21:22"]
      ),
      edges: [
        "? -> shop/a TCP/22 both attempt x1", "? -> shop/b TCP/3389 both denied x1",
      ],
      discards: ["unrelated-line: 1"]
    ),
    Sample(
      file: "flowlogs-reader-v2-records.log",
      inventory: CloudInventory(pods: ["192.0.2.1": "client"], served: ["198.51.100.1:443"]),
      // The refusal on another interface is of a connection that worked.
      edges: ["shop/client -> 198.51.100.1/32 TCP/443 both allowed x1"],
      discards: ["coverage-marker: 2", "mid-connection: 1", "reply: 1"]
    ),
    Sample(
      file: "flowlogs-reader-v3-file.log",
      discards: ["no-verdict: 2", "unrelated-line: 1"]
    ),
    Sample(
      file: "sekoia-v2-lines.log",
      inventory: CloudInventory(pods: ["10.0.0.96": "a"]),
      // Time service on both ends: nobody can tell the client.
      edges: ["195.14.170.50/32 -> shop/a TCP/20248 both denied x1"],
      discards: ["coverage-marker: 1", "undecided-direction: 2"]
    ),
    Sample(
      file: "sekoia-v2-structured.ndjson",
      inventory: CloudInventory(pods: ["1.2.3.4": "a"], served: ["5.6.7.8:4712"]),
      edges: [
        "shop/a -> 5.6.7.8/32 TCP/2323 both denied x1",
        "shop/a -> 5.6.7.8/32 TCP/4712 both attempt x1",
      ]
    ),
  ]

  @Test("Reference files", arguments: samples)
  func sample(_ sample: Sample) throws {
    guard let records = try sharedRecords("vpc-aws/\(sample.file)") else { return }
    let result = AWSVPCDecoder.decode(records, inventory: sample.inventory)
    #expect(result.edgeTexts == sample.edges.sorted())
    #expect(result.discardTexts == sample.discards.sorted())
    #expect(result.counts.rejectedCount == sample.rejected)
    #expect(AWSVPCDecoder.recognizes(records.joined(separator: "\n")))
  }

  @Test("The Parquet file is recognised and refused")
  func parquet() throws {
    guard let url = ProjectFiles.shared("flows/vpc-aws/flowlogs-reader-flows.parquet") else {
      return
    }
    let bytes = [UInt8](try Data(contentsOf: url))
    let isRecognized = AWSVPCDecoder.recognizes(bytes.span.bytes)
    #expect(isRecognized)
    var decoder = AWSVPCDecoder(options: DecoderOptions())
    var accumulator = EvidenceAccumulator(logKind: .awsVPC)
    for (index, line) in bytes.split(separator: 0x0a).enumerated() {
      decoder.feed([UInt8](line), line: index + 1, into: &accumulator)
    }
    decoder.finish(into: &accumulator)
    #expect(accumulator.counts.rejectedCount == 1)
    #expect(accumulator.counts.rejections.first?.line == 1)
  }

  @Test("Without an inventory nothing is learned and the log says what it needs")
  func withoutInventory() throws {
    guard let records = try sharedRecords("vpc-aws/awsdocs-v3-tcp-flag-sequence.log") else {
      return
    }
    let result = AWSVPCDecoder.decode(records)
    #expect(result.edgeTexts.isEmpty)
    #expect(result.counts.notes.contains { $0.contains("flowlearn inventory add") })
    #expect(result.counts.discarded[.noPod] == 4)
  }
}
