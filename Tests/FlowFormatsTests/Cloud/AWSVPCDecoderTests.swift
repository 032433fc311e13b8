import FlowAggregation
import FlowFormats
import FlowModel
import TestSupport
import Testing

struct AWSVPCDecoderTests {
  static let header =
    "version interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
    + "tcp-flags pkt-srcaddr pkt-dstaddr log-status"
  static let inventory = CloudInventory(
    pods: ["10.0.0.1": "web", "10.0.0.2": "api"],
    nodes: ["10.9.0.1", "10.9.0.2"]
  )

  /// A line in the layout of `header`.
  static func line(
    _ from: String,
    _ to: String,
    flags: String = "0",
    transport: Int = 6,
    packets: Int = 10,
    start: Int = 1_700_000_000,
    action: String = "ACCEPT",
    interface: String = "eni-1",
    node: String? = nil
  ) -> String {
    let source = from.split(separator: ":")
    let destination = to.split(separator: ":")
    return "5 \(interface) \(node ?? String(source[0])) \(destination[0]) \(source[1]) "
      + "\(destination[1]) \(transport) \(packets) 840 \(start) \(start + 60) \(action) \(flags) "
      + "\(source[0]) \(destination[0]) OK"
  }

  /// A line in the default layout.
  static func plain(
    _ from: String,
    _ to: String,
    transport: Int = 6,
    packets: Int = 10,
    start: Int = 1_700_000_000,
    action: String = "ACCEPT"
  ) -> String {
    let source = from.split(separator: ":")
    let destination = to.split(separator: ":")
    return "2 123456789012 eni-1 \(source[0]) \(destination[0]) \(source[1]) \(destination[1]) "
      + "\(transport) \(packets) 840 \(start) \(start + 60) \(action) OK"
  }

  static func decode(
    _ lines: [String],
    served: [String] = [],
    withHeader: Bool = true
  ) -> EvidenceAccumulator {
    var known = inventory
    known.served = Set(served)
    return AWSVPCDecoder.decode((withHeader ? [header] : []) + lines, inventory: known)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var lines: [String]
    var served: [String] = []
    var edges: [String]
    var testDescription: String { name }
  }

  static let client = "10.0.0.1:50000"
  static let server = "10.0.0.2:8080"
  static let works = "shop/web -> shop/api TCP/8080 both allowed"
  static let tried = "shop/web -> shop/api TCP/8080 both attempt"
  static let refused = "shop/web -> shop/api TCP/8080 both denied"

