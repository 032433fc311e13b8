import FlowAggregation
import FlowFormats
import FlowModel
import Foundation
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("VPC logs read in parts")
struct VPCPartsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Pods 10.0.0.1 to 10.0.0.9; the last one changes hands within the capture.
  private struct Pods: AddressResolving {
    var isSteady = true

    private func pod(_ address: IPAddress, at time: Int64) -> Endpoint {
      let name = address.low & 255 == 9 && time < 1_700_001_200_000_000 ? 99 : address.low & 255
      return Endpoint(
        kind: .pod,
        namespace: "shop",
        workload: WorkloadReference(kind: "Deployment", name: "p\(name)")
      )
    }

    func resolve(
      _ address: IPAddress,
      transport: TransportProtocol,
      port: UInt16,
      from start: Int64,
      to end: Int64
    ) -> AddressResolution {
      guard address.isPrivate else {
        return .endpoint(Endpoint(kind: .address, address: CIDR(single: address)))
      }
      return .endpoint(pod(address, at: start))
    }

    func pod(namespace: String, name: String, at time: Int64) -> Endpoint? { nil }

    func serves(_ address: IPAddress, transport: TransportProtocol, port: UInt16, at time: Int64)
      -> Bool
    {
      port == 53
    }

    func steadyPod(at address: IPAddress, from start: Int64, to end: Int64) -> Int? {
      guard isSteady, address.isPrivate, address.low & 255 != 9 else { return nil }
      return Int(address.low) << 24 | Int(start / Timestamps.hour)
    }

    func steadyPod(numbered number: Int) -> Endpoint? {
      pod(
        IPAddress(ipv4: UInt32(number >> 24)),
        at: Int64(number & 0xff_ffff) * Timestamps.hour
      )
    }
  }

  private static let header =
    "version interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
    + "log-status tcp-flags"

  /// The records of connections in an order that separates the two of one connection.
  private static func lines(_ count: Int, _ random: inout Seed) -> [String] {
    var lines: [(key: Int, line: String)] = []
    for index in 0..<count {
      let client = Int.random(in: 1...9, using: &random)
      let server = client % 9 + 1
      let isUDP = index % 5 == 0
      let flags = isUDP || index % 7 == 0 ? (0, 0) : (3, 19)
      let port = isUDP ? 53 : [443, 8080, 50_051][index % 3]
      let start = 1_700_000_000 + index * 5
      func line(_ isReply: Bool) -> String {
        let ends = isReply ? (server, client) : (client, server)
        let ports = isReply ? (port, 40_000 + index) : (40_000 + index, port)
        let peer = index % 11 == 0 ? "198.51.100." : "10.0.0."
        return "5 eni-\(index % 3) \(isReply ? peer : "10.0.0.")\(ends.0) "
          + "\(isReply ? "10.0.0." : peer)\(ends.1) \(ports.0) \(ports.1) \(isUDP ? 17 : 6) 9 900 "
          + "\(start) \(start + 40) ACCEPT OK \(isReply ? flags.1 : flags.0)"
      }
      lines.append((key: index, line: line(false)))
      lines.append((key: index + Int.random(in: 0..<40, using: &random), line: line(true)))
    }
    return lines.sorted { ($0.key, $0.line) < ($1.key, $1.line) }.map(\.line)
  }

  private func read(_ path: String, threads: Int, isSteady: Bool = true) throws -> Reading {
    var options = IngestOptions()
    options.threads = threads
    return Reading(
      try InputDecoding(
        input: try OpenedInput(path: path),
        format: .awsVPC,
        options: options,
        resolver: Pods(isSteady: isSteady),
        progress: { _ in },
        leastPart: 50
      ).run(from: ReadStart())
    )
  }

  @Test("Threads change nothing, nor does where the columns change", arguments: Seed.samples(8))
  func threads(seed: Seed) throws {
    var random = seed
    let first = Self.lines(200, &random)
    let columns = Array(Self.header.split(separator: " ").indices.shuffled(using: &random))
    func reordered(_ line: String) -> String {
      let values = line.split(separator: " ")
      return columns.map { String(values[$0]) }.joined(separator: " ")
    }
    let second = ([Self.header] + Self.lines(200, &random)).map(reordered)
    let path = try folder.write(lines: [Self.header] + first + second, to: "vpc.log")
    let one = try read(path, threads: 1)
    #expect(one.counts.rejectedCount == 0)
    #expect(one.edges.count > 30)
    for threads in [2, 3, 8] { #expect(try read(path, threads: threads) == one) }
    #expect(try read(path, threads: 1, isSteady: false) == one)
    #expect(try read(path, threads: 2, isSteady: false) == one)
  }

  @Test("What a subscription hands to a function is unpacked")
  func subscription() async throws {
    let message = "2 1 eni-1 10.0.0.1 10.0.0.2 50000 53 17 9 900 1700000000 1700000060 ACCEPT OK"
    let event =
      #"{"messageType":"DATA_MESSAGE","logEvents":[{"timestamp":1700000000000,"message":"\#(message)"}]}"#
    let data = Data(StoredBlocks.gzip(Array(event.utf8))).base64EncodedString()
    let path = try folder.write(lines: [#"{"awslogs":{"data":"\#(data)"}}"#], to: "lambda.json")
    let reading = try read(path, threads: 1)
    #expect(reading.counts.rejectedCount == 0)
    #expect(reading.edges.count == 1)
  }

  @Test("A record does not unpack to more than fits, nor do damaged ones")
  func damaged() {
    let packed = StoredBlocks.gzip(Array("text".utf8))
    #expect(PackedRecords.inflate(packed) == Array("text".utf8))
    #expect(PackedRecords.inflate(Array(packed.dropLast(4))) == nil)
    #expect(PackedRecords.inflate([1, 2, 3]) == nil)
  }
}
