import FlowAggregation
import FlowFormats
import FlowModel
import TestSupport
import Testing

/// Logs without flags: who opened a connection shows in the ports, and for most long before the log ends.
struct SettlingByPortsTests {
  static let pods = Dictionary(uniqueKeysWithValues: (1...9).map { ("10.0.0.\($0)", "p\($0)") })
  static let inventory = CloudInventory(pods: pods)

  /// Both directions of a connection in the default layout.
  static func connection(
    _ client: String,
    _ server: String,
    transport: Int = 6,
    start: Int,
    bytes: Int = 840
  ) -> [String] {
    [(client, server, 9), (server, client, 7)].map { from, to, packets in
      let source = from.split(separator: ":")
      let destination = to.split(separator: ":")
      return
        "2 123456789012 eni-1 \(source[0]) \(destination[0]) \(source[1]) \(destination[1]) "
        + "\(transport) \(packets) \(bytes) \(start) \(start + 50) ACCEPT OK"
    }
  }

  /// Connections of many clients to six servers, one after the other for two hours.
  static func connections(_ random: inout Seed, count: Int) -> [[String]] {
    let servers = [
      ("10.0.0.1:80", 6), ("10.0.0.2:8443", 6), ("10.0.0.3:5432", 6), ("10.0.0.4:53", 17),
      ("10.0.0.5:9092", 6), ("10.0.0.6:8125", 17),
    ]
    return (0..<count).map { number in
      let (server, transport) = servers[Int.random(in: 0..<6, using: &random)]
      // No port comes twice: two pods of a node with like ports would be one view of it.
      let port = 32_768 + number * 7919 % 28_000
      let client = "10.0.0.\(Int.random(in: 7...9, using: &random)):\(port)"
      return connection(
        client,
        server,
        transport: transport,
        start: 1_700_000_000 + number * 7200 / count,
        bytes: 840 + number
      )
    }
  }

  /// Reads lines with a table of some size.
  ///
  /// - Returns: What came of it, and how many conversations waited when the lines ended.
  static func decode(
    _ lines: [String],
    capacity: Int = ConversationTable.defaultCapacity,
    inventory: CloudInventory = inventory
  ) -> (EvidenceAccumulator, held: Int) {
    var decoder = AWSVPCDecoder(options: DecoderOptions(), capacity: capacity)
    var accumulator = EvidenceAccumulator(logKind: .awsVPC, resolver: inventory)
    for (index, line) in lines.enumerated() {
      decoder.feed(line, line: index + 1, into: &accumulator)
    }
    let held = decoder.heldConversations
    decoder.finish(into: &accumulator)
    accumulator.finish()
    return (accumulator, held)
  }

  @Test(
    "What ports prove is decided before the log ends, and as the whole log says",
    arguments: Seed.samples(20)
  )
  func early(_ seed: Seed) {
    var random = seed
    var groups = Self.connections(&random, count: 2000)
    // Records come a little out of order.
    for index in stride(from: 0, to: groups.count - 8, by: 8) {
      groups[index..<index + 8].shuffle(using: &random)
    }
    let lines = groups.flatMap { Bool.random(using: &random) ? $0 : $0.reversed() }
    let (whole, heldByWhole) = Self.decode(lines)
    let (small, held) = Self.decode(lines, capacity: 1024)
    #expect(whole.edgeTexts.count == 3 * 6 * 3)
    #expect(small.edgeTexts == whole.edgeTexts)
    #expect(small.discardTexts == whole.discardTexts)
    #expect(heldByWhole > 1900)
    // A full table would have let go of more than it knew for certain.
    #expect(held < 512)
  }

  @Test("Parts of a log prove the same, each by itself", arguments: Seed.samples(10))
  func parts(_ seed: Seed) {
    var random = seed
    let lines = Self.connections(&random, count: 2000).flatMap { $0 }
    let whole = Self.decode(lines).0
    let cut = Int.random(in: 1000..<3000, using: &random)
    let accumulator = AWSVPCDecoder.decode(
      lines,
      cutAt: cut,
      capacity: 1024,
      inventory: Self.inventory,
      endsParts: true
    )
    #expect(accumulator.edgeTexts == whole.edgeTexts)
    #expect(accumulator.discardTexts == whole.discardTexts)
  }

  @Test("Ends of one kind that talk among themselves prove nothing", arguments: [6, 17])
  func peers(_ transport: Int) {
    var lines: [String] = []
    for hour in 0..<40 {
      for one in 1...9 {
        for other in 1...9 where other != one {
          lines += Self.connection(
            "10.0.0.\(one):7946",
            "10.0.0.\(other):7946",
            transport: transport,
            start: 1_700_000_000 + hour * 3600 + one * 60
          )
        }
      }
    }
    let (small, _) = Self.decode(lines, capacity: 1024)
    #expect(small.edgeTexts.isEmpty)
    #expect(small.discardTexts == ["undecided-direction: \(lines.count)"])
  }

