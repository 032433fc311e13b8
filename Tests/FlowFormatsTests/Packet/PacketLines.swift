import FlowModel

@testable import FlowFormats

/// Builds packet lines for tests, and the inventory that names their addresses.
enum PacketLines {
  static let web = CalicoHarness.pod("shop", ["app": "web"], deployment: "web")
  static let db = CalicoHarness.pod("data", ["app": "db"])
  static let node = Endpoint(kind: .node, name: "node-1")

  /// Pods at 10.0.0.1 (web) and 10.0.0.2 (db), a node at 10.9.0.1, a Service at 10.96.0.5.
  static let inventory = CalicoHarness.Resolver(known: [
    "10.0.0.1": .endpoint(web), "10.0.0.2": .endpoint(db), "10.9.0.1": .endpoint(node),
    "2001:db8::1": .endpoint(web), "2001:db8::2": .endpoint(db),
    "10.96.0.5": .service(name: "data/db", backends: [ServiceBackend(endpoint: db, port: 5432)]),
    "10.0.0.9": .ambiguous,
  ])

  /// The fields of a packet.
  static func packet(
    input: String = "cali1",
    output: String = "eth0",
    source: String = "10.0.0.1",
    destination: String = "10.0.0.2",
    proto: String = "TCP",
    ports: String = "SPT=40000 DPT=5432 ",
    tail: String = "WINDOW=64240 RES=0x00 SYN URGP=0"
  ) -> String {
    "IN=\(input) OUT=\(output) MAC=ee:ee:ee:ee:ee:ee:9a:67:5e:e2:62:83:08:00 SRC=\(source) "
      + "DST=\(destination) LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=\(proto) \(ports)\(tail)"
  }

  /// A whole line with an exact time.
  static func line(_ packet: String, prefix: String = "calico-packet: ") -> String {
    "2024-11-19T12:15:03.023805-08:00 c1-control kernel: " + prefix + packet
  }

  /// A line of the eBPF data plane.
  static func trace(_ rest: String, front: String = "<...>-4950    [001] ..s2.") -> String {
    "\(front)  2960.748464: bpf_trace_printk: \(rest)"
  }

  /// Options with a boot time and a year.
  static var options: DecoderOptions {
    var options = DecoderOptions()
    options.bootTime = 1_700_000_000_000_000
    options.assumedYear = 2024
    return options
  }
}
