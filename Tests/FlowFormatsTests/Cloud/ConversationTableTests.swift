import FlowAggregation
import FlowFormats
import FlowModel
import TestSupport
import Testing

struct ConversationTableTests {
  static let inventory = CloudInventory(
    pods: Dictionary(uniqueKeysWithValues: (1...9).map { ("10.0.0.\($0)", "p\($0)") }),
    served: ["10.0.0.3:9000"]
  )

  /// Lines of a made-up capture: connections, refusals, probes, datagrams, over three hours.
  static func capture(_ random: inout Seed, count: Int) -> [String] {
    var lines: [String] = []
    for _ in 0..<count {
      let client =
        "10.0.0.\(Int.random(in: 1...9, using: &random)):"
        + "\(Int.random(in: 40_000...40_400, using: &random))"
      let server =
        "10.0.0.\(Int.random(in: 1...9, using: &random)):"
        + "\([80, 443, 9000, 50_051].randomElement(using: &random) ?? 80)"
      let start = 1_700_000_000 + Int.random(in: 0..<10_800, using: &random)
      let transport = Int.random(in: 0..<5, using: &random) == 0 ? 17 : 6
      let interface = "eni-\(Int.random(in: 1...3, using: &random))"
      let flags = ["0", "2", "2", "3"].randomElement(using: &random) ?? "0"
      let action = Int.random(in: 0..<8, using: &random) == 0 ? "REJECT" : "ACCEPT"
      lines.append(
        AWSVPCDecoderTests.line(
          client,
          server,
          flags: transport == 17 ? "0" : flags,
          transport: transport,
          start: start,
          action: action,
          interface: interface
        )
      )
      guard action == "ACCEPT", Int.random(in: 0..<3, using: &random) > 0 else { continue }
      lines.append(
        AWSVPCDecoderTests.line(
          server,
          client,
          flags: transport == 17 || flags == "0" ? "0" : "18",
          transport: transport,
          start: start,
          interface: interface
        )
      )
    }
    return lines
  }

  static func decode(_ lines: [String]) -> EvidenceAccumulator {
    AWSVPCDecoder.decode([AWSVPCDecoderTests.header] + lines, inventory: inventory)
  }

  @Test("The order of records does not matter", arguments: Seed.samples(25))
  func order(_ seed: Seed) {
    var random = seed
    let lines = Self.capture(&random, count: 300)
    let one = Self.decode(lines)
    let two = Self.decode(lines.shuffled(using: &random))
    #expect(one.edgeTexts == two.edgeTexts)
    #expect(one.discardTexts == two.discardTexts)
    #expect(!one.edgeTexts.isEmpty)
    #expect(one.counts.records == lines.count + 1)
    #expect(two.counts.records == lines.count + 1)
  }

  @Test("Parts decoded apart and merged give the same", arguments: Seed.samples(25))
  func parts(_ seed: Seed) {
    var random = seed
    let lines = [AWSVPCDecoderTests.header] + Self.capture(&random, count: 200)
    let cut = Int.random(in: 1..<lines.count, using: &random)
    let whole = AWSVPCDecoder.decode(lines, inventory: Self.inventory)

    let accumulator = AWSVPCDecoder.decode(lines, cutAt: cut, inventory: Self.inventory)
    #expect(accumulator.edgeTexts == whole.edgeTexts)
    #expect(accumulator.discardTexts == whole.discardTexts)
    let lineNumbers = accumulator.edges.entries.map(\.sampleLine).sorted()
    #expect(lineNumbers == whole.edges.entries.map(\.sampleLine).sorted())
  }

  @Test(
    "The end of a part lets go what the next part does not go on with",
    arguments: [1, 400, 801]
  )
  func endOfPart(_ cut: Int) {
    var lines = [AWSVPCDecoderTests.header]
    for index in 0..<600 {
      let (client, server) = ("10.0.0.\(index % 2 + 1)", "10.0.0.3")
      let times = "\(1_700_000_000 + index * 9) \(1_700_000_050 + index * 9) ACCEPT"
      lines.append(
        "5 eni-1 \(client) \(server) \(20_000 + index) 443 6 9 840 \(times) 3 \(client) \(server) OK"
      )
      lines.append(
        "5 eni-1 \(server) \(client) 443 \(20_000 + index) 6 9 840 \(times) 19 \(server) \(client) OK"
      )
    }
    let whole = AWSVPCDecoder.decode(lines, inventory: Self.inventory)
    var first = AWSVPCDecoder(options: DecoderOptions(), capacity: 512)
    var accumulator = EvidenceAccumulator(logKind: .awsVPC, resolver: Self.inventory)
    // The cut parts a request from its answer.
    for (index, line) in lines[..<cut].enumerated() {
      first.feed(line, line: index + 1, into: &accumulator)
    }
    var second = first.forLaterPart()
    var later = EvidenceAccumulator(logKind: .awsVPC, resolver: Self.inventory)
    for (index, line) in lines[cut...].enumerated() {
      second.feed(line, line: index + 1, into: &later)
    }
    let heldBefore = second.heldConversations
    first.endPart(into: &accumulator)
    second.endPart(into: &later)
    #expect(first.heldConversations <= 40)
    #expect(second.heldConversations <= 80)
    #expect(second.heldConversations < heldBefore)
    accumulator.merge(later, lineOffset: cut)
    first.merge(second, lineOffset: cut, into: &accumulator)
    first.finish(into: &accumulator)
    accumulator.finish()
    #expect(accumulator.edgeTexts == whole.edgeTexts)
    #expect(accumulator.discardTexts == whole.discardTexts)
  }

