import FlowAggregation
import FlowFormats
import FlowModel
import Foundation
import TestSupport
import Testing

struct CloudRobustnessTests {
  static let decoders: [any LogDecoder.Type] = [
    AWSVPCDecoder.self, AWSPolicyAgentDecoder.self, GCPVPCDecoder.self, GKEPolicyDecoder.self,
    AzureDecoder.self,
  ]

  /// One good record of each format, in the order of `decoders`.
  static let samples: [[String]] = [
    [AWSVPCDecoderTests.plain("10.0.0.1:50000", "10.0.0.2:8080")]
      + AWSVPCEnvelopeTests.shapes.flatMap { $0 },
    AWSPolicyAgentDecoderTests.forms.map(\.line),
    GCPVPCDecoderTests.cases.flatMap(\.records).dropLast(),
    [GKEPolicyDecoderTests.record()],
    AzureDecoderTests.cases.flatMap(\.records).filter { $0.contains("1663146003") },
  ]

  /// Starts of other logs that none of these formats may claim.
  static let others = [
    "{\"flow\":{\"time\":\"2024-05-01T10:00:00Z\",\"verdict\":\"FORWARDED\",\"IP\":{\"source\":"
      + "\"10.0.0.1\",\"destination\":\"10.0.0.2\"},\"l4\":{\"TCP\":{\"source_port\":5}}}}",
    "{\"start_time\":1,\"end_time\":2,\"source_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\","
      + "\"action\":\"allow\",\"reporter\":\"src\",\"bytes_in\":1}",
    "calico-packet: IN=cali1 OUT= SRC=10.0.0.1 DST=10.0.0.2 PROTO=TCP SPT=1 DPT=2",
    "{\"level\":\"info\",\"msg\":\"starting\"}",
    "{\"logName\":\"projects/p/logs/compute.googleapis.com%2Ffirewall\",\"jsonPayload\":{"
      + "\"connection\":{\"dest_ip\":\"1.2.3.4\"},\"disposition\":\"DENIED\",\"rule_details\":{}}}",
    "version: v1", "2 apples and 3 pears", "", "start", "{}", "[]", "\u{0}\u{1}PAR",
  ]

  @Test("Each format recognises its own records and no other's")
  func recognition() {
    for (index, records) in Self.samples.enumerated() {
      for record in records.prefix(30) {
        for (other, decoder) in Self.decoders.enumerated() {
          let isRecognized = decoder.recognizes(record)
          #expect(isRecognized == (index == other), "\(decoder) and \(record.prefix(120))")
        }
      }
    }
    for text in Self.others {
      for decoder in Self.decoders {
        let isRecognized = decoder.recognizes(text)
        #expect(!isRecognized, "\(decoder) and \(text.prefix(80))")
      }
    }
  }

  @Test("The reference files of other logs are not claimed", arguments: ["hubble", "calico"])
  func otherReferenceFiles(_ folder: String) throws {
    guard let url = ProjectFiles.shared("flows/\(folder)") else { return }
    let files = try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
    #expect(!files.isEmpty)
    for file in files {
      let bytes = [UInt8](try Data(contentsOf: url.appendingPathComponent(file)).prefix(65_536))
      for decoder in Self.decoders {
        let isRecognized = decoder.recognizes(bytes.span.bytes)
        #expect(!isRecognized, "\(decoder) claims \(file)")
      }
    }
  }

  static let folders: [(String, [String])] = [
    ("vpc-aws", ["AWSVPCDecoder"]), ("aws-npa", ["AWSPolicyAgentDecoder"]),
    ("vpc-gcp", ["GCPVPCDecoder", "GKEPolicyDecoder"]), ("vpc-azure", ["AzureDecoder"]),
  ]

  @Test("A cloud log's reference files are claimed by exactly one format", arguments: folders)
  func ownReferenceFiles(_ sample: (folder: String, decoders: [String])) throws {
    guard let url = ProjectFiles.shared("flows/\(sample.folder)") else { return }
    for file in try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() {
      let bytes = [UInt8](try Data(contentsOf: url.appendingPathComponent(file)))
      let claims = Self.decoders.filter { $0.recognizes(bytes.span.bytes) }.map { "\($0)" }
      #expect(claims.count == 1 && sample.decoders.contains(claims[0]), "\(file): \(claims)")
    }
  }

  @Test("No bytes trap a decoder", arguments: Seed.samples(60))
  func mutations(_ seed: Seed) {
    var random = seed
    let inventory = CloudInventory(
      pods: ["10.0.0.1": "web", "10.0.0.2": "api"],
      served: ["10.0.0.2:8080"]
    )
    for (index, decoderType) in Self.decoders.enumerated() {
      var decoder = decoderType.init(options: DecoderOptions())
      var accumulator = EvidenceAccumulator(logKind: .awsVPC, resolver: inventory)
      for line in 1...40 {
        let source =
          Int.random(in: 0..<4, using: &random) == 0
          ? Self.samples.randomElement(using: &random) : Self.samples[index]
        var bytes = Array((source?.randomElement(using: &random) ?? "").utf8)
        for _ in 0..<Int.random(in: 0..<6, using: &random) {
          CloudRobustnessTests.mutate(&bytes, &random)
        }
        _ = decoderType.recognizes(bytes.span.bytes)
        _ = decoderType.isComplete(lastLine: bytes.span.bytes)
        decoder.decode(bytes.span.bytes, line: line, into: &accumulator)
      }
      decoder.finish(into: &accumulator)
      accumulator.finish()
      #expect(accumulator.counts.used <= 40 * 8)
    }
  }

  private static func mutate(_ bytes: inout [UInt8], _ random: inout Seed) {
    guard !bytes.isEmpty else { return }
    let position = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes.remove(at: position)
    case 2: bytes.removeLast(bytes.count - position)
    case 3: bytes.insert(contentsOf: Array("99999999999999999999".utf8), at: position)
    case 4: bytes.insert(contentsOf: bytes[position...].prefix(20), at: position)
    default:
      let digits = bytes.indices.filter { 0x30...0x39 ~= bytes[$0] }
      if let digit = digits.randomElement(using: &random) { bytes[digit] = 0x39 }
    }
  }

  @Test("A line of ten megabytes is a bad line and nothing more")
  func longLine() {
    let line = "2 " + String(repeating: "1 ", count: 5_000_000)
    let result = AWSVPCDecoder.decode([line])
    #expect(result.counts.rejectedCount == 1)
  }

  @Test("Two formats in one file: the other's lines are refused, never misread")
  func mixed() {
    let result = AWSVPCDecoder.decode([
      AWSVPCDecoderTests.plain("10.0.0.1:50000", "10.0.0.2:8080"),
      GKEPolicyDecoderTests.record(), AWSPolicyAgentDecoderTests.forms[0].line,
      AzureDecoderTests.record([AzureDecoderTests.tuple("B")]),
      GCPVPCDecoderTests.entry("10.0.0.1:1", "10.0.0.2:2"),
    ])
    #expect(result.counts.rejectedCount == 4)
    #expect(result.counts.rejections.map(\.line) == [2, 3, 4, 5])
  }
}
