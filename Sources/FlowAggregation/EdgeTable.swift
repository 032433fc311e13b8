/// The key of an edge while it is being counted: small integers instead of endpoints.
package struct EdgeKey: Hashable, Sendable {
  /// Index of the source in the endpoint table.
  package var source: UInt32
  /// Index of the destination in the endpoint table.
  package var destination: UInt32
  /// UTC hours since 1970.
  package var hour: Int32
  /// Destination port; ICMP type.
  package var port: UInt16
  /// See ``FlowEdge/replyPort``.
  package var replyPort: UInt16
  /// IANA protocol number.
  package var transport: UInt8
  /// Index in ``PolicySide``'s `allCases`.
  package var side: UInt8
  /// Index in ``EvidenceClass``'s `allCases`.
  package var evidence: UInt8
  /// Index in ``LogKind``'s `allCases`.
  package var logKind: UInt8

  /// Makes a key.
  package init(
    source: UInt32,
    destination: UInt32,
    hour: Int32,
    port: UInt16,
    replyPort: UInt16,
    transport: UInt8,
    side: UInt8,
    evidence: UInt8,
    logKind: UInt8
  ) {
    self.source = source
    self.destination = destination
    self.hour = hour
    self.port = port
    self.replyPort = replyPort
    self.transport = transport
    self.side = side
    self.evidence = evidence
    self.logKind = logKind
  }

  // The fields as three words, in the order in which they lie in memory: each is read at once.
  private var ends: UInt64 { UInt64(source) | UInt64(destination) << 32 }
  private var when: UInt64 {
    UInt64(UInt32(bitPattern: hour)) | UInt64(port) << 32 | UInt64(replyPort) << 48
  }
  private var kind: UInt32 {
    UInt32(transport) | UInt32(side) << 8 | UInt32(evidence) << 16 | UInt32(logKind) << 24
  }

  /// Whether all fields are the same.
  @inline(__always)
  package static func == (one: EdgeKey, other: EdgeKey) -> Bool {
    (one.ends ^ other.ends) | (one.when ^ other.when) | UInt64(one.kind ^ other.kind) == 0
  }

  /// A well-mixed 64-bit hash; equal keys give equal hashes on every machine.
  @inline(__always)
  var mixed: UInt64 {
    var hash = ends &* 0x9E37_79B9_7F4A_7C15
    hash = (hash ^ (hash >> 32) ^ when) &* 0xD6E8_FEB8_6659_FD93
    hash = (hash ^ (hash >> 29) ^ UInt64(kind)) &* 0xBF58_476D_1CE4_E5B9
    return hash ^ (hash >> 32)
  }
}

/// Counts records by edge key: open addressing over flat arrays, one lookup per record.
package struct EdgeTable: Sendable {
  /// One counted edge.
  package struct Entry: Sendable {
    /// The key.
    package var key: EdgeKey
    /// The line of the earliest counted record in its file; of joined inputs see ``SampleLine``.
    package var sampleLine: Int
    /// Records.
    package var records: Int64
    /// Bytes.
    package var bytes: Int64
    /// First time, microseconds.
    package var first: Int64
    /// Last time, microseconds.
    package var last: Int64

    @inline(__always)
    fileprivate mutating func add(_ other: Entry) {
      records.addSaturated(other.records)
      bytes.addSaturated(other.bytes)
      // Of records at one time the first line is shown, in whatever order they are counted.
      if other.first < first || (other.first == first && other.sampleLine < sampleLine) {
        first = other.first
        sampleLine = other.sampleLine
      }
      if other.last > last { last = other.last }
    }
  }

  private var counted: [Entry] = []
  private var slots: [UInt32] = Array(repeating: 0, count: 1024)
  /// Records that are not counted yet: to find an edge waits for memory, and many such waits pass at once.
  private var waiting: [(entry: Entry, hash: UInt64)] = []
  /// What was found where they will be looked for; only to have looked.
  private var touched: Int64 = 0

  /// The records that may wait.
  private static let mostWaiting = 32

  /// Makes an empty table.
  package init() {}

  /// The edges in the order first seen; quickest after ``countWaiting()``.
  package var entries: [Entry] {
    guard !waiting.isEmpty else { return counted }
    var copy = self
    copy.countWaiting()
    return copy.counted
  }

  /// The number of edges.
  package var count: Int { entries.count }

  /// Counts `records` records at a time.
  package mutating func add(
    _ key: EdgeKey,
    records: Int64,
    bytes: Int64,
    first: Int64,
    last: Int64,
    line: Int
  ) {
    let entry = Entry(
      key: key,
      sampleLine: line,
      records: records,
      bytes: bytes,
      first: first,
      last: last
    )
    waiting.append((entry: entry, hash: key.mixed))
    if waiting.count >= EdgeTable.mostWaiting { countWaiting() }
  }

  /// Counts the records that wait for others.
  package mutating func countWaiting() {
    let mask = slots.count &- 1
    for index in waiting.indices {
      let position = Int(slots[Int(truncatingIfNeeded: waiting[index].hash) & mask]) &- 1
      if position >= 0 { touched ^= counted[position].last }
    }
    for index in waiting.indices { count(waiting[index].entry, hash: waiting[index].hash) }
    waiting.removeAll(keepingCapacity: true)
  }

  /// Gives the sample lines other numbers, which must rise with the old ones.
  mutating func renumberLines(_ number: (Int) -> Int) {
    countWaiting()
    for index in counted.indices { counted[index].sampleLine = number(counted[index].sampleLine) }
  }

  @inline(__always)
  private mutating func count(_ entry: Entry, hash: UInt64) {
    let mask = slots.count &- 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while true {
      let position = Int(slots[slot]) &- 1
      if position < 0 { break }
      if counted[position].key == entry.key {
        counted[position].add(entry)
        return
      }
      slot = (slot &+ 1) & mask
    }
    counted.append(entry)
    slots[slot] = UInt32(counted.count)
    if counted.count * 2 > slots.count { grow() }
  }

  private mutating func grow() {
    let mask = slots.count * 2 - 1
    slots = Array(repeating: 0, count: slots.count * 2)
    for (index, entry) in counted.enumerated() {
      var slot = Int(truncatingIfNeeded: entry.key.mixed) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = UInt32(index + 1)
    }
  }
}
