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
    /// Where that template is, and of which time; all may be forgotten.
    var template = 0
    var generation: UInt32 = 0
    /// Whether the pod's name is one of those that the template had last.
    var isNameKnown = false
    /// Offset of the object's brace; -1 when the record has no such object.
    var start = -1
    /// Offset behind the object; -1 when it is malformed.
    var end = -1
    /// Offset of the pod's name.
    var nameStart = 0
    /// Length of the pod's name.
    var nameCount = 0
  }

  /// What stands in the arena, one behind the other and filled up to a multiple of eight bytes, so that what a
  /// lookup reads lies together.
  private enum Template {
    /// Offset of the hash.
    static let hash = 0
    /// Offset of the end, packed.
    static let end = 8
    /// Offset of the counts of the bytes from the first member behind `ID` to the pod's name (all when there
    /// is no tail), and of those from the quote behind the name (0 when the object was remembered whole).
    static let counts = 16
    /// Offset of the names the pod had last: each with its length in a byte before it.
    static let names = 24
    /// How many names there are, and the room of each.
    static let nameCount = 3
    static let nameRoom = 40
    /// Offset of the object's bytes.
    static let bytes = names + nameCount * nameRoom

    /// The bytes of one whose object has so many.
    static func size(_ count: Int) -> Int { (bytes + count + 7) & ~7 }
  }

  /// The most templates of one hash that are compared.
  private static let mostCandidates = 8
  /// How many bytes are hashed to find a template; they hold the identity.
  private static let hashedCount = 32
  private static let fewestSlots = 256

  private let limit: Int
  private var arena: [UInt8] = []
  private var templateCount = 0
  /// Rises when all templates are forgotten.
  private var generation: UInt32 = 0
  /// Offsets of templates in units of eight bytes, + 1.
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
    templateCount = 0
    generation &+= 1
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
      // The span of the arena lives for this lookup only.
      let known = unsafe arena.span.bytes
      while slots[slot] != 0 {
        let template = (Int(slots[slot]) &- 1) &* 8
        if known.word(at: template) == hash, fits(template, known, bytes, body, &found) {
          found.known = HubbleEnd(packed: known.word(at: template &+ Template.end))
          found.template = template
          found.generation = generation
          return found.end
        }
        slot = (slot &+ 1) & mask
      }
    }
    found.end = bytes.skipValue(start)
    return found.end
  }

  @inline(__always)
  private func fits(
    _ template: Int,
    _ known: RawSpan,
    _ bytes: RawSpan,
    _ body: Int,
    _ found: inout Found
  ) -> Bool {
    let counts = known.word(at: template &+ Template.counts)
    let headCount = Int(truncatingIfNeeded: counts & 0xffff_ffff)
    let tailCount = Int(truncatingIfNeeded: counts &>> 32)
    let head = template &+ Template.bytes
    guard bytes.equals(body, known, head, count: headCount) else { return false }
    let nameStart = body &+ headCount
    if tailCount == 0 {
      found.end = nameStart
      return true
    }
    let nameEnd = bytes.plainStringEnd(nameStart)
    guard nameEnd > nameStart,
      bytes.equals(nameEnd, known, head &+ headCount, count: tailCount)
    else { return false }
    found.nameStart = nameStart
    found.nameCount = nameEnd &- nameStart
    found.end = nameEnd &+ tailCount
    found.isNameKnown = HubbleEndMemo.isNamed(
      template &+ Template.names,
      known,
      bytes,
      nameStart,
      count: found.nameCount
    )
    return true
  }

  /// Whether a name is one of those that a template had last: then nothing is to be noted.
  @inline(__always)
  private static func isNamed(
    _ names: Int,
    _ known: RawSpan,
    _ bytes: RawSpan,
    _ start: Int,
    count: Int
  ) -> Bool {
    for index in 0..<Template.nameCount {
      let name = names &+ index &* Template.nameRoom
      if Int(known.knownByte(at: name)) == count,
        bytes.equals(start, known, name &+ 1, count: count)
      {
        return true
      }
    }
    return false
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
      if end.kind == .pod, found.nameCount > 0, !found.isNameKnown {
        remember(found, of: end.index, bytes, into: &accumulator)
      }
      return end
    }
    return found.start < 0 ? .unknown : newEnd(found, bytes, into: &accumulator)
  }

  /// Sees to it that the accumulator knows whose name a pod's name is.
  @inline(never)
  private mutating func remember(
    _ found: Found,
    of index: UInt32,
    _ bytes: RawSpan,
    into accumulator: inout EvidenceAccumulator
  ) {
    let (start, count) = (found.nameStart, found.nameCount)
    if noteName(start, count, of: index, bytes) {
      accumulator.remember(pod: bytes.extracting(start..<start + count), as: index)
    }
    if found.generation == generation {
      putName(start, count, bytes, at: found.template + Template.names)
    }
  }

  /// Puts a name before the others that a template had last.
  private mutating func putName(_ start: Int, _ count: Int, _ bytes: RawSpan, at names: Int) {
    let room = Template.nameRoom
    guard count < room else { return }
    let name = bytes.extracting(start..<start + count)
    // Both pointers are used inside the closures only, and within the room of the names.
    unsafe arena.withUnsafeMutableBytes { arena in
      let first = unsafe UnsafeMutableRawBufferPointer(
        rebasing: arena[names..<names + Template.nameCount * room]
      )
      guard let base = first.baseAddress else { return }
      unsafe (base + room).copyMemory(from: base, byteCount: (Template.nameCount - 1) * room)
      unsafe base.storeBytes(of: UInt8(truncatingIfNeeded: count), as: UInt8.self)
      unsafe name.withUnsafeBytes { name in
        guard let text = name.baseAddress else { return }
        unsafe (base + 1).copyMemory(from: text, byteCount: count)
      }
    }
  }

  /// Notes that the accumulator knows whose name a pod's name is; false when that was noted before.
  private mutating func noteName(
    _ start: Int,
    _ count: Int,
    of index: UInt32,
    _ bytes: RawSpan
  ) -> Bool {
    let hash = ByteMemo.hash(bytes, start, count: count, group: index)
    guard podNames.value(bytes, start, count: count, group: index, hash: hash) == nil else {
      return false
    }
    podNames.insert(0, bytes, start, count: count, group: index, hash: hash)
    return true
  }

  /// Reads an object that has no template.
  @inline(never)
  private mutating func newEnd(
    _ found: Found,
    _ bytes: RawSpan,
    into accumulator: inout EvidenceAccumulator
  ) -> HubbleEnd {
    let count = found.end - found.start
    func hash() -> UInt64 { ByteMemo.hash(bytes, found.start, count: count, group: 0) }
    // Few logs have objects that are remembered whole.
    if !whole.isEmpty,
      let known = whole.value(bytes, found.start, count: count, group: 0, hash: hash())
    {
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
        hash: hash()
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
    let size = Template.size(count)
    guard size <= limit, count <= UInt32.max, found.end - body >= 8 else { return false }
    let hash = HubbleEndMemo.hash(bytes, body)
    guard candidates(of: hash) < HubbleEndMemo.mostCandidates else { return false }
    if arena.count + size > limit { removeTemplates() }
    let headCount = shape.nameCount > 0 ? shape.nameStart - body : count
    let template = arena.count
    arena.append(word: hash)
    arena.append(word: reading.end.packed)
    arena.append(word: UInt64(headCount) | UInt64(count - headCount) << 32)
    arena.append(contentsOf: repeatElement(0, count: Template.bytes - Template.names))
    arena.append(bytes, body, count: headCount)
    arena.append(bytes, found.end - (count - headCount), count: count - headCount)
    arena.append(contentsOf: repeatElement(0, count: template + size - arena.count))
    if reading.end.kind == .pod, shape.nameCount > 0 {
      // Reading the object told the accumulator of the name.
      _ = noteName(shape.nameStart, shape.nameCount, of: reading.end.index, bytes)
      putName(shape.nameStart, shape.nameCount, bytes, at: template + Template.names)
    }
    templateCount += 1
    if templateCount * 2 > slots.count { grow() } else { place(hash, template) }
    return true
  }

  private func candidates(of hash: UInt64) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    var count = 0
    while slots[slot] != 0 {
      // The span of the arena lives for one load.
      if unsafe arena.span.bytes.word(at: (Int(slots[slot]) - 1) * 8) == hash { count += 1 }
      slot = (slot + 1) & mask
    }
    return count
  }

  private mutating func place(_ hash: UInt64, _ template: Int) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = UInt32(template / 8 + 1)
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    var template = 0
    while template < arena.count {
      // The spans of the arena live for one load each.
      let hash = unsafe arena.span.bytes.word(at: template)
      let counts = unsafe arena.span.bytes.word(at: template + Template.counts)
      place(hash, template)
      template += Template.size(Int(counts & 0xffff_ffff) + Int(counts >> 32))
    }
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
