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
  private var repeated: HubbleRepeatedValues

  /// The bytes that the memo of endpoints may take: 24,000 kinds of pods fit into 15 MiB, and where they do
  /// not fit, half of the time goes into reading the same objects again and again.
  static let memoLimit = 20 << 20

  /// Makes a scanner that knows nothing yet.
  init(memoLimit: Int = HubbleScanner.memoLimit) {
    ends = HubbleEndMemo(limit: memoLimit)
    nameLists = ByteMemo(limit: memoLimit / 8)
    repeated = HubbleRepeatedValues(limit: memoLimit / 8)
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
    guard bytes.knownWord(at: start) == 0x3a22_776f_6c66_227b else { return -1 }
    var position = scanFlow(bytes, start &+ 8, &line)
    guard position >= 0 else { return -1 }
    while bytes.knownByte(at: position) == UInt8(ascii: ",") {
      position = scanOuterMember(bytes, position &+ 1, &line)
      guard position >= 0 else { return -1 }
    }
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
    return bytes.isKey(key, .flow) ? -1 : HubbleScanner.skipMember(bytes, key)
  }

  /// Steps over a member that does not matter, from its key on.
  @inline(never)
  private static func skipMember(_ bytes: RawSpan, _ key: Int) -> Int {
    let end = bytes.plainStringEnd(key)
    guard end >= 0, bytes.knownByte(at: end &+ 1) == UInt8(ascii: ":") else { return -1 }
    return bytes.skipValue(end &+ 2)
  }

  // MARK: The flow

  @inline(__always)
  private mutating func scanFlow(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "{") else { return -1 }
    var position = start
    while true {
      guard bytes.knownByte(at: position &+ 1) == UInt8(ascii: "\"") else { return -1 }
      position = scanMember(bytes, position &+ 2, &line)
      guard position >= 0 else { return -1 }
      let next = bytes.knownByte(at: position)
      if next == UInt8(ascii: ",") { continue }
      return next == UInt8(ascii: "}") ? position &+ 1 : -1
    }
  }

  /// A member of the flow from its key on, told apart by the first four bytes.
  ///
  /// In the cases of each key that matters its other spelling is looked for too.
  @inline(never)
  private mutating func scanMember(_ bytes: RawSpan, _ key: Int, _ line: inout Line) -> Int {
    switch UInt32(truncatingIfNeeded: bytes.knownWord(at: key)) {
    case 0x656d_6974:  // time
      guard bytes.isKey(key, .time) else { break }
      return line.seen.insert(.time) ? dates.scan(bytes, key &+ 6, &line.record.time) : -1
    case 0x6472_6576:  // verd
      guard bytes.isKey(key, .verdict) else { break }
      guard line.seen.insert(.verdict) else { return -1 }
      return HubbleParts.scanWord(bytes, key &+ 9, into: &line.record.verdict) { .init(token: $0) }
    case 0x3a22_5049:  // IP":
      return line.seen.insert(.ip) ? HubbleParts.scanIP(bytes, key &+ 4, &line.record) : -1
    case 0x3a22_346c:  // l4":
      return line.seen.insert(.l4) ? HubbleParts.scanTransport(bytes, key &+ 4, &line.record) : -1
    case 0x3a22_376c:  // l7":
      return line.seen.insert(.l7) ? HubbleParts.scanL7(bytes, key &+ 4, &line.record) : -1
    case 0x7275_6f73:  // sour
      guard bytes.isKey(key, .source) else { break }
      guard line.seen.insert(.source) else { return -1 }
      return ends.find(bytes, key &+ 8, &line.source)
    case 0x7473_6564:  // dest
      return scanDestination(bytes, key, &line)
    case 0x6570_7954:  // Type
      guard bytes.isKey(key, .flowType) else { break }
      guard line.seen.insert(.type) else { return -1 }
      return HubbleParts.scanWord(bytes, key &+ 6, into: &line.record.type) { .init(token: $0) }
    case 0x6564_6f6e:  // node
      return scanNode(bytes, key, &line)
    case 0x7469_6d65:  // emit
      guard bytes.isKey(key, .emitter) else { break }
      return repeated.skip(bytes, key &+ 9, group: 2)
    case 0x6e65_7665:  // even
      if bytes.isKey(key, .camelEventType) { return -1 }
      guard bytes.isKey(key, .eventType) else { break }
      guard line.seen.insert(.eventType) else { return -1 }
      return HubbleParts.scanEventType(bytes, key &+ 12, &line.record)
    case 0x6661_7274:  // traf
      if bytes.isKey(key, .camelTrafficDirection) { return -1 }
      guard bytes.isKey(key, .trafficDirection) else { break }
      guard line.seen.insert(.direction) else { return -1 }
      return HubbleParts.scanWord(bytes, key &+ 19, into: &line.record.direction) {
        .init(token: $0)
      }
    case 0x6361_7274:  // trac
      return scanTrace(bytes, key, &line)
    case 0x725f_7369:  // is_r
      guard bytes.isKey(key, .isReply) else { break }
      return line.seen.insert(.isReply) ? HubbleScanner.scanIsReply(bytes, key, &line) : -1
    case 0x6552_7369:  // isRe
      if bytes.isKey(key, .camelIsReply) { return -1 }
    case 0x6c70_6572:  // repl
      guard bytes.isKey(key, .reply) else { break }
      return line.seen.insert(.reply) ? bytes.scanBool(key &+ 7, &line.record.reply) : -1
    case 0x706f_7264:  // drop
      return scanDrop(bytes, key, &line)
    case 0x7267_6761:  // aggr
      guard bytes.isKey(key, .aggregate) else { break }
      guard line.seen.insert(.aggregate), bytes.knownByte(at: key &+ 11) == UInt8(ascii: "{") else {
        return -1
      }
      line.record.hasAggregate = true
    default: break
    }
    return HubbleScanner.skipMember(bytes, key)
  }

  @inline(__always)
  private static func scanIsReply(_ bytes: RawSpan, _ key: Int, _ line: inout Line) -> Int {
    var isReply = false
    let end = bytes.scanBool(key &+ 10, &isReply)
    line.record.isReply = isReply ? 1 : 0
    return end
  }

  /// `destination` and the keys that begin like it.
  @inline(__always)
  private mutating func scanDestination(
    _ bytes: RawSpan,
    _ key: Int,
    _ line: inout Line
  ) -> Int {
    if bytes.isKey(key, .destination) {
      guard line.seen.insert(.destination) else { return -1 }
      return ends.find(bytes, key &+ 13, &line.destination)
    }
    return HubbleScanner.scanOtherDestination(bytes, key, &line)
  }

  @inline(never)
  private static func scanOtherDestination(
    _ bytes: RawSpan,
    _ key: Int,
    _ line: inout Line
  ) -> Int {
    if bytes.isKey(key, .camelDestinationNames) || bytes.isKey(key, .camelDestinationService) {
      return -1
    }
    if bytes.isKey(key, .destinationNames) {
      let value = key + 19
      guard line.seen.insert(.names), bytes.knownByte(at: value) == UInt8(ascii: "[") else {
        return -1
      }
      line.namesStart = value
      line.namesEnd = bytes.skipValue(value)
      return line.namesEnd
    }
    if bytes.isKey(key, .destinationService) {
      let value = key + 21
      guard line.seen.insert(.service), bytes.knownByte(at: value) == UInt8(ascii: "{") else {
        return -1
      }
      line.record.hasDestinationService = bytes.knownByte(at: value + 1) != UInt8(ascii: "}")
      return bytes.skipValue(value)
    }
    return skipMember(bytes, key)
  }

  /// `trace_observation_point`, `trace_reason` and the keys that begin like them.
  @inline(__always)
  private func scanTrace(_ bytes: RawSpan, _ key: Int, _ line: inout Line) -> Int {
    if bytes.isKey(key, .traceObservationPoint) {
      guard line.seen.insert(.point) else { return -1 }
      return HubbleParts.scanWord(bytes, key &+ 25, into: &line.record.point) { .init(token: $0) }
    }
    if bytes.isKey(key, .traceReason) {
      guard line.seen.insert(.traceReason) else { return -1 }
      return HubbleParts.scanWord(bytes, key &+ 14, into: &line.record.traceReason) {
        .init(token: $0)
      }
    }
    if bytes.isKey(key, .camelTraceReason) || bytes.isKey(key, .camelTraceObservationPoint) {
      return -1
    }
    return HubbleScanner.skipMember(bytes, key)
  }

  /// `drop_reason`, `drop_reason_desc` and their other spellings.
  @inline(never)
  private func scanDrop(_ bytes: RawSpan, _ key: Int, _ line: inout Line) -> Int {
    if bytes.isKey(key, .dropReason) {
      return line.seen.insert(.dropNumber) ? bytes.scanNumber(key + 13, &line.dropNumber) : -1
    }
    if bytes.isKey(key, .dropReasonDesc) {
      guard line.seen.insert(.dropWord) else { return -1 }
      return HubbleParts.scanWord(bytes, key + 18, into: &line.record.dropReason) {
        .init(token: $0)
      }
    }
    if bytes.isKey(key, .camelDropReason) || bytes.isKey(key, .camelDropReasonDesc) { return -1 }
    return HubbleScanner.skipMember(bytes, key)
  }

  /// `node_name`, of no use but for finding `node_labels`, which are a long list.
  @inline(__always)
  private mutating func scanNode(_ bytes: RawSpan, _ key: Int, _ line: inout Line) -> Int {
    if bytes.isKey(key, .nodeName) {
      let value = key &+ 11
      let end = bytes.skipValue(value)
      if end > value { line.nodeName = bytes.mixed(value, count: end &- value, seed: 1) }
      return end
    }
    if bytes.isKey(key, .nodeLabels) {
      return repeated.skip(bytes, key &+ 13, group: line.nodeName)
    }
    return HubbleScanner.skipMember(bytes, key)
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
