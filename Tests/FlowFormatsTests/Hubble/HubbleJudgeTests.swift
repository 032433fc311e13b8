import FlowAggregation
import FlowModel
import Testing

@testable import FlowFormats

/// A change to a delivered first TCP packet between two pods, and what must come of it.
struct JudgeCase: Sendable, CustomTestStringConvertible {
  var name: String
  var expected: HubbleJudge.Outcome
  var change: @Sendable (inout HubbleRecord) -> Void

  init(
    _ name: String,
    _ expected: HubbleJudge.Outcome,
    _ change: @escaping @Sendable (inout HubbleRecord) -> Void
  ) {
    self.name = name
    self.expected = expected
    self.change = change
  }

  var testDescription: String { name }
}

extension HubbleJudge.Outcome {
  static func counts(
    _ evidence: EvidenceClass,
    _ side: PolicySide,
    replyPort: UInt16 = 0,
    unmarked: Bool = false
  ) -> HubbleJudge.Outcome {
    .evidence(
      HubbleJudge.Finding(
        evidence: evidence,
        side: side,
        replyPort: replyPort,
        unmarked: unmarked
      )
    )
  }
}

extension HubbleRecord {
  /// A delivered first packet of a TCP connection between two pods.
  static var delivered: HubbleRecord {
    var record = HubbleRecord()
    record.verdict = .forwarded
    record.type = .l3l4
    record.eventType = 4
    record.point = .toEndpoint
    record.traceReason = .new
    record.isReply = 0
    record.direction = .egress
    record.time = 1_789_000_000_000_000
    record.sourceAddress = IPAddress("10.0.1.1")
    record.destinationAddress = IPAddress("10.0.2.2")
    record.transport = 6
    record.sourcePort = 40000
    record.destinationPort = 8080
    record.hasFlags = true
    record.syn = true
    record.source = HubbleEnd(kind: .pod, index: 0)
    record.destination = HubbleEnd(kind: .pod, index: 1)
    return record
  }

  /// Turns it into a drop as the datapath reports it: without a reply mark.
  mutating func drop(_ reason: DropReason = .policyDenied) {
    verdict = .dropped
    eventType = 1
    point = .absent
    traceReason = .absent
    isReply = -1
    dropReason = reason
    direction = .ingress
  }

  /// Turns it into a policy verdict.
  mutating func policyVerdict(_ verdict: Verdict, _ direction: Traffic) {
    self.verdict = verdict
    eventType = 5
    point = .absent
    traceReason = .absent
    self.direction = direction
  }

  /// Turns it into UDP.
  mutating func udp(_ source: UInt16, _ destination: UInt16) {
    transport = 17
    sourcePort = source
    destinationPort = destination
    hasFlags = false
    syn = false
  }

  /// Gives it other flags.
  mutating func flags(syn: Bool = false, ack: Bool = false, rst: Bool = false) {
    self.syn = syn
    self.ack = ack
    self.rst = rst
  }
}

@Suite("Which Hubble records count")
struct HubbleJudgeTests {
  private func judge(_ test: JudgeCase) {
    var record = HubbleRecord.delivered
    test.change(&record)
    #expect(HubbleJudge.judge(record) == test.expected)
  }

  @Test(
    "Step 1: events that are no L3 or L4 traffic do not count",
    arguments: [
      JudgeCase("socket type", .discard(.translation)) { $0.type = .socket },
      JudgeCase("socket event", .discard(.translation)) { $0.eventType = 7 },
      JudgeCase("debug event", .discard(.notAFlow)) { $0.eventType = 2 },
      JudgeCase("capture event", .discard(.notAFlow)) { $0.eventType = 3 },
      JudgeCase("agent event", .discard(.notAFlow)) { $0.eventType = 130 },
      JudgeCase("TRACED", .discard(.translation)) { $0.verdict = .traced },
      JudgeCase("TRANSLATED", .discard(.translation)) { $0.verdict = .translated },
      JudgeCase("ERROR", .discard(.noVerdict)) { $0.verdict = .error },
      JudgeCase("no verdict", .discard(.noVerdict)) { $0.verdict = .absent },
      JudgeCase("a verdict of the future", .discard(.noVerdict)) { $0.verdict = .unknown },
    ]
  )
  func eventsAndVerdicts(_ test: JudgeCase) { judge(test) }

