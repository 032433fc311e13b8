import Foundation

/// Writes generated logs of a size; records follow each other over one week.
public struct LogWriter {
  /// What is written.
  public enum Format: String, Sendable, CaseIterable {
    /// Hubble JSON lines of about 2 KB.
    case hubble
    /// Calico flow log JSON lines of about 1.2 KB.
    case calico
    /// AWS VPC flow logs: the default 14 fields, TCP flags and the packet addresses.
    case vpc
    /// AWS VPC flow logs of the default format: without flags only other connections tell who opened one.
    case vpcDefault
    /// The same where pods have addresses of their nodes' interfaces: each interface shows its own address in the
    /// place of its pod's, so that only the logs of both nodes together tell which pods talked.
    case vpcNodes

    /// Whether it holds addresses, which only an inventory turns into pods.
    public var needsInventory: Bool {
      switch self {
      case .hubble, .calico: false
      case .vpc, .vpcDefault, .vpcNodes: true
      }
    }
  }

  /// What was written, counted by the writer itself.
  public struct Tally: Sendable {
    /// Records, replies included.
    public var records = 0
    /// Connections, by the number of their edge in the cluster.
    public var connections: [Int]

    /// The edges with a connection.
    public var edges: Int { connections.count { $0 > 0 } }
  }

  private let cluster: GeneratedCluster
  private let format: Format
  private var tally: Tally
  private var random = GeneratedNumbers(seed: 11)
  private var clock = 0
  /// The ports by which the nodes of a connection know it.
  private var portsInUse: Set<Int> = []

  /// Makes a writer.
  public init(_ format: Format, cluster: GeneratedCluster) {
    self.format = format
    self.cluster = cluster
    tally = Tally(connections: Array(repeating: 0, count: cluster.edges.count))
  }

  /// Writes a file of at least `bytes` bytes, or one connection of every edge when that is more.
  ///
  /// - Parameter everyEdge: Whether each edge gets a connection before any is drawn by chance.
  /// - Returns: What the file holds.
  public mutating func write(to path: String, bytes: Int, everyEdge: Bool = false) throws -> Tally {
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    defer { try? handle.close() }
    var buffer: [UInt8] = []
    buffer.reserveCapacity(9 << 20)
    if format.needsInventory {
      buffer += Array(
        ("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
          + (format == .vpc ? " tcp-flags pkt-srcaddr pkt-dstaddr\n" : "\n")).utf8
      )
    }
    var written = 0
    var next = everyEdge ? 0 : cluster.edges.count
    while written + buffer.count < bytes || next < cluster.edges.count {
      let edge = next < cluster.edges.count ? next : random.next(below: cluster.edges.count)
      next += 1
      append(edge, to: &buffer)
      if buffer.count > 8 << 20 {
        try handle.write(contentsOf: buffer)
        written += buffer.count
        buffer.removeAll(keepingCapacity: true)
      }
    }
    try handle.write(contentsOf: buffer)
    return tally
  }

  /// Appends the records of one connection.
  private mutating func append(_ number: Int, to buffer: inout [UInt8]) {
    let edge = cluster.edges[number]
    let sourcePod = random.next(below: cluster.pods)
    let destinationPod = random.next(below: cluster.pods)
    var clientPort = 32_768 + random.next(below: 28_000)
    clock = (clock + 1 + random.next(below: 3)) % 604_800_000
    let lines: [String]
    switch format {
    case .hubble:
      lines = [false, true].map { isReply in
        hubble(edge, sourcePod, destinationPod, clientPort, isReply: isReply)
      }
    case .calico: lines = [true, false].map { calico(edge, isSource: $0) }
    case .vpc, .vpcDefault:
      lines = [false, true].map { isReply in
        vpc(edge, sourcePod, destinationPod, clientPort, isReply: isReply)
      }
    case .vpcNodes:
      // What stays on a node crosses no interface.
      guard
        cluster.node(edge.source, pod: sourcePod)
          != cluster.node(edge.destination, pod: destinationPod)
      else { return }
      while !take(clientPort, edge, sourcePod, destinationPod) {
        clientPort = 32_768 + random.next(below: 28_000)
      }
      let bytes = 400 + random.next(below: 100_000)
      lines = [false, true].flatMap { isReply in
        views(edge, sourcePod, destinationPod, clientPort, bytes: bytes, isReply: isReply)
      }
    }
    for line in lines { buffer.append(contentsOf: line.utf8) }
    tally.records += lines.count
    tally.connections[number] += 1
  }

