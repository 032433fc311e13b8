import FlowAggregation
import FlowFormats
import FlowModel
import Foundation

/// Decodes an opened input from an offset to its end.
struct InputDecoding: Sendable {
  /// What came out.
  struct Output: Sendable {
    /// The evidence.
    var accumulator: EvidenceAccumulator
    /// Decompressed bytes up to the end of the last counted line or value.
    var consumed: Int64
    /// Hash of the last bytes before that.
    var tailHash: UInt64
    /// Lines begun up to there, from the start of the input.
    var lines: Int
    /// Bytes of a torn last line.
    var tornBytes: Int
  }

  /// The least bytes that a thread of its own is started for.
  static let leastPart: Int64 = 4 << 20
  /// The same where many files are read: each thread can have one, and what the first lines teach is learnt once.
  static let leastPartOfMany: Int64 = 32 << 20

  let name: String
  private let head: [UInt8]
  private let storage: OpenedInput.Storage
  private let source: SourceBox
  private let framing: RecordFraming
  let format: LogFormat
  let options: IngestOptions
  private let resolver: (any AddressResolving)?
  private let progress: @Sendable (Int64) -> Void
  let leastPart: Int64

  /// The source is only ever used by the one thread that runs the decoding.
  private struct SourceBox: @unchecked Sendable {
    let source: any ByteSource
  }

  init(
    input: OpenedInput,
    format: LogFormat,
    options: IngestOptions,
    resolver: (any AddressResolving)?,
    progress: @escaping @Sendable (Int64) -> Void,
    leastPart: Int64 = InputDecoding.leastPart
  ) {
    name = input.name
    head = input.head
    storage = input.storage
    source = SourceBox(source: input.source)
    framing = RecordFraming.detect(input.head.span.bytes)
    self.format = format
    self.options = options
    self.resolver = resolver
    self.progress = progress
    self.leastPart = leastPart
  }

  private func makeAccumulator() -> EvidenceAccumulator {
    EvidenceAccumulator(logKind: format.logKind, cluster: options.cluster, resolver: resolver)
  }

  /// A decoder that knows what the input says before an offset.
  private func makeDecoder(at offset: Int64) -> any LogDecoder {
    var decoder = format.decoder.init(options: PackedRecords.options(options.decoder))
    if offset > 0 {
      let known = Int(min(offset, Int64(head.count)))
      decoder.resume(after: head.span.bytes.extracting(0..<known))
    }
    return decoder
  }

  /// Decodes everything after what was read before.
  func run(from start: ReadStart) throws -> Output {
    switch (framing, storage) {
    case (.values, _): return try values(from: start)
    case (.lines, .plain(let size)): return try plain(size: size, from: start)
    case (.lines, .stream): return try stream(from: start)
    }
  }

  // MARK: Lines of a plain file

  /// What was made of some of a log's lines.
  struct Part: Sendable {
    var accumulator: EvidenceAccumulator
    var decoder: any LogDecoder
    var end = LineReader.End(consumed: 0, lines: 0, rest: [], tail: TailWindow())
  }

  private func plain(size: Int64, from start: ReadStart) throws -> Output {
    var part = try wholeFile(size: size, from: start)
    let torn = finishLastLine(&part, linesBefore: start.wholeLines, isGrowing: true)
    part.decoder.finish(into: &part.accumulator)
    let window = min(Int64(OpenedInput.identityWindow), part.end.consumed)
    let tail = try FileRange.read(
      name,
      offset: part.end.consumed - window,
      count: Int(window)
    )
    return Output(
      accumulator: part.accumulator,
      consumed: part.end.consumed,
      tailHash: ContentHash.hash(tail),
      lines: start.wholeLines + part.end.lines,
      tornBytes: torn
    )
  }

  /// A part that begins at an offset.
  func makePart(at offset: Int64) -> Part {
    Part(accumulator: makeAccumulator(), decoder: makeDecoder(at: offset))
  }

