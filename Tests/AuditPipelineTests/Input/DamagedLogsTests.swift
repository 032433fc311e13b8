import FlowAggregation
import FlowFormats
import FlowModel
import FlowStorage
import TestSupport
import Testing

@testable import AuditPipeline

/// What happens to files on their way, for a log of each format: the good lines count, the others are named.
@Suite("Logs of every format that came to harm")
struct DamagedLogsTests {
  private let folder: TemporaryFolder
  private let store = InMemoryStore()

  init() throws { folder = try TemporaryFolder() }

  /// A log of two lines that are evidence.
  struct Log: Sendable, CustomTestStringConvertible {
    var format: LogFormat
    var name = ""
    var lines: [String]
    /// Whether other lines in such a file are ordinary, so that nothing is refused.
    var hasOtherLines = false
    var testDescription: String { "\(format.rawValue) \(name)" }
  }

  /// Two pods, one of which serves port 80.
  struct Pods: AddressResolving {
    func resolve(
      _ address: IPAddress,
      transport: TransportProtocol,
      port: UInt16,
      from start: Int64,
      to end: Int64
    ) -> AddressResolution {
      .endpoint(
        Endpoint(
          kind: .pod,
          namespace: "shop",
          workload: WorkloadReference(kind: "Deployment", name: "p\(address.low & 255)")
        )
      )
    }

    func pod(namespace: String, name: String, at time: Int64) -> Endpoint? { nil }

    func serves(_ address: IPAddress, transport: TransportProtocol, port: UInt16, at time: Int64)
      -> Bool
    { port == 80 }
  }

