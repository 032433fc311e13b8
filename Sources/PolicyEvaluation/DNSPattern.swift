/// A DNS name pattern as Cilium reads it.
///
/// `*` alone matches every name; elsewhere it matches any run of characters inside one label, the
/// empty run included. A leading label `**` stands for one or more whole labels.
struct DNSPattern: Hashable, Sendable {
  private let labels: [[UInt8]]
  private let matchesEverything: Bool
  private let startsWithAnyLabels: Bool

  /// Reads a pattern; case and a trailing dot do not count.
  init(_ text: String) {
    let normal = DNSPattern.normalized(text)
    matchesEverything = normal == "*"
    var parts = normal.split(separator: ".", omittingEmptySubsequences: false).map {
      Array($0.utf8)
    }
    let anyLabels = Array("**".utf8)
    startsWithAnyLabels = parts.count > 1 && parts[0] == anyLabels
    if startsWithAnyLabels { parts.removeFirst() }
    labels = parts
  }

  /// A name in lower case without its trailing dot.
  static func normalized(_ name: String) -> String {
    let lower = name.lowercased()
    return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
  }

  /// Whether a name matches.
  func matches(_ name: String) -> Bool {
    if matchesEverything { return true }
    let parts = DNSPattern.normalized(name).split(
      separator: ".",
      omittingEmptySubsequences: false
    ).map { Array($0.utf8) }
    if startsWithAnyLabels {
      guard parts.count > labels.count else { return false }
      guard parts.prefix(parts.count - labels.count).allSatisfy({ !$0.isEmpty }) else {
        return false
      }
    } else {
      guard parts.count == labels.count else { return false }
    }
    return zip(parts.suffix(labels.count), labels).allSatisfy(DNSPattern.label)
  }

  /// Whether a label matches a pattern label; linear apart from the last `*` tried again.
  private static func label(_ text: [UInt8], matches pattern: [UInt8]) -> Bool {
    let star = UInt8(ascii: "*")
    var at = 0
    var next = 0
    var lastStar: Int?
    var resume = 0
    while at < text.count {
      if next < pattern.count, pattern[next] == star {
        lastStar = next
        resume = at
        next += 1
      } else if next < pattern.count, pattern[next] == text[at] {
        at += 1
        next += 1
      } else if let lastStar {
        resume += 1
        at = resume
        next = lastStar + 1
      } else {
        return false
      }
    }
    while next < pattern.count, pattern[next] == star { next += 1 }
    return next == pattern.count
  }
}
