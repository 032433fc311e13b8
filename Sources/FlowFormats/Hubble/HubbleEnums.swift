// The enums of a Hubble record by name and by number. Numbers come from writers that print them all, and
// from those that are older than a value. Source: Cilium's `flow.proto`.

extension HubbleRecord.Verdict {
  /// Reads the enum's name.
  init(word: String) {
    switch word {
    case "FORWARDED": self = .forwarded
    case "DROPPED": self = .dropped
    case "ERROR": self = .error
    case "AUDIT": self = .audit
    case "REDIRECTED": self = .redirected
    case "TRACED": self = .traced
    case "TRANSLATED": self = .translated
    case "", "VERDICT_UNKNOWN": self = .absent
    default: self = .unknown
    }
  }

  /// Reads the enum's number.
  init(number: Int64) {
    switch number {
    case 0: self = .absent
    case 1: self = .forwarded
    case 2: self = .dropped
    case 3: self = .error
    case 4: self = .audit
    case 5: self = .redirected
    case 6: self = .traced
    case 7: self = .translated
    default: self = .unknown
    }
  }
}

extension HubbleRecord.FlowType {
  /// Reads the enum's name.
  init(word: String) {
    switch word {
    case "L3_L4": self = .l3l4
    case "L7": self = .l7
    case "SOCK": self = .socket
    case "", "UNKNOWN_TYPE": self = .absent
    default: self = .unknown
    }
  }

  /// Reads the enum's number.
  init(number: Int64) {
    switch number {
    case 0: self = .absent
    case 1: self = .l3l4
    case 2: self = .l7
    case 3: self = .socket
    default: self = .unknown
    }
  }
}

extension HubbleRecord.Point {
  /// Reads the enum's name.
  init(word: String) {
    switch word {
    case "TO_ENDPOINT": self = .toEndpoint
    case "TO_PROXY": self = .toProxy
    case "TO_HOST": self = .toHost
    case "TO_STACK": self = .toStack
    case "TO_NETWORK": self = .toNetwork
    case "TO_OVERLAY", "TO_CRYPTO", "FROM_ENDPOINT", "FROM_PROXY", "FROM_HOST", "FROM_STACK",
      "FROM_OVERLAY", "FROM_NETWORK", "FROM_CRYPTO":
      self = .other
    case "", "UNKNOWN_POINT": self = .absent
    default: self = .unknown
    }
  }

  /// Reads the enum's number, which is not that of ``init(subType:)`` for all of them.
  init(number: Int64) {
    switch number {
    case 0: self = .absent
    case 101: self = .toEndpoint
    default: self = number == 13 || 1...12 ~= number ? Self(subType: Int32(number)) : .unknown
    }
  }

  /// Reads `event_type.sub_type` of a trace event.
  init(subType: Int32) {
    switch subType {
    case 0: self = .toEndpoint
    case 1: self = .toProxy
    case 2: self = .toHost
    case 3: self = .toStack
    case 11: self = .toNetwork
    case 4...13: self = .other
    default: self = .unknown
    }
  }
}

extension HubbleRecord.TraceReason {
  /// Reads the enum's name.
  init(word: String) {
    switch word {
    case "NEW": self = .new
    case "ESTABLISHED": self = .established
    case "REPLY": self = .reply
    case "RELATED": self = .related
    case "REOPENED", "SRV6_ENCAP", "SRV6_DECAP", "ENCRYPT_OVERLAY": self = .other
    case "", "TRACE_REASON_UNKNOWN": self = .absent
    default: self = .unknown
    }
  }

  /// Reads the enum's number.
  init(number: Int64) {
    switch number {
    case 0: self = .absent
    case 1: self = .new
    case 2: self = .established
    case 3: self = .reply
    case 4: self = .related
    case 5...8: self = .other
    default: self = .unknown
    }
  }
}

extension HubbleRecord.Traffic {
  /// Reads the enum's name.
  init(word: String) {
    switch word {
    case "INGRESS": self = .ingress
    case "EGRESS": self = .egress
    case "", "TRAFFIC_DIRECTION_UNKNOWN": self = .absent
    default: self = .unknown
    }
  }

  /// Reads the enum's number.
  init(number: Int64) {
    switch number {
    case 0: self = .absent
    case 1: self = .ingress
    case 2: self = .egress
    default: self = .unknown
    }
  }
}

extension HubbleRecord.L7Type {
  /// Reads the enum's name.
  init(word: String) {
    switch word {
    case "REQUEST": self = .request
    case "RESPONSE": self = .response
    case "SAMPLE": self = .sample
    case "", "UNKNOWN_L7_TYPE": self = .absent
    default: self = .unknown
    }
  }

