import FlowAggregation
import FlowFormats
import FlowModel
import TestSupport
import Testing

struct AWSPolicyAgentDecoderTests {
  static let inventory = CloudInventory(
    pods: ["10.0.0.1": "web", "10.0.0.2": "api", "2001:db8::1": "web", "2001:db8::2": "api"],
    nodes: ["10.9.0.1"],
    services: ["172.20.0.10": "dns"]
  )

  struct Form: Sendable, CustomTestStringConvertible {
    var name: String
    var line: String
    var edge: String
    var testDescription: String { name }
  }

  static let forms = [
    Form(
      name: "separate keys, ts",
      line:
        "{\"level\":\"info\",\"ts\":\"2023-12-12T07:00:02.818Z\",\"logger\":\"ebpf-client\","
        + "\"msg\":\"Flow Info:  \",\"Src IP\":\"10.0.0.1\",\"Src Port\":49880,"
        + "\"Dest IP\":\"10.0.0.2\",\"Dest Port\":6379,\"Proto\":\"TCP\",\"Verdict\":\"ACCEPT\"}",
      edge: "shop/web -> shop/api TCP/6379 both allowed x1"
    ),
    Form(
      name: "separate keys, timestamp, denied",
      line:
        "{\"level\":\"info\",\"timestamp\":\"2023-12-12T07:00:02.818Z\",\"logger\":\"ebpf-client\","
        + "\"msg\":\"Flow Info:  \",\"Src IP\":\"10.0.0.1\",\"Src Port\":49880,"
        + "\"Dest IP\":\"10.0.0.2\",\"Dest Port\":6379,\"Proto\":\"TCP\",\"Verdict\":\"DENY\"}",
      edge: "shop/web -> shop/api TCP/6379 both denied x1"
    ),
    Form(
      name: "text, IPv4",
      line: text(
        "Src IP: 10.0.0.1 Src Port: 5 Dest IP: 10.0.0.2 Dest Port: 80 Proto TCP Verdict DENY "
          + "Direction ingress"
      ),
      edge: "shop/web -> shop/api TCP/80 ingress denied x1"
    ),
    Form(
      name: "text, IPv6",
      line: text(
        "Src IP: 2001:db8::1 Src Port: 5 Dest IP: 2001:db8::2 Dest Port: 80 Proto: UDP "
          + "Verdict: ACCEPT Direction: egress"
      ),
      edge: "shop/web -> shop/api UDP/80 egress allowed x1"
    ),
    Form(
      name: "text with tier, IPv4",
      line: text(
        "Src IP: 10.0.0.1 Src Port: 5 Dest IP: 10.0.0.2 Dest Port: 80 Proto SCTP Verdict ACCEPT "
          + "Direction egress, Tier NETWORK_POLICY"
      ),
      edge: "shop/web -> shop/api SCTP/80 egress allowed x1"
    ),
    Form(
      name: "text with tier, IPv6",
      line: text(
        "Src IP: 2001:db8::1 Src Port: 5 Dest IP: 2001:db8::2 Dest Port: 80 Proto: TCP "
          + "Verdict: DENY Direction: ingress Tier: BASELINE"
      ),
      edge: "shop/web -> shop/api TCP/80 ingress denied x1"
    ),
    Form(
      name: "CloudWatch event",
      line: "{\"events\":[{\"timestamp\":1700000000000,\"message\":\"\(cloudWatch)\"}]}",
      edge: "shop/web -> shop/api TCP/80 both denied x1"
    ),
    Form(
      name: "CloudWatch event with tier",
      line:
        "{\"events\":[{\"timestamp\":1700000000000,\"message\":\"\(cloudWatch);Tier: ADMIN\"}]}",
      edge: "shop/web -> shop/api TCP/80 both denied x1"
    ),
    Form(
      name: "CloudWatch console copy",
      line: "2024-01-01T00:00:00.000Z   \(cloudWatch)",
      edge: "shop/web -> shop/api TCP/80 both denied x1"
    ),
    Form(
      name: "a Service address before translation",
      line: text(
        "Src IP: 10.0.0.1 Src Port: 5 Dest IP: 172.20.0.10 Dest Port: 53 Proto UDP Verdict ACCEPT "
          + "Direction egress"
      ),
      edge: "shop/web -> shop/dns UDP/8053 egress allowed x1"
    ),
  ]

