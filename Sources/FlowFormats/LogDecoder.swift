package import FlowAggregation
package import FlowModel
import JSONText

/// A log format that flowlearn reads.
package enum LogFormat: String, Sendable, CaseIterable {
  /// Cilium Hubble, all JSON shapes.
  case hubble
  /// Calico flow logs as JSON: Enterprise files, Whisker, Goldmane; and Felix' denied-packet syslog.
  case calico
  /// Calico kernel log and eBPF trace lines.
  case calicoPacket = "calico-packet"
  /// AWS VPC flow logs.
  case awsVPC = "aws-vpc"
  /// AWS network policy agent.
  case awsPolicyAgent = "aws-npa"
  /// GCP VPC flow logs.
  case gcpVPC = "gcp-vpc"
  /// GKE Dataplane V2 policy-action logs.
  case gkePolicy = "gke-policy"
  /// Azure VNet and NSG flow logs.
  case azure

  /// The log kind of its edges.
  package var logKind: LogKind {
    switch self {
    case .hubble: .hubble
    case .calico: .calico
    case .calicoPacket: .calicoPacket
    case .awsVPC: .awsVPC
    case .awsPolicyAgent: .awsPolicyAgent
    case .gcpVPC: .gcpVPC
    case .gkePolicy: .gkePolicy
    case .azure: .azure
    }
  }
}

/// What the user says about a log that the log does not say itself.
package struct DecoderOptions: Sendable {
  /// AWS VPC: field names in order, from `--fields`; nil when not given.
  package var fields: [String]?
  /// Packet lines: prefix (without the trailing colon) to class, from `--log-prefix NAME[=class]`.
  package var logPrefixes: [String: EvidenceClass] = [:]
  /// Classic syslog times: the year to assume.
  package var assumedYear: Int?
  /// Classic syslog times: minutes east of UTC.
  package var assumedOffsetMinutes: Int = 0
  /// Lines that carry seconds since boot: the boot time, microseconds UTC.
  package var bootTime: Int64?
  /// The time of records that carry none, microseconds UTC; nil rejects them.
  package var assumedTime: Int64?
  /// Calico: `deny` records were let through (`dropActionOverride` Accept or LogAndAccept).
  package var denyPasses: Bool = false

  /// Unpacks gzip; nil for what is none, or too long.
  package typealias Inflate = @Sendable ([UInt8]) -> [UInt8]?
  /// For records that hold gzip inside; nil where it cannot be unpacked.
  package var inflate: Inflate?

  /// Makes options that say nothing.
  package init() {}
}

/// How a log may be shared among several decoders that work at once.
package enum LogSharing: Sendable {
  /// Not at all: what a record says depends on all before it.
  case none
  /// Each may decode one part of it; they are merged in the order of the parts.
  case inOrder
  /// Records stand for themselves: a decoder, with its accumulator, may decode parts here and there.
  case anywhere
}

/// Where an object has a list whose elements are records, and all that the object tells.
package struct RecordListPath: Hashable, Sendable {
  /// The names of the members that lead to the list, from the outside in.
  package var names: [String]
  /// Whether the list must be in the object's first member: others before it would tell something of the records.
  package var isFirst = false

  /// Makes a path.
  package init(_ names: String..., isFirst: Bool = false) {
    self.names = names
    self.isFirst = isFirst
  }
}

