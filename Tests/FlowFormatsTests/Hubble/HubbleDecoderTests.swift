import FlowAggregation
import FlowModel
import TestSupport
import Testing

@testable import FlowFormats

/// One or more records and what a log of just these holds.
struct DecoderCase: Sendable, CustomTestStringConvertible {
  var name: String
  var lines: [String]
  var words: [String]
  var discards: [String]

  init(_ name: String, _ lines: [String], words: [String] = [], discards: [String] = []) {
    self.name = name
    self.lines = lines
    self.words = words
    self.discards = discards
  }

  var testDescription: String { name }
}

private let delivered = "shop/app=web > shop/app=api TCP/8080 both allowed"

@Suite("Hubble's shapes")
struct HubbleShapesTests {
  @Test(
    "Every shape of one record is the same record",
    arguments: [
      ("wrapped", HubbleFlow.forward.line), ("flat", HubbleFlow.forward.flat),
      ("flow alone", #"{"flow":\#(HubbleFlow.forward.flat)}"#),
      ("CRI", "2026-09-15T16:20:01.123456789Z stdout F " + HubbleFlow.forward.line),
      (
        "Docker",
        #"{"log":"\#(escaped(HubbleFlow.forward.line))\n","stream":"stdout","time":"2026-09-15T16:20:02Z"}"#
      ),
      ("message", #"{"message":"\#(escaped(HubbleFlow.forward.line))","level":"info"}"#),
      ("body", #"{"body":"\#(escaped(HubbleFlow.forward.line))"}"#),
      ("line", #"{"line":"\#(escaped(HubbleFlow.forward.line))"}"#),
      (
        "camelCase",
        """
        {"flow":{"time":"2026-09-15T16:20:01.123456789Z","verdict":"FORWARDED","IP":{"source":"10.0.1.1",\
        "destination":"10.0.2.2"},"l4":{"TCP":{"sourcePort":40000,"destinationPort":8080,"flags":{"SYN":true}}},\
        "source":{"namespace":"shop","labels":["k8s:app=web"],"podName":"web-1"},\
        "destination":{"namespace":"shop","labels":["k8s:app=api"],"podName":"api-1"},"Type":"L3_L4",\
        "eventType":{"type":4},"traceObservationPoint":"TO_ENDPOINT","isReply":false,\
        "trafficDirection":"EGRESS"},"nodeName":"n"}
        """
      ),
      ("carriage return", HubbleFlow.forward.line + "\r"),
      ("indented", "  " + HubbleFlow.forward.line),
    ]
  )
  func shapes(name: String, line: String) {
    let log = decodeHubble([line])
    #expect(log.words == [delivered], "\(name)")
    #expect(log.edges.entries.first?.first == 1_789_489_201_123_456)
    #expect(log.counts.rejectedCount == 0)
    let bytes = Array(line.utf8)
    #expect(LogFormat.detect(bytes.span.bytes) == .hubble, "\(name)")
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
  }

  @Test("Verdicts, drop reasons and types newer than the writer are numbers")
  func enumNumbers() {
    let old = HubbleFlow.drop.with("verdict", "2").with("drop_reason_desc", nil)
      .with("drop_reason", "133")
    #expect(
      decodeHubble([old.line]).words == ["shop/app=web > shop/app=api TCP/8080 ingress denied"]
    )
    let numbers = HubbleFlow.forward.with("verdict", "1").with("Type", "1")
      .with("trace_observation_point", "101").with("trace_reason", "1")
      .with("traffic_direction", "1")
    #expect(decodeHubble([numbers.line]).words == [delivered])
    let overlay = HubbleFlow.forward.with("trace_observation_point", "4")
    #expect(decodeHubble([overlay.line]).discards == ["observation-point 1"])
  }

  @Test(
    "A value newer than this program is named by its line where it may decide, and counts nothing",
    arguments: [
      ("verdict", "99", HubbleFlow.forward), ("verdict", "\"HALF_FORWARDED\"", .forward),
      ("Type", "\"L2\"", .forward), ("Type", "9", .forward),
      ("trace_observation_point", "\"TO_THE_MOON\"", .forward),
      ("trace_observation_point", "102", .forward),
      ("event_type", #"{"type":4,"sub_type":77}"#, .forward.with("trace_observation_point", nil)),
      ("trace_reason", "\"REBORN\"", .forward.with("is_reply", nil)),
      ("trace_reason", "9", .forward.with("is_reply", nil)),
      ("drop_reason_desc", "250", .drop),
      ("drop_reason_desc", "\"DENIED_FOR_A_NEW_REASON\"", .drop),
      ("traffic_direction", "\"SIDEWAYS\"", .drop), ("traffic_direction", "3", .policyVerdict),
      ("l7", #"{"type":"GUESS"}"#, .forward),
    ]
  )
  func unknownValues(field: String, value: String, flow: HubbleFlow) {
    let log = decodeHubble([HubbleFlow.forward.line, flow.with(field, value).line])
    #expect(log.words == [delivered] && log.discards.isEmpty)
    #expect(log.counts.rejections.map(\.line) == [2])
    let named = ["event_type": "trace_observation_point", "l7": "l7.type"][field] ?? field
    #expect(
      log.counts.rejections.first?.problem == "field \"\(named)\" has a value that is not known"
    )
  }

  @Test(
    "A new value of a field that does not decide leaves the record as it is",
    arguments: [
      ("trace_reason", "\"REBORN\""), ("traffic_direction", "\"SIDEWAYS\""),
      ("drop_reason_desc", "250"), ("auth_type", "\"NEW_AUTH\""),
    ]
  )
  func unknownValuesBeside(field: String, value: String) {
    let log = decodeHubble([HubbleFlow.forward.with(field, value).line])
    #expect(log.words == [delivered] && log.counts.rejectedCount == 0)
  }

  @Test("Lines that are not flows are counted, not read")
  func otherEvents() {
    let log = decodeHubble([
      #"{"lost_events":{"source":"PERF_EVENT_RING_BUFFER","num_events_lost":"123"},"node_name":"n","time":"2026-09-15T16:20:01Z"}"#,
      #"{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"7","last":"2026-09-15T18:00:00Z"}}"#,
      #"{"node_status":{"state_change":"NODE_UNAVAILABLE","node_names":["n2"]},"time":"2026-09-15T16:20:01Z"}"#,
      #"{"node_status":{"state_change":"NODE_CONNECTED","node_names":["n1"]}}"#,
      #"{"agent_event":{"type":"POLICY_UPDATED"}}"#, #"{"debug_event":{"type":"DBG_GENERIC"}}"#, "",
      "   ",
    ])
    #expect(log.counts.lostEvents == 130)
    #expect(log.discards == ["coverage-marker 3", "not-a-flow 3"])
    #expect(log.counts.rejectedCount == 0)
    #expect(log.counts.notes.count == 1)
    #expect(log.counts.capture[497_080]?.lost == 123)
    #expect(log.counts.capture[497_082]?.lost == 7)
  }

  @Test("More lost events than a number holds do not stop the reading")
  func hostileLostEvents() {
    let line =
      #"{"lost_events":{"num_events_lost":"9223372036854775807"},"time":"2026-09-15T16:20:01Z"}"#
    var log = decodeHubble([line, line, HubbleFlow.forward.line])
    #expect(log.counts.lostEvents == .max)
    #expect(log.words == [delivered])
    log.merge(decodeHubble([line]), lineOffset: 3)
    #expect(log.counts.lostEvents == .max)
  }

  @Test("What cannot be read is refused with its line and without its values")
  func refusals() {
    let log = decodeHubble([
      HubbleFlow.forward.line, "Defaulted container", #"{"secret":"hunter2"}"#, #"{"flow":7}"#,
      #"["hunter2"]"#, #"{"flow":{"verdict":"FORW"#, HubbleFlow.forward.line,
    ])
    #expect(log.words == [delivered])
    #expect(log.counts.used == 2)
    #expect(log.counts.rejections.map(\.line) == [2, 3, 4, 5, 6])
    #expect(!log.counts.rejections.contains { $0.problem.contains("hunter2") })
  }

  @Test("A record without time is refused with the option that helps, and read with it")
  func assumedTime() {
    let line = HubbleFlow.forward.with("time", nil).line
    let refused = decodeHubble([line])
    #expect(refused.words.isEmpty)
    #expect(refused.counts.rejections.first?.problem.contains("--assume-time") == true)
    var options = DecoderOptions()
    options.assumedTime = 1_789_489_201_000_000
    let read = decodeHubble([line], options: options)
    #expect(read.words == [delivered])
    #expect(read.edges.entries.first?.first == options.assumedTime)
  }

  @Test("The user's cluster name fills in only what the log leaves open")
  func cluster() {
    let named = HubbleFlow.forward.with(
      "source",
      #"{"cluster_name":"west","namespace":"shop","labels":["k8s:app=web"]}"#
    )
    #expect(
      decodeHubble([named.line], cluster: "east").words == [
        "west:shop/app=web > east:shop/app=api TCP/8080 both allowed"
      ]
    )
  }
}

@Suite("What a Hubble log teaches")
struct HubbleDecoderTests {
  private func expect(_ test: DecoderCase) {
    let log = decodeHubble(test.lines)
    #expect(log.words == test.words)
    #expect(log.discards == test.discards)
    #expect(log.counts.rejectedCount == 0)
  }

  @Test(
    "The traps that make wrong policies",
    arguments: [
      DecoderCase(
        "1: replies by mark, by SYN, by port",
        [
          HubbleFlow.forward.with("is_reply", "true").tcp(8080, 40000, "ACK").line,
          HubbleFlow.forward.tcp(8080, 40000, "SYN", "ACK").line,
          HubbleFlow.forward.udp(53, 45678).line,
        ],
        discards: ["reply 3"]
      ),
      DecoderCase(
        "2: direction is not trusted on delivered packets",
        [HubbleFlow.forward.with("traffic_direction", #""EGRESS""#).line],
        words: [delivered]
      ),
      DecoderCase(
        "3: TO_OVERLAY and FROM_* with a mark",
        ["TO_OVERLAY", "FROM_ENDPOINT", "FROM_NETWORK", "FROM_STACK", "TO_CRYPTO"].map {
          HubbleFlow.forward.with("trace_observation_point", "\"\($0)\"").line
        },
        discards: ["observation-point 5"]
      ),
      DecoderCase(
        "3: TO_OVERLAY without mark or point, by its number",
        [
          HubbleFlow.forward.with("trace_observation_point", nil).with("is_reply", nil)
            .with("event_type", #"{"type":4,"sub_type":4}"#).line
        ],
        discards: ["observation-point 1"]
      ),
      DecoderCase(
        "4: a named pod whose labels say world",
        [
          HubbleFlow.forward.with(
            "destination",
            #"{"identity":2,"namespace":"shop","pod_name":"api-7","labels":["reserved:world"]}"#
          ).line
        ],
        words: ["shop/app=web > shop/api-7 TCP/8080 both allowed"]
      ),
      DecoderCase(
        "5: pod labels without namespace and name, as seen through the proxy",
        [
          HubbleFlow.forward.with(
            "source",
            #"{"identity":4242,"labels":["k8s:app=web","k8s:io.kubernetes.pod.namespace=shop"]}"#
          ).line
        ],
        words: [delivered]
      ),
      DecoderCase(
        "6: socket events",
        [
          HubbleFlow.forward.with("Type", #""SOCK""#).with("verdict", #""TRANSLATED""#)
            .with("event_type", #"{"type":7}"#).line
        ],
        discards: ["translation 1"]
      ),
      DecoderCase(
        "7: the trace of an audited connection does not hide the audit",
        [
          HubbleFlow.policyVerdict.with("verdict", #""AUDIT""#).line, HubbleFlow.forward.line,
        ],
        words: [
          delivered, "shop/app=web > shop/app=api TCP/8080 ingress would-deny",
        ]
      ),
      DecoderCase(
        "8: drops in mid-connection and for other reasons",
        [
          HubbleFlow.drop.tcp(40000, 8080, "ACK").line,
          HubbleFlow.drop.tcp(40000, 8080, "ACK", "FIN").line,
          HubbleFlow.drop.with("drop_reason_desc", #""STALE_OR_UNROUTABLE_IP""#).line,
          HubbleFlow.drop.with("drop_reason_desc", #""AUTH_REQUIRED""#).line,
        ],
        discards: ["mid-connection 2", "non-policy-drop 2"]
      ),
      DecoderCase(
        "9: denied traffic is kept apart from allowed",
        [HubbleFlow.drop.line, HubbleFlow.drop.with("event_type", #"{"type":5}"#).line],
        words: ["shop/app=web > shop/app=api TCP/8080 ingress denied"]
      ),
      DecoderCase(
        "10: labels of Cilium's own and of other sources",
        [
          HubbleFlow.forward.with(
            "source",
            """
            {"namespace":"shop","labels":["k8s:app=web","gen:io.cilium.k8s.named-ports=dns.UDP.53",\
            "k8s:io.cilium.k8s.policy.serviceaccount=default","cidr:10.0.0.0/8","fqdn:*.test",\
            "k8s:io.cilium.k8s.namespace.labels.team=a","k8s:pod-template-hash=5c5"]}
            """
          ).line
        ],
        words: [delivered]
      ),
      DecoderCase(
        "11: kubelet probes and webhook calls",
        [
          HubbleFlow.forward.with("source", HubbleFlow.reserved("host", identity: 1)).line,
          HubbleFlow.forward.with(
            "source",
            HubbleFlow.reserved("kube-apiserver", "remote-node", identity: 7)
          ).line,
        ],
        words: [
          "apiserver:kube-apiserver:10.0.1.1/32 > shop/app=api TCP/8080 both allowed",
          "node:host > shop/app=api TCP/8080 both allowed",
        ]
      ),
      DecoderCase(
        "12: DNS over UDP and TCP, to pods and to the cache on the node",
        [
          HubbleFlow.forward.udp(40000, 53).line, HubbleFlow.forward.tcp(40000, 53, "SYN").line,
          HubbleFlow.forward.udp(40000, 53).addresses("10.0.1.1", "169.254.20.10")
            .with("destination", HubbleFlow.reserved("host", identity: 1)).line,
        ],
        words: [
          "shop/app=web > node:host UDP/53 both allowed",
          "shop/app=web > shop/app=api TCP/53 both allowed",
          "shop/app=web > shop/app=api UDP/53 both allowed",
        ]
      ),
      DecoderCase(
        "14: identities of two nodes for one address are one peer",
        [16_777_217, 16_777_999].map {
          HubbleFlow.forward.addresses("10.0.1.1", "203.0.113.7")
            .with(
              "destination",
              #"{"identity":\#($0),"labels":["cidr:203.0.113.7/32","reserved:world"]}"#
            )
            .line
        },
        words: ["shop/app=web > 203.0.113.7/32 TCP/8080 both allowed"]
      ),
      DecoderCase(
        "15: two clusters with the same namespace and labels",
        ["east", "west"].map {
          HubbleFlow.forward.with(
            "source",
            #"{"namespace":"shop","labels":["k8s:app=web","k8s:io.cilium.k8s.policy.cluster=\#($0)"]}"#
          ).line
        },
        words: ["east", "west"].map { "\($0):shop/app=web > shop/app=api TCP/8080 both allowed" }
      ),
    ]
  )
  func traps(_ test: DecoderCase) { expect(test) }

  @Test(
    "Of several reserved labels the most specific counts",
    arguments: [
      (["host", "remote-node"], "node:host"),
      (["host", "kube-apiserver"], "apiserver:kube-apiserver:10.0.2.2/32"),
      (["kube-apiserver", "world"], "apiserver:kube-apiserver:10.0.2.2/32"),
      (["world-ipv4"], "10.0.2.2/32"), (["world", "ingress"], "entity:ingress"),
      (["unmanaged"], "entity:unmanaged"), (["init"], "entity:unmanaged"),
      (["remote-node"], "node:remote-node:10.0.2.2/32"),
    ]
  )
  func reservedLabels(labels: [String], end: String) {
    let list = labels.map { #""reserved:\#($0)""# }.joined(separator: ",")
    let flow = HubbleFlow.forward.with("destination", #"{"identity":1,"labels":[\#(list)]}"#)
    #expect(decodeHubble([flow.line]).words == ["shop/app=web > \(end) TCP/8080 both allowed"])
  }

  @Test(
    "Reserved identities tell what a field mask hides",
    arguments: [
      (1, "node:host"), (2, "10.0.2.2/32"), (3, "entity:unmanaged"), (5, "entity:unmanaged"),
      (6, "node:remote-node:10.0.2.2/32"), (7, "apiserver:kube-apiserver:10.0.2.2/32"),
      (8, "entity:ingress"), (9, "10.0.2.2/32"), (16_777_300, "10.0.2.2/32"),
    ]
  )
  func identities(identity: Int, end: String) {
    let flow = HubbleFlow.forward.with("destination", #"{"identity":\#(identity)}"#)
    #expect(decodeHubble([flow.line]).words == ["shop/app=web > \(end) TCP/8080 both allowed"])
  }

  @Test("Health checks and ends that nothing describes are left out by reason")
  func unusable() {
    let log = decodeHubble([
      HubbleFlow.forward.with("source", HubbleFlow.reserved("health", identity: 4)).line,
      HubbleFlow.forward.with("source", "{}").line,
      HubbleFlow.forward.with("source", #"{"identity":77777}"#).line,
    ])
    #expect(log.words.isEmpty)
    #expect(log.discards == ["health-check 1", "unknown-endpoint 2"])
  }

  @Test("A label value keeps everything behind its first equals sign")
  func labelValues() {
    let flow = HubbleFlow.forward.with(
      "source",
      #"{"namespace":"shop","labels":["k8s:example.com/a=b=c:d","app=plain"]}"#
    )
    #expect(
      decodeHubble([flow.line]).words == [
        "shop/app=plain,example.com/a=b=c:d > shop/app=api TCP/8080 both allowed"
      ]
    )
  }

  @Test("DNS names stay with the address; what is no DNS name does not")
  func names() {
    let flow = HubbleFlow.forward.addresses("10.0.1.1", "203.0.113.7")
      .with("destination", HubbleFlow.reserved("world"))
      .with("destination_names", #"["B.Example.test.","a.example.test","ru le: {}","10.1.2.3",""]"#)
    #expect(
      decodeHubble([flow.line]).words == [
        "shop/app=web > a.example.test,b.example.test@203.0.113.7/32 TCP/8080 both allowed"
      ]
    )
  }

  @Test("Old traces count only where nothing in the log marks replies")
  func oldDialect() {
    let old = HubbleFlow.forward.with("is_reply", nil)
    #expect(decodeHubble([old.line]).words == [delivered])
    let marked = HubbleFlow.forward.tcp(40000, 9090, "SYN")
    let log = decodeHubble([old.line, marked.line])
    #expect(log.words == ["shop/app=web > shop/app=api TCP/9090 both allowed"])
    #expect(log.discards == ["unknown-direction 1"])
    let reply = old.with("reply", "true")
    #expect(decodeHubble([old.line, reply.line]).words == [delivered])
  }

  @Test("A pod known by name takes its labels from other records of the log, in any order")
  func podNames() {
    let bare = HubbleFlow.forward.with(
      "destination",
      #"{"namespace":"shop","pod_name":"api-5c5-x","labels":["reserved:world"]}"#
    )
    for lines in [[bare.line, HubbleFlow.forward.line], [HubbleFlow.forward.line, bare.line]] {
      #expect(decodeHubble(lines).words == [delivered])
    }
  }

  @Test("A connection that only got resets back is an attempt; one answer makes it allowed")
  func refused() {
    let reset = HubbleFlow.forward.with("is_reply", "true").tcp(8080, 40000, "RST", "ACK")
      .with("source", HubbleFlow.pod("api")).with("destination", HubbleFlow.pod("web"))
      .addresses("10.0.2.2", "10.0.1.1")
    let attempt = delivered.replacing("allowed", with: "attempt")
    #expect(decodeHubble([HubbleFlow.forward.line, reset.line]).words == [attempt])
    let answer = reset.tcp(8080, 40000, "SYN", "ACK")
    #expect(decodeHubble([HubbleFlow.forward.line, reset.line, answer.line]).words == [delivered])
  }

  @Test("The translated source address decides about self traffic, not the one before")
  func hairpin() {
    let flow = HubbleFlow.forward.addresses("10.0.2.2", "10.0.2.2")
    #expect(decodeHubble([flow.line]).discards == ["self-traffic 1"])
  }

  @Test("Port numbers that do not fit are no ports", arguments: ["65536", "-1", "1.5", #""x""#])
  func ports(port: String) {
    let flow = HubbleFlow.forward.with(
      "l4",
      #"{"TCP":{"source_port":40000,"destination_port":\#(port),"flags":{"SYN":true}}}"#
    )
    #expect(decodeHubble([flow.line]).discards == ["no-ports 1"])
  }

  @Test("No input bytes stop the decoder", arguments: Seed.samples(200))
  func mutations(seed: Seed) {
    var seed = seed
    let samples = [
      HubbleFlow.forward, .drop, .policyVerdict, HubbleFlow.forward.udp(40000, 53),
      HubbleFlow.forward.with("destination_names", #"["a.test"]"#).addresses("::1", "2001:db8::1"),
    ].map(\.line)
    var bytes: [UInt8] = []
    for _ in 0..<20 {
      var line = Array(samples[Int.random(in: 0..<samples.count, using: &seed)].utf8)
      for _ in 0..<Int.random(in: 0...4, using: &seed) {
        let at = Int.random(in: 0..<line.count, using: &seed)
        switch Int.random(in: 0..<4, using: &seed) {
        case 0: line[at] = UInt8.random(in: 0...255, using: &seed)
        case 1: line.removeLast(line.count - at)
        case 2: line.remove(at: at)
        default: line.insert(contentsOf: Array(#"{"flow":[9e99,"\ud800"#.utf8), at: at)
        }
        if line.isEmpty { break }
      }
      bytes += line + [0x0a]
    }
    var accumulator = EvidenceAccumulator(logKind: .hubble)
    var decoder = HubbleDecoder(options: DecoderOptions())
    let lines = decoder.decode(lines: bytes.span.bytes, firstLine: 1, into: &accumulator)
    decoder.finish(into: &accumulator)
    accumulator.finish()
    #expect(lines == bytes.count { $0 == 0x0a })
    #expect(accumulator.counts.records <= lines)
    _ = HubbleDecoder.recognizes(bytes.span.bytes)
    for format in LogFormat.allCases {
      var other = EvidenceAccumulator(logKind: format.logKind)
      var decoder = format.decoder.init(options: DecoderOptions())
      _ = decoder.decode(lines: bytes.span.bytes, firstLine: 1, into: &other)
      decoder.finish(into: &other)
      other.finish()
    }
  }
}