  static let directionCases = [
    Case(
      name: "The sender of a SYN is the client",
      lines: [line(client, server, flags: "2"), line(server, client, flags: "18")],
      edges: ["\(works) x1"]
    ),
    Case(
      name: "The answer may come first",
      lines: [line(server, client, flags: "19"), line(client, server, flags: "3")],
      edges: ["\(works) x1"]
    ),
    Case(
      name: "Only the client's record has SYN bits",
      lines: [line(client, server, flags: "2"), line(server, client, flags: "0")],
      edges: ["\(works) x1"]
    ),
    Case(
      name: "Only the answer was logged",
      lines: [line(server, client, flags: "18")],
      edges: ["\(works) x1"]
    ),
    Case(
      name: "The opening was hours ago",
      lines: [
        line(client, server, flags: "2"), line(server, client, flags: "18"),
        line(client, server, start: 1_700_010_000), line(server, client, start: 1_700_010_000),
      ],
      edges: ["\(works) x1", "\(works) x1"]
    ),
    Case(
      name: "The inventory decides in the middle of a connection, both ports high",
      lines: [line("10.0.0.1:33000", "10.0.0.2:50051"), line("10.0.0.2:50051", "10.0.0.1:33000")],
      served: ["10.0.0.2:50051"],
      edges: ["shop/web -> shop/api TCP/50051 both allowed x1"]
    ),
    Case(
      name: "Both ends served decide nothing",
      lines: [line(client, server), line(server, client)],
      served: [client, server],
      edges: []
    ),
    Case(
      name: "A low port is no sign of a server",
      lines: [line("10.0.0.1:443", "10.0.0.2:50051"), line("10.0.0.2:50051", "10.0.0.1:443")],
      edges: []
    ),
    Case(
      name: "An end that answered an opening elsewhere is a server",
      lines: [
        line("10.0.0.1:50001", server, flags: "2"), line(server, "10.0.0.1:50001", flags: "18"),
        line(client, server), line(server, client),
      ],
      edges: ["\(works) x2"]
    ),
    Case(
      name: "A port that meets three partners is a server",
      lines: (0..<3).flatMap {
        [
          line("10.0.0.1:\(50_000 + $0)", server), line(server, "10.0.0.1:\(50_000 + $0)"),
        ]
      },
      edges: ["\(works) x3"]
    ),
    Case(
      name: "A port that meets two partners is not",
      lines: (0..<2).flatMap {
        [
          line("10.0.0.1:\(50_000 + $0)", server), line(server, "10.0.0.1:\(50_000 + $0)"),
        ]
      },
      edges: []
    ),
    Case(
      name: "Refused packets do not make a port a server",
      lines: (0..<4).map {
        line("10.0.0.1:50000", "10.0.0.2:\($0 + 1)", flags: "2", action: "REJECT")
      }
        + [
          line("10.0.0.1:50000", "10.0.0.2:9999"), line("10.0.0.2:9999", "10.0.0.1:50000"),
        ],
      edges: (0..<4).map { "shop/web -> shop/api TCP/\($0 + 1) both denied x1" }
    ),
  ]

  @Test("Who opened a connection", arguments: directionCases)
  func direction(_ sample: Case) {
    let result = Self.decode(sample.lines, served: sample.served)
    #expect(result.edgeTexts == sample.edges.sorted())
    #expect(result.counts.rejectedCount == 0)
    #expect(result.counts.records == sample.lines.count + 1)
  }

