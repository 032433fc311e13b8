package import FlowAggregation
import FlowModel

/// Reads the usual lines of one layout in place: single blanks, IPv4, TCP, UDP or SCTP, accepted or refused.
///
/// It stops before every line that is not exactly so, which then goes through ``AWSVPCLayout/read(_:in:)``;
/// of the others both make the same. Blanks are found 64 bytes at a time and numbers read eight digits at a
/// time: both are as quick as the bytes come from memory.
package struct VPCScanner: Sendable {
  /// Whether both addresses are those in the packet.
  package let hasPacketAddresses: Bool
  private let columns: [Column]
  private let hasEnd: Bool
  private let hasFlags: Bool
  private let sourceSlot: Int
  private let destinationSlot: Int

  /// How a column is read.
  private enum Kind: UInt8 {
    case skipped, number, time, address, interface, action, status, type, interfaceType
    case assumedVersion, never
  }

  /// One column.
  private struct Column: Sendable {
    var kind: Kind
    /// Where its value is kept while the line is read.
    var slot: UInt8
  }

  /// The values of a line by field.
  private typealias Values = InlineArray<20, UInt64>

  /// Stands for a column that is not as expected; no number of 16 digits is as large.
  private static let bad = UInt64.max

  /// Bytes that may be looked at from the start of a chunk on.
  private static let reach = 64 + 16

  /// Makes a scanner, nil for layouts whose lines always need a closer look.
  ///
  /// - Parameter layout: nil where only the default layout is taken for granted.
  package init?(layout: AWSVPCLayout?) {
    let known = layout ?? .standard
    guard known.problem == nil, known.columns.contains(.action) else { return nil }
    columns = known.columns.map { field in
      let kind =
        field == .version && layout == nil ? Kind.assumedVersion : VPCScanner.kind(field)
      return Column(kind: kind, slot: field.rawValue)
    }
    func has(_ field: AWSVPCField) -> Bool { known.columns.contains(field) }
    func slot(_ field: AWSVPCField, or other: AWSVPCField) -> Int {
      Int((has(field) ? field : other).rawValue)
    }
    hasPacketAddresses = has(.packetSource) && has(.packetDestination)
    hasEnd = has(.end)
    hasFlags = has(.tcpFlags)
    sourceSlot = slot(.packetSource, or: .sourceAddress)
    destinationSlot = slot(.packetDestination, or: .destinationAddress)
  }

  private static func kind(_ field: AWSVPCField) -> Kind {
    switch field {
    case .ignored: .skipped
    case .version, .sourcePort, .destinationPort, .transport, .packets, .bytes, .tcpFlags: .number
    case .start, .end: .time
    case .sourceAddress, .destinationAddress, .packetSource, .packetDestination: .address
    case .interfaceID: .interface
    case .action: .action
    case .logStatus: .status
    case .type: .type
    case .interfaceType: .interfaceType
    case .transitGateway: .never
    }
  }

  /// A dotted quad.
  private struct Address {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var value: UInt64 = 0
  }

  /// What one line shares with the next.
  private struct Memory {
    /// The two addresses read last, as bytes and as numbers: most come again at once.
    var older = Address()
    var newer = Address()
    /// The first eight digits of a time, as bytes and as number.
    var timeBytes: UInt64 = 0
    var timeHigh: UInt64 = 0
    /// Records of one hour that are not counted yet.
    var hour: UInt64 = 0
    var count: Int64 = 0
  }

  /// Takes lines into a table until one is not as expected or the end is near.
  ///
  /// - Parameters:
  ///   - lines: Whole lines.
  ///   - start: The start of a line; afterwards that of the first one not taken.
  ///   - line: Its number.
  /// - Returns: Whether any line was taken.
  package func scan(
    _ lines: RawSpan,
    from start: inout Int,
    line: inout Int,
    into table: inout ConversationTable,
    _ accumulator: inout EvidenceAccumulator
  ) -> Bool {
    let lastChunk = lines.byteCount - VPCScanner.reach
    var chunk = start & ~63
    guard chunk <= lastChunk else { return false }
    let firstLine = line
    let columns = columns.span
    let lastColumn = columns.count - 1
    var memory = Memory()
    var values = Values(repeating: 0)
    var blanks = VPCScanner.blanks(lines, at: chunk) & (~0 << UInt64(start & 63))
    scan: while true {
      var token = start
      var column = 0
      while true {
        while blanks == 0 {
          chunk &+= 64
          guard chunk <= lastChunk else { break scan }
          blanks = VPCScanner.blanks(lines, at: chunk)
        }
        let end = chunk &+ blanks.trailingZeroBitCount
        blanks &= blanks &- 1
        let count = end &- token
        guard count > 0 else { break scan }
        let what = columns[column]
        let value: UInt64
        switch what.kind {
        case .skipped: value = 0
        case .number: value = VPCScanner.number(lines, token, count)
        case .address: value = VPCScanner.address(lines, token, count, &memory)
        case .time: value = VPCScanner.time(lines, token, count, &memory)
        case .interface: value = VPCScanner.interface(lines, token, count)
        case .action: value = VPCScanner.action(lines, token, count)
        default: value = VPCScanner.word(what.kind, lines, token, count)
        }
        guard value != VPCScanner.bad else { break scan }
        values[Int(what.slot)] = value
        let separator = lines.byte(at: end)
        token = end &+ 1
        if column == lastColumn {
          guard separator == 0x0a else { break scan }
          break
        }
        guard separator == 0x20 else { break scan }
        column &+= 1
      }
      guard let conversation = conversation(values, line: line) else { break scan }
      let hour = values[VPCScanner.slot(.start)] / 3600
      if hour != memory.hour {
        VPCScanner.count(&memory, into: &accumulator)
        memory.hour = hour
      }
      memory.count &+= 1
      if table.insert(conversation) { table.settle(into: &accumulator) }
      start = token
      line &+= 1
    }
    VPCScanner.count(&memory, into: &accumulator)
    return line > firstLine
  }

  private static func count(_ memory: inout Memory, into accumulator: inout EvidenceAccumulator) {
    guard memory.count > 0 else { return }
    let time = Int64(truncatingIfNeeded: memory.hour) * Timestamps.hour
    accumulator.sawRecord(at: time, count: memory.count)
    memory.count = 0
  }

  @inline(__always)
  private static func slot(_ field: AWSVPCField) -> Int { Int(field.rawValue) }

  /// The conversation of a line, nil when it needs a closer look.
  @inline(__always)
  private func conversation(_ values: Values, line: Int) -> Conversation? {
    func value(_ field: AWSVPCField) -> UInt64 { values[VPCScanner.slot(field)] }
    let source = UInt32(truncatingIfNeeded: values[sourceSlot])
    let destination = UInt32(truncatingIfNeeded: values[destinationSlot])
    let start = value(.start)
    let end = hasEnd ? value(.end) : start
    let transport = value(.transport)
    guard transport == 6 || transport == 17 || transport == 132, source != destination,
      VPCScanner.isPeer(source), VPCScanner.isPeer(destination), end >= start,
      value(.sourcePort) <= 65_535, value(.destinationPort) <= 65_535,
      (value(.version) | value(.tcpFlags)) <= 255
    else { return nil }
    let packets = Int64(truncatingIfNeeded: value(.packets))
    let isAccepted = value(.action) == 1
    var made = Conversation(
      source: source,
      destination: destination,
      sourcePort: UInt16(truncatingIfNeeded: value(.sourcePort)),
      destinationPort: UInt16(truncatingIfNeeded: value(.destinationPort)),
      transport: UInt8(truncatingIfNeeded: transport),
      marks: VPCRecord.marks(
        transport: UInt8(truncatingIfNeeded: transport),
        flags: hasFlags ? UInt8(truncatingIfNeeded: value(.tcpFlags)) : nil,
        packets: packets,
        isAccepted: isAccepted
      ),
      isRejected: !isAccepted,
      packets: packets,
      bytes: Int64(truncatingIfNeeded: value(.bytes)),
      start: Int64(truncatingIfNeeded: start) &* 1_000_000,
      end: Int64(truncatingIfNeeded: end) &* 1_000_000,
      capture: UInt32(truncatingIfNeeded: value(.interfaceID)),
      line: line
    )
    made.nodesMayBePods = !hasPacketAddresses
    return made
  }

  /// Whether an address may be a peer of a rule: not link-local, loopback, multicast or unspecified.
  @inline(__always)
  private static func isPeer(_ address: UInt32) -> Bool {
    let first = address >> 24
    return first != 0 && first != 127 && first < 224 && address >> 16 != 0xa9fe
  }
}

