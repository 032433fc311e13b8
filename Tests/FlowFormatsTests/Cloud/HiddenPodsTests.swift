import FlowAggregation
import FlowFormats
import FlowModel
import TestSupport
import Testing

/// The default format of AWS shows the address of a node for its pods; two nodes together show both pods.
struct HiddenPodsTests {
  static let inventory: CloudInventory = {
    var inventory = CloudInventory(
      pods: ["10.0.1.1": "web", "10.0.1.2": "web2", "10.0.2.1": "api", "10.0.2.2": "api2"],
      nodes: ["10.9.0.1", "10.9.0.2", "10.9.0.3"],
      served: ["10.0.2.1:8080", "10.0.2.2:8080"]
    )
    inventory.hosts = [
      "10.0.1.1": "10.9.0.1", "10.0.1.2": "10.9.0.1", "10.0.2.1": "10.9.0.2",
      "10.0.2.2": "10.9.0.2",
    ]
    return inventory
  }()

  /// What one interface shows of one direction.
  static func line(
    _ interface: String,
    _ from: String,
    _ to: String,
    packets: Int = 9,
    bytes: Int = 840,
    start: Int = 1_700_000_000,
    action: String = "ACCEPT"
  ) -> String {
    let source = from.split(separator: ":")
    let destination = to.split(separator: ":")
    return
      "2 123456789012 \(interface) \(source[0]) \(destination[0]) \(source[1]) \(destination[1]) 6 "
      + "\(packets) \(bytes) \(start) \(start + 50) \(action) OK"
  }

  /// What the client's node shows of a connection: itself, and the server's pod.
  static func atClient(
    _ server: String = "10.0.2.1",
    port: Int = 50_000,
    bytes: Int = 840,
    start: Int = 1_700_000_000
  ) -> [String] {
    [
      line("eni-1", "10.9.0.1:\(port)", "\(server):8080", bytes: bytes, start: start),
      line("eni-1", "\(server):8080", "10.9.0.1:\(port)", packets: 7, start: start),
    ]
  }

  /// What the server's node shows of it: the client's pod, and itself.
  static func atServer(
    _ client: String = "10.0.1.1",
    port: Int = 50_000,
    bytes: Int = 840,
    start: Int = 1_700_000_000,
    node: String = "10.9.0.2"
  ) -> [String] {
    [
      line("eni-2", "\(client):\(port)", "\(node):8080", bytes: bytes, start: start),
      line("eni-2", "\(node):8080", "\(client):\(port)", packets: 7, start: start),
    ]
  }

