import FlowModel

/// Reads lines of one layout, and remembers what the next ones will hold again.
struct VPCLineReader: Sendable {
  private let hasEnd: Bool
  private let nodesMayBePods: Bool
  /// The marks of every kind of record, by its flags and some bits more.
  private let marks: [ConversationMarks]
  private var quads = QuadMemo()
  private var startMemo = VPCLineCursor.TimeMemo()
  private var endMemo = VPCLineCursor.TimeMemo()
  private var interfaceMemo = VPCLineCursor.InterfaceMemo()

  // The values of a line; those of columns that the layout does not have stay as they are.
  private var source: UInt32 = 0
  private var destination: UInt32 = 0
  /// The addresses read first.
  private var sourceQuad = DottedQuad()
  private var destinationQuad = DottedQuad()
  private var sourcePort: UInt64 = 0
  private var destinationPort: UInt64 = 0
  private var transport: UInt32 = 0
  private var packets: UInt64 = 0
  private var bytes: UInt64 = 0
  private var start: UInt64 = 0
  private var end: UInt64 = 0
  private var isAccepted = false
  private var flags: UInt32 = 0
  private var interface: UInt32 = 0

  /// Makes a reader that has read nothing yet.
  init(_ plan: VPCScanPlan) {
    hasEnd = plan.hasEnd
    nodesMayBePods = !plan.hasPacketAddresses
    marks = (0..<VPCLineReader.marksCount).map {
      VPCLineReader.marks(ofIndex: $0, hasFlags: plan.hasFlags)
    }
  }
}

// MARK: - Columns

extension VPCLineReader {
  /// Reads the columns of the next line; false when the line needs a closer look.
  ///
  /// - Parameter limit: The last position from which bytes of columns of any length are read.
  @inline(__always)
  mutating func read(
    _ stops: UnsafeBufferPointer<VPCScanPlan.Stop>,
    _ cursor: inout VPCLineCursor,
    upTo limit: Int
  ) -> Bool {
    for index in 0..<stops.count {
      let stop = unsafe stops[index]
      guard read(stop.step, &cursor, stop.separator, upTo: limit) else { return false }
    }
    return true
  }

  @inline(__always)
  private mutating func read(
    _ step: VPCScanPlan.Step,
    _ cursor: inout VPCLineCursor,
    _ separator: UInt8,
    upTo limit: Int
  ) -> Bool {
    switch step {
    case .defaultColumns: readDefaultColumns(&cursor, separator)
    case .skip: cursor.skip(separator, upTo: limit)
    case .version: cursor.isSmallNumber(separator)
    case .assumedVersion: cursor.holds(0x32, count: 1, separator)
    case .interface:
      VPCLineReader.set(&interface, cursor.interface(&interfaceMemo, separator, upTo: limit))
    case .source: readSource(&cursor, separator)
    case .destination: readDestination(&cursor, separator)
    case .packetSource:
      cursor.repeats(sourceQuad, separator)
        || VPCLineReader.set(&source, peer(&cursor, separator))
    case .packetDestination:
      cursor.repeats(destinationQuad, separator)
        || VPCLineReader.set(&destination, peer(&cursor, separator))
    case .outerSource:
      cursor.repeats(sourceQuad, separator) || peer(&cursor, separator) != nil
    case .outerDestination:
      cursor.repeats(destinationQuad, separator) || peer(&cursor, separator) != nil
    case .sourcePort: VPCLineReader.set(&sourcePort, cursor.number(separator), upTo: 65_535)
    case .destinationPort:
      VPCLineReader.set(&destinationPort, cursor.number(separator), upTo: 65_535)
    case .transport: VPCLineReader.set(&transport, cursor.smallNumber(separator), upTo: 255)
    case .packets: VPCLineReader.set(&packets, cursor.number(separator))
    case .bytes: VPCLineReader.set(&bytes, cursor.number(separator))
    case .start: VPCLineReader.set(&start, cursor.time(&startMemo, separator))
    case .end: VPCLineReader.set(&end, cursor.time(&endMemo, separator))
    case .action: VPCLineReader.set(&isAccepted, cursor.isAccepted(separator))
    case .status: cursor.holds(0x4b4f, count: 2, separator)
    case .flags: VPCLineReader.set(&flags, cursor.smallNumber(separator), upTo: 255)
    case .type: cursor.holds(0x3476_5049, count: 4, separator)
    case .interfaceType: cursor.isOwnInterface(separator)
    }
  }