  /// Reads the enum's number.
  init(number: Int64) {
    switch number {
    case 0: self = .absent
    case 1: self = .request
    case 2: self = .response
    case 3: self = .sample
    default: self = .unknown
    }
  }
}

extension HubbleRecord.DropReason {
  /// Reads the enum's name.
  init(word: String) {
    switch word {
    case "POLICY_DENIED": self = .policyDenied
    case "POLICY_DENY": self = .policyDeny
    case "", "DROP_REASON_UNKNOWN": self = .absent
    default: self = HubbleRecord.DropReason.otherNames.contains(word) ? .other : .unknown
    }
  }

  /// Reads the enum's number.
  init(number: Int64) {
    switch number {
    case 0: self = .absent
    case 133: self = .policyDenied
    case 181: self = .policyDeny
    case 130...205: self = .other
    default: self = .unknown
    }
  }

  /// Reasons that are not policy, 130 to 205.
  private static let otherNames: Set<String> = [
    "INVALID_SOURCE_MAC", "INVALID_DESTINATION_MAC", "INVALID_SOURCE_IP", "INVALID_PACKET_DROPPED",
    "CT_TRUNCATED_OR_INVALID_HEADER", "CT_MISSING_TCP_ACK_FLAG", "CT_UNKNOWN_L4_PROTOCOL",
    "CT_CANNOT_CREATE_ENTRY_FROM_PACKET", "UNSUPPORTED_L3_PROTOCOL", "MISSED_TAIL_CALL",
    "ERROR_WRITING_TO_PACKET", "UNKNOWN_L4_PROTOCOL", "UNKNOWN_ICMPV4_CODE", "UNKNOWN_ICMPV4_TYPE",
    "UNKNOWN_ICMPV6_CODE", "UNKNOWN_ICMPV6_TYPE", "ERROR_RETRIEVING_TUNNEL_KEY",
    "ERROR_RETRIEVING_TUNNEL_OPTIONS", "INVALID_GENEVE_OPTION", "UNKNOWN_L3_TARGET_ADDRESS",
    "STALE_OR_UNROUTABLE_IP", "NO_MATCHING_LOCAL_CONTAINER_FOUND",
    "ERROR_WHILE_CORRECTING_L3_CHECKSUM", "ERROR_WHILE_CORRECTING_L4_CHECKSUM",
    "CT_MAP_INSERTION_FAILED", "INVALID_IPV6_EXTENSION_HEADER", "IP_FRAGMENTATION_NOT_SUPPORTED",
    "SERVICE_BACKEND_NOT_FOUND", "NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT",
    "FAILED_TO_INSERT_INTO_PROXYMAP", "REACHED_EDT_RATE_LIMITING_DROP_HORIZON",
    "UNKNOWN_CONNECTION_TRACKING_STATE", "LOCAL_HOST_IS_UNREACHABLE",
    "NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION", "UNSUPPORTED_L2_PROTOCOL",
    "NO_MAPPING_FOR_NAT_MASQUERADE", "UNSUPPORTED_PROTOCOL_FOR_NAT_MASQUERADE",
    "FIB_LOOKUP_FAILED", "ENCAPSULATION_TRAFFIC_IS_PROHIBITED", "INVALID_IDENTITY",
    "UNKNOWN_SENDER", "NAT_NOT_NEEDED", "IS_A_CLUSTERIP",
    "FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND", "FORBIDDEN_ICMPV6_MESSAGE",
    "DENIED_BY_LB_SRC_RANGE_CHECK", "SOCKET_LOOKUP_FAILED", "SOCKET_ASSIGN_FAILED",
    "PROXY_REDIRECTION_NOT_SUPPORTED_FOR_PROTOCOL", "VLAN_FILTERED", "INVALID_VNI",
    "INVALID_TC_BUFFER", "NO_SID", "MISSING_SRV6_STATE", "NAT46", "NAT64", "AUTH_REQUIRED",
    "CT_NO_MAP_FOUND", "SNAT_NO_MAP_FOUND", "INVALID_CLUSTER_ID",
    "UNSUPPORTED_PROTOCOL_FOR_DSR_ENCAP", "NO_EGRESS_GATEWAY", "UNENCRYPTED_TRAFFIC",
    "TTL_EXCEEDED", "NO_NODE_ID", "DROP_RATE_LIMITED", "IGMP_HANDLED", "IGMP_SUBSCRIBED",
    "MULTICAST_HANDLED", "DROP_HOST_NOT_READY", "DROP_EP_NOT_READY", "DROP_NO_EGRESS_IP",
    "DROP_PUNT_PROXY",
  ]
}
