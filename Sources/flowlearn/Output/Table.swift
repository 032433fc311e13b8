/// Text in columns, as kubectl prints them.
struct Table {
  private let headers: [String]
  private var rows: [[String]] = []
  private let rightAligned: Set<Int>

  /// Makes a table; numbers stand in the right-aligned columns.
  init(_ headers: [String], rightAligned: Set<Int> = []) {
    self.headers = headers
    self.rightAligned = rightAligned
  }

  /// Adds a row of as many cells as there are headers.
  mutating func add(_ cells: [String]) { rows.append(cells.map(Terminal.escaped)) }

  /// The lines, without trailing blanks.
  var text: String {
    var widths = headers.map(\.count)
    for row in rows {
      for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) }
    }
    let lines = ([headers] + rows).map { row in
      row.enumerated().map { index, cell in
        let padding = String(repeating: " ", count: widths[index] - cell.count)
        return rightAligned.contains(index) ? padding + cell : cell + padding
      }.joined(separator: "   ").trimmingTrailingSpaces
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    var text = self[...]
    while text.last == " " { text = text.dropLast() }
    return String(text)
  }
}

extension Int {
  /// With thin groups of three digits: `18,213`.
  var grouped: String { Int64(self).grouped }
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
