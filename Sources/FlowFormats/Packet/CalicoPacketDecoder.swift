package import FlowAggregation
import FlowModel
import JSONText

/// Decodes the packet lines of Calico's `Log` action: kernel log and eBPF trace pipe.
///
/// Lines hold addresses only; pods are found through the inventory. A decoder must see the lines of a
/// log in their order when their times have no year.
///
/// Source: the Calico format document, sections 5 and 6.
package struct CalicoPacketDecoder: LogDecoder {
  private let prefixes: PacketPrefixes
  private var clock: LineClock
  private var notes: Set<Note> = []
  private var namedPrefixes: Set<String> = []

  private enum Note: String {
    case unknownPrefix =
      "Packet lines with a prefix that was not named are left out: --log-prefix NAME[=class] reads them."
    case suppressed =
      "The log says that packet lines were suppressed: counts are lower bounds, and connections may be missing."
    case noInventory =
      "Packet lines hold addresses only: without an inventory no pod can be named."
    case bareTrace =
      "eBPF trace lines without addresses (old kernels) cannot be used."
  }

  /// How many unknown prefixes are named to the user.
  private static let namedPrefixLimit = 8
  /// How many layers of wrapping are taken away.
  private static let maximumLayers = 6

  /// Makes a decoder for one log.
  package init(options: DecoderOptions) {
    prefixes = PacketPrefixes(options: options)
    clock = LineClock(options: options)
  }

  /// Whether the start of an input holds packet lines of the kernel or of the eBPF data plane.
  package static func recognizes(_ start: RawSpan) -> Bool {
    let text = start.text(in: 0..<min(start.byteCount, 65_536))
    // One of them stands in every line that is looked for; to look at all lines takes longer.
    guard text.contains(" DST=") || text.contains(": policy ") else { return false }
    return text.utf8.split(separator: 0x0a).contains { part in
      let line = Array(part)
      if let start = KernelPacketLine.start(in: line) {
        return line.offset(of: [UInt8](" DST="), from: start) != nil
      }
      return TraceLine(line) != nil
    }
  }

  /// Decodes one line, or one JSON object that wraps a line.
  package mutating func decode(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    var bytes: [UInt8] = []
    bytes.append(record, 0, count: record.byteCount)
    decode(bytes, outerTime: nil, layers: 0, line: line, into: &accumulator)
  }

  /// Ends the log.
  package mutating func finish(into accumulator: inout EvidenceAccumulator) {}

  private mutating func decode(
    _ given: [UInt8],
    outerTime: Int64?,
    layers: Int,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    var bytes = given
    while let last = bytes.last, last == 0x0d || last == 0x0a { bytes.removeLast() }
    var time = outerTime
    if let start = unsafe ShipperEnvelope.criPayloadOffset(bytes.span.bytes) {
      let stamp = bytes.prefix { $0 != 0x20 }
      time = time ?? Timestamps.parse(String(decoding: stamp, as: UTF8.self))
      bytes.removeFirst(start)
    }
    guard let first = bytes.first(where: { $0 != 0x20 && $0 != 0x09 }), first == UInt8(ascii: "{")
    else {
      decode(line: bytes, outerTime: time, number: line, into: &accumulator)
      return
    }
    guard layers < CalicoPacketDecoder.maximumLayers else {
      accumulator.reject(line: line, "wrapped too deeply")
      return
    }
    do {
      let value = try unsafe JSONParser.parse(bytes.span.bytes)
      guard let text = ShipperEnvelope.line(value) else {
        accumulator.discard(.unrelatedLine)
        return
      }
      decode(
        Array(text.utf8),
        outerTime: ShipperEnvelope.time(value) ?? time,
        layers: layers + 1,
        line: line,
        into: &accumulator
      )
    } catch {
      accumulator.reject(line: line, "not JSON: \(error)")
    }
  }

  private mutating func decode(
    line bytes: [UInt8],
    outerTime: Int64?,
    number: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    if let start = KernelPacketLine.start(in: bytes) {
      addPacket(bytes, start: start, outerTime: outerTime, line: number, into: &accumulator)
    } else if TraceLine.matches(bytes) {
      addTrace(bytes, outerTime: outerTime, line: number, into: &accumulator)
    } else if let lost = CalicoPacketDecoder.suppressedCount(bytes) {
      let time = try? clock.time(LogLineHeader(bytes).time, outer: outerTime)
      accumulator.lost(lost, at: time)
      note(.suppressed, in: &accumulator)
      accumulator.discard(.coverageMarker)
    } else if CalicoPacketDecoder.isCutPacket(bytes) {
      accumulator.reject(line: number, "a packet line that is cut off")
    } else {
      accumulator.discard(.unrelatedLine)
    }
  }

  /// A line of a known prefix that ends before its addresses.
  private static func isCutPacket(_ line: [UInt8]) -> Bool {
    line.holds("calico-packet: IN=") || line.holds("calico-drop: IN=")
  }

  /// The number in `45 callbacks suppressed`, `12 messages suppressed` or `Suppressed 7 messages`.
  private static func suppressedCount(_ line: [UInt8]) -> Int64? {
    guard line.holds("uppressed") else { return nil }
    let words = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
    for (index, word) in words.enumerated() {
      guard let count = Int64(word), count >= 0, index + 1 < words.count else { continue }
      let after = index + 2 < words.count ? words[index + 2] : ""
      let isCounted = words[index + 1] == "callbacks" || words[index + 1] == "messages"
      if isCounted, after.hasPrefix("suppressed") || (index > 0 && words[index - 1] == "Suppressed")
      {
        return count
      }
    }
    return nil
  }

  private mutating func note(_ note: Note, in accumulator: inout EvidenceAccumulator) {
    if notes.insert(note).inserted { accumulator.counts.notes.insert(note.rawValue) }
  }

  // MARK: Adding

  private mutating func addPacket(
    _ bytes: [UInt8],
    start: Int,
    outerTime: Int64?,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    let front = Array(bytes[..<start])
    let header = LogLineHeader(front)
    let prefix = Array(front[min(header.messageStart, front.count)...])
    guard let evidence = prefixes.evidence(for: prefix) else {
      name(unknown: prefix, in: &accumulator)
      accumulator.discard(.unknownPrefix)
      return
    }
    let packet = KernelPacketLine(bytes[start...])
    guard let source = packet.source, let destination = packet.destination, !packet.proto.isEmpty
    else {
      accumulator.reject(line: line, "a packet line with missing or malformed fields")
      return
    }
    guard
      let time = self.time(header.time, outer: outerTime, line: line, into: &accumulator)
    else { return }
    accumulator.sawRecord(at: time)
    switch PacketJudge.judge(packet) {
    case .discard(let reason): accumulator.discard(reason)
    case .evidence(let side, let replyPort):
      if accumulator.resolver == nil { note(.noInventory, in: &accumulator) }
      accumulator.record(
        ObservedFlow(
          source: .address(source),
          destination: .address(destination),
          transport: TransportProtocol(packet.proto) ?? .tcp,
          sourcePort: packet.sourcePort ?? 0,
          port: packet.port ?? 0,
          replyPort: replyPort,
          side: side,
          evidence: evidence,
          start: time,
          bytes: packet.length
        ),
        line: line
      )
    }
  }

  private mutating func addTrace(
    _ bytes: [UInt8],
    outerTime: Int64?,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    guard let trace = TraceLine(bytes) else {
      accumulator.reject(line: line, "an eBPF trace line without interface and direction")
      return
    }
    guard !trace.isBare else {
      note(.bareTrace, in: &accumulator)
      accumulator.discard(.unknownEndpoint)
      return
    }
    guard let transport = trace.transport, let source = trace.source,
      let destination = trace.destination
    else {
      accumulator.reject(line: line, "an eBPF trace line with missing or malformed fields")
      return
    }
    var stamp = LogLineHeader(bytes).time
    if stamp == .none, let uptime = trace.uptime { stamp = .uptime(uptime) }
    guard let time = self.time(stamp, outer: outerTime, line: line, into: &accumulator) else {
      return
    }
    accumulator.sawRecord(at: time)
    switch PacketJudge.judge(trace) {
    case .discard(let reason): accumulator.discard(reason)
    case .evidence(let side, let replyPort):
      if accumulator.resolver == nil { note(.noInventory, in: &accumulator) }
      accumulator.record(
        ObservedFlow(
          source: .address(source.address),
          destination: .address(destination.address),
          transport: TransportProtocol(number: transport),
          sourcePort: source.port,
          port: destination.port,
          replyPort: replyPort,
          side: side,
          evidence: trace.isAllowed ? .allowed : .denied,
          start: time
        ),
        line: line
      )
    }
  }

  /// The time of a line; nil when it was rejected for want of one.
  private mutating func time(
    _ time: LogLineHeader.Time,
    outer: Int64?,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Int64? {
    do {
      return try clock.time(time, outer: outer)
    } catch {
      accumulator.reject(line: line, error.text)
      return nil
    }
  }

  /// Tells the user of a prefix that was not named, as long as it could be one of Calico's.
  private mutating func name(unknown prefix: [UInt8], in accumulator: inout EvidenceAccumulator) {
    note(.unknownPrefix, in: &accumulator)
    var text = Substring(String(decoding: prefix, as: UTF8.self))
    while let last = text.last, last == " " || last == ":" { text.removeLast() }
    let isPossible =
      !text.isEmpty && text.utf8.count <= 127
      && text.utf8.allSatisfy {
        0x30...0x39 ~= $0 || 0x41...0x5a ~= $0 || 0x61...0x7a ~= $0
          || [UInt8]("%:/_- .").contains($0)
      }
    guard isPossible, namedPrefixes.count < CalicoPacketDecoder.namedPrefixLimit,
      namedPrefixes.insert(String(text)).inserted
    else { return }
    accumulator.counts.notes.insert("Packet lines with the prefix \"\(text)\" are left out.")
  }
}
