import FlowAggregation
import JSONText
import TestSupport
import Testing

@testable import FlowFormats

@Suite("Records in envelopes are found without a tree")
struct RecordUnwrapperTests {
  private static let record =
    #"{"kind":"a","text":"a\"b\\c<d>/e","list":[1,-2.5e3,true,null,{"x":{}}],"deep":{"a":"b"}}"#

  private func unwrap(_ text: String) -> String? {
    var unwrapper = RecordUnwrapper(decisive: ["kind"], others: ["type"])
    let bytes = Array(text.utf8)
    let span = bytes.span.bytes
    let start = ShipperEnvelope.criPayloadOffset(span) ?? 0
    guard unwrapper.unwrap(span, from: start) != 0 else { return nil }
    let room = unwrapper.takeRoom()
    #expect(room.bytes[RecordRoom.margin + room.count] == 0x0a)
    #expect(room.bytes.count > RecordRoom.margin + room.count + RawSpan.scanSlack)
    let end = RecordRoom.margin + room.count
    return String(decoding: room.bytes[RecordRoom.margin..<end], as: UTF8.self)
  }

  @Test("The usual envelopes are taken off", arguments: EnvelopeGenerator.usual(record))
  func usual(line: String) {
    #expect(unwrap(line) == Self.record)
  }

  @Test("White space between tokens is taken out")
  func spaces() throws {
    let spaced =
      "{ \"kind\" :\t\"a b\" , \r\n \"x\": [ 1 , 2 ,{ } , [ ] ] , \"y\" : \"\\\" : , \" }"
    #expect(unwrap(spaced) == #"{"kind":"a b","x":[1,2,{},[]],"y":"\" : , "}"#)
  }

  @Test(
    "What is not plainly an envelope is left to the tree",
    arguments: [
      "", "[]", "1", "{}", #"{"a":1}"#, #"{"log":1}"#, #"{"log":"a"}"#, #"{"log":"{"}"#,
      #"{"log":{"a":1}}"#, #"{"log":{"kind":"a","level":1}}"#, #"{"log":{"original":"{}"}}"#,
      #"{"log":"{\"kind\":1}","log":"{}"}"#, #"{"message":[123,125]}"#,
      #"{"log":"\u00e9{\"kind\":1}"}"#, #"{"log":"{\"kind\":1}"} x"#, #"{"log":"{\"kind\":1}""#,
      #"{"log":"{\"kind\":1}",}"#, #"{ "type" 1}"#, #"{ "type": 1 2}"#, #"{ "type": tr ue}"#,
      #"{ "type": "a" "b"}"#, #"{ "type": "caf\#u{e9}"}"#, #"{"type":1}{}"#,
      #"{"event":{"original":"{}"},"log":{"kind":1}}"#,
    ]
  )
  func left(line: String) { #expect(unwrap(line) == nil) }

  @Test("A record that is too long for the room is left to the tree")
  func long() {
    let text = String(repeating: "x", count: RecordRoom.longest)
    #expect(unwrap(#"{"kind":"a","x":"\#(text)"}"#) == nil)
    #expect(unwrap(#"{"kind":"a","x":"\#(text.dropFirst(64))"}"#) != nil)
  }

  @Test("Escapes are undone as the plain reader does it", arguments: Seed.samples(60))
  func escapes(seed: Seed) throws {
    var seed = seed
    let parts = [
      #"\n"#, #"\t"#, #"\r"#, #"\""#, #"\\"#, #"\/"#, #"\u0041"#, #"\u003C"#, "a", "{",
      "plain text",
      " ", "0123456789abcdef",
    ]
    let inner = (0..<Int.random(in: 0...40, using: &seed)).map { _ in
      parts[Int.random(in: 0..<parts.count, using: &seed)]
    }.joined()
    let text = #"{\"kind\":\#(inner)"#
    let value = try JSONParser.parse("\"\(text)\"").string
    var room = RecordRoom()
    var source = RecordRoom()
    let quoted = Array("\"\(text)\"".utf8)
    let isTaken = source.take(quoted.span.bytes)
    #expect(isTaken)
    let range = RecordRoom.margin + 1..<RecordRoom.margin + quoted.count - 1
    let isRead = room.unescape(source, range)
    #expect(isRead)
    let found = String(
      decoding: room.bytes[RecordRoom.margin..<RecordRoom.margin + room.count],
      as: UTF8.self
    )
    var expected = Substring(value ?? "")
    while let last = expected.unicodeScalars.last, " \n\r\t".unicodeScalars.contains(last) {
      expected.unicodeScalars.removeLast()
    }
    #expect(found == expected)
  }
}
