import FlowAggregation
import FlowModel
import JSONText

/// Knows the `source` and `destination` objects that were seen before by their bytes.
///
/// Objects of the pods of one workload differ in `ID`, which is of no use, and in `pod_name`. So an object
/// is remembered as the bytes before the pod's name and the bytes behind it; an object whose bytes are the
/// same there has the same end, and its length is known without looking for its closing brace. Every byte
/// of it is compared or, in the number and the name, scanned. Objects whose end depends on the pod's name,
/// and those in unusual form, are remembered whole.
///
/// The ends are indices into one accumulator: a memo must never be used with two.
struct HubbleEndMemo: Sendable {
  /// Where an object stands and what is known of it.
  struct Found {
    /// The end of the template that fits; nil when none does.
    ///
    /// Not the template itself: settling the one end of a record may make room by forgetting all of them.
    var known: HubbleEnd?
    /// Offset of the object's brace; -1 when the record has no such object.
    var start = -1
    /// Offset behind the object; -1 when it is malformed.
    var end = -1
    /// Offset of the pod's name.
    var nameStart = 0
    /// Length of the pod's name.
    var nameCount = 0
  }

  private struct Template {
    var hash: UInt64
    var offset: UInt32
    /// Bytes from the first member behind `ID` to the pod's name; the whole rest when there is no tail.
    var headCount: UInt32
    /// Bytes from the quote behind the pod's name; 0 when the object was remembered whole.
    var tailCount: UInt32
    var end: HubbleEnd
  }

  /// The most templates of one hash that are compared.
  private static let mostCandidates = 8
  /// How many bytes are hashed to find a template; they hold the identity.
  private static let hashedCount = 32
  private static let fewestSlots = 256

  private let limit: Int
  private var arena: [UInt8] = []
  private var templates: [Template] = []
  private var slots = [UInt32](repeating: 0, count: HubbleEndMemo.fewestSlots)
  private var whole: ByteMemo
  private var podNames: ByteMemo
  private var labelKeys = HubbleLabelKeys()

  /// Makes a memo that takes at most about one and a half times `limit` bytes.
  init(limit: Int) {
    self.limit = min(limit, Int(UInt32.max))
    whole = ByteMemo(limit: limit / 4)
    podNames = ByteMemo(limit: limit / 4)
  }

  /// Forgets everything.
  mutating func removeAll() {
    removeTemplates()
    whole.removeAll()
    podNames.removeAll()
  }

  private mutating func removeTemplates() {
    arena.removeAll(keepingCapacity: true)
    templates.removeAll(keepingCapacity: true)
    slots = Array(repeating: 0, count: HubbleEndMemo.fewestSlots)
  }

  // MARK: Finding

