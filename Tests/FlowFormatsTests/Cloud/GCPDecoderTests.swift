import FlowAggregation
import FlowFormats
import FlowModel
import Foundation
import TestSupport
import Testing

struct GCPVPCDecoderTests {
  static let inventory = CloudInventory(
    pods: ["10.0.0.1": "web", "10.0.0.2": "api"],
    nodes: ["10.9.0.1"],
    served: ["10.0.0.2:8080", "10.9.0.1:10250"]
  )
  static let allowed = "shop/web -> shop/api TCP/8080 both allowed x1"
  static let attempt = "shop/web -> shop/api TCP/8080 both attempt x1"

  static func entry(
    _ from: String,
    _ to: String,
    transport: Int = 6,
    bytes: Int = 500,
    reporter: String = "SRC",
    start: String = "2024-05-01T10:00:00.123456789Z",
    rest: String = "",
    wrapped: Bool = true
  ) -> String {
    let source = from.split(separator: ":")
    let destination = to.split(separator: ":")
    let payload =
      "{\"connection\":{\"src_ip\":\"\(source[0])\",\"src_port\":\(source[1]),"
      + "\"dest_ip\":\"\(destination[0])\",\"dest_port\":\(destination[1]),"
      + "\"protocol\":\(transport)},\"reporter\":\"\(reporter)\",\"bytes_sent\":\"\(bytes)\","
      + "\"packets_sent\":\"7\",\"start_time\":\"\(start)\"\(rest)}"
    guard wrapped else { return payload }
    return "{\"insertId\":\"x\",\"jsonPayload\":\(payload),\"logName\":"
      + "\"projects/p/logs/compute.googleapis.com%2Fvpc_flows\",\"timestamp\":"
      + "\"2024-05-01T10:05:00Z\"}"
  }

