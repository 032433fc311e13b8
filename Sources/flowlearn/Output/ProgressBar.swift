import Foundation
import Synchronization

/// Bytes, rate and time left on one line of the terminal.
final class ProgressBar: Sendable {
  private let name: String
  private let total: Int64
  private let isShown: Bool
  private let started = ContinuousClock.now
  private let state = Mutex<(bytes: Int64, drawn: ContinuousClock.Instant?)>((0, nil))

  init(path: String, isShown: Bool) {
    name = (path as NSString).lastPathComponent
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    total = (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    self.isShown = isShown
  }

  /// Adds bytes that were read; draws at most ten times a second.
  func add(_ bytes: Int64) {
    guard isShown else { return }
    let now = ContinuousClock.now
    let line: String? = state.withLock { state in
      state.bytes += bytes
      if let drawn = state.drawn, now - drawn < .milliseconds(100) { return nil }
      state.drawn = now
      return text(state.bytes, after: now - started)
    }
    if let line { FileHandle.standardError.write(Data("\r\u{1b}[K\(line)".utf8)) }
  }

  /// Clears the line.
  func finish() {
    guard isShown, state.withLock({ $0.drawn != nil }) else { return }
    FileHandle.standardError.write(Data("\r\u{1b}[K".utf8))
  }

  private func text(_ bytes: Int64, after time: Duration) -> String {
    let seconds = max(
      0.001,
      Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    )
    let rate = Double(bytes) / seconds
    var line = "\(Terminal.escaped(name))  \(size(bytes))"
    if total > 0 {
      let share = min(1, Double(bytes) / Double(total))
      let filled = Int(share * 24)
      let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 24 - filled)
      let left = Int(Double(max(0, total - bytes)) / max(rate, 1))
      line += " of \(size(total))  [\(bar)] \(Int(share * 100)) %  \(size(Int64(rate)))/s"
      line += "  \(left / 60):\(left % 60 < 10 ? "0" : "")\(left % 60) left"
    } else {
      line += "  \(size(Int64(rate)))/s"
    }
    return line
  }

  private func size(_ bytes: Int64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    return unit == 0 ? "\(bytes) B" : "\((value * 10).rounded() / 10) \(units[unit])"
  }
}
