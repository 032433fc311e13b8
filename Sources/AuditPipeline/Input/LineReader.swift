import FlowAggregation
import FlowFormats
import FlowModel
import Foundation

/// Feeds blocks of whole lines to a decoder.
///
/// Blocks are 256 KiB and grow only for a longer line, up to ``RecordFraming/longestLine``.
struct LineReader {
  static let blockSize = 256 * 1024

  /// Where a read ended.
  struct End {
    /// Offset after the last line feed.
    var consumed: Int64
    /// Lines counted.
    var lines: Int
    /// Bytes after the last line feed; with a limit also those of lines that are left to others.
    var rest: [UInt8]
    /// The last bytes before ``consumed``.
    var tail: TailWindow
  }

  private var buffer: [UInt8]
  private let longestLine: Int
  private var filled = 0
  private var skipsLine = false
  private var end: End
  private let firstLine: Int

  /// Starts at an offset; lines are numbered from `firstLine`, and `tail` is what comes before.
  init(
    offset: Int64,
    firstLine: Int,
    tail: TailWindow = TailWindow(),
    blockSize: Int = LineReader.blockSize,
    longestLine: Int = RecordFraming.longestLine
  ) {
    buffer = [UInt8](repeating: 0, count: blockSize)
    self.longestLine = longestLine
    end = End(consumed: offset, lines: 0, rest: [], tail: tail)
    self.firstLine = firstLine
  }

  /// Reads through `read` until it gives nothing more or `limit` lines' starts are behind.
  ///
  /// - Parameters:
  ///   - limit: Where a line starts that is left to others with all after it; nil for no limit. It is asked
  ///     before each read, with the most bytes that will be read.
  ///   - read: Fills a buffer, 0 at the end.
  ///   - decode: Takes whole lines with the first one's number, gives their count.
  ///   - tooLong: Is told the number of a line that is longer than can be read.
  mutating func run(
    limit: (Int) -> Int64?,
    read: (UnsafeMutableRawBufferPointer) throws -> Int,
    decode: (RawSpan, Int) throws -> Int,
    tooLong: (Int) -> Void
  ) throws -> End {
    while true {
      if filled == buffer.count { growOrSkip(tooLong: tooLong) }
      let limit = limit(buffer.count - filled)
      // A line too long to be kept is passed over to its end, which may lie behind the limit.
      guard skipsLine || limit.map({ end.consumed < $0 }) ?? true else { break }
      let count = try buffer.withUnsafeMutableBytes { bytes in
        try read(UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]))
      }
      guard count > 0 else { break }
      filled += count
      try drain(limit: limit, decode: decode)
    }
    if skipsLine {
      consume(filled)
      end.lines += 1
      filled = 0
    }
    end.rest = Array(buffer[..<filled])
    return end
  }

  /// Decodes the whole lines in the buffer and moves the rest to its front.
  private mutating func drain(limit: Int64?, decode: (RawSpan, Int) throws -> Int) throws {
    var start = 0
    if skipsLine {
      guard let feed = LineFeeds.next(in: buffer.span.bytes.extracting(0..<filled), from: 0)
      else {
        consume(filled)
        filled = 0
        return
      }
      skipsLine = false
      start = feed + 1
      consume(start)
      end.lines += 1
    }
    let done = try wholeLines(from: start, limit: limit, decode: decode)
    end.lines += done.lines
    consume(done.bytes, from: start)
    start += done.bytes
    if start > 0 {
      buffer.withUnsafeMutableBytes { pointer in
        guard let base = pointer.baseAddress else { return }
        memmove(base, base + start, filled - start)
      }
      filled -= start
    }
  }

  private mutating func consume(_ count: Int, from start: Int = 0) {
    end.tail.append(buffer[start..<start + count])
    end.consumed += Int64(count)
  }

  /// Decodes the whole lines at and after an offset of the buffer.
  private func wholeLines(
    from start: Int,
    limit: Int64?,
    decode: (RawSpan, Int) throws -> Int
  ) throws -> (lines: Int, bytes: Int) {
    let bytes = buffer.span.bytes.extracting(start..<filled)
    guard var last = LineFeeds.last(in: bytes, before: bytes.byteCount) else { return (0, 0) }
    if let limit, end.consumed + Int64(last) >= limit {
      guard end.consumed < limit else { return (0, 0) }
      // The limit is the start of a line: the one before it is ours, the ones after it are not.
      last = LineFeeds.next(in: bytes, from: Int(limit - end.consumed) - 1) ?? last
    }
    let lines = try decode(bytes.extracting(0..<last + 1), firstLine + end.lines)
    return (lines, last + 1)
  }

  private mutating func growOrSkip(tooLong: (Int) -> Void) {
    if buffer.count < longestLine {
      buffer.append(contentsOf: repeatElement(0, count: buffer.count))
    } else {
      tooLong(firstLine + end.lines)
      skipsLine = true
      consume(filled)
      filled = 0
    }
  }
}