  static let client = "10.0.0.1:50000"
  static let server = "10.0.0.2:8080"
  static func pod(_ prefix: String, _ name: String, kind: String = "DEPLOYMENT") -> String {
    ",\"\(prefix)_gke_details\":{\"cluster\":{\"cluster_name\":\"c1\"},\"pod\":{\"pod_name\":"
      + "\"\(name)-1\",\"pod_namespace\":\"shop\",\"pod_workload\":{\"workload_name\":\"\(name)\","
      + "\"workload_type\":\"\(kind)\"}}}"
  }
  static func node(_ prefix: String) -> String {
    ",\"\(prefix)_gke_details\":{\"cluster\":{\"cluster_name\":\"c1\"}}"
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var records: [String]
    var edges: [String] = []
    var discards: [String] = []
    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "Both directions",
      records: [entry(client, server), entry(server, client)],
      edges: [allowed],
      discards: ["reply: 1"]
    ),
    Case(
      name: "Both reporters of both directions",
      records: ["SRC", "DEST"].flatMap {
        [entry(client, server, reporter: $0), entry(server, client, reporter: $0)]
      },
      edges: [allowed],
      discards: ["duplicate-view: 2", "reply: 1"]
    ),
    Case(name: "One direction alone", records: [entry(client, server)], edges: [attempt]),
    Case(
      name: "A round trip time proves the answer",
      records: [entry(client, server, rest: ",\"rtt_msec\":\"3\"")],
      edges: [allowed]
    ),
    Case(
      name: "No payload either way is a probe",
      records: [entry(client, server, bytes: 0), entry(server, client, bytes: 0)],
      edges: [attempt],
      discards: ["reply: 1"]
    ),
    Case(
      name: "A firewall's drop",
      records: [
        entry(
          client,
          server,
          rest: ",\"disposition\":\"DROPPED\",\"drop_reason\":\"FIREWALL_DENY\""
        )
      ],
      edges: ["shop/web -> shop/api TCP/8080 both denied x1"]
    ),
    Case(
      name: "Another drop",
      records: [
        entry(
          client,
          server,
          rest: ",\"disposition\":\"DROPPED\",\"drop_reason\":\"NO_MATCHING_ROUTE\""
        )
      ],
      discards: ["non-policy-drop: 1"]
    ),
    Case(
      name: "Nobody knows the server",
      records: [entry("10.0.0.1:443", "10.0.0.2:50051"), entry("10.0.0.2:50051", "10.0.0.1:443")],
      discards: ["undecided-direction: 2"]
    ),
    Case(
      name: "The payload alone",
      records: [
        entry(client, server, wrapped: false), entry(server, client, wrapped: false),
      ],
      edges: [allowed],
      discards: ["reply: 1"]
    ),
    Case(
      name: "An array",
      records: ["[\(entry(client, server)),\(entry(server, client))]"],
      edges: [allowed],
      discards: ["reply: 1"]
    ),
    Case(
      name: "Pods by metadata",
      records: [
        entry(
          "10.8.0.1:50000",
          server,
          rest: pod("src", "cart") + pod("dest", "db", kind: "STATEFUL_SET")
        ),
        entry(server, "10.8.0.1:50000", rest: pod("dest", "cart") + pod("src", "db")),
      ],
      edges: ["shop/cart -> shop/db TCP/8080 both allowed x1"],
      discards: ["reply: 1"]
    ),
    Case(
      name: "A ReplicaSet is not an owner; the pod keeps its own name",
      records: [
        entry(
          "10.8.0.1:50000",
          server,
          rest: pod("src", "cart-5d8", kind: "REPLICA_SET") + ",\"rtt_msec\":\"3\""
        )
      ],
      edges: ["shop/cart-5d8-1 -> shop/api TCP/8080 both allowed x1"]
    ),
    Case(
      name: "A cluster without a pod may be any pod behind the node",
      records: [
        entry("10.9.0.1:50000", server, rest: node("src")),
        entry(server, "10.9.0.1:50000", rest: node("dest")),
      ],
      edges: ["?node-or-pod -> shop/api TCP/8080 both allowed x1"],
      discards: ["reply: 1"]
    ),
    Case(
      name: "A node that serves is the node",
      records: [
        entry(client, "10.9.0.1:10250", rest: node("dest")),
        entry("10.9.0.1:10250", client, rest: node("src")),
      ],
      edges: ["shop/web -> node TCP/10250 both allowed x1"],
      discards: ["reply: 1"]
    ),
    Case(
      name: "Other protocols",
      records: [entry("10.0.0.1:0", "10.0.0.2:0", transport: 1)],
      discards: ["other-protocol: 1"]
    ),
    Case(
      name: "Firewall entries of the same file",
      records: [
        "{\"logName\":\"projects/p/logs/compute.googleapis.com%2Ffirewall\",\"jsonPayload\":"
          + "{\"connection\":{\"src_ip\":\"10.0.0.1\"}}}"
      ],
      discards: ["unrelated-line: 1"]
    ),
  ]

  @Test("What a record is evidence of", arguments: cases)
  func evidence(_ sample: Case) {
    let result = GCPVPCDecoder.decode(sample.records, inventory: Self.inventory)
    #expect(result.edgeTexts == sample.edges)
    #expect(result.discardTexts == sample.discards)
    #expect(result.counts.rejectedCount == 0)
  }

  static func message(_ entry: String) -> String {
    #"{"message":{"data":"\#(Data(entry.utf8).base64EncodedString())","messageId":"1"},"#
      + #""subscription":"projects/p/subscriptions/s"}"#
  }

  @Test("Entries inside Pub/Sub messages, pushed and pulled")
  func pubSub() {
    let messages = [
      Self.message(Self.entry(Self.client, Self.server)),
      Self.message(Self.entry(Self.server, Self.client)),
    ]
    let pulled = #"{"receivedMessages":[\#(messages.joined(separator: ","))]}"#
    for records in [messages, [pulled]] {
      let result = GCPVPCDecoder.decode(records, inventory: Self.inventory)
      #expect(result.edgeTexts == [Self.allowed])
      #expect(result.counts.rejectedCount == 0)
      let isRecognized = GCPVPCDecoder.recognizes(records[0])
      #expect(isRecognized)
      let isClaimed = GKEPolicyDecoder.recognizes(records[0])
      #expect(!isClaimed)
    }
  }

  static let bad: [(String, String)] = [
    ("{\"message\":{\"data\":\"eyJ9\"}}", "no JSON in base64"),
    ("{\"jsonPayload\":{}}", "\"connection\" is missing"),
    (entry("10.0.0.300:1", "10.0.0.2:2"), "no address"),
    (entry("10.0.0.1:70000", "10.0.0.2:2"), "no port"),
    (entry("10.0.0.1:1", "10.0.0.2:2", start: "yesterday"), "\"start_time\" is missing"),
    (
      entry("10.0.0.1:1", "10.0.0.2:2", rest: ",\"end_time\":\"2024-05-01T09:00:00Z\""),
      "ends before it starts"
    ),
    ("[1]", "not a JSON object"),
    ("{\"jsonPayload\":", "not JSON"),
  ]

  @Test("Records that cannot be read are named", arguments: bad)
  func unreadable(_ sample: (record: String, problem: String)) {
    let result = GCPVPCDecoder.decode([sample.record], inventory: Self.inventory)
    #expect(result.counts.rejectedCount == 1)
    #expect(result.counts.rejections.first?.problem.contains(sample.problem) == true)
  }

  struct Sample: Sendable, CustomTestStringConvertible {
    var file: String
    var inventory: CloudInventory
    var edges: [String] = []
    var discards: [String] = []
    var testDescription: String { file }
  }

  static let samples = [
    Sample(
      file: "beats-vpc-flow-log-entries.excerpt.ndjson",
      inventory: CloudInventory(
        pods: ["10.87.40.76": "kibana", "10.139.99.242": "ssh"],
        served: ["10.87.40.76:5601", "198.51.100.248:9200", "10.139.99.242:22"]
      ),
      edges: [
        "192.0.2.117/32 -> shop/kibana TCP/5601 both allowed x1",
        "192.0.2.23/32 -> shop/ssh TCP/22 both attempt x1",
        // Only the answer was logged, with a round trip time.
        "203.0.113.12/32 -> shop/kibana TCP/5601 both allowed x1",
        "shop/kibana -> 198.51.100.248/32 TCP/9200 both allowed x1",
      ],
      // Request and reply come from different reporters: whichever view is counted, one is left.
      discards: ["duplicate-view: 3"]
    ),
    Sample(
      file: "otel-vpc-flow-log-google-service.ndjson",
      inventory: CloudInventory(
        pods: ["10.10.0.3": "web"],
        served: ["142.251.183.95:443", "64.233.179.95:443"]
      ),
      edges: [
        "shop/web -> 142.251.183.95/32 TCP/443 both attempt x1",
        "shop/web -> 64.233.179.95/32 TCP/443 both attempt x1",
      ]
    ),
    Sample(
      file: "otel-vpc-flow-log-networkmanagement.json",
      inventory: CloudInventory(pods: ["192.0.2.5": "ssh"], served: ["192.0.2.5:22"]),
      edges: ["203.0.113.5/32 -> shop/ssh TCP/22 both allowed x1"]
    ),
    Sample(
      file: "sekoia-flow-logs-gke.json",
      inventory: CloudInventory(nodes: ["10.0.0.4"], served: ["34.118.64.229:443"]),
      discards: ["no-pod: 1"]
    ),
  ]

  @Test("Reference files", arguments: samples)
  func sample(_ sample: Sample) throws {
    guard let records = try sharedRecords("vpc-gcp/\(sample.file)") else { return }
    let result = GCPVPCDecoder.decode(records, inventory: sample.inventory)
    #expect(result.edgeTexts == sample.edges)
    #expect(result.discardTexts == sample.discards)
    #expect(result.counts.rejectedCount == 0)
    #expect(GCPVPCDecoder.recognizes(records.joined(separator: "\n")))
  }
}

