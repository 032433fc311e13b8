import FlowAggregation
import FlowFormats
import FlowModel
import FlowStorage
import Foundation
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("Forms of input")
struct InputFormsTests {
  private let folder: TemporaryFolder
  private let store = InMemoryStore()

  init() throws { folder = try TemporaryFolder() }

  private func ingest(_ text: String, _ name: String = "flows") async throws -> IngestResult {
    try await Ingest.file(try folder.write(text.utf8, to: name), into: store)
  }

  private static func pretty(_ line: String) -> String {
    line.replacing("{", with: "{\n  ").replacing(",\"", with: ",\n  \"").replacing("}", with: "\n}")
  }

  @Test(
    "Lines, arrays and values after one another are the same records",
    arguments: [
      "lines", "carriage returns", "blank lines", "array", "array of lines", "pretty array",
      "pretty values", "one line", "no last line feed",
    ]
  )
  func forms(form: String) async throws {
    let lines = HubbleLines.flows(0..<20)
    let text =
      switch form {
      case "carriage returns": lines.map { $0 + "\r\n" }.joined()
      case "blank lines": "\n\n" + lines.map { $0 + "\n\n  \n" }.joined()
      case "array": "[" + lines.joined(separator: ",") + "]"
      case "array of lines": "[\n" + lines.joined(separator: ",\n") + "\n]\n"
      case "pretty array": "[\n" + lines.map(Self.pretty).joined(separator: ",\r\n") + "]"
      case "pretty values": lines.map(Self.pretty).joined(separator: "\n") + "\n"
      case "one line": lines.joined()
      case "no last line feed": lines.joined(separator: "\n")
      default: lines.map { $0 + "\n" }.joined()
      }
    let result = try await ingest(text)
    #expect(result.record.counts.used == 20 && result.record.counts.rejectedCount == 0)
    #expect(result.tornBytes == 0)
    #expect(try await ingest(text).status == .unchanged)
    let other = InMemoryStore()
    _ = try await Ingest.file(try folder.write(lines: lines, to: "lines"), into: other)
    #expect(try await StoreContent(store).edges == StoreContent(other).edges)
    let packed = try folder.write(StoredBlocks.gzip(Array(text.utf8)), to: "flows.gz")
    #expect(try await Ingest.file(packed, into: store).status == .unchanged)
  }

  @Test("An array that was written anew with more at its end counts what is new")
  func grownArray() async throws {
    let lines = HubbleLines.flows(0..<40).map(Self.pretty)
    func array(_ count: Int) -> String {
      "[\n" + lines[..<count].joined(separator: ",\n") + "\n]\n"
    }
    _ = try await ingest(array(25))
    let grown = try await ingest(array(40))
    #expect(grown.status == .grown && grown.record.counts.used == 15)
    #expect(try await ingest(array(40)).status == .unchanged)
    #expect(try await StoreContent(store).records == 40)
  }

  @Test(
    "A list in an object that was written anew with more at its end counts what is new",
    arguments: ["pretty", "hits", "without line feed"]
  )
  func grownList(form: String) async throws {
    let url = ProjectFiles.root().appendingPathComponent("sample-flows/calico/flows.log")
    let records = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").prefix(160)
      .map(String.init)
    func list(_ count: Int) -> String {
      let separator = form == "pretty" ? ",\n" : ","
      let elements = records[..<count].joined(separator: separator)
      return switch form {
      case "pretty": "{\n  \"items\": [\n\(elements)\n  ]\n}\n"
      case "hits": #"{"took":1,"hits":{"total":9,"hits":[\#(elements)]}}"#
      default: #"{"items":[\#(elements)]}"#
      }
    }
    // Of a small one nobody can tell yet whether its line is a record, unless it begins over several lines.
    for first in form == "pretty" ? [2, 120] : [120] {
      let other = InMemoryStore()
      let path = try folder.write(Array(list(first).utf8), to: "list-\(first)")
      let all = try await Ingest.file(path, into: other)
      #expect(all.record.counts.records == first && all.record.counts.rejectedCount == 0)
      #expect(try await Ingest.file(path, into: other).status == .unchanged)
      _ = try folder.write(Array(list(160).utf8), to: "list-\(first)")
      let grown = try await Ingest.file(path, into: other)
      #expect(grown.status == .grown && grown.record.counts.records == 160 - first)
      #expect(try await Ingest.file(path, into: other).status == .unchanged)
      let plain = InMemoryStore()
      _ = try await Ingest.file(try folder.write(lines: records, to: "lines"), into: plain)
      #expect(try await StoreContent(other).edges == StoreContent(plain).edges)
    }
  }

