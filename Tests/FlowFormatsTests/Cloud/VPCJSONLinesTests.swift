import FlowAggregation
import FlowModel
import Foundation
import TestSupport
import Testing

@testable import FlowFormats

/// Lines of JSON that are turned into text must give what their trees give.
struct VPCJSONLinesTests {
  /// How a log writes its records as JSON.
  private struct Style {
    var isMessage = false
    var key = "message"
    var blank = ""
    var quotesNumbers = false
    var usesUnderscores = false
    var before = ""
    var behind = ""

    init(_ random: inout Seed) {
      isMessage = Bool.random(using: &random)
      key = ["message", "@message", "log"].randomElement(using: &random) ?? ""
      blank = ["", "", " ", "\t"].randomElement(using: &random) ?? ""
      quotesNumbers = Bool.random(using: &random)
      usesUnderscores = Bool.random(using: &random)
      let extra = [
        "", #""id":"a b","#, #""timestamp":1700000000000,"#, #""labels":{"a":[1,"x"]},"#,
        #""a_key_of_more_than_twenty_four_bytes":1,"#, #""messageType":"DATA_MESSAGE","#,
      ]
      before = extra.randomElement(using: &random) ?? ""
      behind = (extra.randomElement(using: &random) ?? "").dropLast().description
      if !behind.isEmpty { behind = "," + behind }
    }

    func line(_ names: [String], _ text: String) -> String {
      let colon = ":" + blank
      if isMessage { return "{\(before)\"\(key)\"\(colon)\"\(text)\"\(behind)}" }
      let values = text.split(separator: " ").map(String.init)
      let members = zip(names, values).map { name, value -> String in
        let name = usesUnderscores ? name.replacingOccurrences(of: "-", with: "_") : name
        let isNumber = value.allSatisfy(\.isNumber) && !quotesNumbers
        let written = value == "-" ? "null" : isNumber ? value : "\"\(value)\""
        return "\"\(name)\"\(colon)\(written)"
      }
      return "{\(before)\(members.joined(separator: "," + blank))\(behind)}"
    }
  }

  private static let names = AWSVPCDecoderTests.header.split(separator: " ").map(String.init)

