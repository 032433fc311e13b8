import FlowModel

/// Finds the record in what log shippers put around it, and takes white space out of it, without making a tree.
///
/// It is the quick way of ``ShipperEnvelope`` for the usual shapes: container runtimes' line prefixes and JSON,
/// Fluent Bit, Filebeat, Loki, journald, Elasticsearch, cloud logging; and records that a program wrote with
/// blanks between the tokens. What it finds is the record that ``ShipperEnvelope`` finds; whatever is not plainly
/// so it leaves to that.
struct RecordUnwrapper: Sendable {
  /// Members that hold the wrapped record as an object or as text, best first; see ``ShipperEnvelope``.
  private static let envelopeKeys = KeyTable(
    ShipperEnvelope.objectKeys + ShipperEnvelope.payloadKeys
  )
  /// Members by which an object that a payload key holds turns out to hold no record, or to hold it as text.
  private static let bodyKeys = KeyTable(
    ShipperEnvelope.metadataKeys + ShipperEnvelope.textKeys
  )
  private static let textKeys = KeyTable(ShipperEnvelope.textKeys)
  /// How many layers are taken away; more are left to the tree.
  private static let mostLayers = 4

  /// Members by which a record is known, in the order of the bits of what is found.
  private let recordKeys: KeyTable
  /// The bits of those after which no other member of the object matters.
  private let decisive: UInt64
  /// The record that was found, compact.
  private(set) var room = RecordRoom()
  private var spare = RecordRoom()

  /// Makes an unwrapper for records of a format.
  ///
  /// - Parameters:
  ///   - decisive: Members by which a record is known whatever stands beside them.
  ///   - others: Members by which one is known that matter only together with others.
  init(decisive: [String], others: [String]) {
    recordKeys = KeyTable(decisive + others)
    self.decisive = 1 << UInt64(decisive.count) - 1
  }

  /// Gives up the record, which lets it be scanned while its owner changes.
  mutating func takeRoom() -> RecordRoom {
    var taken = RecordRoom()
    swap(&taken, &room)
    return taken
  }

  /// Takes back what ``takeRoom()`` gave, to be used again.
  mutating func giveBack(_ room: consuming RecordRoom) { self.room = room }

  /// Finds the record in a line or value.
  ///
  /// - Parameters:
  ///   - record: Begins with a container runtime's prefix or with the object.
  ///   - start: Where to begin; white space may follow.
  /// - Returns: The bits of the members by which the record is known, of which those are missing that stand behind a
  ///   decisive one; 0 when the tree must look. The record is in ``room``.
  mutating func unwrap(_ record: RawSpan, from start: Int) -> UInt64 {
    var start = start
    while start < record.byteCount, RawSpan.isBlank(record.byte(at: start)) { start += 1 }
    guard start < record.byteCount,
      record.byte(at: start) == UInt8(ascii: "{"),
      room.take(record.extracting(start..<record.byteCount))
    else { return 0 }
    var isBody = false
    for _ in 0..<RecordUnwrapper.mostLayers {
      var step = look(isBody: isBody)
      if step == .spaced {
        guard spare.compact(room) else { return 0 }
        swap(&room, &spare)
        step = look(isBody: isBody)
      }
      switch step {
      case .record(let keys): return keys
      case .object(let range, let body):
        room.keep(range)
        isBody = body
      case .text(let range):
        guard spare.unescape(room, range) else { return 0 }
        swap(&room, &spare)
        dropPrefix()
        isBody = false
      case .spaced, .unknown: return 0
      }
    }
    return 0
  }

  /// Takes a container runtime's prefix off the text in the room.
  private mutating func dropPrefix() {
    guard let payload = payloadOffset() else { return }
    room.keep(RecordRoom.margin + payload..<RecordRoom.margin + room.count)
  }

  private func payloadOffset() -> Int? {
    // The span lives for the call only.
    let text = unsafe room.bytes.span.bytes
    return ShipperEnvelope.criPayloadOffset(
      text.extracting(RecordRoom.margin..<RecordRoom.margin + room.count)
    )
  }

  // MARK: One layer

  private enum Step: Equatable {
    /// A record, known by members.
    case record(UInt64)
    /// An object inside; whether it may turn out to hold no record.
    case object(Range<Int>, isBody: Bool)
    /// Text inside, between its quotes.
    case text(Range<Int>)
    /// White space between tokens.
    case spaced
    /// Something else.
    case unknown
  }

