import FlowAggregation
import FlowFormats
import FlowModel
import TestSupport
import Testing

struct AzureDecoderTests {
  static let inventory = CloudInventory(
    pods: ["10.0.0.1": "web", "10.0.0.2": "api"],
    nodes: ["10.9.0.1"],
    served: ["10.0.0.2:8080"]
  )
  static let allowed = "shop/web -> shop/api TCP/8080 both allowed"
  static let attempt = "shop/web -> shop/api TCP/8080 both attempt"
  static let denied = "shop/web -> shop/api TCP/8080 both denied"

  static func record(_ tuples: [String], rule: String = "DefaultRule_A", mac: String = "0022")
    -> String
  {
    let list = tuples.map { "\"\($0)\"" }.joined(separator: ",")
    return "{\"time\":\"2024-05-01T10:00:00Z\",\"flowLogVersion\":4,\"macAddress\":\"\(mac)\","
      + "\"category\":\"FlowLogFlowEvent\",\"flowRecords\":{\"flows\":[{\"aclID\":\"a\","
      + "\"flowGroups\":[{\"rule\":\"\(rule)\",\"flowTuples\":[\(list)]}]}]}}"
  }

  static func tuple(
    _ state: String,
    _ counters: String = "0,0,0,0",
    time: String = "1663146003599",
    from: String = "10.0.0.1,10.0.0.2,50000,8080",
    transport: String = "6",
    direction: String = "O",
    encryption: String = "NX"
  ) -> String {
    "\(time),\(from),\(transport),\(direction),\(state),\(encryption),\(counters)"
  }

