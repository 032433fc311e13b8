import FlowModel

/// A denied-packet line that Felix writes on hosts: `action="deny" dstIP="…" … ruleDir="egress"`.
struct FelixDenyLine: Hashable {
  /// Whether the packet was denied, rather than allowed.
  var isDenied: Bool
  var source: IPAddress
  var destination: IPAddress
  var transport: TransportProtocol?
  var sourcePort: UInt16
  var port: UInt16
  /// The rule's number; -1 for the tier's default; nil when not given.
  var ruleIndex: Int64?
  var isEgress: Bool
  var bytes: Int64

  /// Whether a line is of this form, readable or not.
  static func matches(_ line: String) -> Bool {
    line.contains("action=\"") && line.contains("dstIP=") && line.contains("ruleDir=")
  }

  /// Reads a line, nil when a field that matters is missing or malformed.
  init?(_ line: String) {
    let fields = FelixDenyLine.fields(Array(line.utf8))
    guard let action = fields["action"], let source = fields["srcIP"].flatMap({ IPAddress($0) }),
      let destination = fields["dstIP"].flatMap({ IPAddress($0) }), let proto = fields["proto"],
      let direction = fields["ruleDir"], direction == "egress" || direction == "ingress"
    else { return nil }
    isDenied = CalicoRecord.Action(word: action) == .deny
    guard isDenied || CalicoRecord.Action(word: action) == .allow else { return nil }
    self.source = source
    self.destination = destination
    transport = TransportProtocol(proto)
    sourcePort = fields["srcPort"].flatMap { UInt16($0) } ?? 0
    port = fields["dstPort"].flatMap { UInt16($0) } ?? 0
    ruleIndex = fields["rule"].flatMap { Int64($0) }
    isEgress = direction == "egress"
    let bytesIn = fields["inBytes"].flatMap { Int64($0) } ?? 0
    let bytesOut = fields["outBytes"].flatMap { Int64($0) } ?? 0
    let (sum, overflows) = bytesIn.addingReportingOverflow(bytesOut)
    bytes = overflows ? 0 : max(0, sum)
  }

  /// Reads `key=value` and `key="value"`; of a key given twice the first value counts.
  private static func fields(_ line: [UInt8]) -> [String: String] {
    var fields: [String: String] = [:]
    var position = 0
    while position < line.count {
      let start = position
      while position < line.count, line[position] != 0x20, line[position] != UInt8(ascii: "=") {
        position += 1
      }
      guard position < line.count, line[position] == UInt8(ascii: "=") else {
        position += 1
        continue
      }
      let key = String(decoding: line[start..<position], as: UTF8.self)
      position += 1
      let quoted = position < line.count && line[position] == UInt8(ascii: "\"")
      if quoted { position += 1 }
      let end: UInt8 = quoted ? UInt8(ascii: "\"") : 0x20
      let valueStart = position
      while position < line.count, line[position] != end { position += 1 }
      let value = String(decoding: line[valueStart..<position], as: UTF8.self)
      if fields[key] == nil { fields[key] = value }
      position += 1
    }
    return fields
  }
}
