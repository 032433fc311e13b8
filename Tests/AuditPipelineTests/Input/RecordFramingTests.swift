import FlowAggregation
import FlowFormats
import FlowModel
import Foundation
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("Cutting an input into records")
struct RecordFramingTests {
  @Test(
    "How an input is cut is seen from its start",
    arguments: [
      ("", RecordFraming.lines), ("  \n", .lines), ("plain text", .lines), ("{\"a\":1}\n", .lines),
      ("{\"a\":1}\r\n{", .lines), ("[{\"a\":1}]", .values), ("[ \n {", .values), ("[]", .values),
      ("[", .values), ("[[1]]", .values), ("[   12.345] IN=eth0\n", .lines),
      ("[2026-09-15] x\n", .lines), ("{\n\"a\":1}\n", .values), ("{\"a\":\n1}\n", .values),
      ("{\"a\":1", .values), ("{bad\n{\"a\":1}\n", .lines), ("\n\n{\"a\":1}\n", .lines),
      ("\u{feff}{\"a\":1}\n", .lines), ("\u{feff}{\n\"a\":1}\n", .values),
      ("\u{feff}[{", .values),
    ]
  )
  func detection(text: String, framing: RecordFraming) {
    #expect(RecordFraming.detect(Array(text.utf8).span.bytes) == framing, "\(text)")
  }

  private func cut(
    _ text: String,
    pieces: [Int] = [],
    paths: [RecordListPath] = [],
    longestValue: Int = RecordFraming.longestValue
  ) -> (values: [String], lines: [Int], garbage: [Int], framer: ValueFramer) {
    let head = Array(text.utf8)
    var framer = ValueFramer(
      offset: 0,
      lines: 0,
      paths: paths,
      head: head.span.bytes,
      longestValue: longestValue
    )
    var values: [String] = []
    var lines: [Int] = []
    var garbage: [Int] = []
    var rest = Array(text.utf8)[...]
    for count in pieces + [rest.count] {
      let piece = Array(rest.prefix(count))
      rest = rest.dropFirst(count)
      framer.feed(piece.span.bytes) { value, line in
        values.append(
          String(decoding: (0..<value.byteCount).map { value.byte(at: $0) }, as: UTF8.self)
        )
        lines.append(line)
      } garbage: { line in
        garbage.append(line)
      }
    }
    return (values, lines, garbage, framer)
  }

  @Test("Brackets and quotes inside strings end nothing")
  func strings() {
    let text = #"{"a":"}]\"{[\\"}{"b":["}",{"c":"\\\""}]}"#
    #expect(cut(text).values == [#"{"a":"}]\"{[\\"}"#, #"{"b":["}",{"c":"\\\""}]}"#])
  }

  @Test("Values are numbered by the line they start on")
  func lines() {
    let result = cut("[\n{\n\"a\":1\n},\n\n{}\n, oops\n{} ]\n")
    #expect(result.values.count == 3)
    #expect(result.lines == [2, 6, 8])
    #expect(result.garbage == [7])
    #expect(result.framer.lines == 8)
  }

  @Test("A byte order mark at the start is no text between values, elsewhere it is")
  func byteOrderMark() {
    for pieces in [[], [1], [2, 1]] {
      let result = cut("\u{feff}[\n{}\n]\n", pieces: pieces)
      #expect(result.values.count == 1 && result.garbage.isEmpty)
    }
    #expect(cut("{}\n\u{feff}{}\n").garbage == [2])
  }

  @Test("A string that is not closed ends with its line")
  func openString() {
    let result = cut("{\"a\":\"x\n}\n{\"b\":1}\n")
    #expect(result.values.count == 2 && result.values.last == "{\"b\":1}")
  }

