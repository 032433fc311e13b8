import FlowStorage

/// How the inputs start that one command has read.
///
/// Those of which one starts like another share their first bytes, so that most need not be compared at all.
struct SeenHeads: Sendable {
  /// Inputs that share so many bytes are compared.
  private static let sharedLength = 512

  /// By the hash of their first bytes.
  private var longer: [UInt64: [InputHead]] = [:]
  /// Hashes by length, of inputs that are shorter.
  private var shorter: [Int: Set<UInt64>] = [:]

  /// Adds an input.
  ///
  /// - Parameter head: As for ``FlowStore/inputs(matchingHead:)``.
  mutating func insert(_ identity: InputIdentity, _ head: (Int) -> UInt64?) {
    let length = identity.headLength
    if length >= SeenHeads.sharedLength, let start = head(SeenHeads.sharedLength) {
      longer[start, default: []].append(InputHead(length: length, hash: identity.headHash))
    } else {
      shorter[length, default: []].insert(identity.headHash)
    }
  }

  /// Whether an input starts like one of them.
  func contains(_ head: (Int) -> UInt64?) -> Bool {
    if let start = head(SeenHeads.sharedLength),
      longer[start, default: []].contains(where: { head($0.length) == $0.hash })
    {
      return true
    }
    return shorter.contains { length, hashes in head(length).map(hashes.contains) ?? false }
  }
}
