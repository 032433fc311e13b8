import FlowModel
import TestSupport
import Testing

@testable import FlowFormats

/// Columns are read as the ordinary reading of tokens reads them, whatever stands in them and behind them.
struct VPCLineCursorTests {
  /// What a column holds, and where the next one begins; nil when it is not as expected.
  private struct Found<Value: Equatable>: Equatable {
    var value: Value
    var next: Int
  }

  /// Reads the column at the start of some bytes, with many more behind them.
  private static func read<Value>(
    _ text: [UInt8],
    _ value: (inout VPCLineCursor) -> Value?
  ) -> Found<Value>? {
    let bytes = text + [UInt8](repeating: 0x30, count: 64)
    return unsafe bytes.withUnsafeBytes { block in
      guard let base = block.baseAddress else { return nil }
      var cursor = unsafe VPCLineCursor(base, at: 0)
      return value(&cursor).map { Found(value: $0, next: cursor.position) }
    }
  }

  /// The first token where a blank follows at once, read in the ordinary way.
  private static func expected<Value>(
    _ text: [UInt8],
    _ value: (RawSpan, Range<Int>) -> Value?
  ) -> Found<Value>? {
    let span = text.span.bytes
    var position = 0
    guard let token = span.nextToken(&position, before: text.count), token.lowerBound == 0,
      token.upperBound < text.count, text[token.upperBound] == 0x20,
      let value = value(span, token)
    else { return nil }
    return Found(value: value, next: token.upperBound + 1)
  }

  /// A token, often a usual one, with a separator that is usually a blank.
  private static func text(_ random: inout Seed) -> [UInt8] {
    let digits = Int.random(in: 1...18, using: &random)
    var bytes: [UInt8]
    switch Int.random(in: 0..<6, using: &random) {
    case 0, 1:
      bytes = (0..<digits).map { _ in UInt8.random(in: 0x30...0x39, using: &random) }
    case 2:
      bytes = Array("17000000\(Int.random(in: 10...99, using: &random))".utf8)
    case 3: bytes = Array("eni-0a1b2c3d4e5f6000172".utf8.prefix(digits + 4))
    case 4:
      bytes = Array(
        ["ACCEPT", "REJECT", "OK", "IPv4", "-", "interface"].randomElement(using: &random)?.utf8
          ?? "".utf8
      )
    default: bytes = (0..<digits).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
    if Int.random(in: 0..<4, using: &random) == 0 {
      let position = Int.random(in: 0..<bytes.count, using: &random)
      bytes[position] =
        [0, 0x0a, 0x1f, 0x20, 0x21, 0x2f, 0x3a, 0x3f, 0x40, 0x70, 0xb0, 0xca, 0xff]
        .randomElement(using: &random) ?? 0
    }
    let isUsual = Int.random(in: 0..<4, using: &random) > 0
    return bytes + [isUsual ? 0x20 : UInt8.random(in: 0...255, using: &random)]
      + Array("9 12 ".utf8)
  }

  @Test("Numbers, times, words and interfaces", arguments: Seed.samples(40))
  func columns(_ seed: Seed) {
    var random = seed
    var memo = VPCLineCursor.TimeMemo()
    var interfaces = VPCLineCursor.InterfaceMemo()
    var found = 0
    for _ in 0..<3_000 {
      let text = Self.text(&random)
      let number = Self.expected(text) { span, token in
        token.count <= 16 ? span.decimal(in: token).map { UInt64($0) } : nil
      }
      #expect(Self.read(text) { $0.number(0x20) } == number, "\(text)")
      let small = Self.expected(text) { span, token in
        token.count <= 3 ? span.decimal(in: token).map { UInt32($0) } : nil
      }
      #expect(Self.read(text) { $0.smallNumber(0x20) } == small, "\(text)")
      let time = Self.expected(text) { span, token in
        token.count == 10 ? span.decimal(in: token).map { UInt64($0) } : nil
      }
      #expect(Self.read(text) { $0.time(&memo, 0x20) } == time, "\(text)")
      let interface = Self.expected(text) { span, token in
        span.begins(with: "eni-", in: token) ? NameHash.of(span, in: token) : nil
      }
      #expect(
        Self.read(text) { $0.interface(&interfaces, 0x20, upTo: 64) } == interface,
        "\(text)"
      )
      let isSmall = small.flatMap { $0.value <= 255 ? Found(value: true, next: $0.next) : nil }
      #expect(Self.read(text) { $0.isSmallNumber(0x20) ? true : nil } == isSmall, "\(text)")
      let verdict = Self.expected(text) { span, token -> Bool? in
        span.holds("ACCEPT", in: token) ? true : span.holds("REJECT", in: token) ? false : nil
      }
      #expect(Self.read(text) { $0.isAccepted(0x20) } == verdict, "\(text)")
      if number != nil || time != nil || interface != nil || verdict != nil { found += 1 }
    }
    #expect(found > 500)
  }