struct GCPMixedLogTests {
  @Test("Where flow and policy entries are in one file, each decoder names the other's")
  func mixed() {
    let policy =
      "{\"logName\":\"projects/p/logs/policy-action\",\"jsonPayload\":\(GKEPolicyDecoderTests.record())}"
    let records = [
      GCPVPCDecoderTests.entry(GCPVPCDecoderTests.client, GCPVPCDecoderTests.server), policy,
    ]
    let flows = GCPVPCDecoder.decode(records, inventory: GCPVPCDecoderTests.inventory)
    #expect(flows.edgeTexts == [GCPVPCDecoderTests.attempt])
    #expect(flows.discardTexts == ["unrelated-line: 1"])
    #expect(flows.counts.notes.contains { $0.hasSuffix("--format gke-policy.") })
    let decisions = GKEPolicyDecoder.decode(records, inventory: GCPVPCDecoderTests.inventory)
    #expect(decisions.edgeTexts == ["shop/web-1 -> shop/api TCP/8080 egress denied x5"])
    #expect(decisions.discardTexts == ["unrelated-line: 1"])
    #expect(decisions.counts.notes.contains { $0.hasSuffix("--format gcp-vpc.") })
  }
}

struct GKEPolicyDecoderTests {
  static func record(
    disposition: String = "deny",
    direction: String = "egress",
    transport: String = "tcp",
    port: String = ",\"dest_port\":8080",
    ends: String =
      "\"src\":{\"pod_name\":\"web-1\",\"pod_namespace\":\"shop\"},\"dest\":{\"instance\":\"10.0.0.2\"}",
    rest: String = ",\"count\":5,\"timestamp\":\"2024-05-01T10:00:00Z\""
  ) -> String {
    "{\"connection\":{\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\",\"src_port\":5\(port),"
      + "\"protocol\":\"\(transport)\",\"direction\":\"\(direction)\"},\"disposition\":"
      + "\"\(disposition)\",\(ends)\(rest)}"
  }