  @Test("What is consumed is the end of the last whole value")
  func consumed() {
    #expect(cut("[{\"a\":1}, {\"b\"").framer.consumed == 8)
    #expect(cut("[{\"a\":1}, {\"b\"").framer.isInsideValue)
    #expect(cut("[{\"a\":1}]\n").framer.consumed == 8)
    #expect(!cut("[{\"a\":1}]\n").framer.isInsideValue)
    #expect(cut("[]").framer.consumed == 0)
  }

  /// The same byte by byte, as plainly as it can be written.
  private func plainCut(_ text: String, longestValue: Int) -> (
    values: [String], lines: [Int], garbage: [Int]
  ) {
    var found: (values: [String], lines: [Int], garbage: [Int]) = ([], [], [])
    var value: [UInt8] = []
    var (depth, line, firstLine) = (0, 1, 1)
    var (isGarbage, isInString, isEscaped) = (false, false, false)
    for byte in text.utf8 {
      let character = Character(Unicode.Scalar(byte))
      if isGarbage, character == "{" || byte == 0x0a {
        found.garbage.append(firstLine)
        isGarbage = false
      }
      if depth > 0 {
        value.append(byte)
        if isInString {
          if isEscaped {
            isEscaped = false
          } else if character == "\\" {
            isEscaped = true
          } else if character == "\"" || byte == 0x0a {
            isInString = false
          }
        } else {
          if character == "\"" { isInString = true }
          if "{[".contains(character) { depth += 1 }
          if "}]".contains(character) { depth -= 1 }
        }
        if depth == 0 {
          found.values.append(String(decoding: value, as: UTF8.self))
          found.lines.append(firstLine)
        } else if value.count > longestValue {
          found.garbage.append(firstLine)
          (depth, isInString, isEscaped) = (0, false, false)
        }
      } else if !isGarbage, !"[], \t\r\n".utf8.contains(byte) {
        firstLine = line
        isGarbage = character != "{"
        if !isGarbage { (depth, value) = (1, [byte]) }
      }
      if byte == 0x0a { line += 1 }
    }
    return found
  }

  @Test("Values are cut as one byte after the other would tell", arguments: Seed.samples(60))
  func agreesWithPlain(seed: Seed) {
    var seed = seed
    let parts = [
      #"{"a":"é}"}"#, "[", "]", ",", "\n", " ", "\r\n", "oops", #"{"b":{"c":[1,{}]}}"#, #"{"x"#,
      "\"",
      "\\", "}", #"{"long":"0123456789abcdef\"{[0123456789","n":[[],{"a":1}]}"#, "{",
    ]
    let text = (0..<60).map { _ in parts.randomElement(using: &seed) ?? "" }.joined()
    for longest in [12, 40, 100, RecordFraming.longestValue] {
      let pieces = (0..<80).map { _ in Int.random(in: 0...20, using: &seed) }
      let one = cut(text, pieces: pieces, longestValue: longest)
      let two = plainCut(text, longestValue: longest)
      #expect(one.values == two.values && one.lines == two.lines && one.garbage == two.garbage)
    }
  }

  private static let paths = [
    RecordListPath("items"), RecordListPath("hits", "hits"),
    RecordListPath("events", isFirst: true),
  ]

