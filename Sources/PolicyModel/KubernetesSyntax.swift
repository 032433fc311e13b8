/// The syntax that the Kubernetes API server asks of names and labels.
///
/// All checks work on bytes: what is not ASCII is never valid.
/// Source: `apimachinery/pkg/util/validation` of Kubernetes.
package enum KubernetesSyntax {
  /// Whether text is an RFC 1123 label, as namespaces are named: 1 to 63 of `a-z0-9-`.
  package static func isDNSLabel(_ text: String) -> Bool {
    isDNSLabel(text.utf8) && text.utf8.count <= 63
  }

  /// Whether text is an RFC 1123 subdomain, as most objects are named: labels joined by dots, at
  /// most 253 bytes.
  package static func isDNSSubdomain(_ text: String) -> Bool { isDNSSubdomain(text.utf8[...]) }

  /// Whether text is a label key: an optional subdomain and `/`, then 1 to 63 of `A-Za-z0-9-_.`
  /// that start and end with a letter or digit.
  package static func isLabelKey(_ text: String) -> Bool {
    let bytes = text.utf8
    guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else {
      return isQualifiedName(bytes)
    }
    return isDNSSubdomain(bytes[..<slash]) && isQualifiedName(bytes[bytes.index(after: slash)...])
  }

  /// Whether text is a label value: empty, or like the name of a label key.
  package static func isLabelValue(_ text: String) -> Bool {
    text.isEmpty || isQualifiedName(text.utf8)
  }

  /// Whether text is an annotation key: a label key, in any case.
  package static func isAnnotationKey(_ text: String) -> Bool { isLabelKey(text.lowercased()) }

  /// Whether text is a container port name: 1 to 15 of `a-z0-9-` with a letter, hyphens single and
  /// inside.
  package static func isPortName(_ text: String) -> Bool {
    let bytes = text.utf8
    guard isDNSLabel(bytes), bytes.count <= 15 else { return false }
    return bytes.contains { isLower($0) } && !text.contains("--")
  }

  private static func isDNSSubdomain(_ bytes: Substring.UTF8View) -> Bool {
    guard bytes.count <= 253 else { return false }
    // Each label starts and ends with a letter or digit.
    var isInside = false
    var isComplete = false
    for byte in bytes {
      if isLower(byte) || isDigit(byte) {
        isInside = true
        isComplete = true
      } else if byte == UInt8(ascii: "-") {
        guard isInside else { return false }
        isComplete = false
      } else {
        guard byte == UInt8(ascii: "."), isComplete else { return false }
        isInside = false
        isComplete = false
      }
    }
    return isComplete
  }

  private static func isDNSLabel(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
    guard let first = bytes.first, let last = bytes.last, first != UInt8(ascii: "-"),
      last != UInt8(ascii: "-")
    else { return false }
    return bytes.allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
  }

  private static func isQualifiedName(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
    guard let first = bytes.first, let last = bytes.last, isAlphanumeric(first),
      isAlphanumeric(last), bytes.count <= 63
    else { return false }
    return bytes.allSatisfy {
      isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        || $0 == UInt8(ascii: ".")
    }
  }

  private static func isLower(_ byte: UInt8) -> Bool { 0x61...0x7a ~= byte }
  private static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isLower(byte) || isDigit(byte) || 0x41...0x5a ~= byte
  }
}
