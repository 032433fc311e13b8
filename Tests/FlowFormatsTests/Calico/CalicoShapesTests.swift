import FlowAggregation
import FlowModel
import TestSupport
import Testing

@testable import FlowFormats

@Suite("The shapes in which Calico records come")
struct CalicoShapesTests {
  private static let edge =
    "pod shop Deployment:web {app=web} -> pod data {app=db} TCP/5432 egress allowed x1"

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
  }

  static let goldmaneKey =
    #"{"source_name":"web-abc12-*","source_namespace":"shop","source_type":1,"dest_name":"db-*","dest_namespace":"data","dest_type":1,"dest_port":5432,"dest_service_name":"-","proto":"tcp","reporter":1,"action":1,"policies":{"enforced_policies":[{"kind":9,"name":"kns.shop","action":1}]}}"#
  static let goldmane =
    #"{"Key":\#(goldmaneKey),"start_time":1659621542,"end_time":1659621557,"source_labels":["app=web","pod-template-hash=abc12"],"dest_labels":["app=db"],"packets_in":3,"packets_out":4,"num_connections_live":1}"#
  static let protojson =
    #"{"id":"7","flow":{"Key":{"sourceName":"web-abc12-*","sourceNamespace":"shop","sourceType":"WorkloadEndpoint","destName":"db-*","destNamespace":"data","destType":"WorkloadEndpoint","destPort":"5432","proto":"tcp","reporter":"Src","action":"Allow","policies":{"pendingPolicies":[{"kind":"Profile","action":"Allow"}]}},"startTime":"1659621542","endTime":"1659621557","sourceLabels":["app=web","pod-template-hash=abc12"],"destLabels":["app=db"],"packetsIn":"3","packetsOut":"4"}}"#

  static let shapes: [String] = {
    let flow = CalicoFlow().json
    let quoted = "\"\(escaped(flow))\""
    return [
      flow, "  " + flow + "\r", CalicoFlow.whisker(), "data: " + CalicoFlow.whisker(),
      "data:" + CalicoFlow.whisker(),
      #"{"total":{"totalPages":1},"items":[\#(CalicoFlow.whisker())]}"#, "[\(flow)]",
      #"{"_index":"flows","_source":\#(flow)}"#, #"{"hits":{"hits":[{"_source":\#(flow)}]}}"#,
      "2026-09-15T16:20:01.123456789Z stdout F " + flow, #"{"log":\#(quoted),"stream":"stdout"}"#,
      #"{"message":\#(quoted)}"#, #"{"line":\#(quoted)}"#, #"{"MESSAGE":\#(quoted)}"#,
      #"{"body":\#(quoted)}"#, #"{"body":{"stringValue":\#(quoted)}}"#,
      #"{"log":"2026-09-15T16:20:01.1Z stdout F \#(escaped(flow))\n"}"#, goldmane, protojson,
      #"{"id":7,"flow":\#(goldmane)}"#, #"{"meta":{},"flows":[{"id":1,"flow":\#(goldmane)}]}"#,
      "1659621542 1659621557 wep shop web-abc12-* [app=web,pod-template-hash=abc12] wep data db-* [app=db] - - 6 - 5432 1 1 0 src 3 4 300 400 allow",
      #"1659621542 1659621557 wep shop web-abc12-* {"labels":["app=web","pod-template-hash=abc12"]} wep data db-* app=db - - tcp - 5432 1 1 0 out 3 4 300 400 allow"#,
    ]
  }()

  @Test("Every wrapper and dialect gives the same edge", arguments: shapes)
  func shape(_ record: String) {
    let result = CalicoHarness.run(CalicoDecoder.self, [record])
    #expect(result.shown == [CalicoShapesTests.edge])
    #expect(result.problems == [])
  }

  @Test("Goldmane's omitted zero counters are zero: no answer is an attempt")
  func goldmaneZeros() {
    let record = CalicoShapesTests.goldmane.replacing(#""packets_in":3,"#, with: "")
    #expect(CalicoHarness.run(CalicoDecoder.self, [record]).classes == [.attempt])
    let idle = record.replacing(#""packets_out":4,"#, with: "")
    #expect(CalicoHarness.run(CalicoDecoder.self, [idle]).classes == [.allowed])
  }

  @Test("Goldmane without reporter or action is unspecified, not damaged")
  func goldmaneUnspecified() {
    let noReporter = CalicoShapesTests.goldmane.replacing(#""reporter":1,"#, with: "")
    let noAction = CalicoShapesTests.goldmane.replacing(
      #""reporter":1,"action":1,"#,
      with: #""reporter":1,"#
    )
    let result = CalicoHarness.run(CalicoDecoder.self, [noReporter, noAction])
    #expect(result.discarded == [.unknownDirection: 1, .noVerdict: 1])
    #expect(result.problems == [])
  }

  @Test("Goldmane's numbers for types are read: network sets and networks are no pods")
  func goldmaneTypes() {
    for (number, entity) in [("3", "network-set"), ("4", "public-network")] {
      let record = CalicoShapesTests.goldmane
        .replacing(
          #""dest_name":"db-*","dest_namespace":"data","dest_type":1"#,
          with: #""dest_name":"pub","dest_namespace":"-","dest_type":\#(number)"#
        )
      let result = CalicoHarness.run(CalicoDecoder.self, [record])
      #expect(
        result.edges.entries.map { result.endpoints[Int($0.key.destination)].entity } == [entity]
      )
    }
  }

  @Test("A list counts each of its items, and a bad one does not spoil the others")
  func list() {
    let record =
      #"{"items":[\#(CalicoFlow.whisker()),{"x":1},\#(CalicoFlow.whisker(reporter: "Dst"))]}"#
    let result = CalicoHarness.run(CalicoDecoder.self, [record])
    #expect(result.counts.used == 2)
    #expect(result.counts.rejectedCount == 1)
    #expect(result.counts.rejections.map(\.line) == [1])
    let empty = CalicoHarness.run(CalicoDecoder.self, [#"{"total":{"totalPages":0},"items":[]}"#])
    #expect(empty.discarded == [.notAFlow: 1])
  }

  @Test("What an event stream writes between its records is no damage")
  func stream() {
    let result = CalicoHarness.run(
      CalicoDecoder.self,
      [
        "event: flow", "id: 4", ": ping", "data: ", "error: too slow",
        "data: " + CalicoFlow.whisker(),
      ]
    )
    #expect(result.discarded == [.unrelatedLine: 4, .coverageMarker: 1])
    #expect(result.counts.used == 1)
    #expect(result.counts.notes.contains { $0.contains("stream reported errors") })
  }

  @Test("A Felix line inside a shipper's object is read too")
  func wrappedFelix() {
    let text =
      #"{"message":"2022-08-04T16:14:12Z bastion calico-felix[3]: INFO action=\"deny\" dstIP=\"203.0.113.4\" dstPort=\"443\" proto=\"6\" rule=\"2\" ruleDir=\"egress\" srcIP=\"10.0.1.10\" srcPort=\"57312\""}"#
    let pod = CalicoHarness.pod("shop", ["app": "web"])
    let result = CalicoHarness.run(
      CalicoDecoder.self,
      [text, "Aug  4 16:14:12 bastion calico-felix[3]: INFO started"],
      resolver: .init(known: ["10.0.1.10": .endpoint(pod)])
    )
    #expect(
      result.shown == [
        "pod shop {app=web} -> address 203.0.113.4/32 TCP/443 egress explicit-deny x1"
      ]
    )
    #expect(result.discarded == [.unrelatedLine: 1])
  }

  @Test("Wrapping without end is refused")
  func deepWrapping() {
    let depth = 40
    let text =
      String(repeating: #"{"_source":"#, count: depth) + CalicoFlow().json
      + String(repeating: "}", count: depth)
    let result = CalicoHarness.run(CalicoDecoder.self, [text])
    #expect(result.problems == ["wrapped too deeply"])
  }

  // MARK: Properties

  @Test(
    "No change of bytes traps the decoder, and every record is counted",
    arguments: Seed.samples(150)
  )
  func mutations(_ seed: Seed) {
    var random = seed
    var records = CalicoShapesTests.shapes.map { Array($0.utf8) }
    for index in records.indices {
      for _ in 0..<Int.random(in: 1...6, using: &random) where !records[index].isEmpty {
        let place = Int.random(in: 0..<records[index].count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: records[index][place] = UInt8.random(in: 0...255, using: &random)
        case 1: records[index].remove(at: place)
        case 2: records[index].insert(UInt8.random(in: 0...255, using: &random), at: place)
        default: records[index].removeLast(records[index].count - place)
        }
      }
    }
    records.removeAll(where: \.isEmpty)
    var options = DecoderOptions()
    options.assumedYear = 2024
    let result = CalicoHarness.run(CalicoDecoder.self, bytes: records, options: options)
    #expect(result.counts.records >= records.count)
  }

  @Test("What a record is made of comes back from the decoder", arguments: Seed.samples(150))
  func roundTrip(_ seed: Seed) {
    var random = seed
    let isSource = Bool.random(using: &random)
    let hash = String((0..<8).map { _ in "bcdf2456".randomElement(using: &random) ?? "b" })
    let name = "svc\(Int.random(in: 0...99, using: &random))"
    let port = UInt16.random(in: 1...65_535, using: &random)
    let proto = ["tcp", "udp", "sctp"].randomElement(using: &random) ?? "tcp"
    let start = Int64.random(in: 1_500_000_000...1_900_000_000, using: &random)
    let isDenied = Bool.random(using: &random)
    let rule = Int.random(in: -1...2, using: &random)
    let record = CalicoFlow.with([
      ("reporter", isSource ? #""src""# : #""dst""#), ("dest_port", "\(port)"),
      ("proto", "\"\(proto)\""), ("start_time", "\(start)"), ("end_time", "\(start + 15)"),
      ("action", isDenied ? #""deny""# : #""allow""#),
      (
        "policies",
        #"{"enforced_policies":["0|t|ns/t.p|\#(isDenied ? "deny" : "allow")|\#(rule)"]}"#
      ),
      ("dest_name_aggr", "\"\(name)-\(hash)-*\""),
      ("dest_labels", #"{"labels":["pod-template-hash=\#(hash)","app=\#(name)"]}"#),
    ])
    let result = CalicoHarness.run(CalicoDecoder.self, [record])
    let expected = !isDenied ? "allowed" : rule >= 0 ? "explicit-deny" : "denied"
    #expect(
      result.shown == [
        "pod shop Deployment:web {app=web} -> pod data Deployment:\(name) {app=\(name)} "
          + "\(proto.uppercased())/\(port) \(isSource ? "egress" : "ingress") \(expected) x1"
      ]
    )
    #expect(result.edges.entries.map(\.first) == [start * 1_000_000])
    #expect(result.edges.entries.map(\.last) == [(start + 15) * 1_000_000 - 1])
  }
}
