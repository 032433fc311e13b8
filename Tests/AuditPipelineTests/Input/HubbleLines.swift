import FlowAggregation
import FlowFormats
import FlowModel
import FlowStorage
import TestSupport

@testable import AuditPipeline

/// Lines of a Hubble log for tests of reading.
enum HubbleLines {
  /// A delivered packet of a connection between two pods.
  static func flow(
    _ source: String = "web",
    _ destination: String = "api",
    port: Int = 8080,
    second: Int = 0
  ) -> String {
    let time = "2026-09-15T16:\(two(second / 60 % 60)):\(two(second % 60))Z"
    return #"{"flow":{"time":"\#(time)","verdict":"FORWARDED","IP":{"source":"10.0.1.1","#
      + #""destination":"10.0.2.2","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":40000,"#
      + #""destination_port":\#(port),"flags":{"SYN":true}}},"source":\#(pod(source)),"#
      + #""destination":\#(pod(destination)),"Type":"L3_L4","event_type":{"type":4},"#
      + #""trace_observation_point":"TO_ENDPOINT","is_reply":false},"node_name":"n","time":"\#(time)"}"#
  }

  /// Different connections at different times.
  static func flows(_ range: Range<Int>) -> [String] {
    range.map { flow("web\($0 % 7)", "api\($0 % 3)", port: 8000 + $0 % 5, second: $0) }
  }

  /// Lines as they come: connections, noise, blanks, and lines that cannot be read.
  static func mixed(_ count: Int, _ seed: inout Seed) -> [String] {
    (0..<count).map { index in
      switch Int.random(in: 0..<12, using: &seed) {
      case 0: ""
      case 1: "   "
      case 2: "Defaulted container \"agent\" out of: agent"
      case 3: #"{"flow":{"verdict":"FORW"#
      case 4: #"{"lost_events":{"num_events_lost":"3"},"time":"2026-09-15T17:00:00Z"}"#
      case 5: flow(second: index).replacing("false}", with: "true}")
      default: flow("web\(Int.random(in: 0..<5, using: &seed))", second: index) + "\r"
      }
    }
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  private static func pod(_ app: String) -> String {
    #"{"namespace":"shop","labels":["k8s:app=\#(app)"],"pod_name":"\#(app)-1"}"#
  }
}

/// An edge with its endpoints in the open.
struct PlainEdge: Hashable, Sendable {
  var ends: [Endpoint]
  var key: [Int]
  var records: Int64
  var times: [Int64]
  var sampleLine: Int

  init(_ entry: EdgeTable.Entry, _ endpoints: [Endpoint]) {
    let key = entry.key
    ends = [endpoints[Int(key.source)], endpoints[Int(key.destination)]]
    self.key = [
      Int(key.hour), Int(key.port), Int(key.replyPort), Int(key.transport), Int(key.side),
      Int(key.evidence),
    ]
    records = entry.records
    times = [entry.first, entry.last]
    sampleLine = entry.sampleLine
  }
}

/// What one reading of an input came to, for comparing readings.
struct Reading: Equatable {
  var edges: Set<PlainEdge>
  var counts: IngestCounts
  var consumed: Int64
  var tailHash: UInt64
  var lines: Int
  var tornBytes: Int

  init(_ output: InputDecoding.Output) {
    var log = output.accumulator
    log.finish()
    edges = Set(log.edges.entries.map { PlainEdge($0, log.endpoints) })
    counts = log.counts
    consumed = output.consumed
    tailHash = output.tailHash
    lines = output.lines
    tornBytes = output.tornBytes
  }

  /// Reads a file as Hubble flows.
  init(path: String, threads: Int = 1, leastPart: Int64 = InputDecoding.leastPart) throws {
    var options = IngestOptions()
    options.threads = threads
    let decoding = InputDecoding(
      input: try OpenedInput(path: path),
      format: .hubble,
      options: options,
      resolver: nil,
      progress: { _ in },
      leastPart: leastPart
    )
    self.init(try decoding.run(from: ReadStart()))
  }
}

/// Everything a store says, for comparing stores.
struct StoreContent: Equatable {
  var edges: [FlowEdge]
  var capture: [StoredCaptureHour]
  var counts: IngestCounts

  init(_ store: any FlowStore) async throws {
    edges = try await store.edges(EdgeQuery())
    capture = try await store.capture()
    counts = try await store.inputs().reduce(into: IngestCounts()) {
      $0.merge($1.counts, lineOffset: 0)
    }
  }

  /// Source, destination and port of every edge.
  var keys: Set<[String]> {
    Set(edges.map { ["\($0.source)", "\($0.destination)", "\($0.port)", $0.evidence.rawValue] })
  }

  /// All records of all edges.
  var records: Int64 { edges.map(\.tally.records).reduce(0, +) }
}

extension Ingest {
  /// Reads a file into a store as the command does.
  static func file(
    _ path: String,
    into store: any FlowStore,
    options: IngestOptions = IngestOptions()
  ) async throws -> IngestResult {
    try await Ingest(store: store, resolver: nil, options: options, now: 1_789_500_000_000_000)
      .run(path: path)
  }
}

/// Compression without compressing, so that tests need no program for it.
enum StoredBlocks {
  /// A gzip member of stored blocks.
  static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
    let blocks = bytes.isEmpty ? [[]] : chunks(bytes, 65_535)
    for (index, block) in blocks.enumerated() {
      let count = UInt16(block.count)
      out.append(index + 1 == blocks.count ? 1 : 0)
      out += little(count) + little(~count) + block
    }
    return out + little(crc(bytes)) + little(UInt32(truncatingIfNeeded: bytes.count))
  }

  /// A zstd frame of raw blocks.
  static func zstd(_ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0xa0] + little(UInt32(bytes.count))
    let blocks = bytes.isEmpty ? [[]] : chunks(bytes, 65_536)
    for (index, block) in blocks.enumerated() {
      let header = UInt32(block.count << 3) | (index + 1 == blocks.count ? 1 : 0)
      out += little(header).prefix(3) + block
    }
    return out
  }

  private static func chunks(_ bytes: [UInt8], _ size: Int) -> [[UInt8]] {
    stride(from: 0, to: bytes.count, by: size).map {
      Array(bytes[$0..<min($0 + size, bytes.count)])
    }
  }

  private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { sum, _ in
      sum & 1 == 1 ? 0xedb8_8320 ^ sum >> 1 : sum >> 1
    }
  }

  private static func crc(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(UInt32.max) { sum, byte in
      table[Int((sum ^ UInt32(byte)) & 0xff)] ^ sum >> 8
    }
  }
}
