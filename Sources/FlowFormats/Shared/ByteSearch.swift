extension Array where Element == UInt8 {
  /// The first offset at or after `start` where a pattern stands, nil when there is none.
  func offset(of pattern: [UInt8], from start: Int = 0) -> Int? {
    guard start >= 0, start + pattern.count <= count else { return nil }
    guard let first = pattern.first else { return start }
    for index in start...(count - pattern.count) where self[index] == first {
      if self[index..<(index + pattern.count)].elementsEqual(pattern) { return index }
    }
    return nil
  }

  /// Whether a word stands anywhere.
  func holds(_ word: StaticString) -> Bool { offset(of: Array(word)) != nil }

  /// The bytes of a literal.
  init(_ literal: StaticString) {
    // A StaticString's bytes are valid for its length and live as long as the program.
    self = literal.withUTF8Buffer { unsafe Array($0) }
  }
}
