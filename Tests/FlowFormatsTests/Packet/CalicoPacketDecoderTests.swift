import FlowAggregation
import FlowModel
import TestSupport
import Testing

@testable import FlowFormats

@Suite("Packet lines: which count, and as what")
struct CalicoPacketDecoderTests {
  private static let edge =
    "pod shop Deployment:web {app=web} -> pod data {app=db} TCP/5432 egress attempt x1"

  private func run(
    _ lines: String...,
    options: DecoderOptions = PacketLines.options,
    resolver: CalicoHarness.Resolver? = PacketLines.inventory
  ) -> EvidenceAccumulator {
    CalicoHarness.run(CalicoPacketDecoder.self, lines, options: options, resolver: resolver)
  }

  // MARK: Fronts

  static let fronts: [(String, String)] = [
    ("Sep  5 14:34:40 host kernel: [158271.044316] ", "2024-09-05T14:34:40Z"),
    ("Sep  5 14:34:40 host kernel: ", "2024-09-05T14:34:40Z"),
    ("Sep 25 14:34:40.250000 host kernel: ", "2024-09-25T14:34:40.25Z"),
    ("Sep  5 2023 14:34:40 host kernel: ", "2023-09-05T14:34:40Z"),
    ("<4>Sep  5 14:34:40 host kernel: [158271.044316] ", "2024-09-05T14:34:40Z"),
    ("<4>1 2024-11-19T12:15:03.5Z host kernel - - - ", "2024-11-19T12:15:03.5Z"),
    ("2024-11-19T12:15:03.023805-08:00 c1-control kernel: ", "2024-11-19T20:15:03.023805Z"),
    ("2024-11-19T12:15:03-0800 c1-control kernel: ", "2024-11-19T20:15:03Z"),
    ("2024-11-19T12:15:03,5+00:00 ", "2024-11-19T12:15:03.5Z"),
    ("2024-11-19 12:15:03 host kernel: ", "2024-11-19T12:15:03Z"),
    ("Tue 2024-11-19 12:15:03 UTC host kernel: ", "2024-11-19T12:15:03Z"),
    ("1732018503.500000 host kernel: ", "2024-11-19T12:15:03.5Z"),
    ("[  123.456] ", "2023-11-14T22:15:23.456Z"), ("<5>[123.456] ", "2023-11-14T22:15:23.456Z"),
    ("[  123.456000] [ T1234] ", "2023-11-14T22:15:23.456Z"),
    ("[  123.456] host kernel: ", "2023-11-14T22:15:23.456Z"),
    ("[Tue Nov 19 12:15:03 2024] ", "2024-11-19T12:15:03Z"),
    ("2024-11-19T12:15:03.1Z stdout F <4>[123.456] ", "2024-11-19T12:15:03.1Z"),
    (
      "2024-11-19T12:15:04Z {job=\"syslog\", host=\"a\"} Nov 19 12:15:03 host kernel: ",
      "2024-11-19T12:15:04Z"
    ),
    ("2024-11-19T12:15:03Z stdout F Nov 19 04:15:03 host kernel: ", "2024-11-19T12:15:03Z"),
  ]

  @Test("Any front is read, with its time", arguments: fronts)
  func front(_ front: String, _ time: String) throws {
    let result = run(front + "calico-packet: " + PacketLines.packet())
    #expect(result.problems == [])
    #expect(result.shown == [CalicoPacketDecoderTests.edge], "\(result.counts.notes)")
    #expect(result.edges.entries.map(\.first) == [try #require(Timestamps.parse(time))])
  }

