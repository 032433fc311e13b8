import FlowModel

/// Reads the small objects and the words of a flow in place.
///
/// Every function takes the offset of a value and gives the offset behind it, -1 for what ``HubbleTree``
/// must read.
enum HubbleParts {
  /// A word of an enumeration.
  @inline(__always)
  static func scanWord<Value>(
    _ bytes: RawSpan,
    _ start: Int,
    into value: inout Value,
    _ read: (JSONToken) -> Value?
  ) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "\"") else { return -1 }
    let word = bytes.token(start &+ 1)
    guard word.length >= 0, let known = read(word) else { return -1 }
    value = known
    return start &+ word.length &+ 2
  }

  /// Steps through the members of an object: `member` gets the offset of a key's first byte and gives
  /// the offset behind the value.
  @inline(__always)
  private static func scanObject(_ bytes: RawSpan, _ start: Int, _ member: (Int) -> Int) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "{") else { return -1 }
    if bytes.knownByte(at: start &+ 1) == UInt8(ascii: "}") { return start &+ 2 }
    var position = start
    while true {
      guard bytes.knownByte(at: position &+ 1) == UInt8(ascii: "\"") else { return -1 }
      position = member(position &+ 2)
      guard position >= 0 else { return -1 }
      let next = bytes.knownByte(at: position)
      if next == UInt8(ascii: ",") { continue }
      return next == UInt8(ascii: "}") ? position &+ 1 : -1
    }
  }

  /// Steps over a member that does not matter, from its key on.
  @inline(never)
  private static func skipMember(_ bytes: RawSpan, _ key: Int) -> Int {
    let end = bytes.plainStringEnd(key)
    guard end >= 0, bytes.knownByte(at: end &+ 1) == UInt8(ascii: ":") else { return -1 }
    return bytes.skipValue(end &+ 2)
  }

  /// `IP`.
  @inline(never)
  static func scanIP(_ bytes: RawSpan, _ start: Int, _ record: inout HubbleRecord) -> Int {
    scanObject(bytes, start) { key in
      if bytes.isKey(key, .source) {
        guard record.sourceAddress == nil else { return -1 }
        return scanAddress(bytes, key &+ 8, &record.sourceAddress)
      }
      if bytes.isKey(key, .destination) {
        guard record.destinationAddress == nil else { return -1 }
        return scanAddress(bytes, key &+ 13, &record.destinationAddress)
      }
      return skipMember(bytes, key)
    }
  }

  /// An address in quotes; IPv4 in place, IPv6 by the ordinary reader.
  @inline(__always)
  private static func scanAddress(
    _ bytes: RawSpan,
    _ start: Int,
    _ address: inout IPAddress?
  ) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "\"") else { return -1 }
    var position = start &+ 1
    var bits: UInt64 = 0
    for octet in 0..<4 {
      let text = bytes.knownWord(at: position)
      let end = octet < 3 ? UInt64(UInt8(ascii: ".")) : UInt64(UInt8(ascii: "\""))
      var value = (text & 0xff) &- 0x30
      guard value < 10 else { return scanOtherAddress(bytes, start, &address) }
      if text &>> 8 & 0xff == end {
        position &+= 2
      } else {
        let second = (text &>> 8 & 0xff) &- 0x30
        guard second < 10 else { return scanOtherAddress(bytes, start, &address) }
        value = value &* 10 &+ second
        if text &>> 16 & 0xff == end {
          position &+= 3
        } else {
          let third = (text &>> 16 & 0xff) &- 0x30
          value = value &* 10 &+ third
          guard third < 10, text &>> 24 & 0xff == end, value < 256 else {
            return scanOtherAddress(bytes, start, &address)
          }
          position &+= 4
        }
      }
      bits = bits &<< 8 | value
    }
    address = IPAddress(ipv4: UInt32(truncatingIfNeeded: bits))
    return position
  }

  @inline(never)
  private static func scanOtherAddress(
    _ bytes: RawSpan,
    _ start: Int,
    _ address: inout IPAddress?
  ) -> Int {
    let end = bytes.plainStringEnd(start + 1)
    guard end > start, let read = IPAddress(bytes: bytes.extracting(start + 1..<end)) else {
      return -1
    }
    address = read
    return end + 1
  }

  /// `l4`, with one header of a usual protocol.
  @inline(never)
  static func scanTransport(_ bytes: RawSpan, _ start: Int, _ record: inout HubbleRecord) -> Int {
    // `{"`
    guard bytes.knownWord(at: start) & 0xffff == 0x227b else { return -1 }
    let key = start &+ 2
    var end = -1
    if bytes.isKey(key, .tcp) {
      record.transport = TransportProtocol.tcp.number
      end = scanPorts(bytes, key &+ 5, &record)
    } else if bytes.isKey(key, .udp) {
      record.transport = TransportProtocol.udp.number
      end = scanPorts(bytes, key &+ 5, &record)
    } else if bytes.isKey(key, .icmpv4) {
      record.transport = TransportProtocol.icmp.number
      end = scanMessage(bytes, key &+ 8, &record)
    } else if bytes.isKey(key, .icmpv6) {
      record.transport = TransportProtocol.icmpv6.number
      end = scanMessage(bytes, key &+ 8, &record)
    }
    guard end >= 0, bytes.knownByte(at: end) == UInt8(ascii: "}") else { return -1 }
    return end &+ 1
  }

  @inline(never)
  private static func scanPorts(
    _ bytes: RawSpan,
    _ start: Int,
    _ record: inout HubbleRecord
  ) -> Int {
    scanObject(bytes, start) { key in
      if bytes.isKey(key, .sourcePort) { return scanPort(bytes, key &+ 13, &record.sourcePort) }
      if bytes.isKey(key, .destinationPort) {
        return scanPort(bytes, key &+ 18, &record.destinationPort)
      }
      guard bytes.isKey(key, .flags), !record.hasFlags else { return -1 }
      record.hasFlags = true
      return scanObject(bytes, key &+ 7) { scanFlag(bytes, $0, &record) }
    }
  }

  @inline(never)
  private static func scanMessage(
    _ bytes: RawSpan,
    _ start: Int,
    _ record: inout HubbleRecord
  ) -> Int {
    scanObject(bytes, start) { key in
      if bytes.isKey(key, .type) { return scanPort(bytes, key &+ 6, &record.destinationPort) }
      return bytes.isKey(key, .code) ? bytes.skipValue(key &+ 6) : -1
    }
  }

  /// A port or ICMP type that was not given before; 0 is never written.
  @inline(__always)
  private static func scanPort(_ bytes: RawSpan, _ start: Int, _ port: inout UInt16) -> Int {
    var number = 0
    let end = bytes.scanNumber(start, &number)
    guard end >= 0, port == 0, number > 0, number <= 65_535 else { return -1 }
    port = UInt16(truncatingIfNeeded: number)
    return end
  }

  /// One of the `flags`, which is written only when it is set: three letters and `":tr`, then `ue`.
  @inline(__always)
  private static func scanFlag(_ bytes: RawSpan, _ key: Int, _ record: inout HubbleRecord) -> Int {
    let text = bytes.knownWord(at: key)
    guard text &>> 24 & 0xff_ffff_ffff == 0x75_7274_3a22,
      bytes.knownByte(at: key &+ 8) == UInt8(ascii: "e")
    else { return -1 }
    switch text & 0xff_ffff {
    case JSONWord.syn.first: record.syn = true
    case JSONWord.ack.first: record.ack = true
    case JSONWord.rst.first: record.rst = true
    default:
      guard RawSpan.stops(in: text & 0xff_ffff | 0x2020_2020_2000_0000) == 0 else { return -1 }
    }
    return key &+ 9
  }

  /// `event_type`; a type or sub-type of 0 is never written.
  @inline(never)
  static func scanEventType(_ bytes: RawSpan, _ start: Int, _ record: inout HubbleRecord) -> Int {
    record.eventType = 0
    return scanObject(bytes, start) { key in
      var number = 0
      if bytes.isKey(key, .type) {
        let end = bytes.scanNumber(key &+ 6, &number)
        guard number > 0, record.eventType == 0 else { return -1 }
        record.eventType = Int32(truncatingIfNeeded: number)
        return end
      }
      guard bytes.isKey(key, .subType) else { return -1 }
      let end = bytes.scanNumber(key &+ 10, &number)
      guard number > 0, record.eventSubType == 0 else { return -1 }
      record.eventSubType = Int32(truncatingIfNeeded: number)
      return end
    }
  }

  /// `l7`; only its type matters.
  @inline(never)
  static func scanL7(_ bytes: RawSpan, _ start: Int, _ record: inout HubbleRecord) -> Int {
    var hasType = false
    return scanObject(bytes, start) { key in
      guard bytes.isKey(key, .type) else { return skipMember(bytes, key) }
      guard !hasType else { return -1 }
      hasType = true
      return scanWord(bytes, key &+ 6, into: &record.l7Type) { .init(token: $0) }
    }
  }
}