  @Test("A client's port that is used for one server after the other stays a client's")
  func reusedPort() {
    var random = Seed(3)
    var groups = Self.connections(&random, count: 1000)
    // Twenty servers of their own ports are known by then; so many would make anybody else a server.
    for round in 0..<20 {
      for port in 0..<20 {
        groups.append(
          Self.connection(
            "10.0.0.\(round % 3 + 7):\(33_000 + round * 100 + port)",
            "10.0.0.1:\(9000 + port)",
            start: 1_700_007_200 + round
          )
        )
      }
    }
    for port in 0..<20 {
      groups.append(
        Self.connection("10.0.0.9:61000", "10.0.0.1:\(9000 + port)", start: 1_700_007_300 + port)
      )
    }
    groups += Self.connections(&random, count: 1000)
    let (small, _) = Self.decode(groups.flatMap { $0 }, capacity: 1024)
    #expect(small.edgeTexts.contains { $0.hasPrefix("shop/p9 -> shop/p1 TCP/9019") })
    #expect(!small.edgeTexts.contains { $0.contains("/61000") })
  }

  @Test("What the inventory says of a port counts more than how it behaves")
  func served() {
    var random = Seed(4)
    var inventory = Self.inventory
    inventory.served = ["10.0.0.9:61000"]
    var groups = Self.connections(&random, count: 1000)
    groups.append(Self.connection("10.0.0.1:80", "10.0.0.9:61000", start: 1_700_000_100))
    groups += Self.connections(&random, count: 1000)
    let (small, _) = Self.decode(
      groups.flatMap { $0 },
      capacity: 1024,
      inventory: inventory
    )
    #expect(small.edgeTexts.filter { $0.contains("/61000") }.count == 1)
    #expect(small.edgeTexts.contains("shop/p1 -> shop/p9 TCP/61000 both allowed x1"))
  }

  @Test("A refused connection is no proof of success, however well its port is known")
  func refused() {
    var random = Seed(5)
    var groups = Self.connections(&random, count: 1000)
    let refusal = Self.connection("10.0.0.7:61001", "10.0.0.1:80", start: 1_700_000_100)
      .map { $0.replacing(" 9 840 ", with: " 1 40 ").replacing(" 7 840 ", with: " 1 40 ") }
    groups.insert(refusal, at: 500)
    let lines = groups.flatMap { $0 }
    let (small, _) = Self.decode(lines, capacity: 1024)
    #expect(small.edgeTexts.contains("shop/p7 -> shop/p1 TCP/80 both attempt x1"))
    #expect(small.edgeTexts == Self.decode(lines).0.edgeTexts)
  }

  @Test(
    "Few clients' ports that meet many servers do not make servers of them",
    arguments: [40, 60]
  )
  func poller(_ ports: Int) {
    var random = Seed(6)
    // A poller goes through three hundred servers on forty ports, again and again, from ports of its own.
    var servers = CloudInventory(pods: ["10.0.0.9": "poller"])
    servers.pods = (0..<300).reduce(into: servers.pods) { pods, number in
      pods[IPAddress(ipv4: 0x0a00_0100 + UInt32(number))] = "s\(number)"
    }
    let groups = (0..<9000).map { number in
      let server = Int.random(in: 0..<300, using: &random)
      return Self.connection(
        "10.0.0.9:\(700 + Int.random(in: 0..<ports, using: &random))",
        "10.0.\(1 + server / 256).\(server % 256):\(9100 + server % 40)",
        start: 1_700_000_000 + number / 3
      )
    }
    let lines = groups.flatMap { $0 }
    let (small, _) = Self.decode(lines, capacity: 16_384, inventory: servers)
    let (whole, _) = Self.decode(lines, inventory: servers)
    // Of those that were hardly met the whole log says so too.
    func toPoller(_ edge: String) -> Bool { edge.contains("-> shop/poller") }
    #expect(small.edgeTexts.filter(toPoller) == whole.edgeTexts.filter(toPoller))
  }

  @Test("Records that end at the same time are not quiet because others are no later")
  func sameTime() {
    var random = Seed(7)
    // Ten minutes long all records end at once, and another interface shows them up to a hundred lines later.
    var lines: [(place: Int, text: String)] = []
    for (number, group) in Self.connections(&random, count: 3000).enumerated() {
      let window = 1_700_000_000 + number / 1000 * 600
      for (index, line) in (group + [group[0]]).enumerated() {
        var fields = line.split(separator: " ").map(String.init)
        fields[10] = "\(window)"
        fields[11] = "\(window + 600)"
        if index == 2 { fields[2] = "eni-2" }
        let place = number * 3 + (index < 2 ? 0 : Int.random(in: 0...100, using: &random))
        lines.append((place, fields.joined(separator: " ")))
      }
    }
    lines.sort { $0.place < $1.place }
    let (small, held) = Self.decode(lines.map(\.text), capacity: 2048)
    #expect(small.edgeTexts == Self.decode(lines.map(\.text)).0.edgeTexts)
    #expect(small.edgeTexts.allSatisfy { $0.contains(" allowed ") })
    #expect(held < 1536)
  }

