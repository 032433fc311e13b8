import FlowModel

/// Turns JSON lines into the lines of text that ``VPCScanner`` reads: messages of CloudWatch and its like, and
/// copies with the fields' names as keys.
///
/// What a line of text says is what ``CloudEnvelope`` and ``VPCFieldValues`` find in the line of JSON. Lines that are
/// not like the one before are left to those, and so are escapes, text beyond ASCII and whatever the scanner does not
/// take.
struct VPCJSONLines: Sendable {
  /// A line of text and the line it was made of.
  struct Line {
    /// Where it begins in ``text``.
    var start: Int
    /// The line of JSON, without its line feed.
    var source: Range<Int>
  }

  /// What the lines are like.
  private enum Form {
    /// Nothing is known.
    case unknown
    /// The line is a member's text.
    case message
    /// The members are the columns; those that are not needed have no place in the text.
    case copy([(key: JSONWord, field: AWSVPCField)])
  }

  /// The lines of text; room for the scanner to read on is behind them.
  private(set) var text: [UInt8] = []
  /// Each line of it.
  private(set) var lines: [Line] = []
  /// Reads copies; nil where the lines are none.
  var scanner: VPCScanner?
  /// Whether the lines are messages.
  var isMessages: Bool { if case .message = form { true } else { false } }

  private var form = Form.unknown
  private var count = 0

  /// How many lines are turned at once.
  private static let most = 256
  /// What the scanner may read behind the last line.
  private static let padding = 1024
  private static let messageKeys = CloudEnvelope.messageKeys
  /// Keys that ``CloudEnvelope`` knows, those of messages first.
  private static let envelopeKeys = KeyTable(messageKeys + CloudEnvelope.otherKeys)

  /// Makes one that has seen nothing.
  init() {}

  /// Takes lines as long as they are alike.
  ///
  /// - Parameter start: Where a line begins; afterwards behind the last one taken.
  /// - Returns: Whether any was taken.
  mutating func take(_ bytes: RawSpan, from start: inout Int) -> Bool {
    lines.removeAll(keepingCapacity: true)
    count = 0
    var isNew = false
    while lines.count < VPCJSONLines.most, start < bytes.byteCount,
      let end = LineFeeds.next(in: bytes, from: start),
      end + RawSpan.scanSlack < bytes.byteCount
    {
      if !add(bytes, start..<end) {
        // Only once, and not after lines of another form, which are to be read first.
        guard lines.isEmpty, !isNew, learn(bytes, start..<end) else { break }
        isNew = true
        continue
      }
      start = end + 1
    }
    guard !lines.isEmpty else { return false }
    let end = count + VPCJSONLines.padding
    if text.count < end { text.append(contentsOf: repeatElement(0, count: end - text.count)) }
    // Nothing of earlier lines may look like one.
    for index in count..<end { text[index] = 0 }
    return true
  }

  // MARK: Lines

  /// A reader of one line's members, with blanks between the tokens.
  private struct Members {
    let end: Int
    var position: Int
    /// The first byte of the key that was read last, and its length.
    var key = 0
    var keyCount = 0
    /// The value that was read last.
    var value = 0..<0

    /// Begins at a brace; nil where there is none.
    init?(_ bytes: RawSpan, _ line: Range<Int>) {
      guard bytes.knownByte(at: line.lowerBound) == UInt8(ascii: "{") else { return nil }
      end = line.upperBound
      position = line.lowerBound
    }

    /// Reads the next member; false behind the last one and for what is not plain.
    mutating func next(_ bytes: RawSpan) -> Bool {
      position = Members.skipBlanks(bytes, position &+ 1)
      guard bytes.knownByte(at: position) == UInt8(ascii: "\"") else { return false }
      let close = bytes.plainStringEnd(position &+ 1)
      guard close >= 0 else { return false }
      key = position &+ 1
      keyCount = close &- key
      position = Members.skipBlanks(bytes, close &+ 1)
      guard bytes.knownByte(at: position) == UInt8(ascii: ":") else { return false }
      let start = Members.skipBlanks(bytes, position &+ 1)
      position = bytes.skipValue(start)
      guard position >= 0 else { return false }
      value = start..<position
      position = Members.skipBlanks(bytes, position)
      return true
    }

    /// Whether another member follows the one that was read last.
    func hasMore(_ bytes: RawSpan) -> Bool { bytes.knownByte(at: position) == UInt8(ascii: ",") }

    /// Whether the object and the line end behind the member that was read last.
    func isOver(_ bytes: RawSpan) -> Bool {
      guard bytes.knownByte(at: position) == UInt8(ascii: "}") else { return false }
      var rest = position &+ 1
      while rest < end, RawSpan.isBlank(bytes.knownByte(at: rest)) { rest &+= 1 }
      return rest == end
    }

    @inline(__always)
    private static func skipBlanks(_ bytes: RawSpan, _ start: Int) -> Int {
      var position = start
      while bytes.knownByte(at: position) == 0x20 || bytes.knownByte(at: position) == 0x09 {
        position &+= 1
      }
      return position
    }
  }

