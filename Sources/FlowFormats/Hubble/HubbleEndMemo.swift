import CPrefetch
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
    /// That template, or the one that is taken to fit, and of which time; all may be forgotten.
    fileprivate var slot = HubbleEndSlot()
    fileprivate var generation: UInt32 = 0
    /// Whether a template is taken to fit that was not compared yet.
    fileprivate(set) var isAssumed = false
    /// Whether the pod's name is one of those that the template had last.
    fileprivate var isNameKnown = false
    /// Offset of the object's brace; -1 when the record has no such object.
    fileprivate var start = -1
    /// Offset of the first member behind `ID`.
    fileprivate var body = 0
    /// Offset behind the object; -1 when it is malformed.
    fileprivate var end = -1
    /// Offset of the pod's name.
    fileprivate var nameStart = 0
    /// Length of the pod's name.
    fileprivate var nameCount = 0

    /// Whether the record has such an object and no template is there for it.
    var isNew: Bool { start >= 0 && known == nil && !isAssumed }
  }

  /// The most templates of one hash that are compared.
  private static let mostCandidates = 8
  /// How many bytes are hashed to find a template; they hold the identity.
  private static let hashedCount = 32
  private static let fewestSlots = 256
  /// So many bytes of templates lie in the caches next to a core: comparing with them hardly waits.
  static let nearCount = 4 << 20

  private let limit: Int
  private let nearCount: Int
  private var arena: [UInt8] = []
  private var templateCount = 0
  /// Rises when all templates are forgotten.
  private var generation: UInt32 = 0
  private var slots = [HubbleEndSlot](repeating: HubbleEndSlot(), count: HubbleEndMemo.fewestSlots)
  private var whole: ByteMemo
  private var podNames: ByteMemo
  private var labelKeys = HubbleLabelKeys()

  /// Makes a memo that takes at most about one and a half times `limit` bytes.
  ///
  /// - Parameter nearCount: How many bytes of templates are compared without waiting for them.
  init(limit: Int, nearCount: Int = HubbleEndMemo.nearCount) {
    self.limit = min(limit, HubbleEndSlot.mostBytes)
    self.nearCount = nearCount
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
    slots = Array(repeating: HubbleEndSlot(), count: HubbleEndMemo.fewestSlots)
  }

  // MARK: Finding

  /// Whether comparing an object with its template may wait for memory so long that it pays to assume what it is.
  @inline(__always)
  var isFar: Bool { arena.count > nearCount }

  /// Finds the end of an object, and its template if it has one.
  ///
  /// To compare an object with its template waits for memory when there are thousands of them. So it may be
  /// assumed to be that of the only template with its hash, whose memory is then asked for and whose length is
  /// taken as the object's. ``confirm(_:_:)`` must compare them, and what was read behind a wrong end be forgotten.
  ///
  /// - Parameter assuming: Whether that may be done.
  /// - Returns: The offset behind the object, -1 when it is malformed.
  @inline(never)
  func find(_ bytes: RawSpan, _ start: Int, assuming: Bool, _ found: inout Found) -> Int {
    found.start = start
    guard bytes.knownByte(at: start) == UInt8(ascii: "{") else { return -1 }
    let body = HubbleEndMemo.bodyStart(bytes, start)
    if body > 0 {
      let hash = HubbleEndMemo.hash(bytes, body)
      let mask = slots.count &- 1
      var slot = Int(truncatingIfNeeded: hash) & mask
      var mayBeOnly = assuming
      while !slots[slot].isEmpty {
        let candidate = slots[slot]
        if candidate.mayHave(hash) {
          if HubbleEndMemo.measure(candidate, bytes, body, &found) {
            found.slot = candidate
            found.generation = generation
            if mayBeOnly, isLast(slot, hash) {
              found.isAssumed = true
              askForMemory(of: candidate)
              return found.end
            }
            if fits(&found, bytes) { return found.end }
          }
          mayBeOnly = false
        }
        slot = (slot &+ 1) & mask
      }
    }
    found.end = bytes.skipValue(start)
    return found.end
  }

  /// Whether an object as long as a slot's template lies before the last line feed; notes where its name is.
  ///
  /// Nothing behind that line feed may be read, whatever the bytes are.
  @inline(__always)
  private static func measure(
    _ slot: HubbleEndSlot,
    _ bytes: RawSpan,
    _ body: Int,
    _ found: inout Found
  ) -> Bool {
    let limit = bytes.byteCount &- RawSpan.scanSlack &- 1
    found.body = body
    found.nameStart = body &+ slot.head
    found.nameCount = 0
    found.end = found.nameStart
    guard found.nameStart < limit else { return false }
    if slot.tail > 0 {
      let nameEnd = bytes.plainStringEnd(found.nameStart)
      guard nameEnd > found.nameStart else { return false }
      found.nameCount = nameEnd &- found.nameStart
      found.end = nameEnd &+ slot.tail
    }
    return found.end <= limit
  }

  /// Whether no template behind a slot may have the same hash.
  @inline(__always)
  private func isLast(_ slot: Int, _ hash: UInt64) -> Bool {
    let mask = slots.count &- 1
    var next = (slot &+ 1) & mask
    while !slots[next].isEmpty {
      if slots[next].mayHave(hash) { return false }
      next = (next &+ 1) & mask
    }
    return true
  }

  @inline(__always)
  private func askForMemory(of slot: HubbleEndSlot) {
    // Nothing is read, and the template lies in the arena.
    unsafe arena.withUnsafeBytes { arena in
      guard let base = arena.baseAddress else { return }
      unsafe flowlearn_prefetch(
        base + slot.template,
        HubbleEndTemplate.bytes + slot.head + slot.tail
      )
    }
  }

  /// Compares an object that was taken to be that of a template with it.
  ///
  /// - Returns: Whether it is; if not, its end is not what it was taken for.
  @inline(__always)
  func confirm(_ found: inout Found, _ bytes: RawSpan) -> Bool {
    guard found.isAssumed else { return true }
    found.isAssumed = false
    return found.generation == generation && fits(&found, bytes)
  }

  /// Whether the template of a slot is that of an object whose length it has; takes over what it knows.
  @inline(__always)
  private func fits(_ found: inout Found, _ bytes: RawSpan) -> Bool {
    let slot = found.slot
    let head = slot.template &+ HubbleEndTemplate.bytes
    // The span of the arena lives for this lookup only.
    let known = unsafe arena.span.bytes
    guard bytes.equals(found.body, known, head, count: slot.head) else { return false }
    if slot.tail > 0 {
      let nameEnd = found.nameStart &+ found.nameCount
      guard bytes.equals(nameEnd, known, head &+ slot.head, count: slot.tail) else { return false }
      found.isNameKnown = HubbleEndMemo.isNamed(
        slot.template &+ HubbleEndTemplate.names,
        known,
        bytes,
        found.nameStart,
        count: found.nameCount
      )
    }
    found.known = HubbleEnd(packed: known.word(at: slot.template &+ HubbleEndTemplate.end))
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
    for index in 0..<HubbleEndTemplate.nameCount {
      let name = names &+ index &* HubbleEndTemplate.nameRoom
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
  static func bodyStart(_ bytes: RawSpan, _ start: Int) -> Int {
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
      putName(start, count, bytes, at: found.slot.template + HubbleEndTemplate.names)
    }
  }

  /// Puts a name before the others that a template had last.
  private mutating func putName(_ start: Int, _ count: Int, _ bytes: RawSpan, at names: Int) {
    let room = HubbleEndTemplate.nameRoom
    guard count < room else { return }
    let name = bytes.extracting(start..<start + count)
    // Both pointers are used inside the closures only, and within the room of the names.
    unsafe arena.withUnsafeMutableBytes { arena in
      let first = unsafe UnsafeMutableRawBufferPointer(
        rebasing: arena[names..<names + HubbleEndTemplate.nameCount * room]
      )
      guard let base = first.baseAddress else { return }
      unsafe (base + room).copyMemory(
        from: base,
        byteCount: (HubbleEndTemplate.nameCount - 1) * room
      )
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
    let body = HubbleEndMemo.bodyStart(bytes, found.start)
    let shape: Shape
    if let pod = labelKeys.pod(bytes, found.start) {
      reading = pod.reader.classify(into: &accumulator)
      shape = pod.shape
    } else {
      let object = try? JSONParser.parse(bytes.extracting(found.start..<found.end))
      reading = HubbleEndpointReader.reading(object, into: &accumulator)
      shape = body > 0 ? HubbleEndMemo.shape(bytes, body) : Shape()
    }
    if body <= 0 || !shape.isUsual || !insertTemplate(found, body, shape, reading, bytes) {
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
    _ body: Int,
    _ shape: Shape,
    _ reading: HubbleEndpointReader.Reading,
    _ bytes: RawSpan
  ) -> Bool {
    guard !reading.dependsOnName else { return false }
    let count = found.end - body - shape.nameCount
    let headCount = shape.nameCount > 0 ? shape.nameStart - body : count
    let size = HubbleEndTemplate.size(count)
    guard size <= limit, headCount > 0, max(headCount, count - headCount) <= HubbleEndSlot.mostCount
    else {
      return false
    }
    let hash = HubbleEndMemo.hash(bytes, body)
    guard candidates(of: hash) < HubbleEndMemo.mostCandidates else { return false }
    if arena.count + size > limit { removeTemplates() }
    // All of it at once: memory that is not used yet costs nothing, growing would copy what is there.
    if arena.isEmpty { arena.reserveCapacity(limit) }
    let template = arena.count
    arena.append(word: hash)
    arena.append(word: reading.end.packed)
    arena.append(contentsOf: HubbleEndTemplate.noNames)
    arena.append(bytes, body, count: headCount)
    arena.append(bytes, found.end - (count - headCount), count: count - headCount)
    arena.append(contentsOf: repeatElement(0, count: template + size - arena.count))
    if reading.end.kind == .pod, shape.nameCount > 0 {
      // Reading the object told the accumulator of the name.
      _ = noteName(shape.nameStart, shape.nameCount, of: reading.end.index, bytes)
      putName(shape.nameStart, shape.nameCount, bytes, at: template + HubbleEndTemplate.names)
    }
    templateCount += 1
    if templateCount * 2 > slots.count { grow() }
    place(
      HubbleEndSlot(hash: hash, template: template, head: headCount, tail: count - headCount),
      hash
    )
    return true
  }

  private func candidates(of hash: UInt64) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    var count = 0
    while !slots[slot].isEmpty {
      if slots[slot].mayHave(hash) { count += 1 }
      slot = (slot + 1) & mask
    }
    return count
  }

  private mutating func place(_ new: HubbleEndSlot, _ hash: UInt64) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while !slots[slot].isEmpty { slot = (slot + 1) & mask }
    slots[slot] = new
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: HubbleEndSlot(), count: old.count * 2)
    for slot in old where !slot.isEmpty {
      // The span of the arena lives for one load.
      place(slot, unsafe arena.span.bytes.word(at: slot.template + HubbleEndTemplate.hash))
    }
  }

  /// What tells whether an object can be remembered without its pod's name, and where that name is.
  struct Shape {
    /// Whether no other member has anything to do with the name or the number.
    var isUsual = false
    var nameStart = 0
    var nameCount = 0
  }

  /// Looks for the pod's name among the members of a valid object, from one of them on.
  static func shape(_ bytes: RawSpan, _ body: Int) -> Shape {
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