  @Test(
    "Steps 2 to 4: without ports, other protocols, and addresses that are never peers",
    arguments: [
      JudgeCase("no transport header", .discard(.noPorts)) { $0.transport = 0 },
      JudgeCase("no source address", .discard(.noPorts)) { $0.sourceAddress = nil },
      JudgeCase("no destination address", .discard(.noPorts)) { $0.destinationAddress = nil },
      JudgeCase("port 0", .discard(.noPorts)) { $0.destinationPort = 0 },
      JudgeCase("IGMP", .discard(.otherProtocol)) { $0.transport = 2 },
      JudgeCase("VRRP", .discard(.otherProtocol)) { $0.transport = 112 },
      JudgeCase("echo reply", .discard(.otherProtocol)) {
        $0.transport = 1
        $0.destinationPort = 0
      },
      JudgeCase("destination unreachable", .discard(.otherProtocol)) {
        $0.transport = 1
        $0.destinationPort = 3
      },
      JudgeCase("router solicitation", .discard(.otherProtocol)) {
        $0.transport = 58
        $0.destinationPort = 133
      },
      JudgeCase("echo request", .counts(.allowed, .both)) {
        $0.transport = 1
        $0.destinationPort = 8
        $0.sourcePort = 0
        $0.flags()
      },
      JudgeCase("SCTP", .counts(.allowed, .both)) { $0.transport = 132 },
      JudgeCase("multicast", .discard(.localOrMulticast)) {
        $0.udp(40000, 9999)
        $0.destinationAddress = IPAddress("224.0.0.251")
      },
      JudgeCase("broadcast", .discard(.localOrMulticast)) {
        $0.udp(40000, 9999)
        $0.destinationAddress = IPAddress("255.255.255.255")
      },
      JudgeCase("IPv6 multicast", .discard(.localOrMulticast)) {
        $0.destinationAddress = IPAddress("ff02::2")
      },
      JudgeCase("IPv6 link-local", .discard(.localOrMulticast)) {
        $0.sourceAddress = IPAddress("fe80::1")
      },
      JudgeCase("DHCP", .discard(.localOrMulticast)) { $0.udp(68, 67) },
      JudgeCase("the metadata service is a peer", .counts(.allowed, .both)) {
        $0.destinationAddress = IPAddress("169.254.169.254")
        $0.destination = HubbleEnd(kind: .world, index: 0)
      },
      JudgeCase("the NodeLocal DNS cache is a peer", .counts(.allowed, .both)) {
        $0.udp(40000, 53)
        $0.destinationAddress = IPAddress("169.254.20.10")
        $0.destination = HubbleEnd(kind: .host, index: 0)
      },
    ]
  )
  func addressesAndProtocols(_ test: JudgeCase) { judge(test) }

  @Test(
    "Steps 5 and 8: replies and related packets are no connections",
    arguments: [
      JudgeCase("is_reply", .discard(.reply)) { $0.isReply = 1 },
      JudgeCase("the old mark alone", .discard(.reply)) {
        $0.isReply = -1
        $0.reply = true
      },
      JudgeCase("the old mark against is_reply false", .counts(.allowed, .both)) {
        $0.reply = true
      },
      JudgeCase("L7 response", .discard(.reply)) {
        $0.type = .l7
        $0.eventType = 129
        $0.l7Type = .response
      },
      JudgeCase("trace reason REPLY", .discard(.reply)) { $0.traceReason = .reply },
      JudgeCase("RELATED", .discard(.related)) { $0.traceReason = .related },
      JudgeCase("ESTABLISHED forward is evidence", .counts(.allowed, .both)) {
        $0.traceReason = .established
        $0.flags(ack: true)
      },
      JudgeCase("SYN with ACK is a reply whatever is_reply says", .discard(.reply)) {
        $0.flags(syn: true, ack: true)
      },
      JudgeCase("many flows in one record", .discard(.aggregated)) { $0.hasAggregate = true },
    ]
  )
  func replies(_ test: JudgeCase) { judge(test) }

