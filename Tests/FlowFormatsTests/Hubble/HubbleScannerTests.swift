import FlowAggregation
import FlowModel
import Foundation
import JSONText
import TestSupport
import Testing

@testable import FlowFormats

@Suite("The Hubble scanner agrees with the ordinary decoder")
struct HubbleScannerTests {
  typealias Harness = HubbleScannerHarness

  private static let flow =
    #"{"flow":{"time":"2026-11-02T00:08:21.026028000Z","verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.0.0.2","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":39429,"destination_port":8443,"flags":{"SYN":true}}},"source":{"ID":12,"identity":42978,"cluster_name":"demo","namespace":"shop","labels":["k8s:app=web","k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"web-5f7-abcde","workloads":[{"name":"web","kind":"Deployment"}]},"destination":{"identity":42979,"namespace":"shop","labels":["k8s:app=db","k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"db-0"},"Type":"L3_L4","node_name":"demo/node-1","event_type":{"type":4},"traffic_direction":"EGRESS","trace_observation_point":"TO_ENDPOINT","trace_reason":"NEW","is_reply":false,"Summary":"TCP Flags: SYN"},"node_name":"demo/node-1","time":"2026-11-02T00:08:21.026028000Z"}"#

  @Test("The words' numbers are those of their text")
  func words() {
    let words: [(String, JSONWord)] = [
      ("IP", .ip), ("l4", .l4), ("l7", .l7), ("emitter", .emitter), ("time", .time),
      ("Type", .flowType),
      ("reply", .reply), ("source", .source), ("verdict", .verdict), ("isReply", .camelIsReply),
      ("is_reply", .isReply), ("node_name", .nodeName), ("aggregate", .aggregate),
      ("eventType", .camelEventType), ("event_type", .eventType),
      ("dropReason", .camelDropReason), ("destination", .destination),
      ("node_labels", .nodeLabels), ("drop_reason", .dropReason),
      ("traceReason", .camelTraceReason), ("trace_reason", .traceReason),
      ("dropReasonDesc", .camelDropReasonDesc), ("drop_reason_desc", .dropReasonDesc),
      ("trafficDirection", .camelTrafficDirection), ("destinationNames", .camelDestinationNames),
      ("traffic_direction", .trafficDirection), ("destination_names", .destinationNames),
      ("destinationService", .camelDestinationService),
      ("destination_service", .destinationService),
      ("traceObservationPoint", .camelTraceObservationPoint),
      ("trace_observation_point", .traceObservationPoint), ("flow", .flow),
      ("source_port", .sourcePort), ("destination_port", .destinationPort), ("flags", .flags),
      ("type", .type), ("code", .code), ("sub_type", .subType), ("SYN", .syn), ("ACK", .ack),
      ("RST", .rst), ("TCP", .tcp), ("UDP", .udp), ("ICMPv4", .icmpv4), ("ICMPv6", .icmpv6),
      ("ID", .id), ("pod_name", .podName), ("podName", .camelPodName),
      ("identity", .identity), ("namespace", .namespace), ("cluster_name", .clusterName),
      ("labels", .labels), ("workloads", .workloads),
      ("FORWARDED", .forwarded), ("DROPPED", .dropped), ("AUDIT", .audit),
      ("REDIRECTED", .redirected), ("TRACED", .traced), ("TRANSLATED", .translated),
      ("ERROR", .error), ("VERDICT_UNKNOWN", .verdictUnknown), ("L3_L4", .l3l4),
      ("L7", .layer7), ("SOCK", .sock), ("UNKNOWN_TYPE", .unknownType),
      ("TO_ENDPOINT", .toEndpoint), ("TO_STACK", .toStack), ("TO_NETWORK", .toNetwork),
      ("TO_PROXY", .toProxy), ("TO_HOST", .toHost), ("UNKNOWN_POINT", .unknownPoint),
      ("NEW", .new), ("ESTABLISHED", .established), ("REPLY", .replied),
      ("RELATED", .related), ("TRACE_REASON_UNKNOWN", .traceReasonUnknown),
      ("INGRESS", .ingress), ("EGRESS", .egress), ("REQUEST", .request),
      ("RESPONSE", .response), ("SAMPLE", .sample), ("POLICY_DENIED", .policyDenied),
      ("POLICY_DENY", .policyDeny), ("DROP_REASON_UNKNOWN", .dropReasonUnknown),
      ("FROM_ENDPOINT", .fromEndpoint), ("FROM_PROXY", .fromProxy), ("FROM_HOST", .fromHost),
      ("FROM_STACK", .fromStack), ("FROM_OVERLAY", .fromOverlay), ("FROM_NETWORK", .fromNetwork),
      ("FROM_CRYPTO", .fromCrypto), ("TO_OVERLAY", .toOverlay), ("TO_CRYPTO", .toCrypto),
      ("REOPENED", .reopened), ("UNKNOWN_L7_TYPE", .unknownL7Type),
      ("INVALID_SOURCE_IP", .invalidSourceIP), ("UNSUPPORTED_L3_PROTOCOL", .unsupportedL3),
      ("UNSUPPORTED_L2_PROTOCOL", .unsupportedL2), ("STALE_OR_UNROUTABLE_IP", .staleIP),
      ("CT_MAP_INSERTION_FAILED", .mapInsertion), ("TTL_EXCEEDED", .ttlExceeded),
      ("AUTH_REQUIRED", .authRequired), ("VLAN_FILTERED", .vlanFiltered),
      ("INVALID_IDENTITY", .invalidIdentity),
    ]
    for (text, word) in words {
      let bytes = Array(text.utf8) + Array("\"".utf8) + [UInt8](repeating: 0, count: 64)
      #expect(bytes.span.bytes.token(0).is(word), "\(text)")
      let key = Array("\(text)\":".utf8) + [UInt8](repeating: 0, count: 64)
      #expect(Self.isKey(key, word), "\(text)")
      for index in 0..<text.utf8.count + 2 {
        var other = key
        other[index] ^= 4
        #expect(!Self.isKey(other, word), "\(text) \(index)")
      }
    }
  }