  static let logs = [
    Log(format: .hubble, lines: HubbleLines.flows(0..<2)),
    Log(
      format: .calico,
      name: "file",
      lines: (1...2).map {
        #"{"start_time":169990000\#($0),"end_time":1699900009,"source_name_aggr":"web-*","#
          + #""source_namespace":"shop","source_type":"wep","source_labels":{"labels":["app=web"]},"#
          + #""dest_name_aggr":"api-*","dest_namespace":"shop","dest_type":"wep","dest_port":80,"#
          + #""dest_labels":{"labels":["app=api"]},"proto":"tcp","action":"allow","reporter":"src"}"#
      }
    ),
    Log(
      format: .calico,
      name: "whisker",
      lines: (1...2).map {
        #"{"start_time":"2024-05-01T10:00:0\#($0)Z","end_time":"2024-05-01T10:00:15Z","#
          + #""action":"Allow","source_name":"web-*","source_namespace":"shop","#
          + #""source_labels":"app=web","dest_name":"api-*","dest_namespace":"shop","#
          + #""dest_labels":"app=api","protocol":"tcp","dest_port":80,"reporter":"Src","#
          + #""policies":{"enforced":[],"pending":[]}}"#
      }
    ),
    Log(
      format: .calicoPacket,
      name: "kernel",
      lines: (1...2).map {
        "2024-11-19T12:15:0\($0).023805-08:00 c1 kernel: calico-packet: IN=cali1 OUT=eth0 MAC= "
          + "SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP "
          + "SPT=4558\($0) DPT=80 WINDOW=64860 RES=0x00 SYN URGP=0"
      },
      hasOtherLines: true
    ),
    Log(
      format: .calicoPacket,
      name: "journal",
      lines: (1...2).map {
        #"{"MESSAGE":"calico-packet: IN=cali1 OUT=eth0 MAC= SRC=10.0.0.1 DST=10.0.0.2 LEN=60 "#
          + #"PROTO=TCP SPT=4558\#($0) DPT=80 WINDOW=1 RES=0x00 SYN URGP=0","#
          + #""__REALTIME_TIMESTAMP":"1732018503023805","_HOSTNAME":"c1"}"#
      },
      hasOtherLines: true
    ),
    Log(
      format: .awsVPC,
      name: "default",
      lines: [
        "2 123456789012 eni-1 10.0.0.1 10.0.0.2 50000 80 6 9 840 1700000000 1700000060 ACCEPT OK",
        "2 123456789012 eni-1 10.0.0.2 10.0.0.1 80 50000 6 9 840 1700000000 1700000060 ACCEPT OK",
      ]
    ),
    Log(
      format: .awsVPC,
      name: "header",
      lines: [
        "srcaddr dstaddr srcport dstport protocol packets bytes start end action tcp-flags log-status",
        "10.0.0.1 10.0.0.2 50000 80 6 9 840 1700000000 1700000060 ACCEPT 2 OK",
        "10.0.0.2 10.0.0.1 80 50000 6 9 840 1700000000 1700000060 ACCEPT 18 OK",
      ]
    ),
    Log(
      format: .awsPolicyAgent,
      lines: (1...2).map {
        #"{"level":"info","ts":"2025-11-21T03:24:4\#($0).553Z","msg":"Flow Info: Src IP: 10.0.0.1 "#
          + #"Src Port: 5666\#($0) Dest IP: 10.0.0.2 Dest Port: 80 Proto TCP Verdict ACCEPT "#
          + #"Direction ingress"}"#
      },
      hasOtherLines: true
    ),
    Log(
      format: .gcpVPC,
      lines: [("10.0.0.1", 50_000, "10.0.0.2", 80), ("10.0.0.2", 80, "10.0.0.1", 50_000)].map {
        #"{"logName":"projects/p/logs/compute.googleapis.com%2Fvpc_flows","jsonPayload":"#
          + #"{"connection":{"src_ip":"\#($0.0)","src_port":\#($0.1),"dest_ip":"\#($0.2)","#
          + #""dest_port":\#($0.3),"protocol":6},"reporter":"SRC","bytes_sent":"9","#
          + #""packets_sent":"7","start_time":"2024-05-01T10:00:00.1Z"}}"#
      }
    ),
    Log(
      format: .gkePolicy,
      lines: (1...2).map {
        #"{"connection":{"src_ip":"10.0.0.1","dest_ip":"10.0.0.2","src_port":5\#($0),"#
          + #""dest_port":80,"protocol":"tcp","direction":"egress"},"disposition":"deny","#
          + #""count":1,"timestamp":"2024-05-01T10:00:0\#($0)Z"}"#
      }
    ),
    Log(
      format: .azure,
      lines: (1...2).map {
        #"{"time":"2024-05-01T10:00:0\#($0)Z","flowLogVersion":4,"macAddress":"0022","#
          + #""category":"FlowLogFlowEvent","flowRecords":{"flows":[{"aclID":"a","flowGroups":["#
          + #"{"rule":"r","flowTuples":["166314600359\#($0),10.0.0.1,10.0.0.2,5000\#($0),80,6,O,E,"#
          + #"NX,3,767,2,1580"]}]}]}}"#
      }
    ),
  ]

  private func ingest(_ bytes: [UInt8], _ log: Log) async throws -> IngestCounts {
    let path = try folder.write(bytes, to: "log")
    let step = Ingest(store: store, resolver: Pods(), options: IngestOptions(), now: 1)
    let result = try await step.run(path: path)
    #expect(result.record.format == log.format.rawValue)
    return result.record.counts
  }

  private static func text(_ lines: [String], _ end: String = "\n") -> [UInt8] {
    Array(lines.map { $0 + end }.joined().utf8)
  }

  @Test("A byte order mark, carriage returns and blank lines change nothing", arguments: logs)
  func marks(_ log: Log) async throws {
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    let plain = try await ingest(Self.text(log.lines), log)
    #expect(plain.used > 0 && plain.rejectedCount == 0)
    for bytes in [
      mark + Self.text(log.lines), mark + Self.text(log.lines, "\r\n"),
      Self.text(log.lines, "\r\n"), Self.text(["", "  "] + log.lines, "\r\n"),
      mark + Self.text(log.lines) + mark + Self.text(log.lines),
    ] {
      let other = DamagedLogsTests(folder: folder)
      let counts = try await other.ingest(bytes, log)
      #expect(counts.rejectedCount == 0)
      #expect(counts.discarded[.unknownPrefix] == nil)
      #expect(try await Self.keys(other.store) == Self.keys(store))
    }
  }

