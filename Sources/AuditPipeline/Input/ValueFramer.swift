import FlowFormats
import FlowModel
import JSONText

/// Cuts a stream of bytes into JSON values; brackets and commas between values are separators,
/// so an array and a concatenation of its elements are the same.
///
/// So are the list inside one large object, where a format has its records there, and its elements: exports
/// of any size take no more memory than their largest record.
struct ValueFramer {
  private enum State {
    /// Between values.
    case between
    /// Inside a value, at a depth of brackets and braces.
    case value(depth: Int)
    /// Inside text that is no value: it ends with its line or where an object begins.
    case garbage
    /// Behind a list, at a depth of the objects around it.
    case behindList(depth: Int)
  }

  /// What earlier blocks had of the value that is being read.
  private var pending: [UInt8] = []
  /// Where the value that is being read begins in this block.
  private var valueStart = 0
  private var state = State.between
  private var inString = false
  private var escaped = false
  private var line: Int
  private var valueLine: Int
  /// Bytes before this block.
  private var blockStart: Int64
  /// Bytes up to the end of the last complete value.
  private(set) var consumed: Int64
  /// Lines begun up to there.
  private(set) var lines: Int
  private let longestValue: Int

  /// Looks for a list in the object that is being read; nil where there is none to be expected.
  private var finder: ListFinder?
  private let paths: [RecordListPath]
  /// The objects around the list that is being read; 0 when there is none.
  private var objectsAround = 0
  /// Bytes behind the list, and the last of them that is no white space.
  private var skipped = 0
  private var lastByte: UInt8 = 0
  /// Those around the first list, for good.
  private var objectsAroundFirst = 0
  /// Brackets that were opened between its elements.
  private var innerBrackets = 0

  /// Starts at an offset of the input, after `lines` whole lines.
  ///
  /// - Parameters:
  ///   - paths: Where objects have lists of records.
  ///   - head: The start of the input, which shows whether it has such a list.
  ///   - isHeadFinal: Whether the input will still be cut into values when it has grown: if not, nothing inside a
  ///     value may be consumed.
  init(
    offset: Int64,
    lines: Int,
    paths: [RecordListPath] = [],
    head: RawSpan,
    isHeadFinal: Bool = true,
    longestValue: Int = RecordFraming.longestValue
  ) {
    consumed = offset
    blockStart = offset
    self.lines = lines
    line = lines + 1
    valueLine = line
    self.longestValue = longestValue
    // A list that the start does not show is read with its object: who goes on behind an element must know of it.
    let around = ValueFramer.objectsAroundList(in: head, paths)
    self.paths = around > 0 ? paths : []
    guard around > 0 else { return }
    if offset == 0 {
      if isHeadFinal { finder = ListFinder(paths) }
    } else {
      // What was consumed ended with an element.
      objectsAround = around
    }
  }

  /// Starts at the beginning of an input that may have a list anywhere.
  private init(lookingFor paths: [RecordListPath]) {
    consumed = 0
    blockStart = 0
    lines = 0
    line = 1
    valueLine = 1
    longestValue = RecordFraming.longestValue
    self.paths = paths
    finder = ListFinder(paths)
  }

  /// How many objects are around the list that an input begins with; 0 when it begins with none.
  ///
  /// - Parameter head: The start of the input.
  static func objectsAroundList(in head: RawSpan, _ paths: [RecordListPath]) -> Int {
    var first = RecordFraming.contentStart(of: head)
    guard !paths.isEmpty, first < head.byteCount, head.byte(at: first) == UInt8(ascii: "{") else {
      return 0
    }
    var framer = ValueFramer(lookingFor: paths)
    // Piece by piece: most heads show with their first record that there is none.
    while first < head.byteCount, framer.finder != nil {
      let end = min(first + 512, head.byteCount)
      framer.feed(head.extracting(first..<end), value: { _, _ in }, garbage: { _ in })
      if framer.objectsAroundFirst > 0 { return framer.objectsAroundFirst }
      first = end
    }
    return 0
  }

  /// Whether the end of what was given lies inside a value.
  var isInsideValue: Bool {
    switch state {
    case .between: false
    case .value, .garbage, .behindList: true
    }
  }

  /// Takes more bytes and hands out each complete value with its first line.
  mutating func feed(
    _ bytes: RawSpan,
    value: (RawSpan, Int) -> Void,
    garbage: (Int) -> Void
  ) {
    var index = 0
    valueStart = 0
    finder?.beginBlock()
    while index < bytes.byteCount {
      switch state {
      case .between:
        start(bytes.byte(at: index), at: index)
        index += 1
      case .value(let depth):
        index = advance(bytes, from: index, depth: depth, value: value, garbage: garbage)
      case .behindList(let depth):
        index = skip(bytes, from: index, depth: depth, garbage: garbage)
      case .garbage: index = skipGarbage(bytes, from: index, garbage: garbage)
      }
    }
    if case .value = state {
      pending.append(bytes, from: valueStart, to: bytes.byteCount)
      if inString { finder?.endBlock(bytes) }
    }
    blockStart += Int64(bytes.byteCount)
  }

