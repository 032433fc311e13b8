import JSONText
import Testing

@testable import FlowFormats

@Suite("What log shippers put around a record")
struct ShipperEnvelopeTests {
  @Test(
    "The payload of a CRI line starts behind its tag",
    arguments: [
      ("2026-09-15T16:20:01.123456789Z stdout F {}", "{}"),
      ("2026-09-15T16:20:01Z stderr P x", "x"), ("2026-09-15T16:20:01+02:00 stdout F:a {}", "{}"),
      ("2026-09-15T16:20:01.123456789Z stdout F ", ""),
    ]
  )
  func criPrefix(_ line: String, _ payload: String) {
    let bytes = Array(line.utf8)
    let offset = ShipperEnvelope.criPayloadOffset(bytes.span.bytes)
    #expect(offset.map { String(decoding: bytes[$0...], as: UTF8.self) } == payload)
  }

  @Test(
    "Other lines have no CRI prefix",
    arguments: [
      "", "{}", "2026-09-15T16:20:01Z host kernel: calico-packet: IN=",
      "2026-09-15T16:20:01Z stdout X {}", "2026-13-15T16:20:01Z stdout F {}",
      "2026-09-15T16:20:01Z stdxxx F {}", "2026-09-15T16:20:01Z stdout F",
      "2026-09-15T16:20:01Z std",
    ]
  )
  func noPrefix(_ line: String) {
    let bytes = Array(line.utf8)
    #expect(ShipperEnvelope.criPayloadOffset(bytes.span.bytes) == nil)
  }

  @Test(
    "One layer is taken away",
    arguments: [
      (#"{"log":"{\"a\":1}\n"}"#, #"{"a":1}"#), (#"{"_source":{"a":1}}"#, #"{"a":1}"#),
      (#"{"message":{"a":1}}"#, #"{"a":1}"#), (#"{"body":{"stringValue":"[1]"}}"#, "[1]"),
      (#"{"log":"text","message":"{\"a\":1}"}"#, #"{"a":1}"#),
      (#"{"line":"2026-09-15T16:20:01Z stdout F {\"a\":1}"}"#, #"{"a":1}"#),
      (#"{"MESSAGE":[123,125]}"#, "{}"),
      (#"{"log":{"file":{"path":"a"},"offset":3},"message":"{\"a\":1}"}"#, #"{"a":1}"#),
      (#"{"event":{"original":"{\"a\":1}"}}"#, #"{"a":1}"#),
      (#"{"event":{"a":1},"sourcetype":"x"}"#, #"{"a":1}"#),
    ]
  )
  func unwrapping(_ text: String, _ inner: String) throws {
    let value = try JSONParser.parse(text)
    #expect(ShipperEnvelope.unwrap(value) == (try JSONParser.parse(inner)))
  }

  @Test(
    "No envelope, nothing inside",
    arguments: [
      #"{"a":1}"#, #"{"log":"plain text"}"#, "[1]", #"{"message":"12"}"#, #"{"MESSAGE":[300]}"#,
      #"{"log":{"file":{"path":"a"}},"message":"plain"}"#, #"{"event":{"dataset":"x"}}"#,
    ]
  )
  func nothingInside(_ text: String) throws {
    #expect(ShipperEnvelope.unwrap(try JSONParser.parse(text)) == nil)
  }

  @Test("A text line is found behind a shipper's own objects, and loses its line break")
  func textLine() throws {
    let value = try JSONParser.parse(#"{"log":{"offset":3},"message":"plain text\n"}"#)
    #expect(ShipperEnvelope.line(value) == "plain text")
    #expect(ShipperEnvelope.line(try JSONParser.parse(#"{"a":"b"}"#)) == nil)
  }

  @Test(
    "Unix times of every unit",
    arguments: [
      (Int64(1_732_018_503), Int64(1_732_018_503_000_000)),
      (1_732_018_503_023, 1_732_018_503_023_000),
      (1_732_018_503_023_805, 1_732_018_503_023_805),
      (1_732_018_503_023_805_000, 1_732_018_503_023_805),
      (0, 0),
    ]
  )
  func unixTimes(_ number: Int64, _ microseconds: Int64) {
    #expect(ShipperEnvelope.microseconds(unix: number) == microseconds)
    #expect(ShipperEnvelope.microseconds(unix: -1) == nil)
  }
}