  private init(folder: TemporaryFolder) { self.folder = folder }

  /// The edges without their counts.
  private static func keys(_ store: InMemoryStore) async throws -> Set<[String]> {
    try await StoreContent(store).keys
  }

  @Test("Lines of zero bytes and of other bytes are left out by their number", arguments: logs)
  func lines(_ log: Log) async throws {
    _ = try await ingest(Self.text(log.lines), log)
    let bad: [[UInt8]] = [[UInt8](repeating: 0, count: 100), Array(128...255)]
    let other = DamagedLogsTests(folder: folder)
    let counts = try await other.ingest(
      Self.text([log.lines[0]]) + bad.flatMap { $0 + [0x0a] } + Self.text(Array(log.lines[1...])),
      log
    )
    #expect(try await Self.keys(other.store) == Self.keys(store))
    if log.hasOtherLines {
      #expect(counts.discarded[.unrelatedLine] == 2)
    } else {
      #expect(counts.rejections.map(\.line) == [2, 3])
    }
  }

  @Test("A line with a zero byte in it is not read as if it had none", arguments: logs)
  func zeroBytes(_ log: Log) async throws {
    var line = Array(log.lines[log.lines.count - 1].utf8)
    line[line.count / 2] = 0
    let counts = try await ingest(Self.text(log.lines) + line + [0x0a], log)
    let plain = DamagedLogsTests(folder: folder)
    #expect(try await plain.ingest(Self.text(log.lines), log).used == counts.used)
  }

  @Test(
    "Another log's lines in the same file are refused or left out, never misread",
    arguments: logs
  )
  func mixed(_ log: Log) async throws {
    _ = try await ingest(Self.text(log.lines), log)
    for other in Self.logs where other.format != log.format {
      let mixed = DamagedLogsTests(folder: folder)
      let path = try folder.write(Self.text(log.lines + other.lines), to: "mixed")
      var options = IngestOptions()
      options.format = log.format
      let step = Ingest(store: mixed.store, resolver: Pods(), options: options, now: 1)
      _ = try await step.run(path: path)
      #expect(try await Self.keys(mixed.store) == Self.keys(store), "\(other.format.rawValue)")
    }
  }

  @Test("A file of two logs may be read once as each, and then no more")
  func both() async throws {
    let (one, two) = (Self.logs[0], Self.logs[1])
    let path = try folder.write(Self.text(one.lines + two.lines), to: "both")
    for round in 0..<2 {
      for log in [one, two] {
        var options = IngestOptions()
        options.format = log.format
        let step = Ingest(store: store, resolver: Pods(), options: options, now: 1)
        let result = try await step.run(path: path)
        #expect((result.status == .new) == (round == 0))
        #expect(result.record.counts.used == 2 && result.record.counts.rejectedCount == 2)
      }
    }
    #expect(try await StoreContent(store).records == 4)
  }

  @Test("An archive of logs, text of two bytes a character and a hole at the start are no logs")
  func notALog() async throws {
    let log = Self.text(Self.logs[0].lines)
    var header = [UInt8](repeating: 0, count: 512)
    header.replaceSubrange(0..<5, with: Array("a.log".utf8))
    header.replaceSubrange(257..<262, with: Array("ustar".utf8))
    let cases: [([UInt8], (String) -> InputError)] = [
      (header + log, { .binary(file: $0) }),
      ([UInt8](repeating: 0, count: log.count) + log, { .binary(file: $0) }),
      ([0xff, 0xfe] + log.flatMap { [$0, 0] }, { .wideText(file: $0) }),
      ([0xfe, 0xff] + log.flatMap { [0, $0] }, { .wideText(file: $0) }),
    ]
    for (bytes, error) in cases {
      let path = try folder.write(bytes, to: "none")
      await #expect(throws: error(path)) { try await Ingest.file(path, into: store) }
    }
  }
}