  static let classCases = [
    Case(
      name: "A SYN without an answer is an attempt",
      lines: [line(client, server, flags: "2", packets: 3)],
      edges: ["\(tried) x1"]
    ),
    Case(
      name: "A SYN answered by a reset is an attempt",
      lines: [line(client, server, flags: "2"), line(server, client, flags: "4")],
      edges: ["\(tried) x1"]
    ),
    Case(
      name: "A goodbye of the client needs a connection",
      lines: [line(client, server, flags: "3", packets: 5)],
      edges: ["\(works) x1"]
    ),
    Case(
      name: "One packet with SYN and FIN is a probe",
      lines: [line(client, server, flags: "3", packets: 1)],
      edges: ["\(tried) x1"]
    ),
    Case(
      name: "A refusal is denied",
      lines: [line(client, server, flags: "2", action: "REJECT")],
      edges: ["\(refused) x1"]
    ),
    Case(
      name: "Refused at the receiver after the sender's interface let it out",
      lines: [
        line(client, server, flags: "2"),
        line(client, server, flags: "2", action: "REJECT", interface: "eni-2"),
      ],
      edges: ["\(tried) x1", "\(refused) x1"]
    ),
    Case(
      name: "A late packet of a connection that worked is no denial",
      lines: [
        line(client, server, flags: "2"), line(server, client, flags: "18"),
        line(client, server, flags: "1", action: "REJECT"),
      ],
      edges: ["\(works) x1"]
    ),
    Case(
      name: "A refused packet without SYN belongs to an old connection",
      lines: [line(client, server, flags: "1", action: "REJECT")],
      edges: []
    ),
    Case(
      name: "A refused answer is no denial of its own",
      lines: [
        line(client, server, flags: "2"),
        line(server, client, flags: "18", action: "REJECT"),
      ],
      edges: ["\(tried) x1"]
    ),
    Case(
      name: "Datagrams both ways worked",
      lines: [
        line("10.0.0.1:50000", "10.0.0.2:53", transport: 17),
        line("10.0.0.2:53", "10.0.0.1:50000", transport: 17),
      ],
      served: ["10.0.0.2:53"],
      edges: ["shop/web -> shop/api UDP/53 both allowed x1"]
    ),
    Case(
      name: "Datagrams one way in one hour are an attempt",
      lines: [line("10.0.0.1:50000", "10.0.0.2:514", transport: 17)],
      served: ["10.0.0.2:514"],
      edges: ["shop/web -> shop/api UDP/514 both attempt x1"]
    ),
    Case(
      name: "Datagrams one way that come again in another hour are allowed",
      lines: [
        line("10.0.0.1:50000", "10.0.0.2:514", transport: 17),
        line("10.0.0.1:50001", "10.0.0.2:514", transport: 17, start: 1_700_007_200),
      ],
      served: ["10.0.0.2:514"],
      edges: [
        "shop/web -> shop/api UDP/514 both allowed x1",
        "shop/web -> shop/api UDP/514 both allowed x1",
      ]
    ),
    Case(
      name: "Datagrams that only the server sent never become a rule",
      lines: [
        line("10.0.0.2:514", "10.0.0.1:50000", transport: 17),
        line("10.0.0.2:514", "10.0.0.1:50000", transport: 17, start: 1_700_007_200),
      ],
      served: ["10.0.0.2:514"],
      edges: [
        "shop/web -> shop/api UDP/514 both attempt x1",
        "shop/web -> shop/api UDP/514 both attempt x1",
      ]
    ),
    Case(
      name: "Views of two interfaces are one edge",
      lines: [
        line(client, server, flags: "2"), line(server, client, flags: "18"),
        line(client, server, flags: "2", interface: "eni-2"),
        line(server, client, flags: "18", interface: "eni-2"),
      ],
      edges: ["\(works) x1"]
    ),
    Case(
      name: "The address in the packet counts, not the one of the interface",
      lines: [
        line(client, server, flags: "2", node: "10.9.0.1"),
        line(server, client, flags: "18", node: "10.9.0.2"),
      ],
      edges: ["\(works) x1"]
    ),
    Case(
      name: "The metadata service is shown as what it is",
      lines: [
        line("10.0.0.1:50000", "169.254.169.254:80", flags: "2"),
        line("169.254.169.254:80", "10.0.0.1:50000", flags: "18"),
      ],
      edges: ["shop/web -> 169.254.169.254/32 TCP/80 both allowed x1"]
    ),
  ]

  /// The format document's table of flags, each on a record of its own: who is the client, if that is known.
  static let flagCases: [(String, String?)] = [
    ("2", "web"), ("3", "web"), ("6", "web"), ("7", "web"), ("18", "api"), ("19", "api"),
    ("22", "api"), ("23", "api"), ("0", nil), ("1", nil), ("4", nil), ("5", nil), ("-", nil),
  ]

  @Test("Flags say who opened a connection, or nothing", arguments: flagCases)
  func flags(_ flags: String, _ client: String?) {
    let result = Self.decode([Self.line("10.0.0.1:50000", "10.0.0.2:50001", flags: flags)])
    let sources = result.edges.entries.map {
      result.endpoints[Int($0.key.source)].workload?.name ?? ""
    }
    #expect(sources == [client].compactMap(\.self))
    #expect((result.counts.discarded[.undecidedDirection] == 1) == (client == nil))
  }

  /// Records on the way of a pod to the internet through a NAT gateway, as the format document has them.
  private static let translated: [String] = [
    ("eni-node", "10.0.0.1", "10.0.9.9", 50_000, "10.0.0.1", "203.0.113.9", 2),
    ("eni-nat", "10.0.0.1", "10.0.9.9", 50_000, "10.0.0.1", "203.0.113.9", 2),
    ("eni-nat", "10.0.9.9", "203.0.113.9", 61_000, "10.0.9.9", "203.0.113.9", 2),
    ("-", "10.0.9.9", "203.0.113.9", 61_000, "10.0.9.9", "203.0.113.9", 2),
  ].flatMap { interface, from, to, port, packetFrom, packetTo, flags in
    let rest = "6 10 840 1700000000 1700000060 ACCEPT"
    return [
      "5 \(interface) \(from) \(to) \(port) 443 \(rest) \(flags) \(packetFrom) \(packetTo) OK",
      "5 \(interface) \(to) \(from) 443 \(port) \(rest) 18 \(packetTo) \(packetFrom) OK",
    ]
  }

