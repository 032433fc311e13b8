import FlowAggregation
import FlowModel
import Testing

@testable import FlowFormats

@Suite("Packet line samples, each with the outcome its source note says")
struct PacketSamplesTests {
  private func run(
    _ lines: [String],
    _ known: [String: Endpoint],
    options: DecoderOptions = PacketLines.options
  ) -> EvidenceAccumulator {
    CalicoHarness.run(
      CalicoPacketDecoder.self,
      lines,
      options: options,
      resolver: .init(known: known.mapValues { .endpoint($0) })
    )
  }

  @Test("The calico-drop line of policy audit is a denial; its first packet arrives by the overlay")
  func drop() throws {
    guard let lines = try CalicoHarness.sampleLines("calico/ce-docs-calico-drop.log") else {
      return
    }
    let known = ["192.168.157.26": PacketLines.web, "192.168.128.30": PacketLines.node]
    let expected = "node 'node-1' -> pod shop Deployment:web {app=web} TCP/80 ingress denied x1"
    #expect(run(lines, known).shown == [expected])
    var options = PacketLines.options
    options.denyPasses = true
    #expect(run(lines, known, options: options).classes == [.wouldDeny])
    let yearless = run(lines, known, options: DecoderOptions())
    #expect(yearless.problems == ["no year in the time: give --year"])
  }

  @Test("SYN retries of a refused connection are one edge with three records")
  func retransmits() throws {
    guard let lines = try CalicoHarness.sampleLines("calico/kernel-syslog-syn-retransmits.log")
    else { return }
    let result = run(lines, ["10.112.131.53": PacketLines.web])
    #expect(
      result.shown == [
        "unresolved 10.112.128.73/32 -> pod shop Deployment:web {app=web} TCP/80 ingress attempt x3"
      ]
    )
    #expect(result.edges.entries.first?.first == Timestamps.parse("2024-02-26T12:03:37Z"))
    #expect(result.edges.entries.first?.last == Timestamps.parse("2024-02-26T12:03:40Z"))
  }

  @Test("A journald line of a pod to another node's pod speaks for egress")
  func journal() throws {
    guard let lines = try CalicoHarness.sampleLines("calico/kernel-journal-gke-egress.log") else {
      return
    }
    let result = run(lines, ["10.44.2.4": PacketLines.web, "10.44.0.6": PacketLines.db])
    #expect(
      result.shown == [
        "pod shop Deployment:web {app=web} -> pod data {app=db} TCP/12865 egress attempt x1"
      ]
    )
  }

  @Test("SYN to outside, ICMP left out, UDP on one node speaks for both sides")
  func iptables() throws {
    guard let lines = try CalicoHarness.sampleLines("calico/oss-docs-iptables-log.log") else {
      return
    }
    let result = run(
      lines,
      ["172.16.193.134": PacketLines.web, "172.16.193.133": PacketLines.db],
      options: DecoderOptions()
    )
    #expect(
      result.shown == [
        "pod shop Deployment:web {app=web} -> address 69.147.80.15/32 TCP/80 egress attempt x1",
        "pod shop Deployment:web {app=web} -> pod data {app=db} UDP/53 both attempt x1",
      ]
    )
    #expect(result.discarded == [.otherProtocol: 1])
    #expect(
      result.edges.entries.map(\.first).contains(
        try #require(Timestamps.parse("2024-11-19T20:15:03.023805Z"))
      )
    )
    #expect(result.counts.notes == [])
    let unnamed = CalicoHarness.run(CalicoPacketDecoder.self, lines)
    #expect(unnamed.discarded == [.otherProtocol: 1, .noPod: 2])
    #expect(unnamed.counts.notes.contains { $0.contains("without an inventory") })
  }

  @Test("eBPF lines are verdicts; a ClusterIP is never an address rule")
  func trace() throws {
    guard let lines = try CalicoHarness.sampleLines("calico/oss-docs-ebpf-trace.log") else {
      return
    }
    let dns = ServiceBackend(endpoint: PacketLines.db, port: 5353)
    let resolver = CalicoHarness.Resolver(known: [
      "172.16.193.131": .endpoint(PacketLines.web),
      "10.43.0.10": .service(name: "kube-system/kube-dns", backends: [dns]),
    ])
    let result = CalicoHarness.run(
      CalicoPacketDecoder.self,
      lines,
      options: PacketLines.options,
      resolver: resolver
    )
    #expect(
      result.shown == [
        "pod shop Deployment:web {app=web} -> address 69.147.80.12/32 TCP/80 egress allowed x1",
        "pod shop Deployment:web {app=web} -> pod data {app=db} UDP/5353 egress allowed x1",
      ]
    )
    #expect(result.discarded == [.otherProtocol: 1])
    #expect(result.edges.entries.map(\.first) == [1_700_003_055_982_021, 1_700_003_055_954_466])
    let noBoot = CalicoHarness.run(CalicoPacketDecoder.self, lines)
    #expect(noBoot.problems.first == "only seconds since boot in the time: give --boot-time")
    let noInventory = CalicoHarness.run(
      CalicoPacketDecoder.self,
      lines,
      options: PacketLines.options
    )
    #expect(noInventory.edges.count == 0)
  }
}
