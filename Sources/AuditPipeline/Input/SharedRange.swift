import Synchronization

/// The lines of a file dealt out among threads, each of which reads a stretch from front to back.
///
/// A thread that comes to the end of its stretch takes half of what the slowest other one has left: cores are
/// not equally quick, nor free all the time, and all would wait for the last.
final class SharedRange: Sendable {
  /// A stretch of a file: the lines that start in it.
  struct Stretch: Hashable, Sendable {
    /// Where its first line starts.
    var start: Int64
    /// Where the first line of the next stretch starts; nil for the rest of the file.
    var limit: Int64?
  }

  private struct Reader {
    /// Offset behind the bytes that the thread has read or is reading; nil when it has nothing to do.
    var claimed: Int64?
    var limit: Int64?
  }

  private let size: Int64
  private let leastStretch: Int64
  private let readers: Mutex<[Reader]>

  /// Begins with a stretch for each thread.
  ///
  /// - Parameters:
  ///   - size: The size of the file, as far as it is worth sharing.
  ///   - leastStretch: The least bytes that are worth being taken over.
  init(_ stretches: [Stretch], size: Int64, leastStretch: Int64) {
    self.size = size
    self.leastStretch = max(leastStretch, 1)
    readers = Mutex(stretches.map { Reader(claimed: $0.start, limit: $0.limit) })
  }

  /// Where the stretch of a thread ends that is about to read up to an offset: lines that start there or
  /// later are left to others.
  func limit(of thread: Int, readingTo end: Int64) -> Int64? {
    readers.withLock { readers in
      readers[thread].claimed = end
      return readers[thread].limit
    }
  }

  /// More work for a thread that has come to the end of its stretch; nil when nothing worth taking is left.
  func next(for thread: Int, in file: FileRange) throws -> Stretch? {
    readers.withLock { $0[thread].claimed = nil }
    while let other = slowest() {
      let start = try file.lineStart(atOrAfter: other.middle, before: size)
      // Its last line reaches to its end.
      guard start < other.limit ?? size else { return nil }
      let taken: Stretch? = readers.withLock { readers in
        // It may have read on meanwhile, or another thread has taken from it.
        guard let claimed = readers[other.thread].claimed, claimed <= start,
          readers[other.thread].limit == other.limit
        else { return nil }
        readers[other.thread].limit = start
        readers[thread] = Reader(claimed: start, limit: other.limit)
        return Stretch(start: start, limit: other.limit)
      }
      if let taken { return taken }
    }
    return nil
  }

  /// The thread that has most left, if it is worth sharing.
  private func slowest() -> (thread: Int, middle: Int64, limit: Int64?)? {
    readers.withLock { readers in
      var slowest: (thread: Int, middle: Int64, limit: Int64?)?
      var most = leastStretch * 2 - 1
      for (thread, reader) in readers.enumerated() {
        guard let claimed = reader.claimed else { continue }
        let left = (reader.limit ?? size) - claimed
        guard left > most else { continue }
        most = left
        slowest = (thread, claimed + left / 2, reader.limit)
      }
      return slowest
    }
  }
}