  @Test(
    "Wrapped in JSON by journald, Docker, Loki and others",
    arguments: [
      #"{"MESSAGE":"LINE","__REALTIME_TIMESTAMP":"1732018503023805","_HOSTNAME":"c1"}"#,
      #"{"log":"LINE\n","stream":"stdout","time":"2024-11-19T12:15:03.023805Z"}"#,
      #"{"line":"LINE","timestamp":"2024-11-19T12:15:03.023805Z","labels":{}}"#,
      #"{"line":"LINE","ts":"1732018503023805000"}"#,
      #"{"log":"{\"MESSAGE\":\"LINE\",\"__REALTIME_TIMESTAMP\":\"1732018503023805\"}\n"}"#,
      #"{"jsonPayload":{"MESSAGE":"LINE"},"timestamp":"2024-11-19T12:15:03.023805Z"}"#,
      #"2024-11-20T00:00:00Z stdout F {"MESSAGE":"LINE","__REALTIME_TIMESTAMP":"1732018503023805"}"#,
    ]
  )
  func wrapped(_ wrapper: String) {
    for front in ["", "Nov 19 04:15:03 host kernel: ", "<4>[12.5] "] {
      let inner = front + "calico-packet: " + PacketLines.packet()
      let record = wrapper.replacing("LINE", with: inner)
      let result = run(record, options: DecoderOptions())
      #expect(result.shown == [CalicoPacketDecoderTests.edge])
      #expect(result.edges.entries.map(\.first) == [1_732_018_503_023_805])
      #expect(CalicoHarness.recognizes(CalicoPacketDecoder.self, record))
    }
  }

