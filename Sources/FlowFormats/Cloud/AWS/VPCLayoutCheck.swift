import FlowModel

/// Looks whether the first records of a log fit the columns that the user gave.
///
/// Exchanged columns of one kind hold values that are valid by themselves. What tells are the two pairs of
/// addresses, which agree at one end at least; between pods, ports that the inventory knows to be served at
/// the other address, and openings that come from served ports; and more packets than bytes.
struct VPCLayoutCheck: Sendable {
  /// After so many records there is nothing more to find out.
  private static let most = 256
  /// So many records have to speak against the columns, and four times as many as speak for them.
  private static let least = 16

  /// Lines of the records looked at.
  private(set) var lines: [Int] = []
  private var ports = Balance()
  private var ends = Balance()
  private var packetAddresses = Balance()
  private var sizes = Balance()

  /// What speaks for and against an order of columns.
  private struct Balance {
    var right = 0
    var wrong = 0

    var isWrong: Bool { wrong >= VPCLayoutCheck.least && wrong > 4 * right }

    mutating func note(right isRight: Bool, wrong isWrong: Bool) {
      guard isRight != isWrong else { return }
      if isRight { right += 1 } else { wrong += 1 }
    }
  }

  /// Whether it has seen enough.
  var isOver: Bool { lines.count >= VPCLayoutCheck.most }

  /// Looks at a record.
  mutating func look(at record: VPCRecord, line: Int, _ resolver: any AddressResolving) {
    lines.append(line)
    packetAddresses.note(right: record.agreesWithPacket, wrong: record.crossesPacket)
    if record.bytes > 0, record.packets > 0 {
      sizes.note(right: record.bytes >= record.packets, wrong: record.bytes < record.packets)
    }
    guard VPCLayoutCheck.isPod(record.source, record, resolver),
      VPCLayoutCheck.isPod(record.destination, record, resolver)
    else { return }
    func serves(_ address: IPAddress, _ port: UInt16) -> Bool {
      resolver.serves(
        address,
        transport: TransportProtocol(number: record.transport),
        port: port,
        at: record.start
      )
    }
    let isReply = serves(record.source, record.sourcePort)
    let isRequest = serves(record.destination, record.destinationPort)
    ports.note(
      right: isReply || isRequest,
      wrong: serves(record.source, record.destinationPort)
        || serves(record.destination, record.sourcePort)
    )
    guard record.transport == TransportProtocol.tcp.number, let flags = record.flags,
      flags & 18 == 2
    else { return }
    ends.note(right: isRequest, wrong: isReply)
  }

  private static func isPod(
    _ address: IPAddress,
    _ record: VPCRecord,
    _ resolver: any AddressResolving
  ) -> Bool {
    let found = resolver.resolve(
      address,
      transport: TransportProtocol(number: record.transport),
      port: 0,
      from: record.start,
      to: record.end
    )
    guard case .endpoint(let endpoint) = found else { return false }
    return endpoint.kind == .pod
  }

  /// What is wrong with the columns, in words; nil when nothing speaks against them.
  var problem: String? {
    let names: String
    if packetAddresses.isWrong {
      names = "pkt-srcaddr and pkt-dstaddr, or srcaddr and dstaddr,"
    } else if ports.isWrong {
      names = "srcport and dstport"
    } else if ends.isWrong {
      names = "source and destination"
    } else if sizes.isWrong {
      names = "packets and bytes"
    } else {
      return nil
    }
    return "columns \(names) seem to be exchanged (check --fields)"
  }
}
