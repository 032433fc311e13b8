extension LogFormat {
  /// The decoder of the format.
  package var decoder: any LogDecoder.Type {
    switch self {
    case .hubble: HubbleDecoder.self
    case .calico: CalicoDecoder.self
    case .calicoPacket: CalicoPacketDecoder.self
    case .awsVPC: AWSVPCDecoder.self
    case .awsPolicyAgent: AWSPolicyAgentDecoder.self
    case .gcpVPC: GCPVPCDecoder.self
    case .gkePolicy: GKEPolicyDecoder.self
    case .azure: AzureDecoder.self
    }
  }

  /// The format of an input by its first bytes, nil when no format knows them.
  package static func detect(_ start: RawSpan) -> LogFormat? {
    detectionOrder.first { $0.decoder.recognizes(start) }
  }

  /// The most telling formats first: plain VPC text is tried last.
  private static let detectionOrder: [LogFormat] = [
    .hubble, .gkePolicy, .gcpVPC, .azure, .awsPolicyAgent, .calico, .calicoPacket, .awsVPC,
  ]
}
