import FlowModel

/// Knows the keys of labels by their bytes, so that each is made a text and judged once.
struct LabelKeyMemo<Use: Sendable>: Sendable {
  /// A key, and what becomes of its labels.
  struct Key: Sendable {
    var text: String
    var use: Use
  }

  /// The most keys that are remembered.
  private static var mostKeys: Int { 4096 }

  private let judge: @Sendable (String) -> Use
  private var keys: [Key] = []
  private var memo = ByteMemo(limit: 1 << 20)

  /// Makes an empty memo.
  ///
  /// - Parameter judge: Tells what becomes of the labels of a key.
  init(judge: @escaping @Sendable (String) -> Use) { self.judge = judge }

  /// The key that stands in a stretch of bytes, all of them ASCII.
  mutating func key(_ bytes: RawSpan, _ start: Int, count: Int) -> Key {
    let hash = ByteMemo.hash(bytes, start, count: count, group: 0)
    if let known = memo.value(bytes, start, count: count, group: 0, hash: hash) {
      return keys[Int(known)]
    }
    if keys.count == Self.mostKeys {
      keys = []
      memo.removeAll()
    }
    let text = String(plain: bytes, from: start, to: start + count)
    let key = Key(text: text, use: judge(text))
    memo.insert(UInt64(keys.count), bytes, start, count: count, group: 0, hash: hash)
    keys.append(key)
    return key
  }
}

extension String {
  /// Makes a string of bytes that are known to be ASCII.
  init(plain bytes: RawSpan, from start: Int, to end: Int) {
    let part = bytes.extracting(start..<end)
    // The buffer has room for the bytes, all of which are written.
    self = unsafe String(unsafeUninitializedCapacity: end - start) { buffer in
      unsafe part.withUnsafeBytes {
        unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0)
      }
      return end - start
    }
  }
}