  /// Reads on in text that is no value.
  ///
  /// - Returns: The offset of the first byte that was not read.
  private mutating func skipGarbage(
    _ bytes: RawSpan,
    from index: Int,
    garbage: (Int) -> Void
  ) -> Int {
    if inString { return advanceInString(bytes, from: index, before: bytes.byteCount) }
    let byte = bytes.byte(at: index)
    switch byte {
    case UInt8(ascii: "\"") where objectsAround > 0: inString = true
    // What begins an object or ends the list is looked at once more.
    case UInt8(ascii: "{"):
      garbage(valueLine)
      end(behind: index)
      return index
    case UInt8(ascii: "]") where objectsAround > 0, UInt8(ascii: ",") where objectsAround > 0:
      garbage(valueLine)
      end(behind: index)
      return index
    case 0x0a:
      garbage(valueLine)
      end(behind: index + 1)
      line += 1
    default: break
    }
    return index + 1
  }

  private mutating func start(_ byte: UInt8, at index: Int) {
    if byte == 0x0a { line += 1 }
    if RecordFraming.isSpace(byte) || isInMark(byte, at: index) { return }
    switch byte {
    case UInt8(ascii: ","): return
    case UInt8(ascii: "["):
      if objectsAround > 0 { innerBrackets += 1 }
      return
    case UInt8(ascii: "]"):
      if innerBrackets > 0 {
        innerBrackets -= 1
      } else if objectsAround > 0 {
        state = .behindList(depth: objectsAround)
        skipped = 0
        lastByte = byte
      }
      return
    case UInt8(ascii: "{"):
      valueStart = index
      state = .value(depth: 1)
    case UInt8(ascii: "\"") where objectsAround > 0:
      state = .garbage
      inString = true
    default: state = .garbage
    }
    valueLine = line
  }

  /// Whether a byte is one of the byte order mark that a file may start with.
  private func isInMark(_ byte: UInt8, at index: Int) -> Bool {
    switch blockStart + Int64(index) {
    case 0: byte == 0xef
    case 1: byte == 0xbb
    case 2: byte == 0xbf
    default: false
    }
  }

  /// Reads on in a value, up to its end or that of the block.
  ///
  /// - Returns: The offset of the first byte that was not read.
  private mutating func advance(
    _ bytes: RawSpan,
    from start: Int,
    depth: Int,
    value: (RawSpan, Int) -> Void,
    garbage: (Int) -> Void
  ) -> Int {
    var depth = depth
    var index = start
    // A byte more than may be: if the value does not end there it is too long.
    let limit = min(bytes.byteCount, valueStart + longestValue + 1 - pending.count)
    while index < limit {
      if inString {
        index = advanceInString(bytes, from: index, before: limit)
        if !inString { finder?.endString(bytes, at: index - 1, depth: depth) }
        continue
      }
      let byte = bytes.byte(at: index)
      if finder?.finds(byte, depth: depth, at: index) == true {
        beginList(at: index)
        return index + 1
      }
      index += 1
      switch byte {
      case UInt8(ascii: "\""): inString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        guard depth == 0 else { continue }
        if pending.isEmpty {
          value(bytes.extracting(valueStart..<index), valueLine)
        } else {
          pending.append(bytes, from: valueStart, to: index)
          value(pending.span.bytes, valueLine)
        }
        // A log's records are all of one kind.
        if objectsAround == 0 { finder = nil }
        end(behind: index)
        return index
      case 0x0a: line += 1
      default: break
      }
    }
    if index - valueStart + pending.count > longestValue {
      garbage(valueLine)
      finder = nil
      end(behind: index)
    } else {
      state = .value(depth: depth)
    }
    return index
  }

  /// Reads on in a string, up to its end or an escape, or nearly up to a limit.
  private mutating func advanceInString(_ bytes: RawSpan, from start: Int, before limit: Int)
    -> Int
  {
    var index = start
    if !escaped { index = bytes.plainTextEnd(from: start, before: limit) }
    guard index < limit else { return index }
    let byte = bytes.byte(at: index)
    if byte == 0x0a { line += 1 }
    if escaped {
      escaped = false
    } else if byte == UInt8(ascii: "\\") {
      escaped = true
    } else if byte == UInt8(ascii: "\"") || byte == 0x0a {
      // A raw line feed cannot stand in a JSON string: a damaged value must not eat the rest.
      inString = false
    }
    return index + 1
  }

  /// Drops what stands before a list and begins its first element.
  private mutating func beginList(at index: Int) {
    objectsAround = finder?.objectsAround ?? 0
    if objectsAroundFirst == 0 { objectsAroundFirst = objectsAround }
    finder = nil
    pending.removeAll(keepingCapacity: true)
    valueStart = index
    valueLine = line
    state = .value(depth: 1)
  }

