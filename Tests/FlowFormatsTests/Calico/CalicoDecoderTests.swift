import FlowAggregation
import FlowModel
import Testing

@testable import FlowFormats

@Suite("Calico flow records: which count, and as what")
struct CalicoDecoderTests {
  private let profile = "9|__PROFILE__|__PROFILE__.kns.shop|allow|0"

  private func run(
    _ records: String...,
    options: DecoderOptions = DecoderOptions(),
    resolver: CalicoHarness.Resolver? = nil
  ) -> EvidenceAccumulator {
    CalicoHarness.run(CalicoDecoder.self, records, options: options, resolver: resolver)
  }

  @Test("A plain record gives one edge with owner, labels, side, times and bytes")
  func plainRecord() throws {
    let result = run(CalicoFlow().json)
    #expect(
      result.shown == [
        "pod shop Deployment:web {app=web} -> pod data {app=db} TCP/5432 egress allowed x1"
      ]
    )
    let entry = try #require(result.edges.entries.first)
    #expect(entry.first == 1_659_621_542_000_000)
    #expect(entry.last == 1_659_621_841_999_999)
    #expect(entry.bytes == 30)
    #expect(result.counts.capture.values.map(\.records) == [1])
  }

  // Trap 1.
  @Test("The src record speaks for egress, the dst record for ingress, never both")
  func sides() {
    let result = run(CalicoFlow().json, CalicoFlow.with([("reporter", #""dst""#)]))
    #expect(
      result.shown == [
        "pod shop Deployment:web {app=web} -> pod data {app=db} TCP/5432 egress allowed x1",
        "pod shop Deployment:web {app=web} -> pod data {app=db} TCP/5432 ingress allowed x1",
      ]
    )
  }

  @Test(
    "Reporters in every spelling",
    arguments: [
      ("src", PolicySide?.some(.egress)), ("dst", .some(.ingress)), ("dst, fwd", .some(.ingress)),
      ("fwd, src", .some(.egress)), ("Src", .some(.egress)), ("Dst", .some(.ingress)),
      ("in", .some(.ingress)), ("out", .some(.egress)), ("fwd", nil), ("ReporterUnspecified", nil),
    ]
  )
  func reporters(_ word: String, side: PolicySide?) {
    let result = run(CalicoFlow.with([("reporter", "\"\(word)\"")]))
    #expect(
      result.edges.entries.map { PolicySide.allCases[Int($0.key.side)] }
        == [side].compactMap(\.self)
    )
    if word == "fwd" { #expect(result.discarded == [.duplicateView: 1]) }
  }

  @Test("A record of transit policies alone is not evidence")
  func transitOnly() {
    let result = run(CalicoFlow.policies(transit: ["0|default|default.forward|allow|0"]))
    #expect(result.discarded == [.duplicateView: 1])
  }

  // Traps 2, 9, 11 and the rules on actions.
  @Test(
    "The class follows from action and trace",
    arguments: [
      (CalicoFlow.policies(enforced: ["0|__PROFILE__|__PROFILE__.kns.shop|allow|0"]), "allowed"),
      (CalicoFlow.policies(enforced: ["0|default|shop/default.web|allow|1"]), "allowed"),
      (CalicoFlow.policies(all: ["0|__PROFILE__|__PROFILE__.kns.shop|allow"]), "allowed"),
      (
        CalicoFlow.policies(
          enforced: ["0|__PROFILE__|__PROFILE__.kns.shop|allow|0"],
          pending: ["0|default|shop/staged:default.deny|deny|-1"]
        ), "would-deny"
      ),
      (
        CalicoFlow.policies(
          enforced: ["0|default|np:shop/web|allow|0"],
          pending: ["1|default|snp:shop/web|deny|0", "0|security|gnp:pass|pass|0"]
        ), "would-deny"
      ),
      (
        CalicoFlow.policies(
          enforced: ["0|default|np:shop/web|allow|0"],
          pending: ["0|default|np:shop/web|allow|0"]
        ), "allowed"
      ),
      (
        CalicoFlow.policies(
          all: [
            "0|default|shop/staged:default.deny|deny|-1",
            "1|__PROFILE__|__PROFILE__.kns.shop|allow|0",
          ]
        ), "would-deny"
      ),
      (
        CalicoFlow.policies(
          all: ["0|default|shop/staged:default.deny|deny|0", "1|default|shop/default.web|deny|-1"],
          action: "deny"
        ), "denied"
      ),
      (CalicoFlow.policies(enforced: ["0|a|shop/a.b|deny|0"], action: "deny"), "explicit-deny"),
      (CalicoFlow.policies(enforced: ["0|a|shop/a.b|deny|-1"], action: "deny"), "denied"),
      (CalicoFlow.policies(enforced: ["0|a|shop/a.b|deny"], action: "deny"), "denied"),
      (CalicoFlow.policies(enforced: ["0|a|eot:__NO_MATCH__|deny|-1"], action: "deny"), "denied"),
      (
        CalicoFlow.policies(
          enforced: ["10|b|shop/b.x|deny|3", "9|a|shop/a.b|pass|0", "2|s|s.t|pass|1"],
          action: "deny"
        ), "explicit-deny"
      ),
      (
        CalicoFlow.policies(
          enforced: ["1|app|shop/app.web|deny|-1", "0|security|security.tenant|pass|0"],
          action: "deny"
        ), "denied"
      ),
      (
        CalicoFlow.policies(
          enforced: ["0|a|shop/a.b|deny|-1"],
          pending: ["0|a|snp:shop/c|allow|0"],
          action: "deny"
        ), "denied"
      ),
      (CalicoFlow.with([("policies", "null"), ("action", #""deny""#)]), "denied"),
      (CalicoFlow.with([("policies", "null")]), "allowed"),
    ]
  )
  func classes(_ record: String, expected: String) {
    #expect(run(record).classes.map(\.rawValue) == [expected])
  }

  @Test("A record without pending policies says nothing about staged ones, and that is told")
  func missingPending() {
    let told = run(CalicoFlow.policies(enforced: [profile]))
    #expect(told.counts.notes.contains { $0.contains("no pending policies") })
    let complete = run(CalicoFlow.policies(enforced: [profile], pending: [profile]))
    #expect(!complete.counts.notes.contains { $0.contains("no pending policies") })
  }

  @Test("Records whose port was aggregated away are told, since no rule comes of them")
  func missingPort() {
    let told = run(CalicoFlow.with([("dest_port", "null")]))
    #expect(told.counts.notes.contains { $0.contains("aggregation level 3") })
    let ping = run(CalicoFlow.with([("dest_port", "0"), ("proto", #""icmp""#)]))
    #expect(ping.counts.notes.isEmpty)
  }

  @Test("The list of all policies counts only where there is no other; what passes last decides")
  func listOfAll() {
    let denied = "1|default|shop/default.web|deny|2"
    let passed = CalicoFlow.policies(enforced: [profile], pending: [profile], all: [denied])
    #expect(run(passed).classes == [.allowed])
    let end = "0|default|default.__NO_MATCH__|deny|-1"
    let byDefault = CalicoFlow.policies(enforced: [end], all: [denied], action: "deny")
    #expect(run(byDefault).classes == [.denied])
    let stagedOnly = CalicoFlow.policies(
      all: ["0|default|shop/staged:default.x|deny|3"],
      action: "deny"
    )
    #expect(run(stagedOnly).classes == [.denied], "a staged rule denies nothing")
  }

  @Test("A process's arguments, which may hold secrets, are in nothing that is kept")
  func processArguments() {
    let secret = ("process_args", #"["--password=hunter2"]"#)
    let result = run(
      CalicoFlow.with([secret, ("process_name", #""curl""#)]),
      CalicoFlow.with([secret, ("dest_port", "70000")])
    )
    #expect(result.counts.used == 1 && result.counts.rejectedCount == 1)
    #expect(!"\(result.endpoints) \(result.counts)".contains("hunter2"))
  }

  // Trap 3.
  @Test("Where denials pass, they are would-deny")
  func denyPasses() {
    var options = DecoderOptions()
    options.denyPasses = true
    let record = CalicoFlow.policies(enforced: ["0|a|shop/a.b|deny|-1"], action: "deny")
    #expect(run(record, options: options).classes == [.wouldDeny])
    #expect(!run(record, options: options).counts.notes.contains { $0.contains("--deny-passes") })
    #expect(run(record).counts.notes.contains { $0.contains("--deny-passes") })
  }

  @Test(
    "A connection that nobody answered is an attempt; open connections and UDP are not",
    arguments: [
      ("src", "tcp", "0", "4", "attempt"), ("dst", "tcp", "4", "0", "attempt"),
      ("src", "sctp", "0", "1", "attempt"), ("src", "udp", "0", "4", "allowed"),
      ("dst", "udp", "4", "0", "allowed"), ("src", "tcp", "0", "0", "allowed"),
      ("src", "tcp", "4", "0", "allowed"), ("dst", "tcp", "0", "4", "allowed"),
      ("src", "tcp", "null", "4", "allowed"),
    ]
  )
  func unanswered(
    _ reporter: String,
    _ proto: String,
    _ packetsIn: String,
    _ packetsOut: String,
    _ expected: String
  ) {
    let record = CalicoFlow.with([
      ("reporter", "\"\(reporter)\""), ("proto", "\"\(proto)\""), ("packets_in", packetsIn),
      ("packets_out", packetsOut),
    ])
    #expect(run(record).classes.map(\.rawValue) == [expected])
  }

  @Test("A connection that stays open from before is real evidence")
  func openFromBefore() {
    let record = CalicoFlow.with([("num_flows_started", "0"), ("num_flows_completed", "0")])
    #expect(run(record).classes == [.allowed])
  }

  @Test(
    "Actions that are no verdict, and what has no ports",
    arguments: [
      ("action", #""pass""#, DiscardReason.noVerdict), ("action", #""log""#, .noVerdict),
      ("proto", #""icmp""#, .otherProtocol), ("proto", "1", .otherProtocol),
      ("proto", #""icmp6""#, .otherProtocol), ("proto", #""ipip""#, .otherProtocol),
      ("proto", #""esp""#, .otherProtocol), ("proto", #""2""#, .otherProtocol),
      ("proto", "null", .noPorts), ("proto", #""-""#, .noPorts), ("dest_port", "null", .noPorts),
      ("dest_port", "0", .noPorts), ("source_type", #""hep""#, .noPod),
      ("source_type", #""net""#, .noPod), ("source_namespace", #""-""#, .unknownEndpoint),
      ("dest_namespace", #""*""#, .unknownEndpoint),
    ]
  )
  func discarded(_ key: String, _ value: String, _ reason: DiscardReason) {
    let result = run(CalicoFlow.with([(key, value)]))
    #expect(result.discarded == [reason: 1])
    #expect(result.counts.used == 0)
  }

  @Test(
    "Numbers as numbers or text, and protocols in any case",
    arguments: ["6", #""6""#, #""TCP""#]
  )
  func protocols(_ value: String) {
    let result = run(CalicoFlow.with([("proto", value), ("dest_port", #""5432""#)]))
    #expect(result.edges.entries.map(\.key.transport) == [6])
    #expect(result.edges.entries.map(\.key.port) == [5432])
  }

  @Test(
    "What is damaged is rejected by field",
    arguments: [
      (CalicoFlow.with([("dest_port", "70000")]), "dest_port"),
      (CalicoFlow.with([("dest_port", "-1")]), "dest_port"),
      (CalicoFlow.with([("reporter", nil)]), "reporter"),
      (CalicoFlow.with([("action", nil)]), "action"),
      (CalicoFlow.with([("start_time", nil)]), "start_time"),
      (CalicoFlow.with([("start_time", #""soon""#)]), "start_time"),
      ("{}", "source_name"), (#"{"a":1"#, "not JSON"), ("hello", "not a Calico flow record"),
      ("[1,2]", "not a JSON object"), (#"{"key":{"value":1}}"#, "source_name"),
    ]
  )
  func rejected(_ record: String, _ word: String) {
    let result = run(record, CalicoFlow().json)
    #expect(result.problems.first?.contains(word) == true)
    #expect(result.counts.used == 1)
  }

  @Test("A pod that talks to itself is not evidence")
  func selfTraffic() {
    let record = CalicoFlow.with([
      ("source_name", #""db-0""#), ("dest_name", #""db-0""#), ("source_namespace", #""data""#),
    ])
    #expect(run(record).discarded == [.selfTraffic: 1])
  }

  @Test(
    "Times as seconds, milliseconds, text, and by the shipper only",
    arguments: [
      [("start_time", "1659621542")], [("start_time", "1659621542000")],
      [("start_time", #""2022-08-04T13:59:02Z""#)], [("start_time", #""1659621542""#)],
      [("start_time", nil), ("startTime", #""1659621542""#)],
      [("start_time", nil), ("@timestamp", "1659621542000")],
      [("start_time", nil), ("@timestamp", #""2022-08-04T13:59:02.000Z""#)],
    ] as [[(String, String?)]]
  )
  func times(_ changes: [(String, String?)]) {
    let result = run(CalicoFlow.with(changes))
    #expect(result.edges.entries.map(\.first) == [1_659_621_542_000_000])
  }

  @Test("An end before the start or days away is not believed", arguments: ["1", "9659621842"])
  func ends(_ end: String) {
    let result = run(CalicoFlow.with([("end_time", end)]))
    #expect(result.edges.entries.map(\.last) == [1_659_621_542_000_000])
  }
}