  private func stamp() -> String {
    let milliseconds = clock % 1000
    let seconds = clock / 1000
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let fraction = "00\(milliseconds)".suffix(3)
    return
      "2026-11-\(two(2 + seconds / 86_400))T\(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60)).\(fraction)123456Z"
  }

  private func endpoint(_ workload: Int, pod: Int) -> String {
    let namespace = cluster.namespace(workload)
    let name = cluster.name(workload)
    return
      #"{"ID":\#(1000 + pod),"identity":\#(20_000 + workload),"cluster_name":"bench","namespace":"\#(namespace)","labels":["k8s:app.kubernetes.io/component=server","k8s:app.kubernetes.io/instance=\#(name)","k8s:app.kubernetes.io/name=\#(name)","k8s:app=\#(name)","k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=\#(namespace)","k8s:io.cilium.k8s.policy.cluster=bench","k8s:io.cilium.k8s.policy.serviceaccount=\#(name)","k8s:io.kubernetes.pod.namespace=\#(namespace)"],"pod_name":"\#(name)-7c78889d59-p\#(pod)","workloads":[{"name":"\#(name)","kind":"Deployment"}]}"#
  }

  private func hubble(
    _ edge: GeneratedCluster.Edge,
    _ sourcePod: Int,
    _ destinationPod: Int,
    _ clientPort: Int,
    isReply: Bool
  ) -> String {
    let client = endpoint(edge.source, pod: sourcePod)
    let server = endpoint(edge.destination, pod: destinationPod)
    let clientIP = cluster.address(edge.source, pod: sourcePod)
    let serverIP = cluster.address(edge.destination, pod: destinationPod)
    let time = stamp()
    let node = "bench/node-\(destinationPod % 20)"
    let flags = isReply ? #""SYN":true,"ACK":true"# : #""SYN":true"#
    let ports =
      isReply
      ? #""source_port":\#(edge.port),"destination_port":\#(clientPort)"#
      : #""source_port":\#(clientPort),"destination_port":\#(edge.port)"#
    return
      #"{"flow":{"time":"\#(time)","uuid":"86c1ab81-027f-423f-9702-\#(100_000_000_000 + clock)","emitter":{"name":"Hubble","version":"1.19.2+g7d68cfb3"},"verdict":"FORWARDED","ethernet":{"source":"72:0f:98:92:ce:fc","destination":"42:c8:01:29:0f:3f"},"IP":{"source":"\#(isReply ? serverIP : clientIP)","destination":"\#(isReply ? clientIP : serverIP)","ipVersion":"IPv4"},"l4":{"TCP":{\#(ports),"flags":{\#(flags)}}},"source":\#(isReply ? server : client),"destination":\#(isReply ? client : server),"Type":"L3_L4","node_name":"\#(node)","node_labels":["beta.kubernetes.io/arch=amd64","beta.kubernetes.io/os=linux","kubernetes.io/arch=amd64","kubernetes.io/hostname=\#(node)","kubernetes.io/os=linux"],"event_type":{"type":4},"traffic_direction":"EGRESS","trace_observation_point":"TO_ENDPOINT","trace_reason":"\#(isReply ? "REPLY" : "NEW")","is_reply":\#(isReply),"interface":{"index":12,"name":"lxc1234567890ab"},"Summary":"TCP Flags: SYN"},"node_name":"\#(node)","time":"\#(time)"}"#
      + "\n"
  }

