import FlowModel
import JSONText

extension CalicoScanner {
  /// The most clusters told apart.
  private static let mostClusters = 1024
  /// How many bytes of a policy object are hashed to find it; no more than may be read behind a line.
  private static let hashedCount = RawSpan.scanSlack

  /// `null` as bytes: such a member counts as missing.
  @inline(__always)
  static func isNull(_ bytes: RawSpan, _ start: Int) -> Bool {
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
  static func scanPort(_ bytes: RawSpan, _ start: Int, _ port: inout UInt16) -> Int {
    if isNull(bytes, start) { return start &+ 4 }
    var number = 0
    let end = bytes.scanNumber(start, &number)
    guard end >= 0, number <= 65_535 else { return -1 }
    port = UInt16(number)
    return end
  }

  /// A count of up to 18 digits, or `null`, which leaves `count` as it is.
  @inline(never)
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

  /// A count of packets, or `null`, which leaves `count` as it is.
  @inline(__always)
  static func scanPackets(_ bytes: RawSpan, _ start: Int, _ count: inout Int64?) -> Int {
    var number: Int64 = -1
    let end = scanCount(bytes, start, &number)
    if number >= 0 { count = number }
    return end
  }

  /// A time as Unix seconds or a finer unit, as RFC 3339, or `null`.
  @inline(never)
  mutating func scanTime(_ bytes: RawSpan, _ start: Int, _ time: inout Int64?) -> Int {
    if bytes.knownByte(at: start) == UInt8(ascii: "\"") { return dates.scan(bytes, start, &time) }
    var number: Int64 = -1
    let end = CalicoScanner.scanCount(bytes, start, &number)
    if number >= 0 { time = ShipperEnvelope.microseconds(unix: number) }
    return end
  }

  // MARK: Words

  /// A protocol as a usual name or a number.
  @inline(never)
  static func scanProtocol(_ bytes: RawSpan, _ start: Int, _ facts: inout CalicoFacts) -> Int {
    facts.hasProtocol = true
    if bytes.isString(start, CalicoWord.tcp) {
      facts.transport = .tcp
      return start &+ 5
    }
    if bytes.isString(start, CalicoWord.udp) {
      facts.transport = .udp
      return start &+ 5
    }
    if bytes.isString(start, CalicoWord.icmp) {
      facts.transport = .icmp
      return start &+ 6
    }
    if bytes.isString(start, CalicoWord.sctp) {
      facts.transport = .sctp
      return start &+ 6
    }
    var number = 0
    let end = bytes.scanNumber(start, &number)
    guard end >= 0, number <= 255 else { return -1 }
    facts.transport = TransportProtocol(number: UInt8(truncatingIfNeeded: number))
    return end
  }

  /// An action as a word or as the protobuf's number.
  @inline(never)
  static func scanAction(_ bytes: RawSpan, _ start: Int, _ facts: inout CalicoFacts) -> Int {
    if bytes.isString(start, CalicoWord.allow) || bytes.isString(start, CalicoWord.capitalAllow) {
      facts.action = .allow
      return start &+ 7
    }
    if bytes.isString(start, CalicoWord.deny) || bytes.isString(start, CalicoWord.capitalDeny) {
      facts.action = .deny
      return start &+ 6
    }
    var number = 0
    let end = bytes.scanNumber(start, &number)
    facts.action = CalicoRecord.Action(number: Int64(number))
    return end
  }

  /// A reporter as a word or as the protobuf's number.
  @inline(never)
  static func scanReporter(_ bytes: RawSpan, _ start: Int, _ facts: inout CalicoFacts) -> Int {
    if bytes.isString(start, CalicoWord.src) || bytes.isString(start, CalicoWord.capitalSrc) {
      facts.reporter = .source
      return start &+ 5
    }
    if bytes.isString(start, CalicoWord.dst) || bytes.isString(start, CalicoWord.capitalDst) {
      facts.reporter = .destination
      return start &+ 5
    }
    var number = 0
    let end = bytes.scanNumber(start, &number)
    facts.reporter = CalicoRecord.Reporter(number: Int64(number))
    return end
  }

  // MARK: Objects that repeat

  /// The policy lists: few in number, so that most are known.
  @inline(never)
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
