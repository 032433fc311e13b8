import Foundation
import JSONText
import TestSupport
import Testing

@Suite("Reading JSON")
struct JSONParserTests {
  @Test(
    "Values of every type",
    arguments: [
      ("null", JSONValue.null), ("true", .bool(true)), (" false ", .bool(false)),
      ("-12.50e+3", .number("-12.50e+3")), ("0", .number("0")), (#""""#, .string("")),
      ("[]", .array([])), ("[1, [2]]", .array([.number("1"), .array([.number("2")])])),
      ("{}", .object(JSONObject())),
      (#"{"a" : {"b":null}}"#, .object(JSONObject([("a", .object(JSONObject([("b", .null)])))]))),
      (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{c}\n\r\t")),
      (#""\u003c\u00e4\u20ac\ud83d\ude00""#, .string("<ä€😀")), ("\"äöü😀\"", .string("äöü😀")),
    ]
  )
  func values(text: String, value: JSONValue) throws {
    #expect(try JSONParser.parse(text) == value)
  }

  @Test(
    "What is no JSON is refused",
    arguments: [
      "", " ", "nul", "truex", "01", "1.", ".5", "+1", "1e", "-", "--1", "0x1", "NaN", "'a'", "\"a",
      #""\x""#, #""\u12g4""#, #""\ud800""#, #""\ud800\u0041""#, #""\udc00""#, "\"a\nb\"", "[1,]",
      "[,1]",
      "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:2}", "[", "{", "]", "1 2", "{} {}",
      "[1}", "\u{feff}1",
    ]
  )
  func refusals(text: String) {
    #expect(throws: JSONError.self) { try JSONParser.parse(text) }
  }

  @Test(
    "Invalid UTF-8 is refused",
    arguments: [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]
  )
  func encoding(bytes: [UInt8]) {
    for text in [[0x22] + bytes + [0x22], [0x22, 0x5c, 0x6e] + bytes + [0x22]] as [[UInt8]] {
      #expect(throws: JSONError.self) { try JSONParser.parse(text.span.bytes) }
    }
  }

  @Test("A text ends where its quote is, whatever stands where in it")
  func everyPlace() throws {
    for before in 0..<20 {
      for behind in 0..<12 {
        let (head, tail) = (
          String(repeating: "a", count: before), String(repeating: "b", count: behind)
        )
        for (written, read) in [
          ("", ""), ("\\n", "\n"), ("\\\"", "\""), ("é", "é"), ("\u{7f}", "\u{7f}"),
        ] {
          let text = "\"\(head)\(written)\(tail)\""
          #expect(try JSONParser.parse(text) == .string(head + read + tail))
          #expect(
            try JSONParser.parse("[\(text),1]")
              == .array([.string(head + read + tail), .number("1")])
          )
        }
        for control in ["\n", "\u{0}", "\u{1f}"] {
          let error = Self.error("\"\(head)\(control)\(tail)\"")
          #expect(error?.offset == 1 + before && error?.problem == .badString)
        }
        let error = Self.error("\"\(head)\(tail)")
        #expect(error?.offset == 1 + before + behind && error?.problem == .unexpectedEnd)
      }
    }
  }

  /// Why a text is refused, nil when it is read.
  private static func error(_ text: String) -> JSONError? {
    do throws(JSONError) {
      _ = try JSONParser.parse(text)
      return nil
    } catch { return error }
  }

  @Test("Deep nesting is refused instead of ending the process")
  func depth() {
    for bracket in ["[", "{\"a\":"] {
      #expect(throws: JSONError.self) {
        try JSONParser.parse(String(repeating: bracket, count: 100_000))
      }
    }
  }

  @Test("Of a key given twice the last value counts")
  func duplicates() throws {
    #expect(try JSONParser.parse(#"{"a":1,"a":2}"#)["a"]?.integer == 2)
  }

  @Test(
    "Integers in numbers and strings",
    arguments: [
      ("7", 7), (#""7""#, 7), ("7.0", 7), ("7e2", 700), ("-3", -3),
      ("9223372036854775807", Int64.max), ("9223372036854775808", nil), ("1.5", nil), ("1e99", nil),
      (#""""#, nil), ("true", nil), (#""nan""#, nil), (#""inf""#, nil),
    ] as [(String, Int64?)]
  )
  func integers(text: String, value: Int64?) throws {
    #expect(try JSONParser.parse(text).integer == value)
  }

  @Test("Written values are read again, by us and by Foundation", arguments: Seed.samples(100))
  func roundTrip(seed: Seed) throws {
    var seed = seed
    let value = JSONValue.array([RandomJSON.value(&seed, depth: 4)])
    let text = JSONWriter.text(value)
    #expect(try JSONParser.parse(text) == value)
    #expect(try JSONParser.parse(JSONWriter.prettyText(value)) == value)
    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(text.utf8)) }
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 || 0x7f...0x9f ~= $0.value })
  }

