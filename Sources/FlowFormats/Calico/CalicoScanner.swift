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
  /// What a member belongs to.
  enum Owner {
    case nothing, source, destination, record
  }

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
    /// What the last member that matters belonged to.
    fileprivate var lastOwner = Owner.nothing

    /// Whether it has what every record has; what else may be missing ``CalicoTree`` knows.
    @inline(__always)
    fileprivate var isComplete: Bool {
      start != nil && facts.action != .absent && facts.reporter != .absent
    }
  }

  private var order = MemberOrder(unknown: CalicoMember.unreadable)
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
    position = scanRecord(bytes, position, &line)
    guard position >= 0 else { return -1 }
    if bytes.knownByte(at: position) == 0x0d { position &+= 1 }
    guard bytes.knownByte(at: position) == 0x0a, line.isComplete else { return -1 }
    return position
  }

  /// Where a scan of a record's members is.
  private struct Place {
    /// The offset of the brace or comma before a member.
    var position: Int
    /// Which of the two must stand there.
    var opener = UInt8(ascii: "{")
    /// Whether it is inside Goldmane's `Key`.
    var isInKey = false
    var step = MemberOrder<CalicoMember>.start
    var member = CalicoMember.unreadable
    /// The offset of the member's value.
    var value = 0

    /// Goes on with the members of `Key`.
    @inline(__always)
    mutating func enterKey() {
      isInKey = true
      opener = UInt8(ascii: "{")
      position = value
    }
  }

  /// The members of the record, Goldmane's `Key` in it too.
  @inline(never)
  private mutating func scanRecord(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "{") else { return -1 }
    var at = Place(position: start)
    repeat {
      let expected = order[at.step]
      if expected.stands(in: bytes, at: at.position) {
        at.step = Int(expected.step)
        at.member = expected.member
        at.value = at.position &+ Int(expected.count)
      } else if !findMember(bytes, &at, line) {
        return at.position
      }
      at.opener = UInt8(ascii: ",")
      if at.member == .other {
        at.position = CalicoScanner.skipOther(bytes, at.value)
        continue
      }
      guard line.keys.insert(at.member) else { return -1 }
      let last = line.lastOwner
      line.lastOwner = .record
      switch at.member {
      case .sourceName:
        guard line.beginSource(at.position &+ 1, last) else { return -1 }
        line.source.runEnd = CalicoScanner.scanText(bytes, at.value, &line.source.name)
        at.position = line.source.runEnd
      case .sourceAggregate:
        guard line.beginSource(at.position &+ 1, last) else { return -1 }
        line.source.runEnd = CalicoScanner.scanText(bytes, at.value, &line.source.aggregate)
        at.position = line.source.runEnd
      case .sourceNamespace:
        guard line.beginSource(at.position &+ 1, last) else { return -1 }
        at.position = scanSourceNamespace(bytes, at.value, &line)
      case .sourceIP:
        guard line.beginSource(at.position &+ 1, last) else { return -1 }
        line.source.runEnd = CalicoScanner.scanText(bytes, at.value, &line.source.address)
        at.position = line.source.runEnd
      case .sourceType, .sourceLabels, .sourcePort:
        guard line.beginSource(at.position &+ 1, last) else { return -1 }
        at.position = CalicoScanner.scanRest(of: &line.source, at.member, bytes, at.value)
      case .destName:
        guard line.beginDestination(at.position &+ 1, last) else { return -1 }
        line.destination.runEnd = CalicoScanner.scanText(bytes, at.value, &line.destination.name)
        at.position = line.destination.runEnd
      case .destAggregate:
        guard line.beginDestination(at.position &+ 1, last) else { return -1 }
        line.destination.runEnd = CalicoScanner.scanText(
          bytes,
          at.value,
          &line.destination.aggregate
        )
        at.position = line.destination.runEnd
      case .destNamespace:
        guard line.beginDestination(at.position &+ 1, last) else { return -1 }
        at.position = scanDestinationNamespace(bytes, at.value, &line)
      case .destIP:
        guard line.beginDestination(at.position &+ 1, last) else { return -1 }
        line.destination.runEnd = CalicoScanner.scanText(bytes, at.value, &line.destination.address)
        at.position = line.destination.runEnd
      case .destType, .destLabels, .destDomains:
        guard line.beginDestination(at.position &+ 1, last) else { return -1 }
        at.position = CalicoScanner.scanRest(of: &line.destination, at.member, bytes, at.value)
      case .destPort:
        if last == .destination, line.destination.known < 0 {
          line.lastOwner = .destination
          at.position = CalicoScanner.scanDestinationPort(bytes, at.value, &line)
        } else {
          at.position = CalicoScanner.scanPort(bytes, at.value, &line.facts.port)
        }
      case .startTime: at.position = scanTime(bytes, at.value, &line.start)
      case .endTime: at.position = scanTime(bytes, at.value, &line.end)
      case .protocolName:
        guard line.keys.insert(.proto) else { return -1 }
        line.isWhisker = true
        at.position = CalicoScanner.scanProtocol(bytes, at.value, &line.facts)
      case .proto: at.position = CalicoScanner.scanProtocol(bytes, at.value, &line.facts)
      case .action: at.position = CalicoScanner.scanAction(bytes, at.value, &line.facts)
      case .reporter: at.position = CalicoScanner.scanReporter(bytes, at.value, &line.facts)
      case .policies: at.position = scanPolicies(bytes, at.value, &line.facts.policies)
      case .bytesIn: at.position = CalicoScanner.scanCount(bytes, at.value, &line.bytesIn)
      case .bytesOut: at.position = CalicoScanner.scanCount(bytes, at.value, &line.bytesOut)
      case .packetsIn:
        at.position = CalicoScanner.scanPackets(bytes, at.value, &line.facts.packetsIn)
      case .packetsOut:
        at.position = CalicoScanner.scanPackets(bytes, at.value, &line.facts.packetsOut)
      case .cluster: at.position = scanCluster(bytes, at.value, &line.cluster)
      case .goldmane:
        // It must name the ends.
        guard !line.keys.contains(.sourceName),
          bytes.knownByte(at: at.value) == UInt8(ascii: "{")
        else { return -1 }
        line.isGoldmane = true
        at.enterKey()
      case .other, .unreadable: return -1
      }
    } while at.position >= 0
    return -1
  }

  /// Finds a member that was not expected.
  ///
  /// - Returns: False where there is none, with the position behind the record or -1.
  @inline(never)
  private mutating func findMember(_ bytes: RawSpan, _ at: inout Place, _ line: Line) -> Bool {
    var found = bytes.knownByte(at: at.position)
    if found == UInt8(ascii: "}"), at.isInKey, line.source.name.count > 0 {
      at.isInKey = false
      at.position += 1
      found = bytes.knownByte(at: at.position)
    }
    if found == UInt8(ascii: "}"), at.opener == UInt8(ascii: ","), !at.isInKey {
      at.position += 1
      return false
    }
    if found == at.opener {
      at.value = bytes.plainKeyEnd(at.position + 1)
      at.member = at.value >= 0 ? CalicoMember(bytes, at.position + 2) : .unreadable
      if at.member != .unreadable {
        at.step = order.expect(
          at.member,
          bytes,
          at.position,
          value: at.value,
          behind: at.step
        )
        return true
      }
    }
    at.position = -1
    return false
  }

  /// Steps over the value of a member that does not matter.
  @inline(__always)
  private static func skipOther(_ bytes: RawSpan, _ start: Int) -> Int {
    // Most are a single digit, `null` or `"-"`.
    let value = bytes.knownWord(at: start)
    if value & 0xff &- 0x30 < 10, isEnd(value &>> 8) { return start &+ 1 }
    if value & 0xff_ffff == 0x22_2d22, isEnd(value &>> 24) { return start &+ 3 }
    if value & 0xffff_ffff == 0x6c6c_756e, isEnd(value &>> 32) { return start &+ 4 }
    return bytes.skipValue(start)
  }

  /// Whether the lowest byte ends a member.
  @inline(__always)
  private static func isEnd(_ word: UInt64) -> Bool {
    word & 0xff == 0x2c || word & 0xff == 0x7d
  }
}

extension CalicoScanner.Line {
  /// Notes that a member of the source begins at an offset: members of other kinds between them scatter it.
  ///
  /// - Returns: False when the end is known from a run of members already: a member beside it says that this
  ///   record has another form than the one from which the run was known.
  @inline(__always)
  fileprivate mutating func beginSource(_ key: Int, _ last: CalicoScanner.Owner) -> Bool {
    lastOwner = .source
    return source.begin(key, isScattered: last != .source)
  }

  /// The same for the destination.
  @inline(__always)
  fileprivate mutating func beginDestination(_ key: Int, _ last: CalicoScanner.Owner) -> Bool {
    lastOwner = .destination
    return destination.begin(key, isScattered: last != .destination)
  }
}

extension CalicoEndMemo.Found {
  @inline(__always)
  fileprivate mutating func begin(_ key: Int, isScattered isApart: Bool) -> Bool {
    guard known < 0 else { return false }
    if runStart == 0 {
      runStart = key
    } else if isApart {
      isScattered = true
    }
    return true
  }
}
