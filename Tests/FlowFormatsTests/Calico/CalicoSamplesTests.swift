import FlowAggregation
import FlowModel
import Testing

@testable import FlowFormats

@Suite("Calico samples, each with the outcome its source note says")
struct CalicoSamplesTests {
  @Test("An Enterprise denial at the end of a tier is denied, not explicit")
  func endOfTierDenial() throws {
    guard let lines = try CalicoHarness.sampleLines("calico/ce-flows.log-deny-eot.jsonl") else {
      return
    }
    let result = CalicoHarness.run(CalicoDecoder.self, lines)
    #expect(
      result.shown == [
        "pod default {run=multitool} -> pod hipstershop Deployment:checkoutservice "
          + "{app=checkoutservice,tenant=hipstershop} TCP/5050 ingress denied x1"
      ]
    )
    #expect(result.edges.entries.first?.first == 1_659_621_542_000_000)
    #expect(result.edges.entries.first?.last == 1_659_621_841_999_999)
    #expect(result.edges.entries.first?.bytes == 300)
    #expect(result.counts.notes.contains { $0.contains("--deny-passes") })
  }

  @Test(
    "The documented example with a trailing comma is rejected with its place, the next one read"
  )
  func malformedExample() throws {
    guard let text = try CalicoHarness.sample("calico/ce-docs-no-aggregation.malformed.json") else {
      return
    }
    let result = CalicoHarness.run(CalicoDecoder.self, [text, CalicoFlow().json])
    #expect(result.problems.count == 1)
    #expect(result.problems.first?.contains("unexpected character at byte") == true)
    #expect(result.problems.first?.contains("line 44 of the record") == true)
    #expect(result.counts.used == 1)
    let repaired = text.replacing("|deny|1\",       ", with: "|deny|1\"")
    let again = CalicoHarness.run(CalicoDecoder.self, [repaired])
    #expect(
      again.shown == [
        "pod policy-demo Deployment:access {app=access} -> pod policy-demo Deployment:nginx "
          + "{app=nginx} TCP/80 ingress would-deny x1"
      ]
    )
  }

  @Test("'dst, fwd' counts as dst; the example has no time, so it needs one")
  func forwardedExample() throws {
    guard let text = try CalicoHarness.sample("calico/ce-docs-forwarded-dst-fwd.json") else {
      return
    }
    #expect(
      CalicoHarness.run(CalicoDecoder.self, [text]).problems
        == ["field \"start_time\" is missing"]
    )
    var options = DecoderOptions()
    options.assumedTime = 1_700_000_000_000_000
    let result = CalicoHarness.run(CalicoDecoder.self, [text], options: options)
    #expect(
      result.shown == [
        "pod client-pods-namespace 'client-pods-*' -> "
          + "pod maintenance-server-namespace 'maintenance-server-*' TCP/22 ingress allowed x1"
      ]
    )
  }

  @Test("Whisker: an explicit deny, a default deny with trigger, and pass with profile allow")
  func whisker() throws {
    guard let lines = try CalicoHarness.sampleLines("calico/oss-3.32-whisker-3-flows.jsonl") else {
      return
    }
    let result = CalicoHarness.run(CalicoDecoder.self, lines)
    #expect(
      result.shown == [
        "pod storefront Deployment:scraper {app=scraper,team=storefront} -> "
          + "pod storefront Deployment:web {app=web,team=storefront} TCP/80 ingress explicit-deny x1",
        "pod storefront Deployment:shopper {app=shopper} -> "
          + "pod payments Deployment:ledger-api {app=ledger-api} TCP/80 ingress denied x1",
        "pod storefront {app=scraper} -> pod kube-system {k8s-app=kube-dns} UDP/53 ingress allowed x1",
      ]
    )
    #expect(result.counts.notes.contains { $0.contains("no pending policies") })
  }

  @Test("Felix' lines of a host are read, and name no pod; without a year they are rejected")
  func felixLines() throws {
    guard let lines = try CalicoHarness.sampleLines("calico/ce-felix-syslog-deny.log") else {
      return
    }
    let unread = CalicoHarness.run(CalicoDecoder.self, lines)
    #expect(unread.counts.rejectedCount == 4)
    #expect(unread.problems.first == "no year in the time: give --year")
    var options = DecoderOptions()
    options.assumedYear = 2022
    let result = CalicoHarness.run(CalicoDecoder.self, lines, options: options)
    #expect(result.discarded == [.noPod: 4])
    let pod = CalicoHarness.pod("bastion", ["app": "relay"])
    let named = CalicoHarness.run(
      CalicoDecoder.self,
      lines,
      options: options,
      resolver: .init(known: ["10.0.1.10": .endpoint(pod)])
    )
    #expect(
      named.shown == [
        "pod bastion {app=relay} -> address 147.75.40.148/32 TCP/443 egress denied x4"
      ]
    )
    #expect(named.edges.entries.first?.first == Timestamps.parse("2022-08-04T16:14:12Z"))
  }

  @Test(
    "Each Calico sample is recognised as flows or packets, and as nothing else",
    arguments: [
      ("calico/ce-flows.log-deny-eot.jsonl", true), ("calico/oss-3.32-whisker-3-flows.jsonl", true),
      ("calico/ce-docs-no-aggregation.malformed.json", true),
      ("calico/ce-docs-forwarded-dst-fwd.json", true), ("calico/ce-felix-syslog-deny.log", true),
      ("calico/ce-docs-calico-drop.log", false), ("calico/kernel-journal-gke-egress.log", false),
      ("calico/kernel-syslog-syn-retransmits.log", false),
      ("calico/oss-docs-ebpf-trace.log", false), ("calico/oss-docs-iptables-log.log", false),
    ]
  )
  func recognition(_ name: String, isFlow: Bool) throws {
    guard let text = try CalicoHarness.sample(name) else { return }
    #expect(CalicoHarness.recognizes(CalicoDecoder.self, text) == isFlow)
    #expect(CalicoHarness.recognizes(CalicoPacketDecoder.self, text) == !isFlow)
    let bytes = Array(text.utf8)
    let format = LogFormat.detect(bytes.span.bytes)
    #expect(format == (isFlow ? .calico : .calicoPacket))
  }
}
