import FlowAggregation
import FlowFormats
import FlowModel
import Foundation
import TestSupport
import Testing

@Suite("Calico's fast path")
struct CalicoScannerTests {
  /// Everything that may not differ between the two ways.
  private struct Result: Equatable {
    var edges: [String]
    var counts: IngestCounts
  }

  private func result(_ accumulator: EvidenceAccumulator) -> Result {
    var accumulator = accumulator
    accumulator.finish()
    let edges = accumulator.edges.entries.map { entry in
      let source = accumulator.endpoints[Int(entry.key.source)]
      let destination = accumulator.endpoints[Int(entry.key.destination)]
      return "\(source) \(destination) \(entry.key.hour) \(entry.key.port) \(entry.key.side) "
        + "\(entry.key.evidence) \(entry.key.transport) \(entry.records) \(entry.bytes) "
        + "\(entry.first) \(entry.last) \(entry.sampleLine)"
    }.sorted()
    return Result(edges: edges, counts: accumulator.counts)
  }

  private func blocks(_ text: String) -> Result {
    var decoder = CalicoDecoder(options: DecoderOptions())
    var accumulator = EvidenceAccumulator(logKind: .calico)
    let bytes = Array(text.utf8)
    _ = decoder.decode(lines: bytes.span.bytes, firstLine: 1, into: &accumulator)
    decoder.finish(into: &accumulator)
    return result(accumulator)
  }

  private func oneByOne(_ text: String) -> Result {
    var decoder = CalicoDecoder(options: DecoderOptions())
    var accumulator = EvidenceAccumulator(logKind: .calico)
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    where !line.allSatisfy({ $0 == " " || $0 == "\t" || $0 == "\r" }) {
      let bytes = Array((line.last == "\r" ? line.dropLast() : line).utf8)
      decoder.decode(bytes.span.bytes, line: index + 1, into: &accumulator)
    }
    decoder.finish(into: &accumulator)
    return result(accumulator)
  }

  private func sample() throws -> [Substring] {
    let url = ProjectFiles.root().appendingPathComponent("sample-flows/calico/flows.log")
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
  }

  @Test("The sample gives the same both ways, and something at all")
  func sampleAgrees() throws {
    let text = try sample().joined(separator: "\n") + "\n"
    let fast = blocks(text)
    #expect(fast.edges.count > 100)
    #expect(fast == oneByOne(text))
  }

  @Test("Mutated lines give the same both ways", arguments: Seed.samples(40))
  func mutatedLinesAgree(seed: Seed) throws {
    var seed = seed
    let lines = try sample()
    var text = ""
    for _ in 0..<40 {
      let line = lines[Int.random(in: 0..<60, using: &seed)]
      text += line + "\n"
      var bytes = Array(line.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &seed) {
        let place = Int.random(in: 0..<bytes.count, using: &seed)
        switch Int.random(in: 0..<5, using: &seed) {
        case 0: bytes[place] = UInt8.random(in: 0x20...0x7e, using: &seed)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(UInt8.random(in: 0x20...0x7e, using: &seed), at: place)
        case 3: bytes.insert(contentsOf: Array(#""packets_in":0,"#.utf8), at: min(1, bytes.count))
        default: bytes.removeLast(bytes.count - max(1, place))
        }
      }
      text +=
        String(decoding: bytes, as: UTF8.self).replacingOccurrences(of: "\n", with: " ") + "\n"
    }
    #expect(blocks(text) == oneByOne(text))
  }

  @Test("Only the numbers of a line may change its class: no answer is an attempt")
  func zeroCounters() throws {
    let line = try #require(try sample().first { $0.contains(#""reporter":"dst""#) })
    let text = String(line)
    let silent = text.replacing(#/"packets_out":\d+/#, with: #""packets_out":0"#)
    let padding = String(repeating: " \n", count: 60)
    let both = blocks(text + "\n" + silent + "\n" + text + "\n" + padding)
    #expect(both == oneByOne(text + "\n" + silent + "\n" + text + "\n" + padding))
    #expect(both.edges.count == 2)
  }
}
