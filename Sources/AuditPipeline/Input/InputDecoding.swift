import FlowAggregation
import FlowFormats
import FlowModel
import Foundation
import Synchronization

/// Decodes an opened input from an offset to its end.
struct InputDecoding: Sendable {
  /// What came out.
  struct Output: Sendable {
    /// The evidence, not finished yet.
    var accumulator: EvidenceAccumulator
    /// Decompressed bytes up to the end of the last counted line or value.
    var consumed: Int64
    /// Hash of the last bytes before that.
    var tailHash: UInt64
    /// Lines counted this time.
    var lines: Int
    /// Bytes of a torn last line.
    var tornBytes: Int
  }

  /// The least that a thread of its own is started for.
  private static let leastRange: Int64 = 4 << 20

  private let name: String
  private let storage: OpenedInput.Storage
  private let source: SourceBox
  private let framing: RecordFraming
  private let format: LogFormat
  private let options: IngestOptions
  private let resolver: (any AddressResolving)?
  private let progress: @Sendable (Int64) -> Void

  /// The source is only ever used by the one thread that runs the decoding.
  private struct SourceBox: @unchecked Sendable {
    let source: any ByteSource
  }

  init(
    input: OpenedInput, format: LogFormat, options: IngestOptions,
    resolver: (any AddressResolving)?, progress: @escaping @Sendable (Int64) -> Void
  ) {
    name = input.name
    storage = input.storage
    source = SourceBox(source: input.source)
    framing = RecordFraming.detect(input.head.span.bytes)
    self.format = format
    self.options = options
    self.resolver = resolver
    self.progress = progress
  }

  private func makeAccumulator() -> EvidenceAccumulator {
    EvidenceAccumulator(logKind: format.logKind, cluster: options.cluster, resolver: resolver)
  }

  /// Decodes everything from an offset; `lines` lines come before it.
  func run(from offset: Int64, lines: Int) throws -> Output {
    switch (framing, storage) {
    case (.values, _): return try values(from: offset, lines: lines)
    case (.lines, .plain(let size)): return try plain(size: size, from: offset, lines: lines)
    case (.lines, .stream): return try stream(from: offset, lines: lines)
    }
  }

  // MARK: Lines of a plain file

  private struct Part: Sendable {
    var accumulator: EvidenceAccumulator
    var decoder: any LogDecoder
    var end = LineReader.End(consumed: 0, lines: 0, rest: [])
  }

  private func plain(size: Int64, from offset: Int64, lines: Int) throws -> Output {
    let length = size - offset
    let most = format.decoder.decodesParts ? options.threads : 1
    let count = max(1, min(Int64(most), length / InputDecoding.leastRange))
    let file = try FileRange(path: name)
    var starts = [offset]
    for index in 1..<max(1, count) {
      starts.append(
        try file.lineStart(atOrAfter: offset + length * index / count, before: size))
    }
    starts.append(Int64.max)
    let ranges = (0..<Int(count)).map { (start: starts[$0], end: starts[$0 + 1]) }
    let parts = Mutex<[Int: Result<Part, any Error>]>([:])
    if ranges.count == 1 {
      let result = Result { try decode(start: offset, end: nil, firstLine: lines + 1) }
      parts.withLock { $0[0] = result }
    } else {
      DispatchQueue.concurrentPerform(iterations: ranges.count) { index in
        let result = Result {
          try decode(
            start: ranges[index].start,
            end: index + 1 < ranges.count ? ranges[index].end : nil,
            firstLine: index == 0 ? lines + 1 : 1)
        }
        parts.withLock { $0[index] = result }
      }
    }
    let results = parts.withLock { $0 }
    guard var whole = try results[0]?.get() else { throw InputError.missing(file: name) }
    for index in 1..<max(1, ranges.count) {
      guard let part = try results[index]?.get() else { continue }
      whole.accumulator.merge(part.accumulator, lineOffset: lines + whole.end.lines)
      whole.end.lines += part.end.lines
      whole.end.consumed = max(whole.end.consumed, part.end.consumed)
      whole.end.rest = part.end.rest
    }
    let torn = finishLastLine(&whole, linesBefore: lines, isGrowing: true)
    whole.decoder.finish(into: &whole.accumulator)
    let window = min(Int64(OpenedInput.identityWindow), whole.end.consumed)
    let tail = try FileRange.read(
      name, offset: whole.end.consumed - window, count: Int(window))
    return Output(
      accumulator: whole.accumulator, consumed: whole.end.consumed,
      tailHash: ContentHash.hash(tail), lines: whole.end.lines, tornBytes: torn)
  }