  /// Finds the end of an object, and its template if it has one.
  ///
  /// - Returns: The offset behind the object, -1 when it is malformed.
  @inline(never)
  func find(_ bytes: RawSpan, _ start: Int, _ found: inout Found) -> Int {
    found.start = start
    guard bytes.knownByte(at: start) == UInt8(ascii: "{") else { return -1 }
    let body = HubbleEndMemo.bodyStart(bytes, start)
    if body > 0 {
      let hash = HubbleEndMemo.hash(bytes, body)
      let mask = slots.count &- 1
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] != 0 {
        let index = Int(slots[slot]) &- 1
        if templates[index].hash == hash, fits(index, bytes, body, &found) {
          found.known = templates[index].end
          return found.end
        }
        slot = (slot &+ 1) & mask
      }
    }
    found.end = bytes.skipValue(start)
    return found.end
  }

  @inline(__always)
  private func fits(_ index: Int, _ bytes: RawSpan, _ body: Int, _ found: inout Found) -> Bool {
    let offset = Int(templates[index].offset)
    let headCount = Int(templates[index].headCount)
    let tailCount = Int(templates[index].tailCount)
    // The span of the arena lives for this comparison only.
    guard unsafe bytes.equals(body, arena.span.bytes, offset, count: headCount) else {
      return false
    }
    let nameStart = body &+ headCount
    if tailCount == 0 {
      found.end = nameStart
      return true
    }
    let nameEnd = bytes.plainStringEnd(nameStart)
    guard nameEnd > nameStart,
      // As above.
      unsafe bytes.equals(nameEnd, arena.span.bytes, offset &+ headCount, count: tailCount)
    else { return false }
    found.nameStart = nameStart
    found.nameCount = nameEnd &- nameStart
    found.end = nameEnd &+ tailCount
    return true
  }

  /// The offset behind `{`, or behind `{"ID":1234,`, if the identity follows there; else -1.
  @inline(__always)
  private static func bodyStart(_ bytes: RawSpan, _ start: Int) -> Int {
    var body = start &+ 1
    // `"ID":`
    if bytes.knownWord(at: body) & 0xff_ffff_ffff == 0x3a_2244_4922 {
      var number = 0
      let end = bytes.scanNumber(body &+ 5, &number)
      guard end >= 0, bytes.knownByte(at: end) == UInt8(ascii: ",") else { return -1 }
      body = end &+ 1
    }
    // `"identit`
    return bytes.knownWord(at: body) == 0x7469_746e_6564_6922 ? body : -1
  }

  @inline(__always)
  private static func hash(_ bytes: RawSpan, _ body: Int) -> UInt64 {
    var hash: UInt64 = 0
    for offset in stride(from: 0, to: hashedCount, by: 8) {
      hash = RawSpan.mix(hash, bytes.knownWord(at: body &+ offset))
    }
    return hash
  }

  // MARK: Settling

  /// The end of an object that was found in a record that is valid as a whole.
  @inline(__always)
  mutating func end(
    _ found: Found,
    _ bytes: RawSpan,
    into accumulator: inout EvidenceAccumulator
  ) -> HubbleEnd {
    if let end = found.known {
      if end.kind == .pod, found.nameCount > 0 {
        remember(found.nameStart, found.nameCount, of: end.index, bytes, into: &accumulator)
      }
      return end
    }
    return found.start < 0 ? .unknown : newEnd(found, bytes, into: &accumulator)
  }

  /// Sees to it that the accumulator knows whose name a pod's name is.
  @inline(__always)
  private mutating func remember(
    _ start: Int,
    _ count: Int,
    of index: UInt32,
    _ bytes: RawSpan,
    into accumulator: inout EvidenceAccumulator
  ) {
    let hash = ByteMemo.hash(bytes, start, count: count, group: index)
    guard podNames.value(bytes, start, count: count, group: index, hash: hash) == nil else {
      return
    }
    rememberNew(start, count, of: index, hash: hash, bytes, into: &accumulator)
  }

  @inline(never)
  private mutating func rememberNew(
    _ start: Int,
    _ count: Int,
    of index: UInt32,
    hash: UInt64,
    _ bytes: RawSpan,
    into accumulator: inout EvidenceAccumulator
  ) {
    podNames.insert(0, bytes, start, count: count, group: index, hash: hash)
    accumulator.remember(pod: bytes.extracting(start..<start + count), as: index)
  }

  /// Notes that the accumulator knows whose name a pod's name is.
  private mutating func noteName(_ start: Int, _ count: Int, of index: UInt32, _ bytes: RawSpan) {
    let hash = ByteMemo.hash(bytes, start, count: count, group: index)
    guard podNames.value(bytes, start, count: count, group: index, hash: hash) == nil else {
      return
    }
    podNames.insert(0, bytes, start, count: count, group: index, hash: hash)
  }

  /// Reads an object that has no template.
  @inline(never)
  private mutating func newEnd(
    _ found: Found,
    _ bytes: RawSpan,
    into accumulator: inout EvidenceAccumulator
  ) -> HubbleEnd {
    let count = found.end - found.start
    let hash = ByteMemo.hash(bytes, found.start, count: count, group: 0)
    if let known = whole.value(bytes, found.start, count: count, group: 0, hash: hash) {
      return HubbleEnd(packed: known)
    }
    let reading: HubbleEndpointReader.Reading
    if let pod = labelKeys.pod(bytes, found.start) {
      reading = pod.classify(into: &accumulator)
    } else {
      let object = try? JSONParser.parse(bytes.extracting(found.start..<found.end))
      reading = HubbleEndpointReader.reading(object, into: &accumulator)
    }
    if !insertTemplate(found, reading, bytes) {
      whole.insert(
        reading.end.packed,
        bytes,
        found.start,
        count: count,
        group: 0,
        hash: hash
      )
    }
    return reading.end
  }

  /// Remembers an object without its pod's name; false when it has to be remembered whole.
  private mutating func insertTemplate(
    _ found: Found,
    _ reading: HubbleEndpointReader.Reading,
    _ bytes: RawSpan
  ) -> Bool {
    let body = HubbleEndMemo.bodyStart(bytes, found.start)
    guard body > 0, !reading.dependsOnName else { return false }
    let shape = HubbleEndMemo.shape(bytes, body)
    guard shape.isUsual else { return false }
    let count = found.end - body - shape.nameCount
    let cost = count + MemoryLayout<Template>.size
    guard cost <= limit, found.end - body >= 8 else { return false }
    let hash = HubbleEndMemo.hash(bytes, body)
    guard candidates(of: hash) < HubbleEndMemo.mostCandidates else { return false }
    if arena.count + templates.count * MemoryLayout<Template>.size + cost > limit {
      removeTemplates()
    }
    let headCount = shape.nameCount > 0 ? shape.nameStart - body : count
    if reading.end.kind == .pod, shape.nameCount > 0 {
      noteName(shape.nameStart, shape.nameCount, of: reading.end.index, bytes)
    }
    templates.append(
      Template(
        hash: hash,
        offset: UInt32(arena.count),
        headCount: UInt32(headCount),
        tailCount: UInt32(count - headCount),
        end: reading.end
      )
    )
    arena.append(bytes, body, count: headCount)
    arena.append(bytes, found.end - (count - headCount), count: count - headCount)
    if templates.count * 2 > slots.count {
      slots = Array(repeating: 0, count: slots.count * 2)
      for index in templates.indices { place(index) }
    } else {
      place(templates.count - 1)
    }
    return true
  }

  private func candidates(of hash: UInt64) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    var count = 0
    while slots[slot] != 0 {
      if templates[Int(slots[slot]) - 1].hash == hash { count += 1 }
      slot = (slot + 1) & mask
    }
    return count
  }

  private mutating func place(_ index: Int) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: templates[index].hash) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = UInt32(index + 1)
  }

  private struct Shape {
    var isUsual = false
    var nameStart = 0
    var nameCount = 0
  }

  /// Looks for the pod's name among the members of a valid object, from one of them on.
  private static func shape(_ bytes: RawSpan, _ body: Int) -> Shape {
    var shape = Shape()
    var position = body
    while true {
      let key = bytes.token(position + 1)
      guard key.length >= 0 else { return shape }
      position += key.length + 3
      // Two names, another spelling of it or a second number: remember such an object whole.
      if key.is(.camelPodName) || key.is(.id) { return shape }
      let end = bytes.skipValue(position)
      guard end > 0 else { return shape }
      if key.is(.podName) {
        let nameEnd =
          bytes.knownByte(at: position) == UInt8(ascii: "\"")
          ? bytes.plainStringEnd(position + 1) : -1
        guard shape.nameCount == 0, nameEnd > position + 1 else { return shape }
        shape.nameStart = position + 1
        shape.nameCount = nameEnd - position - 1
      }
      if bytes.knownByte(at: end) == UInt8(ascii: "}") {
        shape.isUsual = true
        return shape
      }
      position = end + 1
    }
  }
}

extension HubbleEnd {
  /// Kind and index in one number.
  var packed: UInt64 { UInt64(kind.rawValue) << 32 | UInt64(index) }

  /// Takes kind and index apart.
  init(packed: UInt64) {
    kind = Kind(rawValue: UInt8(truncatingIfNeeded: packed >> 32)) ?? .unknown
    index = UInt32(truncatingIfNeeded: packed)
  }
}
