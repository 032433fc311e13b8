import FlowModel

/// The log prefixes whose packet lines are read, and what each means.
///
/// Other firewalls write the same fields, so a prefix that nobody named is never read.
struct PacketPrefixes: Sendable {
  private struct Known: Sendable {
    /// The prefix as configured, with `: ` behind it; parts between placeholders.
    var parts: [[UInt8]]
    var evidence: EvidenceClass
  }

  /// The longest prefix that any data plane writes, and some room.
  private static let maximumLength = 160
  /// Lengths at which iptables and nftables cut a prefix, its `: ` included.
  private static let cutLengths = [29, 127]

  private let known: [Known]

  /// Makes the table: Calico's own prefixes, and those of the user, which win.
  init(options: DecoderOptions) {
    var classes: [String: EvidenceClass] = [
      "calico-packet": .attempt,
      "calico-drop": options.denyPasses ? .wouldDeny : .denied,
    ]
    for (name, evidence) in options.logPrefixes {
      classes[PacketPrefixes.trimmed(name)] = evidence
    }
    // The order decides only where two patterns match; the longer is the more particular.
    known = classes.sorted { ($1.key.utf8.count, $0.key) < ($0.key.utf8.count, $1.key) }
      .map { Known(parts: PacketPrefixes.parts($0.key + ": "), evidence: $0.value) }
  }

  /// The class of lines with this prefix, nil when nobody named it.
  ///
  /// - Parameter prefix: What stands before `IN=`, blanks at the end included.
  func evidence(for prefix: [UInt8]) -> EvidenceClass? {
    guard prefix.count <= PacketPrefixes.maximumLength else { return nil }
    let text = PacketPrefixes.trimmed(String(decoding: prefix, as: UTF8.self))
    let whole = Array((text + ": ").utf8)
    if let found = known.first(where: { PacketPrefixes.matches($0.parts, whole, isCut: false) }) {
      return found.evidence
    }
    // Blanks at the end may have been lost on the way, but no more than the two bytes behind the name.
    guard
      PacketPrefixes.cutLengths.contains(where: { ($0 - 2)...$0 ~= prefix.count })
    else { return nil }
    return known.first { PacketPrefixes.matches($0.parts, prefix, isCut: true) }?.evidence
  }

  private static func trimmed(_ name: String) -> String {
    var text = Substring(name).drop { $0 == " " }
    while text.hasSuffix(" ") { text.removeLast() }
    if text.hasSuffix(":") { text.removeLast() }
    return String(text)
  }

  /// Splits at the placeholders `%t`, `%k`, `%n` and `%p`, each of which stands for some text.
  private static func parts(_ name: String) -> [[UInt8]] {
    let bytes = Array(name.utf8)
    var parts: [[UInt8]] = [[]]
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%"), index + 1 < bytes.count,
        Array("tknp".utf8).contains(bytes[index + 1])
      {
        parts.append([])
        index += 2
      } else {
        parts[parts.count - 1].append(bytes[index])
        index += 1
      }
    }
    return parts
  }

  /// Whether a text has the parts in their order; a cut text may end before all of them came.
  private static func matches(_ parts: [[UInt8]], _ text: [UInt8], isCut: Bool) -> Bool {
    var position = 0
    for (number, part) in parts.enumerated() {
      let isLast = number == parts.count - 1
      if number == 0 {
        let length = min(part.count, text.count)
        guard text[..<length].elementsEqual(part[..<length]) else { return false }
        if length < part.count { return isCut && length == text.count }
        position = part.count
        continue
      }
      // A placeholder stands for one byte at least.
      guard position < text.count else { return isCut }
      if isLast, !isCut {
        return text.count - part.count > position && text.suffix(part.count).elementsEqual(part)
      }
      guard let found = text.offset(of: part, from: position + 1) else { return isCut }
      position = found + part.count
    }
    return position == text.count
  }
}
