import FlowFormats

/// Unpacks gzip that a record holds, as subscriptions hand it to functions.
enum PackedRecords {
  /// The most bytes that one record may hold unpacked.
  static let longest = 64 << 20

  /// The options with a way to unpack.
  static func options(_ options: DecoderOptions) -> DecoderOptions {
    var options = options
    options.inflate = { inflate($0) }
    return options
  }

  /// The bytes packed in gzip; nil when they are damaged, or more than ``longest``.
  static func inflate(_ packed: [UInt8]) -> [UInt8]? {
    let source = GzipSource(BytesSource(packed), name: "")
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      guard let count = try? buffer.withUnsafeMutableBytes({ try source.read(into: $0) }) else {
        return nil
      }
      if count == 0 { return result }
      result += buffer[..<count]
      if result.count > longest { return nil }
    }
  }
}

/// Bytes in memory.
private final class BytesSource: ByteSource {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var compressedPosition: Int64 { 0 }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let part = rest.prefix(buffer.count)
    buffer.copyBytes(from: part)
    rest = rest.dropFirst(part.count)
    return part.count
  }
}