  @Test("journald writes long messages as bytes")
  func messageBytes() {
    let line = "calico-packet: " + PacketLines.packet()
    let bytes = line.utf8.map(String.init).joined(separator: ",")
    let result = run(#"{"MESSAGE":[\#(bytes)],"__REALTIME_TIMESTAMP":"1732018503023805"}"#)
    #expect(result.shown == [CalicoPacketDecoderTests.edge])
  }

  @Test("A time of day without zone is the user's, and the turn of the year is seen")
  func yearAndZone() {
    var options = PacketLines.options
    options.assumedYear = 2023
    options.assumedOffsetMinutes = 60
    let packet = "host kernel: calico-packet: " + PacketLines.packet()
    let result = run(
      "Dec 31 23:59:59 \(packet)",
      "Jan  1 00:00:01 \(packet)",
      "Dec 31 23:59:58 \(packet)",
      "Jan  2 00:00:01 \(packet)",
      "Feb 29 00:00:01 \(packet)",
      options: options
    )
    let times = result.edges.entries.flatMap { [$0.first, $0.last] }
    #expect(times.min() == Timestamps.parse("2023-12-31T22:59:58Z"))
    #expect(times.max() == Timestamps.parse("2024-02-28T23:00:01Z"))
    #expect(result.problems == [])
    let noSuchDay = run("Feb 29 00:00:01 \(packet)", options: options)
    #expect(noSuchDay.problems == ["no such date in that year"])
  }

  @Test(
    "A line that cannot be dated is rejected, and what helps is named",
    arguments: [
      ("Sep  5 14:34:40 host kernel: ", "--year"), ("[  123.456] ", "--boot-time"),
      ("<5>[123.456] ", "--boot-time"), ("", "no time"), ("kernel: ", "no time"),
    ]
  )
  func undated(_ front: String, _ word: String) {
    let line = front + "calico-packet: " + PacketLines.packet()
    let result = run(line, options: DecoderOptions())
    #expect(result.problems.count == 1)
    #expect(result.problems.first?.contains(word) == true)
    var options = DecoderOptions()
    options.assumedTime = 1_700_000_000_000_000
    let assumed = run(line, options: options)
    #expect(assumed.counts.used == (word == "--year" ? 0 : 1))
  }

  // MARK: Prefixes (trap 7)

  @Test(
    "Only prefixes that are Calico's or that the user named are read",
    arguments: [
      ("calico-packet: ", EvidenceClass?.some(.attempt)), ("calico-drop: ", .some(.denied)),
      ("calico-packet:", .some(.attempt)), ("[UFW BLOCK] ", nil), ("IPTables-Dropped: ", nil),
      ("NFT input ", nil), ("", nil), ("calico-packet-2: ", nil), ("my calico-packet: ", nil),
      ("audit: ", .some(.wouldDeny)), ("audit two: ", .some(.allowed)),
      ("shop default/np web-guard: ", .some(.wouldDeny)), ("shop default/np : ", nil),
    ]
  )
  func prefixes(_ prefix: String, _ expected: EvidenceClass?) {
    var options = PacketLines.options
    options.logPrefixes = [
      "audit": .wouldDeny, "audit two: ": .allowed, "shop %t/%k %n": .wouldDeny,
    ]
    let result = run(PacketLines.line(PacketLines.packet(), prefix: prefix), options: options)
    #expect(result.classes == [expected].compactMap(\.self))
    if expected == nil {
      #expect(result.discarded == [.unknownPrefix: 1])
      #expect(result.counts.notes.contains { $0.contains("--log-prefix") })
    }
  }

  @Test("The user's word on Calico's own prefix wins")
  func ownPrefix() {
    var options = PacketLines.options
    options.logPrefixes = ["calico-packet": .wouldDeny]
    #expect(run(PacketLines.line(PacketLines.packet()), options: options).classes == [.wouldDeny])
  }

  @Test("An unknown prefix that could be Calico's is named, any other is not")
  func namedPrefix() {
    let result = run(
      PacketLines.line(PacketLines.packet(), prefix: "shop-audit: "),
      PacketLines.line(PacketLines.packet(), prefix: "[\u{1b}[31m] ")
    )
    #expect(result.counts.notes.contains { $0.contains("\"shop-audit\"") })
    #expect(result.counts.notes.count == 2)
  }

  @Test(
    "A prefix that iptables cut at 29 characters is still the one named",
    arguments: [
      ("calico-packet-of-shop-default-deny", true), ("calico-packet-of-shop-default", true),
      ("calico-packet-of-shop-defaul", true), ("calico-packet-of-%n-default-deny", true),
      ("calico-packet-of-else-default", false), ("calico-packet-of-shop", false),
    ]
  )
  func cutPrefix(_ name: String, _ isRead: Bool) {
    var options = PacketLines.options
    options.logPrefixes = [name: .wouldDeny]
    let written = name.replacing("%n", with: "shop") + ": "
    let whole = isRead ? String(written.prefix(29)) : "calico-packet-of-shop-default"
    let result = run(PacketLines.line(PacketLines.packet(), prefix: whole), options: options)
    #expect(result.classes == (isRead ? [.wouldDeny] : []))
  }

  @Test(
    "A prefix that nftables cut at 127 characters is still the one named",
    arguments: [
      (140, 127, true), (140, 126, true), (140, 125, true), (140, 100, false), (60, 60, true),
    ]
  )
  func longPrefix(_ length: Int, _ written: Int, _ isRead: Bool) {
    var options = PacketLines.options
    let name = "calico-packet-of-" + String(repeating: "x", count: length - 17)
    options.logPrefixes = [name: .wouldDeny]
    let whole = written == length ? name + ": " : String(name.prefix(written))
    let result = run(PacketLines.line(PacketLines.packet(), prefix: whole), options: options)
    #expect(result.classes == (isRead ? [.wouldDeny] : []))
    #expect((result.discarded[.unknownPrefix] == 1) == !isRead)
  }

  // MARK: What counts

  @Test(
    "Interfaces tell whose policy it is",
    arguments: [
      ("cali1", "eth0", "egress"), ("cali1", "tunl0", "egress"),
      ("cali1", "vxlan.calico", "egress"),
      ("cali1", "wireguard.cali", "egress"), ("eth0", "cali2", "ingress"),
      ("vxlan.calico", "cali2", "ingress"), ("cali1", "cali2", "both"), ("tap1", "ens5", "egress"),
      ("", "cali2", "ingress"), ("cali1", "", "egress"), ("eth0", "", "no-pod"),
      ("", "eth0", "no-pod"), ("eth0", "tunl0", "no-pod"), ("wireguard.cali", "eth0", "no-pod"),
    ]
  )
  func sides(_ input: String, _ output: String, _ expected: String) {
    let result = run(PacketLines.line(PacketLines.packet(input: input, output: output)))
    let sides = result.edges.entries.map { PolicySide.allCases[Int($0.key.side)].rawValue }
    #expect(sides + result.discarded.keys.map(\.rawValue) == [expected])
  }

  @Test(
    "Flags, replies, fragments and what is never a peer",
    arguments: [
      (PacketLines.packet(tail: "WINDOW=1 RES=0x00 ACK SYN URGP=0"), "reply"),
      (PacketLines.packet(tail: "WINDOW=1 RES=0x00 ACK PSH URGP=0"), "mid-connection"),
      (PacketLines.packet(tail: "WINDOW=1 RES=0x00 RST URGP=0"), "mid-connection"),
      (PacketLines.packet(tail: "SEQ=77 ACK=0 WINDOW=1 RES=0x00 SYN URGP=0"), "attempt"),
      (PacketLines.packet(tail: "WINDOW=1 RES=0x00 SYN URGP=0 MARK=0x1 UID=0 GID=0"), "attempt"),
      (PacketLines.packet(proto: "UDP", tail: "LEN=76"), "attempt"),
      (PacketLines.packet(proto: "SCTP", tail: ""), "attempt"),
      (PacketLines.packet(proto: "UDP", ports: "SPT=53 DPT=40000 ", tail: "LEN=76"), "reply"),
      (
        PacketLines.packet(proto: "UDP", ports: "SPT=53 DPT=53 ", tail: "LEN=76"),
        "undecided-direction"
      ),
      (
        PacketLines.packet(proto: "UDP", ports: "SPT=8125 DPT=40000 ", tail: "LEN=76"),
        "attempt reply?8125"
      ),
      (
        PacketLines.packet(proto: "SCTP", ports: "SPT=3868 DPT=40000 ", tail: ""),
        "attempt reply?3868"
      ),
      (PacketLines.packet(proto: "UDP", ports: "SPT=500 DPT=500 ", tail: "LEN=76"), "attempt"),
      (
        PacketLines.packet(proto: "UDP", ports: "SPT=68 DPT=67 ", tail: "LEN=300"),
        "local-or-multicast"
      ),
      (PacketLines.packet(proto: "UDP", ports: "", tail: "FRAG:185"), "no-ports"),
      (PacketLines.packet(ports: "", tail: "INCOMPLETE [8 bytes]"), "no-ports"),
      (PacketLines.packet(ports: "SPT=1 DPT=99999 "), "no-ports"),
      (
        PacketLines.packet(proto: "ICMP", ports: "", tail: "TYPE=8 CODE=0 ID=1 SEQ=1"),
        "other-protocol"
      ),
      (
        PacketLines.packet(
          proto: "ICMP",
          ports: "",
          tail: "TYPE=3 CODE=3 [SRC=10.0.0.2 DST=10.0.0.1 LEN=60 PROTO=TCP SPT=1 DPT=80 SYN]"
        ), "other-protocol"
      ), (PacketLines.packet(proto: "ICMPv6", ports: "", tail: "TYPE=128"), "other-protocol"),
      (PacketLines.packet(proto: "UDPLITE"), "other-protocol"),
      (PacketLines.packet(proto: "ESP", ports: "", tail: ""), "other-protocol"),
      (PacketLines.packet(proto: "2", ports: "", tail: ""), "other-protocol"),
      (
        PacketLines.packet(destination: "224.0.0.251", proto: "UDP", tail: "LEN=1"),
        "local-or-multicast"
      ),
      (
        PacketLines.packet(destination: "ff02::fb", proto: "UDP", tail: "LEN=1"),
        "local-or-multicast"
      ),
      (PacketLines.packet(destination: "10.0.0.9"), "ambiguous-address"),
      (PacketLines.packet(source: "10.0.0.9"), "ambiguous-address"),
      (PacketLines.packet(destination: "169.254.169.254"), "attempt"),
      (
        PacketLines.packet(proto: "UDP", tail: "LEN=76").replacing(
          "MAC=ee:ee:ee:ee:ee:ee",
          with: "MAC=ff:ff:ff:ff:ff:ff"
        ), "local-or-multicast"
      ),
    ]
  )
  func packets(_ packet: String, _ expected: String) {
    let result = run(PacketLines.line(packet))
    let edges = result.edges.entries.map { entry in
      EvidenceClass.allCases[Int(entry.key.evidence)].rawValue
        + (entry.key.replyPort == 0 ? "" : " reply?\(entry.key.replyPort)")
    }
    #expect(edges + result.discarded.keys.map(\.rawValue) == [expected])
    #expect(result.problems == [])
  }

  @Test("A bracketed packet inside an error does not lend its fields")
  func brackets() {
    let packet = PacketLines.packet(ports: "", tail: "[SRC=10.0.0.2 SPT=40000 DPT=80 SYN ]")
    #expect(run(PacketLines.line(packet)).discarded == [.noPorts: 1])
  }

  @Test("Of a repeated key the first value counts")
  func repeatedKeys() {
    let packet = PacketLines.packet(proto: "UDP", tail: "LEN=76 ID=9 DPT=1 SRC=10.0.0.2")
    let result = run(PacketLines.line(packet))
    #expect(result.edges.entries.map(\.key.port) == [5432])
    #expect(result.edges.entries.map(\.bytes) == [60])
  }

  @Test("IPv6 written in full is the same address")
  func fullIPv6() {
    let packet = PacketLines.packet(
      source: "2001:0db8:0000:0000:0000:0000:0000:0001",
      destination: "2001:0db8:0000:0000:0000:0000:0000:0002"
    )
    .replacing("TOS=0x00 PREC=0x00 TTL=63 ID=1 DF", with: "TC=0 HOPLIMIT=63 FLOWLBL=1")
    #expect(run(PacketLines.line(packet)).shown == [CalicoPacketDecoderTests.edge])
  }

  // Trap 8.
  @Test("A Service address becomes its pods at their port, and without backends nothing")
  func serviceAddress() {
    let packet = PacketLines.packet(destination: "10.96.0.5", ports: "SPT=40000 DPT=80 ")
    #expect(run(PacketLines.line(packet)).shown == [CalicoPacketDecoderTests.edge])
    let empty = CalicoHarness.Resolver(known: [
      "10.0.0.1": .endpoint(PacketLines.web), "10.96.0.5": .service(name: "x", backends: []),
    ])
    #expect(run(PacketLines.line(packet), resolver: empty).discarded == [.unknownEndpoint: 1])
  }

  @Test("A Service address that no inventory explains is never an address of the outside")
  func unknownServiceAddress() {
    let packet = PacketLines.line(
      PacketLines.packet(destination: "10.96.0.99", ports: "SPT=40000 DPT=80 ")
    )
    let trace = PacketLines.trace(
      "cali1-E: policy ALLOWED proto 6 src 10.0.0.1:40000 dest 10.96.0.99:80",
      front: "curl-5 [000] ..s2."
    )
    for line in [packet, trace] {
      let known = run(line, resolver: .init(known: ["10.0.0.1": .endpoint(PacketLines.web)]))
      let kinds = known.edges.entries.map { known.endpoints[Int($0.key.destination)].kind }
      #expect(kinds == [.unresolved])
    }
  }

  @Test("A node's address that hides the client is a node, not an address rule")
  func maskedClient() {
    let packet = PacketLines.packet(input: "eth0", output: "cali2", source: "10.9.0.1")
    #expect(
      run(PacketLines.line(packet)).shown == [
        "node 'node-1' -> pod data {app=db} TCP/5432 ingress attempt x1"
      ]
    )
  }

