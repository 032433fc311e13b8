import FlowAggregation
import FlowModel
import TestSupport
import Testing

@testable import FlowFormats

/// The scanner of whole blocks must make the same of every line as the ordinary reading of single lines.
struct VPCScannerTests {
  /// Everything that comes out of a log.
  struct Outcome: Equatable {
    var edges: [String]
    var counts: IngestCounts

    init(_ accumulator: EvidenceAccumulator) {
      edges = accumulator.edges.entries.map { entry in
        let key = entry.key
        return
          "\(accumulator.endpoints[Int(key.source)]) \(accumulator.endpoints[Int(key.destination)]) "
          + "\(key.port) \(key.transport) \(key.evidence) \(key.hour) x\(entry.records) \(entry.bytes) "
          + "\(entry.first) \(entry.last) line \(entry.sampleLine)"
      }.sorted()
      counts = accumulator.counts
    }
  }

  static let inventory = CloudInventory(
    pods: Dictionary(uniqueKeysWithValues: (1...9).map { ("10.0.0.\($0)", "p\($0)") }),
    nodes: ["10.9.0.1"],
    served: ["10.0.0.3:9000"]
  )

  static func options(_ fields: [String]?) -> DecoderOptions {
    var options = DecoderOptions()
    options.fields = fields
    return options
  }

  /// Reads line by line the long way.
  static func plainly(_ lines: [String], fields: [String]? = nil) -> Outcome {
    var decoder = AWSVPCDecoder(
      options: options(fields),
      capacity: ConversationTable.defaultCapacity,
      readsTrees: true
    )
    var accumulator = EvidenceAccumulator(logKind: .awsVPC, resolver: inventory)
    for (index, line) in lines.enumerated() where line.contains(where: { $0 != " " && $0 != "\t" })
    {
      decoder.feed(line, line: index + 1, into: &accumulator)
    }
    decoder.finish(into: &accumulator)
    accumulator.finish()
    return Outcome(accumulator)
  }

  /// Reads blocks of lines, as ingest does.
  static func inBlocks(_ lines: [String], of size: Int, fields: [String]? = nil) -> Outcome {
    var decoder = AWSVPCDecoder(options: options(fields))
    var accumulator = EvidenceAccumulator(logKind: .awsVPC, resolver: inventory)
    var start = 0
    while start < lines.count {
      let end = min(start + size, lines.count)
      let bytes = Array(lines[start..<end].map { $0 + "\n" }.joined().utf8)
      let count = decoder.decode(lines: bytes.span.bytes, firstLine: start + 1, into: &accumulator)
      #expect(count == end - start)
      start = end
    }
    decoder.finish(into: &accumulator)
    accumulator.finish()
    return Outcome(accumulator)
  }

  static let fullHeader =
    "account-id action az-id bytes dstaddr dstport end flow-direction instance-id interface-id "
    + "interface-type log-status packets pkt-dstaddr pkt-srcaddr protocol region srcaddr srcport start "
    + "tcp-flags type version new-field"

  /// A line of the layout above, from one of the usual layout.
  static func fullLine(_ line: String) -> String {
    let value = line.split(separator: " ").map(String.init)
    return
      "123456789012 \(value[11]) use1-az1 \(value[8]) \(value[3]) \(value[5]) \(value[10]) ingress "
      + "i-1 \(value[1]) - \(value[15]) \(value[7]) \(value[14]) \(value[13]) \(value[6]) us-east-1 "
      + "\(value[2]) \(value[4]) \(value[9]) \(value[12]) IPv4 5 x"
  }

