import FlowModel
import JSONText

/// The values of one AWS VPC record while it is being read, from text columns or JSON members.
struct VPCFieldValues {
  private enum Status { case ok, noData, skipData }

  private var source: IPAddress?
  private var destination: IPAddress?
  private var packetSource: IPAddress?
  private var packetDestination: IPAddress?
  private var sourcePort: Int64 = -1
  private var destinationPort: Int64 = -1
  private var transport: Int64 = -1
  private var flags: Int64 = -1
  private var packets: Int64 = 0
  private var bytes: Int64 = 0
  private var start: Int64 = -1
  private var end: Int64 = -1
  private var action: Bool?
  private var status = Status.ok
  private var interface: UInt32 = 0
  private var isMiddle = false
  private var isFabricTraffic = false
  private var problem: AWSVPCField?

  private mutating func fail(_ field: AWSVPCField) {
    if problem == nil { problem = field }
  }

  private mutating func take(_ field: AWSVPCField, address: IPAddress?) {
    guard let address else { return fail(field) }
    switch field {
    case .sourceAddress: source = address
    case .destinationAddress: destination = address
    case .packetSource: packetSource = address
    default: packetDestination = address
    }
  }

  private mutating func take(_ field: AWSVPCField, number: Int64?) {
    guard let number, number >= 0 else { return fail(field) }
    switch field {
    case .sourcePort, .destinationPort:
      guard number <= 65_535 else { return fail(field) }
      if field == .sourcePort { sourcePort = number } else { destinationPort = number }
    case .transport:
      guard number <= 255 else { return fail(field) }
      transport = number
    case .tcpFlags:
      guard number <= 255 else { return fail(field) }
      flags = number
    case .packets: packets = number
    case .bytes: bytes = number
    case .start, .end:
      guard number <= CloudTime.maximumSeconds else { return fail(field) }
      if field == .start { start = number } else { end = number }
    default: if number > 255 { fail(field) }
    }
  }
}

// MARK: - Text

extension VPCFieldValues {
  /// Takes a column; `-` is no value.
  @inline(__always)
  mutating func take(_ field: AWSVPCField, _ line: RawSpan, _ range: Range<Int>) {
    if range.count == 1, line.byte(at: range.lowerBound) == UInt8(ascii: "-") { return }
    switch field {
    case .ignored, .transitGateway: return
    case .sourceAddress, .destinationAddress, .packetSource, .packetDestination:
      take(field, address: line.address(in: range))
    case .version, .sourcePort, .destinationPort, .transport, .packets, .bytes, .start, .end,
      .tcpFlags:
      take(field, number: line.decimal(in: range))
    case .action:
      if line.holds("ACCEPT", in: range) {
        action = true
      } else if line.holds("REJECT", in: range) {
        action = false
      } else {
        fail(field)
      }
    case .logStatus:
      if line.holds("OK", in: range) {
        status = .ok
      } else if line.holds("NODATA", in: range) {
        status = .noData
      } else if line.holds("SKIPDATA", in: range) {
        status = .skipData
      } else {
        fail(field)
      }
    case .interfaceID:
      guard line.begins(with: "eni-", in: range) else { return fail(field) }
      interface = NameHash.of(line, in: range)
    case .type:
      if line.holds("EFA", in: range) {
        isFabricTraffic = true
      } else if !line.holds("IPv4", in: range), !line.holds("IPv6", in: range) {
        fail(field)
      }
    case .interfaceType: isMiddle = VPCFieldValues.middleTypes.contains(line.text(in: range))
    }
  }

  /// Interfaces between the ends: what crosses them is on the ends' own interfaces too.
  private static let middleTypes: Set<String> = [
    "nat_gateway", "regional_nat_gateway", "network_load_balancer", "transit_gateway",
    "vpc_endpoint",
  ]
}

// MARK: - JSON

