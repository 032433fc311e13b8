import FlowModel

/// Writes connections the way AWS VPC flow logs do: two records each, on both nodes, addresses only.
enum VPCSample {
  static let header =
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr flow-direction traffic-path"

  /// The header and one line per record.
  static func lines(_ connections: [SampleConnection]) -> [String] {
    [header]
      + connections.flatMap { connection -> [String] in
        guard isVisible(connection) else { return [] }
        var lines = [record(connection, isReply: false)]
        if connection.outcome != .silent { lines.append(record(connection, isReply: true)) }
        return lines
      }
  }

  /// Traffic inside a node, with the kubelet and with the metadata service never reaches an interface's log.
  private static func isVisible(_ connection: SampleConnection) -> Bool {
    if case .host = connection.source { return false }
    if HubbleSample.address(connection.destination).hasPrefix("169.254.") { return false }
    guard case .pod(let one) = connection.source, case .pod(let two) = connection.destination
    else { return true }
    return one.node != two.node
  }

  private static func record(_ connection: SampleConnection, isReply: Bool) -> String {
    let source = isReply ? connection.destination : connection.source
    let destination = isReply ? connection.source : connection.destination
    let ports =
      isReply
      ? (connection.port, connection.sourcePort) : (connection.sourcePort, connection.port)
    let isTCP = connection.transport == "TCP"
    // SYN and FIN of the client, SYN-ACK and FIN of the server; SYN alone and a bare reset when refused.
    let isRefused = connection.outcome == .refused
    let flags = !isTCP ? 0 : !isReply ? (isRefused ? 2 : 3) : isRefused ? 4 : 19
    let node =
      nodeOf(isReply ? connection.destination : connection.source)
      ?? nodeOf(isReply ? connection.source : connection.destination) ?? 0
    let isOurs = nodeOf(source) != nil
    let start = connection.time / Timestamps.second
    let from = HubbleSample.address(source)
    let to = HubbleSample.address(destination)
    return [
      "5", "123456789012", "eni-0a1b2c3d4e5f6000\(node + 1)", from, to, "\(ports.0)", "\(ports.1)",
      isTCP ? "6" : "17", "4", "480", "\(start)", "\(start + 40)", "ACCEPT", "OK",
      "vpc-0aaaabbbbccccdddd", "subnet-0aaaabbbb000\(node + 1)", "i-0123456789abcde0\(node + 1)",
      "\(flags)", "IPv4", from, to, isOurs ? "egress" : "ingress", isOurs ? "1" : "-",
    ].joined(separator: " ")
  }

  private static func nodeOf(_ end: SampleEnd) -> Int? {
    if case .pod(let pod) = end { return pod.node }
    return nil
  }
}
