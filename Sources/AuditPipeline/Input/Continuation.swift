import FlowAggregation
import FlowFormats
import FlowStorage
import Foundation

/// Where reading begins: at the start of an input, or behind what was counted of it before.
struct ReadStart: Sendable {
  /// Decompressed bytes before.
  var offset: Int64 = 0
  /// Lines that are over before; the one that goes on is none of them.
  var wholeLines = 0
  /// The last bytes before.
  var tail = TailWindow()
}

/// Whether an input continues one that was read before.
enum Continuation {
  /// The input holds all that was read, and perhaps more from there on.
  case same(ReadStart)
  /// The input holds less than was read.
  case shorter
  /// Only the start is alike.
  case different

  /// The earlier inputs that one may continue, in the order to try them: the longest first, of equal ones
  /// that which was used.
  ///
  /// A file of two logs may be read once as each: a decoder takes no line of the other.
  static func candidates(_ earlier: [IngestRecord], _ format: LogFormat) -> [IngestRecord] {
    earlier.filter { $0.format == format.rawValue }.sorted { left, right in
      let (one, two) = (left.identity.consumedBytes, right.identity.consumedBytes)
      return one != two ? one > two : left.counts.used > right.counts.used
    }
  }

  /// Compares the bytes before the earlier end; a stream is left right behind that end.
  static func check(_ input: inout OpenedInput, after record: IngestRecord) throws -> Continuation {
    let identity = record.identity
    var tail = TailWindow()
    if case .plain(let size) = input.storage {
      guard size >= identity.consumedBytes else { return .shorter }
      let window = min(Int64(OpenedInput.identityWindow), identity.consumedBytes)
      tail.append(
        try FileRange.read(
          input.name,
          offset: identity.consumedBytes - window,
          count: Int(window)
        )
      )
    } else {
      guard try pass(identity.consumedBytes, of: input.source, tail: &tail) else { return .shorter }
    }
    if tail.hash == identity.tailHash {
      let lines = tail.endsLine ? record.counts.lines : max(0, record.counts.lines - 1)
      return .same(ReadStart(offset: identity.consumedBytes, wholeLines: lines, tail: tail))
    }
    if case .stream = input.storage {
      guard input.name != "-" else {
        throw InputError.differentContinuation(file: "standard input", earlier: record.name)
      }
      input = try OpenedInput(path: input.name)
    }
    return .different
  }

  /// Reads up to an offset; false when the input ends before.
  private static func pass(
    _ count: Int64,
    of source: any ByteSource,
    tail: inout TailWindow
  ) throws -> Bool {
    var left = count
    var buffer = [UInt8](repeating: 0, count: LineReader.blockSize)
    while left > 0 {
      let wanted = Int(min(left, Int64(buffer.count)))
      let got = try buffer.withUnsafeMutableBytes { bytes in
        try source.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted]))
      }
      guard got > 0 else { return false }
      tail.append(buffer[..<got])
      left -= Int64(got)
    }
    return true
  }
}