/// Decodes the records of one log, in order.
///
/// A record is the bytes of one line without its line feed, or of one JSON value of an array or of
/// concatenated values. A decoder never traps on any bytes: what it cannot read it counts with
/// ``EvidenceAccumulator/reject(line:_:)``, what is no evidence with ``EvidenceAccumulator/discard(_:count:)``.
/// It calls ``EvidenceAccumulator/sawRecord(at:)`` once for every flow record that has a time.
package protocol LogDecoder: Sendable {
  /// Makes a decoder for one log.
  init(options: DecoderOptions)

  /// Whether the first bytes of an input (up to 64 KiB, decompressed) look like this format.
  static func recognizes(_ start: RawSpan) -> Bool

  /// Decodes one record.
  ///
  /// - Parameters:
  ///   - record: The record's bytes; empty lines are not passed.
  ///   - line: The line of its first byte, from 1.
  ///   - accumulator: Takes the evidence and the counts.
  mutating func decode(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  )

  /// Decodes whole lines, each ending in a line feed.
  ///
  /// - Parameters:
  ///   - lines: The bytes of the lines.
  ///   - firstLine: The number of the first one, from 1.
  ///   - accumulator: Takes the evidence and the counts.
  /// - Returns: The number of lines.
  mutating func decode(
    lines: RawSpan,
    firstLine: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Int

  /// Takes what later records depend on, such as a header, from the start of a log whose records
  /// were counted before.
  ///
  /// - Parameter start: The first bytes of the log, perhaps cut inside a line.
  mutating func resume(after start: RawSpan)

  /// Where this format's exports have their records in one large object.
  ///
  /// Elements are handed to ``decode(_:line:into:)`` one by one, which makes of each what it would make of it in the
  /// whole object.
  static var listPaths: [RecordListPath] { get }

  /// How one log that is read with these options may be shared among decoders.
  static func sharing(_ options: DecoderOptions) -> LogSharing

  /// The decoder to read the next part of the same log again with, nil when `later` read it right.
  ///
  /// A part that another decoder read at the same time may have begun under another header.
  func correction(of later: any LogDecoder) -> (any LogDecoder)?

  /// Adds what the decoder of the next part of the same log still holds.
  ///
  /// - Parameter lineOffset: Lines before that part.
  mutating func merge(
    _ later: any LogDecoder,
    lineOffset: Int,
    into accumulator: inout EvidenceAccumulator
  )

  /// Whether the last line of an input, which has no line feed, is complete rather than torn.
  static func isComplete(lastLine: RawSpan) -> Bool

  /// Ends a part of a log: decides what the parts before and behind it are not needed for.
  ///
  /// To wait with it for ``merge(_:lineOffset:into:)`` would let one thread do what several can.
  mutating func endPart(into accumulator: inout EvidenceAccumulator)

  /// Gives up what was only remembered to be quick: the bulk of the log has gone by.
  mutating func releaseMemory()

  /// Ends the log: what had to wait for the whole capture (direction of VPC records) is decided.
  mutating func finish(into accumulator: inout EvidenceAccumulator)
}

extension LogDecoder {
  /// Nothing: most records stand for themselves.
  package mutating func resume(after start: RawSpan) {}

  /// Nothing: most decoders decide at once.
  package mutating func endPart(into accumulator: inout EvidenceAccumulator) {}

  /// Nothing: most decoders remember only what they need.
  package mutating func releaseMemory() {}

  /// None: most logs are lines or arrays.
  package static var listPaths: [RecordListPath] { [] }

  /// None: most decoders remember something of earlier records.
  package static func sharing(_ options: DecoderOptions) -> LogSharing { .none }

  /// None: the parts know nothing of each other.
  package func correction(of later: any LogDecoder) -> (any LogDecoder)? { nil }

  /// Nothing: the parts know nothing of each other.
  package mutating func merge(
    _ later: any LogDecoder,
    lineOffset: Int,
    into accumulator: inout EvidenceAccumulator
  ) {}

  /// A line that is a whole JSON value is complete; of any other nobody can tell.
  package static func isComplete(lastLine: RawSpan) -> Bool {
    (try? JSONParser.parse(lastLine)) != nil
  }

  /// Decodes whole lines one by one.
  package mutating func decode(
    lines: RawSpan,
    firstLine: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Int {
    var line = firstLine
    var start = 0
    while start < lines.byteCount {
      let end = LineFeeds.next(in: lines, from: start) ?? lines.byteCount
      decodeLine(lines, start, end, line: line, into: &accumulator)
      line += 1
      start = end + 1
    }
    return line - firstLine
  }

  /// Decodes one line less a byte order mark and a carriage return at its ends, unless it is blank.
  mutating func decodeLine(
    _ lines: RawSpan,
    _ start: Int,
    _ end: Int,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    var end = end
    if end > start, lines.byte(at: end - 1) == 0x0d { end -= 1 }
    let start = start + lines.extracting(start..<end).markEnd
    var first = start
    while first < end, lines.byte(at: first) == 0x20 || lines.byte(at: first) == 0x09 {
      first += 1
    }
    guard first < end else { return }
    decode(lines.extracting(start..<end), line: line, into: &accumulator)
  }
}

/// Finds line feeds eight bytes at a time.
package enum LineFeeds {
  /// The offset of the first line feed at or after `start`, nil when there is none.
  package static func next(in span: RawSpan, from start: Int) -> Int? {
    var index = start
    let end = span.byteCount
    while index + 8 <= end {
      let hit = RawSpan.zeroBytes(in: span.word(at: index) ^ 0x0a0a_0a0a_0a0a_0a0a)
      if hit != 0 { return index + hit.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < end {
      if span.byte(at: index) == 0x0a { return index }
      index += 1
    }
    return nil
  }

  /// The offset of the last line feed before `end`, nil when there is none.
  package static func last(in span: RawSpan, before end: Int) -> Int? {
    var index = end - 1
    while index >= 7 {
      if RawSpan.zeroBytes(in: span.word(at: index - 7) ^ 0x0a0a_0a0a_0a0a_0a0a) != 0 { break }
      index -= 8
    }
    while index >= 0 {
      if span.byte(at: index) == 0x0a { return index }
      index -= 1
    }
    return nil
  }

  /// How many line feeds there are.
  package static func count(in span: RawSpan) -> Int {
    var count = 0
    var index = 0
    let end = span.byteCount
    while index + 8 <= end {
      let word = span.word(at: index) ^ 0x0a0a_0a0a_0a0a_0a0a
      // Exact per byte: the top bit is set only where the byte is zero.
      let zero =
        ~(((word & 0x7f7f_7f7f_7f7f_7f7f) &+ 0x7f7f_7f7f_7f7f_7f7f) | word
        | 0x7f7f_7f7f_7f7f_7f7f)
      count += zero.nonzeroBitCount
      index += 8
    }
    while index < end {
      if span.byte(at: index) == 0x0a { count += 1 }
      index += 1
    }
    return count
  }
}

extension RawSpan {
  /// The offset behind a byte order mark; 0 where there is none.
  package var markEnd: Int {
    byteCount >= 3 && byte(at: 0) == 0xef && byte(at: 1) == 0xbb && byte(at: 2) == 0xbf ? 3 : 0
  }

  /// Eight bytes as a little-endian number; traps when they do not all lie inside.
  @inlinable
  func word(at offset: Int) -> UInt64 {
    // Any eight bytes inside the span are a valid UInt64; the load checks the bounds.
    UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}
