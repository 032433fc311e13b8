import FlowModel
import TestSupport
import Testing

@testable import FlowAggregation

@Suite("Evidence of several inputs")
struct JoinedEvidenceTests {
  @Test("A line and its input are one number that rises with both")
  func lines() {
    let lines = [0, 1, 7, 1 << 31, 1 << 39, 1 << 40 - 1].flatMap { line in
      [0, 1, 1023].map { SampleLine(input: $0, line: line) }
    }
    for one in lines {
      #expect(SampleLine(packed: one.packed) == one)
      for other in lines {
        #expect(
          (one.packed < other.packed) == ((one.input, one.line) < (other.input, other.line))
        )
      }
    }
    #expect(SampleLine(input: 0, line: 12).packed == 12)
    #expect(SampleLine(packed: SampleLine(input: 3, line: .max).packed).input == 3)
  }

  @Test(
    "It adds up as a dictionary does, with the first record of each edge",
    arguments: Seed.samples(10)
  )
  func sums(seed: Seed) {
    struct Sum: Equatable {
      var records: Int64
      var bytes: Int64
      var first: Int64
      var last: Int64
      var sample: SampleLine
    }
    var seed = seed
    var joined = JoinedEvidence()
    var expected: [String: Sum] = [:]
    for input in 0..<6 {
      var evidence = EvidenceAccumulator(logKind: .hubble)
      for line in 0..<Int.random(in: 0...120, using: &seed) {
        // Some are seen by one input only, and endpoints have other indices in each.
        let (source, destination) = (
          Int.random(in: 0..<5, using: &seed) + input % 2, Int.random(in: 0..<4, using: &seed)
        )
        let time = Int64.random(in: 0..<4, using: &seed) * 1_800_000_000
        let bytes = Int64.random(in: 0...99, using: &seed)
        evidence.add(
          source: evidence.index(of: Endpoint(kind: .pod, namespace: "a\(source)")),
          destination: evidence.index(of: Endpoint(kind: .pod, namespace: "b\(destination)")),
          transport: .tcp,
          port: 80,
          side: .both,
          evidence: .allowed,
          bytes: bytes,
          first: time,
          last: time + 5,
          line: line
        )
        let key = "a\(source) b\(destination) \(time / 3_600_000_000)"
        let new = Sum(
          records: 1,
          bytes: bytes,
          first: time,
          last: time + 5,
          sample: SampleLine(input: input, line: line)
        )
        guard var sum = expected[key] else {
          expected[key] = new
          continue
        }
        sum.records += 1
        sum.bytes += bytes
        if (time, new.sample.packed) < (sum.first, sum.sample.packed) {
          sum.first = time
          sum.sample = new.sample
        }
        sum.last = max(sum.last, time + 5)
        expected[key] = sum
      }
      evidence.finish()
      joined.add(evidence, input: input)
    }
    var found: [String: Sum] = [:]
    for entry in joined.edges {
      let source = joined.endpoints[Int(entry.key.source)].namespace
      let destination = joined.endpoints[Int(entry.key.destination)].namespace
      found["\(source) \(destination) \(entry.key.hour)"] = Sum(
        records: entry.records,
        bytes: entry.bytes,
        first: entry.first,
        last: entry.last,
        sample: SampleLine(packed: entry.sampleLine)
      )
    }
    #expect(found == expected && found.count == joined.edges.count)
    #expect(Set(joined.endpoints).count == joined.endpoints.count)
  }
}
