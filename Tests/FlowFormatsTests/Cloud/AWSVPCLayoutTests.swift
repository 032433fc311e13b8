import FlowAggregation
import FlowFormats
import FlowModel
import TestSupport
import Testing

struct AWSVPCLayoutTests {
  static let inventory = CloudInventory(pods: ["10.0.0.1": "web", "10.0.0.2": "api"])
  static let edge = "shop/web -> shop/api TCP/8080 both allowed x1"

  static let names = AWSVPCDecoderTests.header.split(separator: " ").map(String.init)
  static let values = [
    AWSVPCDecoderTests.line("10.0.0.1:50000", "10.0.0.2:8080", flags: "2"),
    AWSVPCDecoderTests.line("10.0.0.2:8080", "10.0.0.1:50000", flags: "18"),
  ].map { $0.split(separator: " ").map(String.init) }

  @Test("Any order of columns gives the same edges", arguments: Seed.samples(30))
  func order(_ seed: Seed) {
    var random = seed
    let order = names(shuffledBy: &random)
    let lines = Self.values.map { row in order.map { row[$0] }.joined(separator: " ") }
    let header = order.map { Self.names[$0] }
    let byHeader = AWSVPCDecoder.decode(
      [header.joined(separator: " ")] + lines,
      inventory: Self.inventory
    )
    #expect(byHeader.edgeTexts == [Self.edge])
    var options = DecoderOptions()
    options.fields = header.map { "${\($0)}" }
    let byOptions = AWSVPCDecoder.decode(lines, options: options, inventory: Self.inventory)
    #expect(byOptions.edgeTexts == [Self.edge])
    #expect(byOptions.counts.rejectedCount == 0)
  }

  private func names(shuffledBy random: inout Seed) -> [Int] {
    Array(Self.names.indices).shuffled(using: &random)
  }

  @Test("The console's alphabetical order, all fields of version 5")
  func alphabetical() {
    let header =
      "account-id action az-id bytes dstaddr dstport end flow-direction instance-id interface-id "
      + "log-status packets pkt-dst-aws-service pkt-dstaddr pkt-src-aws-service pkt-srcaddr protocol "
      + "region srcaddr srcport start sublocation-id sublocation-type subnet-id tcp-flags "
      + "traffic-path type version vpc-id"
    func line(_ from: String, _ port: Int, _ to: String, _ toPort: Int, _ flags: Int) -> String {
      "unknown ACCEPT use1-az1 840 \(to) \(toPort) 1700000060 egress i-1 eni-1 OK 9 - \(to) - "
        + "\(from) 6 us-east-1 \(from) \(port) 1700000000 - - subnet-1 \(flags) 1 IPv4 5 vpc-1"
    }
    let result = AWSVPCDecoder.decode(
      [
        header, line("10.0.0.1", 50_000, "10.0.0.2", 8080, 2),
        line("10.0.0.2", 8080, "10.0.0.1", 50_000, 18),
      ],
      inventory: Self.inventory
    )
    #expect(result.edgeTexts == [Self.edge])
  }

  @Test("A header in the middle changes the layout, unknown names keep their column")
  func repeatedHeaders() {
    let lines = Self.values.map { $0.joined(separator: " ") }
    let reversed = "\(Self.names.reversed().joined(separator: " ")) new-field"
    let second = Self.values[1].reversed().joined(separator: " ") + " value"
    let result = AWSVPCDecoder.decode(
      [AWSVPCDecoderTests.header, lines[0], reversed, second],
      inventory: Self.inventory
    )
    #expect(result.edgeTexts == [Self.edge])
    #expect(result.counts.rejectedCount == 0)
  }

  @Test("The fields of all versions are known")
  func allFields() {
    let all = """
      version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end \
      action log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region \
      az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction \
      traffic-path ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn \
      ecs-container-instance-id ecs-container-id ecs-second-container-id ecs-service-name \
      ecs-task-definition-arn ecs-task-arn ecs-task-id reject-reason resource-id encryption-status \
      instance-tag instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2 interface-type \
      next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id \
      next-hop-interface-type
      """
    let layout = AWSVPCLayout(fields: [all])
    #expect(layout?.columns.count == 54)
    #expect(layout?.unknownNames == [])
    #expect(AWSVPCLayout(fields: ["srcaddr, dstadr"])?.unknownNames == ["dstadr"])
    #expect(AWSVPCLayout(fields: [" "]) == nil)
  }