  @Test("Merged denials count as many as they stand for, and speak for their side")
  func merged() {
    let result = GKEPolicyDecoder.decode(
      [Self.record(), Self.record(disposition: "allow", direction: "ingress")],
      inventory: CloudInventory(pods: ["10.0.0.2": "api"])
    )
    #expect(
      result.edgeTexts == [
        "shop/web-1 -> shop/api TCP/8080 egress denied x5",
        "shop/web-1 -> shop/api TCP/8080 ingress allowed x5",
      ]
    )
    #expect(result.counts.used == 2)
  }

  static let unused: [(String, String)] = [
    (record(transport: "icmp", port: ""), "other-protocol: 1"),
    (record(transport: "tcp", port: ""), "no-ports: 1"),
  ]

  @Test("Openings that no rule can name", arguments: unused)
  func withoutPorts(_ sample: (record: String, reason: String)) {
    let result = GKEPolicyDecoder.decode([sample.record])
    #expect(result.discardTexts == [sample.reason])
  }

  static let bad: [(String, String)] = [
    (record(disposition: "ALLOWED"), "neither allow nor deny"),
    (record(direction: "up"), "neither ingress nor egress"),
    (record(rest: ""), "\"timestamp\" is missing"),
    ("{}", "\"connection\" is missing"),
    ("nonsense", "not JSON"),
  ]

  @Test("Records that cannot be read are named", arguments: bad)
  func unreadable(_ sample: (record: String, problem: String)) {
    let result = GKEPolicyDecoder.decode([sample.record])
    #expect(result.counts.rejectedCount == 1)
    #expect(result.counts.rejections.first?.problem.contains(sample.problem) == true)
  }

  @Test("The reference file, plain and inside Cloud Logging entries")
  func sample() throws {
    guard let records = try sharedRecords("vpc-gcp/gke-policy-action.log") else { return }
    let entries = records.map {
      "{\"logName\":\"projects/p/logs/policy-action\",\"jsonPayload\":\($0),"
        + "\"resource\":{\"type\":\"k8s_node\"}}"
    }
    let edges = [
      "default/client-allow -> 169.254.169.254/32 UDP/53 egress allowed x1",
      "default/client-allow-7b78d7c957-zkn54 -> default/test-service-745c798fc9-hzpxt TCP/8080"
        + " ingress allowed x1",
      "default/client-allow-7b78d7c957-zkn54 -> node TCP/22 ingress allowed x1",
      "default/client-deny-5689846f5b-cqqsj -> default/test-service-745c798fc9-hzpxt TCP/8080"
        + " ingress denied x1",
    ]
    for form in [records, entries] {
      let result = GKEPolicyDecoder.decode(form)
      #expect(result.edgeTexts == edges)
      #expect(result.counts.rejectedCount == 0)
      #expect(GKEPolicyDecoder.recognizes(form.joined(separator: "\n")))
    }
  }
}
