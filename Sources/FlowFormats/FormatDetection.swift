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
  ///
  /// - Parameter fields: The columns of AWS VPC flow logs where the user gave them: then lines with two
  ///   addresses that no other format knows are such logs.
  package static func detect(_ start: RawSpan, fields: [String]? = nil) -> LogFormat? {
    let text = start.extracting(start.markEnd..<start.byteCount)
    if let format = detectionOrder.first(where: { $0.decoder.recognizes(text) }) { return format }
    return fields != nil && AWSVPCDecoder.mayHoldRecords(text) ? .awsVPC : nil
  }

  /// The most telling formats first: plain VPC text is tried last.
  private static let detectionOrder: [LogFormat] = [
    .hubble, .gkePolicy, .gcpVPC, .azure, .awsPolicyAgent, .calico, .calicoPacket, .awsVPC,
  ]
}
