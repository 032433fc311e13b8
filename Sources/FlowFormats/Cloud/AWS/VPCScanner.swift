package import FlowAggregation
import FlowModel

/// Reads the usual lines of one layout in place: single blanks, IPv4, TCP, UDP or SCTP, accepted or refused.
///
/// It stops before every line that is not exactly so, which then goes through ``AWSVPCLayout/read(_:in:)``;
/// of the others both make the same. Each column is read in its turn (``VPCLineCursor``), numbers eight digits
/// at a time, as a ``VPCScanPlan`` says; records go into the table many at a time.
package struct VPCScanner: Sendable {
  /// Whether both addresses are those in the packet.
  package var hasPacketAddresses: Bool { plan.hasPacketAddresses }
  /// Whether a time stands before each record, as an export of CloudWatch writes it.
  var hasLeadingTime = false
  /// Whether a carriage return stands before each line feed.
  var hasReturns = false
  private let plan: VPCScanPlan
  private var reader: VPCLineReader
  /// The date, hour and minute of the last leading time that was looked at.
  private var minute = SIMD2<UInt64>()
  private var room = [ScannedRecord](repeating: ScannedRecord(), count: VPCScanner.batch)

  /// So many records go into the table at once.
  private static let batch = 32

  /// Makes a scanner, nil for layouts whose lines always need a closer look.
  ///
  /// - Parameter layout: nil where only the default layout is taken for granted.
  package init?(layout: AWSVPCLayout?) {
    guard let plan = VPCScanPlan(layout: layout) else { return nil }
    self.plan = plan
    reader = VPCLineReader(plan)
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
    var room: [ScannedRecord] = []
    swap(&room, &self.room)
    defer { swap(&room, &self.room) }
    let limit =
      lines.byteCount &- plan.reach &- (hasLeadingTime ? VPCLineCursor.LeadingTime.count : 0)
      &- (hasReturns ? 1 : 0)
    let stops = hasReturns ? plan.stopsBeforeReturn : plan.stops
    // All pointers are used inside the closures only.
    unsafe lines.withUnsafeBytes { block in
      unsafe stops.withUnsafeBufferPointer { stops in
        unsafe room.withUnsafeMutableBufferPointer { room in
          guard let bytes = block.baseAddress, let records = room.baseAddress else { return }
          var cursor = unsafe VPCLineCursor(bytes, at: start)
          var next = start
          var taken = 0
          var count = 0
          while cursor.position <= limit, !hasLeadingTime || isTimed(&cursor, lines),
            unsafe reader.read(stops, &cursor, upTo: limit), !hasReturns || cursor.passFeed(),
            unsafe reader.make(&records[count], line: firstLine &+ taken)
          {
            hours.add(unsafe records[count].what & 0xff_ffff, into: &accumulator)
            next = cursor.position
            taken &+= 1
            count &+= 1
            if count == VPCScanner.batch {
              table.add(unsafe room.span, into: &accumulator)
              count = 0
            }
          }
          table.add(unsafe room.span.extracting(first: count), into: &accumulator)
          start = next
          line &+= taken
        }
      }
    }
    hours.flush(into: &accumulator)
    return line > firstLine
  }

  /// Whether a time stands before the record, with milliseconds.
  @inline(__always)
  private mutating func isTimed(_ cursor: inout VPCLineCursor, _ lines: RawSpan) -> Bool {
    guard let time = cursor.leadingTime() else { return false }
    return time.minute == minute || isMinute(time, lines)
  }

  @inline(never)
  private mutating func isMinute(_ time: VPCLineCursor.LeadingTime, _ lines: RawSpan) -> Bool {
    let end = time.start + VPCLineCursor.LeadingTime.count - 1
    let text = lines.extracting(time.start..<end)
    guard text.byte(at: 10) == UInt8(ascii: "T"), Timestamps.parse(bytes: text) != nil else {
      return false
    }
    minute = time.minute
    return true
  }
}
