import FlowAggregation
import FlowModel
import Foundation
import TestSupport
import Testing

@testable import FlowFormats

@Suite("Calico's fast path")
struct CalicoScannerTests {
  /// Everything that may not differ between the two ways.
  private struct Result: Equatable {
    var edges: [String]
    var counts: IngestCounts
  }

  private func result(_ accumulator: EvidenceAccumulator) -> Result {
    var accumulator = accumulator
    accumulator.finish()
    let edges = accumulator.edges.entries.map { entry in
      let source = accumulator.endpoints[Int(entry.key.source)]
      let destination = accumulator.endpoints[Int(entry.key.destination)]
      return "\(source) \(destination) \(entry.key.hour) \(entry.key.port) \(entry.key.side) "
        + "\(entry.key.evidence) \(entry.key.transport) \(entry.records) \(entry.bytes) "
        + "\(entry.first) \(entry.last) \(entry.sampleLine)"
    }.sorted()
    return Result(edges: edges, counts: accumulator.counts)
  }

  private func accumulator(_ resolver: CalicoHarness.Resolver?) -> EvidenceAccumulator {
    EvidenceAccumulator(logKind: .calico, resolver: resolver)
  }

  private func blocks(
    _ text: String,
    resolver: CalicoHarness.Resolver? = nil,
    memoLimit: Int = CalicoScanner.memoLimit
  ) -> Result {
    var decoder = CalicoDecoder(options: DecoderOptions(), memoLimit: memoLimit)
    var accumulator = accumulator(resolver)
    let bytes = Array(text.utf8)
    _ = decoder.decode(lines: bytes.span.bytes, firstLine: 1, into: &accumulator)
    decoder.finish(into: &accumulator)
    return result(accumulator)
  }

