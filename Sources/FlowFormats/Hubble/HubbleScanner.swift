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
  }

  private var dates = HubbleDates()
  private var ends: HubbleEndMemo
  private var nameLists: ByteMemo
  private var nodeLabels: HubbleNodeLabels

  /// The bytes that the memo of endpoints may take for each of its parts.
  static let memoLimit = 8 << 20

  /// Makes a scanner that knows nothing yet.
  init(memoLimit: Int = HubbleScanner.memoLimit) {
    ends = HubbleEndMemo(limit: memoLimit)
    nameLists = ByteMemo(limit: memoLimit / 8)
    nodeLabels = HubbleNodeLabels(limit: memoLimit / 8)
  }

  /// Forgets the accumulator's indices.
  mutating func forgetIndices() { ends.removeAll() }

  // MARK: Lines

  /// Reads the line at an offset.
  ///
  /// - Returns: The offset of the line feed, or -1 when ``HubbleTree`` must read the line.
  @inline(__always)
  mutating func scan(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    // `{"flow":`
    guard bytes.word(at: start) == 0x3a22_776f_6c66_227b else { return -1 }
    var position = scanFlow(bytes, start &+ 8, &line)
    guard position >= 0 else { return -1 }
    while bytes.byte(at: position) == UInt8(ascii: ",") {
      position = scanOuterMember(bytes, position &+ 1, &line)
      guard position >= 0 else { return -1 }
    }
    guard bytes.byte(at: position) == UInt8(ascii: "}") else { return -1 }
    position &+= 1
    if bytes.byte(at: position) == 0x0d { position &+= 1 }
    guard bytes.byte(at: position) == 0x0a else { return -1 }
    if !line.seen.contains(.time) {
      guard line.outerTime > 0, dates.scan(bytes, line.outerTime, &line.record.time) >= 0 else {
        return -1
      }
    }
    if !line.seen.contains(.dropWord), line.seen.contains(.dropNumber) {
      line.record.dropReason = HubbleRecord.dropReason(number: Int64(line.dropNumber))
    }
    return position
  }

  /// Looks up, or adds, what a well-formed line refers to.
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

  /// A member of the envelope behind the flow.
  @inline(never)
  private func scanOuterMember(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    guard bytes.byte(at: start) == UInt8(ascii: "\"") else { return -1 }
    let key = bytes.token(start &+ 1)
    guard key.length >= 0 else { return -1 }
    let value = start &+ key.length &+ 3
    guard bytes.byte(at: value &- 1) == UInt8(ascii: ":") else { return -1 }
    if key.is(.flow) { return -1 }
    if key.is(.time) {
      guard line.outerTime == 0 else { return -1 }
      line.outerTime = value
    }
    return bytes.skipValue(value)
  }

  // MARK: The flow

  @inline(never)
  private mutating func scanFlow(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    guard bytes.byte(at: start) == UInt8(ascii: "{") else { return -1 }
    var position = start
    while true {
      guard bytes.byte(at: position &+ 1) == UInt8(ascii: "\"") else { return -1 }
      let key = bytes.token(position &+ 2)
      if key.length >= 0 {
        position &+= key.length &+ 4
        guard bytes.byte(at: position &- 1) == UInt8(ascii: ":") else { return -1 }
        position = scanMember(bytes, position, key, &line)
      } else {
        // No key that matters is so long.
        let end = bytes.plainStringEnd(position &+ 2)
        guard end > position &+ 26, bytes.byte(at: end &+ 1) == UInt8(ascii: ":") else { return -1 }
        position = bytes.skipValue(end &+ 2)
      }
      guard position >= 0 else { return -1 }
      let next = bytes.byte(at: position)
      if next == UInt8(ascii: ",") { continue }
      return next == UInt8(ascii: "}") ? position &+ 1 : -1
    }
  }

  /// The value of a member of the flow.
  @inline(__always)
  private mutating func scanMember(
    _ bytes: RawSpan,
    _ start: Int,
    _ key: JSONToken,
    _ line: inout Line
  ) -> Int {
    switch key.length {
    case 2:
      if key.is(.ip) {
        guard line.seen.insert(.ip) else { return -1 }
        return HubbleParts.scanIP(bytes, start, &line.record)
      }
      if key.is(.l4) {
        guard line.seen.insert(.l4) else { return -1 }
        return HubbleParts.scanTransport(bytes, start, &line.record)
      }
      if key.is(.l7) {
        guard line.seen.insert(.l7) else { return -1 }
        return HubbleParts.scanL7(bytes, start, &line.record)
      }
    case 4:
      if key.is(.time) {
        guard line.seen.insert(.time) else { return -1 }
        return dates.scan(bytes, start, &line.record.time)
      }
      if key.is(.flowType) {
        guard line.seen.insert(.type) else { return -1 }
        return HubbleParts.scanWord(bytes, start) { line.record.type = .init(token: $0) }
      }
    case 5:
      if key.is(.reply) {
        guard line.seen.insert(.reply) else { return -1 }
        return bytes.scanBool(start, &line.record.reply)
      }
    case 6:
      if key.is(.source) {
        guard line.seen.insert(.source) else { return -1 }
        line.source = ends.find(bytes, start)
        return line.source.end
      }
    case 7:
      if key.is(.verdict) {
        guard line.seen.insert(.verdict) else { return -1 }
        return HubbleParts.scanWord(bytes, start) { line.record.verdict = .init(token: $0) }
      }
      if key.is(.camelIsReply) { return -1 }
    case 8:
      if key.is(.isReply) {
        guard line.seen.insert(.isReply) else { return -1 }
        var isReply = false
        let end = bytes.scanBool(start, &isReply)
        line.record.isReply = isReply ? 1 : 0
        return end
      }
    case 9:
      if key.is(.nodeName) { return scanNodeName(bytes, start, &line) }
      if key.is(.aggregate) {
        guard bytes.byte(at: start) == UInt8(ascii: "{") else { return -1 }
        line.record.hasAggregate = true
        guard line.seen.insert(.aggregate) else { return -1 }
      }
      if key.is(.camelEventType) { return -1 }
    case 10:
      if key.is(.eventType) {
        guard line.seen.insert(.eventType) else { return -1 }
        return HubbleParts.scanEventType(bytes, start, &line.record)
      }
      if key.is(.camelDropReason) { return -1 }
    default: return scanLongMember(bytes, start, key, &line)
    }
    return bytes.skipValue(start)
  }

  /// The value of a member whose key has more than ten bytes.
  @inline(never)
  private mutating func scanLongMember(
    _ bytes: RawSpan,
    _ start: Int,
    _ key: JSONToken,
    _ line: inout Line
  ) -> Int {
    switch key.length {
    case 11:
      if key.is(.destination) {
        guard line.seen.insert(.destination) else { return -1 }
        line.destination = ends.find(bytes, start)
        return line.destination.end
      }
      if key.is(.nodeLabels) { return nodeLabels.skip(bytes, start, nodeName: line.nodeName) }
      if key.is(.dropReason) {
        guard line.seen.insert(.dropNumber) else { return -1 }
        return bytes.scanNumber(start, &line.dropNumber)
      }
      if key.is(.camelTraceReason) { return -1 }
    case 12:
      if key.is(.traceReason) {
        guard line.seen.insert(.traceReason) else { return -1 }
        return HubbleParts.scanWord(bytes, start) { line.record.traceReason = .init(token: $0) }
      }
    case 14:
      if key.is(.camelDropReasonDesc) { return -1 }
    case 16:
      if key.is(.dropReasonDesc) {
        guard line.seen.insert(.dropWord) else { return -1 }
        return HubbleParts.scanWord(bytes, start) {
          line.record.dropReason = HubbleRecord.dropReason(token: $0)
        }
      }
      if key.is(.camelTrafficDirection) || key.is(.camelDestinationNames) { return -1 }
    case 17:
      if key.is(.trafficDirection) {
        guard line.seen.insert(.direction) else { return -1 }
        return HubbleParts.scanWord(bytes, start) { line.record.direction = .init(token: $0) }
      }
      if key.is(.destinationNames) {
        guard line.seen.insert(.names), bytes.byte(at: start) == UInt8(ascii: "[") else {
          return -1
        }
        line.namesStart = start
        line.namesEnd = bytes.skipValue(start)
        return line.namesEnd
      }
    case 18:
      if key.is(.camelDestinationService) { return -1 }
    case 19:
      if key.is(.destinationService) {
        guard line.seen.insert(.service), bytes.byte(at: start) == UInt8(ascii: "{") else {
          return -1
        }
        line.record.hasDestinationService = bytes.byte(at: start &+ 1) != UInt8(ascii: "}")
      }
    case 21:
      if key.is(.camelTraceObservationPoint) { return -1 }
    case 23:
      if key.is(.traceObservationPoint) {
        guard line.seen.insert(.point) else { return -1 }
        return HubbleParts.scanWord(bytes, start) { line.record.point = .init(token: $0) }
      }
    default: break
    }
    return bytes.skipValue(start)
  }

  /// The node's name is of no use but for finding its labels.
  @inline(__always)
  private func scanNodeName(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    let end = bytes.skipValue(start)
    if end > start { line.nodeName = bytes.mixed(start, count: end &- start, seed: 1) }
    return end
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
