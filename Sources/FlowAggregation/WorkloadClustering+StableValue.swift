package import FlowModel

extension WorkloadClustering {
  /// Whether a label looks as if it stays the same: its value is stable, and it does not say which
  /// part a pod plays at the moment (`role: master`), which operators change while pods run.
  ///
  /// Keys are not looked at otherwise; see ``VolatileLabels``.
  package static func isStable(_ label: Labels.Element) -> Bool {
    let word = label.key.split { $0 == "/" || $0 == "-" || $0 == "." || $0 == "_" }.last ?? ""
    if word.lowercased() == "role", momentaryRoles.contains(label.value.lowercased()) {
      return false
    }
    return isStableValue(label.value)
  }

  private static let momentaryRoles: Set<String> = [
    "master", "replica", "slave", "primary", "secondary", "leader", "follower", "standby",
    "standby_leader", "candidate", "learner", "sync_standby",
  ]

  /// Whether a label's value looks as if it stays the same over pods, revisions and releases.
  ///
  /// Values that look like a hash, a UUID, an address, a time or a version, or that contain the name of
  /// a pod or node, do not (inventory document, section 6).
  ///
  /// - Parameter names: Names of the pod and node, where known; empty ones are left out.
  package static func isStableValue(_ value: String, names: [String] = []) -> Bool {
    if value.isEmpty { return true }
    if names.contains(where: { !$0.isEmpty && value.contains($0) }) { return false }
    let bytes = Array(value.utf8)
    guard bytes.contains(where: isDigit) || bytes.count >= 32 else { return true }
    if IPAddress(value) != nil { return false }
    let parts = bytes.split(omittingEmptySubsequences: false) { !isDigit($0) && !isLetter($0) }
    if hasDottedQuad(parts) || hasUUID(parts) || isVersionOrTime(bytes, parts) { return false }
    return !looksLikeHash(parts.last ?? [])
  }

  /// Whether a byte is of the alphabet Kubernetes takes random names from: no vowels, no 0, 1 and 3.
  static func isSafeLetter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a"), UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "o"),
      UInt8(ascii: "u"), UInt8(ascii: "y"):
      false
    case UInt8(ascii: "a")...UInt8(ascii: "z"): true
    case UInt8(ascii: "2"), UInt8(ascii: "4")...UInt8(ascii: "9"): true
    default: false
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

  private static func isLetter(_ byte: UInt8) -> Bool {
    0x61...0x7a ~= byte || 0x41...0x5a ~= byte
  }

  private static func isHex(_ byte: UInt8) -> Bool {
    isDigit(byte) || 0x61...0x66 ~= byte || 0x41...0x46 ~= byte
  }

  /// Four numbers below 256 in a row, as in `10.0.0.7` or `ip-10-0-0-7`.
  private static func hasDottedQuad(_ parts: [ArraySlice<UInt8>]) -> Bool {
    var run = 0
    for part in parts {
      let isOctet =
        !part.isEmpty && part.count <= 3 && part.allSatisfy(isDigit)
        && part.reduce(0) { $0 * 10 + Int($1) - 0x30 } < 256
      run = isOctet ? run + 1 : 0
      if run == 4 { return true }
    }
    return false
  }

  /// Hexadecimal parts of 8, 4, 4, 4 and 12 in a row.
  private static func hasUUID(_ parts: [ArraySlice<UInt8>]) -> Bool {
    let lengths = [8, 4, 4, 4, 12]
    guard parts.count >= lengths.count else { return false }
    return (0...parts.count - lengths.count).contains { start in
      lengths.indices.allSatisfy {
        parts[start + $0].count == lengths[$0] && parts[start + $0].allSatisfy(isHex)
      }
    }
  }

  /// A version (`1.2`, `v1.2.3-rc1`, `redis-17.3.2`), a date, or a count of seconds.
  private static func isVersionOrTime(_ bytes: [UInt8], _ parts: [ArraySlice<UInt8>]) -> Bool {
    if parts.contains(where: { $0.count >= 8 && $0.allSatisfy(isDigit) }) { return true }
    if parts.count >= 3, parts[0].count == 4, parts[1].count == 2, parts[2].count >= 2,
      parts[0].allSatisfy(isDigit), parts[1].allSatisfy(isDigit),
      parts[2].prefix(2).allSatisfy(isDigit)
    {
      return true
    }
    // A version starts the value or follows a dash: `name-1.2.3`.
    let dash = UInt8(ascii: "-")
    for word in bytes.split(separator: dash) {
      var rest = word
      if let first = rest.first, first == UInt8(ascii: "v") || first == UInt8(ascii: "V") {
        rest = rest.dropFirst()
      }
      let numbers = rest.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      if numbers.count >= 2, !numbers[0].isEmpty, numbers[0].allSatisfy(isDigit),
        let next = numbers[1].first, isDigit(next)
      {
        return true
      }
    }
    return false
  }

  /// A commit, a digest or a suffix as controllers make them.
  private static func looksLikeHash(_ part: ArraySlice<UInt8>) -> Bool {
    let digits = part.count(where: isDigit)
    if part.count >= 7, part.allSatisfy(isHex), digits > 0, digits < part.count { return true }
    if part.count >= 8, part.count <= 10, digits >= 2, part.allSatisfy(isSafeLetter) { return true }
    return part.count >= 20 && digits >= 3
  }
}
