import FlowModel

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

extension String {
  /// Whether a text stands in it, byte for byte.
  ///
  /// Preferred over the standard library's search, which goes by characters and took a tenth of a second
  /// to recognise the format of a log.
  func contains(_ part: String) -> Bool {
    // The spans live for this call only.
    let (text, part) = unsafe (utf8.span.bytes, part.utf8.span.bytes)
    guard part.byteCount > 0 else { return true }
    // Where its first two bytes stand: quotes alone are everywhere in JSON.
    let first = RawSpan.repeated(part.byte(at: 0))
    let second = part.byteCount > 1 ? RawSpan.repeated(part.byte(at: 1)) : nil
    let last = text.byteCount - part.byteCount
    var start = 0
    while start <= last {
      if start + 9 <= text.byteCount {
        var hit = RawSpan.zeroBytes(in: text.word(at: start) ^ first)
        if let second { hit &= RawSpan.zeroBytes(in: text.word(at: start + 1) ^ second) }
        guard hit != 0 else {
          start += 8
          continue
        }
        start += hit.trailingZeroBitCount / 8
        guard start <= last else { return false }
      }
      if text.extracting(start..<start + part.byteCount).isEqual(to: part) { return true }
      start += 1
    }
    return false
  }
}

extension RawSpan {
  /// A word whose bytes are all the same.
  @inline(__always)
  static func repeated(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

  /// The top bits of the bytes of a word that are zero; the lowest one is exact, above it there may be false ones.
  @inline(__always)
  static func zeroBytes(in word: UInt64) -> UInt64 {
    (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
  }

  /// A part as text; invalid UTF-8 is replaced.
  func text(in range: Range<Int>) -> String {
    // The pointer is used inside the closure only; making the text copies the bytes.
    unsafe extracting(range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// Whether two spans of one length have the same bytes.
  fileprivate func isEqual(to other: RawSpan) -> Bool {
    for index in 0..<byteCount where byte(at: index) != other.byte(at: index) { return false }
    return true
  }
}
