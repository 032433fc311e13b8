package import FlowAggregation
import FlowModel

/// Reads the usual lines of one layout in place: single blanks, IPv4, TCP, UDP or SCTP, accepted or refused.
///
/// It stops before every line that is not exactly so, which then goes through ``AWSVPCLayout/read(_:in:)``;
/// of the others both make the same. The columns of many lines are found at once (``ColumnStarts``); those
/// that matter are then read in a fixed order, numbers eight digits at a time (``VPCFieldReader``).
package struct VPCScanner: Sendable {
  /// Whether both addresses are those in the packet.
  package let hasPacketAddresses: Bool
  /// Whether a time stands before each record, as an export of CloudWatch writes it.
  var hasLeadingTime = false
  private let columnCount: Int
  /// Columns of the fields every usable layout has, and of others where it has them.
  private let sourcePort: Int
  private let destinationPort: Int
  private let transport: Int
  private let start: Int
  private let action: Int
  private let end: Int?
  private let packets: Int?
  private let bytes: Int?
  private let flags: Int?
  private let interface: Int?
  /// Columns of the addresses that count.
  private let source: Int
  private let destination: Int
  /// Columns of the addresses of interfaces, where those in the packet count.
  private let otherSource: Int?
  private let otherDestination: Int?
  /// Columns whose values matter only in that they are one of few.
  private let version: Int?
  private let status: Int?
  private let type: Int?
  private let interfaceType: Int?
  /// Whether the version must be that of the default layout, which no header has said.
  private let isLayoutAssumed: Bool
  private var quads = QuadMemo()
  /// The interface and the time of the last line: most often they come again.
  private var lastInterface = VPCFieldReader.Interface()
  private var lastTime = VPCFieldReader.TimeStart()
  /// The date, hour and minute of the last leading time that was looked at.
  private var minute = SIMD2<UInt64>()
  private var room = [UInt32](repeating: 0, count: ColumnStarts.room)

  /// Makes a scanner, nil for layouts whose lines always need a closer look.
  ///
  /// - Parameter layout: nil where only the default layout is taken for granted.
  package init?(layout: AWSVPCLayout?) {
    let known = layout ?? .standard
    let columns = known.columns
    let fields = columns.filter { $0 != .ignored }
    guard known.problem == nil, columns.count < ColumnStarts.maximumColumns,
      // Of a field that comes twice, the last value counts.
      Set(fields).count == fields.count
    else { return nil }
    func column(_ field: AWSVPCField) -> Int? { columns.firstIndex(of: field) }
    guard let sourcePort = column(.sourcePort), let destinationPort = column(.destinationPort),
      let transport = column(.transport), let start = column(.start), let action = column(.action),
      let source = column(.packetSource) ?? column(.sourceAddress),
      let destination = column(.packetDestination) ?? column(.destinationAddress)
    else { return nil }
    columnCount = columns.count
    hasPacketAddresses = column(.packetSource) != nil && column(.packetDestination) != nil
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.transport = transport
    self.start = start
    self.action = action
    self.source = source
    self.destination = destination
    end = column(.end)
    packets = column(.packets)
    bytes = column(.bytes)
    flags = column(.tcpFlags)
    interface = column(.interfaceID)
    otherSource = column(.packetSource).flatMap { _ in column(.sourceAddress) }
    otherDestination = column(.packetDestination).flatMap { _ in column(.destinationAddress) }
    version = column(.version)
    status = column(.logStatus)
    type = column(.type)
    interfaceType = column(.interfaceType)
    isLayoutAssumed = layout == nil
  }

  /// Records of one hour that are not counted yet.
  private struct HourCount {
    var hour: UInt64 = 0
    var count: Int64 = 0

    @inline(__always)
    mutating func add(_ hour: UInt64, into accumulator: inout EvidenceAccumulator) {
      if hour != self.hour {
        flush(into: &accumulator)
        self.hour = hour
      }
      count &+= 1
    }

    mutating func flush(into accumulator: inout EvidenceAccumulator) {
      guard count > 0 else { return }
      let time = Int64(truncatingIfNeeded: hour) * Timestamps.hour
      accumulator.sawRecord(at: time, count: count)
      count = 0
    }
  }

  /// Takes lines into a table until one is not as expected or the end is near.
  ///
  /// - Parameters:
  ///   - lines: Whole lines.
  ///   - start: The start of a line; afterwards that of the first one not taken.
  ///   - line: Its number.
  /// - Returns: Whether any line was taken.
  package mutating func scan(
    _ lines: RawSpan,
    from start: inout Int,
    line: inout Int,
    into table: inout ConversationTable,
    _ accumulator: inout EvidenceAccumulator
  ) -> Bool {
    let firstLine = line
    var hours = HourCount()
    var room: [UInt32] = []
    swap(&room, &self.room)
    defer { swap(&room, &self.room) }
    var next = start
    // Both pointers are used inside the closures only.
    unsafe lines.withUnsafeBytes { block in
      unsafe room.withUnsafeMutableBufferPointer { room in
        guard let bytes = block.baseAddress, let room = room.baseAddress else { return }
        var starts = unsafe ColumnStarts(bytes, byteCount: block.count, from: next, room: room)
        let leading = hasLeadingTime ? 1 : 0
        while let columns = unsafe starts.line(of: columnCount &+ leading) {
          // The record's own columns come behind the time.
          let reader = unsafe VPCFieldReader(bytes: bytes, starts: columns + leading)
          guard leading == 0 || isTimed(reader, lines),
            let conversation = conversation(reader, line: line)
          else { break }
          hours.add(UInt64(truncatingIfNeeded: conversation.hour), into: &accumulator)
          table.add(conversation, into: &accumulator)
          starts.advance(by: columnCount &+ leading)
          line &+= 1
        }
        next = starts.lineStart
      }
    }
    table.addWaiting(into: &accumulator)
    start = next
    hours.flush(into: &accumulator)
    return line > firstLine
  }

  /// Whether a time stands before the record, with milliseconds.
  @inline(__always)
  private mutating func isTimed(_ reader: VPCFieldReader, _ lines: RawSpan) -> Bool {
    guard let time = reader.leadingTime() else { return false }
    return time.minute == minute || isMinute(time, lines)
  }

  @inline(never)
  private mutating func isMinute(_ time: VPCFieldReader.LeadingTime, _ lines: RawSpan) -> Bool {
    let text = lines.extracting(time.start..<time.start + VPCFieldReader.LeadingTime.count)
    guard text.byte(at: 10) == UInt8(ascii: "T"), Timestamps.parse(bytes: text) != nil else {
      return false
    }
    minute = time.minute
    return true
  }

  /// The conversation of the next line, nil when the line needs a closer look.
  @inline(__always)
  private mutating func conversation(_ reader: VPCFieldReader, line: Int) -> Conversation? {
    guard reader.isLine(of: columnCount), isAsExpected(reader),
      let sender = reader.quad(self.source),
      let receiver = reader.quad(self.destination), let source = quads.address(sender),
      let destination = quads.address(receiver),
      isAddress(otherSource, orLike: self.source, reader),
      isAddress(otherDestination, orLike: self.destination, reader),
      let sourcePort = reader.number(self.sourcePort, upTo: 65_535),
      let destinationPort = reader.number(self.destinationPort, upTo: 65_535),
      let transport = reader.smallNumber(self.transport),
      let first = reader.time(self.start, after: &lastTime),
      let isAccepted = reader.isAccepted(action)
    else { return nil }
    var (flags, packets, bytes, last, capture): (UInt8?, UInt64, UInt64, UInt64, UInt32) =
      (nil, 0, 0, first, 0)
    if let column = self.flags {
      guard let value = reader.smallNumber(column) else { return nil }
      flags = UInt8(truncatingIfNeeded: value)
    }
    if let column = self.packets {
      guard let value = reader.longNumber(column) else { return nil }
      packets = value
    }
    if let column = self.bytes {
      guard let value = reader.longNumber(column) else { return nil }
      bytes = value
    }
    if let column = self.end {
      guard let value = reader.time(column, after: &lastTime) else { return nil }
      last = value
    }
    if let column = self.interface {
      guard let value = reader.interface(column, after: &lastInterface) else { return nil }
      capture = value
    }
    guard transport == 6 || transport == 17 || transport == 132, source != destination,
      VPCScanner.isPeer(source), VPCScanner.isPeer(destination), last >= first
    else { return nil }
    var made = Conversation(
      source: source,
      destination: destination,
      sourcePort: UInt16(truncatingIfNeeded: sourcePort),
      destinationPort: UInt16(truncatingIfNeeded: destinationPort),
      transport: UInt8(truncatingIfNeeded: transport),
      marks: VPCRecord.marks(
        transport: UInt8(truncatingIfNeeded: transport),
        flags: flags,
        packets: Int64(truncatingIfNeeded: packets),
        isAccepted: isAccepted
      ),
      isRejected: !isAccepted,
      packets: Int64(truncatingIfNeeded: packets),
      bytes: Int64(truncatingIfNeeded: bytes),
      start: Int64(truncatingIfNeeded: first) &* 1_000_000,
      end: Int64(truncatingIfNeeded: last) &* 1_000_000,
      capture: capture,
      line: line
    )
    made.nodesMayBePods = !hasPacketAddresses
    return made
  }

  /// Whether a column, where there is one, is an address: most often that of another column.
  @inline(__always)
  private mutating func isAddress(
    _ column: Int?,
    orLike other: Int,
    _ reader: VPCFieldReader
  ) -> Bool {
    guard let column, !reader.isSame(column, as: other) else { return true }
    guard let quad = reader.quad(column) else { return false }
    return quads.address(quad) != nil
  }

  /// Whether the columns whose values are only looked at are there as in a usual record.
  @inline(__always)
  private func isAsExpected(_ reader: VPCFieldReader) -> Bool {
    if let version {
      let isUsual =
        isLayoutAssumed
        ? reader.holds(0x32, count: 1, in: version) : reader.smallNumber(version) != nil
      guard isUsual else { return false }
    }
    if let status, !reader.holds(0x4b4f, count: 2, in: status) { return false }
    if let type, !reader.holds(0x3476_5049, count: 4, in: type) { return false }
    if let interfaceType, !reader.isOwnInterface(interfaceType) { return false }
    return true
  }

  /// Whether an address may be a peer of a rule: not link-local, loopback, multicast or unspecified.
  @inline(__always)
  private static func isPeer(_ address: UInt32) -> Bool {
    let first = address >> 24
    return first != 0 && first != 127 && first < 224 && address >> 16 != 0xa9fe
  }
}
