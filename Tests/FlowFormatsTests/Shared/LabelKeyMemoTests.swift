import FlowModel
import TestSupport
import Testing

@testable import FlowFormats

@Suite("Keys of labels, each judged once")
struct LabelKeyMemoTests {
  /// Reads labels as the formats' readers do: `key=value`, separated by line feeds.
  private func read(_ text: String, _ memo: inout LabelKeyMemo<Bool>) -> (Labels?, [String]) {
    let bytes = Array(text.utf8)
    var others: [String] = []
    var number = 0
    var start = 0
    memo.begin()
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
      var keyEnd = end
      number = memo.key(bytes.span.bytes, start, end: &keyEnd, behind: number)
      #expect(memo[number].text == String(decoding: bytes[start..<keyEnd], as: UTF8.self))
      #expect(keyEnd == end || bytes[keyEnd] == UInt8(ascii: "="))
      #expect(!bytes[start..<keyEnd].contains(UInt8(ascii: "=")))
      let value = String(decoding: bytes[min(keyEnd + 1, end)..<end], as: UTF8.self)
      if memo[number].use { memo.keep(number, value) } else { others.append(value) }
      start = end + 1
    }
    return (memo.labels(), others)
  }

  @Test("Any labels in any order are a set, unless a key comes twice", arguments: Seed.samples(40))
  func randomLabels(seed: Seed) {
    var seed = seed
    var memo = LabelKeyMemo { !$0.hasPrefix("hash") }
    let keys = [
      "app", "app.kubernetes.io/name", "app.kubernetes.io/instance", "tier", "hash", "hash-of-it",
      "a", "appl", "", "example.com/a-rather-long-key-name", "example.com/a-rather-long-key-nam",
    ]
    for _ in 0..<300 {
      let chosen = (0..<Int.random(in: 0...6, using: &seed)).map { _ in
        keys[Int.random(in: 0..<keys.count, using: &seed)]
      }
      let values = chosen.map { _ in ["", "x", "a=b", "web"][Int.random(in: 0..<4, using: &seed)] }
      let lines = zip(chosen, values).map { $1.isEmpty && $0 != "" ? $0 : "\($0)=\($1)" }
      let stable = zip(chosen, values).filter { !$0.0.hasPrefix("hash") }
      // Several times, so that the second time everything is expected.
      for _ in 0..<2 {
        let (labels, others) = read(lines.map { $0 + "\n" }.joined(), &memo)
        let isDistinct = Set(stable.map(\.0)).count == stable.count
        #expect(labels == (isDistinct ? Labels(stable) : nil))
        #expect(others == zip(chosen, values).filter { $0.0.hasPrefix("hash") }.map(\.1))
      }
    }
  }

  @Test("More keys than are remembered change nothing")
  func manyKeys() {
    var memo = LabelKeyMemo { _ in true }
    for round in 0..<3 {
      for index in 0..<3000 {
        let (labels, _) = read("b\(index)=1\na\(round)=\(index)\nz=2\n", &memo)
        #expect(labels == ["a\(round)": "\(index)", "b\(index)": "1", "z": "2"])
      }
    }
  }
}
