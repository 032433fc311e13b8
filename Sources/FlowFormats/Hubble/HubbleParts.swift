import FlowModel

/// Reads the small objects and the words of a flow in place.
///
/// Every function takes the offset of a value and gives the offset behind it, -1 for what ``HubbleTree``
/// must read.
enum HubbleParts {
  /// A word of an enumeration.
  @inline(__always)
  static func scanWord(_ bytes: RawSpan, _ start: Int, _ take: (JSONToken) -> Void) -> Int {
    guard bytes.byte(at: start) == UInt8(ascii: "\"") else { return -1 }
    let word = bytes.token(start &+ 1)
    guard word.length >= 0 else { return -1 }
    take(word)
    return start &+ word.length &+ 2
  }

  /// Steps through the members of an object: `member` gets the key and the offset of the value.
  @inline(__always)
  private static func scanObject(
    _ bytes: RawSpan,
    _ start: Int,
    _ member: (JSONToken, Int) -> Int
  ) -> Int {
    guard bytes.byte(at: start) == UInt8(ascii: "{") else { return -1 }
    if bytes.byte(at: start &+ 1) == UInt8(ascii: "}") { return start &+ 2 }
    var position = start
    while true {
      guard bytes.byte(at: position &+ 1) == UInt8(ascii: "\"") else { return -1 }
      let key = bytes.token(position &+ 2)
      guard key.length >= 0 else { return -1 }
      position &+= key.length &+ 4
      guard bytes.byte(at: position &- 1) == UInt8(ascii: ":") else { return -1 }
      position = member(key, position)
      guard position >= 0 else { return -1 }
      let next = bytes.byte(at: position)
      if next == UInt8(ascii: ",") { continue }
      return next == UInt8(ascii: "}") ? position &+ 1 : -1
    }
  }

  /// `IP`.
  @inline(never)
  static func scanIP(_ bytes: RawSpan, _ start: Int, _ record: inout HubbleRecord) -> Int {
    scanObject(bytes, start) { key, value in
      if key.is(.source) {
        guard record.sourceAddress == nil else { return -1 }
        return scanAddress(bytes, value, &record.sourceAddress)
      }
      if key.is(.destination) {
        guard record.destinationAddress == nil else { return -1 }
        return scanAddress(bytes, value, &record.destinationAddress)
      }
      return bytes.skipValue(value)
    }
  }

  /// An address in quotes; IPv4 in place, IPv6 by the ordinary reader.
  @inline(__always)
  private static func scanAddress(
    _ bytes: RawSpan,
    _ start: Int,
    _ address: inout IPAddress?
  ) -> Int {
    guard bytes.byte(at: start) == UInt8(ascii: "\"") else { return -1 }
    var position = start &+ 1
    var bits: UInt32 = 0
    for octet in 0..<4 {
      var value = UInt32(bytes.byte(at: position) &- 0x30)
      guard value < 10 else { return scanOtherAddress(bytes, start, &address) }
      position &+= 1
      for _ in 0..<2 {
        let digit = UInt32(bytes.byte(at: position) &- 0x30)
        guard digit < 10 else { break }
        value = value &* 10 &+ digit
        position &+= 1
      }
      let end = octet < 3 ? UInt8(ascii: ".") : UInt8(ascii: "\"")
      guard value < 256, bytes.byte(at: position) == end else {
        return scanOtherAddress(bytes, start, &address)
      }
      position &+= 1
      bits = bits &<< 8 | value
    }
    address = IPAddress(ipv4: bits)
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
    guard bytes.byte(at: start) == UInt8(ascii: "{"),
      bytes.byte(at: start &+ 1) == UInt8(ascii: "\"")
    else { return -1 }
    let key = bytes.token(start &+ 2)
    if key.is(.tcp) {
      record.transport = TransportProtocol.tcp.number
    } else if key.is(.udp) {
      record.transport = TransportProtocol.udp.number
    } else if key.is(.icmpv4) {
      record.transport = TransportProtocol.icmp.number
    } else if key.is(.icmpv6) {
      record.transport = TransportProtocol.icmpv6.number
    } else {
      return -1
    }
    let header = start &+ key.length &+ 4
    guard bytes.byte(at: header &- 1) == UInt8(ascii: ":") else { return -1 }
    let end =
      key.length == 3
      ? scanPorts(bytes, header, &record) : scanMessage(bytes, header, &record)
    guard end >= 0, bytes.byte(at: end) == UInt8(ascii: "}") else { return -1 }
    return end &+ 1
  }

