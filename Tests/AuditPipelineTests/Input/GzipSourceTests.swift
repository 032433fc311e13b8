import CZlib
import Foundation
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("Gzip in pieces gives what zlib gives at once")
struct GzipSourceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Gives bytes in pieces of random sizes.
  private final class Pieces: ByteSource {
    private var bytes: ArraySlice<UInt8>
    private var seed: Seed
    private let largest: Int
    let compressedPosition: Int64 = 0

    init(_ bytes: [UInt8], _ seed: Seed, largest: Int) {
      self.bytes = bytes[...]
      self.seed = seed
      self.largest = largest
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
      let count = min(bytes.count, buffer.count, Int.random(in: 1...largest, using: &seed))
      buffer.copyBytes(from: bytes.prefix(count))
      bytes = bytes.dropFirst(count)
      return count
    }
  }

  /// What zlib makes of bytes; `mode` is `wb` with its level and strategy.
  private func compress(_ bytes: [UInt8], _ mode: String) throws -> [UInt8] {
    let path = folder.path("member.gz")
    let file = gzopen(path, mode)
    var offset = 0
    while offset < bytes.count {
      let count = min(100_000, bytes.count - offset)
      let written = bytes[offset..<offset + count].withUnsafeBytes {
        gzwrite(file, $0.baseAddress, UInt32(count))
      }
      try #require(Int(written) == count)
      offset += count
    }
    try #require(gzclose(file) == Z_OK)
    return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func inflate(_ bytes: [UInt8], _ seed: Seed, largest: Int = 100_000) throws -> [UInt8] {
    var seed = seed
    let source = GzipSource(Pieces(bytes, seed, largest: largest), name: "x.gz")
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: Int.random(in: 1...300_000, using: &seed))
    while true {
      let count = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
      if count == 0 { return all }
      all += buffer[..<count]
    }
  }

  /// What zlib itself makes of a gzip file; nil when it finds it damaged.
  private func reference(_ bytes: [UInt8], most: Int) -> [UInt8]? {
    var stream = z_stream()
    guard flowlearn_inflate_init(&stream) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: most)
    return input.withUnsafeMutableBufferPointer { from in
      output.withUnsafeMutableBufferPointer { to in
        stream.next_in = from.baseAddress
        stream.avail_in = UInt32(from.count)
        stream.next_out = to.baseAddress
        stream.avail_out = UInt32(to.count)
        guard CZlib.inflate(&stream, Z_FINISH) == Z_STREAM_END,
          from.suffix(Int(stream.avail_in)).allSatisfy({ $0 == 0 })
        else { return nil }
        return Array(to.prefix(to.count - Int(stream.avail_out)))
      }
    }
  }

  /// Bytes of every kind: noise, runs, text with matches near and far, few symbols.
  private static func bytes(_ seed: inout Seed, most: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    let size = Int.random(in: 0...most, using: &seed)
    while bytes.count < size {
      let count = Int.random(in: 1...Int.random(in: 1...5000, using: &seed), using: &seed)
      switch Int.random(in: 0..<6, using: &seed) {
      case 0: bytes += (0..<count).map { _ in UInt8.random(in: 0...255, using: &seed) }
      case 1: bytes += repeatElement(UInt8.random(in: 0...255, using: &seed), count: count)
      case 2: bytes += HubbleLines.flow(second: count % 60).utf8
      case 3: bytes += (0..<count).map { _ in UInt8.random(in: 97...100, using: &seed) }
      default:
        guard !bytes.isEmpty else { continue }
        let distance = Int.random(
          in: 1...min(bytes.count, [1, 3, 9, 40, 32_768].randomElement(using: &seed) ?? 1),
          using: &seed
        )
        for _ in 0..<count { bytes.append(bytes[bytes.count - distance]) }
      }
    }
    return bytes
  }

  @Test(
    "What zlib compressed comes back, at any level and in any pieces",
    arguments: Seed.samples(10)
  )
  func roundTrip(seed: Seed) throws {
    var seed = seed
    let modes = ["wb0", "wb1", "wb3", "wb6", "wb9", "wb6F", "wb6R", "wb6h", "wb6f", "wb9F"]
    for mode in modes {
      let bytes = Self.bytes(&seed, most: 60_000)
      let members = try compress(bytes, mode)
      let largest = [1, 7, 100, 100_000].randomElement(using: &seed) ?? 1
      #expect(try inflate(members, seed, largest: largest) == bytes, "\(mode)")
    }
  }

  @Test("More than a window and a chunk, in several members with zeros behind them")
  func large() throws {
    var seed = Seed(5)
    var whole: [UInt8] = []
    var members: [UInt8] = []
    for mode in ["wb1", "wb6", "wb0", "wb9"] {
      var bytes: [UInt8] = []
      while bytes.count < 700_000 { bytes += Self.bytes(&seed, most: 100_000) }
      whole += bytes
      members += try compress(bytes, mode)
    }
    #expect(try inflate(members + [0, 0, 0], seed) == whole)
    #expect(try inflate(members, seed, largest: 50) == whole)
  }

  @Test("A header may carry a name, a comment and extra fields")
  func headers() throws {
    let plain = try compress(Array("hello".utf8), "wb6")
    let body = plain[10...]
    let extras: [(UInt8, [UInt8])] = [
      (8, Array("name".utf8) + [0]), (16, Array("note".utf8) + [0]), (4, [3, 0, 1, 2, 3]),
      (1, []), (4 | 8 | 16, [1, 0, 9] + [97, 0] + [98, 0]),
    ]
    for (flags, bytes) in extras {
      let member = [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255] + bytes + body
      #expect(try inflate(member, Seed(1), largest: 3) == Array("hello".utf8), "\(flags)")
    }
    for (index, value) in [(0, UInt8(0x1e)), (2, 7), (3, 0x20)] {
      var wrong = plain
      wrong[index] = value
      #expect(throws: InputError.self) { try inflate(wrong, Seed(1)) }
    }
  }

  @Test("Whatever is damaged, it says so where zlib does", arguments: Seed.samples(20))
  func damaged(seed: Seed) throws {
    var seed = seed
    for _ in 0..<15 {
      let mode = ["wb1", "wb6", "wb6F", "wb6h", "wb0"].randomElement(using: &seed) ?? "wb6"
      let bytes = Self.bytes(&seed, most: 3000)
      var member = try compress(bytes, mode)
      for _ in 0..<Int.random(in: 1...3, using: &seed) {
        let place = Int.random(in: 10..<member.count, using: &seed)
        switch Int.random(in: 0..<4, using: &seed) {
        case 0: member[place] ^= 1 << UInt8.random(in: 0..<8, using: &seed)
        case 1: member[place] = UInt8.random(in: 0...255, using: &seed)
        case 2: member.insert(UInt8.random(in: 0...255, using: &seed), at: place)
        default: if member.count > 12 { member.remove(at: place) }
        }
      }
      let expected = reference(member, most: 200_000)
      let found = try? inflate(member, seed, largest: 5000)
      #expect(found == expected)
    }
  }

  @Test("Every cut is noticed")
  func cuts() throws {
    var seed = Seed(9)
    for mode in ["wb6", "wb6F", "wb0"] {
      let bytes = Self.bytes(&seed, most: 2000) + HubbleLines.flow().utf8
      let member = try compress(bytes, mode)
      for end in 1..<member.count {
        #expect(
          throws: InputError.damaged(
            file: "x.gz",
            compression: "gzip",
            problem: "it ends inside a compressed block"
          )
        ) { try inflate(Array(member[..<end]), seed) }
      }
    }
  }
}
