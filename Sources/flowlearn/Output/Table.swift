import FlowModel

/// Text in columns, as kubectl prints them.
struct Table {
  /// What a terminal does with a last column that it has no room for.
  enum LastColumn {
    /// It stays as it is.
    case whole
    /// It is cut; only for text that another command prints in full.
    case clipped
    /// It goes on in the next line, under its own start.
    case wrapped
  }

  private let headers: [String]
  private var rows: [[String]] = []
  private let rightAligned: Set<Int>
  private let dispensable: [String]
  private let shrinkable: Set<Int>
  private let last: LastColumn
  private let palette: Palette?

  /// Makes a table.
  ///
  /// Files and pipes get all of it; the rest says what a terminal that is too narrow does.
  ///
  /// - Parameters:
  ///   - rightAligned: Columns of numbers, by position.
  ///   - dispensable: Columns that are left out, in this order, until the rest fits.
  ///   - shrinkable: Columns of names that are then cut in the middle, the longest first.
  ///   - last: What becomes of the last column.
  ///   - palette: Colours the words of the columns CLASS and DECISION.
  init(
    _ headers: [String],
    rightAligned: Set<Int> = [],
    dispensable: [String] = [],
    shrinkable: Set<Int> = [],
    last: LastColumn = .whole,
    palette: Palette? = nil
  ) {
    self.headers = headers
    self.rightAligned = rightAligned
    self.dispensable = dispensable
    self.shrinkable = shrinkable
    self.last = last
    self.palette = palette
  }

  /// Adds a row of as many cells as there are headers.
  mutating func add(_ cells: [String]) {
    rows.append(cells.map { Terminal.oneLine($0).clipped(to: Table.longestCell) })
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
    if let width { shrink(&widths, shown, to: width) }
    return ([headers] + rows).flatMap { lines($0, shown, widths, width: width) }
      .joined(separator: "\n") + "\n"
  }

  private static let gap = "   "
  /// No name of Kubernetes comes near it; a log may hold any.
  private static let longestCell = 2000
  /// With less room than this nothing of use would be left of a last column; a wrapped one must hold
  /// a label in a line.
  private var leastRoom: Int { last == .wrapped ? 40 : 20 }
  /// No name is cut shorter than this.
  private static let leastName = 12

  /// A row, of several lines where its last cell is wrapped.
  private func lines(
    _ row: [String],
    _ shown: [Int],
    _ widths: [Int],
    width: Int?
  ) -> [String] {
    let before = shown.dropLast().map { widths[$0] + Table.gap.count }.reduce(0, +)
    let room = width.map { max(leastRoom, $0 - before) }
    var rest: [String] = []
    let cells = shown.map { index -> String in
      var cell = shrinkable.contains(index) ? row[index].cutInside(to: widths[index]) : row[index]
      if index == shown.last, let room, cell.count > room {
        switch last {
        case .whole: break
        case .clipped: cell = cell.clipped(to: room)
        case .wrapped:
          let pieces = cell.wrapped(to: room)
          cell = pieces.first ?? ""
          rest = Array(pieces.dropFirst())
        }
      }
      let padding = String(repeating: " ", count: max(0, widths[index] - cell.count))
      return rightAligned.contains(index) ? padding + cell : painted(cell, index) + padding
    }
    let indent = String(repeating: " ", count: before)
    return [cells.joined(separator: Table.gap).trimmingTrailingSpaces] + rest.map { indent + $0 }
  }

  private func painted(_ cell: String, _ column: Int) -> String {
    guard let palette, headers[column] == "CLASS" || headers[column] == "DECISION" else {
      return cell
    }
    return palette.status(cell)
  }

  private func needed(_ shown: [Int], _ widths: [Int]) -> Int {
    shown.map { index in
      index == shown.last && last != .whole ? min(widths[index], leastRoom) : widths[index]
    }.reduce(0, +) + Table.gap.count * (shown.count - 1)
  }

  private func shownColumns(_ widths: [Int], width: Int?) -> [Int] {
    var shown = Array(headers.indices)
    guard let width else { return shown }
    for name in dispensable where needed(shown, widths) > width {
      shown.removeAll { headers[$0] == name }
    }
    return shown
  }

  private func shrink(_ widths: inout [Int], _ shown: [Int], to width: Int) {
    while needed(shown, widths) > width {
      let candidates = shown.filter { shrinkable.contains($0) && widths[$0] > Table.leastName }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { return }
      widths[widest] -= 1
    }
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
  /// Without its end where it is longer than that.
  func clipped(to length: Int) -> String {
    // Counting bytes first: it is cheap, and names are short.
    guard utf8.count > length, count > length else { return self }
    return prefix(length - 3) + "..."
  }

  /// Without its middle where it is longer than that: names differ at both ends.
  fileprivate func cutInside(to length: Int) -> String {
    guard utf8.count > length, count > length else { return self }
    let kept = length - 3
    return prefix(kept - kept / 2) + "..." + suffix(kept / 2)
  }

  /// In lines, broken behind a comma or blank where there is one.
  fileprivate func wrapped(to length: Int) -> [String] {
    var lines: [String] = []
    var rest = self[...]
    while rest.count > length {
      let line = rest.prefix(length)
      let end = line.lastIndex { $0 == "," || $0 == " " }.map { line.index(after: $0) }
      lines.append(String(line[..<(end ?? line.endIndex)]).trimmingTrailingSpaces)
      rest = rest[(end ?? line.endIndex)...]
    }
    return lines + [String(rest)]
  }

  fileprivate var trimmingTrailingSpaces: String {
    var text = self[...]
    while text.last == " " { text = text.dropLast() }
    return String(text)
  }
}

extension Int {
  /// With groups of three digits: `18,213`.
  var grouped: String { Int64(self).grouped }

  /// With a noun: `1 edge`, `18,213 edges`.
  func counted(_ noun: String) -> String { Int64(self).counted(noun) }
}

extension Int64 {
  /// With a noun: `1 edge`, `18,213 edges`.
  func counted(_ noun: String) -> String { "\(grouped) \(noun)\(self == 1 ? "" : "s")" }

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