  @Test(
    "Step 6: without is_reply, drops need a first packet and traces an old log",
    arguments: [
      JudgeCase("drop of a SYN", .counts(.denied, .ingress)) { $0.drop() },
      JudgeCase("drop of an ACK", .discard(.midConnection)) {
        $0.drop()
        $0.flags(ack: true)
      },
      JudgeCase("drop of a RST", .discard(.midConnection)) {
        $0.drop()
        $0.flags(rst: true)
      },
      JudgeCase("drop of a SYN-ACK", .discard(.reply)) {
        $0.drop()
        $0.flags(syn: true, ack: true)
      },
      JudgeCase("drop of UDP", .counts(.denied, .ingress)) {
        $0.drop()
        $0.udp(40000, 53)
      },
      JudgeCase("denied by a rule", .counts(.explicitDeny, .ingress)) { $0.drop(.policyDeny) },
      JudgeCase("dropped for another reason", .discard(.nonPolicyDrop)) { $0.drop(.other) },
      JudgeCase("dropped without reason", .discard(.nonPolicyDrop)) { $0.drop(.absent) },
      JudgeCase("old trace", .counts(.allowed, .both, unmarked: true)) {
        $0.isReply = -1
        $0.traceReason = .absent
      },
      JudgeCase("old trace that left the pod", .counts(.allowed, .egress, unmarked: true)) {
        $0.isReply = -1
        $0.traceReason = .absent
        $0.point = .toStack
      },
      JudgeCase("new trace without mark", .discard(.unknownDirection)) { $0.isReply = -1 },
      JudgeCase("TO_OVERLAY without mark", .discard(.observationPoint)) {
        $0.isReply = -1
        $0.traceReason = .absent
        $0.point = .other
      },
      JudgeCase("policy verdict behind a mask", .counts(.allowed, .ingress)) {
        $0.policyVerdict(.forwarded, .ingress)
        $0.isReply = -1
      },
      JudgeCase("policy verdict in mid-connection", .discard(.midConnection)) {
        $0.policyVerdict(.forwarded, .ingress)
        $0.isReply = -1
        $0.flags(ack: true)
      },
    ]
  )
  func withoutReplyMark(_ test: JudgeCase) { judge(test) }

  @Test(
    "Observation points before policy and after encapsulation do not count",
    arguments: [4, 5, 6, 7, 8, 9, 10, 12, 13]
  )
  func observationPoints(subType: Int32) {
    var record = HubbleRecord.delivered
    record.point = .absent
    record.eventSubType = subType
    #expect(HubbleJudge.judge(record) == .discard(.observationPoint))
  }

  @Test("An observation point decides also where a mask hid the type of the event")
  func observationPointBehindAMask() {
    var record = HubbleRecord.delivered
    record.point = .other
    #expect(HubbleJudge.judge(record) == .discard(.observationPoint))
    record.eventType = -1
    record.isReply = 0
    #expect(HubbleJudge.judge(record) == .discard(.observationPoint))
  }

  @Test(
    "Trace events speak for egress until the packet is delivered",
    arguments: [(0, .both), (1, .egress), (2, .egress), (3, .egress), (11, .egress)]
      as [(Int32, PolicySide)]
  )
  func sides(subType: Int32, side: PolicySide) {
    var record = HubbleRecord.delivered
    record.point = .absent
    record.eventSubType = subType
    #expect(HubbleJudge.judge(record) == .counts(.allowed, side))
  }

