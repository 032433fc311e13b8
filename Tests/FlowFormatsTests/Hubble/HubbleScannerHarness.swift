import FlowAggregation
import FlowModel
import Foundation
import TestSupport
import Testing

@testable import FlowFormats

/// Runs lines through the scanner and through the ordinary decoder.
enum HubbleScannerHarness {
  /// Everything that decoding left behind, comparable.
  struct Outcome: Hashable {
    var endpoints: [Endpoint]
    var edges: [String]
    var unmarked: [String]
    var counts: IngestCounts
    var marksReplies: Bool
    var lines: Int

    init(_ accumulator: EvidenceAccumulator, lines: Int) {
      endpoints = accumulator.endpoints
      edges = accumulator.edges.entries.map { "\($0)" }
      unmarked = accumulator.unmarkedEdges.entries.map { "\($0)" }
      counts = accumulator.counts
      marksReplies = accumulator.marksReplies
      self.lines = lines
    }
  }

  /// Both outcomes before and after the end of the log.
  struct Run: Hashable {
    var open: Outcome
    var finished: Outcome
  }

  /// Decodes blocks of whole lines through ``HubbleScanner``, both ways: with ends that are compared at once, and
  /// with ends that are assumed and confirmed later, which must give the same.
  static func fast(
    _ blocks: [[UInt8]],
    memoLimit: Int = HubbleScanner.memoLimit,
    options: DecoderOptions = DecoderOptions(),
    resolver: (any AddressResolving)? = nil
  ) -> Run {
    func run(nearCount: Int) -> Run {
      var accumulator = EvidenceAccumulator(logKind: .hubble, cluster: "given", resolver: resolver)
      var decoder = HubbleDecoder(
        options: options,
        memoLimit: memoLimit,
        nearCount: nearCount,
        readsTrees: false
      )
      var lines = 0
      for block in blocks {
        lines += decoder.decode(lines: block.span.bytes, firstLine: lines + 1, into: &accumulator)
      }
      return end(accumulator, decoder, lines)
    }
    let compared = run(nearCount: .max)
    #expect(
      run(nearCount: 0) == compared,
      "ends that are assumed are not those that are compared at once"
    )
    return compared
  }

  /// Decodes the same blocks line by line through ``HubbleTree``.
  static func slow(
    _ blocks: [[UInt8]],
    options: DecoderOptions = DecoderOptions(),
    resolver: (any AddressResolving)? = nil
  ) -> Run {
    var accumulator = EvidenceAccumulator(logKind: .hubble, cluster: "given", resolver: resolver)
    var decoder = HubbleDecoder(options: options, readsTrees: true)
    var lines = 0
    for block in blocks {
      var start = 0
      while start < block.count {
        let end = block[start...].firstIndex(of: 0x0a) ?? block.count
        lines += 1
        decoder.decodeLine(block.span.bytes, start, end, line: lines, into: &accumulator)
        start = end + 1
      }
    }
    return end(accumulator, decoder, lines)
  }

  private static func end(
    _ accumulator: EvidenceAccumulator,
    _ decoder: HubbleDecoder,
    _ lines: Int
  ) -> Run {
    var accumulator = accumulator
    var decoder = decoder
    let open = Outcome(accumulator, lines: lines)
    decoder.finish(into: &accumulator)
    accumulator.finish()
    return Run(open: open, finished: Outcome(accumulator, lines: lines))
  }

  /// Whether the scanner takes a line itself.
  static func takes(_ line: String) -> Bool {
    var scanner = HubbleScanner()
    var scanned = HubbleScanner.Line(mayAssume: false)
    let bytes = Array(line.utf8) + [0x0a] + [UInt8](repeating: 0, count: RawSpan.scanSlack)
    return scanner.scan(bytes.span.bytes, 0, &scanned) == bytes.count - RawSpan.scanSlack - 1
  }

  /// Whether a line that is no exporter's is read without a tree.
  static func needsNoTree(_ line: String) -> Bool {
    var decoder = HubbleDecoder(options: DecoderOptions(), readsTrees: false)
    var accumulator = EvidenceAccumulator(logKind: .hubble)
    let bytes = Array(line.utf8)
    return !takes(line)
      && decoder.decodeInPlace(
        bytes.span.bytes,
        from: ShipperEnvelope.criPayloadOffset(bytes.span.bytes) ?? 0,
        line: 1,
        into: &accumulator
      )
  }

  /// The bytes of lines, each with a line feed.
  static func block(_ lines: [String], end: String = "\n") -> [UInt8] {
    lines.flatMap { Array(($0 + end).utf8) }
  }

  /// The sample log of the project.
  static func sampleFlows() throws -> [UInt8] {
    let url = ProjectFiles.root().appendingPathComponent("sample-flows/hubble/flows.jsonl")
    return Array(try Data(contentsOf: url))
  }

  /// Every Hubble reference capture in its own block.
  static func captures() throws -> [(name: String, bytes: [UInt8])] {
    guard let folder = ProjectFiles.shared("flows/hubble") else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      .filter { !$0.hasSuffix(".gz") }
      .map { ($0, Array(try Data(contentsOf: folder.appendingPathComponent($0)))) }
  }
}

