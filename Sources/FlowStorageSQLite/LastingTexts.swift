import GRDBSQLite

/// A few texts that stay where they are, so that they can be bound in thousands of rows without a copy for each.
final class LastingTexts {
  private let bytes: UnsafeMutableBufferPointer<CChar>
  private let ranges: [Range<Int>]

  /// Copies the texts.
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

  deinit { bytes.deallocate() }

  /// The text with an index, as long as this object lives.
  subscript(index: Int) -> UnsafeBufferPointer<CChar> {
    UnsafeBufferPointer(rebasing: bytes[ranges[index]])
  }
}
