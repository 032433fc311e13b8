import Foundation
import Synchronization

/// Reads, and decompresses, another source on a thread of its own, a few blocks ahead of its reader.
///
/// What it reads is what the other source gives: the same bytes, the same end, the same error behind the
/// same bytes. When the reader goes away the thread ends with the block it is at.
final class ReadAheadSource: ByteSource {
  private let queue: BlockQueue
  private var block: [UInt8] = []
  private var used = 0
  private var count = 0
  private(set) var compressedPosition: Int64

  /// Begins to read.
  ///
  /// - Parameters:
  ///   - source: Is used by the new thread alone from now on.
  ///   - blockSize: Bytes of a block.
  ///   - depth: How many blocks there are at most.
  init(_ source: any ByteSource, blockSize: Int = LineReader.blockSize, depth: Int = 4) {
    compressedPosition = source.compressedPosition
    queue = BlockQueue(blockSize: blockSize, depth: depth)
    let work = Work(source: source, queue: queue)
    let thread = Thread { work.run() }
    thread.name = "read ahead"
    thread.start()
  }

  deinit { queue.stop() }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    try unsafe read(into: buffer, waitingUntil: nil) ?? 0
  }

  /// Fills a buffer like ``read(into:)``; nil when nothing has come by a time, if one is given.
  func read(into buffer: UnsafeMutableRawBufferPointer, waitingUntil end: Date?) throws -> Int? {
    if used == count {
      var empty: [UInt8] = []
      swap(&empty, &block)
      used = 0
      count = 0
      guard let next = try queue.next(returning: empty, until: end) else { return nil }
      block = next.bytes
      count = next.count
      compressedPosition = next.position
    }
    let size = min(buffer.count, count - used)
    unsafe buffer.copyBytes(from: block[used..<used + size])
    used += size
    return size
  }

  /// What the thread needs; the source is its own from the start.
  private struct Work: @unchecked Sendable {
    let source: any ByteSource
    let queue: BlockQueue

    func run() {
      while var bytes = queue.empty() {
        do {
          // A stop ends a stream that always has something to give, too.
          let count =
            StopSignal.isRaised ? 0 : try bytes.withUnsafeMutableBytes { try source.read(into: $0) }
          queue.put(
            .success(Block(bytes: bytes, count: count, position: source.compressedPosition))
          )
          if count == 0 { return }
        } catch {
          queue.put(.failure(error))
          return
        }
      }
    }
  }
}

/// Bytes that were read; none at the end.
private struct Block: Sendable {
  var bytes: [UInt8]
  var count: Int
  /// Bytes of the file itself read so far.
  var position: Int64
}

/// Blocks on their way from one thread to another, and back when they are empty.
private final class BlockQueue: @unchecked Sendable {
  // Everything below is touched with the condition's lock held.
  private let condition = NSCondition()
  private var full: [Result<Block, any Error>] = []
  private var free: [[UInt8]]
  private var isStopped = false
  private var end: Result<Block, any Error>?

  init(blockSize: Int, depth: Int) {
    free = (0..<depth).map { _ in [UInt8](repeating: 0, count: blockSize) }
  }

  /// A block to fill; nil when nobody wants any more.
  func empty() -> [UInt8]? {
    condition.lock()
    defer { condition.unlock() }
    while free.isEmpty, !isStopped { condition.wait() }
    return isStopped ? nil : free.popLast()
  }

  func put(_ block: Result<Block, any Error>) {
    condition.lock()
    defer { condition.unlock() }
    full.append(block)
    condition.broadcast()
  }

  /// The next full block; nil when none has come by a time, if one is given.
  ///
  /// - Parameter empty: A block that is not needed any more, or none.
  func next(returning empty: [UInt8], until time: Date?) throws -> Block? {
    condition.lock()
    defer { condition.unlock() }
    if !empty.isEmpty {
      free.append(empty)
      condition.broadcast()
    }
    if let end { return try end.get() }
    while full.isEmpty {
      guard let time else {
        condition.wait()
        continue
      }
      guard condition.wait(until: time) || !full.isEmpty else { return nil }
    }
    let block = full.removeFirst()
    // The end stays the end, however often it is asked for.
    switch block {
    case .success(let read) where read.count > 0: break
    default: end = block
    }
    return try block.get()
  }

  func stop() {
    condition.lock()
    defer { condition.unlock() }
    isStopped = true
    condition.broadcast()
  }
}
