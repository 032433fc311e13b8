import TestSupport
import Testing

@testable import FlowFormats

struct ColumnStartsTests {
  /// All starts that can be had line by line.
  private static func starts(_ bytes: [UInt8], from start: Int, columns: Int) -> [[Int]] {
    var lines: [[Int]] = []
    var room = [UInt32](repeating: 0, count: ColumnStarts.room)
    unsafe bytes.withUnsafeBytes { block in
      unsafe room.withUnsafeMutableBufferPointer { room in
        guard let base = block.baseAddress, let place = room.baseAddress else { return }
        var starts = unsafe ColumnStarts(base, byteCount: block.count, from: start, room: place)
        while let line = unsafe starts.line(of: columns) {
          lines.append((0...columns).map { Int(unsafe line[$0]) })
          starts.advance(by: columns)
        }
      }
    }
    return lines
  }

  @Test("They are the offsets behind all bytes up to a blank", arguments: Seed.samples(60))
  func sameAsByteByByte(_ seed: Seed) {
    var random = seed
    let separators: [UInt8] = [0x20, 0x20, 0x20, 0x0a, 0x09, 0x0d, 0x00, 0x1f]
    let others: [UInt8] = [0x21, 0x30, 0x41, 0x7f, 0x80, 0xa0, 0xff]
    let most = Int.random(in: 2...40, using: &random)
    var bytes: [UInt8] = []
    let start = Int.random(in: 0..<200, using: &random)
    for _ in 0..<start { bytes.append(UInt8.random(in: 0...255, using: &random)) }
    let size = Int.random(in: 0..<9_000, using: &random)
    while bytes.count < start + size {
      for _ in 0..<Int.random(in: 1..<most, using: &random) {
        bytes.append(others.randomElement(using: &random) ?? 0x30)
      }
      bytes.append(separators.randomElement(using: &random) ?? 0x20)
    }
    // Sometimes a column without bytes, where it must end.
    let empty =
      Int.random(in: 0..<3, using: &random) == 0 && size > 100
      ? bytes.indices.dropFirst(start + 50).first { bytes[$0] <= 0x20 } : nil
    if let empty { bytes.insert(0x20, at: empty) }
    let columns = Int.random(in: 1...30, using: &random)
    var expected = [start]
    for index in bytes.indices.dropFirst(start) where bytes[index] <= 0x20 {
      if index == expected[expected.count - 1] { break }
      expected.append(index + 1)
    }
    let found = Self.starts(bytes, from: start, columns: columns)
    for (index, line) in found.enumerated() {
      let first = index * columns
      #expect(line == Array(expected[first...(first + columns)]))
    }
    // What is left lies near the end.
    let behind = (found.count + 1) * columns
    if behind < expected.count, empty == nil {
      #expect(expected[behind] > bytes.count - 64 - ColumnStarts.reach - 64)
    }
  }
}