// MARK: - Fields

extension VPCScanner {
  /// The hash of an interface.
  @inline(__always)
  private static func interface(_ lines: RawSpan, _ start: Int, _ count: Int) -> UInt64 {
    guard count > 4, word(lines, start, 4) == 0x2d69_6e65 else { return bad }
    var hash = NameHash()
    var position = start
    let end = start &+ count
    while position &+ 8 <= end {
      hash.add(lines.word(at: position))
      position &+= 8
    }
    if position < end { hash.add(word(lines, position, end &- position)) }
    return UInt64(hash.value)
  }

  /// 1 for ACCEPT, 0 for REJECT.
  @inline(__always)
  private static func action(_ lines: RawSpan, _ start: Int, _ count: Int) -> UInt64 {
    guard count == 6 else { return bad }
    let word = word(lines, start, 6)
    if word == 0x5450_4543_4341 { return 1 }
    return word == 0x5443_454a_4552 ? 0 : bad
  }

  /// A column that holds one of few words.
  @inline(__always)
  private static func word(_ kind: Kind, _ lines: RawSpan, _ start: Int, _ count: Int) -> UInt64 {
    let isExpected: Bool
    switch kind {
    case .status: isExpected = count == 2 && word(lines, start, 2) == 0x4b4f
    case .type: isExpected = count == 4 && word(lines, start, 4) == 0x3476_5049
    case .assumedVersion:
      isExpected = count == 1 && lines.byte(at: start) == UInt8(ascii: "2")
    case .interfaceType:
      isExpected =
        count == 1 && lines.byte(at: start) == UInt8(ascii: "-")
        || count == 9 && word(lines, start, 8) == 0x6361_6672_6574_6e69
          && lines.byte(at: start + 8) == UInt8(ascii: "e")
    default: isExpected = false
    }
    return isExpected ? 0 : bad
  }