  /// Reads the columns of ``VPCScanPlan/Step/defaultColumns``.
  @inline(__always)
  private mutating func readDefaultColumns(
    _ cursor: inout VPCLineCursor,
    _ separator: UInt8
  ) -> Bool {
    readSource(&cursor, 0x20) && readDestination(&cursor, 0x20)
      && VPCLineReader.set(&sourcePort, cursor.number(0x20), upTo: 65_535)
      && VPCLineReader.set(&destinationPort, cursor.number(0x20), upTo: 65_535)
      && VPCLineReader.set(&transport, cursor.smallNumber(0x20), upTo: 255)
      && VPCLineReader.set(&packets, cursor.number(0x20))
      && VPCLineReader.set(&bytes, cursor.number(0x20))
      && VPCLineReader.set(&start, cursor.time(&startMemo, 0x20))
      && VPCLineReader.set(&end, cursor.time(&endMemo, 0x20))
      && VPCLineReader.set(&isAccepted, cursor.isAccepted(0x20))
      && cursor.holds(0x4b4f, count: 2, separator)
  }

  @inline(__always)
  private static func set<Value>(_ value: inout Value, _ found: Value?) -> Bool {
    guard let found else { return false }
    value = found
    return true
  }

  @inline(__always)
  private static func set<Value: Comparable>(
    _ value: inout Value,
    _ found: Value?,
    upTo most: Value
  ) -> Bool {
    guard let found, found <= most else { return false }
    value = found
    return true
  }

  @inline(__always)
  private mutating func readSource(_ cursor: inout VPCLineCursor, _ separator: UInt8) -> Bool {
    guard let quad = cursor.quad(separator), let address = quads.peer(quad) else { return false }
    sourceQuad = quad
    source = address
    return true
  }

  @inline(__always)
  private mutating func readDestination(_ cursor: inout VPCLineCursor, _ separator: UInt8) -> Bool {
    guard let quad = cursor.quad(separator), let address = quads.peer(quad) else { return false }
    destinationQuad = quad
    destination = address
    return true
  }

  /// An address that is not the one read first.
  @inline(never)
  private mutating func peer(_ cursor: inout VPCLineCursor, _ separator: UInt8) -> UInt32? {
    cursor.quad(separator).flatMap { quads.peer($0) }
  }
}

// MARK: - Records

extension VPCLineReader {
  /// Makes the record of the line that was read; false when it needs a closer look.
  @inline(__always)
  func make(_ record: inout ScannedRecord, line: Int) -> Bool {
    let transport = transport
    let last = hasEnd ? end : start
    guard transport == 6 || transport == 17 || transport == 132,
      source != destination, last >= start
    else { return false }
    let isAccepted = isAccepted
    let hour = start / 3600
    record.setEnds(
      source: source,
      destination: destination,
      sourcePort: UInt32(truncatingIfNeeded: sourcePort),
      destinationPort: UInt32(truncatingIfNeeded: destinationPort),
      transport: transport,
      hour: hour
    )
    record.firstInHour = UInt32(truncatingIfNeeded: (start &- hour &* 3600) &* 1_000_000)
    record.last = Int64(truncatingIfNeeded: last) &* 1_000_000
    // All ones where it was accepted; a branch would often be mistaken in a log of both.
    let kept: UInt64 = isAccepted ? ~0 : 0
    record.bytes = min(Int64(truncatingIfNeeded: bytes & kept), Conversation.mostBytes)
    record.packets = UInt8(truncatingIfNeeded: min(packets & kept, 255))
    record.capture = interface | ~UInt32(truncatingIfNeeded: kept)
    record.line = UInt32(truncatingIfNeeded: min(line, Int(UInt32.max)))
    record.isRejected = !isAccepted
    record.nodesMayBePods = nodesMayBePods
    var index = Int(truncatingIfNeeded: flags)
    if transport == 6 { index |= VPCLineReader.tcpBit }
    if isAccepted { index |= VPCLineReader.acceptedBit }
    if packets >= 3 { index |= VPCLineReader.packetsBit }
    record.marks = marks[index]
    return true
  }

  /// Bits of the index of marks, above the flags: TCP, accepted, three packets and more.
  private static let tcpBit = 1 << 8
  private static let acceptedBit = 1 << 9
  private static let packetsBit = 1 << 10
  fileprivate static let marksCount = 1 << 11

  fileprivate static func marks(ofIndex index: Int, hasFlags: Bool) -> ConversationMarks {
    VPCRecord.marks(
      transport: index & tcpBit != 0 ? 6 : 17,
      flags: hasFlags ? UInt8(truncatingIfNeeded: index) : nil,
      packets: index & packetsBit != 0 ? 3 : 0,
      isAccepted: index & acceptedBit != 0
    )
  }
}
