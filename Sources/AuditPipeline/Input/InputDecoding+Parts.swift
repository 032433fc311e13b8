import Dispatch
import FlowAggregation
import FlowFormats
import Synchronization

extension InputDecoding {
  /// Held by whoever reads a file on all threads.
  ///
  /// With two such files at a time neither would be done sooner, and what each thread remembers would be there twice.
  /// A mutex would keep a core busy with waiting.
  private static let allThreads = DispatchSemaphore(value: 1)

  /// Decodes all lines of a plain file, on as many threads as are worth it.
  func wholeFile(size: Int64, from start: ReadStart) throws -> Part {
    let sharing = format.decoder.sharing(options.decoder)
    let stretches = sharing == .none ? [] : try stretches(size: size, from: start.offset)
    guard stretches.count > 1 else {
      var part = makePart(at: start.offset)
      try decode(from: start.offset, firstLine: start.wholeLines + 1, into: &part) { _ in nil }
      return part
    }
    InputDecoding.allThreads.wait()
    defer { InputDecoding.allThreads.signal() }
    return try wholeFile(size: size, stretches, sharing, from: start)
  }

  private func wholeFile(
    size: Int64,
    _ stretches: [SharedRange.Stretch],
    _ sharing: LogSharing,
    from start: ReadStart
  ) throws -> Part {
    let shared = SharedRange(
      stretches,
      size: size,
      // A new decoder has to learn anew, and what it holds has to be merged.
      leastStretch: sharing == .inOrder ? leastPart * 2 : leastPart / 4
    )
    let outcome = Mutex(Result<[PartialReading], any Error>.success([]))
    DispatchQueue.concurrentPerform(iterations: stretches.count) { thread in
      let done = Result {
        try read(stretches[thread], thread, shared, sharing)
      }
      outcome.withLock { outcome in
        outcome = outcome.flatMap { all in done.map { all + $0 } }
      }
    }
    // Taken out, so that nothing else holds on to the tables and they need not be copied to be changed.
    var readings = try outcome.withLock { outcome in
      defer { outcome = .success([]) }
      return try outcome.get()
    }
    readings.sort { $0.start < $1.start }
    return sharing == .anywhere
      ? joined(&readings, linesBefore: start.wholeLines)
      : try joinedInOrder(&readings, linesBefore: start.wholeLines)
  }

  /// About equal stretches of the file, at most one for each thread.
  private func stretches(size: Int64, from offset: Int64) throws -> [SharedRange.Stretch] {
    let length = size - offset
    let count = max(1, min(Int64(options.threads), length / leastPart))
    let file = try FileRange(path: name)
    var starts = [offset]
    for index in 1..<max(1, count) {
      let next = try file.lineStart(atOrAfter: offset + length * index / count, before: size)
      // A part without a line of its own would hide that the one before ends in a torn line.
      if next > starts[starts.count - 1], next < size { starts.append(next) }
    }
    return starts.indices.map { index in
      SharedRange.Stretch(
        start: starts[index],
        limit: index + 1 < starts.count ? starts[index + 1] : nil
      )
    }
  }

  // MARK: Reading

  /// A stretch that was read.
  private struct Stretch: Sendable {
    /// Where its first line starts.
    var start: Int64
    /// What came of it.
    var end: LineReader.End
  }

  /// What one decoder made of some stretches of the file, in the order in which it read them.
  private struct PartialReading: Sendable {
    var part: Part
    var stretches: [Stretch]

    /// Where the first stretch starts.
    var start: Int64 { stretches.first?.start ?? 0 }
  }

  /// Reads a stretch, and then what other threads have left over.
  private func read(
    _ first: SharedRange.Stretch,
    _ thread: Int,
    _ shared: SharedRange,
    _ sharing: LogSharing
  ) throws -> [PartialReading] {
    let file = try FileRange(path: name)
    var readings: [PartialReading] = []
    var next: SharedRange.Stretch? = first
    while let stretch = next {
      // Moved, not copied: it is about to change.
      var reading =
        (sharing == .anywhere ? readings.popLast() : nil)
        ?? PartialReading(part: makePart(at: stretch.start), stretches: [])
      try decode(
        from: stretch.start,
        // How many lines come before is not known yet. Where decoders go on anywhere, the offset stands for
        // it, which is never less and rises alike.
        firstLine: sharing == .anywhere ? Int(stretch.start) + 1 : 1,
        into: &reading.part
      ) {
        shared.limit(of: thread, readingTo: $0)
      }
      reading.stretches.append(Stretch(start: stretch.start, end: reading.part.end))
      if sharing == .inOrder { reading.part.decoder.endPart(into: &reading.part.accumulator) }
      readings.append(reading)
      next = try shared.next(for: thread, in: file)
    }
    for index in readings.indices { readings[index].part.decoder.releaseMemory() }
    return readings
  }

  // MARK: Joining

  /// Puts together what decoders made that read stretches here and there.
  private func joined(_ readings: inout [PartialReading], linesBefore: Int) -> Part {
    let stretches = readings.flatMap(\.stretches).sorted { $0.start < $1.start }
    var before: [Int] = []
    var lines = linesBefore
    for stretch in stretches {
      before.append(lines)
      lines += stretch.end.lines
    }
    /// The number of a line whose stretch's start was taken for the number of lines before it.
    func number(_ line: Int) -> Int {
      var low = 0
      var high = stretches.count
      while high - low > 1 {
        let middle = (low + high) / 2
        if stretches[middle].start < Int64(line) { low = middle } else { high = middle }
      }
      return before[low] + line - Int(stretches[low].start)
    }
    var whole = readings.removeFirst().part
    whole.accumulator.renumberLines(number)
    while !readings.isEmpty {
      var part = readings.removeFirst().part
      part.accumulator.renumberLines(number)
      whole.accumulator.merge(part.accumulator, lineOffset: 0)
    }
    whole.end = stretches[stretches.count - 1].end
    whole.end.lines = lines - linesBefore
    return whole
  }

  /// Puts together what decoders made that each read one stretch.
  private func joinedInOrder(_ readings: inout [PartialReading], linesBefore: Int) throws -> Part {
    var whole = readings.removeFirst().part
    whole.accumulator.renumberLines { $0 + linesBefore }
    while !readings.isEmpty {
      let start = readings[0].start
      var part = readings.removeFirst().part
      if let decoder = whole.decoder.correction(of: part.decoder) {
        part = makePart(at: start)
        part.decoder = decoder
        let limit = readings.first?.start
        try decode(from: start, firstLine: 1, into: &part) { _ in limit }
      }
      let before = linesBefore + whole.end.lines
      whole.accumulator.merge(part.accumulator, lineOffset: before)
      whole.decoder.merge(part.decoder, lineOffset: before, into: &whole.accumulator)
      whole.end.lines += part.end.lines
      whole.end.consumed = max(whole.end.consumed, part.end.consumed)
      whole.end.rest = part.end.rest
    }
    return whole
  }
}