  @Test(
    "Suppressed lines are lost events",
    arguments: [
      ("net_ratelimit: 45 callbacks suppressed", Int64(45)),
      ("printk: 7 messages suppressed.", 7),
      ("Suppressed 12 messages from kernel", 12),
    ]
  )
  func suppressed(_ text: String, _ count: Int64) {
    let result = run("2024-11-19T12:15:03Z host kernel: \(text)", "host: \(text)")
    #expect(result.counts.lostEvents == count * 2)
    #expect(result.counts.capture.values.map(\.lost) == [count])
    #expect(result.discarded == [.coverageMarker: 2])
    #expect(result.counts.notes.contains { $0.contains("lower bounds") })
  }

  @Test("Other lines of the same log are counted as such, damaged packets are rejected")
  func otherLines() {
    let result = run(
      "2024-11-19T12:15:03Z host kernel: eth0: link is up",
      #"{"PRIORITY":"6"}"#,
      "2024-11-19T12:15:03Z host kernel: calico-packet: IN=cali1 OUT=eth0 MAC= SR",
      PacketLines.line(PacketLines.packet(source: "10.0.0")),
      "{\"MESSAGE\":\"calico-packet: IN="
    )
    #expect(result.discarded == [.unrelatedLine: 2])
    #expect(result.counts.rejections.map(\.line) == [3, 4, 5])
  }