  @Test("What a NAT gateway repeats is one connection of the pod; its own leg is nobody's")
  func natGateway() {
    let result = Self.decode(Self.translated)
    #expect(result.edgeTexts == ["shop/web -> 203.0.113.9/32 TCP/443 both allowed x1"])
    #expect(result.counts.rejectedCount == 0)
  }

  @Test("A pod that leaves with its node's address is no pod")
  func translatedToNode() {
    let result = Self.decode([
      Self.line("10.9.0.1:50000", "203.0.113.9:443", flags: "2"),
      Self.line("203.0.113.9:443", "10.9.0.1:50000", flags: "18"),
    ])
    #expect(result.edgeTexts.isEmpty)
    #expect(result.counts.discarded[.noPod] == 1)
  }

  @Test("Blanks in a row part two columns only")
  func blanks() {
    let lines = [Self.line(Self.client, Self.server, flags: "18")].map {
      "  " + $0.replacing(" ", with: "   ") + " \t"
    }
    let result = Self.decode([Self.header.replacing(" ", with: "  ")] + lines)
    #expect(result.edgeTexts == ["shop/api -> shop/web TCP/50000 both allowed x1"])
    #expect(result.counts.rejectedCount == 0)
  }

  @Test("A layout without the action says nothing of what passed")
  func withoutAction() {
    let layout = "srcaddr dstaddr srcport dstport protocol start end tcp-flags"
    let result = AWSVPCDecoder.decode(
      [layout, "10.0.0.1 10.0.0.2 50000 8080 6 1700000000 1700000060 3"],
      inventory: Self.inventory
    )
    #expect(result.edgeTexts.isEmpty)
    #expect(result.counts.discarded[.noVerdict] == 1)
    #expect(result.counts.notes.contains { $0.contains("without an action") })
  }

  @Test("What a record is evidence of", arguments: classCases)
  func evidence(_ sample: Case) {
    let result = Self.decode(sample.lines, served: sample.served)
    #expect(result.edgeTexts == sample.edges.sorted())
    #expect(result.counts.rejectedCount == 0)
    #expect(result.counts.records == sample.lines.count + 1)
  }

  @Test("Replies and second views are counted as such")
  func discards() {
    let result = Self.decode(
      ["eni-1", "eni-2"].flatMap { interface in
        [
          Self.line(Self.client, Self.server, flags: "2", interface: interface),
          Self.line(Self.server, Self.client, flags: "18", interface: interface),
        ]
      }
    )
    #expect(result.discardTexts == ["duplicate-view: 2", "reply: 1", "unrelated-line: 1"])
    #expect(result.counts.used == 1)
    #expect(result.edges.entries.first?.bytes == 1680)
  }

  static let plainCases = [
    Case(
      name: "Without flags a connection needs an answer and the inventory",
      lines: [plain(client, server), plain(server, client)],
      served: [server],
      edges: ["\(works) x1"]
    ),
    Case(
      name: "Without flags one packet back is a refusal",
      lines: [plain(client, server, packets: 1), plain(server, client, packets: 1)],
      served: [server],
      edges: ["\(tried) x1"]
    ),
    Case(
      name: "Without flags and answer it is an attempt",
      lines: [plain(client, server)],
      served: [server],
      edges: ["\(tried) x1"]
    ),
    Case(
      name: "What was only ever refused can only have opened",
      lines: [plain(client, server, action: "REJECT")],
      edges: ["\(refused) x1"]
    ),
    Case(
      name: "A refused packet from a served port is a late answer",
      lines: [plain(server, client, action: "REJECT")],
      served: [server],
      edges: []
    ),
    Case(
      name: "A node's address may be any pod on it",
      lines: [
        plain("10.9.0.1:50000", server), plain(server, "10.9.0.1:50000"),
      ],
      served: [server],
      edges: ["?node-or-pod -> shop/api TCP/8080 both allowed x1"]
    ),
  ]