  @Test("What comes late of a connection is neither refused nor an attempt", arguments: [6, 17])
  func late(_ transport: Int) {
    var random = Seed(8)
    var groups = Self.connections(&random, count: 1000)
    let start = 1_700_000_000
    let connection = Self.connection(
      "10.0.0.7:61001",
      transport == 6 ? "10.0.0.1:80" : "10.0.0.4:53",
      transport: transport,
      start: start + 1000
    )
    groups.insert(connection, at: 300)
    // Long after it was let go: refused in either direction, and one packet that was accepted.
    let refused = connection.map {
      $0.replacing(" ACCEPT ", with: " REJECT ").replacing(
        "\(start + 1000)",
        with: "\(start + 3500)"
      )
      .replacing("\(start + 1050)", with: "\(start + 3550)")
    }
    let packet = connection[0].replacing("\(start + 1000)", with: "\(start + 3500)")
      .replacing("\(start + 1050)", with: "\(start + 3550)")
    for late in [[refused[0]], [refused[1]], [packet]] {
      let lines = (groups + [late] + Self.connections(&random, count: 400)).flatMap { $0 }
      let (small, _) = Self.decode(lines, capacity: 1024)
      #expect(small.edgeTexts.allSatisfy { $0.contains(" allowed ") }, "\(late)")
    }
  }

  // MARK: Pods behind their nodes

  static let nodes: CloudInventory = {
    var inventory = CloudInventory(pods: pods, nodes: ["10.9.0.1", "10.9.0.2"])
    for number in 1...9 {
      inventory.hosts["10.0.0.\(number)"] = number < 7 ? "10.9.0.2" : "10.9.0.1"
    }
    return inventory
  }()

  /// Both views of each connection, as the nodes of its ends write them.
  static func views(_ groups: [[String]]) -> [String] {
    groups.flatMap { group in
      group.flatMap { line -> [String] in
        let fields = line.split(separator: " ").map(String.init)
        var (sent, received) = (fields, fields)
        let (source, destination) = (nodes.hosts[fields[3]], nodes.hosts[fields[4]])
        sent[2] = "eni-\(source ?? "")"
        sent[3] = source ?? fields[3]
        received[2] = "eni-\(destination ?? "")"
        received[4] = destination ?? fields[4]
        return [sent, received].map { $0.joined(separator: " ") }
      }
    }
  }

  @Test("Pods behind their nodes are named while the log is read", arguments: Seed.samples(10))
  func hiddenPods(_ seed: Seed) {
    var random = seed
    let groups = Self.connections(&random, count: 2000)
    let plain = Self.decode(groups.flatMap { $0 }).0
    let lines = Self.views(groups)
    let (small, held) = Self.decode(lines, capacity: 2048, inventory: Self.nodes)
    #expect(small.edgeTexts == plain.edgeTexts)
    #expect(small.discardTexts.contains("duplicate-view: \(groups.count * 2)"))
    #expect(held < 1024)
  }

  @Test("Twin connections of which only a half is quiet are not crossed")
  func twins() {
    var random = Seed(9)
    var inventory = Self.nodes
    inventory.served = ["10.0.0.1:7777", "10.0.0.2:7777"]
    // Both clients run on node 1, both servers on node 2; all count the same, and two views end later.
    let first = Self.views([
      Self.connection("10.0.0.7:50000", "10.0.0.1:7777", start: 1_700_000_010, bytes: 77)
    ])
    let second = Self.views([
      Self.connection("10.0.0.8:50000", "10.0.0.2:7777", start: 1_700_000_020, bytes: 77)
    ])
    func later(_ line: String) -> String {
      line.replacing("1700000060 ", with: "1700003000 ")
        .replacing("1700000070 ", with: "1700003000 ")
    }
    // In each: the client's node, the server's node, and the same for the answer.
    let mixed =
      [first[0], later(first[1]), later(first[2]), first[3]]
      + [later(second[0]), second[1], second[2], later(second[3])]
    let lines = mixed + Self.views(Self.connections(&random, count: 1500))
    let (small, _) = Self.decode(lines, capacity: 1024, inventory: inventory)
    let crossed = small.edgeTexts.filter {
      $0.hasPrefix("shop/p7 -> shop/p2 TCP/7777") || $0.hasPrefix("shop/p8 -> shop/p1 TCP/7777")
    }
    #expect(crossed == [])
  }

  @Test("What no other view can name does not wait for one")
  func unpaired() {
    // A node's pods behind the node's own address, and a peer outside of the cluster.
    let lines = (0..<2000).flatMap { number in
      Self.connection(
        "10.9.0.1:\(32_768 + number)",
        "93.184.216.\(number % 3 + 1):443",
        start: 1_700_000_000 + number
      )
    }
    let (small, held) = Self.decode(lines, capacity: 1024, inventory: Self.nodes)
    #expect(held < 512)
    let whole = Self.decode(lines, inventory: Self.nodes).0
    #expect(whole.discardTexts == small.discardTexts)
    #expect(small.discardTexts == ["no-pod: 2000", "reply: 2000"])
  }
}
