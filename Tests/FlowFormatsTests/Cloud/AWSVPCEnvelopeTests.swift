import FlowAggregation
import FlowFormats
import FlowModel
import TestSupport
import Testing

struct AWSVPCEnvelopeTests {
  static let inventory = CloudInventory(
    pods: ["10.0.0.1": "web", "10.0.0.2": "api"],
    served: ["10.0.0.2:8080"]
  )
  static let edge = "shop/web -> shop/api TCP/8080 both allowed x1"
  static let request = AWSVPCDecoderTests.plain("10.0.0.1:50000", "10.0.0.2:8080")
  static let answer = AWSVPCDecoderTests.plain("10.0.0.2:8080", "10.0.0.1:50000")

  static func event(_ line: String) -> String {
    "{\"logStreamName\":\"eni-1-all\",\"timestamp\":1700000000000,\"message\":\"\(line)\","
      + "\"ingestionTime\":1700000100000,\"eventId\":\"1\"}"
  }

  static let copies = [
    "{\"version\":2,\"srcaddr\":\"SA\",\"dstaddr\":\"DA\",\"srcport\":SP.0,\"dstport\":DP.0,"
      + "\"protocol\":6.0,\"packets\":9,\"bytes\":840,\"start\":1700000000,\"end\":1700000060,"
      + "\"action\":\"ACCEPT\",\"log_status\":\"OK\",\"tcp_flags\":null,\"vpc_id\":\"-\"}",
    "{\"srcAddr\":\"SA\",\"dstAddr\":\"DA\",\"srcPort\":\"SP\",\"dstPort\":\"DP\",\"protocol\":\"6\","
      + "\"packets\":\"9\",\"start\":\"1700000000\",\"end\":\"1700000060\",\"action\":\"ACCEPT\","
      + "\"logStatus\":\"OK\",\"interfaceId\":\"eni-1\",\"pktSrcAddr\":\"-\"}",
    "{\"sourceaddress\":\"SA\",\"destinationaddress\":\"DA\",\"sourceport\":SP,"
      + "\"destinationport\":DP,\"protocol\":6,\"numpackets\":9,\"numbytes\":8,"
      + "\"starttime\":1700000000,\"endtime\":1700000060,\"action\":\"ACCEPT\",\"logstatus\":\"OK\"}",
  ]

  static func filled(_ copy: String, isAnswer: Bool) -> String {
    let ends = [("10.0.0.1", "50000"), ("10.0.0.2", "8080")]
    let from = isAnswer ? ends[1] : ends[0]
    let to = isAnswer ? ends[0] : ends[1]
    return copy.replacing("SA", with: from.0).replacing("SP", with: from.1)
      .replacing("DA", with: to.0).replacing("DP", with: to.1)
  }

  static let shapes: [[String]] =
    [
      [request, answer],
      ["2023-11-14T22:13:20.000Z \(request)", "2023-11-14T22:13:20.000Z \(answer)"],
      ["\u{feff}\(request)\r", "  \(answer)\r"],
      ["{\"events\":[\(event(request)),\(event(answer))],\"searchedLogStreams\":[]}"],
      ["{\"events\":[\(event(request)),\(event(answer))],\"nextForwardToken\":\"f/1\"}"],
      [
        "{\"messageType\":\"DATA_MESSAGE\",\"logGroup\":\"g\",\"logEvents\":[\(event(request)),"
          + "\(event(answer))]}"
      ],
      [
        "{\"results\":[[{\"field\":\"@timestamp\",\"value\":\"2023-11-14 22:13:20.000\"},"
          + "{\"field\":\"@message\",\"value\":\"\(request)\"}],"
          + "[{\"field\":\"@message\",\"value\":\"\(answer)\"}]],\"status\":\"Complete\"}"
      ],
      ["{\"message\":\"\(request)\"}{\"message\":\"\(answer)\"}"],
      ["[{\"message\":\"\(request)\"},{\"message\":\"\(answer)\"}]"],
    ] + copies.map { copy in [filled(copy, isAnswer: false), filled(copy, isAnswer: true)] }

