package import FlowAggregation
import FlowModel
import JSONText

/// Decodes AWS VPC flow logs of versions 2 to 11: text, CloudWatch and Firehose envelopes, JSON copies.
///
/// Both records of a connection, on all interfaces it crosses, become one forward edge when the log
/// ends; see ``ConversationTable`` for how and for what is held until then. Source: the VPC format
/// document; Amazon VPC User Guide, "Flow log records".
package struct AWSVPCDecoder: LogDecoder {
  /// The layout of the lines that come next; nil until a header, and when the user gave none.
  package private(set) var layout: AWSVPCLayout? {
    didSet { scanner = VPCScanner(layout: layout) }
  }
  /// The layout that was known before the first line.
  private var firstLayout: AWSVPCLayout?
  /// Reads the usual lines of the layout.
  private var scanner: VPCScanner?
  /// Turns lines of JSON into such lines.
  private var json = VPCJSONLines()
  private var room = RecordRoom()
  private var spare = RecordRoom()
  /// Whether every record of JSON that is given by itself is read as a tree.
  private let readsTrees: Bool
  private var table: ConversationTable
  private var isParquet = false
  private var lacksPacketAddresses = false
  private var sawTraffic = false
  /// Looks at the first records where the user gave the columns; nil when that is over.
  private var check: VPCLayoutCheck?
  private let assumedTime: Int64?
  private let inflate: DecoderOptions.Inflate?

  /// Makes a decoder for one log.
  package init(options: DecoderOptions) {
    self.init(options: options, capacity: ConversationTable.defaultCapacity)
  }

  /// Makes a decoder that holds at most `capacity` conversation-hours.
  ///
  /// - Parameter readsTrees: Whether records of JSON that are given one by one are read as trees.
  package init(options: DecoderOptions, capacity: Int, readsTrees: Bool = false) {
    self.readsTrees = readsTrees
    layout = options.fields.flatMap { AWSVPCLayout(fields: $0) }
    firstLayout = layout
    check = layout == nil ? nil : VPCLayoutCheck()
    scanner = VPCScanner(layout: layout)
    assumedTime = options.assumedTime
    inflate = options.inflate
    table = ConversationTable(capacity: capacity, pairsViews: true)
  }

  /// Takes the layout from the headers of a log that has grown.
  package mutating func resume(after start: RawSpan) {
    for text in AWSVPCDecoder.texts(in: start) {
      let bytes = Array(text)
      // The span lives for this turn only.
      let line = unsafe bytes.span.bytes
      let whole = line.trimmedRange()
      guard !whole.isEmpty else { continue }
      let range = AWSVPCDecoder.withoutTime(line, whole)
      if 0x61...0x7a ~= line.byte(at: range.lowerBound),
        let header = AWSVPCLayout(header: line, in: range)
      {
        layout = header
      }
    }
    firstLayout = layout
    table.holdBackFirst()
  }

  /// The events of CloudWatch.
  package static var listPaths: [RecordListPath] { [RecordListPath("events", isFirst: true)] }

  /// The whole lines of a log's start, or the messages in it when it is JSON.
  private static func texts(in start: RawSpan) -> [ArraySlice<UInt8>] {
    let bytes = unsafe start.withUnsafeBytes { unsafe Array($0) }
    let whole = start.trimmedRange()
    let first = whole.isEmpty ? 0 : bytes[whole.lowerBound]
    guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
      guard let last = bytes.lastIndex(of: 0x0a) else { return [] }
      return bytes[..<last].split(separator: 0x0a)
    }
    var texts: [(place: Int, text: ArraySlice<UInt8>)] = []
    for key in CloudEnvelope.messageKeys {
      let name = Array("\"\(key)\"".utf8)
      var place = 0
      while let found = bytes.offset(of: name, from: place) {
        place = found + name.count
        var value = bytes[place...].drop { RawSpan.isBlank($0) || $0 == UInt8(ascii: ":") }
        guard value.first == UInt8(ascii: "\"") else { continue }
        value = value.dropFirst()
        // An escape ends it: a header has none but of a line feed behind it.
        let text = value.prefix { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        guard text.endIndex < bytes.count else { continue }
        texts.append((found, text))
      }
    }
    return texts.sorted { $0.place < $1.place }.map(\.text)
  }

  /// Yes: only a header concerns later lines, and conversations are joined at the end.
  package static func sharing(_ options: DecoderOptions) -> LogSharing { .inOrder }

  /// Makes a decoder for the rest of a log whose header this one has read.
  package func forLaterPart() -> AWSVPCDecoder {
    var later = self
    later.firstLayout = layout
    later.check = nil
    later.table = ConversationTable(capacity: table.capacity, pairsViews: true)
    later.table.holdBackFirst()
    return later
  }

  /// A decoder with the right layout for a part that was begun with another one.
  package func correction(of later: any LogDecoder) -> (any LogDecoder)? {
    guard let later = later as? AWSVPCDecoder, later.firstLayout != layout else { return nil }
    return forLaterPart()
  }

  /// The conversation-hours that wait for more records.
  package var heldConversations: Int { table.count }

  /// Lets settled conversations go but for the last, which the next part may go on with.
  package mutating func endPart(into accumulator: inout EvidenceAccumulator) {
    table.endPart(into: &accumulator)
  }

  /// Adds what a decoder of a later part of the same log holds.
  ///
  /// - Parameter lineOffset: Lines before that part.
  package mutating func merge(
    _ later: any LogDecoder,
    lineOffset: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    guard let later = later as? AWSVPCDecoder else { return }
    layout = later.layout
    isParquet = isParquet || later.isParquet
    lacksPacketAddresses = lacksPacketAddresses || later.lacksPacketAddresses
    sawTraffic = sawTraffic || later.sawTraffic
    table.merge(later.table, lineOffset: lineOffset, into: &accumulator)
  }

  /// Decodes whole lines, each ending in a line feed.
  package mutating func decode(
    lines: RawSpan,
    firstLine: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Int {
    var line = firstLine
    var start = 0
    while start < lines.byteCount {
      if mayScan(accumulator.resolver != nil), scanner != nil {
        let found = scanner?.scan(lines, from: &start, line: &line, into: &table, &accumulator)
        if found == true { noteScanned(scanner) }
        guard start < lines.byteCount else { break }
      }
      if lines.byte(at: start) == UInt8(ascii: "{"),
        decodeJSONLines(lines, from: &start, line: &line, into: &accumulator)
      {
        continue
      }
      // What is not exactly as expected goes the long way, line by line.
      let end = LineFeeds.next(in: lines, from: start) ?? lines.byteCount
      decodeLine(lines, start, end, line: line, into: &accumulator)
      // The next lines will end as this one does.
      scanner?.hasReturns = end > start && lines.byte(at: end - 1) == 0x0d
      line += 1
      start = end + 1
    }
    return line - firstLine
  }

  /// Whether lines need no closer look than the scanner's.
  private func mayScan(_ hasResolver: Bool) -> Bool {
    !isParquet && (check == nil || !hasResolver)
  }

  /// Notes what a scanner that took lines tells of all of them.
  private mutating func noteScanned(_ scanner: VPCScanner?) {
    sawTraffic = true
    if scanner?.hasPacketAddresses == false { lacksPacketAddresses = true }
  }

  /// Decodes lines of JSON that are alike; false when the first one must be looked at by itself.
  private mutating func decodeJSONLines(
    _ lines: RawSpan,
    from start: inout Int,
    line: inout Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Bool {
    guard mayScan(accumulator.resolver != nil), json.take(lines, from: &start) else { return false }
    // Taken out to be read while this changes.
    var json = VPCJSONLines()
    var copies: VPCScanner?
    swap(&json, &self.json)
    swap(&copies, &json.scanner)
    defer {
      swap(&copies, &json.scanner)
      swap(&json, &self.json)
    }
    var position = 0
    var index = 0
    while index < json.lines.count {
      let before = line
      // A record before may have shown that this is no log.
      if mayScan(accumulator.resolver != nil) {
        // The span lives for the calls only.
        let text = unsafe json.text.span.bytes
        let found =
          json.isMessages
          ? scanner?.scan(text, from: &position, line: &line, into: &table, &accumulator)
          : copies?.scan(text, from: &position, line: &line, into: &table, &accumulator)
        if found == true { noteScanned(json.isMessages ? scanner : copies) }
      }
      index += line - before
      guard index < json.lines.count else { break }
      decodeJSON(lines.extracting(json.lines[index].source), line: line, into: &accumulator)
      line += 1
      index += 1
      if index < json.lines.count { position = json.lines[index].start }
    }
    return true
  }

  /// Decodes a value of an array or list as ``decodeJSONLines(_:from:line:into:)`` does lines; false when it must be
  /// looked at by itself.
  private mutating func decodeJSONRecord(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Bool {
    guard !readsTrees, room.take(record) else { return false }
    // It has to be one line.
    if LineFeeds.next(in: record, from: 0) != nil {
      guard spare.compact(room) else { return false }
      swap(&room, &spare)
    }
    var room = RecordRoom()
    swap(&room, &self.room)
    defer { swap(&room, &self.room) }
    var start = RecordRoom.margin
    var line = line
    // One line and what may be read behind it; the span lives for the call only.
    let end = start + room.count + 1 + RawSpan.scanSlack
    let bytes = unsafe room.bytes.span.bytes
    return decodeJSONLines(bytes.extracting(0..<end), from: &start, line: &line, into: &accumulator)
  }

  /// Decodes one record.
  package mutating func decode(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    let range = record.trimmedRange()
    guard !range.isEmpty else { return }
    switch record.byte(at: range.lowerBound) {
    case UInt8(ascii: "{"):
      if !decodeJSONRecord(record.extracting(range), line: line, into: &accumulator) {
        decodeJSON(record, line: line, into: &accumulator)
      }
    case UInt8(ascii: "["): decodeJSON(record, line: line, into: &accumulator)
    default:
      decodeText(record, range, line: line, into: &accumulator)
    }
  }

  /// Ends the log: decides who opened each connection and whether it worked.
  package mutating func finish(into accumulator: inout EvidenceAccumulator) {
    table.finish(into: &accumulator)
    if let layout, layout.origin == .options, !layout.unknownNames.isEmpty {
      accumulator.counts.notes.insert(
        "--fields names what no version has: \(layout.unknownNames.joined(separator: ", "))"
      )
    }
    guard sawTraffic else { return }
    accumulator.counts.notes.insert(CloudNotes.sameNode)
    if accumulator.resolver == nil { accumulator.counts.notes.insert(CloudNotes.needsInventory) }
    if lacksPacketAddresses { accumulator.counts.notes.insert(CloudNotes.needsPacketAddresses) }
  }
}

// MARK: - Text

extension AWSVPCDecoder {
  private mutating func decodeText(
    _ record: RawSpan,
    _ whole: Range<Int>,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    if isParquet {
      accumulator.discard(.unrelatedLine)
      return
    }
    if record.begins(with: "PAR1", in: whole) {
      isParquet = true
      accumulator.reject(line: line, AWSVPCDecoder.parquetAdvice)
      return
    }
    let range = AWSVPCDecoder.withoutTime(record, whole)
    let firstByte = record.byte(at: range.lowerBound)
    // Only a header begins with a letter that is small; values that do have digits or no known name.
    if 0x61...0x7a ~= firstByte,
      let header = AWSVPCLayout(header: record, in: range)
    {
      adopt(header, line: line, into: &accumulator)
      return
    }
    let current: AWSVPCLayout
    if let layout {
      current = layout
    } else if record.begins(with: "2 ", in: range) {
      current = .standard
    } else {
      let problem =
        AWSVPCDecoder.isTransitGateway(record, range)
        ? AWSVPCLayout.transitGatewayAdvice
        : "no header line before it, and not the default layout (give the layout with --fields)"
      accumulator.reject(line: line, problem)
      return
    }
    if let problem = current.problem {
      accumulator.reject(line: line, problem)
      return
    }
    // The next lines will have a time too, or have none.
    scanner?.hasLeadingTime = range.lowerBound > whole.lowerBound
    let found = current.read(record, in: range)
    if case .bad(.columnCount) = found, AWSVPCDecoder.isTransitGateway(record, range) {
      accumulator.reject(line: line, AWSVPCLayout.transitGatewayAdvice)
      return
    }
    take(found, origin: current.origin, line: line, into: &accumulator)
  }

  /// Takes over a header; lines of layouts that cannot be used are refused one by one later.
  private mutating func adopt(
    _ header: AWSVPCLayout,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    layout = header
    check = nil
    // A header is no record, but a line that must not be missing from the counts.
    accumulator.discard(.unrelatedLine)
  }

  /// The line without the time that an export to S3 puts first.
  static func withoutTime(_ record: RawSpan, _ range: Range<Int>) -> Range<Int> {
    var position = range.lowerBound
    guard range.count > 20, record.byte(at: range.lowerBound + 4) == UInt8(ascii: "-"),
      let token = record.nextToken(&position, before: range.upperBound),
      token.count >= 20, record.byte(at: token.lowerBound + 10) == UInt8(ascii: "T"),
      Timestamps.parse(bytes: record.extracting(token)) != nil,
      let next = record.nextToken(&position, before: range.upperBound)
    else { return range }
    return next.lowerBound..<range.upperBound
  }

  static func isTransitGateway(_ record: RawSpan, _ range: Range<Int>) -> Bool {
    var position = range.lowerBound
    while let token = record.nextToken(&position, before: range.upperBound) {
      if record.begins(with: "tgw-", in: token) || record.holds("TransitGateway", in: token) {
        return true
      }
    }
    return false
  }

  private static let parquetAdvice =
    "Parquet is not read; convert it with: duckdb -c \"COPY (FROM 'FILE.parquet') TO 'FILE.ndjson' "
    + "(FORMAT json)\""
}

// MARK: - JSON

extension AWSVPCDecoder {
  private mutating func decodeJSON(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    var values: [JSONValue] = []
    do {
      try record.forEachJSONValue { values.append($0) }
    } catch {
      accumulator.reject(line: line, "not JSON: \(error)")
    }
    for value in values { decode(value, depth: 0, line: line, into: &accumulator) }
  }

  private mutating func decode(
    _ value: JSONValue,
    depth: Int,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    switch CloudEnvelope.open(value, inflate: inflate) {
    case .control: accumulator.discard(.notAFlow)
    case .unreadable(let problem): accumulator.reject(line: line, problem)
    case .messages(let messages):
      for message in messages {
        let bytes = Array(message.text.utf8)
        let span = unsafe bytes.span.bytes
        let range = span.trimmedRange()
        guard !range.isEmpty else {
          accumulator.reject(line: line, "empty message")
          continue
        }
        decodeText(span, range, line: line, into: &accumulator)
      }
    case .objects(let objects):
      for object in objects {
        if case .object(let members) = object {
          if object == value || depth > 0 {
            decode(members, line: line, into: &accumulator)
          } else {
            decode(object, depth: depth + 1, line: line, into: &accumulator)
          }
        } else {
          accumulator.reject(line: line, "not a JSON object")
        }
      }
    }
  }

  /// A processed copy: field names as keys.
  private mutating func decode(
    _ object: JSONObject,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    var values = VPCFieldValues()
    var known = 0
    for member in object.members {
      guard let field = AWSVPCField(name: member.key) else { continue }
      if field == .transitGateway, member.value != .null, member.value.string != "-" {
        accumulator.reject(line: line, AWSVPCLayout.transitGatewayAdvice)
        return
      }
      if field != .ignored { known += 1 }
      values.take(field, member.value)
    }
    guard known >= 3 else {
      accumulator.reject(line: line, "not a VPC flow log record")
      return
    }
    take(values.line(), origin: .header, line: line, into: &accumulator)
  }
}

// MARK: - Counting

extension AWSVPCDecoder {
  private mutating func take(
    _ found: VPCLine,
    origin: AWSVPCLayout.Origin,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    switch found {
    case .record(let record):
      accumulator.sawRecord(at: record.start)
      sawTraffic = true
      if !record.hasPacketAddresses { lacksPacketAddresses = true }
      if origin == .options, let problem = look(at: record, line: line, into: &accumulator) {
        accumulator.reject(line: line, problem)
        return
      }
      table.add(record.conversationRecord, line: line, into: &accumulator)
    case .noData(let time):
      if let time = time ?? assumedTime { accumulator.sawRecord(at: time) }
      accumulator.discard(.coverageMarker)
    case .lost(let time):
      accumulator.lost(1, at: time ?? assumedTime)
      accumulator.discard(.coverageMarker)
    case .unused(let reason, let time):
      accumulator.sawRecord(at: time)
      switch reason {
      case .noVerdict:
        accumulator.counts.notes.insert(CloudNotes.noVerdict)
        accumulator.discard(.noVerdict)
      case .otherProtocol: accumulator.discard(.otherProtocol)
      case .middleInterface: accumulator.discard(.duplicateView)
      }
    case .bad(let problem):
      var text = AWSVPCDecoder.text(problem)
      if origin == .options { text += " (check --fields)" }
      accumulator.reject(line: line, text)
    }
  }

  /// Looks whether the first records fit the columns that the user gave.
  ///
  /// - Returns: What is wrong; then the columns and all records so far are refused.
  private mutating func look(
    at record: VPCRecord,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> String? {
    guard let resolver = accumulator.resolver, var looking = check else { return nil }
    looking.look(at: record, line: line, resolver)
    check = looking.isOver ? nil : looking
    guard let problem = looking.problem else { return nil }
    check = nil
    layout = layout?.refused(problem)
    table.removeAll()
    for earlier in looking.lines.dropLast() { accumulator.reject(line: earlier, problem) }
    return problem
  }

  private static func text(_ problem: VPCLine.Problem) -> String {
    switch problem {
    case .columnCount(let found, let expected):
      "\(found) columns where the layout has \(expected)"
    case .malformed(let field):
      switch field {
      case .sourceAddress, .destinationAddress, .packetSource, .packetDestination:
        "field \(field.name) is not an address"
      case .start, .end: "field \(field.name) is not a time in seconds"
      case .action: "field action is neither ACCEPT nor REJECT"
      case .interfaceID: "field interface-id is not an interface"
      default: "field \(field.name) has no valid value"
      }
    case .missing(let field): "field \(field.name) is missing"
    case .endsBeforeStart: "it ends before it starts"
    }
  }
}
