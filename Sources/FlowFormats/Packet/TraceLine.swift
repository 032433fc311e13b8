import FlowModel

/// A line of Calico's eBPF data plane in the kernel's trace pipe.
///
/// Source: the Calico format document, section 6.
struct TraceLine: Hashable {
  /// Where on the interface the program ran.
  enum Hook: UInt8 {
    /// Ingress: to the pod, or into the host.
    case ingress
    /// Egress: from the pod.
    case egress
    /// XDP, on host interfaces.
    case xdp
  }

  /// One end.
  struct End: Hashable {
    var address: IPAddress
    var port: UInt16
  }

  var interface = ""
  var hook = Hook.xdp
  var isAllowed = false
  var transport: UInt8?
  var source: End?
  var destination: End?
  /// Microseconds since boot, as the pipe writes it.
  var uptime: Int64?

  /// Whether old kernels' short form was found, which names neither protocol nor addresses.
  var isBare: Bool { transport == nil && source == nil && destination == nil }

  private static let anchor = [UInt8](": policy ")

  /// Whether a line is of this kind.
  static func matches(_ line: [UInt8]) -> Bool { verdictStart(in: line) != nil }

  /// Where the verdict starts; the last anchor counts, because process names are free text.
  private static func verdictStart(in line: [UInt8]) -> Int? {
    var from = 0
    var last: Int?
    while let found = line.offset(of: anchor, from: from) {
      let start = found + anchor.count
      if line[start...].starts(with: [UInt8]("ALLOWED"))
        || line[start...].starts(with: [UInt8]("DENIED"))
      {
        last = start
      }
      from = found + 1
    }
    return last
  }

  /// Reads a line, nil when it has another form or its interface part is malformed.
  init?(_ line: [UInt8]) {
    guard let start = TraceLine.verdictStart(in: line) else { return nil }
    let front = line[..<(start - TraceLine.anchor.count)]
    let frontWords = front.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
    guard let tag = frontWords.last, let dash = tag.lastIndex(of: "-") else { return nil }
    interface = String(tag[..<dash])
    switch tag[tag.index(after: dash)...] {
    case "I": hook = .ingress
    case "E": hook = .egress
    case "X": hook = .xdp
    default: return nil
    }
    for word in frontWords.dropLast() where word.hasSuffix(":") {
      if let time = LogLineHeader.seconds(String(word.dropLast())) { uptime = time }
    }
    let words = line[start...].split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
    isAllowed = words.first == "ALLOWED"
    for (key, value) in zip(words, words.dropFirst()) {
      switch key {
      case "proto": transport = transport ?? UInt8(value)
      case "src": source = source ?? TraceLine.end(value)
      case "dest": destination = destination ?? TraceLine.end(value)
      default: continue
      }
    }
  }

  /// Reads `10.0.0.1:80` or `[2001:db8::1]:80`.
  private static func end(_ text: String) -> End? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    return IPAddress(host).map { End(address: $0, port: port) }
  }
}
