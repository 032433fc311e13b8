import Foundation
import Synchronization

/// Bytes, rate and time left of one or several files on one line of the terminal.
final class ProgressBar: Sendable {
  private let line: ProgressLine
  private let isShown: Bool
  private let started = ContinuousClock.now
  private let state = Mutex<(bytes: Int64, drawn: ContinuousClock.Instant?)>((0, nil))

  init(paths: [String], isShown: Bool) {
    let sizes = paths.map { path in
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      return (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    }
    line = ProgressLine(
      name: paths.count == 1
        ? (paths[0] as NSString).lastPathComponent : paths.count.counted("file"),
      total: sizes.reduce(0, +)
    )
    self.isShown = isShown
  }

  /// Adds bytes that were read; draws at most ten times a second, and nothing for what is done at once.
  func add(_ bytes: Int64) {
    guard isShown else { return }
    let now = ContinuousClock.now
    let text: String? = state.withLock { state in
      state.bytes += bytes
      guard now - (state.drawn ?? started) >= .milliseconds(100) else { return nil }
      state.drawn = now
      return line.text(
        state.bytes,
        after: now - started,
        width: Terminal.errorWidth ?? 80
      )
    }
    if let text { Terminal.writeError("\r\u{1b}[K\(text)") }
  }

  /// Clears the line.
  func finish() {
    guard isShown, state.withLock({ $0.drawn != nil }) else { return }
    Terminal.writeError("\r\u{1b}[K")
  }
}

/// How far the reading of one file is, as text.
struct ProgressLine {
  private let name: String
  private let total: Int64

  /// Makes a line; a total of 0 is unknown.
  init(name: String, total: Int64) {
    self.name = Terminal.oneLine(name)
    self.total = total
  }

  /// The line, shorter than a terminal is wide so that it is redrawn in place.
  func text(_ bytes: Int64, after time: Duration, width: Int) -> String {
    let seconds = max(
      0.001,
      Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    )
    let rate = Double(bytes) / seconds
    let rateText = "\(ProgressLine.size(rate))/s"
    guard total > 0 else {
      return joined([], "\(ProgressLine.size(Double(bytes)))  \(rateText)", width)
    }
    let share = min(1, Double(bytes) / Double(total))
    let left = Double(max(0, total - bytes)) / max(rate, 1)
    let percent = ProgressLine.padded("\(Int(share * 100))%", to: 4)
    let amount = "\(ProgressLine.size(Double(bytes))) of \(ProgressLine.size(Double(total)))"
    let filled = Int(share * Double(ProgressLine.barWidth))
    let bar =
      "[" + String(repeating: "#", count: filled)
      + String(repeating: "-", count: ProgressLine.barWidth - filled) + "]"
    return joined([bar, amount, rateText], "\(percent)  \(ProgressLine.clock(left)) left", width)
  }

  private static let barWidth = 20

  /// The name, what there is room for of the parts, and what must be there.
  private func joined(_ parts: [String], _ needed: String, _ width: Int) -> String {
    var parts = parts
    let name = name.clipped(to: max(8, width / 4))
    func line() -> String { ([name] + parts + [needed]).joined(separator: "  ") }
    while line().count >= width, !parts.isEmpty { parts.removeFirst() }
    let text = line()
    return text.count >= width ? String(text.prefix(max(0, width - 1))) : text
  }

  private static func clock(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 359_999))
    let minutes = whole / 60 % 60
    let tail = "\(whole % 60 < 10 ? "0" : "")\(whole % 60)"
    return whole < 3600
      ? "\(minutes):\(tail)" : "\(whole / 3600):\(minutes < 10 ? "0" : "")\(minutes):\(tail)"
  }

  /// A size of a constant nine characters, so that the line does not jump.
  private static func size(_ bytes: Double) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = bytes
    var unit = 0
    while value >= 999.95, unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    let text = unit == 0 ? "\(Int(value)) B" : "\((value * 10).rounded() / 10) \(units[unit])"
    return padded(text, to: 9)
  }

  private static func padded(_ text: String, to length: Int) -> String {
    String(repeating: " ", count: max(0, length - text.count)) + text
  }
}
