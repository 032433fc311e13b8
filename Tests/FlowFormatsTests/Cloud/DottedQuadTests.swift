import FlowModel
import TestSupport
import Testing

@testable import FlowFormats

struct DottedQuadTests {
  /// The token as a quad, behind and before other bytes.
  private static func quad(_ token: String) -> DottedQuad {
    let bytes = Array(token.utf8) + Array(" 9.9.9.9 9.9.9.9".utf8)
    func word(_ start: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    }
    return DottedQuad(first: word(0), second: word(8), count: token.utf8.count)
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
      guard (7...15).contains(token.utf8.count) else { continue }
      let expected = IPAddress(token).flatMap {
        $0.isIPv6 ? nil : UInt32(truncatingIfNeeded: $0.low)
      }
      #expect(Self.quad(token).address == expected, "\(token)")
      // What the memo knows already must not be taken for another one.
      #expect(memo.address(Self.quad(token)) == expected, "\(token)")
      #expect(memo.address(Self.quad(token)) == expected, "\(token)")
      if expected != nil { found += 1 }
    }
    #expect(found > 300)
  }
}