// MARK: - Words
//
// A word that is not among these is not for the scanner: ``HubbleTree`` knows them all.

extension HubbleRecord.Verdict {
  /// Reads the enum's name.
  @inline(__always)
  init?(token: JSONToken) {
    if token.is(.forwarded) {
      self = .forwarded
    } else if token.is(.dropped) {
      self = .dropped
    } else if token.is(.audit) {
      self = .audit
    } else if token.is(.redirected) {
      self = .redirected
    } else if token.is(.traced) {
      self = .traced
    } else if token.is(.translated) {
      self = .translated
    } else if token.is(.error) {
      self = .error
    } else {
      guard token.length == 0 || token.is(.verdictUnknown) else { return nil }
      self = .absent
    }
  }
}

extension HubbleRecord.FlowType {
  /// Reads the enum's name.
  @inline(__always)
  init?(token: JSONToken) {
    if token.is(.l3l4) {
      self = .l3l4
    } else if token.is(.layer7) {
      self = .l7
    } else if token.is(.sock) {
      self = .socket
    } else {
      guard token.length == 0 || token.is(.unknownType) else { return nil }
      self = .absent
    }
  }
}

extension HubbleRecord.Point {
  /// Reads the enum's name.
  @inline(__always)
  init?(token: JSONToken) {
    if token.is(.toEndpoint) {
      self = .toEndpoint
    } else if token.is(.toStack) {
      self = .toStack
    } else if token.is(.toNetwork) {
      self = .toNetwork
    } else if token.is(.toProxy) {
      self = .toProxy
    } else if token.is(.toHost) {
      self = .toHost
    } else {
      self.init(otherToken: token)
    }
  }