  /// Decodes parts of records one by one and merges them.
  static func inParts<Decoder: LogDecoder>(
    _ parts: [[String]],
    of type: Decoder.Type,
    inventory: CloudInventory
  ) -> EvidenceAccumulator {
    var whole = type.init(options: DecoderOptions())
    var accumulator = EvidenceAccumulator(logKind: .awsVPC, resolver: inventory)
    var offset = 0
    for (index, part) in parts.enumerated() {
      var decoder = type.init(options: DecoderOptions())
      var counted = EvidenceAccumulator(logKind: .awsVPC, resolver: inventory)
      let nothing: [UInt8] = []
      if index > 0 { decoder.resume(after: nothing.span.bytes) }
      for (line, record) in part.enumerated() {
        decoder.feed(record, line: line + 1, into: &counted)
      }
      accumulator.merge(counted, lineOffset: offset)
      whole.merge(decoder, lineOffset: offset, into: &accumulator)
      offset += part.count
    }
    whole.finish(into: &accumulator)
    accumulator.finish()
    return accumulator
  }

  @Test("Logs of other clouds may be read in parts too", arguments: Seed.samples(10))
  func otherClouds(_ seed: Seed) {
    var random = seed
    let google = GCPVPCDecoderTests.cases.flatMap(\.records).shuffled(using: &random)
    let azure = AzureDecoderTests.cases.flatMap(\.records).shuffled(using: &random)
    let cut = Int.random(in: 1..<min(google.count, azure.count), using: &random)
    func outcome(_ accumulator: EvidenceAccumulator) -> [String] {
      accumulator.edgeTexts + accumulator.discardTexts + accumulator.counts.notes.sorted()
    }
    let googleParts = [Array(google[..<cut]), Array(google[cut...])]
    #expect(
      outcome(
        Self.inParts(googleParts, of: GCPVPCDecoder.self, inventory: GCPVPCDecoderTests.inventory)
      ) == outcome(GCPVPCDecoder.decode(google, inventory: GCPVPCDecoderTests.inventory))
    )
    let azureParts = [Array(azure[..<cut]), Array(azure[cut...])]
    #expect(
      outcome(
        Self.inParts(azureParts, of: AzureDecoder.self, inventory: AzureDecoderTests.inventory)
      ) == outcome(AzureDecoder.decode(azure, inventory: AzureDecoderTests.inventory))
    )
  }

  @Test("A full table lets the oldest go, loses no record and keeps its bound")
  func bound() {
    var random = Seed(7)
    let lines = Self.capture(&random, count: 3000)
    var decoder = AWSVPCDecoder(options: DecoderOptions(), capacity: 64)
    var accumulator = EvidenceAccumulator(logKind: .awsVPC, resolver: Self.inventory)
    decoder.feed(AWSVPCDecoderTests.header, line: 1, into: &accumulator)
    for (index, line) in lines.enumerated() {
      decoder.feed(line, line: index + 2, into: &accumulator)
    }
    decoder.finish(into: &accumulator)
    accumulator.finish()
    #expect(accumulator.counts.records == lines.count + 1)
    let allowed = Set(Self.decode(lines).edgeTexts.filter { $0.contains("allowed") }.map(Self.kind))
    let bounded = Set(accumulator.edgeTexts.filter { $0.contains("allowed") }.map(Self.kind))
    #expect(!bounded.isEmpty)
    #expect(bounded.isSubset(of: allowed))
  }

  private static func kind(_ edge: String) -> String {
    edge.split(separator: " ").dropLast().joined(separator: " ")
  }

  @Test("A connection that outlives a full table keeps its direction")
  func longConnection() {
    var decoder = AWSVPCDecoder(options: DecoderOptions(), capacity: 8)
    var accumulator = EvidenceAccumulator(
      logKind: .awsVPC,
      resolver: CloudInventory(
        pods: Self.inventory.pods.reduce(into: [:]) {
          $0["\($1.key)"] = $1.value
        }
      )
    )
    var line = 1
    func feed(_ text: String, _ decoder: inout AWSVPCDecoder, _ into: inout EvidenceAccumulator) {
      decoder.feed(text, line: line, into: &into)
      line += 1
    }
    feed(AWSVPCDecoderTests.header, &decoder, &accumulator)
    let client = "10.0.0.1:50000"
    let server = "10.0.0.2:8080"
    for hour in 0..<100 {
      let start = 1_700_000_000 + hour * 3600
      let isFirst = hour == 0
      let request = AWSVPCDecoderTests.line(
        client,
        server,
        flags: isFirst ? "2" : "0",
        start: start
      )
      let answer = AWSVPCDecoderTests.line(
        server,
        client,
        flags: isFirst ? "18" : "0",
        start: start
      )
      feed(request, &decoder, &accumulator)
      feed(answer, &decoder, &accumulator)
    }
    decoder.finish(into: &accumulator)
    accumulator.finish()
    #expect(
      accumulator.edgeTexts
        == Array(repeating: "shop/p1 -> shop/p2 TCP/8080 both allowed x1", count: 100)
    )
  }
}