  /// Finds out what a line is like; false when it is neither.
  private mutating func learn(_ bytes: RawSpan, _ line: Range<Int>) -> Bool {
    form = .unknown
    scanner = nil
    guard var members = Members(bytes, line) else { return false }
    var columns: [(key: JSONWord, field: AWSVPCField)] = []
    var names: [String] = []
    var isMessage = false
    var hasLongKeys = false
    repeat {
      guard members.next(bytes) else { return false }
      if let number = VPCJSONLines.envelopeKeys.number(bytes, members.key, members.keyCount) {
        guard number < VPCJSONLines.messageKeys.count else { return false }
        isMessage = true
      }
      let name = bytes.text(in: members.key..<members.key + members.keyCount)
      let field = AWSVPCField(name: name) ?? .ignored
      if field != .ignored { names.append(name) }
      if name.utf8.count <= JSONWord.longest {
        columns.append((JSONWord(name), field))
      } else {
        hasLongKeys = true
      }
    } while members.hasMore(bytes)
    guard members.isOver(bytes) else { return false }
    if isMessage {
      form = .message
      return true
    }
    guard !hasLongKeys, let layout = AWSVPCLayout(fields: names),
      let scanner = VPCScanner(layout: layout)
    else {
      return false
    }
    self.scanner = scanner
    form = .copy(columns)
    return true
  }

  /// Adds the text of a line; false when it is not like those before.
  private mutating func add(_ bytes: RawSpan, _ line: Range<Int>) -> Bool {
    // A text is no longer than its line and a line feed, and words are written whole.
    let needed = count + line.count + 16
    if text.count < needed {
      text.append(contentsOf: repeatElement(0, count: needed - text.count + 65_536))
    }
    let start = count
    let isAdded: Bool =
      switch form {
      case .unknown: false
      case .message: addMessage(bytes, line)
      case .copy(let columns): addCopy(bytes, line, columns)
      }
    guard isAdded else {
      count = start
      return false
    }
    lines.append(Line(start: start, source: line))
    return true
  }

  private mutating func addMessage(_ bytes: RawSpan, _ line: Range<Int>) -> Bool {
    guard var members = Members(bytes, line) else { return false }
    var best: (rank: Int, range: Range<Int>)?
    repeat {
      guard members.next(bytes) else { return false }
      guard
        let number = VPCJSONLines.envelopeKeys.number(bytes, members.key, members.keyCount)
      else { continue }
      guard number < VPCJSONLines.messageKeys.count, best?.rank != number,
        bytes.knownByte(at: members.value.lowerBound) == UInt8(ascii: "\"")
      else { return false }
      if number < best?.rank ?? .max {
        best = (number, members.value.lowerBound + 1..<members.value.upperBound - 1)
      }
    } while members.hasMore(bytes)
    guard let range = best?.range, !range.isEmpty, members.isOver(bytes),
      // Blanks and braces before the record are not the scanner's.
      bytes.knownByte(at: range.lowerBound) > 0x20,
      bytes.knownByte(at: range.lowerBound) != UInt8(ascii: "{"),
      bytes.knownByte(at: range.lowerBound) != UInt8(ascii: "["),
      bytes.plainStringEnd(range.lowerBound) == range.upperBound
    else { return false }
    append(bytes, range)
    append(0x0a)
    return true
  }

  private mutating func addCopy(
    _ bytes: RawSpan,
    _ line: Range<Int>,
    _ columns: [(key: JSONWord, field: AWSVPCField)]
  ) -> Bool {
    guard var members = Members(bytes, line) else { return false }
    let start = count
    for index in columns.indices {
      guard index == 0 || members.hasMore(bytes), members.next(bytes) else { return false }
      let (key, field) = columns[index]
      guard members.keyCount == key.length, bytes.holds(key, at: members.key) else { return false }
      if field == .ignored { continue }
      if count > start { append(0x20) }
      guard append(bytes, value: members.value) else { return false }
    }
    guard members.isOver(bytes) else { return false }
    append(0x0a)
    return true
  }

  // MARK: Text

  /// Writes the value of a member as a column has it; false for what no column holds.
  @inline(__always)
  private mutating func append(_ bytes: RawSpan, value: Range<Int>) -> Bool {
    switch bytes.knownByte(at: value.lowerBound) {
    case UInt8(ascii: "\""):
      let range = value.lowerBound + 1..<value.upperBound - 1
      for index in range {
        let byte = bytes.knownByte(at: index)
        guard byte > 0x20, byte != UInt8(ascii: "\\") else { return false }
      }
      guard !range.isEmpty else {
        append(UInt8(ascii: "-"))
        return true
      }
      append(bytes, range)
      return true
    case 0x30...0x39:
      // Fractions and powers may be whole numbers all the same.
      for index in value where !(0x30...0x39 ~= bytes.knownByte(at: index)) { return false }
      append(bytes, value)
      return true
    case UInt8(ascii: "n"):
      append(UInt8(ascii: "-"))
      return true
    default: return false
    }
  }

  @inline(__always)
  private mutating func append(_ byte: UInt8) {
    text[count] = byte
    count &+= 1
  }

  @inline(__always)
  private mutating func append(_ bytes: RawSpan, _ range: Range<Int>) {
    unsafe text.withUnsafeMutableBytes { target in
      var (from, to) = (range.lowerBound, count)
      // What the last word brings behind the range is written over.
      while from < range.upperBound {
        unsafe target.storeBytes(
          of: bytes.knownWord(at: from).littleEndian,
          toByteOffset: to,
          as: UInt64.self
        )
        from &+= 8
        to &+= 8
      }
    }
    count &+= range.count
  }
}
