import FlowModel
import PolicyModel

/// Names with a meaning of their own in Cilium policies.
enum CiliumNames {
  /// The label that holds an endpoint's namespace.
  static let namespace = "io.kubernetes.pod.namespace"
  /// What precedes the key of a namespace's label.
  static let namespaceLabels = "io.cilium.k8s.namespace.labels."
  /// The source of labels that come from Kubernetes.
  static let kubernetesSource = "k8s:"

  /// Entities that `toEntities` does not take; they are written as reserved labels.
  static let labelOnlyEntities: Set<ReservedEntity> = [.worldIPv4, .worldIPv6]

  /// Protocols of `toPorts` without ports.
  static let portless: [(name: String, transport: TransportProtocol)] = [
    ("VRRP", TransportProtocol(number: 112)), ("IGMP", TransportProtocol(number: 2)),
  ]

  /// The number of an ICMP type by its name.
  static func icmpType(_ name: String, isIPv6: Bool) -> UInt8? {
    isIPv6 ? icmpv6Types[name] : icmpv4Types[name]
  }

  /// Whether text is a DNS name of letters, digits, `-` and `_`; a pattern may have `*` as well.
  static func isDNSName(_ text: String, isPattern: Bool) -> Bool {
    let name = text.hasSuffix(".") ? text.dropLast() : text[...]
    guard text.utf8.count <= 255, !name.isEmpty else { return false }
    return name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      .allSatisfy { part in
        !part.isEmpty
          && part.allSatisfy { byte in
            0x30...0x39 ~= byte || 0x41...0x5a ~= byte || 0x61...0x7a ~= byte
              || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
              || (isPattern && byte == UInt8(ascii: "*"))
          }
      }
  }

  private static let icmpv4Types: [String: UInt8] = [
    "EchoReply": 0, "DestinationUnreachable": 3, "Redirect": 5, "Echo": 8, "EchoRequest": 8,
    "RouterAdvertisement": 9, "RouterSelection": 10, "TimeExceeded": 11, "ParameterProblem": 12,
    "Timestamp": 13, "TimestampReply": 14, "Photuris": 40, "ExtendedEchoRequest": 42,
    "ExtendedEcho Reply": 43,
  ]

  private static let icmpv6Types: [String: UInt8] = [
    "DestinationUnreachable": 1, "PacketTooBig": 2, "TimeExceeded": 3, "ParameterProblem": 4,
    "EchoRequest": 128, "EchoReply": 129, "MulticastListenerQuery": 130,
    "MulticastListenerReport": 131, "MulticastListenerDone": 132, "RouterSolicitation": 133,
    "RouterAdvertisement": 134, "NeighborSolicitation": 135, "NeighborAdvertisement": 136,
    "RedirectMessage": 137, "RouterRenumbering": 138, "ICMPNodeInformationQuery": 139,
    "ICMPNodeInformationResponse": 140, "InverseNeighborDiscoverySolicitation": 141,
    "InverseNeighborDiscoveryAdvertisement": 142, "HomeAgentAddressDiscoveryRequest": 144,
    "HomeAgentAddressDiscoveryReply": 145, "MobilePrefixSolicitation": 146,
    "MobilePrefixAdvertisement": 147, "DuplicateAddressRequestCodeSuffix": 157,
    "DuplicateAddressConfirmationCodeSuffix": 158, "ExtendedEchoRequest": 160,
    "ExtendedEchoReply": 161,
  ]
}