  @Test(
    "The list inside an object is cut into its elements",
    arguments: [
      (#"{"items":[{"a":1},{"b":[{}]}]}"#, 2), (#"{"n":{"x":[1]},"items":[{}]}"#, 1),
      (#"{ "items" : [ {} , {} ] , "next" : "]}" }"#, 2),
      (#"{"hits":{"total":1,"hits":[{"_source":{}}]},"took":3}"#, 1),
      (#"{"events":[{},{},{}]}"#, 3),
      (#"{"items":[{}]}{"items":[{},{}]}"#, 3),
      (#"{"items":[{"z":1}],"more":[{"items":[{}]}]}"#, 1),
      (#"{"a":{"hits":1},"hits":{"x":{},"hits":[{},{}]}}"#, 2), (#"{"items":[[{}],{}]}"#, nil),
      (#"{"items":[]}"#, nil), (#"{"items":["a"]}"#, nil), (#"{"items":{"a":[{}]}}"#, nil),
      (#"{"x":1,"events":[{}]}"#, nil), (#"{"a":"items","b":[{}]}"#, nil),
      (#"{"a":{"items":[{}]}}"#, nil), (#"{"hits":[{}]}"#, nil), (#"{"hits":{"items":[{}]}}"#, nil),
      (#"{"x":{"hits":[{}]}}"#, nil), (#"{"hits":{"a":{}},"b":{"hits":[{}]}}"#, nil),
      (#"{"it\u0065ms":[{}]}"#, nil), (#"{"items":1,"x":[{}]}"#, nil),
      (#"{"a":{}}{"items":[{}]}"#, 2), (#"{"hits":{"hits":[{"z":1}]},"x":[{},[{}]]}"#, 1),
    ]
  )
  func lists(_ example: (text: String, count: Int?)) {
    for size in [1, 2, 3, 5, 7, example.text.utf8.count] {
      let pieces = Array(repeating: size, count: example.text.utf8.count / size)
      let found = cut(example.text, pieces: pieces, paths: Self.paths)
      let expected = example.count.map { _ in found.values } ?? [example.text]
      #expect(found.values == expected && found.values.count == example.count ?? 1, "\(size)")
      #expect(found.garbage.isEmpty && !found.framer.isInsideValue)
      let last = found.values.last.flatMap {
        example.text.range(of: $0, options: .backwards)?.upperBound
      }
      let end = last.map { example.text.utf8.distance(from: example.text.startIndex, to: $0) }
      #expect(found.framer.consumed == end.map(Int64.init))
    }
  }

  @Test(
    "Damage in a list costs what is damaged",
    arguments: [
      (#"{"items":[{"a":1},null]}"#, 1, 1), (#"{"items":[{"a":1},null,3,"a{,]b",{"b":1}]}"#, 2, 3),
      (#"{"items":[{"a":1}],{"b":1},{"c":1}]}"#, 3, 1), (#"{"items":[{"a":1}],[{"b":1}]]}"#, 2, 1),
      (#"{"items":[{"a":1},x y,{"b":1}]}"#, 2, 1),
    ]
  )
  func damagedLists(_ example: (text: String, values: Int, garbage: Int)) {
    for size in [1, 3, example.text.utf8.count] {
      let pieces = Array(repeating: size, count: example.text.utf8.count / size)
      let found = cut(example.text, pieces: pieces, paths: Self.paths)
      #expect(found.values.count == example.values && found.garbage.count == example.garbage)
    }
  }

  @Test("A list that is cut behind its end is not over, and what follows one has a limit")
  func behindList() {
    #expect(cut(#"{"items":[{}],"tot"#, paths: Self.paths).framer.isInsideValue)
    let long = #"{"items":[{}],"x":"\#(String(repeating: "y", count: 300))"}"#
    let found = cut(long, pieces: [20, 50, 100], paths: Self.paths, longestValue: 200)
    #expect(found.values.count == 1 && found.garbage == [1])
    #expect(found.framer.consumed > 200)
  }

  @Test("A list is gone on with behind any element", arguments: Seed.samples(30))
  func grownLists(seed: Seed) {
    var seed = seed
    let elements = (0..<12).map { index in
      [#"{"n":\#(index)}"#, #"{"s":"]}","x":[{"items":[{}]}]}"#, "{\n}"].randomElement(using: &seed)
        ?? ""
    }
    let before =
      ["{\n\"items\":[\n", #"{"total":{"a":[1]},"items":["#, #"{"hits":{"hits":["#]
      .randomElement(using: &seed) ?? ""
    let behind = before.contains("hits") ? "]},\"x\":[{}]}\n" : "],\"next\":\"{\"}\n"
    let text = Array((before + elements.joined(separator: " ,\n") + behind).utf8)
    let whole = cut(String(decoding: text, as: UTF8.self), paths: Self.paths)
    #expect(whole.values == elements)
    let end = Int.random(in: 0...text.count, using: &seed)
    var values: [String] = []
    var lines: [Int] = []
    var garbage = 0
    func feed(_ framer: inout ValueFramer, _ bytes: ArraySlice<UInt8>) {
      framer.feed(Array(bytes).span.bytes) { value, line in
        values.append(
          String(decoding: (0..<value.byteCount).map { value.byte(at: $0) }, as: UTF8.self)
        )
        lines.append(line)
      } garbage: { _ in
        garbage += 1
      }
    }
    let start = Array(text.prefix(40))
    var first = ValueFramer(offset: 0, lines: 0, paths: Self.paths, head: start.span.bytes)
    feed(&first, text[..<end])
    var second = ValueFramer(
      offset: first.consumed,
      // The line that is begun counts, but not as a whole one.
      lines: max(first.lines - 1, 0),
      paths: Self.paths,
      head: start.span.bytes
    )
    feed(&second, text[Int(first.consumed)...])
    #expect(values == elements && garbage == 0)
    #expect(lines == whole.lines)
  }

  @Test("The pieces in which bytes come change nothing", arguments: Seed.samples(40))
  func pieces(seed: Seed) {
    var seed = seed
    let parts = [
      "{\"a\":\"é}\"}", "[", "]", ",", "\n", " ", "\r\n", "oops", "{\"b\":{\"c\":[1,{}]}}", "{\"x",
      "\"", "\\", "}",
    ]
    let text = (0..<30).map { _ in parts.randomElement(using: &seed) ?? "" }.joined()
    let pieces = (0..<40).map { _ in Int.random(in: 0...4, using: &seed) }
    let one = cut(text)
    let two = cut(text, pieces: pieces)
    #expect(one.values == two.values && one.lines == two.lines && one.garbage == two.garbage)
    #expect(one.framer.consumed == two.framer.consumed && one.framer.lines == two.framer.lines)
  }
}

@Suite("Reading lines in blocks")
struct LineReaderTests {
  private func read(
    _ bytes: [UInt8],
    limit: Int64? = nil,
    from offset: Int = 0,
    most: Int = .max,
    blockSize: Int = 16
  ) throws -> (lines: [Int: String], end: LineReader.End, tooLong: [Int]) {
    var reader = LineReader(
      offset: Int64(offset),
      firstLine: 1,
      blockSize: blockSize,
      longestLine: 64
    )
    var position = offset
    var found: [Int: String] = [:]
    var tooLong: [Int] = []
    let end = try reader.run(limit: { _ in limit }) { buffer in
      let count = min(buffer.count, bytes.count - position, most)
      buffer.copyBytes(from: bytes[position..<position + count])
      position += count
      return count
    } decode: { lines, first in
      let text = String(decoding: (0..<lines.byteCount).map { lines.byte(at: $0) }, as: UTF8.self)
      let cut = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      for (index, line) in cut.enumerated() { found[first + index] = String(line) }
      return cut.count
    } tooLong: {
      tooLong.append($0)
    }
    return (found, end, tooLong)
  }

  @Test("All whole lines are handed out in order, the rest is left", arguments: Seed.samples(30))
  func lines(seed: Seed) throws {
    var seed = seed
    let lines = (0..<40).map { String(repeating: "x", count: $0 % 9) + "\($0)" }
    let torn = Bool.random(using: &seed) ? "torn" : ""
    let bytes = Array((lines.map { $0 + "\n" }.joined() + torn).utf8)
    let most = Int.random(in: 1...50, using: &seed)
    let blockSize = Int.random(in: 1...80, using: &seed)
    let whole = try read(bytes, most: most, blockSize: blockSize)
    #expect(whole.lines.sorted { $0.key < $1.key }.map(\.value) == lines)
    #expect(whole.end.rest == Array(torn.utf8) && whole.end.lines == 40)
    #expect(whole.end.consumed == Int64(bytes.count - torn.utf8.count))
    #expect(whole.end.tail.hash == ContentHash.hash(bytes.dropLast(torn.utf8.count)))
    // A limit at the start of any line parts the lines without loss or repetition.
    let cut = Int.random(in: 1..<40, using: &seed)
    let offset = lines[..<cut].reduce(0) { $0 + $1.utf8.count + 1 }
    let first = try read(bytes, limit: Int64(offset), most: most)
    let second = try read(bytes, from: offset, most: most)
    #expect(first.end.consumed == Int64(offset) && first.end.lines == cut)
    #expect(second.end.lines == 40 - cut && second.lines[1] == lines[cut])
  }

  @Test(
    "Lines too long are passed over with their number, to their end behind a limit too",
    arguments: 1...150
  )
  func tooLong(extra: Int) throws {
    let long = [UInt8](repeating: 0x61, count: 64 + extra)
    let bytes = Array("one\n".utf8) + long + Array("\nthree\nfour\n".utf8)
    let whole = try read(bytes)
    // A line that fits the buffer together with its line feed is still read.
    let isRead = whole.tooLong.isEmpty
    #expect(!isRead || extra < 64)
    #expect(whole.lines.filter { $0.key != 2 } == [1: "one", 3: "three", 4: "four"])
    #expect(whole.tooLong == (isRead ? [] : [2]) && (whole.lines[2] != nil) == isRead)
    #expect(whole.end.lines == 4 && whole.end.consumed == Int64(bytes.count))
    #expect(whole.end.tail.hash == ContentHash.hash(bytes))
    let limit = Int64(bytes.count - 11)
    let part = try read(bytes, limit: limit)
    #expect(part.lines.count == (isRead ? 2 : 1) && part.tooLong == whole.tooLong)
    #expect(part.end.lines == 2 && part.end.consumed == limit)
    let open = try read(Array("one\n".utf8) + long + long)
    #expect(open.tooLong == [2] && open.end.lines == 2 && open.end.rest.isEmpty)
  }
}

@Suite("Fingerprints")
struct ContentHashTests {
  @Test("Equal bytes have equal hashes, others hardly ever", arguments: Seed.samples(50))
  func hashing(seed: Seed) {
    var seed = seed
    let bytes = (0..<Int.random(in: 1...70, using: &seed)).map { _ in
      UInt8.random(in: 0...255, using: &seed)
    }
    #expect(ContentHash.hash(bytes) == ContentHash.hash(bytes.span.bytes))
    for index in bytes.indices {
      var other = bytes
      other[index] ^= 1 << UInt8.random(in: 0..<8, using: &seed)
      #expect(ContentHash.hash(other) != ContentHash.hash(bytes))
    }
    #expect(ContentHash.hash(bytes + [0]) != ContentHash.hash(bytes))
    #expect(ContentHash.hash(bytes.dropLast()) != ContentHash.hash(bytes))
  }

  @Test("Hashes are the same on every machine")
  func stable() {
    #expect(ContentHash.hash([UInt8]()) == ContentHash.hash([UInt8]().span.bytes))
    #expect(ContentHash.hash(Array("flowlearn".utf8)) == Self.known)
  }

  /// Computed once; stores written before would not know their inputs if it changed.
  private static let known: UInt64 = 8_284_818_958_192_608_189

  @Test("The tail window holds the last bytes however they came", arguments: Seed.samples(20))
  func window(seed: Seed) {
    var seed = seed
    var window = TailWindow()
    var all: [UInt8] = []
    for _ in 0..<12 {
      let piece = (0..<Int.random(in: 0...1500, using: &seed)).map { _ in
        UInt8.random(in: 0...255, using: &seed)
      }
      window.append(piece)
      all += piece
      #expect(window.hash == ContentHash.hash(all.suffix(OpenedInput.identityWindow)))
      #expect(window.endsLine == (all.last ?? 0x0a == 0x0a))
    }
  }
}
