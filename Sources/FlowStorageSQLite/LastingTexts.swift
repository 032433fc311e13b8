/// A few texts that stay where they are as long as the program runs, so that they can be bound in thousands of
/// rows without a copy for each.
struct LastingTexts: @unchecked Sendable {
  /// Never changed and never given back: those who bind a text need not see to its life.
  private let bytes: UnsafeMutableBufferPointer<CChar>
  private let ranges: [Range<Int>]

  /// Copies the texts, for good.
  init(_ texts: [String]) {
    let joined = texts.joined().utf8.map { CChar(bitPattern: $0) }
    bytes = UnsafeMutableBufferPointer.allocate(capacity: max(joined.count, 1))
    _ = bytes.initialize(from: joined)
    var ranges: [Range<Int>] = []
    for text in texts {
      let start = ranges.last?.upperBound ?? 0
      ranges.append(start..<start + text.utf8.count)
    }
    self.ranges = ranges
  }

  /// The text with an index.
  subscript(index: Int) -> UnsafeBufferPointer<CChar> {
    UnsafeBufferPointer(rebasing: bytes[ranges[index]])
  }
}
