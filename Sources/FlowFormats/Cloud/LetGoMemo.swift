/// Remembers the connections that a table let go last, so that what comes late of one is known for what it is.
///
/// A hash for each; those whose hashes are alike in part lie together, fifteen of them, and a new one takes the place of
/// the oldest.
struct LetGoMemo: Sendable {
  /// How many lie together, one less than fetched at once: a counter comes first.
  private static let together = 15
  /// How many places there are; half a megabyte holds 122,880 connections.
  private static let places = 1 << 13

  private var hashes: [UInt32] = []

  /// Notes a connection.
  @inline(__always)
  mutating func insert(_ conversation: Conversation) {
    if hashes.isEmpty {
      hashes = Array(repeating: 0, count: LetGoMemo.places * (LetGoMemo.together + 1))
    }
    let hash = SlotIndex.mix(conversation.ends, conversation.ports)
    let place = LetGoMemo.place(hash)
    let next = Int(hashes[place])
    hashes[place] = UInt32((next + 1) % LetGoMemo.together)
    hashes[place + 1 + next] = LetGoMemo.rest(hash)
  }

  /// Whether a connection was noted, and not too many others since.
  func contains(_ conversation: Conversation) -> Bool {
    guard !hashes.isEmpty else { return false }
    let hash = SlotIndex.mix(conversation.ends, conversation.ports)
    let place = LetGoMemo.place(hash) + 1
    return hashes[place..<place + LetGoMemo.together].contains(LetGoMemo.rest(hash))
  }

  @inline(__always)
  private static func place(_ hash: UInt64) -> Int {
    (Int(truncatingIfNeeded: hash) & (places - 1)) * (together + 1)
  }

  /// What tells those in one place apart; not 0.
  @inline(__always)
  private static func rest(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) | 1 }
}