  static let works = "shop/web -> shop/api TCP/8080 both allowed x1"
  static let hidden = "?node-or-pod -> shop/api TCP/8080 both allowed x1"

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var lines: [String]
    var edges: [String]
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "Both nodes show it", lines: atClient() + atServer(), edges: [works]),
    Case(name: "The server's node is not logged", lines: atClient(), edges: [hidden]),
    Case(
      name: "The client's node is not logged: who opened it is not known either",
      lines: atServer(),
      edges: []
    ),
    Case(
      name: "Intervals are up to a minute apart",
      lines: atClient() + atServer(start: 1_700_000_030),
      edges: [works]
    ),
    Case(
      name: "Times do not meet",
      lines: atClient() + atServer(start: 1_700_000_600),
      edges: [hidden]
    ),
    Case(name: "Other ports", lines: atClient() + atServer(port: 50_001), edges: [hidden]),
    Case(name: "Other sizes", lines: atClient() + atServer(bytes: 841), edges: [hidden]),
    Case(
      name: "The client's pod runs on another node",
      lines: atClient() + atServer("10.0.2.2"),
      edges: [hidden]
    ),
    Case(
      name: "The server's pod runs on another node",
      lines: atClient() + atServer(node: "10.9.0.3"),
      edges: [hidden]
    ),
    Case(
      name: "Two clients of like ports and sizes: none is taken",
      lines: atClient() + atServer() + atServer("10.0.1.2"),
      edges: [hidden]
    ),
    Case(
      name: "Two servers of like ports and sizes: none is taken",
      lines: atClient() + atClient("10.0.2.2") + atServer(),
      edges: [hidden, "?node-or-pod -> shop/api2 TCP/8080 both allowed x1"]
    ),
    Case(
      name: "Two connections of like ports that differ in size",
      lines: atClient() + atClient("10.0.2.2", bytes: 999) + atServer()
        + atServer("10.0.1.2", bytes: 999),
      edges: [works, "shop/web2 -> shop/api2 TCP/8080 both allowed x1"]
    ),
    Case(
      name: "Refused at the server's interface",
      lines: [
        line("eni-1", "10.9.0.1:50000", "10.0.2.1:8080", packets: 1),
        line("eni-2", "10.0.1.1:50000", "10.9.0.2:8080", packets: 1, action: "REJECT"),
      ],
      edges: [
        "?node-or-pod -> shop/api TCP/8080 both attempt x1",
        "shop/web -> ?node-or-pod TCP/8080 both denied x1",
      ]
    ),
  ]

  @Test(
    "Two views of one connection name its pods; one alone, or several that fit, do not",
    arguments: cases
  )
  func views(_ sample: Case) {
    var seed = Seed(1)
    for lines in [sample.lines, sample.lines.reversed(), sample.lines.shuffled(using: &seed)] {
      let result = AWSVPCDecoder.decode(lines, inventory: Self.inventory)
      #expect(result.edgeTexts == sample.edges.sorted())
      #expect(result.counts.records == sample.lines.count)
      #expect(result.counts.notes.contains { $0.contains("pkt-srcaddr") })
    }
  }

  @Test("So many connections of like ports that they cannot be told apart stay hidden, in no time")
  func likePorts() {
    let lines = (0..<3000).flatMap { (number: Int) -> [String] in
      let pod = "10.1.\(number / 250).\(number % 250 + 1)"
      return [
        Self.line("eni-1", "10.9.0.1:123", "\(pod):123"),
        Self.line("eni-2", "\(pod):123", "10.9.0.2:123"),
      ]
    }
    var inventory = Self.inventory
    var pods = inventory.pods
    for number in 0..<3000 {
      let pod = "10.1.\(number / 250).\(number % 250 + 1)"
      if let address = IPAddress(pod) { pods[address] = "p\(number)" }
      inventory.hosts[pod] = number % 2 == 0 ? "10.9.0.1" : "10.9.0.2"
    }
    inventory.pods = pods
    let result = AWSVPCDecoder.decode(lines, inventory: inventory)
    #expect(result.edgeTexts.allSatisfy { $0.contains("?node-or-pod") })
    #expect(result.counts.records == lines.count)
  }

  /// Both views of sixty connections.
  private static let manyLines: [String] = (0..<60).flatMap { (number: Int) -> [String] in
    let (port, bytes) = (50_000 + number, 800 + number)
    return atClient(port: port, bytes: bytes) + atServer(port: port, bytes: bytes)
  }

  @Test("Many connections, in any order and parts, each with its pods", arguments: Seed.samples(10))
  func many(_ seed: Seed) {
    var seed = seed
    let lines = Self.manyLines.shuffled(using: &seed)
    // A table so small that it lets settled conversations go: these have to wait.
    for capacity in [ConversationTable.defaultCapacity, 400] {
      var decoder = AWSVPCDecoder(options: DecoderOptions(), capacity: capacity)
      var accumulator = EvidenceAccumulator(logKind: .awsVPC, resolver: Self.inventory)
      for (index, line) in lines.enumerated() {
        decoder.feed(line, line: index + 1, into: &accumulator)
      }
      decoder.finish(into: &accumulator)
      accumulator.finish()
      #expect(accumulator.edgeTexts == [Self.works.replacing("x1", with: "x60")])
      #expect(accumulator.counts.records == lines.count)
    }
  }
}
