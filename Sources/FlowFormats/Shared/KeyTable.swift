import FlowModel

/// Keys by their lengths, with numbers in the order given.
struct KeyTable: Sendable {
  private struct Entry {
    var word: JSONWord
    var number: Int
  }

  /// By length.
  private var entries: [[Entry]] = []

  /// Makes a table.
  ///
  /// - Parameter keys: At most 64, each of at most 24 bytes of ASCII.
  init(_ keys: [String]) {
    precondition(keys.count <= 64)
    for (number, key) in keys.enumerated() {
      let word = JSONWord(key)
      while entries.count <= word.length { entries.append([]) }
      entries[word.length].append(Entry(word: word, number: number))
    }
  }

  /// The number of the key at an offset and of a length, nil when it is none of them.
  @inline(__always)
  func number(_ bytes: RawSpan, _ key: Int, _ length: Int) -> Int? {
    guard length < entries.count else { return nil }
    for entry in entries[length] where bytes.holds(entry.word, at: key) { return entry.number }
    return nil
  }
}
