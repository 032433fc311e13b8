import Testing

@testable import flowlearn

@Suite struct TableTests {
  private var table: Table {
    var table = Table(
      ["NAME", "FLOWS", "SIDE", "LAST"],
      rightAligned: [1],
      dispensable: ["LAST", "SIDE"]
    )
    table.add(["web", "7", "both", "2026-11-09"])
    table.add(["database", "1,204", "egress", "2026-11-10"])
    return table
  }

  @Test("Columns are padded, numbers to the right, without trailing blanks")
  func plain() {
    #expect(
      table.text == """
        NAME       FLOWS   SIDE     LAST
        web            7   both     2026-11-09
        database   1,204   egress   2026-11-10

        """
    )
  }

  @Test("A narrow terminal loses the dispensable columns in their order, and no others")
  func narrow() {
    #expect(table.text(width: 38) == table.text)
    #expect(table.text(width: 37).hasPrefix("NAME       FLOWS   SIDE\n"))
    #expect(table.text(width: 20).hasPrefix("NAME       FLOWS\n"))
    #expect(table.text(width: 1).hasPrefix("NAME       FLOWS\n"))
  }

  @Test("A last column that is told in full elsewhere is cut on a terminal, and only there")
  func clipped() {
    var table = Table(["NAME", "MISSING"], clipsLast: true)
    table.add(["web", "no hole in the log longer than 6 h"])
    #expect(table.text(width: 30).hasSuffix("web    no hole in the log l...\n"))
    #expect(table.text(width: 41).hasSuffix("than 6 h\n"))
    #expect(table.text(width: 10) == table.text)
  }

  @Test("Control characters in cells are shown, not sent")
  func hostileCells() {
    var table = Table(["NAME"])
    table.add(["a\u{1b}[2Jb\u{202e}c"])
    #expect(table.text == "NAME\na\\u{1b}[2Jb\\u{202e}c\n")
  }

  @Test("A line break in a cell does not break the row")
  func lineBreak() {
    var table = Table(["NAME"])
    table.add(["a\nb"])
    #expect(table.text.split(separator: "\n").count == 2)
  }
}
