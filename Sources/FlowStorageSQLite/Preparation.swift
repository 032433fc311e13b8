import Dispatch
import Synchronization

/// Values that are made one after the other on another thread, a few ahead of the one who takes them.
///
/// It must be held as long as values are taken; when it is let go of, no more are made.
final class Preparation<Value: Sendable>: Sendable {
  /// How many are made ahead.
  private static var ahead: Int { 3 }

  /// What both threads use.
  private final class Shared: Sendable {
    let made = Mutex<[Value]>([])
    let isOver = Atomic<Bool>(false)
    /// Counts values that wait to be taken.
    let ready = DispatchSemaphore(value: 0)
    /// Counts values that may be made.
    let room = DispatchSemaphore(value: 0)
  }

  private let shared = Shared()
  private let left: Mutex<Int>

  /// Begins to make them.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - make: Makes the one with an index from 0.
  init(count: Int, _ make: @escaping @Sendable (Int) -> Value) {
    left = Mutex(count)
    for _ in 0..<Preparation.ahead { shared.room.signal() }
    DispatchQueue.global(qos: .userInitiated).async { [shared] in
      for index in 0..<count {
        shared.room.wait()
        guard !shared.isOver.load(ordering: .acquiring) else { return }
        let value = make(index)
        shared.made.withLock { $0.append(value) }
        shared.ready.signal()
      }
    }
  }

  deinit {
    shared.isOver.store(true, ordering: .releasing)
    shared.room.signal()
  }

  /// Waits for the next one, nil behind the last: to be called by one thread at a time.
  func next() -> Value? {
    let isDone = left.withLock { left in
      if left == 0 { return true }
      left -= 1
      return false
    }
    if isDone { return nil }
    shared.ready.wait()
    let value = shared.made.withLock { $0.removeFirst() }
    shared.room.signal()
    return value
  }
}
