import FlowModel
import TestSupport
import Testing

@testable import FlowFormats

struct DottedQuadTests {
  /// The token as a quad, before other bytes.
  private static func quad(_ token: String) -> DottedQuad? {
    let bytes = Array((token + " 9.9.9.9 9.9.9.9").utf8)
    return unsafe bytes.withUnsafeBytes { block in
      guard let base = block.baseAddress else { return nil }
      var cursor = unsafe VPCLineCursor(base, at: 0)
      return cursor.quad(0x20)
    }
  }

  @Test(
    "Texts of digits and dots are the addresses that the model reads",
    arguments: Seed.samples(40)
  )
  func sameAsModel(_ seed: Seed) {
    var random = seed
    var memo = QuadMemo()
    var found = 0
    for _ in 0..<2_000 {
      var token = (0..<4).map { _ in String(Int.random(in: 0...280, using: &random)) }
        .joined(separator: ".")
      if Int.random(in: 0..<3, using: &random) == 0, !token.isEmpty {
        var bytes = Array(token.utf8)
        let position = Int.random(in: 0..<bytes.count, using: &random)
        bytes[position] = Array("0123456789..:-a\u{7f}".utf8).randomElement(using: &random) ?? 0x2e
        token = String(decoding: bytes, as: UTF8.self)
      }
      let expected = IPAddress(token).flatMap {
        $0.isIPv6 ? nil : UInt32(truncatingIfNeeded: $0.low)
      }
      let quad = Self.quad(token)
      #expect(quad?.address == expected, "\(token)")
      if expected != nil { found += 1 }
      let peer = expected.flatMap { IPAddress(ipv4: $0).isLocalOrMulticast ? nil : $0 }
      // What the memo knows already must not be taken for another one.
      #expect(quad.flatMap { memo.peer($0) } == peer, "\(token)")
      #expect(quad.flatMap { memo.peer($0) } == peer, "\(token)")
    }
    #expect(found > 300)
  }

  @Test("More addresses than a memo has room for")
  func manyAddresses() {
    var memo = QuadMemo()
    for round in 0..<2 {
      for number in 0..<40_000 as Range<UInt32> {
        // One that comes again and again, among those that come once.
        for address in [0x0a01_0203, 0x0b00_0000 + ((number &* 2_654_435_761) >> 8)] {
          let text = IPAddress(ipv4: address).description
          #expect(Self.quad(text).flatMap { memo.peer($0) } == address, "\(round) \(text)")
        }
      }
    }
  }
}