extension VPCFieldValues {
  /// Takes a member of a processed copy; null and `-` are no values, numbers may be floats or strings.
  mutating func take(_ field: AWSVPCField, _ value: JSONValue) {
    if value == .null || value.string == "-" || value.string == "" { return }
    switch field {
    case .ignored, .transitGateway: return
    case .sourceAddress, .destinationAddress, .packetSource, .packetDestination:
      take(field, address: value.string.flatMap { IPAddress($0) })
    case .version, .sourcePort, .destinationPort, .transport, .packets, .bytes, .start, .end,
      .tcpFlags:
      take(field, number: value.integer)
    case .action, .logStatus, .interfaceID, .type, .interfaceType:
      guard let text = value.string else { return fail(field) }
      let bytes = Array(text.utf8)
      unsafe take(field, bytes.span.bytes, 0..<bytes.count)
    }
  }
}

// MARK: - Result

extension VPCFieldValues {
  /// What the values say together.
  ///
  /// A protocol without ports that has them is refused.
  @inline(__always)
  func line() -> VPCLine {
    let startTime = start < 0 ? nil : start * Timestamps.second
    switch status {
    case .noData: return .noData(startTime)
    case .skipData: return .lost(startTime)
    case .ok: break
    }
    if let problem { return .bad(.malformed(problem)) }
    guard let startTime else { return .bad(.missing(.start)) }
    let endTime = end < 0 ? startTime : end * Timestamps.second
    guard endTime >= startTime else { return .bad(.endsBeforeStart) }
    if isFabricTraffic { return .unused(.otherProtocol, startTime) }
    guard transport >= 0 else { return .bad(.missing(.transport)) }
    guard let from = packetSource ?? source else { return .bad(.missing(.sourceAddress)) }
    guard let to = packetDestination ?? destination else {
      return .bad(.missing(.destinationAddress))
    }
    let number = UInt8(truncatingIfNeeded: transport)
    guard TransportProtocol(number: number).hasPorts else {
      // ICMP and its like are written with the ports 0: another number stands in the wrong column.
      let isMisplaced =
        sourcePort > 0 && destinationPort > 0 && !VPCFieldValues.otherPorts.contains(number)
      return isMisplaced ? .bad(.malformed(.transport)) : .unused(.otherProtocol, startTime)
    }
    guard sourcePort >= 0 else { return .bad(.missing(.sourcePort)) }
    guard destinationPort >= 0 else { return .bad(.missing(.destinationPort)) }
    guard let action else { return .unused(.noVerdict, startTime) }
    if isMiddle { return .unused(.middleInterface, startTime) }
    return .record(
      VPCRecord(
        source: from,
        destination: to,
        sourcePort: UInt16(truncatingIfNeeded: sourcePort),
        destinationPort: UInt16(truncatingIfNeeded: destinationPort),
        transport: number,
        flags: flags < 0 ? nil : UInt8(truncatingIfNeeded: flags),
        packets: packets,
        bytes: bytes,
        start: startTime,
        end: endTime,
        isAccepted: action,
        interface: interface,
        hasPacketAddresses: packetSource != nil && packetDestination != nil,
        agreesWithPacket: isSame(packetSource, source) || isSame(packetDestination, destination),
        crossesPacket: isSame(packetSource, destination) || isSame(packetDestination, source)
      )
    )
  }
}

/// Whether both are given and the same.
@inline(__always)
private func isSame(_ one: IPAddress?, _ other: IPAddress?) -> Bool { one != nil && one == other }

extension VPCFieldValues {
  /// DCCP and UDP-Lite: protocols with ports that no policy knows.
  private static let otherPorts: [UInt8] = [33, 136]
}

extension AWSVPCLayout {
  /// Reads one line in this layout, without allocation.
  package func read(_ line: RawSpan, in range: Range<Int>) -> VPCLine {
    var values = VPCFieldValues()
    var position = range.lowerBound
    var column = 0
    while let token = line.nextToken(&position, before: range.upperBound) {
      if column < columns.count { values.take(columns[column], line, token) }
      column += 1
    }
    guard column == columns.count else {
      return .bad(.columnCount(found: column, expected: columns.count))
    }
    return values.line()
  }
}
