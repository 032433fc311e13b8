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
    var table = Table(["NAME", "MISSING"], last: .clipped)
    table.add(["web", "no hole in the log longer than 6 h"])
    #expect(table.text(width: 30).hasSuffix("web    no hole in the log l...\n"))
    #expect(table.text(width: 41).hasSuffix("than 6 h\n"))
    #expect(table.text(width: 10).hasSuffix("web    no hole in the lo...\n"))
    #expect(table.text.hasSuffix("than 6 h\n"))
  }

  @Test("A last column that is wanted in full goes on under its own start")
  func wrapped() {
    var table = Table(["NAME", "KIND", "LABELS"], dispensable: ["KIND"], last: .wrapped)
    let labels = "app=shop,app.kubernetes.io/part-of=shop,tier=web,zone=a"
    table.add(["web", "Deployment", labels])
    table.add(["db", "StatefulSet", "app=shop"])
    #expect(
      table.text(width: 62) == """
        NAME   KIND          LABELS
        web    Deployment    app=shop,app.kubernetes.io/part-of=shop,
                             tier=web,zone=a
        db     StatefulSet   app=shop

        """
    )
    #expect(
      table.text(width: 60) == """
        NAME   LABELS
        web    app=shop,app.kubernetes.io/part-of=shop,tier=web,
               zone=a
        db     app=shop

        """
    )
    #expect(table.text.contains("web    Deployment    \(labels)\n"))
  }

  @Test("A word that is longer than the line is broken, and nothing of it is lost")
  func wrappedWord() {
    var table = Table(["A", "B"], last: .wrapped)
    let word = String(repeating: "0123456789", count: 7)
    table.add(["x", word])
    let lines = table.text(width: 50).split(separator: "\n").dropFirst()
    #expect(lines.count == 2 && lines.allSatisfy { $0.count <= 50 })
    #expect(lines.map { $0.dropFirst(4) }.joined() == word)
  }

  @Test("Names are cut inside, the longest first, when nothing else can go")
  func shrunk() {
    var table = Table(
      ["SOURCE", "DESTINATION", "FLOWS"],
      rightAligned: [2],
      shrinkable: [0, 1]
    )
    table.add(["app-prod/web", "api.payments.example.com 192.0.2.10", "7"])
    // 12 + 3 + 21 + 3 + 5: twenty-one columns are left of the destination's thirty-five.
    #expect(
      table.text(width: 44) == """
        SOURCE         DESTINATION             FLOWS
        app-prod/web   api.payme...92.0.2.10       7

        """
    )
    #expect(table.text(width: 44).split(separator: "\n").allSatisfy { $0.count <= 44 })
    #expect(table.text.contains("api.payments.example.com 192.0.2.10"))
    // No name is cut to nothing.
    #expect(table.text(width: 5).contains("app-prod/web"))
  }

  @Test("A name without end does not make a line without end")
  func longCell() {
    var table = Table(["NAME"])
    table.add([String(repeating: "n", count: 100_000)])
    #expect(table.text.count < 5_000)
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