  @Test("Words that must be there, and columns of any value", arguments: Seed.samples(40))
  func words(_ seed: Seed) {
    var random = seed
    for _ in 0..<3_000 {
      let text = Self.text(&random)
      func isWord(_ words: StaticString...) -> Found<Bool>? {
        Self.expected(text) { span, token in
          words.contains { span.holds($0, in: token) } ? true : nil
        }
      }
      #expect(
        Self.read(text) { $0.holds(0x4b4f, count: 2, 0x20) ? true : nil } == isWord("OK")
      )
      #expect(
        Self.read(text) { $0.holds(0x3476_5049, count: 4, 0x20) ? true : nil } == isWord("IPv4")
      )
      #expect(
        Self.read(text) { $0.isOwnInterface(0x20) ? true : nil } == isWord("-", "interface")
      )
      #expect(
        Self.read(text) { $0.skip(0x20, upTo: 64) ? true : nil }
          == Self.expected(text) { _, _ in true },
        "\(text)"
      )
    }
  }

  @Test("Interfaces in turns, more than are remembered, of several lengths")
  func manyInterfaces() {
    var memo = VPCLineCursor.InterfaceMemo()
    for index in 0..<3_000 {
      // Some come again at once, some later, some differ only in the middle.
      let number = [index % 7, index % 700, index / 2 % 300][index % 3]
      let text = [
        "eni-0a1b2c3d4e5f6\(1000 + number)", "eni-\(10_000 + number)c3d4e5f60017",
        "eni-\(10_000_000 + number)", "eni-0a1b2c3d4e5f6000\(10_000 + number)",
      ][number % 4]
      let column = Array("\(text) ".utf8)
      let found = Self.read(column) { $0.interface(&memo, 0x20, upTo: 64) }
      #expect(found == Found(value: column.hashOfColumn(), next: column.count), "\(text)")
    }
  }

  @Test("Columns of any length end where the bytes end")
  func limits() {
    let long = [UInt8](repeating: 0x61, count: 40) + [0x20]
    #expect(Self.read(long) { $0.skip(0x20, upTo: 40) ? true : nil }?.next == 41)
    #expect(Self.read(long) { $0.skip(0x20, upTo: 39) ? true : nil } == nil)
    for count in [40, 24, 21] {
      let interface =
        Array("eni-".utf8) + [UInt8](repeating: 0x61, count: count - 4) + [0x20]
      let last = count / 8 * 8
      var memo = VPCLineCursor.InterfaceMemo()
      #expect(Self.read(interface) { $0.interface(&memo, 0x20, upTo: last - 1) } == nil)
      // Whether it is remembered or not.
      for _ in 0..<2 {
        let found = Self.read(interface) { $0.interface(&memo, 0x20, upTo: last) }
        #expect(found?.next == count + 1)
        #expect(found?.value == interface.hashOfColumn())
      }
    }
  }

  @Test(
    "An address that comes again is known by its bytes up to its end",
    arguments: Seed.samples(20)
  )
  func repeatedAddresses(_ seed: Seed) throws {
    var random = seed
    for _ in 0..<2_000 {
      func address() -> String {
        (0..<4).map { _ in String([1, 9, 10, 100, 255].randomElement(using: &random) ?? 1) }
          .joined(separator: ".")
      }
      let one = address()
      var other = Bool.random(using: &random) ? one : address()
      if Int.random(in: 0..<4, using: &random) == 0 { other += "1" }
      let quad = try #require(Self.read(Array((one + " ").utf8)) { $0.quadBytes() })
      let separator = Bool.random(using: &random) ? " " : "\n"
      let again = Self.read(Array((other + separator + "2.3 ").utf8)) { cursor in
        cursor.repeats(quad.value.quad, 0x20) ? true : nil
      }
      // Addresses of seven bytes are read anew.
      let isKnown = one == other && separator == " " && one.utf8.count > 7
      #expect((again?.next == one.utf8.count + 1) == isKnown, "\(one) \(other)")
      #expect((again == nil) != isKnown, "\(one) \(other)")
    }
  }
}

extension [UInt8] {
  /// The hash of all but the last byte.
  fileprivate func hashOfColumn() -> UInt32 { NameHash.of(span.bytes, in: 0..<count - 1) }
}

extension VPCLineCursor {
  /// A quad that can be compared.
  fileprivate struct QuadBytes: Equatable {
    var quad: DottedQuad

    static func == (one: Self, other: Self) -> Bool {
      one.quad.low == other.quad.low && one.quad.high == other.quad.high
    }
  }

  fileprivate mutating func quadBytes() -> QuadBytes? { quad(0x20).map { QuadBytes(quad: $0) } }
}
