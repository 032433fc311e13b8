import FlowAggregation
import FlowModel
import FlowStorage

/// The edges of a batch in the order of their keys, with their hours and days: what is written, but for row numbers.
struct EdgePlan: Sendable {
  /// An edge in one hour, by the numbers of its ends' rows.
  struct Row: Sendable {
    /// The numbers of the ends' rows.
    var source: Int64
    var destination: Int64
    /// Protocol, port, reply port, side and class, from high to low bits.
    var what: UInt64
    /// UTC hours since 1970.
    var hour: Int32
    /// Where in the batch.
    var entry: Int32

    fileprivate init(_ key: EdgeKey, _ entry: Int, source: Int64, destination: Int64) {
      self.source = source
      self.destination = destination
      what =
        UInt64(key.transport) << 48 | UInt64(key.port) << 32 | UInt64(key.replyPort) << 16
        | UInt64(key.side) << 8 | UInt64(key.evidence)
      hour = key.hour
      self.entry = Int32(entry)
    }

    /// IANA protocol number.
    var transport: UInt8 { UInt8(truncatingIfNeeded: what >> 48) }
    /// Destination port; ICMP type.
    var port: UInt16 { UInt16(truncatingIfNeeded: what >> 32) }
    /// See ``FlowEdge/replyPort``.
    var replyPort: UInt16 { UInt16(truncatingIfNeeded: what >> 16) }
    /// Index in ``PolicySide``'s `allCases`.
    var side: UInt8 { UInt8(truncatingIfNeeded: what >> 8) }
    /// Index in ``EvidenceClass``'s `allCases`.
    var evidence: UInt8 { UInt8(truncatingIfNeeded: what) }

    fileprivate static func precedes(_ left: Row, _ right: Row) -> Bool {
      if left.source != right.source { return left.source < right.source }
      if left.destination != right.destination { return left.destination < right.destination }
      if left.what != right.what { return left.what < right.what }
      return left.hour < right.hour
    }

    fileprivate func isSameEdge(as other: Row) -> Bool {
      source == other.source && destination == other.destination && what == other.what
    }
  }

  /// An edge's hours in one UTC day.
  struct Day: Sendable {
    /// Where in ``EdgePlan/edges``.
    var edge: Int32
    /// UTC days since 1970.
    var day: Int32
    /// Where in ``EdgePlan/hours``.
    var hours: Range<Int32>
  }

  /// An edge's hour.
  struct Hour: Sendable {
    /// Where in ``EdgePlan/edges``.
    var edge: Int32
    /// Where in the batch.
    var entry: Int32
  }

  /// The first hour of each edge.
  private(set) var edges: [Row] = []
  /// All hours, in the order of the edges.
  private(set) var hours: [Hour] = []
  /// All days, in the order of the edges.
  private(set) var days: [Day] = []

  /// Puts a batch's edges in order.
  ///
  /// - Parameter endpoints: The row numbers of the batch's endpoints.
  init(_ entries: [EdgeTable.Entry], endpoints: [Int64]) {
    let rows = EdgePlan.sorted(entries, endpoints: endpoints)
    edges.reserveCapacity(rows.count)
    hours.reserveCapacity(rows.count)
    days.reserveCapacity(rows.count)
    for index in rows.indices {
      let row = rows[index]
      let isSameEdge = index > 0 && rows[index - 1].isSameEdge(as: row)
      if !isSameEdge { edges.append(row) }
      hours.append(Hour(edge: Int32(edges.count - 1), entry: row.entry))
      add(day: Int32(Timestamps.floor(Int64(row.hour), to: 24) / 24), isSameEdge: isSameEdge)
    }
  }

  /// A row for each entry, in order.
  ///
  /// They are dealt out by source first: that is quick, and few rows have the same one.
  private static func sorted(_ entries: [EdgeTable.Entry], endpoints: [Int64]) -> [Row] {
    let sources = entries.map { endpoints[Int($0.key.source)] }
    guard let least = sources.min(), let most = sources.max() else { return [] }
    // Where the numbers lie far apart, as in a store with many others, each bucket has some of them.
    var shift: Int64 = 0
    while (most - least) >> shift > Int64(max(entries.count, 256)) * 4 { shift += 1 }
    var starts = [Int](repeating: 0, count: Int((most - least) >> shift) + 2)
    for source in sources { starts[Int((source - least) >> shift) + 1] += 1 }
    for bucket in 1..<starts.count { starts[bucket] += starts[bucket - 1] }
    var next = starts
    var order = [Int](repeating: 0, count: entries.count)
    for (entry, source) in sources.enumerated() {
      let bucket = Int((source - least) >> shift)
      order[next[bucket]] = entry
      next[bucket] += 1
    }
    var rows = order.map { entry in
      let key = entries[entry].key
      return Row(key, entry, source: sources[entry], destination: endpoints[Int(key.destination)])
    }
    for bucket in 0..<starts.count - 1 where starts[bucket + 1] - starts[bucket] > 1 {
      rows[starts[bucket]..<starts[bucket + 1]].sort(by: Row.precedes)
    }
    return rows
  }

  /// Adds the last hour to its day.
  private mutating func add(day: Int32, isSameEdge: Bool) {
    let end = Int32(hours.count)
    if isSameEdge, days[days.count - 1].day == day {
      let first = days[days.count - 1].hours.lowerBound
      days[days.count - 1].hours = first..<end
    } else {
      days.append(Day(edge: Int32(edges.count - 1), day: day, hours: end - 1..<end))
    }
  }
}