  private func oneByOne(_ text: String, resolver: CalicoHarness.Resolver? = nil) -> Result {
    var decoder = CalicoDecoder(options: DecoderOptions(), readsTrees: true)
    var accumulator = accumulator(resolver)
    // By bytes: to a string "\r\n" is one character.
    let lines = Array(text.utf8).split(separator: 0x0a, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated()
    where !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }) {
      let bytes = Array(line.last == 0x0d ? line.dropLast() : line)
      decoder.decode(bytes.span.bytes, line: index + 1, into: &accumulator)
    }
    decoder.finish(into: &accumulator)
    return result(accumulator)
  }

  /// Whether the fast path takes a line at all, rather than leave it to the ordinary decoder.
  private func isScanned(_ line: String) -> Bool {
    var scanner = CalicoScanner()
    var scanned = CalicoScanner.Line()
    let bytes = Array(line.utf8) + [0x0a] + [UInt8](repeating: 0, count: RawSpan.scanSlack)
    return scanner.scan(bytes.span.bytes, 0, &scanned) == line.utf8.count
  }

  private func sample() throws -> [Substring] {
    let url = ProjectFiles.root().appendingPathComponent("sample-flows/calico/flows.log")
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
  }

  @Test("The sample gives the same both ways, and something at all")
  func sampleAgrees() throws {
    let text = try sample().joined(separator: "\n") + "\n"
    let fast = blocks(text)
    #expect(fast.edges.count > 100)
    #expect(fast == oneByOne(text))
  }

  /// Lines in the forms the fast path knows, and some it does not.
  private static let forms: [String] = [
    CalicoFlow().json,
    CalicoFlow.with([("dest_port", "null"), ("proto", #""icmp""#)]),
    CalicoFlow.with([
      ("source_ip", #""10.0.0.7""#), ("source_port", "40123"),
      ("source_name", #""web-abc12-x1""#),
    ]),
    CalicoFlow.with([
      ("source_type", #""net""#), ("source_name_aggr", #""pub""#),
      ("source_namespace", #""-""#), ("source_labels", "null"), ("reporter", #""dst""#),
      ("source_ip", #""93.184.216.34""#),
    ]),
    CalicoFlow.with([
      ("dest_type", #""net""#), ("dest_name_aggr", #""pub""#),
      ("dest_namespace", #""-""#), ("dest_labels", "null"), ("dest_ip", #""93.184.216.34""#),
      ("dest_domains", #"["example.com","www.example.com"]"#),
    ]),
    CalicoFlow.with([
      ("dest_type", #""ns""#), ("dest_name_aggr", #""partners""#),
      ("dest_namespace", #""-""#), ("dest_labels", "null"),
    ]),
    CalicoFlow.with([
      ("dest_type", #""hep""#), ("dest_name_aggr", #""node-1""#),
      ("dest_namespace", #""-""#), ("dest_labels", "null"),
    ]),
    CalicoFlow.with([("cluster", #""east""#)]),
    CalicoFlow.with([("cluster", #""west""#), ("start_time", #""2026-09-27T11:32:15Z""#)]),
    CalicoFlow.with([("source_labels", #"{"labels":null}"#), ("dest_labels", #""-""#)]),
    CalicoFlow.with([("proto", "17"), ("packets_in", "0")]),
    CalicoFlow.with([("proto", #""TCP""#), ("reporter", #""dst, fwd""#)]),
    CalicoFlow.with([("source_labels", #"{"labels":["app=\u00fcber","a=b"]}"#)]),
    CalicoFlow.policies(enforced: ["0|default|default.block|deny|2"], action: "deny"),
    CalicoFlow.policies(enforced: ["0|default|default.x|deny|-1"], action: "deny"),
    CalicoFlow.policies(pending: ["0|default|shop/staged:default.deny|deny|-1"]),
    CalicoFlow.policies(transit: ["0|default|gnp:fwd|allow|0"]),
    CalicoFlow.whisker(), CalicoFlow.whisker(source: "PUBLIC NETWORK", sourceNamespace: "-"),
    CalicoFlow.whisker(action: "Deny", reporter: "Dst"),
    "data: " + CalicoFlow.whisker(),
    CalicoFlow.goldmane, CalicoFlow.goldmane.replacing(#""reporter":1"#, with: #""reporter":2"#),
    #"{"id":1,"flow":\#(CalicoFlow.goldmane)}"#,
    #"{"_index":"flows","_source":\#(CalicoFlow().json)}"#,
  ]

  @Test("Lines in every form are the same both ways, seen once or often", arguments: forms)
  func formsAgree(line: String) {
    let filler = String(repeating: " \n", count: 80)
    for count in 1...4 {
      let text = String(repeating: line + "\n", count: count) + filler
      #expect(blocks(text) == oneByOne(text))
    }
    let counts = blocks(line + "\n" + filler).counts
    #expect(counts.used + counts.discarded.values.reduce(0, +) == 1)
  }

  @Test("The fast path takes what Calico itself writes")
  func usualLinesAreScanned() throws {
    #expect(isScanned(CalicoFlow().json))
    #expect(isScanned(CalicoFlow.whisker()))
    #expect(isScanned("data: " + CalicoFlow.whisker()))
    #expect(isScanned(CalicoFlow.goldmane))
    for line in try sample() { #expect(isScanned(String(line))) }
    #expect(!isScanned(CalicoFlow().json + "x"))
    #expect(!isScanned(String(CalicoFlow().json.dropLast())))
  }

  @Test("The inventory decides the same both ways")
  func inventoryAgrees() throws {
    let resolver = CalicoHarness.Resolver(
      known: ["93.184.216.34": .internalUnknown, "10.0.0.7": .unknownPod],
      pods: [
        "data/db-*": CalicoHarness.pod("data", ["app": "db", "tier": "data"], deployment: "db"),
        "shop/web-abc12-x1": CalicoHarness.pod("shop", ["app": "web"], deployment: "web"),
      ]
    )
    let lines = (Self.forms + Self.forms + Self.forms).joined(separator: "\n") + "\n"
    let fast = blocks(lines, resolver: resolver)
    #expect(fast == oneByOne(lines, resolver: resolver))
    #expect(fast.edges.contains { $0.contains("tier") })
  }

  @Test("A bounded memory changes nothing", arguments: [0, 600, 2000, 20_000])
  func smallMemo(limit: Int) throws {
    let lines = (try sample().map(String.init) + Self.forms).joined(separator: "\n") + "\n"
    let text = lines + lines
    #expect(blocks(text, memoLimit: limit) == oneByOne(text))
  }

  @Test("Another accumulator gets indices of its own")
  func anotherAccumulator() {
    let line = Array((CalicoFlow().json + "\n").utf8)
    let other = Array((CalicoFlow.with([("dest_namespace", #""other""#)]) + "\n").utf8)
    var decoder = CalicoDecoder(options: DecoderOptions())
    var first = accumulator(nil)
    for _ in 0..<3 {
      _ = decoder.decode(lines: other.span.bytes, firstLine: 1, into: &first)
      _ = decoder.decode(lines: line.span.bytes, firstLine: 1, into: &first)
    }
    var second = accumulator(nil)
    _ = decoder.decode(lines: line.span.bytes, firstLine: 1, into: &second)
    #expect(result(second).edges == blocks(CalicoFlow().json + "\n").edges)
  }

  @Test("Mutated lines give the same both ways", arguments: Seed.samples(120))
  func mutatedLinesAgree(seed: Seed) throws {
    var seed = seed
    let sample = try sample().prefix(60).map(String.init) + Self.forms
    let chosen = (0..<12).map { _ in sample[Int.random(in: 0..<sample.count, using: &seed)] }
    // Seen often enough to be remembered.
    var text = (chosen + chosen + chosen).joined(separator: "\n") + "\n"
    for _ in 0..<60 {
      let line = chosen[Int.random(in: 0..<chosen.count, using: &seed)]
      var bytes = Array(line.utf8)
      for _ in 0..<Int.random(in: 1...2, using: &seed) {
        let place = Int.random(in: 0..<bytes.count, using: &seed)
        switch Int.random(in: 0..<7, using: &seed) {
        case 0: bytes[place] = UInt8.random(in: 0x20...0x7e, using: &seed)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(UInt8.random(in: 0x20...0x7e, using: &seed), at: place)
        case 3: bytes.removeLast(bytes.count - max(1, place))
        case 4: bytes = Self.withoutMember(bytes, &seed)
        default: bytes = Self.withMember(bytes, &seed)
        }
        if bytes.isEmpty { bytes = [0x7b] }
      }
      let mutated = String(decoding: bytes, as: UTF8.self)
      text += mutated.replacingOccurrences(of: "\n", with: " ") + "\n" + line + "\n"
    }
    #expect(blocks(text) == oneByOne(text))
  }

  /// The members of a line's object.
  private static func members(of line: String) -> [String] {
    var members = [""]
    var depth = 0
    var isInString = false
    for character in line.dropFirst().dropLast() {
      if character == "\"" { isInString.toggle() }
      if !isInString, "[{".contains(character) { depth += 1 }
      if !isInString, "]}".contains(character) { depth -= 1 }
      if character == ",", depth == 0, !isInString {
        members.append("")
      } else {
        members[members.count - 1].append(character)
      }
    }
    return members
  }

  /// Members in any order, with keys of any length between them.
  private static func shuffled(_ members: [String], _ seed: inout Seed) -> String {
    let values = ["0", "null", #""-""#, #"{"a":[1]}"#, "12.5"]
    var members = members.shuffled(using: &seed)
    for _ in 0..<Int.random(in: 0...4, using: &seed) {
      let key = String(repeating: "k", count: Int.random(in: 0...48, using: &seed))
      let value = values[Int.random(in: 0..<values.count, using: &seed)]
      let place = Int.random(in: 0...members.count, using: &seed)
      members.insert(#""\#(key)":\#(value)"#, at: place)
    }
    return "{" + members.joined(separator: ",") + "}"
  }

  @Test("Members in any order are the same both ways", arguments: Seed.samples(40))
  func anyOrderAgrees(seed: Seed) {
    var seed = seed
    let lines = [CalicoFlow().json, CalicoFlow.whisker()].map(Self.members)
    var text = ""
    for _ in 0..<80 {
      let line = Self.shuffled(lines[Int.random(in: 0..<2, using: &seed)], &seed)
      var bytes = Array(line.utf8)
      // A comma stands before a member, or a brace before the first one.
      if Int.random(in: 0..<4, using: &seed) == 0 {
        let openers = bytes.indices.filter { bytes[$0] == 0x2c || bytes[$0] == 0x7b }
        let place = openers[Int.random(in: 0..<openers.count, using: &seed)]
        bytes[place] = [0x2c, 0x7b, 0x7d][Int.random(in: 0..<3, using: &seed)]
      }
      let changed = String(decoding: bytes, as: UTF8.self) + "\n"
      text += String(repeating: changed, count: Int.random(in: 1...3, using: &seed))
    }
    let fast = blocks(text)
    #expect(fast == oneByOne(text))
    #expect(fast.edges.count > 0 && fast.counts.used > 40 && fast.counts.rejectedCount > 3)
  }

  @Test("A brace that opens no object is refused, whatever stood before it in other lines")
  func bracesAfterUnrememberedKeys() {
    let long = #""\#(String(repeating: "k", count: 40))":1"#
    let usual = CalicoFlow().json
    let broken = "{" + long + usual
    let first = "{" + long + "," + usual.dropFirst()
    #expect(isScanned(first))
    let filler = String(repeating: " \n", count: 80)
    let lines = [usual, first, usual, broken, first, broken]
    let text = lines.joined(separator: "\n") + "\n" + filler
    #expect(blocks(text) == oneByOne(text))
    #expect(blocks(text).counts.rejectedCount == 2)
  }

  @Test("Nor is one taken that opened an object when there were too many keys to remember")
  func bracesAfterManyKeys() {
    let long = #""\#(String(repeating: "k", count: 40))":1"#
    let key = #"{"source_name":"a-*""#
    let filler = String(repeating: " \n", count: 80)
    for count in 100...130 {
      let many = (0..<count).map { #""k\#($0)":1,"# }.joined()
      let first = CalicoFlow.goldmane.replacing(#""Key":"#, with: many + #""Key":"#)
      // The name must not be there twice: that alone would be left to the ordinary decoder.
      let rest = CalicoFlow().json.dropFirst().replacing(#/"source_name":[^,]*,/#, with: "")
      let broken = "{" + long + key + "," + rest
      let text = [first, broken, first, broken].joined(separator: "\n") + "\n" + filler
      #expect(blocks(text) == oneByOne(text), "\(count)")
    }
  }

  @Test("More keys than are remembered change nothing")
  func manyKeys() {
    let usual = CalicoFlow().json
    let lines = (0..<600).map { #"{"key-\#($0)":null,"# + usual.dropFirst() }
    let text = (lines + [usual] + lines).joined(separator: "\n") + "\n"
    let fast = blocks(text)
    #expect(fast == oneByOne(text))
    #expect(fast.counts.used == 1201)
  }

  /// A line with one more member, often one it has already, at any place.
  private static func withMember(_ bytes: [UInt8], _ seed: inout Seed) -> [UInt8] {
    let members = [
      #""packets_in":0"#, #""dest_port":443"#, #""source_name":"other""#, #""source_labels":null"#,
      #""cluster":"east""#, #""dest_domains":["a.example"]"#, #""sourceName":"x""#, #""flow":{}"#,
      #""key":{}"#, #""Key":{"source_name":"a"}"#, #""proto":"udp""#, #""protocol":"tcp""#,
      #""source_port":1"#, #""policies":{}"#, #""reporter":"dst""#, #""dest_port":null"#,
    ]
    var places = bytes.indices.filter { bytes[$0] == UInt8(ascii: ",") }.map { $0 + 1 }
    places.append(min(1, bytes.count))
    var bytes = bytes
    let member = members[Int.random(in: 0..<members.count, using: &seed)] + ","
    bytes.insert(
      contentsOf: Array(member.utf8),
      at: places[Int.random(in: 0..<places.count, using: &seed)]
    )
    return bytes
  }

  /// A line without what stands between two commas.
  private static func withoutMember(_ bytes: [UInt8], _ seed: inout Seed) -> [UInt8] {
    let places = bytes.indices.filter { bytes[$0] == UInt8(ascii: ",") }
    guard places.count > 1 else { return bytes }
    let index = Int.random(in: 0..<places.count - 1, using: &seed)
    return Array(bytes[..<places[index]] + bytes[places[index + 1]...])
  }

  @Test("Only the numbers of a line may change its class: no answer is an attempt")
  func zeroCounters() throws {
    let line = try #require(try sample().first { $0.contains(#""reporter":"dst""#) })
    let text = String(line)
    let silent = text.replacing(#/"packets_out":\d+/#, with: #""packets_out":0"#)
    let padding = String(repeating: " \n", count: 60)
    let both = blocks(text + "\n" + silent + "\n" + text + "\n" + padding)
    #expect(both == oneByOne(text + "\n" + silent + "\n" + text + "\n" + padding))
    #expect(both.edges.count == 2)
  }

  @Test(
    "Records in envelopes and such with blanks are the same both ways",
    arguments: Seed.samples(40)
  )
  func wrapped(seed: Seed) throws {
    var seed = seed
    var envelopes = EnvelopeGenerator(seed)
    let sample = try sample().prefix(60).map(String.init) + Self.forms
    let lines = (0..<80).map { _ in
      envelopes.line(sample[Int.random(in: 0..<sample.count, using: &seed)])
    }
    let text = lines.joined(separator: "\n") + "\n"
    #expect(blocks(text) == oneByOne(text))
  }

  @Test("The usual envelopes need no tree", arguments: EnvelopeGenerator.usual(CalicoFlow().json))
  func usualEnvelopes(line: String) {
    var decoder = CalicoDecoder(options: DecoderOptions(), readsTrees: false)
    var accumulator = EvidenceAccumulator(logKind: .calico)
    let bytes = Array(line.utf8)
    let start = ShipperEnvelope.criPayloadOffset(bytes.span.bytes) ?? 0
    #expect(!isScanned(line))
    let isRead = decoder.decodeInPlace(
      bytes.span.bytes,
      from: start,
      line: 1,
      into: &accumulator
    )
    #expect(isRead)
  }
}
