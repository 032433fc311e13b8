import FlowAggregation
import FlowModel

/// Decides which packets are evidence, and for whose policy (format document, sections 5 and 6).
enum PacketJudge {
  /// The outcome for one packet.
  enum Outcome: Hashable {
    /// Not evidence.
    case discard(DiscardReason)
    /// Evidence; `replyPort` as in ``FlowEdge/replyPort``.
    case evidence(side: PolicySide, replyPort: UInt16)
  }

  /// Judges a packet of the kernel's log.
  static func judge(_ packet: KernelPacketLine) -> Outcome {
    guard let destination = packet.destination else { return .discard(.unknownEndpoint) }
    guard let transport = TransportProtocol(packet.proto), transport.hasPorts else {
      return .discard(.otherProtocol)
    }
    if packet.isFragment { return .discard(.noPorts) }
    guard let sourcePort = packet.sourcePort, let port = packet.port, port != 0 else {
      return .discard(.noPorts)
    }
    if packet.isBroadcast || isNeverAPeer(destination) || isDHCP(transport, port) {
      return .discard(.localOrMulticast)
    }
    guard let side = side(input: packet.input, output: packet.output) else {
      return .discard(.noPod)
    }
    guard transport == .tcp else {
      return unanswered(side: side, sourcePort: sourcePort, port: port)
    }
    // Only the first packet of a connection tells which side opened it.
    guard packet.syn else { return .discard(.midConnection) }
    return packet.ack ? .discard(.reply) : .evidence(side: side, replyPort: 0)
  }

  /// Judges a line of the eBPF data plane.
  static func judge(_ line: TraceLine) -> Outcome {
    guard let number = line.transport, let source = line.source, let destination = line.destination
    else { return .discard(.unknownEndpoint) }
    let transport = TransportProtocol(number: number)
    guard transport.hasPorts else { return .discard(.otherProtocol) }
    guard destination.port != 0 else { return .discard(.noPorts) }
    if isNeverAPeer(destination.address) || isDHCP(transport, destination.port) {
      return .discard(.localOrMulticast)
    }
    guard PodInterface.matches(line.interface), line.hook != .xdp else { return .discard(.noPod) }
    return unanswered(
      side: line.hook == .egress ? .egress : .ingress,
      sourcePort: source.port,
      port: destination.port
    )
  }

  /// A packet without a mark of who opened the connection: it may be an answer.
  private static func unanswered(side: PolicySide, sourcePort: UInt16, port: UInt16) -> Outcome {
    if sourcePort == 53 { return .discard(port == 53 ? .undecidedDirection : .reply) }
    let looksLikeAnswer = sourcePort != 0 && sourcePort < 32_768 && port >= 32_768
    return .evidence(side: side, replyPort: looksLikeAnswer ? sourcePort : 0)
  }

  private static func side(input: String, output: String) -> PolicySide? {
    switch (PodInterface.matches(input), PodInterface.matches(output)) {
    case (true, true): .both
    case (true, false): .egress
    case (false, true): .ingress
    case (false, false): nil
    }
  }

  private static func isNeverAPeer(_ address: IPAddress) -> Bool {
    address.isLocalOrMulticast && !address.isMetadataService && !address.isNodeLocalDNS
  }

  private static func isDHCP(_ transport: TransportProtocol, _ port: UInt16) -> Bool {
    transport == .udp && (67...68 ~= port || 546...547 ~= port)
  }
}
