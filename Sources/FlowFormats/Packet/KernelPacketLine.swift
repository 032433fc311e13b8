import FlowModel

/// The fields of a packet line that the kernel's packet log writes.
///
/// Source: the Calico format document, section 5.
struct KernelPacketLine: Hashable {
  /// Interfaces; empty for local processes.
  var input = ""
  var output = ""
  var source: IPAddress?
  var destination: IPAddress?
  /// The protocol as written; empty when the line ends before it.
  var proto = ""
  var sourcePort: UInt16?
  var port: UInt16?
  /// Bare words: the TCP flags of those names (`ACK=` with a value is a number, not a flag).
  var syn = false
  var ack = false
  var isFragment = false
  var isBroadcast = false
  /// The packet's length.
  var length: Int64 = 0

  /// Where `IN=` stands when the line holds a packet, nil otherwise.
  ///
  /// The prefix can be cut so that it touches `IN=`; what tells a packet is ` OUT=` behind it and ` SRC=` later.
  static func start(in line: [UInt8]) -> Int? {
    var from = 0
    while let found = line.offset(of: inputKey, from: from) {
      var end = found + inputKey.count
      while end < line.count, line[end] != 0x20 { end += 1 }
      if line[end...].starts(with: outputKey) {
        return line.offset(of: sourceKey, from: end) == nil ? nil : found
      }
      from = found + 1
    }
    return nil
  }

  private static let inputKey = [UInt8]("IN=")
  private static let outputKey = [UInt8](" OUT=")
  private static let sourceKey = [UInt8](" SRC=")

  /// Reads the fields from `IN=` on; of a key given twice the first value counts.
  init(_ line: ArraySlice<UInt8>) {
    var seen: Set<String> = []
    for word in line.split(separator: 0x20) {
      // Brackets hold the packet that an ICMP error talks about, or what is wrong with this one.
      if word.first == UInt8(ascii: "[") { break }
      guard let equals = word.firstIndex(of: UInt8(ascii: "=")) else {
        readFlag(String(decoding: word, as: UTF8.self))
        continue
      }
      let key = String(decoding: word[..<equals], as: UTF8.self)
      guard seen.insert(key).inserted else { continue }
      read(key, String(decoding: word[(equals + 1)...], as: UTF8.self))
    }
  }

  private mutating func readFlag(_ word: String) {
    switch word {
    case "SYN": syn = true
    case "ACK": ack = true
    default: if word.hasPrefix("FRAG:") { isFragment = true }
    }
  }

  private mutating func read(_ key: String, _ value: String) {
    switch key {
    case "IN": input = value
    case "OUT": output = value
    case "SRC": source = IPAddress(value)
    case "DST": destination = IPAddress(value)
    case "PROTO": proto = value
    case "SPT": sourcePort = UInt16(value)
    case "DPT": port = UInt16(value)
    case "LEN": length = max(0, Int64(value) ?? 0)
    case "MAC": isBroadcast = value.hasPrefix("ff:ff:ff:ff:ff:ff")
    default: break
    }
  }
}
