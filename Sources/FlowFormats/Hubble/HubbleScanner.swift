import FlowAggregation
import FlowModel

/// Fills ``HubbleRecord`` straight from the bytes of an exporter's line: the fast path.
///
/// It takes `{"flow":{…},…}` in compact form with Cilium's own key names, in any order. Whatever else a
/// line may be (other shapes and spellings, white space, escapes in what is needed, keys given twice,
/// `null`, unknown members of small objects, text beyond ASCII, anything malformed) is left to
/// ``HubbleTree``, and for what it takes it gives the same record as ``HubbleTree``. Skipped parts are
/// checked as JSON too, so that a line is never half read.
///
/// It remembers indices into the accumulator and must always be used with the same one.
struct HubbleScanner: Sendable {
  /// What is kept of a line until its end is known to be well-formed.
  struct Line {
    /// What the line says but for its ends and names.
    var record = HubbleRecord()
    /// The keys seen.
    var seen = HubbleKeys()
    /// The `source` object.
    var source = HubbleEndMemo.Found()
    /// The `destination` object.
    var destination = HubbleEndMemo.Found()
    /// Start of the `destination_names` array; the array is empty or missing when the end is not behind it.
    var namesStart = 0
    /// End of that array.
    var namesEnd = 0
    /// The number of `drop_reason`.
    var dropNumber = 0
    /// The hash of `node_name`.
    var nodeName: UInt64 = 0
    /// Start of the envelope's `time`.
    var outerTime = 0
    /// Whether ends may be assumed to be those of templates before they are compared.
    var mayAssume: Bool

    /// Makes a line of which nothing is known.
    init(mayAssume: Bool) { self.mayAssume = mayAssume }

    /// Whether it is worth to read on before the line is confirmed: an end waits for memory, and none must be
    /// read anew, as the next line has the same ones as often as not.
    var canWait: Bool {
      (source.isAssumed || destination.isAssumed) && !source.isNew && !destination.isNew
    }
  }

  private var order = MemberOrder(unknown: HubbleMember.unreadable)
  private var dates = HubbleDates()
  private var ends: HubbleEndMemo
  private var nameLists: ByteMemo
  private var repeated: HubbleRepeatedValues

  /// The bytes that the memo of endpoints may take: 24,000 kinds of pods fit into 15 MiB, and where they do
  /// not fit, half of the time goes into reading the same objects again and again.
  static let memoLimit = 20 << 20

  /// Makes a scanner that knows nothing yet.
  ///
  /// - Parameters:
  ///   - memoLimit: The bytes that the memo of endpoints may take.
  ///   - nearCount: How many bytes of it are compared without waiting for memory.
  init(memoLimit: Int = HubbleScanner.memoLimit, nearCount: Int = HubbleEndMemo.nearCount) {
    ends = HubbleEndMemo(limit: memoLimit, nearCount: nearCount)
    nameLists = ByteMemo(limit: memoLimit / 8)
    repeated = HubbleRepeatedValues(limit: memoLimit / 8)
  }

  /// Forgets the accumulator's indices.
  mutating func forgetIndices() { ends.removeAll() }

  // MARK: Lines

  /// Whether it pays to assume the ends of a line and confirm them when the next one was read.
  @inline(__always)
  var mayAssume: Bool { ends.isFar }

  /// Reads the line at an offset.
  ///
  /// Where the line may assume ends, ``confirm(_:_:)`` must follow. The last byte before ``RawSpan/scanSlack`` bytes
  /// at the end of the span has to be a line feed.
  ///
  /// - Returns: The offset of the line feed, or -1 when ``HubbleTree`` must read the line.
  @inline(__always)
  mutating func scan(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    // `{"flow":`
    guard bytes.knownWord(at: start) == 0x3a22_776f_6c66_227b else { return -1 }
    var position = scanFlow(bytes, start &+ 8, &line)
    guard position >= 0 else { return -1 }
    while bytes.knownByte(at: position) == UInt8(ascii: ",") {
      position = scanOuterMember(bytes, position &+ 1, &line)
      guard position >= 0 else { return -1 }
    }
    return finish(bytes, position, &line)
  }

