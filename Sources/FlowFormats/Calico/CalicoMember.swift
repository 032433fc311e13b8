import FlowModel

/// The members of a record, as ``CalicoScanner`` tells them apart.
enum CalicoMember: UInt8 {
  case startTime, endTime
  case sourceName, sourceAggregate, sourceNamespace, sourceType, sourceLabels, sourceIP, sourcePort
  case destName, destAggregate, destNamespace, destType, destLabels, destIP, destDomains, destPort
  case proto, protocolName, action, reporter, policies
  case bytesIn, bytesOut, packetsIn, packetsOut
  /// The cluster's name that central storage adds.
  case cluster
  /// Goldmane's `Key`, in which the ends are named.
  case goldmane
  /// One that does not matter.
  case other
  /// Another spelling of one that may matter.
  case unreadable
}

extension CalicoMember {
  /// Tells a member by its key, at whose first byte `key` stands; by the first four bytes of it first.
  @inline(never)
  init(_ bytes: RawSpan, _ key: Int) {
    self = .unreadable
    switch UInt32(truncatingIfNeeded: bytes.knownWord(at: key)) {
    case 0x7275_6f73: self = CalicoMember.source(bytes, key)  // sour
    case 0x7473_6564: self = CalicoMember.destination(bytes, key)  // dest
    case 0x6574_7962:  // byte
      if bytes.isKey(key, CalicoWord.bytesIn) { self = .bytesIn }
      if bytes.isKey(key, CalicoWord.bytesOut) { self = .bytesOut }
    case 0x6b63_6170:  // pack
      if bytes.isKey(key, CalicoWord.packetsIn) { self = .packetsIn }
      if bytes.isKey(key, CalicoWord.packetsOut) { self = .packetsOut }
    case 0x7261_7473:  // star
      if bytes.isKey(key, CalicoWord.startTime) { self = .startTime }
    case 0x5f64_6e65:  // end_
      if bytes.isKey(key, CalicoWord.endTime) { self = .endTime }
    case 0x746f_7270:  // prot
      if bytes.isKey(key, CalicoWord.proto) { self = .proto }
      if bytes.isKey(key, CalicoWord.protocolName) { self = .protocolName }
    case 0x6974_6361:  // acti
      if bytes.isKey(key, CalicoWord.action) { self = .action }
    case 0x6f70_6572:  // repo
      if bytes.isKey(key, CalicoWord.reporter) { self = .reporter }
    case 0x696c_6f70:  // poli
      if bytes.isKey(key, CalicoWord.policies) { self = .policies }
    case 0x7375_6c63:  // clus
      self = bytes.isKey(key, CalicoWord.cluster) ? .cluster : .other
    case 0x2279_654b: self = .goldmane  // Key"
    case 0x2279_656b, 0x776f_6c66, 0x5464_6e65: break  // key", flow, endT
    default: self = .other
    }
  }

  private static func source(_ bytes: RawSpan, _ key: Int) -> CalicoMember {
    if bytes.isKey(key, CalicoWord.sourceName) { return .sourceName }
    if bytes.isKey(key, CalicoWord.sourceAggregate) { return .sourceAggregate }
    if bytes.isKey(key, CalicoWord.sourceNamespace) { return .sourceNamespace }
    if bytes.isKey(key, CalicoWord.sourceType) { return .sourceType }
    if bytes.isKey(key, CalicoWord.sourceLabels) { return .sourceLabels }
    if bytes.isKey(key, CalicoWord.sourceIP) { return .sourceIP }
    return bytes.isKey(key, CalicoWord.sourcePort) ? .sourcePort : .unreadable
  }

  private static func destination(_ bytes: RawSpan, _ key: Int) -> CalicoMember {
    if bytes.isKey(key, CalicoWord.destName) { return .destName }
    if bytes.isKey(key, CalicoWord.destAggregate) { return .destAggregate }
    if bytes.isKey(key, CalicoWord.destNamespace) { return .destNamespace }
    if bytes.isKey(key, CalicoWord.destType) { return .destType }
    if bytes.isKey(key, CalicoWord.destLabels) { return .destLabels }
    if bytes.isKey(key, CalicoWord.destIP) { return .destIP }
    if bytes.isKey(key, CalicoWord.destDomains) { return .destDomains }
    if bytes.isKey(key, CalicoWord.destPort) { return .destPort }
    // `dest_ser`: the Service, which says nothing of the pods' own port.
    return bytes.knownWord(at: key) == 0x7265_735f_7473_6564 ? .other : .unreadable
  }
}

/// The members of a record that may be given only once.
struct CalicoKeys {
  private var bits: UInt32 = 0

  /// Whether a member was seen.
  @inline(__always)
  func contains(_ member: CalicoMember) -> Bool { bits & (1 &<< UInt32(member.rawValue)) != 0 }

  /// Notes a member; false when it was seen before.
  @inline(__always)
  mutating func insert(_ member: CalicoMember) -> Bool {
    let bit: UInt32 = 1 &<< UInt32(member.rawValue)
    let isNew = bits & bit == 0
    bits |= bit
    return isNew
  }
}
