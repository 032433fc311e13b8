/// An IP protocol by its IANA number.
package struct TransportProtocol: Hashable, Sendable {
  /// The IANA protocol number.
  package let number: UInt8

  /// Makes a protocol from its IANA number.
  package init(number: UInt8) { self.number = number }

  /// TCP, 6.
  package static let tcp = TransportProtocol(number: 6)
  /// UDP, 17.
  package static let udp = TransportProtocol(number: 17)
  /// SCTP, 132.
  package static let sctp = TransportProtocol(number: 132)
  /// ICMP, 1; the "port" of an ICMP flow is its type.
  package static let icmp = TransportProtocol(number: 1)
  /// ICMPv6, 58; the "port" of an ICMPv6 flow is its type.
  package static let icmpv6 = TransportProtocol(number: 58)

  /// Whether NetworkPolicy can name it: TCP, UDP or SCTP.
  package var hasPorts: Bool { self == .tcp || self == .udp || self == .sctp }
  /// ICMP or ICMPv6.
  package var isICMP: Bool { self == .icmp || self == .icmpv6 }

  /// Reads a name (any case: `tcp`, `ICMPv6`, `icmp6`) or a decimal number.
  package init?(_ text: some StringProtocol) {
    switch text.lowercased() {
    case "tcp": self = .tcp
    case "udp": self = .udp
    case "sctp": self = .sctp
    case "icmp", "icmpv4": self = .icmp
    case "icmp6", "icmpv6", "ipv6-icmp": self = .icmpv6
    case let other:
      guard let number = UInt8(other) else { return nil }
      self.number = number
    }
  }
}

extension TransportProtocol: CustomStringConvertible {
  /// The upper-case name Kubernetes uses, or the number.
  package var description: String {
    switch self {
    case .tcp: "TCP"
    case .udp: "UDP"
    case .sctp: "SCTP"
    case .icmp: "ICMP"
    case .icmpv6: "ICMPv6"
    default: "\(number)"
    }
  }
}

extension TransportProtocol: Comparable {
  /// By IANA number.
  package static func < (left: TransportProtocol, right: TransportProtocol) -> Bool {
    left.number < right.number
  }
}
