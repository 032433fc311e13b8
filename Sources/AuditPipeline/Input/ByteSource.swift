import CZstd
import Foundation

/// Why an input cannot be read.
package enum InputError: Error, Hashable, Sendable {
  /// No such file.
  case missing(file: String)
  /// It may not be read, or reading failed; the system's words.
  case unreadable(file: String, message: String)
  /// A directory without any file that is a log.
  case noLogs(directory: String)
  /// The content is not text.
  case binary(file: String)
  /// Text of two bytes a character.
  case wideText(file: String)
  /// A compressed file ends early or is damaged.
  case damaged(file: String, compression: String, problem: String)
  /// No record of any known format at its start.
  case unknownFormat(file: String)
  /// All records were refused as the given format.
  case nothingRecognized(file: String, format: String, firstProblem: String, line: Int)
  /// A stream starts like an input that was ingested before but goes on differently.
  case differentContinuation(file: String, earlier: String)
  /// A stream starts like an input that is stored already, or is being stored by another process.
  case storedAlready(file: String)
  /// A Parquet file.
  case parquet(file: String)
  /// A record was refused and `--strict` was given.
  case strict(file: String, line: Int, problem: String, count: Int)
  /// Without an inventory nothing of this log, which holds addresses, can be used.
  case needsInventory(file: String, format: String)
  /// A file of objects or decisions cannot be parsed.
  case malformed(file: String, problem: String)
}

/// Bytes of an input in order, decompressed.
package protocol ByteSource: AnyObject {
  /// Fills up to a buffer's length; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
  /// Bytes of the file itself read so far, for progress.
  var compressedPosition: Int64 { get }
}

/// Reads an open file descriptor front to back.
package final class DescriptorSource: ByteSource {
  private let descriptor: Int32
  private let name: String
  private let ownsDescriptor: Bool
  package private(set) var compressedPosition: Int64 = 0

  /// Reads a descriptor; closes it at the end when it owns it.
  package init(descriptor: Int32, name: String, ownsDescriptor: Bool) {
    self.descriptor = descriptor
    self.name = name
    self.ownsDescriptor = ownsDescriptor
  }

  /// Opens a file.
  package convenience init(path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw InputError.opening(path) }
    self.init(descriptor: descriptor, name: path, ownsDescriptor: true)
  }

  deinit {
    if ownsDescriptor { close(descriptor) }
  }

  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    // A signal need not reach the thread that waits for a stream: it looks for itself.
    while !ownsDescriptor, !Descriptor.isReadable(descriptor, milliseconds: 200) {
      if StopSignal.isRaised { return 0 }
    }
    while true {
      let count = unsafe Foundation.read(descriptor, buffer.baseAddress, buffer.count)
      if count >= 0 {
        compressedPosition += Int64(count)
        return count
      }
      // A signal interrupts a blocking read; the caller looks at its stop flag and comes back.
      if errno == EINTR { return try StopSignal.isRaised ? 0 : read(into: buffer) }
      throw InputError.unreadable(file: name, message: String(cString: strerror(errno)))
    }
  }
}

extension InputError {
  /// The error behind a failed `open`.
  static func opening(_ path: String) -> InputError {
    let code = errno
    return code == ENOENT
      ? .missing(file: path)
      : .unreadable(file: path, message: unsafe String(cString: strerror(code)))
  }
}

/// Waiting on file descriptors.
enum Descriptor {
  /// Whether something can be read, the end included, within a time.
  static func isReadable(_ descriptor: Int32, milliseconds: Int32) -> Bool {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&poller, 1, milliseconds) > 0
  }
}

/// Hands out bytes already read for looking at, then the rest of the source.
package final class PushbackSource: ByteSource {
  private var head: ArraySlice<UInt8>
  private let rest: any ByteSource

  /// Puts `head` in front of `rest`.
  package init(head: [UInt8], rest: any ByteSource) {
    self.head = head[...]
    self.rest = rest
  }

  package var compressedPosition: Int64 { rest.compressedPosition }

  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !head.isEmpty else { return try unsafe rest.read(into: buffer) }
    let count = min(buffer.count, head.count)
    unsafe buffer.copyBytes(from: head.prefix(count))
    head = head.dropFirst(count)
    return count
  }
}

/// Decompresses zstd, several frames after each other included.
package final class ZstdSource: ByteSource {
  private let input: any ByteSource
  private let name: String
  private let stream: OpaquePointer
  private var buffer = [UInt8](repeating: 0, count: 256 * 1024)
  private var available = 0
  private var offset = 0
  private var inFrame = false

  /// Decompresses what another source gives.
  package init(_ input: any ByteSource, name: String) throws {
    self.input = input
    self.name = name
    guard let stream = unsafe ZSTD_createDCtx() else {
      throw InputError.damaged(file: name, compression: "zstd", problem: "zstd did not start")
    }
    unsafe self.stream = stream
  }

  deinit { unsafe ZSTD_freeDCtx(stream) }

  package var compressedPosition: Int64 { input.compressedPosition }

  package func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      if offset == available {
        available = try buffer.withUnsafeMutableBytes { try unsafe input.read(into: $0) }
        offset = 0
        if available == 0 {
          guard !inFrame || StopSignal.isRaised else {
            throw InputError.damaged(
              file: name,
              compression: "zstd",
              problem: "it ends inside a compressed block"
            )
          }
          return 0
        }
      }
      // zstd reads src and writes dst within the sizes given, during this call only.
      let (produced, status) = unsafe buffer.withUnsafeBytes { source in
        var from = unsafe ZSTD_inBuffer(src: source.baseAddress, size: available, pos: offset)
        var to = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let status = unsafe ZSTD_decompressStream(stream, &to, &from)
        unsafe offset = from.pos
        return unsafe (to.pos, status)
      }
      guard ZSTD_isError(status) == 0 else {
        throw InputError.damaged(
          file: name,
          compression: "zstd",
          problem: "its data is corrupt (\(unsafe String(cString: ZSTD_getErrorName(status))))"
        )
      }
      inFrame = status != 0
      if produced > 0 { return produced }
    }
  }
}
