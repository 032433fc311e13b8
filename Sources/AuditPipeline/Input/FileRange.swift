import Foundation

/// A plain file read by offset, so that a rotated or shrinking log ends a read instead of the process.
final class FileRange {
  private let descriptor: Int32
  private let path: String

  /// Opens a file.
  init(path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw InputError.opening(path) }
  }

  deinit { close(descriptor) }

  /// Fills a buffer from an offset; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      if count >= 0 { return count }
      guard errno == EINTR else {
        throw InputError.unreadable(file: path, message: String(cString: strerror(errno)))
      }
    }
  }

  /// Whether the path now names another file, or this one was cut below a position.
  func isReplaced(path: String, position: Int64) throws -> Bool {
    var mine = stat()
    var named = stat()
    guard fstat(descriptor, &mine) == 0 else { return true }
    if Int64(mine.st_size) < position { return true }
    guard stat(path, &named) == 0 else { return true }
    return mine.st_ino != named.st_ino || mine.st_dev != named.st_dev
  }

  /// Reads up to `count` bytes from an offset.
  static func read(_ path: String, offset: Int64, count: Int) throws -> [UInt8] {
    let file = try FileRange(path: path)
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let got = try bytes.withUnsafeMutableBytes { buffer in
        try file.read(
          into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]),
          at: offset + Int64(filled)
        )
      }
      if got == 0 { break }
      filled += got
    }
    return Array(bytes[..<filled])
  }

  /// The offset of the first line that starts at or after `offset`; `end` when there is none before it.
  func lineStart(atOrAfter offset: Int64, before end: Int64) throws -> Int64 {
    guard offset > 0 else { return 0 }
    var position = offset - 1
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    while position < end {
      let count = try buffer.withUnsafeMutableBytes { try read(into: $0, at: position) }
      if count == 0 { return end }
      if let feed = buffer[..<count].firstIndex(of: 0x0a) { return position + Int64(feed) + 1 }
      position += Int64(count)
    }
    return end
  }
}
