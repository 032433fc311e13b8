import FlowModel
import JSONText

extension CalicoScanner {
  /// The most clusters told apart.
  private static let mostClusters = 1024
  /// How many bytes of a policy object are hashed to find it; no more than may be read behind a line.
  private static let hashedCount = RawSpan.scanSlack

  /// `null` as bytes: such a member counts as missing.
  @inline(__always)
  private static func isNull(_ bytes: RawSpan, _ start: Int) -> Bool {
    bytes.knownWord(at: start) & 0xffff_ffff == 0x6c6c_756e
  }

  // MARK: Strings and numbers

  /// A plain string or `null`.
  @inline(__always)
  static func scanText(
    _ bytes: RawSpan,
    _ start: Int,
    _ piece: inout CalicoEndMemo.Piece
  ) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "\"") else {
      return isNull(bytes, start) ? start &+ 4 : -1
    }
    let end = bytes.plainStringEnd(start &+ 1)
    guard end >= 0 else { return -1 }
    piece = CalicoEndMemo.Piece(start: start, count: end &+ 1 &- start)
    return end &+ 1
  }

  /// Any value, kept unless it is `null`.
  @inline(__always)
  static func scanValue(
    _ bytes: RawSpan,
    _ start: Int,
    _ piece: inout CalicoEndMemo.Piece
  ) -> Int {
    if isNull(bytes, start) { return start &+ 4 }
    let end = bytes.skipValue(start)
    piece = CalicoEndMemo.Piece(start: start, count: end &- start)
    return end
  }

  /// A port as a number, or `null`, which leaves `port` as it is.
  @inline(__always)
  static func scanPort(_ bytes: RawSpan, _ start: Int, _ port: inout Int) -> Int {
    if isNull(bytes, start) { return start &+ 4 }
    var number = 0
    let end = bytes.scanNumber(start, &number)
    guard end >= 0, number <= 65_535 else { return -1 }
    port = number
    return end
  }

  /// A count of up to 18 digits, or `null`, which leaves `count` as it is.
  @inline(__always)
  static func scanCount(_ bytes: RawSpan, _ start: Int, _ count: inout Int64) -> Int {
    let first = bytes.knownWord(at: start) &- 0x3030_3030_3030_3030
    let others = RawSpan.nonDigits(in: first)
    guard others == 0 else {
      let digits = others.trailingZeroBitCount &>> 3
      guard digits > 0 else { return isNull(bytes, start) ? start &+ 4 : -1 }
      guard digits == 1 || first & 0xff != 0 else { return -1 }
      count = Int64(RawSpan.number(first &<< UInt64(64 &- digits &* 8)))
      return start &+ digits
    }
    guard first & 0xff != 0 else { return -1 }
    var value = Int64(RawSpan.number(first))
    var position = start &+ 8
    while true {
      let digit = bytes.knownByte(at: position) &- 0x30
      guard digit < 10 else { break }
      guard position &- start < 18 else { return -1 }
      value = value &* 10 &+ Int64(digit)
      position &+= 1
    }
    count = value
    return position
  }

  /// `packets_in` or `packets_out`.
  @inline(__always)
  static func scanPackets(_ bytes: RawSpan, _ key: Int, _ line: inout Line) -> Int {
    var count: Int64 = -1
    if bytes.isKey(key, CalicoWord.packetsIn) {
      guard line.keys.insert(.packetsIn) else { return -1 }
      let end = scanCount(bytes, key &+ 12, &count)
      if count >= 0 { line.facts.packetsIn = count }
      return end
    }
    guard bytes.isKey(key, CalicoWord.packetsOut), line.keys.insert(.packetsOut) else { return -1 }
    let end = scanCount(bytes, key &+ 13, &count)
    if count >= 0 { line.facts.packetsOut = count }
    return end
  }

  /// A time as Unix seconds or a finer unit, as RFC 3339, or `null`.
  @inline(__always)
  mutating func scanTime(_ bytes: RawSpan, _ start: Int, _ time: inout Int64?) -> Int {
    if bytes.knownByte(at: start) == UInt8(ascii: "\"") { return dates.scan(bytes, start, &time) }
    var number: Int64 = -1
    let end = CalicoScanner.scanCount(bytes, start, &number)
    if number >= 0 { time = ShipperEnvelope.microseconds(unix: number) }
    return end
  }

  // MARK: Words

  /// `proto` or `protocol`, as a usual name or a number.
  @inline(__always)
  static func scanProtocol(_ bytes: RawSpan, _ key: Int, _ line: inout Line) -> Int {
    let start: Int
    if bytes.isKey(key, CalicoWord.proto) {
      start = key &+ 7
    } else {
      guard bytes.isKey(key, CalicoWord.protocolName) else { return -1 }
      start = key &+ 10
      line.isWhisker = true
    }
    guard line.keys.insert(.transport) else { return -1 }
    line.facts.hasProtocol = true
    guard bytes.knownByte(at: start) == UInt8(ascii: "\"") else {
      var number = 0
      let end = bytes.scanNumber(start, &number)
      guard end >= 0, number <= 255 else { return -1 }
      line.facts.transport = TransportProtocol(number: UInt8(truncatingIfNeeded: number))
      return end
    }
    let word = bytes.token(start &+ 1)
    if word.is(CalicoWord.tcp) {
      line.facts.transport = .tcp
    } else if word.is(CalicoWord.udp) {
      line.facts.transport = .udp
    } else if word.is(CalicoWord.icmp) {
      line.facts.transport = .icmp
    } else if word.is(CalicoWord.sctp) {
      line.facts.transport = .sctp
    } else {
      return -1
    }
    return start &+ word.length &+ 2
  }

  /// An action as a word or as the protobuf's number.
  @inline(__always)
  static func scanAction(_ bytes: RawSpan, _ start: Int, _ facts: inout CalicoFacts) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "\"") else {
      var number = 0
      let end = bytes.scanNumber(start, &number)
      facts.action = CalicoRecord.Action(number: Int64(number))
      return end
    }
    let word = bytes.token(start &+ 1)
    if word.is(CalicoWord.allow) || word.is(CalicoWord.capitalAllow) {
      facts.action = .allow
    } else if word.is(CalicoWord.deny) || word.is(CalicoWord.capitalDeny) {
      facts.action = .deny
    } else {
      return -1
    }
    return start &+ word.length &+ 2
  }

  /// A reporter as a word or as the protobuf's number.
  @inline(__always)
  static func scanReporter(_ bytes: RawSpan, _ start: Int, _ facts: inout CalicoFacts) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "\"") else {
      var number = 0
      let end = bytes.scanNumber(start, &number)
      facts.reporter = CalicoRecord.Reporter(number: Int64(number))
      return end
    }
    let word = bytes.token(start &+ 1)
    if word.is(CalicoWord.src) || word.is(CalicoWord.capitalSrc) {
      facts.reporter = .source
    } else if word.is(CalicoWord.dst) || word.is(CalicoWord.capitalDst) {
      facts.reporter = .destination
    } else {
      return -1
    }
    return start &+ word.length &+ 2
  }

  // MARK: Objects that repeat

  /// The policy lists: few in number, so that most are known.
  @inline(__always)
  mutating func scanPolicies(
    _ bytes: RawSpan,
    _ start: Int,
    _ policies: inout CalicoPolicies
  ) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "{") else {
      return CalicoScanner.isNull(bytes, start) ? start &+ 4 : -1
    }
    var hash: UInt64 = 1
    for offset in stride(from: 0, to: CalicoScanner.hashedCount, by: 8) {
      hash = RawSpan.mix(hash, bytes.knownWord(at: start &+ offset))
    }
    var match = CalicoTemplates.Match()
    if policyRuns.find(bytes, start, hash: hash, &match) {
      policies = CalicoPolicies(packed: match.value)
      return match.end
    }
    return scanNewPolicies(bytes, start, hash: hash, &policies)
  }

  @inline(never)
  private mutating func scanNewPolicies(
    _ bytes: RawSpan,
    _ start: Int,
    hash: UInt64,
    _ policies: inout CalicoPolicies
  ) -> Int {
    let end = bytes.skipValue(start)
    guard end >= 0 else { return -1 }
    let count = end - start
    let wholeHash = ByteMemo.hash(bytes, start, count: count, group: 0)
    if let known = policyLists.value(bytes, start, count: count, group: 0, hash: wholeHash) {
      policies = CalicoPolicies(packed: UInt32(truncatingIfNeeded: known))
      policyRuns.insert(policies.packed, bytes, start, end: end, number: 0..<0, hash: hash)
      return end
    }
    guard let value = try? JSONParser.parse(bytes.extracting(start..<end)) else { return -1 }
    policies = CalicoPolicies(value)
    policyLists.insert(
      UInt64(policies.packed),
      bytes,
      start,
      count: count,
      group: 0,
      hash: wholeHash
    )
    return end
  }

  /// The cluster's name that central storage adds.
  @inline(never)
  mutating func scanCluster(_ bytes: RawSpan, _ start: Int, _ cluster: inout UInt32) -> Int {
    var piece = CalicoEndMemo.Piece()
    let end = CalicoScanner.scanText(bytes, start, &piece)
    guard end >= 0, piece.count > 0 else { return end }
    let hash = ByteMemo.hash(bytes, piece.start, count: piece.count, group: 0)
    if let known = clusterNumbers.value(
      bytes,
      piece.start,
      count: piece.count,
      group: 0,
      hash: hash
    ) {
      cluster = UInt32(truncatingIfNeeded: known)
      return end
    }
    guard clusters.count < CalicoScanner.mostClusters,
      let text = String(utf8: bytes, from: piece.start + 1, to: end - 1)
    else { return -1 }
    let name = CalicoTree.clusterName(text)
    let number = clusters.firstIndex(of: name) ?? clusters.count
    if number == clusters.count { clusters.append(name) }
    clusterNumbers.insert(
      UInt64(number),
      bytes,
      piece.start,
      count: piece.count,
      group: 0,
      hash: hash
    )
    cluster = UInt32(number)
    return end
  }
}

/// The members of a record that may be given only once.
struct CalicoKeys {
  /// One member.
  enum Key: UInt32 {
    case start, end, sourceName, sourceAggregate, sourceNamespace, sourceType, sourceLabels
    case sourceIP, destName, destAggregate, destNamespace, destType, destLabels, destIP, destDomains
    case port, transport, action, reporter, policies, bytesIn, bytesOut, packetsIn, packetsOut
    case cluster, goldmane
  }

  private var bits: UInt32 = 0

  /// Whether a member was seen.
  @inline(__always)
  func contains(_ key: Key) -> Bool { bits & (1 &<< key.rawValue) != 0 }

  /// Notes a member; false when it was seen before.
  @inline(__always)
  mutating func insert(_ key: Key) -> Bool {
    let bit: UInt32 = 1 &<< key.rawValue
    let isNew = bits & bit == 0
    bits |= bit
    return isNew
  }
}