  /// The first bytes of a token, up to eight, the first one lowest.
  @inline(__always)
  private static func word(_ lines: RawSpan, _ start: Int, _ count: Int) -> UInt64 {
    lines.word(at: start) & (~0 >> UInt64(64 &- 8 &* count))
  }

  /// The top bits of the bytes up to 0x20, as the bits of a number: bit 0 for the first byte.
  @inline(__always)
  private static func blanks(_ lines: RawSpan, at chunk: Int) -> UInt64 {
    let low =
      blanks(in: lines.word(at: chunk)) | blanks(in: lines.word(at: chunk &+ 8)) << 8
      | blanks(in: lines.word(at: chunk &+ 16)) << 16 | blanks(in: lines.word(at: chunk &+ 24))
      << 24
    let high =
      blanks(in: lines.word(at: chunk &+ 32)) | blanks(in: lines.word(at: chunk &+ 40)) << 8
      | blanks(in: lines.word(at: chunk &+ 48)) << 16 | blanks(in: lines.word(at: chunk &+ 56))
      << 24
    return low | high << 32
  }

  @inline(__always)
  private static func blanks(in word: UInt64) -> UInt64 {
    // Exact per byte: 0x21 and above carry into their own top bit.
    topBits(~(((word & 0x7f7f_7f7f_7f7f_7f7f) &+ 0x5f5f_5f5f_5f5f_5f5f) | word))
  }

  /// The top bit of each byte, together in the lowest byte.
  @inline(__always)
  private static func topBits(_ word: UInt64) -> UInt64 {
    (((word & 0x8080_8080_8080_8080) >> 7) &* 0x0102_0408_1020_4080) >> 56
  }

  /// A decimal number of up to 16 digits.
  @inline(__always)
  private static func number(_ lines: RawSpan, _ start: Int, _ count: Int) -> UInt64 {
    if count <= 8 { return digits(lines.word(at: start), count) }
    return longNumber(lines, start, count)
  }

  @inline(never)
  private static func longNumber(_ lines: RawSpan, _ start: Int, _ count: Int) -> UInt64 {
    guard count <= 16 else { return bad }
    let high = digits(lines.word(at: start), 8)
    let low = digits(lines.word(at: start &+ 8), count &- 8)
    guard high != bad, low != bad else { return bad }
    var scale: UInt64 = 1
    for _ in 8..<count { scale &*= 10 }
    return high &* scale &+ low
  }

