import FlowAggregation
import FlowModel
import JSONText

/// Reads flow records from the bytes of a line: the fast path.
///
/// It takes files' flat records, Whisker's and Goldmane's in compact form with Calico's own key names, in any
/// order. Whatever else a line may be (wrapped records, other spellings, white space, escapes in what is
/// needed, keys given twice, text beyond ASCII, anything malformed) is left to ``CalicoTree``, and for what
/// it takes it gives the same evidence. Skipped parts are checked as JSON too, so that a line is never half
/// read.
struct CalicoScanner: Sendable {
  /// What is kept of a line until its end is known to be well-formed.
  struct Line {
    var facts = CalicoFacts()
    var source = CalicoEndMemo.Found()
    var destination = CalicoEndMemo.Found()
    var keys = CalicoKeys()
    /// Start of the interval, microseconds.
    var start: Int64?
    /// End of the interval, microseconds.
    var end: Int64?
    var bytesIn: Int64 = 0
    var bytesOut: Int64 = 0
    /// The number of the cluster's name.
    var cluster: UInt32 = 0
    /// Whether it spells the protocol's key out, as Whisker does.
    var isWhisker = false
    /// Whether the ends are named in a `Key`.
    var isGoldmane = false
    /// Which end the last member that matters belonged to: 1 source, 2 destination, 3 neither.
    fileprivate var lastMember = 0

    /// Whether it has what every record has; what else may be missing ``CalicoTree`` knows.
    @inline(__always)
    fileprivate var isComplete: Bool {
      start != nil && facts.action != .absent && facts.reporter != .absent
    }
  }

  var dates = HubbleDates()
  var policyRuns: CalicoTemplates
  var policyLists: ByteMemo
  var clusterNumbers: ByteMemo
  /// What is known of ends.
  var ends: CalicoEndMemo
  /// The names of clusters by number; the first is that of records without one.
  var clusters = [""]

  /// The bytes that each of its memos may take.
  static let memoLimit = 8 << 20

  /// Makes a scanner that knows nothing yet.
  init(memoLimit: Int = CalicoScanner.memoLimit) {
    policyRuns = CalicoTemplates(limit: memoLimit)
    policyLists = ByteMemo(limit: memoLimit / 2)
    clusterNumbers = ByteMemo(limit: memoLimit / 8)
    ends = CalicoEndMemo(limit: memoLimit)
  }

  // MARK: Lines

  /// Reads the line at an offset.
  ///
  /// - Returns: The offset of the line feed, or -1 when ``CalicoTree`` must read the line.
  @inline(__always)
  mutating func scan(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    ends.makeRoom()
    var position = start
    // Events of a stream: `data:`, and a blank as a rule.
    if bytes.knownWord(at: position) & 0xff_ffff_ffff == 0x3a_6174_6164 {
      position &+= 5
      if bytes.knownByte(at: position) == 0x20 { position &+= 1 }
    }
    position = scanObject(bytes, position, &line, inKey: false)
    guard position >= 0 else { return -1 }
    if bytes.knownByte(at: position) == 0x0d { position &+= 1 }
    guard bytes.knownByte(at: position) == 0x0a, line.isComplete else { return -1 }
    return position
  }