  @Test(
    "Random captures as messages and as copies, odd and damaged lines between",
    arguments: Seed.samples(80)
  )
  func randomLines(_ seed: Seed) {
    var random = seed
    var lines: [String] = []
    var style = Style(&random)
    // Messages have the columns of a header in a message, or of one before.
    if Bool.random(using: &random) {
      lines.append(AWSVPCDecoderTests.header)
    } else {
      lines.append(#"{"message":"\#(AWSVPCDecoderTests.header)"}"#)
    }
    for record in ConversationTableTests.capture(&random, count: 200) {
      if Int.random(in: 0..<60, using: &random) == 0 { style = Style(&random) }
      var line = style.line(Self.names, record)
      switch Int.random(in: 0..<24, using: &random) {
      case 0: lines.append(Self.odd.randomElement(using: &random) ?? "")
      case 1:
        var bytes = Array(line.utf8)
        let place = Int.random(in: 0..<bytes.count, using: &random)
        bytes[place] = UInt8.random(in: 0x20...0x7e, using: &random)
        line = String(decoding: bytes, as: UTF8.self)
      case 2: line = String(line.prefix(Int.random(in: 0...line.count, using: &random)))
      case 3: line += ["\r", " ", " \t\r", "{}", ","].randomElement(using: &random) ?? ""
      case 4: line = line.replacingOccurrences(of: "eni-", with: #"\u0065ni-"#)
      case 5: lines.append(record)
      default: break
      }
      lines.append(line)
    }
    let expected = VPCScannerTests.plainly(
      lines.map { $0.hasSuffix("\r") ? String($0.dropLast()) : $0 }
    )
    #expect(VPCScannerTests.inBlocks(lines, of: lines.count) == expected)
    let size = Int.random(in: 1...60, using: &random)
    #expect(VPCScannerTests.inBlocks(lines, of: size) == expected)
  }

  private static let odd = [
    #"{"message":""}"#, #"{"message":" "}"#, #"{"message":"{}"}"#, #"{"message":{"data":"e30="}}"#,
    #"{"message":1,"log":"x"}"#, #"{"log":"x","log":"y"}"#, #"{"events":[]}"#, #"{"results":[]}"#,
    #"{"messageType":"CONTROL_MESSAGE","logEvents":[]}"#, "{}", "[]", "{",
    #"{"srcaddr":"10.0.0.1"}"#,
    #"{"message":"2 1 eni-1 - - - - - - - 1700000000 1700000060 - NODATA"}"#,
    #"{"srcaddr":"10.0.0.1","dstaddr":"10.0.0.2","srcport":1.0,"dstport":8e1,"protocol":6,"start":1700000000,"action":"ACCEPT"}"#,
    #"{"srcaddr":"10.0.0.1","dstaddr":"10.0.0.2","srcport":1,"dstport":80,"protocol":6,"start":1700000000,"action":"ACCEPT","srcport":2}"#,
    #"{"srcaddr":"10.0.0.1","dstaddr":"10.0.0.2","srcport":"","dstport":80,"protocol":6,"start":1700000000,"action":"ACCEPT"}"#,
    #"{"srcaddr":"10.0.0.1","dstaddr":"10.0.0.2 ","srcport":-1,"dstport":080,"protocol":true,"start":[],"action":{}}"#,
    #"{"tgw-id":"tgw-1","srcaddr":"10.0.0.1","dstaddr":"10.0.0.2","srcport":1,"dstport":80,"protocol":6,"start":1,"action":"ACCEPT"}"#,
  ]

  @Test("Usual lines of JSON are taken", arguments: [true, false])
  func takes(isMessage: Bool) throws {
    var random = Seed(3)
    var style = Style(&random)
    style.isMessage = isMessage
    style.before = #""id": 1,"#
    style.behind = ""
    let lines = ConversationTableTests.capture(&random, count: 100)
    let bytes = Array(lines.map { style.line(Self.names, $0) + "\n" }.joined().utf8)
    var json = VPCJSONLines()
    var start = 0
    let isTaken = json.take(bytes.span.bytes, from: &start)
    #expect(isTaken && json.isMessages == isMessage)
    // The last one has no room behind it.
    #expect(json.lines.count >= lines.count - 1)
    #expect((json.scanner == nil) == isMessage)
    let first = json.text.prefix { $0 != 0x0a }
    let expected = lines[0].split(separator: " ").count - (isMessage ? 0 : 1)
    // Columns that are not needed have no place in the text of a copy.
    #expect(first.split(separator: 0x20).count >= expected - 3)
  }

  /// Reads records one by one, as those of a list are given.
  private func oneByOne(_ records: [String]) -> VPCScannerTests.Outcome {
    var decoder = AWSVPCDecoder(options: DecoderOptions())
    var accumulator = EvidenceAccumulator(
      logKind: .awsVPC,
      resolver: VPCScannerTests.inventory
    )
    for (index, record) in records.enumerated() {
      decoder.feed(record, line: index + 1, into: &accumulator)
    }
    decoder.finish(into: &accumulator)
    accumulator.finish()
    return VPCScannerTests.Outcome(accumulator)
  }

  @Test(
    "Records of a list, over one line or several, of any length one after the other",
    arguments: Seed.samples(40)
  )
  func records(_ seed: Seed) {
    var random = seed
    var style = Style(&random)
    var records = [#"{"message":"\#(AWSVPCDecoderTests.header)"}"#]
    for record in ConversationTableTests.capture(&random, count: 150) {
      if Int.random(in: 0..<40, using: &random) == 0 { style = Style(&random) }
      var text = style.line(Self.names, record)
      if Bool.random(using: &random) {
        text = text.replacingOccurrences(of: "{", with: "{\n  ")
          .replacingOccurrences(of: "}", with: "\r\n}")
      }
      if Int.random(in: 0..<12, using: &random) == 0 {
        records.append(Self.odd.randomElement(using: &random) ?? "{}")
      }
      if Int.random(in: 0..<20, using: &random) == 0 { text += " \n {}" }
      records.append(text)
    }
    #expect(oneByOne(records) == VPCScannerTests.plainly(records))
  }

  @Test(
    "The columns of a log that goes on are known from its messages too",
    arguments: [
      "{\"message\":\"HEADER\"}\n", "{\"id\":1, \"log\" : \"HEADER\"}\r\n", "HEADER\n",
      "{\"events\":[{\"message\":\"HEADER\\n\"},{\"message\":\"2 1 eni-1",
      "[{\"@message\":\n\"HEADER\"}",
      "{\n  \"events\": [\n    {\n      \"message\": \"HEADER\",\n      \"timestamp\": 1\n",
    ]
  )
  func resumes(start: String) {
    var decoder = AWSVPCDecoder(options: DecoderOptions())
    let bytes = Array(
      start.replacingOccurrences(of: "HEADER", with: AWSVPCDecoderTests.header).utf8
    )
    decoder.resume(after: bytes.span.bytes)
    #expect(
      decoder.layout?.columns == AWSVPCLayout(fields: [AWSVPCDecoderTests.header])?.columns
    )
  }
}