  /// The number in the first 1 to 8 bytes of a word.
  @inline(__always)
  private static func digits(_ word: UInt64, _ count: Int) -> UInt64 {
    // Leading bytes of 0 are leading zeros.
    var value = (word ^ 0x3030_3030_3030_3030) << UInt64(truncatingIfNeeded: 64 &- 8 &* count)
    guard ((value &+ 0x7676_7676_7676_7676) | value) & 0x8080_8080_8080_8080 == 0 else {
      return bad
    }
    value = (value &* 2561) >> 8 & 0x00ff_00ff_00ff_00ff
    value = (value &* 6_553_601) >> 16 & 0x0000_ffff_0000_ffff
    return (value &* 42_949_672_960_001) >> 32
  }

  /// A time in seconds of ten digits, whose first eight are nearly always those of the one before.
  @inline(__always)
  private static func time(
    _ lines: RawSpan,
    _ start: Int,
    _ count: Int,
    _ memory: inout Memory
  ) -> UInt64 {
    guard count == 10 else { return bad }
    let word = lines.word(at: start)
    if word != memory.timeBytes {
      let high = digits(word, 8)
      guard high != bad else { return bad }
      memory.timeBytes = word
      memory.timeHigh = high
    }
    let tens = lines.byte(at: start &+ 8) &- 0x30
    let ones = lines.byte(at: start &+ 9) &- 0x30
    guard tens <= 9, ones <= 9 else { return bad }
    return memory.timeHigh &* 100 &+ UInt64(tens) &* 10 &+ UInt64(ones)
  }

  /// A dotted quad, perhaps one of the last two.
  @inline(__always)
  private static func address(
    _ lines: RawSpan,
    _ start: Int,
    _ count: Int,
    _ memory: inout Memory
  ) -> UInt64 {
    guard count >= 7, count <= 15 else { return bad }
    // The bytes of the token alone: the first eight, and up to seven more.
    let low = lines.word(at: start) & (count == 7 ? 0x00ff_ffff_ffff_ffff : .max)
    let shift = UInt64(truncatingIfNeeded: 128 &- 8 &* count)
    let high = count <= 8 ? 0 : lines.word(at: start &+ 8) & (.max >> shift)
    if low == memory.newer.low, high == memory.newer.high { return memory.newer.value }
    if low == memory.older.low, high == memory.older.high { return memory.older.value }
    let value = address(lines, start, count, low, high)
    guard value != bad else { return bad }
    memory.older = memory.newer
    memory.newer = Address(low: low, high: high, value: value)
    return value
  }

  @inline(never)
  private static func address(
    _ lines: RawSpan,
    _ start: Int,
    _ count: Int,
    _ low: UInt64,
    _ high: UInt64
  ) -> UInt64 {
    var others = notDigits(low) | notDigits(high) << 8
    let first = others.trailingZeroBitCount
    others &= others &- 1
    let second = others.trailingZeroBitCount
    others &= others &- 1
    let third = others.trailingZeroBitCount
    others &= others &- 1
    guard others.trailingZeroBitCount == count,
      lines.byte(at: start &+ first) == UInt8(ascii: "."),
      lines.byte(at: start &+ second) == UInt8(ascii: "."),
      lines.byte(at: start &+ third) == UInt8(ascii: ".")
    else { return bad }
    let one = octet(lines, start, first)
    let two = octet(lines, start &+ first &+ 1, second &- first &- 1)
    let three = octet(lines, start &+ second &+ 1, third &- second &- 1)
    let four = octet(lines, start &+ third &+ 1, count &- third &- 1)
    guard (one | two | three | four) <= 255 else { return bad }
    return one << 24 | two << 16 | three << 8 | four
  }

  /// Bits of the bytes that are no digits.
  @inline(__always)
  private static func notDigits(_ word: UInt64) -> UInt64 {
    let value = word ^ 0x3030_3030_3030_3030
    return topBits(((value & 0x7f7f_7f7f_7f7f_7f7f) &+ 0x7676_7676_7676_7676) | value)
  }

  /// A number of one to three digits, known to be digits, up to 255; anything else is larger.
  @inline(__always)
  private static func octet(_ lines: RawSpan, _ start: Int, _ count: Int) -> UInt64 {
    guard count >= 1, count <= 3 else { return bad }
    let word = UInt32(truncatingIfNeeded: lines.word(at: start)) ^ 0x3030_3030
    let digits = word << UInt32(truncatingIfNeeded: 32 &- 8 &* count)
    let hundreds: UInt32 = digits >> 8 & 0xff
    let tens: UInt32 = digits >> 16 & 0xff
    let ones: UInt32 = digits >> 24
    return UInt64(hundreds &* 100 &+ tens &* 10 &+ ones)
  }
}