  /// Lines that the scanner leaves to the ordinary reading, among those it takes.
  static let odd = [
    "", "  ", "5 eni-1 - - - - - - - 1700000000 1700000060 - - - - NODATA",
    "5 eni-1 - - - - - - - 1700000000 1700000060 - - - - SKIPDATA",
    "5  eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 10.0.0.1 10.0.0.2 OK",
    "5 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 - 10.0.0.2 OK",
    "5 eni-1 10.9.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000060 ACCEPT - 10.9.0.1 10.0.0.2 OK",
    "5 eni-1 fd00::1 fd00::2 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 fd00::1 fd00::2 OK",
    "5 eni-1 10.0.0.1 10.0.0.2 0 0 1 1 1 1700000000 1700000060 ACCEPT 0 10.0.0.1 10.0.0.2 OK",
    "5 eni-1 10.0.0.1 10.0.0.1 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 10.0.0.1 10.0.0.1 OK",
    "5 eni-1 10.0.0.1 224.0.0.1 1 2 17 1 1 1700000000 1700000060 ACCEPT 0 10.0.0.1 224.0.0.1 OK",
    "5 eni-1 10.0.0.1 10.0.0.256 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 10.0.0.1 10.0.0.2 OK",
    "5 eni-1 10.0.0.1 10.0.0.2 65536 2 6 1 1 1700000000 1700000060 ACCEPT 2 10.0.0.1 10.0.0.2 OK",
    "5 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000060 1700000000 ACCEPT 2 10.0.0.1 10.0.0.2 OK",
    "5 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 170000006 1700000000 ACCEPT 2 10.0.0.1 10.0.0.2 OK",
    "5 eni-1 10.0.0.1 10.0.0.2 1 2 6 99999999999 123456789012 1700000000 1700000060 ACCEPT 2 "
      + "10.0.0.1 10.0.0.2 OK",
    "5 eni-1 010.0.0.1 10.0.0.2 1 00002 6 1 1 1700000000 1700000060 ACCEPT 2 010.0.0.1 10.0.0.2 OK",
    "5 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 10.0.0.1 10.0.0.2 OK\r",
    "5\teni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 10.0.0.1 10.0.0.2 OK",
    "5 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 10.0.0.1 10.0.0.2 OK 7",
    "5 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 10.0.0.1 10.0.0.2",
    "{\"message\":\"2 123456789012 eni-1 10.0.0.1 10.0.0.3 50000 9000 6 9 840 1700000000 1700000060 "
      + "ACCEPT OK\"}", "6 TransitGateway 123456789012 tgw-0123 tgw-attach-1",
    AWSVPCDecoderTests.header,
    "5 e 1.2.3.4 1.2.3.4 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 1.2.3.4 1.2.3.4 OK",
    "5 eni-1 1.2.3. 1.2.3.4 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 1.2.3.4 1.2.3.5 OK",
    "5 eni-1 1.2:3.4 1.2.3.4 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 1.2.3.4 1.2.3.5 OK",
    "5 eni-1 1.2.3.4.5 1.2.3.4 1 2 6 1 1 1700000000 1700000060 ACCEPT 2 1.2.3.4 1.2.3.5 OK",
  ]

  @Test("It takes all usual lines but those at the end of a block")
  func takesUsualLines() throws {
    var random = Seed(3)
    // What an address sends to itself needs a closer look.
    let lines = ConversationTableTests.capture(&random, count: 400).filter { line in
      let values = line.split(separator: " ")
      return values[2] != values[3]
    }
    for (header, lines) in [
      (AWSVPCDecoderTests.header, lines), (Self.fullHeader, lines.map(Self.fullLine)),
    ] {
      let layout = try #require(AWSVPCLayout(fields: [header]))
      var scanner = try #require(VPCScanner(layout: layout))
      let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
      var table = ConversationTable()
      var accumulator = EvidenceAccumulator(logKind: .awsVPC)
      var start = 0
      var line = 1
      let found = scanner.scan(
        bytes.span.bytes,
        from: &start,
        line: &line,
        into: &table,
        &accumulator
      )
      #expect(found)
      #expect(line > lines.count - 4)
      #expect(table.count > 100)
    }
  }

  @Test("Random captures with odd lines and other layouts between", arguments: Seed.samples(60))
  func randomLines(_ seed: Seed) {
    var random = seed
    var lines = [AWSVPCDecoderTests.header]
    for line in ConversationTableTests.capture(&random, count: 150) {
      lines.append(line)
      if Int.random(in: 0..<8, using: &random) == 0 {
        lines.append(Self.odd.randomElement(using: &random) ?? "")
      }
    }
    lines.append(Self.fullHeader)
    lines += ConversationTableTests.capture(&random, count: 100).map(Self.fullLine)
    let expected = Self.plainly(lines)
    #expect(Self.inBlocks(lines, of: lines.count) == expected)
    #expect(Self.inBlocks(lines, of: Int.random(in: 1...60, using: &random)) == expected)
  }