  /// Skips what stands behind a list in the objects around it.
  private mutating func skip(
    _ bytes: RawSpan,
    from start: Int,
    depth: Int,
    garbage: (Int) -> Void
  ) -> Int {
    var depth = depth
    var index = start
    let limit = min(bytes.byteCount, start + longestValue + 1 - skipped)
    while index < limit {
      if inString {
        index = advanceInString(bytes, from: index, before: limit)
        continue
      }
      let byte = bytes.byte(at: index)
      let opens = byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[")
      if opens, depth == objectsAround, lastByte != UInt8(ascii: ":") {
        // No member: the list was not over, only its bracket was.
        garbage(line)
        state = .between
        return index
      }
      index += 1
      if !RecordFraming.isSpace(byte) { lastByte = byte }
      switch byte {
      case UInt8(ascii: "\""): inString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        objectsAround = min(objectsAround, depth)
        guard depth == 0 else { continue }
        // What is consumed stays behind the last element: a file that grows gets its next one there.
        state = .between
        // Another page may follow.
        finder = ListFinder(paths)
        return index
      case 0x0a: line += 1
      default: break
      }
    }
    skipped += index - start
    if skipped > longestValue {
      garbage(line)
      objectsAround = 0
      end(behind: index)
    } else {
      state = .behindList(depth: depth)
    }
    return index
  }

  private mutating func end(behind index: Int) {
    // Who goes on behind an element does not know of brackets that are open between elements.
    if innerBrackets == 0 {
      consumed = blockStart + Int64(index)
      lines = line
    }
    pending.removeAll(keepingCapacity: true)
    state = .between
    inString = false
    escaped = false
  }
}

/// Finds the list of records in an object while its bytes go by.
private struct ListFinder {
  private enum Stage {
    case nothing
    /// Behind the name of a member on the way to a list.
    case name
    /// Behind its colon.
    case colon
    /// Behind the bracket of the list.
    case list
  }

  private let paths: [RecordListPath]
  private var stage = Stage.nothing
  /// The path whose first names were met, and how many.
  private var path: RecordListPath?
  private var met = 0
  /// Whether a member stands before the one that is being read.
  private var isBehindMember = false
  /// Where the string that is being read begins in this block, and what earlier blocks had of it.
  private var stringStart = 0
  private var earlier: [UInt8] = []

  private static let longestName = 16

  init(_ paths: [RecordListPath]) { self.paths = paths }

  /// The objects around the list that was found.
  var objectsAround: Int { path?.names.count ?? 0 }

  mutating func beginBlock() { stringStart = 0 }

  /// Keeps what a block has of the string that goes on in the next one.
  mutating func endBlock(_ bytes: RawSpan) {
    let end = min(bytes.byteCount, stringStart + ListFinder.longestName + 1)
    earlier.append(bytes, from: stringStart, to: end)
  }

  /// Takes the end of a string at a depth.
  mutating func endString(_ bytes: RawSpan, at end: Int, depth: Int) {
    guard end - stringStart + earlier.count <= ListFinder.longestName else { return }
    var text = earlier
    text.append(bytes, from: stringStart, to: end)
    let name = String(decoding: text, as: UTF8.self)
    let found = paths.first { path in
      path.names.count >= depth && path.names[depth - 1] == name
        && (depth == 1 || met == depth - 1 && self.path == path)
        && (!path.isFirst || !isBehindMember)
    }
    guard let found else { return }
    path = found
    stage = .name
  }

  /// Takes a byte outside of strings, at a depth before it.
  ///
  /// - Returns: Whether it begins the first element of a list.
  mutating func finds(_ byte: UInt8, depth: Int, at index: Int) -> Bool {
    if RecordFraming.isSpace(byte) { return false }
    if byte == UInt8(ascii: "\"") {
      stringStart = index + 1
      earlier.removeAll(keepingCapacity: true)
    }
    if byte == UInt8(ascii: ","), depth == 1 { isBehindMember = true }
    if byte == UInt8(ascii: "}"), depth - 1 <= met { met = max(0, depth - 2) }
    let names = path?.names.count ?? 0
    switch (stage, byte) {
    case (.name, UInt8(ascii: ":")): stage = .colon
    case (.colon, UInt8(ascii: "[")) where depth == names: stage = .list
    case (.colon, UInt8(ascii: "{")) where depth < names:
      met = depth
      stage = .nothing
    case (.list, UInt8(ascii: "{")): return true
    default: stage = .nothing
    }
    return false
  }
}

extension RawSpan {
  /// The offset of the first quote, backslash or control character from an offset on, or the limit.
  fileprivate func plainTextEnd(from start: Int, before limit: Int) -> Int {
    var index = start
    while index + 8 <= limit {
      // Any eight bytes are a number; the load checks that they lie inside.
      let word = unsafe unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
      let stops = JSONPlainText.stops(in: UInt64(littleEndian: word))
      if stops != 0 { return index + stops.trailingZeroBitCount / 8 }
      index += 8
    }
    return index
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ bytes: RawSpan, from start: Int, to end: Int) {
    unsafe bytes.extracting(start..<end).withUnsafeBytes { append(contentsOf: $0) }
  }
}