  private func calico(_ edge: GeneratedCluster.Edge, isSource: Bool) -> String {
    let start = 1_793_577_600 + clock / 1000 / 300 * 300
    func labels(_ workload: Int) -> String {
      let name = cluster.name(workload)
      return
        #"{"labels":["app=\#(name)","app.kubernetes.io/name=\#(name)","app.kubernetes.io/instance=\#(name)","pod-template-hash=7c78889d59"]}"#
    }
    let source = cluster.name(edge.source)
    let destination = cluster.name(edge.destination)
    let namespace = cluster.namespace(isSource ? edge.source : edge.destination)
    return
      #"{"start_time":\#(start),"end_time":\#(start + 300),"source_ip":null,"source_name":"-","source_name_aggr":"\#(source)-7c78889d59-*","source_namespace":"\#(cluster.namespace(edge.source))","nat_outgoing_ports":null,"source_port":null,"source_type":"wep","source_labels":\#(labels(edge.source)),"dest_ip":null,"dest_name":"-","dest_name_aggr":"\#(destination)-7c78889d59-*","dest_namespace":"\#(cluster.namespace(edge.destination))","dest_port":\#(edge.port),"dest_type":"wep","dest_labels":\#(labels(edge.destination)),"dest_service_namespace":"-","dest_service_name":"-","dest_service_port":"-","dest_domains":null,"proto":"tcp","action":"allow","reporter":"\#(isSource ? "src" : "dst")","policies":{"all_policies":["0|__PROFILE__|__PROFILE__.kns.\#(namespace)|allow|0"],"enforced_policies":["0|__PROFILE__|__PROFILE__.kns.\#(namespace)|allow|0"],"pending_policies":["0|__PROFILE__|__PROFILE__.kns.\#(namespace)|allow|0"]},"bytes_in":1200,"bytes_out":3400,"num_flows":2,"num_flows_started":1,"num_flows_completed":1,"packets_in":10,"packets_out":12,"http_requests_allowed_in":0,"http_requests_denied_in":0,"process_name":"-","num_process_names":0,"original_source_ips":null,"num_original_source_ips":0,"host":"node-1"}"#
      + "\n"
  }

  /// Takes a client's port, if no pod of the same node has it for the same server, and the other way round.
  private mutating func take(
    _ clientPort: Int,
    _ edge: GeneratedCluster.Edge,
    _ sourcePod: Int,
    _ destinationPod: Int
  ) -> Bool {
    func key(_ node: Int, _ workload: Int, _ pod: Int) -> Int {
      (((node << 20 | workload) << 8 | pod) << 16 | clientPort) << 16 | edge.port
    }
    let atClient = key(
      cluster.node(edge.source, pod: sourcePod),
      edge.destination,
      destinationPod
    )
    // Below 0: what the other end's node shows.
    let atServer = ~key(
      cluster.node(edge.destination, pod: destinationPod),
      edge.source,
      sourcePod
    )
    guard !portsInUse.contains(atClient), !portsInUse.contains(atServer) else { return false }
    portsInUse.formUnion([atClient, atServer])
    return true
  }

  /// What the interfaces of sender and receiver show of one direction.
  private func views(
    _ edge: GeneratedCluster.Edge,
    _ sourcePod: Int,
    _ destinationPod: Int,
    _ clientPort: Int,
    bytes: Int,
    isReply: Bool
  ) -> [String] {
    let start = 1_793_577_600 + clock / 1000
    let client = cluster.address(edge.source, pod: sourcePod)
    let server = cluster.address(edge.destination, pod: destinationPod)
    let clientNode = cluster.node(edge.source, pod: sourcePod)
    let serverNode = cluster.node(edge.destination, pod: destinationPod)
    let ports = isReply ? "\(edge.port) \(clientPort)" : "\(clientPort) \(edge.port)"
    func line(_ node: Int, _ ends: (String, String)) -> String {
      let (source, destination) = isReply ? (ends.1, ends.0) : ends
      return
        "2 123456789012 eni-0a1b2c3d4e5f6\(1000 + node) \(source) \(destination) \(ports) 6 10 \(bytes) "
        + "\(start) \(start + 50) ACCEPT OK\n"
    }
    return [
      line(clientNode, (cluster.nodeAddress(clientNode), server)),
      line(serverNode, (client, cluster.nodeAddress(serverNode))),
    ]
  }

  private func vpc(
    _ edge: GeneratedCluster.Edge,
    _ sourcePod: Int,
    _ destinationPod: Int,
    _ clientPort: Int,
    isReply: Bool
  ) -> String {
    let client = cluster.address(edge.source, pod: sourcePod)
    let server = cluster.address(edge.destination, pod: destinationPod)
    let start = 1_793_577_600 + clock / 1000
    let ends = isReply ? "\(server) \(client)" : "\(client) \(server)"
    let ports = isReply ? "\(edge.port) \(clientPort)" : "\(clientPort) \(edge.port)"
    let columns =
      "123456789012 eni-0a1b2c3d4e5f6000\(destinationPod % 8) \(ends) \(ports) 6 10 4200 \(start) \(start + 50) ACCEPT OK"
    return format == .vpc ? "5 \(columns) \(isReply ? 19 : 3) \(ends)\n" : "2 \(columns)\n"
  }
}
