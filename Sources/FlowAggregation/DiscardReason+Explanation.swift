extension DiscardReason {
  /// What it means, in a few words for people who do not know the logs by heart.
  package var explanation: String {
    switch self {
    case .notAFlow: "agent, node or debug event, no connection"
    case .reply: "answer of a connection that counts with its request"
    case .unknownDirection: "no reply mark in a log that needs one"
    case .translation: "translation of a Service address inside the client"
    case .noVerdict: "verdict that does not say whether the packet passed"
    case .observationPoint: "seen before policy was applied, or under way between nodes"
    case .noPorts: "no ports in the record"
    case .otherProtocol: "ICMP and other protocols without ports"
    case .localOrMulticast: "multicast, broadcast, link-local, loopback, DHCP"
    case .nonPolicyDrop: "dropped, but not by policy"
    case .midConnection: "from the middle of a connection, says nothing of its start"
    case .related: "ICMP error about another connection"
    case .selfTraffic: "a pod that talks to itself"
    case .preTranslation: "to a Service address; the record to the pod counts"
    case .healthCheck: "health check of the network plugin"
    case .noPod: "neither end is a pod"
    case .unknownEndpoint: "an end that the log does not describe"
    case .ambiguousAddress: "an address that more than one workload may have held"
    case .duplicate: "the same record again"
    case .aggregated: "stands for many flows and describes only the first"
    case .duplicateView: "says again what another record says"
    case .coverageMarker: "says that records are missing (lost events, no data)"
    case .unrelatedLine: "a line that is no flow"
    case .unknownPrefix: "log prefix that --log-prefix does not name"
    case .staged: "staged or pending, not enforced"
    case .replyDenied: "denied answer of a connection that was forgotten"
    case .supersededDenial: "denied while policy was set up, accepted soon after"
    case .undecidedDirection: "cannot tell which side opened the connection"
    }
  }
}