  // MARK: eBPF

  @Test(
    "eBPF lines",
    arguments: [
      ("cali1-E: policy ALLOWED proto 6 src 10.0.0.1:40000 dest 10.0.0.2:5432", "egress allowed"),
      ("cali1-I: policy ALLOWED proto 6 src 10.0.0.1:40000 dest 10.0.0.2:5432", "ingress allowed"),
      ("cali1-E: policy DENIED  proto 6 src 10.0.0.1:40000 dest 10.0.0.2:5432", "egress denied"),
      ("cali1-E: policy ALLOWED proto 6 src 10.0.0.1:40000 dest 10.96.0.5:80", "egress allowed"),
      (
        "cali1-E: policy ALLOWED proto 6 src [2001:db8::1]:40000 dest [2001:db8::2]:5432",
        "egress allowed"
      ),
      ("cali1-E: policy ALLOWED proto 132 src 10.0.0.1:1 dest 10.0.0.2:5432\r", "egress allowed"),
      ("cali1-E: policy ALLOWED proto 17 src 10.0.0.1:53 dest 10.0.0.2:40000", "reply"),
      (
        "cali1-E: policy ALLOWED proto 17 src 10.0.0.1:8125 dest 10.0.0.2:40000",
        "egress allowed reply?8125"
      ),
      (
        "cali1-E: policy ALLOWED proto 58 src [2001:db8::1]:0 dest [2001:db8::2]:128",
        "other-protocol"
      ),
      ("cali1-E: policy ALLOWED proto 6 src 10.0.0.1:40000 dest 10.0.0.2:0", "no-ports"),
      ("eth0-I: policy ALLOWED proto 6 src 10.0.0.1:40000 dest 10.0.0.2:22", "no-pod"),
      ("eth0-X: policy DENIED  proto 6 src 10.0.0.1:40000 dest 10.0.0.2:22", "no-pod"),
      ("cali1-E: policy ALLOWED", "unknown-endpoint"),
      ("cali1-E: policy DENIED", "unknown-endpoint"),
      ("cali1-E: policy ALLOWED proto 6 src 10.0.0.1:x dest 10.0.0.2:1", "rejected"),
      ("cali1-Q: policy ALLOWED proto 6 src 10.0.0.1:1 dest 10.0.0.2:1", "rejected"),
      ("cali1: policy ALLOWED proto 6 src 10.0.0.1:1 dest 10.0.0.2:1", "rejected"),
    ]
  )
  func trace(_ rest: String, _ expected: String) {
    for front in ["<...>-4950  [001] ..s2.", "a: policy x-y-12 [000] d.s2.", "(curl)-5 [0] .."] {
      let result = run(PacketLines.trace(rest, front: front))
      let edges = result.edges.entries.map { entry in
        PolicySide.allCases[Int(entry.key.side)].rawValue + " "
          + EvidenceClass.allCases[Int(entry.key.evidence)].rawValue
          + (entry.key.replyPort == 0 ? "" : " reply?\(entry.key.replyPort)")
      }
      let rejected = result.problems.map { _ in "rejected" }
      #expect(edges + result.discarded.keys.map(\.rawValue) + rejected == [expected])
      if expected == "unknown-endpoint" {
        #expect(result.counts.notes.contains { $0.contains("old kernels") })
      }
    }
  }

