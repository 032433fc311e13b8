import TestSupport
import Testing

@testable import FlowFormats

@Suite("Finding a text in a text")
struct ByteSearchTests {
  @Test("It finds what looking at every offset finds", arguments: Seed.samples(100))
  func contains(seed: Seed) {
    var random = seed
    // Few letters, so that beginnings of the text stand everywhere; one of two bytes.
    let letters: [Character] = ["a", "b", "\"", "\\", "é"]
    func text(_ count: Int) -> String {
      String((0..<count).map { _ in letters[Int.random(in: 0..<letters.count, using: &random)] })
    }
    var found = 0
    for _ in 0..<200 {
      let (whole, part) = (
        text(Int.random(in: 0...40, using: &random)), text(Int.random(in: 0...5, using: &random))
      )
      let (bytes, wanted) = (Array(whole.utf8), Array(part.utf8))
      let isThere =
        bytes.count >= wanted.count
        && (0...bytes.count - wanted.count).contains {
          Array(bytes[$0...].prefix(wanted.count)) == wanted
        }
      #expect(whole.contains(part) == isThere, "\(part) in \(whole)")
      if isThere { found += 1 }
    }
    #expect(found > 20 && found < 180)
  }

  @Test("It finds a text at every place, and not one that is cut off")
  func places() {
    let part = "\"verdict\""
    for count in 0..<40 {
      let before = String(repeating: "\"", count: count)
      for behind in 0..<20 {
        let rest = String(repeating: "v", count: behind)
        #expect((before + part + rest).contains(part))
        #expect(!(before + part.dropLast() + rest).contains(part))
      }
    }
  }
}