  @Test("A list that is read while it is written is read in the end", arguments: Seed.samples(12))
  func listBeingWritten(seed: Seed) async throws {
    var seed = seed
    let url = ProjectFiles.root().appendingPathComponent("sample-flows/calico/flows.log")
    let count = Bool.random(using: &seed) ? 8 : 150
    let records = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").prefix(count)
      .map(String.init)
    let text =
      [
        #"{"items":[\#(records.joined(separator: ","))]}"# + "\n",
        "{\"items\":[\n\(records.joined(separator: ",\n"))\n]}\n",
        #"{"items":[\#(records.joined(separator: ","))]}"# + "\n" + #"{"items":[\#(records[0])]}"#
          + "\n",
      ].randomElement(using: &seed) ?? ""
    let bytes = Array(text.utf8)
    let path = try folder.write(bytes, to: "whole")
    let whole = InMemoryStore()
    _ = try await Ingest.file(path, into: whole)
    let growing = InMemoryStore()
    for end in [Int.random(in: 1_000...bytes.count, using: &seed), bytes.count - 1, bytes.count] {
      let path = try folder.write(Array(bytes[..<end]), to: "growing")
      _ = try? await Ingest.file(path, into: growing)
    }
    #expect(try await StoreContent(growing).edges == StoreContent(whole).edges)
    let refused = try await growing.inputs().map(\.counts.rejectedCount).reduce(0, +)
    #expect(refused == 0)
  }