  static func group(_ tuples: [String], version: Int = 2) -> String {
    let list = tuples.map { "\"\($0)\"" }.joined(separator: ",")
    return "{\"time\":\"2024-05-01T10:00:00Z\",\"category\":\"NetworkSecurityGroupFlowEvent\","
      + "\"properties\":{\"Version\":\(version),\"flows\":[{\"rule\":\"UserRule_a\",\"flows\":"
      + "[{\"mac\":\"000D\",\"flowTuples\":[\(list)]}]}]}}"
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var records: [String]
    var edges: [String] = []
    var discards: [String] = []
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "Begin alone", records: [record([tuple("B")])], edges: ["\(attempt) x1"]),
    Case(
      name: "Begin and end with packets both ways",
      records: [record([tuple("B"), tuple("E", "3,767,2,1580")])],
      edges: ["\(allowed) x2"]
    ),
    Case(
      name: "The end may come before the begin",
      records: [record([tuple("E", "3,767,2,1580"), tuple("B", ",,,")])],
      edges: ["\(allowed) x2"]
    ),
    Case(
      name: "Nothing came back",
      records: [record([tuple("B"), tuple("E", "3,767,0,0")])],
      edges: ["\(attempt) x2"]
    ),
    Case(
      name: "A node's address may be any pod on it",
      records: [record([tuple("E", "3,767,2,1580", from: "10.9.0.1,10.0.0.2,50000,8080")])],
      edges: ["?node-or-pod -> shop/api TCP/8080 both allowed x1"]
    ),
    Case(name: "Denied", records: [record([tuple("D")])], edges: ["\(denied) x1"]),
    Case(
      name: "Both ends' interfaces",
      records: [
        record([tuple("E", "3,767,2,1580")], mac: "01"),
        record([tuple("E", "3,767,2,1580", direction: "I")], mac: "02"),
      ],
      edges: ["\(allowed) x1"],
      discards: ["duplicate-view: 1"]
    ),
    Case(
      name: "Seconds instead of milliseconds",
      records: [record([tuple("E", "3,767,2,1580", time: "1663146003")])],
      edges: ["\(allowed) x1"]
    ),
    Case(
      name: "Dropped by encryption",
      records: [
        record(
          ["NX_SW_NOT_READY", "NX_NOT_ACCEPTED", "NX_NOT_SUPPORTED"].map {
            tuple("D", encryption: $0)
          },
          rule: "unspecified"
        )
      ],
      discards: ["non-policy-drop: 3"]
    ),
    Case(
      name: "Other encryption states are no drops",
      records: [
        record(
          ["X", "NX_HW_NOT_SUPPORTED", "NX_LOCAL_DST", "NX_FALLBACK"].map {
            tuple("E", "1,60,1,60", encryption: $0)
          }
        )
      ],
      edges: ["\(allowed) x4"]
    ),
    Case(
      name: "Probes of translation ports",
      records: [
        record([
          tuple("D", from: "20.1.1.1,10.0.0.2,50557,44357", direction: "I"),
          tuple("D", from: "20.1.1.1,10.0.0.2,50557,22", direction: "I"),
        ])
      ],
      edges: ["20.1.1.1/32 -> shop/api TCP/22 both denied x1"],
      discards: ["non-policy-drop: 1"]
    ),
    Case(
      name: "A tuple of the platform may stand the wrong way round",
      records: [
        record(
          [tuple("C", "3,767,2,1580", from: "10.0.0.2,10.0.0.1,8080,50000")],
          rule: "PlatformRule"
        )
      ],
      edges: ["\(allowed) x1"]
    ),
    Case(
      name: "Other protocols",
      records: [record([tuple("B", from: "10.0.0.1,10.0.0.2,0,0", transport: "1")])],
      discards: ["other-protocol: 1"]
    ),
    Case(
      name: "Network security group, version 2",
      records: [
        group([
          "1542110379,10.0.0.1,10.0.0.2,50000,8080,T,O,A,B,,,,",
          "1542110399,10.0.0.1,10.0.0.2,50000,8080,T,O,A,E,1,66,1,66",
          "1542110399,10.0.0.1,10.0.0.2,50001,53,U,O,D,B,,,,",
        ])
      ],
      edges: ["\(allowed) x2", "shop/web -> shop/api UDP/53 both denied x1"]
    ),
    Case(
      name: "Network security group, version 1",
      records: [
        group(
          [
            "1542110379,10.0.0.1,10.0.0.2,50000,8080,T,O,A",
            "1542110379,10.0.0.1,10.0.0.2,50001,53,U,O,D",
          ],
          version: 1
        )
      ],
      edges: ["\(attempt) x1", "shop/web -> shop/api UDP/53 both denied x1"]
    ),
    Case(
      name: "Records inside a record",
      records: ["{\"records\":[{\"records\":[\(record([tuple("D")]))]}]}"],
      edges: ["\(denied) x1"]
    ),
    Case(
      name: "Flattened",
      records: [
        "{\"macAddress\":\"1\",\"operationName\":\"FlowLogFlowEvent\",\"rule\":\"r\","
          + "\"flow.0\":\"\(tuple("B"))\",\"flow.1\":\"\(tuple("E", "1,60,1,60"))\"}"
      ],
      edges: ["\(allowed) x2"]
    ),
    Case(name: "No records yet", records: ["{\"records\":[]}"]),
  ]

  @Test("What a tuple is evidence of", arguments: cases)
  func evidence(_ sample: Case) {
    let result = AzureDecoder.decode(sample.records, inventory: Self.inventory)
    #expect(result.edgeTexts == sample.edges)
    #expect(result.discardTexts == sample.discards)
    #expect(result.counts.rejectedCount == 0)
  }

  static let bad: [(String, String)] = [
    ("{\"a\":1}", "not an Azure flow log record"),
    ("{\"records\":", "not JSON"),
    (record(["1,2,3"]), "3 values"),
    (record([tuple("B", time: "16631460")]), "no time"),
    (record([tuple("B", from: "10.0.0.1,nowhere,5,6")]), "no address"),
    (record([tuple("B", from: "10.0.0.1,10.0.0.2,5,66666")]), "no port"),
    (record([tuple("B", transport: "999")]), "no protocol"),
    (record([tuple("B", direction: "X")]), "no direction"),
    (record([tuple("Z")]), "unknown state"),
    (record([tuple("E", "1,x,2,3")]), "no number"),
    (group(["1542110379,10.0.0.1,10.0.0.2,1,2,T,O,X"]), "unknown decision"),
  ]

  @Test("Tuples that cannot be read are named", arguments: bad)
  func unreadable(_ sample: (record: String, problem: String)) {
    let result = AzureDecoder.decode([sample.record], inventory: Self.inventory)
    #expect(result.counts.rejectedCount == 1)
    #expect(result.counts.rejections.first?.problem.contains(sample.problem) == true)
    #expect(result.edgeTexts.isEmpty)
  }

  struct Sample: Sendable, CustomTestStringConvertible {
    var file: String
    var pods: [String: String]
    var edges: [String]
    var discards: [String] = []
    var testDescription: String { file }
  }

  static let samples = [
    Sample(
      file: "azure-docs-vnet-flow-log-sample.json",
      pods: ["10.0.0.6": "vm"],
      edges: [
        "101.33.218.153/32 -> shop/vm TCP/22 both denied x1",
        "192.241.200.164/32 -> shop/vm TCP/119 both denied x1",
        "shop/vm -> 104.16.218.84/32 TCP/443 both allowed x2",
        "shop/vm -> 40.74.146.17/32 TCP/443 both allowed x6",
        "shop/vm -> 52.239.184.180/32 TCP/443 both allowed x2",
      ],
      discards: ["non-policy-drop: 7"]
    ),
    Sample(
      file: "azure-docs-bandwidth-tuples.txt",
      pods: ["10.2.0.4": "vm"],
      edges: [
        "185.170.185.105/32 -> shop/vm TCP/23 both allowed x1",
        "185.170.185.105/32 -> shop/vm TCP/23 both allowed x2",
      ]
    ),
    Sample(
      file: "elastic-integrations-test-vnet.ndjson",
      pods: ["1.128.0.0": "a", "216.160.83.56": "b"],
      edges: [
        "shop/a -> 175.16.199.0/32 TCP/443 both attempt x1",
        "shop/b -> 81.2.69.142/32 TCP/443 both allowed x1",
      ]
    ),
    Sample(
      file: "elastic-integrations-test-nsg-v2.ndjson",
      pods: ["1.128.0.0": "a"],
      edges: ["shop/a -> 1.128.0.1/32 TCP/443 both allowed x1"]
    ),
    Sample(
      file: "sekoia-vnet-flattened.ndjson",
      pods: ["1.2.3.4": "a"],
      edges: ["shop/a -> 192.0.2.180/32 TCP/443 both allowed x2"]
    ),
  ]

  @Test("Reference files", arguments: samples)
  func sample(_ sample: Sample) throws {
    guard let records = try sharedRecords("vpc-azure/\(sample.file)") else { return }
    let result = AzureDecoder.decode(records, inventory: CloudInventory(pods: sample.pods))
    #expect(result.edgeTexts == sample.edges)
    #expect(result.discardTexts == sample.discards)
    #expect(result.counts.rejectedCount == 0)
    #expect(AzureDecoder.recognizes(records.joined(separator: "\n")))
  }
}
