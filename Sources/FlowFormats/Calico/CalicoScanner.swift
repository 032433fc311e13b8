import FlowAggregation
import FlowModel

/// Recognises flow log lines that differ from an earlier one only in their times and counters.
///
/// A Calico file repeats the same pairs of workloads every interval: the same names, labels and policies
/// with other numbers. The bytes of a line without those numbers are looked up whole; on a hit nothing in
/// them is parsed again. Lines that are not plainly as expected are left to ``CalicoTree``.
struct CalicoScanner: Sendable {
  /// What is known of a line's unchanging bytes.
  enum Outcome: Sendable {
    /// It is no evidence.
    case discard(DiscardReason)
    /// Evidence between two endpoints of the accumulator.
    case edge(Edge)
    /// Evidence whose ends depend on the time; resolved for every line.
    case flow(ObservedFlow)
  }

  /// Evidence between known endpoints.
  struct Edge: Sendable {
    var source: UInt32
    var destination: UInt32
    var transport: TransportProtocol
    var port: UInt16
    var side: PolicySide
    var evidence: EvidenceClass
  }

  /// The numbers of one line.
  struct Numbers {
    var start: Int64 = -1
    var end: Int64 = -1
    var bytesIn: Int64 = -1
    var bytesOut: Int64 = -1
    var packetsIn: Int64 = -1
    var packetsOut: Int64 = -1
  }

  /// The members whose numbers change from line to line; those from the seventh on are of no use here.
  private static let names: [[UInt8]] = [
    "start_time", "end_time", "bytes_in", "bytes_out", "packets_in", "packets_out", "num_flows",
    "num_flows_started", "num_flows_completed",
  ].map { Array($0.utf8) }

  /// Bytes of unchanging parts that are remembered.
  private static let memory = 8 << 20

  /// Outcomes kept before all are forgotten; the memo's memory is mostly used up before.
  private static let mostOutcomes = 65_536

  private var memo = ByteMemo(limit: CalicoScanner.memory)
  private var outcomes: [Outcome] = []
  private var identity: [UInt8] = []
  private var identityHash: UInt64 = 0

  /// Reads a line from `start` to before `end`.
  ///
  /// - Returns: Its numbers; nil when an ordinary decoder must look at it. The unchanging bytes are kept
  ///   for ``known()`` and ``remember(_:)``.
  mutating func scan(_ lines: RawSpan, from start: Int, to end: Int) -> Numbers? {
    guard lines.byte(at: start) == UInt8(ascii: "{") else { return nil }
    identity.removeAll(keepingCapacity: true)
    var numbers = Numbers()
    var seen: UInt16 = 0
    var position = start + 1
    var copied = start
    while true {
      guard lines.byte(at: position) == UInt8(ascii: "\"") else { return nil }
      let keyStart = position + 1
      let keyEnd = lines.plainStringEnd(keyStart)
      guard keyEnd >= 0, lines.byte(at: keyEnd + 1) == UInt8(ascii: ":") else { return nil }
      let valueStart = keyEnd + 2
      if let member = CalicoScanner.member(lines, keyStart, keyEnd - keyStart),
        0x30...0x39 ~= lines.byte(at: valueStart)
      {
        // Of a member given twice an ordinary decoder takes the last: such lines are left to it.
        guard seen & (1 << UInt16(member)) == 0 else { return nil }
        seen |= 1 << UInt16(member)
        var value: Int64 = 0
        guard let valueEnd = CalicoScanner.number(lines, valueStart, &value) else { return nil }
        numbers.set(member, value)
        identity.append(lines, copied, count: valueStart - copied)
        // Whether anything was sent or answered decides the class; how much does not.
        if member == 4 || member == 5 {
          identity.append(value == 0 ? UInt8(ascii: "0") : UInt8(ascii: "+"))
        }
        copied = valueEnd
        position = valueEnd
      } else {
        position = lines.skipValue(valueStart)
        guard position >= 0 else { return nil }
      }
      let next = lines.byte(at: position)
      position += 1
      if next == UInt8(ascii: ",") { continue }
      guard next == UInt8(ascii: "}"), position == end, numbers.start >= 0 else { return nil }
      identity.append(lines, copied, count: position - copied)
      // Hashing reads whole words.
      while identity.count % 8 != 0 { identity.append(0) }
      break
    }
    return numbers
  }

  /// What is known of the line scanned last.
  mutating func known() -> Outcome? {
    let bytes = identity
    // The span of the copy lives for these two calls only.
    let hash = unsafe ByteMemo.hash(bytes.span.bytes, 0, count: bytes.count, group: 0)
    identityHash = hash
    let value = unsafe memo.value(bytes.span.bytes, 0, count: bytes.count, group: 0, hash: hash)
    return value.map { outcomes[Int($0)] }
  }

  /// Remembers what the line scanned last came to; call ``known()`` before.
  mutating func remember(_ outcome: Outcome) {
    if outcomes.count >= CalicoScanner.mostOutcomes {
      memo.removeAll()
      outcomes.removeAll(keepingCapacity: true)
    }
    let bytes = identity
    unsafe memo.insert(
      UInt64(outcomes.count),
      bytes.span.bytes,
      0,
      count: bytes.count,
      group: 0,
      hash: identityHash
    )
    outcomes.append(outcome)
  }

  private static func member(_ lines: RawSpan, _ start: Int, _ count: Int) -> Int? {
    guard 8...19 ~= count else { return nil }
    return names.firstIndex { name in
      name.count == count
        && name.indices.allSatisfy { lines.byte(at: start + $0) == name[$0] }
    }
  }

  /// Reads up to 18 digits without a leading zero; nil for any other number.
  private static func number(_ lines: RawSpan, _ start: Int, _ value: inout Int64) -> Int? {
    var position = start
    while 0x30...0x39 ~= lines.byte(at: position) {
      value = value * 10 + Int64(lines.byte(at: position) - 0x30)
      position += 1
      guard position - start <= 18 else { return nil }
    }
    let isPlain = position == start + 1 || lines.byte(at: start) != 0x30
    let next = lines.byte(at: position)
    return isPlain && (next == UInt8(ascii: ",") || next == UInt8(ascii: "}")) ? position : nil
  }
}

extension CalicoScanner.Numbers {
  fileprivate mutating func set(_ member: Int, _ value: Int64) {
    switch member {
    case 0: start = value
    case 1: end = value
    case 2: bytesIn = value
    case 3: bytesOut = value
    case 4: packetsIn = value
    case 5: packetsOut = value
    default: break
    }
  }
}