  @Test(
    "Step 7: packets that look like replies wait for what the rest of the log shows",
    arguments: [
      JudgeCase("from a service port to a high one", .counts(.allowed, .both, replyPort: 8080)) {
        $0.sourcePort = 8080
        $0.destinationPort = 40000
        $0.flags(ack: true)
      },
      JudgeCase("a DNS answer after its entry timed out", .discard(.reply)) {
        $0.udp(53, 45678)
      },
      JudgeCase("first packet without SYN between high ports", .discard(.midConnection)) {
        $0.sourcePort = 45000
        $0.destinationPort = 40000
        $0.flags(ack: true)
      },
      JudgeCase("policy verdict without SYN between high ports", .discard(.midConnection)) {
        $0.policyVerdict(.forwarded, .ingress)
        $0.sourcePort = 45000
        $0.destinationPort = 40000
        $0.flags(ack: true)
      },
      JudgeCase("first packet without SYN to a service port", .counts(.allowed, .both)) {
        $0.flags(ack: true)
      },
      JudgeCase("SYN to a high port", .counts(.allowed, .both)) {
        $0.sourcePort = 45000
        $0.destinationPort = 40000
      },
      JudgeCase("a drop from a service port", .counts(.denied, .ingress, replyPort: 8080)) {
        $0.drop()
        $0.udp(8080, 40000)
      },
    ]
  )
  func suspicion(_ test: JudgeCase) { judge(test) }

  @Test(
    "Audit verdicts would deny, redirected ones are allowed, L7 denials are no L4 matter",
    arguments: [
      JudgeCase("AUDIT at ingress", .counts(.wouldDeny, .ingress)) {
        $0.policyVerdict(.audit, .ingress)
      },
      JudgeCase("AUDIT at egress", .counts(.wouldDeny, .egress)) {
        $0.policyVerdict(.audit, .egress)
      },
      JudgeCase("REDIRECTED", .counts(.allowed, .egress)) {
        $0.policyVerdict(.redirected, .egress)
      },
      JudgeCase("L7 request at the proxy of the destination", .counts(.allowed, .ingress)) {
        $0.type = .l7
        $0.eventType = 129
        $0.l7Type = .request
        $0.direction = .ingress
        $0.point = .absent
        $0.traceReason = .absent
        $0.hasFlags = false
        $0.flags()
      },
      JudgeCase("L7 denial", .discard(.nonPolicyDrop)) {
        $0.type = .l7
        $0.eventType = 129
        $0.verdict = .dropped
        $0.dropReason = .policyDenied
      },
      JudgeCase("delivered, whatever direction is written", .counts(.allowed, .both)) {
        $0.direction = .ingress
      },
    ]
  )
  func classes(_ test: JudgeCase) { judge(test) }

  @Test(
    "Steps 9 and 10: ends without a pod, and a pod that talks to itself",
    arguments: [
      JudgeCase("hairpin", .discard(.selfTraffic)) { $0.sourceAddress = $0.destinationAddress },
      JudgeCase("health check", .discard(.healthCheck)) {
        $0.source = HubbleEnd(kind: .health, index: 0)
      },
      JudgeCase("nothing known", .discard(.unknownEndpoint)) { $0.destination = .unknown },
      JudgeCase("node to world", .discard(.noPod)) {
        $0.source = HubbleEnd(kind: .host, index: 0)
        $0.destination = HubbleEnd(kind: .world, index: 0)
      },
      JudgeCase("Service address before translation", .discard(.preTranslation)) {
        $0.destination = HubbleEnd(kind: .world, index: 0)
        $0.hasDestinationService = true
      },
      JudgeCase("Service name on the backend's own record", .counts(.allowed, .both)) {
        $0.hasDestinationService = true
      },
      JudgeCase("kubelet probe", .counts(.allowed, .both)) {
        $0.source = HubbleEnd(kind: .host, index: 0)
      },
      JudgeCase("webhook call of the API server", .counts(.allowed, .both)) {
        $0.source = HubbleEnd(kind: .apiServer, index: 0)
      },
    ]
  )
  func ends(_ test: JudgeCase) { judge(test) }
}
