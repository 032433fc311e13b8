import FlowStorage
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("How inputs start")
struct HeadsTests {
  private static func head(_ bytes: [UInt8]) -> (Int) -> UInt64? {
    { OpenedInput.headHash(bytes, $0) }
  }

  private static func identity(_ bytes: [UInt8]) -> InputIdentity {
    InputIdentity(
      headLength: bytes.count,
      headHash: ContentHash.hash(bytes),
      consumedBytes: 0,
      tailHash: 0
    )
  }

  @Test(
    "Those that start like another are found, whatever their lengths",
    arguments: Seed.samples(20)
  )
  func alike(seed: Seed) {
    var seed = seed
    let stems = (0..<3).map { _ in
      (0..<4096).map { _ in UInt8.random(in: 0...255, using: &seed) }
    }
    var seen = SeenHeads()
    var known = KnownHeads([])
    var before: [[UInt8]] = []
    var found = 0
    for _ in 0..<150 {
      let lengths = [1...40, 505...520, 1...4096, 4096...4096].randomElement(using: &seed)
      let length = Int.random(in: lengths ?? 1...1, using: &seed)
      var bytes = Array((stems.randomElement(using: &seed) ?? [])[..<length])
      // The one that is different may be so anywhere.
      if Bool.random(using: &seed) { bytes[Int.random(in: 0..<length, using: &seed)] ^= 1 }
      let expected = before.contains { bytes.starts(with: $0) }
      #expect(seen.contains(Self.head(bytes)) == expected)
      #expect(known.mayKnow(Self.head(bytes)) == expected)
      if expected { found += 1 }
      seen.insert(Self.identity(bytes), Self.head(bytes))
      before.append(bytes)
      if before.count % 2 == 0 {
        known.insert(Self.identity(bytes))
      } else {
        known = KnownHeads(before.map { InputHead(length: $0.count, hash: ContentHash.hash($0)) })
      }
    }
    #expect(found > 10 && found < 140)
  }
}