  @Test(
    "Without flags, records of one packet back are a refusal however often, but not for long",
    arguments: [([0, 0], "attempt"), ([0, 60], "attempt"), ([0, 600], "allowed")]
  )
  func repeatedRefusals(_ starts: [Int], _ expected: String) {
    // Two flow logs in one group write every record twice; a client tries again from the same port.
    let lines = starts.flatMap { start in
      [
        Self.plain(Self.client, Self.server, packets: 1, start: 1_700_000_000 + start),
        Self.plain(Self.server, Self.client, packets: 1, start: 1_700_000_000 + start),
      ]
    }
    let result = Self.decode(lines, served: [Self.server], withHeader: false)
    #expect(result.edgeTexts == ["shop/web -> shop/api TCP/8080 both \(expected) x2"])
  }

  @Test("The default layout", arguments: plainCases)
  func defaultLayout(_ sample: Case) {
    let result = Self.decode(sample.lines, served: sample.served, withHeader: false)
    #expect(result.edgeTexts == sample.edges)
    #expect(result.counts.notes.contains { $0.contains("pkt-srcaddr") })
  }

  @Test("With packet addresses a node is a node")
  func nodeStaysNode() {
    let result = Self.decode([
      Self.line("10.9.0.1:50000", Self.server, flags: "2"),
      Self.line(Self.server, "10.9.0.1:50000", flags: "18"),
    ])
    #expect(result.edgeTexts == ["node -> shop/api TCP/8080 both allowed x1"])
    #expect(!result.counts.notes.contains { $0.contains("pkt-srcaddr") })
  }

  @Test("A packet address of '-' falls back to the other one, which may be a node's")
  func missingPacketAddress() {
    let lines = [
      "5 eni-1 10.9.0.1 10.0.0.2 50000 8080 6 9 840 1700000000 1700000060 ACCEPT 2 - 10.0.0.2 OK",
      "5 eni-1 10.0.0.2 10.9.0.1 8080 50000 6 9 840 1700000000 1700000060 ACCEPT 18 10.0.0.2 - OK",
    ]
    let result = Self.decode(lines)
    #expect(result.edgeTexts == ["?node-or-pod -> shop/api TCP/8080 both allowed x1"])
  }

  static let unusedCases: [(String, String)] = [
    ("5 eni-1 - - - - - - - 1700000000 1700000060 - - - - NODATA", "coverage-marker: 1"),
    (
      "5 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000060 - 2 10.0.0.1 10.0.0.2 NODATA",
      "coverage-marker: 1"
    ),
    (
      "5 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000060 - 2 10.0.0.1 10.0.0.2 SKIPDATA",
      "coverage-marker: 1"
    ),
    (
      "5 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000060 - 2 10.0.0.1 10.0.0.2 OK",
      "no-verdict: 1"
    ),
    (line("10.0.0.1:0", "10.0.0.2:0", transport: 1), "other-protocol: 1"),
    (line("10.0.0.1:0", "10.0.0.2:0", transport: 47), "other-protocol: 1"),
    (line("10.0.0.1:68", "255.255.255.255:67", transport: 17), "local-or-multicast: 1"),
    (line("10.0.0.1:5353", "224.0.0.251:5353", transport: 17), "local-or-multicast: 1"),
    (line("10.0.0.1:123", "169.254.169.123:123", transport: 17), "local-or-multicast: 1"),
    (line("0.0.0.0:1", "10.0.0.2:2"), "local-or-multicast: 1"),
    (line("127.0.0.1:1", "10.0.0.2:2"), "local-or-multicast: 1"),
    (line("10.0.0.1:1", "169.254.7.7:2"), "local-or-multicast: 1"),
    (line("10.0.0.1:0", "10.0.0.2:0", transport: 4), "other-protocol: 1"),
    (line("10.0.0.1:0", "10.0.0.2:0", transport: 50), "other-protocol: 1"),
    (line("10.0.0.1:0", "10.0.0.2:0", transport: 58), "other-protocol: 1"),
    (line("10.0.0.1:1000", "10.0.0.1:2000"), "self-traffic: 1"),
    (line("203.0.113.1:50000", "198.51.100.1:443", flags: "2"), "no-pod: 1"),
    (line(client, server), "undecided-direction: 1"),
  ]