  @inline(never)
  private init?(otherToken token: JSONToken) {
    if token.length == 0 || token.is(.unknownPoint) {
      self = .absent
    } else if token.is(.toOverlay) || token.is(.toCrypto) || token.is(.fromEndpoint)
      || token.is(.fromProxy) || token.is(.fromHost) || token.is(.fromStack)
      || token.is(.fromOverlay) || token.is(.fromNetwork) || token.is(.fromCrypto)
    {
      self = .other
    } else {
      return nil
    }
  }
}

extension HubbleRecord.TraceReason {
  /// Reads the enum's name.
  @inline(__always)
  init?(token: JSONToken) {
    if token.is(.new) {
      self = .new
    } else if token.is(.established) {
      self = .established
    } else if token.is(.replied) {
      self = .reply
    } else if token.is(.related) {
      self = .related
    } else if token.is(.reopened) {
      self = .other
    } else {
      guard token.length == 0 || token.is(.traceReasonUnknown) else { return nil }
      self = .absent
    }
  }
}

extension HubbleRecord.Traffic {
  /// Reads the enum's name.
  @inline(__always)
  init?(token: JSONToken) {
    if token.is(.ingress) {
      self = .ingress
    } else if token.is(.egress) {
      self = .egress
    } else {
      guard token.length == 0 else { return nil }
      self = .absent
    }
  }
}

extension HubbleRecord.L7Type {
  /// Reads the enum's name.
  @inline(__always)
  init?(token: JSONToken) {
    if token.is(.request) {
      self = .request
    } else if token.is(.response) {
      self = .response
    } else if token.is(.sample) {
      self = .sample
    } else {
      guard token.length == 0 || token.is(.unknownL7Type) else { return nil }
      self = .absent
    }
  }
}

extension HubbleRecord.DropReason {
  /// Reads the enum's name.
  @inline(__always)
  init?(token: JSONToken) {
    if token.is(.policyDenied) {
      self = .policyDenied
    } else if token.is(.policyDeny) {
      self = .policyDeny
    } else {
      self.init(otherToken: token)
    }
  }

  @inline(never)
  private init?(otherToken token: JSONToken) {
    if token.length == 0 || token.is(.dropReasonUnknown) {
      self = .absent
    } else if token.is(.invalidSourceIP) || token.is(.unsupportedL3) || token.is(.unsupportedL2)
      || token.is(.staleIP) || token.is(.mapInsertion) || token.is(.ttlExceeded)
      || token.is(.authRequired) || token.is(.vlanFiltered) || token.is(.invalidIdentity)
    {
      self = .other
    } else {
      return nil
    }
  }
}
