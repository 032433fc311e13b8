import FlowModel

/// The members of a flow, as ``HubbleScanner`` tells them apart.
enum HubbleMember: UInt8 {
  case time, verdict, ip, l4, l7, source, destination, destinationNames, destinationService
  case type, nodeName, nodeLabels, emitter, eventType, direction, point, traceReason
  case isReply, reply, dropReason, dropReasonDesc, aggregate
  /// One that does not matter.
  case other
  /// Another spelling of one that does.
  case unreadable
}

extension HubbleMember {
  /// Tells a member by its key, at whose first byte `key` stands; by the first four bytes of it first.
  ///
  /// In the cases of each key that matters its other spelling is looked for too.
  @inline(never)
  init(_ bytes: RawSpan, _ key: Int) {
    self = .other
    switch UInt32(truncatingIfNeeded: bytes.knownWord(at: key)) {
    case 0x656d_6974: if bytes.isKey(key, .time) { self = .time }  // time
    case 0x6472_6576: if bytes.isKey(key, .verdict) { self = .verdict }  // verd
    case 0x3a22_5049: self = .ip  // IP":
    case 0x3a22_346c: self = .l4  // l4":
    case 0x3a22_376c: self = .l7  // l7":
    case 0x7275_6f73: if bytes.isKey(key, .source) { self = .source }  // sour
    case 0x7473_6564: self = HubbleMember.destination(bytes, key)  // dest
    case 0x6570_7954: if bytes.isKey(key, .flowType) { self = .type }  // Type
    case 0x6564_6f6e:  // node
      if bytes.isKey(key, .nodeName) { self = .nodeName }
      if bytes.isKey(key, .nodeLabels) { self = .nodeLabels }
    case 0x7469_6d65: if bytes.isKey(key, .emitter) { self = .emitter }  // emit
    case 0x6e65_7665:  // even
      if bytes.isKey(key, .eventType) { self = .eventType }
      if bytes.isKey(key, .camelEventType) { self = .unreadable }
    case 0x6661_7274:  // traf
      if bytes.isKey(key, .trafficDirection) { self = .direction }
      if bytes.isKey(key, .camelTrafficDirection) { self = .unreadable }
    case 0x6361_7274: self = HubbleMember.trace(bytes, key)  // trac
    case 0x725f_7369: if bytes.isKey(key, .isReply) { self = .isReply }  // is_r
    case 0x6552_7369: if bytes.isKey(key, .camelIsReply) { self = .unreadable }  // isRe
    case 0x6c70_6572: if bytes.isKey(key, .reply) { self = .reply }  // repl
    case 0x706f_7264: self = HubbleMember.drop(bytes, key)  // drop
    case 0x7267_6761: if bytes.isKey(key, .aggregate) { self = .aggregate }  // aggr
    default: break
    }
  }

  private static func destination(_ bytes: RawSpan, _ key: Int) -> HubbleMember {
    if bytes.isKey(key, .destination) { return .destination }
    if bytes.isKey(key, .destinationNames) { return .destinationNames }
    if bytes.isKey(key, .destinationService) { return .destinationService }
    return bytes.isKey(key, .camelDestinationNames) || bytes.isKey(key, .camelDestinationService)
      ? .unreadable : .other
  }

  private static func trace(_ bytes: RawSpan, _ key: Int) -> HubbleMember {
    if bytes.isKey(key, .traceObservationPoint) { return .point }
    if bytes.isKey(key, .traceReason) { return .traceReason }
    return bytes.isKey(key, .camelTraceReason) || bytes.isKey(key, .camelTraceObservationPoint)
      ? .unreadable : .other
  }

  private static func drop(_ bytes: RawSpan, _ key: Int) -> HubbleMember {
    if bytes.isKey(key, .dropReason) { return .dropReason }
    if bytes.isKey(key, .dropReasonDesc) { return .dropReasonDesc }
    return bytes.isKey(key, .camelDropReason) || bytes.isKey(key, .camelDropReasonDesc)
      ? .unreadable : .other
  }
}