  static let cloudWatch =
    "Node: ip-10-9-0-1.ap-southeast-1.compute.internal;SIP: 10.0.0.1;SPORT: 4000;DIP: 10.0.0.2;"
    + "DPORT: 80;PROTOCOL: TCP;PolicyVerdict: DENY"

  static func text(_ flow: String, at time: String = "2025-11-21T03:24:44.553Z") -> String {
    "{\"level\":\"info\",\"ts\":\"\(time)\",\"caller\":\"x.s:1\",\"msg\":\"Flow Info: \(flow)\"}"
  }

  static func flow(
    _ from: String,
    _ to: String,
    _ verdict: String,
    at time: String = "2025-11-21T03:24:44.553Z",
    rest: String = "Direction ingress"
  ) -> String {
    let source = from.split(separator: ":")
    let destination = to.split(separator: ":")
    return text(
      "Src IP: \(source[0]) Src Port: \(source[1]) Dest IP: \(destination[0]) Dest Port: "
        + "\(destination[1]) Proto TCP Verdict \(verdict) \(rest)",
      at: time
    )
  }

  @Test("Every form of line", arguments: forms)
  func form(_ form: Form) {
    let result = AWSPolicyAgentDecoder.decode([form.line], inventory: Self.inventory)
    #expect(result.edgeTexts == [form.edge])
    #expect(result.counts.rejectedCount == 0)
    #expect(AWSPolicyAgentDecoder.recognizes(form.line))
    #expect(!AWSVPCDecoder.recognizes(form.line))
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var lines: [String]
    var served: [String] = []
    var edges: [String] = []
    var discards: [String] = []
    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "A denial from a served port is a reply",
      lines: [flow("10.0.0.2:4000", "10.0.0.1:39816", "DENY")],
      served: ["10.0.0.2:4000"],
      discards: ["reply-denied: 1"]
    ),
    Case(
      name: "A denial against an accepted connection is a reply, even before it",
      lines: [
        flow("10.0.0.2:7979", "10.0.0.1:33140", "DENY"),
        flow("10.0.0.1:60816", "10.0.0.2:7979", "ACCEPT"),
        flow("10.0.0.2:7979", "10.0.0.1:60816", "DENY"),
      ],
      edges: ["shop/web -> shop/api TCP/7979 ingress allowed x1"],
      discards: ["reply-denied: 2"]
    ),
    Case(
      name: "A port whose packets to three clients are denied is a server's",
      lines: (0..<3).map { flow("10.0.0.2:443", "10.0.0.1:\(50_000 + $0)", "DENY") },
      discards: ["reply-denied: 3"]
    ),
    Case(
      name: "An accepted packet from a served port is a reply",
      lines: [flow("10.0.0.2:4000", "10.0.0.1:39816", "ACCEPT")],
      served: ["10.0.0.2:4000"],
      discards: ["reply: 1"]
    ),
    Case(
      name: "A reply from a Service address is a reply",
      lines: [flow("172.20.0.10:443", "10.0.0.1:55464", "ACCEPT")],
      discards: ["reply: 1"]
    ),
    Case(
      name: "Accepted both ways without knowledge is undecided",
      lines: [
        flow("10.0.0.1:5000", "10.0.0.2:6000", "ACCEPT"),
        flow("10.0.0.2:6000", "10.0.0.1:5000", "ACCEPT"),
      ],
      discards: ["undecided-direction: 2"]
    ),
    Case(
      name: "A later accept of the pair outweighs denials while policy was set up",
      lines: [
        flow("10.0.0.1:5000", "10.0.0.2:80", "DENY", at: "2025-11-21T03:24:44Z"),
        flow("10.0.0.1:5001", "10.0.0.2:80", "ACCEPT", at: "2025-11-21T03:25:44Z"),
      ],
      edges: ["shop/web -> shop/api TCP/80 ingress allowed x1"],
      discards: ["superseded-denial: 1"]
    ),
    Case(
      name: "An earlier accept does not",
      lines: [
        flow("10.0.0.1:5001", "10.0.0.2:80", "ACCEPT", at: "2025-11-21T03:24:44Z"),
        flow("10.0.0.1:5000", "10.0.0.2:80", "DENY", at: "2025-11-21T03:25:44Z"),
      ],
      edges: [
        "shop/web -> shop/api TCP/80 ingress allowed x1",
        "shop/web -> shop/api TCP/80 ingress denied x1",
      ]
    ),
    Case(
      name: "Book-keeping is no verdict",
      lines: [flow("10.0.0.1:5000", "10.0.0.2:80", "EXPIRED/DELETED")],
      discards: ["no-verdict: 1"]
    ),
    Case(
      name: "Tier ERROR decides nothing",
      lines: [
        flow("10.0.0.1:5000", "10.0.0.2:80", "DENY", rest: "Direction ingress, Tier ERROR")
      ],
      discards: ["no-verdict: 1"]
    ),
    Case(
      name: "Multicast listener reports",
      lines: [
        text(
          "Src IP: fe80::1 Src Port: 0 Dest IP: ff02::16 Dest Port: 0 Proto: UNKNOWN Verdict: DENY "
            + "Direction: egress"
        )
      ],
      discards: ["local-or-multicast: 1"]
    ),
    Case(
      name: "Protocols of two words and those without ports",
      lines: ["ICMP", "RESERVED", "ANY PROTOCOL", "UNKNOWN"].map {
        text(
          "Src IP: 10.0.0.1 Src Port: 0 Dest IP: 10.0.0.2 Dest Port: 0 Proto \($0) Verdict DENY "
            + "Direction egress"
        )
      },
      discards: ["other-protocol: 4"]
    ),
    Case(
      name: "A probe from the pod's own node",
      lines: [
        "2024-01-01T00:00:00Z Node: ip-10-9-0-1.eu-west-1.compute.internal;SIP: 10.9.0.1;SPORT: 40000;"
          + "DIP: 10.0.0.2;DPORT: 80;PROTOCOL: TCP;PolicyVerdict: ACCEPT"
      ],
      discards: ["health-check: 1"]
    ),
    Case(
      name: "Other lines of the same file",
      lines: [
        "{\"level\":\"info\",\"ts\":\"2024-04-10T20:38:07.095Z\",\"msg\":\"Conntrack cleanup\"}",
        "plain text",
      ],
      discards: ["unrelated-line: 2"]
    ),
  ]

  @Test("Traps", arguments: cases)
  func trap(_ sample: Case) {
    var known = Self.inventory
    known.served = Set(sample.served)
    let result = AWSPolicyAgentDecoder.decode(sample.lines, inventory: known)
    #expect(result.edgeTexts == sample.edges)
    #expect(result.discardTexts == sample.discards)
    #expect(result.counts.rejectedCount == 0)
    #expect(result.counts.records == sample.lines.count)
  }

  @Test("The order of lines does not matter", arguments: Seed.samples(20))
  func order(_ seed: Seed) {
    var random = seed
    let lines = Self.cases.flatMap(\.lines)
    let one = AWSPolicyAgentDecoder.decode(lines, inventory: Self.inventory)
    let two = AWSPolicyAgentDecoder.decode(
      lines.shuffled(using: &random),
      inventory: Self.inventory
    )
    #expect(one.edgeTexts == two.edgeTexts)
    #expect(one.discardTexts == two.discardTexts)
  }

  @Test("A line without time needs an assumed one")
  func time() {
    let missing = AWSPolicyAgentDecoder.decode([Self.cloudWatch], inventory: Self.inventory)
    #expect(missing.counts.rejectedCount == 1)
    #expect(missing.counts.rejections.first?.problem.contains("no time") == true)
    var options = DecoderOptions()
    options.assumedTime = 1_700_000_000_000_000
    let given = AWSPolicyAgentDecoder.decode(
      [Self.cloudWatch],
      options: options,
      inventory: Self.inventory
    )
    #expect(given.edgeTexts == ["shop/web -> shop/api TCP/80 both denied x1"])
  }

  static let bad: [(String, String)] = [
    (flow("10.0.0.999:1", "10.0.0.2:2", "DENY"), "no source address"),
    (flow("10.0.0.1:1", "10.0.0:2", "DENY"), "no destination address"),
    (flow("10.0.0.1:65536", "10.0.0.2:2", "DENY"), "no port"),
    (flow("10.0.0.1:1", "10.0.0.2:2", "MAYBE"), "unknown verdict"),
    (flow("10.0.0.1:1", "10.0.0.2:2", "DENY", rest: "Direction up"), "unknown direction"),
    (flow("10.0.0.1:1", "10.0.0.2:2", "DENY", at: "yesterday"), "no time"),
    (text(""), "no source address"),
    ("{\"msg\":", "not JSON"),
  ]

  @Test("Decisions that cannot be read are named", arguments: bad)
  func unreadable(_ sample: (line: String, problem: String)) {
    let result = AWSPolicyAgentDecoder.decode([sample.line])
    #expect(result.counts.rejectedCount == 1)
    #expect(result.counts.rejections.first?.problem.contains(sample.problem) == true)
  }

  struct Sample: Sendable, CustomTestStringConvertible {
    var file: String
    var inventory = CloudInventory()
    var edges: [String] = []
    var discards: [String] = []
    var testDescription: String { file }
  }

  static let samples = [
    Sample(
      file: "issue100-return-traffic-denied.log",
      inventory: CloudInventory(pods: ["10.255.7.42": "api", "10.255.7.152": "web"]),
      edges: ["shop/web -> shop/api TCP/7979 both allowed x2"],
      discards: ["reply-denied: 3"]
    ),
    Sample(
      file: "issue246-with-conntrack-noise.log",
      inventory: CloudInventory(pods: ["10.3.99.194": "web"]),
      edges: ["shop/web -> 209.54.181.208/32 TCP/443 both allowed x1"],
      discards: ["unrelated-line: 3"]
    ),
    Sample(
      file: "issue487-text-msg-ipv4.log",
      inventory: CloudInventory(pods: ["10.5.223.87": "web", "10.5.72.157": "api"]),
      edges: ["shop/web -> shop/api TCP/8080 ingress denied x3"]
    ),
    Sample(
      file: "issue549-text-msg-ipv6.log",
      inventory: CloudInventory(
        pods: ["2600:1f14:252c:c310:70fb::2": "web"],
        services: ["fd74:9d4e:ba42::2:ff4d": "api"]
      ),
      edges: ["shop/web -> shop/api TCP/16080 egress denied x1"]
    ),
    Sample(
      file: "issue73-zap-json-timestamp-key.log",
      inventory: CloudInventory(
        pods: ["10.1.12.220": "api", "10.1.201.3": "web"],
        served: ["10.1.12.220:443"]
      ),
      discards: ["reply-denied: 4"]
    ),
    Sample(
      file: "issue73-zap-json-ts-key.log",
      inventory: CloudInventory(
        pods: ["10.1.206.228": "web", "10.1.6.79": "redis", "10.1.8.149": "mysql"],
        services: ["172.20.0.10": "dns"]
      ),
      edges: [
        "shop/web -> shop/dns UDP/8053 both allowed x3",
        "shop/web -> shop/mysql TCP/3306 both allowed x1",
        "shop/web -> shop/redis TCP/6379 both allowed x2",
      ]
    ),
  ]

  @Test("Reference files", arguments: samples)
  func sample(_ sample: Sample) throws {
    guard let records = try sharedRecords("aws-npa/\(sample.file)") else { return }
    let result = AWSPolicyAgentDecoder.decode(records, inventory: sample.inventory)
    #expect(result.edgeTexts == sample.edges)
    #expect(result.discardTexts == sample.discards)
    #expect(result.counts.rejectedCount == 0)
    #expect(AWSPolicyAgentDecoder.recognizes(records.joined(separator: "\n")))
  }

  @Test("The denied reply of the CloudWatch sample opens nothing")
  func cloudWatchSample() throws {
    guard let records = try sharedRecords("aws-npa/issue175-cloudwatch-deny.log") else { return }
    var options = DecoderOptions()
    options.assumedTime = 1_700_000_000_000_000
    let result = AWSPolicyAgentDecoder.decode(
      records,
      options: options,
      inventory: CloudInventory(
        pods: ["10.0.68.172": "api", "10.0.74.123": "web"],
        served: ["10.0.68.172:4000"]
      )
    )
    #expect(result.edgeTexts.isEmpty)
    #expect(result.discardTexts == ["reply-denied: 1"])
    #expect(AWSPolicyAgentDecoder.recognizes(records[0]))
  }

  @Test("However many decisions there are, a bounded number is held")
  func bound() {
    var decoder = AWSPolicyAgentDecoder(options: DecoderOptions(), capacity: 100)
    var accumulator = EvidenceAccumulator(logKind: .awsPolicyAgent, resolver: Self.inventory)
    for index in 0..<250 {
      let line = Self.flow(
        "10.1.0.\(index):\(1024 + index)",
        "10.0.0.2:80",
        "DENY"
      )
      decoder.feed(line, line: index + 1, into: &accumulator)
    }
    #expect(accumulator.counts.used == 200)
    decoder.finish(into: &accumulator)
    #expect(accumulator.counts.records == 250)
  }
}