  /// Decodes the lines that start in a stretch of a plain file into a part.
  ///
  /// - Parameters:
  ///   - start: Where the first of them starts.
  ///   - firstLine: Its number.
  ///   - limit: Where a line starts that is left to others with all after it; asked before each block is
  ///     read, with the offset up to which it will be.
  func decode(
    from start: Int64,
    firstLine: Int,
    into part: inout Part,
    limit: (Int64) -> Int64?
  ) throws {
    let file = try FileRange(path: name)
    var position = start
    var reader = LineReader(offset: start, firstLine: firstLine)
    part.end = try reader.run(
      limit: { limit(position + Int64($0)) },
      read: { buffer in
        let count = try file.read(into: buffer, at: position)
        position += Int64(count)
        progress(Int64(count))
        return count
      },
      decode: { lines, line in
        part.decoder.decode(lines: lines, firstLine: line, into: &part.accumulator)
      },
      tooLong: { InputDecoding.reject(tooLong: $0, in: &part.accumulator) }
    )
  }

  private static func reject(tooLong line: Int, in accumulator: inout EvidenceAccumulator) {
    accumulator.reject(
      line: line,
      "the line is longer than \(RecordFraming.longestLine >> 20) MiB"
    )
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
      lines: rest.span.bytes,
      firstLine: linesBefore + part.end.lines + 1,
      into: &part.accumulator
    )
    part.end.lines += 1
    part.end.consumed += Int64(rest.count)
    return 0
  }

  // MARK: Streams

  private func stream(from start: ReadStart) throws -> Output {
    var part = Part(accumulator: makeAccumulator(), decoder: makeDecoder(at: start.offset))
    var reader = LineReader(
      offset: start.offset,
      firstLine: start.wholeLines + 1,
      tail: start.tail
    )
    var reported: Int64 = 0
    // Inflating takes as long as decoding: each has a thread.
    let ahead = ReadAheadSource(source.source)
    part.end = try reader.run(
      limit: { _ in nil },
      read: { buffer in
        let count = try ahead.read(into: buffer)
        let position = ahead.compressedPosition
        progress(position - reported)
        reported = position
        return count
      },
      decode: { lines, line in
        part.decoder.decode(lines: lines, firstLine: line, into: &part.accumulator)
      },
      tooLong: { InputDecoding.reject(tooLong: $0, in: &part.accumulator) }
    )
    var tail = part.end.tail
    let torn = finishLastLine(&part, linesBefore: start.wholeLines, isGrowing: false)
    if torn == 0 { tail.append(part.end.rest) }
    part.decoder.finish(into: &part.accumulator)
    return Output(
      accumulator: part.accumulator,
      consumed: part.end.consumed,
      tailHash: tail.hash,
      lines: start.wholeLines + part.end.lines,
      tornBytes: torn
    )
  }

  // MARK: Values

  private func values(from start: ReadStart) throws -> Output {
    var part = Part(accumulator: makeAccumulator(), decoder: makeDecoder(at: start.offset))
    var framer = ValueFramer(
      offset: start.offset,
      lines: start.wholeLines,
      paths: format.decoder.listPaths,
      head: head.span.bytes,
      isHeadFinal: RecordFraming.isFinal(head.span.bytes)
    )
    var tail = start.tail
    var kept: [UInt8] = []
    var keptFrom = start.offset
    var buffer = [UInt8](repeating: 0, count: LineReader.blockSize)
    var position = start.offset
    let isFile = if case .plain = storage { true } else { false }
    let file = isFile ? try FileRange(path: name) : nil
    let ahead = isFile ? nil : ReadAheadSource(source.source)
    while true {
      let count = try buffer.withUnsafeMutableBytes { bytes in
        try file?.read(into: bytes, at: position) ?? ahead?.read(into: bytes) ?? 0
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
      accumulator: part.accumulator,
      consumed: framer.consumed,
      tailHash: tail.hash,
      lines: framer.lines,
      tornBytes: torn
    )
  }
}