  /// Decodes the lines that start in a range of a plain file.
  private func decode(start: Int64, end: Int64?, firstLine: Int) throws -> Part {
    let file = try FileRange(path: name)
    var part = Part(
      accumulator: makeAccumulator(), decoder: format.decoder.init(options: options.decoder))
    var position = start
    var reader = LineReader(offset: start, firstLine: firstLine)
    if let end, start >= end {
      part.end.consumed = start
      return part
    }
    var tooLong: [Int] = []
    part.end = try reader.run(
      limit: end,
      read: { buffer in
        let count = try file.read(into: buffer, at: position)
        position += Int64(count)
        progress(Int64(count))
        return count
      },
      decode: { lines, line in
        part.decoder.decode(lines: lines, firstLine: line, into: &part.accumulator)
      }, tooLong: { tooLong.append($0) })
    reject(tooLong, in: &part.accumulator)
    return part
  }

  private func reject(_ tooLong: [Int], in accumulator: inout EvidenceAccumulator) {
    for line in tooLong {
      accumulator.reject(
        line: line, "the line is longer than \(RecordFraming.longestLine >> 20) MiB")
    }
  }

  /// Takes or leaves a last line without line feed.
  ///
  /// - Returns: The bytes left for another time.
  private func finishLastLine(_ part: inout Part, linesBefore: Int, isGrowing: Bool) -> Int {
    let rest = part.end.rest
    guard !rest.isEmpty else { return 0 }
    let isBlank = rest.allSatisfy { RecordFraming.isSpace($0) }
    guard isBlank || !isGrowing || format.decoder.isComplete(lastLine: rest.span.bytes) else {
      return rest.count
    }
    _ = part.decoder.decode(
      lines: rest.span.bytes, firstLine: linesBefore + part.end.lines + 1,
      into: &part.accumulator)
    part.end.lines += 1
    part.end.consumed += Int64(rest.count)
    return 0
  }

  // MARK: Streams

  private func stream(from offset: Int64, lines: Int) throws -> Output {
    var part = Part(
      accumulator: makeAccumulator(), decoder: format.decoder.init(options: options.decoder))
    var reader = LineReader(offset: offset, firstLine: lines + 1)
    var tail = TailWindow()
    var tooLong: [Int] = []
    var reported: Int64 = 0
    part.end = try reader.run(
      limit: nil,
      read: { buffer in
        let count = try source.source.read(into: buffer)
        let position = source.source.compressedPosition
        progress(position - reported)
        reported = position
        return count
      },
      decode: { lines, line in
        tail.append(lines)
        return part.decoder.decode(lines: lines, firstLine: line, into: &part.accumulator)
      }, tooLong: { tooLong.append($0) })
    reject(tooLong, in: &part.accumulator)
    let rest = part.end.rest
    let torn = finishLastLine(&part, linesBefore: lines, isGrowing: false)
    if torn == 0 { tail.append(rest) }
    part.decoder.finish(into: &part.accumulator)
    return Output(
      accumulator: part.accumulator, consumed: part.end.consumed, tailHash: tail.hash,
      lines: part.end.lines, tornBytes: torn)
  }

  // MARK: Values

  private func values(from offset: Int64, lines: Int) throws -> Output {
    var part = Part(
      accumulator: makeAccumulator(), decoder: format.decoder.init(options: options.decoder))
    var framer = ValueFramer(offset: offset, line: lines + 1)
    var tail = TailWindow()
    var kept: [UInt8] = []
    var keptFrom = offset
    var buffer = [UInt8](repeating: 0, count: LineReader.blockSize)
    var position = offset
    let file: FileRange? = if case .plain = storage { try FileRange(path: name) } else { nil }
    while true {
      let count = try buffer.withUnsafeMutableBytes { bytes in
        if let file { try file.read(into: bytes, at: position) } else {
          try source.source.read(into: bytes)
        }
      }
      if count == 0 { break }
      position += Int64(count)
      progress(Int64(count))
      kept.append(contentsOf: buffer[..<count])
      framer.feed(buffer.span.bytes.extracting(0..<count)) { value, line in
        part.decoder.decode(value, line: line, into: &part.accumulator)
      } garbage: { line in
        part.accumulator.reject(line: line, "not JSON")
      }
      let done = Int(framer.consumed - keptFrom)
      if done > 0 {
        tail.append(kept[..<done])
        kept.removeFirst(done)
        keptFrom = framer.consumed
      }
    }
    let torn = framer.isInsideValue ? Int(position - framer.consumed) : 0
    part.decoder.finish(into: &part.accumulator)
    return Output(
      accumulator: part.accumulator, consumed: framer.consumed, tailHash: tail.hash,
      lines: framer.lines - lines, tornBytes: torn)
  }
}