  @Test("Objects of strings are written as trees are, whatever byte stands where")
  func objectsOfStrings() throws {
    for byte in 0...0x7f as ClosedRange<UInt8> {
      for place in 0..<18 {
        var bytes = Array("abcdefgh-ijklmnop".utf8)
        bytes.insert(byte, at: place)
        let text = String(decoding: bytes, as: UTF8.self)
        let members = [(key: text, value: "v"), (key: "k", value: String(text.prefix(place + 1)))]
        var output: [UInt8] = []
        JSONWriter.append(strings: members.count, to: &output) { members[$0] }
        let tree = JSONValue.object(JSONObject(members.map { ($0.key, .string($0.value)) }))
        let written = String(decoding: output, as: UTF8.self)
        #expect(written == JSONWriter.text(tree))
        #expect(try JSONParser.parse(written) == tree)
        // Only these need an escape.
        let isPlain = byte >= 0x20 && byte < 0x7f && byte != 0x22 && byte != 0x5c
        #expect(written.contains("\\") == !isPlain)
      }
    }
    var output: [UInt8] = []
    JSONWriter.append(strings: 0, to: &output) { _ in ("", "") }
    #expect(output == Array("{}".utf8))
    for text in ["ü", "aaaaaaaü", "aaaaaaaaü", "\u{85}", "\u{202e}abcdefgh"] {
      output = []
      JSONWriter.append(strings: 1, to: &output) { _ in (text, text) }
      let parsed = try JSONParser.parse(String(decoding: output, as: UTF8.self))
      #expect(parsed == .object(JSONObject([(text, .string(text))])))
    }
  }

  @Test("Damaged text is read as Foundation reads it, or refused", arguments: Seed.samples(300))
  func damage(seed: Seed) throws {
    var seed = seed
    var bytes = Array(JSONWriter.text(.array([RandomJSON.value(&seed, depth: 3)])).utf8)
    for _ in 0..<Int.random(in: 1...3, using: &seed) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &seed)
      bytes[at] = Array(#"{}[]",:\u0eE+-.1 t"#.utf8).randomElement(using: &seed) ?? 0
    }
    guard let value = try? JSONParser.parse(bytes.span.bytes) else { return }
    #expect(throws: Never.self) {
      try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
    }
    #expect(try JSONParser.parse(JSONWriter.text(value)) == value)
  }
}

enum RandomJSON {
  /// A random value; keys of an object differ.
  static func value(_ seed: inout Seed, depth: Int) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &seed) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &seed))
    case 2: return .number(String(Int64.random(in: -1000...1000, using: &seed)))
    case 3: return .number("\(Int.random(in: 0...9, using: &seed)).25e-3")
    case 4: return .string(text(&seed))
    case 5:
      return .array(
        (0..<Int.random(in: 0...3, using: &seed)).map { _ in
          value(&seed, depth: depth - 1)
        }
      )
    default:
      let count = Int.random(in: 0...3, using: &seed)
      return .object(
        JSONObject(
          (0..<count).map { (key: "\($0)" + text(&seed), value: value(&seed, depth: depth - 1)) }
        )
      )
    }
  }

  private static func text(_ seed: inout Seed) -> String {
    let scalars: [Unicode.Scalar] = [
      "a", "\"", "\\", "/", "\n", "\u{0}", "\u{1b}", "\u{85}", "\u{7f}", "<", "ä", "\u{2028}", "😀",
    ]
    var text = ""
    for _ in 0..<Int.random(in: 0...5, using: &seed) {
      text.unicodeScalars.append(scalars.randomElement(using: &seed) ?? "x")
    }
    return text
  }
}
