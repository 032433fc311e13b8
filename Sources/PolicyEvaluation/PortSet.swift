package import FlowModel

/// A set of ports over all IP protocols at once.
///
/// A port is keyed by its protocol number times 65,536 plus the number (ICMP: the type), so a range
/// of ports and "every protocol" are both one interval.
package typealias PortSet = IntervalSet<UInt32>

extension IntervalSet where Bound == UInt32 {
  /// The highest key: port 65,535 of protocol 255.
  static var highestKey: UInt32 { 0xff_ffff }

  /// Every port of every protocol.
  package static var everyPort: PortSet { PortSet(0...highestKey) }

  /// The key of a port.
  package static func key(_ transport: TransportProtocol, _ port: UInt16) -> UInt32 {
    UInt32(transport.number) << 16 | UInt32(port)
  }

  /// Every port of a protocol.
  package static func every(_ transport: TransportProtocol) -> PortSet {
    PortSet(key(transport, 0)...key(transport, .max))
  }

  /// Some ports of a protocol; empty when the bounds are the wrong way round.
  package static func ports(
    _ transport: TransportProtocol,
    _ first: UInt16,
    _ last: UInt16
  ) -> PortSet {
    first <= last ? PortSet(key(transport, first)...key(transport, last)) : PortSet()
  }

  /// Whether a port is in the set.
  package func contains(_ transport: TransportProtocol, _ port: UInt16) -> Bool {
    contains(PortSet.key(transport, port))
  }

  /// Whether the set holds a port of a span; "every other protocol" is taken for any protocol.
  package func overlaps(_ span: PortSpan) -> Bool {
    guard let transport = span.transport else { return !isEmpty }
    return overlaps(PortSet.key(transport, span.first)...PortSet.key(transport, span.last))
  }

  /// The set in the form people read: sorted, TCP, UDP and SCTP without port 0.
  ///
  /// Protocols that are wholly in the set and have no ports of their own are one span with
  /// `transport` nil; the full set is that span alone.
  package var spans: [PortSpan] {
    if contains(0...PortSet.highestKey) { return [PortSpan(transport: nil, first: 0, last: .max)] }
    var result: [PortSpan] = []
    var others: [PortSpan] = []
    var wholeOthers = 0
    for range in ranges {
      for number in UInt8(
        truncatingIfNeeded: range.lowerBound >> 16
      )...UInt8(
        truncatingIfNeeded: range.upperBound >> 16
      ) {
        let transport = TransportProtocol(number: number)
        let part = range.clamped(to: PortSet.key(transport, 0)...PortSet.key(transport, .max))
        var first = UInt16(truncatingIfNeeded: part.lowerBound)
        var last = UInt16(truncatingIfNeeded: part.upperBound)
        let isWhole = first == 0 && last == .max
        if transport.hasPorts { first = max(first, 1) }
        if transport.isICMP { last = min(last, 255) }
        guard first <= last else { continue }
        let span = PortSpan(transport: transport, first: first, last: last)
        if transport.hasPorts || transport.isICMP {
          result.append(span)
        } else {
          others.append(span)
          if isWhole { wholeOthers += 1 }
        }
      }
    }
    let namedProtocols = 5
    if wholeOthers == 256 - namedProtocols {
      result.append(PortSpan(transport: nil, first: 0, last: .max))
    } else {
      result += others
    }
    return result
  }
}

/// A run of ports of one protocol, for reports.
package struct PortSpan: Hashable, Sendable {
  /// The protocol; nil stands for every protocol that no other span of the same list names.
  package var transport: TransportProtocol?
  /// The first port; the first type for ICMP.
  package var first: UInt16
  /// The last port, inclusive.
  package var last: UInt16

  /// Makes a span.
  package init(transport: TransportProtocol?, first: UInt16, last: UInt16) {
    self.transport = transport
    self.first = first
    self.last = last
  }

  /// Whether it stands for all ports of its protocol.
  package var isEveryPort: Bool {
    guard let transport else { return true }
    if transport.hasPorts { return first <= 1 && last == .max }
    if transport.isICMP { return first == 0 && last >= 255 }
    return first == 0 && last == .max
  }
}

extension PortSpan: Comparable {
  /// By protocol ("every other" last), then ports.
  package static func < (left: PortSpan, right: PortSpan) -> Bool {
    if left.transport != right.transport {
      guard let one = left.transport else { return false }
      guard let two = right.transport else { return true }
      return one < two
    }
    return left.first != right.first ? left.first < right.first : left.last < right.last
  }
}

extension PortSpan: CustomStringConvertible {
  /// `TCP/80`, `TCP/1024-2048`, `UDP/*`, or `any` for every other protocol.
  package var description: String {
    guard let transport else { return "any" }
    if isEveryPort { return "\(transport)/*" }
    return first == last ? "\(transport)/\(first)" : "\(transport)/\(first)-\(last)"
  }
}
