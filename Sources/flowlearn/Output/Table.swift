import FlowModel

/// Text in columns, as kubectl prints them.
struct Table {
  private let headers: [String]
  private var rows: [[String]] = []
  private let rightAligned: Set<Int>
  private let dispensable: [String]
  private let clipsLast: Bool
  private let palette: Palette?

  /// Makes a table.
  ///
  /// - Parameters:
  ///   - rightAligned: Columns of numbers, by position.
  ///   - dispensable: Columns that are left out, in this order, while a terminal is too narrow;
  ///     files and pipes always get all of them.
  ///   - clipsLast: Whether a terminal that is still too narrow cuts the last column; only for text
  ///     that another command prints in full.
  ///   - palette: Colours the words of the columns CLASS and DECISION.
  init(
    _ headers: [String],
    rightAligned: Set<Int> = [],
    dispensable: [String] = [],
    clipsLast: Bool = false,
    palette: Palette? = nil
  ) {
    self.headers = headers
    self.rightAligned = rightAligned
    self.dispensable = dispensable
    self.clipsLast = clipsLast
    self.palette = palette
  }

  /// Adds a row of as many cells as there are headers.
  mutating func add(_ cells: [String]) {
    rows.append(cells.map { Terminal.escaped($0).replacing("\n", with: "\\u{a}") })
  }

  /// The lines as wide as they are, without trailing blanks.
  var text: String { text(width: nil) }

  /// The lines, without trailing blanks.
  ///
  /// - Parameter width: Columns of the terminal; nil where the text may be as wide as it likes.
  func text(width: Int?) -> String {
    var widths = headers.map(\.count)
    for row in rows {
      for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) }
    }
    let shown = shownColumns(widths, width: width)
    let room = lastRoom(shown, widths, width: width)
    let lines = ([headers] + rows).map { row in
      shown.map { index in
        let cell = index == shown.last ? row[index].clipped(to: room) : row[index]
        let padding = String(repeating: " ", count: widths[index] - cell.count)
        return rightAligned.contains(index) ? padding + cell : painted(cell, index) + padding
      }.joined(separator: Table.gap).trimmingTrailingSpaces
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static let gap = "   "

  private func painted(_ cell: String, _ column: Int) -> String {
    guard let palette, headers[column] == "CLASS" || headers[column] == "DECISION" else {
      return cell
    }
    return palette.status(cell)
  }

  /// How wide the last column may be; nil when it may be as wide as it is.
  private func lastRoom(_ shown: [Int], _ widths: [Int], width: Int?) -> Int? {
    guard clipsLast, let width else { return nil }
    let before = shown.dropLast().map { widths[$0] + Table.gap.count }.reduce(0, +)
    // With less room than this nothing of use would be left.
    return width - before >= 20 ? width - before : nil
  }

  private func shownColumns(_ widths: [Int], width: Int?) -> [Int] {
    var shown = Array(headers.indices)
    guard let width else { return shown }
    for name in dispensable {
      let needed = shown.map { widths[$0] }.reduce(0, +) + Table.gap.count * (shown.count - 1)
      guard needed > width else { break }
      shown.removeAll { headers[$0] == name }
    }
    return shown
  }
}

extension Timestamps {
  /// A time for tables: the date alone for midnight, else to the minute.
  static func date(_ microseconds: Int64) -> String {
    let minute = minute(microseconds)
    return minute.hasSuffix("T00:00Z") ? String(minute.prefix(10)) : minute
  }

  /// A time to the minute, for tables: `2026-11-09T14:05Z`.
  static func minute(_ microseconds: Int64) -> String {
    String(text(Timestamps.floor(microseconds, to: 60 * second)).dropLast(4)) + "Z"
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    var text = self[...]
    while text.last == " " { text = text.dropLast() }
    return String(text)
  }

  fileprivate func clipped(to room: Int?) -> String {
    guard let room, count > room else { return self }
    return prefix(room - 3) + "..."
  }
}

extension Int {
  /// With groups of three digits: `18,213`.
  var grouped: String { Int64(self).grouped }

  /// With a noun: `1 edge`, `18,213 edges`.
  func counted(_ noun: String) -> String { "\(grouped) \(noun)\(self == 1 ? "" : "s")" }
}

extension Int64 {
  /// With groups of three digits: `18,213`.
  var grouped: String {
    let digits = String(magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result += "," }
      result.append(digit)
    }
    return self < 0 ? "-" + result : result
  }
}
