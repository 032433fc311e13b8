/// A field of AWS VPC flow logs that flowlearn reads; all others are known by name only.
package enum AWSVPCField: UInt8, Sendable, CaseIterable {
  /// A column whose value is not needed.
  case ignored
  /// `version`
  case version
  /// `interface-id`
  case interfaceID
  /// `srcaddr`
  case sourceAddress
  /// `dstaddr`
  case destinationAddress
  /// `srcport`
  case sourcePort
  /// `dstport`
  case destinationPort
  /// `protocol`
  case transport
  /// `packets`
  case packets
  /// `bytes`
  case bytes
  /// `start`
  case start
  /// `end`
  case end
  /// `action`
  case action
  /// `log-status`
  case logStatus
  /// `tcp-flags`
  case tcpFlags
  /// `type`
  case type
  /// `pkt-srcaddr`
  case packetSource
  /// `pkt-dstaddr`
  case packetDestination
  /// `interface-type`
  case interfaceType
  /// `tgw-id`: the mark of transit gateway logs.
  case transitGateway

  /// The name in a header line.
  package var name: String {
    switch self {
    case .ignored: "other"
    case .version: "version"
    case .interfaceID: "interface-id"
    case .sourceAddress: "srcaddr"
    case .destinationAddress: "dstaddr"
    case .sourcePort: "srcport"
    case .destinationPort: "dstport"
    case .transport: "protocol"
    case .packets: "packets"
    case .bytes: "bytes"
    case .start: "start"
    case .end: "end"
    case .action: "action"
    case .logStatus: "log-status"
    case .tcpFlags: "tcp-flags"
    case .type: "type"
    case .packetSource: "pkt-srcaddr"
    case .packetDestination: "pkt-dstaddr"
    case .interfaceType: "interface-type"
    case .transitGateway: "tgw-id"
    }
  }

  /// The field with a name as headers, JSON copies and old tables spell it; nil when nobody knows it.
  ///
  /// `${pkt-srcaddr}`, `pkt_srcaddr` and `pktSrcAddr` are one name.
  init?(name: some StringProtocol) {
    let plain = AWSVPCField.plain(name)
    if let field = AWSVPCField.read[plain] ?? AWSVPCField.aliases[plain] {
      self = field
    } else if AWSVPCField.unused.contains(plain) {
      self = .ignored
    } else {
      return nil
    }
  }

  private static func plain(_ name: some StringProtocol) -> String {
    String(
      decoding: name.utf8.compactMap { byte -> UInt8? in
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "$"), UInt8(ascii: "{"),
          UInt8(ascii: "}"):
          nil
        case 0x41...0x5a: byte | 0x20
        default: byte
        }
      },
      as: UTF8.self
    )
  }

  private static let read = Dictionary(
    allCases.filter { $0 != .ignored }.map { (plain($0.name), $0) },
    uniquingKeysWith: { first, _ in first }
  )

  /// Spellings of old Athena tables.
  private static let aliases: [String: AWSVPCField] = [
    "sourceaddress": .sourceAddress, "destinationaddress": .destinationAddress,
    "sourceport": .sourcePort, "destinationport": .destinationPort, "numpackets": .packets,
    "numbytes": .bytes, "starttime": .start, "endtime": .end,
  ]

  /// Fields of versions 2 to 11 and of transit gateway logs that are not needed.
  private static let unused: Set<String> = Set(
    """
    account-id account vpc-id subnet-id instance-id region az-id sublocation-type sublocation-id
    pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path ecs-cluster-arn
    ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id ecs-container-id
    ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id
    reject-reason resource-id encryption-status instance-tag instance-tag-2 interface-tag
    interface-tag-2 asg-tag asg-tag-2 next-hop-interface-id next-hop-subnet-id next-hop-az-id
    next-hop-vpc-id next-hop-interface-type resource-type tgw-attachment-id tgw-src-vpc-account-id
    tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id
    tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id
    packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded
    packets-lost-ttl-expired
    """.split { $0 == " " || $0 == "\n" }.map { plain($0) }
  )
}