  @Test("Every shape holds the same records", arguments: shapes)
  func everyShape(_ records: [String]) {
    let result = AWSVPCDecoder.decode(records, inventory: Self.inventory)
    #expect(result.edgeTexts == [Self.edge])
    #expect(result.counts.rejectedCount == 0)
    #expect(result.discardTexts == ["reply: 1"])
    #expect(AWSVPCDecoder.recognizes(records[0]))
  }

  @Test("A query result with named fields is a record too")
  func insightsFields() {
    func row(_ from: String, _ fromPort: Int, _ to: String, _ toPort: Int) -> String {
      let cells = [
        ("srcAddr", from), ("dstAddr", to), ("srcPort", "\(fromPort)"), ("dstPort", "\(toPort)"),
        ("protocol", "6"), ("start", "1700000000"), ("action", "ACCEPT"),
      ]
      let texts = cells.map { "{\"field\":\"\($0.0)\",\"value\":\"\($0.1)\"}" }
      return "[\(texts.joined(separator: ","))]"
    }
    let rows = [
      row("10.0.0.1", 50_000, "10.0.0.2", 8080), row("10.0.0.2", 8080, "10.0.0.1", 50_000),
    ]
    let result = AWSVPCDecoder.decode(
      ["{\"results\":[\(rows.joined(separator: ","))]}"],
      inventory: Self.inventory
    )
    #expect(result.edgeTexts == [Self.edge])
  }

  @Test("What a subscription hands to a function is unpacked")
  func packedSubscription() {
    var options = DecoderOptions()
    let inner = Self.shapes[5][0]
    // Stands for gzip: what is packed is the envelope of a subscription.
    options.inflate = { $0 == [0x1f, 0x8b, 0xff] ? Array(inner.utf8) : nil }
    let result = AWSVPCDecoder.decode(
      [#"{"awslogs":{"data":"H4v/"}}"#, #"{"awslogs":{"data":"H4v_"}}"#],
      options: options,
      inventory: Self.inventory
    )
    #expect(result.edgeTexts == [Self.edge.replacing("x1", with: "x2")])
    let damaged = AWSVPCDecoder.decode([#"{"awslogs":{"data":"AAAA"}}"#], options: options)
    #expect(
      damaged.counts.rejections.map(\.problem) == [
        #"field "awslogs.data" holds no gzip of JSON in base64"#
      ]
    )
  }

  @Test("Control messages are skipped")
  func control() {
    let result = AWSVPCDecoder.decode([
      "{\"messageType\":\"CONTROL_MESSAGE\",\"logEvents\":[{\"message\":\"probe\"}]}"
    ])
    #expect(result.discardTexts == ["not-a-flow: 1"])
  }

  @Test("Parquet is refused once, with the way to convert it")
  func parquet() {
    let result = AWSVPCDecoder.decode(["PAR1\u{15}\u{4}", "more bytes", "PAR1"])
    #expect(result.counts.rejectedCount == 1)
    #expect(result.counts.rejections.first?.problem.contains("duckdb -c") == true)
    #expect(result.discardTexts == ["unrelated-line: 2"])
  }

  @Test("A last line without line feed counts when its status is whole")
  func lastLine() {
    func isComplete(_ text: String) -> Bool {
      let bytes = Array(text.utf8)
      return AWSVPCDecoder.isComplete(lastLine: bytes.span.bytes)
    }
    #expect(isComplete(Self.request))
    #expect(!isComplete(String(Self.request.dropLast())))
    #expect(!isComplete(String(Self.request.dropLast(4))))
    #expect(isComplete("{\"message\":\"x\"}"))
    #expect(!isComplete("{\"message\":\"x\""))
  }
}
