// The keys and words that HubbleScanner knows, as the numbers that JSONToken holds.

extension JSONWord {
  static let ip = JSONWord(2, 0x5049)  // IP
  static let l4 = JSONWord(2, 0x346c)  // l4
  static let l7 = JSONWord(2, 0x376c)  // l7
  static let time = JSONWord(4, 0x656d_6974)  // time
  static let flowType = JSONWord(4, 0x6570_7954)  // Type
  static let emitter = JSONWord(7, 0x72_6574_7469_6d65)  // emitter
  static let reply = JSONWord(5, 0x79_6c70_6572)  // reply
  static let source = JSONWord(6, 0x6563_7275_6f73)  // source
  static let verdict = JSONWord(7, 0x74_6369_6472_6576)  // verdict
  static let camelIsReply = JSONWord(7, 0x79_6c70_6552_7369)  // isReply
  static let isReply = JSONWord(8, 0x796c_7065_725f_7369)  // is_reply
  static let nodeName = JSONWord(9, 0x6d61_6e5f_6564_6f6e, 0x65)  // node_name
  static let aggregate = JSONWord(9, 0x7461_6765_7267_6761, 0x65)  // aggregate
  static let camelEventType = JSONWord(9, 0x7079_5474_6e65_7665, 0x65)  // eventType
  static let eventType = JSONWord(10, 0x7974_5f74_6e65_7665, 0x6570)  // event_type
  static let camelDropReason = JSONWord(10, 0x7361_6552_706f_7264, 0x6e6f)  // dropReason
  static let destination = JSONWord(11, 0x7461_6e69_7473_6564, 0x6e_6f69)  // destination
  static let nodeLabels = JSONWord(11, 0x6261_6c5f_6564_6f6e, 0x73_6c65)  // node_labels
  static let dropReason = JSONWord(11, 0x6165_725f_706f_7264, 0x6e_6f73)  // drop_reason
  static let camelTraceReason = JSONWord(11, 0x6165_5265_6361_7274, 0x6e_6f73)  // traceReason
  static let traceReason = JSONWord(12, 0x6572_5f65_6361_7274, 0x6e6f_7361)  // trace_reason
  // dropReasonDesc
  static let camelDropReasonDesc = JSONWord(14, 0x7361_6552_706f_7264, 0x6373_6544_6e6f)
  // drop_reason_desc
  static let dropReasonDesc = JSONWord(16, 0x6165_725f_706f_7264, 0x6373_6564_5f6e_6f73)
  // trafficDirection
  static let camelTrafficDirection = JSONWord(16, 0x4463_6966_6661_7274, 0x6e6f_6974_6365_7269)
  // destinationNames
  static let camelDestinationNames = JSONWord(16, 0x7461_6e69_7473_6564, 0x7365_6d61_4e6e_6f69)
  // traffic_direction
  static let trafficDirection = JSONWord(17, 0x5f63_6966_6661_7274, 0x6f69_7463_6572_6964, 0x6e)
  // destination_names
  static let destinationNames = JSONWord(17, 0x7461_6e69_7473_6564, 0x656d_616e_5f6e_6f69, 0x73)
  static let camelDestinationService = JSONWord(
    18,
    0x7461_6e69_7473_6564,
    0x6976_7265_536e_6f69,
    0x6563
  )  // destinationService
  static let destinationService = JSONWord(
    19,
    0x7461_6e69_7473_6564,
    0x7672_6573_5f6e_6f69,
    0x65_6369
  )  // destination_service
  static let camelTraceObservationPoint = JSONWord(
    21,
    0x7362_4f65_6361_7274,
    0x6e6f_6974_6176_7265,
    0x74_6e69_6f50
  )  // traceObservationPoint
  static let traceObservationPoint = JSONWord(
    23,
    0x626f_5f65_6361_7274,
    0x6f69_7461_7672_6573,
    0x74_6e69_6f70_5f6e
  )  // trace_observation_point
  static let flow = JSONWord(4, 0x776f_6c66)  // flow
  static let sourcePort = JSONWord(11, 0x705f_6563_7275_6f73, 0x74_726f)  // source_port
  // destination_port
  static let destinationPort = JSONWord(16, 0x7461_6e69_7473_6564, 0x7472_6f70_5f6e_6f69)
  static let flags = JSONWord(5, 0x73_6761_6c66)  // flags
  static let type = JSONWord(4, 0x6570_7974)  // type
  static let code = JSONWord(4, 0x6564_6f63)  // code
  static let subType = JSONWord(8, 0x6570_7974_5f62_7573)  // sub_type
  static let syn = JSONWord(3, 0x4e_5953)  // SYN
  static let ack = JSONWord(3, 0x4b_4341)  // ACK
  static let rst = JSONWord(3, 0x54_5352)  // RST
  static let tcp = JSONWord(3, 0x50_4354)  // TCP
  static let udp = JSONWord(3, 0x50_4455)  // UDP
  static let icmpv4 = JSONWord(6, 0x3476_504d_4349)  // ICMPv4
  static let icmpv6 = JSONWord(6, 0x3676_504d_4349)  // ICMPv6
  static let id = JSONWord(2, 0x4449)  // ID
  static let podName = JSONWord(8, 0x656d_616e_5f64_6f70)  // pod_name
  static let camelPodName = JSONWord(7, 0x65_6d61_4e64_6f70)  // podName
  static let identity = JSONWord(8, 0x7974_6974_6e65_6469)  // identity
  static let namespace = JSONWord(9, 0x6361_7073_656d_616e, 0x65)  // namespace
  static let clusterName = JSONWord(12, 0x5f72_6574_7375_6c63, 0x656d_616e)  // cluster_name
  static let labels = JSONWord(6, 0x736c_6562_616c)  // labels
  static let workloads = JSONWord(9, 0x6461_6f6c_6b72_6f77, 0x73)  // workloads
  static let forwarded = JSONWord(9, 0x4544_5241_5752_4f46, 0x44)  // FORWARDED
  static let dropped = JSONWord(7, 0x44_4550_504f_5244)  // DROPPED
  static let audit = JSONWord(5, 0x54_4944_5541)  // AUDIT
  static let redirected = JSONWord(10, 0x5443_4552_4944_4552, 0x4445)  // REDIRECTED
  static let traced = JSONWord(6, 0x4445_4341_5254)  // TRACED
  static let translated = JSONWord(10, 0x5441_4c53_4e41_5254, 0x4445)  // TRANSLATED
  static let error = JSONWord(5, 0x52_4f52_5245)  // ERROR
  // VERDICT_UNKNOWN
  static let verdictUnknown = JSONWord(15, 0x5f54_4349_4452_4556, 0x4e_574f_4e4b_4e55)
  static let l3l4 = JSONWord(5, 0x34_4c5f_334c)  // L3_L4
  static let layer7 = JSONWord(2, 0x374c)  // L7
  static let sock = JSONWord(4, 0x4b43_4f53)  // SOCK
  static let unknownType = JSONWord(12, 0x5f4e_574f_4e4b_4e55, 0x4550_5954)  // UNKNOWN_TYPE
  static let toEndpoint = JSONWord(11, 0x4f50_444e_455f_4f54, 0x54_4e49)  // TO_ENDPOINT
  static let toStack = JSONWord(8, 0x4b43_4154_535f_4f54)  // TO_STACK
  static let toNetwork = JSONWord(10, 0x4f57_5445_4e5f_4f54, 0x4b52)  // TO_NETWORK
  static let toProxy = JSONWord(8, 0x5958_4f52_505f_4f54)  // TO_PROXY
  static let toHost = JSONWord(7, 0x54_534f_485f_4f54)  // TO_HOST
  static let unknownPoint = JSONWord(13, 0x5f4e_574f_4e4b_4e55, 0x54_4e49_4f50)  // UNKNOWN_POINT
  static let new = JSONWord(3, 0x57_454e)  // NEW
  static let established = JSONWord(11, 0x5349_4c42_4154_5345, 0x44_4548)  // ESTABLISHED
  static let replied = JSONWord(5, 0x59_4c50_4552)  // REPLY
  static let related = JSONWord(7, 0x44_4554_414c_4552)  // RELATED
  static let traceReasonUnknown = JSONWord(
    20,
    0x4552_5f45_4341_5254,
    0x4b4e_555f_4e4f_5341,
    0x4e57_4f4e
  )  // TRACE_REASON_UNKNOWN
  static let ingress = JSONWord(7, 0x53_5345_5247_4e49)  // INGRESS
  static let egress = JSONWord(6, 0x5353_4552_4745)  // EGRESS
  static let request = JSONWord(7, 0x54_5345_5551_4552)  // REQUEST
  static let response = JSONWord(8, 0x4553_4e4f_5053_4552)  // RESPONSE
  static let sample = JSONWord(6, 0x454c_504d_4153)  // SAMPLE
  static let policyDenied = JSONWord(13, 0x445f_5943_494c_4f50, 0x44_4549_4e45)  // POLICY_DENIED
  static let policyDeny = JSONWord(11, 0x445f_5943_494c_4f50, 0x59_4e45)  // POLICY_DENY
  static let dropReasonUnknown = JSONWord(
    19,
    0x4145_525f_504f_5244,
    0x4e4b_4e55_5f4e_4f53,
    0x4e_574f
  )  // DROP_REASON_UNKNOWN
  static let fromEndpoint = JSONWord(13, 0x444e_455f_4d4f_5246, 0x54_4e49_4f50)  // FROM_ENDPOINT
  static let fromProxy = JSONWord(10, 0x4f52_505f_4d4f_5246, 0x5958)  // FROM_PROXY
  static let fromHost = JSONWord(9, 0x534f_485f_4d4f_5246, 0x54)  // FROM_HOST
  static let fromStack = JSONWord(10, 0x4154_535f_4d4f_5246, 0x4b43)  // FROM_STACK
  static let fromOverlay = JSONWord(12, 0x4556_4f5f_4d4f_5246, 0x5941_4c52)  // FROM_OVERLAY
  static let fromNetwork = JSONWord(12, 0x5445_4e5f_4d4f_5246, 0x4b52_4f57)  // FROM_NETWORK
  static let fromCrypto = JSONWord(11, 0x5952_435f_4d4f_5246, 0x4f_5450)  // FROM_CRYPTO
  static let toOverlay = JSONWord(10, 0x4c52_4556_4f5f_4f54, 0x5941)  // TO_OVERLAY
  static let toCrypto = JSONWord(9, 0x5450_5952_435f_4f54, 0x4f)  // TO_CRYPTO
  static let reopened = JSONWord(8, 0x4445_4e45_504f_4552)  // REOPENED
  // UNKNOWN_L7_TYPE
  static let unknownL7Type = JSONWord(15, 0x5f4e_574f_4e4b_4e55, 0x45_5059_545f_374c)
  // INVALID_SOURCE_IP
  static let invalidSourceIP = JSONWord(17, 0x5f44_494c_4156_4e49, 0x495f_4543_5255_4f53, 0x50)
  // UNSUPPORTED_L3_PROTOCOL
  static let unsupportedL3 = JSONWord(
    23,
    0x524f_5050_5553_4e55,
    0x505f_334c_5f44_4554,
    0x4c_4f43_4f54_4f52
  )
  // UNSUPPORTED_L2_PROTOCOL
  static let unsupportedL2 = JSONWord(
    23,
    0x524f_5050_5553_4e55,
    0x505f_324c_5f44_4554,
    0x4c_4f43_4f54_4f52
  )
  // STALE_OR_UNROUTABLE_IP
  static let staleIP = JSONWord(22, 0x524f_5f45_4c41_5453, 0x4154_554f_524e_555f, 0x5049_5f45_4c42)
  // CT_MAP_INSERTION_FAILED
  static let mapInsertion = JSONWord(
    23,
    0x495f_5041_4d5f_5443,
    0x4e4f_4954_5245_534e,
    0x44_454c_4941_465f
  )
  static let ttlExceeded = JSONWord(12, 0x4543_5845_5f4c_5454, 0x4445_4445)  // TTL_EXCEEDED
  static let authRequired = JSONWord(13, 0x5145_525f_4854_5541, 0x44_4552_4955)  // AUTH_REQUIRED
  static let vlanFiltered = JSONWord(13, 0x4c49_465f_4e41_4c56, 0x44_4552_4554)  // VLAN_FILTERED
  // INVALID_IDENTITY
  static let invalidIdentity = JSONWord(16, 0x5f44_494c_4156_4e49, 0x5954_4954_4e45_4449)
}