  private static func isKey(_ bytes: [UInt8], _ word: JSONWord) -> Bool {
    bytes.span.bytes.isKey(0, word)
  }

  @Test("It takes the lines of Cilium's exporter itself")
  func takes() throws {
    #expect(Harness.takes(Self.flow))
    for line in String(decoding: try Harness.sampleFlows(), as: UTF8.self).split(separator: "\n")
    where !line.contains("lost_events") {
      #expect(Harness.takes(String(line)), "\(line.prefix(80))")
    }
    for (name, bytes) in try Harness.captures()
    where name.hasPrefix("hubble-otel") || name.hasPrefix("cilium-1.20") {
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      let taken = lines.filter { Harness.takes(String($0)) }.count
      if !name.contains("loki") { #expect(taken * 10 >= lines.count * 9, "\(name): \(taken)") }
    }
  }

  @Test(
    "It leaves to the tree what is not exactly as expected",
    arguments: [
      ("\"is_reply\":false", "\"isReply\":false"), ("\"is_reply\":false", "\"is_reply\":null"),
      ("\"is_reply\":false", "\"is_reply\":false,\"is_reply\":true"),
      ("\"is_reply\":false", "\"is_\\u0072eply\":false"), ("\"l4\":{", "\"l4\": {"),
      ("\"type\":4", "\"type\":4.0"), ("\"type\":4", "\"type\":\"4\""), ("10.0.0.1", "10.0.0.256"),
      ("\"FORWARDED\"", "1"), ("TCP Flags: SYN", "caf\u{e9}"), ("TCP Flags: SYN", "a\u{1}b"),
      ("TCP Flags: SYN", "a\\xb"), ("},\"node_name\"", ",\"node_name\""), ("39429", "039429"),
      ("\"TCP\":{", "\"TCP\":{\"sourcePort\":1,"), ("00:08:21", "00:08:61"),
    ]
  )
  func leaves(_ change: (old: String, new: String)) {
    let line = Self.flow.replacingOccurrences(of: change.old, with: change.new)
    #expect(line != Self.flow)
    #expect(!Harness.takes(line))
    let block = [Harness.block([Self.flow, line, Self.flow])]
    #expect(Harness.fast(block) == Harness.slow(block))
  }

  @Test(
    "It takes harmless escapes and unknown members",
    arguments: [
      ("TCP Flags: SYN", "a\\u003cb\\\"c\\\\"),
      ("\"Type\"", "\"brand_new\":[1,{\"a\":-1.5e3}],\"Type\""),
      ("\"Type\"", "\"a_key_of_more_than_twenty_four_bytes\":null,\"Type\""),
      ("\"node_name\"", "\"node_labels\":[\"a=b\"],\"node_name\""),
      (",\"workloads\":[{\"name\":\"web\",\"kind\":\"Deployment\"}]", ""), ("\"ID\":12,", ""),
    ]
  )
  func takesMore(_ change: (old: String, new: String)) {
    let line = Self.flow.replacingOccurrences(of: change.old, with: change.new)
    #expect(line != Self.flow)
    #expect(Harness.takes(line))
    let block = [Harness.block([Self.flow, line, Self.flow])]
    #expect(Harness.fast(block) == Harness.slow(block))
  }

  @Test("Every reference capture gives the same, in lines and cut anywhere")
  func captures() throws {
    for (name, bytes) in try Harness.captures() + [("sample-flows", try Harness.sampleFlows())] {
      #expect(Harness.fast([bytes]) == Harness.slow([bytes]), "\(name)")
    }
  }

  @Test("Random lines give the same", arguments: Seed.samples(200))
  func randomLines(seed: Seed) {
    var generator = HubbleLineGenerator(seed)
    let lines = (0..<60).map { _ in generator.line() }
    let block = [Harness.block(lines)]
    #expect(Harness.fast(block) == Harness.slow(block))
  }

  @Test("Broken lines give the same, and lose none of the good ones", arguments: Seed.samples(200))
  func mutatedLines(seed: Seed) {
    var generator = HubbleLineGenerator(seed)
    var bytes: [UInt8] = []
    for _ in 0..<40 {
      let line = generator.line()
      bytes += Array(line.utf8) + [0x0a]
      bytes += generator.mutate(line) + [0x0a]
      bytes += generator.mutate(Self.flow) + [0x0a]
    }
    #expect(Harness.fast([bytes]) == Harness.slow([bytes]))
  }

  @Test("Every cut and every changed byte of a line gives the same")
  func everyByte() {
    let line = Array(Self.flow.utf8)
    var bytes = line + [0x0a]
    for index in line.indices {
      bytes += line[..<index] + [0x0a]
      for value in [UInt8(ascii: "\""), UInt8(ascii: "\\"), 0x00, 0x20, UInt8(ascii: "}"), 0xc3] {
        var changed = line
        changed[index] = value
        bytes += changed + [0x0a]
      }
    }
    #expect(Harness.fast([bytes]) == Harness.slow([bytes]))
  }

  @Test("Blocks may be cut between any lines, and a last line may lack its line feed")
  func blocks() {
    var generator = HubbleLineGenerator(Seed(1))
    let lines = (0..<50).map { _ in generator.line() }
    let whole = Harness.slow([Harness.block(lines)])
    #expect(Harness.fast(lines.map { Harness.block([$0]) }) == whole)
    for cut in [1, 7, 25, 49] {
      let blocks = [Harness.block(Array(lines[..<cut])), Harness.block(Array(lines[cut...]))]
      #expect(Harness.fast(blocks) == whole, "cut at \(cut)")
    }
    #expect(Harness.fast([Array(Harness.block(lines).dropLast())]) == whole)
  }

  @Test("Carriage returns and blank lines change nothing")
  func carriageReturns() {
    var generator = HubbleLineGenerator(Seed(2))
    let lines = (0..<50).map { _ in generator.line() }
    let unix = Harness.block(lines)
    let dos = Harness.block(lines, end: "\r\n")
    #expect(Harness.fast([dos]) == Harness.slow([dos]))
    #expect(Harness.fast([dos]).finished.edges == Harness.fast([unix]).finished.edges)
    let gaps = Harness.block(lines.flatMap { [$0, "", "  ", "\r"] })
    #expect(Harness.fast([gaps]) == Harness.slow([gaps]))
    #expect(Harness.takes(Self.flow + "\r"))
    #expect(!Harness.takes(Self.flow + "\r\r"))
  }

  @Test("A memory of endpoints that is too small changes nothing", arguments: [0, 100, 700, 5_000])
  func smallMemo(limit: Int) throws {
    let sample = try Harness.sampleFlows()
    #expect(Harness.fast([sample], memoLimit: limit) == Harness.slow([sample]))
    for seed in Seed.samples(20) {
      var generator = HubbleLineGenerator(seed)
      let block = [Harness.block((0..<100).map { _ in generator.line() })]
      #expect(Harness.fast(block, memoLimit: limit) == Harness.slow(block), "\(seed)")
    }
  }

  @Test(
    "Objects that begin like known ones and go on otherwise are read as what they are",
    arguments: 0..<4
  )
  func wrongAssumptions(last: Int) {
    // Of the same beginning, which is all that is looked at before the rest was compared: of the same length, longer,
    // shorter, and much shorter, so that the known one's length reaches into the lines behind.
    let known = #""k8s:app=db","k8s:io.kubernetes.pod.namespace=shop""#
    let variants = [
      #""k8s:app=dx","k8s:io.kubernetes.pod.namespace=shop""#,
      #""k8s:app=database","k8s:io.kubernetes.pod.namespace=shop""#,
      #""k8s:app=d","k8s:io.kubernetes.pod.namespace=shop""#, #""k8s:app=d""#,
    ].map { Self.flow.replacingOccurrences(of: known, with: $0) }
    var lines = [Self.flow, Self.flow]
    for variant in variants { lines += [variant, Self.flow, variant, variant] }
    // A longer one is known first, and what comes last is shorter: the known length goes beyond the end.
    let long = Self.flow.replacingOccurrences(
      of: known,
      with: #""k8s:a=\#(String(repeating: "x", count: 4_000))""#
    )
    lines += [long, long, Self.flow, variants[last]]
    for count in 1...lines.count {
      let block = [Harness.block(Array(lines.prefix(count)))]
      let result = Harness.fast(block)
      #expect(result == Harness.slow(block))
      #expect(result.finished.counts.used == count)
    }
    let backwards = [Harness.block(lines.reversed())]
    #expect(Harness.fast(backwards) == Harness.slow(backwards))
  }

  @Test(
    "A known object as long as the rest of a line and the next one up to its object's end costs no line"
  )
  func assumedAcrossLines() throws {
    let db =
      #"{"identity":42979,"namespace":"shop","labels":["k8s:app=db","k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"db-0"}"#
    let parts = Self.flow.components(separatedBy: db)
    let (before, behind) = (try #require(parts.first), try #require(parts.last))
    func object(_ count: Int) -> String {
      #"{"identity":42979,"namespace":"shop","labels":["k8s:app=\#(String(repeating: "x", count: count))"]}"#
    }
    let short = before + object(1) + behind
    // Read with that length, two short lines look like one good line.
    let long = before + object(1 + behind.utf8.count + 1 + (before + object(1)).utf8.count) + behind
    let other = Self.flow.replacingOccurrences(of: "8443", with: "8444")
    for lines in [
      [long, short, short, other, other], [long, short, short], [long, short, short, short, short],
      [long, short, other, short, short, long, short],
    ] {
      let block = [Harness.block(lines)]
      let result = Harness.fast(block)
      #expect(result == Harness.slow(block))
      #expect(result.finished.counts.used == lines.count)
    }
  }

  @Test("Of 500 good lines around 5 broken ones none is lost")
  func brokenAmongGood() {
    let bad = ["{\"flow\":{", "{\"flow\":{\"time\":\"2026", "no JSON", "{\"flow\":{}}}", "\"x\""]
    var lines = [String](repeating: Self.flow, count: 500)
    for (index, line) in bad.enumerated() { lines.insert(line, at: 50 + index * 100) }
    let result = Harness.fast([Harness.block(lines)])
    #expect(result.finished.counts.used == 500)
    #expect(result.finished.counts.rejectedCount == 5)
    #expect(result.finished.counts.rejections.map(\.line) == [51, 151, 251, 351, 451])
    #expect(result == Harness.slow([Harness.block(lines)]))
  }

  @Test(
    "Objects of pods are read in place when they are in Cilium's form",
    arguments: [
      (
        #"{"ID":1,"identity":9,"cluster_name":"c","namespace":"shop","labels":["k8s:app.kubernetes.io/name=a","k8s:app=a","k8s:io.cilium.k8s.policy.cluster=c"],"pod_name":"a-1","workloads":[{"name":"a","kind":"Deployment"}]}"#,
        true
      ),
      (#"{"namespace":"shop","labels":["k8s:app"]}"#, true),
      (#"{"identity":9,"pod_name":"a-1","namespace":"shop","labels":["k8s:app=a"]}"#, true),
      (#"{"identity":9,"pod_name":"","namespace":"shop","labels":["k8s:app=a"]}"#, true),
      (#"{"identity":9,"namespace":"shop","labels":["k8s:app=a"]}"#, true),
      (#"{"identity":9,"namespace":"shop","ID":7,"labels":["k8s:app=a"],"pod_name":"a-1"}"#, true),
      (#"{"ID":3,"identity":9,"namespace":"shop","labels":["k8s:a=b"],"ID":7}"#, true),
      (#"{"namespace":"shop","labels":["k8s:app=a","k8s:app=b"]}"#, false),
      (#"{"namespace":"shop","labels":["k8s:app=a","any:x=y"]}"#, false),
      (#"{"namespace":"shop","labels":[]}"#, false), (#"{}"#, false),
      (#"{"namespace":"shop","labels":["k8s:app=a"],"brand_new":1}"#, false),
      (#"{"identity":16777217,"namespace":"shop","labels":["k8s:app=a"]}"#, false),
    ]
  )
  func podObjects(_ object: (text: String, isRead: Bool)) throws {
    let bytes = Array(object.text.utf8) + [0x0a] + [UInt8](repeating: 0, count: RawSpan.scanSlack)
    var keys = HubbleLabelKeys()
    let pod = keys.pod(bytes.span.bytes, 0)
    #expect((pod != nil) == object.isRead)
    guard let pod else { return }
    var fast = EvidenceAccumulator(logKind: .hubble)
    var slow = EvidenceAccumulator(logKind: .hubble)
    let value = try JSONParser.parse(object.text)
    #expect(
      pod.reader.classify(into: &fast).end == HubbleEndpointReader.read(value, into: &slow)
    )
    #expect(fast.endpoints == slow.endpoints && fast.endpoints.count == 1)
    let body = HubbleEndMemo.bodyStart(bytes.span.bytes, 0)
    guard body > 0 else { return }
    // Both ways to look for the name find the same.
    let shape = HubbleEndMemo.shape(bytes.span.bytes, body)
    #expect(pod.shape.isUsual == shape.isUsual)
    guard shape.isUsual else { return }
    #expect(pod.shape.nameStart == shape.nameStart && pod.shape.nameCount == shape.nameCount)
  }

  @Test("Pods of one workload share an endpoint, and each name is remembered")
  func podNames() {
    let bare = #"{"identity":9,"namespace":"shop","pod_name":"web-5f7-fghij"}"#
    let other = Self.flow.replacingOccurrences(of: "abcde", with: "fghij")
    let named = Self.flow.replacingOccurrences(
      of:
        #"{"identity":42979,"namespace":"shop","labels":["k8s:app=db","k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"db-0"}"#,
      with: bare
    )
    let result = Harness.fast([Harness.block([Self.flow, other, named])])
    #expect(result.finished.counts.used == 3)
    // The pod known by its name only is found to be the second web pod.
    #expect(result.finished.edges.contains { $0.contains("source: 0, destination: 0") })
  }

  @Test(
    "Endpoint objects of any length give the same, around the longest that is told apart by its name",
    arguments: [8_189, 8_191, 8_193, 10_000]
  )
  func longEndpoints(count: Int) {
    let before = #""identity":42979,"namespace":"shop","labels":[""#
    let name = #"","k8s:io.kubernetes.pod.namespace=shop"],"pod_name":""#
    #expect(Self.flow.contains(before + "k8s:app=db" + name + #"db-0"}"#))
    // One behind the other, so that each is looked up among those that came before.
    let lines = (count - 1...count).flatMap { count -> [String] in
      let label = String(repeating: "x", count: count - before.utf8.count - name.utf8.count)
      let long = Self.flow.replacingOccurrences(of: "k8s:app=db", with: label)
      let tail = String(repeating: "y", count: count - #"","workload_name":""}"#.utf8.count)
      let behind = Self.flow.replacingOccurrences(
        of: #"db-0"}"#,
        with: #"db-0","workload_name":"\#(tail)"}"#
      )
      return [long, behind, long.replacingOccurrences(of: "db-0", with: "db-1"), behind]
    }
    let block = [Harness.block(lines)]
    #expect(Harness.fast(block) == Harness.slow(block))
    #expect(Harness.fast(block).finished.counts.used == lines.count)
  }

  @Test("A decoder that meets another accumulator starts anew")
  func anotherAccumulator() {
    var decoder = HubbleDecoder(options: DecoderOptions())
    let block = Harness.block([Self.flow, Self.flow])
    for _ in 0..<3 {
      var accumulator = EvidenceAccumulator(logKind: .hubble)
      _ = decoder.decode(lines: block.span.bytes, firstLine: 1, into: &accumulator)
      accumulator.finish()
      #expect(accumulator.endpoints.count == 2)
      #expect(accumulator.counts.used == 2)
    }
  }

  @Test("With an inventory the ends are the same", arguments: Seed.samples(30))
  func inventory(seed: Seed) {
    var generator = HubbleLineGenerator(seed)
    let block = [Harness.block((0..<80).map { _ in generator.line() })]
    let resolver = CalicoHarness.Resolver(
      known: ["203.0.113.9": .unknownPod, "10.0.0.1": .service(name: "shop/web", backends: [])],
      pods: ["shop/bare-1": Endpoint(kind: .pod, namespace: "shop", labels: ["app": "bare"])]
    )
    #expect(
      Harness.fast(block, resolver: resolver) == Harness.slow(block, resolver: resolver)
    )
    var options = DecoderOptions()
    options.assumedTime = 1_793_577_600_000_000
    #expect(Harness.fast(block, options: options) == Harness.slow(block, options: options))
  }

  @Test(
    "Records in envelopes, flat ones and such with blanks give the same",
    arguments: Seed.samples(40)
  )
  func wrapped(seed: Seed) {
    var generator = HubbleLineGenerator(seed)
    var envelopes = EnvelopeGenerator(seed)
    let lines = (0..<60).map { index -> String in
      var line = generator.line()
      // The flow alone.
      if index % 4 == 0, line.hasPrefix(#"{"flow":{"#), let end = line.range(of: #"},"node_name":"#)
      {
        line = line.dropFirst(8).prefix(upTo: end.lowerBound) + "}"
      }
      return envelopes.line(line)
    }
    let block = [Harness.block(lines)]
    #expect(Harness.fast(block) == Harness.slow(block))
  }

  @Test("The usual envelopes need no tree", arguments: EnvelopeGenerator.usual(flow))
  func usualEnvelopes(line: String) {
    #expect(Harness.needsNoTree(line))
  }

  @Test("A flow alone, and one behind other members, need no tree")
  func otherPlaces() {
    let flat = Self.flow.dropFirst(8).prefix { $0 != "\n" }
    let end = flat.range(of: #"},"node_name":"demo/node-1","time""#)
    #expect(
      Harness.needsNoTree(String(flat.prefix(upTo: end?.lowerBound ?? flat.startIndex)) + "}")
    )
    #expect(Harness.needsNoTree(#"{"date":1.5,"node_name":"x","# + Self.flow.dropFirst()))
    #expect(Harness.needsNoTree(Self.flow.replacingOccurrences(of: "\":", with: "\": ")))
  }
}