/// Makes Hubble lines of every usual and many an unusual form.
struct HubbleLineGenerator {
  private var random: Seed

  init(_ seed: Seed) { random = seed }

  private mutating func pick<Element>(_ choices: [Element]) -> Element? {
    choices.randomElement(using: &random)
  }

  private mutating func word(_ choices: String...) -> String { pick(choices) ?? "" }

  private mutating func chance(_ percent: Int) -> Bool {
    Int.random(in: 0..<100, using: &random) < percent
  }

  private mutating func number(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &random)
  }

  /// One line of an exporter.
  mutating func line() -> String {
    let time = time()
    var members = ["\"time\":\"\(time)\""]
    if chance(3) { members.removeAll() }
    if chance(70) { members.append("\"uuid\":\"\(number(0...99_999))-0000\"") }
    if chance(30) { members.append(#""emitter":{"name":"Hubble","version":"1.20.1+g7d68cfb3"}"#) }
    let verdict = word(
      "FORWARDED",
      "FORWARDED",
      "FORWARDED",
      "DROPPED",
      "AUDIT",
      "REDIRECTED",
      "ERROR",
      "TRACED",
      "TRANSLATED",
      "VERDICT_UNKNOWN",
      "",
      "NEWER"
    )
    members.append("\"verdict\":\"\(verdict)\"")
    if verdict == "DROPPED" || chance(2) {
      if chance(80) { members.append("\"drop_reason\":\(word("133", "181", "132", "0", "240"))") }
      if chance(80) {
        let reason = word(
          "POLICY_DENIED",
          "POLICY_DENY",
          "STALE_OR_UNROUTABLE_IP",
          "NAT46",
          "DENIED_FOR_A_NEW_REASON",
          ""
        )
        members.append("\"drop_reason_desc\":\"\(reason)\"")
      }
    }
    if chance(50) {
      members.append(
        #""ethernet":{"source":"72:0f:98:92:ce:fc","destination":"42:c8:01:29:0f:3f"}"#
      )
    }
    if chance(97) { members.append("\"IP\":{\(addresses())}") }
    if chance(97) { members.append("\"l4\":{\(transport())}") }
    if chance(98) { members.append("\"source\":\(end())") }
    if chance(98) { members.append("\"destination\":\(end())") }
    if chance(95) {
      members.append("\"Type\":\"\(word("L3_L4", "L3_L4", "L7", "SOCK", "OTHER"))\"")
    }
    let node = "node-\(number(1...3))"
    members.append("\"node_name\":\"\(node)\"")
    if chance(50) {
      members.append("\"node_labels\":[\"kubernetes.io/hostname=\(node)\",\"a\",\"b=c\"]")
    }
    if chance(20) {
      let names = word(
        #""api.example.com""#,
        #""b.example.com","A.example.com.""#,
        "",
        #""not a name""#,
        "1",
        #""1.2.3.4""#
      )
      members.append("\"destination_names\":[\(names)]")
    }
    if chance(30) { members.append("\"reply\":\(chance(50))") }
    if chance(90) {
      let type = word("4", "5", "1", "129", "7", "2", "130")
      let subType = chance(50) ? ",\"sub_type\":\(word("1", "2", "3", "4", "11"))" : ""
      members.append("\"event_type\":{\"type\":\(type)\(subType)}")
    }
    if chance(80) {
      members.append("\"traffic_direction\":\"\(word("EGRESS", "INGRESS", "SIDEWAYS"))\"")
    }
    if chance(60) {
      let point = word(
        "TO_ENDPOINT",
        "TO_STACK",
        "TO_PROXY",
        "TO_HOST",
        "TO_NETWORK",
        "TO_OVERLAY",
        "FROM_NETWORK",
        "FROM_CRYPTO",
        "TO_THE_MOON",
        ""
      )
      members.append("\"trace_observation_point\":\"\(point)\"")
    }
    if chance(60) {
      let reason = word(
        "NEW",
        "ESTABLISHED",
        "REPLY",
        "RELATED",
        "REOPENED",
        "SRV6_ENCAP",
        "REBORN",
        ""
      )
      members.append("\"trace_reason\":\"\(reason)\"")
    }
    if chance(80) { members.append("\"is_reply\":\(chance(40))") }
    if chance(10) { members.append(#""destination_service":{"name":"web","namespace":"shop"}"#) }
    if chance(3) { members.append(#""aggregate":{"ingress_flow_count":3}"#) }
    if chance(15) { members.append(l7()) }
    if chance(20) {
      members.append(
        #""egress_allowed_by":[{"name":"p","namespace":"n","labels":["a=b"],"revision":"1"}]"#
      )
    }
    if chance(10) { members.append("\"extensions\":\(odd())") }
    members.append("\"Summary\":\"TCP Flags: SYN\"")
    if chance(30) { members.shuffle(using: &random) }
    if chance(4), let again = members.randomElement(using: &random) { members.append(again) }
    var outer = ["\"flow\":{\(members.joined(separator: ","))}"]
    if chance(95) { outer.append("\"node_name\":\"\(node)\"") }
    if chance(95) { outer.append("\"time\":\"\(time)\"") }
    if chance(3) { outer.shuffle(using: &random) }
    return "{\(outer.joined(separator: ","))}"
  }

  private mutating func time() -> String {
    let day = chance(90) ? "02" : word("03", "30", "31")
    let clock = chance(97) ? "0\(number(0...9)):5\(number(0...9)):\(number(10...60))" : "24:00:00"
    return "2026-\(word("11", "11", "02"))-\(day)T\(clock)"
      + word(".026028000", ".5", "", ".026028123", ".123456789012") + word("Z", "Z", "Z", "+01:00")
  }

  private mutating func addresses() -> String {
    func one(_ generator: inout HubbleLineGenerator) -> String {
      generator.chance(90)
        ? "10.0.\(generator.number(0...1)).\(generator.number(1...4))"
        : generator.word(
          "203.0.113.9",
          "2001:db8::1",
          "169.254.20.10",
          "224.0.0.1",
          "300.1.1.1",
          "1.2.3",
          "",
          "::ffff:10.0.0.1",
          "010.0.0.1",
          "1.2.3.4.5"
        )
    }
    var parts = ["\"source\":\"\(one(&self))\"", "\"destination\":\"\(one(&self))\""]
    if chance(90) { parts.append("\"ipVersion\":\"IPv4\"") }
    if chance(5) { parts.append("\"source_xlated\":\"10.96.0.1\"") }
    if chance(5) { parts.append("\"encrypted\":true") }
    return parts.joined(separator: ",")
  }

  private mutating func transport() -> String {
    func port(_ generator: inout HubbleLineGenerator) -> Int {
      generator.chance(50)
        ? [53, 80, 443, 0, 65_536][generator.number(0...4)] : generator.number(1...65_535)
    }
    let ports = "\"source_port\":\(port(&self)),\"destination_port\":\(port(&self))"
    switch number(0...9) {
    case 0: return "\"UDP\":{\(ports)}"
    case 1: return "\"ICMPv4\":{\"type\":\(word("8", "0", "3"))\(chance(50) ? ",\"code\":1" : "")}"
    case 2: return #""ICMPv6":{"type":128}"#
    case 3: return word("\"SCTP\":{\(ports)}", #""UDP":{}"#, #""VRRP":{"type":1}"#, "")
    default:
      let flags = word(
        #""SYN":true"#,
        #""SYN":true,"ACK":true"#,
        #""ACK":true,"PSH":true"#,
        #""RST":true"#,
        #""RST":true,"ACK":true"#,
        #""SYN":false"#,
        "",
        #""CWR":true,"ECE":true"#
      )
      return "\"TCP\":{\(ports)\(chance(85) ? ",\"flags\":{\(flags)}" : "")}"
    }
  }

  /// An endpoint object.
  mutating func end() -> String {
    switch number(0...19) {
    case 0: return #"{"identity":2,"labels":["reserved:world"]}"#
    case 1: return #"{"identity":16777217,"labels":["cidr:203.0.113.0/24","reserved:world"]}"#
    case 2: return #"{"ID":\#(number(1...3)),"identity":1,"labels":["reserved:host"]}"#
    case 3: return word("{}", #"{"identity":6}"#, #"{"identity":1,"labels":[]}"#)
    case 4:
      return #"{"identity":7,"labels":["reserved:kube-apiserver","reserved:remote-node"]}"#
    case 5: return #"{"namespace":"shop","pod_name":"bare-\#(number(1...3))"}"#
    case 6:
      return #"{"identity":9,"namespace":"shop","pod_name":"bare-\#(number(1...3))","labels":[]}"#
    case 7: return word("null", "[]", "3", #"{"identity":null}"#, #""text""#)
    default: break
    }
    let app = number(1...4)
    var members: [String] = []
    if chance(60) { members.append("\"ID\":\(number(1...4000))") }
    if chance(90) { members.append("\"identity\":\(10_000 + app)") }
    if chance(50) { members.append("\"cluster_name\":\"c\(number(1...2))\"") }
    if chance(90) { members.append("\"namespace\":\"shop\"") }
    var labels = ["k8s:app=a\(app)", "k8s:io.kubernetes.pod.namespace=shop"]
    if chance(10) { labels.append("k8s:version=v\(number(1...9))") }
    if chance(50) { labels += ["k8s:app.kubernetes.io/name=a\(app)", "k8s:tier=", "k8s:bare"] }
    if chance(20) { labels.append(oddLabel()) }
    if chance(10) { labels.shuffle(using: &random) }
    members.append("\"labels\":[\(labels.map { "\"\($0)\"" }.joined(separator: ","))]")
    if chance(90) {
      members.append(#""pod_name":"a\#(app)-\#(word("x", "yy", "zzz", "", "q\\\"q", "é"))""#)
    }
    if chance(50) { members.append(#""workloads":[{"name":"a\#(app)","kind":"Deployment"}]"#) }
    if chance(5) { members.append("\"workloads\":\(oddWorkloads())") }
    if chance(3) { members.append(#""podName":"other""#) }
    if chance(3) { members.append(#""ID":7"#) }
    if chance(3) { members.append(#""pod_name":"again""#) }
    if chance(5) { members.shuffle(using: &random) }
    return "{\(members.joined(separator: ","))}"
  }

  /// A label that is not a plain one of the pod.
  private mutating func oddLabel() -> String {
    word(
      "k8s:io.cilium.k8s.policy.cluster=c3",
      "k8s:io.cilium.k8s.policy.serviceaccount=a",
      "k8s:io.kubernetes.pod.namespace=other",
      "k8s:app=again",
      "k8s:a=b=c",
      "k8s:=x",
      "k8s:",
      "k8s",
      "any:zone=a",
      "plain=label",
      "odd:key=value",
      "reserved:host",
      "cidr:10.0.0.0/8",
      "k8s:\\u0061pp=escaped",
      "k8s:é=ü"
    )
  }

  /// Owners in unusual form.
  private mutating func oddWorkloads() -> String {
    word(
      "[]",
      "null",
      #"[{"name":"","kind":"Deployment"}]"#,
      #"[{"kind":"Deployment","name":"a"}]"#,
      #"[{"name":"a","kind":"Deployment","x":1}]"#,
      #"[{"name":"a"}]"#,
      #"[{"name":"a","kind":"Job"},{"name":"b","kind":"CronJob"}]"#,
      #"[{"name":"a","kind":1}]"#
    )
  }

  private mutating func l7() -> String {
    let type = word(#""type":"REQUEST","#, #""type":"RESPONSE","#, #""type":"SAMPLE","#, "")
    return
      #""l7":{\#(type)"latency_ns":"12","http":{"code":200,"url":"http:\/\/a\u003cb","headers":[{"key":"a","value":"b\\n"}]}}"#
  }

  /// A value of no interest.
  private mutating func odd() -> String {
    word(
      "-1.5e+10",
      "01",
      "1.",
      "-",
      "1e",
      "true",
      "nul",
      "[[[]]]",
      "[1,2,]",
      "{\"a\":{}}",
      "{\"a\"}",
      "\"\\u00zz\"",
      "\"\\ud83d\\ude00\"",
      "\"\\x\"",
      "\"tab\there\"",
      "\"é\"",
      "[1 ,2]",
      "{,}",
      "[}",
      String(repeating: "[", count: 70) + String(repeating: "]", count: 70),
      String(repeating: "[", count: 130) + String(repeating: "]", count: 130)
    )
  }

  /// Changes bytes, cuts, doubles, inserts.
  mutating func mutate(_ line: String) -> [UInt8] {
    var bytes = Array(line.utf8)
    for _ in 0..<number(1...3) where !bytes.isEmpty {
      let place = number(0...bytes.count - 1)
      switch number(0...7) {
      case 0: bytes[place] = UInt8(number(0...255))
      case 1: bytes[place] ^= 1 << UInt8(number(0...7))
      case 2: bytes.removeSubrange(place...)
      case 3: bytes.removeSubrange(place..<min(bytes.count, place + number(1...20)))
      case 4:
        bytes.insert(
          contentsOf: Array(word("\\", "\"", " ", "\t", "{", "}", "\r", "\\u0041").utf8),
          at: place
        )
      case 5:
        let end = min(bytes.count, place + number(1...60))
        bytes.insert(contentsOf: bytes[place..<end], at: place)
      case 6:
        let key = word(
          "\"is_reply\":true,",
          "\"isReply\":true,",
          "\"time\":null,",
          "\"verdict\":1,",
          "\"source\":{},",
          "\"trafficDirection\":\"EGRESS\",",
          "\"eventType\":{\"type\":5},",
          "\"destinationNames\":[\"c.example.com\"],",
          "\"dropReasonDesc\":181,",
          "\"x\":1,"
        )
        let braces = bytes.indices.filter { bytes[$0] == UInt8(ascii: "{") }
        guard let brace = pick(braces) else { continue }
        bytes.insert(contentsOf: Array(key.utf8), at: brace + 1)
      default:
        let commas = bytes.indices.filter { bytes[$0] == UInt8(ascii: ",") }
        guard let comma = pick(commas) else { continue }
        bytes.insert(contentsOf: Array(word(" ", "\t", ",", "\r").utf8), at: comma + 1)
      }
    }
    // A line feed would only make it two lines, which is tested too, but seldom.
    return chance(98) ? bytes.map { $0 == 0x0a ? 0x20 : $0 } : bytes
  }
}