  /// The members of the record, or of Goldmane's `Key` in it.
  @inline(__always)
  private mutating func scanObject(
    _ bytes: RawSpan,
    _ start: Int,
    _ line: inout Line,
    inKey: Bool
  ) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "{") else { return -1 }
    var position = start
    while true {
      guard bytes.knownByte(at: position &+ 1) == UInt8(ascii: "\"") else { return -1 }
      position = scanMember(bytes, position &+ 2, &line, inKey: inKey)
      guard position >= 0 else { return -1 }
      let next = bytes.knownByte(at: position)
      if next == UInt8(ascii: ",") { continue }
      return next == UInt8(ascii: "}") ? position &+ 1 : -1
    }
  }

  /// A member from its key on, told apart by the first four bytes.
  ///
  /// Keys that begin like one that matters are other spellings as a rule, and not taken.
  @inline(never)
  private mutating func scanMember(
    _ bytes: RawSpan,
    _ key: Int,
    _ line: inout Line,
    inKey: Bool
  ) -> Int {
    switch UInt32(truncatingIfNeeded: bytes.knownWord(at: key)) {
    case 0x7275_6f73: return scanSource(bytes, key, &line)  // sour
    case 0x7473_6564: return scanDestination(bytes, key, &line)  // dest
    case 0x6574_7962:  // byte
      line.lastMember = 3
      if bytes.isKey(key, CalicoWord.bytesIn) {
        return line.keys.insert(.bytesIn)
          ? CalicoScanner.scanCount(bytes, key &+ 10, &line.bytesIn) : -1
      }
      guard bytes.isKey(key, CalicoWord.bytesOut), line.keys.insert(.bytesOut) else { return -1 }
      return CalicoScanner.scanCount(bytes, key &+ 11, &line.bytesOut)
    case 0x6b63_6170:  // pack
      line.lastMember = 3
      return CalicoScanner.scanPackets(bytes, key, &line)
    case 0x7261_7473:  // star
      line.lastMember = 3
      guard bytes.isKey(key, CalicoWord.startTime), line.keys.insert(.start) else { return -1 }
      return scanTime(bytes, key &+ 12, &line.start)
    case 0x5f64_6e65:  // end_
      line.lastMember = 3
      guard bytes.isKey(key, CalicoWord.endTime), line.keys.insert(.end) else { return -1 }
      return scanTime(bytes, key &+ 10, &line.end)
    case 0x746f_7270:  // prot
      line.lastMember = 3
      return CalicoScanner.scanProtocol(bytes, key, &line)
    case 0x6974_6361:  // acti
      line.lastMember = 3
      guard bytes.isKey(key, CalicoWord.action), line.keys.insert(.action) else { return -1 }
      return CalicoScanner.scanAction(bytes, key &+ 8, &line.facts)
    case 0x6f70_6572:  // repo
      line.lastMember = 3
      guard bytes.isKey(key, CalicoWord.reporter), line.keys.insert(.reporter) else { return -1 }
      return CalicoScanner.scanReporter(bytes, key &+ 10, &line.facts)
    case 0x696c_6f70:  // poli
      line.lastMember = 3
      guard bytes.isKey(key, CalicoWord.policies), line.keys.insert(.policies) else { return -1 }
      return scanPolicies(bytes, key &+ 10, &line.facts.policies)
    case 0x7375_6c63:  // clus
      guard bytes.isKey(key, CalicoWord.cluster) else { break }
      line.lastMember = 3
      return line.keys.insert(.cluster) ? scanCluster(bytes, key &+ 9, &line.cluster) : -1
    case 0x2279_654b:  // Key"
      return inKey ? -1 : scanKey(bytes, key, &line)
    case 0x2279_656b, 0x776f_6c66, 0x5464_6e65: return -1  // key", flow, endT
    default: break
    }
    return CalicoScanner.skipMember(bytes, key)
  }

  /// Steps over a member that does not matter, from its key on.
  @inline(__always)
  private static func skipMember(_ bytes: RawSpan, _ key: Int) -> Int {
    let end = bytes.plainStringEnd(key)
    guard end >= 0, bytes.knownByte(at: end &+ 1) == UInt8(ascii: ":") else { return -1 }
    // Most are a single digit, `null` or `"-"`.
    let value = bytes.knownWord(at: end &+ 2)
    if value & 0xff &- 0x30 < 10, isEnd(value &>> 8) { return end &+ 3 }
    if value & 0xff_ffff == 0x22_2d22, isEnd(value &>> 24) { return end &+ 5 }
    if value & 0xffff_ffff == 0x6c6c_756e, isEnd(value &>> 32) { return end &+ 6 }
    return bytes.skipValue(end &+ 2)
  }

  /// Whether the lowest byte ends a member.
  @inline(__always)
  private static func isEnd(_ word: UInt64) -> Bool {
    word & 0xff == 0x2c || word & 0xff == 0x7d
  }

  /// Goldmane's `Key`, which must name the ends.
  @inline(never)
  private mutating func scanKey(_ bytes: RawSpan, _ key: Int, _ line: inout Line) -> Int {
    guard line.keys.insert(.goldmane), !line.keys.contains(.sourceName),
      bytes.knownByte(at: key &+ 4) == UInt8(ascii: ":")
    else { return -1 }
    line.isGoldmane = true
    line.lastMember = 3
    let end = scanObject(bytes, key &+ 5, &line, inKey: true)
    return line.source.name.count > 0 ? end : -1
  }

  // MARK: Ends

  @inline(__always)
  private func scanSource(_ bytes: RawSpan, _ key: Int, _ line: inout Line) -> Int {
    // A member beside a known run says that this record has another form than the one it was known from.
    guard line.source.known < 0 else { return -1 }
    CalicoScanner.note(1, key, &line.source, &line.lastMember)
    // The byte behind `source_`.
    let end: Int
    switch bytes.knownByte(at: key &+ 7) {
    case UInt8(ascii: "n"):
      if bytes.isKey(key, CalicoWord.sourceAggregate) {
        guard line.keys.insert(.sourceAggregate) else { return -1 }
        end = CalicoScanner.scanText(bytes, key &+ 18, &line.source.aggregate)
      } else if bytes.isKey(key, CalicoWord.sourceNamespace) {
        guard line.keys.insert(.sourceNamespace) else { return -1 }
        end = CalicoScanner.scanText(bytes, key &+ 18, &line.source.namespace)
        var match = CalicoTemplates.Match()
        if end >= 0, ends.findRun(bytes, isDestination: false, &line.source, &match) {
          line.source.known = Int(match.value)
          return match.end
        }
      } else {
        guard bytes.isKey(key, CalicoWord.sourceName), line.keys.insert(.sourceName) else {
          return -1
        }
        end = CalicoScanner.scanText(bytes, key &+ 13, &line.source.name)
      }
    case UInt8(ascii: "l"):
      guard bytes.isKey(key, CalicoWord.sourceLabels), line.keys.insert(.sourceLabels) else {
        return -1
      }
      end = CalicoScanner.scanValue(bytes, key &+ 15, &line.source.labels)
    case UInt8(ascii: "t"):
      guard bytes.isKey(key, CalicoWord.sourceType), line.keys.insert(.sourceType) else {
        return -1
      }
      end = CalicoScanner.scanValue(bytes, key &+ 13, &line.source.type)
    case UInt8(ascii: "i"):
      guard bytes.isKey(key, CalicoWord.sourceIP), line.keys.insert(.sourceIP) else { return -1 }
      end = CalicoScanner.scanText(bytes, key &+ 11, &line.source.address)
    case UInt8(ascii: "p"):
      // Of no use, but it differs from record to record.
      guard bytes.isKey(key, CalicoWord.sourcePort), line.source.port.count == 0 else { return -1 }
      var port = -1
      end = CalicoScanner.scanPort(bytes, key &+ 13, &port)
      if port >= 0 {
        line.source.port = CalicoEndMemo.Piece(start: key &+ 13, count: end &- key &- 13)
      }
    default: return -1
    }
    line.source.runEnd = end
    return end
  }

  @inline(__always)
  private func scanDestination(_ bytes: RawSpan, _ key: Int, _ line: inout Line) -> Int {
    if bytes.isKey(key, CalicoWord.destPort) { return scanDestinationPort(bytes, key, &line) }
    // `dest_ser`: the Service, which says nothing of the pods' own port.
    if bytes.knownWord(at: key) == 0x7265_735f_7473_6564 {
      return CalicoScanner.skipMember(bytes, key)
    }
    guard line.destination.known < 0 else { return -1 }
    CalicoScanner.note(2, key, &line.destination, &line.lastMember)
    // The byte behind `dest_`.
    let end: Int
    switch bytes.knownByte(at: key &+ 5) {
    case UInt8(ascii: "n"):
      if bytes.isKey(key, CalicoWord.destAggregate) {
        guard line.keys.insert(.destAggregate) else { return -1 }
        end = CalicoScanner.scanText(bytes, key &+ 16, &line.destination.aggregate)
      } else if bytes.isKey(key, CalicoWord.destNamespace) {
        guard line.keys.insert(.destNamespace) else { return -1 }
        end = CalicoScanner.scanText(bytes, key &+ 16, &line.destination.namespace)
        var match = CalicoTemplates.Match()
        if end >= 0, ends.findRun(bytes, isDestination: true, &line.destination, &match) {
          return CalicoScanner.take(match, &line)
        }
      } else {
        guard bytes.isKey(key, CalicoWord.destName), line.keys.insert(.destName) else { return -1 }
        end = CalicoScanner.scanText(bytes, key &+ 11, &line.destination.name)
      }
    case UInt8(ascii: "l"):
      guard bytes.isKey(key, CalicoWord.destLabels), line.keys.insert(.destLabels) else {
        return -1
      }
      end = CalicoScanner.scanValue(bytes, key &+ 13, &line.destination.labels)
    case UInt8(ascii: "t"):
      guard bytes.isKey(key, CalicoWord.destType), line.keys.insert(.destType) else { return -1 }
      end = CalicoScanner.scanValue(bytes, key &+ 11, &line.destination.type)
    case UInt8(ascii: "i"):
      guard bytes.isKey(key, CalicoWord.destIP), line.keys.insert(.destIP) else { return -1 }
      end = CalicoScanner.scanText(bytes, key &+ 9, &line.destination.address)
    case UInt8(ascii: "d"):
      guard bytes.isKey(key, CalicoWord.destDomains), line.keys.insert(.destDomains) else {
        return -1
      }
      end = CalicoScanner.scanValue(bytes, key &+ 14, &line.destination.domains)
    default: return -1
    }
    line.destination.runEnd = end
    return end
  }

  /// `dest_port`, which stands among the members of the destination in files, and by itself elsewhere.
  @inline(__always)
  private func scanDestinationPort(_ bytes: RawSpan, _ key: Int, _ line: inout Line) -> Int {
    guard line.keys.insert(.port) else { return -1 }
    let isInside = line.lastMember == 2 && line.destination.known < 0
    let start = key &+ 11
    var port = -1
    let end = CalicoScanner.scanPort(bytes, start, &port)
    if port >= 0 { line.facts.port = UInt16(truncatingIfNeeded: port) }
    guard isInside else {
      line.lastMember = 3
      return end
    }
    line.destination.runEnd = end
    line.destination.port = CalicoEndMemo.Piece(start: start, count: end &- start)
    // A run without a number would hide that the port was given.
    if port < 0 { line.destination.isScattered = true }
    return end
  }

  /// Takes what a known run of the destination's members says.
  @inline(__always)
  private static func take(_ match: CalicoTemplates.Match, _ line: inout Line) -> Int {
    line.destination.known = Int(match.value)
    if match.number >= 0 {
      guard match.number <= 65_535, line.keys.insert(.port) else { return -1 }
      line.facts.port = UInt16(match.number)
    }
    return match.end
  }

  /// Notes that a member of an end begins: members of other ends between them scatter it.
  @inline(__always)
  private static func note(
    _ member: Int,
    _ key: Int,
    _ found: inout CalicoEndMemo.Found,
    _ last: inout Int
  ) {
    if found.runStart == 0 {
      found.runStart = key &- 1
    } else if last != member {
      found.isScattered = true
    }
    last = member
  }
}
