import FlowModel

/// What a scanner does at each column of a layout.
struct VPCScanPlan: Sendable {
  /// What is done at one column or, in the order of the default format, at eleven.
  enum Step: UInt8, Sendable {
    /// From `srcaddr` to `log-status`, as the default format and most others have them.
    case defaultColumns
    case skip
    case version
    /// A version that must be 2, as only the default layout is taken for granted.
    case assumedVersion
    case interface
    /// The first address of an end.
    case source
    case destination
    /// The other address of an end, that in the packet or not.
    case packetSource
    case packetDestination
    case outerSource
    case outerDestination
    case sourcePort
    case destinationPort
    case transport
    case packets
    case bytes
    case start
    case end
    case action
    case status
    case flags
    case type
    case interfaceType
  }

  /// A step, with the byte that must stand behind its last column.
  struct Stop: Sendable {
    var step: Step
    var separator: UInt8
  }

  /// The steps in the order of the columns.
  let stops: [Stop]
  /// The same where a carriage return stands before the line feed.
  let stopsBeforeReturn: [Stop]
  /// The bytes that all columns but those of any length take at most, with what is read behind them.
  let reach: Int
  /// Whether both addresses are those in the packet.
  let hasPacketAddresses: Bool
  /// Whether there is a time at which records end.
  let hasEnd: Bool
  /// Whether there are TCP flags.
  let hasFlags: Bool

  private static let defaultFields: [AWSVPCField] = [
    .sourceAddress, .destinationAddress, .sourcePort, .destinationPort, .transport, .packets,
    .bytes, .start, .end, .action, .logStatus,
  ]

  /// Makes a plan, nil for layouts whose lines always need a closer look.
  ///
  /// - Parameter layout: nil where only the default layout is taken for granted.
  init?(layout: AWSVPCLayout?) {
    let known = layout ?? .standard
    let columns = known.columns
    let fields = Set(columns).subtracting([.ignored])
    let addresses: [Set<AWSVPCField>] = [
      [.sourceAddress, .packetSource], [.destinationAddress, .packetDestination],
    ]
    guard known.problem == nil,
      // Of a field that comes twice, the last value counts.
      columns.count(where: { $0 != .ignored }) == fields.count,
      fields.isSuperset(of: [.sourcePort, .destinationPort, .transport, .start, .action]),
      addresses.allSatisfy({ !$0.isDisjoint(with: fields) })
    else { return nil }
    var steps: [Step] = []
    var position = 0
    var seen: Set<AWSVPCField> = []
    while position < columns.count {
      let field = columns[position]
      if seen.isDisjoint(with: [.packetSource, .packetDestination]),
        columns[position...].starts(with: VPCScanPlan.defaultFields)
      {
        seen.formUnion(VPCScanPlan.defaultFields)
        steps.append(.defaultColumns)
        position += VPCScanPlan.defaultFields.count
      } else {
        steps.append(VPCScanPlan.step(field, after: seen, isAssumed: layout == nil))
        seen.insert(field)
        position += 1
      }
    }
    func stops(lineEnd: UInt8) -> [Stop] {
      steps.indices.map {
        Stop(step: steps[$0], separator: $0 == steps.count - 1 ? lineEnd : 0x20)
      }
    }
    self.stops = stops(lineEnd: 0x0a)
    stopsBeforeReturn = stops(lineEnd: 0x0d)
    reach = columns.reduce(VPCLineCursor.reach) { $0 + VPCScanPlan.mostBytes(of: $1) }
    hasPacketAddresses = fields.isSuperset(of: [.packetSource, .packetDestination])
    hasEnd = fields.contains(.end)
    hasFlags = fields.contains(.tcpFlags)
  }

  private static func step(
    _ field: AWSVPCField,
    after seen: Set<AWSVPCField>,
    isAssumed: Bool
  ) -> Step {
    switch field {
    case .ignored, .transitGateway: .skip
    case .version: isAssumed ? .assumedVersion : .version
    case .interfaceID: .interface
    case .sourceAddress: seen.contains(.packetSource) ? .outerSource : .source
    case .destinationAddress: seen.contains(.packetDestination) ? .outerDestination : .destination
    case .packetSource: seen.contains(.sourceAddress) ? .packetSource : .source
    case .packetDestination: seen.contains(.destinationAddress) ? .packetDestination : .destination
    case .sourcePort: .sourcePort
    case .destinationPort: .destinationPort
    case .transport: .transport
    case .packets: .packets
    case .bytes: .bytes
    case .start: .start
    case .end: .end
    case .action: .action
    case .logStatus: .status
    case .tcpFlags: .flags
    case .type: .type
    case .interfaceType: .interfaceType
    }
  }

  /// The most bytes a column takes with its separator; of one of any length, those it takes behind the limit.
  private static func mostBytes(of field: AWSVPCField) -> Int {
    switch field {
    case .ignored, .transitGateway, .interfaceID: 8
    case .version, .transport, .tcpFlags: VPCLineCursor.mostSmall
    case .sourceAddress, .destinationAddress, .packetSource, .packetDestination:
      VPCLineCursor.mostQuad
    case .sourcePort, .destinationPort, .packets, .bytes: VPCLineCursor.mostNumber
    case .start, .end: VPCLineCursor.timeCount
    case .action: VPCLineCursor.actionCount
    case .logStatus, .type: VPCLineCursor.mostWord
    case .interfaceType: VPCLineCursor.mostInterfaceType
    }
  }
}