  @Test("Of lines with a list each, a damaged one costs no other")
  func listLines() async throws {
    let url = ProjectFiles.root().appendingPathComponent("sample-flows/calico/flows.log")
    let records = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").prefix(20)
    var lines = records.map { #"{"items":[\#($0)]}"# }
    lines[3] = String(lines[3].dropLast(40))
    lines[7] = String(lines[7].dropLast(1)) + #","tot"#
    let path = try folder.write(lines: lines, to: "pages")
    let result = try await Ingest.file(path, into: store)
    #expect(result.record.counts.records == 20 && result.record.counts.rejectedCount == 2)
    #expect(result.record.counts.rejections.map(\.line) == [4, 8] && result.tornBytes == 0)
  }

  @Test("Lines of refused values are counted from the start of the file, over readings too")
  func valueLines() async throws {
    let value = Self.pretty(HubbleLines.flow())
    let height = value.split(separator: "\n").count
    let text = value + "\n" + #"{"no": "flow"}"# + "\n" + value + "\nnot json at all\n"
    let first = try await ingest(text)
    #expect(first.record.counts.rejections.map(\.line) == [height + 1, 2 * height + 2])
    let second = try await ingest(text + value + "\n" + #"{"none": 1}"# + "\n")
    #expect(second.record.counts.rejections.map(\.line) == [3 * height + 3])
    #expect(try await store.inputs().first?.counts.used == 3)
  }

  @Test("Text between the values of an array does not hide the values behind it")
  func damagedArray() async throws {
    let lines = HubbleLines.flows(0..<3)
    let result = try await ingest("[" + lines.joined(separator: ",null,oops,") + "]")
    #expect(result.record.counts.used == 3 && result.record.counts.rejectedCount == 2)
  }

  @Test("A value that is not over yet is read when it is")
  func openValue() async throws {
    let value = Self.pretty(HubbleLines.flow())
    let first = try await ingest(value + "\n" + value.prefix(80))
    #expect(first.record.counts.used == 1 && first.tornBytes > 0)
    let second = try await ingest(value + "\n" + value + "\n")
    #expect(second.record.counts.used == 1)
  }

  @Test("A line of 10 MB is refused by its line, the others are kept")
  func longLine() throws {
    let long = #"{"flow":{"x":""# + String(repeating: "y", count: 10 << 20) + #""}}"#
    let some = HubbleLines.flows(0..<40)
    let path = try folder.write(lines: some + [long] + some + ["no flow"], to: "flows")
    let reading = try Reading(path: path, threads: 2, leastPart: 1 << 20)
    #expect(reading.counts.used == 80)
    #expect(reading.counts.rejections.map(\.line) == [41, 82])
    #expect(reading.counts.rejections.first?.problem == "the line is longer than 8 MiB")
    #expect(reading.lines == 82 && reading.tornBytes == 0)
  }

  @Test("A line longer than a block is read")
  func wideLine() async throws {
    let wide = HubbleLines.flow().replacing(
      #""node_name":"n""#,
      with: #""x":"\#(String(repeating: "z", count: 600_000))""#
    )
    let path = try folder.write(
      lines: [HubbleLines.flow("a"), wide, HubbleLines.flow("b")],
      to: "flows"
    )
    #expect(try await Ingest.file(path, into: store).record.counts.used == 3)
  }

  @Test("Threads change nothing", arguments: Seed.samples(12))
  func threads(seed: Seed) throws {
    var seed = seed
    var text =
      (HubbleLines.flows(0..<3) + HubbleLines.mixed(Int.random(in: 1..<150, using: &seed), &seed))
      .map { $0 + "\n" }.joined()
    switch Int.random(in: 0..<3, using: &seed) {
    case 0: text += HubbleLines.flow("last")
    case 1: text += HubbleLines.flow("torn").prefix(Int.random(in: 1..<300, using: &seed))
    default: break
    }
    let path = try folder.write(text.utf8, to: "flows")
    let one = try Reading(path: path)
    for threads in [2, 3, 8] {
      #expect(try Reading(path: path, threads: threads, leastPart: 50) == one)
    }
    let stored = try folder.write(StoredBlocks.gzip(Array(text.utf8)), to: "flows.gz")
    let streamed = try Reading(path: stored)
    #expect(streamed.edges.isSuperset(of: one.edges))
    if one.tornBytes == 0 { #expect(streamed == one) }
  }

  @Test("What the refused lines were is told up to a number, whatever the threads")
  func manyRefusals() throws {
    let lines = (0..<200).map { $0 % 4 == 0 ? HubbleLines.flow() : "line \($0)" }
    let path = try folder.write(lines: lines, to: "flows")
    let one = try Reading(path: path)
    #expect(one.counts.rejectedCount == 150)
    #expect(one.counts.rejections.count == IngestCounts.keptRejections)
    #expect(try Reading(path: path, threads: 8, leastPart: 10) == one)
  }
}

@Suite("Input that cannot be read")
struct BadInputTests {
  private let folder: TemporaryFolder
  private let store = InMemoryStore()

  init() throws { folder = try TemporaryFolder() }

  private func expectRefusal(
    _ bytes: [UInt8],
    _ error: (String) -> InputError,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let path = try folder.write(bytes, to: "input")
    await #expect(throws: error(path), sourceLocation: sourceLocation) {
      try await Ingest.file(path, into: store)
    }
    #expect(try await store.inputs().isEmpty, sourceLocation: sourceLocation)
    #expect(try await store.edges(EdgeQuery()).isEmpty, sourceLocation: sourceLocation)
  }

  private var log: [UInt8] { Array(HubbleLines.flows(0..<300).map { $0 + "\n" }.joined().utf8) }

  @Test("A missing file, a folder and a path that leads nowhere")
  func unreadable() async throws {
    await #expect(throws: InputError.missing(file: folder.path("none"))) {
      try await Ingest.file(folder.path("none"), into: store)
    }
    await #expect(
      throws: InputError.unreadable(file: folder.url.path, message: "is a directory")
    ) { try await Ingest.file(folder.url.path, into: store) }
    let loop = folder.path("loop")
    try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: loop)
    await #expect(
      throws: InputError.unreadable(
        file: loop,
        message: "Too many levels of symbolic links"
      )
    ) { try await Ingest.file(loop, into: store) }
  }

  @Test("Binary data, also compressed, and Parquet")
  func binary() async throws {
    let binary = Array("\u{7f}ELF".utf8) + [0, 1, 2, 3, 0, 0]
    try await expectRefusal(binary) { .binary(file: $0) }
    try await expectRefusal(StoredBlocks.gzip(binary)) { .binary(file: $0) }
    try await expectRefusal(Array("PAR1".utf8) + [0x15, 0x04]) { .parquet(file: $0) }
  }

  @Test("Compressed data that ends early or is damaged leaves nothing behind")
  func damaged() async throws {
    let gzip = StoredBlocks.gzip(log)
    try await expectRefusal(gzip.dropLast(9)) {
      .damaged(file: $0, compression: "gzip", problem: "it ends inside a compressed block")
    }
    try await expectRefusal(Array(gzip[..<(gzip.count / 2)])) {
      .damaged(file: $0, compression: "gzip", problem: "it ends inside a compressed block")
    }
    var wrong = gzip
    wrong[wrong.count - 8] ^= 1
    try await expectRefusal(wrong) {
      .damaged(file: $0, compression: "gzip", problem: "its data is corrupt (zlib -3)")
    }
    let zstd = StoredBlocks.zstd(log)
    try await expectRefusal(zstd.dropLast(9)) {
      .damaged(file: $0, compression: "zstd", problem: "it ends inside a compressed block")
    }
    try await expectRefusal(gzip + Array("trailing text".utf8)) {
      .damaged(file: $0, compression: "gzip", problem: "its data is corrupt (zlib -3)")
    }
  }

  @Test("Text of no known format, and a format in which nothing can be read")
  func unknown() async throws {
    try await expectRefusal(Array("hello\nworld\n".utf8)) { .unknownFormat(file: $0) }
    try await expectRefusal(Array("\n\n  \n".utf8)) { .unknownFormat(file: $0) }
    let path = try folder.write("hello\nworld\n".utf8, to: "named")
    var options = IngestOptions()
    options.format = .hubble
    await #expect(
      throws: InputError.nothingRecognized(
        file: path,
        format: "hubble",
        firstProblem: "not JSON: unexpected character at byte 0",
        line: 1
      )
    ) { try await Ingest.file(path, into: store, options: options) }
    #expect(try await store.inputs().isEmpty)
  }

  @Test("An empty file, plain or compressed, is nothing and no error")
  func empty() async throws {
    for bytes in [[], StoredBlocks.gzip([]), StoredBlocks.zstd([])] as [[UInt8]] {
      let path = try folder.write(bytes, to: "empty")
      #expect(try await Ingest.file(path, into: store).status == .empty)
    }
    #expect(try await store.inputs().isEmpty)
  }

  @Test("Compressed by other programs", arguments: ["gzip", "zstd"])
  func programs(name: String) async throws {
    let path = try folder.write(log, to: "flows")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name, "-q", "-k", path]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      print("skipped: \(name) is not installed")
      return
    }
    let packed = path + (name == "gzip" ? ".gz" : ".zst")
    #expect(try await Ingest.file(packed, into: store).record.counts.used == 300)
    #expect(try await Ingest.file(path, into: store).status == .unchanged)
  }

  @Test("No bytes of an input stop the program", arguments: Seed.samples(60))
  func mutations(seed: Seed) async throws {
    var seed = seed
    var bytes = Array(HubbleLines.flows(0..<6).joined(separator: "\n").utf8)
    switch Int.random(in: 0..<4, using: &seed) {
    case 0: bytes = StoredBlocks.gzip(bytes)
    case 1: bytes = StoredBlocks.zstd(bytes)
    case 2: bytes = Array("[".utf8) + bytes
    default: break
    }
    for _ in 0..<Int.random(in: 1...12, using: &seed) {
      let at = Int.random(in: 0..<bytes.count, using: &seed)
      switch Int.random(in: 0..<3, using: &seed) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &seed)
      case 1: bytes.insert(contentsOf: [0x7b, 0x22, 0x0a], at: at)
      default: bytes.removeSubrange(at..<min(bytes.count, at + 40))
      }
      if bytes.isEmpty { bytes = [0x7b] }
    }
    let path = try folder.write(bytes, to: "input")
    do {
      let first = try await Ingest.file(path, into: store)
      let again = try await Ingest.file(path, into: store)
      #expect(again.status == (first.status == .empty ? .empty : .unchanged))
    } catch is InputError {
      #expect(try await store.inputs().isEmpty)
    }
  }
}
