import FlowFormats
import FlowModel
import Foundation

/// An input opened and looked at: what it is compressed with, and how it starts.
struct OpenedInput {
  /// How the bytes are stored.
  enum Storage {
    /// A plain file, by path, with its size when it was opened.
    case plain(size: Int64)
    /// Anything that is read front to back.
    case stream
  }

  /// How many bytes of the content's start are looked at.
  static let headSize = 64 * 1024
  /// How many bytes of the start and of the end identify an input.
  static let identityWindow = 4096

  let name: String
  let storage: Storage
  /// The first decompressed bytes, up to ``headSize``.
  let head: [UInt8]
  /// The whole content from its start, decompressed.
  let source: any ByteSource
  /// Size of the file as it is stored, nil for streams.
  let storedSize: Int64?

  /// Opens a file or, for `-`, standard input.
  ///
  /// - Parameter detect: Tells the format by the first bytes; a stream is read until it can.
  /// - Throws: ``InputError``.
  init(path: String, detect: (RawSpan) -> LogFormat? = { LogFormat.detect($0) }) throws {
    let isStandardInput = path == "-"
    name = path
    let raw: DescriptorSource
    var size: Int64?
    if isStandardInput {
      raw = DescriptorSource(
        descriptor: STDIN_FILENO,
        name: "standard input",
        ownsDescriptor: false
      )
    } else {
      raw = try DescriptorSource(path: path)
      var status = stat()
      if stat(path, &status) == 0 {
        if status.st_mode & S_IFMT == S_IFDIR {
          throw InputError.unreadable(file: path, message: "is a directory")
        }
        if status.st_mode & S_IFMT == S_IFREG { size = Int64(status.st_size) }
      }
    }
    storedSize = size
    let magic = try OpenedInput.fill(raw, count: 8)
    let whole = PushbackSource(head: magic, rest: raw)
    if magic.starts(with: [0x1f, 0x8b]) {
      storage = .stream
      let inflated = GzipSource(whole, name: path)
      head = try OpenedInput.fill(inflated, count: OpenedInput.headSize)
      source = PushbackSource(head: head, rest: inflated)
    } else if magic.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) {
      storage = .stream
      let inflated = try ZstdSource(whole, name: path)
      head = try OpenedInput.fill(inflated, count: OpenedInput.headSize)
      source = PushbackSource(head: head, rest: inflated)
    } else {
      if magic.starts(with: Array("PAR1".utf8)) { throw InputError.parquet(file: path) }
      storage = size.map { .plain(size: $0) } ?? .stream
      // A pipe hands out what is there; waiting for 64 KiB would hold up a slow stream.
      head = try OpenedInput.fill(
        whole,
        count: OpenedInput.headSize,
        isEnough: { isStandardInput && OpenedInput.tells($0, detect) }
      )
      source = PushbackSource(head: head, rest: whole)
    }
    if head.starts(with: [0xff, 0xfe]) || head.starts(with: [0xfe, 0xff]) {
      throw InputError.wideText(file: path)
    }
    if head.contains(0), !OpenedInput.isDamagedLog(head, detect) {
      throw InputError.binary(file: path)
    }
  }

  /// Whether a text with zero bytes in it is a log all the same.
  ///
  /// A crash leaves blocks of them, and the lines they are in are refused one by one. An archive of logs,
  /// which has them too, is none.
  private static func isDamagedLog(_ head: [UInt8], _ detect: (RawSpan) -> LogFormat?) -> Bool {
    let isArchive = head.count > 262 && head[257..<262].elementsEqual("ustar".utf8)
    return !isArchive && head.count { $0 == 0 } <= head.count / 4 && detect(head.span.bytes) != nil
  }

  /// Whether the start of a stream of lines holds one, and says what log it is.
  ///
  /// Values over many lines are only stored when the stream ends, so there nothing is held up.
  private static func tells(
    _ head: ArraySlice<UInt8>,
    _ detect: (RawSpan) -> LogFormat?
  ) -> Bool {
    guard let start = head.firstIndex(where: { $0 > 0x20 }), head[start...].contains(0x0a) else {
      return false
    }
    let bytes = head.span.bytes
    return RecordFraming.detect(bytes) == .lines && detect(bytes) != nil
  }

  /// Reads up to `count` bytes, fewer when what came is enough.
  private static func fill(
    _ source: any ByteSource,
    count: Int,
    isEnough: (ArraySlice<UInt8>) -> Bool = { _ in false }
  ) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let got = try bytes.withUnsafeMutableBytes { buffer in
        try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
      }
      if got == 0 { break }
      filled += got
      if isEnough(bytes[..<filled]) { break }
    }
    return Array(bytes[..<filled])
  }

  /// The hash of the first `length` bytes, nil when there are fewer.
  func headHash(_ length: Int) -> UInt64? { OpenedInput.headHash(head, length) }

  /// The hash of the first `length` bytes of a content's start, nil when there are fewer.
  static func headHash(_ head: [UInt8], _ length: Int) -> UInt64? {
    length <= head.count && length > 0
      ? ContentHash.hash(head.span.bytes.extracting(0..<length)) : nil
  }
}

/// The last bytes that went by, as many as identify an input.
struct TailWindow {
  private var bytes: [UInt8] = []

  /// Takes bytes that follow.
  mutating func append(_ more: some Collection<UInt8>) {
    bytes.append(contentsOf: more.suffix(OpenedInput.identityWindow))
    if bytes.count > OpenedInput.identityWindow {
      bytes.removeFirst(bytes.count - OpenedInput.identityWindow)
    }
  }

  /// The hash of what is in the window.
  var hash: UInt64 { ContentHash.hash(bytes) }
  /// Whether nothing or a line feed went by last.
  var endsLine: Bool { bytes.last ?? 0x0a == 0x0a }
}
