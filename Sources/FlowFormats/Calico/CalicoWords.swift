/// The keys and words that ``CalicoScanner`` knows, as the numbers that their bytes are.
enum CalicoWord {
  static let startTime = JSONWord(10, 0x6974_5f74_7261_7473, 0x656d)  // start_time
  static let endTime = JSONWord(8, 0x656d_6974_5f64_6e65)  // end_time
  static let sourceIP = JSONWord(9, 0x695f_6563_7275_6f73, 0x70)  // source_ip
  static let sourceName = JSONWord(11, 0x6e5f_6563_7275_6f73, 0x65_6d61)  // source_name
  // source_name_aggr
  static let sourceAggregate = JSONWord(16, 0x6e5f_6563_7275_6f73, 0x7267_6761_5f65_6d61)
  // source_namespace
  static let sourceNamespace = JSONWord(16, 0x6e5f_6563_7275_6f73, 0x6563_6170_7365_6d61)
  static let sourcePort = JSONWord(11, 0x705f_6563_7275_6f73, 0x74_726f)  // source_port
  static let sourceType = JSONWord(11, 0x745f_6563_7275_6f73, 0x65_7079)  // source_type
  static let sourceLabels = JSONWord(13, 0x6c5f_6563_7275_6f73, 0x73_6c65_6261)  // source_labels
  static let destIP = JSONWord(7, 0x70_695f_7473_6564)  // dest_ip
  static let destName = JSONWord(9, 0x6d61_6e5f_7473_6564, 0x65)  // dest_name
  // dest_name_aggr
  static let destAggregate = JSONWord(14, 0x6d61_6e5f_7473_6564, 0x7267_6761_5f65)
  // dest_namespace
  static let destNamespace = JSONWord(14, 0x6d61_6e5f_7473_6564, 0x6563_6170_7365)
  static let destPort = JSONWord(9, 0x726f_705f_7473_6564, 0x74)  // dest_port
  static let destType = JSONWord(9, 0x7079_745f_7473_6564, 0x65)  // dest_type
  static let destLabels = JSONWord(11, 0x6261_6c5f_7473_6564, 0x73_6c65)  // dest_labels
  static let destDomains = JSONWord(12, 0x6d6f_645f_7473_6564, 0x736e_6961)  // dest_domains
  static let proto = JSONWord(5, 0x6f_746f_7270)  // proto
  static let protocolName = JSONWord(8, 0x6c6f_636f_746f_7270)  // protocol
  static let action = JSONWord(6, 0x6e6f_6974_6361)  // action
  static let reporter = JSONWord(8, 0x7265_7472_6f70_6572)  // reporter
  static let policies = JSONWord(8, 0x7365_6963_696c_6f70)  // policies
  static let bytesIn = JSONWord(8, 0x6e69_5f73_6574_7962)  // bytes_in
  static let bytesOut = JSONWord(9, 0x756f_5f73_6574_7962, 0x74)  // bytes_out
  static let packetsIn = JSONWord(10, 0x5f73_7465_6b63_6170, 0x6e69)  // packets_in
  static let packetsOut = JSONWord(11, 0x5f73_7465_6b63_6170, 0x74_756f)  // packets_out
  static let cluster = JSONWord(7, 0x72_6574_7375_6c63)  // cluster
  static let src = JSONWord(3, 0x63_7273)  // src
  static let dst = JSONWord(3, 0x74_7364)  // dst
  static let capitalSrc = JSONWord(3, 0x63_7253)  // Src
  static let capitalDst = JSONWord(3, 0x74_7344)  // Dst
  static let allow = JSONWord(5, 0x77_6f6c_6c61)  // allow
  static let deny = JSONWord(4, 0x796e_6564)  // deny
  static let capitalAllow = JSONWord(5, 0x77_6f6c_6c41)  // Allow
  static let capitalDeny = JSONWord(4, 0x796e_6544)  // Deny
  static let tcp = JSONWord(3, 0x70_6374)  // tcp
  static let udp = JSONWord(3, 0x70_6475)  // udp
  static let icmp = JSONWord(4, 0x706d_6369)  // icmp
  static let sctp = JSONWord(4, 0x7074_6373)  // sctp
}