  // MARK: Properties

  @Test(
    "No change of bytes traps the decoder, and every line is counted once",
    arguments: Seed.samples(150)
  )
  func mutations(_ seed: Seed) {
    var random = seed
    var lines = CalicoPacketDecoderTests.fronts.map {
      Array(($0.0 + "calico-packet: " + PacketLines.packet()).utf8)
    }
    lines.append(
      Array(
        PacketLines.trace("cali1-E: policy DENIED  proto 6 src 10.0.0.1:4 dest 10.0.0.2:5").utf8
      )
    )
    lines.append(Array(#"{"MESSAGE":"calico-packet: \#(PacketLines.packet())"}"#.utf8))
    lines.append(Array("Sep  5 14:34:40 host kernel: net_ratelimit: 45 callbacks suppressed".utf8))
    for index in lines.indices {
      for _ in 0..<Int.random(in: 1...6, using: &random) where !lines[index].isEmpty {
        let place = Int.random(in: 0..<lines[index].count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: lines[index][place] = UInt8.random(in: 0...255, using: &random)
        case 1: lines[index].remove(at: place)
        case 2: lines[index].insert(UInt8.random(in: 0...255, using: &random), at: place)
        default: lines[index].removeLast(lines[index].count - place)
        }
      }
    }
    lines.removeAll(where: \.isEmpty)
    var options = PacketLines.options
    options.logPrefixes = ["calico-packet-of-shop-default-deny %n": .wouldDeny]
    let result = CalicoHarness.run(
      CalicoPacketDecoder.self,
      bytes: lines,
      options: options,
      resolver: PacketLines.inventory
    )
    #expect(result.counts.records == lines.count)
  }

  @Test("What a packet is made of comes back from the decoder", arguments: Seed.samples(100))
  func roundTrip(_ seed: Seed) {
    var random = seed
    let isTCP = Bool.random(using: &random)
    let port = UInt16.random(in: 1...65_535, using: &random)
    let clientPort = UInt16.random(in: 54...65_535, using: &random)
    let isInwards = Bool.random(using: &random)
    let packet = PacketLines.packet(
      input: isInwards ? "eth0" : "cali1",
      output: isInwards ? "cali2" : "eth0",
      proto: isTCP ? "TCP" : "UDP",
      ports: "SPT=\(clientPort) DPT=\(port) ",
      tail: isTCP ? "WINDOW=1 RES=0x00 SYN URGP=0" : "LEN=40"
    )
    let result = run(PacketLines.line(packet))
    guard isTCP || ![67, 68, 546, 547].contains(port) else {
      #expect(result.discarded == [.localOrMulticast: 1])
      return
    }
    let mayBeReply = !isTCP && clientPort < 32_768 && port >= 32_768
    #expect(
      result.shown == [
        "pod shop Deployment:web {app=web} -> pod data {app=db} \(isTCP ? "TCP" : "UDP")/\(port) "
          + "\(isInwards ? "ingress" : "egress") attempt x1"
          + (mayBeReply ? " reply?\(clientPort)" : "")
      ]
    )
  }
}
