import FlowModel

/// Knows the keys of labels by their bytes, so that each is made a text and judged once.
///
/// The labels of pods come in the same order as a rule: a key is first looked for where it stood the last time.
struct LabelKeyMemo<Use: Sendable>: Sendable {
  /// A key, and what becomes of its labels.
  struct Key: Sendable {
    let text: String
    let use: Use
    /// Where the text stands in the arena.
    fileprivate let offset: Int
    fileprivate let count: Int
    /// The number of the key that followed it last.
    fileprivate var next = 0
  }

  /// The most keys that are remembered.
  private static var mostKeys: Int { 4096 }

  private let judge: @Sendable (String) -> Use
  /// The number of the first key; what was remembered before has lower numbers.
  private var base = 1
  private var keys: [Key] = []
  private var texts: [UInt8] = []
  private var memo = ByteMemo(limit: 1 << 20)
  /// The number of the key that came first last.
  private var first = 0

  /// The labels kept since ``begin()``, and the numbers of their keys.
  private var kept: [Labels.Element] = []
  private var numbers: [Int] = []
  /// The numbers of the labels arranged last, and their offsets in order of the keys.
  private var arranged: [Int] = []
  private var order: [Int] = []

  /// Makes an empty memo.
  ///
  /// - Parameter judge: Tells what becomes of the labels of a key.
  init(judge: @escaping @Sendable (String) -> Use) { self.judge = judge }

  /// The key of a number that ``key(_:_:end:behind:)`` has just given.
  subscript(number: Int) -> Key { keys[number - base] }

  /// Finds the key of a label `key=value`, or of one without `=`, all ASCII.
  ///
  /// - Parameters:
  ///   - end: The offset behind the label; afterwards behind its key.
  ///   - last: The number of the key of the label before it, 0 for the first.
  /// - Returns: The key's number.
  mutating func key(_ bytes: RawSpan, _ start: Int, end: inout Int, behind last: Int) -> Int {
    let isKnown = last >= base
    let expected = isKnown ? keys[last - base].next : first
    if expected >= base {
      let key = keys[expected - base]
      // The span of the texts lives for this comparison only.
      if start + key.count < end, bytes.byte(at: start + key.count) == UInt8(ascii: "="),
        unsafe bytes.equals(start, texts.span.bytes, key.offset, count: key.count)
      {
        end = start + key.count
        return expected
      }
    }
    end = bytes.offset(of: UInt8(ascii: "="), from: start, before: end)
    let number = number(bytes, start, count: end - start)
    if last >= base {
      keys[last - base].next = number
    } else {
      first = number
    }
    return number
  }

  private mutating func number(_ bytes: RawSpan, _ start: Int, count: Int) -> Int {
    let hash = ByteMemo.hash(bytes, start, count: count, group: 0)
    if let known = memo.value(bytes, start, count: count, group: 0, hash: hash) {
      return base + Int(known)
    }
    if keys.count == Self.mostKeys {
      base += keys.count
      keys = []
      texts = []
      memo.removeAll()
    }
    let text = String(plain: bytes, from: start, to: start + count)
    memo.insert(UInt64(keys.count), bytes, start, count: count, group: 0, hash: hash)
    keys.append(Key(text: text, use: judge(text), offset: texts.count, count: count))
    texts.append(bytes, start, count: count)
    return base + keys.count - 1
  }

  // MARK: Sets of labels

  /// Begins another set of labels.
  mutating func begin() {
    kept.removeAll(keepingCapacity: true)
    numbers.removeAll(keepingCapacity: true)
  }

  /// Keeps a label of a key that was just found.
  mutating func keep(_ number: Int, _ value: String) {
    kept.append(Labels.Element(key: self[number].text, value: value))
    numbers.append(number)
  }

  /// The labels that were kept; nil when a key was given twice.
  ///
  /// How the keys of one pod are put in order is known from the last one that had the same keys.
  mutating func labels() -> Labels? {
    if numbers != arranged {
      let order = kept.indices.sorted { kept[$0].key < kept[$1].key }
      for (lower, upper) in zip(order, order.dropFirst()) where kept[lower].key == kept[upper].key {
        return nil
      }
      self.order = order
      arranged = numbers
    }
    return Labels(ascending: order.map { kept[$0] })
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
