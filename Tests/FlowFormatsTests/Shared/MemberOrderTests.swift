import FlowModel
import TestSupport
import Testing

@testable import FlowFormats

@Suite("The order of members, learnt from records")
struct MemberOrderTests {
  private typealias Order = MemberOrder<String>

  /// Walks over `{"key":0,"key":0}` as scanners do; gives the keys, and how many of them were expected.
  private func walk(_ text: String, _ order: inout Order) -> (keys: [String], expected: Int)? {
    let bytes =
      Array(text.utf8) + [0x0a] + [UInt8](repeating: 0, count: RawSpan.scanSlack)
    let span = bytes.span.bytes
    var keys: [String] = []
    var hits = 0
    var position = 0
    var step = Order.start
    while true {
      let expected = order[step]
      if expected.stands(in: span, at: position) {
        keys.append(expected.member)
        position += Int(expected.count)
        step = Int(expected.step)
        hits += 1
      } else {
        let found = span.knownByte(at: position)
        if found == UInt8(ascii: "}") { return (keys, hits) }
        guard found == (keys.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ",")) else { return nil }
        let value = span.plainKeyEnd(position + 1)
        guard value >= 0 else { return nil }
        keys.append(String(decoding: bytes[position + 2..<value - 2], as: UTF8.self))
        step = order.expect(keys[keys.count - 1], span, position, value: value, behind: step)
        position = value
      }
      guard span.knownByte(at: position) == UInt8(ascii: "0") else { return nil }
      position += 1
    }
  }

  private func object(_ keys: [String]) -> String {
    "{" + keys.map { "\"\($0)\":0" }.joined(separator: ",") + "}"
  }

  @Test("Keys in the order of the record before are all expected, but for very long ones")
  func usual() throws {
    var order = Order(unknown: "?")
    // With comma, quotes and colon they have 32 bytes and 33.
    let (longest, longer) = (String(repeating: "k", count: 28), String(repeating: "k", count: 29))
    let keys = ["time", "uuid", "IP", "", longest, longer, "x"]
    #expect(try #require(walk(object(keys), &order)) == (keys, 0))
    #expect(try #require(walk(object(keys), &order)) == (keys, keys.count - 1))
  }

  @Test("Members in any order are found, and nothing else", arguments: Seed.samples(40))
  func anyOrder(seed: Seed) throws {
    var seed = seed
    var order = Order(unknown: "?")
    let pool = (0..<24).map { index in
      String(repeating: "k", count: Int.random(in: 0...34, using: &seed)) + "\(index % 20)"
    }
    var expected = 0
    for _ in 0..<300 {
      let count = Int.random(in: 1...8, using: &seed)
      let first = Int.random(in: 0..<16, using: &seed)
      var keys = Array(pool[first..<first + count])
      if Int.random(in: 0..<4, using: &seed) == 0 { keys.shuffle(using: &seed) }
      let found = try #require(walk(object(keys), &order))
      #expect(found.keys == keys)
      expected += found.expected
      // A brace instead of a comma, and a comma instead of the brace.
      var broken = Array(object(keys))
      let openers = broken.indices.filter { broken[$0] == "," || broken[$0] == "{" }
      let place = openers[Int.random(in: 0..<openers.count, using: &seed)]
      broken[place] = broken[place] == "," ? "{" : ","
      #expect(walk(String(broken), &order) == nil)
    }
    #expect(expected > 200)
  }

  @Test("More keys than are remembered are found too")
  func manyKeys() throws {
    var order = Order(unknown: "?")
    for round in 0..<400 {
      let keys = ["first", "key-\(round)", "last"]
      #expect(try #require(walk(object(keys), &order)).keys == keys)
    }
    let keys = ["first", "last"]
    _ = walk(object(keys), &order)
    #expect(try #require(walk(object(keys), &order)) == (keys, 2))
  }
}