  @inline(never)
  private static func scanPorts(
    _ bytes: RawSpan,
    _ start: Int,
    _ record: inout HubbleRecord
  ) -> Int {
    scanObject(bytes, start) { key, value in
      if key.is(.sourcePort) { return scanPort(bytes, value, &record.sourcePort) }
      if key.is(.destinationPort) { return scanPort(bytes, value, &record.destinationPort) }
      guard key.is(.flags), !record.hasFlags else { return -1 }
      record.hasFlags = true
      return scanFlags(bytes, value, &record)
    }
  }

  @inline(never)
  private static func scanMessage(
    _ bytes: RawSpan,
    _ start: Int,
    _ record: inout HubbleRecord
  ) -> Int {
    scanObject(bytes, start) { key, value in
      if key.is(.type) { return scanPort(bytes, value, &record.destinationPort) }
      return key.is(.code) ? bytes.skipValue(value) : -1
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

  /// `flags`; a flag is written only when it is set.
  @inline(never)
  private static func scanFlags(
    _ bytes: RawSpan,
    _ start: Int,
    _ record: inout HubbleRecord
  ) -> Int {
    scanObject(bytes, start) { key, value in
      var isSet = false
      let end = bytes.scanBool(value, &isSet)
      guard isSet, key.length == 3 else { return -1 }
      if key.is(.syn) {
        record.syn = true
      } else if key.is(.ack) {
        record.ack = true
      } else if key.is(.rst) {
        record.rst = true
      }
      return end
    }
  }

  /// `event_type`; a type or sub-type of 0 is never written.
  @inline(never)
  static func scanEventType(_ bytes: RawSpan, _ start: Int, _ record: inout HubbleRecord) -> Int {
    record.eventType = 0
    return scanObject(bytes, start) { key, value in
      var number = 0
      let end = bytes.scanNumber(value, &number)
      guard end >= 0, number > 0 else { return -1 }
      if key.is(.type) {
        guard record.eventType == 0 else { return -1 }
        record.eventType = Int32(truncatingIfNeeded: number)
      } else {
        guard key.is(.subType), record.eventSubType == 0 else { return -1 }
        record.eventSubType = Int32(truncatingIfNeeded: number)
      }
      return end
    }
  }

  /// `l7`; only its type matters.
  @inline(never)
  static func scanL7(_ bytes: RawSpan, _ start: Int, _ record: inout HubbleRecord) -> Int {
    var hasType = false
    return scanObject(bytes, start) { key, value in
      guard key.is(.type) else { return bytes.skipValue(value) }
      guard !hasType else { return -1 }
      hasType = true
      return scanWord(bytes, value) { record.l7Type = .init(token: $0) }
    }
  }
}

// MARK: - Words

extension HubbleRecord.Verdict {
  /// Reads the enum's name.
  @inline(__always)
  init(token: JSONToken) {
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
      self = token.length == 0 || token.is(.verdictUnknown) ? .absent : .other
    }
  }
}

extension HubbleRecord.FlowType {
  /// Reads the enum's name.
  @inline(__always)
  init(token: JSONToken) {
    if token.is(.l3l4) {
      self = .l3l4
    } else if token.is(.layer7) {
      self = .l7
    } else if token.is(.sock) {
      self = .socket
    } else {
      self = token.length == 0 || token.is(.unknownType) ? .absent : .other
    }
  }
}

extension HubbleRecord.Point {
  /// Reads the enum's name.
  @inline(__always)
  init(token: JSONToken) {
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
      self = token.length == 0 || token.is(.unknownPoint) ? .absent : .other
    }
  }
}

extension HubbleRecord.TraceReason {
  /// Reads the enum's name.
  @inline(__always)
  init(token: JSONToken) {
    if token.is(.new) {
      self = .new
    } else if token.is(.established) {
      self = .established
    } else if token.is(.replied) {
      self = .reply
    } else if token.is(.related) {
      self = .related
    } else {
      self = token.length == 0 || token.is(.traceReasonUnknown) ? .absent : .other
    }
  }
}

extension HubbleRecord.Traffic {
  /// Reads the enum's name.
  @inline(__always)
  init(token: JSONToken) {
    self = token.is(.ingress) ? .ingress : token.is(.egress) ? .egress : .absent
  }
}

extension HubbleRecord.L7Type {
  /// Reads the enum's name.
  @inline(__always)
  init(token: JSONToken) {
    if token.is(.request) {
      self = .request
    } else if token.is(.response) {
      self = .response
    } else {
      self = token.is(.sample) ? .sample : .absent
    }
  }
}

extension HubbleRecord {
  /// The code kept for a drop reason's name.
  @inline(__always)
  static func dropReason(token: JSONToken) -> Int32 {
    if token.is(.policyDenied) { return 133 }
    if token.is(.policyDeny) { return 181 }
    return token.length == 0 || token.is(.dropReasonUnknown) ? 0 : -1
  }
}
