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