  /// Reads the record at an offset as ``scan(_:_:_:)`` does, with the flow at any place among its members.
  @inline(never)
  mutating func scanMembers(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "{") else { return -1 }
    var position = start
    var hasFlow = false
    repeat {
      if bytes.knownWord(at: position) &>> 8 == 0x3a_2277_6f6c_6622 {  // "flow":
        guard !hasFlow else { return -1 }
        hasFlow = true
        position = scanFlow(bytes, position &+ 8, &line)
      } else {
        position = scanOuterMember(bytes, position &+ 1, &line)
      }
      guard position >= 0 else { return -1 }
    } while bytes.knownByte(at: position) == UInt8(ascii: ",")
    return hasFlow ? finish(bytes, position, &line) : -1
  }

  /// Reads the brace that ends a record, and the line's end.
  @inline(__always)
  private mutating func finish(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    var position = start
    guard bytes.knownByte(at: position) == UInt8(ascii: "}") else { return -1 }
    position &+= 1
    if bytes.knownByte(at: position) == 0x0d { position &+= 1 }
    guard bytes.knownByte(at: position) == 0x0a else { return -1 }
    if !line.seen.contains(.time) {
      guard line.outerTime > 0, dates.scan(bytes, line.outerTime, &line.record.time) >= 0 else {
        return -1
      }
    }
    if !line.seen.contains(.dropWord), line.seen.contains(.dropNumber) {
      line.record.dropReason = .init(number: Int64(line.dropNumber))
    }
    return position
  }

  /// Whether the ends of a line are what they were taken for; if not, nothing that was read of it holds.
  @inline(__always)
  func confirm(_ bytes: RawSpan, _ line: inout Line) -> Bool {
    ends.confirm(&line.source, bytes) && ends.confirm(&line.destination, bytes)
  }

  /// Looks up, or adds, what a well-formed and confirmed line refers to.
  @inline(__always)
  mutating func settle(
    _ bytes: RawSpan,
    _ line: inout Line,
    names: inout NameTable,
    into accumulator: inout EvidenceAccumulator
  ) {
    line.record.source = ends.end(line.source, bytes, into: &accumulator)
    line.record.destination = ends.end(line.destination, bytes, into: &accumulator)
    if line.namesEnd > line.namesStart {
      line.record.destinationNames = nameList(
        bytes,
        line.namesStart,
        count: line.namesEnd - line.namesStart,
        names: &names
      )
    }
  }

  @inline(never)
  private mutating func nameList(
    _ bytes: RawSpan,
    _ start: Int,
    count: Int,
    names: inout NameTable
  ) -> UInt32 {
    let hash = ByteMemo.hash(bytes, start, count: count, group: 0)
    if let known = nameLists.value(bytes, start, count: count, group: 0, hash: hash) {
      return UInt32(truncatingIfNeeded: known)
    }
    let index = names.index(ofJSON: bytes.extracting(start..<start + count))
    nameLists.insert(UInt64(index), bytes, start, count: count, group: 0, hash: hash)
    return index
  }

  /// A member of the envelope behind the flow, from its key's quote on.
  @inline(__always)
  private func scanOuterMember(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "\"") else { return -1 }
    let key = start &+ 1
    if bytes.isKey(key, .nodeName) { return bytes.skipValue(key &+ 11) }
    if bytes.isKey(key, .time) {
      guard line.outerTime == 0 else { return -1 }
      line.outerTime = key &+ 6
      return bytes.skipValue(key &+ 6)
    }
    let value = bytes.plainKeyEnd(start)
    return value < 0 || bytes.isKey(key, .flow) ? -1 : bytes.skipValue(value)
  }

  // MARK: The flow

  /// The members of the flow.
  @inline(never)
  private mutating func scanFlow(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    // At what stands before a member: the brace, then commas.
    var position = start
    var opener = UInt8(ascii: "{")
    var step = MemberOrder<HubbleMember>.start
    guard bytes.knownByte(at: start) == opener else { return -1 }
    repeat {
      let expected = order[step]
      var member = expected.member
      var value = position &+ Int(expected.count)
      if expected.stands(in: bytes, at: position) {
        step = Int(expected.step)
      } else {
        let found = bytes.knownByte(at: position)
        guard found == opener else {
          return found == UInt8(ascii: "}") && opener == UInt8(ascii: ",") ? position &+ 1 : -1
        }
        value = bytes.plainKeyEnd(position &+ 1)
        guard value >= 0 else { return -1 }
        member = HubbleMember(bytes, position &+ 2)
        step = order.expect(member, bytes, position, value: value, behind: step)
      }
      opener = UInt8(ascii: ",")
      position = scanValue(of: member, bytes, value, &line)
    } while position >= 0
    return -1
  }

  @inline(__always)
  private mutating func scanValue(
    of member: HubbleMember,
    _ bytes: RawSpan,
    _ value: Int,
    _ line: inout Line
  ) -> Int {
    switch member {
    case .other: return bytes.skipValue(value)
    case .time:
      return line.seen.insert(.time) ? dates.scan(bytes, value, &line.record.time) : -1
    case .verdict:
      guard line.seen.insert(.verdict) else { return -1 }
      return HubbleParts.scanWord(bytes, value, into: &line.record.verdict) { .init(token: $0) }
    case .ip: return line.seen.insert(.ip) ? HubbleParts.scanIP(bytes, value, &line.record) : -1
    case .l4:
      return line.seen.insert(.l4) ? HubbleParts.scanTransport(bytes, value, &line.record) : -1
    case .l7: return line.seen.insert(.l7) ? HubbleParts.scanL7(bytes, value, &line.record) : -1
    case .source:
      guard line.seen.insert(.source) else { return -1 }
      return ends.find(bytes, value, assuming: line.mayAssume, &line.source)
    case .destination:
      guard line.seen.insert(.destination) else { return -1 }
      return ends.find(bytes, value, assuming: line.mayAssume, &line.destination)
    case .type:
      guard line.seen.insert(.type) else { return -1 }
      return HubbleParts.scanWord(bytes, value, into: &line.record.type) { .init(token: $0) }
    case .nodeName:
      // Of no use but for finding `node_labels`, which are a long list.
      let end = bytes.skipValue(value)
      if end > value { line.nodeName = bytes.mixed(value, count: end &- value, seed: 1) }
      return end
    case .nodeLabels: return repeated.skip(bytes, value, group: line.nodeName)
    case .emitter: return repeated.skip(bytes, value, group: 2)
    case .eventType:
      guard line.seen.insert(.eventType) else { return -1 }
      return HubbleParts.scanEventType(bytes, value, &line.record)
    case .direction:
      guard line.seen.insert(.direction) else { return -1 }
      return HubbleParts.scanWord(bytes, value, into: &line.record.direction) { .init(token: $0) }
    case .point:
      guard line.seen.insert(.point) else { return -1 }
      return HubbleParts.scanWord(bytes, value, into: &line.record.point) { .init(token: $0) }
    case .traceReason:
      guard line.seen.insert(.traceReason) else { return -1 }
      return HubbleParts.scanWord(bytes, value, into: &line.record.traceReason) { .init(token: $0) }
    case .isReply:
      return line.seen.insert(.isReply) ? HubbleScanner.scanIsReply(bytes, value, &line) : -1
    case .reply: return line.seen.insert(.reply) ? bytes.scanBool(value, &line.record.reply) : -1
    case .destinationNames, .destinationService, .dropReason, .dropReasonDesc, .aggregate:
      return HubbleScanner.scanRare(member, bytes, value, &line)
    case .unreadable: return -1
    }
  }

  @inline(__always)
  private static func scanIsReply(_ bytes: RawSpan, _ value: Int, _ line: inout Line) -> Int {
    var isReply = false
    let end = bytes.scanBool(value, &isReply)
    line.record.isReply = isReply ? 1 : 0
    return end
  }

  /// Members that few records have.
  @inline(never)
  private static func scanRare(
    _ member: HubbleMember,
    _ bytes: RawSpan,
    _ value: Int,
    _ line: inout Line
  ) -> Int {
    switch member {
    case .destinationNames:
      guard line.seen.insert(.names), bytes.knownByte(at: value) == UInt8(ascii: "[") else {
        return -1
      }
      line.namesStart = value
      line.namesEnd = bytes.skipValue(value)
      return line.namesEnd
    case .destinationService:
      guard line.seen.insert(.service), bytes.knownByte(at: value) == UInt8(ascii: "{") else {
        return -1
      }
      line.record.hasDestinationService = bytes.knownByte(at: value + 1) != UInt8(ascii: "}")
      return bytes.skipValue(value)
    case .dropReason:
      return line.seen.insert(.dropNumber) ? bytes.scanNumber(value, &line.dropNumber) : -1
    case .dropReasonDesc:
      guard line.seen.insert(.dropWord) else { return -1 }
      return HubbleParts.scanWord(bytes, value, into: &line.record.dropReason) { .init(token: $0) }
    default:
      guard line.seen.insert(.aggregate), bytes.knownByte(at: value) == UInt8(ascii: "{") else {
        return -1
      }
      line.record.hasAggregate = true
      return bytes.skipValue(value)
    }
  }
}

/// The keys of a flow that may be given only once.
struct HubbleKeys {
  /// One key.
  enum Key: UInt32 {
    case time, verdict, type, ip, l4, l7, source, destination, eventType, point, traceReason
    case isReply, reply, direction, dropWord, dropNumber, names, service, aggregate
  }

  private var bits: UInt32 = 0

  /// Whether a key was seen.
  @inline(__always)
  func contains(_ key: Key) -> Bool { bits & (1 &<< key.rawValue) != 0 }

  /// Notes a key; false when it was seen before.
  @inline(__always)
  mutating func insert(_ key: Key) -> Bool {
    let bit: UInt32 = 1 &<< key.rawValue
    let isNew = bits & bit == 0
    bits |= bit
    return isNew
  }
}