  /// Looks at the members of the object in the room.
  private func look(isBody: Bool) -> Step {
    // The span lives as long as the room is not changed.
    let bytes = unsafe room.bytes.span.bytes
    let end = RecordRoom.margin + room.count
    var position = RecordRoom.margin
    guard bytes.knownByte(at: position) == UInt8(ascii: "{") else { return .unknown }
    var found: UInt64 = 0
    var payloads = Payloads()
    repeat {
      position &+= 1
      let key = position &+ 1
      if RawSpan.isBlank(bytes.knownByte(at: position)) { return .spaced }
      let value = bytes.plainKeyEnd(position)
      guard value >= 0 else { return spacedOrUnknown(bytes, position) }
      if RawSpan.isBlank(bytes.knownByte(at: value)) { return .spaced }
      let length = value &- key &- 2
      if let number = recordKeys.number(bytes, key, length) {
        found |= 1 &<< UInt64(number)
        if found & decisive != 0, !isBody { return .record(found) }
      }
      if isBody, RecordUnwrapper.bodyKeys.number(bytes, key, length) != nil { return .unknown }
      position = bytes.skipValue(value)
      guard position >= 0 else { return .spaced }
      if found == 0, let rank = RecordUnwrapper.envelopeKeys.number(bytes, key, length) {
        guard payloads.take(bytes, value..<position, rank: rank) else { return .unknown }
      }
    } while bytes.knownByte(at: position) == UInt8(ascii: ",")
    if RawSpan.isBlank(bytes.knownByte(at: position)), position < end { return .spaced }
    guard bytes.knownByte(at: position) == UInt8(ascii: "}"), position &+ 1 == end else {
      return .unknown
    }
    return found != 0 ? .record(found) : payloads.best(bytes)
  }

  private func spacedOrUnknown(_ bytes: RawSpan, _ quote: Int) -> Step {
    guard bytes.knownByte(at: quote) == UInt8(ascii: "\"") else { return .unknown }
    let end = bytes.plainStringEnd(quote &+ 1)
    return end >= 0 && RawSpan.isBlank(bytes.knownByte(at: end &+ 1)) ? .spaced : .unknown
  }
}

extension RecordUnwrapper {
  /// The members of one object that may hold the record, of which ``ShipperEnvelope/unwrap(_:)`` takes one.
  private struct Payloads {
    private var seen: UInt64 = 0
    /// The best member that holds an object by its very name.
    private var envelope: (rank: Int, range: Range<Int>)?
    /// The best one that holds text.
    private var text: (rank: Int, range: Range<Int>)?
    /// Those that hold objects, which may be the record or metadata.
    private var bodies: [(rank: Int, range: Range<Int>)] = []

    /// Notes a member; false where only the tree can tell.
    mutating func take(_ bytes: RawSpan, _ value: Range<Int>, rank: Int) -> Bool {
      // Of a key given twice the last one counts: that is for the tree.
      guard seen & 1 &<< UInt64(rank) == 0 else { return false }
      seen |= 1 &<< UInt64(rank)
      let isObjectKey = rank < ShipperEnvelope.objectKeys.count
      switch bytes.knownByte(at: value.lowerBound) {
      case UInt8(ascii: "{"):
        if !isObjectKey {
          bodies.append((rank, value))
        } else if rank < envelope?.rank ?? .max {
          envelope = (rank, value)
        }
      case UInt8(ascii: "\""):
        switch bytes.knownByte(at: value.lowerBound + 1) {
        // What JSON, an escape, or a container runtime's time begins with.
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\\"), 0x20, 0x30...0x39:
          if !isObjectKey, rank < text?.rank ?? .max {
            text = (rank, value.lowerBound + 1..<value.upperBound - 1)
          }
        default: break
        }
      // journald's text as an array of bytes.
      case UInt8(ascii: "["): return false
      default: break
      }
      return true
    }

    /// What is taken of them.
    func best(_ bytes: RawSpan) -> Step {
      if let envelope { return .object(envelope.range, isBody: false) }
      let body = bodies.min { $0.rank < $1.rank }
      // OpenTelemetry and Elastic have objects with text in them, which comes before other objects.
      for other in bodies where other.rank < text?.rank ?? .max {
        if text == nil, other.rank == body?.rank { continue }
        guard RecordUnwrapper.holdsNoText(bytes, other.range) else { return .unknown }
      }
      if let text { return .text(text.range) }
      return body.map { .object($0.range, isBody: true) } ?? .unknown
    }
  }

  /// Whether an object has no member with text that may be the record.
  private static func holdsNoText(_ bytes: RawSpan, _ object: Range<Int>) -> Bool {
    var position = object.lowerBound
    if bytes.knownByte(at: position &+ 1) == UInt8(ascii: "}") { return true }
    repeat {
      let key = position &+ 2
      let value = bytes.plainKeyEnd(position &+ 1)
      guard value >= 0, textKeys.number(bytes, key, value &- key &- 2) == nil else { return false }
      position = bytes.skipValue(value)
    } while position >= 0 && bytes.knownByte(at: position) == UInt8(ascii: ",")
    return position &+ 1 == object.upperBound
  }
}