  @Test("Lines that end in a carriage return, all of them or some", arguments: Seed.samples(20))
  func returns(_ seed: Seed) {
    var random = seed
    let share = [1, 2, 20].randomElement(using: &random) ?? 1
    var lines = [AWSVPCDecoderTests.header]
    for line in ConversationTableTests.capture(&random, count: 200) {
      lines.append(line)
      if Int.random(in: 0..<10, using: &random) == 0 {
        lines.append(Self.odd.randomElement(using: &random) ?? "")
      }
    }
    let ended = lines.map { $0 + (Int.random(in: 0..<share, using: &random) == 0 ? "\r" : "") }
    let expected = Self.plainly(lines)
    #expect(Self.inBlocks(ended, of: ended.count) == expected)
    #expect(Self.inBlocks(ended, of: Int.random(in: 1...60, using: &random)) == expected)
  }

  @Test("It takes lines that end in a carriage return")
  func takesReturns() throws {
    var random = Seed(3)
    let lines = ConversationTableTests.capture(&random, count: 100).filter { line in
      let values = line.split(separator: " ")
      return values[2] != values[3]
    }
    var scanner = try #require(
      VPCScanner(layout: AWSVPCLayout(fields: [AWSVPCDecoderTests.header]))
    )
    scanner.hasReturns = true
    let bytes = Array(lines.map { $0 + "\r\n" }.joined().utf8)
    var table = ConversationTable()
    var accumulator = EvidenceAccumulator(logKind: .awsVPC)
    var (start, line) = (0, 1)
    _ = scanner.scan(bytes.span.bytes, from: &start, line: &line, into: &table, &accumulator)
    #expect(line > lines.count - 4)
  }

  @Test("Damaged lines", arguments: Seed.samples(60))
  func damagedLines(_ seed: Seed) {
    var random = seed
    var lines = [AWSVPCDecoderTests.header]
    for line in ConversationTableTests.capture(&random, count: 150) {
      var bytes = Array(line.utf8)
      if Int.random(in: 0..<2, using: &random) == 0 {
        for _ in 0...Int.random(in: 0..<3, using: &random) { Self.damage(&bytes, &random) }
      }
      lines.append(String(decoding: bytes, as: UTF8.self))
    }
    let expected = Self.plainly(lines)
    #expect(Self.inBlocks(lines, of: lines.count) == expected)
    #expect(expected.counts.rejectedCount > 0)
  }

  private static func damage(_ bytes: inout [UInt8], _ random: inout Seed) {
    guard !bytes.isEmpty else { return }
    let position = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0:
      bytes[position] =
        [0x20, 0x09, 0x2e, 0x2d, 0x3a, 0x39, 0x7f, 0x0d].randomElement(using: &random) ?? 0
    case 1: bytes.remove(at: position)
    case 2: bytes.removeLast(bytes.count - position)
    case 3: bytes.insert(contentsOf: Array("9999999999".utf8), at: position)
    case 4: bytes.insert(UInt8.random(in: 0x20...0x7e, using: &random), at: position)
    default: bytes[position] ^= 1 << UInt8.random(in: 0..<7, using: &random)
    }
    bytes.removeAll { $0 == 0x0a }
  }

  @Test("Without a header, the default layout or that of --fields")
  func withoutHeader() {
    var lines: [String] = []
    for index in 0..<60 {
      let client = "10.0.0.\(index % 5 + 1):\(50_000 + index)"
      lines.append(AWSVPCDecoderTests.plain(client, "10.0.0.9:8080"))
      lines.append(AWSVPCDecoderTests.plain("10.0.0.9:8080", client))
      if index % 10 == 3 { lines.append("3 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1 2 ACCEPT OK") }
    }
    let expected = Self.plainly(lines)
    #expect(Self.inBlocks(lines, of: 50) == expected)
    #expect(expected.counts.rejectedCount == 6)
    #expect(expected.edges.count == 5)
    var random = Seed(5)
    let custom = ConversationTableTests.capture(&random, count: 100)
    let fields = AWSVPCDecoderTests.header.split(separator: " ").map { "${\($0)}" }
    #expect(
      Self.inBlocks(custom, of: 64, fields: fields) == Self.plainly(custom, fields: fields)
    )
  }

  @Test("Lines at every place of a chunk, and at the end of a block at every distance")
  func everyPlace() {
    var random = Seed(7)
    let lines = ConversationTableTests.capture(&random, count: 24).map(Self.fullLine)
    for shift in 0..<64 {
      let moved =
        [Self.fullHeader] + lines.map { $0 + String(repeating: "y", count: shift) }
        + [lines[0] + String(repeating: "z", count: shift)]
      let expected = Self.plainly(moved)
      #expect(Self.inBlocks(moved, of: moved.count) == expected, "\(shift)")
      #expect(Self.inBlocks(moved, of: 1 + shift % 9) == expected, "\(shift)")
    }
  }

  @Test("Values of every length in every column")
  func everyLength() {
    let usual =
      "5 eni-1 10.0.0.1 10.0.0.2 40000 80 6 9 840 1700000000 1700000060 ACCEPT 3 10.0.0.1 10.0.0.2 OK"
    let columns = usual.split(separator: " ").map(String.init)
    var lines = [AWSVPCDecoderTests.header]
    for column in columns.indices {
      for count in 1...22 {
        for value in [
          String(repeating: "0", count: count - 1) + "6", String(repeating: "9", count: count),
          "1" + String(repeating: "0", count: count - 1), String(repeating: "A", count: count),
          String("10.200.30.40.50.60.70.80".prefix(count)),
          String("eni-0a1b2c3d4e5f6000172".prefix(count)),
        ] {
          var changed = columns
          changed[column] = value
          lines.append(changed.joined(separator: " "))
          lines.append(usual)
        }
      }
    }
    let expected = Self.plainly(lines)
    #expect(Self.inBlocks(lines, of: lines.count) == expected)
    #expect(Self.inBlocks(lines, of: 100) == expected)
  }

  @Test("Layouts with few columns, many columns, and a field twice")
  func otherLayouts() {
    let headers = [
      "srcaddr dstaddr srcport dstport protocol start action",
      "action start protocol dstport srcport dstaddr srcaddr",
      "srcaddr dstaddr srcport dstport protocol start action start",
      "srcaddr dstaddr srcport dstport protocol start action srcaddr",
      "srcaddr dstaddr srcport dstport protocol start action "
        + AWSVPCField.allCases.map { "new-\($0)" }.joined(separator: " "),
    ]
    for header in headers {
      let names = header.split(separator: " ")
      var lines: [String] = []
      for index in 0..<200 {
        let values = [
          "srcaddr": "10.0.0.\(index % 3 + 1)", "dstaddr": "10.0.0.\(index % 4 + 4)",
          "srcport": "\(40_000 + index)", "dstport": "443", "protocol": "6",
          "start": "\(1_700_000_000 + index * 60)", "action": index % 9 == 0 ? "REJECT" : "ACCEPT",
        ]
        lines.append(names.map { values[String($0)] ?? "v\(index)" }.joined(separator: " "))
      }
      let expected = Self.plainly(lines, fields: [header])
      #expect(Self.inBlocks(lines, of: lines.count, fields: [header]) == expected, "\(header)")
      // Which of two columns of one name is meant, nobody can tell.
      let isRefused = Set(names).count < names.count
      #expect(expected.counts.capture.isEmpty == isRefused)
      #expect((expected.counts.rejectedCount == lines.count) == isRefused)
    }
  }

  @Test("Addresses in the packet that are not those of the record, before and behind them")
  func otherPacketAddresses() throws {
    let columns =
      "dstport protocol packets bytes start end action log-status tcp-flags instance-tag"
    for order in [
      "srcaddr dstaddr srcport \(columns) pkt-srcaddr pkt-dstaddr",
      "pkt-dstaddr pkt-srcaddr dstaddr srcaddr srcport \(columns)",
      "pkt-srcaddr srcport dstaddr \(columns) srcaddr pkt-dstaddr",
    ] {
      let names = order.split(separator: " ")
      var lines = [order]
      for index in 0..<300 {
        let (client, server) = ("10.0.0.\(index % 4 + 1)", "10.0.0.\(index % 3 + 5)")
        let isReply = index % 2 == 1
        let (source, destination) = isReply ? (server, client) : (client, server)
        // Now and then only one end differs, or none.
        let outer = (
          index % 5 == 0 ? source : "10.9.0.1", index % 7 == 0 ? destination : "8.8.8.8"
        )
        let values = [
          "srcaddr": outer.0, "dstaddr": outer.1, "pkt-srcaddr": source, "pkt-dstaddr": destination,
          "srcport": isReply ? "443" : "\(40_000 + index)",
          "dstport": isReply ? "\(39_999 + index)" : "443", "protocol": "6", "packets": "9",
          "bytes": "840", "start": "\(1_700_000_000 + index)", "end": "\(1_700_000_060 + index)",
          "action": "ACCEPT", "log-status": "OK", "tcp-flags": isReply ? "19" : "3",
          "instance-tag": index % 3 == 0 ? "Zürich-日本-\(index)" : "-",
        ]
        lines.append(names.map { values[String($0)] ?? "-" }.joined(separator: " "))
      }
      let expected = Self.plainly(lines)
      #expect(Self.inBlocks(lines, of: lines.count) == expected, "\(order)")
      #expect(expected.edges.count == 12, "\(order)")
      let bytes = Array(lines.dropFirst().map { $0 + "\n" }.joined().utf8)
      var scanner = try #require(VPCScanner(layout: AWSVPCLayout(fields: [order])))
      var table = ConversationTable()
      var accumulator = EvidenceAccumulator(logKind: .awsVPC)
      var (start, number) = (0, 1)
      #expect(
        scanner.scan(bytes.span.bytes, from: &start, line: &number, into: &table, &accumulator)
      )
      #expect(number > 295, "\(order)")
    }
  }

  @Test("Times before the records, and what only looks like one", arguments: Seed.samples(30))
  func leadingTimes(_ seed: Seed) {
    var random = seed
    let usual = [
      "2023-11-14T22:13:20.123Z", "2023-11-14T22:13:59.000Z", "2024-02-29T00:00:00.999Z",
    ]
    let odd = [
      "", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20.123456Z", "2023-11-14t22:13:20.123Z",
      "2023-11-14T22:13:60.000Z", "2023-11-14T22:13:61.000Z", "2023-13-14T22:13:20.123Z",
      "2023-02-29T22:13:20.123Z", "2023-11-14T24:13:20.123Z", "2023-11-14T22:60:20.123Z",
      "2023-11-14T22:13:20.12aZ", "2023-11-14T22:13:20,123Z", "2023-11-14T22:13:20.123z",
      "2023-11-14 22:13:20.123Z", "2023-11-14T22:13:20.1234", "2023-11-14T22:13:20.123Z ",
    ]
    let fields = [AWSVPCDecoderTests.header]
    var lines: [String] = []
    for line in ConversationTableTests.capture(&random, count: 150) {
      let time =
        Int.random(in: 0..<6, using: &random) == 0
        ? odd.randomElement(using: &random) : usual.randomElement(using: &random)
      let separator = Int.random(in: 0..<30, using: &random) == 0 ? "\t" : " "
      lines.append(time.map { $0.isEmpty ? line : $0 + separator + line } ?? line)
    }
    let expected = Self.plainly(lines, fields: fields)
    #expect(Self.inBlocks(lines, of: lines.count, fields: fields) == expected)
    #expect(Self.inBlocks(lines, of: 20, fields: fields) == expected)
    #expect(!expected.edges.isEmpty)
  }

  @Test("It takes lines with a time before them")
  func takesTimes() throws {
    let time = "2023-11-14T22:13:20.123Z"
    let line =
      "5 eni-1 10.0.0.1 10.0.0.2 40000 80 6 9 840 1700000000 1700000060 ACCEPT 3 10.0.0.1 10.0.0.2 OK"
    let layout = try #require(AWSVPCLayout(fields: [AWSVPCDecoderTests.header]))
    var scanner = try #require(VPCScanner(layout: layout))
    scanner.hasLeadingTime = true
    let bytes = Array(String(repeating: "\(time) \(line)\n", count: 50).utf8)
    var table = ConversationTable()
    var accumulator = EvidenceAccumulator(logKind: .awsVPC)
    var (start, number) = (0, 1)
    #expect(
      scanner.scan(bytes.span.bytes, from: &start, line: &number, into: &table, &accumulator)
    )
    #expect(number > 48)
  }

  @Test("The reference files")
  func referenceFiles() throws {
    for sample in AWSVPCSampleTests.samples {
      guard let records = try sharedRecords("vpc-aws/\(sample.file)") else { return }
      guard !records.contains(where: { $0.contains("\n") }) else { continue }
      // Again and again, so that most lines do not lie at the end of the block.
      let lines = (0..<8).flatMap { _ in records }
      #expect(Self.inBlocks(lines, of: lines.count) == Self.plainly(lines), "\(sample.file)")
    }
  }
}