  @Test("Good lines that are no evidence", arguments: unusedCases)
  func unused(_ sample: (line: String, reason: String)) {
    let result = Self.decode([sample.line])
    #expect(result.edgeTexts.isEmpty)
    #expect(result.counts.rejectedCount == 0)
    #expect(result.discardTexts == [sample.reason, "unrelated-line: 1"].sorted())
  }

  @Test("Lost records are a hole in the capture, no data is none")
  func holes() {
    let lines = [
      "5 eni-1 - - - - - - - 1700000000 1700000060 - - - - SKIPDATA",
      "5 eni-1 - - - - - - - 1700003600 1700003660 - - - - NODATA",
    ]
    let result = Self.decode(lines)
    #expect(result.counts.lostEvents == 1)
    #expect(result.counts.capture[472_222] == CaptureHour(records: 0, lost: 1))
    #expect(result.counts.capture[472_223] == CaptureHour(records: 1, lost: 0))
  }

  static let badCases: [(String, String)] = [
    (line("10.0.0.300:1", "10.0.0.2:2"), "field srcaddr is not an address"),
    (line("10.0.0.1:70000", "10.0.0.2:2"), "field srcport has no valid value"),
    (line("10.0.0.1:1", "10.0.0.2:2", transport: 256), "field protocol has no valid value"),
    (line("10.0.0.1:1", "10.0.0.2:2", transport: 1), "field protocol has no valid value"),
    (line("10.0.0.1:1", "10.0.0.2:2", action: "ALLOW"), "field action is neither"),
    (line("10.0.0.1:1", "10.0.0.2:2", interface: "i-1"), "field interface-id is not"),
    (
      line("10.0.0.1:1", "10.0.0.2:2", start: 1_700_000_000_000),
      "field start is not a time in seconds"
    ),
    (line("10.0.0.1:1", "10.0.0.2:2") + " extra", "17 columns where the layout has 16"),
    (String(line("10.0.0.1:1", "10.0.0.2:2").dropLast(3)), "15 columns where the layout has 16"),
    (
      "5 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000060 1700000000 ACCEPT 2 10.0.0.1 10.0.0.2 OK",
      "it ends before it starts"
    ),
    (
      "5 eni-1 - 10.0.0.2 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 - 10.0.0.2 OK",
      "field srcaddr is missing"
    ),
    (
      "5 eni-1 10.0.0.1 10.0.0.2 - 2 6 1 1 1700000000 1700000060 ACCEPT 2 - 10.0.0.2 OK",
      "field srcport is missing"
    ),
    ("{\"a\":1}", "not a VPC flow log record"),
    ("{\"a\":1", "not JSON"),
    ("{\"awslogs\":{\"data\":\"H4sI\"}}", "no gzip of JSON in base64"),
  ]

  @Test("Lines that cannot be read are named", arguments: badCases)
  func bad(_ sample: (line: String, problem: String)) {
    let result = Self.decode([sample.line])
    #expect(result.counts.rejectedCount == 1)
    #expect(result.counts.rejections.first?.line == 2)
    #expect(result.counts.rejections.first?.problem.contains(sample.problem) == true)
    #expect(result.edgeTexts.isEmpty)
  }
}