  @Test("A wrong --fields is noticed on the first line and the field named")
  func wrongOptions() {
    let lines = Self.values.map { $0.joined(separator: " ") }
    func problem(_ change: ([String]) -> [String]) -> String? {
      var options = DecoderOptions()
      options.fields = change(Self.names)
      let result = AWSVPCDecoder.decode(lines, options: options, inventory: Self.inventory)
      #expect(result.edgeTexts.isEmpty)
      #expect(result.counts.rejectedCount == 2)
      return result.counts.rejections.first?.problem
    }
    func swapped(_ one: String, _ two: String) -> ([String]) -> [String] {
      { $0.map { $0 == one ? two : $0 == two ? one : $0 } }
    }
    #expect(
      problem(swapped("interface-id", "srcaddr"))
        == "field srcaddr is not an address (check --fields)"
    )
    #expect(
      problem(swapped("start", "protocol")) == "field protocol has no valid value (check --fields)"
    )
    #expect(
      problem { Array($0.dropLast()) } == "16 columns where the layout has 15 (check --fields)"
    )
    #expect(
      problem { $0.map { $0 == "srcaddr" || $0 == "pkt-srcaddr" ? "region" : $0 } }
        == "the layout has no srcaddr"
    )
  }

  /// Requests and replies between pods, so many that the columns can be told from them.
  private static let traffic: [[String]] = (0..<20).flatMap { number in
    [
      AWSVPCDecoderTests.line("10.0.0.1:\(50_000 + number)", "10.0.0.2:8080", flags: "2"),
      AWSVPCDecoderTests.line("10.0.0.2:8080", "10.0.0.1:\(50_000 + number)", flags: "18"),
    ].map { $0.split(separator: " ").map(String.init) }
  }

  struct Exchange: Sendable, CustomTestStringConvertible {
    var pairs: [(String, String)]
    var named: String?
    var without: Set<String> = []
    var testDescription: String { pairs.map { "\($0.0) and \($0.1)" }.joined(separator: ", ") }
  }

  static let exchanges = [
    Exchange(pairs: []), Exchange(pairs: [], without: ["tcp-flags", "pkt-srcaddr", "pkt-dstaddr"]),
    Exchange(pairs: [("srcport", "dstport")], named: "srcport and dstport"),
    Exchange(
      pairs: [("srcport", "dstport")],
      named: "srcport and dstport",
      without: ["tcp-flags", "pkt-srcaddr", "pkt-dstaddr"]
    ),
    Exchange(pairs: [("srcaddr", "dstaddr")], named: "srcaddr and dstaddr"),
    Exchange(pairs: [("pkt-srcaddr", "pkt-dstaddr")], named: "pkt-srcaddr and pkt-dstaddr"),
    Exchange(
      pairs: [("srcaddr", "dstaddr"), ("pkt-srcaddr", "pkt-dstaddr")],
      named: "srcport and dstport"
    ),
    Exchange(
      pairs: [
        ("srcaddr", "dstaddr"), ("pkt-srcaddr", "pkt-dstaddr"), ("srcport", "dstport"),
      ],
      named: "source and destination"
    ),
    Exchange(pairs: [("packets", "bytes")], named: "packets and bytes"),
    Exchange(pairs: [("start", "end")], named: "it ends before it starts"),
    Exchange(pairs: [("protocol", "tcp-flags")], named: "field protocol has no valid value"),
    Exchange(pairs: [("protocol", "srcport")], named: "field protocol has no valid value"),
  ]

  @Test(
    "Exchanged columns of --fields are noticed on the first lines and named",
    arguments: exchanges
  )
  func exchanged(_ exchange: Exchange) {
    let kept = Self.names.indices.filter { !exchange.without.contains(Self.names[$0]) }
    var inventory = Self.inventory
    inventory.served = ["10.0.0.2:8080"]
    var options = DecoderOptions()
    options.fields = kept.map { index in
      let name = Self.names[index]
      return exchange.pairs.reduce(name) { $0 == $1.0 ? $1.1 : $0 == $1.1 ? $1.0 : $0 }
    }
    let lines = Self.traffic.map { row in kept.map { row[$0] }.joined(separator: " ") }
    let messages = [
      "{\"events\":[" + lines.map { "{\"message\":\"\($0)\"}" }.joined(separator: ",") + "]}"
    ]
    for records in [lines, messages] {
      let result = AWSVPCDecoder.decode(records, options: options, inventory: inventory)
      guard let named = exchange.named else {
        #expect(result.counts.rejectedCount == 0)
        #expect(result.edgeTexts == ["shop/web -> shop/api TCP/8080 both allowed x20"])
        continue
      }
      #expect(result.edgeTexts.isEmpty)
      #expect(result.counts.rejectedCount == 40, "every record is refused, those before, too")
      let problem = result.counts.rejections.first?.problem ?? ""
      #expect(problem.contains(named) && problem.hasSuffix("(check --fields)"), "\(problem)")
    }
  }

  @Test("A header is believed: its columns are not doubted")
  func believedHeader() {
    var inventory = Self.inventory
    inventory.served = ["10.0.0.1:8080"]
    let lines = Self.traffic.map { $0.joined(separator: " ") }
    let result = AWSVPCDecoder.decode([AWSVPCDecoderTests.header] + lines, inventory: inventory)
    #expect(result.counts.rejectedCount == 0)
  }

  @Test("Pods that call each other's like ports are no reason to doubt the columns")
  func likePorts() {
    var inventory = CloudInventory(pods: ["10.0.0.1": "web"])
    // The client serves the port that it calls outside, as a gateway does.
    inventory.served = ["10.0.0.1:443"]
    let lines = (0..<40).map {
      AWSVPCDecoderTests.line("10.0.0.1:\(50_000 + $0)", "203.0.113.1:443", flags: "3")
    }
    var options = DecoderOptions()
    options.fields = Self.names
    let result = AWSVPCDecoder.decode(lines, options: options, inventory: inventory)
    #expect(result.counts.rejectedCount == 0)
    #expect(result.edgeTexts == ["shop/web -> 203.0.113.1/32 TCP/443 both allowed x40"])
  }

  @Test("A column that is named twice is refused")
  func repeatedColumn() {
    let layout = AWSVPCLayout(fields: ["srcaddr srcaddr dstaddr srcport dstport protocol start"])
    #expect(layout?.problem == "the layout has srcaddr twice")
    #expect(
      AWSVPCLayout(fields: ["region region vpc-id vpc-id"])?.problem?.contains("twice") == false
    )
  }

  @Test("With --fields, lines of two addresses are such a log, in an envelope or not")
  func givenFields() {
    let line = Self.values[0].joined(separator: " ")
    for (text, isOne) in [
      (line, true), ("{\"message\":\"\(line)\"}", true), ("{\n  \"message\": \"\(line)\"\n}", true),
      ("5 eni-1 - - - - - - - 1700000000 1700000060 - - - - NODATA", true),
      ("see 10.0.0.1", false), ("hello", false), ("", false),
    ] {
      let bytes = Array(text.utf8)
      // Without columns, an envelope is known by the interface in it.
      #expect(LogFormat.detect(bytes.span.bytes) == nil || text.contains("message"))
      #expect(
        LogFormat.detect(bytes.span.bytes, fields: ["srcaddr"]) == (isOne ? .awsVPC : nil),
        "\(text)"
      )
    }
  }

  @Test("Without a header only the default layout is assumed")
  func noLayout() {
    let result = AWSVPCDecoder.decode(
      [
        Self.values[0].joined(separator: " "),
        "2 123 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000060 ACCEPT",
      ]
    )
    #expect(result.counts.rejectedCount == 2)
    #expect(result.counts.rejections.map(\.problem).first?.contains("--fields") == true)
    #expect(
      result.counts.rejections.map(\.problem).last == "13 columns where the layout has 14"
    )
  }

  @Test("Transit gateway logs are refused")
  func transitGateway() {
    let lines = [
      "6 TransitGateway 123456789012 tgw-0123 tgw-attach-1 123456789012 10.0.0.1 10.0.0.2 1 2 6",
      "version resource-type account-id tgw-id tgw-attachment-id srcaddr dstaddr srcport dstport",
      "6 TransitGateway 123456789012 tgw-0123 tgw-attach-1 10.0.0.1 10.0.0.2 1 2",
    ]
    let result = AWSVPCDecoder.decode(lines)
    #expect(result.counts.rejectedCount == 2)
    #expect(
      result.counts.rejections.allSatisfy { $0.problem.hasPrefix("transit gateway flow log") }
    )
  }

  static let interfaceTypes = [
    ("nat_gateway", 0), ("regional_nat_gateway", 0), ("network_load_balancer", 0),
    ("transit_gateway", 0), ("vpc_endpoint", 0), ("-", 1), ("interface", 1),
  ]

  @Test("Records of interfaces between the ends repeat others", arguments: interfaceTypes)
  func middleInterfaces(_ sample: (type: String, edges: Int)) {
    let header = AWSVPCDecoderTests.header + " interface-type"
    let lines = Self.values.map { $0.joined(separator: " ") + " \(sample.type)" }
    let result = AWSVPCDecoder.decode([header] + lines, inventory: Self.inventory)
    #expect(result.edgeTexts.count == sample.edges)
    #expect(result.counts.rejectedCount == 0)
  }
}
